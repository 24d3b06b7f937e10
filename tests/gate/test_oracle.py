"""The oracle's enumeration, against times that were worked out by hand."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.gate.ledger import rfc3339
from tests.gate.load import Schedule, Size, make_jobs
from tests.gate.oracle_cron import OracleError, values
from tests.gate.oracle_history import FOREVER, SLACK, Condition, read_calls, spells
from tests.gate.oracle_schedules import Trigger, dues, duration, instant

HOUR = "2026-03-02T08:00:00Z"


def times(trigger: Trigger, low: str, high: str) -> list[str]:
    """The due times in a span, as UTC without its day."""
    return [rfc3339(due)[5:19] for due in dues(trigger, instant(low), instant(high))]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("*/20", [0, 20, 40]),
        ("5/20", [5, 25, 45]),
        ("58-1", [0, 1, 58, 59]),
        ("10-14/2,3", [3, 10, 12, 14]),
    ],
)
def test_fields(field: str, expected: list[int]) -> None:
    assert sorted(values(field, 0, 59)) == expected


@pytest.mark.parametrize("text", ["0 H * * * ?", "0 0 0 L * ?", "0 0 0 ? * FRI#2", "0 0 25 * * ?", "* * * *"])
def test_what_it_cannot_read_it_refuses(text: str) -> None:
    with pytest.raises(OracleError):
        dues({"cron": text}, instant(HOUR), instant(HOUR) + 1000)


# from docs/triggers.md, which the product's own tests run
@pytest.mark.parametrize(
    ("trigger", "low", "high", "expected"),
    [
        (
            {"cron": "0 30 2 ? * MON-FRI", "timeZone": "Europe/Berlin"},
            "2026-03-26T00:00:00Z",
            "2026-03-30T12:00:00Z",
            ["03-26T01:30:00", "03-27T01:30:00", "03-30T00:30:00"],
        ),
        (
            {"cron": "0 30 2 * * ?", "timeZone": "America/New_York"},
            "2026-03-07T00:00:00Z",
            "2026-03-10T00:00:00Z",
            ["03-07T07:30:00", "03-08T07:00:00", "03-09T06:30:00"],
        ),
        (
            {"cron": "0 30 2 * * ?", "timeZone": "America/New_York", "gap": "skip"},
            "2026-03-07T00:00:00Z",
            "2026-03-10T00:00:00Z",
            ["03-07T07:30:00", "03-09T06:30:00"],
        ),
        (
            {"cron": "0 30 1 * * ?", "timeZone": "America/New_York", "overlap": "both"},
            "2026-10-31T12:00:00Z",
            "2026-11-02T12:00:00Z",
            ["11-01T05:30:00", "11-01T06:30:00", "11-02T06:30:00"],
        ),
        (
            {"cron": "0 30 1 * * ?", "timeZone": "America/New_York", "overlap": "second"},
            "2026-10-31T12:00:00Z",
            "2026-11-02T12:00:00Z",
            ["11-01T06:30:00", "11-02T06:30:00"],
        ),
        (
            {"cron": "0 0/30 * * * ?", "timeZone": "Australia/Lord_Howe"},
            "2026-10-03T15:15:00Z",
            "2026-10-03T16:15:00Z",
            ["10-03T15:30:00", "10-03T16:00:00"],
        ),
        (
            {"cron": "0 9-17/4 * * 1-5"},
            "2026-02-13T13:00:00Z",
            "2026-02-15T14:30:00Z",
            ["02-13T13:00:00", "02-13T17:00:00"],
        ),
        (
            {"interval": {"every": "90s", "offset": "30s"}},
            "2026-03-02T07:59:00Z",
            "2026-03-02T08:03:31Z",
            ["03-02T07:59:00", "03-02T08:00:30", "03-02T08:02:00", "03-02T08:03:30"],
        ),
        (
            {"interval": {"every": "7d"}, "start": "2026-01-05T09:00:00+01:00"},
            "2026-03-02T07:59:00Z",
            "2026-03-09T08:00:00Z",
            ["03-02T08:00:00"],
        ),
        (
            {"daily": {"every": "4h", "from": "22:00", "to": "06:00"}, "timeZone": "Europe/Berlin"},
            "2026-03-06T16:45:00Z",
            "2026-03-07T22:00:00Z",
            ["03-06T21:00:00", "03-07T01:00:00", "03-07T05:00:00", "03-07T21:00:00"],
        ),
        ({"at": "2026-03-02T09:30:00+01:00"}, HOUR, "2026-03-02T09:00:00Z", ["03-02T08:30:00"]),
        ({"after": "10s"}, HOUR, "2026-03-02T09:00:00Z", []),
        ({"manual": True}, HOUR, "2026-03-02T09:00:00Z", []),
    ],
)
def test_due_times(trigger: Trigger, low: str, high: str, expected: list[str]) -> None:
    assert times(trigger, low, high) == expected


def meant(schedule: Schedule, second: int) -> bool:
    """Whether the load means a second since 1970 to be due, by its own words. None of the zones changes its clock."""
    due = schedule.due
    wall = datetime.fromtimestamp(second, ZoneInfo(due.get("zone", "UTC")))
    of_day = 3600 * wall.hour + 60 * wall.minute + wall.second
    match schedule.kind:
        case "interval":
            return bool((second - due["offset"]) % due["every"] == 0)
        case "cron":
            fields = (("seconds", wall.second), ("minutes", wall.minute), ("hours", wall.hour))
            return all(due[field] is None or value in due[field] for field, value in fields)
        case "daily":
            return bool(due["from"] <= of_day <= due["to"] and (of_day - due["from"]) % due["every"] == 0)
        case "at":
            return bool(second * 10**9 == due["at"])
    return False


def test_the_end_of_the_day_is_no_time_of_it() -> None:
    found = times(
        {"daily": {"every": "6h", "from": "06:00", "to": "24:00"}}, "2026-11-21T00:00:00Z", "2026-11-22T07:00:00Z"
    )
    assert found == ["11-21T06:00:00", "11-21T12:00:00", "11-21T18:00:00", "11-22T06:00:00"]


def test_it_reads_the_load_as_the_load_means_it() -> None:
    begin = instant(HOUR) // 1000
    jobs = make_jobs(7, Size(jobs=300, rate=10, begin=begin * 10**9, seconds=900, python="python", longest=40.0))
    for job in jobs:
        expected = [1000 * second for second in range(begin, begin + 900) if meant(job.schedule, second)]
        trigger = job.schedule.trigger
        assert ([] if trigger is None else dues(trigger, 1000 * begin, 1000 * begin + 900_000)) == expected, job


def test_durations() -> None:
    assert (duration("1h30m"), duration("500ms"), duration("2d")) == (5_400_000, 500, 172_800_000)
    with pytest.raises(OracleError):
        duration("soon")


def call(number: int, what: str, begin: int, end: int | None, outcome: str = "ok") -> dict[str, object]:
    line = {"call": number, "what": what, "job": "gate/tick", "request_id": f"r{number}", "begin": begin * 10**6}
    return {**line, "end": None if end is None else end * 10**6, "outcome": outcome, "manifest": {"spec": {}}}


def test_between_two_moments_a_job_is_in_one_of_several_conditions() -> None:
    history = [call(1, "apply", 1000, 1010), call(2, "pause", 5000, 5010), call(3, "delete", 9000, None, "unknown")]
    found = spells(read_calls(history))
    gone, active, paused = Condition(), Condition(1), Condition(1, True)
    assert [(spell.low, spell.high, set(spell.conditions or ())) for spell in found] == [
        (1000 - SLACK, 1010 + SLACK, {gone, active}),
        (1010 + SLACK, 5000 - SLACK, {active}),
        (5000 - SLACK, 5010 + SLACK, {active, paused}),
        (5010 + SLACK, 9000 - SLACK, {paused}),
        (9000 - SLACK, FOREVER, {paused, gone}),
    ]


def test_too_many_calls_that_nobody_knows_the_outcome_of_leave_nothing_sure() -> None:
    history = [
        call(1, "apply", 1000, 1010),
        *(call(2 + n, "pause", 2000 + 1000 * n, None, "unknown") for n in range(9)),
    ]
    assert spells(read_calls(history))[-1].conditions is None
