"""Calendars; how often a trigger was due; when a pause began; why terms are held."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None

INSTANT = sa.Text().with_variant(sa.TIMESTAMP(timezone=True), "postgresql")
UID = sa.Text().with_variant(postgresql.UUID(), "postgresql")
JSON = sa.Text().with_variant(sa.JSON(), "postgresql")
NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("terms", sa.Column("held", sa.Text(), nullable=False, server_default=""))
    op.add_column("triggers", sa.Column("fires", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("triggers", sa.Column("since", INSTANT))
    op.add_column("triggers", sa.Column("missed_until", INSTANT))
    op.add_column("jobs", sa.Column("paused_since", INSTANT))
    op.execute("UPDATE jobs SET paused_since = updated WHERE paused")
    op.create_table(
        "calendars",
        sa.Column("uid", UID, primary_key=True),
        sa.Column("namespace", NAME, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("labels", JSON),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("spec", JSON, nullable=False),
        sa.Column("created", INSTANT, nullable=False),
        sa.Column("updated", INSTANT, nullable=False),
        sa.UniqueConstraint("namespace", "name", name="calendars_name"),
    )
    op.create_table(
        "calendar_uses",
        sa.Column("job_uid", UID, nullable=False),
        sa.Column("namespace", NAME, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.PrimaryKeyConstraint("job_uid", "namespace", "name", name="calendar_uses_pkey"),
    )
    op.create_index("calendar_uses_name", "calendar_uses", ["namespace", "name"])
