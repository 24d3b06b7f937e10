"""Manifests of calendars: what is read, what is refused with which words, and the files that they name."""

import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedapi.manifest import KINDS, ManifestError, filling, read_documents, to_document, to_yaml
from schedapi.manifest.files import LARGEST_FILE, LARGEST_FILES
from schedapi.v1 import calendar_pb2, job_pb2
from tests.test_manifest import HEAD as JOB
from tests.test_manifest import TEXT, TRICKY, problems

HEAD = "apiVersion: sched/v1\nkind: Calendar\nmetadata: {name: holidays}\n"

EVERYTHING = """
apiVersion: sched/v1
kind: Calendar
metadata: {name: holidays, namespace: default, labels: {team: data}}
spec:
  description: when nobody is there
  timeZone: Europe/Berlin
  base: [freeze, ops/maintenance]
  exclude:
    - {dates: [2026-12-24, 2026-12-27..2027-01-01]}
    - {annual: [12-25, 12-24..01-01], cron: "* * * * * ?"}
    - {weekly: [SAT, SUN], daily: {from: 22:00, to: 06:00}}
    - {holidays: {country: NO, subdivision: "03", categories: [public]}}
    - ics:
        text: |
          BEGIN:VCALENDAR
          END:VCALENDAR
  include:
    - daily: {from: 09:00, to: 24:00}
"""


def calendar(text: str) -> calendar_pb2.Calendar:
    [document] = read_documents(text, "x")
    return document.calendar


def test_dates_times_weekdays_and_countries_are_texts() -> None:
    [document] = read_documents(EVERYTHING, "holidays.yaml")
    assert document.kind == "Calendar"
    spec = document.calendar.spec
    assert list(spec.base) == ["freeze", "ops/maintenance"]
    assert list(spec.exclude[0].dates) == ["2026-12-24", "2026-12-27..2027-01-01"]
    assert list(spec.exclude[1].annual) == ["12-25", "12-24..01-01"]
    assert list(spec.exclude[2].weekly) == ["SAT", "SUN"]
    assert (getattr(spec.exclude[2].daily, "from"), spec.exclude[2].daily.to) == ("22:00", "06:00")
    assert (spec.exclude[3].holidays.country, spec.exclude[3].holidays.subdivision) == ("NO", "03")
    assert spec.exclude[4].ics.text == "BEGIN:VCALENDAR\nEND:VCALENDAR\n"
    assert getattr(spec.include[0].daily, "from") == "09:00"


def test_what_is_written_reads_the_same() -> None:
    found = calendar(EVERYTHING)
    written = to_document(found)
    assert list(written) == ["apiVersion", "kind", "metadata", "spec"]
    assert list(written["spec"]) == ["description", "timeZone", "base", "exclude", "include"]
    assert calendar(to_yaml(found)) == found
    assert calendar(json.dumps(written)) == found
    found.status.revision = 3
    assert not calendar(to_yaml(found)).HasField("status")


@given(st.lists(TEXT | TRICKY, max_size=4), TEXT | TRICKY, TEXT | TRICKY)
def test_every_calendar_reads_back_as_it_was_written(texts: list[str], text: str, word: str) -> None:
    found = calendar_pb2.Calendar(api_version="sched/v1", kind="Calendar")
    found.metadata.name = "a"
    found.spec.description = word
    found.spec.base.extend(texts)
    rule = found.spec.exclude.add(dates=texts, cron=word)
    rule.ics.text = f"{text}\r\n{word}\n"
    rule.holidays.country = word
    assert calendar(to_yaml(found)) == found


def test_jobs_and_calendars_stand_in_one_text() -> None:
    found = read_documents(f"{JOB}---\n{HEAD}---\n{JOB}", "x")
    assert [(each.index, each.kind) for each in found] == [(1, "Job"), (2, "Calendar"), (3, "Job")]
    assert found[0].job.metadata.name == "nightly"
    assert found[1].calendar.metadata.name == "holidays"
    assert str(found[1].problem("spec.base[0]", "is odd")) == "x: document 2 (holidays): spec.base[0]: is odd"
    with pytest.raises(TypeError, match="a Calendar is no Job"):
        found[1].job
    with pytest.raises(TypeError, match="a Job is no Calendar"):
        found[0].calendar
    assert set(KINDS) == {"Job", "Calendar"}


