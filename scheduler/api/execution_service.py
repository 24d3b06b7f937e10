"""ExecutionService: the record, as far as it goes and while it is written."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from uuid import UUID

from cronquorum.clock import Clock
from cronquorum.names import shown
from jobstore.model import Execution
from jobstore.protocols import ExecutionQuery, Records
from jobstore.states import State
from schedapi.v1 import execution_pb2, execution_service_pb2
from schedapi.v1.execution_service_pb2_grpc import ExecutionServiceServicer
from scheduler import wire
from scheduler.api.checks import (
    decode_token,
    encode_token,
    instant,
    name_filter,
    page_size,
    write_request,
    wrong_token,
)
from scheduler.api.door import Context, Door, answered, streamed
from scheduler.definitions import Defaults, compile_definition
from scheduler.errors import InvalidJob, InvalidRequest, NotFound, Violation
from scheduler.words import check_word

FOLLOW = 0.5
"""Seconds between two looks for more output."""
CHUNKS = 100


class ExecutionService(ExecutionServiceServicer):
    """Reads from the store; watching and cancelling are the leader's."""

    def __init__(self, door: Door, records: Records, defaults: Defaults, clock: Clock) -> None:
        self._door = door
        self._records = records
        self._defaults = defaults
        self._clock = clock

    @answered
    async def Get(
        self, request: execution_service_pb2.GetExecutionRequest, context: Context
    ) -> execution_pb2.Execution:
        return await asyncio.to_thread(self._whole, _id(request.id))

    def _whole(self, id_: UUID) -> execution_pb2.Execution:
        execution = self._known(id_)
        params = None
        spec = self._records.spec(execution.job_uid, execution.revision)
        if spec is not None:
            try:
                definition = compile_definition(spec, self._defaults)
                params = definition.params(execution.trigger, execution.params)
            except InvalidJob:
                params = None  # it cannot be read any more: the run's own are shown
        message = wire.execution(execution, params)
        message.attempts.extend(wire.attempt(past) for past in self._records.attempts(id_))
        return message

    def _known(self, id_: UUID) -> Execution:
        execution = self._records.execution(id_)
        if execution is None:
            raise NotFound(f"there is no execution {id_}")
        return execution

    @answered
    async def List(
        self, request: execution_service_pb2.ListExecutionsRequest, context: Context
    ) -> execution_service_pb2.ListExecutionsResponse:
        size = page_size(request.page_size)
        query = _query(request.filter)
        place = decode_token(request.page_token, 2)
        if place is not None:
            try:
                at = datetime.fromisoformat(place[0])
                after = (at.astimezone(UTC), UUID(place[1]))
            except (ValueError, OverflowError):
                raise wrong_token(request.page_token) from None
            if at.tzinfo is None:
                raise wrong_token(request.page_token)
        else:
            after = None
        found = await asyncio.to_thread(
            self._records.executions,
            ExecutionQuery(
                namespace=query.namespace,
                job=query.job,
                states=query.states,
                scheduled_from=query.scheduled_from,
                scheduled_before=query.scheduled_before,
                after=after,
                limit=size + 1,
            ),
        )
        page = found[:size]
        token = ""
        if len(found) > size:
            token = encode_token([page[-1].scheduled_time.isoformat(), str(page[-1].id)])
        return execution_service_pb2.ListExecutionsResponse(
            executions=[wire.execution(execution) for execution in page], next_page_token=token
        )

    @streamed
    async def Watch(
        self, request: execution_service_pb2.WatchExecutionsRequest, context: Context
    ) -> AsyncIterator[execution_pb2.Execution]:
        match = _match(_query(request.filter))
        leader = self._door.leader(context)
        if leader is None:
            async for message in self._door.forward_stream(
                context, "ExecutionService/Watch", request, execution_pb2.Execution
            ):
                yield message
            return
        with leader.hub.watch(match) as watcher:
            for execution in leader.ledger.all():
                if match(execution):
                    yield wire.execution(execution)
            while True:
                yield wire.execution(await watcher.next())

    @streamed
    async def Logs(
        self, request: execution_service_pb2.LogsRequest, context: Context
    ) -> AsyncIterator[execution_service_pb2.LogChunk]:
        id_ = _id(request.id)
        execution = await asyncio.to_thread(self._known, id_)
        if not 0 <= request.attempt <= execution.attempt:
            told = f"{request.attempt} is not in 1-{execution.attempt}"
            raise InvalidRequest(Violation("attempt", told))
        attempt = request.attempt or execution.attempt
        seq = -1
        while True:
            # asked before the output: what ends after this look is seen by the next one
            execution = await asyncio.to_thread(self._known, id_)
            chunks = await asyncio.to_thread(self._records.output, id_, attempt, seq, CHUNKS)
            for chunk in chunks:
                seq = chunk.seq
                yield wire.log_chunk(chunk)
            if len(chunks) == CHUNKS:
                continue
            if not request.follow or execution.state.final:
                return
            if execution.attempt > attempt and not request.attempt:
                attempt, seq = execution.attempt, -1
                continue
            await self._clock.sleep(FOLLOW)

    @answered
    async def Cancel(
        self, request: execution_service_pb2.CancelExecutionRequest, context: Context
    ) -> execution_pb2.Execution:
        id_ = _id(request.id)
        leader = self._door.leader(context)
        if leader is None:
            return await self._door.forward(context, "ExecutionService/Cancel", request, execution_pb2.Execution)
        identity = write_request(str(id_), request)
        return wire.execution(await leader.runs.cancel(identity, id_, request.reason))


def _id(text: str) -> UUID:
    id_ = wire.read_id(text)
    if id_ is None:
        raise InvalidRequest(Violation("id", f"{shown(text)} is not an execution's id, a UUID"))
    return id_


def _query(message: execution_service_pb2.ExecutionFilter) -> ExecutionQuery:
    if len(message.states) > len(State):
        raise InvalidRequest(Violation("filter.states", f"{len(message.states)} of at most {len(State)}"))
    for state in message.states:
        for violation in check_word(state, [s.value for s in State], "filter.states"):
            raise InvalidRequest(violation)
    return ExecutionQuery(
        namespace=name_filter(message.namespace, "filter.namespace"),
        job=name_filter(message.job, "filter.job"),
        states=frozenset(State(state) for state in message.states),
        scheduled_from=instant(message, "scheduled_from", "filter.scheduled_from"),
        scheduled_before=instant(message, "scheduled_before", "filter.scheduled_before"),
    )


def _match(query: ExecutionQuery) -> Callable[[Execution], bool]:
    def match(execution: Execution) -> bool:
        return (
            query.namespace in ("", execution.namespace)
            and query.job in ("", execution.job)
            and (not query.states or execution.state in query.states)
            and (query.scheduled_from is None or execution.scheduled_time >= query.scheduled_from)
            and (query.scheduled_before is None or execution.scheduled_time < query.scheduled_before)
        )

    return match
