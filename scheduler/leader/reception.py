"""What becomes of executions when their executor attaches, and tells what it holds."""

from jobstore.changes import MoveExecution
from jobstore.states import PLACED, State
from schedapi.v1 import executor_service_pb2 as pb
from scheduler import settle, wire
from scheduler.leader.link import Link
from scheduler.leader.reports import Reports
from scheduler.leader.shared import Shared
from scheduler.leader.sweep import Sweep


class Reception:
    """What an executor holds goes on, what it never received is sent again, and what earlier incarnations ran that
    are known to be dead is lost, but for what outlived them."""

    def __init__(self, shared: Shared, reports: Reports, sweep: Sweep) -> None:
        self._ledger = shared.ledger
        self._catalog = shared.catalog
        self._outbox = shared.outbox
        self._writer = shared.writer
        self._reports = reports
        self._sweep = sweep

    def _pass_on(self, link: Link, held: list[pb.AttemptKey]) -> None:
        """What outlived an earlier incarnation of the executor goes on under this one, which names it as its own."""
        for key in held:
            id_ = wire.read_id(key.execution_id)
            execution = self._ledger.get(id_) if id_ is not None else None
            if (
                execution is not None
                and execution.state in PLACED
                and execution.executor_id == link.member.id
                and execution.incarnation != key.incarnation == link.member.incarnation
                and wire.key_matches(key, settle.pass_on(execution, key.incarnation))
            ):
                # written, and nothing more: its executor has it
                later = self._ledger.put(settle.pass_on(execution, key.incarnation))
                self._writer.submit([MoveExecution(later)])

    async def welcomed(self, link: Link, held: list[pb.AttemptKey], vouched: list[str]) -> None:
        """An executor answered the Hello."""
        keys = {wire.flat(key) for key in held}
        self._pass_on(link, held)
        mine = self._ledger.held_by(link.holder)
        await self._catalog.fetch_definitions((e.job_uid, e.revision) for e in mine)
        for execution in self._ledger.held_by(link.holder):
            key = wire.key_of(execution)
            if wire.flat(key) not in keys:
                # one that is not committed yet is sent when it is
                if execution.state is State.DISPATCHED and self._outbox.is_committed(execution):
                    self._outbox.send(link, execution)
                elif execution.state is State.RUNNING:
                    await self._reports.vanished(link, execution)
            if execution.cancelling:
                link.cancel(key)
            keys.discard(wire.flat(key))
        for incarnation in vouched:
            if incarnation != link.member.incarnation:
                await self._sweep.give_away((link.member.id, incarnation), held)
        for key in held:
            if wire.flat(key) in keys and key.incarnation == link.member.incarnation:
                link.cancel(key)  # nobody waits for it any more: given away, or of a deleted job
