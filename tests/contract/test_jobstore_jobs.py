"""The contract in `jobstore/changes.py`: jobs and their triggers."""

from dataclasses import replace
from datetime import timedelta

from jobstore.changes import DeleteJob, MoveTrigger, PutJob
from jobstore.model import Term, TriggerRecord
from jobstore.protocols import JobQuery
from jobstore.spec import JobSpec
from jobstore.sql.store import SqlStore
from tests.jobstore.stores import KINDS, SECOND, START, definition, fire, job, put, stores, terms, uid, urls

url = urls(*KINDS)
store = stores()
term = terms()

REPORT = job()
OTHER = job("other")


def test_put_job_writes_a_job_its_present_revision_and_its_triggers(store: SqlStore, term: Term) -> None:
    labels = {"a": "b", "ü": '"\\'}
    fired = TriggerRecord(uid=uid(), name="main", next_fire=START, previous_fire=START - SECOND, fires=2**40)
    since = START - timedelta(microseconds=1)
    written = job(
        labels=labels,
        paused=True,
        paused_since=since,
        triggers=(fired,),
        spec=definition(description="what\n'it' \"is\""),
    )
    put(store, term, written)
    assert store.jobs(JobQuery()) == [written]
    assert store.spec(written.uid, 1) == written.spec
    put(store, term, replace(written, paused=False, paused_since=None))
    assert store.jobs(JobQuery())[0].paused_since is None


def test_triggers_that_a_job_no_longer_has_go(store: SqlStore, term: Term) -> None:
    kept, gone = (TriggerRecord(uid=uid(), name=name, next_fire=START) for name in ("kept", "gone"))
    first = job(spec=_with("kept", "gone"), triggers=(kept, gone))
    put(store, term, first, OTHER)
    new = TriggerRecord(uid=uid(), name="gone", next_fire=START + SECOND, previous_fire=START, error="zone")
    second = replace(first, revision=2, spec=_with("gone", "kept"), triggers=(new, kept))
    put(store, term, second)
    assert store.jobs(JobQuery(names=(("default", "report"),))) == [second]
    assert {t.uid for t in store.due(START + timedelta(days=1), None, 10)} == {
        kept.uid,
        new.uid,
        OTHER.triggers[0].uid,
    }


def test_a_job_may_have_no_triggers(store: SqlStore, term: Term) -> None:
    put(store, term, job())
    first = store.jobs(JobQuery())[0]
    put(store, term, replace(first, revision=2, triggers=(), spec=_with()))
    assert store.jobs(JobQuery())[0].triggers == ()
    assert store.due(START + timedelta(days=1), None, 10) == []


def test_a_job_put_twice_in_one_transaction_is_what_it_is_last(store: SqlStore, term: Term) -> None:
    first = job()
    second = replace(first, revision=2, spec=definition(description="second"))
    put(store, term, first, second)
    assert store.jobs(JobQuery()) == [second]
    assert store.spec(first.uid, 1) == first.spec


def test_delete_job_removes_it_and_its_triggers_but_not_its_revisions(store: SqlStore, term: Term) -> None:
    put(store, term, REPORT, OTHER, fire(REPORT))
    store.commit(term, [DeleteJob(REPORT.uid)])
    assert store.jobs(JobQuery()) == [OTHER]
    assert [t.job_uid for t in store.due(START + SECOND, None, 10)] == [OTHER.uid]
    assert store.spec(REPORT.uid, 1) == REPORT.spec
    assert store.execution(fire(REPORT).id) == fire(REPORT)


def test_a_deleted_name_may_be_made_again_also_in_one_transaction(store: SqlStore, term: Term) -> None:
    put(store, term, REPORT)
    again = job()
    store.commit(term, [DeleteJob(REPORT.uid), PutJob(again)])
    assert store.jobs(JobQuery()) == [again]


def test_changes_are_written_in_their_order(store: SqlStore, term: Term) -> None:
    """A move of a trigger before its job is put is overwritten; one behind it stays."""
    trigger = REPORT.triggers[0]
    put(store, term, REPORT)
    early, late = START + 5 * SECOND, START + 9 * SECOND
    store.commit(term, [MoveTrigger(trigger.uid, early, None, 0), PutJob(REPORT)])
    assert store.jobs(JobQuery())[0].triggers[0].next_fire == START
    store.commit(term, [PutJob(REPORT), MoveTrigger(trigger.uid, late, START, 7, "no zone")])
    assert store.jobs(JobQuery())[0].triggers == (
        TriggerRecord(uid=trigger.uid, name="main", next_fire=late, previous_fire=START, fires=7, error="no zone"),
    )


def test_the_last_move_of_a_trigger_stays(store: SqlStore, term: Term) -> None:
    put(store, term, REPORT)
    trigger = REPORT.triggers[0].uid
    store.commit(term, [MoveTrigger(trigger, START + SECOND, START, 1), MoveTrigger(trigger, None, START, 2)])
    (moved,) = store.jobs(JobQuery())[0].triggers
    assert (moved.next_fire, moved.fires) == (None, 2)


def test_a_move_of_a_trigger_that_is_gone_changes_nothing(store: SqlStore, term: Term) -> None:
    store.commit(term, [MoveTrigger(uid(), START, None, 0)])


def _with(*triggers: str) -> JobSpec:
    return definition(triggers=[{"name": name, "cron": "0 * * * * ?"} for name in triggers])
