"""What SQLAlchemy and the drivers raise, told in the package's own errors. None of theirs leaves it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from jobstore.errors import BadChange, SchemaOutdated, StoreError, StoreUnavailable

LONGEST_MESSAGE = 300
"""Characters of a driver's message that are passed on: it may quote the data."""

# PostgreSQL docs, appendix A: classes of SQLSTATE, and single codes where a class is mixed
_BAD_DATA = ("22", "23", "54")
_NO_TABLE = ("42P01", "42703")
_OURS = ("42", "0A", "26", "34", "39")
"""Classes that tell of a mistake in our own statements; all others (connection, resources, locks,
administrator, read-only, roles, disk) mean that the store cannot serve now."""
_NO_RIGHTS = "42501"

_SQLITE_BAD_DATA = (sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH)

_CONSTRAINTS = {
    "executions_pkey": "an execution of this id is there already",
    "executions.id": "an execution of this id is there already",
    "executions_fire": "this fire (trigger and scheduled time) has an execution already",
    "executions.scheduled_time, executions.trigger_uid": "this fire (trigger and scheduled time) has an "
    "execution already",
    "executions_state": "not a state",
    "executions_end": "a final execution says when it ended, and only such a one is final",
    "jobs_name": "a job of this name is there already",
    "jobs.namespace, jobs.name": "a job of this name is there already",
    "calendars_name": "a calendar of this name is there already",
    "calendars.namespace, calendars.name": "a calendar of this name is there already",
    "triggers_name": "a job has two triggers of one name",
    "triggers.job_uid, triggers.name": "a job has two triggers of one name",
    "attempts_pkey": "this attempt has ended already",
    "attempts.execution_id, attempts.part, attempts.attempt": "this attempt has ended already",
    "answers_pkey": "this request has an answer already",
    "answers.scope, answers.request_id": "this request has an answer already",
}


def one_line(error: object) -> str:
    """A driver's message, which has several lines, as one of bounded length."""
    text = " ".join(str(error).split())
    return text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 3] + "..."


_OF_A_PARTITION = {"_pkey": "executions_pkey", "_scheduled_time_trigger_uid_kept_key": "executions_fire"}
"""How PostgreSQL names the keys of a partition, and what they are keys of."""


def _key(constraint: str) -> str:
    if constraint.startswith("executions_"):
        return next((key for end, key in _OF_A_PARTITION.items() if constraint.endswith(end)), constraint)
    return constraint


@contextmanager
def translated(store: str, command: str) -> Iterator[None]:
    """Let only `StoreError`s out of the block.

    `store` says where the store is, `command` how its schema is brought up to date; no secrets in either.
    """
    try:
        yield
    except PoolTimeoutError:
        raise StoreUnavailable(f"{store}: all connections are busy") from None
    except DBAPIError as error:
        raise _told(error, store, command) from error
    except SQLAlchemyError as error:
        raise StoreError(f"{store}: {one_line(error)}") from error
    except psycopg2.Error as error:  # SQLAlchemy does not wrap what happens to a connection while it is made ready
        raise StoreUnavailable(f"{store}: {one_line(error)}") from error


def _told(error: DBAPIError, store: str, command: str) -> StoreError:
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        return _sqlite(cause, store, command)
    code: str = getattr(cause, "pgcode", None) or ""
    message = f"{store}: {one_line(cause)}"
    if code in _NO_TABLE:
        return SchemaOutdated(f"{message}; run: {command}")
    if code.startswith(_BAD_DATA):
        constraint: str = getattr(getattr(cause, "diag", None), "constraint_name", None) or ""
        detail: str = getattr(getattr(cause, "diag", None), "message_detail", None) or ""
        meaning = _CONSTRAINTS.get(_key(constraint))
        return BadChange(f"{meaning}: {one_line(detail)}" if meaning and detail else meaning or one_line(cause))
    if code.startswith(_OURS) and code != _NO_RIGHTS:
        return StoreError(message)
    return StoreUnavailable(message)


def _sqlite(cause: sqlite3.Error, store: str, command: str) -> StoreError:
    message = f"{store}: {one_line(cause)}"
    primary = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if primary in _SQLITE_BAD_DATA or isinstance(cause, sqlite3.IntegrityError | sqlite3.DataError):
        words = str(cause).rpartition(" failed: ")[2]
        return BadChange(_CONSTRAINTS.get(words, one_line(cause)))
    if str(cause).startswith(("no such table", "no such column")):
        return SchemaOutdated(f"{message}; run: {command}")
    if primary in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISUSE):
        return StoreError(message)
    return StoreUnavailable(message)
