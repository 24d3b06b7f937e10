"""What must have been due, and what may have been: from the history of calls alone.

A due time must be accounted for when the trigger had it in every condition that its job may have been in then, and
may be when it had it in one of them. Anything else must not exist.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tests.gate.oracle_history import (
    FOREVER,
    SLACK,
    Call,
    Condition,
    Line,
    Spell,
    job_name,
    read_calls,
    spec_of,
    spells,
)
from tests.gate.oracle_schedules import Trigger, dues, duration, instant

Name = tuple[str, str]
"""A job and its trigger."""


@dataclass(frozen=True, kw_only=True)
class Dues:
    """A trigger's due times, in order, in milliseconds. `exact` is false when anything may have been due."""

    must: tuple[int, ...]
    may: tuple[int, ...]
    exact: bool = True


@dataclass(frozen=True, kw_only=True)
class Delay:
    """A trigger of kind `after`: due `delay` after its last execution ended.

    `first`: spans of time in which it may begin anew, at once or after its delay, since a call changed its job.
    `sure`: spans in which it certainly was there and not paused. `bounded`: it has an end of its own. `at_once`: its
    first one is due when it is made; what an edit made of another kind of schedule waits for its delay first.
    """

    delays: frozenset[int]
    restarts: tuple[tuple[int, int], ...]
    sure: tuple[tuple[int, int], ...]
    bounded: bool
    at_once: bool


@dataclass(frozen=True, kw_only=True)
class Expected:
    """All triggers of a history, and the manual runs."""

    dues: Mapping[Name, Dues]
    delays: Mapping[Name, Delay]
    runs: tuple[Call, ...]
    cancels: tuple[Call, ...]


@dataclass
class _Found:
    must: set[int] = field(default_factory=set)
    may: set[int] = field(default_factory=set)
    exact: bool = True


def expect(history: Iterable[Line], sure_until: int, until: int) -> Expected:
    """Enumerate. What is due up to `sure_until` must be accounted for, up to `until` it may be (milliseconds)."""
    calls = read_calls(history)
    by_job: dict[str, list[Call]] = {}
    for call in calls:
        by_job.setdefault(call.job, []).append(call)
    found: dict[Name, Dues] = {}
    delays: dict[Name, Delay] = {}
    for job, own in by_job.items():
        manifests = {call.number: call for call in own if call.what == "apply"}
        its_spells = spells(own)
        names = {trigger["name"] for call in manifests.values() for trigger in triggers_of(call)}
        for name in sorted(names):
            if any("after" in trigger for call in manifests.values() for trigger in triggers_of(call, name)):
                delays[job, name] = _delay(own, manifests, its_spells, name, sure_until)
            # an edit may make one kind of the other
            found[job, name] = _dues(own, manifests, its_spells, name, sure_until, until)
    return Expected(
        dues=found,
        delays=delays,
        runs=tuple(call for call in calls if call.what == "run"),
        cancels=tuple(call for call in calls if call.what == "cancel"),
    )


def triggers_of(call: Call, name: str = "") -> list[Trigger]:
    """The triggers of an applied manifest; those of that name."""
    return [trigger for trigger in spec_of(call.manifest).get("triggers", ()) if not name or trigger["name"] == name]


def _dues(
    calls: list[Call], manifests: Mapping[int, Call], its_spells: list[Spell], name: str, sure_until: int, until: int
) -> Dues:
    found = _Found()
    caught_up = [call for call in calls if call.what == "resume" and call.catch_up and call.outcome != "refused"]
    deleted = any(call.what == "delete" and call.outcome != "refused" for call in calls)
    for spell in its_spells:
        low, high = spell.low, min(spell.high, until + 1)
        if spell.conditions is None:
            found.exact = False
            continue
        if low < high:
            had = [_had(manifests, condition, name, low, high, caught_up) for condition in spell.conditions]
            _add(found, had, sure_until, deleted)
    return Dues(must=tuple(sorted(found.must)), may=tuple(sorted(found.may)), exact=found.exact)


def _trigger(manifests: Mapping[int, Call], condition: Condition, name: str) -> Trigger | None:
    if condition.manifest is None:
        return None
    return next(iter(triggers_of(manifests[condition.manifest], name)), None)


@dataclass(frozen=True)
class _Had:
    """What a trigger had in one condition: whether each due time is sure in it, and how many it may have in all."""

    times: Mapping[int, bool]
    limit: int


def _had(
    manifests: Mapping[int, Call], condition: Condition, name: str, low: int, high: int, caught_up: list[Call]
) -> _Had:
    trigger = _trigger(manifests, condition, name)
    if trigger is None:
        return _Had({}, FOREVER)
    times = dues(trigger, low, high)
    if condition.paused:
        # it was missed, if the pause was ended that way
        last = max((call.until + SLACK for call in caught_up), default=low - 1)
        return _Had({due: False for due in times if due <= last}, FOREVER)
    return _Had(dict.fromkeys(times, True), trigger.get("maxFires", FOREVER))


def _add(found: _Found, had: list[_Had], sure_until: int, deleted: bool) -> None:
    """Take in the due times of a spell. Where a name was deleted, its count may have begun anew."""
    for due in sorted({due for each in had for due in each.times}):
        having = [each for each in had if due in each.times and (deleted or len(found.must) < each.limit)]
        most = len(found.must) + len(found.may)
        sure = due <= sure_until and len(having) == len(had) and all(h.times[due] and most < h.limit for h in having)
        if having:
            (found.must if sure else found.may).add(due)


def _delay(
    calls: list[Call], manifests: Mapping[int, Call], its_spells: list[Spell], name: str, sure_until: int
) -> Delay:
    triggers = [trigger for call in manifests.values() for trigger in triggers_of(call, name)]
    delays = frozenset(duration(trigger["after"]) for trigger in triggers if "after" in trigger)
    restarts = [
        (call.begin - SLACK, call.until + SLACK)
        for call in calls
        if call.what in ("apply", "resume", "delete", "pause") and call.outcome != "refused"
    ]
    restarts += [(instant(each["start"]), instant(each["start"])) for each in triggers if each.get("start")]
    sure: list[tuple[int, int]] = []
    for spell in its_spells:
        if spell.conditions is None or spell.low > sure_until:
            continue
        kinds = [_trigger(manifests, each, name) for each in spell.conditions if not each.paused]
        if len(kinds) == len(spell.conditions) and all(kind is not None and "after" in kind for kind in kinds):
            sure.append((spell.low, min(spell.high, sure_until)))
    return Delay(
        delays=delays,
        restarts=tuple(restarts),
        sure=tuple(sure),
        bounded=any(each.get("maxFires") or each.get("end") or each.get("start") for each in triggers),
        at_once=all("after" in each for each in triggers),
    )


__all__ = ["Delay", "Dues", "Expected", "Name", "expect", "job_name"]
