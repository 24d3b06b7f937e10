"""The guardian of a real executor, with a real ZooKeeper: whoever is killed or stopped, nothing runs on."""

import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from executor.guarded import Guarded
from executor.guardian.life import GRACE, LeaseWatch
from executor.guardian.loop import LONGEST_PAUSE, pause_before
from executor.guardian.packets import Channel
from tests.conftest import Spawn
from tests.executor.leader import Stream, leading
from tests.executor.test_shell import is_running
from tests.rig.ports import free_port
from tests.rig.process import ManagedProcess, children_of, process_state
from tests.rig.waiting import eventually, eventually_async
from tests.rig.zookeeper import ZooKeeperServer

OPTIONS = "--metrics-listen 127.0.0.1:0 --session-timeout 1s --lease 3s --tasks tests.executor.sample"
FAMILY = """
echo $$ > {0}/shell
sleep 600 & echo $! > {0}/child
setsid sh -c 'echo $$ > {0}/daemon; sleep 600; :' &
sh -c '(setsid sh -c "echo \\$\\$ > {0}/orphan; sleep 600; :" &)'
until [ -s {0}/daemon ] && [ -s {0}/orphan ]; do sleep 0.01; done
echo up
wait
"""


@dataclass(frozen=True, kw_only=True)
class Guard:
    """A guardian and its executor."""

    process: ManagedProcess
    address: str

    def lives(self) -> list[dict[str, Any]]:
        """What each incarnation said of itself when it began to serve."""
        return [json.loads(line) for line in self.process.output().splitlines() if "executor started" in line]

    async def life(self, number: int) -> dict[str, Any]:
        """The n-th incarnation, from 1, once it serves."""
        found = await eventually_async(lambda: self.lives()[number - 1 :], 60, f"incarnation {number} serves")
        return found[0]

    @property
    def child(self) -> int:
        """The executor's process."""
        (found,) = (pid for pid in children_of(self.process.pid) if b"executor.guarded" in _command(pid))
        return found

    @asynccontextmanager
    async def attached(self, epoch: int = 1) -> AsyncIterator[Stream]:
        async with leading(self.address, self.lives()[-1]["executor"]) as leader:
            yield await leader.attach(epoch)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def guard(spawn: Spawn, zookeeper: str, *flags: str, name: str = "executor") -> Guard:
    address = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "executor", "--zookeeper", zookeeper, "--listen", address, *OPTIONS.split()]
    return Guard(process=spawn(name, [*command, *flags]), address=address)


async def start_family(stream: Stream, folder: Path) -> list[int]:
    """A task with descendants inside and outside of its group and session; their numbers."""
    key = await stream.shell(FAMILY.format(folder))
    await stream.wait_output(key, b"up")
    return [int((folder / name).read_text()) for name in ("shell", "child", "daemon", "orphan")]


async def test_an_executor_that_is_killed_takes_all_it_started_with_it_and_is_vouched_for(
    spawn: Spawn, zk_chroot: str, tmp_path: Path
) -> None:
    guarded = guard(spawn, zk_chroot)
    first = await guarded.life(1)
    async with guarded.attached() as stream:
        assert not stream.welcome.vouched
        pids = await start_family(stream, tmp_path)
        worker = await stream.python("stubborn", may_rerun=True)
        pids.append(int((await stream.wait_output(worker, b"\n")).split()[1]))
        os.kill(guarded.child, signal.SIGKILL)
        second = await guarded.life(2)
    assert not any(is_running(pid) for pid in pids)
    assert second["executor"] == first["executor"]  # also where nothing is kept on disk
    async with guarded.attached(2) as stream:
        assert stream.welcome.incarnation == second["incarnation"] != first["incarnation"]
        assert list(stream.welcome.vouched) == [first["incarnation"]] and not stream.held
        assert (await stream.outcome(await stream.shell("true"))).state == "succeeded"
    assert guarded.process.terminate(30) == 0


