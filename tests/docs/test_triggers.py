"""What docs/triggers.md says about fires is so."""

import heapq
import re
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format

from jobstore.trigger_spec import QUARTZ_MISFIRE
from schedapi.manifest import read_documents
from scheduler.calendars import read_calendar
from scheduler.calendars.library import Library
from scheduler.cron import parse
from scheduler.definitions import compile_triggers, read_spec
from scheduler.misfire import POLICIES
from scheduler.schedules import Schedule
from tests.docs.pages import ROOT, Block, block, blocks

PAGE = ROOT / "docs" / "triggers.md"
TEXT = PAGE.read_text()


def _examples() -> Iterator[tuple[Block, Block]]:
    """Each list of fires, with the manifest above it."""
    manifests = [each for each in blocks("yaml") if each.page == PAGE]
    for fires in blocks("fires"):
        yield max((each for each in manifests if each.line < fires.line), key=lambda each: each.line), fires


EXAMPLES = list(_examples())


def _documents(manifest: Block, folder: Path) -> list[dict[str, Any]]:
    """Its documents, with the files that they name as the page shows them."""
    for name in re.findall(r"ics: \{file: ([\w.-]+)\}", manifest.text):
        (folder / name).write_text(block("ics", PAGE.name).text.replace("\n", "\r\n"))
    return [json_format.MessageToDict(each.message) for each in read_documents(manifest.text, str(manifest), folder)]


def _schedules(manifest: Block, folder: Path) -> dict[str, tuple[Schedule, int | None]]:
    """The schedules that have due times of their own, and how many of these there may be."""
    documents = _documents(manifest, folder)
    calendars = {
        ("default", each["metadata"]["name"]): read_calendar(each["spec"])
        for each in documents
        if each["kind"] == "Calendar"
    }
    (job,) = [each for each in documents if each["kind"] == "Job"]
    spec = read_spec(job["spec"])
    schedules = compile_triggers(spec, "default", job["metadata"]["name"], Library(calendars))
    return {each.name: (schedules[each.name], each.max_fires) for each in spec.triggers if each.after is None}


def _fires(schedule: Schedule, most: int | None, name: str, after: datetime) -> Iterator[tuple[datetime, str]]:
    at = schedule.next_after(after)
    while at is not None and most != 0:
        yield at, name
        at, most = schedule.next_after(at), None if most is None else most - 1


def test_there_are_examples_of_all_that_is_due_by_itself() -> None:
    shown = "".join(manifest.text for manifest, _ in EXAMPLES)
    for word in ("cron", "interval", "calendarInterval", "daily", "at", "calendars", "ics", "overlap", "maxFires"):
        assert f"{word}:" in shown
    assert all(f"{kind}:" in TEXT for kind in ("at", "after", "manual"))


@pytest.mark.parametrize(("manifest", "fires"), EXAMPLES, ids=str)
def test_the_fires_are_as_they_are_shown(manifest: Block, fires: Block, tmp_path: Path) -> None:
    """A list that ends with `none` has them all."""
    first, *lines = fires.text.splitlines()
    start = datetime.fromisoformat(first.removeprefix("after "))
    schedules = _schedules(manifest, tmp_path).items()
    merged = heapq.merge(*(_fires(schedule, most, name, start) for name, (schedule, most) in schedules))
    found = [f"{at:%Y-%m-%dT%H:%M:%SZ} {name}" for at, name in islice(merged, len(lines))]
    assert found == [line.split(": ")[0] for line in lines if line != "none"]


def _table(heading: str) -> list[list[str]]:
    """The cells of the table under a heading."""
    section = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return rows[1:]


def test_quartzs_instructions_are_ours() -> None:
    said = {
        name: ours
        for theirs, ours in _table("Quartz says, we say")
        for name in re.findall(r"MISFIRE_INSTRUCTION_(\w+)", theirs)
    }
    assert {name: ours.strip("`") for name, ours in said.items()} == {
        name: policy for name, policy in QUARTZ_MISFIRE.items() if name != "IGNORE_MISFIRES"
    }
    assert set(QUARTZ_MISFIRE.values()) == set(POLICIES)


EXPRESSIONS = [
    text for theirs, _ in _table("Quartz says, we say") for text in re.findall(r"`(\d+ [^`]* [^`]*)`", theirs)
]


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_quartzs_expressions_are_read(text: str) -> None:
    assert parse(text)


def test_what_the_tables_of_fields_and_parts_show_is_read() -> None:
    for field, place in (("day-of-month", 3), ("day-of-week", 5)):
        (row,) = [row for row in _table("Cron") if row[0] == field]
        for item in re.findall(r"`([^`]*)`", row[2]):
            if (item.isalnum() and item != "H") or "-" in item[1:] or "#" in item:
                words = ["0", "0", "0", "?", "*", "?"]
                words[place] = item
                assert parse(" ".join(words)), item
    for text in re.findall(r"`(0 [^`]*H[^`]*)`", TEXT):
        assert parse(text, key="default/report"), text
