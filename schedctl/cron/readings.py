"""How another library reads a text, said in our own language.

A reading is a guess: a text and policies of ours that, by a rule of that library, would mean what the library means.
Whether it does is found out by comparing fires (`compare`); so a rule is never blamed that is not at work.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

from schedctl.cron.libraries import Library
from schedctl.cron.options import Days, Gap, Overlap
from schedctl.cron.unix import WEEKDAYS

FIVE = 5


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A text and policies of ours; `rules` are the library's rules that it takes up, each as a sentence."""

    text: str
    days: Days | None = None
    gap: Gap = "after"
    overlap: Overlap = "first"
    rules: tuple[str, ...] = ()


def readings(library: Library, text: str) -> list[Reading]:
    """The readings of the text that the library may have, those with the fewest rules first."""
    found = [
        clocked
        for laid_out in _layouts(library, text)
        for joined in _joins(library, laid_out)
        for clocked in _clocks(library, joined)
    ]
    return sorted(found, key=lambda reading: len(reading.rules))


def refusal(library: Library, text: str) -> str | None:
    """What the library does not have, where that is the reason that it refuses the text."""
    words = text.split()
    if text.startswith("@"):
        return None if library is Library.CRONITER else f"{library} has no macros"
    if len(words) != FIVE:
        return _REFUSED_LENGTHS[library]
    for pattern, reason in _REFUSED[library]:
        if any(pattern.search(_without_names(word)) for word in (words[2], words[4])):
            return f"{library} has no {reason}"
    return None


_REFUSED_LENGTHS = {
    Library.APSCHEDULER: "apscheduler reads a text of five fields; seconds are an argument of its CronTrigger",
    Library.CRONITER: "croniter takes six and seven fields with the seconds sixth and the year seventh",
    Library.CRONSIM: "cronsim takes five fields, or six with the seconds first, and no year",
}
_W = re.compile("W", re.IGNORECASE)
_REFUSED: dict[Library, list[tuple[re.Pattern[str], str]]] = {
    Library.APSCHEDULER: [(re.compile("[LW#?]", re.IGNORECASE), "L, W, # or ? in a crontab's text")],
    Library.CRONITER: [
        (re.compile("L-|LW", re.IGNORECASE), "L-n and no LW"),
        (_W, "lists with W"),
        (re.compile("[0-9]L", re.IGNORECASE), "5L for the last Friday: it writes L5"),
        (re.compile("#"), "lists of plain and nth weekdays"),
    ],
    Library.CRONSIM: [
        (re.compile("L-", re.IGNORECASE), "L-n"),
        (re.compile("[0-9]W", re.IGNORECASE), "nW"),
        (re.compile(r"\?"), "?"),
    ],
}


def _layouts(library: Library, text: str) -> Iterator[Reading]:
    """The text as it stands, and with its fields as the library takes them."""
    yield Reading(text=text)
    words = text.split()
    if len(words) == FIVE:
        month_days, week_days = words[2], words[4]
        if library is Library.APSCHEDULER and (named := _named(week_days, first=1)) != week_days:
            rule = f"apscheduler counts weekdays from 0 = Monday: {week_days} is {named}; here, as in unix, 0 is Sunday"
            yield Reading(text=" ".join([*words[:4], named]), rules=(rule,))
        yield from _slips(library, words)
        if library is Library.CRONITER:
            swapped = re.sub(r"\bL([0-7])\b", r"\1L", week_days, flags=re.IGNORECASE)
            if swapped != week_days:
                rule = f"croniter writes the last of a weekday as {week_days}; here it is {swapped}"
                yield Reading(text=" ".join([*words[:4], swapped]), rules=(rule,))
            if "?" in (month_days, week_days):
                marked = " ".join("*" if word == "?" else word for word in words)
                yield Reading(text=marked, rules=("croniter reads ? as * in five fields; here it is for six or seven",))
    elif library is Library.CRONITER and len(words) in (6, 7):
        minute, hour, month_days, month, week_days, second, *year = words
        moved = [second, minute, hour, month_days, month, _named(week_days, first=0), *year]
        rule = "croniter takes the sixth field for the seconds; here six fields are Quartz's, with the seconds first"
        yield Reading(text=" ".join(moved), days="or", rules=(rule,))
    elif library is Library.CRONSIM and len(words) == 6:
        named = _named(words[5], first=0)
        rule = (
            "cronsim counts weekdays from 0 = Sunday in six fields as well, and has no ?; here six fields are"
            " Quartz's, in which 1 is SUN and one of the day fields is ?"
        )
        starred = any(word.startswith("*") for word in (words[3], words[5]))
        yield Reading(text=" ".join([*words[:5], named]), days="and" if starred else "or", rules=(rule,))


