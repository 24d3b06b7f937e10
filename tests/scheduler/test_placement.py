"""Placement: who gets an execution now, and in which order the others wait."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from jobstore.model import Execution
from jobstore.states import State
from scheduler import routing, settle
from scheduler.leader.placement import SLACK, Limits
from tests.scheduler.building import NOW, TERM, job
from tests.scheduler.yard import Executor, Yard

SECOND = timedelta(seconds=1)


@pytest.fixture
def yard() -> Yard:
    return Yard()


def test_a_free_executor_gets_it_at_once(yard: Yard) -> None:
    yard.offer(Executor("executor-1"))
    placed = yard.place(yard.job())
    assert (placed.state, placed.executor_id, placed.incarnation) == (State.DISPATCHED, "executor-1", "i-1")
    assert (placed.placement, placed.epoch, placed.reason, placed.dispatched) == (1, TERM.epoch, "", NOW)


@pytest.mark.parametrize(
    ("executors", "manifest", "reason"),
    [
        ([], {}, "no executor is attached"),
        (
            [Executor("a", kinds=frozenset({"python"}))],
            {},
            "no executor accepts tasks of kind shell",
        ),
        (
            [Executor("a", labels={"zone": "b"})],
            {"routing": {"selector": "zone=a"}},
            "no executor matches the selector 'zone=a'",
        ),
        ([Executor("a", slots=0), Executor("b", slots=0)], {}, "no free slot on 2 executors"),
    ],
)
def test_whoever_waits_has_the_reason_on_its_record(
    yard: Yard, executors: list[Executor], manifest: dict[str, Any], reason: str
) -> None:
    yard.offer(*executors)
    waiting = yard.place(yard.job(**manifest))
    assert (waiting.state, waiting.reason) == (State.PENDING, reason)
    assert waiting.check_at == NOW + settle.CHECK_PENDING


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(running=2), "limit of 2 running in the cluster"),
        (Limits(running_per_namespace=2), "limit of 2 running in namespace default"),
    ],
)
def test_limits_hold_back_what_there_would_be_room_for(limits: Limits, reason: str) -> None:
    yard = Yard(limits)
    yard.offer(Executor("a", slots=10))
    uid = yard.job()
    first, second, third = (yard.place(uid) for _ in range(3))
    assert (first.state, second.state) == (State.DISPATCHED, State.DISPATCHED)
    assert (third.state, third.reason) == (State.PENDING, reason)
    assert yard.pump() == []
    yard.end(first)
    assert [row.id for row in yard.pump()] == [third.id]


def test_a_namespace_at_its_limit_holds_no_other_one_up() -> None:
    yard = Yard(Limits(running_per_namespace=1))
    executor = Executor("a", slots=2)
    yard.offer(executor)
    uid = yard.job()
    yard.place(uid, namespace="loud")
    loud = [yard.place(uid, namespace="loud") for _ in range(3)]
    other = yard.place(uid, namespace="other")
    quiet = yard.place(uid, namespace="quiet")
    assert quiet.reason == "no free slot on 1 executors"
    yard.end(other)
    assert [row.id for row in yard.pump()] == [quiet.id]
    assert all(row.state is State.PENDING for row in loud)


def test_the_oldest_gets_a_free_slot(yard: Yard) -> None:
    yard.offer(Executor("a"))
    uid = yard.job()
    running = yard.place(uid)
    waiting = [yard.place(uid) for _ in range(5)]
    order = []
    for _ in range(5):
        yard.end(running)
        (running,) = yard.pump()
        order.append(running.id)
    assert order == [row.id for row in waiting]


def test_the_oldest_gets_a_free_slot_whatever_its_demand(yard: Yard) -> None:
    yard.offer(Executor("a", labels={"zone": "a"}))
    anywhere, zone_a = yard.job(), yard.job(routing={"selector": "zone=a"})
    running = yard.place(anywhere)
    waiting = [yard.place(uid) for uid in (anywhere, zone_a, anywhere, zone_a, zone_a, anywhere)]
    order = []
    for _ in waiting:
        yard.end(running)
        (running,) = yard.pump()
        order.append(running.id)
    assert order == [row.id for row in waiting]


def test_whoever_nobody_can_take_holds_up_nobody_with_another_demand(yard: Yard) -> None:
    yard.offer(Executor("a"))
    nowhere = yard.place(yard.job(routing={"selector": "zone=mars"}))
    running = yard.place(yard.job())
    waiting = yard.place(yard.job())
    yard.end(running)
    assert [row.id for row in yard.pump()] == [waiting.id]
    assert nowhere.state is State.PENDING


def test_as_many_are_placed_as_there_is_room_for(yard: Yard) -> None:
    uid = yard.job()
    waiting = [yard.place(uid) for _ in range(7)]
    yard.offer(Executor("a", slots=2), Executor("b", slots=3))
    assert [row.id for row in yard.pump()] == [row.id for row in waiting[:5]]
    assert yard.ledger.used_slots(("a", "i-1")) == 2
    assert yard.ledger.used_slots(("b", "i-1")) == 3


def test_pumping_without_a_change_changes_nothing(yard: Yard) -> None:
    uid = yard.job(startDeadline="15m")
    for _ in range(5):
        yard.place(uid)
    assert yard.pump() == []
    yard.offer(Executor("a", kinds=frozenset({"python"})))
    assert yard.pump() == []
    yard.now += SECOND
    assert yard.pump() == []


def test_a_refused_one_goes_to_the_next_candidate_without_using_up_an_attempt(yard: Yard) -> None:
    yard.offer(Executor("a"), Executor("b"))
    first = yard.place(yard.job())
    second = yard.refuse(first)
    assert {first.executor_id, second.executor_id} == {"a", "b"}
    assert (second.state, second.attempt, second.placement) == (State.DISPATCHED, 1, 2)
    third = yard.refuse(second, "unknownTask: reports:nightly")
    assert third.state is State.PENDING
    assert third.reason == f"refused by {_both(first, second)}"
    assert third.check_at == NOW + settle.REFUSED_RETRY
    assert yard.pump() == []  # and again, no write for nothing
    yard.now += 5 * SECOND
    assert yard.pump() == []


def _both(first: Execution, second: Execution) -> str:
    refusals = {first.executor_id: "noSlot: full", second.executor_id: "unknownTask: reports:nightly"}
    return ", ".join(f"{name} ({why})" for name, why in sorted(refusals.items()))


def test_those_who_refused_are_asked_again_later(yard: Yard) -> None:
    yard.offer(Executor("a"))
    row = yard.place(yard.job())
    waiting = yard.refuse(row)
    assert waiting.reason == "refused by a (noSlot: full)"
    yard.now += settle.REFUSED_RETRY
    yard.placement.ask_again(row.id)
    again = yard.again(waiting)
    assert (again.state, again.executor_id, again.placement) == (State.DISPATCHED, "a", 2)


def test_a_newcomer_is_asked_at_once_by_whoever_was_refused(yard: Yard) -> None:
    yard.offer(Executor("a"))
    waiting = yard.refuse(yard.place(yard.job()))
    yard.offer(Executor("a"), Executor("b"))
    (placed,) = yard.pump()
    assert (placed.id, placed.executor_id) == (waiting.id, "b")


def test_a_refused_one_does_not_hold_up_those_behind_it(yard: Yard) -> None:
    yard.offer(Executor("a"))
    picky, plain = yard.job(), yard.job()
    refused = yard.refuse(yard.place(picky))
    blocker = yard.place(plain)
    behind = yard.place(plain)
    yard.end(blocker)
    assert [row.id for row in yard.pump()] == [behind.id]
    assert refused.state is State.PENDING


def test_too_late_to_start_is_skipped(yard: Yard) -> None:
    uid = yard.job(startDeadline="10s")
    in_time = yard.place(uid)
    assert in_time.check_at == NOW + timedelta(seconds=10, milliseconds=1)
    yard.now += 10 * SECOND
    last = yard.place(uid)
    assert last.state is State.PENDING
    assert last.check_at == yard.now + timedelta(milliseconds=1)
    yard.now += timedelta(milliseconds=1)
    late = yard.place(uid)
    assert (late.state, late.reason, late.ended) == (State.SKIPPED, "startDeadline", yard.now)
    # and whoever waited is skipped when its turn comes
    yard.offer(Executor("a", slots=5))
    assert {row.state for row in yard.pump()} == {State.SKIPPED}
    assert len(yard.ledger) == 0


def test_what_ended_or_was_placed_meanwhile_is_passed_over(yard: Yard) -> None:
    uid = yard.job()
    first, second, third = (yard.place(uid) for _ in range(3))
    yard.ledger.put(settle.cancel(first, "enough", NOW))
    yard.ledger.forget(second.id)
    yard.offer(Executor("a", slots=5))
    assert [row.id for row in yard.pump()] == [third.id]
    assert yard.pump() == []


def test_whoever_comes_back_stands_at_the_end_and_once(yard: Yard) -> None:
    yard.offer(Executor("a"))
    uid = yard.job()
    running = yard.place(uid)
    first, second = yard.place(uid), yard.place(uid)
    yard.offer(Executor("b"))
    placed = yard.again(first)  # looked at by itself, past the line
    assert placed.executor_id == "b"
    yard.offer(Executor("a"))
    back = yard.again(yard.ledger.put(settle.give_back(placed, "draining: later", NOW)))
    assert back.state is State.PENDING
    yard.end(running)
    assert [row.id for row in yard.pump()] == [second.id]
    yard.end(second)
    assert [row.id for row in yard.pump()] == [first.id]
    assert yard.pump() == []


def test_a_definition_that_is_not_at_hand_waits_for_its_time(yard: Yard) -> None:
    uid = yard.job()
    row = yard.place(uid)
    yard.catalog._definitions.clear()
    yard.offer(Executor("a"))
    assert yard.pump() == []
    yard.catalog.compile(job(uid=uid))
    assert yard.again(row).state is State.DISPATCHED


def test_what_waited_and_is_gone_leaves_nothing_behind(yard: Yard) -> None:
    uid = yard.job(startDeadline="1s")
    yard.place(yard.job())  # one that stays, at the head
    for _ in range(3 * SLACK):
        row = yard.place(uid)
        yard.ledger.put(settle.cancel(row, "enough", NOW))
    assert sum(len(line) for line in yard.placement._waiting.values()) <= SLACK + 10
    assert len(yard.placement._queued) <= SLACK + 10
    yard.offer(Executor("a"))
    for _ in range(3 * SLACK):
        row = yard.place(uid)
        if row.state is State.DISPATCHED:
            row = yard.refuse(row)
        yard.ledger.put(settle.cancel(row, "enough", NOW))
    assert len(yard.placement._refused_by) <= SLACK + 10


def test_each_job_has_its_own_turn(yard: Yard) -> None:
    yard.offer(*(Executor(name, slots=100) for name in "abc"))
    jobs = [yard.job(routing={"strategy": "roundRobin"}) for _ in range(2)]
    chosen = [[yard.place(uid).executor_id for _ in range(6)] for uid in jobs]
    assert chosen == [["a", "b", "c", "a", "b", "c"]] * 2


def test_an_executor_that_came_back_is_another_holder(yard: Yard) -> None:
    yard.offer(Executor("a"))
    old = yard.place(yard.job())
    yard.offer(Executor("a", incarnation="i-2"))
    new = yard.place(yard.job())
    assert (old.incarnation, new.incarnation) == ("i-1", "i-2")


def _broken(candidates: Any, request: Any) -> Any:
    raise RuntimeError("no idea")


def _foreign(candidates: Any, request: Any) -> Any:
    return routing.Candidate("nobody", 1, 0)


@pytest.fixture(params=[_broken, _foreign])
def strategy(request: pytest.FixtureRequest) -> Iterator[str]:
    routing.register("test-own", request.param)
    yield "test-own"
    del routing.STRATEGIES["test-own"]


def test_a_strategy_that_fails_concerns_its_own_jobs_alone(yard: Yard, strategy: str) -> None:
    yard.offer(Executor("a", slots=5))
    waiting = yard.place(yard.job(routing={"strategy": strategy}))
    assert waiting.state is State.PENDING
    assert waiting.reason.startswith("routing strategy test-own failed: ")
    assert yard.pump() == []
    assert yard.place(yard.job()).state is State.DISPATCHED
