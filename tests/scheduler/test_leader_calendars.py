"""Calendars of triggers, through a leader as a whole. The start is a Monday's noon."""

from datetime import timedelta
from typing import Any

import pytest

from jobstore.changes import DeleteCalendar
from jobstore.model import Missed
from jobstore.protocols import CalendarQuery
from scheduler.errors import Conflict, InvalidJob, NotFound
from scheduler.leader.applying import Request
from scheduler.schedules import exclusions
from tests.scheduler.building import cron, request
from tests.scheduler.fake_clock import START, until
from tests.scheduler.stage import Stage

MINUTE = timedelta(minutes=1)


def between(start: str, end: str) -> dict[str, Any]:
    """A calendar that excludes a window of each day."""
    return {"exclude": [{"daily": {"from": start, "to": end}}]}


LUNCH = between("12:30", "13:00")
EVERY = [cron("every", calendars=["closed"])]


def next_fire(stage: Stage, name: str = "report") -> Any:
    return stage.job(name).triggers[0].next_fire


async def test_a_trigger_leaves_out_what_its_calendar_excludes(stage: Stage) -> None:
    await stage.lead()
    facts = await stage.apply_calendar("closed", **between("12:01", "12:04"))
    assert (facts["outcome"], facts["revision"], facts["moved"]) == ("created", 1, [])
    await stage.apply(triggers=EVERY)
    assert next_fire(stage) == START + 4 * MINUTE
    for _ in range(5):
        await stage.pass_time(60)
    await until(lambda: len(stage.rows()) == 2)
    assert [row.scheduled_time for row in stage.rows()] == [START + 4 * MINUTE, START + 5 * MINUTE]


async def test_missed_due_times_are_counted_without_those_that_are_excluded(stage: Stage) -> None:
    await stage.lead()
    await stage.apply_calendar("closed", **LUNCH)
    await stage.apply(triggers=EVERY)
    await stage.reign.end()
    await stage.clock.advance(65 * 60)
    await stage.lead()
    await until(lambda: stage.rows())
    assert stage.rows()[0].missed == Missed(count=35, first=START + MINUTE, last=START + 65 * MINUTE)


async def test_replacing_a_calendar_moves_the_next_fires_and_says_which(stage: Stage) -> None:
    await stage.lead()
    await stage.apply_calendar("closed", **LUNCH)
    await stage.apply_calendar("based", base=["closed"])
    await stage.apply("direct", triggers=EVERY)
    await stage.apply("through-base", triggers=[cron("every", calendars=["based"])])
    await stage.apply("paused", triggers=EVERY, paused=True)
    await stage.apply("another", triggers=[cron("every")])
    facts = await stage.apply_calendar("closed", **between("12:01", "12:02"))
    expected = [
        {
            "namespace": "default",
            "job": job,
            "trigger": "every",
            "before": (START + MINUTE).isoformat(),
            "after": (START + 2 * MINUTE).isoformat(),
        }
        for job in ("direct", "through-base")
    ]
    assert (facts["outcome"], facts["moved"], facts["moved_count"]) == ("updated", expected, 2)
    for name in ("direct", "through-base"):
        assert next_fire(stage, name) == START + 2 * MINUTE
        assert stage.job(name).revision == 1
    assert next_fire(stage, "paused") is None
    assert next_fire(stage, "another") == START + MINUTE
    for _ in range(2):
        await stage.pass_time(60)
    await until(lambda: stage.rows("direct") and stage.rows("through-base"))
    assert [row.scheduled_time for row in stage.rows("direct")] == [START + 2 * MINUTE]
    again = await stage.apply_calendar("closed", **between("12:01", "12:02"))
    assert (again["outcome"], again["moved"]) == ("unchanged", [])


async def test_a_calendar_that_gives_times_back_moves_fires_to_an_earlier_time(stage: Stage) -> None:
    await stage.lead()
    await stage.apply_calendar("closed", **between("12:01", "14:00"))
    await stage.apply(triggers=EVERY)
    await stage.pass_time(30)
    await stage.apply_calendar("closed", **LUNCH)
    assert next_fire(stage) == START + MINUTE
    await stage.pass_time(60)
    await until(lambda: stage.rows())
    assert stage.rows()[0].scheduled_time == START + MINUTE


