"""The client side of triggers and calendars against the real thing: one embedded cluster, each test a namespace."""

import itertools
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from schedapi.manifest import ManifestError
from schedctl.dev import Embedded
from tests.conftest import Spawn
from tests.schedctl.conftest import CommandLine

_numbers = itertools.count(1)

ICS = """BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//tests\r
BEGIN:VEVENT\r
UID:1\r
DTSTAMP:20260101T000000Z\r
DTSTART;VALUE=DATE:21001231\r
END:VEVENT\r
END:VCALENDAR\r
"""

HOLIDAYS = """
apiVersion: sched/v1
kind: Calendar
metadata: {name: holidays}
spec:
  timeZone: Europe/Berlin
  exclude: [{dates: [2100-12-25..2100-12-26]}, {ics: {file: company.ics}}]
"""

REPORT = """
apiVersion: sched/v1
kind: Job
metadata: {name: report}
spec:
  task: {shell: {command: "echo $SCHED_PARAM_MODE"}}
  triggers:
    - {name: nightly, cron: "0 30 2 * 12 ? 2100", timeZone: Europe/Berlin, calendars: [holidays], maxFires: 27}
    - {name: often, interval: {every: 7d}, start: 2100-12-24T12:00:00.500Z, end: 2101-01-01T00:00:00Z}
    - {name: months, calendarInterval: {every: 2, unit: months, from: 2100-10-31T10:00, missingDay: last}}
    - {name: office, daily: {every: 1h, from: 09:00, to: 10:00, days: MON-FRI}, start: 2150-01-01T00:00:00Z}
    - {name: once, at: 2150-03-01T02:30:00Z}
    - {name: by-hand, manual: true, params: {mode: full}}
"""

EARLIER = HOLIDAYS.replace("2100-12-25", "2100-12-01")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Embedded]:
    with Embedded() as embedded:
        yield embedded


@pytest.fixture
def space() -> str:
    """The namespace of this test."""
    return f"test-{next(_numbers)}"