TRIGGERS = [
    "interval: {every: 90s, offset: 30s}",
    "calendarInterval: {every: 2, unit: months, from: 2026-01-31T02:30, missingDay: last}",
    "daily: {every: 15m, from: 09:00, to: 17:00, days: MON-FRI}",
    "at: 2026-03-01T02:30:00Z",
    "after: 10m",
    "manual: true",
]


@pytest.mark.parametrize("schedule", TRIGGERS)
def test_every_kind_of_trigger_is_read_and_written(schedule: str) -> None:
    rest = "start: 2026-01-01T00:00:00+01:00, end: 2027-01-01T00:00:00Z, maxFires: 5, jitter: 30s, calendars: [a, b/c]"
    [document] = read_documents(f"{JOB}spec: {{triggers: [{{name: t, {schedule}, {rest}}}]}}", "x")
    [trigger] = document.job.spec.triggers
    field = trigger.WhichOneof("schedule")
    assert field is not None and schedule.startswith(trigger.DESCRIPTOR.fields_by_name[field].json_name)
    assert (trigger.start, trigger.max_fires) == ("2026-01-01T00:00:00+01:00", 5)
    assert list(trigger.calendars) == ["a", "b/c"]
    assert read_documents(to_yaml(document.job), "again")[0].job == document.job


BAD_TRIGGERS = {
    'cron: "* * * * * ?", at: 2026-03-01T02:30:00Z': "'cron' and 'at' are given; choose one",
    "manual: true, after: 10m": "'manual' and 'after' are given; choose one",
    "interval: {every: 90s}, daily: {every: 1h}": "'interval' and 'daily' are given; choose one",
    "calendarInterval: {every: 1}, interval: {every: 1s}": "'calendarInterval' and 'interval' are given; choose one",
    "manual: yes": ".manual: 'yes' is not true or false",
    "interval: 90s": ".interval: '90s' is not a mapping with fields such as every, offset",
    "interval: {every: 90}": ".interval.every: 90 is not a duration such as 90s, 10m, 1h30m or 2d",
    "calendarInterval: {every: 2 months}": ".calendarInterval.every: '2 months' is not a whole number",
    "calendarInterval: {form: x}": ".calendarInterval.form: unknown field; did you mean 'from'?",
    "daily: {evry: 1h}": ".daily.evry: unknown field; did you mean 'every'?",
    "after: 600": ".after: 600 is not a duration such as 90s, 10m, 1h30m or 2d",
    "at: 2030": ".at: 2030 is not an instant such as 2030-03-01T02:30:00+01:00",
    "calendarInterval: {from: 2030}": ".calendarInterval.from: 2030 is not a local time such as 2026-01-31T02:30",
    "daily: {days: [MON, TUE]}": ".days: ['MON', 'TUE'] is not days of the week such as MON-FRI or MON,TUE; write",
    "daily: {days: 2}": ".daily.days: 2 is not days of the week such as MON-FRI",
    "misfire: {threshold: 0}": ".misfire.threshold: 0 is not a duration such as 90s",
    "calendars: holidays": ".calendars: 'holidays' is not a list",
    "maxFires: 5s": ".maxFires: '5s' is not a whole number",
    "misfire: {rate: 1.5}": ".misfire.rate: 1.5 is not a whole number",
    "calender: [holidays]": ".calender: unknown field; did you mean 'calendars'?",
}


@pytest.mark.parametrize(("text", "expected"), BAD_TRIGGERS.items())
def test_a_bad_trigger_is_named_with_what_would_be_right(text: str, expected: str) -> None:
    [problem] = problems(f"{JOB}spec: {{triggers: [{{name: t, {text}}}]}}")
    assert problem.startswith("jobs.yaml: document 1 (nightly): spec.triggers[0]")
    assert expected in problem


