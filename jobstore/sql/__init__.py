"""The SQL implementation of the job store: PostgreSQL and SQLite, on SQLAlchemy Core."""
