"""Expressions as they are given: on the command line, or a line each on standard input."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from schedctl.exits import CommandError, ExitCode

STDIN = "-"
LONGEST_INPUT = 1 << 20
"""Bytes of standard input; 10,000 lines of a crontab are half of that."""

LONGEST_FOR_OTHERS = 256
"""Characters, as in our own language: what is longer is not handed on, for not all libraries say no in time."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """An expression, and where it stood, as the beginning of a message."""

    text: str
    place: str = ""


def read_texts(arguments: Sequence[str]) -> list[Given]:
    """The expressions of the arguments; `-` stands for the lines of stdin but blank ones and comments (`#`).

    Raises CommandError when stdin is too long, or no text, or has none.
    """
    found: list[Given] = []
    for argument in arguments:
        if argument != STDIN:
            found.append(Given(text=argument))
            continue
        lines = enumerate(_read_stdin().splitlines(), 1)
        found += [
            Given(text=line.strip(" \t\r"), place=f"line {number}: ")
            for number, line in lines
            if line.strip() and not line.lstrip().startswith("#")
        ]
    if not found:
        raise CommandError("stdin has no expression; one a line is needed", code=ExitCode.USAGE)
    return found


def is_fit_for_others(text: str) -> bool:
    """Whether the text can be handed to another library: not for ever long, and nothing invisible in it."""
    return bool(text.strip()) and len(text) <= LONGEST_FOR_OTHERS and text.isascii() and text.isprintable()


def _read_stdin() -> str:
    content = sys.stdin.buffer.read(LONGEST_INPUT + 1)
    if len(content) > LONGEST_INPUT:
        raise CommandError(f"stdin: longer than {LONGEST_INPUT // 1024} KiB", code=ExitCode.USAGE)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise CommandError(f"stdin: not UTF-8 text (byte {error.start})", code=ExitCode.USAGE) from None
