"""Triggers as manifests say them: one schedule each, what is refused with which words, and the way through JSON."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from jobstore.trigger_spec import KINDS, MAX_CALENDARS, QUARTZ_MISFIRE, MisfireSpec, TriggerSpec, calendar_name

SCHEDULES: dict[str, dict[str, Any]] = {
    "cron": {"cron": "0 0 * * * ?"},
    "interval": {"interval": {"every": "1m30s"}},
    "interval with an offset": {"interval": {"every": "1h", "offset": "7m"}},
    "calendarInterval": {"calendarInterval": {"every": 3, "unit": "months", "from": "2026-01-31T02:30"}},
    "calendarInterval with a rule": {"calendarInterval": {"unit": "years", "from": "2024-02-29", "missingDay": "last"}},
    "daily": {"daily": {"every": "1h12m"}},
    "daily in office hours": {"daily": {"every": "15m", "from": "08:00", "to": "17:30", "days": "MON-FRI"}},
    "at": {"at": "2026-03-01T02:30:00+01:00"},
    "after": {"after": "10m"},
    "manual": {"manual": True},
}
OPTIONS: dict[str, Any] = {
    "days": "TRADING_DAYS",
    "timeZone": "Europe/Berlin",
    "gap": "skip",
    "overlap": "both",
    "start": "2026-01-01T00:00:00Z",
    "end": "2026-12-31T23:59:59.999+01:00",
    "maxFires": 2**31 - 1,
    "jitter": "30s",
    "calendars": ["holidays", "ops/windows"],
    "misfire": {"policy": "fireAll", "threshold": "5m", "rate": 1000, "limit": 1_000_000},
    "params": {"mode": "full"},
}


def trigger(**says: Any) -> TriggerSpec:
    return TriggerSpec.model_validate({"name": "t", **says})


def in_json(spec: TriggerSpec) -> dict[str, Any]:
    found = spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return dict(json.loads(json.dumps(found, allow_nan=False)))


@pytest.mark.parametrize("options", [{}, OPTIONS], ids=["bare", "with all options"])
@pytest.mark.parametrize("case", SCHEDULES)
def test_each_kind_is_the_same_in_json(case: str, options: dict[str, Any]) -> None:
    says = {"name": "t", **SCHEDULES[case], **options}
    spec = TriggerSpec.model_validate(says)
    assert in_json(spec) == says
    assert TriggerSpec.model_validate(in_json(spec)) == spec
    assert spec.kind == case.split()[0]


def test_the_cases_are_all_kinds() -> None:
    assert {trigger(**says).kind for says in SCHEDULES.values()} == {TriggerSpec.model_fields[k].alias for k in KINDS}


def test_what_a_schedule_says_by_itself() -> None:
    daily, calendar = trigger(daily={"every": "1h"}).daily, trigger(calendarInterval={"unit": "days", "from": "x"})
    assert daily is not None
    assert (daily.from_, daily.to, daily.days) == ("00:00", "24:00", None)
    assert calendar.calendar_interval is not None
    assert (calendar.calendar_interval.every, calendar.calendar_interval.missing_day) == (1, "skip")
    bare = trigger(manual=True)
    assert (bare.start, bare.end, bare.max_fires, bare.jitter, bare.calendars) == (None, None, None, None, [])
    assert bare.misfire == MisfireSpec(policy="fireOnce", threshold=timedelta(seconds=60), rate=10, limit=10_000)


BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    # what: trigger, where, words
    "no schedule": (
        {},
        "",
        "says no schedule: give exactly one of cron, interval, calendarInterval, daily, at, after, manual",
    ),
    "two schedules": ({"cron": "x", "at": "2026-03-01T00:00:00Z"}, "", "says cron and at: give exactly one of cron,"),
    "three schedules": (
        {"daily": {"every": "1h"}, "calendarInterval": {"unit": "days", "from": "x"}, "manual": True},
        "",
        "says calendarInterval and daily and manual: give exactly one",
    ),
    "manual: false": ({"manual": False}, "manual", "can only be true"),
    "manual: false beside a schedule": ({"manual": False, "cron": "x"}, "manual", "can only be true"),
    "manual: text": ({"manual": "true"}, "manual", "valid boolean"),
    "an interval of nothing": ({"interval": {"every": "0s"}}, "interval.every", "0s is not in 1s-3650d"),
    "an interval of less than a second": ({"interval": {"every": "999ms"}}, "interval.every", "999ms is not in 1s-"),
    "an interval of ages": ({"interval": {"every": "3651d"}}, "interval.every", "longer than 3650d"),
    "an interval as a number": ({"interval": {"every": 60}}, "interval.every", "not a duration"),
    "an interval that says nothing": ({"interval": {}}, "interval.every", "required"),
    "a negative offset": ({"interval": {"every": "1h", "offset": "-5m"}}, "interval.offset", "not a duration"),
    "a daily of less than a second": ({"daily": {"every": "1ms"}}, "daily.every", "1ms is not in 1s-3650d"),
    "after nothing": ({"after": "0s"}, "after", "0s is not in 1s-3650d"),
    "after as an object": ({"after": {"every": "1h"}}, "after", "not a duration"),
    "every 0 months": (
        {"calendarInterval": {"every": 0, "unit": "months", "from": "x"}},
        "calendarInterval.every",
        "greater than or equal to 1",
    ),
    "every 10,001 days": (
        {"calendarInterval": {"every": 10_001, "unit": "days", "from": "x"}},
        "calendarInterval.every",
        "less than or equal to 10000",
    ),
    "a calendar interval of no unit": ({"calendarInterval": {"from": "x"}}, "calendarInterval.unit", "required"),
    "a calendar interval from nowhere": ({"calendarInterval": {"unit": "days"}}, "calendarInterval.from", "required"),
    "an unknown key in a schedule": ({"daily": {"every": "1h", "until": "x"}}, "daily.until", "not permitted"),
    "no fires": ({"cron": "x", "maxFires": 0}, "maxFires", "greater than or equal to 1"),
    "fires beyond all": ({"cron": "x", "maxFires": 2**31}, "maxFires", "less than or equal"),
    "fires as a text": ({"cron": "x", "maxFires": "3"}, "maxFires", "integer"),
    "a jitter of nothing": ({"cron": "x", "jitter": "0s"}, "jitter", "longer than 0s"),
    "a jitter of more than a day": ({"cron": "x", "jitter": "1d1s"}, "jitter", "1d1s is longer than 1d"),
    "calendars as a text": ({"cron": "x", "calendars": "holidays"}, "calendars", "list"),
    "a calendar that is no label": ({"cron": "x", "calendars": ["a", "a_b"]}, "calendars.1", "NAME or NAMESPACE/NAME"),
    "a calendar of two namespaces": ({"cron": "x", "calendars": ["a/b/c"]}, "calendars.0", "NAME or NAMESPACE/NAME"),
    "a calendar of an empty namespace": ({"cron": "x", "calendars": ["/a"]}, "calendars.0", "NAME or NAMESPACE/NAME"),
    "a calendar without a name": ({"cron": "x", "calendars": ["a/"]}, "calendars.0", "NAME or NAMESPACE/NAME"),
    "too many calendars": ({"cron": "x", "calendars": ["a"] * (MAX_CALENDARS + 1)}, "calendars", "at most 20"),
    "a rate of 0": ({"cron": "x", "misfire": {"rate": 0}}, "misfire.rate", "greater than or equal to 1"),
    "a rate beyond all": ({"cron": "x", "misfire": {"rate": 1001}}, "misfire.rate", "less than or equal to 1000"),
    "a limit of 0": ({"cron": "x", "misfire": {"limit": 0}}, "misfire.limit", "greater than or equal to 1"),
    "a limit beyond all": ({"cron": "x", "misfire": {"limit": 1_000_001}}, "misfire.limit", "less than or equal"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_triggers_name_the_place_and_what_would_be_right(case: str) -> None:
    says, place, words = BAD[case]
    with pytest.raises(ValidationError) as refused:
        trigger(**says)
    found = [(".".join(map(str, each["loc"])), each["msg"]) for each in refused.value.errors()]
    assert any(where == place and words in message for where, message in found), found


@pytest.mark.parametrize(
    ("instruction", "policy"),
    [
        ("MISFIRE_INSTRUCTION_SMART_POLICY", "fireOnce"),
        ("MISFIRE_INSTRUCTION_IGNORE_MISFIRE_POLICY", "fireAll"),
        ("MISFIRE_INSTRUCTION_FIRE_ONCE_NOW", "fireOnce"),
        ("MISFIRE_INSTRUCTION_DO_NOTHING", "skip"),
        ("MISFIRE_INSTRUCTION_FIRE_NOW", "fireOnce"),
        ("MISFIRE_INSTRUCTION_RESCHEDULE_NOW_WITH_EXISTING_REPEAT_COUNT", "fireOnce"),
        ("MISFIRE_INSTRUCTION_RESCHEDULE_NOW_WITH_REMAINING_REPEAT_COUNT", "fireOnce"),
        ("MISFIRE_INSTRUCTION_RESCHEDULE_NEXT_WITH_EXISTING_COUNT", "skip"),
        ("MISFIRE_INSTRUCTION_RESCHEDULE_NEXT_WITH_REMAINING_COUNT", "skip"),
        ("DO_NOTHING", "skip"),
        ("IGNORE_MISFIRES", "fireAll"),
    ],
)
def test_quartz_misfire_instructions_are_read_as_ours(instruction: str, policy: str) -> None:
    """All constants of Quartz's `Trigger`, `CronTrigger` and `SimpleTrigger`; JSON has our word for it."""
    spec = trigger(cron="x", misfire={"policy": instruction})
    assert spec.misfire.policy == policy
    assert in_json(spec).get("misfire", {"policy": "fireOnce"}) == {"policy": policy}


