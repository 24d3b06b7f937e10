"""The contract in `jobstore/protocols.py`: terms, the probe, closing."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, timedelta

import pytest

from jobstore.changes import MoveExecution, NewExecution, PutJob, ReleaseTerm
from jobstore.errors import BadChange, ClaimRefused, StaleTerm, StoreUnavailable
from jobstore.model import Term
from jobstore.protocols import JobStore, Records
from jobstore.sql.store import SqlStore
from tests.jobstore.stores import KINDS, fire, job, put, stores, terms, urls
from tests.rig import eventually

url = urls(*KINDS)
store = stores()
term = terms()


def test_it_is_both_protocols(store: SqlStore) -> None:
    as_store: JobStore = store
    as_records: Records = store
    assert as_store is as_records  # type: ignore[comparison-overlap]  # two views of one


def test_the_probe_is_the_stores_present_time(store: SqlStore) -> None:
    first, second = store.probe(), store.probe()
    assert first.tzinfo is UTC
    assert first <= second < first + timedelta(seconds=30)


def test_a_probe_changes_nothing_and_needs_no_term(store: SqlStore) -> None:
    store.probe()
    assert store.begin_term(1, "e", "n").epoch == 1


def test_begin_term_gives_an_epoch_greater_than_every_earlier_one(store: SqlStore) -> None:
    epochs = [store.begin_term(order, "e", f"node-{order}").epoch for order in range(1, 6)]
    assert epochs == sorted(set(epochs))
    assert epochs[0] > 0


def test_begin_term_gives_an_epoch_greater_than_at_least(store: SqlStore) -> None:
    assert store.begin_term(1, "e", "n", at_least=7).epoch > 7
    assert store.begin_term(2, "e", "n", at_least=3).epoch > 8
    assert store.begin_term(3, "e", "n", at_least=2**40).epoch > 2**40


def test_the_term_says_whose_it_is(store: SqlStore) -> None:
    assert store.begin_term(2**62, "e", "n") == Term(epoch=1, node_id="n", order=2**62, ensemble="e")


def test_a_candidate_whose_order_is_lower_than_the_last_ones_is_refused(store: SqlStore) -> None:
    store.begin_term(10, "e", "node-1")
    with pytest.raises(ClaimRefused) as refused:
        store.begin_term(9, "e", "node-2")
    assert (refused.value.order, refused.value.last) == (9, 10)
    with pytest.raises(ClaimRefused):
        store.begin_term(9, "e", "node-1")


def test_another_nodes_claim_of_the_same_order_is_refused(store: SqlStore) -> None:
    store.begin_term(10, "e", "node-1")
    with pytest.raises(ClaimRefused):
        store.begin_term(10, "e", "node-2")


def test_a_refused_claim_changes_nothing(store: SqlStore) -> None:
    held = store.begin_term(10, "e", "node-1")
    with pytest.raises(ClaimRefused):
        store.begin_term(9, "e", "node-2", at_least=50)
    store.commit(held, [])
    assert store.begin_term(11, "e", "node-2").epoch == held.epoch + 1


def test_the_same_node_and_order_may_begin_again_with_a_fresh_epoch(store: SqlStore) -> None:
    first = store.begin_term(10, "e", "node-1")
    again = store.begin_term(10, "e", "node-1")
    assert again.epoch > first.epoch
    with pytest.raises(StaleTerm):
        store.commit(first, [])


def test_another_ensemble_is_accepted_with_any_order_and_remembered(store: SqlStore) -> None:
    first = store.begin_term(10, "old", "node-1")
    second = store.begin_term(3, "new", "node-2")
    assert second.epoch > first.epoch
    with pytest.raises(ClaimRefused):
        store.begin_term(2, "new", "node-3")
    assert store.begin_term(4, "new", "node-3").epoch > second.epoch


def test_after_it_returns_no_write_of_an_earlier_term_is_committed(store: SqlStore, term: Term) -> None:
    report = job()
    put(store, term, report)
    later = store.begin_term(2, "ensemble-1", "node-2")
    with pytest.raises(StaleTerm) as stale:
        put(store, term, fire(report))
    assert (stale.value.epoch, stale.value.present) == (term.epoch, later.epoch)
    assert store.execution(fire(report).id) is None
    put(store, later, fire(report))


def test_a_term_that_never_began_is_stale(store: SqlStore) -> None:
    with pytest.raises(StaleTerm):
        store.commit(Term(epoch=5, node_id="n", order=1, ensemble="e"), [])


def test_no_write_of_an_earlier_term_follows_while_many_write(store: SqlStore, term: Term) -> None:
    """Writers of the first term run into a second one; then none of theirs is there that was refused."""
    report = job()
    put(store, term, report)
    begun = threading.Event()
    written: list[int] = []

    def write(first: int) -> None:
        for number in range(first, first + 500):
            after = begun.is_set()
            try:
                put(store, term, fire(report, report.created + timedelta(seconds=number)))
            except StaleTerm:
                return
            assert not after
            written.append(number)
        raise AssertionError("never refused")

    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(write, 1000 * number) for number in range(3)]
        eventually(lambda: len(written) >= 10 or any(writer.done() for writer in writers))
        store.begin_term(2, "ensemble-1", "node-2")
        begun.set()
        for writer in writers:
            writer.result(60)
    assert {e.scheduled_time for e in store.open_executions(None, 2000)} == {
        report.created + timedelta(seconds=number) for number in written
    }


def test_a_term_is_held_when_at_least_is_an_epoch_that_the_store_never_gave_out(store: SqlStore) -> None:
    assert store.begin_term(1, "e", "n").held == ""
    store.begin_term(2, "e", "n", at_least=1)
    ahead = store.begin_term(3, "e", "n", at_least=9)
    assert (ahead.epoch, ahead.held) == (
        10,
        "the store went back to an earlier time: an executor has seen epoch 9, and the store only 2",
    )


def test_a_term_is_held_when_the_stores_own_last_epoch_is_known_as_anothers(store: SqlStore) -> None:
    first = store.begin_term(1, "e", "n")
    assert store.begin_term(1, "e", "n", at_least=first.epoch).held


def test_the_first_term_of_an_empty_store_is_held_when_epochs_are_known_elsewhere(store: SqlStore) -> None:
    assert "has seen epoch 7" in store.begin_term(1, "e", "n", at_least=7).held


def test_a_refused_claim_holds_nothing(store: SqlStore) -> None:
    store.begin_term(10, "e", "node-1")
    with pytest.raises(ClaimRefused):
        store.begin_term(9, "e", "node-2", at_least=50)
    assert store.begin_term(11, "e", "node-2").held == ""


def test_each_later_term_is_held_until_one_commits_release_term(store: SqlStore) -> None:
    first = store.begin_term(1, "e", "node-1", at_least=5)
    again = store.begin_term(2, "e", "node-2")
    other = store.begin_term(1, "another", "node-3")
    assert first.held == again.held == other.held != ""
    with pytest.raises(StaleTerm):
        store.commit(again, [ReleaseTerm()])
    assert store.begin_term(2, "another", "node-3").held == first.held
    present = store.begin_term(3, "another", "node-3")
    report = job()
    store.commit(present, [PutJob(report), ReleaseTerm(), NewExecution(fire(report))])
    assert store.execution(fire(report).id) is not None
    store.commit(present, [])
    assert store.begin_term(4, "another", "node-3").held == ""


def test_a_release_that_is_not_committed_releases_nothing(store: SqlStore) -> None:
    held = store.begin_term(1, "e", "node-1", at_least=5)
    with pytest.raises(BadChange):
        store.commit(held, [ReleaseTerm(), MoveExecution(fire(job()))])
    assert store.begin_term(2, "e", "node-1").held


def test_a_second_find_tells_of_itself(store: SqlStore) -> None:
    store.begin_term(1, "e", "node-1", at_least=5)
    assert "epoch 50" in store.begin_term(2, "e", "node-1", at_least=50).held


def test_hold_ends_the_present_term_and_holds_those_that_follow(store: SqlStore) -> None:
    present = store.begin_term(5, "e", "node-1")
    store.hold("restored from tape")
    with pytest.raises(StaleTerm):
        store.commit(present, [])
    later = store.begin_term(5, "e", "node-1")
    assert (later.epoch, later.held) == (present.epoch + 2, "restored from tape")


def test_an_empty_store_can_be_held(store: SqlStore) -> None:
    store.hold("restored from tape")
    assert store.begin_term(0, "e", "node-1").held == "restored from tape"


def test_close_lets_go_of_all_connections_and_is_idempotent(store: SqlStore) -> None:
    store.probe()
    store.close()
    store.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        store.probe()
