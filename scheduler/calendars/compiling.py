"""From a calendar's text to something that can be asked."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from zoneinfo import ZoneInfo

from jobstore.calendar_spec import CalendarSpec, RuleSpec
from scheduler.calendars.annual import compile_annual
from scheduler.calendars.calendar import Calendar, Rule
from scheduler.calendars.cron_times import compile_cron
from scheduler.calendars.daily import compile_daily
from scheduler.calendars.dates import compile_dates
from scheduler.calendars.ics import compile_ics
from scheduler.calendars.parts import Part
from scheduler.calendars.protocol import CalendarTimes
from scheduler.calendars.public_holidays import compile_holidays
from scheduler.calendars.weekly import compile_weekly
from scheduler.cron import ZoneError, zone
from scheduler.errors import InvalidJob, Violation

MOST_VIOLATIONS = 100
"""How many are told of one calendar: it may have 200,000 dates, and each may be wrong."""


def compile_calendar(spec: CalendarSpec, bases: Sequence[CalendarTimes] = ()) -> CalendarTimes:
    """Make a calendar. `bases` are those that `spec.base` names, already made.

    A time is excluded when a base excludes it, or a rule of `exclude` matches, or there are rules in `include` and
    none of them matches. No rule matches before 1970 or after 2199. Raises `InvalidJob` with the violations, at
    their places in a manifest (`spec.exclude[2].dates[0]`).
    """
    wrong: list[Violation] = []
    try:
        where = zone(spec.time_zone)
    except ZoneError as error:
        wrong.append(Violation("timeZone", str(error)))
        where = zone("UTC")  # to look at the rest
    rules: dict[str, tuple[Rule, ...]] = {}
    for field, given in (("exclude", spec.exclude), ("include", spec.include)):
        made = []
        for index, rule in enumerate(given):
            try:
                made.append(_rule(rule, where))
            except InvalidJob as error:
                wrong.extend(violation.under(f"{field}[{index}]") for violation in error.violations)
        rules[field] = tuple(made)
    if wrong:
        raise InvalidJob(*_told([violation.under("spec") for violation in wrong]))
    return Calendar(bases=tuple(bases), **rules)


def _rule(spec: RuleSpec, where: ZoneInfo) -> Rule:
    """Match all parts that are given; an empty list gives none, as it is none in protobuf."""
    wrong: list[Violation] = []
    parts: list[Part] = []
    for make in _makers(spec, where):
        try:
            parts.append(make())
        except InvalidJob as error:
            wrong.extend(error.violations)
    if wrong:
        raise InvalidJob(*wrong)
    return Rule(tuple(parts))


def _makers(spec: RuleSpec, where: ZoneInfo) -> Iterator[Callable[[], Part]]:
    if spec.dates:
        yield partial(compile_dates, spec.dates, where)
    if spec.annual:
        yield partial(compile_annual, spec.annual, where)
    if spec.weekly:
        yield partial(compile_weekly, spec.weekly, where)
    if spec.daily is not None:
        yield partial(compile_daily, spec.daily, where)
    if spec.cron is not None:
        yield partial(compile_cron, spec.cron, where)
    if spec.holidays is not None:
        yield partial(compile_holidays, spec.holidays, where)
    if spec.ics is not None:
        yield partial(compile_ics, spec.ics, where)


def _told(wrong: list[Violation]) -> list[Violation]:
    if len(wrong) <= MOST_VIOLATIONS:
        return wrong
    more = len(wrong) - MOST_VIOLATIONS
    return [*wrong[:MOST_VIOLATIONS], Violation("spec", f"and {more} more violations")]
