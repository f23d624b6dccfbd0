"""A look at a restore foretells it: what it does, what it tells, and what it is refused for."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sodaf_migrate.backup.keys import KeyRing, generate_key
from sodaf_migrate.backup.manager import MigrationBackupManager
from sodaf_migrate.backup.payload import Link
from sodaf_migrate.backup.restore import RestoreReport, foretold, restore_table
from sodaf_migrate.backup.strategies.full_table import full_table
from sodaf_migrate.errors import ConstraintError, MigrationError
from sodaf_migrate.options import BackupOptions
from sodaf_migrate.wire.connection import Wire
from tests.backup.kit import database, facts, keep
from tests.oracle import difference

RING = KeyRing((generate_key(),))

# A table that points to itself and to two others, one of them by a key of two columns that compare otherwise, and to
# which two others point.
SITE = (
    "CREATE TABLE town (zip TEXT COLLATE NOCASE, land, name TEXT NOT NULL, UNIQUE (land, zip))",
    "CREATE TABLE kind (id INTEGER PRIMARY KEY, word TEXT)",
    """CREATE TABLE person (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, level INTEGER CHECK (level < 100),
        boss INTEGER REFERENCES person, kind INTEGER REFERENCES kind (id), zip TEXT, land,
        loud AS (upper(name)), FOREIGN KEY (land, zip) REFERENCES town (land, zip))""",
    "CREATE UNIQUE INDEX one_level ON person (level, kind) WHERE kind IS NOT NULL",
    "CREATE INDEX by_town ON person (land, zip)",
    "CREATE TABLE sale (no INTEGER PRIMARY KEY, who INTEGER REFERENCES person (id), other TEXT NOT NULL)",
    "CREATE TABLE alias (word TEXT PRIMARY KEY REFERENCES person (name)) WITHOUT ROWID",
    "CREATE VIEW people AS SELECT name FROM person",
)
HEARD = "CREATE TRIGGER heard AFTER UPDATE ON person BEGIN SELECT RAISE(ABORT, 'fired'); END"
NAMES = st.sampled_from(["Ada", "Bob", "Cem", "Dua", "ada"])
IDS = st.integers(1, 6)
LEVELS = st.sampled_from([1, 2, 3, 99])


def quoted(value: Any) -> str:
    """The value as SQL spells it."""
    return "NULL" if value is None else repr(value)


@st.composite
def edits(draw: st.DrawFn) -> list[str]:
    """What somebody does to the rows, some of which nobody may."""
    found = []
    for _ in range(draw(st.integers(1, 8))):
        maybe = st.none() | IDS
        row = [draw(IDS), draw(NAMES), draw(LEVELS), draw(maybe), draw(maybe)]
        row += [draw(st.none() | st.sampled_from(["x1", "X1", "x2"])), draw(st.sampled_from([1, "1", 2]))]
        choices = [
            f"INSERT OR IGNORE INTO person VALUES ({', '.join(map(quoted, row))})",
            f"UPDATE OR IGNORE person SET name = {quoted(row[1])}, boss = {quoted(row[3])} WHERE id = {row[0]}",
            f"UPDATE OR IGNORE person SET level = {row[2]}, kind = {quoted(row[4])} WHERE id = {row[0]}",
            f"DELETE FROM person WHERE id = {row[0]}",
            f"INSERT OR IGNORE INTO kind VALUES ({row[0]}, 'k')",
            f"DELETE FROM kind WHERE id = {row[0]}",
            f"INSERT OR IGNORE INTO town VALUES ({quoted(row[5])}, {quoted(row[6])}, 'here')",
            f"DELETE FROM town WHERE land = {quoted(row[6])}",
            f"INSERT INTO sale (who, other) VALUES ({quoted(row[3])}, 'o')",
            f"INSERT OR IGNORE INTO alias VALUES ({quoted(row[1])})",
        ]
        found.append(draw(st.sampled_from(choices)))
    return found


def run(wire: Wire, statements: Sequence[str]) -> None:
    """Runs them; no trigger hears it."""
    with wire.atomic():
        wire.run("DROP TRIGGER IF EXISTS heard")
        for sql in statements:
            wire.run(sql)
        wire.run(HEARD)


def outcome(restore: Any, wire: Wire, links: list[Link], **how: Any) -> RestoreReport | tuple[str, str | None]:
    """What it told, or why it did not."""
    try:
        return replace(restore(wire, links, **how), dry_run=False)
    except MigrationError as error:
        return error.message, error.hint


@given(edits(), edits(), st.booleans(), st.booleans(), st.sampled_from(["", "person", "copy", "none"]))
def test_foretold_is_what_happens(
    first: list[str], then: list[str], exact: bool, allow_orphans: bool, into: str
) -> None:
    """Whatever was done since: counts, notes and refusals are those of the look, which changes not a byte."""
    with tempfile.TemporaryDirectory() as name, database(Path(name) / "a.db") as wire:
        folder = Path(name) / "scratch"
        folder.mkdir()
        run(wire, (*SITE, *first))
        links = [keep(wire, lambda look: full_table(look, "person", folder=folder))]
        run(wire, then)
        if into == "none":
            wire.run("DROP TABLE person")
            wire.run("CREATE TABLE by_town (x)")
        table = {"": None, "none": None}.get(into, into)
        how: dict[str, Any] = {"folder": folder, "table": table, "exact": exact, "allow_orphans": allow_orphans}
        before, content = (Path(name) / "a.db").read_bytes(), facts(Path(name) / "a.db")
        looked = outcome(foretold, wire, links, **how)
        assert (Path(name) / "a.db").read_bytes() == before
        assert list(folder.iterdir()) == []
        done = outcome(restore_table, wire, links, **how)
        assert looked == done
        if isinstance(done, tuple):
            assert difference(content, facts(Path(name) / "a.db")) == []


SHOP = """
    CREATE TABLE tabThing (name TEXT PRIMARY KEY, code TEXT UNIQUE, parent TEXT REFERENCES tabThing);
    CREATE TABLE tabPart (name TEXT PRIMARY KEY, thing TEXT REFERENCES tabThing);
    CREATE TRIGGER heard AFTER INSERT ON tabThing BEGIN SELECT 1; END;
    INSERT INTO tabThing VALUES ('a', '1', NULL), ('b', '2', 'a');
    INSERT INTO tabPart VALUES ('p', 'b');
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A site with two tables that point to each other's rows."""
    path = tmp_path / "site.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SHOP)
    return path