def test_other_misfire_words_are_left_to_those_who_know_them() -> None:
    for word in ("skip", "fireAll", "nonsense", "MISFIRE_INSTRUCTION_NONSENSE", "do_nothing"):
        assert trigger(cron="x", misfire={"policy": word}).misfire.policy == word
    assert set(QUARTZ_MISFIRE.values()) == {"skip", "fireOnce", "fireAll"}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"interval": {"every": "60s"}}, {"interval": {"every": "1m"}}, True),
        ({"interval": {"every": "60s"}}, {"interval": {"every": "61s"}}, False),
        ({"at": "2026-03-01T02:30:00Z"}, {"at": "2026-03-01T03:30:00+01:00"}, True),
        ({"cron": "x"}, {"cron": "x", "gap": "after", "calendars": []}, True),
        ({"cron": "x"}, {"cron": "x", "jitter": "3s", "misfire": {"rate": 1}, "params": {"a": 1}}, True),
        ({"cron": "x"}, {"cron": "x", "calendars": ["holidays"]}, False),
        ({"cron": "x"}, {"cron": "x", "start": "2026-03-01T02:30:00Z"}, False),
        ({"cron": "x"}, {"cron": "x", "end": "2026-03-01T02:30:00Z"}, False),
        ({"cron": "x"}, {"cron": "x", "maxFires": 1}, False),
        ({"cron": "x"}, {"cron": "x", "days": "MON"}, False),
        ({"after": "1h"}, {"interval": {"every": "1h"}}, False),
    ],
)
def test_whether_two_triggers_have_the_same_due_times(one: dict[str, Any], other: dict[str, Any], same: bool) -> None:
    assert trigger(**one).same_schedule(trigger(**other)) == same


