"""The calendars that something refers to, as the store has them."""

from collections.abc import Iterable, Mapping

from jobstore.calendar_spec import CalendarSpec
from jobstore.protocols import CalendarQuery, Records
from jobstore.spec import JobSpec
from jobstore.trigger_spec import calendar_name
from scheduler.calendars.library import MOST_CALENDARS, Library, Name
from scheduler.errors import InvalidRequest, Violation


def calendars_of(spec: JobSpec, namespace: str) -> set[Name]:
    """The calendars that a job's triggers name."""
    return {calendar_name(each, namespace) for trigger in spec.triggers for each in trigger.calendars}


def read_library(records: Records, names: Iterable[Name], known: Mapping[Name, CalendarSpec] | None = None) -> Library:
    """The calendars of these names and all of their bases; `known` ones instead of those in the store.

    Names of no calendar are left out. Nothing is read when all are known. Raises `InvalidRequest` for more names
    than a cluster has calendars.
    """
    specs = dict(known or {})
    asked: set[Name] = set()
    wanted = {*names, *(base for name, spec in specs.items() for base in _bases(name, spec))} - specs.keys()
    while wanted:
        asked |= wanted
        if len(asked) > MOST_CALENDARS:
            told = f"they refer to more than {MOST_CALENDARS} calendars, which is all that a cluster has"
            raise InvalidRequest(Violation("jobs", told))
        query = CalendarQuery(names=tuple(sorted(wanted)), limit=len(wanted))
        found = {(each.namespace, each.name): each.spec for each in records.calendars(query)}
        specs |= found
        wanted = {base for name, spec in found.items() for base in _bases(name, spec)} - specs.keys() - asked
    return Library(specs)


def _bases(name: Name, spec: CalendarSpec) -> list[Name]:
    return [calendar_name(base, name[0]) for base in spec.base]
