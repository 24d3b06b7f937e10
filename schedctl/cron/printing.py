"""What the `cron` commands print: fires with their remarks, and two lists of fires side by side."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from schedctl.cron.compare import Comparison
from schedctl.exits import CommandError, complain
from schedctl.instants import by_clock, in_utc, rfc3339
from schedctl.printing import NOTHING, Output, columns, emit

FIELDS = ("seconds", "minutes", "hours", "dayOfMonth", "month", "dayOfWeek", "year")


@dataclass(frozen=True, kw_only=True)
class Fires:
    """The next fires in a zone: `items`, as many of `count` as there are, and what is to be said of some of them.

    `left_out` says which times clock changes leave out after the last of them, when there are no more.
    """

    zone: ZoneInfo
    count: int
    items: Sequence[datetime]
    remarks: Mapping[datetime, str]
    left_out: str


def fires_values(fires: Fires) -> dict[str, Any]:
    """The fires for programs: `items` are RFC 3339, and so are the keys of `remarks`."""
    return {
        "items": [rfc3339(at, fires.zone) for at in fires.items],
        "remarks": {rfc3339(at, fires.zone): text for at, text in fires.remarks.items()},
    }


def print_fires(fires: Fires) -> None:
    """The fires for people, if there are any."""
    if fires.items:
        rows = [
            (at.astimezone(fires.zone).isoformat(), in_utc(at), fires.remarks.get(at, NOTHING)) for at in fires.items
        ]
        columns((fires.zone.key, "UTC", "REMARK"), rows)


def show_fires(fires: Fires, output: Output) -> None:
    """The fires, for people or for programs."""
    if output is Output.TABLE:
        print_fires(fires)
    else:
        emit(fires_values(fires), output)


def say_if_it_ends(expression: str, fires: Fires) -> None:
    """A list that ends before its count is not cut off: say so. Raises CommandError when there is no fire at all."""
    if not fires.items:
        raise CommandError(over(expression, fires.left_out))
    if len(fires.items) < fires.count:
        complain([f"it fires no more after {rfc3339(fires.items[-1], fires.zone)}{_because(fires.left_out)}"])


def over(expression: str, left_out: str) -> str:
    """What is said of an expression that has no fire left."""
    return f"{expression!r} never fires again{_because(left_out)}"


def _because(left_out: str) -> str:
    return f": {left_out}" if left_out else ""


def fields_values(canonical: Sequence[str]) -> dict[str, str]:
    """The fields of a canonical text by their names, and `days` for how two restricted day fields count."""
    prefix, _, days = canonical[0].partition("DAYS=")
    if prefix:
        return dict(zip(FIELDS, canonical, strict=False))
    return dict(zip(FIELDS, canonical[1:], strict=False)) | {"days": days}


def field_label(name: str) -> str:
    """`dayOfMonth` as the messages of the language have it: `day-of-month`."""
    return re.sub("[A-Z]", lambda letter: f"-{letter[0].lower()}", name)


def show_checked(rows: Sequence[Mapping[str, Any]], output: Output) -> None:
    """The expressions; for people those that are valid, as the others are told on stderr."""
    if output is not Output.TABLE:
        emit({"items": rows}, output)
        return
    valid = [(row["expression"], "ok" if row["firesAgain"] else "over", row["meaning"]) for row in rows if row["valid"]]
    if valid:
        columns(("EXPRESSION", "RESULT", "MEANING"), valid)


def show_comparison(comparison: Comparison, version: str, why: Sequence[str], output: Output) -> None:
    """A comparison, for people or for programs."""
    if output is Output.TABLE:
        _print_comparison(comparison, version, why)
    else:
        emit(_comparison_values(comparison, version, why), output)


def _comparison_values(comparison: Comparison, version: str, why: Sequence[str]) -> dict[str, Any]:
    """A comparison for programs."""
    zone, row = comparison.zone, comparison.first_difference
    return {
        "library": comparison.library.value,
        "version": version,
        "same": comparison.same,
        "ours": [rfc3339(at, zone) for at in comparison.ours.fires],
        "theirs": [rfc3339(at, zone) for at in comparison.theirs.fires],
        "ourError": comparison.ours.error,
        "theirError": comparison.theirs.error,
        "firstDifference": rfc3339(row.at, zone) if row else None,
        "explanation": list(why),
    }


def _print_comparison(comparison: Comparison, version: str, why: Sequence[str]) -> None:
    """A comparison for people: the rows that differ are marked, and a line or more say why."""
    library, zone = comparison.library, comparison.zone
    rows = [
        (
            by_clock(row.at, zone) if row.here else "",
            by_clock(row.at, zone) if row.there else "",
            "" if row.same else "only here" if row.here else "only there",
        )
        for row in comparison.rows
    ]
    if rows:
        columns(("CRONQUORUM", f"{library.upper()} {version}", "DIFFERS"), rows)
    verdict = f"the same for {len(rows)} fires" if comparison.same else "\n".join(why)
    print(f"\n{verdict}" if rows else verdict)
