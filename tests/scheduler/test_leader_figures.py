"""What a leader counts, and what it says of the moment."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from jobstore.states import State
from scheduler import failing
from scheduler.failing import MOST_NAMESPACES, OTHERS, FailingJobs
from scheduler.metrics import NodeMetrics
from tests.scheduler.building import NOW, cron, execution
from tests.scheduler.fake_clock import until
from tests.scheduler.scripted_executor import outcome
from tests.scheduler.stage import MINUTELY, Stage

Value = Callable[..., float | None]


@pytest.fixture
def value(stage: Stage) -> Value:
    """A sample, by its name and labels."""

    def find(name: str, **labels: str) -> float | None:
        return stage.metrics.registry.get_sample_value(f"cronquorum_{name}", labels)

    return find


async def test_what_waits_for_a_slot_is_counted_recorded_or_not(stage: Stage) -> None:
    leader = await stage.lead()
    await stage.executor(slots=1)
    for name in ("one", "two", "three"):
        await stage.apply(name)
    await stage.run_job("one")
    waiting = await stage.run_job("two")
    await stage.run_job("three")
    figures = leader.figures()
    assert (figures.waiting, figures.used, figures.slots) == (2, 1, 1)
    assert figures.executors == {"attached": 1, "draining": 0, "attaching": 0}
    await stage.cancel(waiting)
    assert leader.figures().waiting == 1
    await stage.apply("due", triggers=MINUTELY)
    await stage.pass_time(60)
    assert stage.rows("due") == []  # it waits unrecorded
    assert leader.figures().waiting == 2


async def test_an_executor_that_drains_or_is_away_offers_no_slots(stage: Stage) -> None:
    leader = await stage.lead()
    executor = await stage.executor()
    await stage.hung_up(executor)
    figures = leader.figures()
    assert (figures.slots, figures.executors["attaching"]) == (0, 1)


async def test_fires_and_misfires_are_counted_by_what_became_of_them(stage: Stage, value: Value) -> None:
    await stage.lead()
    await stage.executor(slots=16)
    for policy in ("fireOnce", "skip", "fireAll"):
        await stage.apply(policy.lower(), triggers=[cron(misfire={"policy": policy})], concurrency={"policy": "allow"})
    await stage.reign.end()
    await stage.clock.advance(5 * 60)
    await stage.lead()
    await stage.quiet()
    assert value("misfires_total", outcome="folded") == 5
    assert value("misfires_total", outcome="skipped") == 5
    await stage.pass_time(10)
    assert value("misfires_total", outcome="run") == 4  # the last of them is not late
    assert value("fires_total", outcome="skipped") == 1
    assert value("fires_total", outcome="dispatched") == 1 + 5
    assert value("skips_total", reason="misfire") == 1


async def test_a_job_fails_until_it_succeeds_or_is_deleted(stage: Stage, value: Value) -> None:
    await stage.lead()
    executor = await stage.executor()

    async def ends(name: str, state: State) -> None:
        before = len(executor.dispatches)
        row = await stage.run_job(name)
        dispatch = (await stage.dispatched(executor, before + 1))[-1]
        await executor.say(outcome(dispatch.key, state.value))
        await stage.becomes(row, state)

    for name in ("one", "two"):
        await stage.apply(name)
        await ends(name, State.FAILED)
    failing_jobs = stage.metrics.failing.by_namespace
    await until(lambda: failing_jobs() == {"default": 2})
    assert value("failed_executions_total", job_namespace="default") == 2
    await ends("one", State.SUCCEEDED)
    await until(lambda: failing_jobs() == {"default": 1})
    await stage.delete("two")
    assert failing_jobs() == {}


async def test_attempts_that_are_followed_by_another_are_counted(stage: Stage, value: Value) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await stage.started(executor, retry={"maxAttempts": 2, "delay": "1s"})
    await executor.say(outcome(executor.dispatches[0].key, "failed"))
    await stage.becomes(row, State.RETRYING)
    assert value("retries_total", reason="retry") == 1


def test_namespaces_beyond_a_number_are_counted_together() -> None:
    metrics = NodeMetrics()
    for number in range(MOST_NAMESPACES + 5):
        state = {"state": State.FAILED, "ended": NOW + timedelta(seconds=1), "check_at": None}
        metrics.finished(execution(namespace=f"n{number}", job_uid=UUID(int=number + 1), **state))
    found = metrics.failing.by_namespace()
    assert (len(found), found[OTHERS]) == (MOST_NAMESPACES + 1, 5)
    value = metrics.registry.get_sample_value
    assert value("cronquorum_failed_executions_total", {"job_namespace": OTHERS}) == 5
    assert value("cronquorum_failed_executions_total", {"job_namespace": "n7"}) == 1


def test_failing_jobs_beyond_a_number_are_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failing, "MOST_JOBS", 3)
    jobs = FailingJobs()
    for number in range(5):
        jobs.ended(execution(state=State.LOST, job_uid=UUID(int=number + 1)))
    assert jobs.by_namespace() == {"default": 3}
    jobs.clear()
    assert jobs.by_namespace() == {}


def test_reasons_that_nobody_has_foreseen_are_one() -> None:
    metrics = NodeMetrics()
    for reason in ("overlap", "misfire: 7 due times were missed", "something new"):
        metrics.finished(execution(state=State.SKIPPED, reason=reason))
    value = metrics.registry.get_sample_value
    for reason in ("overlap", "misfire", "other"):
        assert value("cronquorum_skips_total", {"reason": reason}) == 1
