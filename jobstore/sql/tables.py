"""The schema. Migrations make it; a test compares the two.

Executions are many, and everything else is few. On PostgreSQL `executions` is partitioned, so that retention
drops days instead of deleting rows (`jobstore.sql.days`):

    executions ............... LIST (kept)
      executions_kept ........ kept: what stays longer than its day: open rows, and those of a longer retention
      executions_recent ...... not kept, RANGE (scheduled_time)
        executions_pYYYYMMDD   a day, UTC
        executions_default     what has no day: backfills of old times, far futures
        executions_untilYYYYMMDD, for some time: the table that was there before it had partitions

* `kept` says nothing but where a row is. Setting it moves the row, and readers find it all the while.
* Keys of a partitioned table contain what it is partitioned by, so `scheduled_time` and `kept` are in both. The id
  comes first in the primary key: whoever knows nothing but an id finds it by that index. The id of a fire is made of
  its scheduled time and its trigger, so that the key for fires keeps the ids of fires unique too.
* Nothing refers to `executions` by a foreign key, which would have to contain all of that.
"""

from collections.abc import Iterable

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    Identity,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    event,
    false,
    text,
)

from jobstore.sql.types import BYTES, INSTANT, JSON_TEXT, NAME, UID
from jobstore.states import FINAL, State

metadata = MetaData()


def _one_of(column: str, states: Iterable[State]) -> str:
    return f"{column} IN ({', '.join(sorted(repr(state.value) for state in states))})"


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


