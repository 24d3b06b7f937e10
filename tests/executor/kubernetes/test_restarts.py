"""A later incarnation of the same executor: a Job goes on, and nobody notices."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cronquorum.coordination.inprocess import InProcessCoordinator
from executor.kinds.kubernetes import kind, run
from executor.service import Executor
from schedapi.v1 import executor_service_pb2 as pb
from tests.executor.conftest import Lead, StartExecutor
from tests.executor.kubernetes.orders import all_gone, begin, up
from tests.executor.leader import Stream
from tests.rig.kubernetes_api import KubernetesApi
from tests.rig.proxy import TcpProxy
from tests.rig.waiting import eventually_async

Return = Callable[[], Awaitable[Stream]]


@pytest.fixture
def told(told: dict[str, Any]) -> dict[str, Any]:
    """As an executor is that is started again under its name."""
    return told | {"returns": True}


@pytest.fixture
def come_back(start_executor: StartExecutor, told: dict[str, Any], lead: Lead) -> Return:
    """Start the next incarnation, and dial it."""

    async def come_back() -> Stream:
        return await (await lead(await start_executor(**told))).attach()

    return come_back


async def test_a_job_goes_on_under_it(
    stream: Stream, executor: Executor, come_back: Return, api: KubernetesApi, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    key = await begin(stream, f"echo up; until [ -e {go} ]; do sleep 0.02; done; echo good", timeout=60)
    await stream.wait_output(key, b"up\n")
    await executor.stop(5)
    stream = await come_back()
    assert api.processes() == 1
    mine = pb.AttemptKey(execution_id=key.execution_id, attempt=1, placement=1, incarnation=stream.welcome.incarnation)
    assert stream.held == [mine] and mine != key
    assert (await stream.started(mine)).HasField("age")
    go.touch()
    assert (await stream.outcome(mine)).state == "succeeded"
    assert stream.output(mine) == b"up\ngood\n"  # all of it, in the same pieces
    await stream.acknowledge(mine)
    await all_gone(api)
    assert len(api.created) == 1


async def test_it_is_held_as_long_as_there_is_somebody_to_ask(
    start_executor: StartExecutor, told: dict[str, Any], lead: Lead, api: KubernetesApi, tmp_path: Path
) -> None:
    """While other tasks end, Jobs are looked after; and a leader that comes then does not think them forgotten."""
    go, gone_on = tmp_path / "go", tmp_path / "gone-on"
    executor = await start_executor(**(told | {"kinds": ("shell", "kubernetes")}))
    leader = await lead(executor)
    stream = await leader.attach()
    short = await begin(stream, f"echo up; until [ -e {go} ]; do sleep 0.02; done")
    long = await up(stream)
    shell = await stream.shell(f"until [ -e {gone_on} ]; do sleep 0.02; done")
    await stream.started(shell)
    stopping = asyncio.create_task(executor.stop(60))
    await stream.wait_for(lambda: [each for each in stream.capacities if each.draining])
    go.touch()
    assert (await stream.outcome(short)).state == "succeeded"
    stream = await leader.attach(2)
    assert {key.execution_id for key in stream.held} == {each.execution_id for each in (short, long, shell)}
    gone_on.touch()
    await stream.outcome(shell)
    stream = await leader.attach(3)
    assert long in stream.held
    await stream.acknowledge(short, shell)
    executor.hurry()
    await stopping
    assert api.processes() == 1


async def test_what_ended_meanwhile_is_told(
    stream: Stream, executor: Executor, come_back: Return, api: KubernetesApi, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    key = await begin(stream, f"echo up; until [ -e {go} ]; do sleep 0.02; done; exit 4")
    await stream.wait_output(key, b"up\n")
    await executor.stop(5)
    go.touch()
    await eventually_async(lambda: api.jobs()[0]["status"].get("conditions"))
    stream = await come_back()
    (mine,) = stream.held
    outcome = await stream.outcome(mine)
    assert (outcome.state, outcome.exit_code) == ("failed", 4)


async def test_a_timeout_counts_from_the_start(
    stream: Stream, executor: Executor, come_back: Return, api: KubernetesApi
) -> None:
    await up(stream, timeout=3)
    await executor.stop(5)
    stream = await come_back()
    (mine,) = stream.held
    outcome = await stream.outcome(mine)
    assert (outcome.state, api.processes()) == ("timedOut", 0)
    assert outcome.ran.seconds < 10


async def test_what_the_journal_knows_to_have_ended_does_not_go_on(
    start_executor: StartExecutor,
    told: dict[str, Any],
    lead: Lead,
    come_back: Return,
    api: KubernetesApi,
    tmp_path: Path,
) -> None:
    told["data"] = tmp_path / "data"
    executor = await start_executor(**told)
    stream = await (await lead(executor)).attach()
    key = await begin(stream, "true")
    assert (await stream.outcome(key)).state == "succeeded"
    executor.hurry()
    await executor.stop(5)
    stream = await come_back()
    assert stream.held == [key]
    assert (await stream.outcome(key)).state == "succeeded"
    await stream.acknowledge(key)
    await all_gone(api)


async def test_an_executor_that_does_not_return_ends_its_jobs(
    start_executor: StartExecutor, told: dict[str, Any], lead: Lead, api: KubernetesApi
) -> None:
    executor = await start_executor(**(told | {"returns": False}))
    stream = await (await lead(executor)).attach()
    key = await up(stream)
    await executor.stop(0)
    assert not api.jobs() and not api.processes()
    assert [outcome.reason for outcome in stream.find(key, "outcome")] == ["drained"]


async def test_jobs_that_are_heard_of_too_late_are_ended(
    stream: Stream,
    executor: Executor,
    come_back: Return,
    api: KubernetesApi,
    proxy: TcpProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await up(stream)
    await executor.stop(5)
    monkeypatch.setattr(kind, "FIND_SECONDS", 0.1)
    proxy.cut()
    stream = await come_back()
    assert stream.held == []
    proxy.heal()
    await all_gone(api)


async def test_a_lease_that_runs_out_ends_jobs_and_releases_the_guardian_before(
    start_executor: StartExecutor, told: dict[str, Any], lead: Lead, api: KubernetesApi
) -> None:
    coordinator = InProcessCoordinator()
    await coordinator.start()
    executor = await start_executor(coordinator, **(told | {"returns": False}), lease=timedelta(seconds=1.5))
    leader = await lead(executor)
    stream = await leader.attach()
    await up(stream)
    stream.grants = False
    await coordinator.close()
    await stream.wait_ended()
    await eventually_async(lambda: not api.jobs() and not api.processes() and not executor.running)


async def test_no_more_rights_are_used_than_the_docs_say(
    stream: Stream, executor: Executor, come_back: Return, api: KubernetesApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[3] / "docs" / "cluster.md").read_text()
    rows = re.findall(r"^\| .* \| `([a-z/]+)` \| ([a-z, ]+) \|$", page, re.MULTILINE)
    documented = {(verb, resource) for resource, verbs in rows for verb in verbs.split(", ")}
    monkeypatch.setattr(run, "PROLONG", timedelta(seconds=0.5))
    monkeypatch.setattr(run, "LOOK_SECONDS", 0.1)
    key = await up(stream)
    await eventually_async(lambda: ("patch", "jobs") in api.calls)
    await executor.stop(5)
    stream = await come_back()
    (mine,) = stream.held
    await stream.send(cancels=[mine])
    assert (await stream.outcome(mine)).state == "cancelled"
    again = stream.key(execution_id=key.execution_id, attempt=2)
    assert (await stream.outcome(await begin(stream, "true", again))).state == "succeeded"
    assert set(api.calls) == documented