def _slips(library: Library, words: list[str]) -> Iterator[Reading]:
    """Items that the library takes, and that mean what nobody would expect."""
    if library is Library.CRONITER:
        whole = [re.sub(r"([0-9]+)-\1", "*", word) if re.fullmatch(r"([0-9]+)-\1", word) else word for word in words]
        if whole != words:
            yield Reading(text=" ".join(whole), rules=("croniter takes a range of one value for the whole field",))
    if library is Library.APSCHEDULER:
        bare = [re.sub(r"([A-Z]{3})[#/][0-9]+", r"\1", word, flags=re.IGNORECASE) for word in words]
        if bare != words:
            yield Reading(text=" ".join(bare), rules=("apscheduler passes over a # or a step that follows a name",))
    else:
        first = [
            low if (step := re.fullmatch(r"\*/([0-9]+)", word)) and int(step[1]) > largest else word
            for word, low, largest in zip(words, "00110", (59, 23, 31, 12, 7), strict=True)
        ]
        if first != words:
            rule = f"{library} allows steps that leave the field, of which only the first value is in it"
            yield Reading(text=" ".join(first), rules=(rule,))


def _joins(library: Library, reading: Reading) -> Iterator[Reading]:
    """Day fields joined by the library's rule; only five fields are joined by one of ours."""
    yield reading
    words = reading.text.split()
    if len(words) != FIVE or "*" in (words[2], words[4]):
        return
    if library is Library.APSCHEDULER:
        rule = "apscheduler asks a day to match day-of-month and day-of-week; unix, and so we, take a day of either"
        yield replace(reading, days="and", rules=(*reading.rules, rule))
    if library is Library.CRONITER:
        rule = (
            "croniter takes a day of either day field, unless one is just *; in unix, and so here, a day has to match"
            " both when one begins with *"
        )
        yield replace(reading, days="or", rules=(*reading.rules, rule))


def _clocks(library: Library, reading: Reading) -> Iterator[Reading]:
    gaps: dict[Gap, str] = {"after": "", "skip": f"{library} does not fire for a local time that does not exist"}
    overlaps: dict[Overlap, str] = {
        "first": "",
        "second": f"{library} fires at the second of two equal local times",
        "both": f"{library} fires at both of two equal local times",
    }
    for gap, overlap in product(gaps, overlaps):
        rules = tuple(filter(None, (gaps[gap], overlaps[overlap])))
        yield replace(reading, gap=gap, overlap=overlap, rules=(*reading.rules, *rules))


_NUMBERS = re.compile(r"(?P<first>\*|[0-7])(-(?P<last>[0-7]))?(/(?P<step>[1-7]))?(?P<rest>L|#[1-5])?", re.IGNORECASE)


def _named(week_days: str, *, first: int) -> str:
    """A day-of-week with names in place of its numbers, where 0 is weekday `first` (0 is Sunday)."""
    return ",".join(_named_item(item, first) for item in week_days.split(","))


def _named_item(item: str, first: int) -> str:
    match = _NUMBERS.fullmatch(item)
    if match is None or item == "*":
        return item
    star = match["first"] == "*"
    start = 0 if star else int(match["first"])
    stop = int(match["last"]) if match["last"] else 6 if star or match["step"] else start
    names = [WEEKDAYS[(number + first) % 7] for number in range(start, stop + 1, int(match["step"] or 1))]
    if not names:
        return item
    if match["last"] and not match["step"] and len(names) > 2:
        return f"{names[0]}-{names[-1]}"
    return ",".join(name + (match["rest"] or "") for name in names)


def _without_names(word: str) -> str:
    return re.sub("|".join(WEEKDAYS), "", word, flags=re.IGNORECASE)
