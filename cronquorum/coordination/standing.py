"""What every candidacy has in common: it is elected at most once, and ends once."""

import asyncio

from cronquorum.coordination.protocols import Claim, CoordinationError, Member


class Standing:
    """in line ──► elected ──► ended, or straight from in line to ended; never back."""

    def __init__(self, member: Member) -> None:
        self.member = member
        self._claim: Claim | None = None
        self._reason: str | None = None
        self._decided = asyncio.Event()
        self._over = asyncio.Event()

    async def elected(self) -> Claim:
        await self._decided.wait()
        if self._reason is not None or self._claim is None:
            raise CoordinationError(f"the candidacy of {self.member.id} has ended: {self._reason}")
        return self._claim

    async def ended(self) -> str:
        await self._over.wait()
        return self._reason or ""

    @property
    def leads(self) -> bool:
        """Elected, and not ended."""
        return self._claim is not None and self._reason is None

    @property
    def is_over(self) -> bool:
        return self._reason is not None

    def _elect(self, claim: Claim) -> None:
        if self._reason is None and self._claim is None:
            self._claim = claim
            self._decided.set()

    def _end(self, reason: str) -> bool:
        """Whether this call ended it; the first reason stands."""
        if self._reason is not None:
            return False
        self._reason = reason
        self._decided.set()
        self._over.set()
        return True
