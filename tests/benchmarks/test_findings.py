"""What is said of a run: figures, what was wrong with it, and the report."""

import json
import sys
from typing import Any

import pytest

from benchmarks import __main__ as command
from benchmarks import checks, drain
from benchmarks.chart import chart
from benchmarks.figures import percentiles
from benchmarks.lateness import grows
from benchmarks.profile import table
from benchmarks.record import Row
from benchmarks.report import report

DUE = [("a", 1000), ("b", 1000)]


def row(job: str, **other: Any) -> Row:
    facts = {"scheduled": 1.0, "state": "succeeded", "started": 1.25, "ended": 1.5, "word": None, **other}
    return Row(job=job, **facts)


def test_percentiles_are_values_that_occurred() -> None:
    assert percentiles(range(1, 101)) == {"p50": 50, "p90": 90, "p99": 99, "max": 100}
    assert percentiles([7.0]) == {"p50": 7, "p90": 7, "p99": 7, "max": 7}
    assert percentiles([]) == {}


def test_lateness_is_from_the_scheduled_time_to_the_start() -> None:
    assert row("a").lateness == 250


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([row("a"), row("b")], []),
        ([row("a")], ["1 lost"]),
        ([row("a"), row("b"), row("b")], ["1 doubled"]),
        ([row("a"), row("b"), row("c")], ["1 not due"]),
        ([row("a"), row("b", scheduled=2.0)], ["1 lost", "1 not due"]),
        ([row("a"), row("b", state="failed")], ["1 not succeeded but failed"]),
        ([row("a"), row("b", started=None)], ["1 without a start or an end"]),
    ],
)
def test_a_run_is_wrong_unless_each_fire_has_one_record_that_succeeded(rows: list[Row], found: list[str]) -> None:
    assert checks.wrong(rows, DUE) == found


@pytest.mark.parametrize(("wrong", "status"), [([], 0), (["1 lost"], 1)])
def test_a_wrong_run_fails(
    wrong: list[str], status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "drain", "--fires", "7"])
    monkeypatch.setattr(drain, "run", lambda options: {"rate": options.fires, "wrong": wrong})
    assert command.main() == status
    told = json.loads(capsys.readouterr().out)
    assert told["benchmark"] == "drain"
    assert told["rate"] == 7
    assert {"commit", "postgresql", "python"} <= told["versions"].keys()
    assert {"cores", "date", "load"} <= told["machine"].keys()


def test_a_backlog_grows_when_more_is_left_open_at_the_end() -> None:
    assert not grows([0, 10, 0, 30, 0, 20, 10, 0], 100)
    assert grows([0, 10, 100, 200, 300, 400, 500, 600], 100)


def test_a_profile_tells_own_time_and_that_of_what_is_called() -> None:
    lines = list(table("main;work;dig 3\nmain;work 1\n"))
    assert " 75.00  dig" in lines
    assert "100.00  main" in lines


ABOUT = {
    "machine": {"date": "2026-01-01T00:00Z", "load": 0.1, "cores": 2, "cpu": "x", "memory_gb": 4, "kernel": "6"},
    "versions": {"commit": "abc", "python": "3.11"},
}
FOUND: dict[str, dict[str, Any]] = {
    "drain": {"rate": 16_000.0, "wrong": [], **ABOUT},
    "spread": {"lateness_ms": {"p50": 2.0, "p99": 30.0, "max": 31.0}, "wrong": ["1 lost"], **ABOUT},
    "peers": {
        "what": "drains",
        "rate": 15_000.0,
        "wrong": [],
        "peers": {
            "APScheduler": {"version": "3", "how": "in-process", "rate": 1500.0, "times_as_fast": 10.0},
            "Quartz": {"not_available": "not available; to install it: apt-get install -y x", "command": "x"},
        },
        **ABOUT,
    },
}


def test_the_report_has_each_row_with_its_target_and_the_peers() -> None:
    lines = report(FOUND, "picture.svg", "raw.json").splitlines()
    [of_drain] = [line for line in lines if line.startswith("| drain:")]
    assert "| 15,000 a second | 16,000 a second | yes | APScheduler 1,500, Quartz not available |" in of_drain
    [spread] = [line for line in lines if line.startswith("| 1,000 fires a second spread")]
    assert "p99 30.0 ms" in spread
    assert "wrong: 1 lost" in spread
    assert "| **no** |" in spread
    assert sum("not measured" in line for line in lines) == 12
    assert any("apt-get install -y x" in line for line in lines)


def test_the_chart_has_a_bar_for_each_row_that_was_measured() -> None:
    picture = chart(FOUND)
    assert picture.startswith("<svg ")
    assert picture.count("<rect ") == 1 + 2 + 2  # the paper, two rows, two drains
    assert ">1.07<" in picture
    assert ">0.50<" in picture


@pytest.mark.parametrize(
    "arguments, told",
    [
        ("lateness --jobs 0", "argument --jobs: '0' is no whole number from 1 on"),
        ("drain --executors -1", "argument --executors: '-1' is no whole number from 1 on"),
        ("herd --period 7", "argument --period: 7 does not divide 60"),
        ("runs --seconds nan", "argument --seconds: 'nan' is no number of seconds above 0"),
        ("idle --settle soon", "argument --settle: 'soon' is no number of seconds above 0"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_before_anything_starts(
    arguments: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name, *options = arguments.split()
    with pytest.raises(SystemExit):
        command.parser_of(name).parse_args(options)
    assert told in capsys.readouterr().err
