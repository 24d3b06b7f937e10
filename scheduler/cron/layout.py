"""The first look at a text: which words belong to which fields.

text     = [ "DAYS=" ("and" | "or") ] (fields | macro)
fields   = seconds minutes hours day-of-month month day-of-week [year]
         | minutes hours day-of-month month day-of-week
"""

import re
from dataclasses import dataclass
from typing import Literal, get_args

from .errors import SHOWN_VALUE, CronError, ZoneError, shown
from .fields import DAYS_OF_WEEK, QUARTZ, UNIX, UNIX_DAYS_OF_WEEK, Field
from .words import Word, split
from .zones import zone

DayMode = Literal["and", "or"]
DAY_MODES: tuple[DayMode, ...] = get_args(DayMode)

LONGEST_TEXT = 256  # characters; what is longer is refused, so that no text takes long to read

# At their usual times. (In Jenkins they are hashed: write `H H * * *` for that.)
MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_NO_MACROS = {
    "@reboot": "is no time; a manual trigger or the start of a process is what it means",
    "@every": "is no cron expression; an interval trigger (every: 90s) is what it means",
}

_OR_UNIX = "or the five of unix"
_FIELDS = (
    f"five are unix's ({' '.join(field.name for field in UNIX)}), six or seven Quartz's, with the seconds first and"
    " the year last"
)
_OPTION = re.compile(r"(?P<name>DAYS|TZ|CRON_TZ)=(?P<value>.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """The fields of a text in order, with their words. `days` is what a prefix says of the day fields."""

    fields: tuple[Field, ...]
    words: tuple[Word, ...]
    days: DayMode | None

    @property
    def is_unix(self) -> bool:
        return self.fields == UNIX

    @property
    def week(self) -> Field:
        """The field of weekdays, which differ by their numbers."""
        return UNIX_DAYS_OF_WEEK if self.is_unix else DAYS_OF_WEEK

    def word(self, field: Field) -> Word:
        """The word of a field that the layout has."""
        return self.words[self.fields.index(field)]


def lay_out(text: str) -> Layout:
    """The layout of a text. Raises CronError if there is none."""
    if len(text) > LONGEST_TEXT:
        raise CronError(f"{len(text)} characters are more than {LONGEST_TEXT}", text)
    words = split(text)
    days: DayMode | None = None
    while words and (match := _OPTION.fullmatch(words[0].text)):
        prefix = words.pop(0)
        mode = _option(prefix, match)
        if days is not None:
            raise prefix.error(None, "comes after another DAYS=; one is allowed")
        days = mode
    if not words:
        raise CronError(f"it is empty; six or seven fields are needed, as in 0 30 2 * * ?, {_OR_UNIX}", text)
    if words[0].text.startswith("@"):
        return Layout(fields=UNIX, words=_macro(words), days=days)
    fields: tuple[Field, ...] = UNIX if len(words) == len(UNIX) else QUARTZ
    for word, field in zip(words, fields, strict=False):
        word.check_characters(field)
    if len(words) < len(UNIX):
        got = "1 field" if len(words) == 1 else f"{len(words)} fields"
        raise CronError(f"got {got}: {_FIELDS}", text)
    if len(words) > len(QUARTZ):
        extra = words[len(QUARTZ)]
        raise extra.error(None, f"is too much: got {len(words)} fields, six or seven are allowed, {_OR_UNIX}")
    return Layout(fields=fields[: len(words)], words=tuple(words), days=days)


def _option(word: Word, match: re.Match[str]) -> DayMode:
    word.check_characters(None)
    value = word.group(match, "value")
    assert value is not None
    if match["name"].upper() != "DAYS":
        raise _zone_error(value)
    for mode in DAY_MODES:
        if value.text.lower() == mode:
            return mode
    raise value.error(None, f"is not a way to join the day fields; DAYS={' or DAYS='.join(DAY_MODES)} is allowed")


def _zone_error(name: Word) -> CronError:
    """A zone has one place, beside the expression: two could contradict each other."""
    problem = "stands in the text; give the zone beside the expression, as timeZone, and once"
    try:
        zone(name.text)
    except ZoneError as error:
        problem = error.problem
    return CronError(
        f"{shown(name.text, SHOWN_VALUE) or 'the name'} {problem}",
        name.source,
        field="time zone",
        value=name.text,
        column=name.start + 1,
    )


def _macro(words: list[Word]) -> tuple[Word, ...]:
    first, *others = words
    name = first.text.lower()
    if name in _NO_MACROS:
        raise first.error(None, _NO_MACROS[name])
    first.check_characters(None)
    if name not in MACROS:
        raise first.error(None, f"is not one of {', '.join(MACROS)}")
    if others:
        raise others[0].error(None, f"is too much: {first.text} stands alone")
    return tuple(split(MACROS[name]))
