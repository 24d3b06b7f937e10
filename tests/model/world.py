"""Everything together: nodes, executors, a store, clients, and what watches them."""

import itertools
import random
import re
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from cronquorum.coordination import Member
from jobstore.changes import Change, MoveExecution, NewExecution
from jobstore.errors import StoreError
from jobstore.model import Execution, Term
from schedapi.errors import Unavailable
from schedapi.v1 import executor_service_pb2 as pb
from scheduler.errors import SchedulerError
from scheduler.leader.link import SupersededByExecutor
from scheduler.leader.requests import WriteRequest
from tests.model import memory
from tests.model.accounting import Accounts
from tests.model.executors import LEASE, LOOK, SESSION, Executor, Key
from tests.model.loop import ModelClock, ModelLoop
from tests.model.memory_store import MemoryStore
from tests.model.nodes import Call, Node
from tests.model.watching import Watcher
from tests.model.wires import NODE, Stream

LASTING = (2.0, 20.0, 6.0)
"""How long attempts last on each of the executors, at first."""
HEALED = 45
"""Seconds after the last fault by which all must be well: more than a lease."""
KNOWN: list[str] = []
"""Patterns of violations that are known, and not told again."""
EXPECTED = (SchedulerError, StoreError, SupersededByExecutor)
"""How a term, or a client's call, may end."""

Ask = Callable[[Node, WriteRequest], Coroutine[Any, Any, Any]]


