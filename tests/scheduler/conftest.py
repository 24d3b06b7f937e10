"""A store, a clock, and a term."""

from collections.abc import AsyncIterator, Iterator

import pytest

from jobstore.opening import open_store
from jobstore.sql.store import SqlStore
from jobstore.sql.tables import metadata
from tests.scheduler.fake_clock import FakeClock
from tests.scheduler.stage import Stage


@pytest.fixture
def store() -> Iterator[SqlStore]:
    """A real store, in memory, with its schema."""
    made = open_store("sqlite://")
    made.database.write(metadata.create_all)  # as the migrations make them, only faster
    yield made
    made.close()


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still at a Monday's noon."""
    return FakeClock()


@pytest.fixture
async def stage(store: SqlStore, clock: FakeClock) -> AsyncIterator[Stage]:
    """What a leader needs; nobody leads yet."""
    made = Stage(store, clock)
    await made.open()
    yield made
    await made.close()
