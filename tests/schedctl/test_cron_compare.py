"""`schedctl cron compare`: beside the real croniter, APScheduler and cronsim."""

import json
import subprocess
import sys
from importlib import metadata
from typing import Any

import pytest

from tests.schedctl.conftest import CommandLine, Ended

YEAR = "2026-01-01T00:00:00Z"
SPRING = "2026-03-07T12:00:00Z"
AUTUMN = "2026-10-31T12:00:00Z"


def compare(cli: CommandLine, text: str, library: str, *options: str) -> tuple[Ended, dict[str, Any]]:
    ended = cli("cron", "compare", text, "--as", library, "-o", "json", *options)
    return ended, json.loads(ended.out)


def test_sunday_is_monday_for_apscheduler(offline: CommandLine) -> None:
    ended = offline("cron", "compare", "0 0 * * 0", "--as", "apscheduler", "--from", YEAR, "--count", "2")
    version = metadata.version("apscheduler")
    assert (ended.code, ended.err) == (1, "")
    assert ended.out.splitlines() == [
        f"CRONQUORUM                     {f'APSCHEDULER {version}':<29}  DIFFERS",
        "Sun 2026-01-04T00:00:00+00:00  -                              only here",
        "-                              Mon 2026-01-05T00:00:00+00:00  only there",
        "Sun 2026-01-11T00:00:00+00:00  -                              only here",
        "",
        "first difference: at Sun 2026-01-04T00:00:00+00:00 Cronquorum fires, and apscheduler does not:"
        " its next fire is Mon 2026-01-05T00:00:00+00:00",
        "why: apscheduler counts weekdays from 0 = Monday: 0 is MON; here, as in unix, 0 is Sunday",
        "for the fires of apscheduler, write '0 0 0 ? * MON'",
    ]


@pytest.mark.parametrize("library", ["croniter", "cronsim"])
def test_sunday_is_sunday_for_the_others(library: str, offline: CommandLine) -> None:
    ended = offline("cron", "compare", "0 0 * * 0", "--as", library, "--from", YEAR, "--count", "4")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines()[1] == "Sun 2026-01-04T00:00:00+00:00  Sun 2026-01-04T00:00:00+00:00  -"
    assert ended.out.splitlines()[-1] == "the same for 4 fires"
    assert "only" not in ended.out


