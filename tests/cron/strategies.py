"""Random expressions whose meaning is known without the parser, and instants around clock changes."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from .enumeration import Schedule

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]

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


@st.composite
def _item(draw: st.DrawFn, low: int, high: int, step: int, names: list[str], wraps: bool) -> tuple[str, set[int]]:
    def written(value: int) -> str:
        by_name = draw(st.booleans())
        if names and by_name:
            name = names[value - low]
            return draw(st.sampled_from([name, name.lower(), name.title()]))
        return str(value).zfill(draw(st.integers(1, 4)))

    everything = list(range(low, high + 1))
    first = draw(st.integers(low, high))
    every = draw(st.integers(1, step))
    kind = draw(st.sampled_from(["value", "range", "stepped range", "from", "star", "bare step"]))
    if kind == "value":
        return written(first), {first}
    if kind == "from":
        return f"{written(first)}/{every}", set(range(first, high + 1, every))
    if kind == "star":
        return f"*/{every}", set(everything[::every])
    if kind == "bare step":
        return f"/{every}", set(everything[::every])
    last = draw(st.integers(low if wraps else first, high))
    index = first - low
    turned = everything[index:] + everything[:index]  # what follows `first`, around the end of the field
    run = turned[: turned.index(last) + 1]
    if kind == "range":
        return f"{written(first)}-{written(last)}", set(run)
    return f"{written(first)}-{written(last)}/{every}", set(run[::every])


@st.composite
def _field(
    draw: st.DrawFn, low: int, high: int, step: int, names: list[str] | None = None, wraps: bool = True
) -> tuple[str, set[int]]:
    if draw(st.integers(0, 3)) == 0:
        return "*", set(range(low, high + 1))
    items = draw(st.lists(_item(low, high, step, names or [], wraps), min_size=1, max_size=3))
    return ",".join(text for text, _ in items), set().union(*(values for _, values in items))


_ONE_TIME = st.integers(0, 59).map(lambda value: (str(value), {value}))


@st.composite
def schedules(draw: st.DrawFn, *, one_time_a_day: bool = False) -> Schedule:
    """A schedule that has at most three seconds in a minute, so that it can be enumerated."""
    seconds = draw(_ONE_TIME)
    if one_time_a_day:
        minutes = draw(_ONE_TIME)
        hours = draw(st.integers(0, 23).map(lambda value: (str(value), {value})))
    else:
        minutes, hours = draw(_field(0, 59, 59)), draw(_field(0, 23, 23))
    days_of_month, days_of_week = ("?", set(range(1, 32))), ("?", set(range(1, 8)))
    if draw(st.booleans()):
        days_of_month = draw(_field(1, 31, 31))
    else:
        days_of_week = draw(_field(1, 7, 7, WEEKDAYS))
    months = draw(_field(1, 12, 12, MONTHS))
    years = draw(st.one_of(st.just(("", set(range(1970, 2200)))), _field(1970, 2199, 229, wraps=False)))
    words = (seconds, minutes, hours, days_of_month, months, days_of_week, years)
    return Schedule(
        text=" ".join(word for word, _ in words if word),
        seconds=seconds[1],
        minutes=minutes[1],
        hours=hours[1],
        days_of_month=days_of_month[1],
        months=months[1],
        days_of_week=days_of_week[1],
        years=years[1],
    )
