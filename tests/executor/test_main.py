"""`python -m executor`: a real process, with a real ZooKeeper."""

import signal
import sys
from pathlib import Path

import pytest

from cronquorum.clock import SystemClock
from cronquorum.coordination.protocols import EXECUTORS, Member
from cronquorum.coordination.zookeeper import ZooKeeperCoordinator
from executor.__main__ import main
from tests.conftest import Spawn
from tests.executor.leader import leading
from tests.executor.test_shell import is_running, pid_in
from tests.rig.waiting import eventually_async

COMMAND = [sys.executable, "-m", "executor", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]


async def test_it_registers_runs_and_drains(spawn: Spawn, zk_chroot: str, tmp_path: Path) -> None:
    options = f"--zookeeper {zk_chroot} --executor-id a --data {tmp_path / 'data'} --slots 2 --label zone=a"
    tasks = "--kind shell --kind python --tasks tests.executor.sample"
    process = spawn("executor", [*COMMAND, *options.split(), *tasks.split()])
    coordinator = ZooKeeperCoordinator(zk_chroot, clock=SystemClock())
    await coordinator.start()
    try:
        watch = await coordinator.watch(EXECUTORS)

        def member() -> Member | None:
            return watch.current().get("a")

        found = await eventually_async(member)
        async with leading(found.address, "a") as leader:
            stream = await leader.attach()
            assert (stream.welcome.slots, dict(stream.welcome.labels)) == (2, {"zone": "a"})
            assert (await stream.outcome(await stream.shell("true"))).state == "succeeded"
            worker = await stream.python("pid", may_rerun=True)
            assert (await stream.outcome(worker)).state == "succeeded"
            go = tmp_path / "go"
            running = await stream.shell(f"until [ -e {go} ]; do sleep 0.02; done")
            await stream.started(running)
            process.send_signal(signal.SIGTERM)
            await stream.wait_for(lambda: [c for c in stream.capacities if c.draining])
            go.touch()
            assert (await stream.outcome(running)).state == "succeeded"
            await stream.acknowledge(running)
            await stream.wait_ended()
        await eventually_async(lambda: not process.running)
        assert process.returncode == 0, process.tail()
        await eventually_async(lambda: member() is None)
        assert "Traceback" not in process.tail()
    finally:
        await coordinator.close()


async def test_workers_end_with_an_executor_that_is_killed(spawn: Spawn, zk_chroot: str, tmp_path: Path) -> None:
    process = spawn("executor", [*COMMAND, "--zookeeper", zk_chroot, "--tasks", "tests.executor.sample"])
    address = process.wait_for_line(r'"address": "([^"]+)"')[1]
    executor_id = process.wait_for_line(r'"executor": "([^"]+)"')[1]
    async with leading(address, executor_id) as leader:
        stream = await leader.attach()
        stubborn = await stream.python("stubborn", may_rerun=True)
        child = await stream.python("wait-process", {"marker": str(tmp_path / "m")}, may_rerun=True)
        pids = [
            pid_in(await stream.wait_output(stubborn, b"\n"), "pid "),
            pid_in(await stream.wait_output(child, b"\n"), "child "),
        ]
        process.kill()
    await eventually_async(lambda: not any(is_running(pid) for pid in pids))


ZK = ["--zookeeper", "127.0.0.1:1"]


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        ([], 2, "no zookeeper given: use --zookeeper"),
        ([*ZK, "--slot", "3"], 2, "unknown flag '--slot'; did you mean '--slots'?"),
        ([*ZK, "--slots", "0"], 2, "--slots: '0' is less than 1"),
        ([*ZK, "--kind", "http"], 2, "--kind: 'http' is not 'shell', 'python' or 'kubernetes'"),
        ([*ZK, "--label", "x"], 2, "--label: 'x' is not KEY=VALUE"),
        ([*ZK, "--lease", "5s"], 2, "lease: 5 s is less than 3 session timeouts of 4 s"),
        ([*ZK, "--listen", "0.0.0.0:7500"], 2, "is not loopback, and the traffic is plain text"),
        ([*ZK, "--executor-id", "a b"], 2, "executor id: 'a b' is not"),
    ],
)
def test_wrong_usage(argv: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        returned = main(argv)
    except SystemExit as exit_:
        assert isinstance(exit_.code, int)
        returned = exit_.code
    assert returned == code
    printed = capsys.readouterr().err
    assert message in printed and printed.startswith("executor: ") and len(printed.splitlines()) == 1


def test_no_zookeeper(spawn: Spawn) -> None:
    process = spawn("executor", [*COMMAND, *ZK])
    assert process.wait(30) == 1
    assert "executor: no ZooKeeper answers at 127.0.0.1:1" in process.tail()
    assert "Traceback" not in process.tail()


def test_a_task_module_that_cannot_be_imported(spawn: Spawn, zk_chroot: str) -> None:
    process = spawn("executor", [*COMMAND, "--zookeeper", zk_chroot, "--tasks", "no.such"])
    assert process.wait(30) == 1
    assert "executor: cannot import task module 'no.such': ModuleNotFoundError" in process.tail()
