"""Jobs and definitions at hand: a bounded cache over the store."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar
from uuid import UUID

import pytest

from jobstore.changes import DeleteJob, PutJob
from jobstore.model import Job
from jobstore.sql.store import SqlStore
from scheduler.definitions import Defaults, compile_definition, compile_triggers
from scheduler.errors import InvalidJob
from scheduler.leader import catalog as module
from scheduler.leader.catalog import Catalog
from tests.scheduler.building import cron, job

T = TypeVar("T")
GONE_STRATEGY = {"strategy": "ofAPluginThatIsGone"}


async def read(ask: Callable[[], T]) -> T:
    return await asyncio.to_thread(ask)


@pytest.fixture
def catalog(store: SqlStore) -> Catalog:
    return Catalog(store, Defaults())


def put(store: SqlStore, *jobs: Job) -> None:
    term = store.begin_term(1, "e", "node-1")
    store.commit(term, [PutJob(each) for each in jobs])


def test_a_job_is_found_by_uid_and_by_name(catalog: Catalog) -> None:
    report = job()
    catalog.put(report)
    assert catalog.knows(report.uid)
    assert catalog.job(report.uid) is report
    assert catalog.named("default", "report") is report
    assert catalog.named("other", "report") is None


def test_what_was_compiled_elsewhere_is_not_compiled_again(catalog: Catalog) -> None:
    report = job(triggers=[cron("hourly"), cron("daily")])
    definition = compile_definition(report.spec, Defaults())
    schedules = compile_triggers(report.spec, "default", "report", catalog.library)
    catalog.put_compiled(report, definition, schedules)
    assert catalog.compile(report) is definition
    assert list(schedules) == ["hourly", "daily"]
    assert all(catalog.schedule(report, name) is each for name, each in schedules.items())
    assert not catalog.has_definition(report.uid, report.revision + 1)


def test_an_older_revision_does_not_replace_a_newer_one(catalog: Catalog) -> None:
    new = job(revision=2)
    catalog.put(new)
    catalog.put(job(revision=1))
    assert catalog.job(new.uid) is new
    same = replace(new, paused=True)
    catalog.put(same)
    assert catalog.job(new.uid) is same


def test_a_deleted_job_is_gone_and_its_name_is_free(catalog: Catalog) -> None:
    catalog.put(job())
    again = job(uid=UUID(int=77))
    catalog.put(again)
    catalog.drop(job().uid)  # the old one goes after the new one came
    assert catalog.named("default", "report") is again
    catalog.drop(again.uid)
    catalog.drop(again.uid)
    assert catalog.named("default", "report") is None
    assert not catalog.knows(again.uid)


def test_the_number_of_jobs_is_bounded_and_the_oldest_go(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_JOBS", 3)
    jobs = [job(uid=UUID(int=number), name=f"job-{number}") for number in range(1, 6)]
    for each in jobs:
        catalog.put(each)
    assert [catalog.knows(each.uid) for each in jobs] == [False, False, True, True, True]
    assert [catalog.named("default", each.name) for each in jobs] == [None, None, *jobs[2:]]
    assert len(catalog._uids) == 3
    catalog.put(jobs[2])
    catalog.put(jobs[0])
    assert [catalog.knows(each.uid) for each in jobs] == [True, False, True, False, True]


async def test_the_number_of_definitions_is_bounded(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_DEFINITIONS", 2)
    catalog = Catalog(store, Defaults())
    jobs = [job(uid=UUID(int=number), name=f"job-{number}") for number in range(1, 4)]
    put(store, *jobs)
    await catalog.fetch_definitions([(each.uid, 1) for each in jobs])
    found = [catalog.definition(each.uid, 1) is not None for each in jobs]
    assert found == [False, True, True]
    catalog.compile(jobs[0])
    assert [catalog.definition(each.uid, 1) is not None for each in jobs] == [True, False, True]


async def test_what_is_not_at_hand_is_read(store: SqlStore, catalog: Catalog) -> None:
    first, second = job(), job(uid=UUID(int=5), name="other", idempotent=True)
    put(store, first, second)
    await catalog.fetch_jobs([first.uid, second.uid, UUID(int=404), first.uid], read)
    assert catalog.job(first.uid) == first
    assert catalog.named("default", "other") == second
    assert not catalog.knows(UUID(int=404))
    await catalog.fetch_definitions([(second.uid, 1), (UUID(int=404), 1)])
    found = catalog.definition(second.uid, 1)
    assert found is not None
    assert found.failover == "rerun"
    assert catalog.definition(UUID(int=404), 1) is None
    assert catalog.definition(first.uid, 1) is None


async def test_a_revision_of_a_deleted_job_can_still_be_read(store: SqlStore, catalog: Catalog) -> None:
    term = store.begin_term(1, "e", "node-1")
    store.commit(term, [PutJob(job()), DeleteJob(job().uid)])
    await catalog.fetch_definitions([(job().uid, 1)])
    assert catalog.definition(job().uid, 1) is not None


async def test_a_definition_that_cannot_be_read_any_more_is_known_as_such(store: SqlStore, catalog: Catalog) -> None:
    poisoned = job(routing=GONE_STRATEGY)
    put(store, poisoned)
    for _ in range(2):  # the second time it is not compiled again
        with pytest.raises(InvalidJob, match="ofAPluginThatIsGone"):
            catalog.compile(poisoned)
    assert catalog.definition(poisoned.uid, 1) is None
    fresh = Catalog(store, Defaults())
    await fresh.fetch_definitions([(poisoned.uid, 1)])
    assert fresh.definition(poisoned.uid, 1) is None


def test_a_definition_is_compiled_once_with_the_clusters_defaults(store: SqlStore) -> None:
    catalog = Catalog(store, Defaults(max_attempts=5))
    report = job(triggers=[cron()])
    found = catalog.compile(report)
    assert found.max_attempts == 5
    assert catalog.compile(report) is found
    assert catalog.definition(report.uid, 1) is found