async def test_an_outcome_outlives_the_executor_until_it_is_acknowledged(
    spawn: Spawn, zk_chroot: str, tmp_path: Path
) -> None:
    guarded = guard(spawn, zk_chroot, "--data", str(tmp_path / "data"))
    first = await guarded.life(1)
    async with guarded.attached() as stream:
        key = await stream.shell("echo done; echo bad luck >&2; exit 3")
        early = await stream.outcome(key)
        running = await stream.shell("echo up; exec sleep 600")
        await stream.wait_output(running, b"up")
        os.kill(guarded.child, signal.SIGKILL)
    second = await guarded.life(2)
    async with guarded.attached() as stream:
        assert list(stream.welcome.vouched) == [first["incarnation"]] and second["vouched"] == 1
        assert stream.held == [key] and key.incarnation == first["incarnation"]
        outcome = await stream.outcome(key)
        assert (outcome.state, outcome.exit_code, outcome.error.tail) == ("failed", 3, "bad luck")
        assert stream.output(key) == b"done\n" and stream.output(key, "stderr") == b"bad luck\n"
        assert outcome.ended_age.ToNanoseconds() > early.ended_age.ToNanoseconds()
        assert abs(outcome.ran.ToNanoseconds() - early.ran.ToNanoseconds()) < 1000
        mine = await stream.shell("true")
        await stream.outcome(mine)
        await stream.acknowledge(key)
    async with guarded.attached() as stream:
        assert stream.held == [mine]
    assert guarded.process.terminate(30) == 0

    again = guard(spawn, zk_chroot, "--data", str(tmp_path / "data"), name="again")
    await again.life(1)
    async with again.attached() as stream:  # a new guardian vouches for nobody
        assert stream.held == [mine] and not stream.welcome.vouched
        assert (await stream.outcome(mine)).state == "succeeded"


async def test_a_guardian_that_is_killed_takes_its_executor_and_the_tasks_with_it(
    spawn: Spawn, zk_chroot: str, tmp_path: Path
) -> None:
    guarded = guard(spawn, zk_chroot)
    await guarded.life(1)
    async with guarded.attached() as stream:
        shell, child, daemon, orphan = await start_family(stream, tmp_path)
        pids = [guarded.child, shell, child, daemon]
        guarded.process.kill()
        try:
            await eventually_async(lambda: not any(is_running(pid) for pid in pids))
            await stream.wait_ended()
            # that they were killed is no outcome: as far as a leader knows, they are lost
            assert not [each for each in stream.reports if each.HasField("outcome")]
        finally:
            os.kill(orphan, signal.SIGKILL)  # it was the guardian's alone


async def test_what_a_task_leaves_behind_and_ends_later_stays_no_zombie(
    spawn: Spawn, zk_chroot: str, tmp_path: Path
) -> None:
    """As the first process of a container, where nobody else would see to it."""
    guarded = guard(spawn, zk_chroot, "--drain", "0s")
    await guarded.life(1)
    async with guarded.attached() as stream:
        *_, orphan = await start_family(stream, tmp_path)
        assert orphan in children_of(guarded.process.pid)
        os.kill(orphan, signal.SIGKILL)
        await eventually_async(lambda: orphan not in children_of(guarded.process.pid))
    assert guarded.process.terminate(30) == 0


async def test_an_executor_that_is_stopped_longer_than_its_lease_is_killed(
    spawn: Spawn, zk_chroot: str, tmp_path: Path
) -> None:
    guarded = guard(spawn, zk_chroot, "--data", str(tmp_path / "data"))
    first = await guarded.life(1)
    async with guarded.attached() as stream:
        pids = await start_family(stream, tmp_path)
        child = guarded.child
        os.kill(child, signal.SIGSTOP)
        await eventually_async(lambda: process_state(child) == "T")
        await eventually_async(lambda: not any(is_running(pid) for pid in (child, *pids)), 30)
    await guarded.life(2)
    async with guarded.attached() as stream:
        assert list(stream.welcome.vouched) == [first["incarnation"]]
    assert "lease over and nothing heard" in guarded.process.output()


async def test_a_thread_that_cannot_be_ended_does_not_outlive_the_lease(spawn: Spawn) -> None:
    with ZooKeeperServer() as server:
        guarded = guard(spawn, server.hosts)
        first = await guarded.life(1)
        async with guarded.attached() as stream:
            key = await stream.python("deaf")
            await stream.wait_output(key, b"deaf")
            child = guarded.child
            stream.grants = False
            server.suspend()
            await eventually_async(lambda: not is_running(child), 30)
        server.resume()
        await guarded.life(2)
        async with guarded.attached() as stream:
            assert list(stream.welcome.vouched) == [first["incarnation"]]
        assert guarded.process.terminate(30) == 0


