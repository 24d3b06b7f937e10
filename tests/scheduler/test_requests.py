"""Each write of a client once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from jobstore.sql.store import SqlStore
from scheduler.errors import Conflict, InvalidRequest
from scheduler.leader.requests import LONGEST_ID, Requests, WriteRequest, carried_through, check_request_id
from scheduler.leader.writer import Writer
from scheduler.metrics import NodeMetrics
from tests.scheduler.building import NOW, request
from tests.scheduler.fake_clock import FakeClock, turns


@pytest.fixture
async def writer(store: SqlStore, clock: FakeClock) -> AsyncIterator[Writer]:
    made = Writer(store, store.begin_term(1, "e", "node-1"), clock, lambda: True, NodeMetrics())
    run = asyncio.create_task(made.run())
    yield made
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    made.close()


@pytest.fixture
def requests(writer: Writer, store: SqlStore) -> Requests:
    return Requests(writer, store)


async def answer(requests: Requests, writer: Writer, asked: WriteRequest, facts: Any) -> Any:
    """A write that does nothing but answer; the answer that it got."""
    async with requests.once(asked) as first:
        if first is None:
            await writer.write([requests.keep(asked, facts, NOW)])
        return first


async def test_the_same_request_again_gets_the_first_answer(requests: Requests, writer: Writer) -> None:
    asked = request("r-1")
    assert await answer(requests, writer, asked, {"execution": "1"}) is None
    assert await answer(requests, writer, asked, {"execution": "2"}) == {"execution": "1"}
    assert requests._turns == {}


async def test_an_id_is_of_one_job_alone(requests: Requests, writer: Writer) -> None:
    assert await answer(requests, writer, request("r-1", scope="default/a"), 1) is None
    assert await answer(requests, writer, request("r-1", scope="default/b"), 2) is None


async def test_an_id_that_was_used_for_something_else_is_a_conflict(requests: Requests, writer: Writer) -> None:
    await answer(requests, writer, request("r-1", digest="x"), 1)
    with pytest.raises(Conflict, match="request_id 'r-1' was used for something else") as refused:
        await answer(requests, writer, request("r-1", digest="y"), 2)
    assert refused.value.reason == "REQUEST_ID_REUSED"


async def test_of_two_that_come_together_the_second_waits(requests: Requests, writer: Writer) -> None:
    asked, going = request("r-1"), asyncio.Event()

    async def slow() -> Any:
        async with requests.once(asked) as first:
            await going.wait()
            await writer.write([requests.keep(asked, "slow", NOW)])
            return first

    first = asyncio.create_task(slow())
    await turns()
    second = asyncio.create_task(answer(requests, writer, asked, "quick"))
    other = await answer(requests, writer, request("r-2"), "other")
    await turns()
    assert other is None
    assert not second.done()
    going.set()
    assert (await first, await second) == (None, "slow")
    assert requests._turns == {}


async def test_a_write_that_failed_may_be_tried_again_under_its_id(requests: Requests, writer: Writer) -> None:
    asked = request("r-1")
    with pytest.raises(ZeroDivisionError):
        async with requests.once(asked):
            1 / 0
    assert await answer(requests, writer, asked, "again") is None
    assert requests._turns == {}


@pytest.mark.parametrize("request_id", ["", "x" * (LONGEST_ID + 1), "a\nb", "\x00", "ü", " \t"])
async def test_an_id_that_is_none_is_refused(requests: Requests, request_id: str) -> None:
    asked = WriteRequest(scope="default/report", request_id=request_id, digest="d")
    with pytest.raises(InvalidRequest, match="is not 1 to 128 printable ASCII characters") as refused:
        async with requests.once(asked):
            raise AssertionError("it was let in")
    assert [violation.field for violation in refused.value.violations] == ["request_id"]


@pytest.mark.parametrize("request_id", ["x", "x" * LONGEST_ID, "a b/c:d~", "018f3c5e-0000-7000-8000-000000000000"])
def test_any_printable_ascii_is_an_id(request_id: str) -> None:
    check_request_id(request_id)


async def test_what_is_carried_through_goes_on_when_its_caller_goes_away() -> None:
    going, seen = asyncio.Event(), []

    @carried_through
    async def write(value: int, fails: bool = False) -> int:
        await going.wait()
        seen.append(value)
        if fails:
            raise ValueError(value)
        return value

    kept = asyncio.create_task(write(1))
    gone = [asyncio.create_task(write(2)), asyncio.create_task(write(3, fails=True))]
    await turns()
    for task in gone:
        task.cancel()
    await turns()
    assert all(task.cancelled() for task in gone)
    going.set()
    assert await kept == 1
    await turns()
    assert seen == [1, 2, 3]
    with pytest.raises(ValueError, match="4"):
        await write(4, fails=True)
