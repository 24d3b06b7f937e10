"""The public holidays of a country, as the `holidays` library knows them.

A holiday is a day of the calendar's zone. The library computes years ahead by the rules now in force, with the
days on which a holiday is observed when it falls on a weekend. A year that it has no data for has no holidays
(Germany: 1991 to 2100), and a new version of it may correct a year.
"""

import warnings
from collections.abc import Collection, Sequence
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronquorum.names import shown, suggestion
from jobstore.calendar_spec import HolidaysSpec
from scheduler.calendars.local_days import EPOCH, LocalDays, year_start
from scheduler.errors import InvalidJob, Violation

_YEARS_KEPT = 1024
_MOST_NAMED = 20


def compile_holidays(spec: HolidaysSpec, zone: ZoneInfo) -> LocalDays:
    """The holidays, as days of the zone. Raises `InvalidJob` for a country, subdivision or category that the
    library does not know."""
    wrong = _wrong(spec)
    if wrong:
        raise InvalidJob(*wrong)
    categories = tuple(sorted(set(spec.categories)))
    return LocalDays(zone, lambda year: _mask(spec.country, spec.subdivision, categories, year))


def _wrong(spec: HolidaysSpec) -> list[Violation]:
    # Imported here, as below: it takes longer than all else that a node without holidays does to read a calendar.
    from holidays import country_holidays
    from holidays.registry import COUNTRIES

    codes = {alias: names[1] for names in COUNTRIES.values() for alias in names[1:]}
    if spec.country not in codes.values():
        same = codes.get(spec.country.upper())
        near = f"; did you mean {same!r}?" if same else suggestion(spec.country.upper(), codes.values())
        problem = f"{shown(spec.country)} is not a country with known holidays: its two letters in ISO 3166, as DE"
        return [Violation("holidays.country", problem + near)]
    country = country_holidays(spec.country)
    wrong = []
    if spec.subdivision is not None:
        parent = country.parent_entity
        codes_of_parts = [*country.subdivisions, *(parent.subdivisions if parent else ())]
        known = [*codes_of_parts, *country.subdivisions_aliases]
        if spec.subdivision not in known:
            problem = f"{shown(spec.subdivision)} is not {_one_of(codes_of_parts, f'a subdivision of {spec.country}')}"
            wrong.append(Violation("holidays.subdivision", problem + suggestion(spec.subdivision, known)))
    for index, category in enumerate(spec.categories):
        if category not in country.supported_categories:
            known = sorted(country.supported_categories)
            problem = f"{shown(category)} is not {_one_of(known, f'a category of {spec.country}')}"
            wrong.append(Violation(f"holidays.categories[{index}]", problem + suggestion(category, known)))
    return wrong


def _one_of(known: Collection[str], what: str) -> str:
    if not known:
        return f"{what}, which has none"
    more = ", ..." if len(known) > _MOST_NAMED else ""
    return f"{what}: {', '.join(sorted(known)[:_MOST_NAMED])}{more}"


@lru_cache(maxsize=_YEARS_KEPT)  # shared: many calendars have the holidays of one country
def _mask(country: str, subdivision: str | None, categories: Sequence[str], year: int) -> int:
    from holidays import country_holidays

    with warnings.catch_warnings():
        # "available only from ... to ...": such a year has none, as is documented above.
        warnings.simplefilter("ignore", UserWarning)
        found = country_holidays(country, subdiv=subdivision, years=year, categories=categories or None)
    start = year_start(year) + EPOCH
    mask = 0
    for day in found:
        if day.year == year:
            mask |= 1 << day.toordinal() - start
    return mask
