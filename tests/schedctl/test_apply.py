"""`schedctl apply`: from files to the server, whole or not at all, and every problem in its place."""

import json
from pathlib import Path

import pytest

from schedapi.errors import InvalidArgument, Violation
from schedctl import apply
from tests.schedctl.conftest import MANIFEST, CommandLine
from tests.schedctl.service import Service


def test_it_tells_what_became_of_each_job(cli: CommandLine, manifests: Path, service: Service) -> None:
    dry = cli("apply", "-f", str(manifests), "--dry-run")
    assert dry.out == "job default/nightly created (dry run)\njob team/hourly created (dry run)\n"
    assert not service.jobs
    assert cli("apply", "-f", str(manifests)).out == "job default/nightly created\njob team/hourly created\n"
    assert len(service.requests) == 2
    assert service.requests[1].request_id
    manifests.write_text(MANIFEST.replace("30s", "40s"))
    again = cli("apply", "-f", str(manifests))
    assert again.out == "job default/nightly updated\njob team/hourly unchanged\n"
    assert again.err == ""


def test_it_reads_standard_input_and_fills_in_the_namespace(cli: CommandLine, service: Service) -> None:
    assert cli("-n", "night", "apply", "-f", "-", stdin=MANIFEST.encode()).code == 0
    assert [*service.jobs] == [("night", "nightly"), ("team", "hourly")]


def test_it_reads_a_folder_by_name_and_not_deeper(cli: CommandLine, tmp_path: Path, service: Service) -> None:
    first, second = MANIFEST.split("---")
    (tmp_path / "b.yml").write_text(second)
    (tmp_path / "a.json").write_text(
        '{"apiVersion": "sched/v1", "kind": "Job", "metadata": {"name": "first"}, "spec": {}}'
    )
    (tmp_path / "c.yaml").write_text(first)
    (tmp_path / "notes.txt").write_text("no manifest")
    (tmp_path / ".hidden.yaml").write_text("no manifest")
    (tmp_path / "deeper.yaml").mkdir()
    ended = cli("apply", "-f", str(tmp_path), "-o", "json")
    assert [each["name"] for each in json.loads(ended.out)["items"]] == ["first", "hourly", "nightly"]
    assert json.loads(ended.out)["items"][0] == {
        "namespace": "default",
        "name": "first",
        "outcome": "created",
        "revision": 1,
    }


def test_what_get_prints_as_yaml_can_be_applied_unchanged(applied: CommandLine, tmp_path: Path) -> None:
    for form in ("yaml", "json"):
        printed = applied("job", "get", "nightly", "-o", form).out
        path = tmp_path / f"again.{form}"
        path.write_text(printed)
        assert applied("apply", "-f", str(path)).out == "job default/nightly unchanged\n"


def test_all_problems_of_all_files_are_told_and_nothing_is_sent(
    cli: CommandLine, tmp_path: Path, service: Service
) -> None:
    first, second = MANIFEST.split("---")
    (tmp_path / "a.yaml").write_text(first.replace("cron:", "crn:"))
    (tmp_path / "b.yaml").write_text(second.replace("name: hour,", "name: 5,"))
    ended = cli("apply", "-f", str(tmp_path), "-f", str(tmp_path / "c.yaml"))
    assert ended.code == 1
    assert ended.err.splitlines() == [
        f"schedctl: {tmp_path}/a.yaml: document 1 (nightly): spec.triggers[0].crn: unknown field; did you mean 'cron'?",
        f"schedctl: {tmp_path}/b.yaml: document 1 (hourly): spec.triggers[0].name: 5 is not a text; put it in quotes",
        f"schedctl: {tmp_path}/c.yaml: no such file or directory",
    ]
    assert ended.out == ""
    assert not service.requests


def test_what_the_server_finds_is_told_in_the_place_of_the_file(cli: CommandLine, manifests: Path) -> None:
    manifests.write_text(MANIFEST.replace('"0 0 * * * ?"', '"0 0 25 * * ?"'))
    ended = cli("apply", "-f", str(manifests))
    assert ended.code == 1
    place = f"{manifests}: document 2 (hourly): spec.triggers[0].cron"
    assert ended.err == f"schedctl: {place}: hours: 25 is not in 0-23\n"


def test_violations_without_a_document_are_told_too(cli: CommandLine, manifests: Path, service: Service) -> None:
    found = [
        ("jobs[7].spec", "odd"),
        ("request_id", "too long"),
        ("", "and 3 more"),
        ("jobs[0]", "all\x1b[2J"),
    ]
    violations = [Violation(field=field, description=text) for field, text in found]
    service.failures = [InvalidArgument("4 fields are wrong", violations=violations)]
    assert cli("apply", "-f", str(manifests)).err.splitlines() == [
        "schedctl: jobs[7].spec: odd",
        "schedctl: request_id: too long",
        "schedctl: and 3 more",
        f"schedctl: {manifests}: document 1 (nightly): all\\x1b[2J",
    ]


def test_one_job_in_two_places_is_refused(cli: CommandLine, manifests: Path, service: Service) -> None:
    ended = cli("apply", "-f", str(manifests), "-f", str(manifests))
    assert ended.code == 1
    assert "document 1 (nightly): metadata.name: default/nightly is already in" in ended.err
    assert not service.requests


BAD_FILES = [
    (b"\xff\xfe", "not UTF-8 text (byte 0)"),
    (b"a: [", "line 2: not YAML: did not find expected node content"),
    (b"", "no documents"),
    (b"x" * 2_000_000, "longer than 1024 KiB"),
]


@pytest.mark.parametrize(("content", "expected"), BAD_FILES, ids=["bytes", "syntax", "empty", "long"])
def test_a_file_that_is_no_manifest_is_refused(
    content: bytes, expected: str, offline: CommandLine, manifests: Path
) -> None:
    manifests.write_bytes(content)
    for source, stdin in ((str(manifests), b""), ("-", content)):
        ended = offline("apply", "-f", source, stdin=stdin)
        assert ended.code == 1
        assert ended.err.startswith(f"schedctl: {'stdin' if source == '-' else source}: ")
        assert expected in ended.err
        assert ended.err.count("\n") == 1


def test_devices_and_empty_folders_are_refused(offline: CommandLine, tmp_path: Path) -> None:
    assert offline("apply", "-f", "/dev/zero").err == "schedctl: /dev/zero: longer than 1024 KiB\n"
    assert offline("apply", "-f", str(tmp_path)).err == (
        f"schedctl: {tmp_path}: no .yaml, .yml, .json file in this folder\n"
    )
    assert offline("apply").code == 2


def test_more_than_a_server_takes_is_refused_here(
    offline: CommandLine, manifests: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply, "LARGEST_REQUEST", 100)
    ended = offline("apply", "-f", str(manifests))
    assert ended.err == "schedctl: 2 manifests are more than one apply takes (4 MiB): apply them in parts\n"
