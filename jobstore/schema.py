"""Is the schema one that this program can work on, and making it so.

A migration that only expands (whatever the code before it reads and writes is still there, and means the same) says in
its revision's name which code it still serves: `0004_serves_0003`. One that does not say so serves only its own.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from cronquorum.logs import get_logger
from jobstore.errors import SchemaNewer, SchemaOutdated
from jobstore.sql.store import SqlStore

_MIGRATIONS = Path(__file__).parent / "migrations"
_SERVES = "_serves_"
"""In the name of a revision: before the oldest one whose code may go on. So it is in the store as soon as the schema
itself, and can be read by code that knows nothing else of it."""
_log = get_logger(__name__)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def newest() -> str:
    """The revision of the schema that this program needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


def check_schema(store: SqlStore) -> str:
    """Return the schema's revision: the one that this program needs, or a newer one that serves it.

    Raises `SchemaOutdated`, or `SchemaNewer` where waiting for an upgrade cannot help. Settings of the store under
    which acknowledged writes can be lost are warned of in the log.
    """
    database = store.database
    revision = _compare(store, None if database.missing else database.read(_revision, snapshot=True))
    for danger in database.read(database.dangers):
        _log.warning("the store is not set up safely", store=database.name, danger=danger)
    return revision


def upgrade(store: SqlStore) -> str:
    """Bring the schema up to date, and return its revision. Several at once wait for each other; a newer schema that
    serves this program stays as it is.

    Raises `SchemaNewer` when it does not serve this program.
    """

    def work(connection: Connection) -> str:
        found = _revision(connection)
        if found is not None and found not in _known():
            return _compare(store, found)
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        return newest()

    return store.database.migrate(work, patient=True)


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _known() -> frozenset[str]:
    return frozenset(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def _compare(store: SqlStore, found: str | None) -> str:
    needed = newest()
    if found == needed:
        return needed
    name, run = store.database.name, store.database.upgrade_command
    if found is None:
        raise SchemaOutdated(f"{name} has no schema yet; run: {run}")
    if found in _known():
        raise SchemaOutdated(f"{name} has schema {found}, and {needed} is needed; run: {run}")
    oldest = found.partition(_SERVES)[2]
    if oldest in _known():
        _log.info("the schema is newer, and serves this program", store=name, schema=found, program=needed)
        return found
    serves = f" and serves none before {oldest}" if oldest else ""
    raise SchemaNewer(
        f"{name} has schema {found}, which is newer than this program's {needed}{serves}; run a newer cronquorum"
    )
