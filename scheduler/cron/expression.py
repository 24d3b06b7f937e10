"""A parsed cron expression, and the questions that can be asked of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from .days import Days
from .describe import describe
from .fields import HOURS, MINUTES, MONTHS, SECONDS, YEARS
from .layout import LONGEST_TEXT
from .rules import BothDays, EitherDays, MonthDays
from .search import GAPS, OVERLAPS, Gap, Overlap, count_fires, next_fire, previous_fire
from .times import TimesOfDay
from .walls import count_walls, next_wall, previous_wall

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_from_timestamp = datetime.fromtimestamp


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class CronExpression:
    """The wall-clock times that an expression names. Made by `parse`.

    Two expressions are equal when they name the same times in the same way: the same sets of values in all
    fields, however they are written.

    Every question takes a zone, in which the wall clock is read, and the policies for clock changes: `gap`
    says what becomes of a time that does not exist that day (`after`: it fires at the first instant after the
    gap; `skip`), and `overlap` when a time that occurs twice fires (`first`, `second`, `both`). Neither
    applies to a schedule of every hour. Instants are aware datetimes of any zone, and answers are in UTC. A
    naive instant, and an unknown policy, is a ValueError.
    """

    times: TimesOfDay
    days: Days
    text: str = field(compare=False)  # as it was written, but for white space, macros and H

    def next_after(
        self, instant: datetime, zone: ZoneInfo, gap: Gap = "after", overlap: Overlap = "first"
    ) -> datetime | None:
        """The first fire after `instant`, or None when there are no more (nothing fires after 2199)."""
        if gap not in GAPS or overlap not in OVERLAPS:
            raise _unknown_policy(gap, overlap)
        found = next_fire(self, zone, _seconds(instant) + 1, gap, overlap)
        return None if found is None else _from_timestamp(found, UTC)

    def previous_before(
        self, instant: datetime, zone: ZoneInfo, gap: Gap = "after", overlap: Overlap = "first"
    ) -> datetime | None:
        """The last fire before `instant`, or None when there is none (nothing fires before 1970)."""
        if gap not in GAPS or overlap not in OVERLAPS:
            raise _unknown_policy(gap, overlap)
        end = _seconds(instant) + (instant.microsecond > 0)
        found = previous_fire(self, zone, end, gap, overlap)
        return None if found is None else _from_timestamp(found, UTC)

    def fires(
        self,
        after: datetime,
        before: datetime,
        zone: ZoneInfo,
        gap: Gap = "after",
        overlap: Overlap = "first",
    ) -> Iterator[datetime]:
        """All fires with after < fire < before, in order."""
        if gap not in GAPS or overlap not in OVERLAPS:
            raise _unknown_policy(gap, overlap)
        first = _seconds(after) + 1
        end = _seconds(before) + (before.microsecond > 0)
        return self._fires(first, end, zone, gap, overlap)

    def count(
        self,
        after: datetime,
        before: datetime,
        zone: ZoneInfo,
        gap: Gap = "after",
        overlap: Overlap = "first",
    ) -> int:
        """How many fires there are with after < fire < before, without going through them."""
        if gap not in GAPS or overlap not in OVERLAPS:
            raise _unknown_policy(gap, overlap)
        end = _seconds(before) + (before.microsecond > 0)
        return count_fires(self, zone, _seconds(after) + 1, end, gap, overlap)

    def matches(self, instant: datetime, zone: ZoneInfo, gap: Gap = "after", overlap: Overlap = "first") -> bool:
        """Whether `instant` is a fire."""
        if gap not in GAPS or overlap not in OVERLAPS:
            raise _unknown_policy(gap, overlap)
        second = _seconds(instant)
        return not instant.microsecond and next_fire(self, zone, second, gap, overlap) == second

    @property
    def every_hour(self) -> bool:
        """As of `WallTimes`, like the three questions that follow."""
        return self.times.every_hour

    def next_wall(self, wall: int) -> int | None:
        return next_wall(self.times, self.days, wall)

    def previous_wall(self, wall: int) -> int | None:
        return previous_wall(self.times, self.days, wall)

    def count_walls(self, first: int, end: int) -> int:
        return count_walls(self.times, self.days, first, end)

    def describe(self) -> str:
        """The meaning in words: "at 02:00, 02:20 and 02:40 on Monday to Friday"."""
        return describe(self.times, self.days)

    def __str__(self) -> str:
        """The canonical text, in Quartz's fields: equal expressions have the same.

        What a pair of day fields cannot say in Quartz is said by a prefix (`DAYS=or 0 0 0 13 * FRI`). A set that
        cannot be written within the limit of a text (the years `*/2,*/3`, listed) keeps the words in which it
        came, so that `parse(str(e)) == e` always holds.
        """
        text = " ".join(self.canonical_words())
        return text if len(text) <= LONGEST_TEXT else self.text

    def __repr__(self) -> str:
        return f"parse({str(self)!r})"

    def canonical_words(self) -> list[str]:
        """The words of the canonical text, however long."""
        prefix, month_days, week_days = self._day_words()
        words = [
            *prefix,
            SECONDS.render(self.times.seconds),
            MINUTES.render(self.times.minutes),
            HOURS.render(self.times.hours),
            month_days,
            MONTHS.render(self.days.months),
            week_days,
        ]
        if self.days.years != YEARS.all:
            words.append(YEARS.render(self.days.years))
        return words

    def _day_words(self) -> tuple[list[str], str, str]:
        """The prefix, if there is one, and the words of day-of-month and day-of-week."""
        rule = self.days.rule
        if isinstance(rule, BothDays | EitherDays):
            prefix = "DAYS=and" if isinstance(rule, BothDays) else "DAYS=or"
            return [prefix], rule.month.render(), rule.week.render()
        return ([], rule.render(), "?") if isinstance(rule, MonthDays) else ([], "?", rule.render())

    def _fires(self, first: int, end: int, zone: ZoneInfo, gap: Gap, overlap: Overlap) -> Iterator[datetime]:
        found = next_fire(self, zone, first, gap, overlap)
        while found is not None and found < end:
            yield _from_timestamp(found, UTC)
            found = next_fire(self, zone, found + 1, gap, overlap)


def _seconds(instant: datetime) -> int:
    """Whole seconds since 1970-01-01 UTC, rounded down."""
    try:
        since = instant - _EPOCH
    except TypeError:
        raise ValueError(f"an instant needs an offset or a zone: {instant.isoformat()} has none") from None
    return since.days * 86400 + since.seconds


def _unknown_policy(gap: str, overlap: str) -> ValueError:
    if gap not in GAPS:
        return ValueError(f"gap: {gap!r} is not one of {', '.join(GAPS)}")
    return ValueError(f"overlap: {overlap!r} is not one of {', '.join(OVERLAPS)}")
