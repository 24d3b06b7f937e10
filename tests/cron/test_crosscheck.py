"""The same answers as croniter's and cronsim's, for the unix language that they share with us.

Where they differ is not drawn at random but listed below, difference by difference, with who says what; a release of
theirs that changes one of these answers fails the test.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from cronsim import CronSim
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scheduler.cron import CronError, parse

from .strategies import CHANGES, MONTHS, WEEKDAYS

Answer = Callable[[str, datetime, ZoneInfo], list[datetime]]

_COUNT = 4
_UTC = ZoneInfo("UTC")


def ours(text: str, start: datetime, zone: ZoneInfo = _UTC) -> list[datetime]:
    expression = parse(text)
    fires: list[datetime] = []
    at: datetime | None = start
    while len(fires) < _COUNT and (at := expression.next_after(at or start, zone)):
        fires.append(at)
    return fires


def by_cronsim(text: str, start: datetime, zone: ZoneInfo = _UTC) -> list[datetime]:
    fires = CronSim(text, start.astimezone(zone))
    return [fire.astimezone(UTC) for fire, _ in zip(fires, range(_COUNT), strict=False)]


def by_croniter(text: str, start: datetime, zone: ZoneInfo = _UTC) -> list[datetime]:
    fires = croniter(text, start.astimezone(zone), ret_type=datetime, implement_cron_bug=True)
    return [fires.get_next().astimezone(UTC) for _ in range(_COUNT)]


@st.composite
def _item(draw: st.DrawFn, low: int, high: int, names: list[str]) -> str:
    first, last = draw(st.integers(low, high)), draw(st.integers(low, high))
    step = draw(st.integers(1, high - low))
    kind = draw(st.sampled_from(["value", "range", "stepped range", "star"]))
    if kind == "star":
        return f"*/{step}"
    if kind == "value" or first >= last:
        return draw(st.sampled_from([str(first), *names[first - low : first - low + 1]]))
    return f"{first}-{last}" if kind == "range" else f"{first}-{last}/{step}"


def _field(low: int, high: int, names: list[str] | None = None) -> st.SearchStrategy[str]:
    items = st.lists(_item(low, high, names or []), min_size=1, max_size=3).map(",".join)
    return st.one_of(st.just("*"), items)


_month_days = st.one_of(_field(1, 31), st.just("L"))
_shared = st.tuples(_field(0, 59), _field(0, 23), _month_days, _field(1, 12, MONTHS), _field(0, 6, WEEKDAYS))
_instants = st.integers(0, 60 * 366 * 86400).map(lambda second: datetime.fromtimestamp(second, UTC))
_thorough = settings(deadline=None, max_examples=300)


def _fires(text: str, start: datetime) -> list[datetime]:
    try:
        return ours(text, start)
    except CronError as error:
        assert "never occurs" in str(error)
        assume(False)
        raise


@_thorough
@given(_shared.map(" ".join), _instants)
def test_the_shared_language(text: str, start: datetime) -> None:
    expected = _fires(text, start)
    assert by_cronsim(text, start) == expected
    assume(not _written_out(text))
    assert by_croniter(text, start) == expected


def _written_out(text: str) -> bool:
    """Whether croniter takes a day field with every day in it for a star."""
    expanded = croniter.expand(text)[0]
    return any(expanded[place] == ["*"] and text.split()[place][0] != "*" for place in (2, 4))


@_thorough
@given(
    _field(0, 59),
    st.sampled_from(["*", "L", "LW", "1,L"]),
    st.lists(st.tuples(st.integers(0, 7), st.sampled_from(["L", *(f"#{nth}" for nth in range(1, 6))])), max_size=2),
    _instants,
)
def test_last_and_nth_days_as_in_cronsim(
    minutes: str, month_days: str, week_days: list[tuple[int, str]], start: datetime
) -> None:
    week = ",".join(f"{weekday}{kind}" for weekday, kind in week_days) or "*"
    text = f"{minutes} 12 {month_days} * {week}"
    assert by_cronsim(text, start) == ours(text, start)


@_thorough
@given(st.integers(0, 6), st.integers(1, 5), _instants)
def test_nth_days_as_in_croniter(weekday: int, nth: int, start: datetime) -> None:
    text = f"0 12 * * {weekday}#{nth}"
    assert by_croniter(text, start) == ours(text, start)


# Where the differences of calendar changes and of odd seconds, below, would show.
_ODD_ZONES = ("Antarctica/Casey", "Pacific/Apia", "Pacific/Kwajalein", "Africa/Monrovia")


@_thorough
@given(st.integers(0, 59), st.integers(0, 23), st.sampled_from(CHANGES), st.integers(-3 * 86400, -6 * 3600))
def test_once_a_day_around_clock_changes_as_in_cronsim(
    minute: int, hour: int, change: tuple[str, str], seconds: int
) -> None:
    zone = ZoneInfo(change[0])
    assume(zone.key not in _ODD_ZONES)
    start = datetime.fromisoformat(change[1]) + timedelta(seconds=seconds)
    text = f"{minute} {hour} * * *"
    assert by_cronsim(text, start, zone) == ours(text, start, zone)


class Difference(NamedTuple):
    """What they and we say: fires in the language's common form, or a part of an error's message."""

    name: str
    text: str
    start: str
    zone: str
    theirs: str
    ours: str


_CRONSIM = """
it refuses ranges that wrap
    | 0 22-2 * * * | 2026-01-01T12:00 | UTC | Bad hour | 01-01T22:00 01-01T23:00
