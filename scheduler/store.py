"""The job store, as a node needs it."""

from typing import Protocol

from jobstore.protocols import JobStore, Records


class Store(JobStore, Records, Protocol):
    """What the leader writes, and what anybody reads."""
