"""The load is made from its seed alone, and means what it says."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest

from schedapi.manifest import read_documents
from scheduler.cron import parse
from tests.gate.load import Job, Size, due_rate, edited, make_jobs
from tests.gate.load_history import OK, History
from tests.gate.load_run import operations

SIZE = Size(jobs=2000, rate=40.0, begin=1_795_000_000 * 10**9, seconds=900, longest=40, python="/usr/bin/python3")


@pytest.fixture(scope="module")
def jobs() -> list[Job]:
    return make_jobs(7, SIZE)


def test_the_same_seed_makes_the_same_jobs(jobs: list[Job]) -> None:
    assert make_jobs(7, SIZE) == jobs
    assert make_jobs(8, SIZE) != jobs


def test_every_kind_is_there_at_about_the_rate_that_was_asked_for(jobs: list[Job]) -> None:
    assert len(jobs) == len({job.name for job in jobs}) == SIZE.jobs
    assert {job.schedule.kind for job in jobs} == {"cron", "interval", "daily", "after", "at", "manual"}
    assert 30 < sum(due_rate(jobs)) < 50
    policies = Counter(job.policies["concurrency"]["policy"] for job in jobs)
    assert min(policies.values()) > 200
    assert 500 < sum(job.policies.get("idempotent", False) for job in jobs) < 1100
    kinds = Counter(kind for job in jobs for kind in job.policies["task"])
    assert min(kinds["python"], kinds["shell"]) > 50


def test_every_manifest_can_be_read(jobs: list[Job]) -> None:
    for job in jobs:
        document = {"apiVersion": "sched/v1", "kind": "Job", "metadata": {"name": job.name}, "spec": job.spec()}
        read_documents(json.dumps(document), job.name)


def test_a_cron_means_what_is_said_beside_it(jobs: list[Job]) -> None:
    begin = datetime(2026, 11, 21, 12, tzinfo=UTC)
    crons = [job.schedule for job in jobs if job.schedule.kind == "cron"][:200]
    for schedule in crons:
        assert schedule.trigger is not None
        zone, due = ZoneInfo(schedule.due["zone"]), schedule.due
        cron = parse(schedule.trigger["cron"])
        meant = [
            at
            for at in (begin + timedelta(seconds=second) for second in range(3600))
            if (local := at.astimezone(zone)).second in due["seconds"]
            and (due["minutes"] is None or local.minute in due["minutes"])
        ]
        found, at = [], begin - timedelta(seconds=1)
        while (next_ := cron.next_after(at, zone)) is not None and next_ < begin + timedelta(hours=1):
            found.append(next_)
            at = next_
        assert found == meant, schedule


def test_an_edit_keeps_the_name_and_the_pace(jobs: list[Job]) -> None:
    dice = Random(1)
    for job in jobs[:300]:
        after = edited(job, dice, SIZE)
        assert (after.name, after.pace) == (job.name, job.pace)


def test_operations_follow_each_job_through_its_states(jobs: list[Job]) -> None:
    some = list(islice(operations(Random(3), jobs[:50], SIZE, 1.0), 2000))
    assert some == list(islice(operations(Random(3), jobs[:50], SIZE, 1.0), 2000))
    deleted: set[str] = set()
    for operation in some:
        name = operation.job.name
        assert name not in deleted or operation.what == "apply", "what is deleted is only made again"
        deleted.discard(name)
        if operation.what == "delete":
            deleted.add(name)
    assert {"apply", "pause", "resume", "delete", "run", "run-cancel", "cancel-any"} == {each.what for each in some}


def test_a_small_load_has_no_more_jobs_than_asked_for() -> None:
    assert len(make_jobs(1, replace(SIZE, jobs=20))) == 20


def test_more_long_tasks_are_made_when_asked_for(jobs: list[Job]) -> None:
    def long(some: list[Job]) -> int:
        return sum(job.policies["params"]["seconds"] >= 10 for job in some)

    many = make_jobs(7, replace(SIZE, long=0.25))
    assert long(jobs) < 100
    assert 300 < long(many) < 600
    assert [job.pace for job in many] == [job.pace for job in jobs]
    assert all(job.pace != "fast" for job in many if job.policies["params"]["seconds"] >= 10)


def test_each_call_is_two_lines(tmp_path: Path) -> None:
    history = History(tmp_path / "history.jsonl")
    call = history.begin("pause", "job-1", "id-1", again=3)
    history.end(call, OK, {"revision": 2})
    history.close()
    first, second = map(json.loads, (tmp_path / "history.jsonl").read_text().splitlines())
    assert (first["call"], first["end"], first["outcome"]) == (1, None, None)
    assert second["end"] >= second["begin"] == first["begin"]
    assert (second["job"], second["again"], second["answer"]) == ("gate/job-1", 3, {"revision": 2})