it takes a step after a range of one value for a step from there on
    | 0 0 2-2/3 * * | 2026-01-01T12:00 | UTC | 01-02T00:00 01-05T00:00 | 01-02T00:00 02-02T00:00
it counts the steps of weekdays on to 7, a second Sunday
    | 0 0 * * 5/2 | 2026-01-01T12:00 | UTC | 01-02T00:00 01-04T00:00 | 01-02T00:00 01-09T00:00
it begins a step from 7 at the end of the week, not at Sunday
    | 0 0 * * 7/2 | 2026-01-01T12:00 | UTC | 01-04T00:00 01-11T00:00 | 01-03T00:00 01-04T00:00
it allows steps that leave the field
    | */70 * * * * | 2026-01-01T12:00 | UTC | 01-01T13:00 01-01T14:00 | 70 is not a step
it has no distance from the last day
    | 0 0 L-3 * * | 2026-01-01T12:00 | UTC | Bad day-of-month | 01-28T00:00 02-25T00:00
it has no nearest weekday but LW
    | 0 0 15W * * | 2026-01-01T12:00 | UTC | Bad day-of-month | 01-15T00:00 02-16T00:00
it has no macros
    | @daily | 2026-01-01T12:00 | UTC | Wrong number of fields | 01-02T00:00 01-03T00:00
it knows no gap when the hour or the minute begins with a star, as Debian's cron
    | */30 2 * * * | 2026-03-28T12:00 | Europe/Berlin | 03-30T00:00 03-30T00:30 | 03-29T01:00 03-30T00:00
it knows no overlap when the hour or the minute begins with a star
    | */30 2 * * * | 2026-10-25T00:29 | Europe/Berlin | 10-25T00:30 10-25T01:00 | 10-25T00:30 10-26T01:00
it takes all hours, written out, for a schedule of fixed times
    | 30 0-23 * * * | 2026-10-25T00:00 | Europe/Berlin | 10-25T00:30 10-25T02:30 | 10-25T00:30 10-25T01:30
it forgets which of two equal wall-clock times it starts from
    | 30 2 * * * | 2026-10-25T01:00 | Europe/Berlin | 10-25T00:30 10-26T01:30 | 10-26T01:30 10-27T01:30
it fires after a gap of a day, which is a change of calendar
    | 0 12 30 12 * | 2011-01-01T00:00 | Pacific/Apia | 12-30T10:00 12-29T22:00 | 12-29T22:00 12-29T22:00
it fires at the first whole minute after a gap, not at its end
    | 0 0 * * * | 1972-01-06T12:00 | Africa/Monrovia | 01-07T00:45 01-08T00:00 | 01-07T00:44 01-08T00:00
"""

_CRONITER = """
it takes a range of one value for the whole field
    | 0 0 2-2 * * | 2026-01-01T12:00 | UTC | 01-02T00:00 01-03T00:00 | 01-02T00:00 02-02T00:00