async def test_a_new_leader_knows_the_calendars(stage: Stage) -> None:
    await stage.lead()
    await stage.apply_calendar("closed", **between("12:02", "12:03"))
    await stage.apply(triggers=EVERY)
    await stage.reign.end()
    await stage.lead()
    for _ in range(3):
        await stage.pass_time(60)
    await until(lambda: len(stage.rows()) == 2)
    assert [row.scheduled_time for row in stage.rows()] == [START + MINUTE, START + 3 * MINUTE]


async def test_a_trigger_that_is_left_no_fire_is_refused(stage: Stage) -> None:
    await stage.lead()
    await stage.apply_calendar("closed", exclude=[{"weekly": ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]}])
    with pytest.raises(InvalidJob) as refused:
        await stage.apply(triggers=EVERY)
    (violation,) = refused.value.violations
    assert violation.field == "jobs[0].spec.triggers[0].calendars"
    assert violation.message == "they exclude every fire that is left (closed)"
    await stage.apply_calendar("closed", **LUNCH)
    await stage.apply(triggers=EVERY)
    with pytest.raises(InvalidJob, match="would exclude every fire of trigger every of job default/report"):
        await stage.apply_calendar("closed", **between("00:00", "24:00"))
    assert next_fire(stage) == START + MINUTE
    (calendar,) = stage.store.calendars(CalendarQuery())
    assert calendar.revision == 2


async def test_a_calendar_that_is_not_there_and_a_circle_are_refused(stage: Stage) -> None:
    await stage.lead()
    with pytest.raises(InvalidJob, match=r"triggers\[0\].calendars\[0\]: there is no calendar default/closed"):
        await stage.apply(triggers=EVERY)
    with pytest.raises(InvalidJob, match=r"spec.base\[0\]: there is no calendar default/gone"):
        await stage.apply_calendar("closed", base=["gone"])
    await stage.apply_calendar("closed", **LUNCH)
    await stage.apply_calendar("based", base=["closed"])
    with pytest.raises(InvalidJob, match="goes round in a circle: default/closed > default/based > default/closed"):
        await stage.apply_calendar("closed", base=["based"])


async def test_a_calendar_in_use_is_not_deleted(stage: Stage) -> None:
    await stage.lead()
    edits, name = stage.leader.edits, ("default", "closed")
    await stage.apply_calendar("closed", **LUNCH)
    await stage.apply_calendar("based", base=["closed"])
    await stage.apply(triggers=EVERY)
    with pytest.raises(Conflict, match="is used by job default/report, calendar default/based") as refused:
        await edits.delete_calendar(request(), name, 0)
    assert refused.value.reason == "IN_USE"
    await stage.delete()
    with pytest.raises(Conflict, match="is used by calendar default/based"):
        await edits.delete_calendar(request(), name, 0)
    await edits.delete_calendar(request(), ("default", "based"), 0)
    with pytest.raises(Conflict, match="expected revision 7, and it is 1"):
        await edits.delete_calendar(request(), name, 7)
    await edits.delete_calendar(request(), name, 1)
    with pytest.raises(NotFound):
        await edits.delete_calendar(request(), name, 0)
    assert stage.store.calendars(CalendarQuery()) == []


async def test_a_dry_run_says_what_would_move_and_moves_nothing(stage: Stage) -> None:
    await stage.lead()
    await stage.apply_calendar("closed", **LUNCH)
    await stage.apply(triggers=EVERY)
    wanted = Request(calendars=[stage.calendar("closed", **between("12:01", "12:02"))], dry_run=True)
    (facts,) = (await stage.leader.edits.apply(request(), wanted))["calendars"]
    assert (facts["outcome"], facts["moved_count"]) == ("updated", 1)
    assert next_fire(stage) == START + MINUTE
    await stage.apply("another", triggers=EVERY)
    assert next_fire(stage, "another") == START + MINUTE


async def test_a_calendar_that_cannot_be_read_sets_its_triggers_aside_until_it_can(stage: Stage) -> None:
    await stage.lead()
    await stage.apply_calendar("closed", **LUNCH)
    await stage.apply(triggers=EVERY)
    await stage.apply("another", triggers=[cron("every")])
    (calendar,) = stage.store.calendars(CalendarQuery())
    stage.store.commit(stage.reign.term, [DeleteCalendar(calendar.uid)])  # as if by hand
    await stage.reign.end()
    await stage.lead()
    await stage.pass_time(60)
    await until(lambda: stage.rows("another") and stage.job().triggers[0].error)
    assert "there is no calendar default/closed" in stage.job().triggers[0].error
    assert stage.rows() == []
    facts = await stage.apply_calendar("closed", **LUNCH)
    assert facts["moved_count"] == 1
    assert stage.job().triggers[0].error == ""
    assert next_fire(stage) == START + 2 * MINUTE


