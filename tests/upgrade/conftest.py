"""A cluster of this release, for tests that stop parts of it."""

from tests.cluster.conftest import cluster

__all__ = ["cluster"]
