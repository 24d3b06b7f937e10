"""Run by alembic. The connection, with its transaction, comes from `jobstore.schema`."""

from alembic import context
from sqlalchemy import Connection

from jobstore.sql.tables import metadata

connection: Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",  # SQLite alters a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
