"""`schedctl job next`, `resume --catch-up`, and `run --trigger`."""

import json
from datetime import datetime, timedelta

import pytest

from schedapi.v1.job_service_pb2 import NextFire
from schedctl import job_next
from tests.schedctl.conftest import CommandLine
from tests.schedctl.service import EPOCH, Service


def fire(at: datetime, zone: str = "Europe/Berlin", remark: str = "") -> NextFire:
    found = NextFire(trigger="night", time_zone=zone, remark=remark)
    found.time.FromDatetime(at)
    return found


@pytest.fixture
def firing(applied: CommandLine, service: Service) -> CommandLine:
    """The command line, with a job on the server that fires three times."""
    first = EPOCH + timedelta(microseconds=500_000)
    service.fires = [fire(first), fire(EPOCH + timedelta(days=150), remark="moved\x1b"), fire(EPOCH, "Mars/Phobos")]
    return applied


def test_times_are_in_the_triggers_zone_and_in_utc(firing: CommandLine) -> None:
    ended = firing("job", "next", "nightly", "--count", "3")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "TIME                           UTC                       TRIGGER  REMARK",
        "2026-11-21T03:30:00.500+01:00  2026-11-21T02:30:00.500Z  night    -",
        "2027-04-20T04:30:00+02:00      2027-04-20T02:30:00Z      night    moved\\x1b",
        "2026-11-21T02:30:00Z           2026-11-21T02:30:00Z      night    -",
    ]


def test_programs_get_utc(firing: CommandLine) -> None:
    found = json.loads(firing("job", "next", "nightly", "-o", "json", "--count", "1").out)
    first = {"trigger": "night", "time": "2026-11-21T02:30:00.500Z", "timeZone": "Europe/Berlin", "remark": ""}
    assert found == {"state": "active", "items": [first]}


def test_a_list_that_ends_before_its_count_says_so(firing: CommandLine, service: Service) -> None:
    ended = firing("job", "next", "nightly")
    assert (ended.code, ended.err) == (0, "schedctl: no fire is known after 2026-11-21T02:30:00Z\n")
    assert service.requests[-1].count == 10
    service.fires = []
    ended = firing("job", "next", "team/hourly")
    assert (ended.code, ended.out, ended.err) == (1, "", "schedctl: job team/hourly has no fire to come\n")
    ended = firing("job", "next", "team/hourly", "-o", "json")
    assert (ended.code, json.loads(ended.out)["items"]) == (1, [])
    assert firing("job", "next", "nobody").code == 3


def test_until_is_an_instant_or_so_long_from_now(firing: CommandLine, service: Service) -> None:
    assert firing("job", "next", "nightly", "--until", "2027-01-01T00:00:00+01:00").err == ""
    [request] = service.requests
    assert (request.count, request.until.ToJsonString()) == (0, "2026-12-31T23:00:00Z")
    service.requests.clear()
    for until in ("2d", "2d1h"):
        assert firing("job", "next", "nightly", "--until", until, "--count", "2").err == ""
    near, far = service.requests
    assert near.count == 2
    assert timedelta(hours=1) <= far.until.ToDatetime() - near.until.ToDatetime() < timedelta(hours=2)
    service.fires = []
    ended = firing("job", "next", "nightly", "--until", "2027-01-01T00:00:00Z")
    assert (ended.code, ended.err) == (1, "schedctl: job default/nightly has no fire until 2027-01-01T00:00:00Z\n")


def test_a_list_that_is_cut_off_says_so(firing: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_next, "MOST_FIRES", 3)
    until = "2027-01-01T00:00:00Z"
    ended = firing("job", "next", "nightly", "--until", until)
    assert ended.err == f"schedctl: these are the first 3: there may be more until {until}\n"


def test_a_paused_job_is_told(firing: CommandLine, service: Service) -> None:
    firing("job", "pause", "nightly")
    ended = firing("job", "next", "nightly", "--count", "3")
    told = "schedctl: job default/nightly is paused: these are its fires if it were resumed now\n"
    assert (ended.code, ended.err) == (0, told)
    service.fires = []
    ended = firing("job", "next", "nightly")
    assert ended.err == "schedctl: job default/nightly is paused\nschedctl: job default/nightly has no fire to come\n"


BAD = [
    ("--count 0", "invalid value for '--count': "),
    ("--count 10001", "'10001' is not a whole number in 1-10000"),
    ("--until tomorrow", "'tomorrow' is not a duration such as 90s, 10m, 1h30m or 2d, nor an instant such as 2026-"),
    ("--until 2026-13-01T00:00:00Z", "'2026-13-01T00:00:00Z' is not in the calendar"),
    ("--until 2026-12-24T00:00:00", "is a local time, and the offset is required: write 2026-03-08T00:00:00Z"),
    ("--until 2026-12-24", "is a local time, and the offset is required"),
    ("--until 99999d", "'99999d' is longer than 3650d"),
    ("--until -2d", "'-2d' is not a duration"),
]


@pytest.mark.parametrize(("options", "expected"), BAD)
def test_a_wrong_option_is_a_usage_error(options: str, expected: str, offline: CommandLine) -> None:
    ended = offline("job", "next", "nightly", *options.split())
    assert (ended.code, ended.out) == (2, "")
    assert expected in ended.err.splitlines()[0]


def test_resume_catches_up_when_told(applied: CommandLine, service: Service) -> None:
    assert applied("job", "resume", "nightly", "--catch-up").out == "job default/nightly resumed, catching up\n"
    assert applied("job", "resume", "nightly").out == "job default/nightly resumed\n"
    assert [each.catch_up for each in service.requests] == [True, False]


def test_run_takes_the_parameters_of_a_trigger(applied: CommandLine, service: Service) -> None:
    assert applied("job", "run", "nightly", "--trigger", "night", "--param", "n=3").code == 0
    [request] = service.requests
    assert (request.trigger, dict(request.params)) == ("night", {"n": 3})
