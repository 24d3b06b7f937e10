"""The gRPC API of calendars, and of what lies ahead: each bad request gets its code and its words, quickly."""

# ruff: noqa: E501 - tables have a row in a line

from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict

from schedapi.v1 import calendar_service_pb2 as cs
from schedapi.v1 import job_service_pb2 as js
from schedapi.v1.calendar_pb2 import Calendar
from tests.bad_inputs import raw
from tests.bad_inputs.house import BASE, House, apply, job
from tests.bad_inputs.test_api import INVALID, LABEL, NAMES, TIMES, TOKENS, Bad

USED_CALENDAR = "used"
"""A calendar that is there, in the default namespace, and that a job and another calendar use."""


def calendar(name: str = "new", namespace: str = "", **spec: Any) -> Calendar:
    """A calendar."""
    made = Calendar(api_version="sched/v1", kind="Calendar")
    made.metadata.name, made.metadata.namespace = name, namespace
    ParseDict(spec, made.spec)
    return made


def put(*calendars: Calendar, **fields: Any) -> js.ApplyRequest:
    """A request to apply calendars."""
    return apply(calendars=calendars, **fields)


def excluding(**rule: Any) -> js.ApplyRequest:
    """A request to apply a calendar with one rule."""
    return put(calendar(exclude=[rule]))


def delete(**fields: Any) -> cs.DeleteCalendarRequest:
    return cs.DeleteCalendarRequest(**{"request_id": "bad", "name": USED_CALENDAR, **fields})


def fires(**fields: Any) -> js.NextFiresRequest:
    return js.NextFiresRequest(**{"name": BASE, **fields})


def run(**fields: Any) -> js.RunJobRequest:
    return js.RunJobRequest(request_id="bad", name=BASE, **fields)


@pytest.fixture(scope="module")
def furnished(house: House) -> Iterator[House]:
    """The house, with calendars that are used while these tests run."""
    calendars = [calendar(USED_CALENDAR), calendar("above", base=[USED_CALENDAR])]
    user = job("user", calendars=[USED_CALENDAR])
    assert house.call("JobService/Apply", apply(user, calendars=calendars, request_id="furnish")).code == "OK"
    yield house
    house.call("JobService/Delete", js.DeleteJobRequest(request_id="clear", name="user"))
    for name in ("above", USED_CALENDAR):
        answer = house.call("CalendarService/Delete", cs.DeleteCalendarRequest(request_id=f"clear-{name}", name=name))
        assert answer.code == "OK"


@pytest.fixture(autouse=True)
def same_calendars(furnished: House, unchanged: None) -> Iterator[None]:
    """After the test all jobs, executions and calendars are what they were."""

    def listed() -> bytes:
        return furnished.call("CalendarService/List", cs.ListCalendarsRequest(page_size=1000)).content

    before = listed()
    yield
    assert listed() == before


APPLY = "JobService/Apply"
RULE = "calendars[0].spec.exclude[0]"
MANY_RULES = raw.field(1, "bad") + raw.field(5, raw.field(3, raw.field(1, "new")) + raw.field(4, b"\x22\x00" * 500_000))

