"""The first schema."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None

# On SQLite, times and uids are text; on PostgreSQL, names sort by code point.
INSTANT = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
UID = sa.Text().with_variant(postgresql.UUID(), "postgresql")
JSON = sa.Text().with_variant(sa.JSON(), "postgresql")
NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

STATES = (
    "'cancelled', 'dispatched', 'failed', 'held', 'lost', 'pending', 'retrying', 'running', 'skipped', "
    "'succeeded', 'timedOut'"
)
FINAL = "'cancelled', 'failed', 'lost', 'skipped', 'succeeded', 'timedOut'"


def _filled(name: str, type_: sa.types.TypeEngine[Any]) -> "sa.Column[Any]":
    return sa.Column(name, type_, nullable=False)


def _text(name: str) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(), nullable=False, server_default="")


def upgrade() -> None:
    _terms_and_jobs()
    _executions()
    _beside_executions()


def _terms_and_jobs() -> None:
    op.create_table(
        "terms",
        sa.Column("shard", sa.Integer(), primary_key=True, autoincrement=False),
        _filled("epoch", sa.BigInteger()),
        _filled("node_id", sa.Text()),
        _filled("candidate_order", sa.BigInteger()),
        _filled("ensemble", sa.Text()),
    )
    op.create_table(
        "jobs",
        sa.Column("uid", UID, primary_key=True),
        _filled("namespace", NAME),
        _filled("name", NAME),
        sa.Column("labels", JSON),
        _filled("revision", sa.Integer()),
        _filled("paused", sa.Boolean()),
        _filled("created", INSTANT),
        _filled("updated", INSTANT),
        sa.UniqueConstraint("namespace", "name", name="jobs_name"),
    )
    op.create_table(
        "job_revisions",
        _filled("job_uid", UID),
        _filled("revision", sa.Integer()),
        _filled("namespace", NAME),
        _filled("name", NAME),
        _filled("spec", JSON),
        sa.Column("retired", INSTANT),
        sa.PrimaryKeyConstraint("job_uid", "revision", name="job_revisions_pkey"),
    )
    op.create_index("job_revisions_name", "job_revisions", ["name", "namespace"])
    _partial_index("job_revisions_retired", "job_revisions", ["retired"], "retired IS NOT NULL")
    op.create_table(
        "triggers",
        sa.Column("uid", UID, primary_key=True),
        _filled("job_uid", UID),
        _filled("name", NAME),
        sa.Column("next_fire", INSTANT),
        sa.Column("previous_fire", INSTANT),
        _text("error"),
        sa.UniqueConstraint("job_uid", "name", name="triggers_name"),
    )
    _partial_index("triggers_due", "triggers", ["next_fire", "uid"], "next_fire IS NOT NULL")


def _executions() -> None:
    op.create_table(
        "executions",
        _filled("id", UID),
        _filled("origin", sa.Text()),
        _filled("namespace", NAME),
        _filled("job", NAME),
        _filled("job_uid", UID),
        _filled("revision", sa.Integer()),
        sa.Column("trigger_uid", UID),
        _text("trigger"),
        _filled("scheduled_time", INSTANT),
        _filled("state", sa.Text()),
        _filled("final", sa.Boolean()),
        _text("reason"),
        _text("executor_id"),
        _text("incarnation"),
        _filled("part", sa.Integer()),
        _filled("attempt", sa.Integer()),
        _filled("placement", sa.Integer()),
        _filled("reruns", sa.Integer()),
        _filled("epoch", sa.BigInteger()),
        sa.Column("cancelling", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("check_at", INSTANT),
        _filled("recorded", INSTANT),
        sa.Column("dispatched", INSTANT),
        sa.Column("started", INSTANT),
        sa.Column("ended", INSTANT),
        sa.Column("progress", sa.Float(53)),
        _text("progress_note"),
        sa.Column("result", JSON),
        sa.Column("exit_code", sa.Integer()),
        sa.Column("error_type", sa.Text()),
        sa.Column("error_message", sa.Text()),
        sa.Column("error_tail", sa.Text()),
        sa.Column("params", JSON),
        sa.Column("missed_count", sa.Integer()),
        sa.Column("missed_first", INSTANT),
        sa.Column("missed_last", INSTANT),
        _text("request_id"),
        sa.PrimaryKeyConstraint("id", name="executions_pkey"),
        sa.UniqueConstraint("scheduled_time", "trigger_uid", name="executions_fire"),
        sa.CheckConstraint(f"state IN ({STATES})", name="executions_state"),
        sa.CheckConstraint(f"final = (state IN ({FINAL})) AND (NOT final OR ended IS NOT NULL)", name="executions_end"),
    )
    _partial_index("executions_open", "executions", ["id"], "NOT final", "final = 0")
    op.create_index("executions_job", "executions", ["job_uid", "scheduled_time"])
    _partial_index("executions_ended", "executions", ["ended"], "final", "final = 1")


def _beside_executions() -> None:
    op.create_table(
        "attempts",
        _filled("execution_id", UID),
        _filled("part", sa.Integer()),
        _filled("attempt", sa.Integer()),
        _filled("placement", sa.Integer()),
        _text("executor_id"),
        _text("incarnation"),
        _filled("epoch", sa.BigInteger()),
        _filled("outcome", sa.Text()),
        _text("reason"),
        sa.Column("dispatched", INSTANT),
        sa.Column("started", INSTANT),
        sa.Column("ended", INSTANT),
        sa.Column("exit_code", sa.Integer()),
        sa.Column("error_type", sa.Text()),
        sa.Column("error_message", sa.Text()),
        sa.Column("error_tail", sa.Text()),
        sa.PrimaryKeyConstraint("execution_id", "part", "attempt", name="attempts_pkey"),
        sa.CheckConstraint(f"outcome IN ({STATES})", name="attempts_outcome"),
    )
    op.create_table(
        "outputs",
        _filled("execution_id", UID),
        _filled("part", sa.Integer()),
        _filled("attempt", sa.Integer()),
        _filled("seq", sa.Integer()),
        _filled("stream", sa.Text()),
        _filled("data", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("execution_id", "part", "attempt", "seq", name="outputs_pkey"),
    )
    op.create_table(
        "evidence",
        sa.Column("number", NUMBER, sa.Identity(), primary_key=True),
        _filled("execution_id", UID),
        _filled("executor_id", sa.Text()),
        _filled("incarnation", sa.Text()),
        _filled("attempt", sa.Integer()),
        _filled("received", INSTANT),
        _filled("why", sa.Text()),
        _filled("report", JSON),
    )
    op.create_index("evidence_execution", "evidence", ["execution_id"])
    op.create_index("evidence_received", "evidence", ["received"])
    op.create_table(
        "answers",
        _filled("scope", sa.Text()),
        _filled("request_id", sa.Text()),
        _filled("digest", sa.Text()),
        _filled("answered", INSTANT),
        _filled("body", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("scope", "request_id", name="answers_pkey"),
    )
    op.create_index("answers_answered", "answers", ["answered"])


def _partial_index(name: str, table: str, columns: list[str], where: str, sqlite_where: str | None = None) -> None:
    op.create_index(
        name,
        table,
        columns,
        postgresql_where=sa.text(where),
        sqlite_where=sa.text(sqlite_where or where),
    )
