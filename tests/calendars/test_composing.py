"""Rules joined: parts in a rule, rules in a calendar, calendars on one another."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobstore.calendar_spec import CalendarSpec
from scheduler.calendars import CalendarTimes, Span, compile_calendar, read_calendar
from tests.calendars.making import calendar, checked, excluding, spans, utc

_PARTS: list[dict[str, Any]] = [
    {"dates": ["2026-03-27..2026-03-30", "2026-10-25"]},
    {"annual": ["12-24..01-01", "03-28"]},
    {"weekly": ["SAT-SUN"]},
    {"weekly": ["SUN-SAT"]},
    {"daily": {"from": "22:00", "to": "06:00"}},
    {"cron": "* * 8-17 ? * MON-FRI"},
    {"cron": "*/15 * * * *"},
    {"holidays": {"country": "DE"}},
    {
        "ics": {
            "text": "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260301T120000\nDURATION:PT3H\n"
            "RRULE:FREQ=WEEKLY\nEND:VEVENT\nEND:VCALENDAR"
        }
    },
]
rules = st.lists(st.sampled_from(_PARTS), min_size=1, max_size=3).map(
    lambda parts: {key: value for part in parts for key, value in part.items()}
)
# Around a clock change, the turn of a year, and Easter in Berlin.
instants = st.sampled_from(["2026-03-29 01:00", "2026-10-25 01:00", "2026-12-31 23:00", "2026-04-03 00:00"]).flatmap(
    lambda text: st.integers(-300_000, 300_000).map(lambda seconds: utc(text) + timedelta(seconds=seconds))
)


def _matches(rule: dict[str, Any], instant: datetime) -> bool:
    """By the definition: each part alone, all of them."""
    alone = [excluding({key: value}, "Europe/Berlin") for key, value in rule.items()]
    return all(part.span_at(instant).excluded for part in alone)


@settings(deadline=None, max_examples=200)
@given(st.lists(rules, max_size=3), st.lists(rules, max_size=2), st.lists(rules, max_size=2), instants)
def test_a_calendar_is_what_its_definition_says(
    exclude: list[dict[str, Any]], include: list[dict[str, Any]], of_base: list[dict[str, Any]], instant: datetime
) -> None:
    base = calendar(timeZone="Europe/Berlin", exclude=of_base)
    spec = read_calendar({"timeZone": "Europe/Berlin", "exclude": exclude, "include": include, "base": ["base"]})
    span = checked(compile_calendar(spec, [base]), instant)
    step = min(span.until - instant, timedelta(days=3)) / 5
    for moment in [span.since, *(instant + place * step for place in range(5)), span.until - timedelta(seconds=1)]:
        if moment < utc("1970-01-03") or moment > utc("2199-12-30"):
            continue
        expected = any(_matches(rule, moment) for rule in [*exclude, *of_base]) or (
            bool(include) and not any(_matches(rule, moment) for rule in include)
        )
        assert span.excluded is expected


def test_all_parts_of_a_rule_must_match() -> None:
    rule = {"weekly": ["SUN"], "daily": {"from": "02:00", "to": "04:00"}, "dates": ["2026-03-01..2026-03-15"]}
    assert spans(excluding(rule), "2026-02-01", "2026-04-01") == [
        (f"2026-03-{day} 02:00", f"2026-03-{day} 04:00") for day in ("01", "08", "15")
    ]


def test_include_leaves_out_the_rest_and_exclude_some_of_it() -> None:
    times = calendar(
        include=[{"cron": "* * 9-16 ? * MON-FRI"}, {"dates": ["2026-03-07"]}], exclude=[{"dates": ["2026-03-05"]}]
    )
    assert spans(times, "2026-03-04 12:00", "2026-03-09 09:00") == [
        ("2026-03-04 17:00", "2026-03-06 09:00"),
        ("2026-03-06 17:00", "2026-03-07 00:00"),
        ("2026-03-08 00:00", "2026-03-09 09:00"),
    ]


def test_an_empty_calendar_excludes_nothing() -> None:
    span = checked(calendar(), utc("2026-01-01"))
    assert (span.excluded, span.since, span.until) == (False, utc("1970-01-01"), utc("2200-01-01"))


def test_an_empty_list_is_none() -> None:
    assert checked(excluding({"dates": [], "weekly": ["SAT"]}), utc("2026-03-07")).excluded


def test_bases_add_up() -> None:
    weekends, nights = excluding({"weekly": ["SAT-SUN"]}), excluding({"daily": {"from": "20:00", "to": "08:00"}})
    spec = read_calendar({"base": ["weekends", "nights"], "exclude": [{"dates": ["2026-03-09"]}]})
    assert spans(compile_calendar(spec, [weekends, nights]), "2026-03-06 12:00", "2026-03-10 12:00") == [
        ("2026-03-06 20:00", "2026-03-10 08:00")
    ]


@dataclass(frozen=True)
class _Until:
    """Somebody else's calendar: all times before an instant are excluded."""

    end: datetime

    def span_at(self, instant: datetime) -> Span:
        early, late = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
        return Span(True, early, self.end) if instant < self.end else Span(False, self.end, late)


def test_a_base_may_be_of_another_kind() -> None:
    base: CalendarTimes = _Until(utc("2026-03-01 00:30"))
    times = compile_calendar(CalendarSpec(), [base])
    assert spans(times, "2026-02-01", "2026-04-01") == [("1970-01-01 00:00", "2026-03-01 00:30")]
    assert times.span_at(utc("1960-01-01")).excluded


@pytest.mark.parametrize("year", [1, 1969, 2200, 9999])
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Apia", "America/New_York"])
def test_no_rule_matches_before_1970_and_after_2199(year: int, zone: str) -> None:
    instant = datetime(year, 6, 1, tzinfo=UTC)
    for part in _PARTS:
        without, only = excluding(part, zone), calendar(timeZone=zone, include=[part])
        assert not checked(without, instant).excluded
        assert checked(only, instant).excluded
        beyond = without.span_at(instant)
        assert beyond.until == utc("1970-01-01") if year < 1970 else beyond.since == utc("2200-01-01")


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_the_first_and_the_last_instants(zone: str) -> None:
    for part in _PARTS:
        for instant in (utc("1970-01-01"), utc("2200-01-01") - timedelta(microseconds=1)):
            span = checked(excluding(part, zone), instant)
            assert utc("1970-01-01") <= span.since < span.until <= utc("2200-01-01")


def test_a_naive_instant_is_an_error() -> None:
    with pytest.raises(ValueError, match="an instant needs an offset or a zone"):
        calendar().span_at(datetime(2026, 1, 1))  # noqa: DTZ001


def test_an_instant_of_any_zone() -> None:
    times = excluding({"dates": ["2026-03-07"]})
    assert times.span_at(datetime.fromisoformat("2026-03-08T01:00:00+02:00")).excluded
