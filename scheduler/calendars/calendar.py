"""A calendar: rules, and other calendars under it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from scheduler.calendars.parts import END, FIRST, Part, Stretch, all_of, any_of
from scheduler.calendars.protocol import CalendarTimes, Span

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = datetime.fromtimestamp(FIRST, UTC)
_END = datetime.fromtimestamp(END, UTC)
_EARLIEST, _LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_from_timestamp = datetime.fromtimestamp


@dataclass(frozen=True, slots=True)
class Rule:
    """Matches where all of its parts do; there is at least one."""

    parts: tuple[Part, ...]

    def at(self, instant: int) -> Stretch:
        return all_of([part.at(instant) for part in self.parts])


@dataclass(frozen=True, kw_only=True, slots=True)
class Calendar:
    """The `CalendarTimes` of a calendar's definition."""

    bases: tuple[CalendarTimes, ...]
    exclude: tuple[Rule, ...]
    include: tuple[Rule, ...]

    def span_at(self, instant: datetime) -> Span:
        """As of `CalendarTimes`. A naive instant is a ValueError."""
        seconds = _seconds(instant)
        if FIRST <= seconds < END:
            excluded, since, until = self.at(seconds)
            return Span(excluded, _from_timestamp(since, UTC), _from_timestamp(until, UTC))
        return Span(self._excludes_beyond(instant), *((_EARLIEST, _FIRST) if seconds < FIRST else (_END, _LATEST)))

    def at(self, instant: int) -> Stretch:
        """Whether it excludes the instant, as a part says it."""
        told = [_of_base(base, instant) for base in self.bases]
        told += [rule.at(instant) for rule in self.exclude]
        if self.include:
            matches, since, until = any_of([rule.at(instant) for rule in self.include])
            told.append(Stretch(not matches, since, until))
        excluded, since, until = any_of(told) if told else Stretch(False, FIRST, END)
        return Stretch(excluded, max(since, FIRST), min(until, END))

    def _excludes_beyond(self, instant: datetime) -> bool:
        """Before 1970 and after 2199 no rule matches."""
        return bool(self.include) or any(base.span_at(instant).excluded for base in self.bases)


def _of_base(base: CalendarTimes, instant: int) -> Stretch:
    if isinstance(base, Calendar):
        return base.at(instant)
    span = base.span_at(_from_timestamp(instant, UTC))
    return Stretch(span.excluded, _seconds(span.since), _seconds(span.until))


def _seconds(instant: datetime) -> int:
    """Whole seconds since 1970-01-01 UTC, rounded down."""
    try:
        since = instant - _EPOCH
    except TypeError:
        raise ValueError(f"an instant needs an offset or a zone: {instant.isoformat()} has none") from None
    return since.days * 86400 + since.seconds
