"""A transaction of the leader as one message to PostgreSQL (its docs, 55.2.2.1: several statements in a simple query).

Each answer that a thread waits for costs it a turn at the interpreter's lock as well, for which a busy thread lets it
wait for up to `sys.getswitchinterval`, 5 ms. Measured beside a thread that computes all the time, on a busy machine, a
commit of 250 fires took 12 to 14 ms longer than without one, and 20 to 35 ms longer when each statement was sent by
itself. So nothing is asked in between: what would end the transaction is a division by zero in it.
"""

from collections.abc import Sequence

import psycopg2
from psycopg2.extensions import connection as PgConnection

from jobstore.sql.bulk import Statement

_WAITED = ("55P03", "57014")
"""SQLSTATE lock_not_available and query_canceled: it has waited for as long as a write may."""


def script(epoch: int, statements: Sequence[Statement]) -> Statement:
    """Everything from BEGIN to COMMIT."""
    fence = f"SELECT FROM terms WHERE shard = 0 AND epoch = {epoch:d} FOR SHARE"
    texts = [
        "BEGIN ISOLATION LEVEL READ COMMITTED",  # the fence looks at the row again after it has waited for it
        f"SELECT 1 / count(*) FROM ({fence}) AS present",
        *map(_checked, statements),
        "COMMIT",
    ]
    return Statement(";\n".join(texts), tuple(value for statement in statements for value in statement.parameters))


def _checked(statement: Statement) -> str:
    if statement.rows is None:
        return statement.sql
    written = f"WITH written AS ({statement.sql} RETURNING 1)"
    return f"{written} SELECT 1 / (count(*) = {statement.rows:d})::integer FROM written"


def run(connection: PgConnection, script: Statement) -> bool:
    """Run a script; False when the server undid it. Raises `psycopg2.Error` when there is no server any more, or no
    time."""
    connection.autocommit = True  # what begins and ends is in the script
    try:
        with connection.cursor() as cursor:
            try:
                cursor.execute(script.sql, script.parameters)
            except psycopg2.Error as error:
                if connection.closed:
                    raise
                cursor.execute("ROLLBACK")
                if error.pgcode in _WAITED:
                    raise
                return False
        return True
    finally:
        if not connection.closed:
            connection.autocommit = False
