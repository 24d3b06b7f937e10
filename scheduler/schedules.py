"""Schedules: what a trigger's text means, as something that can be asked for its next due time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, get_args
from zoneinfo import ZoneInfo

from jobstore.spec import TriggerSpec
from scheduler.cron import CronError, CronExpression, Gap, Overlap, ZoneError, parse, zone
from scheduler.errors import InvalidJob, Violation
from scheduler.words import check_word


class Schedule(Protocol):
    """When a trigger is due. Pure: the same question always has the same answer."""

    def next_after(self, instant: datetime) -> datetime | None:
        """The first due time strictly later than the instant, in UTC; None when there is none left."""
        ...


@dataclass(frozen=True, slots=True)
class CronSchedule:
    """A cron expression in a zone."""

    expression: CronExpression
    zone: ZoneInfo
    gap: Gap
    overlap: Overlap

    def next_after(self, instant: datetime) -> datetime | None:
        return self.expression.next_after(instant, self.zone, gap=self.gap, overlap=self.overlap)


def compile_schedule(trigger: TriggerSpec) -> Schedule:
    """Make a trigger's schedule. Raises `InvalidJob` with the trigger's fields that are wrong."""
    wrong = [
        *check_word(trigger.gap, get_args(Gap), "gap"),
        *check_word(trigger.overlap, get_args(Overlap), "overlap"),
    ]
    try:
        expression = parse(trigger.cron or "")
    except CronError as error:
        wrong.append(Violation("cron", str(error)))
    try:
        where = zone(trigger.time_zone)
    except ZoneError as error:
        wrong.append(Violation("timeZone", str(error)))
    if wrong:
        raise InvalidJob(*wrong)
    gap: Gap = trigger.gap  # type: ignore[assignment]  # checked above
    overlap: Overlap = trigger.overlap  # type: ignore[assignment]  # checked above
    return CronSchedule(expression, where, gap, overlap)
