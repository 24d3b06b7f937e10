"""Whatever comes, goes, ends and is cancelled: a free slot goes to the oldest that can take it."""

from collections import deque
from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from jobstore.model import Execution
from jobstore.states import PLACED, State
from scheduler import settle
from scheduler.leader.placement import Limits
from tests.scheduler.building import NOW, execution
from tests.scheduler.yard import Executor, Yard

SECOND = timedelta(seconds=1)

DEMANDS: list[dict[str, Any]] = [
    {},
    {"routing": {"selector": "zone=a"}},
    {"task": {"python": {"callable": "x"}}},
]
EXECUTORS = [
    Executor("a", 1, frozenset({"shell"}), {"zone": "a"}),
    Executor("b", 2, frozenset({"shell", "python"})),
    Executor("c", 1, frozenset({"python"}), {"zone": "a"}),
]


class Crowd(RuleBasedStateMachine):
    """Placement beside a plain list of who waits, in the order of arrival."""

    def __init__(self) -> None:
        super().__init__()
        self.yard = Yard(Limits(running=3, running_per_namespace=2))
        self.jobs = [self.yard.job(**manifest) for manifest in DEMANDS]
        self.line: deque[UUID] = deque()
        self.present: list[Executor] = []

    def candidates(self, row: Execution) -> list[Executor]:
        placed = [other for other in self.yard.ledger.all() if other.state in PLACED]
        if len(placed) >= 3 or sum(other.namespace == row.namespace for other in placed) >= 2:
            return []
        kind, selector = self.definition(row).demand
        return [
            each
            for each in self.present
            if kind in each.kinds
            and (not selector or each.labels.get("zone") == "a")
            and sum(other.executor_id == each.name for other in placed) < each.slots
        ]

    def definition(self, row: Execution) -> Any:
        return self.yard.catalog.definition(row.job_uid, row.revision)

    @rule(names=st.sets(st.sampled_from([0, 1, 2])))
    def executors_come_and_go(self, names: set[int]) -> None:
        self.present = [EXECUTORS[number] for number in sorted(names)]
        self.yard.offer(*self.present)
        self.pump()

    @rule(demand=st.integers(0, 2), namespace=st.sampled_from(["x", "y"]))
    def a_new_one(self, demand: int, namespace: str) -> None:
        row = execution(job_uid=self.jobs[demand], namespace=namespace)
        possible = self.candidates(row)
        placed = self.yard.again(row)
        if possible:
            assert placed.executor_id in {each.name for each in possible}
        else:
            assert placed.state is State.PENDING
            assert placed.reason
            self.line.append(placed.id)

    @rule(data=st.data())
    def one_ends(self, data: st.DataObject) -> None:
        rows = sorted((r for r in self.yard.ledger.all() if r.state in PLACED), key=lambda r: r.id)
        if rows:
            self.yard.end(data.draw(st.sampled_from(rows)))
            self.pump()

    @rule(data=st.data())
    def one_is_cancelled(self, data: st.DataObject) -> None:
        if self.line:
            id_ = data.draw(st.sampled_from(sorted(self.line)))
            row = self.yard.ledger.get(id_)
            assert row is not None
            self.yard.ledger.put(settle.cancel(row, "enough", NOW))
            self.line.remove(id_)

    @rule()
    def pump(self) -> None:
        placed = [row.id for row in self.yard.pump()]
        assert placed == [id_ for id_ in self.line if id_ in placed]  # in the order of their arrival
        for id_ in placed:
            self.line.remove(id_)

    @invariant()
    def nobody_waits_while_there_is_room(self) -> None:
        for id_ in self.line:
            row = self.yard.ledger.get(id_)
            assert row is not None
            assert row.state is State.PENDING
            assert not self.candidates(row)


TestCrowd = Crowd.TestCase
TestCrowd.settings = settings(deadline=None, max_examples=50, stateful_step_count=30)
