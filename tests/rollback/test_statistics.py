"""What ANALYZE had found stays with its tables and indexes, forward and back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sodaf_migrate import MigrationApplier, RollbackOptions, Schema, SyncOptions
from tests.oracle import difference, snapshot
from tests.rollback.test_chains import OURS

TABLE = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE, b TEXT);"
OTHER = "CREATE TABLE other (n INTEGER);"
BEFORE = f"{TABLE} {OTHER} CREATE INDEX by_b ON t (b);"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Two tables with rows, and what ANALYZE found of them."""
    with closing(sqlite3.connect(tmp_path / "site.db", isolation_level=None)) as connection:
        connection.executescript(BEFORE)
        connection.execute("INSERT INTO t VALUES (1, 'x', 'y'), (2, 'z', 'y'), (3, NULL, 'y')")
        connection.execute("INSERT INTO other VALUES (1)")
        connection.execute("ANALYZE")
        yield connection


def known(site: sqlite3.Connection) -> set[tuple[str, str | None, str]]:
    """The rows of sqlite_stat1 but for the tool's own tables."""
    return {row for row in site.execute("SELECT tbl, idx, stat FROM sqlite_stat1") if row[0] not in OURS}


@pytest.mark.parametrize(
    "wish",
    [
        f"{TABLE} {OTHER}",
        f"{TABLE} {OTHER} CREATE UNIQUE INDEX by_b ON t (b, id);",
        f"{TABLE} CREATE INDEX by_b ON t (b);",
        BEFORE.replace(" UNIQUE", ""),
        BEFORE.replace("b TEXT", "b INTEGER"),
        OTHER,
    ],
    ids=[
        "an index goes",
        "an index changes",
        "a table goes",
        "a constraint goes",
        "a rebuild",
        "a table and its index",
    ],
)
def test_up_and_down_keeps_what_was_known(site: sqlite3.Connection, wish: str) -> None:
    """Everything that comes back has its statistics back."""
    then = snapshot(site, skip=OURS)
    applier = MigrationApplier(site)
    applier.adopt_schema()
    done = applier.sync_schema(Schema.from_sql(wish), SyncOptions(force=True, column_order="match"))
    applier.rollback_migration(done.migration_id or "", RollbackOptions(force=True))
    assert not difference(then, snapshot(site, skip=OURS))


def test_newer_knowledge_stays(site: sqlite3.Connection) -> None:
    """Where ANALYZE ran since, only what it could not know comes back."""
    applier = MigrationApplier(site)
    applier.adopt_schema()
    done = applier.sync_schema(Schema.from_sql(f"{TABLE} {OTHER}"), SyncOptions(force=True))
    site.execute("INSERT INTO other VALUES (2), (3)")
    site.execute("ANALYZE")
    applier.rollback_migration(done.migration_id or "")
    assert {("other", None, "3"), ("t", "by_b", "3 3")} <= known(site)


def test_a_renamed_table_takes_its_statistics_along(site: sqlite3.Connection) -> None:
    """SQLite's RENAME leaves them behind under the old name."""
    then = known(site)
    applier = MigrationApplier(site)
    applier.adopt_schema()
    wish = BEFORE.replace(" t ", " named ").replace("ON t", "ON named")
    done = applier.sync_schema(Schema.from_sql(wish), SyncOptions(renames={"t": "named"}))
    automatic = {"sqlite_autoindex_t_1": "sqlite_autoindex_named_1"}
    tables = {"t": "named", "other": "other"}
    assert known(site) == {(tables[table], automatic.get(index or "", index), said) for table, index, said in then}
    assert site.execute("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_autoindex_named_1'").fetchone()
    applier.rollback_migration(done.migration_id or "")
    assert known(site) == then


def test_nobody_called_analyze(site: sqlite3.Connection) -> None:
    """Then there is nothing to bring back, and no table for it is made."""
    site.execute("DROP TABLE sqlite_stat1")
    applier = MigrationApplier(site)
    applier.adopt_schema()
    done = applier.sync_schema(Schema.from_sql(f"{TABLE} {OTHER}"), SyncOptions(force=True))
    result = applier.rollback_migration(done.migration_id or "")
    assert not any("sqlite_stat" in sql for sql in result.sql)
    assert site.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_stat1'").fetchone() == (0,)
