"""What nodes and executors tell on /metrics, while they work."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from scheduler.failing import BAD
from tests.metrics.conftest import Watched
from tests.metrics.lint import problems, promtool
from tests.rig.waiting import eventually

PARTS = ("leader", "follower", "executor")


def scrape(watched: Watched, part: str) -> str:
    id_ = {"leader": watched.leader, "follower": watched.follower, "executor": "executor-1"}[part]
    status, text = watched.get(id_)
    assert status == 200
    return text


@pytest.mark.parametrize("part", PARTS)
def test_what_is_told_keeps_to_the_rules(watched: Watched, part: str) -> None:
    text = scrape(watched, part)
    assert promtool("check", "metrics", given=text) == ""
    assert problems(text) == []


@pytest.mark.parametrize("part", PARTS)
def test_no_label_has_many_values(watched: Watched, part: str) -> None:
    """Labels are words of ours, but for the namespaces of jobs, of which there are a hundred at most."""
    for family in text_string_to_metric_families(scrape(watched, part)):
        for sample in family.samples:
            words = set(sample.labels) - {"le"}
            assert words <= {"state", "reason", "outcome", "what", "job_namespace", "version", "python_version"}, sample


def test_the_leader_tells_of_what_it_does(watched: Watched) -> None:
    told = watched.values(watched.leader)
    assert told["cronquorum_leader"] == told["cronquorum_store_up"] == 1
    assert told["cronquorum_epoch"] >= 1
    assert told['cronquorum_fires_total{outcome="dispatched"}'] > 0
    assert told['cronquorum_fires_total{outcome="skipped"}'] > 0
    assert told['cronquorum_failed_executions_total{job_namespace="shop"}'] > 0
    assert told['cronquorum_failing_jobs{job_namespace="shop"}'] == 1
    assert told['cronquorum_executors{state="attached"}'] == 1
    assert told["cronquorum_slots"] == 4
    assert told["cronquorum_queue_depth"] == told["cronquorum_overdue_executions"] == 0
    for name in ("lateness_seconds", "duration_seconds", "commit_seconds", "commit_changes"):
        assert told[f"cronquorum_{name}_count"] > 0, name
    assert told["cronquorum_election_duration_seconds_count"] == told["cronquorum_failover_duration_seconds_count"] == 1
    assert told["cronquorum_failover_duration_seconds_sum"] >= told["cronquorum_election_duration_seconds_sum"] > 0
    assert told["cronquorum_event_loop_lag_seconds_count"] > 0


def test_a_follower_tells_nothing_of_what_the_leader_knows(watched: Watched) -> None:
    told = watched.values(watched.follower)
    assert (told["cronquorum_leader"], told["cronquorum_store_up"]) == (0, 1)
    of_terms = {"open_executions", "executors", "failing_jobs", "overdue_executions", "queue_depth", "slots"}
    assert not [name for name in told if name.removeprefix("cronquorum_").partition("{")[0] in of_terms]


def test_an_executor_tells_of_its_work(watched: Watched) -> None:
    told = watched.values("executor-1")
    assert told["cronquorum_executor_slots"] == 4
    assert told["cronquorum_executor_registered"] == told["cronquorum_executor_attached"] == 1
    assert told["cronquorum_executor_epoch"] >= 1
    assert told['cronquorum_executor_outcomes_total{state="succeeded"}'] > 0
    assert told['cronquorum_executor_outcomes_total{state="failed"}'] > 0
    assert told["cronquorum_executor_starts_total"] >= 2
    assert 0 < told["cronquorum_executor_lease_remaining_seconds"] <= 15
    assert told["cronquorum_executor_unwritten_outcomes"] == told["cronquorum_executor_draining"] == 0


def test_what_ended_badly_is_told_by_namespace(watched: Watched) -> None:
    def agree() -> bool:
        told = watched.values(watched.leader)
        by_state = sum(told[f'cronquorum_executions_total{{state="{state}"}}'] for state in BAD)
        return by_state == told['cronquorum_failed_executions_total{job_namespace="shop"}']

    eventually(agree)
