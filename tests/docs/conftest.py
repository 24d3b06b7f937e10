"""Running clusters: one for what is only looked at, and one whose tasks run."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from schedctl.dev import Embedded


@pytest.fixture(scope="package")
def cluster() -> Iterator[Embedded]:
    """One cluster for all of this folder."""
    with Embedded() as embedded:
        yield embedded


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*os.environ]:
        if name.startswith("CRONQUORUM_") and name != "CRONQUORUM_CACHE":
            monkeypatch.delenv(name)


@pytest.fixture
def temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where tasks put what is temporary: a folder of this test."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def cluster_of_examples(temporary_files: Path) -> Iterator[Embedded]:
    """A cluster that knows the tasks of the examples; its executor takes its environment when it starts."""
    with Embedded(tasks=["examples.tasks"]) as embedded:
        yield embedded
