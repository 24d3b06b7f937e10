"""Is the cluster in full service, and how long was it not."""

import contextlib
import time
from datetime import timedelta
from itertools import pairwise

import psycopg2
from psycopg2 import sql

from schedapi.client import Client
from schedapi.errors import ApiError
from schedapi.v1 import cluster_service_pb2
from tests.gate.faults import Facts, Fault
from tests.gate.rig import Rig

FULL_SERVICE = 30.0
"""Seconds after the last fault is healed, without an operator."""
PATIENCE = 90.0
"""Seconds after which the next fault is made, all the same."""
LOOK = 0.1
TOGETHER = 0.1
"""Seconds within which dispatches are taken for one batch: the first one of a new term."""


class Service:
    """Asks the nodes and the store, as a stranger would."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._client = Client(rig.endpoints)

    def close(self) -> None:
        self._client.close()

    def wait(self, healed: float | None = None) -> float | None:
        """Wait for full service; seconds since `healed` (monotonic), or None when it took longer than FULL_SERVICE."""
        begin = time.monotonic() if healed is None else healed
        since = time.time() - (time.monotonic() - begin)  # noqa: TID251 - the machine's, to compare with the store's
        while not self._is_full(since) and not self._rig.stop.is_set():
            if time.monotonic() - begin > PATIENCE:
                return None
            self._rig.ensure_members()
            self._rig.sleep(LOOK)
        took = round(time.monotonic() - begin, 2)
        return took if took <= FULL_SERVICE else None

    def recovery(self, begin: float, healed: float, epoch: int, fault: Fault) -> Facts:
        """The time to the next dispatch, by a later term if there was one, and the longest time without any.

        Counted from the begin, and without another term, the one is the other: some are always under way.
        """
        with self._rig.query() as asking:
            asking.execute("SELECT epoch FROM terms")
            later = (asking.fetchone() or (0,))[0]
            column = sql.Identifier(fault.seen_by)
            query = sql.SQL(
                "SELECT extract(epoch FROM {0})::float, epoch, extract(epoch FROM scheduled_time)::float "
                "FROM executions WHERE {0} > to_timestamp(%s) ORDER BY {0}"
            )
            asking.execute(query.format(column), [begin])
            rows = asking.fetchall()
        gap = max((after - before for before, after in pairwise([begin, *(at for at, _, _ in rows)])), default=0.0)
        since = healed if fault.since_healed else begin
        found = [at for at, of, _ in rows if at > since and (fault.since_healed or of > epoch)]
        if found and fault.since_due:
            together = [due for at, _, due in rows if found[0] <= at <= found[0] + TOGETHER and due >= since]
            since = max(since, min(together, default=since))
        seconds = found[0] - since if found else None
        if later == epoch and not fault.since_healed:
            seconds = gap if rows else None
        return {
            "recovery": None if seconds is None else round(seconds, 2),
            "gap": round(gap, 2),
            "epochs": [epoch, later],
        }

    def _is_full(self, since: float) -> bool:
        with contextlib.suppress(ApiError, psycopg2.Error):
            status = self._client.unary(
                "ClusterService/Status",
                cluster_service_pb2.StatusRequest(),
                cluster_service_pb2.ClusterStatus,
                timeout=timedelta(seconds=2),
            )
            attached = {each.executor_id for each in status.executors if each.state == "attached"}
            if not status.HasField("leader") or not attached >= set(self._rig.executors):
                return False
            with self._rig.query() as asking:
                asking.execute("SELECT EXISTS (SELECT FROM executions WHERE dispatched > to_timestamp(%s))", [since])
                return bool((asking.fetchone() or [False])[0])
        return False