async def test_what_is_catching_up_is_not_touched_by_a_calendar(stage: Stage) -> None:
    await stage.lead()
    await stage.apply_calendar("closed", **LUNCH)
    trigger = cron("every", calendars=["closed"], misfire={"policy": "fireAll", "rate": 1})
    await stage.apply(triggers=[trigger], concurrency={"policy": "allow"})
    await stage.reign.end()
    await stage.clock.advance(600)
    await stage.lead()
    await stage.pass_time(2)
    await stage.apply_calendar("closed", **between("12:01", "12:02"))
    for _ in range(10):
        await stage.pass_time(1)
    await until(lambda: len(stage.rows()) == 10)
    assert [row.scheduled_time for row in stage.rows()] == [START + n * MINUTE for n in range(1, 11)]


@pytest.mark.parametrize("trigger", [{"misfire": {"policy": "fireAll", "rate": 1}}, {"jitter": "23h"}])
async def test_what_was_due_before_a_calendar_came_has_its_record(stage: Stage, trigger: dict[str, Any]) -> None:
    """It goes through missed fires, or waits for its jitter; and the calendar leaves out what is left of them."""
    await stage.lead()
    await stage.apply_calendar("closed", **LUNCH)
    await stage.apply(triggers=[cron("every", calendars=["closed"], **trigger)], concurrency={"policy": "allow"})
    await stage.reign.end()
    await stage.clock.advance(600)
    await stage.lead()
    await stage.pass_time(2)
    await stage.apply_calendar("closed", **between("12:02", "12:30"))
    await stage.pass_time(5)
    found = [row.scheduled_time for row in stage.rows() if row.missed is None]
    ranges = [row.missed for row in stage.rows() if row.missed is not None]
    assert len(found) + sum(missed.count for missed in ranges) == 10
    assert next_fire(stage) == START + 30 * MINUTE


async def test_a_paused_job_is_not_left_without_a_fire_either(stage: Stage) -> None:
    await stage.lead()
    await stage.apply_calendar("closed", **LUNCH)
    await stage.apply(triggers=EVERY, paused=True)
    with pytest.raises(InvalidJob, match="would exclude every fire"):
        await stage.apply_calendar("closed", **between("00:00", "24:00"))
    await stage.apply("over", triggers=[cron("every", calendars=["closed"], maxFires=1)])
    await stage.pass_time(60)
    await until(lambda: stage.job("over").state == "completed")
    await stage.delete()
    await stage.apply_calendar("closed", **between("00:00", "24:00"))  # nobody waits for a fire


async def test_a_calendar_that_gives_times_back_moves_a_delay_to_an_earlier_time(stage: Stage) -> None:
    await stage.lead()
    await stage.apply_calendar("closed", **between("12:01", "18:00"))
    await stage.apply(triggers=[{"name": "again", "after": "2m", "calendars": ["closed"]}], startDeadline="1s")
    await stage.pass_time(2)
    await until(lambda: next_fire(stage) == START + 360 * MINUTE)  # what was skipped has ended
    facts = await stage.apply_calendar("closed", **between("12:01", "12:02"))
    assert facts["moved_count"] == 1
    assert START + 2 * MINUTE < next_fire(stage) <= START + 3 * MINUTE


async def test_a_search_that_does_not_come_far_enough_goes_on_when_it_is_there(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exclusions, "MOST_SPANS", 3)
    await stage.lead()
    even = {"exclude": [{"cron": "* 0/2 12 * * ?"}]}
    await stage.apply_calendar("closed", **even)
    trigger = cron("every", "0 0/2 * * * ?", calendars=["closed"])
    with pytest.raises(InvalidJob, match="until 2026-03-02T12:08:00Z, which is as far as they were searched"):
        await stage.apply(triggers=[trigger])
    monkeypatch.setattr(exclusions, "MOST_SPANS", 100)
    await stage.apply(triggers=[trigger])
    assert next_fire(stage) == START + 60 * MINUTE
    monkeypatch.setattr(exclusions, "MOST_SPANS", 3)
    await stage.apply_calendar("closed", **even, description="the same, and written anew")
    assert START < next_fire(stage) < START + 60 * MINUTE
    for _ in range(61):
        await stage.pass_time(60)
    await until(lambda: stage.rows())
    assert [row.scheduled_time for row in stage.rows()] == [START + 60 * MINUTE]
    assert stage.job().triggers[0].fires == 1
