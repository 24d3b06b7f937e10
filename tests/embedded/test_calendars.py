"""Calendars, from the manifest to the fires that they leave out."""

from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from schedapi.errors import Conflict, FailedPrecondition, InvalidArgument, NotFound, Violation
from schedapi.v1.calendar_service_pb2 import ListCalendarsRequest, ListCalendarsResponse
from schedapi.v1.job_service_pb2 import ApplyResponse
from tests.embedded.requests import Caller

DAILY: dict[str, Any] = {"name": "t", "cron": "0 0 3 * * ?", "start": "2150-01-01T00:00:00Z", "calendars": ["days"]}
NEW_YEAR: dict[str, Any] = {"dates": ["2150-01-01..2150-01-02"]}


def refused(caller: Caller, *args: Any, **fields: Any) -> list[Violation]:
    with pytest.raises(InvalidArgument) as caught:
        caller.apply(*args, **fields)
    return list(caught.value.violations)


def outcomes(answer: ApplyResponse) -> list[str]:
    return [calendar.outcome for calendar in answer.calendars] + [job.outcome for job in answer.jobs]


def next_fire(caller: Caller) -> str:
    return caller.get().status.next_fire.ToJsonString()


SPEC: dict[str, Any] = {
    "description": "when nobody is there",
    "timeZone": "Europe/Berlin",
    "base": ["base"],
    "exclude": [
        {"dates": ["2150-12-24", "2150-12-27..2151-01-02"], "daily": {"from": "08:00", "to": "18:00"}},
        {"annual": ["12-25", "12-31..01-01"]},
        {"weekly": ["SAT", "SUN"]},
        {"cron": "* * 12 * * ?"},
        {"holidays": {"country": "DE", "subdivision": "BY", "categories": ["public"]}},
        {"ics": {"text": "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:a\r\n"
                 "DTSTAMP:20260101T000000Z\r\nDTSTART;VALUE=DATE:21500301\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"}},
    ],
    "include": [{"daily": {"from": "22:00", "to": "06:00"}}],
}  # fmt: skip


def test_a_calendar_is_read_back_as_it_was_applied(caller: Caller) -> None:
    manifest = caller.calendar(**SPEC)
    manifest["metadata"]["labels"] = {"team": "data"}
    applied = caller.apply(calendars=[manifest, caller.calendar("base", exclude=[NEW_YEAR])]).calendars
    assert [(each.namespace, each.name, each.outcome, each.revision) for each in applied] == [
        (caller.namespace, "days", "created", 1),
        (caller.namespace, "base", "created", 1),
    ]
    found = caller.get_calendar()
    assert (found.api_version, found.kind, dict(found.metadata.labels)) == ("sched/v1", "Calendar", {"team": "data"})
    assert MessageToDict(found.spec) == SPEC
    assert found.status.uid and found.status.created == found.status.updated
    (again,) = caller.apply(calendars=[MessageToDict(found)]).calendars  # with its status, which is ignored
    assert (again.outcome, again.revision, again.moved_count) == ("unchanged", 1, 0)
    manifest["metadata"]["labels"] = {}
    (again,) = caller.apply(calendars=[manifest], expected_revision=1).calendars
    assert (again.outcome, again.revision) == ("updated", 2)
    with pytest.raises(Conflict, match="expected revision 1, and it is 2"):
        caller.apply(calendars=[manifest], expected_revision=1)


def test_a_job_and_its_calendars_come_in_one_request(caller: Caller) -> None:
    calendars = [caller.calendar(base=["base"]), caller.calendar("base", exclude=[NEW_YEAR])]
    answer = caller.apply([caller.job(DAILY)], calendars)
    assert outcomes(answer) == ["created"] * 3
    assert next_fire(caller) == caller.times(count=1)[0] == "2150-01-03T03:00:00Z"
    calendars.reverse()
    answer = caller.apply([caller.job(DAILY)], calendars)
    assert outcomes(answer) == ["unchanged"] * 3


