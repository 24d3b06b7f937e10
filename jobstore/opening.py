"""From a URL to a store."""

import re

import psycopg2
from psycopg2.extensions import parse_dsn

from jobstore.errors import StoreError
from jobstore.sql.database import Database
from jobstore.sql.postgresql import PostgresDatabase
from jobstore.sql.sqlite import SqliteDatabase
from jobstore.sql.store import SqlStore

RIGHT = "use postgresql://USER@HOST:PORT/DATABASE, sqlite:///PATH, or sqlite:// for one in memory"

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{0,30}):", re.ASCII | re.IGNORECASE)
_POSTGRES = ("postgresql", "postgresql+psycopg2")


def open_store(url: str) -> SqlStore:
    """The store at a URL. It connects at its first use.

    `postgresql://` takes whatever libpq does: several hosts, options behind a `?` (PostgreSQL docs, 34.1.1).
    `sqlite:///PATH` is relative to the working directory, `sqlite:////PATH` is absolute. Raises `StoreError`
    for anything else; the message never repeats what could be a password.
    """
    return SqlStore(_database(url))


def _database(url: str) -> Database:
    if not url.isprintable():
        raise StoreError(f"a store's URL has no control characters in it: {RIGHT}")
    match = _SCHEME.match(url)
    scheme = match[1].lower() if match else ""
    rest = url[len(scheme) :]
    if scheme == "sqlite":
        return SqliteDatabase(_path(rest))
    if scheme in _POSTGRES and rest.startswith("://"):
        return PostgresDatabase(_parameters("postgresql" + rest))
    raise StoreError(f"{scheme}: is not a store: {RIGHT}" if match else f"a store's URL without a scheme: {RIGHT}")


def _path(rest: str) -> str | None:
    if rest in ("://", ":///:memory:", ":///"):
        return None
    if not rest.startswith(":///"):
        raise StoreError(f"a SQLite URL has three slashes before its path: {RIGHT}")
    path = rest.removeprefix(":///")
    if "?" in path:
        raise StoreError(f"a SQLite URL ends with its path, and takes no options: {RIGHT}")
    return path


def _parameters(url: str) -> dict[str, str]:
    try:
        parameters: dict[str, str] = parse_dsn(url)
    except (psycopg2.Error, ValueError) as error:
        # libpq quotes the URL, password and all, in all of its messages but for this one
        unknown = re.search(r'invalid URI query parameter: "\w{1,40}"', str(error))
        raise StoreError(f"{unknown[0] if unknown else 'the postgresql URL cannot be read'}: {RIGHT}") from None
    if any("@" in host for host in parameters.get("host", "").split(",")):
        raise StoreError("the postgresql URL has an '@' too many: within a user or password it is written %40")
    for port in parameters.get("port", "").split(","):
        if port and not (re.fullmatch(r"\d{1,5}", port, re.ASCII) and 0 < int(port) < 65536):
            raise StoreError(f"the postgresql URL has a port that is not in 1-65535: {RIGHT}")
    return parameters
