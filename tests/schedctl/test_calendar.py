"""`schedctl calendar`, and `apply` with calendars: what is sent, what is said, and in which place a problem is told."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from schedapi.errors import FailedPrecondition, InvalidArgument, Violation
from schedapi.v1.job_service_pb2 import MovedTrigger
from schedctl import calendar
from tests.schedctl.conftest import MANIFEST, CommandLine
from tests.schedctl.service import EPOCH, Service

CALENDARS = """
apiVersion: sched/v1
kind: Calendar
metadata: {name: holidays, labels: {team: data}}
spec:
  description: when nobody is there
  timeZone: Europe/Berlin
  base: [ops/freeze]
  exclude:
    - {dates: [2026-12-24, 2026-12-27..2027-01-01]}
    - {dates: [2026-01-01, 2026-01-02, 2026-01-03, 2026-01-04, 2026-01-05, 2026-01-06, 2026-01-07, 2026-01-08]}
    - {annual: [12-25, 12-24..01-01]}
    - {weekly: [SAT, SUN], daily: {from: 22:00, to: 06:00}}
    - {holidays: {country: DE, subdivision: BY, categories: [public]}, cron: "* * 1 * * ?"}
    - {ics: {file: holidays.ics}}
  include:
    - {daily: {from: 09:00, to: 17:00}}
---
apiVersion: sched/v1
kind: Calendar
metadata: {name: freeze, namespace: ops}
spec:
  exclude: [{ics: {text: "BEGIN:VEVENT\\r\\nBEGIN:VEVENT\\r\\n"}}]
