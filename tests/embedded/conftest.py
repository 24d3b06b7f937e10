"""One embedded cluster for all tests of this folder; each test has a namespace of its own."""

import itertools
from collections.abc import Iterator

import pytest

from schedctl.dev import Embedded
from tests.embedded import sample_tasks
from tests.embedded.requests import Caller

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Embedded]:
    with Embedded(tasks=[sample_tasks], slots=8) as embedded:
        yield embedded


@pytest.fixture
def namespace() -> str:
    return f"test-{next(_numbers)}"


@pytest.fixture
def caller(cluster: Embedded, namespace: str) -> Caller:
    return Caller(cluster, namespace)
