"""The mutants: each takes one promise's mechanism out, and names what should notice."""

from dataclasses import dataclass

from tests.gate.load import LONG
from tests.gate.verdict import Kind


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The gate itself, with these kinds of faults, until it finds one of `expect` or `minutes` are over.

    Only these kinds of failures count: a slow machine catches no mutant. `long`: the share of long tasks in its load.
    """

    only: str
    minutes: float
    expect: frozenset[Kind]
    long: float = LONG

    @property
    def name(self) -> str:
        return f"the gate, faults {self.only}"


@dataclass(frozen=True, kw_only=True)
class Tests:
    """Tests that state the property: a file, and `-k` of pytest."""

    file: str
    only: str

    @property
    def name(self) -> str:
        return f"{self.file} -k '{self.only}'"


Catcher = Gate | Tests


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """`old` stands exactly once in `file`, and becomes `new`; each of `catchers` is to notice, the cheapest one first.

    Gates of one name differ in `expect` alone.
    """

    name: str
    file: str
    old: str
    new: str
    catchers: tuple[Catcher, ...]


def _tests(file: str, only: str) -> Tests:
    return Tests(file=f"tests/{file}.py", only=only)


def _without_store(*expect: Kind) -> Gate:
    """Leaders are cut from PostgreSQL again and again: what they do before they have written it is not written."""
    return Gate(only="leader-cut-postgres", minutes=1.5, expect=frozenset(expect))


def _without_executors(*expect: Kind) -> Gate:
    """Executors are killed, and cut off, while they have much to do."""
    return Gate(only="executor-kill,executor-cut", minutes=1.5, expect=frozenset(expect), long=0.25)


MUTANTS = (
    Mutant(
        name="no unique key on (trigger, scheduled time)",
        file="jobstore/migrations/versions/v0001_first.py",
        old='        sa.UniqueConstraint("scheduled_time", "trigger_uid", name="executions_fire"),\n',
        new="",
        # the id of a fire is made of the same two, so only a leader that makes other ids would run into it
        catchers=(_tests("contract/test_jobstore_commit", "bad_change and trigger"),),
    ),
    Mutant(
        name="no unique key on (trigger, scheduled time) in partitions",
        file="jobstore/migrations/versions/v0003_history_by_day.py",
        old=""" (id, scheduled_time, kept),"
        " ADD CONSTRAINT executions_fire UNIQUE (scheduled_time, trigger_uid, kept)",
""",
        new=""" (id, scheduled_time, kept)",
""",
        catchers=(_tests("contract/test_jobstore_commit", "bad_change and trigger"),),
    ),
    Mutant(
        name="a day is dropped with what came into it",
        file="jobstore/sql/retention.py",
        old="""    if connection.scalar(text(f"SELECT {late}"), {"before": change.ended_before}):
        return
""",
        new="",
        catchers=(_tests("jobstore/test_days", "while_it_is_looked_through"),),
    ),
    Mutant(
        name="plain SELECT instead of FOR SHARE for the fence",
        file="jobstore/sql/postgresql.py",
        old='"SELECT epoch FROM terms WHERE shard = 0 FOR SHARE"',
        new='"SELECT epoch FROM terms WHERE shard = 0"',
        catchers=(_tests("contract/test_jobstore_fence", "in_flight"),),
    ),
    Mutant(
        name="dispatch before commit",
        file="scheduler/leader/outbox.py",
        old="            self._uncommitted.add(execution.id)\n",
        new="""            self._uncommitted.add(execution.id)
            link = self._links((execution.executor_id, execution.incarnation))
            if link is not None:
                self.send(link, execution)
""",
        # whatever it sends meanwhile has no record
        catchers=(
            _tests("scheduler/test_leader_outbox", "sent_before"),
            _without_store(Kind.UNKNOWN, Kind.RAN_TWICE, Kind.OVERLAPPING),
        ),
    ),
    Mutant(
        name="SUSPENDED ignored",
        file="cronquorum/coordination/election.py",
        old="            and proof.contact is self._session.contact\n",
        new="",
        # the fence and T/2 still hold, so no record and no run tells
        catchers=(_tests("contract/test_coordination_zookeeper_session", "suspension_pauses_the_leader"),),
    ),
    Mutant(
        name="acknowledgement before commit",
        file="scheduler/leader/outbox.py",
        old="        self._writer.put(_Step(self, execution, changes, then))\n",
        new="""        if then is not None:
            then()
        self._writer.put(_Step(self, execution, changes, None))
