"""Attempts that have been taken, and do not begin."""

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from cronquorum.clock import SystemClock, wait_for_event
from executor.assignment import Assignment, AttemptKey, PythonTask
from executor.attempts import Attempts
from executor.catalog import Catalog
from executor.kinds.python import PythonKind
from executor.outbox import Outbox
from executor.report import FinalReport, Outcome, OutcomeState
from tests.executor.leader import PATIENCE, SCHEDULED_MS

CLOCK = SystemClock()
KEY = AttemptKey("execution", 0, 1, 1, "life")


def assignment(may_rerun: bool = False) -> Assignment:
    return Assignment(
        key=KEY,
        namespace="default",
        job="job",
        trigger="trigger",
        scheduled_ms=SCHEDULED_MS,
        origin="schedule",
        epoch=1,
        task=PythonTask(callable="boom"),
        params={},
        timeout=None,
        may_rerun=may_rerun,
    )


@asynccontextmanager
async def attempts_of(may_start: Callable[[], bool]) -> AsyncIterator[Attempts]:
    attempts = Attempts(
        incarnation="life",
        slots=2,
        outbox=Outbox(),
        clock=CLOCK,
        may_run=lambda: True,
        may_start=may_start,
        on_change=lambda key: None,
    )
    kind = PythonKind(Catalog.load(["tests.executor.sample"]), 2, CLOCK)
    await kind.start()
    attempts.use([kind])
    try:
        yield attempts
    finally:
        await kind.close()


async def last_word(attempts: Attempts) -> FinalReport:
    assert await wait_for_event(attempts.idle, CLOCK, PATIENCE)
    report = attempts.outbox.get(KEY)
    assert report is not None
    return report


async def test_what_has_no_lease_when_its_thread_comes_does_not_begin() -> None:
    async with attempts_of(may_start=lambda: False) as attempts:
        attempts.take(assignment())
        report = await last_word(attempts)
    assert report.what == Outcome(OutcomeState.LOST, reason="leaseExpired") and report.started is None


async def test_what_is_cancelled_before_its_thread_comes_does_not_begin() -> None:
    go = threading.Event()
    async with attempts_of(may_start=lambda: go.wait(PATIENCE)) as attempts:
        attempts.take(assignment())
        attempts.cancel(KEY)
        go.set()
        report = await last_word(attempts)
    assert report.what == Outcome(OutcomeState.CANCELLED) and report.started is None


async def test_what_does_begin_starts_and_ends_in_its_thread() -> None:
    before = CLOCK.monotonic()
    async with attempts_of(may_start=lambda: True) as attempts:
        attempts.take(assignment())
        report = await last_word(attempts)
    assert isinstance(report.what, Outcome) and report.what.state is OutcomeState.FAILED
    assert report.started is not None and before <= report.started <= report.ended


async def test_what_has_no_lease_when_its_process_comes_does_not_begin() -> None:
    async with attempts_of(may_start=lambda: False) as attempts:
        attempts.take(assignment(may_rerun=True))  # therefore in a process
        report = await last_word(attempts)
    assert isinstance(report.what, Outcome)
    assert (report.what.state, report.what.reason) == (OutcomeState.LOST, "leaseExpired")
    assert report.started is None


async def test_an_attempt_for_which_there_is_no_thread_at_all_ends(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async with attempts_of(may_start=lambda: True) as attempts:
        with monkeypatch.context() as none_left:
            none_left.setattr(threading.Thread, "start", start)
            attempts.take(assignment())
            report = await last_word(attempts)
        assert isinstance(report.what, Outcome)
        assert report.what.error is not None
        assert (report.what.state, report.what.error.type) == (OutcomeState.FAILED, "internal")
        assert not attempts.running
    assert "no thread can be started" in caplog.text
    caplog.clear()
