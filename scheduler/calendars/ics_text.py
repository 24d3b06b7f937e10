"""The content lines of an iCalendar text, and which event each belongs to (RFC 5545, sections 3.1, 3.4 and 3.6).

Components are taken apart here, and not by `icalendar`'s own parser: that one takes a text without a line break
for the path of a file, and keeps every VTIMEZONE for the life of the process. Its content lines are used.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cronquorum.names import shown

MOST_EVENTS = 5_000
_DEEPEST = 8
"""Components inside one another; RFC 5545 has three."""

_NAME = re.compile(r"[A-Za-z0-9-]+(?=[;:])")
_READ = {
    *("UID", "STATUS", "DTSTART", "DTEND", "DURATION"),
    *("RRULE", "EXRULE", "RDATE", "EXDATE", "RECURRENCE-ID"),
}
"""The properties of an event that say when it is."""


class IcsError(ValueError):
    """A text that cannot be read as a calendar. The message names the line, counted from 1."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem if line is None else f"line {line}: {problem}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Property:
    """One property of an event; the names of parameters are in upper case."""

    name: str
    params: Mapping[str, str]
    value: str
    line: int

    def error(self, problem: str) -> IcsError:
        """The error that this property has a problem."""
        return IcsError(f"{self.name} {shown(self.value)} {problem}", self.line)


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """The properties of a VEVENT that say when it is, and the line on which it begins."""

    line: int
    properties: dict[str, list[Property]] = field(default_factory=dict)

    def all(self, name: str) -> list[Property]:
        return self.properties.get(name, [])

    def one(self, name: str) -> Property | None:
        """The property that an event has at most once. Raises IcsError when it has more."""
        found = self.all(name)
        if len(found) > 1:
            raise found[1].error(f"comes after another {name}; one is allowed")
        return found[0] if found else None


def read_events(text: str) -> list[Event]:
    """The events of all calendars in the text, as they come. Raises IcsError."""
    events: list[Event] = []
    inside: list[str] = []
    for number, line in _content_lines(text):
        match = _NAME.match(line)
        if match is None:
            raise IcsError(f"{shown(line)} is not a content line such as DTSTART:20261224T180000Z", number)
        name = match[0].upper()
        if name == "BEGIN":
            inside.append(_value(line))
            if inside[0] != "VCALENDAR" or len(inside) > _DEEPEST:
                raise IcsError(f"{shown(line)} is not expected here; a calendar begins with BEGIN:VCALENDAR", number)
            if inside[-1] == "VEVENT":
                events.append(Event(line=number))
                if len(events) > MOST_EVENTS:
                    raise IcsError(f"has more than {MOST_EVENTS} events", number)
        elif name == "END":
            if not inside or _value(line) != inside.pop():
                raise IcsError(f"{shown(line)} ends nothing that was begun", number)
        elif not inside:
            raise IcsError(f"{shown(line)} is outside of a calendar, which begins with BEGIN:VCALENDAR", number)
        elif inside[-1] == "VEVENT" and name in _READ:
            events[-1].properties.setdefault(name, []).append(_property(name, line, number))
    if inside:
        raise IcsError(f"END:{shown(inside[-1])[1:-1]} is missing at the end")
    if not text.strip():
        raise IcsError("is empty; an iCalendar text begins with BEGIN:VCALENDAR")
    return events


def _content_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines put together again (section 3.1), without empty ones, and the number of the first line of each."""
    pieces: list[str] = []
    begun = 0
    for number, physical in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line = physical.removesuffix("\r")
        if line[:1] in (" ", "\t") and pieces:
            pieces.append(line[1:])
            continue
        if pieces:
            yield begun, "".join(pieces)
        pieces, begun = [line] if line.strip() else [], number
    if pieces:
        yield begun, "".join(pieces)


def _value(line: str) -> str:
    return line.partition(":")[2].strip().upper()


def _property(name: str, line: str, number: int) -> Property:
    from icalendar.parser import Contentline

    try:
        _, params, value = Contentline(line).raw_parts()
    except ValueError:
        raise IcsError(f"{shown(line)} is not a content line such as DTSTART:20261224T180000Z", number) from None
    texts = {key.upper(): value if isinstance(value, str) else ",".join(value) for key, value in params.items()}
    return Property(name=name, params=texts, value=value.strip(), line=number)
