"""A cluster for a test."""

from pathlib import Path

import pytest

from tests.cluster.cluster import Cluster
from tests.conftest import Spawn


@pytest.fixture
def cluster(spawn: Spawn, pg_url: str, zk_chroot: str, tmp_path: Path) -> Cluster:
    """An empty cluster with its schema in place; the test starts what it needs."""
    made = Cluster(spawn=spawn, store=pg_url, zookeeper=zk_chroot, folder=tmp_path)
    made.upgrade()
    return made
