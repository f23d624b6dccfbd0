"""A rebuild compares every value with its original, and a value stored as no insert of its column would is seen."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from sodaf_migrate import MigrationApplier, MigrationError, Schema, SyncOptions

#: (declared type, a value of a storage class that its affinity converts, whether the copy would hold another)
STORED = (
    ("INTEGER", 5.0, True),
    ("NUMERIC", 5.0, True),
    ("INTEGER", "5", True),
    ("REAL", "5", True),
    ("TEXT", 5, True),
    ("TEXT", 2.5, True),
    ("INTEGER", -(2.0**63), False),
    ("INTEGER", -(2**63), False),
    ("NUMERIC", 1e300, False),
    ("REAL", 5, False),
    ("BLOB", 5.0, False),
    ("", "5", False),
    ("TEXT", b"5", False),
    ("INTEGER", "x", False),
)


@pytest.mark.parametrize(("kind", "value", "changes"), STORED)
def test_a_value_that_would_change_stops_the_rebuild(kind: str, value: object, changes: bool) -> None:
    """Such values come from edits of the catalogue; the copy would convert them, and nobody asked for that."""
    rows = "SELECT id, s, typeof(s) FROM t ORDER BY id"
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, s, a)")
        connection.executemany("INSERT INTO t (s) VALUES (?)", [(None,), (value,)])
        connection.execute("PRAGMA writable_schema = ON")
        text = f"CREATE TABLE t (id INTEGER PRIMARY KEY, s {kind}, a)"
        connection.execute("UPDATE sqlite_schema SET sql = ? WHERE name = 't'", (text,))
        connection.execute("PRAGMA writable_schema = RESET")
        before = connection.execute(rows).fetchall()
        applier = MigrationApplier(connection)
        applier.adopt_schema()
        wish = Schema.from_sql(f"CREATE TABLE t (id INTEGER PRIMARY KEY, a, s {kind})")
        options = SyncOptions(column_order="match")
        if changes:
            with pytest.raises(MigrationError, match='a value of "t" changed in the copy: 2'):
                applier.sync_schema(wish, options)
        else:
            assert applier.sync_schema(wish, options).changed
        assert connection.execute(rows).fetchall() == before
