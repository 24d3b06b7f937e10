"""Batches, which are encoded column by column: what is read is what was written, in whichever company."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from jobstore.changes import MoveExecution
from jobstore.errors import BadChange
from jobstore.model import Execution, Missed, TaskError, Term
from jobstore.protocols import ExecutionQuery
from jobstore.sql.store import SqlStore
from jobstore.states import State
from tests.jobstore.stores import KINDS, SECOND, START, ended, fire, job, put, run, stores, terms, urls

REPORT = job()
BERLIN = ZoneInfo("Europe/Berlin")
INDIA = timezone(timedelta(hours=5, minutes=30))
MICROSECOND = timedelta(microseconds=1)

url = urls(*KINDS)
store = stores()
term = terms()


def stored(store: SqlStore) -> dict[Any, Execution]:
    return {each.id: each for each in store.executions(ExecutionQuery(limit=1000))}


TEXTS = (
    *("", " ", "plain", "ümlaut €", 'a "quote"', '"', "'", "back\\slash", "\\"),
    *("NULL", "null", "{}", "{a,b}", ",", "%s", "%"),
)


@pytest.mark.parametrize("odd", TEXTS)
def test_texts_are_kept_beside_plain_ones(store: SqlStore, term: Term, odd: str) -> None:
    for texts in (["a", odd], [odd, "a"], [odd, odd, "b"], [odd]):
        rows = [run(REPORT, reason=text, job=text, error=TaskError(type=text, message=text)) for text in texts]
        put(store, term, *rows)
        assert {each.id: stored(store)[each.id] for each in rows} == {each.id: each for each in rows}


def test_what_some_rows_have_and_others_have_not(store: SqlStore, term: Term) -> None:
    rows = [
        fire(REPORT),
        run(REPORT),
        run(REPORT, params={"a": 1}),
        run(REPORT, params={"a": True}, error=TaskError(type="t", message="m")),
        run(REPORT, missed=Missed(count=3, first=START - SECOND, last=START)),
        run(REPORT, started=START + MICROSECOND, progress=0.25, exit_code=0),
        run(REPORT, started=START + 3 * MICROSECOND, result={"x": [None, 1, 1.5, "ü"]}, check_at=None),
    ]
    for some in (rows, rows[::-1]):
        again = [replace(each, id=run(REPORT).id, trigger_uid=None) for each in some]
        put(store, term, *again)
        assert {each.id: stored(store)[each.id] for each in again} == {each.id: each for each in again}


INSTANTS = (
    [START + n * MICROSECOND for n in (0, 1, 999_999, 1_000_000, -1, 86_400_000_001)],
    [START, START.astimezone(INDIA), START.astimezone(BERLIN) + MICROSECOND],
    # across both changes of the clocks, all of that zone
    [datetime(2026, month, day, hour, 30, tzinfo=BERLIN) for month, day in ((3, 29), (10, 25)) for hour in (0, 1, 4)],
    [datetime(2026, 10, 25, 2, 30, fold=fold, tzinfo=BERLIN) for fold in (0, 1)],
    [datetime.max.replace(tzinfo=UTC), datetime(1, 1, 2, tzinfo=UTC), START, START + MICROSECOND],
    [datetime.max.replace(tzinfo=UTC), datetime(1715, 6, 13, 0, 25, 26, 290449, tzinfo=UTC)],
    [datetime(1, 1, 2, 3, 4, 5, 6, tzinfo=UTC), datetime(1, 1, 2, 3, 4, 5, 7, tzinfo=UTC)],
)


@pytest.mark.parametrize("instants", INSTANTS)
def test_times_are_kept_to_the_microsecond(store: SqlStore, term: Term, instants: list[datetime]) -> None:
    for some in (instants, instants[::-1]):
        rows = [run(REPORT) for _ in (*some, None)]
        put(store, term, *rows)
        times = [*some, None]
        moved = [replace(each, dispatched=at, check_at=at) for each, at in zip(rows, times, strict=True)]
        store.commit(term, [MoveExecution(each) for each in moved])
        found = stored(store)
        wanted = [None if at is None else at.astimezone(UTC) for at in times]
        assert [found[each.id].dispatched for each in rows] == wanted
        assert [found[each.id].check_at for each in rows] == wanted


@pytest.mark.parametrize("others", [[], [START], [START, START + SECOND]])
def test_a_time_without_a_zone_is_refused(store: SqlStore, term: Term, others: list[datetime]) -> None:
    naive = datetime(2026, 3, 1, 12, 0)  # noqa: DTZ001 - that is what it is about
    times = [*others, naive]
    for some in (times, times[::-1]):
        with pytest.raises(BadChange, match="a value cannot be stored"):
            put(store, term, *(run(REPORT, check_at=at) for at in some))
    assert stored(store) == {}


def test_states_are_kept_beside_others(store: SqlStore, term: Term) -> None:
    rows = [fire(REPORT, START + n * SECOND) for n in range(3)]
    put(store, term, *rows)
    moved = [
        ended(rows[0]),
        ended(rows[1], State.FAILED, reason="exitCode", exit_code=3),
        replace(rows[2], state=State.RUNNING, started=START),
    ]
    store.commit(term, [MoveExecution(each) for each in moved])
    assert list(stored(store).values()) == moved[::-1]
