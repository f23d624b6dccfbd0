"""Users write between a migration and its way back: that goes back too, or says in words what stands in its way."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sodaf_migrate import MigrationApplier, MigrationError, RollbackOptions, Schema, SyncOptions
from tests.oracle import difference, integrity, snapshot
from tests.rollback.test_chains import OURS

FORCE = SyncOptions(force=True)
PARENT = "CREATE TABLE p (a INTEGER, b INTEGER, n INTEGER PRIMARY KEY, UNIQUE (a, b));"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A database with nothing in it."""
    with closing(sqlite3.connect(tmp_path / "site.db", isolation_level=None)) as connection:
        yield connection


def migrated(
    site: sqlite3.Connection, before: str, rows: str, *wishes: str, renames: dict[str, str] | None = None
) -> list[str]:
    """The ids of the migrations to each wish, one after the other."""
    site.executescript(before + rows)
    applier = MigrationApplier(site)
    applier.adopt_schema()
    options = SyncOptions(force=True, renames=renames or {})
    return [applier.sync_schema(Schema.from_sql(wish), options).migration_id or "" for wish in wishes]


def test_orphans_that_came_since_are_counted(site: sqlite3.Connection) -> None:
    """A foreign key that was dropped cannot come back over them, though its parent was no part of the migration."""
    free = "CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER);"
    bound = free.replace("p INTEGER", "p INTEGER REFERENCES p (n)")
    rows = "INSERT INTO p VALUES (1, 1, 1); INSERT INTO c VALUES (1, 1);"
    (made,) = migrated(site, PARENT + bound, rows, PARENT + free)
    site.execute("INSERT INTO c VALUES (2, 94), (3, 95)")
    with pytest.raises(MigrationError, match='"c" has 2 rows whose parent does not exist'):
        MigrationApplier(site).rollback_migration(made, RollbackOptions(force=True))
    site.execute("DELETE FROM c WHERE id > 1")
    MigrationApplier(site).rollback_migration(made)
    assert site.execute("SELECT count(*) FROM pragma_foreign_key_list('c')").fetchone() == (1,)


@pytest.mark.parametrize(
    ("columns", "key"),
    [("n", "FOREIGN KEY (n) REFERENCES p (n)"), ("a", "FOREIGN KEY (a, b) REFERENCES p (a, b)")],
    ids=["alone", "with another"],
)
def test_values_of_a_key_come_back_whose_parents_are_far_away(site: sqlite3.Connection, columns: str, key: str) -> None:
    """Whatever few rows the plan is tried on beforehand, the parents of what comes back are among them."""
    before = f"CREATE TABLE c (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER, n INTEGER, {key});"
    after = before.replace(f", {key}", "").replace(f" {columns} INTEGER,", "").replace(f", {columns} INTEGER)", ")")
    rows = (
        "WITH RECURSIVE s(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM s WHERE x < 60)"
        " INSERT INTO p SELECT x, x, x FROM s;"
        "INSERT INTO c SELECT n, 60 - n, 60 - n, 60 - n FROM p WHERE n BETWEEN 21 AND 39;"
    )
    site.executescript(PARENT + before + rows)
    then = snapshot(site, skip=OURS)
    applier = MigrationApplier(site)
    applier.adopt_schema()
    made = applier.sync_schema(Schema.from_sql(PARENT + after), FORCE).migration_id or ""
    applier.rollback_migration(made)
    assert not difference(then, snapshot(site, skip=OURS)) and not integrity(site)


