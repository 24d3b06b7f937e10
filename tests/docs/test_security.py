"""The page about security: its commands are carried out, and its table is that of the program."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cronquorum.certificates import Certificates, TlsFiles
from cronquorum.roles import Role
from executor.settings import ExecutorSettings
from schedapi.permissions import RULES, allowed
from schedctl.__main__ import run
from scheduler.config import NodeSettings
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "security.md"
TEXT = PAGE.read_text()


def shown_commands() -> list[str]:
    """The page's commands, continued lines joined."""
    code = "\n".join(line.removeprefix("    ") for line in TEXT.splitlines() if line.startswith("    "))
    lines = re.sub(r"\\\n\s*", "", code).splitlines()
    return [line for line in lines if line.startswith(("schedctl ", "python ", "cat ", "cp "))]


def test_the_table_of_roles_is_that_of_the_program() -> None:
    shown: dict[str, set[Role]] = {}
    for cells, roles in re.findall(r"^\| (`\w+Service/.*?) \| (.+?) \|$", TEXT, re.MULTILINE):
        for method in re.findall(r"`(.+?)`", cells):
            shown[f"/schedapi.v1.{method}"] = {Role[word.upper()] for word in roles.split(", ")}
    ours = [
        f"/{service}/{name}" for service, rules in RULES.items() for name in rules if service.startswith("schedapi")
    ]
    assert shown == {method: allowed(method) for method in ours}
    for role in Role:
        assert f"| {role.word} | `{role.value}` |" in TEXT


def test_the_commands_are_carried_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the order of the page, in one folder; those that need a cluster have files that are theirs."""
    monkeypatch.chdir(tmp_path)
    made = 0
    for line in shown_commands():
        words = shlex.split(line, comments=True)
        if words[:2] == ["schedctl", "pki"]:
            assert run(words[1:]) == 0, capsys.readouterr().err
            made += 1
        elif words[0] in ("cat", "cp"):
            subprocess.run(line, shell=True, check=True)
        elif words[:3] == ["python", "-m", "scheduler"]:
            node = NodeSettings.load(words[3:], prog="scheduler", description="", environ={})
            check(node.tls.files, Role.SCHEDULER)
        elif words[:3] == ["python", "-m", "executor"]:
            executor = ExecutorSettings.load(words[3:], prog="executor", description="", environ={})
            check(executor.config().tls, Role.EXECUTOR)
        else:
            given = {words[index]: words[index + 1] for index in range(1, len(words) - 1)}
            files = {what: Path(given[f"--tls-{what}"]) for what in ("cert", "key", "ca")}
            check(TlsFiles(**files), Role.CLIENT)
    assert made >= 7
    both = (tmp_path / "both.crt").read_bytes()
    assert both.count(b"BEGIN CERTIFICATE") == 2
    check(TlsFiles(cert=Path("new/node-1.crt"), key=Path("new/node-1.key"), ca=Path("both.crt")), Role.SCHEDULER)


def check(files: TlsFiles | None, role: Role) -> None:
    assert files is not None
    Certificates.open(files, role)


def test_the_refusal_is_the_one_that_is_shown(tmp_path: Path) -> None:
    (shown,) = re.findall(r"^    (scheduler: listen: .*)$", TEXT, re.MULTILINE)
    command = [sys.executable, "-m", "scheduler", "--store", "sqlite:///x", "--zookeeper", "127.0.0.1:1"]
    command += ["--listen", "10.0.0.1:7400"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (ended.returncode, ended.stderr) == (2, f"{shown}\n")
