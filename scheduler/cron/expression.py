"""A parsed cron expression, and the questions that can be asked of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from .days import Days
from .fields import HOURS, MINUTES, MONTHS, SECONDS, YEARS
from .search import GAPS, OVERLAPS, Gap, Overlap, next_fire
from .times import TimesOfDay

LONGEST_TEXT = 256  # characters; what is longer is refused, so that no text takes long to read

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class CronExpression:
    """The wall-clock times that an expression names. Made by `parse`.

    Two expressions are equal when they name the same times, however they are written.

    Every question takes a zone, in which the wall clock is read, and the policies for clock changes: `gap`
    says what becomes of a time that does not exist that day (`after`: it fires at the first instant after the
    gap; `skip`), and `overlap` when a time that occurs twice fires (`first`, `second`, `both`). Neither
    applies to a schedule of every hour. Instants are aware datetimes of any zone, and answers are in UTC. A
    naive instant, and an unknown policy, is a ValueError.
    """

    times: TimesOfDay
    days: Days
    text: str = field(compare=False)  # as it was written, but for white space

    def next_after(
        self, instant: datetime, zone: ZoneInfo, gap: Gap = "after", overlap: Overlap = "first"
    ) -> datetime | None:
        """The first fire after `instant`, or None when there are no more (nothing fires after 2199)."""
        _check_policies(gap, overlap)
        found = next_fire(self.times, self.days, zone, _seconds(instant) + 1, gap, overlap)
        return None if found is None else datetime.fromtimestamp(found, UTC)

    def fires(
        self,
        after: datetime,
        before: datetime,
        zone: ZoneInfo,
        gap: Gap = "after",
        overlap: Overlap = "first",
    ) -> Iterator[datetime]:
        """All fires with after < fire < before, in order."""
        _check_policies(gap, overlap)
        first = _seconds(after) + 1
        end = _seconds(before) + (before.microsecond > 0)
        return self._fires(first, end, zone, gap, overlap)

    def matches(self, instant: datetime, zone: ZoneInfo, gap: Gap = "after", overlap: Overlap = "first") -> bool:
        """Whether `instant` is a fire."""
        _check_policies(gap, overlap)
        second = _seconds(instant)
        return not instant.microsecond and (next_fire(self.times, self.days, zone, second, gap, overlap) == second)

    def __str__(self) -> str:
        """The canonical text: equal expressions have the same.

        A set that cannot be written within the limit of a text (the years `*/2,*/3`, listed) keeps the words
        in which it came, so that `parse(str(e)) == e` always holds.
        """
        day_of_month, day_of_week = self.days.rule.render()
        words = [
            SECONDS.render(self.times.seconds),
            MINUTES.render(self.times.minutes),
            HOURS.render(self.times.hours),
            day_of_month,
            MONTHS.render(self.days.months),
            day_of_week,
        ]
        if self.days.years != YEARS.all:
            words.append(YEARS.render(self.days.years))
        text = " ".join(words)
        return text if len(text) <= LONGEST_TEXT else self.text

    def __repr__(self) -> str:
        return f"parse({str(self)!r})"

    def _fires(self, first: int, end: int, zone: ZoneInfo, gap: Gap, overlap: Overlap) -> Iterator[datetime]:
        found = next_fire(self.times, self.days, zone, first, gap, overlap)
        while found is not None and found < end:
            yield datetime.fromtimestamp(found, UTC)
            found = next_fire(self.times, self.days, zone, found + 1, gap, overlap)


def _seconds(instant: datetime) -> int:
    """Whole seconds since 1970-01-01 UTC, rounded down."""
    if instant.tzinfo is None:
        raise ValueError(f"an instant needs an offset or a zone: {instant.isoformat()} has none")
    since = instant - _EPOCH
    return since.days * 86400 + since.seconds


def _check_policies(gap: Gap, overlap: Overlap) -> None:
    if gap not in GAPS:
        raise ValueError(f"gap: {gap!r} is not one of {', '.join(GAPS)}")
    if overlap not in OVERLAPS:
        raise ValueError(f"overlap: {overlap!r} is not one of {', '.join(OVERLAPS)}")
