"""What executors are told to run: the part that is the same for each execution of a trigger is encoded once."""

from collections import OrderedDict
from uuid import UUID

from jobstore.model import Execution
from schedapi.v1 import executor_service_pb2 as pb
from scheduler import wire
from scheduler.leader.catalog import Catalog

MOST_PATTERNS = 20_000
"""Triggers whose pattern is kept; one has at least a hundred bytes, and 256 KiB with the largest parameters."""
LARGEST_PATTERN = 4 * 1024
"""Bytes of a pattern that is kept: 80 MB in the worst case."""


class Orders:
    """Makes dispatches, out of patterns by (job uid, revision, trigger)."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._patterns: OrderedDict[tuple[UUID, int, str], bytes | None] = OrderedDict()

    def order(self, execution: Execution) -> pb.Dispatch | None:
        """The order to run an execution's attempt; None when its definition is gone."""
        key = execution.job_uid, execution.revision, execution.trigger
        pattern = None if execution.params else self._patterns.get(key)
        if pattern is not None:
            return wire.order(execution, pb.Dispatch.FromString(pattern))
        definition = self._catalog.definition(execution.job_uid, execution.revision)
        if definition is None:
            return None
        message = wire.pattern(execution, definition)
        if not execution.params:
            self._keep(key, message)
        return wire.order(execution, message)

    def _keep(self, key: tuple[UUID, int, str], message: pb.Dispatch) -> None:
        """Keep the pattern of a trigger that comes for the second time: many fire once."""
        if key not in self._patterns:
            self._patterns[key] = None
            if len(self._patterns) > MOST_PATTERNS:
                self._patterns.popitem(last=False)
        elif message.ByteSize() <= LARGEST_PATTERN:
            self._patterns[key] = message.SerializeToString()