REQUESTS = {
    "empty": Bad(APPLY, raw.field(1, "bad") + raw.field(5, b""), INVALID, "calendars[0].metadata.name", LABEL),
    "nothing-at-all": Bad(APPLY, apply(), INVALID, "jobs", "no job in the request, and no calendar"),
    "101-calendars": Bad(APPLY, raw.field(1, "bad") + b"\x2a\x00" * 101, INVALID, "calendars", "101 calendars of at most 100"),
    "twice": Bad(APPLY, put(calendar("a"), calendar("a", "default")), INVALID, "calendars[1].metadata.name", "default/a is in this request twice"),
    "a-job's-kind": Bad(APPLY, put(Calendar(kind="Job", metadata={"name": "a"})), INVALID, "calendars[0].kind", "'Job' is not 'Calendar'"),
    "another-version": Bad(APPLY, put(Calendar(api_version="v2", metadata={"name": "a"})), INVALID, "calendars[0].apiVersion", "'v2' is not 'sched/v1'"),
    "wrong-label": Bad(APPLY, put(Calendar(metadata={"name": "a", "labels": {"a b": "c"}})), INVALID, "calendars[0].metadata.labels", "is not a label"),
    "no-request-id": Bad(APPLY, put(calendar(), request_id=""), INVALID, "request_id", "1 to 128"),
    "revision-of-two": Bad(APPLY, apply(job(), calendars=[calendar()], expected_revision=1), INVALID, "expected_revision", "goes with a single job or a single calendar"),
    "negative-revision": Bad(APPLY, put(calendar(), expected_revision=-1), INVALID, "expected_revision", "-1 is not a revision"),
    "stale-revision": Bad(APPLY, put(calendar(USED_CALENDAR), expected_revision=2**62), "ABORTED", "", "and it is 1"),
    "revision-of-nothing": Bad(APPLY, put(calendar(), expected_revision=1), "ABORTED", "", "expected revision 1"),
    "delete-without-id": Bad("CalendarService/Delete", delete(request_id="", expected_revision=1), INVALID, "request_id", "1 to 128"),
    "delete-negative-revision": Bad("CalendarService/Delete", delete(expected_revision=-1), INVALID, "expected_revision", "-1 is not"),
    "delete-stale-revision": Bad("CalendarService/Delete", delete(expected_revision=7), "ABORTED", "", "expected revision 7, and it is 1"),
    "delete-used": Bad("CalendarService/Delete", delete(), "FAILED_PRECONDITION", "", "calendar default/used is used by job default/user, calendar default/above"),
    "delete-base": Bad("CalendarService/Delete", delete(name="above", namespace="nobody"), "NOT_FOUND", "", "there is no calendar nobody/above"),
    "get-nobody": Bad("CalendarService/Get", cs.GetCalendarRequest(name="nobody"), "NOT_FOUND", "", "there is no calendar default/nobody"),
    "negative-page": Bad("CalendarService/List", cs.ListCalendarsRequest(page_size=-1), INVALID, "page_size", "-1 is not in 0-1000"),
    "large-page": Bad("CalendarService/List", cs.ListCalendarsRequest(page_size=1001), INVALID, "page_size", "not in 0-1000"),
    "sql-in-namespace": Bad("CalendarService/List", cs.ListCalendarsRequest(namespace="' OR 1=1 --"), INVALID, "namespace", LABEL),
    "truncated": Bad("CalendarService/Get", b"\x0a\x7f", INVALID, "", "the request cannot be read: "),
    **{f"token-{name}": Bad("CalendarService/List", cs.ListCalendarsRequest(page_token=text), INVALID, "page_token", "is not one that a listing gave")
       for name, text in TOKENS.items()},
}  # fmt: skip

