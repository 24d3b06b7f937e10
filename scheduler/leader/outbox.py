"""From a decision to the executor: what leaves, leaves when its record is committed."""

from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from cronquorum import failpoints
from cronquorum.logs import get_logger, verbosity
from jobstore.changes import Change, MoveExecution, NewExecution
from jobstore.errors import BadChange
from jobstore.model import Execution
from jobstore.states import PLACED, State
from schedapi.v1 import executor_service_pb2 as pb
from scheduler import wire
from scheduler.errors import NotLeading, SetAside
from scheduler.leader.ahead import Ahead
from scheduler.leader.catalog import Catalog
from scheduler.leader.chains import Chains
from scheduler.leader.delays import Delays
from scheduler.leader.hub import Hub
from scheduler.leader.ledger import Holder, Ledger
from scheduler.leader.link import Link
from scheduler.leader.orders import Orders
from scheduler.leader.writer import Writer
from scheduler.metrics import NodeMetrics

_log = get_logger(__name__)


class Outbox:
    """Submits decisions to the writer; sends, publishes and counts once they are committed."""

    def __init__(
        self,
        writer: Writer,
        ledger: Ledger,
        ahead: Ahead,
        catalog: Catalog,
        followers: tuple[Delays, Chains],
        hub: Hub,
        links: Callable[[Holder], Link | None],
        metrics: NodeMetrics,
    ) -> None:
        self._writer = writer
        self._ledger = ledger
        self._ahead = ahead
        self._orders = Orders(catalog)
        self._delays, self._chains = followers
        self._hub = hub
        self._links = links
        self._metrics = metrics
        self._uncommitted: set[UUID] = set()

    def new(self, execution: Execution, *others: Change) -> None:
        """Record a new execution together with other changes, then send it if it was placed."""
        self._submit(execution, [NewExecution(execution), *others])

    def move(self, executions: Iterable[Execution]) -> None:
        """Write what executions have become, each by itself, then send those that were placed."""
        for execution in executions:
            self._submit(execution, [MoveExecution(execution)])

    def settled(self, execution: Execution, others: Iterable[Change], then: Callable[[], None] | None = None) -> None:
        """Write what has become of an execution, with what is kept beside it; then call `then`."""
        if execution.state is State.RETRYING:
            self._metrics.retried(execution)
        self._submit(execution, [MoveExecution(execution), *others], then)

    async def written(self, change: NewExecution | MoveExecution, *others: Change) -> None:
        """Write one execution together with other changes, and wait until it is committed; then send it.

        Raises as `Writer.write` does.
        """
        execution = change.execution
        self._expect(execution)
        try:
            await self._writer.write([change, *others, *self._follow(execution)])
        except BadChange as error:
            self.refused(execution, error)
            raise
        self.committed(execution)
        self._begin_next(execution)

    def cancel(self, executions: Iterable[Execution]) -> None:
        """Ask executors to end what has been committed as `cancelling`."""
        for execution in executions:
            link = self._links((execution.executor_id, execution.incarnation))
            if execution.cancelling and link is not None:
                link.cancel(wire.key_of(execution))

    def _submit(self, execution: Execution, changes: list[Change], then: Callable[[], None] | None = None) -> None:
        self._expect(execution)
        changes.extend(self._follow(execution))
        self._writer.put(_Step(self, execution, changes, then))
        self._begin_next(execution)

    def _expect(self, execution: Execution) -> None:
        if is_to_be_sent(execution):
            self._uncommitted.add(execution.id)

    def _begin_next(self, execution: Execution) -> None:
        """What waited behind one that has ended."""
        if execution.state.final:
            self.move(self._chains.ended(execution))

    def _follow(self, execution: Execution) -> Sequence[Change]:
        """What the end of an execution brings about."""
        return self._delays.ended(execution) if execution.state.final else ()

    def committed(self, execution: Execution) -> None:
        """It is committed: send, publish, count."""
        if verbosity.debug:
            _tell(execution)
        if self._metrics.spans is not None:
            self._metrics.spans.committed(execution)
        if is_to_be_sent(execution):
            self._uncommitted.discard(execution.id)
            link = self._links((execution.executor_id, execution.incarnation))
            if link is not None and self._is_still_placed(execution):
                self.send(link, execution)
        elif execution.state.final:
            self._metrics.finished(execution)
        self._hub.publish(execution)

    def send(self, link: Link, execution: Execution) -> None:
        """Send a dispatch whose record is committed: at its time, and when there is a slot for it."""
        if not self._ahead.takes(link, execution):
            order = self.order(execution)
            if order is not None:
                link.send(order)

    def order(self, execution: Execution) -> pb.Dispatch | None:
        """What an executor is told to run; None when the definition is gone."""
        order = self._orders.order(execution)
        if order is None:
            _log.error("a dispatched execution's definition is gone", **_named(execution))
        return order

    def _is_still_placed(self, execution: Execution) -> bool:
        """Whether it has not been given away, or ended, while its record was on the way to the store."""
        present = self._ledger.get(execution.id)
        return (
            present is not None
            and present.state in PLACED
            and (present.attempt, present.placement) == (execution.attempt, execution.placement)
        )

    def is_committed(self, execution: Execution) -> bool:
        """Whether a placed execution's record is in the store: only then may it be sent."""
        return execution.id not in self._uncommitted

    def refused(self, execution: Execution, error: Exception) -> None:
        """The store does not take it: it is set aside."""
        if isinstance(error, NotLeading):
            return
        self._uncommitted.discard(execution.id)
        self._ahead.withdraw(execution)
        self._ledger.forget(execution.id)
        self._chains.forget(execution)
        self._hub.give_up(execution.id, SetAside(f"execution {execution.id} was set aside: {error}"))
        _log.error(
            "the store refused an execution: set aside",
            **_named(execution),
            state=execution.state.value,
            error=str(error),
        )


class _Step:
    """What has become of one execution, on its way to the store."""

    __slots__ = ("_execution", "_outbox", "_then", "changes")

    def __init__(
        self, outbox: Outbox, execution: Execution, changes: Sequence[Change], then: Callable[[], None] | None
    ) -> None:
        self.changes = changes
        self._outbox = outbox
        self._execution = execution
        self._then = then

    def committed(self) -> None:
        if self._then is not None:
            failpoints.hit("leader.acknowledge")
            self._then()
        self._outbox.committed(self._execution)

    def refused(self, error: Exception) -> None:
        self._outbox.refused(self._execution, error)


def _named(execution: Execution) -> dict[str, str]:
    return {"namespace": execution.namespace, "job": execution.job, "execution": str(execution.id)}


def _tell(execution: Execution) -> None:
    _log.debug(
        "execution",
        **_named(execution),
        state=execution.state.value,
        reason=execution.reason,
        attempt=execution.attempt,
        executor=execution.executor_id,
        scheduled=execution.scheduled_time.isoformat(),
    )


def is_to_be_sent(execution: Execution) -> bool:
    """Whether an executor is to hear of it once it is committed."""
    return execution.state is State.DISPATCHED and not execution.cancelling
