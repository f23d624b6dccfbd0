"""A migration that let a column be NULL goes back over rows that leave it empty by now."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sodaf_migrate import MigrationApplier, PlanRefusedError, RollbackOptions, Schema, SyncOptions
from tests.oracle import Snapshot, schema_difference, snapshot
from tests.rollback.test_chains import OURS

STRICTLY = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL{}, b TEXT);"
FREELY = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT{}, b TEXT);"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A database with nothing in it."""
    with closing(sqlite3.connect(tmp_path / "site.db", isolation_level=None)) as connection:
        yield connection


def relaxed(site: sqlite3.Connection, before: str, after: str) -> tuple[MigrationApplier, str]:
    """The applier and the migration that relaxed the column; rows 2 and 5 came since and leave it empty."""
    site.executescript(before + "INSERT INTO t VALUES (1, 'x', 'y'), (3, '', 'z');")
    applier = MigrationApplier(site)
    applier.adopt_schema()
    done = applier.sync_schema(Schema.from_sql(after), SyncOptions(force=True))
    site.execute("INSERT INTO t (id, b) VALUES (2, 'n'), (5, 'n')")
    if "a TEXT" in after:
        site.execute("UPDATE t SET a = NULL WHERE b = 'n'")
    return applier, done.migration_id or ""


def test_without_a_default_the_rows_are_named(site: sqlite3.Connection) -> None:
    """It is refused with their number, keys, and the statement that fills them; after which it goes back."""
    applier, made = relaxed(site, STRICTLY.format(""), FREELY.format(""))
    said = r'"a" of "t" was NOT NULL.*2 rows leave it empty \(such as 2, 5\)'
    with pytest.raises(PlanRefusedError, match=said) as caught:
        applier.rollback_migration(made, RollbackOptions(force=True))
    assert 'UPDATE "t" SET "a" = … WHERE "a" IS NULL' in (caught.value.hint or "")
    site.execute("UPDATE t SET a = 'filled' WHERE a IS NULL")
    applier.rollback_migration(made)
    assert not schema_difference(_empty(STRICTLY.format("")), snapshot(site, skip=OURS))


def test_with_a_default_it_is_the_way_out(site: sqlite3.Connection) -> None:
    """What a sync that tightens would accept, a rollback accepts too."""
    applier, made = relaxed(site, STRICTLY.format(" DEFAULT 'd'"), FREELY.format(" DEFAULT 'd'"))
    (look,) = applier.dry_run_rollback(made)
    assert look.rollback_info is not None and not look.rollback_info.possible
    with pytest.raises(PlanRefusedError) as caught:
        applier.rollback_migration(made)
    assert "Allow fill_nulls:schema.a to give them the default of before, 'd'; or fill" in (caught.value.hint or "")
    applier.rollback_migration(made, RollbackOptions(allow=frozenset({"fill_nulls:schema.a"})))
    assert site.execute("SELECT a FROM t ORDER BY id").fetchall() == [("x",), ("d",), ("",), ("d",)]
    assert not schema_difference(_empty(STRICTLY.format(" DEFAULT 'd'")), snapshot(site, skip=OURS))


def test_a_column_that_comes_back_has_no_value_for_rows_that_came_since(site: sqlite3.Connection) -> None:
    """The rest goes back, and the result says how many rows stay without."""
    applier, made = relaxed(site, STRICTLY.format(""), "CREATE TABLE t (id INTEGER PRIMARY KEY, b TEXT);")
    result = applier.rollback_migration(made)
    assert any("2 rows leave it empty" in warning for warning in result.warnings)
    assert site.execute("SELECT a FROM t ORDER BY id").fetchall() == [("x",), (None,), ("",), (None,)]


def _empty(script: str) -> Snapshot:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(script)
        return snapshot(connection)
