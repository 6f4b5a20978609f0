"""Append-only: triggers by which a database refuses to change or delete rows of a table."""

from typing import Any

_SQLITE = """
CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END
"""
_POSTGRESQL_FUNCTION = """
CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$
"""
_POSTGRESQL_TRIGGER = """
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse()
"""


def make_append_only(table: str, schema_editor: Any) -> None:
    """Add the triggers to a table, in a migration.

    Raises:
        NotImplementedError: The database is neither SQLite nor PostgreSQL.
    """
    vendor = schema_editor.connection.vendor
    if vendor == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            schema_editor.execute(_SQLITE.format(table=table, verb=verb))
    elif vendor == "postgresql":
        schema_editor.execute(_POSTGRESQL_FUNCTION.format(table=table))
        schema_editor.execute(_POSTGRESQL_TRIGGER.format(table=table))
    else:
        raise NotImplementedError(f"an append-only table in {vendor}")
