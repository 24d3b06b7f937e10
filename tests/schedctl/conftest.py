"""A server with the real wire, and the command line in this process or in one of its own."""

import io
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from schedctl.__main__ import run
from tests.schedctl.service import Service

MANIFEST = """
apiVersion: sched/v1
kind: Job
metadata: {name: nightly, labels: {team: data}}
spec:
  description: sales of the day before
  triggers: [{name: night, cron: "0 30 2 * * ?", timeZone: Europe/Berlin}]
  task: {shell: {command: "echo on", env: {ANSWER: "yes"}}}
  retry: {maxAttempts: 4, delay: 30s}
---
apiVersion: sched/v1
kind: Job
metadata: {name: hourly, namespace: team}
spec:
  triggers: [{name: hour, cron: "0 0 * * * ?"}]
  task: {python: {callable: "reports:hourly"}}
"""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command line ended."""

    code: int
    out: str
    err: str


class CommandLine(Protocol):
    """Carries out a command line."""

    def __call__(self, *argv: str, stdin: bytes = b"") -> Ended: ...


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as service:
        yield service


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*os.environ]:
        if name.startswith("CRONQUORUM_") or name in ("NO_COLOR", "COLUMNS"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TERM", "xterm")


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """The command line in this process, with no server to talk to."""

    def carry_out(*argv: str, stdin: bytes = b"") -> Ended:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = run(argv)
        out, err = capsys.readouterr()
        return Ended(code=code, out=out, err=err)

    return carry_out


@pytest.fixture
def cli(offline: CommandLine, service: Service, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command line in this process, with the server as its endpoint."""
    monkeypatch.setenv("CRONQUORUM_ENDPOINT", service.endpoint)
    return offline


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    """A file with the jobs default/nightly and team/hourly."""
    path = tmp_path / "jobs.yaml"
    path.write_text(MANIFEST)
    return path


@pytest.fixture
def applied(cli: CommandLine, manifests: Path, service: Service) -> CommandLine:
    """The command line, with the two jobs on the server."""
    assert cli("apply", "-f", str(manifests)).code == 0
    service.requests.clear()
    return cli