async def test_a_second_signal_hurries(spawn: Spawn, zk_chroot: str) -> None:
    guarded = guard(spawn, zk_chroot, "--drain", "10m")
    await guarded.life(1)
    async with guarded.attached() as stream:
        key = await stream.shell("echo up; exec sleep 600")
        await stream.wait_output(key, b"up")
        guarded.process.send_signal(signal.SIGTERM)
        os.kill(guarded.child, signal.SIGTERM)  # as a service manager does that tells everybody
        await stream.wait_for(lambda: [each for each in stream.capacities if each.draining])
        guarded.process.send_signal(signal.SIGINT)
        outcome = await stream.outcome(key)
        assert (outcome.state, outcome.reason) == ("lost", "drained")
    assert guarded.process.wait() == 0


async def test_nobody_else_gets_the_data_directory_between_two_incarnations(
    spawn: Spawn, zk_chroot: str, tmp_path: Path
) -> None:
    guarded = guard(spawn, zk_chroot, "--data", str(tmp_path / "data"))
    await guarded.life(1)
    for number in range(2):
        os.kill(guarded.child, signal.SIGKILL)
        other = guard(spawn, zk_chroot, "--data", str(tmp_path / "data"), name=f"other-{number}")
        assert other.process.wait() == 1
        assert "is in use by another executor: give each its own (--data)" in other.process.output()
        await guarded.life(2 + number)


def test_a_crash_loop_is_slowed_down(spawn: Spawn, zk_chroot: str, tmp_path: Path) -> None:
    (tmp_path / "crashing.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    command = [sys.executable, "-m", "executor", "--zookeeper", zk_chroot, "--listen", "127.0.0.1:0"]
    command += ["--metrics-listen", "127.0.0.1:0"]
    path = os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", "")))
    process = spawn("executor", [*command, "--tasks", "crashing"], {"PYTHONPATH": path})

    def pauses() -> list[float]:
        lines = process.output().splitlines()
        return [json.loads(line)["pause"] for line in lines if "executor died" in line]

    eventually(lambda: len(pauses()) >= 4, 60)
    assert pauses()[:4] == [0, 0.1, 0.2, 0.4]
    assert process.terminate() in (0, 128 + signal.SIGKILL)


def test_pauses_are_bounded() -> None:
    assert [pause_before(n) for n in (1, 2, 3, 8, 9, 10_000)] == [0, 0.1, 0.2, 6.4, LONGEST_PAUSE, LONGEST_PAUSE]


def test_a_lease_is_watched_until_it_is_released() -> None:
    watch = LeaseWatch()
    assert watch.deadline is None
    watch.extended(100, 10)
    watch.extended(90, 10)  # an answer that came late
    assert watch.deadline == 100 + 10 * GRACE
    watch.released(99)
    assert watch.deadline is not None
    watch.released(100)
    assert watch.deadline is None
    watch.extended(120, 10)
    assert watch.deadline == 120 + 10 * GRACE


@pytest.fixture
def channels() -> Iterator[tuple[Channel, Channel]]:
    pair = Channel.pair()
    yield pair
    for end in pair:
        end.close()


def test_a_lease_that_was_lost_is_not_extended_before_its_attempts_have_ended(
    channels: tuple[Channel, Channel],
) -> None:
    ours, theirs = channels
    ward = Guarded(theirs, None)

    def told() -> list[tuple[str, float]]:
        heard: list[tuple[str, float]] = []
        while True:
            try:
                packet = ours.receive(wait=False)
            except BlockingIOError:
                return heard
            assert packet is not None
            heard.append((packet.said["what"], packet.said["until"]))

    ward.extended(100, 15)
    ward.lost()
    ward.extended(120, 15)
    assert told() == [("lease", 100)] and not ward.may_start
    ward.released()
    assert told() == [("released", 100), ("lease", 120)] and ward.may_start
    ward.lost()
    ward.released()
    assert told() == [("released", 120)]


@pytest.mark.parametrize("garbage", [b"{", b"3", b"\xff"])
def test_a_packet_that_is_none_is_refused(garbage: bytes, channels: tuple[Channel, Channel]) -> None:
    ours, theirs = channels
    theirs._end.send(garbage)
    with pytest.raises(ValueError):
        ours.receive(wait=False)
    theirs.send(what="lease")
    packet = ours.receive()
    assert packet is not None and packet.said == {"what": "lease"}
    theirs.close()
    assert ours.receive() is None
