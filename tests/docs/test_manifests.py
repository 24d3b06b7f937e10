"""Every manifest that is shown is one, and the examples run."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from schedapi.v1 import job_pb2
from schedctl.__main__ import run
from schedctl.dev import Embedded
from tests.docs.pages import ROOT, Block, block, blocks

SHOWN = [each for each in blocks("yaml") if "kind: Job" in each.text]


def schedctl(
    cluster: Embedded, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *argv: str, stdin: str = ""
) -> str:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
    code = run(["--endpoint", cluster.address, *argv])
    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    return out


def test_there_are_manifests_to_look_at() -> None:
    assert {each.page.name for each in SHOWN} == {"README.md", "manifest.md"}
    assert all("kind: Job" in each.text for each in blocks("yaml"))


@pytest.mark.parametrize("shown", SHOWN, ids=str)
def test_a_manifest_of_the_docs_can_be_applied(
    shown: Block, cluster: Embedded, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = schedctl(cluster, capsys, monkeypatch, "apply", "--dry-run", "-f", "-", stdin=shown.text)
    assert said.endswith(" created (dry run)\n")


def test_the_manifest_with_every_field_has_every_field() -> None:
    """But for what another one shows: the other kind of task, and `argv`, which is in a comment."""
    everything, python = (yaml.safe_load(each.text) for each in SHOWN if each.page.name == "manifest.md")
    everything["spec"]["task"] |= python["spec"]["task"]
    missing = set(_missing(job_pb2.Job.DESCRIPTOR, everything, ""))
    assert missing == {"status", "spec.task.shell.argv"}
    assert "or argv: [program, argument]" in block_with("name: everything").text


def block_with(words: str) -> Block:
    (found,) = [each for each in SHOWN if words in each.text]
    return found


def _missing(message: Any, value: object, path: str) -> list[str]:
    if isinstance(value, list):
        (value,) = value
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
