"""Terms: who leads, and the epoch that every write is held against. Shard 0 is the only one so far."""

from sqlalchemy import Connection, text

from jobstore.errors import ClaimRefused, StaleTerm
from jobstore.model import Term
from jobstore.sql.database import Database

# One statement, so that a candidate that is stopped in the middle of it holds nobody up. On PostgreSQL it
# waits for the transactions that hold the row FOR SHARE, and then looks at the row as they left it.
_BEGIN = text("""
INSERT INTO terms (shard, epoch, node_id, candidate_order, ensemble, held)
VALUES (0, :at_least + 1, :node_id, :order, :ensemble, CASE WHEN :at_least > 0 THEN :seen || '0' ELSE '' END)
ON CONFLICT (shard) DO UPDATE SET
    epoch = CASE WHEN terms.epoch > :at_least THEN terms.epoch ELSE :at_least END + 1,
    node_id = excluded.node_id, candidate_order = excluded.candidate_order, ensemble = excluded.ensemble,
    held = CASE WHEN terms.epoch > :at_least THEN terms.held ELSE :seen || terms.epoch END
WHERE terms.ensemble <> excluded.ensemble
   OR terms.candidate_order < excluded.candidate_order
   OR (terms.candidate_order = excluded.candidate_order AND terms.node_id = excluded.node_id)
RETURNING epoch, held
""")
_LAST = text("SELECT candidate_order FROM terms WHERE shard = 0")
_RELEASE = text("UPDATE terms SET held = '' WHERE shard = 0")
# a new epoch, so that a leader that has not noticed anything can write no more
_HOLD = text("""
INSERT INTO terms (shard, epoch, node_id, candidate_order, ensemble, held) VALUES (0, 1, '', -1, '', :reason)
ON CONFLICT (shard) DO UPDATE SET epoch = terms.epoch + 1, held = excluded.held
""")


def begin(connection: Connection, order: int, ensemble: str, node_id: str, at_least: int) -> Term:
    """See `JobStore.begin_term`."""
    at_least = max(0, at_least)
    seen = f"the store went back to an earlier time: an executor has seen epoch {at_least}, and the store only "
    values = {"order": order, "ensemble": ensemble, "node_id": node_id, "at_least": at_least, "seen": seen}
    begun = connection.execute(_BEGIN, values).one_or_none()
    if begun is None:
        raise ClaimRefused(order, connection.execute(_LAST).scalar_one())
    return Term(epoch=begun.epoch, node_id=node_id, order=order, ensemble=ensemble, held=begun.held)


def hold(connection: Connection, database: Database, term: Term) -> None:
    """Make sure that this is the present term, until the transaction ends. Raises `StaleTerm`."""
    present = connection.exec_driver_sql(database.epoch_sql).scalar_one_or_none()
    if present != term.epoch:
        raise StaleTerm(term.epoch, present or 0)


def release(connection: Connection) -> None:
    """See `ReleaseTerm`."""
    connection.execute(_RELEASE)


def put_on_hold(connection: Connection, reason: str) -> None:
    """See `SqlStore.hold`."""
    connection.execute(_HOLD, {"reason": reason})
