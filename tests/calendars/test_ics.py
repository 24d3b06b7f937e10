"""Events of iCalendar texts."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scheduler.calendars import CalendarTimes, compile_calendar, read_calendar
from scheduler.errors import InvalidJob
from tests.calendars.making import checked, excluding, spans

_OPERATIONS = Path(__file__).parent / "data" / "operations.ics"


def ics(*events: str, zone: str = "Europe/Berlin") -> CalendarTimes:
    """The calendar of events, each told by its properties, with spaces in between."""
    return excluding({"ics": {"text": text(*events)}}, zone)


def text(*events: str) -> str:
    told = "".join(f"BEGIN:VEVENT\n{event.replace(' ', chr(10))}\nEND:VEVENT\n" for event in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{told}END:VCALENDAR\n"


def test_a_realistic_file() -> None:
    calendar = excluding({"ics": {"text": _OPERATIONS.read_bytes().decode()}}, "Europe/Berlin")
    assert spans(calendar, "2026-01-01", "2026-12-31") == [
        ("2026-01-04 23:00", "2026-01-06 23:00"),
        ("2026-03-07 21:00", "2026-03-08 01:00"),
        ("2026-03-13 23:00", "2026-03-15 01:00"),  # founders' day, and the maintenance from its evening on
        ("2026-03-28 21:00", "2026-03-29 01:00"),
        ("2026-04-05 18:30", "2026-04-05 20:00"),
        ("2026-04-18 20:00", "2026-04-19 00:00"),
        ("2026-05-02 06:00", "2026-05-02 08:00"),
        ("2026-05-16 06:00", "2026-05-16 08:00"),
        ("2026-06-01 22:00", "2026-06-03 00:00"),
    ]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], []),
        (["DTSTART:20260329"], ["03-28 23:00..03-29 22:00"]),
        (["DTSTART:20260329 DTEND:20260330"], ["03-28 23:00..03-29 22:00"]),
        (["DTSTART:20260329 DURATION:P2D"], ["03-28 23:00..03-30 22:00"]),
        (["DTSTART:20260329 DURATION:P1W"], ["03-28 23:00..04-04 22:00"]),
        (["DTSTART:20260329T120000Z DTEND:20260329T130000Z"], ["03-29 12:00..03-29 13:00"]),
        (["DTSTART:20260329T120000 DTEND:20260329T130000"], ["03-29 10:00..03-29 11:00"]),
        (["DTSTART;TZID=America/New_York:20260329T120000 DURATION:PT1H"], ["03-29 16:00..03-29 17:00"]),
        (["DTSTART:20260329T120000Z"], []),  # of no length
        (["DTSTART:20260329 DTEND:20260329"], []),
        # A day is as long as the clock makes it, 24 hours are 24 hours, and so is an end less its beginning.
        (["DTSTART:20260328T120000 DURATION:P1D"], ["03-28 11:00..03-29 10:00"]),
        (["DTSTART:20260328T120000 DURATION:PT24H"], ["03-28 11:00..03-29 11:00"]),
        (["DTSTART:20260328T120000 DURATION:P1DT1H"], ["03-28 11:00..03-29 11:00"]),
        (["DTSTART:20260328T120000 DTEND:20260329T120000"], ["03-28 11:00..03-29 10:00"]),
        # RFC 5545, 3.3.5: a time that is not there is told by the offset before, of two the first is meant.
        (["DTSTART:20260329T023000 DURATION:PT1H"], ["03-29 01:30..03-29 02:30"]),
        (["DTSTART:20261025T023000 DURATION:PT1H"], ["10-25 00:30..10-25 01:30"]),
        # 3.3.10: but one that a rule names is left out.
        (
            ["DTSTART:20260328T023000 DURATION:PT1H RRULE:FREQ=DAILY;UNTIL=20260330"],
            ["03-28 01:30..03-28 02:30", "03-30 00:30..03-30 01:30"],
        ),
        (
            ["DTSTART:20260302T100000Z DURATION:PT1H RRULE:FREQ=DAILY;COUNT=2"],
            ["03-02 10:00..03-02 11:00", "03-03 10:00..03-03 11:00"],
        ),
        (["DTSTART:20260302 RRULE:FREQ=DAILY;COUNT=3"], ["03-01 23:00..03-04 23:00"]),
        (["DTSTART:20260302 RRULE:FREQ=DAILY;UNTIL=20260303T235959Z"], ["03-01 23:00..03-03 23:00"]),
        (
            ["DTSTART:20260303T100000Z DURATION:PT1H RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=2"],
            ["03-03 10:00..03-03 11:00", "03-09 10:00..03-09 11:00"],
        ),
        (["DTSTART:20260302 RRULE:FREQ=DAILY;COUNT=3 EXDATE:20260302,20260304"], ["03-02 23:00..03-03 23:00"]),
        (
            [
                "DTSTART:20260302T100000Z DURATION:PT1H RRULE:FREQ=DAILY;COUNT=3 "
                "EXDATE:20260303T100000Z EXDATE:20260304T100000Z"
            ],
            ["03-02 10:00..03-02 11:00"],
        ),
        (
            ["DTSTART:20260302T110000 DURATION:PT1H RRULE:FREQ=DAILY;COUNT=2 EXDATE:20260303T100000Z"],
            ["03-02 10:00..03-02 11:00"],
        ),
        (
            ["DTSTART:20260302T110000 DURATION:PT1H RRULE:FREQ=DAILY;COUNT=2 EXDATE;VALUE=DATE:20260303"],
            ["03-02 10:00..03-02 11:00"],
        ),
        (["DTSTART:20260302 RRULE:FREQ=DAILY;COUNT=2 EXDATE:20260303T000000"], ["03-01 23:00..03-02 23:00"]),
        (
            ["DTSTART:20260302 RDATE;VALUE=DATE:20260310,20260312"],
            ["03-01 23:00..03-02 23:00", "03-09 23:00..03-10 23:00", "03-11 23:00..03-12 23:00"],
        ),
        (
            ["DTSTART:20260302T100000Z RDATE;VALUE=PERIOD:20260303T100000Z/PT2H,20260304T100000Z/20260304T103000Z"],
            ["03-03 10:00..03-03 12:00", "03-04 10:00..03-04 10:30"],
        ),
        (
            ["UID:a DTSTART:20260302 STATUS:CANCELLED", "UID:b DTSTART:20260303 STATUS:TENTATIVE"],
            ["03-02 23:00..03-03 23:00"],
        ),
        (
            ["UID:a DTSTART:20260302 RRULE:FREQ=DAILY;COUNT=2", "UID:a RECURRENCE-ID:20260303 DTSTART:20260310"],
            ["03-01 23:00..03-02 23:00", "03-09 23:00..03-10 23:00"],
        ),
        (["UID:a RECURRENCE-ID:20260303 DTSTART:20260310", "UID:a DTSTART:20260303"], ["03-09 23:00..03-10 23:00"]),
        (["UID:a RECURRENCE-ID:20260303 DTSTART:20260310"], ["03-09 23:00..03-10 23:00"]),
        (
            ["UID:b RECURRENCE-ID:20260303 DTSTART:20260310", "UID:a DTSTART:20260303"],
            ["03-02 23:00..03-03 23:00", "03-09 23:00..03-10 23:00"],
        ),
        (
            ["DTSTART:20260302", "DTSTART:20260303", "DTSTART:20260302T120000 DURATION:PT1H"],
            ["03-01 23:00..03-03 23:00"],
        ),
        (["dtstart;tzid=Europe/Berlin:20260302T100000 duration:PT1H"], ["03-02 09:00..03-02 10:00"]),
        (["DTSTART:16040302 RRULE:FREQ=YEARLY;UNTIL=99991231T235959Z"], ["03-01 23:00..03-02 23:00"]),
        (["DTSTART:20200101 DTEND:99990101"], ["1970..2200"]),
    ],
)
def test_events_of_2026(events: list[str], expected: list[str]) -> None:
    found = spans(ics(*events), "2026-01-10", "2026-12-20")
    if expected == ["1970..2200"]:
        assert found[0][1].startswith("2200-01-01")
    else:
        assert [f"{begin[5:]}..{end[5:]}" for begin, end in found] == expected


def test_an_event_over_the_turn_of_the_year() -> None:
    calendar = ics("DTSTART:20251224 DTEND:20260107 RRULE:FREQ=YEARLY", zone="Asia/Tokyo")
    assert spans(calendar, "2026-12-01", "2028-02-01") == [
        ("2026-12-23 15:00", "2027-01-06 15:00"),
        ("2027-12-23 15:00", "2028-01-06 15:00"),
    ]
    assert not checked(calendar, datetime(2025, 1, 1, tzinfo=UTC)).excluded
    assert checked(calendar, datetime(2199, 12, 31, tzinfo=UTC)).excluded


def test_days_are_of_the_zone_of_the_calendar() -> None:
    assert spans(ics("DTSTART:20111230", zone="Pacific/Apia"), "2011-12-01", "2012-01-10") == []
    assert spans(ics("DTSTART:20260308", zone="America/Havana"), "2026-03-01", "2026-03-20") == [
        ("2026-03-08 05:00", "2026-03-09 04:00")
    ]


def test_every_hour_of_a_window() -> None:
    calendar = ics("DTSTART:20260301T080500Z DURATION:PT5M RRULE:FREQ=HOURLY;INTERVAL=2;BYHOUR=8,9,10,11,12")
    assert [begin[11:] for begin, _ in spans(calendar, "2026-03-05", "2026-03-06")] == ["08:05", "10:05", "12:05"]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("", "is empty; an iCalendar text begins with BEGIN:VCALENDAR"),
        ("\r\n \r\n", "is empty"),
        ("/etc/hostname", "line 1: '/etc/hostname' is not a content line such as DTSTART:20261224T180000Z"),
        ("<!DOCTYPE html>\n<html>", "line 1: '<!DOCTYPE html>' is not a content line"),
        ("BEGIN:VEVENT\nEND:VEVENT", "line 1: 'BEGIN:VEVENT' is not expected here"),
        ("DTSTART:20260101", "line 1: 'DTSTART:20260101' is outside of a calendar"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260101", "END:VEVENT is missing at the end"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR", "line 3: 'END:VCALENDAR' ends nothing that was begun"),
        ("BEGIN:VCALENDAR\nEND:VCALENDAR\nEND:VCALENDAR", "line 3: 'END:VCALENDAR' ends nothing"),
        ("BEGIN:VCALENDAR\n" + "BEGIN:X\n" * 9, "line 9: 'BEGIN:X' is not expected here"),
        ("BEGIN:VCALENDAR\n\u202eX:1\nEND:VCALENDAR", "line 2: '\\u202eX:1' is not a content line"),
        (text("SUMMARY:x"), "line 3: the event has no DTSTART"),
        (text("DTSTART:20260230"), "line 4: DTSTART '20260230' is not a date such as 20261224"),
        (text("DTSTART:2026-01-01"), "DTSTART '2026-01-01' is not a date"),
        (text("DTSTART:20260101T250000"), "is not a date such as 20261224, nor a time"),
        (text("DTSTART:20260101T000000+0100"), "is not a date"),
        (text("DTSTART:\u0662\u0660\u0662\u0666\u0660\u0661\u0660\u0661"), "is not a date"),
        (text("DTSTART:01010101"), "DTSTART '01010101' is before the year 1600"),
        (text("DTSTART:20260101 DTSTART:20260102"), "line 5: DTSTART '20260102' comes after another DTSTART"),
        (text("DTSTART;TZID=Mars/Phobos:20260101T000000"), "has a TZID that is not in the time zone database"),
        (text("DTSTART;TZID=Europe/Berln:20260101T000000"), "did you mean Europe/Berlin"),
        (text("DTSTART;TZID=Europe/Berlin,X:20260101T000000"), "has a TZID that is not in the time zone database"),
        (text("DTSTART:20260102 DTEND:20260101"), "DTEND '20260101' is before the DTSTART of the event"),
        (text("DTSTART:20260102 DTEND:20260103T000000"), "and DTSTART must both be days, or both be times"),
        (text("DTSTART:20260102 DTEND:20260103 DURATION:P1D"), "DURATION 'P1D' stands beside a DTEND"),
        (text("DTSTART:20260102 DURATION:1D"), "DURATION '1D' is not a duration such as PT1H30M or P1D"),
        (text("DTSTART:20260102 DURATION:-P1D"), "DURATION '-P1D' is negative"),
        (text("DTSTART:20260102 DURATION:PT1H"), "has hours, though the event begins on a day"),
        (text("DTSTART:20260102T000000 DURATION:P99999999999999999D"), "is not a duration"),
        (text("DTSTART:20260102T000000 DURATION:P9999999D"), "is longer than 36600 days"),
        (text("DTSTART:20260102 DURATION:P367D RRULE:FREQ=YEARLY"), "an event that lasts longer than 366 days"),
        (text("DTSTART:20260102 RRULE:FREQ=DAILY RRULE:FREQ=WEEKLY"), "comes after another RRULE; one is allowed"),
        (text("DTSTART:20260102 EXRULE:FREQ=DAILY"), "EXRULE 'FREQ=DAILY' is not supported"),
        (text("DTSTART:20260102 RRULE:FREQ=SECONDLY"), "line 5: RRULE 'FREQ=SECONDLY' recurs too often"),
        (
            text("UID:a DTSTART:20260102 RECURRENCE-ID;RANGE=THISANDFUTURE:20260102"),
            "has RANGE, which is not supported",
        ),
        (text("DTSTART:20260102 EXDATE:20260102,,20260103"), "EXDATE '20260102,,20260103' is not a date"),
        (text("DTSTART:20260102 RDATE:20260102/P1X"), "RDATE 'P1X' is not a duration"),
    ],
)
def test_what_is_no_calendar(given: str, problem: str) -> None:
    with pytest.raises(InvalidJob) as caught:
        compile_calendar(read_calendar({"exclude": [{"weekly": ["SAT"]}, {"ics": {"text": given}}]}))
    (violation,) = caught.value.violations
    assert violation.field == "spec.exclude[1].ics.text"
    assert problem in violation.message
    assert violation.message.isprintable()
    assert len(violation.message) < 400


@pytest.mark.parametrize(
    ("events", "problem"),
    [
        (["DTSTART:20260101"] * 5_001, "has more than 5000 events"),
        (["DTSTART:20260101 RRULE:FREQ=YEARLY"] * 501, "has more than 500 events with an RRULE"),
        (["DTSTART:20260101 RRULE:FREQ=DAILY"] * 28, "may recur more than 10000 times in a year"),
        (["DTSTART:20260101T000000 RRULE:FREQ=HOURLY;BYMINUTE=0,30"], "may recur more than 10000 times in a year"),
        (["DTSTART:19700101 RRULE:FREQ=YEARLY;COUNT=200"] * 26, "that have a COUNT last longer than 5000 years in all"),
        (
            ["DTSTART:16000101 RRULE:FREQ=DAILY;BYMONTHDAY=31;BYMONTH=2;COUNT=1"] * 2
            + ["DTSTART:16000101 RRULE:FREQ=DAILY;BYMONTHDAY=31;BYMONTH=2;COUNT=2"] * 20,
            "last longer than 5000 years in all",
        ),
        (["DTSTART:20260101 RRULE:FREQ=DAILY;COUNT=10000"] * 3, "have a COUNT of more than 20000 in all"),
        (
            ["DTSTART:20260101 EXDATE:" + ",".join(["20260101"] * 10_001)],
            "has more than 10000 dates in RDATE and EXDATE",
        ),
    ],
)
def test_limits(events: list[str], problem: str) -> None:
    with pytest.raises(InvalidJob, match=problem):
        ics(*events)


def test_a_rule_that_never_matches_is_answered_as_any_other() -> None:
    calendar = ics(*["DTSTART:19700101 DURATION:P0D RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"] * 27)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert calendar.span_at(at).until - at == timedelta(days=365)


def test_a_file_is_read_by_the_client() -> None:
    for given in ({"file": "holidays.ics"}, {"file": "holidays.ics", "text": text()}):
        with pytest.raises(InvalidJob) as caught:
            excluding({"ics": given})
        assert [(v.field, v.message) for v in caught.value.violations] == [
            (
                "spec.exclude[0].ics.file",
                "is read by the client (schedctl apply); the server takes the text, in `text`",
            )
        ]
    with pytest.raises(InvalidJob, match=r"spec\.exclude\[0\]\.ics\.text: is missing"):
        excluding({"ics": {}})