def test_a_calendar_of_another_namespace_has_its_own_bases(caller: Caller) -> None:
    there = Caller(caller.cluster, f"{caller.namespace}-there")
    there.apply(calendars=[there.calendar(base=["base"]), there.calendar("base", exclude=[NEW_YEAR])])
    trigger = {**DAILY, "calendars": [f"{there.namespace}/days"]}
    caller.apply([caller.job(trigger)])
    assert caller.times(count=1) == ["2150-01-03T03:00:00Z"]
    assert [each.field for each in refused(caller, [caller.job(DAILY)])] == ["jobs[0].spec.triggers[0].calendars[0]"]


def test_a_dry_run_writes_nothing(caller: Caller) -> None:
    answer = caller.apply([caller.job(DAILY)], [caller.calendar(exclude=[NEW_YEAR])], dry_run=True)
    assert outcomes(answer) == ["created"] * 2
    with pytest.raises(NotFound, match="there is no calendar"):
        caller.get_calendar()
    with pytest.raises(NotFound, match="there is no job"):
        caller.get()


def test_replacing_a_calendar_moves_the_triggers_that_have_it(caller: Caller) -> None:
    jobs = [caller.job(DAILY), caller.job({**DAILY, "calendars": []}, name="free")]
    caller.apply(jobs, [caller.calendar(base=["base"]), caller.calendar("base")])
    before, uid = caller.get(), caller.get_calendar("base").status.uid
    assert caller.times(count=1) == caller.times("free", count=1) == ["2150-01-01T03:00:00Z"]
    for dry_run in (True, False):  # through the one that has it as its base
        (applied,) = caller.apply(calendars=[caller.calendar("base", exclude=[NEW_YEAR])], dry_run=dry_run).calendars
        assert (applied.outcome, applied.revision, applied.moved_count) == ("updated", 2, 1)
        assert [MessageToDict(each) for each in applied.moved] == [
            {
                "namespace": caller.namespace,
                "job": "it",
                "trigger": "t",
                "before": "2150-01-01T03:00:00Z",
                "after": "2150-01-03T03:00:00Z",
            }
        ]
        assert next_fire(caller) == f"2150-01-0{1 if dry_run else 3}T03:00:00Z"
    after = caller.get()
    assert caller.times(count=2) == ["2150-01-03T03:00:00Z", "2150-01-04T03:00:00Z"]
    assert caller.times("free", count=1) == ["2150-01-01T03:00:00Z"]
    assert (after.status.revision, after.status.uid) == (before.status.revision, before.status.uid)
    assert (caller.get_calendar("base").status.uid, caller.get_calendar("base").status.revision) == (uid, 2)
    (applied,) = caller.apply(calendars=[caller.calendar("base")]).calendars
    assert (applied.moved_count, next_fire(caller)) == (1, "2150-01-01T03:00:00Z")


def test_a_paused_job_resumes_by_its_calendars_as_they_are_then(caller: Caller) -> None:
    caller.apply([caller.job(DAILY, paused=True)], [caller.calendar()])
    (applied,) = caller.apply(calendars=[caller.calendar(exclude=[NEW_YEAR])]).calendars
    assert (applied.outcome, applied.moved_count) == ("updated", 0)
    assert caller.times(count=1) == ["2150-01-03T03:00:00Z"]
    assert caller.resume().status.next_fire.ToJsonString() == "2150-01-03T03:00:00Z"


def test_a_calendar_that_leaves_out_every_fire_is_refused(caller: Caller) -> None:
    nights = caller.calendar(exclude=[{"daily": {"from": "02:00", "to": "04:00"}}])
    (violation,) = refused(caller, [caller.job(DAILY)], [nights])
    assert violation.field == "jobs[0].spec.triggers[0].calendars"
    assert violation.description == "they exclude every fire that is left (days)"
    with pytest.raises(NotFound):
        caller.get_calendar()
    caller.apply([caller.job(DAILY)], [caller.calendar()])
    (violation,) = refused(caller, (), [caller.calendar("other"), nights])
    assert violation.field.startswith("calendars")
    assert f"would exclude every fire of trigger t of job {caller.namespace}/it" in violation.description
    assert (caller.get_calendar().status.revision, next_fire(caller)) == (1, "2150-01-01T03:00:00Z")


