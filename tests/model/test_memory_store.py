"""The contract of a store, run over the one in memory.

Not asked of it: to forget, and to encode (what JSON, a database's text or a zone make of values: it keeps the very
values that it is given).
"""

from types import ModuleType

import pytest

from jobstore.model import Term
from tests.contract import test_jobstore_commit, test_jobstore_jobs, test_jobstore_void
from tests.model.memory_store import MemoryStore

_ENCODING = (
    "test_bad_change_for_data_that_cannot_be_written_and_nothing_is",
    "test_a_refusal_says_what_is_wrong",
    "test_what_is_given_as_another_zone_is_read_as_utc",
)
_DATABASE = ("test_many_are_one_statement",)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def term(store: MemoryStore) -> Term:
    return store.begin_term(1, "ensemble-1", "node-1")


def _collect(*suites: ModuleType) -> None:
    """The suites' tests become this module's, with its fixtures."""
    for suite in suites:
        for name, test in vars(suite).items():
            if name.startswith("test_") and name not in (*_ENCODING, *_DATABASE):
                globals()[name] = test


_collect(test_jobstore_commit, test_jobstore_jobs, test_jobstore_void)
