"""Our fires and those of another library, side by side, and why the first of them that differs does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Protocol
from zoneinfo import ZoneInfo

from schedctl.cron.libraries import Answer, Library, ask
from schedctl.cron.readings import Reading, readings, refusal
from schedctl.cron.texts import is_fit_for_others
from schedctl.exits import CommandError, ExitCode
from schedctl.instants import by_clock

MOST_VERIFIED = 100
"""Fires by which a reading is judged: there are dozens of readings, and nobody waits for all of 10,000 of each."""

_FIRES_BEFORE = 5  # of those before the difference, so that a reading that would drop them is not taken
_FIRES_BEYOND = 5  # of those that a library may have lost at a clock change
_NEAR = timedelta(days=1)  # as far as a clock change reaches
_LAST_YEAR = 2199  # as in our own language, and so is what follows
_CALENDAR_CHANGE = timedelta(hours=3)


class Language(Protocol):
    """Our own language, which this module knows through it; and when and where fires are asked for."""

    @property
    def start(self) -> datetime: ...

    @property
    def zone(self) -> ZoneInfo: ...

    def fires(self, reading: Reading, count: int, after: datetime | None = None) -> Answer:
        """The first fires of a reading after an instant, or after the start of the comparison; or the error."""
        ...

    def text(self, reading: Reading) -> str:
        """The text that says the same as a reading, but for the policies of clock changes."""
        ...


@dataclass(frozen=True, kw_only=True)
class Row:
    """An instant at which one of the two fires, or both do."""

    at: datetime
    here: bool
    there: bool

    @property
    def same(self) -> bool:
        return self.here and self.there


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What the library and we say of one text, over the same time. `zone` is for the words."""

    library: Library
    text: str
    zone: ZoneInfo
    count: int
    ours: Answer
    theirs: Answer

    @property
    def rows(self) -> list[Row]:
        """The fires of both in order, as far as both lists reach."""
        here, there = set(self.ours.fires), set(self.theirs.fires)
        # A list that is cut at `count` says nothing of what comes later.
        cut = [fires[-1] for fires in (self.ours.fires, self.theirs.fires) if len(fires) == self.count]
        horizon = min(cut, default=None)
        return [
            Row(at=at, here=at in here, there=at in there)
            for at in sorted(here | there)
            if horizon is None or at <= horizon
        ]

    @property
    def same(self) -> bool:
        return not self.ours.error and not self.theirs.error and all(row.same for row in self.rows)

    @property
    def first_difference(self) -> Row | None:
        return next((row for row in self.rows if not row.same), None)


def compared(language: Language, library: Library, text: str, count: int) -> Comparison:
    """Ask both for the first fires of a text. Raises CommandError when there is nothing to compare."""
    ours = language.fires(Reading(text=text), count)
    if ours.error and not is_fit_for_others(text):
        raise CommandError(ours.error, code=ExitCode.USAGE)
    theirs = ask(library, text, language.start, language.zone, count)
    if ours.error and not theirs.fires:
        raise CommandError(ours.error, f"{library}: {theirs.error or 'it never fires'}", code=ExitCode.USAGE)
    return Comparison(library=library, text=text, zone=language.zone, count=count, ours=ours, theirs=theirs)


def explain(comparison: Comparison, language: Language) -> Iterator[str]:
    """Why the two differ, in lines; nothing when they don't."""
    library, ours, theirs = comparison.library, comparison.ours, comparison.theirs
    if comparison.same:
        return
    if theirs.error and not theirs.fires:
        yield f"{library} refuses it: {theirs.error}"
        if reason := refusal(library, comparison.text):
            yield f"why: {reason}"
        return
    row = comparison.first_difference
    if ours.error:
        yield f"Cronquorum refuses it: {ours.error}"
    elif row:
        yield f"first difference: {_difference(comparison, row)}"
    if theirs.error:
        yield f"{library}: {theirs.error}"
    if row and row.at.year > _LAST_YEAR:
        yield f"why: the years of our cron language end with {_LAST_YEAR}"
        return
    reading, whole = _reading(comparison, language)
    if reading is None or not reading.rules:
        reason = _clock_change(comparison, only_there=reading is not None)
        yield f"why: {reason or f'by no rule of {library} that is known here'}"
        return
    yield from (f"why: {rule}" for rule in reading.rules)
    if whole:
        yield f"for the fires of {library}, write {_written(language.text(reading), reading)}"


