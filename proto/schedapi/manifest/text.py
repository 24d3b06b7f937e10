"""YAML and JSON, read strictly and within bounds: plain dicts, lists, texts, numbers, booleans and None.

The scalars are those of JSON, whatever YAML 1.1 makes of them: `on`, `no`, `2026-01-01`, `12:30` and `0644`
are texts. Anchors and aliases are taken within the bounds; tags and merge keys are not.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from cronquorum.names import shown
from schedapi.manifest.problems import ManifestError, Problem

LONGEST_TEXT = 1024 * 1024
"""Characters of a file: some thousand jobs, read in a few seconds."""

DEEPEST = 32
MOST_KEYS = 1000
MOST_VALUES = 10_000
"""Of one document, aliases counted as often as they are used."""

LARGEST_INTEGER = 2**53
"""Up to here every integer survives the way through JSON's numbers."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT_TAGS = ("!", "tag:yaml.org,2002:str")
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?\.(inf|nan)|nan|[-+]?infinity", re.IGNORECASE)
_JSON_ESCAPE = re.compile(r"\\(?:u(d[89ab][\da-f]{2})\\u(d[c-f][\da-f]{2})|.)", re.IGNORECASE | re.DOTALL)
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


@dataclass(frozen=True, kw_only=True, slots=True)
class Parsed:
    """A document's value, the line from 1 at which it starts, and what is wrong with its text."""

    value: Any
    line: int
    problems: tuple[tuple[str, str], ...]


class ScalarError(ValueError):
    """An unquoted scalar that stands for nothing that JSON has."""


def resolve(text: str) -> Any:
    """What an unquoted scalar stands for. Raises `ScalarError`."""
    if text in _WORDS:
        return _WORDS[text]
    if _NOT_FINITE.fullmatch(text):
        raise ScalarError(f"{shown(text)} is not a finite number; a text needs quotes")
    match = _NUMBER.fullmatch(text)
    if match is None:
        return text
    if match[2] or match[3]:
        number = float(text)
        if not math.isfinite(number):
            raise ScalarError(f"{shown(text)} is too large for a number; a text needs quotes")
        return number
    if len(text) > 20 or abs(int(text)) > LARGEST_INTEGER:
        raise ScalarError(f"{shown(text)} is beyond 2^53, where numbers lose digits: write it as a text")
    return int(text)


def parse(text: str, source: str) -> list[Parsed]:
    """The documents of a text, without the empty ones. Raises `ManifestError` for what is not YAML at all."""
    if len(text) > LONGEST_TEXT:
        raise ManifestError([Problem(source=source, message=f"longer than {LONGEST_TEXT // 1024} KiB")])
    text = text.removeprefix("\ufeff")
    if text.lstrip().startswith("{"):
        text = _JSON_ESCAPE.sub(_joined, text)
    documents: list[Parsed] = []
    builder = _Builder(yaml.parse(text, Loader=_LOADER))
    try:
        documents.extend(builder.documents())
    except yaml.YAMLError as error:
        line, message = _syntax(error, text)
        raise ManifestError([Problem(source=source, field=f"line {line}", message=f"not YAML: {message}")]) from None
    except _BoundError as error:
        raise ManifestError([Problem(source=source, field=f"line {error.line}", message=str(error))]) from None
    return documents


def _joined(match: re.Match[str]) -> str:
    """JSON writes what is beyond 16 bits as two surrogates, which YAML does not know."""
    if match[1] is None:
        return match[0]
    return chr(0x10000 + ((int(match[1], 16) & 0x3FF) << 10) + (int(match[2], 16) & 0x3FF))


def _syntax(error: yaml.YAMLError, text: str) -> tuple[int, str]:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        context = f" ({error.context})" if error.context else ""
        return (mark.line + 1 if mark else 1), f"{error.problem}{context}"
    position = getattr(error, "position", 0)
    return text.count("\n", 0, position) + 1, str(getattr(error, "reason", error))


class _BoundError(Exception):
    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


@dataclass(slots=True)
class _Anchor:
    value: Any = None
    values: int = 0
    keys: int = 0
    height: int = 0
    whole: bool = False


class _Builder:
    """Builds values from the parser's events, one document at a time, counting as it goes."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events

    def documents(self) -> Iterator[Parsed]:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors: dict[str, _Anchor] = {}
                self._values = self._keys = self._deepest = 0
                self._problems: list[tuple[str, str]] = []
                first = next(self._events)
                value = self._node(first, 1)
                if value is not None or self._problems:
                    yield Parsed(value=value, line=_line(first), problems=tuple(self._problems))

    def _node(self, event: Any, depth: int) -> Any:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        self._count(event, depth, values=1)
        before = (self._values - 1, self._keys)
        anchor = _Anchor()
        if event.anchor is not None:
            self._anchors[event.anchor] = anchor
        outside, self._deepest = self._deepest, depth
        if event.tag is not None and event.tag not in _TEXT_TAGS:
            self._problems.append((f"line {_line(event)}", f"tags such as {shown(event.tag)} are not taken"))
        if isinstance(event, yaml.ScalarEvent):
            anchor.value = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            anchor.value = list(self._items(depth))
        else:
            anchor.value = self._mapping(depth)
        anchor.values, anchor.keys = self._values - before[0], self._keys - before[1]
        anchor.height, anchor.whole = self._deepest - depth, True
        self._deepest = max(outside, self._deepest)
        return anchor.value

    def _alias(self, event: Any, depth: int) -> Any:
        anchor = self._anchors.get(event.anchor)
        if anchor is None or not anchor.whole:
            what = "inside of itself" if anchor else "unknown"
            raise _BoundError(f"alias {shown('*' + event.anchor)} is {what}", _line(event))
        self._count(event, depth + anchor.height, values=anchor.values, keys=anchor.keys)
        self._deepest = max(self._deepest, depth + anchor.height)
        return anchor.value

    def _items(self, depth: int) -> Iterator[Any]:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._node(event, depth + 1)

    def _mapping(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            self._count(event, depth, keys=1)
            key = self._node(event, depth + 1)
            value = self._node(next(self._events), depth + 1)
            wrong = ""
            if not isinstance(key, str):
                wrong = f"key {shown(key)} is not a text; put it in quotes"
            elif key == "<<" and not event.style:
                wrong = "merge keys (<<) are not taken"
            elif key in found:
                wrong = f"key {shown(key)} is given twice"
            if wrong:
                self._problems.append((f"line {_line(event)}", wrong))
            else:
                found[key] = value
        return found

    def _scalar(self, event: Any) -> Any:
        if event.style or event.tag is not None:
            return event.value
        try:
            return resolve(event.value)
        except ScalarError as error:
            self._problems.append((f"line {_line(event)}", str(error)))
            return event.value

    def _count(self, event: Any, depth: int, *, values: int = 0, keys: int = 0) -> None:
        self._values += values
        self._keys += keys
        if depth > DEEPEST:
            raise _BoundError(f"nested more than {DEEPEST} deep", _line(event))
        if self._keys > MOST_KEYS:
            raise _BoundError(f"more than {MOST_KEYS} keys in one document", _line(event))
        if self._values > MOST_VALUES:
            raise _BoundError(f"more than {MOST_VALUES} values in one document", _line(event))


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
