"""The executor's life: start, registration, draining, stop; and what it refuses to start with."""

import asyncio
import socket
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cronquorum.clock import SystemClock
from cronquorum.coordination.inprocess import InProcessCoordinator
from cronquorum.coordination.protocols import EXECUTORS, CoordinationError
from executor import service
from executor.config import ExecutorConfig
from executor.errors import BadConfig, BadTasks, CannotListen, StartError
from executor.service import Executor
from schedapi.v1 import executor_service_pb2 as pb
from tests.executor.conftest import Lead, StartExecutor
from tests.executor.leader import PATIENCE


async def test_it_registers_where_it_really_listens(start_executor: StartExecutor) -> None:
    coordinator = InProcessCoordinator()
    await coordinator.start()
    executor = await start_executor(coordinator, executor_id="a", lease=timedelta(seconds=12))
    watch = await coordinator.watch(EXECUTORS)
    member = watch.current()["a"]
    assert (member.id, member.incarnation, member.address) == ("a", executor.incarnation, executor.address)
    assert member.facts == {"lease": "12s", "version": "0.1.0"}
    assert not executor.address.endswith(":0")
    executor.hurry()
    await executor.stop(0)
    assert watch.current() == {}
    await coordinator.close()


async def test_what_is_advertised_bears_the_real_port(start_executor: StartExecutor) -> None:
    executor = await start_executor(advertise="runner.example:0", insecure=True)
    host, _, port = executor.address.partition(":")
    assert host == "runner.example" and int(port) > 0
    assert (await start_executor(advertise="runner.example:1234", insecure=True)).address == "runner.example:1234"


async def test_an_id_that_somebody_holds(start_executor: StartExecutor) -> None:
    coordinator = InProcessCoordinator()
    await coordinator.start()
    await start_executor(coordinator, executor_id="a")
    with pytest.raises(CoordinationError, match="held by another live incarnation"):
        await start_executor(coordinator, executor_id="a")
    await coordinator.close()


async def test_an_address_in_use(start_executor: StartExecutor, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(CannotListen) as raised:
            await start_executor(listen=address, data=tmp_path)
    assert str(raised.value) == f"cannot listen on {address}: address already in use (set --listen)"
    await start_executor(listen=address, data=tmp_path)  # what had been taken was let go


async def test_tasks_that_cannot_be_imported(start_executor: StartExecutor) -> None:
    with pytest.raises(BadTasks, match=r"cannot import task module 'no\.such'"):
        await start_executor(tasks=("no.such",))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"slots": 0}, "slots: 0 is not in 1-10000"),
        ({"slots": 10**9}, "slots: 1000000000 is not in 1-10000"),
        ({"lease": timedelta(0)}, "lease: 0 s is less than"),
        ({"kinds": ()}, "kind: none given; known are shell, python, kubernetes"),
        ({"kinds": ("shel",)}, "kind: 'shel' is not one of shell, python, kubernetes; did you mean 'shell'?"),
        ({"executor_id": "a/b"}, "executor id: 'a/b' is not"),
        ({"executor_id": ".."}, "executor id: '..' is not"),
        ({"labels": {"a b": "c"}}, "label: 'a b=c' is not key=value"),
        ({"labels": {"a": "c,d"}}, "label: 'a=c,d' is not key=value"),
        ({"listen": "7500"}, "listen: '7500' is not HOST:PORT"),
        ({"listen": "127.0.0.1:70000"}, "port 70000 is not in 0-65535"),
        ({"listen": "0.0.0.0:7500"}, "listen: 0.0.0.0 is not loopback, and the traffic is plain text"),
        ({"listen": "runner.example:7500"}, "listen: runner.example is not loopback"),
        ({"advertise": "runner.example:7500"}, "advertise: runner.example is not loopback"),
        ({"listen": "0.0.0.0:7500", "insecure": True}, "advertise: '0.0.0.0' is everywhere"),
        ({"advertise": "[::]:1"}, "advertise: '::' is everywhere"),
        ({"advertise": "x"}, "advertise: 'x' is not HOST:PORT"),
    ],
)
def test_a_config_that_cannot_be(config: dict[str, Any], message: str) -> None:
    with pytest.raises(BadConfig) as raised:
        ExecutorConfig(**config)
    assert message in str(raised.value)
    assert isinstance(raised.value, StartError)


def test_a_config_that_can() -> None:
    for listen in ("127.0.0.1:0", "localhost:1", "[::1]:7500", "127.1.2.3:4"):
        ExecutorConfig(listen=listen)
    ExecutorConfig(listen="0.0.0.0:7500", advertise="runner:7500", insecure=True)


async def test_draining_lets_what_runs_finish_and_takes_nothing_new(
    start_executor: StartExecutor, lead: Lead, tmp_path: Path
) -> None:
    executor = await start_executor()
    stream = await (await lead(executor)).attach()
    go = tmp_path / "go"
    running = await stream.shell(f"until [ -e {go} ]; do sleep 0.02; done")
    await stream.started(running)
    stopping = asyncio.create_task(executor.stop(60))
    await stream.wait_for(lambda: [c for c in stream.capacities if c.draining])
    refused = await stream.refused(key := await stream.shell("true"))
    assert refused.reason == "draining"
    go.touch()
    assert (await stream.outcome(running)).state == "succeeded"
    assert not stopping.done()  # it waits for the acknowledgement
    await stream.acknowledge(running, key)
    async with asyncio.timeout(PATIENCE):
        await stopping
    error = await stream.wait_ended()
    assert error is not None and error.reason == "STOPPING"