NEW_YORK, APIA = "America/New_York", "Pacific/Apia"
DIFFERENCES = [
    ("0 0 * * 1-5", "apscheduler", YEAR, "UTC", "2026-01-03", ["1-5 is TUE-SAT"], "'0 0 0 ? * TUE-SAT'"),
    ("0 0 * * 0", "apscheduler", SPRING, NEW_YORK, "2026-03-08T00:00:00-05", ["0 is MON"], None),
    ("0 0 * * MON", "apscheduler", SPRING, NEW_YORK, "2026-03-09T00", ["the clocks change within a day of"], None),
    ("30 2 * * 6", "apscheduler", SPRING, NEW_YORK, "2026-03-08T03:30", ["6 is SUN"], None),
    ("0 0 * * */2", "apscheduler", YEAR, "UTC", "2026-01-02", ["*/2 is MON,WED,FRI,SUN"], "'0 0 0 ? * SUN,MON"),
    ("0 0 13 * fri", "apscheduler", YEAR, "UTC", "2026-01-02", ["match day-of-month and day-of-week"], "'DAYS=and "),
    ("0 0 13 * 5", "apscheduler", YEAR, "UTC", "2026-01-02", ["5 is SAT", "match day-of-month and"], "13 * SAT'"),
    ("0 0 */2 * 1", "croniter", YEAR, "UTC", "2026-01-03", ["a day of either day field"], "'DAYS=or 0 0 0 */2 * MON'"),
    ("0 0 * * FRI#3", "apscheduler", YEAR, "UTC", "2026-01-02", ["step that follows a name"], "'0 0 0 ? * FRI'"),
    ("30 2 * * *", "apscheduler", SPRING, NEW_YORK, "2026-03-08T03:00", ["fires for 02:30", "at 03:30"], None),
    ("30 1 * * *", "apscheduler", AUTUMN, NEW_YORK, "2026-11-01T01:30:00-05", ["at both of two"], "overlap: both"),
    ("30 1 * * *", "croniter", AUTUMN, NEW_YORK, "2026-11-01T01:30:00-05", ["at both of two"], "overlap: both"),
    ("*/30 2 * * *", "cronsim", SPRING, NEW_YORK, "2026-03-08T03:00", ["that does not exist"], "gap: skip"),
    ("0 12 30 12 *", "croniter", "2011-01-01T00:00:00Z", APIA, "2011-12-31", ["leaves that time out"], None),
    ("0 12 30 12 *", "apscheduler", "2011-01-01T00:00:00Z", APIA, "2011-12-31", ["leaves that time out"], None),
    ("30 2 1 * 1 15", "croniter", YEAR, "UTC", "2026-01-01T02:30:15", ["sixth field for"], "'DAYS=or 15 30 2 1 "),
    ("30 2 * * 1 15 2027", "croniter", YEAR, "UTC", "2027-01-04", ["sixth field"], "'15 30 2 ? * MON 2027'"),
    ("0 30 2 * * 1", "cronsim", YEAR, "UTC", "2026-01-05", ["from 0 = Sunday in six fields"], "'0 30 2 ? * MON'"),
    ("0 0 * * L5", "croniter", YEAR, "UTC", "2026-01-30", ["as L5; here it is 5L"], "'0 0 0 ? * FRIL'"),
    ("0 0 ? * 1", "croniter", YEAR, "UTC", "2026-01-05", ["reads ? as *"], "'0 0 0 ? * MON'"),
    ("0 0 2-2 * *", "croniter", YEAR, "UTC", "2026-01-03", ["a range of one value"], "'0 0 0 * * ?'"),
    ("*/70 * * * *", "cronsim", YEAR, "UTC", "2026-01-01T01", ["steps that leave the field"], "'0 0 * * * ?'"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "library", "start", "zone", "first", "why", "write"), DIFFERENCES)
def test_a_difference_is_explained(
    text: str, library: str, start: str, zone: str, first: str, why: list[str], write: str | None, offline: CommandLine
) -> None:
    ended, told = compare(offline, text, library, "--from", start, "--zone", zone, "--count", "6")
    reasons = [line for line in told["explanation"] if line.startswith("why: ")]
    assert (ended.code, told["same"]) == (1, False)
    assert told["firstDifference"].startswith(first)
    assert len(reasons) == (1 if write is None else len(why))
    assert all(part in " ".join(reasons) for part in why)
    last = told["explanation"][-1]
    assert write in last if write else last.startswith("why: ")


@pytest.mark.parametrize(
    ("text", "library"),
    [(text, library) for text, library, *_, write in DIFFERENCES if write],
)
def test_what_one_is_told_to_write_has_the_fires_of_the_library(text: str, library: str, offline: CommandLine) -> None:
    _, told = compare(offline, text, library, "--from", YEAR, "--zone", NEW_YORK, "--count", "400")
    advice = told["explanation"][-1]
    if not advice.startswith("for the fires"):  # at a clock change the library follows no policy of ours
        assert library == "apscheduler"
        return
    _, written, policies = advice.split("'")
    options = policies.removeprefix(" with ").replace(" and ", " ").replace(": ", " ").split()
    line = [f"--{word}" if index % 2 == 0 else word for index, word in enumerate(options)]
    ours = offline("cron", "next", written, "--from", YEAR, "--zone", NEW_YORK, "--count", "100", *line, "-o", "json")
    assert json.loads(ours.out)["items"] == told["theirs"][:100]


