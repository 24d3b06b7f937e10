"""What is wrong in a manifest, where, and what would be right."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.calendars import compile_calendar, read_calendar
from scheduler.calendars.compiling import MOST_VIOLATIONS
from scheduler.errors import InvalidJob
from tests.calendars.making import utc
from tests.calendars.test_ics import text as ics_text


def _wrong(spec: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidJob) as caught:
        compile_calendar(read_calendar(spec))
    return [(violation.field, violation.message) for violation in caught.value.violations]


@pytest.mark.parametrize(
    ("spec", "field", "problem"),
    [
        ([], "spec", "[] is not a mapping"),
        ({"timezone": "UTC"}, "spec.timezone", "unknown field; did you mean 'timeZone'?"),
        ({"exclude": {"weekly": ["SAT"]}}, "spec.exclude", "is not a list"),
        ({"exclude": [{}]}, "spec.exclude[0]", "is empty: give at least one of dates, annual, weekly, daily"),
        ({"include": [{"weekly": []}]}, "spec.include[0]", "is empty"),
        ({"exclude": [{"week": ["SAT"]}]}, "spec.exclude[0].week", "unknown field; did you mean 'weekly'?"),
        ({"exclude": [{"holidays": {"state": "BY"}}]}, "spec.exclude[0].holidays.country", "is missing"),
        ({"exclude": [{"daily": {"from": "1", "too": "2"}}]}, "spec.exclude[0].daily.too", "did you mean 'to'?"),
        ({"exclude": [{"dates": [20260101]}]}, "spec.exclude[0].dates[0]", "20260101 is not a text"),
        ({"exclude": [{"dates": ["x\0"]}]}, "spec.exclude[0].dates[0]", "contains a NUL character"),
        ({"exclude": [{"dates": ["2026-01-01"] * 2001}]}, "spec.exclude[0].dates", "2001 items of at most 2000"),
        (
            {"exclude": [{"ics": {"text": "x" * 262_145}}]},
            "spec.exclude[0].ics.text",
            "262145 characters of at most 262144",
        ),
        ({"exclude": [{"weekly": ["SAT"]}] * 101}, "spec.exclude", "101 items of at most 100"),
        ({"base": ["a/b/c"]}, "spec.base[0]", "'a/b/c' is not a calendar's name, as NAME or NAMESPACE/NAME"),
        ({"timeZone": "Europe/Berln"}, "spec.timeZone", "did you mean Europe/Berlin"),
        ({"timeZone": "localtime"}, "spec.timeZone", "is not allowed"),
        ({"timeZone": ""}, "spec.timeZone", "is empty"),
    ],
)
def test_what_is_no_manifest(spec: Any, field: str, problem: str) -> None:
    found = _wrong(spec)
    assert field in [place for place, _ in found]
    assert any(problem in message for place, message in found if place == field)


@pytest.mark.parametrize(
    ("rule", "field", "problem"),
    [
        ({"dates": [""]}, "dates[0]", "'' is not a date such as 2026-12-24, or a range"),
        ({"dates": ["24.12.2026"]}, "dates[0]", "'24.12.2026' is not a date"),
        ({"dates": ["2026-02-29"]}, "dates[0]", "'2026-02-29': there is no day 2026-02-29"),
        ({"dates": ["2026-13-01"]}, "dates[0]", "there is no day 2026-13-01"),
        ({"dates": ["2026-W01-1"]}, "dates[0]", "is not a date"),
        ({"dates": ["2026-01-01", "1969-12-31"]}, "dates[1]", "'1969-12-31' is not in the years 1970-2199"),
        ({"dates": ["2026-01-01..2200-01-01"]}, "dates[0]", "is not in the years 1970-2199"),
        ({"dates": ["2026-01-02..2026-01-01"]}, "dates[0]", "'2026-01-02..2026-01-01' ends before it begins"),
        ({"dates": ["2026-01-01.."]}, "dates[0]", "is not a date such as"),
        ({"dates": ["2026-01-01..2026-01-02..2026-01-03"]}, "dates[0]", "is not a date such as"),
        ({"dates": [" 2026-01-01"]}, "dates[0]", "is not a date such as"),
        (
            {"dates": ["\u0662\u0660\u0662\u0666-01-01"]},
            "dates[0]",
            "'\\u0662\\u0660\\u0662\\u0666-01-01' is not a date",
        ),
        ({"dates": ["2026-01-01T00:00:00Z"]}, "dates[0]", "is not a date such as"),
        ({"annual": ["12-32"]}, "annual[0]", "'12-32': no year has a day 12-32 (month-day)"),
        ({"annual": ["02-30"]}, "annual[0]", "no year has a day 02-30"),
        ({"annual": ["25-12"]}, "annual[0]", "no year has a day 25-12"),
        ({"annual": ["1-1"]}, "annual[0]", "'1-1' is not a month and day such as 12-25"),
        ({"annual": ["2026-12-25"]}, "annual[0]", "is not a month and day"),
        (
            {"weekly": ["1"]},
            "weekly[0]",
            "SAT, nor a range such as MON-FRI (by name: a number means another day",
        ),
        ({"weekly": ["SAT", "SUNDAY"]}, "weekly[1]", "'SUNDAY' is not one of SUN"),
        ({"weekly": ["MON-TUE-WED"]}, "weekly[0]", "is not one of"),
        ({"weekly": ["MON-"]}, "weekly[0]", "is not one of"),
        ({"weekly": ["\u017fUN"]}, "weekly[0]", "'\\u017fUN' is not one of"),  # which is SUN in upper case
        ({"daily": {"from": "8", "to": "18:00"}}, "daily.from", "'8' is not a time of day such as 06:00 or 22:30:15"),
        ({"daily": {"from": "08:00", "to": "24:01"}}, "daily.to", "'24:01' is not a time of day"),
        ({"daily": {"from": "08:00", "to": "18:60"}}, "daily.to", "is not a time of day"),
        ({"daily": {"from": "24:00", "to": "06:00"}}, "daily.from", "24:00 ends a day: write 00:00"),
        (
            {"daily": {"from": "06:00", "to": "06:00:00"}},
            "daily.to",
            "the window is empty; a whole day is 00:00 to 24:00",
        ),
        ({"cron": ""}, "cron", "it is empty"),
        ({"cron": "* * 25 ? * *"}, "cron", "hours: 25 is not in 0-23"),
        ({"cron": "H * * * *"}, "cron", "H needs a key"),
        ({"cron": "CRON_TZ=UTC 0 0 0 * * ?"}, "cron", "give the zone beside the expression"),
        ({"cron": "0 0 0 30 2 ?"}, "cron", "never occurs"),
    ],
)
def test_what_a_rule_cannot_mean(rule: dict[str, Any], field: str, problem: str) -> None:
    # Beside a part that is right, in a rule that is not the first.
    rule = {"holidays": {"country": "DE"}, **rule} if rule.get("cron") != "" else {"weekly": ["SAT"], **rule}
    ((place, message),) = _wrong({"include": [{"weekly": ["SAT"]}, rule]})
    assert place == f"spec.include[1].{field}"
    assert problem in message
    assert message.isprintable()


def test_all_that_is_wrong_is_told() -> None:
    found = _wrong(
        {
            "timeZone": "Mars/Phobos",
            "exclude": [{"dates": ["x"], "daily": {"from": "x", "to": "y"}}, {"holidays": {"country": "XX"}}],
            "include": [{"cron": "x"}, {"ics": {"text": "x"}}],
        }
    )
    assert [place for place, _ in found] == [
        "spec.timeZone",
        "spec.exclude[0].dates[0]",
        "spec.exclude[0].daily.from",
        "spec.exclude[0].daily.to",
        "spec.exclude[1].holidays.country",
        "spec.include[0].cron",
        "spec.include[1].ics.text",
    ]


def test_but_not_without_end() -> None:
    found = _wrong({"exclude": [{"dates": ["x"] * 2000}] * 20})
    assert len(found) == MOST_VIOLATIONS + 1
    assert found[-1] == ("spec", f"and {40_000 - MOST_VIOLATIONS} more violations")


_WORDS = [
    *("2026-12-24", "..", "12-25", "SAT", "-", "22:00", "24:00", "* * * * *", "DE", "BY", "UTC", "Europe/Berlin"),
    *("BEGIN:VCALENDAR", "END:VCALENDAR", "BEGIN:VEVENT", "END:VEVENT", "BEGIN:VTIMEZONE", "\r\n", "\n ", "\n"),
    *("DTSTART:20260101", "DTSTART;TZID=", "DTEND:20260102T000000Z", "DURATION:PT1H", "RRULE:FREQ=", "DAILY", "YEARLY"),
    *(";INTERVAL=", ";COUNT=", ";BYDAY=", "EXDATE:", "RECURRENCE-ID:", "RDATE;VALUE=PERIOD:", "UID:a", "=", ":", ";"),
    *('"', ",", "\\", "99999999999999999999", "-1", "0", "\u0661", "\u202e", "\ufeff", "\ud800", "^n", "%0A"),
]
texts = st.text(max_size=40) | st.lists(st.sampled_from(_WORDS), max_size=12).map("".join)
_LINES = st.lists(
    st.builds(
        "{}{}:{}".format,
        st.sampled_from(
            ["DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID", "UID", "STATUS", "X"]
        ),
        st.sampled_from(["", ";VALUE=DATE", ";TZID=Europe/Berlin", ";TZID=Pacific Standard Time", ";RANGE=X"]),
        st.sampled_from(
            ["20260101", "16000101T000000Z", "99991231T235959", "P1D", "PT0S", "FREQ=DAILY", "a", "CANCELLED"]
        )
        | st.builds(
            "FREQ={};{}={}".format,
            st.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY"]),
            st.sampled_from(["COUNT", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYWEEKNO", "UNTIL", "BYSETPOS", "BYHOUR"]),
            st.sampled_from(["1", "-1", "53", "MO", "1MO,-1FR", "20270101", "99991231T235959Z", "10000"]),
        )
        | texts,
    ),
    max_size=6,
).map("\n".join)
_EVENTS = st.lists(_LINES.map(lambda lines: f"DTSTART:20260101T100000\n{lines}") | _LINES, max_size=3).map(
    lambda events: ics_text(*events)
)
_RULES = st.fixed_dictionaries(
    {},
    optional={
        "dates": st.lists(texts, max_size=2),
        "annual": st.lists(texts, max_size=2),
        "weekly": st.lists(texts, max_size=2),
        "daily": st.fixed_dictionaries({"from": texts, "to": texts}),
        "cron": texts,
        "holidays": st.fixed_dictionaries(
            {"country": texts}, optional={"subdivision": texts, "categories": st.lists(texts)}
        ),
        "ics": st.fixed_dictionaries({"text": texts | _EVENTS}),
    },
)


@settings(deadline=None, max_examples=300)
@given(st.fixed_dictionaries({"exclude": st.lists(_RULES, max_size=2)}, optional={"timeZone": texts}))
def test_any_text_is_a_calendar_or_told_to_be_none(spec: dict[str, Any]) -> None:
    _compile(spec)


@settings(deadline=None, max_examples=600)
@given(_EVENTS | texts)
def test_any_ics_is_a_calendar_or_told_to_be_none(text: str) -> None:
    _compile({"exclude": [{"ics": {"text": text}}], "timeZone": "Europe/Berlin"})


def _compile(spec: dict[str, Any]) -> None:
    try:
        times = compile_calendar(read_calendar(spec))
    except InvalidJob as error:
        assert error.violations
        for violation in error.violations:
            assert violation.message.isprintable()
            assert len(violation.message) < 1000
        return
    for instant in (utc("1970-01-01"), utc("2026-03-29 01:00"), utc("2199-12-31")):
        span = times.span_at(instant)
        assert span.since <= instant < span.until
