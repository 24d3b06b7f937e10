"""The checker against a tiny perfect scheduler: any history is clean, and any one corruption is found."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from tests.gate.checker import check
from tests.gate.checker_made import OFFSET, START, Book, at
from tests.gate.checker_simulator import LENGTH, Simulator
from tests.gate.oracle_schedules import instant
from tests.gate.verdict import Kind

RUNS = 75
Row = dict[str, Any]


def simulated(seed: int) -> tuple[Random, Book]:
    dice = Random(seed)
    return dice, Simulator(dice).play()


@pytest.mark.parametrize("first", range(0, RUNS, 25))
def test_a_perfect_run_is_clean_whatever_was_called(first: int) -> None:
    for seed in range(first, first + 25):
        _, made = simulated(seed)
        failures = check(made.logs()).failures
        assert failures == (), (seed, failures[0])


def ran(made: Book, dice: Random) -> Row | None:
    """A record of a job that was never edited, that ran, and is not the last of its time."""
    rows = [row for row in made.executions if row["state"] == "succeeded" and sure(made, row)]
    return dice.choice(rows) if rows else None


def sure(made: Book, row: Row) -> bool:
    """Whether no call but the first apply may have changed the job by then, and all is over by the end."""
    scheduled = instant(row["scheduled_time"])
    calls = [line for line in made.history if line["job"] == row["job"]]
    later = [line for line in calls if line["call"] != calls[0]["call"] and line["begin"] <= (scheduled + 2000) * 10**6]
    trigger = calls[0]["manifest"]["spec"]["triggers"][0]
    return not later and -1000 < scheduled - START < LENGTH - 10_000 and "after" not in trigger


def forget_record(made: Book, row: Row) -> None:
    made.executions.remove(row)
    made.world[:] = [line for line in made.world if line["execution"] != row["id"]]


def record_again(made: Book, row: Row) -> None:
    made.executions.append({**row, "id": "again", "state": "skipped", "started": None, "ended": at(LENGTH)})


def record_another(made: Book, row: Row) -> None:
    odd = at(instant(row["scheduled_time"]) - START + 77)
    made.executions.append({**row, "id": "odd", "scheduled_time": odd, "state": "skipped", "missed_count": None})
    made.executions[-1] |= {"dispatched": None, "started": None}


def begin_early(made: Book, row: Row) -> None:
    line = next(line for line in made.world if line["execution"] == row["id"])
    line["boot"] = (instant(row["scheduled_time"]) - OFFSET - 60) * 10**6


def begin_twice(made: Book, row: Row) -> None:
    lines = [line for line in made.world if line["execution"] == row["id"]]
    late = (START + LENGTH - OFFSET) * 10**6
    made.world += [{**line, "boot": late + number, "life": "another"} for number, line in enumerate(lines)]


def never_end(made: Book, row: Row) -> None:
    line = next(line for line in made.world if line["execution"] == row["id"] and line["event"] == "end")
    line["how"] = "failed"


def skip_it(made: Book, row: Row) -> None:
    row |= {"state": "skipped", "started": None}


def lose_it(made: Book, row: Row) -> None:
    row |= {"state": "lost"}


def leave_open(made: Book, row: Row) -> None:
    row |= {"state": "running", "final": False, "ended": None, "check_at": at(LENGTH + 60_000)}


def run_unrecorded(made: Book, row: Row) -> None:
    row |= {"executor_id": "elsewhere"}


@pytest.mark.parametrize(
    ("corrupt", "kinds"),
    [
        (forget_record, {Kind.LOST}),
        (record_again, {Kind.DOUBLED}),
        (record_another, {Kind.UNKNOWN}),
        (begin_early, {Kind.EARLY}),
        (begin_twice, {Kind.RAN_TWICE}),
        (never_end, {Kind.NO_END}),
        (skip_it, {Kind.RAN_THOUGH_NOT}),
        (lose_it, {Kind.WRONGLY_LOST}),
        (leave_open, {Kind.NOT_FINAL}),
        (run_unrecorded, {Kind.UNKNOWN}),
    ],
)
def test_any_one_corruption_is_found(corrupt: Callable[[Book, Row], None], kinds: set[Kind]) -> None:
    tried = 0
    for seed in range(12):
        dice, made = simulated(seed)
        row = ran(made, dice)
        if row is None:
            continue
        tried += 1
        missed = row["missed_count"] is not None
        corrupt(made, row)
        found = {failure.kind for failure in check(made.logs()).failures}
        # what one execution did wrong, it may have done to the next of its job, too
        beside = {Kind.CONCURRENT, Kind.LIVED_ON} if corrupt in (begin_early, begin_twice) else set()
        assert kinds <= found <= kinds | beside, (seed, missed, found)
    assert tried > 5
