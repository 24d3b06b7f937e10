"""The outcome journal: what a crash at any moment leaves, and what a disk that is full costs."""

import asyncio
import contextlib
import logging
import os
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cronquorum.clock import Clock, SystemClock
from executor.assignment import AttemptKey
from executor.entry import BadEntry, Entry, Moment, read_line, write_done, write_entry
from executor.errors import BadDataDir
from executor.journal import SYNC_SECONDS, Journal
from executor.report import Chunk, FinalReport, Outcome, OutcomeState, Progress, TaskFailure
from tests.rig.waiting import eventually_async
from tests.scheduler.fake_clock import FakeClock, turns, until

CLOCK = SystemClock()


def report(number: int, size: int = 0) -> FinalReport:
    now = CLOCK.monotonic()
    return FinalReport(
        key=AttemptKey(f"execution-{number}", 0, 1, 0, "life"),
        what=Outcome(state=OutcomeState.SUCCEEDED, result='{"n": "\\u00e4\\n"}', exit_code=0),
        started=now - 2,
        ended=now - 1,
        chunks=[Chunk(stream="stdout", data=b"x" * size + b"\n\xff\x00")],
    )


def failed(number: int) -> FinalReport:
    return report(number)._replace(
        what=Outcome(
            state=OutcomeState.TIMED_OUT,
            error=TaskFailure(type="timeout", message="did not end\nin time", tail="last words"),
            reason="late",
        ),
        started=None,
        progress=Progress(fraction=0.5, note="half"),
        chunks=[],
    )


def same(one: FinalReport, other: FinalReport) -> bool:
    """But for the clocks, which drift by what passes between two readings."""
    ran = [None if each.started is None else round(each.ended - each.started, 6) for each in (one, other)]
    said = [(each.key, each.what, each.progress, list(each.chunks)) for each in (one, other)]
    return said[0] == said[1] and ran[0] == ran[1] and abs(one.ended - other.ended) < 0.1


def put(journal: Journal, *outcomes: FinalReport) -> None:
    """All of them at once."""
    for each in outcomes:
        journal.put(each)
    journal.write()


def reports(path: Path) -> list[FinalReport]:
    """What the next process finds."""
    journal = Journal.open(path, CLOCK)
    os.close(journal._file)
    return journal.kept


def kept(path: Path) -> list[str]:
    return [each.key.execution_id for each in reports(path)]


@asynccontextmanager
async def tended(path: Path, clock: Clock = CLOCK) -> AsyncIterator[Journal]:
    journal = Journal.open(path, clock)
    tending = asyncio.create_task(journal.tend())
    try:
        yield journal
    finally:
        tending.cancel()
        await asyncio.gather(tending, return_exceptions=True)
        await journal.close()


@contextlib.contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file of this process grows beyond so many bytes: as on a disk that is full, a write comes back short."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("what", [report(1), failed(2)], ids=["succeeded", "timed out"])
def test_an_outcome_is_read_as_it_was_written(what: FinalReport, tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "outcomes", CLOCK)
    put(journal, what)
    os.close(journal._file)  # as in a crash: nothing else is done
    (found,) = reports(tmp_path / "outcomes")
    assert same(found, what)


def test_a_crash_at_any_byte_keeps_what_was_whole(tmp_path: Path) -> None:
    path = tmp_path / "outcomes"
    lines = [write_entry(Entry(report=make(n), ended=Moment.now(CLOCK, 1))) for n, make in enumerate((report, failed))]
    lines.insert(1, write_done([report(0).key]))
    content = b"".join(lines)
    ends = [sum(map(len, lines[: n + 1])) - 1 for n in range(3)]  # a line counts without its end, too
    for size in range(len(content) + 1):
        path.write_bytes(content[:size])
        wanted = ["execution-0"] if ends[0] <= size < ends[1] else []
        assert kept(path) == wanted + ["execution-1"] * (size >= ends[2]), size
        assert kept(path) == kept(path)  # it was written anew, whole
        assert not (tmp_path / "outcomes.corrupt").exists()


def test_whatever_stands_in_the_middle_costs_itself_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "outcomes"
    lines = [write_entry(Entry(report=report(n), ended=Moment.now(CLOCK))) for n in range(3)]
    lines[1] = lines[1].replace(b"succeeded", b"cancelled")  # one bit would do
    path.write_bytes(b"garbage\n" + b"".join(lines) + b"\n\xff\xfe\n")
    assert kept(path) == ["execution-0", "execution-2"]
    aside = (tmp_path / "outcomes.corrupt").read_bytes()
    assert b"garbage\n" in aside and lines[1] in aside
    warnings = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert len(warnings) == 4
    caplog.clear()
    assert kept(path) == ["execution-0", "execution-2"] and not caplog.records


@pytest.mark.parametrize("said", ['{"key": []}', "[]", "3", '{"done": [["a"]]}', '{"done": 3}'])
def test_a_checksum_alone_makes_no_entry(said: str) -> None:
    import zlib

    with pytest.raises(BadEntry):
        read_line(b"%08x %b" % (zlib.crc32(said.encode()), said.encode()), Moment.now(CLOCK), 0.0)


