"""Calendars as manifests say them: what is accepted, what is refused with which words, and the way through JSON."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from jobstore.calendar_spec import MAX_DATES, MAX_ICS, MAX_RULES, CalendarSpec
from jobstore.trigger_spec import MAX_CALENDARS

RULE = {"weekly": ["SAT", "SUN"]}

GOOD: dict[str, dict[str, Any]] = {
    "nothing": {},
    "only bases": {"base": ["holidays", "ops/windows"]},
    "every part": {
        "description": "when nobody is in the office",
        "timeZone": "Europe/Berlin",
        "base": ["holidays"],
        "exclude": [
            {"dates": ["2026-12-24", "2026-12-27/2026-12-30"]},
            {"annual": ["12-25", "02-29"]},
            {"weekly": ["SAT", "SUN"], "daily": {"from": "22:00", "to": "06:00"}},
            {"cron": "* * 0-5 ? * *"},
            {"holidays": {"country": "DE", "subdivision": "BY", "categories": ["public", "bank"]}},
            {"ics": {"text": "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"}},
        ],
        "include": [{"daily": {"from": "08:00", "to": "18:00"}}, {"holidays": {"country": "DE"}}],
    },
    "a file of the client's": {"exclude": [{"ics": {"file": "holidays.ics"}}]},
    "as much as can be": {
        "description": "x" * 1000,
        "base": ["a"] * MAX_CALENDARS,
        "exclude": [RULE] * (MAX_RULES - 1) + [{"dates": ["2026-01-01"] * MAX_DATES}],
        "include": [{"ics": {"text": "x" * MAX_ICS}}] + [RULE] * (MAX_RULES - 1),
    },
}


@pytest.mark.parametrize("case", GOOD)
def test_good_calendars_are_the_same_in_json(case: str) -> None:
    spec = CalendarSpec.from_json(GOOD[case])
    assert spec.to_json() == GOOD[case]
    assert CalendarSpec.from_json(json.loads(json.dumps(spec.to_json(), allow_nan=False))) == spec


def excluding(**parts: Any) -> dict[str, Any]:
    return {"exclude": [RULE, parts]}


BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    # what: definition, where, words
    "an unknown key": ({"exclde": []}, "exclde", "not permitted"),
    "an unknown part": (excluding(monthly=["1"]), "exclude.1.monthly", "not permitted"),
    "an empty rule": (
        excluding(),
        "exclude.1",
        "is empty: give at least one of dates, annual, weekly, daily, cron, holidays, ics",
    ),
    "a rule of empty lists": (excluding(dates=[], weekly=[]), "exclude.1", "is empty"),
    "an empty rule to include": ({"include": [{}]}, "include.0", "is empty"),
    "a list that is a text": (excluding(dates="2026-12-24"), "exclude.1.dates", "list"),
    "a date that is no text": (excluding(dates=[20261224]), "exclude.1.dates.0", "string"),
    "too many dates": (excluding(dates=["x"] * (MAX_DATES + 1)), "exclude.1.dates", "at most 2000"),
    "too many days of the year": (excluding(annual=["x"] * (MAX_DATES + 1)), "exclude.1.annual", "at most 2000"),
    "too many days of the week": (excluding(weekly=["MON"] * 8), "exclude.1.weekly", "at most 7"),
    "a window without an end": (excluding(daily={"from": "22:00"}), "exclude.1.daily.to", "required"),
    "a window without a start": (excluding(daily={"to": "22:00"}), "exclude.1.daily.from", "required"),
    "holidays of nowhere": (excluding(holidays={}), "exclude.1.holidays.country", "required"),
    "too many categories": (
        excluding(holidays={"country": "DE", "categories": ["x"] * 21}),
        "exclude.1.holidays.categories",
        "at most 20",
    ),
    "a long iCalendar": (excluding(ics={"text": "x" * (MAX_ICS + 1)}), "exclude.1.ics.text", "at most 262144"),
    "a NUL": (excluding(cron="\x00"), "exclude.1.cron", "NUL"),
    "too many rules": ({"exclude": [RULE] * (MAX_RULES + 1)}, "exclude", "at most 100"),
    "too many rules to include": ({"include": [RULE] * (MAX_RULES + 1)}, "include", "at most 100"),
    "a base that is no name": ({"base": ["Holidays"]}, "base.0", "NAME or NAMESPACE/NAME"),
    "too many bases": ({"base": ["a"] * (MAX_CALENDARS + 1)}, "base", "at most 20"),
    "a long description": ({"description": "x" * 1001}, "description", "at most 1000"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_calendars_name_the_place_and_what_would_be_right(case: str) -> None:
    value, place, words = BAD[case]
    with pytest.raises(ValidationError) as refused:
        CalendarSpec.from_json(value)
    found = [(".".join(map(str, each["loc"])), each["msg"]) for each in refused.value.errors()]
    assert any(where == place and words in message for where, message in found), found


def test_defaults_are_not_written_down() -> None:
    assert CalendarSpec.from_json({"timeZone": "UTC", "base": [], "description": ""}).to_json() == {}


def test_a_value_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        CalendarSpec().time_zone = "Europe/Berlin"  # type: ignore[misc]  # that is the point
