"""The same request again, clients who do not wait, and too many of them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from jobstore.protocols import JobQuery
from scheduler.errors import Conflict, Overloaded
from tests.scheduler.building import cron, request
from tests.scheduler.fake_clock import turns, until
from tests.scheduler.stage import MINUTELY, Stage

MINUTE = timedelta(minutes=1)
NAME = ("default", "report")
HOURLY = [cron("main", "0 0 * * * ?")]
ALLOW = {"policy": "allow"}


async def test_the_same_request_again_gets_the_first_answer_and_changes_nothing(stage: Stage) -> None:
    await stage.lead()
    edits, runs = stage.leader.edits, stage.leader.runs
    ids = {what: request(f"{what}-1") for what in ("apply", "pause", "resume", "run", "cancel", "delete")}
    applied = await stage.apply_all([stage.proposal(triggers=MINUTELY)], identity=ids["apply"])
    await edits.set_paused(ids["pause"], NAME, True)
    await edits.set_paused(ids["resume"], NAME, False)
    row = await runs.run(ids["run"], *NAME, {"x": 1})
    cancelled = await runs.cancel(ids["cancel"], row.id, "enough")
    await stage.pass_time(10)
    before = stage.job()
    assert await stage.apply_all([stage.proposal(triggers=HOURLY)], identity=ids["apply"]) == applied
    await edits.set_paused(ids["pause"], NAME, True)
    assert (await runs.run(ids["run"], *NAME, {"x": 1})).id == row.id
    assert await runs.cancel(ids["cancel"], row.id, "enough") == cancelled
    assert stage.job() == before
    assert len(stage.rows()) == 1
    deleted = await edits.delete(ids["delete"], NAME, 0)
    await stage.apply(triggers=MINUTELY)
    assert await edits.delete(ids["delete"], NAME, 0) == deleted
    assert stage.job().uid != before.uid


async def test_the_first_answer_outlives_the_term(stage: Stage) -> None:
    await stage.lead()
    await stage.apply()
    asked = request("run-1")
    row = await stage.leader.runs.run(asked, *NAME, {})
    await stage.lead()
    assert (await stage.leader.runs.run(asked, *NAME, {})).id == row.id
    with pytest.raises(Conflict, match="was used for something else"):
        await stage.leader.runs.run(replace(asked, digest="other"), *NAME, {})
    assert len(stage.rows()) == 1


async def test_the_same_request_twice_at_once_is_done_once(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(concurrency=ALLOW)
    asked = request("run-1")
    rows = await asyncio.gather(*(stage.leader.runs.run(asked, *NAME, {}) for _ in range(5)))
    assert len({row.id for row in rows}) == 1
    assert len(stage.rows()) == 1


SOON = [cron("main", "0/5 * * * * ?")]
Call = Callable[[Stage], Awaitable[Any]]
CALLS: dict[str, Call] = {
    "apply": lambda stage: stage.apply(triggers=HOURLY),
    "pause": lambda stage: stage.pause(),
    "delete": lambda stage: stage.delete(),
}


@pytest.mark.parametrize("name", list(CALLS))
async def test_an_edit_whose_client_goes_away_is_brought_to_its_end(stage: Stage, name: str) -> None:
    await stage.lead()
    for patience in range(0, 300, 12):
        await stage.apply(triggers=SOON, paused=False)
        call = asyncio.ensure_future(CALLS[name](stage))
        await until(lambda: stage.leader.timetable._frozen)  # from now on it reads, decides, and writes
        await turns(patience)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        await stage.quiet()
        await stage.quiet()
        # whether it took effect or not, the leader and the store agree on it
        jobs = stage.store.jobs(JobQuery())
        stored = [(t.uid, t.next_fire) for job in jobs for t in job.triggers if t.next_fire]
        known = [(t.uid, t.next_fire) for t in stage.leader.timetable.upcoming(100)]
        assert known == [(uid, at) for uid, at in stored if at < stage.leader.timetable.horizon[0]]
        named = stage.leader.catalog.named(*NAME)
        assert named in (None, *jobs)


async def test_a_run_whose_client_goes_away_is_sent_all_the_same(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor(slots=100)
    await stage.apply(concurrency=ALLOW)
    for patience in range(0, 40, 2):
        known = len(stage.leader.ledger)
        call = asyncio.ensure_future(stage.run_job())
        await until(lambda known=known: len(stage.leader.ledger) > known)  # type: ignore[misc]  # mypy cannot infer a lambda with a default
        await turns(patience)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    await stage.quiet()
    rows = stage.rows()
    assert len(rows) == 20
    await stage.dispatched(executor, len(rows))
    assert all(stage.leader.ledger.get(row.id) == row for row in rows)


async def test_a_run_whose_client_went_before_it_was_decided_is_none(stage: Stage) -> None:
    await stage.lead()
    await stage.apply()
    asked = request("run-1")
    stage.reign.may_act = False  # so the store is not asked yet whether this request was answered before
    call = asyncio.ensure_future(stage.leader.runs.run(asked, *NAME, {}))
    await turns()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    stage.reign.may_act = True
    await stage.clock.advance(1)
    await stage.quiet()
    assert stage.rows() == []
    await stage.leader.runs.run(asked, *NAME, {})
    assert len(stage.rows()) == 1


async def test_who_asks_again_for_a_run_that_is_on_its_way_gets_that_one(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(concurrency=ALLOW)
    asked = request("run-1")
    call = asyncio.ensure_future(stage.leader.runs.run(asked, *NAME, {}))
    await until(lambda: len(stage.leader.ledger) == 1)
    call.cancel()
    again = await stage.leader.runs.run(asked, *NAME, {})
    assert [row.id for row in stage.rows()] == [again.id]


async def test_what_cannot_be_written_now_changes_nothing_in_memory(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply(triggers=MINUTELY, concurrency=ALLOW)
    await stage.apply("waits", routing={"selector": "zone=mars"})
    row = await stage.run_job()
    await stage.dispatched(executor)
    waiting = await stage.run_job("waits")
    before = sorted(stage.leader.ledger.all(), key=lambda each: each.id)
    jobs = stage.store.jobs(JobQuery())
    monkeypatch.setattr("scheduler.leader.writer.LONGEST_QUEUE", 0)
    edits = stage.leader.edits
    calls: list[Awaitable[Any]] = [
        stage.run_job(),
        stage.cancel(row),
        stage.cancel(waiting),
        stage.delete(),
        edits.delete(request(), ("default", "waits"), 0),
        stage.pause(),
        stage.apply(triggers=HOURLY),
    ]
    for call in calls:
        with pytest.raises(Overloaded, match="0 writes are waiting"):
            await call
    monkeypatch.undo()
    assert sorted(stage.leader.ledger.all(), key=lambda each: each.id) == before
    assert stage.store.jobs(JobQuery()) == jobs
    await stage.pass_time(60)
    await until(lambda: len(stage.rows()) == 2)
    assert (await edits.delete(request(), ("default", "waits"), 0))[1] == 1