terms = Table(
    "terms",
    metadata,
    Column("shard", Integer, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, nullable=False),
    Column("node_id", Text, nullable=False),
    Column("candidate_order", BigInteger, nullable=False),
    Column("ensemble", Text, nullable=False),
    _text("held"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("uid", UID, primary_key=True),
    Column("namespace", NAME, nullable=False),
    Column("name", NAME, nullable=False),
    Column("labels", JSON_TEXT),
    Column("revision", Integer, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("created", INSTANT, nullable=False),
    Column("updated", INSTANT, nullable=False),
    Column("paused_since", INSTANT),
    UniqueConstraint("namespace", "name", name="jobs_name"),
)

# Kept for the executions of jobs that are gone, therefore with the name. `retired` is when another revision
# took its place, or the job was deleted.
job_revisions = Table(
    "job_revisions",
    metadata,
    Column("job_uid", UID, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("namespace", NAME, nullable=False),
    Column("name", NAME, nullable=False),
    Column("spec", JSON_TEXT, nullable=False),
    Column("retired", INSTANT),
    PrimaryKeyConstraint("job_uid", "revision", name="job_revisions_pkey"),
    Index("job_revisions_name", "name", "namespace"),
)
Index(
    "job_revisions_retired",
    job_revisions.c.retired,
    postgresql_where=job_revisions.c.retired.is_not(None),
    sqlite_where=job_revisions.c.retired.is_not(None),
)

triggers = Table(
    "triggers",
    metadata,
    Column("uid", UID, primary_key=True),
    Column("job_uid", UID, nullable=False),
    Column("name", NAME, nullable=False),
    Column("next_fire", INSTANT),
    Column("previous_fire", INSTANT),
    _text("error"),
    Column("fires", BigInteger, nullable=False, server_default="0"),
    Column("since", INSTANT),
    Column("missed_until", INSTANT),
    UniqueConstraint("job_uid", "name", name="triggers_name"),
)
Index(
    "triggers_due",
    triggers.c.next_fire,
    triggers.c.uid,
    postgresql_where=triggers.c.next_fire.is_not(None),
    sqlite_where=triggers.c.next_fire.is_not(None),
)

calendars = Table(
    "calendars",
    metadata,
    Column("uid", UID, primary_key=True),
    Column("namespace", NAME, nullable=False),
    Column("name", NAME, nullable=False),
    Column("labels", JSON_TEXT),
    Column("revision", Integer, nullable=False),
    Column("spec", JSON_TEXT, nullable=False),
    Column("created", INSTANT, nullable=False),
    Column("updated", INSTANT, nullable=False),
    UniqueConstraint("namespace", "name", name="calendars_name"),
)

# Which jobs have triggers with which calendars: what is to be looked at when a calendar changes.
calendar_uses = Table(
    "calendar_uses",
    metadata,
    Column("job_uid", UID, nullable=False),
    Column("namespace", NAME, nullable=False),
    Column("name", NAME, nullable=False),
    PrimaryKeyConstraint("job_uid", "namespace", "name", name="calendar_uses_pkey"),
    Index("calendar_uses_name", "namespace", "name"),
)

# How long a job says that its executions are kept, in seconds: of its latest revision, and only of jobs that say it.
job_retention = Table(
    "job_retention",
    metadata,
    Column("job_uid", UID, primary_key=True),
    Column("succeeded", BigInteger),
    Column("failed", BigInteger),
)

executions = Table(
    "executions",
    metadata,
    Column("id", UID, nullable=False),
    Column("origin", Text, nullable=False),
    Column("namespace", NAME, nullable=False),
    Column("job", NAME, nullable=False),
    Column("job_uid", UID, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("trigger_uid", UID),
    _text("trigger"),
    Column("scheduled_time", INSTANT, nullable=False),
    Column("state", Text, nullable=False),
    Column("final", Boolean, nullable=False),
    _text("reason"),
    _text("executor_id"),
    _text("incarnation"),
    Column("part", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("placement", Integer, nullable=False),
    Column("reruns", Integer, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("cancelling", Boolean, nullable=False, server_default=false()),
    Column("check_at", INSTANT),
    Column("recorded", INSTANT, nullable=False),
    Column("dispatched", INSTANT),
    Column("started", INSTANT),
    Column("ended", INSTANT),
    Column("progress", Float(53)),
    _text("progress_note"),
    Column("result", JSON_TEXT),
    Column("exit_code", Integer),
    Column("error_type", Text),
    Column("error_message", Text),
    Column("error_tail", Text),
    Column("params", JSON_TEXT),
    Column("missed_count", Integer),
    Column("missed_first", INSTANT),
    Column("missed_last", INSTANT),
    _text("request_id"),
    Column("kept", Boolean, nullable=False, server_default=false()),
    PrimaryKeyConstraint("id", name="executions_pkey").ddl_if(dialect="sqlite"),
    # time first: new entries go to the end of the index, and the same index serves listing by time
    UniqueConstraint("scheduled_time", "trigger_uid", name="executions_fire").ddl_if(dialect="sqlite"),
    CheckConstraint(_one_of("state", State), name="executions_state"),
    CheckConstraint(f"final = ({_one_of('state', FINAL)}) AND (NOT final OR ended IS NOT NULL)", name="executions_end"),
    postgresql_partition_by="LIST (kept)",
)
for _ddl in (
    "ALTER TABLE executions ADD CONSTRAINT executions_pkey PRIMARY KEY (id, scheduled_time, kept),"
    " ADD CONSTRAINT executions_fire UNIQUE (scheduled_time, trigger_uid, kept)",
    "CREATE TABLE executions_kept PARTITION OF executions FOR VALUES IN (true)",
    "CREATE TABLE executions_recent PARTITION OF executions FOR VALUES IN (false) PARTITION BY RANGE (scheduled_time)",
    "CREATE TABLE executions_default PARTITION OF executions_recent DEFAULT",
):
    event.listen(executions, "after_create", DDL(_ddl).execute_if(dialect="postgresql"))  # type: ignore[no-untyped-call]  # its own
# on `final` and not on `state`: a move from dispatched to running then touches no index (PostgreSQL's HOT)
Index(
    "executions_open",
    executions.c.id,
    postgresql_where=~executions.c.final,
    sqlite_where=~executions.c.final,
)
Index("executions_job", executions.c.job_uid, executions.c.scheduled_time)
Index(
    "executions_ended",
    executions.c.ended,
    postgresql_where=executions.c.final,
    sqlite_where=text("final = 1"),  # as queries say it there, or it is not used
)

attempts = Table(
    "attempts",
    metadata,
    Column("execution_id", UID, nullable=False),
    Column("part", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("placement", Integer, nullable=False),
    _text("executor_id"),
    _text("incarnation"),
    Column("epoch", BigInteger, nullable=False),
    Column("outcome", Text, nullable=False),
    _text("reason"),
    Column("dispatched", INSTANT),
    Column("started", INSTANT),
    Column("ended", INSTANT),
    Column("exit_code", Integer),
    Column("error_type", Text),
    Column("error_message", Text),
    Column("error_tail", Text),
    PrimaryKeyConstraint("execution_id", "part", "attempt", name="attempts_pkey"),
    CheckConstraint(_one_of("outcome", State), name="attempts_outcome"),
)

outputs = Table(
    "outputs",
    metadata,
    Column("execution_id", UID, nullable=False),
    Column("part", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("stream", Text, nullable=False),
    Column("data", BYTES, nullable=False),
    PrimaryKeyConstraint("execution_id", "part", "attempt", "seq", name="outputs_pkey"),
)

# Reports that nobody asked for: any number for one execution, and for executions that do not exist.
evidence = Table(
    "evidence",
    metadata,
    Column("number", BigInteger().with_variant(Integer(), "sqlite"), Identity(), primary_key=True),
    Column("execution_id", UID, nullable=False),
    Column("executor_id", Text, nullable=False),
    Column("incarnation", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("received", INSTANT, nullable=False),
    Column("why", Text, nullable=False),
    Column("report", JSON_TEXT, nullable=False),
    Index("evidence_execution", "execution_id"),
    Index("evidence_received", "received"),
)

answers = Table(
    "answers",
    metadata,
    Column("scope", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("answered", INSTANT, nullable=False),
    Column("body", BYTES, nullable=False),
    PrimaryKeyConstraint("scope", "request_id", name="answers_pkey"),
    Index("answers_answered", "answered"),
)
