"""The lease: its pure state, and an executor that nobody vouches for."""

import asyncio
from collections.abc import Collection
from datetime import timedelta

import pytest

from cronquorum.clock import SystemClock
from cronquorum.coordination.inprocess import InProcessCoordinator
from cronquorum.coordination.protocols import Member, Registration
from executor.lease import Lease, LeaseState
from tests.executor.conftest import Lead, StartExecutor
from tests.executor.test_shell import is_running, pid_in


class HandClock(SystemClock):
    """Its boottime is moved by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 100.0

    def boottime(self) -> float:
        return self.time


def test_a_lease_begins_with_a_whole_one() -> None:
    state = LeaseState(15, now=100)
    assert state.holds(114.9) and not state.holds(115)
    assert state.remaining(110) == 5 and state.remaining(200) == 0


def test_an_answer_counts_from_the_send_of_its_question() -> None:
    state = LeaseState(15, now=100)
    asked = state.ask(105)
    state.answered(asked)  # however late it comes
    assert state.holds(119.9) and not state.holds(120.1)


def test_only_answers_to_questions_that_were_asked_count() -> None:
    state = LeaseState(15, now=100)
    asked = state.ask(105)
    for forged in (asked + 1, 10**18, 0, -1):
        state.answered(forged)
    state.forget_questions()
    state.answered(asked)
    assert not state.holds(115)


def test_an_older_answer_takes_nothing_back() -> None:
    state = LeaseState(15, now=100)
    first, second = state.ask(105), state.ask(110)
    state.answered(second)
    state.answered(first)
    assert state.holds(124.9)


def test_memory_of_questions_is_bounded() -> None:
    state = LeaseState(15, now=100)
    first = state.ask(100.5)
    for number in range(20):
        state.ask(101 + number)
    state.answered(first)
    assert not state.holds(115.2)


def test_that_a_lease_ran_out_is_noticed_before_anything_extends_it() -> None:
    clock, lost = HandClock(), []
    lease = Lease(15, clock, lambda: lost.append(clock.time))
    asked = lease.ask()
    clock.time = 114
    assert lease.holds() and lost == []
    clock.time = 160  # the host was suspended
    lease.answered(asked)
    assert lost == [160] and not lease.holds()
    lease.answered(lease.ask())
    assert lost == [160] and lease.holds()
    clock.time = 180
    assert not lease.holds() and not lease.holds()
    assert lost == [160, 180]


async def test_a_proof_counts_from_its_send_and_a_failing_witness_for_nothing() -> None:
    clock, lost = HandClock(), []
    lease = Lease(15, clock, lambda: lost.append(clock.time))

    async def slow(answer: bool) -> bool:
        clock.time += 10
        return answer

    await lease.prove(lambda: slow(True))  # sent at 100
    assert lease.holds()
    await lease.prove(lambda: slow(False))
    assert lost == [120] and not lease.holds()
    await lease.prove(lambda: slow(True))  # sent at 120
    assert lease.holds() and clock.time == 130

    async def broken() -> bool:
        raise OSError("no route")

    await lease.prove(broken)
    clock.time = 134.9
    assert lease.holds()
    clock.time = 135
    assert not lease.holds()


async def test_questions_of_an_earlier_stream_are_void() -> None:
    clock = HandClock()
    lease = Lease(15, clock, lambda: None)
    asked = lease.ask()
    lease.begin_stream()
    clock.time = 101
    lease.answered(asked)
    clock.time = 115
    assert not lease.holds()


class SilentRegistration:
    """One whose coordinator can be cut off."""

    def __init__(self, real: Registration, contact: asyncio.Event) -> None:
        self._real = real
        self._contact = contact
        self.withdraw = real.withdraw
        self.update = real.update

    async def prove(self) -> bool:
        return self._contact.is_set() and await self._real.prove()


class CutCoordinator(InProcessCoordinator):
    """A coordinator whose contact can be taken away."""

    def __init__(self) -> None:
        super().__init__()
        self.contact = asyncio.Event()
        self.contact.set()

    async def announce(self, folder: str, member: Member, replaces: Collection[str] = ()) -> Registration:
        return SilentRegistration(await super().announce(folder, member), self.contact)


SHORT = timedelta(seconds=1)


async def test_attempts_end_with_a_lease_that_nobody_extends(start_executor: StartExecutor, lead: Lead) -> None:
    coordinator = CutCoordinator()
    await coordinator.start()
    leader = await lead(await start_executor(coordinator, lease=SHORT))
    stream = await leader.attach(1)
    key = await stream.shell("echo pid $$; exec sleep 600")
    pid = pid_in(await stream.wait_output(key, b"\n"), "pid ")
    coordinator.contact.clear()
    stream.grants = False
    error = await stream.wait_ended()
    assert error is not None and error.reason == "LEASE_LOST"

    second = leader.open(1)
    second.grants = False
    await second.hello(protocol=1, node_id="node-1", executor_id=stream.welcome.executor_id)
    assert second.held == [key]
    outcome = await second.outcome(key)
    assert (outcome.state, outcome.reason) == ("lost", "leaseExpired")
    assert not is_running(pid)
    refused = await second.refused(await second.shell("true"))
    assert refused.reason == "leaseExpired"

    third = await leader.attach(1)  # this one answers
    await third.wait_for(lambda: third.asked)
    while (key := await third.shell("true")) and await third.wait_for(
        lambda: third.find(key, "refused") or third.find(key, "outcome")
    ):
        if third.find(key, "outcome"):
            break
    assert (await third.outcome(key)).state == "succeeded"
    await coordinator.close()


@pytest.mark.parametrize("witness", ["leader", "coordinator"])
async def test_either_witness_alone_is_enough(start_executor: StartExecutor, lead: Lead, witness: str) -> None:
    coordinator = CutCoordinator()
    await coordinator.start()
    stream = await (await lead(await start_executor(coordinator, lease=SHORT))).attach()
    key = await stream.shell("sleep 2.5")  # longer than two leases
    if witness == "leader":
        coordinator.contact.clear()
    else:
        stream.grants = False
    assert (await stream.outcome(key)).state == "succeeded"
    await coordinator.close()
