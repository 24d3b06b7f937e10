"""Fields of a trigger that do nothing, or contradict each other: each is an error that says so."""

from collections.abc import Iterator

from jobstore.spec_values import format_instant
from jobstore.trigger_spec import FIRE_ALL_LIMIT, FIRE_ALL_RATE, MisfireSpec, TriggerSpec
from scheduler.errors import Violation

WALL_CLOCK = ("cron", "calendarInterval", "daily")
_WITHOUT_RATE = ("fireOnce", "skip")  # misfire policies; an unknown one is told elsewhere


def misused(trigger: TriggerSpec) -> Iterator[Violation]:
    """What is wrong with the fields of a trigger together, whatever each of them says."""
    kind = trigger.kind
    if trigger.days is not None and kind != "cron":
        hint = "; the days of the week are daily.days" if kind == "daily" else ""
        yield Violation("days", f"does nothing with {kind}: it says how the two day fields of a cron count{hint}")
    if kind not in WALL_CLOCK:
        for name, value, default in (("gap", trigger.gap, "after"), ("overlap", trigger.overlap, "first")):
            if value != default:
                yield Violation(
                    name, f"does nothing with {kind}: it is for times on a wall clock ({', '.join(WALL_CLOCK)})"
                )
    if trigger.interval is not None and trigger.interval.offset is not None and trigger.start is not None:
        yield Violation("interval.offset", "goes without start, from which the interval is counted")
    if kind == "manual":
        yield from _of_manual(trigger)
    else:
        yield from _of_misfire(trigger.misfire)
    yield from _of_bounds(trigger)


def _of_manual(trigger: TriggerSpec) -> Iterator[Violation]:
    given = {
        "start": trigger.start is not None,
        "end": trigger.end is not None,
        "maxFires": trigger.max_fires is not None,
        "jitter": trigger.jitter is not None,
        "calendars": bool(trigger.calendars),
        "misfire": trigger.misfire != MisfireSpec(),
    }
    for name in (name for name, is_given in given.items() if is_given):
        yield Violation(name, "does nothing with manual, which is never due")


def _of_misfire(misfire: MisfireSpec) -> Iterator[Violation]:
    if misfire.policy in _WITHOUT_RATE:
        for name, value, usual in (("rate", misfire.rate, FIRE_ALL_RATE), ("limit", misfire.limit, FIRE_ALL_LIMIT)):
            if value != usual:
                yield Violation(f"misfire.{name}", f"does nothing with {misfire.policy}: it is for fireAll")


def _of_bounds(trigger: TriggerSpec) -> Iterator[Violation]:
    start, end, at = trigger.start, trigger.end, trigger.at
    if start is not None and end is not None and end <= start:
        yield Violation("end", f"{format_instant(end)} is not later than start, {format_instant(start)}")
    elif at is not None and start is not None and at < start:
        yield Violation("at", f"{format_instant(at)} is earlier than start, {format_instant(start)}")
    elif at is not None and end is not None and at > end:
        yield Violation("at", f"{format_instant(at)} is later than end, {format_instant(end)}")