REFUSED = [
    ("0 30 2 * * ?", "croniter", "seconds sixth"),
    ("0 30 2 * * ?", "apscheduler", "reads a text of five fields"),
    ("0 30 2 * * ? 2190", "cronsim", "no year"),
    ("@daily", "apscheduler", "no macros"),
    ("@daily", "cronsim", "no macros"),
    ("0 0 * * 5L", "croniter", "it writes L5"),
    ("0 0 LW * *", "croniter", "no L-n and no LW"),
    ("0 0 1,15W * *", "croniter", "no lists with W"),
    ("0 0 L * *", "apscheduler", "no L, W, #"),
    ("0 0 * * 5#3", "apscheduler", "no L, W, #"),
    ("0 0 15W * *", "cronsim", "no nW"),
    ("0 0 L-3 * *", "cronsim", "no L-n"),
]


@pytest.mark.parametrize(("text", "library", "why"), REFUSED)
def test_what_the_library_has_no_text_for(text: str, library: str, why: str, offline: CommandLine) -> None:
    ended, told = compare(offline, text, library, "--count", "2")
    refusal, reason = told["explanation"]
    assert (ended.code, told["theirs"], len(told["ours"])) == (1, [], 2)
    assert refusal.startswith(f"{library} refuses it: {told['theirError']}")
    assert reason.startswith("why: ") and why in reason


def test_a_difference_far_from_the_start_is_found_and_judged_there(offline: CommandLine) -> None:
    _, told = compare(offline, "30 1 * * *", "croniter", "--from", YEAR, "--zone", NEW_YORK, "--count", "1000")
    assert told["firstDifference"] == "2026-11-01T01:30:00-05:00"
    assert "at both of two" in told["explanation"][1]


@pytest.mark.parametrize("count", ["1", "2", "400"])
def test_a_clock_change_is_not_blamed_for_what_is_only_near_it(count: str, offline: CommandLine) -> None:
    options = ("--from", SPRING, "--zone", NEW_YORK, "--count", count)
    _, told = compare(offline, "0 0 * * 0", "apscheduler", *options)
    why = "why: apscheduler counts weekdays from 0 = Monday: 0 is MON; here, as in unix, 0 is Sunday"
    assert told["firstDifference"] == "2026-03-08T00:00:00-05:00"
    assert told["explanation"][1:] == [why]


def test_our_years_end(offline: CommandLine) -> None:
    ended, told = compare(offline, "0 0 1 1 *", "croniter", "--from", "2197-06-01T00:00:00Z", "--count", "5")
    assert (ended.code, told["firstDifference"]) == (1, "2200-01-01T00:00:00+00:00")
    assert told["explanation"][-1] == "why: the years of our cron language end with 2199"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        ("0 0 25 * * ?", "hours: 25 is not in 0-23"),
        ("0 0 30 2 *", "30 never occurs"),
        ("0 0 * * *\x1b[2J", r"\x1b (U+001B)"),
        ("*/0 * * * *", "0 is not a step"),
        ("0 0 " + "1," * 200 + "1 * *", "characters are more than 256"),
    ],
)
@pytest.mark.parametrize("library", ["croniter", "apscheduler", "cronsim"])
def test_what_nobody_reads_is_bad_input(text: str, why: str, library: str, offline: CommandLine) -> None:
    ended = offline("cron", "compare", text, "--as", library)
    assert (ended.code, ended.out) == (2, "")
    assert why in ended.err.splitlines()[0]
    assert ended.err.replace("\n", "").isprintable()
    assert len(ended.err.splitlines()) <= 2


def test_a_library_that_is_not_there(offline: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", none)
    ended = offline("cron", "compare", "0 0 * * *", "--as", "cronsim")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "schedctl: cronsim is not installed: pip install cronsim\n"


def test_libraries_are_imported_when_they_are_asked_for() -> None:
    code = (
        "import sys; from schedctl.__main__ import run; run(['cron', 'check', '--help']); "
        "print([name for name in ('croniter', 'apscheduler', 'cronsim', 'scheduler.cron') if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=20, check=True)
    assert ended.stdout.decode().splitlines()[-1] == "[]"
