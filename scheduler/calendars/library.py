"""All calendars of a cluster by name, each compiled when it is asked for, its bases with it."""

from collections.abc import Iterable, Mapping, Sequence

from jobstore.calendar_spec import CalendarSpec
from jobstore.trigger_spec import calendar_name
from scheduler.calendars.compiling import compile_calendar
from scheduler.calendars.protocol import CalendarTimes
from scheduler.errors import InvalidJob, Violation

MOST_CALENDARS = 1_000
"""Calendars in one cluster: the leader has all of them in memory."""

MOST_BASES = 100
"""Calendars under one calendar, however far: each is asked about each due time."""

Name = tuple[str, str]
"""Namespace and name."""


class Library:
    """A value: what is changed makes another one, by `having`."""

    def __init__(self, specs: Mapping[Name, CalendarSpec]) -> None:
        self._specs = dict(specs)
        self._rules: dict[Name, CalendarTimes | InvalidJob] = {}
        self._times: dict[Name, CalendarTimes | InvalidJob] = {}

    def __contains__(self, name: Name) -> bool:
        return name in self._specs

    def __len__(self) -> int:
        return len(self._specs)

    def having(self, changed: Mapping[Name, CalendarSpec]) -> "Library":
        """These calendars, with some more, or others in their places."""
        return Library({**self._specs, **changed})

    def without(self, name: Name) -> "Library":
        """These calendars but one."""
        return Library({each: spec for each, spec in self._specs.items() if each != name})

    def times(self, name: Name) -> CalendarTimes:
        """A calendar. Raises `InvalidJob`, with places in that calendar, when it cannot be compiled."""
        if name not in self._times:
            try:
                if name not in self._specs:
                    raise InvalidJob(Violation("", "there is no such calendar"))
                # each calendar under it once, side by side: so many ways as may lead there, it is asked once
                bases = [self._own_rules(base) for base in self._bases(name)]
                self._times[name] = compile_calendar(self._specs[name], bases)
            except InvalidJob as error:
                self._times[name] = error
        times = self._times[name]
        if isinstance(times, InvalidJob):
            raise times
        return times

    def referred(self, references: Sequence[str], namespace: str, field: str) -> list[CalendarTimes]:
        """The calendars that a list of a manifest refers to. Raises `InvalidJob` with places in that list."""
        found: list[CalendarTimes] = []
        wrong: list[Violation] = []
        for index, reference in enumerate(references):
            name = calendar_name(reference, namespace)
            try:
                found.append(self.times(name))
            except InvalidJob as error:
                known = name in self._specs
                told = f"calendar {'/'.join(name)}: {error}" if known else f"there is no calendar {'/'.join(name)}"
                wrong.append(Violation(f"{field}[{index}]", told))
        if wrong:
            raise InvalidJob(*wrong)
        return found

    def affected(self, names: Iterable[Name]) -> set[Name]:
        """These, and those that have one of them as a base, however far."""
        users: dict[Name, list[Name]] = {}
        for name, spec in self._specs.items():
            for base in _bases_of(name, spec):
                users.setdefault(base, []).append(name)
        found = set(names)
        left = list(found)
        while left:
            more = set(users.get(left.pop(), ())) - found
            found |= more
            left += more
        return found

    def _bases(self, name: Name) -> list[Name]:
        """All calendars under this one, each once. Raises `InvalidJob` with places in this one."""
        found: dict[Name, None] = {}
        wrong: list[Violation] = []
        for index, base in enumerate(_bases_of(name, self._specs[name])):
            told = self._reach(name, base, found)
            if told:
                wrong.append(Violation(f"spec.base[{index}]", told))
        if len(found) > MOST_BASES:
            told = f"there are {len(found)} calendars under this one, of at most {MOST_BASES}"
            wrong.append(Violation("spec.base", told))
        if wrong:
            raise InvalidJob(*wrong)
        return list(found)

    def _reach(self, name: Name, base: Name, found: dict[Name, None]) -> str:
        """Add a base and all under it; returns what is wrong there."""
        parents: dict[Name, Name] = {base: name}
        left = [base]
        while left:
            each = left.pop()
            if each == name:
                return f"goes round in a circle: {_path(each, parents)}"
            under = "" if each == base else f"calendar {'/'.join(parents[each])}: "
            if each not in self._specs:
                return f"{under}there is no calendar {'/'.join(each)}"
            if each in found:
                continue
            try:
                self._own_rules(each)
            except InvalidJob as error:
                return f"calendar {'/'.join(each)}: {error}"
            found[each] = None
            for below in reversed(_bases_of(each, self._specs[each])):
                if below not in found:
                    parents[below] = each
                    left.append(below)
        return ""

    def _own_rules(self, name: Name) -> CalendarTimes:
        """A calendar without its bases."""
        if name not in self._rules:
            try:
                self._rules[name] = compile_calendar(self._specs[name])
            except InvalidJob as error:
                self._rules[name] = error
        rules = self._rules[name]
        if isinstance(rules, InvalidJob):
            raise rules
        return rules


def _bases_of(name: Name, spec: CalendarSpec) -> list[Name]:
    return [calendar_name(base, name[0]) for base in spec.base]


def _path(name: Name, parents: Mapping[Name, Name]) -> str:
    """The way from a calendar through its bases back to it."""
    way = [name, parents[name]]
    while way[-1] != name:
        way.append(parents[way[-1]])
    return " > ".join("/".join(each) for each in reversed(way))
