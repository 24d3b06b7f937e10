"""A placement with what it stands on, and a clock's hand."""

import random
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from jobstore.model import Execution
from jobstore.opening import open_store
from jobstore.states import State
from scheduler import settle
from scheduler.definitions import Defaults
from scheduler.leader.ahead import Ahead
from scheduler.leader.catalog import Catalog
from scheduler.leader.ledger import Holder, Ledger
from scheduler.leader.placement import Limits, Placement
from tests.scheduler.building import NOW, TERM, execution, job
from tests.scheduler.fake_clock import FakeClock

SECOND = timedelta(seconds=1)


@dataclass
class Executor:
    """What an executor offers."""

    name: str
    slots: int = 1
    kinds: frozenset[str] = frozenset({"shell"})
    labels: dict[str, str] = field(default_factory=dict)
    incarnation: str = "i-1"

    @property
    def holder(self) -> Holder:
        return self.name, self.incarnation


class Yard:
    """Places, ends and refuses executions, as a leader would."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.ledger = Ledger()
        self.catalog = Catalog(open_store("sqlite://"), Defaults())  # never asked: all is at hand
        self.now: datetime = NOW
        self.clock = FakeClock(NOW)
        ahead = Ahead(self.ledger, self.clock, lambda holder: None, lambda: True, lambda execution: None)
        self.placement = Placement(TERM, self.ledger, ahead, self.catalog, limits or Limits(), random.Random(1))
        self._jobs = 0

    def offer(self, *executors: Executor) -> None:
        self.placement.offers(executors)

    def job(self, **manifest: Any) -> UUID:
        self._jobs += 1
        made = job(uid=UUID(int=0xF000 + self._jobs), name=f"job-{self._jobs}", **manifest)
        self.catalog.compile(made)
        return made.uid

    def place(self, job_uid: UUID, **changes: Any) -> Execution:
        """A new execution of a job."""
        return self.again(execution(job_uid=job_uid, **changes))

    def again(self, row: Execution) -> Execution:
        definition = self.catalog.definition(row.job_uid, row.revision)
        assert definition is not None
        placed = self.placement.place(row, definition, self.now)
        assert self.ledger.get(placed.id) is (None if placed.state.final else placed)
        return placed

    def end(self, row: Execution) -> None:
        """Its executor has reported the end."""
        self.ledger.put(replace(row, state=State.SUCCEEDED, check_at=None))

    def pump(self) -> list[Execution]:
        return self.placement.pump(self.now)

    def refuse(self, row: Execution, why: str = "noSlot: full") -> Execution:
        back = self.ledger.put(settle.give_back(row, why, self.now))
        self.placement.refused(row.id, row.executor_id, why)
        return self.again(back)
