"""The public holidays of a country."""

from typing import Any

import pytest

from scheduler.errors import InvalidJob
from tests.calendars.making import excluding, spans, utc


def _days(rule: dict[str, Any], since: str, until: str) -> list[str]:
    return [begin[:10] for begin, _ in spans(excluding({"holidays": rule}), since, until)]


def test_the_holidays_of_germany_and_of_a_part_of_it() -> None:
    everywhere = ["2026-05-01", "2026-05-14", "2026-05-25"]
    assert _days({"country": "DE"}, "2026-04-30", "2026-07-01") == everywhere
    assert _days({"country": "DE", "subdivision": "BY"}, "2026-04-30", "2026-07-01") == [*everywhere, "2026-06-04"]
    assert _days({"country": "DE", "subdivision": "Bayern"}, "2026-04-30", "2026-07-01") == [*everywhere, "2026-06-04"]


def test_days_on_which_a_holiday_is_observed() -> None:
    # 4 July 2026 is a Saturday; 1 January 2022 was one, and was observed in the year before.
    assert _days({"country": "US"}, "2026-07-01", "2026-08-01") == ["2026-07-03"]
    assert spans(excluding({"holidays": {"country": "US"}}), "2026-07-01", "2026-08-01") == [
        ("2026-07-03 00:00", "2026-07-05 00:00")
    ]
    assert _days({"country": "US"}, "2021-12-28", "2022-01-10") == ["2021-12-31"]


def test_categories() -> None:
    assert _days({"country": "DE", "categories": ["catholic"], "subdivision": "BY"}, "2026-08-01", "2026-09-01") == [
        "2026-08-15"
    ]


def test_days_are_of_the_zone() -> None:
    calendar = excluding({"holidays": {"country": "NZ"}}, "Pacific/Auckland")
    assert spans(calendar, "2026-04-24", "2026-04-29") == [
        ("2026-04-24 12:00", "2026-04-25 12:00"),
        ("2026-04-26 12:00", "2026-04-27 12:00"),  # Anzac Day again, on the Monday after its Saturday
    ]


@pytest.mark.parametrize(("country", "year"), [("DE", 1985), ("DE", 2150), ("IN", 1990), ("IN", 2080)])
def test_a_year_without_data_has_no_holidays_or_those_that_are_known(country: str, year: int) -> None:
    calendar = excluding({"holidays": {"country": country}})
    span = calendar.span_at(utc(f"{year}-03-03"))
    assert span.since < span.until
    if country == "DE":
        assert (span.excluded, span.since, span.until) == (False, utc(f"{year}-01-01"), utc(f"{year + 1}-01-01"))


@pytest.mark.parametrize(
    ("given", "field", "problem"),
    [
        ({"country": "de"}, "country", "'de' is not a country with known holidays: its two letters in ISO 3166, as DE"),
        ({"country": "de"}, "country", "did you mean 'DE'?"),
        ({"country": "DEU"}, "country", "did you mean 'DE'?"),
        ({"country": "UK"}, "country", "did you mean 'GB'?"),
        ({"country": "XX"}, "country", "'XX' is not a country with known holidays"),
        ({"country": ""}, "country", "'' is not a country with known holidays"),
        ({"country": "__init__"}, "country", "'__init__' is not a country"),
        ({"country": "HolidayBase"}, "country", "'HolidayBase' is not a country"),
        ({"country": "DE", "subdivision": "bY"}, "subdivision", "'bY' is not a subdivision of DE: Augsburg, BB, BE"),
        ({"country": "DE", "subdivision": "Bayren"}, "subdivision", "did you mean 'Bayern'?"),
        ({"country": "DE", "subdivision": ""}, "subdivision", "'' is not a subdivision of DE"),
        ({"country": "VA", "subdivision": "X"}, "subdivision", "'X' is not a subdivision of VA, which has none"),
        ({"country": "DE", "categories": ["public", "pulic"]}, "categories[1]", "did you mean 'public'?"),
        (
            {"country": "DE", "categories": ["bank"]},
            "categories[0]",
            "'bank' is not a category of DE: catholic, public",
        ),
    ],
)
def test_what_the_library_does_not_know(given: dict[str, Any], field: str, problem: str) -> None:
    with pytest.raises(InvalidJob) as caught:
        excluding({"holidays": given})
    (violation,) = caught.value.violations
    assert violation.field == f"spec.exclude[0].holidays.{field}"
    assert problem in violation.message
