"""Misfires: what becomes of the due times that the leader could not decide within their threshold.

As in Quartz (`updateAfterMisfire` of its triggers), a misfire covers every due time up to now: `fireOnce` runs once
for all of them, `skip` for none, `fireAll` for each. The trigger then goes on with the next one. Ranges are counted,
never walked through.
"""

from datetime import datetime, timedelta

from jobstore.model import Missed
from jobstore.trigger_spec import MisfireSpec
from jobstore.values import value
from scheduler.schedules import Schedule, nth_from

POLICIES = ("fireOnce", "fireAll", "skip")


@value(frozen=True, kw_only=True, slots=True)
class FirePlan:
    """What a due trigger comes to: one record, and the next due time.

    `missed` is set when the record stands for a range; `skipped` says why it is only recorded, and not run.
    `catching_up`: the record is one of many missed ones, and the next due time may be one, too. `fires` is how
    many due times the trigger has had then.
    """

    scheduled_time: datetime
    next_fire: datetime | None
    fires: int
    missed: Missed | None = None
    skipped: str = ""
    catching_up: bool = False


@value(frozen=True, kw_only=True, slots=True)
class Standing:
    """A trigger that is due: at which of its due times, and how many it has had and may have."""

    schedule: Schedule
    due: datetime
    fires: int
    max_fires: int | None

    @property
    def left(self) -> int | None:
        """How many due times it may still have, this one included; None: any number."""
        return None if self.max_fires is None else max(1, self.max_fires - self.fires)

    def one(self, *, catching_up: bool = False) -> FirePlan:
        """A record for this due time alone."""
        return FirePlan(
            scheduled_time=self.due,
            next_fire=None if self.left == 1 else self.schedule.next_after(self.due),
            fires=self.fires + 1,
            catching_up=catching_up,
        )

    def all_until(self, now: datetime, skipped: str) -> FirePlan:
        """One record for all due times up to now."""
        missed, next_fire = self.range_until(now)
        return FirePlan(
            scheduled_time=missed.last,
            next_fire=next_fire,
            fires=self.fires + missed.count,
            missed=missed,
            skipped=skipped,
        )

    def range_until(self, now: datetime) -> tuple[Missed, datetime | None]:
        """The due times from this one to now, as many as it may have; and the one that follows them."""
        # the due time as it was stored counts, also when the time zone database has other times now
        count = max(1, self.schedule.count(self.due, now))
        last = self.due if count == 1 else max(self.due, self.schedule.last_until(now) or self.due)
        if self.left is not None and count >= self.left:
            last = nth_from(self.schedule, self.due, self.left) or last
            return Missed(count=self.left, first=self.due, last=last), None
        return Missed(count=count, first=self.due, last=last), self.schedule.next_after(now)


def plan_fire(standing: Standing, now: datetime, misfire: MisfireSpec, threshold: timedelta) -> FirePlan:
    """Decide a trigger whose due time is not later than `now`; more than `threshold` late, it is missed."""
    if now - standing.due <= threshold:
        return standing.one()
    if misfire.policy == "fireAll":
        missed, _ = standing.range_until(now)
        if missed.count <= misfire.limit:
            return standing.one(catching_up=True)
        told = f"misfire: {missed.count} due times were missed, and fireAll has a limit of {misfire.limit}"
        return standing.all_until(now, told)
    return standing.all_until(now, "misfire" if misfire.policy == "skip" else "")
