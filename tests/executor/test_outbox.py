"""The last words on attempts: on disk before they are sent, and all that came together in one write."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from executor.assignment import AttemptKey
from executor.journal import Journal
from executor.outbox import Outbox
from executor.outgoing import Outgoing
from executor.report import Outcome, Refused
from executor.wire import MessageWriter
from tests.executor.test_journal import CLOCK, report


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outcomes"


@pytest_asyncio.fixture
async def outbox(path: Path) -> AsyncIterator[Outbox]:
    journal = Journal.open(path, CLOCK)
    yield Outbox(journal)
    await journal.close()


def on_disk(path: Path) -> bytes:
    return path.read_bytes()


class Looking(MessageWriter):
    """Looks at the disk as each outcome goes into a message."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self.found: list[bool] = []

    def outcome(self, key: AttemptKey, outcome: Outcome, age: float, ran: float | None) -> None:
        self.found.append(key.execution_id.encode() in on_disk(self._path))
        super().outcome(key, outcome, age, ran)


async def test_nothing_is_sent_before_it_is_written(outbox: Outbox, path: Path) -> None:
    outgoing, writer = Outgoing({}, outbox), Looking(path)
    for number in range(3):
        outbox.put(report(number))
        outgoing.add(report(number).key)
    assert on_disk(path) == b""
    outgoing.write_news(writer, CLOCK.monotonic())
    assert writer.found == [True, True, True]


async def test_what_nobody_asks_for_is_written_at_the_end_of_the_turn(outbox: Outbox, path: Path) -> None:
    outbox.put(report(1))
    outbox.put(report(2))
    await asyncio.sleep(0)  # noqa: TID251 - no time passes: the other one's turn
    assert on_disk(path).count(b"\n") == 2


async def test_an_acknowledgement_that_comes_before_the_write_is_not_lost(outbox: Outbox, path: Path) -> None:
    outbox.put(report(1))
    assert outbox.acknowledge(report(1).key)
    outbox.write()
    assert b'"done"' not in on_disk(path)
    outbox._journal._write_done()  # type: ignore[union-attr]  # it has one
    assert b'"done"' in on_disk(path)
    assert not outbox.acknowledge(report(1).key)


async def test_what_it_holds_is_counted_exactly(outbox: Outbox) -> None:
    reports = [report(number, size=1000 * number) for number in range(4)]
    reports.append(report(9)._replace(what=Refused(reason="noSlot", message="all are taken")))
    for each in reports:
        outbox.put(each)
    assert outbox._bytes == sum(each.size for each in reports) and not outbox.empty.is_set()
    for each in reports:
        outbox.acknowledge(each.key)
    assert outbox._bytes == 0 and outbox.empty.is_set() and len(outbox) == 0
