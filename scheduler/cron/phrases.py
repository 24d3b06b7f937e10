"""Words for numbers and for sets of values."""

from collections.abc import Callable

from .fields import Field, progression

LONGEST_LIST = 6  # more than these are said as a progression, where they are one


def joined(items: list[str]) -> str:
    """The items as an enumeration: "a", "a and b", "a, b and c"."""
    *others, last = items
    return f"{', '.join(others)} and {last}" if others else last


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th, 21st."""
    teens = number % 100 in (11, 12, 13)
    return str(number) + ("th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th"))


def enumerated(field: Field, mask: int, name: Callable[[int], str] = str) -> list[str]:
    """The values of a set, three or more in a row as "a to b"."""
    items = []
    for first, last in field.runs(mask):
        if first == last:
            items.append(name(first))
        elif last == first + 1:
            items += [name(first), name(last)]
        else:
            items.append(f"{name(first)} to {name(last)}")
    return items


def stepped(field: Field, mask: int, unit: str, name: Callable[[int], str] = str) -> str | None:
    """ "every 7th minute from 0 to 56", for a set that is a progression too long to enumerate."""
    values = field.values(mask)
    step = progression(values)
    if step < 2 or len(values) <= LONGEST_LIST:
        return None
    return f"every {ordinal(step)} {unit} from {name(values[0])} to {name(values[-1])}"


def members(field: Field, mask: int, unit: str) -> str:
    """ "every minute", "minute 5", "minutes 5, 25 and 45 to 50", "every 7th minute from 0 to 56"."""
    if mask == field.all:
        return f"every {unit}"
    values = enumerated(field, mask)
    units = unit if mask.bit_count() == 1 else f"{unit}s"
    return stepped(field, mask, unit) or f"{units} {joined(values)}"
