"""Stores of each kind that lasts, before their first upgrade."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jobstore.opening import open_store
from jobstore.sql.store import SqlStore


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a store in which nothing is."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    made: str = request.getfixturevalue("pg_url")
    return made


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    """In which nothing is."""
    opened = open_store(url)
    yield opened
    opened.close()