def test_what_one_way_back_left_nullable_the_next_does_not_take_for_filled(site: sqlite3.Connection) -> None:
    """The older migration knew the column as NOT NULL; its way back sees that it is not any more."""
    table = "CREATE TABLE t (id INTEGER PRIMARY KEY, a {} NOT NULL, b TEXT);"
    wishes = (table.format("INTEGER"), "CREATE TABLE t (id INTEGER PRIMARY KEY, b TEXT);")
    rows = "INSERT INTO t VALUES (1, 'x', 'y');"
    older, newer = migrated(site, table.format("TEXT"), rows.replace("'x'", "'7'"), *wishes)
    site.execute("INSERT INTO t (id, b) VALUES (2, 'z')")
    applier = MigrationApplier(site)
    for made in (newer, older):
        result = applier.rollback_migration(made)
        assert any("1 row leaves it empty" in warning for warning in result.warnings)
    assert site.execute("SELECT id, a FROM t").fetchall() == [(1, "7"), (2, None)]


def test_views_of_views_that_a_rename_could_not_rewrite_come_back(site: sqlite3.Connection) -> None:
    """SQLite renames no column under a view of a view; the way back has their words of before."""
    before = (
        "CREATE TABLE t (id INTEGER PRIMARY KEY, city TEXT);"
        "CREATE VIEW v AS SELECT city FROM t; CREATE VIEW w AS SELECT city FROM v WHERE city IS NOT NULL;"
    )
    after = before.replace("city", "town")
    site.executescript(before + "INSERT INTO t VALUES (1, 'x');")
    then = snapshot(site, skip=OURS)
    applier = MigrationApplier(site)
    applier.adopt_schema()
    done = applier.sync_schema(Schema.from_sql(after), SyncOptions(force=True, renames={"t.city": "town"}))
    assert site.execute("SELECT town FROM w").fetchall() == [("x",)]
    applier.rollback_migration(done.migration_id or "")
    assert not difference(then, snapshot(site, skip=OURS))


@pytest.mark.parametrize(("kind", "said"), [("TEXT DEFAULT 'd' UNIQUE", 'Rows would repeat others in "a"')])
def test_rows_that_came_since_hold_one_default_under_a_unique(site: sqlite3.Connection, kind: str, said: str) -> None:
    """The column cannot come back so, and the refusal names it, not the copy that was being made."""
    before = f"CREATE TABLE t (id INTEGER PRIMARY KEY, b TEXT, a {kind});"
    rows = "INSERT INTO t VALUES (1, 'y', 'x');"
    (made,) = migrated(site, before, rows, "CREATE TABLE t (id INTEGER PRIMARY KEY, b TEXT);")
    site.execute("INSERT INTO t (id, b) VALUES (2, 'z'), (3, 'z')")
    with pytest.raises(MigrationError) as caught:
        MigrationApplier(site).rollback_migration(made, RollbackOptions(force=True))
    assert said in caught.value.message and "__rebuild" not in caught.value.message
    assert "Mend those rows first" in (caught.value.hint or "")
    site.execute("DELETE FROM t WHERE id = 3")
    MigrationApplier(site).rollback_migration(made, RollbackOptions(force=True))
    assert site.execute("SELECT id, a FROM t ORDER BY id").fetchall() == [(1, "x"), (2, "d")]


def test_a_key_that_names_no_columns_goes_back_with_the_key_that_it_means(site: sqlite3.Connection) -> None:
    """What REFERENCES without columns refers to is the primary key that comes back, not the one that goes."""
    table = "CREATE TABLE t (id INTEGER, a TEXT, b TEXT, up INTEGER {}, PRIMARY KEY ({}));"
    before, after = table.format("REFERENCES t", "id"), table.format("", "id, a, b")
    rows = "INSERT INTO t VALUES (1, 'x', 'y', NULL), (2, 'x', 'y', 1);"
    (made,) = migrated(site, before, rows, after)
    site.execute("INSERT INTO t VALUES (3, 'x', 'y', 7)")
    with pytest.raises(MigrationError, match='"t" has 1 rows whose parent does not exist'):
        MigrationApplier(site).rollback_migration(made, RollbackOptions(force=True))
    site.execute("UPDATE t SET up = 2 WHERE id = 3")
    MigrationApplier(site).rollback_migration(made)
    assert site.execute("SELECT id, up FROM t ORDER BY id").fetchall() == [(1, None), (2, 1), (3, 2)]
