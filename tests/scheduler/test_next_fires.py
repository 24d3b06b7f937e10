"""What lies ahead of a job, where no request can bring it about: overdue, set aside, unreadable, too long."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobstore.calendar_spec import CalendarSpec
from jobstore.ids import new_id
from jobstore.model import Job, TriggerRecord
from scheduler.api.next_fires import Ahead, next_fires
from scheduler.calendars.library import Library
from scheduler.definitions import compile_triggers
from tests.scheduler.building import NOW, definition

HOUR = timedelta(hours=1)
HOURLY = {"interval": {"every": "1h"}}


def job(*triggers: dict[str, Any], next_fire: datetime | None = NOW + HOUR, **record: Any) -> Job:
    """An active job whose triggers have all this record."""
    spec = definition(triggers=list(triggers)).spec
    records = [TriggerRecord(uid=new_id(NOW), name=t.name, next_fire=next_fire, **record) for t in spec.triggers]
    return Job(
        uid=new_id(NOW),
        namespace="default",
        name="report",
        revision=1,
        spec=spec,
        created=NOW,
        updated=NOW,
        triggers=tuple(records),
    )


def hours(value: Job, count: int = 3, library: Library | None = None) -> list[tuple[str, float]]:
    """The next fires: trigger, and hours from now."""
    schedules = compile_triggers(value.spec, "default", "report", library or Library({}))
    fires = next_fires(value, schedules, Ahead(now=NOW, count=count, until=None), lambda: None)
    return [(fire.trigger, (fire.time - NOW) / HOUR) for fire in fires]


def test_the_first_is_the_one_that_the_store_knows() -> None:
    assert hours(job({"name": "t", **HOURLY}, next_fire=NOW + 5 * HOUR)) == [("t", 5), ("t", 6), ("t", 7)]
    overdue = job({"name": "t", **HOURLY}, next_fire=NOW - 2 * HOUR)
    assert hours(overdue) == [("t", -2), ("t", -1), ("t", 0)]


def test_a_trigger_with_no_next_fire_is_over() -> None:
    assert hours(job({"name": "t", **HOURLY}, next_fire=None)) == []


def test_a_trigger_that_was_set_aside_does_not_fire() -> None:
    broken = job({"name": "t", **HOURLY}, next_fire=None, error="the store refused it")
    assert hours(broken) == []
    assert hours(replace(broken, paused=True)) == []


def test_a_trigger_fires_as_often_as_it_has_left() -> None:
    few = {"name": "few", **HOURLY, "maxFires": 5}
    assert hours(job(few, fires=3), count=10) == [("few", 1), ("few", 2)]
    assert hours(job(few, fires=5), count=10) == []
    assert hours(job(few, fires=6), count=10) == []


def test_of_a_delay_only_the_next_fire_is_known() -> None:
    after = {"name": "t", "after": "1h"}
    assert hours(job(after)) == [("t", 1)]
    assert hours(replace(job(after, next_fire=None), paused=True)) == []


def test_a_paused_job_does_not_fire_twice_at_one_time() -> None:
    # what has fired does not again, should this node's clock be the slower one
    value = job({"name": "t", **HOURLY}, next_fire=None, previous_fire=NOW + 2 * HOUR)
    assert hours(replace(value, paused=True), count=1) == [("t", 3)]


def test_calendars_are_left_out() -> None:
    library = Library({("default", "noon"): CalendarSpec.from_json({"exclude": [{"cron": "* * 13-14 * * ?"}]})})
    value = job({"name": "t", **HOURLY, "calendars": ["noon"]}, next_fire=None)
    assert hours(replace(value, paused=True), library=library) == [("t", 3), ("t", 4), ("t", 5)]


def test_a_trigger_whose_schedule_cannot_be_read_has_no_fires() -> None:
    value = job({"name": "a", **HOURLY}, {"name": "b", **HOURLY})
    schedules = compile_triggers(value.spec, "default", "report", Library({}))
    del schedules["a"]
    fires = next_fires(value, schedules, Ahead(now=NOW, count=2, until=None), lambda: None)
    assert [fire.trigger for fire in fires] == ["b", "b"]


class Enough(Exception):
    pass


@pytest.mark.parametrize("paused", [False, True])
def test_a_search_ends_when_it_has_taken_long_enough(paused: bool) -> None:
    def patience(left: int) -> Iterator[None]:
        for _ in range(left):
            yield
        raise Enough

    value = job(*({"name": f"t-{number}", **HOURLY} for number in range(100)))
    value = replace(value, paused=paused)
    schedules = compile_triggers(value.spec, "default", "report", Library({}))
    waits = patience(50)
    with pytest.raises(Enough):
        next_fires(value, schedules, Ahead(now=NOW, count=1_000, until=None), lambda: next(waits))


def test_a_time_that_no_clock_shows_is_told_with_the_fire_behind_it() -> None:
    value = job(
        {"name": "t", "cron": "0 30 2 * * ?", "timeZone": "Europe/Berlin", "gap": "skip"},
        next_fire=datetime(2026, 3, 28, 1, 30, tzinfo=UTC),
    )
    schedules = compile_triggers(value.spec, "default", "report", Library({}))
    fires = next_fires(value, schedules, Ahead(now=NOW, count=3, until=None), lambda: None)
    assert [fire.time.isoformat() for fire in fires][1] == "2026-03-30T00:30:00+00:00"
    assert [bool(fire.remark) for fire in fires] == [False, True, False]
    assert "2026-03-29" in fires[1].remark


def test_remarks_are_for_all_times_on_a_wall_clock() -> None:
    berlin = {"timeZone": "Europe/Berlin", "gap": "skip"}
    value = job(
        {"name": "a", "calendarInterval": {"unit": "days", "from": "2026-01-01T02:30"}, **berlin},
        {"name": "b", "daily": {"every": "1h", "from": "02:00", "to": "03:00"}, **berlin},
        next_fire=datetime(2026, 3, 28, 12, tzinfo=UTC),
    )
    schedules = compile_triggers(value.spec, "default", "report", Library({}))
    fires = next_fires(value, schedules, Ahead(now=NOW, count=6, until=None), lambda: None)
    said = {(fire.trigger, fire.remark.split(" (")[0]) for fire in fires if fire.remark}
    assert said == {("a", "02:30 does not exist on 2026-03-29"), ("b", "02:00 does not exist on 2026-03-29")}


def test_a_time_that_is_left_out_before_the_start_is_not_told() -> None:
    value = job(
        {
            "name": "t",
            "cron": "0 30 2 * * ?",
            "timeZone": "Europe/Berlin",
            "gap": "skip",
            "start": "2026-04-01T00:00:00Z",
        },
        next_fire=datetime(2026, 4, 1, 0, 30, tzinfo=UTC),
    )
    schedules = compile_triggers(value.spec, "default", "report", Library({}))
    (fire,) = next_fires(value, schedules, Ahead(now=NOW, count=1, until=None), lambda: None)
    assert fire.remark == ""
