"""The contract in `jobstore/changes.py`: taking back what was recorded and never sent."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from jobstore.changes import Change, MoveExecution, MoveTrigger, NewExecution, PutJob, VoidExecution
from jobstore.errors import BadChange, StaleTerm
from jobstore.model import Execution, Term
from jobstore.protocols import ExecutionQuery
from jobstore.sql.bulk import Written
from jobstore.sql.store import SqlStore
from jobstore.sql.writes import plan
from jobstore.states import State
from tests.jobstore.stores import KINDS, SECOND, START, ahead, ended, fire, job, put, run, stores, terms, uid, urls

url = urls(*KINDS)
store = stores()
term = terms()

REPORT = job()
FIRE = ahead(REPORT)
OTHER = ahead(REPORT, START + SECOND)


def kept(store: SqlStore) -> list[Execution]:
    return sorted(store.executions(ExecutionQuery(limit=1000)), key=lambda each: each.scheduled_time)


def test_a_void_takes_back_an_execution_that_was_never_sent(store: SqlStore, term: Term) -> None:
    put(store, term, FIRE, OTHER)
    store.commit(term, [VoidExecution(FIRE.id)])
    assert kept(store) == [OTHER]
    assert store.open_executions(None, 10) == [OTHER]


def test_a_manual_run_that_waits_can_be_taken_back_too(store: SqlStore, term: Term) -> None:
    waiting = run(REPORT)
    put(store, term, waiting)
    store.commit(term, [VoidExecution(waiting.id)])
    assert kept(store) == []


SENT = {
    "dispatched": fire(REPORT),
    "running": fire(REPORT, state=State.RUNNING, started=START),
    "retrying": ahead(REPORT, state=State.RETRYING),
    "held": ahead(REPORT, state=State.HELD),
    "skipped": ended(FIRE, State.SKIPPED),
    "cancelled": ended(FIRE, State.CANCELLED),
    "in its second attempt": ahead(REPORT, attempt=2),
    "placed before": ahead(REPORT, placement=1),
}


@pytest.mark.parametrize("case", SENT)
def test_a_void_is_refused_unless_pending_in_its_first_attempt_and_never_placed(
    store: SqlStore, term: Term, case: str
) -> None:
    """Also beside others, which then stay."""
    put(store, term, FIRE, OTHER)
    store.commit(term, [MoveExecution(SENT[case])])
    with pytest.raises(BadChange, match=f"sent, or waits no more: '{FIRE.id}'"):
        store.commit(term, [VoidExecution(OTHER.id), VoidExecution(FIRE.id)])
    assert kept(store) == [SENT[case], OTHER]


def test_a_void_is_refused_unless_the_row_is_there(store: SqlStore, term: Term) -> None:
    put(store, term, OTHER)
    with pytest.raises(BadChange, match=f"not there: '{FIRE.id}'"):
        store.commit(term, [VoidExecution(FIRE.id)])
    with pytest.raises(BadChange, match="not there"):
        store.commit(term, [VoidExecution(OTHER.id), VoidExecution(FIRE.id)])
    assert kept(store) == [OTHER]


def test_a_void_of_a_stale_term_is_refused(store: SqlStore, term: Term) -> None:
    put(store, term, FIRE)
    store.begin_term(2, "ensemble-1", "node-2")
    with pytest.raises(StaleTerm):
        store.commit(term, [VoidExecution(FIRE.id)])
    assert kept(store) == [FIRE]


# ----------------------------------------------------------------------- in order, in one transaction

SKIPPED = ended(FIRE, State.SKIPPED)
ANOTHER = replace(SKIPPED, id=uid())
WAITS = replace(FIRE, reason="noExecutor")
MOVE_ON = MoveTrigger(REPORT.triggers[0].uid, START + SECOND, START, 1)

# what follows a stored FIRE and OTHER, and what is left then
ORDERS: dict[str, tuple[Callable[[], list[Change]], list[Execution]]] = {
    "another record of the same id": (lambda: [VoidExecution(FIRE.id), NewExecution(SKIPPED)], [SKIPPED, OTHER]),
    "another record of the same fire": (lambda: [VoidExecution(FIRE.id), NewExecution(ANOTHER)], [ANOTHER, OTHER]),
    "new, and moved": (
        lambda: [VoidExecution(FIRE.id), NewExecution(FIRE), MoveExecution(fire(REPORT))],
        [fire(REPORT), OTHER],
    ),
    "moved, then void": (lambda: [MoveExecution(WAITS), VoidExecution(FIRE.id)], [OTHER]),
    "moved, then void, then new": (
        lambda: [MoveExecution(WAITS), VoidExecution(FIRE.id), NewExecution(SKIPPED)],
        [SKIPPED, OTHER],
    ),
    "void, new, void": (lambda: [VoidExecution(FIRE.id), NewExecution(FIRE), VoidExecution(FIRE.id)], [OTHER]),
    "void, new, moved, void, new": (
        lambda: [
            VoidExecution(FIRE.id),
            NewExecution(FIRE),
            MoveExecution(WAITS),
            VoidExecution(FIRE.id),
            NewExecution(SKIPPED),
        ],
        [SKIPPED, OTHER],
    ),
    "void before an edit, and new after it": (
        lambda: [VoidExecution(FIRE.id), VoidExecution(OTHER.id), PutJob(REPORT), NewExecution(FIRE)],
        [FIRE],
    ),
    "beside the move of its trigger": (lambda: [MOVE_ON, VoidExecution(FIRE.id), MOVE_ON], [OTHER]),
}


@pytest.mark.parametrize("case", ORDERS)
def test_a_void_is_written_in_its_order(store: SqlStore, term: Term, case: str) -> None:
    changes, left = ORDERS[case]
    put(store, term, FIRE, OTHER)
    store.commit(term, changes())
    assert kept(store) == left


def test_what_is_new_may_be_void_in_the_same_transaction(store: SqlStore, term: Term) -> None:
    """And is gone as if it had never been."""
    store.commit(term, [NewExecution(FIRE), NewExecution(OTHER), MoveExecution(WAITS), VoidExecution(FIRE.id)])
    assert kept(store) == [OTHER]
    store.commit(term, [NewExecution(FIRE), VoidExecution(FIRE.id), NewExecution(SKIPPED)])
    assert kept(store) == [SKIPPED, OTHER]


REFUSED: dict[str, Callable[[], list[Change]]] = {
    "twice": lambda: [VoidExecution(FIRE.id), VoidExecution(FIRE.id)],
    "sent first": lambda: [MoveExecution(fire(REPORT)), VoidExecution(FIRE.id)],
    "moved after": lambda: [VoidExecution(FIRE.id), MoveExecution(WAITS)],
    "moved before it is there again": lambda: [VoidExecution(FIRE.id), MoveExecution(WAITS), NewExecution(FIRE)],
    "new before": lambda: [NewExecution(FIRE), VoidExecution(FIRE.id)],
    "new after, as another's": lambda: [VoidExecution(FIRE.id), NewExecution(run(REPORT, START + SECOND, id=OTHER.id))],
    "new twice after": lambda: [VoidExecution(FIRE.id), NewExecution(FIRE), NewExecution(FIRE)],
    "not there yet": lambda: [VoidExecution(uid()), NewExecution(ahead(REPORT, START + 2 * SECOND))],
    "born sent": lambda: [VoidExecution(FIRE.id), NewExecution(fire(REPORT)), VoidExecution(FIRE.id)],
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_in_its_order_is_refused_in_one_transaction(store: SqlStore, term: Term, case: str) -> None:
    put(store, term, FIRE, OTHER)
    with pytest.raises(BadChange):
        store.commit(term, REFUSED[case]())
    assert kept(store) == [FIRE, OTHER]


def test_many_are_one_statement(store: SqlStore, term: Term) -> None:
    """Also when each is followed by what takes its place."""
    fires = [ahead(REPORT, START + n * SECOND) for n in range(300)]
    skipped = [ended(each, State.SKIPPED) for each in fires]
    put(store, term, *fires)
    changes = [c for old, new in zip(fires, skipped, strict=True) for c in (VoidExecution(old.id), NewExecution(new))]
    steps = [step for step in plan(changes, store.database.bulk) if isinstance(step, Written)]
    assert [each.sql.split()[0] for step in steps for each in step.statements] == ["DELETE", "INSERT"]
    store.commit(term, changes)
    assert kept(store) == skipped
