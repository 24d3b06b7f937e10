"""What the parts of a leader share: one value instead of ten arguments each."""

from dataclasses import dataclass

from cronquorum.clock import Clock
from jobstore.model import Term
from jobstore.protocols import Records
from scheduler.leader.admission import Admission
from scheduler.leader.ahead import Ahead
from scheduler.leader.backlog import Backlog
from scheduler.leader.catalog import Catalog
from scheduler.leader.chains import Chains
from scheduler.leader.delays import Delays
from scheduler.leader.hub import Hub
from scheduler.leader.ledger import Ledger
from scheduler.leader.outbox import Outbox
from scheduler.leader.placement import Placement
from scheduler.leader.recall import Recall
from scheduler.leader.timetable import Timetable
from scheduler.leader.writer import Writer
from scheduler.metrics import NodeMetrics


@dataclass(frozen=True, kw_only=True, slots=True)
class Shared:
    """Everything that more than one of fires, reports, sweep, edits and runs works with, for one term."""

    term: Term
    records: Records
    clock: Clock
    metrics: NodeMetrics
    ledger: Ledger
    timetable: Timetable
    catalog: Catalog
    delays: Delays
    backlog: Backlog
    ahead: Ahead
    recall: Recall
    placement: Placement
    chains: Chains
    admission: Admission
    writer: Writer
    outbox: Outbox
    hub: Hub
