"""What executors report, settled in batches."""

import asyncio
from collections import deque
from datetime import datetime
from functools import partial
from uuid import UUID

from cronquorum.logs import get_logger
from jobstore.changes import AddEvidence, AddOutput, EndAttempt
from jobstore.model import EndedAttempt, Evidence, Execution, Output
from jobstore.states import PLACED, State
from schedapi.v1 import executor_service_pb2 as pb
from scheduler import settle, wire
from scheduler.errors import NotLeading
from scheduler.leader.link import Link
from scheduler.leader.shared import Shared

LARGEST_CHUNK = 64 * 1024
"""Bytes of one piece of output."""
MOST_CHUNKS = 1_000
"""Pieces of one attempt's output; together with the executor's own bound."""
FULL_PAUSE = 0.05
"""Seconds to let executors wait while the writer has enough to do."""
MOST_ASKED = 1_000
"""Late reports that wait for the store to say what they are; more are let lie for a while."""
MOST_LYING = 10_000
"""Late reports that are let lie; more are offered again by their executors when they attach anew."""
EVIDENCE_PER_SECOND = 10
"""Refused reports of one executor that are kept; a flood of them is counted and dropped."""
PORTION = 50
"""Reports that are taken in at a time."""

_log = get_logger(__name__)


class Reports:
    """Takes reports in order, checks whom they name, and turns them into changes."""

    def __init__(self, shared: Shared) -> None:
        self._ledger = shared.ledger
        self._catalog = shared.catalog
        self._placement = shared.placement
        self._backlog = shared.backlog
        self._ahead = shared.ahead
        self._writer = shared.writer
        self._outbox = shared.outbox
        self._records = shared.records
        self._clock = shared.clock
        self._metrics = shared.metrics
        self._evidence: dict[str, tuple[int, int]] = {}
        self._asked = 0
        self._lying: deque[tuple[Link, pb.Report]] = deque()

    def heard(self, link: Link, reports: list[pb.Report]) -> None:
        """These are to be taken in soon. What has ended has given its slot back now: who is in line for that shall not
        wait so long."""
        ended = (self._named(link, report) for report in reports if report.HasField("outcome"))
        freed = sum(self._ledger.free(execution) for execution in ended if execution is not None)
        if freed:
            self._ahead.ended(link, freed)

    async def take(self, link: Link, as_of: datetime, reports: list[pb.Report]) -> None:
        """Settle what one message of an executor says, which was so at `as_of`; later messages wait until this returns.
        It does not wait until the leader may act."""
        while self._writer.full:
            await self._clock.sleep(FULL_PAUSE)
        await asyncio.sleep(0)  # noqa: TID251 - lets what was released leave; it waits for nothing
        now = self._clock.now()
        freed = 0
        for number, report in enumerate(reports, 1):
            if number % PORTION == 0:
                await asyncio.sleep(0)  # noqa: TID251 - what others have in line shall not wait for all of these
            execution = self._named(link, report)
            if execution is not None and not self._catalog.has_definition(execution.job_uid, execution.revision):
                await self._catalog.fetch_definitions([(execution.job_uid, execution.revision)])
                # looked up again: while the definition was read, something else may have been decided
                execution, now = self._named(link, report), self._clock.now()
            if execution is None:
                self._stray(link, report, now)
            else:
                freed += self._apply(link, report, execution, as_of, now)
        if freed:
            self._ahead.release(link)
            self._outbox.move(self._placement.pump(self._clock.now()))
            self._backlog.slots_are_free()

    def _named(self, link: Link, report: pb.Report) -> Execution | None:
        """The execution that a report names, in all five parts and from its own executor; not one whose
        attempt is over already: it keeps its executor until the next one is placed."""
        id_ = wire.read_id(report.key.execution_id)
        execution = self._ledger.get(id_) if id_ is not None else None
        if (
            execution is None
            or execution.state not in PLACED
            or execution.executor_id != link.member.id  # this incarnation's, or kept in the journal of an earlier one
            or not wire.key_matches(report.key, execution)
            or self._ahead.has(execution)  # nobody was told of it
        ):
            return None
        return execution

    def _apply(self, link: Link, report: pb.Report, execution: Execution, as_of: datetime, now: datetime) -> bool:
        """Take in one report; tell whether a slot became free."""
        match report.WhichOneof("what"):
            case "started":
                if execution.state is State.DISPATCHED:
                    started = settle.start(execution, as_of - wire.seconds(report.started.age))
                    self._placement.ask_again(execution.id)
                    self._metrics.started(started)
                    self._move(started)
            case "progress":
                value = report.progress.progress
                if self._writer.paused:
                    pass  # it would only fill the queue: the next one says more
                elif 0 <= value.fraction <= 1 and execution.state is State.RUNNING:
                    self._move(settle.progressed(execution, value.fraction, wire.text(value.note, 500)))
            case "output":
                self._output(execution, report.output)
            case "refused":
                self._refused(link, report, execution, now)
                return True
            case "outcome":
                self._outcome(link, report, execution, as_of, now)
                return True
        return False

    def _move(self, execution: Execution) -> None:
        self._ledger.put(execution)
        self._outbox.move([execution])

    def _output(self, execution: Execution, chunk: pb.OutputChunk) -> None:
        if chunk.stream in ("stdout", "stderr") and 0 <= chunk.seq < MOST_CHUNKS:
            output = Output(
                execution_id=execution.id,
                part=execution.part,
                attempt=execution.attempt,
                seq=chunk.seq,
                stream=chunk.stream,
                data=chunk.data[:LARGEST_CHUNK],
            )
            self._writer.submit([AddOutput(output)])

    def _refused(self, link: Link, report: pb.Report, execution: Execution, now: datetime) -> None:
        if execution.state is not State.DISPATCHED:
            return
        why = wire.text(f"{report.refused.reason}: {report.refused.message}", 200)
        back = settle.give_back(execution, why, now)
        if execution.cancelling:
            self._settled(link, report.key, settle.cancel(back, execution.reason, now))
            return
        self._ledger.put(back)
        self._placement.refused(execution.id, execution.executor_id, why)
        definition = self._catalog.definition(execution.job_uid, execution.revision)
        if definition is None:
            self._settled(link, report.key, settle.skip(back, "definitionUnreadable", now))
            return
        placed = self._placement.place(back, definition, now)
        self._outbox.move([placed])
        self._writer.submit([], lambda: link.acknowledge(report.key))

    def _outcome(self, link: Link, report: pb.Report, execution: Execution, as_of: datetime, now: datetime) -> None:
        try:
            outcome = wire.outcome(report.outcome, as_of)
        except ValueError as error:
            outcome = settle.unreadable(str(error), now)
        definition = self._catalog.definition(execution.job_uid, execution.revision)
        settled = settle.settle(execution, outcome, definition, now)
        if execution.state is State.DISPATCHED:
            self._metrics.started(settled.execution)
        self._placement.ask_again(execution.id)
        self._settled(link, report.key, settled.execution, settled.ended)

    def _settled(self, link: Link, key: pb.AttemptKey, execution: Execution, ended: EndedAttempt | None = None) -> None:
        self._ledger.put(execution)
        others = (EndAttempt(ended),) if ended is not None else ()
        self._outbox.settled(execution, others, lambda: link.acknowledge(key))

    async def vanished(self, link: Link, execution: Execution) -> None:
        """The very incarnation that ran it knows nothing of it: it will not report any more."""
        _log.error(
            "an executor forgot what it ran",
            executor=link.member.id,
            namespace=execution.namespace,
            job=execution.job,
            execution=str(execution.id),
        )
        now = self._clock.now()
        definition = self._catalog.definition(execution.job_uid, execution.revision)
        settled = settle.settle(execution, settle.lost("executorForgot", now), definition, now)
        self._settled(link, wire.key_of(execution), settled.execution, settled.ended)

    def _stray(self, link: Link, report: pb.Report, now: datetime) -> None:
        """A report that names no open execution: late, foreign, or offered again.

        One that was settled and whose acknowledgement was lost is acknowledged again; any other is kept
        as evidence. Both are let go by the executor then.
        """
        if report.WhichOneof("what") not in ("outcome", "refused"):
            return
        id_ = wire.read_id(report.key.execution_id)
        if id_ is None:
            self._metrics.refused.add()
            link.acknowledge(report.key)
        elif self._asked >= MOST_ASKED:
            self._let_lie(link, report)
        else:
            self._asked += 1
            # behind what is submitted: the outcome that is offered again may be on its way to the store
            answer = self._writer.ask(partial(self._known, link, report, id_))
            answer.add_done_callback(partial(self._judge_stray, link, report, id_, now))

    def _judge_stray(
        self, link: Link, report: pb.Report, id_: UUID, now: datetime, answer: "asyncio.Future[bool]"
    ) -> None:
        self._asked -= 1
        if answer.cancelled():
            return
        error = answer.exception()
        if error is not None:
            if not isinstance(error, NotLeading):
                _log.warning("a late report is let lie", executor=link.member.id, execution=str(id_), error=str(error))
                self._let_lie(link, report)
            return
        if self._lying:
            self._stray(*self._lying.popleft(), self._clock.now())
        if answer.result():
            link.acknowledge(report.key)
            return
        self._metrics.refused.add()
        if self._flooded(link.member.id, now):
            link.acknowledge(report.key)
            return
        evidence = Evidence(
            execution_id=id_,
            executor_id=link.member.id,
            incarnation=link.member.incarnation,
            attempt=max(-(2**31), min(2**31 - 1, report.key.attempt)),
            received=now,
            why="not the open attempt of this executor",
            report={"what": report.WhichOneof("what"), "state": report.outcome.state[:100]},
        )
        self._writer.submit([AddEvidence(evidence)], lambda: link.acknowledge(report.key))

    def _let_lie(self, link: Link, report: pb.Report) -> None:
        """Look at it when another one has been looked at; of too many, when its executor attaches again."""
        if len(self._lying) < MOST_LYING:
            self._lying.append((link, report))

    def _known(self, link: Link, report: pb.Report, id_: UUID) -> bool:
        """Whether exactly this was settled before."""
        row = self._records.execution(id_)
        if row is None or report.WhichOneof("what") == "refused":
            return row is not None
        ended: list[Execution | EndedAttempt] = [row, *self._records.attempts(id_)]
        return any(
            past.executor_id == link.member.id
            and wire.key_matches(report.key, past)
            and settle.outcome_state(past) in (State(report.outcome.state), State.CANCELLED)
            for past in ended
            if report.outcome.state in set(State)
        )

    def _flooded(self, executor_id: str, now: datetime) -> bool:
        second = int(now.timestamp())
        since, count = self._evidence.get(executor_id, (second, 0))
        count = count + 1 if since == second else 1
        self._evidence[executor_id] = (second, count)
        return count > EVIDENCE_PER_SECOND