def execute(path: Path, sql: str) -> None:
    """Statements, as the application would run them."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(sql)


def test_the_look_tells_what_would_be_refused(shop: Path) -> None:
    """Orphans and unique values, and with the way out what it leads to: triggers and orphans are named."""
    manager = MigrationBackupManager(shop, BackupOptions(threads=1), ring=RING)
    info = manager.create_backup("Thing")
    execute(shop, "INSERT INTO tabThing VALUES ('c', '3', NULL); INSERT INTO tabPart VALUES ('q', 'c')")
    for dry_run in (True, False):
        with pytest.raises(ConstraintError, match='1 row of "tabPart" would have no parent'):
            manager.restore_from_backup(info.id, exact=True, dry_run=dry_run)
    looked = manager.restore_from_backup(info.id, exact=True, allow_orphans=True, dry_run=True)
    done = manager.restore_from_backup(info.id, exact=True, allow_orphans=True)
    assert replace(looked, dry_run=False, safety_backup=done.safety_backup) == done
    assert looked.safety_backup is None and done.deleted == 1
    assert done.told == ('triggers that do not fire: "heard"', '1 row of "tabPart" would have no parent')
    execute(shop, "DELETE FROM tabThing WHERE name = 'b'; INSERT INTO tabThing VALUES ('z', '2', NULL)")
    for dry_run in (True, False):
        with pytest.raises(ConstraintError, match=r"UNIQUE constraint failed: tabThing\.code"):
            manager.restore_from_backup(info.id, allow_orphans=True, dry_run=dry_run)


@pytest.mark.parametrize("whole", [False, True])
def test_values_and_tables_out_of_a_whole(shop: Path, whole: bool) -> None:
    """The same holds for single columns, and for one table out of a backup of all."""
    manager = MigrationBackupManager(shop, BackupOptions(threads=1), ring=RING)
    info = manager.create_backup() if whole else manager.create_column_backup("Thing", ["code"])
    into = "tabThing" if whole else None
    execute(shop, "UPDATE tabThing SET code = 'x' WHERE name = 'a'; DELETE FROM tabThing WHERE name = 'b'")
    looked = manager.restore_from_backup(info.id, into=into, dry_run=True)
    done = manager.restore_from_backup(info.id, into=into)
    assert replace(looked, dry_run=False, safety_backup=done.safety_backup) == done and done.updated == 1


def test_a_table_that_cannot_be_copied_is_compared(tmp_path: Path, folder: Path) -> None:
    """Its index needs a function that a second connection does not have: the counts are told, and what is missing."""
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as connection:
        connection.create_function("mine", 1, lambda value: value, deterministic=True)
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v)")
        connection.execute("CREATE INDEX by_mine ON t (mine(v))")
        connection.execute("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
        wire = Wire(connection, path=tmp_path / "a.db", owned=False)
        links = [keep(wire, lambda look: full_table(look, "t", folder=folder))]
        wire.run("UPDATE t SET v = 'c' WHERE id = 1")
        looked = foretold(wire, links, folder=folder)
        assert (looked.overwritten, looked.unchanged) == (1, 1)
        assert "could not be tried: SQLite refused" in looked.notes[-1] and "mine" in looked.notes[-1]
        assert restore_table(wire, links, folder=folder).overwritten == 1


@pytest.mark.parametrize("parent", ["CREATE VIEW p AS SELECT 1 AS a", "CREATE TABLE p (a, b)", "SELECT 1"])
def test_a_parent_to_which_nothing_can_point(tmp_path: Path, folder: Path, parent: str) -> None:
    """A view, columns that are not unique, nothing at all: whatever the restore makes of it, so does the look."""
    start = ["CREATE TABLE t (id INTEGER PRIMARY KEY, a REFERENCES p (a))", "INSERT INTO t VALUES (1, 1)"]
    with database(tmp_path / "a.db", start) as wire:
        links = [keep(wire, lambda look: full_table(look, "t", folder=folder))]
        wire.run("DELETE FROM t")
        wire.run(parent)
        assert outcome(foretold, wire, links, folder=folder) == outcome(restore_table, wire, links, folder=folder)


def test_rows_that_keep_no_rule_are_no_reason(tmp_path: Path, folder: Path) -> None:
    """A CHECK that rows do not keep: they stay, and only those that come are held to it."""
    start = ["CREATE TABLE t (id INTEGER PRIMARY KEY, v CHECK (v < 10))", "INSERT INTO t VALUES (1, 1)"]
    with database(tmp_path / "a.db", start) as wire, wire.pragmas(ignore_check_constraints=1):
        links = [keep(wire, lambda look: full_table(look, "t", folder=folder))]
        wire.run("INSERT INTO t VALUES (2, 20)")
        wire.run("UPDATE t SET v = 2 WHERE id = 1")
        looked = foretold(wire, links, folder=folder)
        assert (looked.overwritten, looked.kept, looked.notes) == (1, 1, ())


def test_a_site_s_own_preparation_that_needs_its_tables(shop: Path) -> None:
    """It fails on a scratch database, where nothing can be tried then: what is certain is told, and that it is not all.

    A table that is not there any more would be made.
    """

    def prepare(connection: sqlite3.Connection) -> None:
        connection.execute("SELECT count(*) FROM tabPart").fetchall()

    manager = MigrationBackupManager(shop, BackupOptions(threads=1), ring=RING, on_connect=prepare)
    info = manager.create_backup("Thing")
    looked = manager.restore_from_backup(info.id, dry_run=True)
    assert looked.unchanged == 2 and "could not be tried" in looked.told[-1]
    execute(shop, "DROP TABLE tabThing")
    looked = manager.restore_from_backup(info.id, dry_run=True)
    assert looked.inserted == 2 and looked.told[0] == '"tabThing" is created anew'
    assert "could not be tried" in looked.told[-1]
