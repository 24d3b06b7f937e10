"""What to write for an expression in Quartz itself."""

from dataclasses import replace

from .errors import CronError
from .expression import CronExpression
from .fields import bits
from .rules import BothDays, DayRule, EitherDays, MonthDays, WeekDays


def to_quartz(expression: CronExpression) -> str:
    """Six or seven fields that mean the same in Quartz.

    Raises CronError, with the reason and what to do instead, for what Quartz has no text for.
    """
    rule = expression.days.rule
    if isinstance(rule, BothDays):
        raise CronError("Quartz cannot ask a day to match day-of-month and day-of-week at once", expression.text)
    parts = _parts(rule)
    if len(parts) == 1:
        return " ".join(expression.canonical_words())
    if isinstance(rule, EitherDays):
        reason = "Quartz cannot ask a day to match day-of-month or day-of-week"
    else:
        reason = "Quartz has no lists with L, W or #"
    texts = [
        " ".join(replace(expression, days=replace(expression.days, rule=part)).canonical_words()) for part in parts
    ]
    triggers = " and ".join(repr(text) for text in texts)
    problem = f"{reason}; it needs {len(texts)} triggers, which both fire on a day of both: {triggers}"
    raise CronError(problem, expression.text)


def _parts(rule: DayRule) -> list[MonthDays | WeekDays]:
    """Rules that Quartz can say, which together name the days of this one."""
    if isinstance(rule, MonthDays):
        return [
            *([MonthDays(days=rule.days)] if rule.days else []),
            *(MonthDays(weekdays_near=1 << day) for day in bits(rule.weekdays_near)),
            *(MonthDays(before_last=1 << distance) for distance in bits(rule.before_last)),
            *(MonthDays(weekdays_near_last=1 << distance) for distance in bits(rule.weekdays_near_last)),
        ]
    if isinstance(rule, WeekDays):
        return [
            *([WeekDays(weekdays=rule.weekdays)] if rule.weekdays else []),
            *(WeekDays(nth=1 << nth) for nth in bits(rule.nth)),
            *(WeekDays(last=1 << weekday) for weekday in bits(rule.last)),
        ]
    return [*_parts(rule.month), *_parts(rule.week)]
