"""`schedctl cron explain`, `next`, `check` and `convert`, offline."""

import json

import pytest
from hypothesis import given, settings

from schedctl.cron.unix import NoUnixTextError, to_unix
from scheduler.cron import CronError, parse
from tests.cron.enumeration import Schedule
from tests.cron.strategies import schedules
from tests.schedctl.conftest import CommandLine

NEW_YORK = ("--zone", "America/New_York")


def test_next_has_local_time_utc_and_remark(offline: CommandLine) -> None:
    ended = offline("cron", "next", "0 30 2 * * ?", *NEW_YORK, "--from", "2026-03-07T12:00:00Z", "--count", "2")
    remark = "02:30 does not exist that day (clocks go forward 02:00 -> 03:00): fires at 03:00"
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "America/New_York           UTC                   REMARK",
        f"2026-03-08T03:00:00-04:00  2026-03-08T07:00:00Z  {remark}",
        "2026-03-09T02:30:00-04:00  2026-03-09T06:30:00Z  -",
    ]


def test_next_for_programs(offline: CommandLine) -> None:
    line = ("0 30 1 * * ?", *NEW_YORK, "--from", "2026-10-31T12:00:00-04:00", "--count", "3", "--overlap", "both")
    told = json.loads(offline("cron", "next", *line, "-o", "json").out)
    assert told["items"] == ["2026-11-01T01:30:00-04:00", "2026-11-01T01:30:00-05:00", "2026-11-02T01:30:00-05:00"]
    assert list(told["remarks"]) == told["items"][:2]
    assert "- '2026-11-01T01:30:00-05:00'" in offline("cron", "next", *line, "-o", "yaml").out


def test_an_offset_with_seconds_is_given_in_utc(offline: CommandLine) -> None:
    line = ("0 0 12 1 1 ? 1971", "--zone", "Africa/Monrovia", "--from", "1970-06-01T00:00:00Z", "--count", "1")
    assert json.loads(offline("cron", "next", *line, "-o", "json").out)["items"] == ["1971-01-01T12:44:30Z"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--gap", "skip"], "2026-03-09T02:30:00-04:00"),
        (["--gap", "after"], "2026-03-08T03:00:00-04:00"),
        (["--from", "2026-03-08T07:00:00Z"], "2026-03-09T02:30:00-04:00"),
        (["--from", "2026-03-08T06:59:59.5Z"], "2026-03-08T03:00:00-04:00"),
        (["--from", "2026-03-08T06:59Z"], "2026-03-08T03:00:00-04:00"),
        (["--from", "0001-01-01T00:00:00Z"], "1970-01-01T02:30:00-05:00"),
    ],
)
def test_the_options_of_next(options: list[str], expected: str, offline: CommandLine) -> None:
    line = ["cron", "next", "30 2 * * *", *NEW_YORK, "--from", "2026-03-07T12:00:00Z", "--count", "1", "-o", "json"]
    assert json.loads(offline(*line, *options).out)["items"] == [expected]


def test_days_and_key_are_those_of_the_language(offline: CommandLine) -> None:
    line = ("cron", "next", "0 0 0 13 * FRI", "--from", "2026-01-01T00:00:00Z", "--count", "1", "-o", "json")
    assert json.loads(offline(*line, "--days", "and").out)["items"] == ["2026-02-13T00:00:00+00:00"]
    assert json.loads(offline(*line, "--days", "or").out)["items"] == ["2026-01-02T00:00:00+00:00"]
    assert "H needs a key" in offline("cron", "next", "H H * * *").err
    hashed = offline("cron", "convert", "H H * * *", "--key", "default/report").out
    assert hashed == f"{parse('H H * * *', key='default/report')}\n"


def test_a_list_that_ends(offline: CommandLine) -> None:
    line = ("0 30 2 1 1 ? 2190-2191", "--zone", "Europe/Berlin")
    ended = offline("cron", "next", *line)
    assert (ended.code, ended.out.count("\n")) == (0, 3)
    assert ended.err == "schedctl: it fires no more after 2191-01-01T02:30:00+01:00\n"
    for command in ("next", "explain"):
        gone = offline("cron", command, "0 0 0 1 1 ? 2020")
        assert (gone.code, gone.err) == (1, "schedctl: '0 0 0 1 1 ? 2020' never fires again\n")
    assert offline("cron", "next", "0 0 0 1 1 ? 2020").out == ""
    assert json.loads(offline("cron", "next", "0 0 0 1 1 ? 2020", "-o", "json").out)["items"] == []


def test_the_longest_list(offline: CommandLine) -> None:
    ended = offline("cron", "next", "* * * * * ?", *NEW_YORK, "--count", "10000", "-o", "json")
    assert len(json.loads(ended.out)["items"]) == 10_000


