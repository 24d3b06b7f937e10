"""One instant."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class At:
    """Due once, at `instant`, in UTC."""

    instant: datetime

    def next_after(self, instant: datetime) -> datetime | None:
        return self.instant if self.instant > instant else None

    def first_from(self, instant: datetime) -> datetime | None:
        return self.instant if self.instant >= instant else None

    def last_until(self, instant: datetime) -> datetime | None:
        return self.instant if self.instant <= instant else None

    def count(self, first: datetime, last: datetime) -> int:
        return int(first <= self.instant <= last)
