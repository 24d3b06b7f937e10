"""`schedctl exec`, `executor` and `cluster`."""

import json

import pytest
from syrupy.assertion import SnapshotAssertion

from schedapi.v1 import cluster_service_pb2
from schedctl import execution
from tests.schedctl.conftest import CommandLine
from tests.schedctl.service import EPOCH, Service

ID = "0193a000-0000-8000-8000-000000000002"


@pytest.fixture
def recorded(applied: CommandLine, service: Service) -> CommandLine:
    """The command line, with four executions on the server; the second has failed, after a first attempt."""
    nightly, hourly = service.jobs["default", "nightly"], service.jobs["team", "hourly"]
    service.execute(nightly, "succeeded")
    failed = service.execute(nightly, "failed", {"mode": "full", "n": 3})
    failed.attempt, failed.retry_count = 2, 1
    earlier = failed.attempts.add(attempt=1, outcome="lost", reason="executor exec-0 was lost", executor_id="exec-0")
    earlier.started.FromDatetime(EPOCH)
    service.execute(hourly, "running").trigger = "hour"
    service.execute(hourly, "pending")
    return applied


@pytest.mark.parametrize(
    "command",
    [
        "exec list",
        "exec list -o json --limit 1",
        f"exec get {ID}",
        f"exec get {ID} -o json",
        f"exec get {ID} -o yaml",
        "job describe nightly",
        "executor list",
        "executor list -o json",
        "cluster status",
        "cluster status -o json",
    ],
)
def test_what_is_printed(command: str, recorded: CommandLine, snapshot: SnapshotAssertion) -> None:
    ended = recorded(*command.split())
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == snapshot


def test_a_table_says_why_a_fire_was_skipped_and_what_a_record_stands_for(
    applied: CommandLine, service: Service, snapshot: SnapshotAssertion
) -> None:
    nightly = service.jobs["default", "nightly"]
    service.execute(nightly, "skipped").reason = "overlap"
    long = service.execute(nightly, "skipped")
    long.reason, long.missed.count = "misfire: 20000 due times were missed, and fireAll has a limit of 10000", 20_000
    service.execute(nightly, "skipped").reason = "deleted while it waited for its jitter"
    service.execute(nightly, "succeeded").missed.count = 18
    assert applied("exec", "list").out == snapshot


def test_the_cluster_status_has_the_leader_and_the_epoch_as_a_number(cli: CommandLine) -> None:
    found = json.loads(cli("cluster", "status", "-o", "json").out)
    assert found["leader"]["nodeId"] == "node-a"
    assert found["epoch"] == 7


HELD = cluster_service_pb2.Held(reason="the store went back", overdue_triggers=3, overdue_times=1200)


@pytest.mark.parametrize("command", ["cluster status", "cluster status -o json"])
def test_a_held_cluster_says_what_it_would_run(
    command: str, cli: CommandLine, service: Service, snapshot: SnapshotAssertion
) -> None:
    service.held = HELD
    ended = cli(*command.split())
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == snapshot


def test_release_asks_or_is_told_yes(cli: CommandLine, service: Service) -> None:
    service.held = HELD
    refused = cli("cluster", "release")
    assert (refused.code, refused.err) == (2, "schedctl: nobody is there to ask: release needs --yes\n")
    assert service.held is not None
    assert cli("cluster", "release", "--yes").out == "cluster released\n"
    assert service.requests[-1].request_id
    again = cli("cluster", "release", "--yes")
    assert (again.code, again.err) == (5, "schedctl: the cluster is not held\n")


def test_executions_are_filtered_and_paged(recorded: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def states(*options: str) -> list[str]:
        found = json.loads(recorded("exec", "list", "-o", "json", *options).out)
        return [each["state"] for each in found["items"]]

    monkeypatch.setattr(execution, "PAGE", 1)
    assert states() == ["pending", "running", "failed", "succeeded"]
    assert states("--limit", "3") == ["pending", "running", "failed"]
    assert states("--job", "team/hourly") == ["pending", "running"]
    assert states("-n", "default") == ["failed", "succeeded"]
    assert states("--job", "hourly", "-n", "team", "--state", "running", "--state", "lost") == ["running"]
    assert states("--job", "hourly") == []


def test_logs_are_printed_as_they_were_written(recorded: CommandLine, service: Service) -> None:
    assert recorded("exec", "logs", ID).out == "one\ntwo\n"
    assert recorded("exec", "logs", ID, "--attempt", "1").code == 0
    assert [each.attempt for each in service.requests] == [0, 1]
    assert recorded("exec", "logs", ID.replace("2", "9")).code == 3


def test_cancel_tells_what_it_did(recorded: CommandLine) -> None:
    running = ID.replace("000002", "000003")
    ended = recorded("exec", "cancel", running, "--reason", "not needed")
    assert ended.out == f"execution {running} cancelling\n"
    ended = recorded("exec", "cancel", ID)
    assert (ended.code, ended.err) == (5, f"schedctl: execution {ID} has ended: failed\n")


def test_a_bad_id_is_named(recorded: CommandLine) -> None:
    ended = recorded("exec", "get", "x\x1b")
    assert (ended.code, ended.err) == (1, "schedctl: id: 'x\\x1b' is not an execution id\n")