""",
        # whatever it acknowledges meanwhile is gone: the next leader hears that nobody has it
        catchers=(
            _tests("scheduler/test_leader_outbox", "acknowledged_before"),
            _without_store(Kind.WRONGLY_LOST, Kind.RERUN),
        ),
    ),
    Mutant(
        name="executors that accept any epoch",
        file="executor/fence.py",
        old="        if leader.epoch < highest.epoch:\n",
        new="        if leader.epoch < 0:\n",
        catchers=(_tests("executor/test_attach", "stale_epoch"),),
    ),
    Mutant(
        name="leases counted from the receipt",
        file="executor/lease.py",
        old="            self.proved(asked / 1e9)\n",
        new='            self.proved(__import__("time").clock_gettime(__import__("time").CLOCK_BOOTTIME))\n',
        catchers=(_tests("executor/test_lease", "counts_from_the_send_of_its_question"),),
    ),
    Mutant(
        name="old streams left open at Hello",
        file="executor/attach.py",
        old='        self.end_stream(Superseded(f"a newer Hello came, of epoch {leader.epoch}"))\n',
        new="        self._stream = None\n",
        catchers=(_tests("executor/test_attach", "hello_ends_every_earlier_stream"),),
    ),
    Mutant(
        name="'I don't have it' believed from another incarnation",
        file="scheduler/leader/link.py",
        old="        if (welcome.executor_id, welcome.incarnation) != self.holder:\n",
        new="        if welcome.executor_id != self.holder[0]:\n",
        catchers=(_tests("scheduler/test_leader_attaching", "another_executor_at_the_address"),),
    ),
    Mutant(
        name="outcome journal off",
        file="executor/service.py",
        old="            outbox=Outbox(self._journal),\n",
        new="            outbox=Outbox(None),\n",
        catchers=(_tests("executor/test_guardian", "outcome_outlives_the_executor"),),
    ),
    # those that follow prove that the gate itself sees what it is there to see
    Mutant(
        name="due times passed over in silence",
        file="scheduler/misfire.py",
        old="else self.schedule.next_after(self.due),\n",
        new="else self.schedule.next_after(self.due + timedelta(seconds=2)),\n",
        catchers=(
            _tests("scheduler/test_leader_fires", "all_that_fires_is_accounted_for"),
            _without_executors(Kind.LOST),
        ),
    ),
    Mutant(
        name="the overlap policy `skip` lets everything in",
        file="scheduler/concurrency.py",
        old='    "skip": lambda open_count: open_count == 0,\n',
        new='    "skip": lambda open_count: True,\n',
        catchers=(
            _tests("scheduler/test_leader_fires", "skipped_while_another_execution_is_open"),
            _without_executors(Kind.CONCURRENT),
        ),
    ),
    Mutant(
        name="an attempt is given away without waiting for its lease",
        file="scheduler/leader/sweep.py",
        old="LEASE_MARGIN = 1.1\n",
        new="LEASE_MARGIN = 0.0\n",
        catchers=(
            _tests("scheduler/test_leader_losses", "shorter_than_a_lease"),
            _without_executors(Kind.OVERLAPPING, Kind.CONCURRENT),
        ),
    ),
    Mutant(
        name="what is not idempotent is run again",
        file="scheduler/failover.py",
        old='    return "rerun" if idempotent else "fail"\n',
        new='    return "rerun"\n',
        catchers=(_tests("scheduler/test_leader_losses", "may_not_be_run_again"), _without_executors(Kind.RERUN)),
    ),
    Mutant(
        name="a range of missed fires counts one too many",
        file="scheduler/misfire.py",
        old="        return Missed(count=count, first=self.due, last=last), self.schedule.next_after(now)\n",
        new="        return Missed(count=count + 1, first=self.due, last=last), self.schedule.next_after(now)\n",
        catchers=(_tests("scheduler/test_misfire", "counted_exactly"), _without_store(Kind.MISCOUNTED, Kind.DOUBLED)),
    ),
)
