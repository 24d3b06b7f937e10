"""From text to a CronExpression.

    expression = seconds minutes hours day-of-month month day-of-week [year]
    field      = "?" | item {"," item}
    item       = ("*" | "" | value) "/" step | "*" | value ["-" value ["/" step]]

What Quartz accepts of it means the same here; exactly one of day-of-month and day-of-week is "?", as in
Quartz (`org.quartz.CronExpression.buildExpression`). Two of its slips are not copied: it ignores the step of
`MON-FRI/2`, and lets a range have a step of any size.
"""

import re

from .days import EVERY_DAY, DayRule, Days, MonthDays, WeekDays
from .errors import CronError
from .expression import LONGEST_TEXT, CronExpression
from .fields import DAYS_OF_MONTH, DAYS_OF_WEEK, HOURS, MINUTES, MONTHS, QUARTZ, SECONDS, YEARS, Field
from .times import TimesOfDay
from .words import Word, split

_ITEM = re.compile(r"(?P<first>\*|[0-9]+|[A-Za-z]+)?(?:-(?P<last>[0-9]+|[A-Za-z]+))?(?:/(?P<step>[0-9]+))?")

# Kinds of items that Quartz knows and this language does not yet: the fields that have them, name, and shape.
_NOT_YET = (
    (QUARTZ, "H", re.compile(r"H(\(.*\))?(/.*)?", re.IGNORECASE)),
    ((DAYS_OF_MONTH,), "L", re.compile(r"L(-.*)?", re.IGNORECASE)),
    ((DAYS_OF_MONTH,), "W", re.compile(r"([0-9]+|L(-.*)?)W", re.IGNORECASE)),
    ((DAYS_OF_WEEK,), "L", re.compile(rf"([0-9]|{'|'.join(DAYS_OF_WEEK.names)})?L", re.IGNORECASE)),
    ((DAYS_OF_WEEK,), "#", re.compile(r".*#.*")),
)


def parse(text: str) -> CronExpression:
    """The expression that `text` says. Raises CronError, and nothing else, for whatever isn't one."""
    words = _words(text)
    seconds, minutes, hours = (
        _values(field, word) for field, word in zip((SECONDS, MINUTES, HOURS), words, strict=False)
    )
    rule = _day_rule(words[3], words[5])
    months = _values(MONTHS, words[4])
    years = _values(YEARS, words[6]) if len(words) == len(QUARTZ) else YEARS.all
    days = Days(rule=rule, months=months, years=years)
    if days.next_from(0) is None:
        unspecified, word = (DAYS_OF_MONTH, words[3]) if words[5].text == "?" else (DAYS_OF_WEEK, words[5])
        raise word.error(unspecified, "never occurs in the months and years given, so nothing would ever fire")
    return CronExpression(
        times=TimesOfDay(seconds=seconds, minutes=minutes, hours=hours),
        days=days,
        text=" ".join(word.text for word in words),
    )


def _words(text: str) -> list[Word]:
    """The six or seven words of `text`, one a field."""
    if len(text) > LONGEST_TEXT:
        raise CronError(f"{len(text)} characters are more than {LONGEST_TEXT}", text)
    words = split(text)
    if not words:
        raise CronError("it is empty; six or seven fields are needed, as in 0 30 2 * * ?", text)
    first = words[0]
    if first.text.startswith("@"):
        raise first.error(None, "is a macro, which is not supported yet; write the six fields")
    if re.match(r"(CRON_)?TZ=", first.text, re.IGNORECASE):
        raise first.error(None, "names a zone, which is not supported yet here; give the zone beside the expression")
    for word, field in zip(words, QUARTZ, strict=False):
        word.check_characters(field)
    if len(words) == 5:
        problem = "got 5 fields: unix expressions are not supported yet; Quartz has six or seven, seconds first"
        raise CronError(problem, text)
    if len(words) < 6:
        raise CronError(f"got {len(words)} of the six or seven fields; {QUARTZ[len(words)].name} is missing", text)
    if len(words) > 7:
        raise words[7].error(None, f"is too much: got {len(words)} fields, six or seven are allowed")
    return words


def _day_rule(month_word: Word, week_word: Word) -> DayRule:
    if month_word.text == "?" and week_word.text == "?":
        raise week_word.error(DAYS_OF_WEEK, "cannot stand in both day-of-month and day-of-week; write * for one")
    if week_word.text == "?":
        return MonthDays(_values(DAYS_OF_MONTH, month_word))
    if month_word.text == "?":
        weekdays = _values(DAYS_OF_WEEK, week_word)
        return EVERY_DAY if weekdays == DAYS_OF_WEEK.all else WeekDays(weekdays)
    # Both are read all the same: an error inside one of them is the better answer.
    _values(DAYS_OF_MONTH, month_word)
    _values(DAYS_OF_WEEK, week_word)
    raise week_word.error(
        DAYS_OF_WEEK, "cannot stand beside a day-of-month; one of the two must be ?, as in 0 0 12 * * ?"
    )


def _values(field: Field, word: Word) -> int:
    """The set of values that a field's word says."""
    mask = 0
    for item in word.split(","):
        mask |= _item(field, item)
    return mask


def _item(field: Field, item: Word) -> int:
    if not item.text:
        raise item.error(field, f"is not allowed; {field.allowed} is, between commas")
    if item.text == "?":
        raise item.error(field, _misplaced_question_mark(field))
    for fields, feature, pattern in _NOT_YET:
        if field in fields and pattern.fullmatch(item.text):
            raise item.error(field, f"uses {feature}, which is not supported yet")
    match = _ITEM.fullmatch(item.text)
    if match is None:
        raise item.error(field, f"is not a value, a range or a step; {field.allowed} is allowed")
    first, last, step = (item.group(match, name) for name in ("first", "last", "step"))
    if last is not None and (first is None or first.text == "*"):
        raise item.error(field, f"is not a range; {field.allowed} is allowed at both ends")
    if first is None and step is None:
        raise item.error(field, f"says nothing; {field.allowed} is allowed")
    every = 1 if step is None else _step(field, step)
    if first is None or first.text == "*":
        return field.range(field.low, field.high, every)
    start = _value(field, first)
    if last is not None:
        end = _value(field, last)
        if end < start and not field.wraps:
            raise item.error(field, f"runs backwards; a range of {field.name} cannot wrap")
        return field.range(start, end, every)
    # `7/6` runs to the field's end, and never beyond.
    return field.range(start, start if step is None else field.high, every)


def _value(field: Field, word: Word) -> int:
    if not word.text.isdigit():
        value = field.names.get(word.text.upper())
        if value is None:
            raise word.error(field, f"is not a name here; {field.allowed} is allowed")
        return value
    value = int(word.text)
    if not field.low <= value <= field.high:
        hint = " (1 is SUN, 7 is SAT)" if field is DAYS_OF_WEEK else ""
        raise word.error(field, f"is not in {field.low}-{field.high}{hint}")
    return value


def _step(field: Field, word: Word) -> int:
    step = int(word.text)
    if not 1 <= step <= field.largest_step:
        raise word.error(field, f"is not a step; 1-{field.largest_step} is allowed")
    return step


def _misplaced_question_mark(field: Field) -> str:
    if field in (DAYS_OF_MONTH, DAYS_OF_WEEK):
        return "stands for the whole field; it cannot be an item of a list"
    return f"is for day-of-month and day-of-week only; {field.allowed} is allowed, or *"