SPECS = {
    "2001-dates": Bad(APPLY, excluding(dates=["2026-01-01"] * 2001), INVALID, f"{RULE}.dates", "2001 items of at most 2000"),
    "2001-annual-days": Bad(APPLY, excluding(annual=["01-01"] * 2001), INVALID, f"{RULE}.annual", "2001 items of at most 2000"),
    "101-rules": Bad(APPLY, put(calendar(include=[{"weekly": ["SAT"]}] * 101)), INVALID, "calendars[0].spec.include", "101 items of at most 100"),
    "500000-rules": Bad(APPLY, MANY_RULES, INVALID, "calendars[0].spec.exclude", "500000 items of at most 100"),
    "empty-rule": Bad(APPLY, excluding(), INVALID, RULE, "is empty: give at least one of dates, annual"),
    "21-bases": Bad(APPLY, put(calendar(base=["a"] * 21)), INVALID, "calendars[0].spec.base", "21 items of at most 20"),
    "base-with-two-slashes": Bad(APPLY, put(calendar(base=["a/b/c"])), INVALID, "calendars[0].spec.base[0]", "'a/b/c' is not a calendar's name"),
    "base-with-nul": Bad(APPLY, put(calendar(base=["a\x00"])), INVALID, "calendars[0].spec.base[0]", r"'a\x00' is not a calendar's name"),
    "unknown-base": Bad(APPLY, put(calendar(base=["nobody"])), INVALID, "calendars[0].spec.base[0]", "there is no calendar default/nobody"),
    "itself": Bad(APPLY, put(calendar(base=["new"])), INVALID, "calendars[0].spec.base[0]", "goes round in a circle"),
    "over-another": Bad(APPLY, put(calendar(USED_CALENDAR, base=["above"])), INVALID, "calendars[0].spec.base[0]", "goes round in a circle"),
    "unknown-zone": Bad(APPLY, put(calendar(timeZone="Europe/Atlantis")), INVALID, "calendars[0].spec.timeZone", "Europe/Atlantis"),
    "local-zone": Bad(APPLY, put(calendar(timeZone="localtime")), INVALID, "calendars[0].spec.timeZone", "localtime"),
    "zone-with-nul": Bad(APPLY, put(calendar(timeZone="UTC\x00")), INVALID, "calendars[0].spec.timeZone", "NUL"),
    "long-description": Bad(APPLY, put(calendar(description="x" * 1001)), INVALID, "calendars[0].spec.description", "1001 characters of at most 1000"),
    "no-such-date": Bad(APPLY, excluding(dates=["2026-02-30"]), INVALID, f"{RULE}.dates[0]", "'2026-02-30'"),
    "dates-backwards": Bad(APPLY, excluding(dates=["2026-02-02..2026-02-01"]), INVALID, f"{RULE}.dates[0]", "2026-02-0"),
    "no-such-day": Bad(APPLY, excluding(annual=["13-01"]), INVALID, f"{RULE}.annual[0]", "'13-01'"),
    "no-such-weekday": Bad(APPLY, excluding(weekly=["SATURN"]), INVALID, f"{RULE}.weekly[0]", "SATURN"),
    "8-weekdays": Bad(APPLY, excluding(weekly=["SAT"] * 8), INVALID, f"{RULE}.weekly", "8 items of at most 7"),
    "no-such-time": Bad(APPLY, excluding(daily={"from": "25:00", "to": "26:00"}), INVALID, f"{RULE}.daily.from", "'25:00'"),
    "half-a-window": Bad(APPLY, excluding(daily={"from": "22:00"}), INVALID, f"{RULE}.daily.to", "is missing"),
    "wrong-cron": Bad(APPLY, excluding(cron="* * 25 * * ?"), INVALID, f"{RULE}.cron", "25"),
    "long-cron": Bad(APPLY, excluding(cron="1," * 5_000), INVALID, f"{RULE}.cron", "256"),
    "no-such-country": Bad(APPLY, excluding(holidays={"country": "XX"}), INVALID, f"{RULE}.holidays.country", "'XX'"),
    "no-country": Bad(APPLY, excluding(holidays={}), INVALID, f"{RULE}.holidays.country", "is missing"),
    "large-ics": Bad(APPLY, excluding(ics={"text": "x" * 300_000}), INVALID, f"{RULE}.ics.text", "300000 characters of at most 262144"),
    "no-ics": Bad(APPLY, excluding(ics={"text": "x" * 200_000}), INVALID, f"{RULE}.ics.text", "is not a content line"),
    "file-of-the-server": Bad(APPLY, excluding(ics={"file": "/etc/passwd"}), INVALID, f"{RULE}.ics.file", "is read by the client"),
    "neither-text-nor-file": Bad(APPLY, excluding(ics={}), INVALID, f"{RULE}.ics.text", "is missing"),
}  # fmt: skip

