"""The contract in `jobstore/protocols.py` and `jobstore/changes.py`: commit."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from jobstore.changes import (
    AddEvidence,
    AddOutput,
    Change,
    EndAttempt,
    KeepAnswer,
    MoveExecution,
    MoveTrigger,
    NewExecution,
    PutJob,
)
from jobstore.errors import BadChange, StaleTerm
from jobstore.model import Answer, Evidence, Execution, Missed, Output, TaskError, Term
from jobstore.protocols import ExecutionQuery, JobQuery
from jobstore.sql.store import SqlStore
from jobstore.states import BORN, FINAL, State
from tests.jobstore.stores import (
    KINDS,
    SECOND,
    START,
    attempt,
    ended,
    fire,
    job,
    kept_answer,
    put,
    run,
    stores,
    terms,
    uid,
    urls,
)

url = urls(*KINDS)
store = stores()
term = terms()

REPORT = job()
OTHER = job("other")


def answer(request_id: str = "r-1", **changes: object) -> Answer:
    base = Answer(scope="default/report", request_id=request_id, digest="d", answered=START, body=b"\x00\xff")
    return replace(base, **changes)  # type: ignore[arg-type]  # names and types are those of the class


def output(execution: Execution, seq: int = 0, data: bytes = b"\x00line\\\n\xff") -> Output:
    return Output(execution_id=execution.id, part=0, attempt=1, seq=seq, stream="stdout", data=data)


def evidence(execution: Execution) -> Evidence:
    return Evidence(
        execution_id=execution.id,
        executor_id="executor-9",
        incarnation="life-9",
        attempt=2,
        received=START,
        why="late",
        report={"state": "succeeded"},
    )


def everything(store: SqlStore) -> object:
    """All that can be read."""
    executions = store.executions(ExecutionQuery(limit=1000))
    return (
        store.jobs(JobQuery(limit=1000)),
        executions,
        [store.attempts(e.id) for e in executions],
        [store.output(e.id, 1, -1, 1000) for e in executions],
        [kept_answer(store, "default/report", f"r-{n}") for n in range(5)],
        store.due(START + timedelta(days=1), None, 1000),
    )


# --------------------------------------------------------------------------------- all, in order, or none


def test_all_changes_are_written_in_one_transaction(store: SqlStore, term: Term) -> None:
    execution = fire(REPORT)
    store.commit(
        term,
        [
            PutJob(REPORT),
            NewExecution(execution),
            MoveTrigger(REPORT.triggers[0].uid, START + SECOND, START, 1),
            EndAttempt(attempt(execution)),
            AddOutput(output(execution)),
            AddEvidence(evidence(execution)),
            KeepAnswer(answer()),
        ],
    )
    moved = replace(REPORT.triggers[0], next_fire=START + SECOND, previous_fire=START, fires=1)
    assert store.jobs(JobQuery()) == [replace(REPORT, triggers=(moved,))]
    assert store.execution(execution.id) == execution
    assert store.attempts(execution.id) == [attempt(execution)]
    assert store.output(execution.id, 1, -1, 10) == [output(execution)]
    assert kept_answer(store, "default/report", "r-1") == answer()


def test_an_empty_commit_only_proves_the_term(store: SqlStore, term: Term) -> None:
    store.commit(term, [])
    store.begin_term(2, "ensemble-1", "node-2")
    with pytest.raises(StaleTerm):
        store.commit(term, [])


BAD: dict[str, Callable[[], list[Change]]] = {
    "a second execution of one trigger at one scheduled time": lambda: [NewExecution(fire(REPORT, id=uid()))],
    "a second id": lambda: [NewExecution(run(OTHER, id=fire(REPORT).id))],
    "a second id in the same transaction": lambda: [NewExecution(fire(OTHER)), NewExecution(fire(OTHER))],
    "a job name in use": lambda: [PutJob(job())],
    "a job name in use in the same transaction": lambda: [PutJob(job("new")), PutJob(job("new"))],
    "a move of an execution that is final": lambda: [MoveExecution(fire(REPORT, START - SECOND, state=State.RUNNING))],
    "a second end": lambda: [MoveExecution(ended(fire(REPORT, START - SECOND), State.FAILED))],
    "a move of an execution that is final since this transaction": lambda: [
        MoveExecution(ended(fire(REPORT))),
        MoveExecution(fire(REPORT, state=State.RUNNING)),
    ],
    "a move of an execution that was born final": lambda: [
        NewExecution(ended(fire(OTHER), State.SKIPPED)),
        MoveExecution(ended(fire(OTHER), State.CANCELLED)),
    ],
    "a move of an execution that is not there": lambda: [MoveExecution(fire(OTHER))],
    "a move before the execution is there": lambda: [
        MoveExecution(fire(OTHER, state=State.RUNNING)),
        NewExecution(fire(OTHER)),
    ],
    "a good move beside a bad one": lambda: [
        MoveExecution(fire(REPORT, state=State.RUNNING)),
        MoveExecution(ended(fire(REPORT, START - SECOND), State.FAILED)),
    ],
    "a second end of an attempt": lambda: [EndAttempt(attempt(fire(REPORT)))],
    "a second answer to one request": lambda: [KeepAnswer(answer(digest="other"))],
    "a final execution that does not say when it ended": lambda: [MoveExecution(ended(fire(REPORT), ended=None))],
    "a result that is not JSON": lambda: [MoveExecution(ended(fire(REPORT), result=float("nan")))],
    "a result of a type that JSON has not": lambda: [MoveExecution(ended(fire(REPORT), result={1, 2}))],
    "a result that is nested without end": lambda: [MoveExecution(ended(fire(REPORT), result=_endless()))],
    "a NUL": lambda: [MoveExecution(fire(REPORT, reason="a\x00b"))],
    "half of a surrogate pair": lambda: [MoveExecution(fire(REPORT, reason="\ud800"))],
    "a number beyond 64 bits": lambda: [MoveExecution(fire(REPORT, epoch=2**63))],
    "a time without a zone": lambda: [MoveExecution(fire(REPORT, check_at=START.replace(tzinfo=None)))],
    "a birth in another state": lambda: [NewExecution(fire(OTHER, state=State.RUNNING))],
    "something that is no change": lambda: ["nonsense"],  # type: ignore[list-item]  # that is the point
}


def _endless() -> list[object]:
    endless: list[object] = []
    for _ in range(100_000):
        endless = [endless]
    return endless


@pytest.mark.parametrize("case", BAD)
def test_bad_change_for_data_that_cannot_be_written_and_nothing_is(store: SqlStore, term: Term, case: str) -> None:
    past = fire(REPORT, START - SECOND)
    put(store, term, REPORT, fire(REPORT), past)
    store.commit(term, [MoveExecution(ended(past)), EndAttempt(attempt(fire(REPORT))), KeepAnswer(answer())])
    before = everything(store)
    good: list[Change] = [
        NewExecution(fire(REPORT, START + SECOND)),
        MoveTrigger(REPORT.triggers[0].uid, START + SECOND, START, 1),
        KeepAnswer(answer("r-2")),
    ]
    with pytest.raises(BadChange) as refused:
        store.commit(term, good + BAD[case]())
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 600
    assert everything(store) == before
    store.commit(term, good)


def test_a_refusal_says_what_is_wrong(store: SqlStore, term: Term) -> None:
    put(store, term, REPORT, fire(REPORT))
    with pytest.raises(BadChange, match="a job of this name is there already"):
        put(store, term, job())
    with pytest.raises(BadChange, match=r"this fire .* has an execution already"):
        put(store, term, fire(REPORT, id=uid()))
    with pytest.raises(BadChange, match=f"not there: '{fire(OTHER).id}'"):
        store.commit(term, [MoveExecution(fire(OTHER))])
    store.commit(term, [MoveExecution(ended(fire(REPORT)))])
    with pytest.raises(BadChange, match=f"final: '{fire(REPORT).id}'"):
        store.commit(term, [MoveExecution(fire(REPORT))])


def test_stale_term_when_another_term_has_begun_even_if_the_data_is_bad(store: SqlStore, term: Term) -> None:
    store.begin_term(2, "ensemble-1", "node-2")
    with pytest.raises(StaleTerm):
        store.commit(term, [MoveExecution(fire(OTHER))])


# ------------------------------------------------------------------------------------------- executions


def test_every_field_of_an_execution_is_kept(store: SqlStore, term: Term) -> None:
    execution = fire(
        REPORT,
        START + timedelta(milliseconds=123),
        reason='"quoted" \\ back, {brace}, NULL, ünïcødé 🎉\n\t%s',
        attempt=3,
        placement=2,
        reruns=1,
        epoch=2**40,
        cancelling=True,
        recorded=START + timedelta(microseconds=1),
        started=START + timedelta(microseconds=999_999),
        progress=0.1,
        progress_note="NULL",
        params={"mode": "full", "list": [1, 2.5, None, True, "\x00", "\ud800"], "": {}},
        missed=Missed(count=3, first=START - 2 * SECOND, last=START),
        request_id="r",
    )
    put(store, term, execution)
    assert store.execution(execution.id) == execution
    final = replace(
        execution,
        state=State.TIMED_OUT,
        cancelling=False,
        check_at=None,
        ended=START + 2 * SECOND,
        result={"rows": 3, "nul": "\x00"},
        exit_code=-9,
        error=TaskError(type="Timeout", message="after 1s", tail="{a,b}\\\n"),
        progress=1.0,
        progress_note="",
    )
    store.commit(term, [MoveExecution(final)])
    assert store.execution(execution.id) == final


@pytest.mark.parametrize("result", [None, 0, 1, True, False, "", "text", [], {}, [None], 1.5, {"a": {"b": []}}])
def test_a_result_is_kept_as_it_is(store: SqlStore, term: Term, result: object) -> None:
    """Also beside others that Python takes for equal, such as 1 and True."""
    fires = [fire(REPORT, START + n * SECOND) for n in range(4)]
    results = [result, 1, True, None]
    put(store, term, *fires)
    store.commit(term, [MoveExecution(ended(f, result=r)) for f, r in zip(fires, results, strict=True)])
    for execution, expected in zip(fires, results, strict=True):
        found = store.execution(execution.id)
        assert found is not None
        assert (found.result, type(found.result)) == (expected, type(expected))


def test_what_is_given_as_another_zone_is_read_as_utc(store: SqlStore, term: Term) -> None:
    execution = fire(REPORT, check_at=(START + SECOND).astimezone(ZoneInfo("Asia/Tokyo")))
    put(store, term, execution)
    found = store.execution(execution.id)
    assert found is not None
    assert found.check_at == START + SECOND
    assert str(found.check_at) == "2026-03-01 12:00:01+00:00"


@pytest.mark.parametrize("state", sorted(BORN))
def test_an_execution_is_written_for_the_first_time_in_a_state_of_born(
    store: SqlStore, term: Term, state: State
) -> None:
    execution = fire(REPORT, state=state, ended=START if state.final else None)
    put(store, term, execution)
    assert store.execution(execution.id) == execution


@pytest.mark.parametrize("state", sorted(FINAL))
def test_final_states_never_change(store: SqlStore, term: Term, state: State) -> None:
    execution = fire(REPORT)
    put(store, term, execution)
    final = ended(execution, state)
    store.commit(term, [MoveExecution(final)])
    for target in State:
        with pytest.raises(BadChange):
            store.commit(term, [MoveExecution(replace(final, state=target, reason="late"))])
    assert store.execution(execution.id) == final


def test_the_last_of_several_moves_stays(store: SqlStore, term: Term) -> None:
    execution = fire(REPORT)
    running = replace(execution, state=State.RUNNING, started=START)
    store.commit(
        term,
        [NewExecution(execution), MoveExecution(running), MoveExecution(ended(running, result="done"))],
    )
    assert store.execution(execution.id) == ended(running, result="done")


def test_a_move_leaves_what_an_execution_was_born_with(store: SqlStore, term: Term) -> None:
    execution = fire(REPORT, params={"a": 1})
    put(store, term, execution)
    store.commit(
        term,
        [MoveExecution(replace(execution, revision=9, recorded=START + SECOND, params={}, reason="why"))],
    )
    assert store.execution(execution.id) == replace(execution, reason="why")


def test_many_fires_in_one_commit(store: SqlStore, term: Term) -> None:
    jobs = [job(f"job-{n:03}") for n in range(300)]
    put(store, term, *jobs)
    fires = [fire(each, START + n * timedelta(milliseconds=7)) for n, each in enumerate(jobs)]
    put(store, term, *fires)
    done = [ended(f, result={"n": n}, reason=f"r{n % 3}") for n, f in enumerate(fires)]
    store.commit(term, [MoveExecution(each) for each in done])
    assert sorted(store.executions(ExecutionQuery(limit=1000)), key=lambda e: e.scheduled_time) == done


def test_a_manual_run_has_no_trigger_and_any_number_may_have_one_time(store: SqlStore, term: Term) -> None:
    runs = [run(REPORT), run(REPORT)]
    put(store, term, *runs)
    assert {e.id for e in store.executions(ExecutionQuery())} == {r.id for r in runs}


# ------------------------------------------------------------------------- attempts, output, evidence, ...


def test_the_same_output_again_changes_nothing(store: SqlStore, term: Term) -> None:
    execution = fire(REPORT)
    first, second = output(execution, 0), output(execution, 1)
    store.commit(term, [NewExecution(execution), AddOutput(first)])
    store.commit(term, [AddOutput(replace(first, data=b"other")), AddOutput(second), AddOutput(second)])
    assert store.output(execution.id, 1, -1, 10) == [first, second]


def test_a_refused_report_is_kept_any_number_of_times(store: SqlStore, term: Term) -> None:
    """Also of an execution that there is not."""
    store.commit(term, [AddEvidence(evidence(fire(REPORT)))] * 3)


def test_any_amount_of_output_in_one_transaction(store: SqlStore, term: Term) -> None:
    execution = fire(REPORT)
    pieces = [output(execution, n, bytes([n]) * 700_000) for n in range(8)]
    store.commit(term, [AddOutput(piece) for piece in pieces])
    assert store.output(execution.id, 1, -1, 10) == pieces


def test_an_answer_is_found_by_scope_and_request_id(store: SqlStore, term: Term) -> None:
    other = answer(scope="apply", body=b"")
    store.commit(term, [KeepAnswer(answer()), KeepAnswer(other)])
    assert kept_answer(store, "default/report", "r-1") == answer()
    assert kept_answer(store, "apply", "r-1") == other
    assert kept_answer(store, "apply", "r-2") is None
