"""Recurrence rules against `dateutil`, and where it differs against RFC 5545."""

from datetime import datetime
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.calendars.ics_text import IcsError, Property
from scheduler.calendars.ics_times import When
from scheduler.calendars.recurrence import Recurrence, ended
from scheduler.calendars.recurrence_text import read_recurrence

_UTC = ZoneInfo("UTC")
_DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


def read(text: str, start: datetime) -> tuple[Recurrence, int | None]:
    found = Property(name="RRULE", params={}, value=text, line=1)
    return read_recurrence(found, When(wall=start, zone=_UTC, is_day=False), _UTC)


def numbers(low: int, high: int, *, signed: bool = False) -> st.SearchStrategy[str]:
    one = st.integers(low, high)
    both = one | one.map(lambda value: -value) if signed else one
    return st.lists(both, min_size=1, max_size=3, unique=True).map(lambda values: ",".join(map(str, values)))


@st.composite
def rules(draw: st.DrawFn) -> str:
    frequency = draw(st.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY"]))
    parts = [f"FREQ={frequency}"]
    if draw(st.booleans()):
        parts.append(f"INTERVAL={draw(st.integers(1, 9) | st.integers(1, 60))}")
    some = st.sampled_from([False, False, True])
    if draw(some):
        parts.append(f"WKST={draw(st.sampled_from(_DAYS))}")
    chosen_months = draw(some)
    if chosen_months:
        parts.append(f"BYMONTH={draw(numbers(1, 12))}")
    if frequency != "WEEKLY" and draw(some):
        parts.append(f"BYMONTHDAY={draw(numbers(1, 31, signed=True))}")
    if frequency in ("YEARLY", "HOURLY") and draw(some):
        parts.append(f"BYYEARDAY={draw(numbers(1, 366, signed=True))}")
    if draw(some):
        weekdays = draw(st.lists(st.sampled_from(_DAYS), min_size=1, max_size=3, unique=True))
        counted = frequency in ("YEARLY", "MONTHLY") and draw(st.booleans())
        places = [1, 2, 4, 5, -1, -5, *([20, -53] if frequency == "YEARLY" and not chosen_months else [])]
        nth = [str(draw(st.sampled_from(places))) if counted else "" for _ in weekdays]
        parts.append("BYDAY=" + ",".join(f"{n}{day}" for n, day in zip(nth, weekdays, strict=True)))
        if frequency == "YEARLY" and not counted and draw(st.booleans()):
            parts.append(f"BYWEEKNO={draw(numbers(1, 53, signed=True))}")
    if draw(some):
        parts.append(f"BYHOUR={draw(numbers(0, 23))}")
    if draw(some):
        parts.append(f"BYMINUTE={draw(numbers(0, 59))}")
    chooses = any(part.startswith("BY") for part in parts)
    # From the first week of a weekly rule dateutil takes only what is left of it after DTSTART.
    if chooses and frequency != "WEEKLY" and draw(some):
        parts.append(f"BYSETPOS={draw(numbers(1, 5, signed=True))}")
    return ";".join(parts)


starts = st.datetimes(datetime(1999, 1, 1), datetime(2012, 12, 31)).map(lambda at: at.replace(microsecond=0))  # noqa: DTZ001


@settings(deadline=None, max_examples=600)
@given(rules(), starts, st.integers(-1, 12), st.integers(1, 400))
def test_a_window_of_a_rule_is_as_dateutil_has_it(text: str, start: datetime, years: int, days: int) -> None:
    low = start.replace(year=start.year + years, day=1)
    high = datetime.fromordinal(low.toordinal() + days)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dateutil.rrule.datetime.MAXYEAR", 2027)  # up to which it looks for a match, whatever UNTIL says
        try:
            expected = [at for at in takewhile(lambda at: at < high, rrulestr(text, dtstart=start)) if at >= low]
        except ValueError:  # it refuses hours that an interval never comes to
            expected = []
    rule, _ = read(text, start)
    assert list(rule.starts(low, high)) == expected
    if years >= 0 and days >= 365:
        by_year: dict[int, int] = {}
        for at in rule.starts(low, high):
            by_year[at.year] = by_year.get(at.year, 0) + 1
        assert all(count <= rule.most_in_a_year() for count in by_year.values())


@pytest.mark.parametrize(
    ("rule", "start", "expected"),
    [
        # RFC 5545, section 3.3.10: examples of section 3.8.5.3
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "1997-05-12", ["1997-05-12", "1998-05-11", "1999-05-17"]),
        ("FREQ=YEARLY;BYDAY=20MO", "1997-05-19", ["1997-05-19", "1998-05-18", "1999-05-17"]),
        ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "1997-09-02", ["1998-02-13", "1998-03-13", "1998-11-13"]),
        ("FREQ=MONTHLY;BYDAY=TU,WE,TH;BYSETPOS=3", "1997-09-04", ["1997-09-04", "1997-10-07", "1997-11-06"]),
        ("FREQ=MONTHLY;BYMONTHDAY=15,30", "2007-01-15", ["2007-01-15", "2007-01-30", "2007-02-15"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=MO", "1997-08-05", ["1997-08-05", "1997-08-10", "1997-08-19"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU", "1997-08-05", ["1997-08-05", "1997-08-17", "1997-08-19"]),
        # A plain weekday beside a counted one: either of them, where dateutil wants both.
        ("FREQ=MONTHLY;BYDAY=1FR,TU", "2026-09-01", ["2026-09-01", "2026-09-04", "2026-09-08"]),
        # What the rule does not say is taken from DTSTART, where dateutil takes the whole week.
        ("FREQ=YEARLY;BYWEEKNO=20", "1997-05-14", ["1997-05-14", "1998-05-13", "1999-05-19"]),
        # The first week is whole, though DTSTART is on its Wednesday.
        ("FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=-1", "2026-09-02", ["2026-09-04", "2026-09-11", "2026-09-18"]),
        ("FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=1", "2026-09-02", ["2026-09-07", "2026-09-14", "2026-09-21"]),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "2096-02-29", ["2096-02-29", "2104-02-29", "2108-02-29"]),
        ("freq=daily;interval=400;", "2026-01-01", ["2026-01-01", "2027-02-05", "2028-03-11"]),
    ],
)
def test_the_first_starts_of_a_rule(rule: str, start: str, expected: list[str]) -> None:
    begin = datetime.fromisoformat(start)
    found, _ = read(rule, begin)
    until = begin.replace(year=begin.year + 20)
    assert [at.date().isoformat() for at in found.starts(begin, until)][:3] == expected