T = "jobs[0].spec.triggers[0]"
USES = {
    "no-such-calendar": Bad(APPLY, apply(job(calendars=["nobody"])), INVALID, f"{T}.calendars[0]", "there is no calendar default/nobody"),
    "of-another-namespace": Bad(APPLY, apply(job(calendars=["other/used"])), INVALID, f"{T}.calendars[0]", "there is no calendar other/used"),
    "two-slashes": Bad(APPLY, apply(job(calendars=["a/b/c"])), INVALID, f"{T}.calendars[0]", "'a/b/c' is not a calendar's name"),
    "up-and-out": Bad(APPLY, apply(job(calendars=["../used"])), INVALID, f"{T}.calendars[0]", "'../used' is not a calendar's name"),
    "21-calendars": Bad(APPLY, apply(job(calendars=["used"] * 21)), INVALID, f"{T}.calendars", "21 items of at most 20"),
    "1001-calendars": Bad(APPLY, apply(*(job(f"j-{n}", calendars=[f"c-{20 * n + m}" for m in range(20)]) for n in range(51))), INVALID, "jobs", "more than 1000 calendars"),
    "count-negative": Bad("JobService/NextFires", fires(count=-1), INVALID, "count", "-1 is not in 1-10000"),
    "count-large": Bad("JobService/NextFires", fires(count=10_001), INVALID, "count", "10001 is not in 1-10000"),
    "count-huge": Bad("JobService/NextFires", fires(count=2**31 - 1), INVALID, "count", "is not in 1-10000"),
    "fires-of-nobody": Bad("JobService/NextFires", fires(name="nobody"), "NOT_FOUND", "", "there is no job default/nobody"),
    **{f"until-{name}": Bad("JobService/NextFires", fires(until=time), INVALID, "until", "is not a time") for name, time in TIMES.items()},
    "run-of-no-trigger": Bad("JobService/Run", run(trigger="nobody"), "NOT_FOUND", "", "job default/base has no trigger 'nobody'"),
    "run-of-no-name": Bad("JobService/Run", run(trigger="a\x00b" * 1000), INVALID, "trigger", LABEL),
}  # fmt: skip

ROWS = {**REQUESTS, **SPECS, **USES}


@pytest.mark.parametrize("bad", ROWS.values(), ids=ROWS)
def test_a_bad_request(bad: Bad, house: House) -> None:
    answer = house.quick(bad.method, bad.request)
    first = answer.violations[0] if answer.violations else None
    assert (answer.code, first.field if first else "") == (bad.code, bad.field), answer
    assert bad.words in (first.description if first else answer.message)
    assert answer.message.isprintable() and len(answer.message) <= 500
    assert "Traceback" not in answer.message and "Error" not in answer.message


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_name_that_is_no_dns_label(name: str, house: House) -> None:
    for method, kind in {
        "CalendarService/Get": cs.GetCalendarRequest,
        "CalendarService/Delete": cs.DeleteCalendarRequest,
        "JobService/NextFires": js.NextFiresRequest,
    }.items():
        requests = {"name": kind(name=name)}
        if name:
            requests["namespace"] = kind(name=BASE, namespace=name)
        for field, request in requests.items():
            answer = house.quick(method, request)
            assert (answer.code, [each.field for each in answer.violations]) == (INVALID, [field])
            told = answer.violations[0].description
            assert told.endswith(LABEL)
            assert told.isascii() and told.isprintable() and len(told) < 200
    answer = house.quick(APPLY, put(calendar("good"), calendar(name, base=["nobody"])))
    assert [each.field for each in answer.violations] == ["calendars[1].metadata.name"]


def test_one_wrong_calendar_keeps_all_others_out(house: House) -> None:
    calendars = [calendar(f"good-{number}") for number in range(20)]
    request = apply(job(), calendars=[*calendars, calendar("bad", exclude=[{"weekly": ["x"]}])])
    answer = house.quick(APPLY, request)
    assert [each.field for each in answer.violations] == ["calendars[20].spec.exclude[0].weekly[0]"]


def test_a_deadline_that_is_over_is_no_delete(house: House) -> None:
    assert house.call("CalendarService/Delete", delete(name="above"), timeout=0.0).code == "DEADLINE_EXCEEDED"


def test_of_very_many_violations_the_first_are_told(house: House) -> None:
    jobs = [job(f"bad-{number}", calendars=["nobody"] * 20) for number in range(2_000)]
    answer = house.call(APPLY, apply(*jobs))
    *told, last = answer.violations
    assert {each.description for each in told} == {"there is no calendar default/nobody"}
    assert last.description == f"and {1000 - len(told)} more"
