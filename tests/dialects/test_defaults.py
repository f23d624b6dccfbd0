"""A DEFAULT is compared exactly with what a row holds: whatever the collation, and TRUE is the number 1."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from sodaf_migrate import Cost, DataLossRiskError, MigrationApplier, RollbackOptions, Schema
from tests.oracle import difference, snapshot

TABLE = "CREATE TABLE t (id INTEGER PRIMARY KEY, s {})"
OURS = ("tabMigrationHistory", "tabMigrationEvent", "tabMigrationSettled", "tabMigrationBackup", "tabMigrationStart")
ROWS = "SELECT id, s, typeof(s) FROM t ORDER BY id"
OTHERS = (
    ("TEXT COLLATE NOCASE DEFAULT 'Open'", "TEXT COLLATE NOCASE DEFAULT 'OPEN'", "OPEN"),
    ("TEXT COLLATE RTRIM DEFAULT 'a'", "TEXT COLLATE RTRIM DEFAULT 'a  '", "a  "),
    ("INTEGER DEFAULT TRUE", "INTEGER DEFAULT 2", 2),
    ("INTEGER DEFAULT FALSE", "INTEGER DEFAULT -3", -3),
)


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """A table of two rows with nothing but a key."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as found:
        found.executescript("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2)")
        yield found


@pytest.mark.parametrize(("old", "new", "_value"), OTHERS)
@pytest.mark.parametrize("index", ["", "; CREATE INDEX i ON t (s)"])
def test_rows_older_than_a_column_keep_its_old_default(
    connection: sqlite3.Connection, old: str, new: str, _value: object, index: str
) -> None:
    """Their values stand in the table's text alone, which another DEFAULT that is alike may not change."""
    connection.executescript(f"ALTER TABLE t ADD COLUMN s {old}; INSERT INTO t (id) VALUES (3){index}")
    before, whole = connection.execute(ROWS).fetchall(), snapshot(connection, skip=OURS)
    applier = MigrationApplier(connection)
    applier.adopt_schema()
    result = applier.sync_schema(Schema.from_sql(TABLE.format(new) + index))
    assert result.plan is not None and result.plan.cost is Cost.REBUILD
    assert connection.execute(ROWS).fetchall() == before
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    applier.rollback(steps=1, options=RollbackOptions(force=True))
    assert difference(whole, snapshot(connection, skip=OURS)) == []


@pytest.mark.parametrize(("definition", "_new", "value"), OTHERS)
def test_what_is_only_like_the_default_was_written_by_somebody(
    connection: sqlite3.Connection, definition: str, _new: str, value: object
) -> None:
    """The way back of a new column loses it, and says so."""
    applier = MigrationApplier(connection)
    applier.adopt_schema()
    result = applier.sync_schema(Schema.from_sql(TABLE.format(definition)))
    assert result.migration_id is not None
    connection.execute("UPDATE t SET s = ? WHERE id = 2", (value,))
    with pytest.raises(DataLossRiskError, match=r'"t"|"s"|t\.s'):
        applier.rollback_migration(result.migration_id)
