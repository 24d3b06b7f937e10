"""The schema's history: alembic runs `env`, which runs what of `versions` the store has not seen yet.

Versions are never edited once released. A change of the schema comes in two releases: the first one adds
(and programs of both releases work), the next one removes. `tests/jobstore/test_migrations.py` compares what
they make with `jobstore.sql.tables`.
"""
