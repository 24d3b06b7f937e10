"""`schedctl job`: what is shown, what is sent, and how a run ends."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from schedapi.errors import Conflict, DeadlineExceeded, PermissionDenied, ResourceExhausted, Unauthenticated
from schedapi.manifest import plain
from schedctl import job, running
from tests.schedctl.conftest import CommandLine
from tests.schedctl.service import Service


@pytest.mark.parametrize(
    "command",
    [
        "job list",
        "job list -o json",
        "job list -o yaml",
        "job get nightly",
        "job get nightly -o json",
        "job get team/hourly -o yaml",
        "job describe nightly",
    ],
)
def test_what_is_printed(command: str, applied: CommandLine, snapshot: SnapshotAssertion) -> None:
    ended = applied(*command.split())
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == snapshot


def test_global_options_stand_before_the_command_or_after_it(applied: CommandLine) -> None:
    before = applied("-n", "team", "-o", "json", "job", "list")
    after = applied("job", "list", "-n", "team", "-o", "json")
    assert before == after
    assert [each["metadata"]["name"] for each in json.loads(after.out)["items"]] == ["hourly"]


def test_a_list_in_yaml_can_be_applied_again(applied: CommandLine, service: Service, tmp_path: Path) -> None:
    before = {name: each.spec for name, each in service.jobs.items()}
    (tmp_path / "again.yaml").write_text(applied("job", "list", "-o", "yaml").out)
    ended = applied("apply", "-f", str(tmp_path / "again.yaml"))
    assert (ended.code, len(ended.out.splitlines())) == (0, len(before))
    assert {name: each.spec for name, each in service.jobs.items()} == before


def test_an_empty_list_is_printed(cli: CommandLine) -> None:
    assert cli("job", "list", "-o", "yaml").out == ""
    assert json.loads(cli("job", "list", "-o", "json").out) == {"items": []}
    assert cli("job", "list").out == "NAMESPACE  NAME  STATE  NEXT FIRE  LAST\n"


def test_a_long_list_is_read_in_pages(applied: CommandLine, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "PAGE", 1)
    assert len(applied("job", "list").out.splitlines()) == 3
    assert [each.page_token for each in service.requests] == ["", "1"]
    cut = applied("job", "list", "--limit", "1")
    assert len(cut.out.splitlines()) == 2
    assert cut.err == "schedctl: there are more than 1 jobs: use --limit or --selector\n"


def test_pause_and_resume(applied: CommandLine, service: Service) -> None:
    assert applied("job", "pause", "nightly").out == "job default/nightly paused\n"
    assert service.jobs["default", "nightly"].status.state == "paused"
    assert applied("job", "resume", "-n", "team", "hourly").out == "job team/hourly resumed\n"
    assert all(each.request_id for each in service.requests)


def test_delete_asks_or_is_told_yes(applied: CommandLine, service: Service) -> None:
    refused = applied("job", "delete", "nightly")
    assert (refused.code, refused.err) == (2, "schedctl: nobody is there to ask: delete needs --yes\n")
    assert not service.requests
    ended = applied("job", "delete", "nightly", "--yes")
    assert ended.out == "job default/nightly deleted (2 waiting executions cancelled)\n"
    assert applied("job", "delete", "nightly", "--yes").code == 3


def test_run_sends_parameters_as_json_would_have_them(applied: CommandLine, service: Service) -> None:
    given = ["n=3", "f=1.5", "b=true", "z=null", "t=007", "e=", "l=[1, 2]", 'q="3"', "u=a=b", "d=2026-01-01"]
    ended = applied("job", "run", "nightly", *(part for each in given for part in ("--param", each)))
    assert ended.code == 0
    assert ended.out == "execution 0193a000-0000-8000-8000-000000000001 pending\n"
    assert plain(service.requests[0].params) == {
        "n": 3,
        "f": 1.5,
        "b": True,
        "z": None,
        "t": "007",
        "e": "",
        "l": [1, 2],
        "q": "3",
        "u": "a=b",
        "d": "2026-01-01",
    }


@pytest.mark.parametrize(
    ("param", "expected"),
    [
        ("x", "--param: 'x' is not KEY=VALUE"),
        ("=x", "--param: '=x' is not KEY=VALUE"),
        ("x=[1", "--param: x: '[1': line 2: not YAML: did not find expected ',' or ']'"),
        ("x=NaN", "--param: x: 'NaN' is not a finite number"),
        ("x=99999999999999999999", "--param: x: '99999999999999999999' is beyond 2^53"),
        ("x=" + "[" * 100_000, "nested more than 32 deep"),
        ('x={"a": 1, "a": 2}', "--param: x: key 'a' is given twice"),
        ("x=[NaN]", "--param: x: 'NaN' is not a finite number"),
    ],
)
def test_a_bad_parameter_is_refused(param: str, expected: str, applied: CommandLine, service: Service) -> None:
    ended = applied("job", "run", "nightly", "--param", param)
    assert ended.code == 2
    assert expected in ended.err
    assert not service.requests


def test_run_waits_for_the_end(applied: CommandLine, service: Service) -> None:
    ended = applied("job", "run", "nightly", "--wait")
    assert (ended.code, ended.out) == (0, "execution 0193a000-0000-8000-8000-000000000002 succeeded\n")
    service.ends_as = "failed"
    failed = applied("job", "run", "nightly", "--wait", "-o", "json")
    assert failed.code == 8
    assert json.loads(failed.out)["error"]["message"] == "exit code 2"
    failed = applied("job", "run", "nightly", "--wait")
    assert (failed.code, failed.err) == (
        8,
        "schedctl: execution 0193a000-0000-8000-8000-000000000006 failed: exit code 2\n",
    )


def test_run_stops_waiting_in_time_and_still_names_the_execution(applied: CommandLine, service: Service) -> None:
    service.lasts = 30
    ended = applied("job", "run", "nightly", "--wait", "--timeout", "300ms")
    assert ended.code == 7
    assert ended.out == "execution 0193a000-0000-8000-8000-000000000001 pending\n"
    assert len(service.executions) == 1
    assert applied("job", "run", "nightly", "--timeout", "1s").code == 2


def test_run_asks_again_for_what_takes_longer_than_one_call(
    applied: CommandLine, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "LONGEST_WAIT", timedelta(milliseconds=200))
    monkeypatch.setattr(running, "ASKING", 0.01)
    service.lasts = 30
    service.on_get = lambda execution: setattr(execution, "state", "cancelled")
    ended = applied("job", "run", "nightly", "--wait")
    assert ended.code == 8
    assert ended.out == "execution 0193a000-0000-8000-8000-000000000001 cancelled\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PermissionDenied("viewers do not"), 4),
        (Unauthenticated("who are you"), 4),
        (Conflict("revision 3 is current"), 5),
        (DeadlineExceeded("too slow"), 7),
        (ResourceExhausted("too often"), 1),
    ],
)
def test_each_failure_has_its_exit_code_and_one_line(
    error: Exception, code: int, applied: CommandLine, service: Service
) -> None:
    service.failures = [error]  # type: ignore[list-item]  # pytest's parameters lose the class
    ended = applied("job", "get", "nightly")
    assert (ended.code, ended.err, ended.out) == (code, f"schedctl: {error}\n", "")
    assert applied("job", "get", "nobody").code == 3
