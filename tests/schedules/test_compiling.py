"""From texts to schedules: what is wrong is named in the words of a manifest, and nothing else comes of any text."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from jobstore.trigger_spec import TriggerSpec
from scheduler.errors import InvalidJob, Violation
from scheduler.schedules import compile_schedule, nth_from

from .oracle import DAY, instant, schedule, walk

NOON = instant("2026-03-01T12:00Z")
DAILY = {"every": "1h"}
MONTHLY = {"unit": "months", "from": "2026-01-31T02:30"}


def violations(key: str = "default/test", **manifest: Any) -> list[Violation]:
    """What is wrong with a trigger; nothing, when there is a schedule."""
    try:
        compile_schedule(TriggerSpec.model_validate({"name": "main", **manifest}), key)
    except InvalidJob as error:
        return list(error.violations)
    return []


def told(**manifest: Any) -> dict[str, str]:
    found = violations(**manifest)
    assert len({violation.field for violation in found}) == len(found)
    for violation in found:
        assert violation.message.isprintable()
        assert len(violation.message) <= 400
    return {violation.field: violation.message for violation in found}


def monthly(start: str) -> dict[str, Any]:
    return {"calendarInterval": {**MONTHLY, "from": start}}


TIME = "is not a time of day such as 09:00 or 09:00:30"
LOCAL = "is not a local time such as 2026-01-31T02:30"
NEITHER = "does nothing with manual, which is never due"

BAD: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "a cron": ({"cron": "0 0 25 * * ?"}, {"cron": "hours: 25 is not in 0-23"}),
    "a zone": (
        {"cron": "0 0 5 * * ?", "timeZone": "Europe/Berln"},
        {"timeZone": "time zone 'Europe/Berln' is unknown"},
    ),
    "a zone that nothing needs": ({"after": "5m", "timeZone": "x"}, {"timeZone": "time zone 'x' is unknown"}),
    "a way to join days": ({"cron": "0 0 5 1 * MON", "days": "xor"}, {"days": "'xor' is not one of and, or"}),
    "no way": ({"cron": "0 0 5 1 * MON", "days": ""}, {"days": "'' is not one of and, or"}),
    "two ways": ({"cron": "DAYS=or 0 0 5 1 * MON", "days": "and"}, {"cron": "contradicts the 'and'"}),
    "a way and a field": (
        {"cron": "0 61 5 1 * MON", "days": "xor"},
        {"days": "'xor' is not one of", "cron": "minutes: 61 is not in 0-59"},
    ),
    "a gap": (
        {"cron": "0 0 5 * * ?", "gap": "afer"},
        {"gap": "'afer' is not one of after, skip; did you mean 'after'?"},
    ),
    "an overlap": ({"daily": DAILY, "overlap": ""}, {"overlap": "'' is not one of first, second, both"}),
    "all at once": (
        {"cron": "", "timeZone": "", "gap": "x", "overlap": "x"},
        {"cron": "it is empty", "timeZone": "is empty", "gap": "is not one of", "overlap": "is not one of"},
    ),
    # daily
    "25:00": ({"daily": {**DAILY, "from": "25:00"}}, {"daily.from": f"'25:00' {TIME}"}),
    "from 24:00": ({"daily": {**DAILY, "from": "24:00"}}, {"daily.from": f"'24:00' {TIME}"}),
    "to 24:01": ({"daily": {**DAILY, "to": "24:01"}}, {"daily.to": f"'24:01' {TIME}, or 24:00"}),
    "to 24:00:01": ({"daily": {**DAILY, "to": "24:00:01"}}, {"daily.to": TIME}),
    "09:60": ({"daily": {**DAILY, "from": "09:60", "to": "09:00:60"}}, {"daily.from": TIME, "daily.to": TIME}),
    "9:00": (
        {"daily": {**DAILY, "from": "9:00", "to": ""}},
        {"daily.from": f"'9:00' {TIME}", "daily.to": f"'' {TIME}"},
    ),
    "9am": ({"daily": {**DAILY, "from": "9am", "to": "09:00Z"}}, {"daily.from": TIME, "daily.to": TIME}),
    "other digits": ({"daily": {**DAILY, "from": "\u0660\u0669:00"}}, {"daily.from": TIME}),
    "a line": ({"daily": {**DAILY, "from": "09:00\n"}}, {"daily.from": rf"'09:00\n' {TIME}"}),
    "daily in 25 hours": ({"daily": {"every": "25h"}}, {"daily.every": "1d1h is longer than 24h"}),
    "daily in a part of a second": ({"daily": {"every": "1s1ms"}}, {"daily.every": "is not a whole number of seconds"}),
    "daily on no day": ({"daily": {**DAILY, "days": ""}}, {"daily.days": "day-of-week: an empty item"}),
    "daily on MONDAY": (
        {"daily": {**DAILY, "days": "MONDAY"}},
        {"daily.days": "day-of-week: MONDAY is not a name here"},
    ),
    "daily on 0": ({"daily": {**DAILY, "days": "SAT,0"}}, {"daily.days": "is not in 1-7 (1 is SUN, 7 is SAT)"}),
    "daily on two fields": ({"daily": {**DAILY, "days": "MON 2026"}}, {"daily.days": "is not a"}),
    "daily on L6": ({"daily": {**DAILY, "days": "FRI#6"}}, {"daily.days": "6 is not in 1-5"}),
    "daily on \u200b": ({"daily": {**DAILY, "days": "\u200bMON"}}, {"daily.days": "is a control or format character"}),
    "daily on many": ({"daily": {**DAILY, "days": "MON," * 100}}, {"daily.days": "400 characters are more than 256"}),
    "daily, all wrong": (
        {"daily": {"every": "2d", "from": "x", "to": "y", "days": "z"}},
        {"daily.every": "longer", "daily.from": "'x'", "daily.to": "'y'", "daily.days": "z is not"},
    ),
    # calendarInterval
    "30 February": (monthly("2026-02-30T02:30"), {"calendarInterval.from": LOCAL}),
    "hour 24": (monthly("2026-02-28T24:00"), {"calendarInterval.from": "there is no such"}),
    "a date alone": (monthly("2026-02-28"), {"calendarInterval.from": LOCAL}),
    "nothing": (monthly(""), {"calendarInterval.from": f"'' {LOCAL}"}),
    "an offset": (
        monthly("2026-02-28T02:30:00+01:00"),
        {"calendarInterval.from": "has an offset; a local time such as 2026-01-31T02:30 is needed"},
    ),
    "Z": (monthly("2026-02-28T02:30Z"), {"calendarInterval.from": "has an offset"}),
    "1969": (monthly("1969-12-31T02:30"), {"calendarInterval.from": "in the years 1970-2199"}),
    "2200": (monthly("2200-01-01T00:00"), {"calendarInterval.from": "in the years"}),
    "year 0": (monthly("0000-01-01T00:00"), {"calendarInterval.from": LOCAL}),
    "a unit": (
        {"calendarInterval": {**MONTHLY, "unit": "month"}},
        {"calendarInterval.unit": "'month' is not one of days, weeks, months, years; did you mean 'months'?"},
    ),
    "a missing day": (
        {"calendarInterval": {**MONTHLY, "missingDay": "first"}},
        {"calendarInterval.missingDay": "'first' is not one of skip, last"},
    ),
    "no day is missing": (
        {"calendarInterval": {**MONTHLY, "unit": "weeks", "missingDay": "last"}},
        {"calendarInterval.missingDay": "does nothing with weeks; it is for months and years"},
    ),
    "years": (
        {"calendarInterval": {**MONTHLY, "unit": "years", "every": 230}},
        {"calendarInterval.every": "230 years are more than 229"},
    ),
    "months": (
        {"calendarInterval": {**MONTHLY, "every": 2749}},
        {"calendarInterval.every": "2749 months are more than 2748"},
    ),
    # what does nothing, or contradicts
    "days of an interval": ({"interval": {"every": "1h"}, "days": "or"}, {"days": "does nothing with interval"}),
    "days of a daily": ({"daily": DAILY, "days": "MON"}, {"days": "the days of the week are daily.days"}),
    "a gap in real time": ({"interval": {"every": "1h"}, "gap": "skip"}, {"gap": "does nothing with interval"}),
    "an overlap in real time": ({"after": "1h", "overlap": "both"}, {"overlap": "does nothing with after"}),
    "a wrong gap in real time": ({"at": "2026-03-01T12:00:00Z", "gap": "x"}, {"gap": "does nothing with at"}),
    "start and offset": (
        {"interval": {"every": "1h", "offset": "0s"}, "start": "2026-03-01T12:00:00Z"},
        {"interval.offset": "goes without start"},
    ),
    "end before start": (
        {"cron": "0 0 5 * * ?", "start": "2026-03-01T12:00:00Z", "end": "2026-03-01T12:30:00+01:00"},
        {"end": "2026-03-01T12:30:00+01:00 is not later than start, 2026-03-01T12:00:00Z"},
    ),
    "end at start": (
        {"interval": {"every": "1h"}, "start": "2026-03-01T12:00:00Z", "end": "2026-03-01T12:00:00Z"},
        {"end": "is not later than start"},
    ),
    "at before start": (
        {"at": "2026-03-01T12:00:00Z", "start": "2026-03-01T12:00:00.001Z"},
        {"at": "2026-03-01T12:00:00Z is earlier than start, 2026-03-01T12:00:00.001Z"},
    ),
    "at after end": (
        {"at": "2026-03-01T12:00:00Z", "end": "2026-03-01T11:59:59Z"},
        {"at": "is later than end, 2026-03-01T11:59:59Z"},
    ),
    "a manual one with all": (
        {
            "manual": True,
            "start": "2026-03-01T12:00:00Z",
            "end": "2026-03-02T12:00:00Z",
            "maxFires": 1,
            "jitter": "1s",
            "calendars": ["holidays"],
            "misfire": {"policy": "skip"},
        },
        dict.fromkeys(("start", "end", "maxFires", "jitter", "calendars", "misfire"), NEITHER),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong(name: str) -> None:
    manifest, expected = BAD[name]
    found = told(**manifest)
    assert found.keys() == expected.keys()
    for field, words in expected.items():
        assert words in found[field]


# What the definition itself refuses, before any schedule is made of it.
REFUSED: tuple[dict[str, Any], ...] = (
    {"interval": {"every": "0s"}},
    {"interval": {"every": "999ms"}},
    {"interval": {"every": "-1s"}},
    {"interval": {"every": "3651d"}},
    {"interval": {"every": "9" * 10_000 + "s"}},
    {"interval": {"every": "1h", "offset": "-1s"}},
    {"after": "0s"},
    {"daily": {"every": "0s"}},
    {"daily": {"every": "1h", "from": 540}},
    {"calendarInterval": {**MONTHLY, "every": 0}},
    {"calendarInterval": {**MONTHLY, "every": -1}},
    {"calendarInterval": {**MONTHLY, "every": 10_001}},
    {"calendarInterval": {"unit": "days"}},
    {"at": "2026-03-01T12:00:00"},
    {"at": "2200-01-01T00:00:00Z"},
    {"cron": "0 0 5 * * ?", "start": "tomorrow"},
    {"cron": "0 0 5 * * ?", "manual": True},
    {"manual": False},
    {},
)


@pytest.mark.parametrize("manifest", REFUSED, ids=str)
def test_what_is_no_definition(manifest: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TriggerSpec.model_validate({"name": "main", **manifest})


FINE: tuple[dict[str, Any], ...] = (
    {"cron": "0 0 5 1 * MON", "days": "or"},
    {"cron": "H H * * *"},
    {"daily": {"every": "24h", "from": "00:00", "to": "24:00", "days": "FRI#3,MONL"}},
    {"daily": {"every": "1h", "days": "H"}},
    {"calendarInterval": {"unit": "years", "every": 229, "from": "2199-12-31t23:59:59"}},
    {"interval": {"every": "3650d", "offset": "3650d"}},
    {"after": "1h", "jitter": "5m", "start": "2026-03-01T12:00:00Z", "calendars": ["a/b"], "maxFires": 3},
    {"at": "2026-03-01T12:00:00Z", "start": "2026-03-01T12:00:00Z", "end": "2026-03-01T12:00:01Z"},
    {"manual": True, "timeZone": "Europe/Berlin", "params": {"a": 1}},
)


@pytest.mark.parametrize("manifest", FINE, ids=str)
def test_what_is_right(manifest: dict[str, Any]) -> None:
    assert told(**manifest) == {}


def test_h_is_hashed_from_the_job() -> None:
    for manifest in ({"cron": "0 H H * * ?"}, {"daily": {"every": "24h", "days": "H"}}):
        week = NOON, NOON + 7 * DAY
        fires = {tuple(walk(schedule(key=f"default/job-{n}", **manifest), *week)) for n in range(20)}
        assert len(fires) > 3
        assert walk(schedule(key="a/b", **manifest), *week) == walk(schedule(key="a/b", **manifest), *week)
        (found,) = violations(key="", **manifest)
        assert "needs a key" in found.message


def test_days_join_the_fields_of_a_cron() -> None:
    year = instant("2026-01-01T00:00Z"), instant("2026-12-31T23:59Z")
    both = walk(schedule(cron="0 0 5 13 * FRI", days="and"), *year)
    either = walk(schedule(cron="0 0 5 13 * FRI", days="or"), *year)
    assert [f"{due:%m-%d}" for due in both] == ["02-13", "03-13", "11-13"]
    assert len(either) == 52 + 12 - 3


# Any text

ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"])
anything = st.text(max_size=300)


def near(alphabet: str) -> st.SearchStrategy[str]:
    """Texts of the characters of right ones, so that some are right."""
    return st.one_of(anything, st.text(alphabet, max_size=40))


def mutated(*right: str) -> st.SearchStrategy[str]:
    """Right texts, and such with one character replaced, left out or doubled."""

    def change(text: str, place: int, by: str) -> str:
        at = place % (len(text) + 1)
        return text[:at] + by + text[at + 1 :]

    some = st.sampled_from(right)
    return some | st.builds(
        change, some, st.integers(0, 40), st.sampled_from(["", "0", "9", "-", ":", " ", "\x00", "W"])
    )


triggers = st.fixed_dictionaries(
    {},
    optional={
        "days": st.sampled_from(["and", "or"]) | anything,
        "timeZone": ZONES | near("Europe/Berlin_"),
        "gap": st.sampled_from(["after", "skip"]) | anything,
        "overlap": st.sampled_from(["first", "second", "both"]) | anything,
        "start": mutated("2026-01-01T00:00:00Z", "1970-01-01T00:00:00+14:00"),
        "end": mutated("2026-06-01T00:00:00Z", "2199-12-31T23:59:59Z"),
    },
)
daily = st.fixed_dictionaries(
    {"every": mutated("1s", "10m", "24h", "1h30m")},
    optional={
        "from": mutated("09:00", "23:59:59") | near("0123459:"),
        "to": mutated("18:00", "24:00") | near("0123459:"),
        "days": mutated("MON-FRI", "*", "FRI#3", "H", "2L") | near("MONFRISAT1234567,-/#LH*?"),
    },
)
calendar_interval = st.fixed_dictionaries(
    {
        "unit": st.sampled_from(["days", "weeks", "months", "years"]) | anything,
        "from": mutated("2026-01-31T02:30", "2096-02-29T23:59:59", "1970-01-01T00:00") | near("0123456789-T:Z"),
    },
    optional={"every": st.integers(-5, 10_005), "missingDay": st.sampled_from(["skip", "last"]) | anything},
)
crons = mutated("0 0 5 1 * MON", "*/7 * * * * ?", "H H * * *", "0 0 0 31W * ?") | near("0123456789*/,-?LWH# ")
kinds = st.one_of(
    crons.map(lambda text: {"cron": text}),
    daily.map(lambda value: {"daily": value}),
    calendar_interval.map(lambda value: {"calendarInterval": value}),
    st.builds(
        lambda every, offset: {"interval": {"every": every, "offset": offset}}, mutated("1s", "7d"), mutated("3m")
    ),
    mutated("2026-03-01T12:00:00Z").map(lambda text: {"at": text}),
    mutated("5m", "3650d").map(lambda text: {"after": text}),
    st.just({"manual": True}),
)


@settings(deadline=None, max_examples=1_000)
@given(kinds, triggers, st.sampled_from(["", "default/test"]))
def test_any_text_is_an_error_or_a_schedule(kind: dict[str, Any], rest: dict[str, Any], key: str) -> None:
    try:
        spec = TriggerSpec.model_validate({"name": "main", **kind, **rest})
    except ValidationError:
        return
    try:
        made = compile_schedule(spec, key)
    except InvalidJob as error:
        assert error.violations
        for violation in error.violations:
            assert violation.field
            assert violation.message.isprintable()
            assert len(violation.message) <= 400
        return
    for at in (
        NOON,
        instant("1960-01-01T00:00Z"),
        instant("2199-12-31T23:59:59.999999Z"),
        instant("9999-01-01T00:00Z"),
    ):
        found = (made.next_after(at), made.first_from(at), made.last_until(at), nth_from(made, at, 5))
        following, first, last, nth = found
        assert following is None or following > at
        assert first is None or at <= first
        assert last is None or last <= at
        assert nth is None or (first is not None and first < nth)
        assert made.count(at, at) <= 1 <= made.count(at, first or at) + (first is None)
        assert made.count(at - timedelta(days=800), at) >= made.count(at - timedelta(days=400), at)


@pytest.mark.parametrize("policy", ["skip", "fireOnce", "MISFIRE_INSTRUCTION_DO_NOTHING"])
def test_a_rate_and_a_limit_are_for_fire_all(policy: str) -> None:
    trigger = TriggerSpec.model_validate(
        {"name": "main", "after": "1h", "misfire": {"policy": policy, "rate": 5, "limit": 5, "threshold": "5m"}}
    )
    with pytest.raises(InvalidJob) as refused:
        compile_schedule(trigger)
    ours = "fireOnce" if policy == "fireOnce" else "skip"
    said = f"does nothing with {ours}: it is for fireAll"
    assert [(each.field, each.message) for each in refused.value.violations] == [
        ("misfire.rate", said),
        ("misfire.limit", said),
    ]
    usual = {"name": "main", "after": "1h", "misfire": {"policy": policy, "rate": 10, "limit": 10_000}}
    assert compile_schedule(TriggerSpec.model_validate(usual))