def test_a_rule_without_any_start_ends_its_search() -> None:
    rule, _ = read("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", datetime(1970, 1, 1))  # noqa: DTZ001
    assert list(rule.starts(datetime(1970, 1, 1), datetime(2200, 1, 1))) == []  # noqa: DTZ001


@pytest.mark.parametrize(
    ("rule", "last", "years"),
    [
        ("FREQ=DAILY;COUNT=1", "2026-03-28", 1),
        ("FREQ=DAILY;COUNT=3", "2026-03-31", 1),  # 02:30 on 29 March is not there in Berlin
        ("FREQ=YEARLY;COUNT=4", "2030-03-28", 5),  # nor on 28 March 2027
        ("FREQ=MONTHLY;BYMONTHDAY=1;COUNT=3", "2026-05-01", 1),  # DTSTART counts, though not of the rule
    ],
)
def test_a_count_is_an_end(rule: str, last: str, years: int) -> None:
    first = When(wall=datetime(2026, 3, 28, 2, 30), zone=ZoneInfo("Europe/Berlin"), is_day=False)  # noqa: DTZ001
    found = Property(name="RRULE", params={}, value=rule, line=1)
    read_rule, count = read_recurrence(found, first, _UTC)
    assert count is not None
    limited, gone_through = ended(read_rule, first, count)
    assert limited.until is not None
    assert (limited.until.date().isoformat(), gone_through) == (last, years)


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("", "has '', which is no rule part such as FREQ=WEEKLY"),
        ("WEEKLY", "has 'WEEKLY', which is no rule part"),
        ("INTERVAL=2", "has no FREQ"),
        ("FREQ=SECONDLY", "recurs too often: SECONDLY; use a cron rule"),
        ("FREQ=MINUTELY;COUNT=5", "recurs too often: MINUTELY"),
        (
            "FREQ=WEEKLEY",
            "FREQ: 'WEEKLEY' is not one of YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY; did you mean 'WEEKLY'?",
        ),
        ("FREQ=DAILY;FREQ=WEEKLY", "has FREQ twice"),
        ("FREQ=DAILY;INTERVALL=2", "has the unknown rule part 'INTERVALL'; did you mean 'INTERVAL'?"),
        ("FREQ=DAILY;RSCALE=CHINESE", "has the unknown rule part 'RSCALE'"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL: '0' is not in 1-10000"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL: '-1' is not in 1-10000"),
        ("FREQ=DAILY;INTERVAL=99999999999999999999", "is not in 1-10000"),
        ("FREQ=DAILY;COUNT=0", "COUNT: '0' is not in 1-10000"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", "has both COUNT and UNTIL"),
        ("FREQ=DAILY;UNTIL=tomorrow", "is not a date such as 20261224"),
        ("FREQ=DAILY;WKST=XX", "WKST: 'XX' is not one of MO, TU, WE"),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR: '24' is not in 0-23"),
        ("FREQ=DAILY;BYHOUR=1,,2", "BYHOUR: '' is not in 0-23"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY: '0' is not in 1-31 or -31 to -1"),
        ("FREQ=MONTHLY;BYMONTHDAY=-32", "BYMONTHDAY: '-32' is not in 1-31 or -31 to -1"),
        ("FREQ=MONTHLY;BYMONTHDAY=\u0663", "BYMONTHDAY: '\\u0663' is not in 1-31"),
        ("FREQ=YEARLY;BYMONTH=5L", "BYMONTH: '5L' is not in 1-12"),
        ("FREQ=WEEKLY;BYDAY=MON", "BYDAY: 'MON' is not a weekday such as MO, 2TU or -1FR"),
        ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY: '0MO' is not a weekday"),
        ("FREQ=MONTHLY;BYDAY=54MO", "BYDAY: '54MO' is not a weekday"),
        ("FREQ=WEEKLY;BYDAY=2MO", "BYDAY: '2MO' counts weekdays, which is for FREQ=MONTHLY and YEARLY"),
        ("FREQ=MONTHLY;BYWEEKNO=2", "has BYWEEKNO, which is for FREQ=YEARLY"),
        ("FREQ=YEARLY;BYWEEKNO=2;BYDAY=1MO", "has BYWEEKNO, beside which BYDAY cannot count weekdays"),
        ("FREQ=DAILY;BYYEARDAY=2", "has BYYEARDAY, which is for FREQ=YEARLY and HOURLY"),
        ("FREQ=WEEKLY;BYMONTHDAY=2", "has BYMONTHDAY, which is not for FREQ=WEEKLY"),
        ("FREQ=MONTHLY;BYSETPOS=1", "has BYSETPOS without another BY... to choose from"),
    ],
)
def test_what_is_no_rule(rule: str, problem: str) -> None:
    with pytest.raises(IcsError) as caught:
        read(rule, datetime(2026, 1, 1))  # noqa: DTZ001
    assert problem in str(caught.value)
    assert str(caught.value).startswith("line 1: RRULE ")
