"""Every manifest that is shown is one, and the examples run."""

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from schedapi.manifest import KINDS
from schedctl.__main__ import run
from schedctl.dev import Embedded
from tests.docs.pages import ROOT, Block, block, blocks

SHOWN = blocks("yaml")

ICS = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//docs\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n"
ICS += "DTSTART;VALUE=DATE:20260706\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"


def schedctl(
    cluster: Embedded, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *argv: str, stdin: str = ""
) -> str:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
    code = run(["--endpoint", cluster.address, *argv])
    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    return out


def test_there_are_manifests_to_look_at() -> None:
    assert {"README.md", "manifest.md"} <= {each.page.name for each in SHOWN}
    assert {document["kind"] for each in SHOWN for document in yaml.safe_load_all(each.text)} == set(KINDS)


@pytest.mark.parametrize("shown", SHOWN, ids=str)
def test_a_manifest_of_the_docs_can_be_applied(
    shown: Block,
    cluster: Embedded,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Together with the calendars of its page that it uses, and with any file that they name."""
    texts = [shown.text, *_used_by(shown)]
    for name in re.findall(r"ics: \{file: ([\w.-]+)\}", "".join(texts)):
        (tmp_path / name).write_text(ICS)
    monkeypatch.chdir(tmp_path)
    said = schedctl(cluster, capsys, monkeypatch, "apply", "--dry-run", "-f", "-", stdin="\n---\n".join(texts))
    assert said and all(line.endswith(" created (dry run)") for line in said.splitlines())


def _used_by(shown: Block) -> list[str]:
    """The first block of the same page with each calendar that is named and not defined here."""
    uses = set(re.findall(r"[\w-]+", " ".join(re.findall(r"(?:calendars|base): \[([^]]*)\]", shown.text))))
    found = []
    for name in sorted(uses - _calendars_in(shown)):
        others = [each for each in SHOWN if each.page == shown.page and name in _calendars_in(each)]
        found += [each.text for each in others[:1]]
    return found


def _calendars_in(shown: Block) -> set[str]:
    documents = yaml.safe_load_all(shown.text)
    return {document["metadata"]["name"] for document in documents if document["kind"] == "Calendar"}


def test_the_manifest_with_every_field_has_every_field() -> None:
    """But for what another one shows: the other kinds of task; and `argv` and `text`, which are in words."""
    everything, python, kubernetes, calendar, _ = (
        document for each in SHOWN if each.page.name == "manifest.md" for document in yaml.safe_load_all(each.text)
    )
    everything["spec"]["task"] |= python["spec"]["task"] | kubernetes["spec"]["task"]
    assert set(_missing(KINDS["Job"].DESCRIPTOR, everything, "")) == {"status", "spec.task.shell.argv"}
    assert "or argv: [program, argument]" in block_with("name: everything").text
    missing = set(_missing(KINDS["Calendar"].DESCRIPTOR, calendar, ""))
    assert {place for place in missing if not place.startswith("spec.include.")} == {"status", "spec.exclude.ics.text"}


def block_with(words: str) -> Block:
    (found,) = [each for each in SHOWN if words in each.text]
    return found


def _missing(message: Any, value: object, path: str) -> list[str]:
    if isinstance(value, list):  # each item shows some of the fields
        value = {key: part for item in value for key, part in item.items()}
    assert isinstance(value, dict), path
    found = []
    for field in message.fields:
        place = f"{path}.{field.json_name}".removeprefix(".")
        if field.json_name not in value:
            found.append(place)
            continue
        kind = field.message_type
        if kind is not None and kind.file.package == message.file.package and not kind.GetOptions().map_entry:
            found += _missing(kind, value[field.json_name], place)
    return found


def test_the_examples_run(
    cluster_of_examples: Embedded,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    temporary_files: Path,
) -> None:
    cluster = cluster_of_examples
    monkeypatch.setenv("CRONQUORUM_ENDPOINT", cluster.address)
    files = sorted((ROOT / "examples").glob("*.yaml"))
    said = schedctl(cluster, capsys, monkeypatch, "apply", "-f", str(ROOT / "examples"))
    names = [document["metadata"]["name"] for file in files for document in yaml.safe_load_all(file.read_text())]
    assert said.splitlines() == [f"job demo/{name} created" for name in names]
    assert len(names) >= 5
    for name in names:  # at their next fire they would run beside us
        schedctl(cluster, capsys, monkeypatch, "job", "pause", f"demo/{name}")
    results = {}
    for name in [*names, "log-rotation", "log-rotation", "log-rotation"]:
        while (ended := cluster.run(name, namespace="demo", wait=True)).state == "skipped":
            assert ended.reason == "overlap"  # with a fire from before the pause
        assert ended.state == "succeeded", (name, ended.error)
        results[name] = ended
    files_of_demo = {path.name for path in (temporary_files / "cronquorum-demo").rglob("*")}
    assert {"app.log.1", "orders.sqlite"} <= files_of_demo
    assert results["certificate-check"].result.struct_value.fields["checked"].number_value >= 0
    assert results["execution-summary"].result.struct_value.fields["succeeded"].number_value >= 4
    said = schedctl(cluster, capsys, monkeypatch, "-o", "json", "exec", "logs", results["disk-report"].id)
    assert "Filesystem" in said
    said = schedctl(cluster, capsys, monkeypatch, "-o", "json", "job", "list", "-l", "team=data", "-n", "demo")
    assert [each["metadata"]["name"] for each in json.loads(said)["items"]] == ["database-backup", "execution-summary"]


def test_what_is_shown_in_the_readme_is_not_an_example_that_has_moved() -> None:
    assert block("yaml", "README.md").text.startswith("apiVersion: sched/v1\nkind: Job\n")
