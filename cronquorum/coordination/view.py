"""What every watch has in common: a picture of the members, and waiting until it is another one."""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType

from cronquorum.coordination.protocols import CoordinationError, Member


class View:
    """The members of a folder, as last shown.

    Changes are counted, not compared: who has looked while a member was away for a moment is told of
    its return, though all is then as it was before.
    """

    def __init__(self, members: Mapping[str, Member]) -> None:
        self._members: Mapping[str, Member] = MappingProxyType(dict(members))
        self._changed = asyncio.Event()
        self._closed = False

    def current(self) -> Mapping[str, Member]:
        return self._members

    async def changed(self) -> None:
        await self._changed.wait()
        if self._closed:
            raise CoordinationError("the watch is closed")
        self._changed.clear()

    @property
    def is_over(self) -> bool:
        return self._closed

    def _show(self, members: Mapping[str, Member]) -> None:
        if members != self._members:
            self._members = MappingProxyType(dict(members))
            self._changed.set()

    def _shut(self) -> None:
        self._closed = True
        self._changed.set()