BAD = {
    "kind: Calendr\nmetadata: {name: a}": "kind: 'Calendr' is not 'Job' or 'Calendar'; did you mean 'Calendar'?",
    "kind: job\nmetadata: {name: a}": "kind: 'job' is not 'Job' or 'Calendar'; did you mean 'Job'?",
    "kind: Deployment\nmetadata: {name: a}\nspec: {replicas: 3}": "kind: 'Deployment' is not 'Job' or 'Calendar'",
    "kind: 5\nmetadata: {name: a}": "(a): kind: 5 is not a text; put it in quotes",
    "kind: [Job]\nmetadata: {name: a}": "(a): kind: ['Job'] is not a text",
    "metadata: {name: a}": "(a): kind: missing: must be 'Job' or 'Calendar'",
    "kind: Calendar": "document 1: metadata.name: missing",
    "kind: Calendar\nmetadata: {name: a}\nspec: {triggers: []}": "(a): spec.triggers: unknown field",
    "kind: Calendar\nmetadata: {name: a}\nspec: {exlude: []}": "spec.exlude: unknown field; did you mean 'exclude'?",
}


@pytest.mark.parametrize(("text", "expected"), BAD.items())
def test_an_unknown_kind_is_the_only_problem(text: str, expected: str) -> None:
    [problem] = problems(f"apiVersion: sched/v1\n{text}")
    assert expected in problem


def test_what_a_text_has_to_be_is_told_of_fields_that_there_are() -> None:
    known = {
        f"{message.DESCRIPTOR.name}.{field.json_name}"
        for file in (job_pb2, calendar_pb2)
        for message in vars(file).values()
        if hasattr(message, "DESCRIPTOR") and hasattr(message.DESCRIPTOR, "fields")
        for field in message.DESCRIPTOR.fields
    }
    assert set(filling._SUCH) <= known


BAD_RULES = {
    "{dates: 2026-12-24}": ".dates: '2026-12-24' is not a list",
    "{dates: [20261224]}": ".dates[0]: 20261224 is not a day such as 2026-12-24, or 2026-12-24..2027-01-01",
    "{dates: [2026-12-24, null]}": ".dates[1]: null is not a day such as 2026-12-24, or 2026-12-24..2027-01-01",
    "{date: [2026-12-24]}": ".date: unknown field; did you mean 'dates'?",
    "{weekly: SAT}": ".weekly: 'SAT' is not a list",
    "{daily: 22:00-06:00}": ".daily: '22:00-06:00' is not a mapping with fields such as from, to",
    "{daily: {from: 22, to: 06:00}}": ".daily.from: 22 is not a time of day such as 09:00",
    "{weekly: [1]}": ".weekly[0]: 1 is not a day of the week: SUN, MON, TUE, WED, THU, FRI, SAT, or MON-FRI",
    "{annual: [1224]}": ".annual[0]: 1224 is not a month and day such as 12-24, or 12-24..01-01",
    "{holidays: DE}": ".holidays: 'DE' is not a mapping with fields such as country, subdivision, categories",
    "{holidays: {country: true}}": ".holidays.country: true is not a text; put it in quotes",
    "{ics: holidays.ics}": ".ics: 'holidays.ics' is not a mapping with fields such as text, file",
    "weekends": ": 'weekends' is not a mapping with fields such as dates, annual, weekly",
}


@pytest.mark.parametrize(("rule", "expected"), BAD_RULES.items())
def test_a_bad_rule_is_named_with_what_would_be_right(rule: str, expected: str) -> None:
    [problem] = problems(f"{HEAD}spec: {{exclude: [{{weekly: [SUN]}}, {rule}]}}")
    assert problem == f"jobs.yaml: document 1 (holidays): spec.exclude[1]{expected}"


# ------------------------------------------------------------------------------------------------------ files

ICS = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"


def naming(*names: str) -> str:
    rules = ", ".join(f"{{ics: {{file: {json.dumps(name)}}}}}" for name in names)
    return f"{HEAD}spec: {{exclude: [{rules}]}}"


def test_a_file_is_read_beside_the_manifest_and_sent_as_its_text(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "a.ics").write_bytes(b"\xef\xbb\xbf" + ICS.encode())
    (tmp_path / "b.ics").write_bytes(ICS.encode())
    text = naming("below/a.ics", str(tmp_path / "b.ics")).replace("}]}", "}], include: [{ics: {file: b.ics}}]}")
    [document] = read_documents(text, "x", tmp_path)
    rules = [*document.calendar.spec.exclude, *document.calendar.spec.include]
    assert [rule.ics.text for rule in rules] == [ICS] * 3
    assert not any(rule.ics.HasField("file") for rule in rules)
    found = str(document.problem("spec.include[0].ics.text", "line 2: is odd"))
    assert found == f"x: document 1 (holidays): spec.include[0].ics.file: {tmp_path}/b.ics: line 2: is odd"


