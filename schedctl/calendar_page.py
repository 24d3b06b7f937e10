"""A page about one calendar."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from schedapi.v1.calendar_pb2 import Calendar, CalendarRule, Holidays
from schedctl.printing import facts, moment, printable

MOST_DATES = 6
"""Dates of one rule that are named: all of them are in the manifest."""


def describe_calendar(calendar: Calendar) -> None:
    """Print a calendar: what it is, and its rules, a line for each."""
    metadata, spec, status = calendar.metadata, calendar.spec, calendar.status
    facts(
        [
            ("Calendar", f"{metadata.namespace}/{metadata.name}"),
            ("Description", spec.description),
            ("Labels", ", ".join(f"{key}={metadata.labels[key]}" for key in sorted(metadata.labels))),
            ("Time zone", spec.time_zone or "UTC"),
            ("Revision", f"{status.revision} ({status.uid})"),
            ("Created", moment(status.created)),
            ("Updated", moment(status.updated)),
        ]
    )
    _print_rules("Left out, as another calendar says", spec.base)
    _print_rules("Left out", [in_words(rule) for rule in spec.exclude])
    _print_rules("Nothing but", [in_words(rule) for rule in spec.include])


def _print_rules(title: str, rules: Sequence[str]) -> None:
    if rules:
        print(f"\n{title}:")
    for rule in rules:
        print(f"  {printable(rule)}")


def in_words(rule: CalendarRule) -> str:
    """A rule's parts, all of which match: `SAT, SUN and 22:00 to 06:00`."""
    return " and ".join(_parts(rule))


def _parts(rule: CalendarRule) -> Iterator[str]:
    if rule.dates:
        yield _some(rule.dates)
    if rule.annual:
        yield f"every year {_some(rule.annual)}"
    if rule.weekly:
        yield ", ".join(rule.weekly)
    if rule.HasField("daily"):
        yield f"{getattr(rule.daily, 'from')} to {rule.daily.to}"
    if rule.cron:
        yield f"cron {rule.cron}"
    if rule.HasField("holidays"):
        yield _holidays(rule.holidays)
    if rule.HasField("ics"):
        events = sum(line.strip().upper() == "BEGIN:VEVENT" for line in rule.ics.text.splitlines())
        yield f"iCalendar of {events} event{'s' * (events != 1)}"


def _some(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - MOST_DATES} more" if len(texts) > MOST_DATES else ""
    return ", ".join(texts[:MOST_DATES]) + more


def _holidays(holidays: Holidays) -> str:
    place = holidays.country + (f"-{holidays.subdivision}" if holidays.subdivision else "")
    kinds = f" ({', '.join(holidays.categories)})" if holidays.categories else ""
    return f"holidays of {place}{kinds}"
