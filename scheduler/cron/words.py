"""The words of an expression, each of which knows its place in the text."""

import re
from dataclasses import dataclass

from .errors import SHOWN_VALUE, CronError, shown
from .fields import Field

_WORD = re.compile(r"[^ \t]+")  # no other white space separates, as in Quartz


@dataclass(frozen=True, slots=True)
class Word:
    """A part of `source` that begins after `start` characters."""

    text: str
    start: int
    source: str

    def split(self, separator: str) -> "list[Word]":
        """The parts between the separators; they may be empty."""
        parts = []
        start = self.start
        for part in self.text.split(separator):
            parts.append(Word(part, start, self.source))
            start += len(part) + len(separator)
        return parts

    def group(self, match: re.Match[str], name: str) -> "Word | None":
        """A group of a match in this word's text."""
        text = match[name]
        return None if text is None else Word(text, self.start + match.start(name), self.source)

    def check_characters(self, field: Field | None) -> None:
        """Raise CronError if there is anything but printable ASCII."""
        for index, character in enumerate(self.text):
            if character.isascii() and character.isprintable():
                continue
            wrong = "is not ASCII" if character.isprintable() else "is a control or format character"
            allowed = f"; {field.allowed} is allowed" if field else ""
            bad = Word(character, self.start + index, self.source)
            raise bad.error(field, f"(U+{ord(character):04X}) {wrong}{allowed}")

    def error(self, field: Field | None, problem: str) -> CronError:
        """The error that this word has a problem, which is worded to follow it: 25 "is not in 0-23"."""
        subject = shown(self.text, SHOWN_VALUE) or "an empty item"
        return CronError(
            f"{subject} {problem}",
            self.source,
            field=field.name if field else None,
            value=self.text,
            column=self.start + 1,
        )


def split(text: str) -> list[Word]:
    """The words of a text."""
    return [Word(match[0], match.start(), text) for match in _WORD.finditer(text)]
