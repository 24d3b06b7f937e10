"""The job store, as a node needs it."""

from typing import Protocol

from jobstore.protocols import History, JobStore, Records


class Store(JobStore, Records, History, Protocol):
    """What the leader writes, and what anybody reads."""
