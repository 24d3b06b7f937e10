"""The chart's values with the comments that stand above them in values.yaml."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

SCHEMA = "@schema "


@dataclass(frozen=True, kw_only=True)
class Value:
    """One key: the names that lead to it, its default, its comment, and what `@schema` says of it beside that.

    `children`: empty for whatever is taken as a whole: a plain value, a list, a map of the user's own keys.
    """

    path: tuple[str, ...]
    default: Any
    comment: str
    schema: dict[str, Any]
    children: tuple["Value", ...]


def read_values(path: Path) -> tuple[Value, ...]:
    """The keys at the top. Raises `ValueError` for a key without a comment where one belongs."""
    text = path.read_text()
    node = yaml.compose(text)
    assert isinstance(node, yaml.MappingNode)
    return tuple(_values(node, yaml.safe_load(text), text.splitlines(), ()))


def _values(
    node: yaml.MappingNode, defaults: dict[str, Any], lines: list[str], above: tuple[str, ...]
) -> Iterator[Value]:
    for key, child in node.value:
        path = (*above, key.value)
        default = defaults[key.value]
        comment, schema = _above(lines, key.start_mark.line)
        children: tuple[Value, ...] = ()
        if isinstance(child, yaml.MappingNode) and child.value and not schema:
            children = tuple(_values(child, default, lines, path))
        if not comment and not children:
            raise ValueError(f"values.yaml line {key.start_mark.line + 1}: {'.'.join(path)} has no comment above it")
        yield Value(path=path, default=default, comment=comment, schema=schema, children=children)


def _above(lines: list[str], line: int) -> tuple[str, dict[str, Any]]:
    """The comment and the `@schema` right above a line."""
    words: list[str] = []
    schema: dict[str, Any] = {}
    while line and (text := lines[line - 1].strip()).startswith("#"):
        line -= 1
        text = text.removeprefix("#").strip()
        if text.startswith(SCHEMA):
            schema = json.loads(text.removeprefix(SCHEMA))
        else:
            words.insert(0, text)
    return " ".join(words), schema
