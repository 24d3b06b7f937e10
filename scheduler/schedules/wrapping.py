"""What is inside a schedule that others wrap."""

from scheduler.schedules.protocol import Schedule
from scheduler.schedules.wall_clock import WallClock


def innermost(schedule: Schedule) -> Schedule:
    """The schedule within all bounds and exclusions."""
    while (inner := getattr(schedule, "schedule", None)) is not None:
        schedule = inner
    return schedule


def wall_clock_of(schedule: Schedule) -> WallClock | None:
    """Its wall clock (zone, gap, overlap, times); None for a schedule that counts in real time."""
    found = innermost(schedule)
    return found if isinstance(found, WallClock) else None
