"""The running cluster, the command line in this process, and that nothing has changed afterwards."""

import io
import logging
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from schedctl.__main__ import run
from schedctl.dev import Embedded
from tests.bad_inputs.house import House


@pytest.fixture(scope="package")
def house() -> Iterator[House]:
    """One cluster for all of this folder."""
    with Embedded(tasks=["tests.bad_inputs.callables"]) as embedded:
        house = House(embedded)
        house.furnish()
        yield house
        house.close()


@pytest.fixture
def unchanged(house: House, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """After the test all jobs and executions are what they were, and nobody has logged an error."""
    before = house.picture()
    yield
    assert house.picture() == before
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*os.environ]:
        if name.startswith("CRONQUORUM_") and name != "CRONQUORUM_CACHE":
            monkeypatch.delenv(name)


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    def problems(self, prog: str) -> list[str]:
        """The lines of stderr without the program's name: one for each problem, and nothing else."""
        lines = self.err.splitlines()
        assert "Traceback" not in self.err + self.out
        assert all(line.startswith(f"{prog}: ") and line.isprintable() for line in lines), self.err
        return [line.removeprefix(f"{prog}: ") for line in lines]


Program = Callable[..., Ended]


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    """A program's `main` in this process: called with it, its arguments, and what stands on stdin."""

    def carry_out(main: Callable[[list[str]], int], *argv: str, stdin: bytes = b"") -> Ended:
        monkeypatch.setattr("cronquorum.logs.configure", lambda *_: None)  # the logging is that of the tests
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        try:
            code = main(list(argv))
        except SystemExit as end:
            assert isinstance(end.code, int)
            code = end.code
        out, err = capsys.readouterr()
        return Ended(code=code, out=out, err=err)

    return carry_out


@pytest.fixture
def schedctl(program: Program, house: House, monkeypatch: pytest.MonkeyPatch) -> Program:
    """The command line of `schedctl`, with the cluster as its endpoint."""
    monkeypatch.setenv("CRONQUORUM_ENDPOINT", house.address)

    def carry_out(*argv: str, stdin: bytes = b"") -> Ended:
        return program(run, *argv, stdin=stdin)

    return carry_out


@pytest.fixture
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