@pytest.fixture
def line(
    offline: CommandLine, cluster: Embedded, space: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """Carries out a command line that succeeds, in a namespace and a folder of this test; returns what it prints."""
    (tmp_path / "company.ics").write_text(ICS, newline="")
    (tmp_path / "holidays.yaml").write_text(HOLIDAYS)
    (tmp_path / "report.yaml").write_text(REPORT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRONQUORUM_ENDPOINT", cluster.address)
    monkeypatch.setenv("CRONQUORUM_NAMESPACE", space)

    def carry_out(*argv: str, code: int = 0) -> str:
        ended = offline(*argv)
        assert ended.code == code, ended
        return ended.out or ended.err

    return carry_out


def test_a_calendar_is_applied_with_its_file_and_can_be_applied_again(line: Callable[..., str], space: str) -> None:
    assert line("apply", "-f", ".") == f"calendar {space}/holidays created\njob {space}/report created\n"
    for form in ("yaml", "json"):
        for kind, name in (("calendar", "holidays"), ("job", "report")):
            Path("again").write_text(line(kind, "get", name, "-o", form))
            assert line("apply", "-f", "again") == f"{kind} {space}/{name} unchanged\n"
    assert "iCalendar of 1 event" in line("calendar", "describe", "holidays")
    assert line("calendar", "list").splitlines()[1].split()[:5] == [space, "holidays", "Europe/Berlin", "2", "0"]
    listed = json.loads(line("calendar", "list", "-o", "json"))["items"]
    assert [each["spec"]["exclude"][1] for each in listed] == [{"ics": {"text": ICS}}]


def test_the_next_fires_leave_calendars_out(line: Callable[..., str]) -> None:
    line("apply", "-f", ".")
    until = json.loads(line("job", "next", "report", "--until", "2100-12-31T23:59:59Z", "-o", "json"))
    assert until["state"] == "active"
    fires = [(each["time"], each["trigger"]) for each in until["items"]]
    assert [time for time, trigger in fires if trigger == "nightly"] == [
        f"2100-12-{day:02}T01:30:00.000Z" for day in (*range(1, 25), 27, 28, 29)
    ]
    assert [time for time, trigger in fires if trigger == "often"] == [
        "2100-12-24T12:00:00.500Z",
        "2100-12-31T12:00:00.500Z",
    ]
    assert [time for time, trigger in fires if trigger == "months"] == [
        "2100-10-31T10:00:00.000Z",
        "2100-12-31T10:00:00.000Z",
    ]
    table = line("job", "next", "report", "--count", "2").splitlines()
    assert [row.split() for row in table[1:]] == [
        ["2100-10-31T10:00:00+00:00", "2100-10-31T10:00:00Z", "months", "-"],
        ["2100-12-01T02:30:00+01:00", "2100-12-01T01:30:00Z", "nightly", "-"],
    ]


def test_apply_tells_which_triggers_a_calendar_moves(line: Callable[..., str], space: str) -> None:
    line("apply", "-f", ".")
    Path("holidays.yaml").write_text(EARLIER)
    moved = f"  trigger nightly of job {space}/report: 2100-12-01T01:30:00Z -> 2100-12-27T01:30:00Z\n"
    assert line("apply", "--dry-run", "-f", "holidays.yaml") == f"calendar {space}/holidays updated (dry run)\n{moved}"
    [calendar] = json.loads(line("apply", "-f", "holidays.yaml", "-o", "json"))["calendars"]
    assert (calendar["outcome"], calendar["revision"], calendar["movedCount"]) == ("updated", 2, 1)
    assert line("apply", "-f", "holidays.yaml") == f"calendar {space}/holidays unchanged\n"
    assert "2100-12-27T01:30:00Z" in line("job", "describe", "report")


def test_what_is_wrong_is_told_in_its_place(line: Callable[..., str]) -> None:
    Path("company.ics").write_text("hello")
    Path("report.yaml").write_text(REPORT.replace("[holidays]", "[holidays, none]").replace("7d", "7ms"))
    told = line("apply", "-f", ".", code=1).splitlines()
    assert told[0].startswith("schedctl: report.yaml: document 1 (report): spec.triggers[1].interval.every: 7ms is not")
    Path("report.yaml").write_text(REPORT.replace("[holidays]", "[holidays, none]"))
    file, none = line("apply", "-f", ".", code=1).splitlines()
    assert file.startswith("schedctl: holidays.yaml: document 1 (holidays): spec.exclude[1].ics.file: company.ics: ")
    assert "report.yaml: document 1 (report): spec.triggers[0].calendars[1]: there is no calendar" in none


def test_a_calendar_that_is_used_is_not_deleted(line: Callable[..., str], space: str) -> None:
    line("apply", "-f", ".")
    told = line("calendar", "delete", "holidays", "--yes", code=5)
    assert f"{space}/holidays" in told and f"{space}/report" in told
    assert "Traceback" not in told
    line("job", "delete", "report", "--yes")
    assert line("calendar", "delete", "holidays", "--yes") == f"calendar {space}/holidays deleted\n"
    line("calendar", "get", "holidays", code=3)


def test_a_trigger_is_run_by_hand(line: Callable[..., str]) -> None:
    line("apply", "-f", ".")
    execution = json.loads(line("job", "run", "report", "--trigger", "by-hand", "--wait", "-o", "json"))
    assert (execution["state"], execution["params"]) == ("succeeded", {"mode": "full"})
    assert line("exec", "logs", execution["id"]) == "full\n"
    assert "'none'" in line("job", "run", "report", "--trigger", "none", code=3)


def test_a_paused_job_would_fire_and_catches_up(line: Callable[..., str], space: str) -> None:
    line("apply", "-f", ".")
    line("job", "pause", "report")
    assert "2100-10-31T10:00:00Z" in line("job", "next", "report", "--count", "1")
    assert line("job", "resume", "report", "--catch-up") == f"job {space}/report resumed, catching up\n"
    assert json.loads(line("job", "get", "report", "-o", "json"))["status"]["state"] == "active"


def test_an_embedded_cluster_takes_calendars(
    cluster: Embedded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (
        HOLIDAYS.replace("name: holidays", "name: holidays, namespace: embedded")
        + "---"
        + REPORT.replace("name: report", "name: report, namespace: embedded")
    )
    (tmp_path / "company.ics").write_text(ICS, newline="")
    (tmp_path / "all.yaml").write_text(text)
    with pytest.raises(ManifestError, match=r"text: document 1 .*company\.ics: no such file or directory"):
        cluster.apply(text)
    assert [each.outcome for each in cluster.apply_files([tmp_path])] == ["created", "created"]
    monkeypatch.chdir(tmp_path)
    assert [each.outcome for each in cluster.apply(text)] == ["unchanged", "unchanged"]
    execution = cluster.run("report", namespace="embedded", trigger="by-hand", wait=True)
    assert execution.params["mode"] == "full"


def test_dev_starts_with_calendars(spawn: Spawn, tmp_path: Path) -> None:
    (tmp_path / "company.ics").write_text(ICS, newline="")
    (tmp_path / "all.yaml").write_text(f"{REPORT}---{HOLIDAYS}")
    command = [sys.executable, "-m", "schedctl", "dev", "--listen", "127.0.0.1:0", "--apply", str(tmp_path)]
    process = spawn("dev", [*command, "--data", str(tmp_path / "data")])
    process.wait_for_line("calendar default/holidays created")
    process.wait_for_line("job default/report created")