BAD = [
    (["next", ""], "cron expression: it is empty"),
    (["explain", " \t"], "cron expression: it is empty"),
    (["convert", ""], "cron expression: it is empty"),
    (["check", ""], "cron expression: it is empty"),
    (["next", "0 0 \x1b[2J * *"], r"day-of-month: \x1b (U+001B) is a control or format character"),
    (["next", "0 0 * * *\udcff"], r"day-of-week: \udcff (U+DCFF) is a control or format character"),
    (["check", "0 0 * * ?\u202e"], r"\u202e (U+202E)"),
    (["explain", "* " * 200], "400 characters are more than 256"),
    (["next", "0 0 * * *", "--zone", "Europe/Berln"], "did you mean Europe/Berlin or "),
    (["explain", "0 0 * * *", "--zone", ""], "time zone '' is empty"),
    (["next", "0 0 * * *", "--zone", "\x1b[2J"], r"time zone '\x1b[2J' is not a zone's name"),
    (
        ["next", "0 0 * * *", "--from", "2026-03-08T00:00:00"],
        "'2026-03-08T00:00:00' is a local time, and the offset",
    ),
    (["next", "0 0 * * *", "--from", "2026-03-08"], "is a local time, and the offset is required"),
    (["next", "0 0 * * *", "--from", "now"], "'now' is not an instant of RFC 3339"),
    (["next", "0 0 * * *", "--from", "\x1b[2J"], r"'\x1b[2J' is not an instant"),
    (["next", "0 0 * * *", "--from", "٢٠٢٦-03-08T00:00:00Z"], "is not an instant of RFC 3339"),
    (["next", "0 0 * * *", "--from", "2026-02-30T00:00:00Z"], "is not in the calendar"),
    (["next", "0 0 * * *", "--from", "0001-01-01T00:00:00+23:59"], "is not in the calendar"),
    (["next", "0 0 * * *", "--from", "9" * 10_000], "is not an instant of RFC 3339"),
    (["next", "0 0 * * *", "--count", "10001"], "'--count'"),
    (["explain", "0 0 * * *", "--count", "0"], "'--count'"),
    (["next", "0 0 * * *", "--gap", "before"], "'before' is not one of 'after', 'skip'"),
    (["next", "0 0 * * *", "--overlap", "x"], "'x' is not one of 'first', 'second', 'both'"),
    (["next", "0 0 * * *", "--days", "xor"], "'xor' is not one of 'and', 'or'"),
    (["convert", "0 0 * * *", "--to", "java"], "'java' is not one of 'quartz', 'unix'"),
    (["check"], "missing argument 'EXPRESSION'"),
]


@pytest.mark.parametrize(("line", "expected"), BAD)
def test_bad_input_is_answered_in_a_line(line: list[str], expected: str, offline: CommandLine) -> None:
    ended = offline("cron", *line)
    first, *rest = ended.err.splitlines()
    assert (ended.code, ended.out) == (2, "")
    assert first.startswith("schedctl: ") and expected in first
    assert ended.err.replace("\n", "").isprintable()
    assert len(first) < 400
    assert all(each.startswith("Usage: schedctl cron ") for each in rest)


def test_explain(offline: CommandLine) -> None:
    line = ("30 2 13 * 1", *NEW_YORK, "--from", "2026-03-01T00:00:00Z", "--count", "1")
    out = offline("cron", "explain", *line).out
    assert out.splitlines() == [
        "meaning:       at 02:30 on the 13th of the month and also on Monday",
        "canonical:     DAYS=or 0 30 2 13 * MON",
        "seconds:       0",
        "minutes:       30",
        "hours:         2",
        "day-of-month:  13",
        "month:         *",
        "day-of-week:   MON",
        "days:          or",
        "",
        "America/New_York           UTC                   REMARK",
        "2026-03-02T02:30:00-05:00  2026-03-02T07:30:00Z  -",
    ]
    told = json.loads(offline("cron", "explain", *line, "-o", "json").out)
    assert told["fields"] == {
        "seconds": "0",
        "minutes": "30",
        "hours": "2",
        "dayOfMonth": "13",
        "month": "*",
        "dayOfWeek": "MON",
        "days": "or",
    }
    assert (told["items"], told["remarks"]) == (["2026-03-02T02:30:00-05:00"], {})


def test_check_says_of_each_what_it_is(offline: CommandLine) -> None:
    ended = offline("cron", "check", "0 0 3 * * ?", "0 0 25 * * ?", "0 0 0 1 1 ? 2020", "0 0 * * 8")
    assert ended.code == 2
    assert ended.out.splitlines() == [
        "EXPRESSION        RESULT  MEANING",
        "0 0 3 * * ?       ok      at 03:00 every day",
        "0 0 0 1 1 ? 2020  over    at 00:00 on the 1st of January in 2020",
    ]
    assert ended.err.splitlines() == [
        'schedctl: hours: 25 is not in 0-23 (column 5 of "0 0 25 * * ?")',
        'schedctl: day-of-week: 8 is not in 0-7 (0 and 7 are SUN, 6 is SAT) (column 9 of "0 0 * * 8")',
        "schedctl: '0 0 0 1 1 ? 2020' never fires again",
    ]
    assert offline("cron", "check", "0 0 0 1 1 ? 2020").code == 1
    assert offline("cron", "check", "0 0 * * *", "@daily").code == 0