def _difference(comparison: Comparison, row: Row) -> str:
    library, zone = comparison.library, comparison.zone
    one, other = ("Cronquorum", library) if row.here else (library, "Cronquorum")
    fires = comparison.theirs.fires if row.here else comparison.ours.fires
    later = next((at for at in fires if at > row.at), None)
    following = f"its next fire is {by_clock(later, zone)}" if later else "nor does it later"
    return f"at {by_clock(row.at, zone)} {one} fires, and {other} does not: {following}"


def _reading(comparison: Comparison, language: Language) -> tuple[Reading | None, bool]:
    """The reading with the fewest rules that gives the library's fires.

    All of them from about the first difference on (True); or at least those up to the library's next fire after it;
    or else those apart from clock changes, for which the library may have rules of its own. If no rule at all is
    needed for the last, the first difference is at a clock change.
    """
    row = comparison.first_difference
    if row is None:
        return None, False
    earlier = [each.at for each in comparison.rows if each.at < row.at]
    after = earlier[-_FIRES_BEFORE - 1] if len(earlier) > _FIRES_BEFORE else None
    expected = [at for at in comparison.theirs.fires if after is None or at > after][:MOST_VERIFIED]
    following = next((at for at in expected if at > row.at), row.at)
    partly: Reading | None = None
    apart, longest = None, sum(at <= row.at for at in _apart_from_changes(expected, comparison.zone))
    for reading in readings(comparison.library, comparison.text):
        further = language.fires(reading, len(expected) + _FIRES_BEYOND, after).fires if expected else ()
        fires = further[: len(expected)]
        if reading.rules and fires and [*fires] == expected:
            return reading, True
        if reading.rules and fires and partly is None and _until(fires, following) == _until(expected, following):
            partly = reading
        agreed = _agreed(further, expected, comparison.zone)
        if agreed > longest:
            apart, longest = reading, agreed
    return partly or apart, False


def _until(fires: Sequence[datetime], last: datetime) -> list[datetime]:
    return [at for at in fires if at <= last]


def _agreed(fires: Sequence[datetime], expected: Sequence[datetime], zone: ZoneInfo) -> int:
    """How many fires agree, from the first on, when those near clock changes are left out of both."""
    pairs = zip(_apart_from_changes(fires, zone), _apart_from_changes(expected, zone), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _apart_from_changes(fires: Sequence[datetime], zone: ZoneInfo) -> list[datetime]:
    return [at for at in fires if len(set(_offsets(at, zone))) == 1]


def _offsets(at: datetime, zone: ZoneInfo) -> tuple[timedelta, timedelta]:
    """The offsets from UTC before and after a clock change near an instant."""
    before, after = ((at + distance).astimezone(zone).utcoffset() for distance in (-_NEAR, _NEAR))
    assert before is not None and after is not None
    return before, after


def _clock_change(comparison: Comparison, *, only_there: bool) -> str | None:
    """What the library does at a clock change that no policy of ours does.

    only_there: it is known that the two differ at clock changes only.
    """
    row, zone, library = comparison.first_difference, comparison.zone, comparison.library
    if row is None:
        return None
    before, after = _offsets(row.at, zone)
    if after - before >= _CALENDAR_CHANGE:
        return f"the calendar of {zone.key} leaves that time out, and {library} fires for it all the same"
    if after > before:
        odd = next((each.at for each in comparison.rows if each.there and not each.here), row.at)
        meant = (odd + before).replace(tzinfo=zone)  # on a clock that has not been changed
        exists = meant.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == meant.replace(tzinfo=None)
        if abs(odd - row.at) < _NEAR and not exists:
            return (
                f"{library} fires for {meant:%H:%M}, which does not exist that day, as if the clocks had not gone"
                f" forward: at {odd.astimezone(zone):%H:%M}"
            )
    if before == after or not only_there:
        return None
    return f"the clocks change within a day of that time, for which {library} has a rule of its own"


def _written(text: str, reading: Reading) -> str:
    policies = [("gap", reading.gap, "after"), ("overlap", reading.overlap, "first")]
    said = [f"{name}: {value}" for name, value, usual in policies if value != usual]
    return f"'{text}'" + (f" with {' and '.join(said)}" if said else "")
