"""Each kind of failure of the records, made by hand: the checker finds it, and nothing else."""

from typing import Any

import pytest

from tests.gate.checker import check
from tests.gate.checker_made import Book, at
from tests.gate.verdict import Kind, Verdict

EVERY = {"interval": {"every": "10s"}}
"""Due at 0, 10, 20, ... s after START, which is a multiple of ten seconds."""
LAST = 50
"""Seconds: what is due later may not be there yet when the ledger is read."""


def book(*, without: tuple[int, ...] = (), **spec: Any) -> Book:
    """A job that fires every ten seconds, and did; `without` some of its times (s)."""
    made = Book()
    made.apply("tick", -5000, EVERY, **spec)
    for second in range(0, LAST + 1, 10):
        if second not in without:
            made.fire("tick", second * 1000)
    return made


def found(made: Book, *earlier: dict[str, object]) -> list[Kind]:
    return [failure.kind for failure in verdict(made, *earlier).failures]


def verdict(made: Book, *earlier: dict[str, object]) -> Verdict:
    return check(made.logs(*earlier))


def test_a_clean_run_is_clean() -> None:
    told = verdict(book())
    assert told.failures == ()
    assert (told.counts["due"], told.counts["records"], told.counts["runs in the world"]) == (6, 6, 6)
    assert all(0.009 < late < 0.011 for late in told.lateness)


# ------------------------------------------------------------------------------------------ records


def test_a_due_time_without_a_record_is_lost() -> None:
    told = verdict(book(without=(20,)))
    assert [failure.kind for failure in told.failures] == [Kind.LOST]
    assert told.failures[0].witness == {"due": at(20_000), "near": [at(10_000), at(30_000)]}


def test_two_records_for_one_due_time_are_doubled() -> None:
    made = book()
    made.fire("tick", 20_000, state="skipped", id="another")
    assert found(made) == [Kind.DOUBLED]


def test_a_record_that_was_never_due_is_unknown() -> None:
    made = book()
    made.fire("tick", 25_000)
    assert found(made) == [Kind.UNKNOWN]


def test_a_record_of_a_job_that_nobody_applied_is_unknown() -> None:
    made = book()
    made.fire("other", 20_000)
    assert found(made) == [Kind.UNKNOWN]


def missed(made: Book, count: int, first: int, last: int) -> None:
    """One record for a range, that began a second after its last due time."""
    row = made.fire(
        "tick",
        last * 1000,
        ran=False,
        missed_count=count,
        missed_first=at(first * 1000),
        missed_last=at(last * 1000),
    )
    made.run(row, last * 1000 + 10, last * 1000 + 110)


def test_a_range_stands_for_its_due_times() -> None:
    made = book(without=(10, 20, 30))
    missed(made, 3, 10, 30)
    told = verdict(made)
    assert (told.failures, told.counts["missed: fireOnce"]) == ((), 3)


def test_a_fold_leaves_out_what_has_a_record_of_its_own() -> None:
    made = book(without=(10, 30))
    missed(made, 2, 10, 30)
    assert found(made) == []


@pytest.mark.parametrize("count", [2, 4])
def test_a_range_that_says_another_number_is_miscounted(count: int) -> None:
    made = book(without=(10, 20, 30))
    missed(made, count, 10, 30)
    assert found(made) == [Kind.MISCOUNTED]


def test_a_due_time_with_a_record_and_in_a_range_is_doubled() -> None:
    made = book(without=(10, 30))
    missed(made, 3, 10, 30)
    assert found(made) == [Kind.DOUBLED]


def test_manual_runs_are_accounted_for() -> None:
    made = book(concurrency={"policy": "allow"})
    calls = [
        made.call("run", "tick", 12_000, 12_020, outcome) for outcome in ("ok", "ok", "refused", "unknown", "unknown")
    ]
    for call in (calls[0], calls[1], calls[3]):
        made.fire("tick", 12_010, id=call["request_id"], origin="manual", request_id=call["request_id"])
    assert found(made) == []
    made.executions[-2] |= {"request_id": "nobody's"}
    assert found(made) == [Kind.LOST, Kind.UNKNOWN]
    made.executions[-2] |= {"request_id": calls[0]["request_id"]}
    assert found(made) == [Kind.DOUBLED, Kind.LOST]


# ------------------------------------------------------------------------------------------ edits


def test_what_is_due_while_an_edit_is_under_way_may_be_there() -> None:
    for without in ((), (20,)):
        made = book(without=(*without, 30, 40, 50))
        made.call("pause", "tick", 19_500, 20_500)
        assert found(made) == [], without


def test_what_is_due_in_a_pause_must_not_be_there() -> None:
    made = book(without=(20, 40, 50))
    made.call("pause", "tick", 15_000, 15_010)
    made.call("resume", "tick", 25_000, 25_010)
    made.call("delete", "tick", 35_000, 35_010)
    assert found(made) == []
    made.fire("tick", 20_000)
    made.fire("tick", 40_000)
    assert found(made) == [Kind.UNKNOWN, Kind.UNKNOWN]


def test_a_call_that_timed_out_may_have_happened_at_any_later_time() -> None:
    for without in ((), (20, 30, 40, 50), (40, 50)):
        made = book(without=without)
        made.call("pause", "tick", 15_000, None)
        assert found(made) == [], without
    made = book(without=(10,))
    made.call("pause", "tick", 15_000, None)
    assert found(made) == [Kind.LOST]


def test_a_try_that_was_answered_says_when_it_was_at_the_latest() -> None:
    made = book(without=(30, 40))
    first = made.call("pause", "tick", 15_000, 16_000, "unknown")
    made.call("pause", "tick", 24_000, 24_010, request_id=first["request_id"])
    assert found(made) == [Kind.UNKNOWN]  # that of 50


# ------------------------------------------------------------------------------------------ after


def test_an_edit_may_make_one_kind_of_schedule_of_another() -> None:
    made = book(without=(40, 50))
    made.apply("tick", 31_000, {"after": "15s"}, revision=2)
    made.fire("tick", 46_005, revision=2)
    assert found(made) == []
    made.fire("tick", 40_000, revision=2)
    assert found(made) == [Kind.UNKNOWN]


def test_what_an_edit_made_a_delay_begins_after_it() -> None:
    def edited(delay: str, pause: int) -> Book:
        made = book(without=(40, 50))
        made.apply("tick", 31_000, {"after": delay}, revision=2)
        made.call("pause", "tick", pause, pause + 10)
        return made

    assert found(edited("15s", 45_000)) == []
    assert found(edited("10s", 45_000)) == [Kind.LOST]


def chain(*seconds: float) -> Book:
    made = Book()
    made.apply("chain", -1000, {"after": "10s"})
    for second in seconds:
        made.fire("chain", round(second * 1000))
    return made


def test_a_delay_counts_from_the_end() -> None:
    assert found(chain(-0.995, 9.125, 19.245, 29.365, 39.485, 49.605)) == []
    assert found(chain(-0.995, 9.125, 19.245, 29.365, 39.485)) == [Kind.LOST]
    assert found(chain(-0.995, 9.125, 19.0, 29.12, 39.24, 49.36)) == [Kind.UNKNOWN]
    assert found(chain()) == [Kind.LOST]