def test_without_a_folder_no_file_is_touched() -> None:
    [document] = read_documents(naming("/nowhere"), "x")
    assert document.calendar.spec.exclude[0].ics.file == "/nowhere"
    assert not document.calendar.spec.exclude[0].ics.HasField("text")


def refused(text: str, folder: Path) -> list[str]:
    with pytest.raises(ManifestError) as raised:
        read_documents(text, "x", folder)
    return [str(each) for each in raised.value.problems]


def test_a_bad_file_is_named_and_so_is_its_place(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "latin1").write_bytes(b"caf\xe9")
    (tmp_path / "long").write_bytes(b"x" * (LARGEST_FILE + 1))
    (tmp_path / "just").write_bytes(b"x" * LARGEST_FILE)
    names = ["none", "folder", "pipe", "/dev/zero", "latin1", "long", "just", "", "a\0b", "n" * 300, "a\x1b[2J"]
    told = {
        0: f"{tmp_path}/none: no such file or directory",
        1: f"{tmp_path}/folder: is a directory",
        2: f"{tmp_path}/pipe: is not a regular file",
        3: "/dev/zero: is not a regular file",
        4: f"{tmp_path}/latin1: not UTF-8 text (byte 3)",
        5: f"{tmp_path}/long: longer than 256 KiB",
        7: "'' is not the path of a file",
        8: "'a\\x00b' is not the path of a file",
        9: f"{tmp_path}/{'n' * 300}: file name too long",
        10: f"'{tmp_path}/a\\x1b[2J': no such file or directory",
    }
    found = refused(naming(*names), tmp_path)
    assert found == [f"x: document 1 (holidays): spec.exclude[{i}].ics.file: {text}" for i, text in told.items()]
    if os.getuid() != 0:  # root reads everything
        (tmp_path / "secret").touch(mode=0)
        assert refused(naming("secret"), tmp_path)[0].endswith("secret: permission denied")


def test_text_and_file_are_not_given_together(tmp_path: Path) -> None:
    found = refused(f"{HEAD}spec: {{exclude: [{{ics: {{file: a, text: b}}}}]}}", tmp_path)
    assert found == ["x: document 1 (holidays): spec.exclude[0].ics: 'text' and 'file' are given; choose one"]


def test_all_files_together_are_bounded(tmp_path: Path) -> None:
    (tmp_path / "just").write_bytes(b"x" * LARGEST_FILE)
    fitting = LARGEST_FILES // LARGEST_FILE
    assert read_documents(naming(*["just"] * fitting), "x", tmp_path)
    [found] = refused(f"{naming(*['just'] * fitting)}\n---\n{naming('just')}", tmp_path)
    where = "x: document 2 (holidays): spec.exclude[0].ics.file"
    assert found == f"{where}: {tmp_path}/just: with it the files of these manifests are longer than 4 MiB"


def test_problems_of_the_text_and_of_its_files_are_told_together(tmp_path: Path) -> None:
    text = naming("none").replace("}]}", "}, {weekly: SAT}]}") + f"\n---\n{JOB}spec: {{crn: 1}}"
    assert refused(text, tmp_path) == [
        "x: document 1 (holidays): spec.exclude[1].weekly: 'SAT' is not a list",
        f"x: document 1 (holidays): spec.exclude[0].ics.file: {tmp_path}/none: no such file or directory",
        "x: document 2 (nightly): spec.crn: unknown field",
    ]


@given(name=TEXT | TRICKY)
def test_no_name_of_a_file_does_more_than_fail(name: str) -> None:
    found = calendar(HEAD)
    found.spec.exclude.add().ics.file = name
    with tempfile.TemporaryDirectory() as folder:
        [problem] = refused(to_yaml(found), Path(folder))
    assert "spec.exclude[0].ics.file: " in problem
    assert problem.isprintable()