async def test_what_does_not_finish_in_time_is_lost(start_executor: StartExecutor, lead: Lead) -> None:
    executor = await start_executor()
    stream = await (await lead(executor)).attach()
    key = await stream.shell("exec sleep 600")
    await stream.started(key)
    stopping = asyncio.create_task(executor.stop(0.1))
    outcome = await stream.outcome(key)
    assert (outcome.state, outcome.reason) == ("lost", "drained")
    await stream.acknowledge(key)
    await stopping


async def test_a_second_stop_hurries_the_first(start_executor: StartExecutor, lead: Lead) -> None:
    executor = await start_executor()
    stream = await (await lead(executor)).attach()
    key = await stream.shell("exec sleep 600")
    await stream.started(key)
    stopping = asyncio.create_task(executor.stop(600))
    await stream.wait_for(lambda: stream.capacities)
    async with asyncio.timeout(PATIENCE):
        await executor.stop()
        await stopping
    assert executor.running == 0


async def test_a_draining_executor_says_so_to_a_new_leader(start_executor: StartExecutor, lead: Lead) -> None:
    executor = await start_executor()
    leader = await lead(executor)
    stream = await leader.attach()
    key = await stream.shell("exec sleep 600")
    await stream.started(key)
    stopping = asyncio.create_task(executor.stop(600))
    await stream.wait_for(lambda: stream.capacities)
    assert (await leader.attach(2)).welcome.draining
    executor.hurry()
    await stopping


WITH_FAREWELL: dict[str, Any] = {"features": [pb.FEATURE_FAREWELL]}


async def test_one_that_drains_goes_when_its_leader_has_sent_all_that_was_recorded_for_it(
    start_executor: StartExecutor, lead: Lead
) -> None:
    executor = await start_executor()
    stream = await (await lead(executor)).attach(**WITH_FAREWELL)
    assert pb.FEATURE_FAREWELL in stream.welcome.features
    stopping = asyncio.create_task(executor.stop(60))
    await stream.wait_for(lambda: stream.capacities)
    recorded = await stream.shell("true")
    assert (await stream.refused(recorded)).reason == "draining"
    await stream.acknowledge(recorded)
    last = await stream.shell("true")
    await stream.farewell()
    await stream.refused(last)
    assert not stopping.done()
    await stream.acknowledge(last)
    async with asyncio.timeout(PATIENCE):
        await stopping


async def test_a_farewell_of_the_leader_before_is_not_the_next_ones(start_executor: StartExecutor, lead: Lead) -> None:
    executor = await start_executor()
    leader = await lead(executor)
    stream = await leader.attach(**WITH_FAREWELL)
    key = await stream.shell("exec sleep 600")
    await stream.started(key)
    stopping = asyncio.create_task(executor.stop(0.1))
    await stream.wait_for(lambda: stream.capacities)
    await stream.farewell()
    await stream.outcome(key)
    later = await leader.attach(2, **WITH_FAREWELL)
    await later.acknowledge(key)
    last = await later.shell("true")
    await later.refused(last)
    await later.acknowledge(last)
    assert not stopping.done()
    await later.farewell()
    async with asyncio.timeout(PATIENCE):
        await stopping


async def test_a_leader_that_knows_no_farewell_is_not_waited_for(
    start_executor: StartExecutor, lead: Lead, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("executor.service.FAREWELL_SECONDS", 600.0)
    executor = await start_executor()
    await (await lead(executor)).attach()
    async with asyncio.timeout(PATIENCE):
        await executor.stop(60)


async def test_one_that_no_leader_has_attached_to_waits_for_none(
    start_executor: StartExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("executor.service.FAREWELL_SECONDS", 600.0)
    executor = await start_executor()
    async with asyncio.timeout(PATIENCE):
        await executor.stop(60)


async def test_what_a_hurried_executor_ends_is_still_handed_back(start_executor: StartExecutor, lead: Lead) -> None:
    executor = await start_executor()
    stream = await (await lead(executor)).attach(**WITH_FAREWELL)
    key = await stream.shell("exec sleep 600")
    await stream.started(key)
    stopping = asyncio.create_task(executor.stop(600))
    await stream.wait_for(lambda: stream.capacities)
    executor.hurry()
    outcome = await stream.outcome(key)
    assert (outcome.state, outcome.reason) == ("lost", "drained")
    async with asyncio.timeout(PATIENCE):
        await stopping


async def test_a_hurried_executor_whose_leader_has_gone_waits_for_no_farewell(
    start_executor: StartExecutor, lead: Lead, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "HURRIED_FAREWELL_SECONDS", 600.0)
    executor = await start_executor()
    leader = await lead(executor)
    stream = await leader.attach(**WITH_FAREWELL)
    stopping = asyncio.create_task(executor.stop(60))
    await stream.wait_for(lambda: stream.capacities)
    executor.hurry()
    await leader.close()
    async with asyncio.timeout(PATIENCE):
        await stopping


async def test_a_broken_duty_is_told(start_executor: StartExecutor, caplog: pytest.LogCaptureFixture) -> None:
    executor = await start_executor()

    async def breaks() -> None:
        raise RuntimeError("broken")

    executor._begin(breaks())
    async with asyncio.timeout(PATIENCE):
        assert str(await executor.broken()) == "broken"
    assert "a duty of the executor broke" in caplog.text
    caplog.clear()


async def test_stop_without_a_start(stack: AsyncExitStack) -> None:
    await Executor(ExecutorConfig(), SystemClock(), InProcessCoordinator()).stop()
