"""The leader's duty to forget."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from jobstore.changes import NewExecution
from jobstore.protocols import ExecutionQuery
from jobstore.retention import Retention, Said
from jobstore.sql.looking import PAGE
from jobstore.states import State
from scheduler.errors import NotLeading
from scheduler.forgetting import LOOKS, PAUSE, Forgetting
from scheduler.leader.leader import Leader
from tests.scheduler.building import execution
from tests.scheduler.fake_clock import START
from tests.scheduler.stage import Stage

DAY = timedelta(days=1)


@pytest.fixture
def forgetting(stage: Stage) -> Forgetting:
    return Forgetting(stage.store, Retention(), stage.clock)


def skipped(days: float, namespace: str = "default") -> NewExecution:
    """A record of so many days ago."""
    at = START - days * DAY
    over = execution(state=State.SKIPPED, scheduled_time=at, ended=at, check_at=None)
    return NewExecution(replace(over, namespace=namespace, trigger_uid=None))


async def turn(stage: Stage, forgetting: Forgetting, leader: Leader | None) -> None:
    """A turn, and the time that it takes."""
    task = asyncio.create_task(forgetting.turn(leader))
    while not task.done():
        await stage.clock.advance(PAUSE)
    await task


def left(stage: Stage) -> int:
    return len(stage.store.executions(ExecutionQuery(limit=100_000)))


async def test_a_turn_forgets_all_that_it_finds(stage: Stage, forgetting: Forgetting) -> None:
    """In more than one write, with time for others between them."""
    leader = await stage.lead()
    await leader.write(*(skipped(40) for _ in range(2 * PAGE + 1)), skipped(29))
    began = stage.clock.now()
    await turn(stage, forgetting, leader)
    assert left(stage) == 1
    assert stage.clock.now() - began >= timedelta(seconds=3 * PAUSE)


async def test_a_turn_looks_so_far_and_the_next_one_goes_on(stage: Stage) -> None:
    """And a pass that is over begins anew."""
    rule = Retention(namespaces={"long": Said(succeeded=365 * DAY)})
    forgetting = Forgetting(stage.store, rule, stage.clock)
    leader = await stage.lead()
    await leader.write(*(skipped(50, "long") for _ in range((LOOKS + 2) * PAGE)), skipped(40))
    await turn(stage, forgetting, leader)
    assert left(stage) == (LOOKS + 2) * PAGE + 1
    await turn(stage, forgetting, leader)
    assert left(stage) == (LOOKS + 2) * PAGE
    await leader.write(skipped(400, "long"))
    await turn(stage, forgetting, leader)
    assert left(stage) == (LOOKS + 2) * PAGE


async def test_who_does_not_lead_or_is_held_forgets_nothing(stage: Stage, forgetting: Forgetting) -> None:
    leader = await stage.lead()
    await leader.write(skipped(40))
    await turn(stage, forgetting, None)
    held = await stage.lead(at_least=50)
    assert held.term.held
    await turn(stage, forgetting, held)
    assert left(stage) == 1


async def test_a_leader_that_was_followed_forgets_nothing(stage: Stage, forgetting: Forgetting) -> None:
    leader = await stage.lead()
    await leader.write(skipped(40))
    following = await stage.lead()
    with pytest.raises(NotLeading):
        await turn(stage, forgetting, leader)
    assert left(stage) == 1
    await turn(stage, forgetting, following)
    assert left(stage) == 0


async def test_one_job_that_keeps_its_own_for_long_keeps_nobody_elses(stage: Stage, forgetting: Forgetting) -> None:
    leader = await stage.lead()
    await stage.apply("patient", retention={"succeeded": "365d", "failed": "365d"})
    await leader.write(skipped(40), skipped(29))
    await turn(stage, forgetting, leader)
    assert left(stage) == 1
