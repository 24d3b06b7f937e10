"""Cron expressions, zones and lengths of time, as a client sends them: the field, the value, and what is right.

The parser's own table is `tests/cron/test_bad_input.py`; this one is about the way through the API.
"""

from typing import Any

import pytest

from schedapi.v1 import job_pb2, job_service_pb2
from schedctl.dev import Embedded
from scheduler.cron import ZoneError, zones
from tests.bad_inputs.house import House, apply, job
from tests.rig.waiting import eventually

pytestmark = pytest.mark.usefixtures("unchanged")

DOM, MONTH, DOW, YEAR = "day-of-month: ", "month: ", "day-of-week: ", "year: "

CRONS = {
    "": "it is empty; six or seven fields are needed, as in 0 30 2 * * ?",
    "   ": "it is empty",
    "\t": "it is empty",
    "* * * * * * * *": "got 8 fields, six or seven are allowed",
    "0 0 0 0 * ?": DOM + "0 is not in 1-31",
    "0 0 0 32 * ?": DOM + "32 is not in 1-31",
    "0 0 0 ? * 0": DOW + "0 is not in 1-7 (1 is SUN, 7 is SAT)",
    "0 0 0 ? * 8": DOW + "8 is not in 1-7",
    "0 0 0 ? * ?": DOW + "? cannot stand in both day-of-month and day-of-week",
    "*/0 * * * * ?": "seconds: 0 is not a step; 1-59 is allowed",
    "*/00 * * * * ?": "seconds: 00 is not a step",
    "*/99999999999999999999 * * * * ?": "seconds: 99999999999999999999 is not a step",
    "1,,2 * * * * ?": "seconds: an empty item is not allowed; 0-59 is, between commas (column 3",
    ",1 * * * * ?": "seconds: an empty item",
    "1, * * * * ?": "seconds: an empty item",
    "0 0 0 1 1 ? 2020": "'0 0 0 1 1 ? 2020' has no fire left",
    "0 0 0 * * ? 1969": YEAR + "1969 is not in 1970-2199",
    "0 0 0 * * ? 2200": YEAR + "2200 is not in 1970-2199",
    "0 0 0 * * ? 99": YEAR + "99 is not in 1970-2199",
    "0 0 0 * * ? 20x6": YEAR + "20x6 is not a value, a range or a step; 1970-2199 is allowed",
    "0 0 0 L-31 * ?": DOM + "31 is not in 0-30, the days before the last",
    "0 0 0 L--1 * ?": DOM + "L--1 is not L, LW, L-n or L-nW",
    "0 0 0 L-0W1 * ?": DOM,
    "0 0 0 1 FOO ?": MONTH + "FOO is not a name here; 1-12 or JAN-DEC is allowed",
    "0 0 0 ? * MONDAYS": DOW + "MONDAYS is not a name here; 1-7 or SUN-SAT is allowed",
    "0 0 0 1 JANU ?": MONTH + "JANU is not a name here",
    "0 0 0 1 \u042f\u041d\u0412 ?": MONTH + r"\u042f (U+042F) is not ASCII",
    "0 0 0 * * ?\u0000": "contains a NUL character",
    "0 0 0 * * ?\u202e": DOW + r"\u202e (U+202E) is a control or format character",
    "\ufeff0 0 0 * * ?": "seconds: " + r"\ufeff (U+FEFF) is a control or format character",
    "0 0 \u200b0 * * ?": "hours: " + r"\u200b (U+200B) is a control or format character",
    "0" * 10_001: "10001 characters are more than 256",
    "0 0 0 " + ",".join(["1"] * 10_000) + " * ?": "are more than 256",
    "CRON_TZ=Mars/Phobos 0 0 0 * * ?": "Mars/Phobos is unknown",
    "TZ=UTC 0 0 0 * * ?": "give the zone beside the expression",
    "0 0 0 H(5-2) * ?": DOM + "H(5-2) is a bad hash range: it runs backwards",
    # of the same kinds, and not in the list
    "* * * *": "got 4 fields: five are unix's",
    "0 0 0 1-L * ?": DOM + "1-L cannot end in L; write 1-31",
    "0 0 0 ? * L-3": DOW + "L-3 is for day-of-month",
    "0 0 0 * *": DOM + "0 is not in 1-31",
    "@every 5m": "@every is no cron expression",
    "0 0 0 31 2 ?": "never occurs in the months and years given",
    "0 0 0 30-1/-1 * ?": DOM,
    "0 0 0 ? * 1#6": DOW + "6 is not in 1-5",
    "'0 0 0 * * ?'": "seconds: '0 is not a value",
    "0;0;0;*;*;?": "got 1 field: five are unix's (minutes hours day-of-month month day-of-week), six or seven Quartz's",
}


def told(house: House, made: job_pb2.Job) -> str:
    """The one violation of a job, after its place; the answer comes quickly, and is fit to be printed."""
    answer = house.quick("JobService/Apply", apply(made))
    assert answer.code == "INVALID_ARGUMENT"
    (violation,) = answer.violations
    assert violation.description.isprintable()
    assert len(violation.description) <= 400
    return f"{violation.field}: {violation.description}"


@pytest.mark.parametrize(("text", "words"), CRONS.items(), ids=[ascii(text)[1:40] for text in CRONS])
def test_a_bad_expression(text: str, words: str, house: House) -> None:
    found = told(house, job(cron=text))
    assert found.startswith("jobs[0].spec.triggers[0].cron: ")
    assert words in found