"""


@pytest.fixture
def calendars(tmp_path: Path) -> Path:
    """A file with the calendars default/holidays and ops/freeze, and what it names beside it."""
    (tmp_path / "holidays.ics").write_bytes(b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
    path = tmp_path / "calendars.yaml"
    path.write_text(CALENDARS)
    return path


@pytest.fixture
def kept(cli: CommandLine, calendars: Path, service: Service) -> CommandLine:
    """The command line, with the two calendars on the server."""
    assert cli("apply", "-f", str(calendars)).code == 0
    service.requests.clear()
    return cli


def moved(number: int) -> MovedTrigger:
    trigger = MovedTrigger(namespace="default", job=f"report-{number}", trigger="nightly")
    trigger.before.FromDatetime(EPOCH)
    trigger.after.FromDatetime(EPOCH + timedelta(days=number))
    return trigger


@pytest.mark.parametrize(
    "command",
    [
        "calendar list",
        "calendar list -o json",
        "calendar get holidays",
        "calendar get ops/freeze -o yaml",
        "calendar describe holidays",
        "calendar describe freeze -n ops",
    ],
)
def test_what_is_printed(command: str, kept: CommandLine, snapshot: SnapshotAssertion) -> None:
    ended = kept(*command.split())
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == snapshot


def test_apply_tells_of_calendars_first_and_of_what_they_moved(
    cli: CommandLine, calendars: Path, manifests: Path, service: Service
) -> None:
    service.moved = [moved(1), moved(2)]
    service.moved[1].ClearField("after")
    dry = cli("apply", "-f", str(manifests), "-f", str(calendars), "--dry-run")
    assert dry.out.splitlines() == [
        "calendar default/holidays created (dry run)",
        "  trigger nightly of job default/report-1: 2026-11-21T02:30:00Z -> 2026-11-22T02:30:00Z",
        "  trigger nightly of job default/report-2: 2026-11-21T02:30:00Z -> never",
        "calendar ops/freeze created (dry run)",
        "  trigger nightly of job default/report-1: 2026-11-21T02:30:00Z -> 2026-11-22T02:30:00Z",
        "  trigger nightly of job default/report-2: 2026-11-21T02:30:00Z -> never",
        "job default/nightly created (dry run)",
        "job team/hourly created (dry run)",
    ]
    assert not service.calendars
    service.moved = []
    assert cli("apply", "-f", str(calendars)).out == "calendar default/holidays created\ncalendar ops/freeze created\n"
    assert service.calendars["default", "holidays"].spec.exclude[5].ics.text.count("VEVENT") == 2


def test_a_calendar_that_moves_many_triggers_names_some(cli: CommandLine, calendars: Path, service: Service) -> None:
    service.moved = [moved(number) for number in range(1, 1201)]
    lines = cli("apply", "-f", str(calendars)).out.splitlines()
    assert lines[20].startswith("  trigger nightly of job default/report-20: ")
    assert lines[21:23] == ["  ... and 1180 more", "calendar ops/freeze created"]
    found = json.loads(cli("apply", "-f", str(calendars), "-o", "json").out)
    assert found["items"] == []
    assert (len(found["calendars"][0]["moved"]), found["calendars"][0]["movedCount"]) == (1000, 1200)
    assert found["calendars"][0]["moved"][1] == {
        "namespace": "default",
        "job": "report-2",
        "trigger": "nightly",
        "before": "2026-11-21T02:30:00.000Z",
        "after": "2026-11-23T02:30:00.000Z",
    }


def test_what_get_prints_can_be_applied_again(kept: CommandLine, service: Service, tmp_path: Path) -> None:
    before = service.calendars["default", "holidays"].spec
    for form in ("yaml", "json"):
        path = tmp_path / f"again.{form}"
        path.write_text(kept("calendar", "get", "holidays", "-o", form).out)
        assert kept("apply", "-f", str(path)).out == "calendar default/holidays updated\n"
        assert service.calendars["default", "holidays"].spec == before


def test_what_list_prints_can_be_applied_again(kept: CommandLine, service: Service, tmp_path: Path) -> None:
    before = {name: calendar.spec for name, calendar in service.calendars.items()}
    path = tmp_path / "again.yaml"
    path.write_text(kept("calendar", "list", "-o", "yaml").out)
    assert kept("apply", "-f", str(path)).out == "calendar default/holidays updated\ncalendar ops/freeze updated\n"
    assert {name: calendar.spec for name, calendar in service.calendars.items()} == before


def test_what_the_server_finds_is_told_in_the_place_of_the_file(
    cli: CommandLine, calendars: Path, manifests: Path, service: Service
) -> None:
    (calendars.parent / "holidays.ics").write_text("BEGIN:VCALENDAR")
    ended = cli("apply", "-f", str(manifests), "-f", str(calendars))
    where = f"{calendars}: document 1 (holidays): spec.exclude[5].ics.file: {calendars.parent}/holidays.ics"
    assert (ended.code, ended.err) == (1, f"schedctl: {where}: has no event\n")
    places = ["calendars[1].spec.base[0]", "jobs[1].spec", "calendars[2]", "calendars"]
    service.failures = [InvalidArgument("wrong", violations=[Violation(field=f, description="odd") for f in places])]
    ended = cli("apply", "-f", str(calendars), "-f", str(manifests))
    assert ended.err.splitlines() == [
        f"schedctl: {calendars}: document 2 (freeze): spec.base[0]: odd",
        f"schedctl: {manifests}: document 2 (hourly): spec: odd",
        "schedctl: calendars[2]: odd",
        "schedctl: calendars: odd",
    ]


def test_a_job_and_a_calendar_may_have_one_name(cli: CommandLine, tmp_path: Path, service: Service) -> None:
    job, _ = MANIFEST.split("---")
    path = tmp_path / "both.yaml"
    path.write_text(job + "---\napiVersion: sched/v1\nkind: Calendar\nmetadata: {name: nightly}\n")
    assert cli("apply", "-f", str(path)).out == "calendar default/nightly created\njob default/nightly created\n"
    twice = cli("apply", "-f", str(path), "-f", str(path))
    assert twice.err.count("metadata.name: default/nightly is already in") == 2


def test_stdin_names_files_of_the_working_directory(
    cli: CommandLine, calendars: Path, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = cli("apply", "-f", "-", stdin=CALENDARS.encode())
    place = "stdin: document 1 (holidays): spec.exclude[5].ics.file"
    assert (missing.code, missing.err) == (1, f"schedctl: {place}: holidays.ics: no such file or directory\n")
    assert not service.requests
    monkeypatch.chdir(calendars.parent)
    assert cli("apply", "-f", "-", stdin=CALENDARS.encode()).code == 0
    assert cli("apply", "-f", "calendars.yaml").code == 0


def test_a_long_list_is_read_in_pages(kept: CommandLine, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calendar, "PAGE", 1)
    assert len(kept("calendar", "list").out.splitlines()) == 3
    assert [each.page_token for each in service.requests] == ["", "1"]
    cut = kept("calendar", "list", "--limit", "1")
    assert len(cut.out.splitlines()) == 2
    assert cut.err == "schedctl: there are more than 1 calendars: use --limit\n"
    assert len(kept("calendar", "list", "-n", "ops").out.splitlines()) == 2


def test_delete_asks_or_is_told_yes(kept: CommandLine, service: Service) -> None:
    refused = kept("calendar", "delete", "holidays")
    assert (refused.code, refused.err) == (2, "schedctl: nobody is there to ask: delete needs --yes\n")
    assert not service.requests
    used = "calendar default/holidays is used by trigger nightly of job default/report"
    service.failures = [FailedPrecondition(used)]
    in_use = kept("calendar", "delete", "holidays", "--yes")
    assert (in_use.code, in_use.err) == (5, f"schedctl: {used}\n")
    assert kept("calendar", "delete", "ops/freeze", "-y").out == "calendar ops/freeze deleted\n"
    assert json.loads(kept("calendar", "delete", "holidays", "-y", "-o", "json").out) == {"uid": "uid-holidays"}
    gone = kept("calendar", "delete", "holidays", "-y")
    assert (gone.code, gone.err) == (3, "schedctl: there is no calendar default/holidays\n")
    assert all(each.request_id for each in service.requests)
