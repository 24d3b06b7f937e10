"""Reading the items of a field that are the same in every field.

item = ["*" | value] "/" step | "*" | value ["-" value ["/" step]]
"""

import re

from .fields import DAYS_OF_MONTH, DAYS_OF_WEEK, Field
from .words import Word

_ITEM = re.compile(r"(?P<first>\*|[0-9]+|[A-Za-z]+)?(?:-(?P<last>[0-9]+|[A-Za-z]+))?(?:/(?P<step>[0-9]+))?")


def read_items(field: Field, items: list[Word]) -> int:
    """The set of values that the items say."""
    mask = 0
    for item in items:
        mask |= read_item(field, item)
    return mask


def read_item(field: Field, item: Word) -> int:
    """The set of values that one item says."""
    if not item.text:
        raise item.error(field, f"is not allowed; {field.allowed} is, between commas")
    if item.text == "?":
        raise item.error(field, _misplaced_question_mark(field))
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
        return field.range(field.low, field.end, every)
    start = read_value(field, first)
    if last is not None:
        end = read_value(field, last)
        if end < start and not field.wraps:
            raise item.error(field, f"runs backwards; a range of {field.name} cannot wrap")
        return field.range(start, end, every)
    # `7/6` runs to the field's end, and never beyond.
    return field.range(start, start if step is None else field.end, every)


def read_value(field: Field, word: Word) -> int:
    """The value that a number or a name says."""
    if not word.text.isdigit():
        value = field.names.get(word.text.upper())
        if value is None:
            raise word.error(field, f"is not a name here; {field.allowed} is allowed")
        return value
    value = int(word.text)
    if not field.low <= value <= field.high:
        raise word.error(field, f"is not in {field.low}-{field.high}{field.hint}")
    return value


def _step(field: Field, word: Word) -> int:
    step = int(word.text)
    if not 1 <= step <= field.largest_step:
        raise word.error(field, f"is not a step; 1-{field.largest_step} is allowed")
    return step


def _misplaced_question_mark(field: Field) -> str:
    if field.name in (DAYS_OF_MONTH.name, DAYS_OF_WEEK.name):
        return "stands for the whole field; it cannot be an item of a list"
    return f"is for day-of-month and day-of-week only; {field.allowed} is allowed, or *"
