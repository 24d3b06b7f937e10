"""The loop that everything of ours in ZooKeeper is kept right by."""

import asyncio
from collections.abc import Awaitable, Callable

from cronquorum.clock import Clock, wait_for_event
from cronquorum.coordination.contact import Contact, NoContact
from cronquorum.coordination.protocols import CoordinationError
from cronquorum.coordination.session import Session
from cronquorum.logs import get_logger

log = get_logger(__name__)

RETRY_AFTER = 0.25
"""Session timeouts between two tries of what ZooKeeper refuses, or what failed in an unforeseen way."""


class Duty:
    """Looks at what is, and makes it what it should be: at once, and whenever it is nudged.

    Every change of contact nudges; so do watches and callers. A nudge says nothing of what has happened,
    hence none can be missed or come too often. `turn` is given the contact of now, and returns whether
    the duty is done for good; when it raises NoContact, the next contact brings the next turn.
    With `period`, there is a turn every so many session timeouts besides.
    """

    def __init__(
        self,
        session: Session,
        clock: Clock,
        turn: Callable[[Contact | None], Awaitable[bool]],
        *,
        name: str,
        period: float | None = None,
    ) -> None:
        self._session = session
        self._clock = clock
        self._turn = turn
        self._name = name
        self._period = period
        self._nudged = asyncio.Event()
        self.task = session.spawn(self._run(), name=name)

    def nudge(self, *_: object) -> None:
        self._nudged.set()

    async def stop(self) -> None:
        """When this returns, it makes no more requests."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def _run(self) -> None:
        complaint = ""
        with self._session.listening(self.nudge):
            while self._session.is_open:
                self._nudged.clear()
                try:
                    if await self._turn(self._session.contact):
                        return
                    complaint = ""
                except NoContact:
                    pass
                except Exception as error:
                    if repr(error) != complaint:
                        complaint = repr(error)
                        log.warning(
                            "will be tried again",
                            duty=self._name,
                            error=complaint,
                            exc_info=not isinstance(error, CoordinationError),
                        )
                    await self._clock.sleep(RETRY_AFTER * self._session.timeout)
                    continue
                seconds = None if self._period is None else self._period * self._session.timeout
                await wait_for_event(self._nudged, self._clock, seconds)
