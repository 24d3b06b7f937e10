"""The pages of the documentation, and what can be taken out of them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced block: its language, its text, and where it begins."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(language: str) -> list[Block]:
    """All blocks of a language, of all pages."""
    found = []
    for page in PAGES:
        text = page.read_text()
        for match in _FENCE.finditer(text):
            if match[1] == language:
                line = text.count("\n", 0, match.start()) + 1
                found.append(Block(page=page, line=line, language=language, text=match[2]))
    return found


def block(language: str, page: str) -> Block:
    """The one block of a language on a page."""
    (found,) = [each for each in blocks(language) if each.page.name == page]
    return found


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", page.read_text())


def spans(page: Path) -> list[str]:
    """What stands in backticks in a page's prose."""
    return [match[1] for match in _SPAN.finditer(_indented(page)[1])]


def _indented(page: Path) -> tuple[list[str], str]:
    """A page's lines that are indented as code, and the rest."""
    code: list[str] = []
    rest: list[str] = []
    for line in prose(page).splitlines():
        (code if line.startswith("    ") else rest).append(line)
    return code, "\n".join(rest)


@dataclass(frozen=True, kw_only=True)
class CommandLine:
    """A command as a page shows it."""

    page: Path
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page.name}: {shlex.join(self.words)}"


PROGRAMS = ("schedctl", "python -m scheduler", "python -m executor", "python -m jobstore")
_COMMAND = re.compile(rf"    ({'|'.join(PROGRAMS)}) (?! )")  # more blanks than one: a drawing


def command_lines() -> list[CommandLine]:
    """The command lines of our programs in all code that is indented, continued lines joined, comments cut."""
    return list(_command_lines())


def _command_lines() -> Iterator[CommandLine]:
    for page in PAGES:
        text = re.sub(r"\\\n\s*", "", "\n".join(_indented(page)[0]))
        for line in text.splitlines():
            if _COMMAND.match(line):
                yield CommandLine(page=page, words=tuple(shlex.split(line, comments=True)))


def anchors(page: Path) -> set[str]:
    """The fragments that GitHub gives to a page's headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
