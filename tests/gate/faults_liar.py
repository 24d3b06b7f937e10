"""An executor that lies: it reports success twice, reports others' attempts, and floods the leader."""

import contextlib
import json
import threading
import uuid
from abc import abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from random import Random

import grpc
from google.protobuf.duration_pb2 import Duration
from kazoo.client import KazooClient

from schedapi.v1 import executor_service_pb2 as wire
from schedapi.v1 import executor_service_pb2_grpc as service
from tests.gate.faults import WORK, Facts, Fault, Kind
from tests.gate.load import TRIGGER, Job, Schedule
from tests.gate.load_calls import Caller
from tests.gate.load_history import OK
from tests.gate.rig import LEASE, Rig
from tests.rig.waiting import eventually

LIAR = "liar"
_OPTIONS = (("grpc.keepalive_permit_without_calls", 1), ("grpc.http2.max_ping_strikes", 0))
"""A leader asks often whether the connection lives; that is none of the lies."""
FLOOD, TOGETHER = 5_000, 250
"""Reports of a flood, and of one message of it."""


class Liar(service.ExecutorServiceServicer):
    """Takes dispatches, runs nothing, and answers with `lies`: what to say to a dispatch, message by message."""

    def __init__(self, lies: Callable[[wire.AttemptKey], Iterator[wire.ExecutorMessage]]) -> None:
        self.incarnation = uuid.uuid4().hex[:16]
        self.dispatches = 0
        self.acknowledged = 0
        self.said = 0
        self._lies = lies

    def Attach(
        self, request_iterator: Iterator[wire.LeaderMessage], context: grpc.ServicerContext
    ) -> Iterator[wire.ExecutorMessage]:
        queue: SimpleQueue[wire.ExecutorMessage | None] = SimpleQueue()
        queue.put(wire.ExecutorMessage(welcome=self._welcome()))
        threading.Thread(target=self._read, args=(request_iterator, queue), daemon=True).start()
        while (message := queue.get()) is not None:
            self.said += len(message.reports)
            yield message

    def _read(self, messages: Iterator[wire.LeaderMessage], queue: SimpleQueue[wire.ExecutorMessage | None]) -> None:
        try:
            for message in messages:
                self.acknowledged += len(message.acknowledged)
                for dispatch in message.dispatches:
                    self.dispatches += 1
                    for lie in self._lies(dispatch.key):
                        queue.put(lie)
        except grpc.RpcError:
            pass  # the leader is gone
        finally:
            queue.put(None)

    def _welcome(self) -> wire.Welcome:
        return wire.Welcome(
            protocol=1,
            executor_id=LIAR,
            incarnation=self.incarnation,
            version="0",
            slots=10,
            kinds=["python", "shell"],
            labels={"pool": "lies"},
            lease=Duration(seconds=int(LEASE)),
            features=[wire.FEATURE_REACH],
        )


def outcome(key: wire.AttemptKey, state: str = "succeeded") -> wire.Report:
    """A report that an attempt has ended."""
    told = wire.Outcome(state=state, ended_age=Duration(), ran=Duration(seconds=1))
    return wire.Report(key=key, outcome=told)


def _message(*reports: wire.Report) -> wire.ExecutorMessage:
    return wire.ExecutorMessage(reports=reports)


