"""What a calendar can be asked."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, since <= t < until, in which a calendar says the same; what comes before and after
    may say the same too. `since` and `until` are aware UTC."""

    excluded: bool
    since: datetime
    until: datetime


class CalendarTimes(Protocol):
    """The times that a calendar leaves out. Pure."""

    def span_at(self, instant: datetime) -> Span:
        """What it says at an instant, and around it. The span is as long as can be told cheaply: at most a
        few calls lead over a day."""
        ...
