"""Schedules: what a trigger's text means, as something that can be asked for its due times.

Every kind is a frozen value that answers the questions of `Schedule`, in a module of its own; bounds and exclusions
wrap others. The wall-clock kinds share one search for what becomes of their times in a clock change
(`scheduler.cron.search`).
"""

from scheduler.schedules.compiling import compile_schedule
from scheduler.schedules.nth import nth_from
from scheduler.schedules.protocol import Schedule, is_due
from scheduler.schedules.wall_clock import WallClock
from scheduler.schedules.wrapping import wall_clock_of

__all__ = ["Schedule", "WallClock", "compile_schedule", "is_due", "nth_from", "wall_clock_of"]
