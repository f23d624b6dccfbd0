"""The check that says old or new sees every value, its type and its place, and damage."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sodaf_migrate.testing.check import assert_old_or_new, state_of

SCHEMA = """
CREATE TABLE t(a, rowid TEXT);
CREATE TABLE k(a TEXT PRIMARY KEY, b) WITHOUT ROWID;
CREATE TABLE s(id INTEGER PRIMARY KEY AUTOINCREMENT);
CREATE VIRTUAL TABLE f USING fts5(x);
CREATE VIEW v AS SELECT a FROM t;
CREATE TABLE tabMigrationHistory(id);
INSERT INTO t VALUES (1, 'r'), (0.0, NULL), (x'00', 'c');
INSERT INTO k VALUES ('b', 1), ('a', 2);
INSERT INTO s DEFAULT VALUES;
INSERT INTO f VALUES ('words');
"""


def make(path: Path, more: str = "") -> Path:
    """A database of that schema, and more."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA + more)
    return path


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ("UPDATE t SET a = '1' WHERE a = 1", "rows of t"),
        ("UPDATE t SET a = 1.0 WHERE a = 1", "rows of t"),
        ("UPDATE t SET a = -0.0 WHERE a = 0", "rows of t"),
        ("UPDATE t SET _rowid_ = 9 WHERE a = 1", "rows of t"),
        ("UPDATE t SET a = CAST(a AS TEXT) WHERE a = x'00'", "rows of t"),
        ("UPDATE k SET b = NULL WHERE a = 'a'", "rows of k"),
        ("UPDATE sqlite_sequence SET seq = 5", "rows of sqlite_sequence"),
        ("INSERT INTO f VALUES ('more')", "rows of f_content"),
        ("DROP VIEW v", "view v"),
        ("CREATE INDEX i ON t(a)", "index i"),
    ],
)
def test_every_difference_is_seen(tmp_path: Path, change: str, part: str) -> None:
    """One value, type, rowid, sequence or object that differs makes another state, and is named."""
    one, other = state_of(make(tmp_path / "one.db")), state_of(make(tmp_path / "other.db", change))
    assert part in one.difference(other)
    assert assert_old_or_new(tmp_path / "one.db", one, other) == "old"
    assert assert_old_or_new(tmp_path / "other.db", one, other) == "new"
    make_third = make(tmp_path / "third.db", "INSERT INTO k VALUES ('c', 3)")
    with pytest.raises(AssertionError, match="neither old nor new: not as before in rows of k"):
        assert_old_or_new(make_third, one, other)


def test_what_is_no_difference(tmp_path: Path) -> None:
    """The engine's own records, and the order in which things were written, are none."""
    more = "INSERT INTO tabMigrationHistory VALUES (1); UPDATE k SET b = 2 WHERE a = 'a'; VACUUM;"
    one = state_of(make(tmp_path / "one.db"))
    assert one == state_of(make(tmp_path / "other.db", more))
    with pytest.raises(AssertionError, match="nothing could be told apart"):
        assert_old_or_new(tmp_path / "one.db", one, one)


def test_damage_with_names_of_rubbish_is_told(tmp_path: Path) -> None:
    """A schema whose texts are no text any more is damage, not an error of the check."""
    path = make(tmp_path / "one.db")
    data = bytearray(path.read_bytes())
    at = data.index(b"CREATE VIEW v")
    data[at : at + 13] = b"\xe1" * 13
    path.write_bytes(data)
    with pytest.raises(AssertionError, match=r"is damaged|cannot be read"):
        state_of(path)


def test_damage_is_told(tmp_path: Path) -> None:
    """A page of rubbish, and a file that is no database, are named."""
    path = make(tmp_path / "one.db", "CREATE INDEX i ON t(a);")
    state = state_of(path)
    data = bytearray(path.read_bytes())
    data[-4096:-4000] = bytes(96)
    path.write_bytes(data)
    with pytest.raises(AssertionError, match=r"is damaged|cannot be read"):
        assert_old_or_new(path, state, state_of(make(tmp_path / "new.db", "DROP VIEW v")))
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(AssertionError, match="cannot be read"):
        state_of(path)


KEY_BEHIND = (
    "CREATE TABLE w(note, n INTEGER NOT NULL, name TEXT PRIMARY KEY) WITHOUT ROWID;"
    "INSERT INTO w VALUES (NULL, 1, 'a'), ('x', 2, 'b');"
)


def test_a_key_that_is_not_in_front_is_no_damage(tmp_path: Path) -> None:
    """SQLite 3.40 sees a NULL in another column of such a table; what the rows hold is compared all the same."""
    path = make(tmp_path / "one.db", KEY_BEHIND)
    one = state_of(path)
    other = state_of(make(tmp_path / "other.db", KEY_BEHIND + "UPDATE w SET note = 1 WHERE name = 'a';"))
    assert one.difference(other) == ("rows of w",)


def test_damage_beside_rows_that_keep_no_rule_is_told(tmp_path: Path) -> None:
    """A row that keeps no CHECK hides no row that its index lacks."""
    broken = "CREATE TABLE c(a CHECK (a > 0)); PRAGMA ignore_check_constraints = 1; INSERT INTO c VALUES (-1);"
    path = make(tmp_path / "one.db", broken)
    state_of(path)
    partial = "sql = 'CREATE INDEX i ON c(a) WHERE a > 0' WHERE name = 'i'"
    torn = f"CREATE INDEX i ON c(a); PRAGMA writable_schema = 1; UPDATE sqlite_schema SET {partial};"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(torn)
    with pytest.raises(AssertionError, match=r"is damaged: wrong # of entries in index i$"):
        state_of(path)
