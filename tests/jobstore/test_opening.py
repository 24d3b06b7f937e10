"""Store URLs: which are read, and how wrong ones are answered."""

import pytest

from jobstore.errors import StoreError
from jobstore.opening import open_store

GOOD = {
    # URL: what messages call it, and how its command shows it
    "postgresql://h/db": ("PostgreSQL at h, database 'db'", "postgresql://h/db"),
    "postgresql://u:secret@h:5433/db": ("PostgreSQL at h:5433, database 'db'", "postgresql://u@h:5433/db"),
    "postgresql+psycopg2://u@h/db": ("PostgreSQL at h, database 'db'", "postgresql://u@h/db"),
    "PostgreSQL://u@h/db": ("PostgreSQL at h, database 'db'", "postgresql://u@h/db"),
    "postgresql://u:secret@a:1,b:2/db?target_session_attrs=any": (
        "PostgreSQL at a:1, b:2, database 'db'",
        "postgresql://u@a:1,b:2/db",
    ),
    "postgresql://h/db?password=secret&sslmode=require": (
        "PostgreSQL at h, database 'db'",
        "postgresql://h/db",
    ),
    "postgresql://u:se%40cret%2F@[::1]:5432/my%20db": (
        "PostgreSQL at [::1]:5432, database 'my db'",
        "postgresql://u@[::1]:5432/my%20db",
    ),
    "postgresql:///db?host=/run/pg&port=5": (
        "PostgreSQL at /run/pg:5, database 'db'",
        "postgresql:///db?host=/run/pg&port=5",
    ),
    "postgresql:///db": ("PostgreSQL at the local socket, database 'db'", "postgresql:///db"),
    "sqlite://": ("SQLite in memory", "sqlite://"),
    "sqlite:///:memory:": ("SQLite in memory", "sqlite://"),
    "sqlite:///a b/c.db": ("SQLite database a b/c.db", "sqlite:///a b/c.db"),
    "sqlite:////var/lib/c.db": ("SQLite database /var/lib/c.db", "sqlite:////var/lib/c.db"),
}


@pytest.mark.parametrize("url", GOOD)
def test_urls(url: str) -> None:
    store = open_store(url)
    assert (store.database.name, store.database.url) == GOOD[url]
    store.close()


def test_the_shown_url_leads_to_the_same_place() -> None:
    for _, shown in GOOD.values():
        again = open_store(shown)
        assert again.database.url == shown
        again.close()


BAD = {
    "": "without a scheme",
    "store.db": "without a scheme",
    "/var/lib/store.db": "without a scheme",
    "mysql://u:secret@h/db": "mysql: is not a store",
    "postgres://u:secret@h/db": "postgres: is not a store",
    "postgresql+psycopg://u:secret@h/db": "is not a store",
    "postgresql:u:secret@h/db": "is not a store",
    "u:secret@h/db": "is not a store",
    "postgresql://u:secret@h:port/db": "port that is not in 1-65535",
    "postgresql://u:secret@h:70000/db": "port that is not in 1-65535",
    "postgresql://u:secret@h:0/db": "port that is not in 1-65535",
    "postgresql://u:a@secret@h/db": "written %40",
    "postgresql://u:secret@[::1/db": "cannot be read",
    "postgresql://u:secret@h/db?sslmod=require": 'invalid URI query parameter: "sslmod"',
    "postgresql://u:%zzsecret@h/db": "cannot be read",
    "postgresql://u:secret\x00@h/db": "control characters",
    "sqlite:store.db": "three slashes",
    "sqlite:/store.db": "three slashes",
    "sqlite://store.db": "three slashes",
    "sqlite:///store.db?mode=ro": "takes no options",
    "sqlite:///store\x00.db": "control characters",
}


@pytest.mark.parametrize("url", BAD)
def test_anything_else_is_an_error_that_names_what_is_right(url: str) -> None:
    with pytest.raises(StoreError) as error:
        open_store(url)
    text = str(error.value)
    assert BAD[url] in text
    assert "secret" not in text
    assert "\n" not in text
    if "written %40" not in text:
        assert "postgresql://USER@HOST:PORT/DATABASE, sqlite:///PATH, or sqlite://" in text


def test_the_command_that_is_named_can_be_pasted_into_a_shell() -> None:
    store = open_store("postgresql:///db?host=/run/pg&port=5")
    command = "python -m jobstore upgrade --store 'postgresql:///db?host=/run/pg&port=5'"
    assert store.database.upgrade_command == command
    store.close()
