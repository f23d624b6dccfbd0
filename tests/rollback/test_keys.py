"""Originals find their rows again: by key, by rowid, by keys that the migration itself changed; or nothing is begun."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate import DryRunOptions, MigrationApplier, MigrationResult, RollbackOptions, Schema, SyncOptions
from tests.oracle import difference, snapshot
from tests.rollback.test_values import OURS

EVERYTHING = RollbackOptions(force=True)


def facts(path: Path) -> Any:
    """Everything but the tool's own tables."""
    with closing(sqlite3.connect(path)) as connection:
        return snapshot(connection, skip=OURS)


def values(path: Path) -> list[str]:
    """The rows of t, each value with its storage class, in no order."""
    with closing(sqlite3.connect(path)) as connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(t)")]
        shown = ", ".join(f'typeof("{name}"), quote("{name}")' for name in names)
        return sorted(map(repr, connection.execute(f"SELECT {shown} FROM t")))


def run(path: Path, *statements: str) -> None:
    """Statements, committed."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def up(path: Path, text: str) -> MigrationResult:
    """The schema reached, whatever it costs."""
    return MigrationApplier(path).sync_schema(Schema.from_sql(text), SyncOptions(force=True))


def down(path: Path, result: MigrationResult) -> MigrationResult:
    """The migration taken back."""
    assert result.migration_id is not None
    return MigrationApplier(path).rollback_migration(result.migration_id, EVERYTHING)


#: The table before and after, and its rows.
CASES: dict[str, tuple[str, str, Sequence[str]]] = {
    "rows without a key": (
        "CREATE TABLE t (v TEXT, w)",
        "CREATE TABLE t (v INTEGER, w)",
        ["INSERT INTO t (rowid, v, w) VALUES (3, '007', 1), (9, '007', 2), (20, ' 5', 3), (21, NULL, 4)"],
    ),
    "keys that are NULL": (
        "CREATE TABLE t (id TEXT PRIMARY KEY, v TEXT, gone)",
        "CREATE TABLE t (id TEXT PRIMARY KEY, v INTEGER)",
        ["INSERT INTO t VALUES (NULL, '007', 1), (NULL, '08', 2), ('a', '009', 3)"],
    ),
    "keys in two parts, one NULL": (
        "CREATE TABLE t (a, b TEXT, v TEXT, PRIMARY KEY (b, a))",
        "CREATE TABLE t (a, b TEXT, v INTEGER, PRIMARY KEY (b, a))",
        ["INSERT INTO t VALUES (1, NULL, '01'), (1, NULL, '02'), (1, 'x', '03'), (x'01', 'x', '04')"],
    ),
    "keys that become numbers": (
        "CREATE TABLE t (id TEXT PRIMARY KEY, v TEXT, gone)",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER)",
        ["INSERT INTO t VALUES ('007', '01', x'00'), ('12', 'x1', 'b'), ('0013', '3', NULL)"],
    ),
    "keys that become text": (
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, gone)",
        "CREATE TABLE t (id TEXT PRIMARY KEY, v INTEGER)",
        ["INSERT INTO t VALUES (7, '01', x'00'), (-12, '2', 'b'), (9223372036854775807, '003', NULL)"],
    ),
    "keys that become numbers, WITHOUT ROWID": (
        "CREATE TABLE t (id TEXT PRIMARY KEY, v TEXT, gone) WITHOUT ROWID",
        "CREATE TABLE t (id INT PRIMARY KEY, v INTEGER) WITHOUT ROWID",
        ["INSERT INTO t VALUES ('007', '01', x'00'), ('12', '2', 'b'), ('0013', '003', NULL)"],
    ),
    "a key under another name": (
        "CREATE TABLE t (id TEXT PRIMARY KEY COLLATE NOCASE, v TEXT, gone) WITHOUT ROWID",
        "CREATE TABLE t (id TEXT PRIMARY KEY COLLATE NOCASE, v INTEGER) WITHOUT ROWID",
        ["INSERT INTO t VALUES ('Ab', '01', x'00'), ('c', '2', 'b'), ('é', '003', NULL)"],
    ),
    "the key itself goes": (
        "CREATE TABLE t (id TEXT PRIMARY KEY, other INTEGER, v TEXT)",
        "CREATE TABLE t (other INTEGER, v INTEGER)",
        ["INSERT INTO t VALUES ('a', 1, '01'), ('b', 1, '02'), ('c', NULL, 'x')"],
    ),
    "the key itself goes, and another comes": (
        "CREATE TABLE t (id TEXT PRIMARY KEY, other TEXT NOT NULL, v TEXT)",
        "CREATE TABLE t (other TEXT NOT NULL PRIMARY KEY, v INTEGER)",
        ["INSERT INTO t VALUES ('a', 'o1', '01'), ('b', 'o2', '02'), ('c', 'o3', 'x')"],
    ),
    "the key itself goes, WITHOUT ROWID": (
        "CREATE TABLE t (id TEXT PRIMARY KEY, other TEXT NOT NULL, v TEXT) WITHOUT ROWID",
        "CREATE TABLE t (other TEXT NOT NULL PRIMARY KEY, v INTEGER) WITHOUT ROWID",
        ["INSERT INTO t VALUES ('a', 'o1', '01'), ('b', 'o2', '02'), ('c', 'o3', 'x')"],
    ),
    "rowids come": (
        "CREATE TABLE t (id TEXT PRIMARY KEY, v TEXT, gone) WITHOUT ROWID",
        "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, v INTEGER)",
        ["INSERT INTO t VALUES ('007', '01', x'00'), ('12', '2', 'b'), ('0013', '003', NULL)"],
    ),
    "a column is called rowid": (
        "CREATE TABLE t (rowid TEXT, v TEXT, gone)",
        "CREATE TABLE t (rowid TEXT, v INTEGER)",
        ["INSERT INTO t VALUES ('a', '01', x'00'), ('a', '2', 'b'), (NULL, '003', NULL)"],
    ),
    "all names of the rowid are taken, with a key": (
        "CREATE TABLE t (rowid, _rowid_, oid, id TEXT PRIMARY KEY, v TEXT, gone)",
        "CREATE TABLE t (rowid, _rowid_, oid, id TEXT PRIMARY KEY, v TEXT)",
        ["INSERT INTO t VALUES (1, 2, 3, 'a', '01', x'00'), (1, 2, 3, 'b', '2', 'b'), (NULL, 2, 3, 'c', '003', NULL)"],
    ),
    "rows go, WITHOUT ROWID": (
        "CREATE TABLE t (id TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID; CREATE TABLE u (a)",
        "CREATE TABLE u (a)",
        ["INSERT INTO t VALUES ('a', '01'), ('b', x'00ff')"],
    ),
    "rows go whose rowid has no name": (
        "CREATE TABLE t (rowid, _rowid_, oid, v TEXT); CREATE TABLE u (a)",
        "CREATE TABLE u (a)",
        ["INSERT INTO t VALUES (1, 2, 3, 'a'), (1, 2, 3, 'a'), (NULL, NULL, NULL, NULL)"],
    ),
}


#: Where a key became the rowid, and where nobody can read it, other rowids come back.
WITHOUT_ROWIDS = ("keys that become numbers", "rows go whose rowid has no name")


@pytest.mark.parametrize("name", CASES)
def test_up_and_down(tmp_path: Path, name: str) -> None:
    """Every value, storage class and rowid as before; nothing is counted as changed or gone."""
    before, after, rows = CASES[name]
    path = tmp_path / "site.db"
    up(path, before)
    run(path, *rows)
    was, held = facts(path), values(path)
    result = up(path, after)
    assert result.changed and result.backup_path is not None
    back = down(path, result)
    ignored = {"statistics"} | ({"row"} if name in WITHOUT_ROWIDS else set())
    assert difference(was, facts(path), ignore=ignored) == []
    assert values(path) == held
    assert back.rollback_info is not None
    assert (back.rollback_info.conflicts, back.rollback_info.gone) == (0, 0)


def wide(count: int) -> list[str]:
    """The names of so many columns."""
    return [f"c{number}" for number in range(count)]


@pytest.mark.parametrize("key", ["c0 TEXT PRIMARY KEY", "c0"])
def test_rows_of_two_thousand_columns(tmp_path: Path, key: str) -> None:
    """The rowid is one more than a statement has room for."""
    path = tmp_path / "site.db"
    names = wide(2000)
    up(path, f"CREATE TABLE t ({key}, {', '.join(names[1:])}); CREATE TABLE u (a)")
    run(path, "INSERT INTO t (rowid, c0, c1, c1999) VALUES (7, 7, x'00', 'z'), (9, 9, NULL, 1.5), (12, 12, '', NULL)")
    shown = "SELECT rowid, typeof(c0), c0, c1, c1998, typeof(c1999), c1999 FROM t ORDER BY rowid"
    with closing(sqlite3.connect(path)) as connection:
        was = connection.execute(shown).fetchall()
    back = down(path, up(path, "CREATE TABLE u (a)"))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute(shown).fetchall() == was
    assert back.rollback_info is not None and back.rollback_info.refilled_rows == 3


def test_hundreds_of_columns_at_once(tmp_path: Path) -> None:
    """Each has a table of the backup, and a TEMP table, of its own."""
    path = tmp_path / "site.db"
    names = wide(100)
    up(path, f"CREATE TABLE t (id TEXT PRIMARY KEY, {', '.join(names)}, last)")
    run(path, "INSERT INTO t (id, c0, c50, c99, last) VALUES ('a', 1, x'00', 'z', 1), ('b', NULL, 2.5, '', 2)")
    was = facts(path)
    result = up(path, "CREATE TABLE t (id TEXT PRIMARY KEY, last)")
    down(path, result)
    assert difference(was, facts(path), ignore={"statistics"}) == []


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ("CREATE TABLE t (k TEXT PRIMARY KEY NOT NULL, n INTEGER) WITHOUT ROWID;", True),
        ("CREATE TABLE t (k TEXT NOT NULL, n INTEGER PRIMARY KEY);", True),
        ("CREATE TABLE t (k TEXT PRIMARY KEY NOT NULL, n INTEGER NOT NULL);", False),
    ],
)
def test_rowids_that_go_for_good_are_told_before(wish: str, told: bool) -> None:
    """Only where they go; the rows themselves come back."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t (k TEXT PRIMARY KEY, n INTEGER)")
        connection.execute("INSERT INTO t (rowid, k, n) VALUES (7, 'a', 1), (3, 'b', 2)")
        applier = MigrationApplier(connection)
        applier.adopt_schema()
        look = applier.dry_run_schema(Schema.from_sql(wish), DryRunOptions(force=True))
        assert ("ROWIDS_GO" in {finding.code for finding in look.findings}) is told
        done = applier.sync_schema(Schema.from_sql(wish), SyncOptions(force=True))
        back = applier.rollback_migration(done.migration_id or "", RollbackOptions(force=True))
        assert "ROWIDS_GO" not in {finding.code for finding in back.findings}
        assert sorted(connection.execute("SELECT k, n FROM t")) == [("a", 1), ("b", 2)]
        assert (sorted(connection.execute("SELECT rowid FROM t")) == [(3,), (7,)]) is not told
