"""Misfires: what becomes of the due times that the leader could not decide within their threshold.

As in Quartz (`updateAfterMisfire` of its cron trigger), a misfire covers every due time up to now:
`fireOnce` runs once for all of them, `skip` for none, and the trigger goes on with the next one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from jobstore.model import Missed
from scheduler.schedules import Schedule

POLICIES = ("fireOnce", "skip")

MOST_COUNTED = 100_000
"""Due times that are counted one by one; of a longer range the count says at least so many."""


@dataclass(frozen=True, slots=True)
class FirePlan:
    """What a due trigger comes to: one record, and the next due time.

    `missed` is set when the record stands for a range; `run` is False when it is only recorded.
    """

    scheduled_time: datetime
    run: bool
    next_fire: datetime | None
    missed: Missed | None = None


def plan_fire(schedule: Schedule, due: datetime, now: datetime, policy: str, threshold: timedelta) -> FirePlan:
    """Decide a trigger that was due at `due`, which is not later than `now`."""
    if now - due <= threshold:
        return FirePlan(due, True, schedule.next_after(due))
    missed = missed_range(schedule, due, now)
    return FirePlan(missed.last, policy == "fireOnce", schedule.next_after(now), missed)


def missed_range(schedule: Schedule, first: datetime, now: datetime) -> Missed:
    """The due times from `first`, which is one, to `now`, in constant memory."""
    count, last = 1, first
    while (following := schedule.next_after(last)) is not None and following <= now:
        last = following
        count += 1
        if count == MOST_COUNTED:
            last = _last_until(schedule, last, now)
            break
    return Missed(count=count, first=first, last=last)


def _last_until(schedule: Schedule, known: datetime, now: datetime) -> datetime:
    """The last due time not later than `now`, found by halving; `known` is an earlier one."""
    low, high = known, now
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        following = schedule.next_after(middle)
        if following is None or following > now:
            high = middle
        else:
            low = known = following
    following = schedule.next_after(low)
    return following if following is not None and following <= now else known