ZONES = {
    "Europe/Atlantis": "time zone 'Europe/Atlantis' is unknown; did you mean Europe/",
    "": "time zone '' is empty; a name such as Europe/Berlin or UTC is needed",
    " ": "is empty",
    "europe/berlin": "has the wrong case; did you mean Europe/Berlin?",
    "localtime": "is not allowed",
    "posixrules": "is not allowed",
    "right/Europe/Berlin": "is not allowed; did you mean Europe/Berlin?",
    "posix/UTC": "is not allowed; did you mean UTC?",
    "Factory": "is not allowed",
    # of the same kinds
    "../../etc/passwd": "is not a zone's name",
    "/etc/localtime": "is not a zone's name",
    "Europe/Berlin ": "is not a zone's name; a name such as Europe/Berlin or UTC is needed; did you mean",
    "+02:00": "is not a zone's name",
    "MESZ": "is unknown",
    "Europe": "is unknown",
    "Europe/Berlin\x00": r"'Europe/Berlin\x00' is not a zone's name",
    "\u202eEurope/Berlin": r"'\u202eEurope/Berlin' is not a zone's name",
    "A" * 10_000: "is longer than 64 characters",
}


@pytest.mark.parametrize(("text", "words"), ZONES.items(), ids=[ascii(text)[1:40] for text in ZONES])
def test_a_bad_zone(text: str, words: str, house: House) -> None:
    found = told(house, job(time_zone=text))
    if "\x00" not in text:
        assert found.startswith("jobs[0].spec.triggers[0].timeZone: time zone '")
    assert words in found or "contains a NUL character" in found


SHAPE = "is not a duration such as 90s, 10m, 1h30m or 2d"
LENGTHS = {
    "": f"'' {SHAPE}",
    "0s": "'0s' must be longer than 0s",
    "0d": "'0d' must be longer than 0s",
    "-1s": f"'-1s' {SHAPE}",
    "60": f"'60' {SHAPE}",
    "1e12s": SHAPE,
    "1000000000000s": "'1000000000000s' is longer than 3650d",
    "3651d": "is longer than 3650d",
    "nan": SHAPE,
    "Infinity": SHAPE,
    "1y": SHAPE,
    "30s1m": SHAPE,
    "1m1m": SHAPE,
    "1.5h": SHAPE,
    "\u0661s": SHAPE,
    "1 s": SHAPE,
    "PT1M": SHAPE,
    "9" * 10_000 + "s": SHAPE,
    "1s\x00": SHAPE,
}


def _set_misfire(made: job_pb2.Job, text: str) -> None:
    made.spec.triggers.add(name="t", cron="0 0 3 * * ?").misfire.threshold = text


def _set_timeout(made: job_pb2.Job, text: str) -> None:
    made.spec.timeout = text


def _set_deadline(made: job_pb2.Job, text: str) -> None:
    made.spec.start_deadline = text


PLACES: dict[str, Any] = {
    "spec.triggers[0].misfire.threshold": _set_misfire,
    "spec.timeout": _set_timeout,
    "spec.startDeadline": _set_deadline,
}


@pytest.mark.parametrize(("text", "words"), LENGTHS.items(), ids=[ascii(text)[1:40] for text in LENGTHS])
def test_a_bad_length_of_time(text: str, words: str, house: House) -> None:
    for place, put in PLACES.items():
        made = job()
        put(made, text)
        found = told(house, made)
        assert found.startswith(f"jobs[0].{place}: ")
        assert words in found


@pytest.mark.parametrize("text", ["-1s", "", "3651d", "soon"])
def test_a_bad_delay(text: str, house: House) -> None:
    """Which may be none at all, unlike the others."""
    for field, place in (("delay", "delay"), ("max_delay", "maxDelay")):
        made = job()
        setattr(made.spec.retry, field, text)
        assert told(house, made).startswith(f"jobs[0].spec.retry.{place}: ")


NUMBERS = (-(2**31), -1, 101, 2**31 - 1)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_count_out_of_range(number: int, house: House) -> None:
    made = job()
    made.spec.retry.max_attempts = number
    assert told(house, made).startswith(f"jobs[0].spec.retry.maxAttempts: {number} is not in 1-100")
    made = job()
    made.spec.failover.max_reruns = number
    assert told(house, made).startswith(f"jobs[0].spec.failover.maxReruns: {number} is not in 0-100")


def test_a_zone_that_is_gone_sets_its_trigger_aside_and_no_other(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after an update of the time zone database."""
    store = f"sqlite:///{tmp_path / 'store.sqlite'}"
    with Embedded(store=store) as cluster:
        request = apply(job("kept", cron="* * * * * ?"), job("gone", cron="* * * * * ?", time_zone="Europe/Berlin"))
        cluster.client.unary("JobService/Apply", request, job_service_pb2.ApplyResponse)
    real = zones.zone

    def without(name: str) -> Any:
        if name == "Europe/Berlin":
            raise ZoneError("cannot be read from the zone database", name)
        return real(name)

    monkeypatch.setattr("scheduler.schedules.compiling.zone", without)
    with Embedded(store=store) as cluster:

        def status(name: str) -> job_pb2.JobStatus:
            request = job_service_pb2.GetJobRequest(name=name)
            return cluster.client.unary("JobService/Get", request, job_pb2.Job).status

        eventually(lambda: status("gone").triggers[0].error, describe="the trigger is set aside")
        assert "Europe/Berlin" in status("gone").triggers[0].error
        last = status("kept").last_execution.id
        eventually(lambda: status("kept").last_execution.id != last, describe="the other job goes on firing")
