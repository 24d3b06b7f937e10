"""The chart's README: what stands in README.head.md, and a table of all values."""

import json
from collections.abc import Iterable, Iterator

from helm.generate.values import Value


def make_readme(head: str, values: Iterable[Value]) -> str:
    """The whole page."""
    rows = "\n".join(_rows(values))
    return f"{head.rstrip()}\n\n## Values\n\n| value | default | what it is |\n|---|---|---|\n{rows}\n"


def _rows(values: Iterable[Value]) -> Iterator[str]:
    for value in values:
        name = ".".join(value.path)
        if value.children:
            if value.comment:
                yield f"| **{name}** | | {_cell(value.comment)} |"
            yield from _rows(value.children)
        else:
            default = json.dumps(value.default, ensure_ascii=False)
            yield f"| `{name}` | `{_cell(default)}` | {_cell(value.comment)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
