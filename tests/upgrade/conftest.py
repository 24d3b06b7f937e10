"""A cluster of this release, for tests that stop parts of it; and stores of each kind that lasts."""

from tests.cluster.conftest import cluster
from tests.jobstore.conftest import url

__all__ = ["cluster", "url"]