def test_what_a_calendars_name_means() -> None:
    assert calendar_name("holidays", "default") == ("default", "holidays")
    assert calendar_name("ops/holidays", "default") == ("ops", "holidays")


# ---------------------------------------------------------------------------------------------- instants

GOOD_INSTANTS = {
    "2026-03-01T02:30:00Z": datetime(2026, 3, 1, 2, 30, tzinfo=UTC),
    "2026-03-01t02:30:00z": datetime(2026, 3, 1, 2, 30, tzinfo=UTC),
    "2026-03-01T02:30:00+01:00": datetime(2026, 3, 1, 1, 30, tzinfo=UTC),
    "2026-03-01T02:30:00-00:30": datetime(2026, 3, 1, 3, 0, tzinfo=UTC),
    "2026-03-01T02:30:00.5Z": datetime(2026, 3, 1, 2, 30, 0, 500_000, tzinfo=UTC),
    "2026-03-01T02:30:00.123999999Z": datetime(2026, 3, 1, 2, 30, 0, 123_000, tzinfo=UTC),
    "1970-01-01T00:00:00Z": datetime(1970, 1, 1, tzinfo=UTC),
    "1969-12-31T23:00:00-01:00": datetime(1970, 1, 1, tzinfo=UTC),
    "2199-12-31T23:59:59.999Z": datetime(2199, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
}


@pytest.mark.parametrize("text", GOOD_INSTANTS)
def test_an_instant_has_an_offset_and_is_kept_to_the_millisecond(text: str) -> None:
    """RFC 3339, section 5.6."""
    spec = trigger(at=text)
    assert spec.at == GOOD_INSTANTS[text]
    assert TriggerSpec.model_validate(in_json(spec)) == spec


def test_an_instant_is_written_with_the_offset_that_it_was_given() -> None:
    for text in ("2026-03-01T02:30:00Z", "2026-03-01T02:30:00+05:30", "2026-03-01T02:30:00.123Z"):
        assert in_json(trigger(at=text))["at"] == text
    assert in_json(trigger(at="2026-03-01T02:30:00-00:00"))["at"] == "2026-03-01T02:30:00Z"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("2026-03-01T02:30:00", "has no offset: write 2026-03-01T02:30:00Z for UTC, or an offset such as +01:00"),
        (datetime(2026, 3, 1), "has no offset"),  # noqa: DTZ001  # that is the point
        ("2026-03-01", "is not an instant such as 2026-03-01T02:30:00Z"),
        ("2026-03-01 02:30:00Z", "is not an instant"),
        ("2026-03-01T02:30Z", "is not an instant"),
        ("2026-03-01T02:30:60Z", "is not an instant"),
        ("2026-02-29T00:00:00Z", "is not an instant"),
        ("2026-03-01T24:30:00Z", "is not an instant"),
        ("2026-03-01T02:30:00+1:00", "is not an instant"),
        ("2026-03-01T02:30:00+25:00", "is not an instant"),
        ("2026-03-01T02:30:00+01:00:30", "is not an instant"),
        ("2026-W09-7T02:30:00Z", "is not an instant"),
        ("٢٠٢٦-03-01T02:30:00Z", "is not an instant"),
        ("", "is not an instant"),
        (1_772_332_200, "is not an instant"),
        (None, "says no schedule"),
        ("1969-12-31T23:59:59Z", "is not in the years 1970-2199"),
        ("1970-01-01T00:00:00+00:01", "is not in the years 1970-2199"),
        ("2200-01-01T00:00:00Z", "is not in the years 1970-2199"),
        ("9999-12-31T23:59:59-01:00", "is beyond the years 1 to 9999"),
        ("0001-01-01T00:00:00+01:00", "is beyond the years 1 to 9999"),
    ],
)
def test_what_is_no_instant_is_refused(value: object, words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        trigger(at=value)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
        datetime(1971, 1, 1, tzinfo=ZoneInfo("Africa/Monrovia")),  # 44 minutes and 30 seconds behind UTC
        datetime(2026, 3, 1, 12, 0, 0, 1999, tzinfo=timezone(timedelta(hours=1, seconds=1))),
    ],
)
def test_a_datetime_of_any_zone_is_the_same_in_json(value: datetime) -> None:
    spec = trigger(at=value)
    assert spec.at == value.astimezone(UTC).replace(microsecond=value.microsecond // 1000 * 1000)
    assert TriggerSpec.model_validate(in_json(spec)) == spec


INSTANTS = st.datetimes(
    datetime(1971, 1, 1),  # noqa: DTZ001  # hypothesis wants the bounds so
    datetime(2198, 12, 31),  # noqa: DTZ001
    timezones=st.timezones() | st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))),
    allow_imaginary=False,
)


@given(INSTANTS, st.booleans())
@settings(deadline=None)
def test_any_instant_is_read_back(at: datetime, as_text: bool) -> None:
    whole = at.astimezone(timezone(timedelta(minutes=(at.utcoffset() or timedelta()) // timedelta(minutes=1))))
    spec = trigger(at=whole.isoformat() if as_text else at)
    assert TriggerSpec.model_validate(in_json(spec)) == spec
    assert spec.at is not None
    assert timedelta() <= at.astimezone(UTC) - spec.at < timedelta(milliseconds=1)
