"""From a decision to the executor: what leaves, leaves when its record is committed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from uuid import UUID

from cronquorum import failpoints
from cronquorum.logs import get_logger
from jobstore.changes import Change, MoveExecution, NewExecution
from jobstore.errors import BadChange
from jobstore.model import Execution
from jobstore.states import State
from scheduler import wire
from scheduler.errors import NotLeading, SetAside
from scheduler.leader.catalog import Catalog
from scheduler.leader.chains import Chains
from scheduler.leader.delays import Delays
from scheduler.leader.hub import Hub
from scheduler.leader.ledger import Holder, Ledger
from scheduler.leader.link import Link
from scheduler.leader.writer import Writer
from scheduler.metrics import NodeMetrics

_log = get_logger(__name__)


class Outbox:
    """Submits decisions to the writer; sends, publishes and counts once they are committed."""

    def __init__(
        self,
        writer: Writer,
        ledger: Ledger,
        catalog: Catalog,
        followers: tuple[Delays, Chains],
        hub: Hub,
        links: Callable[[Holder], Link | None],
        metrics: NodeMetrics,
    ) -> None:
        self._writer = writer
        self._ledger = ledger
        self._catalog = catalog
        self._delays, self._chains = followers
        self._hub = hub
        self._links = links
        self._metrics = metrics
        self._uncommitted: set[UUID] = set()

    def new(self, execution: Execution, *others: Change) -> None:
        """Record a new execution together with other changes, then send it if it was placed."""
        self._submit([NewExecution(execution), *others], [execution])

    def move(self, executions: Iterable[Execution]) -> None:
        """Write what executions have become, each by itself, then send those that were placed."""
        for execution in executions:
            self._submit([MoveExecution(execution)], [execution])

    def settled(
        self, executions: Sequence[Execution], others: Iterable[Change], then: Callable[[], None] | None = None
    ) -> None:
        """Write what has become of executions, with what is kept beside them; then call `then`."""
        self._submit([*(MoveExecution(execution) for execution in executions), *others], executions, then)

    async def written(self, change: NewExecution | MoveExecution, *others: Change) -> None:
        """Write one execution together with other changes, and wait until it is committed; then send it.

        Raises as `Writer.write` does.
        """
        execution = change.execution
        placed = [execution] if execution.state is State.DISPATCHED and not execution.cancelling else []
        self._uncommitted.update(e.id for e in placed)
        try:
            await self._writer.write([change, *others, *self._follow([execution])])
        except BadChange as error:
            self._refused([execution], error)
            raise
        self._committed([execution], placed)
        self._begin_next([execution])

    def cancel(self, executions: Iterable[Execution]) -> None:
        """Ask executors to end what has been committed as `cancelling`."""
        for execution in executions:
            link = self._links((execution.executor_id, execution.incarnation))
            if execution.cancelling and link is not None:
                link.cancel(wire.key_of(execution))

    def _submit(
        self, changes: Sequence[Change], executions: Sequence[Execution], then: Callable[[], None] | None = None
    ) -> None:
        placed = [e for e in executions if e.state is State.DISPATCHED and not e.cancelling]
        self._uncommitted.update(e.id for e in placed)

        def committed() -> None:
            if then is not None:
                failpoints.hit("leader.acknowledge")
                then()
            self._committed(executions, placed)

        self._writer.submit(
            [*changes, *self._follow(executions)],
            committed,
            lambda error: self._refused(executions, error),
        )
        self._begin_next(executions)

    def _begin_next(self, executions: Iterable[Execution]) -> None:
        """What waited behind those that have ended."""
        for execution in executions:
            if execution.state.final:
                self.move(self._chains.ended(execution))

    def _follow(self, executions: Iterable[Execution]) -> Iterator[Change]:
        """What the ends of executions bring about."""
        for execution in executions:
            if execution.state.final:
                yield from self._delays.ended(execution)

    def _committed(self, executions: Sequence[Execution], placed: Sequence[Execution]) -> None:
        for execution in placed:
            self._uncommitted.discard(execution.id)
            link = self._links((execution.executor_id, execution.incarnation))
            if link is not None:
                self.send(link, execution)
        self.committed(executions)

    def committed(self, executions: Iterable[Execution]) -> None:
        """Publish and count what has been committed."""
        executions = list(executions)
        for execution in executions:
            if execution.state.final:
                self._metrics.finished(execution)
        self._hub.publish(executions)

    def send(self, link: Link, execution: Execution) -> None:
        """Send a dispatch whose record is committed."""
        definition = self._catalog.definition(execution.job_uid, execution.revision)
        if definition is None:
            _log.error("a dispatched execution's definition is gone", execution=str(execution.id))
            return
        link.send(wire.dispatch(execution, definition))

    def is_committed(self, execution: Execution) -> bool:
        """Whether a placed execution's record is in the store: only then may it be sent."""
        return execution.id not in self._uncommitted

    def _refused(self, executions: Sequence[Execution], error: Exception) -> None:
        if isinstance(error, NotLeading):
            return
        for execution in executions:
            self._uncommitted.discard(execution.id)
            self._ledger.forget(execution.id)
            self._chains.forget(execution)
            self._hub.give_up(execution.id, SetAside(f"execution {execution.id} was set aside: {error}"))
            _log.error(
                "the store refused an execution: set aside",
                execution=str(execution.id),
                job=execution.job,
                state=execution.state.value,
                error=str(error),
            )