it allows steps that leave the field
    | */70 * * * * | 2026-01-01T12:00 | UTC | 01-01T13:00 01-01T14:00 | 70 is not a step
it takes all days, written out, for a star when a star is anywhere in the other field
    | 0 0 1-31 * 0,*/3 | 2026-01-01T12:00 | UTC | 01-03T00:00 01-04T00:00 | 01-02T00:00 01-03T00:00
it asks for both day fields when one has the nth weekday
    | 0 0 13 * 5#1 | 2026-01-01T12:00 | UTC | failed to find next date | 01-02T00:00 01-13T00:00
it has no lists of plain and nth weekdays
    | 0 0 * * 1,5#3 | 2026-01-01T12:00 | UTC | does not support mixing | 01-05T00:00 01-12T00:00
it writes the last Friday the other way round
    | 0 0 * * 5L | 2026-01-01T12:00 | UTC | is not acceptable | 01-30T00:00 02-27T00:00
and we do not read its way
    | 0 0 * * L5 | 2026-01-01T12:00 | UTC | 01-30T00:00 02-27T00:00 | L5 is not a value
it has no last weekday of the month
    | 0 0 LW * * | 2026-01-01T12:00 | UTC | is not acceptable | 01-30T00:00 02-27T00:00
it has no distance from the last day
    | 0 0 L-3 * * | 2026-01-01T12:00 | UTC | are not acceptable | 01-28T00:00 02-25T00:00
it finds a weekday near a day that the month lacks
    | 0 0 31W * * | 2026-01-01T12:00 | UTC | 01-30T00:00 02-27T00:00 | 01-30T00:00 03-31T00:00
it has no lists with W
    | 0 0 1,15W * * | 2026-01-01T12:00 | UTC | not in a list or range | 01-15T00:00 02-01T00:00
it reads ? as * in unix
    | 0 0 ? * 1 | 2026-01-01T12:00 | UTC | 01-05T00:00 01-12T00:00 | write *
it fires twice in an overlap
    | 30 2 * * * | 2026-10-24T12:00 | Europe/Berlin | 10-25T00:30 10-25T01:30 | 10-25T00:30 10-26T01:30
it fires after a gap of a day, which is a change of calendar
    | 0 12 30 12 * | 2011-01-01T00:00 | Pacific/Apia | 12-30T10:00 12-29T22:00 | 12-29T22:00 12-29T22:00
"""


def _differences(table: str) -> list[Difference]:
    rows = [row.split(" | ") for row in table.strip().replace("\n    |", " |").splitlines()]
    return [Difference(*(cell.strip() for cell in row)) for row in rows]


def _said(answer: Answer, difference: Difference) -> str:
    start = datetime.fromisoformat(difference.start).replace(tzinfo=UTC)
    try:
        fires = answer(difference.text, start, ZoneInfo(difference.zone))
    except Exception as error:  # theirs have no common root
        return str(error)
    return " ".join(fire.strftime("%m-%dT%H:%M") for fire in fires)


@pytest.mark.parametrize("difference", _differences(_CRONSIM), ids=lambda difference: difference.name)
def test_known_differences_from_cronsim(difference: Difference) -> None:
    assert difference.theirs in _said(by_cronsim, difference)
    assert difference.ours in _said(ours, difference)
    assert difference.theirs != difference.ours


@pytest.mark.parametrize("difference", _differences(_CRONITER), ids=lambda difference: difference.name)
def test_known_differences_from_croniter(difference: Difference) -> None:
    assert difference.theirs in _said(by_croniter, difference)
    assert difference.ours in _said(ours, difference)
    assert difference.theirs != difference.ours


def test_croniter_needs_to_be_told_of_the_star_rule() -> None:
    """`implement_cron_bug`, as it calls it, is what `by_croniter` gives."""
    start = datetime(2026, 1, 1, 12, tzinfo=UTC)
    text = "0 0 */2 * 1"
    odd_days_or_mondays = croniter(text, start, ret_type=datetime).get_next()
    assert odd_days_or_mondays == datetime(2026, 1, 3, tzinfo=UTC)
    assert by_croniter(text, start) == by_cronsim(text, start) == ours(text, start)
    assert ours(text, start)[0] == datetime(2026, 1, 5, tzinfo=UTC)
