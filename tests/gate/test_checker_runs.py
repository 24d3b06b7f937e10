"""Each kind of failure of what ran, of the ledger's states and of the figures, made by hand, and nothing else found."""

from collections.abc import Callable

import pytest

from tests.gate.checker import check
from tests.gate.checker_made import Book, at, boot
from tests.gate.test_checker import book, found, verdict
from tests.gate.verdict import Kind


def begins(made: Book, second: int) -> dict[str, object]:
    return next(line for line in made.world if line["boot"] == boot(second * 1000 + 10))


def early(made: Book) -> None:
    begins(made, 20)["boot"] = boot(19_900)


def recorded_early(made: Book) -> None:
    made.executions[2]["started"] = at(19_990)


def ran_twice(made: Book) -> None:
    made.run(made.executions[2], 21_000, 21_100, executor="executor-1")


def of_no_record(made: Book) -> None:
    made.run({**made.executions[2], "id": "nobody's"}, 21_000, 21_100)


def elsewhere(made: Book) -> None:
    made.executions[2]["executor_id"] = "executor-2"


def no_end(made: Book) -> None:
    made.world.remove(next(line for line in made.world if line["boot"] == boot(20_110)))


def failed(made: Book) -> None:
    next(line for line in made.world if line["boot"] == boot(20_110))["how"] = "failed"


def skipped_and_ran(made: Book) -> None:
    made.executions[2] |= {"state": "skipped", "reason": "overlap"}


def cancelled_and_ran(made: Book) -> None:
    made.executions[2] |= {"state": "cancelled", "started": None}


def lost_for_nothing(made: Book) -> None:
    made.executions[2] |= {"state": "lost"}


def lost_though_journaled(made: Book) -> None:
    made.executions[2] |= {"state": "lost", "ended": at(25_000)}
    made.fault("executor-kill", "executor-1", 22_000, 24_000, guardian=True)


def concurrent(made: Book) -> None:
    begins(made, 30)["boot"] = boot(30_001)
    end = next(line for line in made.world if line["boot"] == boot(20_110))
    end["boot"] = boot(30_500)
    made.executions[2]["ended"] = at(30_500)


def lived_on(made: Book) -> None:
    end = next(line for line in made.world if line["boot"] == boot(20_110))
    made.line("beat", 25_000, end)
    made.line("beat", 25_000, end)
    made.world[-1] |= {"event": "beat"}


def not_final(made: Book) -> None:
    made.executions[2] |= {"state": "running", "final": False, "ended": None, "check_at": at(100_000)}


def past_check(made: Book) -> None:
    made.executions[2] |= {"state": "running", "final": False, "ended": None, "check_at": at(40_000)}


def fire_in_past(made: Book) -> None:
    made.triggers.append({"job_uid": "uid tick", "name": "main", "next_fire": at(30_000), "error": ""})


def set_aside(made: Book) -> None:
    made.triggers.append({"job_uid": "uid tick", "name": "main", "next_fire": None, "error": "no such zone"})


def lower_epoch(made: Book) -> None:
    made.executions[2] |= {"epoch": 2}


def no_bite(made: Book) -> None:
    made.fault("leader-stop", "node-1", 15_000, 20_000, staleRefused=0, recovery=4.0)


def too_slow(made: Book) -> None:
    made.fault("leader-kill", "node-1", 15_000, 20_000, figure=8.0, recovery=9.5)


@pytest.mark.parametrize(
    ("corrupt", "kind"),
    [
        (early, Kind.EARLY),
        (recorded_early, Kind.EARLY),
        (ran_twice, Kind.RAN_TWICE),
        (of_no_record, Kind.UNKNOWN),
        (elsewhere, Kind.UNKNOWN),
        (no_end, Kind.NO_END),
        (failed, Kind.NO_END),
        (skipped_and_ran, Kind.RAN_THOUGH_NOT),
        (cancelled_and_ran, Kind.RAN_THOUGH_NOT),
        (lost_for_nothing, Kind.WRONGLY_LOST),
        (lost_though_journaled, Kind.WRONGLY_LOST),
        (concurrent, Kind.CONCURRENT),
        (lived_on, Kind.LIVED_ON),
        (not_final, Kind.NOT_FINAL),
        (past_check, Kind.PAST_CHECK),
        (fire_in_past, Kind.FIRE_IN_PAST),
        (set_aside, Kind.FIRE_IN_PAST),
        (lower_epoch, Kind.EPOCH_BACK),
        (no_bite, Kind.NO_BITE),
        (too_slow, Kind.TOO_SLOW),
    ],
)
def test_a_failure_is_found_and_nothing_else(corrupt: Callable[[Book], None], kind: Kind) -> None:
    made = book()
    corrupt(made)
    assert found(made) == [kind]


def rerun(made: Book, begin: int, *, until: int | None = 20_110) -> None:
    """The fire of 20 s is lost with its executor, and begins again elsewhere."""
    row = made.executions[2]
    made.world[:] = [line for line in made.world if line["boot"] != boot(20_110)]
    if until is not None:
        made.deaths.append({"pid": begins(made, 20)["pid"], "boot": boot(until), "alive": boot(until)})
    made.fault("executor-kill", "executor-1", 20_100, 24_000)
    made.again(row, "lost", begin, executor_id="executor-2", incarnation="life 2")
    made.run(row, begin + 10, begin + 110)


def test_an_idempotent_one_may_be_run_again_when_its_executor_is_dead() -> None:
    made = book(idempotent=True)
    rerun(made, 22_000)
    assert found(made) == []


def test_one_that_is_not_idempotent_may_not() -> None:
    made = book()
    rerun(made, 22_000)
    assert found(made) == [Kind.RERUN]


def test_two_attempts_at_a_time_overlap() -> None:
    made = book(idempotent=True)
    rerun(made, 22_000, until=23_000)
    told = verdict(made)
    assert [failure.kind for failure in told.failures] == [Kind.OVERLAPPING]
    assert told.failures[0].witness["runs"][0]["known by"] == "its pid was seen dead"


def test_a_final_state_that_changes_is_found() -> None:
    made = book()
    before = made.ledger()
    before["executions"][2] |= {"state": "failed"}
    assert found(made, before) == [Kind.FINAL_CHANGED]
    before = made.ledger()
    before["executions"][2] |= {"state": "running", "final": False}
    assert found(made, before) == []


def test_a_figure_is_not_held_against_a_starved_machine() -> None:
    made = book()
    too_slow(made)
    logs = made.logs()
    stalled = [{"wall": made.faults[0]["begin"] + 10**9, "late": 2.0}]
    told = check(
        type(logs)(**{**{name: getattr(logs, name) for name in logs.__dataclass_fields__}, "machine": stalled})
    )
    assert told.failures == ()
    assert told.failovers[0].starved


def test_what_a_killed_machine_cut_off_is_left_out() -> None:
    made = book()
    made.fault("disk-full", "executor-1", 15_000, 15_000, notMade="only root can")
    told = verdict(made)
    assert (told.failures, told.not_made, told.faults) == ((), (("disk-full", "only root can"),), {})