_LOST = ("0 30 2 14 3 ? 2027", "--zone", "America/New_York", "--gap", "skip")
_WHY = "02:30 does not exist on 2027-03-14 (clocks go forward 02:00 -> 03:00), and gap is skip"


@pytest.mark.parametrize("command", ["next", "check"])
def test_why_an_expression_never_fires_again(command: str, offline: CommandLine) -> None:
    ended = offline("cron", command, *_LOST)
    assert ended.code == 1
    assert ended.err == f"schedctl: '0 30 2 14 3 ? 2027' never fires again: {_WHY}\n"


def test_why_an_expression_fires_no_more_is_told_to_programs_and_behind_the_last_fire(offline: CommandLine) -> None:
    (row,) = json.loads(offline("cron", "check", *_LOST, "-o", "json").out)["items"]
    assert (row["firesAgain"], row["leftOut"]) == (False, _WHY)
    ended = offline("cron", "next", "0 30 2 13,14 3 ? 2027", *_LOST[1:])
    assert ended.err == f"schedctl: it fires no more after 2027-03-13T02:30:00-05:00: {_WHY}\n"


def test_check_reads_lines(offline: CommandLine) -> None:
    ended = offline("cron", "check", "-", "-o", "json", stdin=b"# nightly\r\n\n  0 0 * * 1-5  \n0 0 25 * * ?\n")
    first, second = json.loads(ended.out)["items"]
    assert (first["expression"], first["canonical"], first["firesAgain"]) == ("0 0 * * 1-5", "0 0 0 ? * MON-FRI", True)
    assert (second["valid"], second["error"]["field"], second["error"]["column"]) == (False, "hours", 5)
    assert (ended.code, ended.err.startswith("schedctl: line 4: hours: 25")) == (2, True)


@pytest.mark.parametrize(
    ("stdin", "expected"),
    [(b"", "stdin has no expression"), (b"\xff", "not UTF-8 text (byte 0)"), (b"\0" * 2**21, "longer than 1024 KiB")],
)
def test_what_check_cannot_read(stdin: bytes, expected: str, offline: CommandLine) -> None:
    ended = offline("cron", "check", "-", stdin=stdin)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert expected in ended.err


_CONVERTED = """
0 0 * * 0 | 0 0 0 ? * SUN | 0 0 * * 0
@daily | 0 0 0 * * ? | 0 0 * * *
30 4 * * 1-5 | 0 30 4 ? * MON-FRI | 30 4 * * 1-5
0 0/15 22-2 ? NOV-FEB FRI-MON | 0 */15 22-2 ? 11-2 FRI-MON | */15 0-2,22,23 * 1,2,11,12 0,1,5,6
0 5/15 * * * ? | 0 5/15 * * * ? | 5-59/15 * * * *
0 0 13 * 5 | ! it needs 2 triggers | 0 0 13 * 5
0 0 */2 * 1 | ! day-of-month and day-of-week at once | 0 0 */2 * 1
DAYS=or 0 0 0 */2 * MON | ! it needs 2 triggers | 0 0 1-31/2 * 1
DAYS=and 0 0 0 13 * FRI | ! at once | ! match both
5 0 0 * * ? | 5 0 0 * * ? | ! unix has no seconds, and these are 5
0 0 0 * * ? 2190 | 0 0 0 * * ? 2190 | ! unix has no years, and these are 2190
0 0 0 LW * ? | 0 0 0 LW * ? | ! unix has no L
0 0 0 15W * ? | 0 0 0 15W * ? | ! unix has no W
0 0 0 ? * WED | 0 0 0 ? * WED | 0 0 * * 3
0 0 0 ? * FRI#3 | 0 0 0 ? * FRI#3 | ! unix has no #
0 0 0 1,15W * ? | ! no lists with L, W or # | ! unix has no W
"""


@pytest.mark.parametrize("row", _CONVERTED.strip().splitlines())
def test_convert(row: str, offline: CommandLine) -> None:
    text, *expected = row.split(" | ")
    for to, said in zip(("quartz", "unix"), expected, strict=True):
        ended = offline("cron", "convert", text, "--to", to)
        if said.startswith("! "):
            assert (ended.code, ended.out, ended.err.count("\n")) == (1, "", 1)
            assert said[2:] in ended.err
        else:
            assert (ended.code, ended.out, ended.err) == (0, f"{said}\n", "")


def test_convert_for_programs(offline: CommandLine) -> None:
    assert json.loads(offline("cron", "convert", "0 0 * * 0", "-o", "json").out) == {"quartz": "0 0 0 ? * SUN"}


@settings(deadline=None, max_examples=500)
@given(schedules())
def test_a_unix_text_means_the_same(schedule: Schedule) -> None:
    try:
        expression = parse(schedule.text)
        text = to_unix(expression.canonical_words())
    except (CronError, NoUnixTextError):
        return
    if len(text) <= 256:
        assert parse(text) == expression
        assert not set(text) - set("0123456789*,-/ ")
