"""Random expressions whose meaning is known without the parser, and instants around clock changes."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from .enumeration import (
    DayTest,
    Schedule,
    all_of,
    any_of,
    before_last,
    in_days_of_month,
    in_days_of_week,
    last_weekday,
    nth_weekday,
    weekday_near,
    weekday_near_last,
)

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
YEARS = set(range(1970, 2200))

# A zone, and a moment within hours of one of its clock changes.
CHANGES = [
    ("Europe/Berlin", "2026-03-29T01:00Z"),
    ("Europe/Berlin", "2026-10-25T01:00Z"),
    ("America/New_York", "2026-03-08T07:00Z"),
    ("America/New_York", "2026-11-01T06:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T15:30Z"),  # half an hour
    ("Australia/Lord_Howe", "2026-04-04T15:00Z"),
    ("America/Havana", "2026-03-08T05:00Z"),  # midnight is missing
    ("America/Santiago", "2026-04-05T03:00Z"),  # an overlap across midnight
    ("America/St_Johns", "2011-03-13T03:31Z"),  # at 00:01
    ("America/St_Johns", "2010-11-07T02:31Z"),
    ("Antarctica/Troll", "2026-03-29T01:00Z"),  # two hours
    ("Antarctica/Troll", "2026-10-25T01:00Z"),
    ("Antarctica/Casey", "2009-10-17T18:00Z"),  # three hours forward: a change of calendar
    ("Antarctica/Casey", "2010-03-04T15:00Z"),  # three hours back: an overlap
    ("Pacific/Apia", "2011-12-30T10:00Z"),  # a day is missing
    ("Pacific/Kwajalein", "1993-08-21T12:00Z"),  # a day is missing
    ("Africa/Monrovia", "1972-01-07T00:44Z"),  # 44 minutes and 30 seconds
    ("America/Boa_Vista", "2000-10-11T12:00Z"),  # two changes in a week
    ("Asia/Pyongyang", "2018-05-04T15:00Z"),  # another standard time
    ("UTC", "2026-01-01T00:00Z"),
]

gaps = st.sampled_from(["after", "skip"])
overlaps = st.sampled_from(["first", "second", "both"])


@st.composite
def around_a_change(draw: st.DrawFn) -> tuple[ZoneInfo, datetime]:
    """A zone, and an instant at most three days before or one after a clock change."""
    zone, change = draw(st.sampled_from(CHANGES))
    seconds = draw(st.integers(-3 * 86400, 86400))
    return ZoneInfo(zone), datetime.fromisoformat(change) + timedelta(seconds=seconds)


def anytime() -> st.SearchStrategy[datetime]:
    return st.datetimes(
        min_value=datetime(1960, 1, 1),  # noqa: DTZ001 - hypothesis wants naive bounds
        max_value=datetime(2210, 1, 1),  # noqa: DTZ001
        timezones=st.just(UTC),
    )


def _written(draw: st.DrawFn, value: int, low: int, names: list[str]) -> str:
    by_name = draw(st.booleans())
    if names and by_name:
        name = names[(value - low) % len(names)]
        return draw(st.sampled_from([name, name.lower(), name.title()]))
    return str(value).zfill(draw(st.integers(1, 4)))


@st.composite
def _item(draw: st.DrawFn, low: int, high: int, step: int, names: list[str], wraps: bool) -> tuple[str, set[int]]:
    everything = list(range(low, high + 1))
    first = draw(st.integers(low, high))
    every = draw(st.integers(1, step))
    written_first = _written(draw, first, low, names)
    kind = draw(st.sampled_from(["value", "range", "stepped range", "from", "star", "bare step"]))
    if kind == "value":
        return written_first, {first}
    if kind == "from":
        return f"{written_first}/{every}", set(range(first, high + 1, every))
    if kind == "star":
        return f"*/{every}", set(everything[::every])
    if kind == "bare step":
        return f"/{every}", set(everything[::every])
    last = draw(st.integers(low if wraps else first, high))
    index = first - low
    turned = everything[index:] + everything[:index]  # what follows `first`, around the end of the field
    run = turned[: turned.index(last) + 1]
    written_last = _written(draw, last, low, names)
    if kind == "range":
        return f"{written_first}-{written_last}", set(run)
    return f"{written_first}-{written_last}/{every}", set(run[::every])


@st.composite
def _field(
    draw: st.DrawFn, low: int, high: int, step: int, names: list[str] | None = None, wraps: bool = True
) -> tuple[str, set[int]]:
    if draw(st.integers(0, 3)) == 0:
        return "*", set(range(low, high + 1))
    items = draw(st.lists(_item(low, high, step, names or [], wraps), min_size=1, max_size=3))
    return ",".join(text for text, _ in items), set().union(*(values for _, values in items))


@st.composite
def _month_day_item(draw: st.DrawFn) -> tuple[str, DayTest]:
    kind = draw(st.sampled_from(["plain", "plain", "L", "LW", "nW"]))
    number, distance = draw(st.integers(1, 31)), draw(st.integers(0, 30))
    offset = f"-{distance}" if distance or draw(st.booleans()) else ""
    if kind == "plain":
        text, numbers = draw(_item(1, 31, 31, [], True))
        return text, in_days_of_month(numbers)
    if kind == "L":
        return draw(st.sampled_from([f"L{offset}", f"l{offset}"])), before_last(distance)
    if kind == "LW":
        return draw(st.sampled_from([f"L{offset}W", f"l{offset}w"])), weekday_near_last(distance)
    return draw(st.sampled_from([f"{number}W", f"{number:03}w"])), weekday_near(number)


@st.composite
def _week_day_item(draw: st.DrawFn, first: int) -> tuple[str, DayTest]:
    """`first` is the number of Sunday."""
    kind = draw(st.sampled_from(["plain", "plain", "#", "L"]))
    if kind == "plain":
        text, numbers = draw(_item(first, first + 6, 7, WEEKDAYS, True))
        return text, in_days_of_week({number - first for number in numbers})
    weekday = draw(st.integers(0, 6))
    written = _written(draw, first + weekday, first, WEEKDAYS)
    if kind == "#":
        nth = draw(st.integers(1, 5))
        return f"{written}#{nth}", nth_weekday(weekday, nth)
    return draw(st.sampled_from([f"{written}L", f"{written}l"])), last_weekday(weekday)


_month_day_lists = st.lists(_month_day_item(), min_size=1, max_size=3)
_star = st.just(("*", any_of([lambda day: True])))


def _joined(items: list[tuple[str, DayTest]]) -> tuple[str, DayTest]:
    return ",".join(text for text, _ in items), any_of([test for _, test in items])


_month_days = st.one_of(_star, _month_day_lists.map(_joined))


def _week_days(first: int) -> st.SearchStrategy[tuple[str, DayTest]]:
    return st.one_of(_star, st.lists(_week_day_item(first), min_size=1, max_size=3).map(_joined))


@st.composite
def _quartz_days(draw: st.DrawFn) -> tuple[str, str, str, DayTest]:
    """A prefix, day-of-month, day-of-week, and what they mean."""
    month, in_month = draw(_month_days)
    week, in_week = draw(_week_days(1))
    kind = draw(st.sampled_from(["month", "week", "and", "or"]))
    if kind == "month":
        return "", month, "?", in_month
    if kind == "week":
        return "", "?", week, in_week
    union = kind == "or" and "*" not in (month, week)
    return f"DAYS={kind} ", month, week, any_of([in_month, in_week]) if union else all_of([in_month, in_week])


@st.composite
def _unix_days(draw: st.DrawFn) -> tuple[str, str, DayTest]:
    """Day-of-month, day-of-week, and what they mean."""
    month, in_month = draw(_month_days)
    week, in_week = draw(_week_days(0))
    both = month.startswith("*") or week.startswith("*")
    return month, week, all_of([in_month, in_week]) if both else any_of([in_month, in_week])


_ONE_VALUE = st.integers(0, 59).map(lambda value: (str(value), {value}))
_ONE_HOUR = st.integers(0, 23).map(lambda value: (str(value), {value}))


@st.composite
def schedules(draw: st.DrawFn, *, one_time_a_day: bool = False) -> Schedule:
    """A schedule that has one second in a minute, so that it can be enumerated."""
    minutes = draw(_ONE_VALUE if one_time_a_day else _field(0, 59, 59))
    hours = draw(_ONE_HOUR if one_time_a_day else _field(0, 23, 23))
    months = draw(_field(1, 12, 12, MONTHS))
    if draw(st.integers(0, 3)) == 0:
        month_days, week_days, matches_day = draw(_unix_days())
        text = f"{minutes[0]} {hours[0]} {month_days} {months[0]} {week_days}"
        seconds, years = {0}, ("", YEARS)
    else:
        second, seconds = draw(_ONE_VALUE)
        years = draw(st.one_of(st.just(("", YEARS)), _field(1970, 2199, 229, wraps=False)))
        prefix, month_days, week_days, matches_day = draw(_quartz_days())
        text = f"{prefix}{second} {minutes[0]} {hours[0]} {month_days} {months[0]} {week_days} {years[0]}"
    return Schedule(
        text=text,
        seconds=seconds,
        minutes=minutes[1],
        hours=hours[1],
        matches_day=matches_day,
        months=months[1],
        years=years[1],
    )