def test_calendars_do_not_go_round_in_a_circle(caller: Caller) -> None:
    alone = refused(caller, (), [caller.calendar(base=["days"])])
    assert [each.field for each in alone] == ["calendars[0].spec.base[0]"]
    assert f"goes round in a circle: {caller.namespace}/days > {caller.namespace}/days" in alone[0].description
    two = refused(caller, (), [caller.calendar("a", base=["b"]), caller.calendar("b", base=["a"])])
    assert [each.field for each in two] == ["calendars[0].spec.base[0]", "calendars[1].spec.base[0]"]
    caller.apply(calendars=[caller.calendar("a", base=["b"]), caller.calendar("b")])
    closing = refused(caller, (), [caller.calendar("b", base=["a"])])
    assert [each.field for each in closing] == ["calendars[0].spec.base[0]"]
    missing = refused(caller, (), [caller.calendar("b", base=["a", "nowhere"])])
    assert [each.field for each in missing] == ["calendars[0].spec.base[0]", "calendars[0].spec.base[1]"]
    assert missing[1].description == f"there is no calendar {caller.namespace}/nowhere"


def test_a_calendar_is_deleted_when_nobody_uses_it(caller: Caller) -> None:
    caller.apply([caller.job(DAILY)], [caller.calendar(base=["base"]), caller.calendar("base")])
    uid = caller.get_calendar().status.uid
    with pytest.raises(FailedPrecondition, match=f"days is used by job {caller.namespace}/it") as caught:
        caller.delete_calendar()
    assert caught.value.reason == "IN_USE"
    with pytest.raises(FailedPrecondition, match=f"base is used by calendar {caller.namespace}/days"):
        caller.delete_calendar("base")
    caller.apply([caller.job({**DAILY, "calendars": []})])
    with pytest.raises(Conflict, match="expected revision 9, and it is 1"):
        caller.delete_calendar(expected_revision=9)
    assert caller.delete_calendar(request_id="once", expected_revision=1) == uid
    assert caller.delete_calendar(request_id="once", expected_revision=1) == uid  # the first answer
    with pytest.raises(NotFound, match=f"there is no calendar {caller.namespace}/days"):
        caller.delete_calendar()
    with pytest.raises(NotFound):
        caller.get_calendar()
    caller.delete_calendar("base")
    caller.apply(calendars=[caller.calendar()])
    assert caller.get_calendar().status.uid != uid
    assert caller.get_calendar().status.revision == 1


def test_calendars_are_listed_by_name_in_pages(caller: Caller) -> None:
    names = [f"c-{number:03}" for number in range(60)]
    caller.apply(calendars=[caller.calendar(name) for name in reversed(names)])
    found, sizes = listed(caller, page_size=7)
    assert (found, sizes) == (names, [7] * 8 + [4])
    assert listed(caller) == (names, [60])
    assert listed(caller, page_size=60) == (names, [60])


def test_a_page_of_large_calendars_is_a_short_one(caller: Caller) -> None:
    dates = [f"{2000 + year}-01-01..{2000 + year}-12-31" for year in range(100)] * 20
    names = [f"c-{number}" for number in range(5)]
    for name in names:
        caller.apply(calendars=[caller.calendar(name, exclude=[{"dates": dates}] * 25)])
    found, sizes = listed(caller)
    assert found == names
    assert len(sizes) == 2


def listed(caller: Caller, page_size: int = 0) -> tuple[list[str], list[int]]:
    """The names of all calendars, and how many there were on each page."""
    request = ListCalendarsRequest(namespace=caller.namespace, page_size=page_size)
    names: list[str] = []
    sizes: list[int] = []
    while not sizes or request.page_token:
        page = caller.cluster.client.unary("CalendarService/List", request, ListCalendarsResponse)
        names += [each.metadata.name for each in page.calendars]
        sizes.append(len(page.calendars))
        request.page_token = page.next_page_token
    return names, sizes
