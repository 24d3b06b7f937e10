"""Triggers and rules in words."""

import pytest

from schedapi.manifest import read_documents
from schedapi.v1.job_pb2 import Job, Trigger
from schedctl import triggers
from schedctl.describe import describe_job
from tests.test_manifest import HEAD


def job(*texts: str) -> Job:
    listed = ", ".join(f"{{name: t{index}, {text}}}" for index, text in enumerate(texts))
    [document] = read_documents(f"{HEAD}spec: {{triggers: [{listed}]}}", "x")
    return document.job


SCHEDULES = {
    'cron: "0 30 2 * * ?", timeZone: Europe/Berlin': "cron 0 30 2 * * ? (Europe/Berlin)",
    'cron: "0 30 2 * * ?"': "cron 0 30 2 * * ? (UTC)",
    "interval: {every: 90s}": "every 90s",
    "interval: {every: 90s, offset: 30s}": "every 90s, offset 30s",
    "calendarInterval: {every: 2, unit: months, from: 2026-01-31T02:30}": "every 2 months from 2026-01-31T02:30 (UTC)",
    "calendarInterval: {unit: weeks, from: 2026-01-31T02:30}": "every week from 2026-01-31T02:30 (UTC)",
    "calendarInterval: {every: 1, unit: months, from: 2026-01-31T02:30, missingDay: last}, timeZone: Asia/Tokyo": (
        "every month from 2026-01-31T02:30 (Asia/Tokyo)"
    ),
    "daily: {every: 15m, from: 09:00, to: 17:00, days: MON-FRI}": "every 15m from 09:00 to 17:00 on MON-FRI (UTC)",
    "daily: {every: 1h}": "every 1h from 00:00 to 24:00 (UTC)",
    "at: 2026-03-01T02:30:00Z": "at 2026-03-01T02:30:00Z",
    "after: 10m": "after 10m",
    "manual: true": "manual",
    "timeZone: UTC": "",
}


@pytest.mark.parametrize(("text", "words"), SCHEDULES.items())
def test_a_schedule_in_words(text: str, words: str) -> None:
    [trigger] = job(text).spec.triggers
    assert triggers.schedule(trigger) == words


DETAILS = {
    "manual: true": "",
    "calendars: [holidays, ops/freeze]": "not in holidays, ops/freeze",
    "start: 2026-01-01T00:00:00Z, end: 2027-01-01T00:00:00Z": "from 2026-01-01T00:00:00Z; until 2027-01-01T00:00:00Z",
    "maxFires: 5, jitter: 30s": "fired 3 of 5; jitter 30s",
    "calendarInterval: {every: 1, unit: months, from: 2026-01-31T02:30, missingDay: last}": "missing day last",
    "days: and, gap: skip, overlap: both": "days and; gap skip; overlap both",
    "misfire: {policy: skip}": "misfire skip",
    "misfire: {threshold: 5m}": "misfire fireOnce, late by 5m",
    "misfire: {policy: fireAll, rate: 10, limit: 500}": "misfire fireAll, 10 a second, at most 500",
    "params: {mode: full, n: 3}": 'params {"mode": "full", "n": 3}',
    "params: {mode: " + "x" * 100 + "}": 'params {"mode": "' + "x" * 47 + "...",
}


@pytest.mark.parametrize(("text", "words"), DETAILS.items())
def test_the_rest_in_words(text: str, words: str) -> None:
    [trigger] = job(text).spec.triggers
    assert triggers.details(trigger, 3) == words


def test_a_live_table_has_room_for_little() -> None:
    found = job('cron: "0 30 2 * * ?"', "daily: {every: 1h}", "manual: true").spec.triggers
    assert [triggers.brief(each) for each in found] == ["0 30 2 * * ?", "every 1h from 00:00 to 24:00", "manual"]
    assert triggers.brief(Trigger()) == ""


def test_a_page_shows_each_trigger_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    found = job('cron: "0 30 2 * * ?", maxFires: 5', "after: 10m", "manual: true")
    found.status.triggers.add(name="t0", fires=3).next_fire.FromJsonString("2026-11-22T02:30:00Z")
    found.status.triggers.add(name="t1", error="calendar default/holidays: it is gone")
    describe_job(found, [])
    page = capsys.readouterr().out
    assert page.split("Triggers:\n")[1].splitlines() == [
        "  NAME  SCHEDULE                 NEXT FIRE             PREVIOUS FIRE  DETAILS",
        "  t0    cron 0 30 2 * * ? (UTC)  2026-11-22T02:30:00Z  -              fired 3 of 5",
        "  t1    after 10m                -                     -              -",
        "  t2    manual                   -                     -              -",
        "  t1 is set aside: calendar default/holidays: it is gone",
    ]