class Lie(Fault):
    """The liar registers, and a job is made for it alone; all that it is sent, it answers with lies."""

    hold = 8.0

    def __init__(self, number: int, dice: Random) -> None:
        self._number = number
        self._dice = dice
        self._others: list[wire.AttemptKey] = []
        self._undo = contextlib.ExitStack()

    @abstractmethod
    def lies(self, key: wire.AttemptKey) -> Iterator[wire.ExecutorMessage]:
        """What to say to a dispatch; the truth comes last, so that the execution ends."""

    def aim(self, rig: Rig) -> str:
        return LIAR

    def begin(self, rig: Rig) -> Facts:
        self._evidence = self._count_evidence(rig)
        self._others = self._running(rig)
        self._liar = Liar(self.lies)
        self._server = grpc.server(ThreadPoolExecutor(8), options=_OPTIONS)
        service.add_ExecutorServiceServicer_to_server(self._liar, self._server)  # type: ignore[no-untyped-call]
        port = self._server.add_insecure_port(f"{rig.network.host}:0")
        self._server.start()
        self._undo.callback(self._server.stop, 0)
        zookeeper = KazooClient(rig.zookeeper_hosts)
        self._undo.callback(zookeeper.close)
        self._undo.callback(zookeeper.stop)
        zookeeper.start(timeout=20)
        address = f"{rig.network.host}:{port}"
        record = {"id": LIAR, "incarnation": self._liar.incarnation, "address": address, "facts": {}}
        zookeeper.create(f"/executors/{LIAR}", json.dumps(record).encode(), ephemeral=True)
        schedule = Schedule(
            kind="interval",
            due={"every": 1, "offset": 0},
            trigger={"name": TRIGGER, "interval": {"every": "1s"}},
        )
        policies = {
            "task": {"python": {"callable": "gate-work"}},
            "concurrency": {"policy": "allow"},
            "routing": {"selector": "pool=lies"},
        }
        self._job = Job(name=f"lie-{self._number}", pace="seldom", schedule=schedule, policies=policies)
        self._caller = Caller(rig.endpoints, rig.history)
        self._undo.callback(self._caller.close)
        self._undo.callback(self._remove_job, rig)
        # the fault before may have left a node that takes calls, and answers none
        eventually(lambda: self._caller.apply([self._job]).outcome == OK, 60, "the liar's job is applied")
        return {"executor": LIAR, "others": len(self._others)}

    def heal(self, rig: Rig) -> Facts:
        self._undo.close()
        return {
            "dispatches": self._liar.dispatches,
            "said": self._liar.said,
            "acknowledged": self._liar.acknowledged,
            "evidence": self._count_evidence(rig) - self._evidence,
        }

    def _remove_job(self, rig: Rig) -> None:
        name = self._job.name
        eventually(lambda: self._caller.pause(name).outcome == OK, 60, "the liar's job is paused")
        eventually(lambda: self._open(rig) == 0, 30, "nothing of the liar's is open")
        eventually(lambda: self._caller.delete(name).outcome == OK, 60, "the liar's job is deleted")

    def _running(self, rig: Rig) -> list[wire.AttemptKey]:
        """Attempts of honest executors, as they are known in the store."""
        with rig.query() as asking:
            asking.execute(
                "SELECT id::text, part, attempt, placement, incarnation FROM executions "
                "WHERE executor_id <> %s AND dispatched IS NOT NULL ORDER BY final, scheduled_time DESC LIMIT 50",
                [LIAR],
            )
            return [
                wire.AttemptKey(execution_id=id_, part=part, attempt=attempt, placement=placement, incarnation=of)
                for id_, part, attempt, placement, of in asking.fetchall()
            ]

    def _open(self, rig: Rig) -> int:
        with rig.query() as asking:
            asking.execute("SELECT count(*) FROM executions WHERE executor_id = %s AND NOT final", [LIAR])
            return int((asking.fetchone() or (0,))[0])

    def _count_evidence(self, rig: Rig) -> int:
        with rig.query() as asking:
            asking.execute("SELECT count(*) FROM evidence")
            return int((asking.fetchone() or (0,))[0])


class Twice(Lie):
    """Success, then failure, then success again."""

    def __init__(self, dice: Random) -> None:
        super().__init__(dice.randrange(10**6), dice)

    def lies(self, key: wire.AttemptKey) -> Iterator[wire.ExecutorMessage]:
        yield _message(outcome(key))
        yield _message(outcome(key, "failed"), outcome(key))
        yield _message(outcome(key))


class Foreign(Lie):
    """Success of attempts that others run, with keys that are right in all parts."""

    def __init__(self, dice: Random) -> None:
        super().__init__(dice.randrange(10**6), dice)

    def lies(self, key: wire.AttemptKey) -> Iterator[wire.ExecutorMessage]:
        yield _message(*(outcome(other) for other in self._others))
        yield _message(outcome(key))


class Flood(Lie):
    """Thousands of outcomes of what nobody ever dispatched."""

    def __init__(self, dice: Random) -> None:
        super().__init__(dice.randrange(10**6), dice)
        self._flooded = False

    def lies(self, key: wire.AttemptKey) -> Iterator[wire.ExecutorMessage]:
        if not self._flooded:
            self._flooded = True
            for _ in range(FLOOD // TOGETHER):
                yield _message(*(outcome(self._invented()) for _ in range(TOGETHER)))
        yield _message(outcome(key))

    def _invented(self) -> wire.AttemptKey:
        made = uuid.UUID(int=self._dice.getrandbits(128), version=4)
        return wire.AttemptKey(
            execution_id=str(made), attempt=self._dice.randint(1, 9), placement=0, incarnation=self._liar.incarnation
        )


KINDS = (
    Kind(name="liar-twice", about="reports success twice, and failure between", make=Twice, lane=WORK, cheap=True),
    Kind(name="liar-foreign", about="reports success of others' attempts", make=Foreign, lane=WORK),
    Kind(name="liar-flood", about=f"reports {FLOOD} outcomes that nobody asked for", make=Flood, lane=WORK),
)
