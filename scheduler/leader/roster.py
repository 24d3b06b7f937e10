"""The executors of a term: one link to each that is registered."""

import asyncio
from collections.abc import Callable, Iterable, Mapping

from cronquorum.clock import Clock
from cronquorum.coordination import Member
from cronquorum.logs import get_logger
from scheduler.leader.ledger import Holder
from scheduler.leader.link import Link, SupersededByExecutor

MOST_REMEMBERED = 10_000
"""Incarnations that went away and whose last sign is remembered."""

FEW = 4
"""Executors that are asked at a time whether they hear us: one that answers is enough."""

_log = get_logger(__name__)


class Roster:
    """Opens a link to each registered incarnation, and closes it when it is gone and silent."""

    def __init__(self, make_link: Callable[[Member], Link], failed: Callable[[BaseException], None]) -> None:
        self._make_link = make_link
        self._failed = failed
        self._links: dict[Holder, Link] = {}
        self._tasks: dict[Holder, asyncio.Task[None]] = {}
        self._signs: dict[Holder, tuple[float, float]] = {}
        self._called = False
        self._turn = 0
        self._highest = 0

    def link(self, holder: Holder) -> Link | None:
        """The link to an incarnation."""
        return self._links.get(holder)

    def links(self) -> Iterable[Link]:
        """All links, attached or not."""
        return self._links.values()

    def is_attached(self, holder: Holder) -> bool:
        """Whether an incarnation has answered our Hello, and its stream is up."""
        link = self._links.get(holder)
        return link is not None and link.attached

    def ask(self, everybody: bool) -> None:
        """Ask a few of the attached executors whether they hear us, each time others; or everybody."""
        attached = [link for link in self._links.values() if link.attached and link.answers_questions]
        if not everybody and len(attached) > FEW:
            turn = self._turn % len(attached)
            self._turn = turn + FEW
            attached = (attached + attached)[turn : turn + FEW]
        for link in attached:
            link.ask()

    def heard(self, now: float) -> float | None:
        """When (monotonic seconds) the question was sent that any of them answered last; None if none did."""
        heard = (link.heard(now) for link in self._links.values())
        return max((when for when in heard if when is not None), default=None)

    def last_sign(self, holder: Holder) -> tuple[float | None, float | None]:
        """When (monotonic seconds) an incarnation was last given its lease by us, and how long that is."""
        link = self._links.get(holder)
        if link is not None:
            return link.last_answer, link.lease
        return self._signs.get(holder, (None, None))

    def sync(self, members: Mapping[str, Member]) -> None:
        """Link whoever is registered; let go of whoever is not, once its stream is down."""
        present = {(member.id, member.incarnation): member for member in members.values()}
        for holder, member in present.items():
            if holder not in self._links:
                self._open(holder, member)
        for holder in [holder for holder in self._links if holder not in present]:
            if not self._links[holder].attached:
                self._close(holder)

    def _open(self, holder: Holder, member: Member) -> None:
        link = self._links[holder] = self._make_link(member)
        task = self._tasks[holder] = asyncio.create_task(link.run(), name=f"link {member.id}")
        task.add_done_callback(self._ended)
        _log.info("executor registered", executor=member.id, address=member.address)

    async def roll_call(self, clock: Clock, seconds: float) -> None:
        """Return when each link has tried once to attach, or after so many seconds.

        Raises `SupersededByExecutor` with the highest epoch that was told. Before that, none ends the term.
        """
        waiting = asyncio.gather(*(link.tried.wait() for link in self._links.values()))
        sleeping = asyncio.ensure_future(clock.sleep(seconds))
        try:
            await asyncio.wait((waiting, sleeping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            sleeping.cancel()
            await asyncio.gather(waiting, sleeping, return_exceptions=True)
        self._called = True
        if self._highest:
            raise SupersededByExecutor(self._highest)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            if isinstance(error, SupersededByExecutor) and not self._called:
                self._highest = max(self._highest, error.highest)
            else:
                self._failed(error)

    def _close(self, holder: Holder) -> None:
        link = self._links.pop(holder)
        while len(self._signs) >= MOST_REMEMBERED:
            del self._signs[next(iter(self._signs))]
        self._signs[holder] = (link.last_answer, link.lease)
        self._tasks.pop(holder).cancel()
        _log.info("executor gone", executor=holder[0], incarnation=holder[1])

    async def close(self) -> None:
        """End all streams."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()
        self._links.clear()
