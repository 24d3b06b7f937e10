"""Only when somebody runs it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Manual:
    """Never due."""

    def next_after(self, instant: datetime) -> datetime | None:
        return None

    def first_from(self, instant: datetime) -> datetime | None:
        return None

    def last_until(self, instant: datetime) -> datetime | None:
        return None

    def count(self, first: datetime, last: datetime) -> int:
        return 0
