"""On PostgreSQL, executions in partitions by day; what jobs say about retention.

The table of before becomes the partition `executions_until...`, as it is: its rows are read once, to make the indexes
of its new keys and to see that they are in its range. It is dropped when its last day is old enough.
Statements of programs of the schema before work on this one.
"""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None

UID = sa.Text().with_variant(postgresql.UUID(), "postgresql")

AHEAD = 7
"""Days that are made for what comes; from then on the leader makes them."""


def upgrade() -> None:
    op.create_table(
        "job_retention",
        sa.Column("job_uid", UID, primary_key=True),
        sa.Column("succeeded", sa.BigInteger()),
        sa.Column("failed", sa.BigInteger()),
    )
    op.add_column("executions", sa.Column("kept", sa.Boolean(), nullable=False, server_default=sa.false()))
    if op.get_bind().dialect.name == "postgresql":
        _partition()


def _partition() -> None:
    now = op.get_bind().scalar(sa.text("SELECT now()"))
    assert isinstance(now, datetime)
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    tomorrow = today + timedelta(days=1)
    old = f"executions_until{tomorrow:%Y%m%d}"
    # the first statement takes the table for us alone, until the end
    for statement in (
        f"ALTER TABLE executions RENAME TO {old}",
        f"ALTER TABLE {old} DROP CONSTRAINT executions_pkey, DROP CONSTRAINT executions_fire",
        f"ALTER INDEX executions_open RENAME TO {old}_id_idx",
        f"ALTER INDEX executions_job RENAME TO {old}_job_uid_scheduled_time_idx",
        f"ALTER INDEX executions_ended RENAME TO {old}_ended_idx",
        f"CREATE TABLE executions (LIKE {old} INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY LIST (kept)",
        "ALTER TABLE executions ADD CONSTRAINT executions_pkey PRIMARY KEY (id, scheduled_time, kept),"
        " ADD CONSTRAINT executions_fire UNIQUE (scheduled_time, trigger_uid, kept)",
        "CREATE INDEX executions_open ON executions (id) WHERE NOT final",
        "CREATE INDEX executions_job ON executions (job_uid, scheduled_time)",
        "CREATE INDEX executions_ended ON executions (ended) WHERE final",
        "CREATE TABLE executions_kept PARTITION OF executions FOR VALUES IN (true)",
        "CREATE TABLE executions_recent PARTITION OF executions FOR VALUES IN (false)"
        " PARTITION BY RANGE (scheduled_time)",
        "CREATE TABLE executions_default PARTITION OF executions_recent DEFAULT",
    ):
        op.execute(statement)
    _grant(old)
    empty = not op.get_bind().scalar(sa.text(f"SELECT EXISTS (SELECT FROM {old})"))
    for start in (today + timedelta(days=n) for n in range(0 if empty else 1, AHEAD + 1)):
        op.execute(
            f"CREATE TABLE executions_p{start:%Y%m%d} PARTITION OF executions_recent"
            f" FOR VALUES FROM ('{start.isoformat()}') TO ('{(start + timedelta(days=1)).isoformat()}')"
        )
    if empty:
        op.execute(f"DROP TABLE {old}")
    else:
        _keep(old, tomorrow)


def _grant(old: str) -> None:
    """Whoever was let at the table stays so."""
    granted = sa.text(
        "SELECT privilege_type, quote_ident(rolname)"
        " FROM pg_class, aclexplode(relacl) JOIN pg_roles r ON r.oid = grantee"
        f" WHERE pg_class.oid = '{old}'::regclass AND grantee <> relowner"
    )
    for privilege, role in op.get_bind().execute(granted).all():
        op.execute(f"GRANT {privilege} ON executions TO {role}")


def _keep(old: str, end: datetime) -> None:
    """The old table is the first partition, up to `end`; whatever lies beyond goes to where it belongs."""
    for statement in (
        f"WITH gone AS (DELETE FROM {old} WHERE scheduled_time >= '{end.isoformat()}' RETURNING *)"
        " INSERT INTO executions SELECT * FROM gone",
        f"ALTER TABLE {old} ADD CONSTRAINT {old}_pkey PRIMARY KEY (id, scheduled_time, kept),"
        f" ADD CONSTRAINT {old}_scheduled_time_trigger_uid_kept_key UNIQUE (scheduled_time, trigger_uid, kept)",
        f"ALTER TABLE executions_recent ATTACH PARTITION {old} FOR VALUES FROM (MINVALUE) TO ('{end.isoformat()}')",
    ):
        op.execute(statement)