async def test_what_is_acknowledged_is_not_offered_again(tmp_path: Path) -> None:
    async with tended(tmp_path / "outcomes") as journal:
        for number in range(4):
            put(journal, report(number))
        journal.forget(report(1).key)
        journal.forget(report(1).key)
        journal.forget(report(99).key)
    assert kept(tmp_path / "outcomes") == ["execution-0", "execution-2", "execution-3"]


async def test_one_fsync_serves_all_that_was_written_since_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forced: list[int] = []  # how long the file was at each fsync
    force = os.fdatasync

    def counted(file: int) -> None:
        forced.append(os.fstat(file).st_size)
        force(file)

    monkeypatch.setattr(os, "fdatasync", counted)
    path, clock = tmp_path / "outcomes", FakeClock()
    async with tended(path, clock) as journal:
        for number in range(200):  # in one turn of the loop, each a write of its own
            put(journal, report(number))
        many = path.stat().st_size
        await until(lambda: forced and clock.alarms, "it was forced to disk")
        assert forced == [many]
        for number in range(200, 300):  # each in a turn of its own, sooner than the next fsync may be
            put(journal, report(number))
            await turns(1)
        assert forced == [many]
        more = path.stat().st_size
        await clock.advance(SYNC_SECONDS)
        await until(lambda: len(forced) == 2 and clock.alarms, "what came since then is forced to disk, too")
        await clock.advance(20 * SYNC_SECONDS)
        assert forced == [many, more], "nothing was written since"
    assert len(kept(path)) == 300


async def test_the_file_is_written_anew_when_most_of_it_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("executor.journal.DEAD_BYTES", 20_000)
    monkeypatch.setattr("executor.journal.SYNC_SECONDS", 0)
    path = tmp_path / "outcomes"
    async with tended(path) as journal:
        put(journal, report(0))
        for number in range(1, 200):
            put(journal, report(number, size=1000))
            journal.forget(report(number).key)
        largest = path.stat().st_size
        await eventually_async(lambda: path.stat().st_size < 20_000 < largest)
        put(journal, report(200))
    assert kept(path) == ["execution-0", "execution-200"]
    assert not (tmp_path / "outcomes.new").exists()


async def test_what_is_written_while_the_file_is_written_anew_is_in_both(tmp_path: Path) -> None:
    path = tmp_path / "outcomes"
    async with tended(path) as journal:
        put(journal, report(0))
        rewriting = asyncio.create_task(journal._rewrite())
        for number in range(1, 50):
            put(journal, report(number))
            await asyncio.sleep(0)  # noqa: TID251 - no time passes: the other one's turn
        await rewriting
        put(journal, report(50))
    assert kept(path) == [f"execution-{number}" for number in range(51)]


async def test_a_full_disk_loses_nothing_that_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("executor.journal.RETRY_SECONDS", 0.01)
    path = tmp_path / "outcomes"
    async with tended(path) as journal:
        put(journal, report(0))
        before = path.stat().st_size
        with largest_file(before + 100):  # in the middle of the next line
            for number in range(1, 4):
                put(journal, report(number))
        assert path.stat().st_size == before
        assert kept_beside(path) == ["execution-0"]
        assert [each.key.execution_id for each in journal.kept] == [f"execution-{n}" for n in range(4)]
        await eventually_async(lambda: len(kept_beside(path)) == 4)
        put(journal, report(4))
    errors = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert len(errors) == 1 and "cannot be written" in errors[0].getMessage()
    caplog.clear()
    assert kept(path) == [f"execution-{number}" for number in range(5)]


def kept_beside(path: Path) -> list[str]:
    """What a process that is started now would find: from a copy, for the file is in use."""
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes())
    return kept(copy)


async def test_room_is_made_on_a_full_disk_by_what_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executor.journal.RETRY_SECONDS", 0.01)
    path = tmp_path / "outcomes"
    journal = Journal.open(path, CLOCK)
    for number in range(3):
        put(journal, report(number, size=3000))
    size = path.stat().st_size
    for number in range(2):
        journal.forget(report(number).key)
    logging.disable(logging.ERROR)
    try:
        with largest_file(size):
            put(journal, report(3, size=3000))
            tending = asyncio.create_task(journal.tend())
            await eventually_async(lambda: path.stat().st_size < size and len(kept_beside(path)) == 2)
    finally:
        logging.disable(logging.NOTSET)
    tending.cancel()
    await asyncio.gather(tending, return_exceptions=True)
    await journal.close()
    assert kept(path) == ["execution-2", "execution-3"]


def test_ages_across_processes_and_boots() -> None:
    then = Moment(boot="b1", boottime=100.0, wall=1_000_000.0)
    assert then.age(Moment(boot="b1", boottime=130.0, wall=900_000.0)) == 30.0  # the wall clock was set back
    assert then.age(Moment(boot="b2", boottime=5.0, wall=1_000_060.0)) == 60.0
    assert then.age(Moment(boot="b2", boottime=5.0, wall=999_999.0)) == 0.0
    unknown = then._replace(boot="")
    assert unknown.age(unknown._replace(boottime=0.0, wall=1_000_001.0)) == 1.0


def test_a_folder_is_no_journal(tmp_path: Path) -> None:
    (tmp_path / "outcomes").mkdir()
    with pytest.raises(BadDataDir, match=r"outcome journal .*outcomes: is a directory"):
        Journal.open(tmp_path / "outcomes", CLOCK)
