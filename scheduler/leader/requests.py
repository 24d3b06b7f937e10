"""Each write of a client once: the same request id again gets the first answer."""

import asyncio
import functools
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, ParamSpec, TypeVar

from cronquorum.names import shown
from jobstore.changes import KeepAnswer
from jobstore.model import Answer
from jobstore.protocols import Records
from scheduler.errors import Conflict, Held, InvalidRequest, Violation
from scheduler.leader.writer import Writer

LONGEST_ID = 128

_Key = tuple[str, str]
"""Scope and request id."""

P = ParamSpec("P")
T = TypeVar("T")


def carried_through(
    write: Callable[P, Coroutine[Any, Any, T]],
) -> Callable[P, Coroutine[Any, Any, T]]:
    """A client's write that goes on to its end when the client goes away: what is decided in memory and what
    is in the store must not part because a call was cancelled in between."""

    @functools.wraps(write)
    async def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        task = asyncio.create_task(write(*args, **kwargs))
        task.add_done_callback(_told)
        return await asyncio.shield(task)

    return wrapper


def _told(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled():
        task.exception()  # nobody may be left who asks for it


@dataclass(frozen=True, kw_only=True, slots=True)
class WriteRequest:
    """A client's write: its id, and a digest of what it asks for. `scope` is `namespace/job`, or `apply`."""

    scope: str
    request_id: str
    digest: str


@dataclass(slots=True)
class _Turn:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


class Requests:
    """Remembers answers in the store, beside what they answered. Of a term that is `held`, refuses them."""

    def __init__(self, writer: Writer, records: Records, held: str = "") -> None:
        self._writer = writer
        self._records = records
        self._held = held
        self._turns: dict[_Key, _Turn] = {}
        self._asked: list[tuple[_Key, asyncio.Future[Answer | None]]] = []
        self._question: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def once(self, request: WriteRequest, *, while_held: bool = False) -> AsyncIterator[Any]:
        """Enter with the first answer (as `keep` got it), or None when this is the first time.

        Of two that come together, the second waits. Raises as `enter` does.
        """
        first = await self.enter(request, while_held=while_held)
        try:
            yield first
        finally:
            self.leave(request)

    async def enter(self, request: WriteRequest, *, while_held: bool = False) -> Any:
        """The same for a write whose end is told by a callback: `leave` must be called when it is known.

        Raises `InvalidRequest` for an id that is none, `Conflict` for one that was used for something else,
        and `Held` while the term is.
        """
        check_request_id(request.request_id)
        if self._held and not while_held:
            raise Held(self._held)
        key = (request.scope, request.request_id)
        turn = self._turns.get(key)
        if turn is None:
            turn = self._turns[key] = _Turn()
        turn.users += 1
        try:
            await turn.lock.acquire()
        except BaseException:
            self._gone(key, turn)
            raise
        try:
            answer = await self._answer(key)
            if answer is None:
                return None
            if answer.digest != request.digest:
                raise Conflict(
                    f"request_id {shown(request.request_id)} was used for something else",
                    reason="REQUEST_ID_REUSED",
                )
            return json.loads(answer.body)
        except BaseException:
            self.leave(request)
            raise

    def leave(self, request: WriteRequest) -> None:
        """Let in whoever came with the same request meanwhile."""
        key = (request.scope, request.request_id)
        turn = self._turns[key]
        turn.lock.release()
        self._gone(key, turn)

    def _gone(self, key: _Key, turn: _Turn) -> None:
        turn.users -= 1
        if not turn.users:
            del self._turns[key]

    async def _answer(self, key: _Key) -> Answer | None:
        """The kept answer: one question to the store for all who ask while the one before is on its way."""
        answer: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._asked.append((key, answer))
        if self._question is None:
            self._question = asyncio.create_task(self._ask())
        return await answer

    async def _ask(self) -> None:
        while self._asked:
            asked, self._asked = self._asked, []
            try:
                found = await self._writer.read(partial(self._records.answers, [key for key, _ in asked]))
            except Exception as error:
                for _, answer in asked:
                    if not answer.done():
                        answer.set_exception(error)
            else:
                kept = {(each.scope, each.request_id): each for each in found}
                for key, answer in asked:
                    if not answer.done():
                        answer.set_result(kept.get(key))
        self._question = None

    @staticmethod
    def keep(request: WriteRequest, facts: Any, now: datetime) -> KeepAnswer:
        """The change that remembers an answer; written together with what it answers."""
        return KeepAnswer(
            Answer(
                scope=request.scope,
                request_id=request.request_id,
                digest=request.digest,
                answered=now,
                body=json.dumps(facts).encode(),
            )
        )


def check_request_id(request_id: str) -> None:
    """Raises `InvalidRequest` unless it is 1 to 128 printable ASCII characters."""
    if not (0 < len(request_id) <= LONGEST_ID and request_id.isascii() and request_id.isprintable()):
        told = f"{shown(request_id)} is not 1 to {LONGEST_ID} printable ASCII characters"
        raise InvalidRequest(Violation("request_id", told))