class World:
    """A cluster that a script drives. `violations` says what went wrong so far."""

    def __init__(self) -> None:
        self.loop = ModelLoop()
        self.loop.offload = self._offload
        self.clock = ModelClock(self.loop)
        self.store = MemoryStore(self.clock.now)
        self.violations: list[str] = []
        self.events: Counter[str] = Counter()
        """What has come about: so that a run of many scripts can say what it has seen."""
        self.accounts = Accounts(self.store, self.wrong)
        self.watcher = Watcher(self.store, self.clock, self.wrong)
        self.store.observer = self._committed
        self.nodes: list[Node] = []
        self.streams: list[Stream] = []
        self.unknown: list[tuple[str, str, Ask]] = []
        """Requests of clients that were not answered, and may be repeated."""
        self._orders = itertools.count(1)
        self._requests = itertools.count(1)
        self.draw = random.Random(1)
        self.executors = [
            Executor(self, f"executor-{n}", slots=n, duration=lasting) for n, lasting in enumerate(LASTING, start=1)
        ]
        for executor in self.executors:
            executor.lease_until = self.loop.time() + LEASE
            self.loop.call_later(LOOK, executor.tick)

    def wrong(self, told: str) -> None:
        """An invariant does not hold."""
        if not any(re.search(pattern, told) for pattern in KNOWN):
            self.violations.append(told)

    # ----------------------------------------------------------------------------------------------- nodes

    def elect(self) -> Node | None:
        """Another node leads, if the coordinator lets it: the session before must be over."""
        last = self.nodes[-1] if self.nodes else None
        leads = last is not None and not last.over
        if last is not None and leads and (last.cut_at is None or self.loop.time() < last.cut_at + SESSION):
            return None
        order = next(self._orders)
        node = Node(self, self.store.begin_term(order, "e", f"node-{order}"))
        self.nodes.append(node)
        self.events["terms"] += 1
        if leads:
            self.events["terms beside an old one"] += 1
        return node

    def ready(self, which: int = 0) -> Node | None:
        """A node that takes what clients ask: the latest, or an older one that does not know that it is over."""
        found = [node for node in reversed(self.nodes) if node.ready]
        return found[which % len(found)] if found else None

    def members(self) -> Mapping[str, Member]:
        return {each.id: each.member for each in self.executors if each.registered}

    def show_members(self) -> None:
        for node in self.nodes:
            if not node.over:
                node.view.show(self.members())

    # ------------------------------------------------------------------------------------------- the seams

    def _offload(self, pooled: bool, ask: Callable[[], Any], answer: Any) -> None:
        call = Call(pooled, ask, answer)
        node = NODE.get()
        if node is None:
            raise AssertionError("a call of nobody's")
        node.ask(call)

    def _committed(self, term: Term, changes: Sequence[Change]) -> None:
        self.events.update(f"commits {type(change).__name__}" for change in changes)
        self.events.update(f"rows {row.state}" for row in map(_row, changes) if row is not None)
        self.watcher.committed(changes)
        self.accounts.committed(changes, self.clock.now())

    def dial(self, node: Node, address: str) -> Stream:
        executor = next(each for each in self.executors if each.address == address)
        stream = Stream(node, executor)
        self.streams = [each for each in self.streams if not each.over]
        self.streams.append(stream)
        if not (executor.alive and executor.reachable) or node.crashed:
            stream.broken(Unavailable("nobody there", reason="UNREACHABLE"))
        return stream

    def streams_of(self, node: Node) -> list[Stream]:
        return [each for each in self.streams if each.node is node and not each.over]

    def leaves(self, stream: Stream, message: pb.LeaderMessage) -> None:
        if not stream.node.crashed:
            self.watcher.leaves(message, stream.node.may_act())

    def begins(self, executor: Executor, dispatch: pb.Dispatch) -> None:
        self.events["begun"] += 1
        self.events["begun again"] += str(dispatch.key.execution_id) in self.watcher.runs
        self.watcher.begins(executor, dispatch, self.loop.time())

    def ends(self, executor: Executor, key: Key, how: str) -> None:
        self.events[f"ended {how}"] += 1
        self.watcher.ends(key, how, self.loop.time())

    def acknowledged(self, executor: Executor, report: pb.Report) -> None:
        self.events[f"acknowledged {report.WhichOneof('what')}"] += 1
        self.watcher.acknowledged(report)

    # --------------------------------------------------------------------------------------------- clients

    def ask(self, scope: str, ask: Ask, request_id: str = "", which: int = 0) -> str:
        """A client asks a node for something; returns the id of its request."""
        request_id = request_id or f"request-{next(self._requests)}"
        node = self.ready(which)
        if node is not None:
            task = node.task(ask(node, WriteRequest(scope=scope, request_id=request_id, digest="d")))
            task.add_done_callback(lambda done: self._answered(done, scope, request_id, ask))
        return request_id

    def _answered(self, task: Any, scope: str, request_id: str, ask: Ask) -> None:
        error = None if task.cancelled() else task.exception()
        if error is None and not task.cancelled():
            if (scope, request_id) not in self.store.kept_answers:
                self.wrong(f"{request_id} of {scope} was answered, and its answer is not kept")
            self.events["answered"] += 1
        elif error is not None and not isinstance(error, EXPECTED):
            self.wrong(f"{request_id} of {scope} failed with {error!r}")
        else:
            self.events[f"not answered: {type(error).__name__}"] += 1
            self.unknown.append((scope, request_id, ask))

    # ---------------------------------------------------------------------------------------------- checks

    def check(self) -> None:
        """After each step."""
        for context in self.loop.errors:
            if "destroyed" not in str(context.get("message")):
                self.wrong(f"the event loop was told: {context}")
        self.loop.errors.clear()
        for node in self.nodes:
            if node.fate is not None and not isinstance(node.fate, EXPECTED):
                self.wrong(f"a term ended with {node.fate!r}")
        last = self.nodes[-1] if self.nodes else None
        if last is not None and not last.over and not last.calls and memory.is_idle(last.leader):
            memory.compare(last.leader, self.store, self.wrong)

    def heal(self) -> None:
        """Everything works again, and time passes until all must be well."""
        if self.nodes and self.nodes[-1].cut_at is not None:
            self.loop.advance(SESSION)
            self.elect()
        for node in self.nodes:
            node.let_go()  # what is left of an old term is refused
        for stream in self.streams:
            stream.held_in = stream.held_out = False
            stream.flow()
        for executor in self.executors:
            executor.duration = 0.5
            executor.slots = 8
            executor.reach(True)
            if not executor.alive:
                executor.restart(vouch=False)
            executor.coordinate(True)
            for key in list(executor.running):
                executor.end(key, "succeeded")
        self.loop.drain()
        for node in self.nodes:
            if node.cut_at is not None:
                node.crash()
        for _ in range(HEALED):
            if not self.nodes or self.nodes[-1].over:
                self.elect()
            self.loop.advance(1.0)
        self.accounts.settled(self.clock.now())
        self.watcher.settled(late=10.0)
        self.check()
        latest = self.nodes[-1]
        if latest.over or not memory.is_idle(latest.leader):
            self.wrong(f"the last leader is not at rest: {latest.run!r}")

    def close(self) -> None:
        """End everything, so that nothing is left behind."""
        for node in self.nodes:
            node.crash()
        self.events.update(f"term ended by {type(node.fate).__name__}" for node in self.nodes if node.fate is not None)
        self.loop.end()


def _row(change: Change) -> Execution | None:
    return change.execution if isinstance(change, NewExecution | MoveExecution) else None
