"""From text to a CronExpression.

Six or seven fields are Quartz's, with its meaning (`org.quartz.CronExpression`); exactly one of day-of-month and
day-of-week is "?", unless `days` says how both count. Where a real Quartz 2.3.2 slips, we don't: it ignores a step
after a name (`MON-FRI/2`) and all days but one in a list with W (`1,15W`), reads `L-2` in a day-of-week as L, lets a
range have a step of any size, refuses a range from a name to a number, fires `31W` on a 30th before a Saturday,
searches `L-30W` for ever, and ends a hundred years from now.

Five fields are unix's, as in crontab(5) of Vixie's cron, at second 0. Weekdays are 0-7 from Sunday to Sunday. A day
must match one of the day fields when both are restricted, and both of them when one begins with a star: so
`0 0 */2 * 1` is every Monday with an odd day, which `0 0 1-31/2 * 1` is not. Vixie reads `5/15` as 5, and refuses
ranges that wrap; here both are as in Quartz, and so are L, W and #.
"""

from .day_items import read_month_days, read_week_days
from .days import Days
from .errors import CronError
from .expression import CronExpression
from .fields import DAYS_OF_MONTH, DAYS_OF_WEEK, HOURS, MINUTES, MONTHS, SECONDS, YEARS, Field
from .hashing import resolve
from .items import read_items
from .layout import DAY_MODES, LONGEST_TEXT, DayMode, Layout, lay_out
from .rules import EVERY_DAY, EVERY_WEEKDAY, BothDays, DayRule, MonthDays, both_days, either_days
from .times import TimesOfDay
from .words import Word

_SECOND_0 = 1
_OPEN = ("*", "?")  # as a whole day field: it leaves the day to the other one


def parse(text: str, *, key: str | None = None, days: DayMode | None = None) -> CronExpression:
    """The expression that `text` says.

    key: what H is hashed from, such as "default/report"; without one, H is an error.
    days: how two restricted day fields count: a day matches both ("and") or at least one ("or"). The text can say
    the same by a prefix, `DAYS=and`, as canonical texts do.

    Raises CronError, and nothing else, for whatever isn't an expression; ValueError for an unknown `days`.
    """
    if days is not None and days not in DAY_MODES:
        raise ValueError(f"days: {days!r} is not one of {', '.join(DAY_MODES)}")
    layout = lay_out(text)
    if days is not None and layout.days not in (None, days):
        raise CronError(f"DAYS={layout.days} contradicts the {days!r} that is given beside it", text)
    days = days or layout.days
    items = {
        field: [resolve(field, item, key) for item in word.split(",")]
        for field, word in zip(layout.fields, layout.words, strict=False)
    }
    seconds, minutes, hours = (_values(field, items) for field in (SECONDS, MINUTES, HOURS))
    rule = _day_rule(layout, items, days)
    months, years = (_values(field, items) for field in (MONTHS, YEARS))
    named = Days(rule=rule, months=months, years=years)
    if named.next_from(0) is None:
        raise _never(layout, rule)
    return CronExpression(
        times=TimesOfDay(seconds=seconds, minutes=minutes, hours=hours),
        days=named,
        text=_resolved(items, days, text),
    )


def _values(field: Field, items: dict[Field, list[Word]]) -> int:
    """The set of a field's values; a field that isn't written has its usual ones."""
    if field in items:
        return read_items(field, items[field])
    return _SECOND_0 if field is SECONDS else field.all


def _day_rule(layout: Layout, items: dict[Field, list[Word]], mode: DayMode | None) -> DayRule:
    month_word, week_word = layout.word(DAYS_OF_MONTH), layout.word(layout.week)
    if layout.is_unix:
        for word, field in (month_word, DAYS_OF_MONTH), (week_word, layout.week):
            if word.text == "?":
                raise word.error(field, "is for the six or seven fields of Quartz; write *")
        mode = mode or ("and" if "*" in (month_word.text[0], week_word.text[0]) else "or")
    month_is_open, week_is_open = month_word.text in _OPEN, week_word.text in _OPEN
    month = EVERY_DAY if month_is_open else read_month_days(items[DAYS_OF_MONTH])
    week = EVERY_WEEKDAY if week_is_open else read_week_days(layout.week, items[layout.week])
    if not layout.is_unix:
        _check_question_marks(month_word, week_word, mode)
    both = month_is_open or week_is_open or mode == "and"
    return both_days(month, week) if both else either_days(month, week)


def _check_question_marks(month_word: Word, week_word: Word, mode: DayMode | None) -> None:
    marks = (month_word.text, week_word.text).count("?")
    if marks == 2:
        raise week_word.error(DAYS_OF_WEEK, "cannot stand in both day-of-month and day-of-week; write * for one")
    if marks == 0 and mode is None:
        problem = "cannot stand beside a day-of-month; one of the two must be ?, as in 0 0 12 * * ?"
        raise week_word.error(DAYS_OF_WEEK, f"{problem}, unless days says how both count (and, or)")


def _never(layout: Layout, rule: DayRule) -> CronError:
    month_word, week_word = layout.word(DAYS_OF_MONTH), layout.word(layout.week)
    problem = "in the months and years given, so nothing would ever fire"
    if isinstance(rule, MonthDays):
        return month_word.error(DAYS_OF_MONTH, f"never occurs {problem}")
    also = f" on a day-of-month of {month_word.text}" if isinstance(rule, BothDays) else ""
    return week_word.error(layout.week, f"never occurs{also} {problem}")


def _resolved(items: dict[Field, list[Word]], days: DayMode | None, text: str) -> str:
    """The text with values in place of H, so that it says the same without the key."""
    words = [",".join(item.text for item in word) for word in items.values()]
    resolved = " ".join([f"DAYS={days}", *words] if days else words)
    if len(resolved) > LONGEST_TEXT:
        problem = f"with H and days written out it has {len(resolved)} characters, more than {LONGEST_TEXT}"
        raise CronError(problem, text)
    return resolved
