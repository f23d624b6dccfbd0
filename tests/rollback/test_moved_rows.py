"""Values are brought back by the rowid that a row had, and by its key wherever that is another row's by now."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate import MigrationApplier, RollbackOptions, Schema, SyncOptions
from sodaf_migrate.events import Progress

EVERYTHING = RollbackOptions(force=True)
FULL = "CREATE TABLE t (id TEXT PRIMARY KEY COLLATE NOCASE, a TEXT, b INTEGER, c)"


def run(path: Path, *statements: str) -> None:
    """Statements on the site, each committed."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def rows(path: Path) -> list[tuple[Any, ...]]:
    """The rows of t by key."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM t ORDER BY id").fetchall()


def changed(path: Path, before: str, after: str) -> str:
    """A table with twelve rows that became another, and the id of that migration."""
    MigrationApplier(path).sync_schema(Schema.from_sql(before))
    run(path, *(f"INSERT INTO t VALUES ('r{n:02}', '0{n}', {n}, 'c{n}')" for n in range(12)))
    result = MigrationApplier(path).sync_schema(Schema.from_sql(after), SyncOptions(force=True))
    assert result.migration_id is not None
    return result.migration_id


#: The rows behind one that goes move up, each to where another was.
MOVED = "UPDATE t SET rowid = rowid - 1 WHERE rowid > 6"

DROPPED = FULL.replace(", a TEXT", "")
RETYPED = FULL.replace("a TEXT", "a INTEGER")


@pytest.mark.parametrize("after", [DROPPED, RETYPED])
def test_rows_that_got_other_rowids(tmp_path: Path, after: str) -> None:
    """They are found by their keys, beside others that stayed where they were."""
    path = tmp_path / "site.db"
    migration = changed(path, FULL, after)
    was = [row for row in rows_before() if row[0] not in ("r00", "r05")]
    run(path, "DELETE FROM t WHERE id IN ('r00', 'r05')", MOVED)
    result = MigrationApplier(path).rollback_migration(migration, EVERYTHING)
    assert rows(path) == was
    info = result.rollback_info
    assert info is not None and (info.refilled_rows, info.conflicts, info.gone) == (10, 0, 2)


def rows_before() -> list[tuple[Any, ...]]:
    """What ``changed`` had put into the table."""
    return [(f"r{n:02}", f"0{n}", n, f"c{n}") for n in range(12)]


def once(work: Callable[[], None]) -> tuple[list[str], Callable[[Progress], None]]:
    """A listener that does ``work`` when a lock is waited for, the first time; and how often one was."""
    locks: list[str] = []

    def listen(progress: Progress) -> None:
        if progress.phase == "lock":
            locks.append(progress.subject)
            if len(locks) == 1:
                work()

    return locks, listen


@pytest.mark.parametrize("after", [DROPPED, RETYPED])
def test_rows_that_get_other_rowids_before_the_lock(tmp_path: Path, after: str) -> None:
    """What was looked at no longer holds, so it is looked at again; no value goes to another row."""
    path = tmp_path / "site.db"
    migration = changed(path, FULL, after)
    run(path, "DELETE FROM t WHERE id = 'r05'")
    locks, listener = once(lambda: run(path, MOVED))
    MigrationApplier(path, listener=listener).rollback_migration(migration, EVERYTHING)
    assert len(locks) == 2
    assert rows(path) == [row for row in rows_before() if row[0] != "r05"]


def test_a_row_that_takes_the_place_of_another_before_the_lock(tmp_path: Path) -> None:
    """It has its rowid and not its key, so it has no value to get; the others need not wait for another look."""
    path = tmp_path / "site.db"
    migration = changed(path, FULL, DROPPED)
    work = ("DELETE FROM t WHERE id = 'r11'", "INSERT INTO t (rowid, id, b) VALUES (12, 'new', 7)")
    locks, listener = once(lambda: run(path, *work))
    MigrationApplier(path, listener=listener).rollback_migration(migration, EVERYTHING)
    assert len(locks) == 1
    assert rows(path) == [("new", None, 7, None), *rows_before()[:11]]


@pytest.mark.parametrize("names", [("rowid", "a", "b"), ("_rowid_", "rowid", "a")])
def test_columns_that_come_back_with_the_name_of_the_rowid(tmp_path: Path, names: tuple[str, ...]) -> None:
    """What is called so means the column as soon as it is there: rows are found by another name, or by their key."""
    path = tmp_path / "site.db"
    full = f"CREATE TABLE t (id TEXT PRIMARY KEY, {', '.join(names)})"
    migration = changed(path, full, f"CREATE TABLE t (id TEXT PRIMARY KEY, {names[2]})")
    result = MigrationApplier(path).rollback_migration(migration, EVERYTHING)
    columns = [name.strip('"') for name in names]
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute(f"SELECT id, {', '.join(columns)} FROM t ORDER BY id").fetchall()
    assert [tuple(map(str, row)) for row in found] == [tuple(map(str, row)) for row in rows_before()]
    assert result.success


def test_values_of_columns_by_hand_where_rows_moved(tmp_path: Path) -> None:
    """By hand too they go by the key, and what is as it was is neither written nor counted as such."""
    path = tmp_path / "site.db"
    MigrationApplier(path).sync_schema(Schema.from_sql(FULL))
    run(path, *(f"INSERT INTO t VALUES ('r{n:02}', '0{n}', {n}, 'c{n}')" for n in range(12)))
    backups = MigrationApplier(path).backups
    made = backups.create_column_backup("t", ["a", "c"])
    run(path, "DELETE FROM t WHERE id = 'r05'", MOVED, "UPDATE t SET a = 'x', c = NULL WHERE b > 9")
    run(path, "CREATE TRIGGER loud BEFORE UPDATE ON t BEGIN SELECT RAISE(ABORT, 'fired'); END")
    done = backups.restore_from_backup(made.id)
    assert (done.updated, done.unchanged, done.conflicts) == (4, 18, 0)
    assert rows(path) == [row for row in rows_before() if row[0] != "r05"]
    assert any("2 values" in sentence for sentence in done.told)
    again = backups.restore_from_backup(made.id)
    assert (again.updated, again.unchanged, again.safety_backup) == (0, 22, None)
