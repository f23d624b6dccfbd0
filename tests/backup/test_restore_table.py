"""A table brought back into places that are not as it left them: what differs is told, what cannot be is refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from sodaf_migrate.backup.payload import Link
from sodaf_migrate.backup.restore import foretold, restore_table
from sodaf_migrate.backup.strategies.full_table import full_table
from sodaf_migrate.errors import BackupError, ConstraintError
from sodaf_migrate.wire.cache import ROOM
from sodaf_migrate.wire.connection import Wire
from tests.backup.kit import database, facts, keep
from tests.oracle import difference

PEOPLE = (
    "CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT UNIQUE, phone TEXT)",
    "CREATE TABLE sale (id INTEGER PRIMARY KEY, person INTEGER REFERENCES person (id) ON DELETE CASCADE)",
    "CREATE INDEX by_phone ON person (phone)",
    "INSERT INTO person VALUES (1, 'Ada', '1'), (2, 'Bob', '2'), (3, 'Cem', NULL)",
    "INSERT INTO sale VALUES (10, 1), (11, 2)",
)


def backed_up(wire: Wire, folder: Path, table: str = "person") -> list[Link]:
    """A chain of one full backup."""
    return [keep(wire, lambda look: full_table(look, table, folder=folder))]


def changed(wire: Wire, statements: Sequence[str]) -> None:
    """Runs them."""
    for sql in statements:
        wire.run(sql)


def test_rows_that_came_since_stay(tmp_path: Path, folder: Path) -> None:
    """Unless they are told to go; a look beforehand counts the same and changes no byte."""
    with database(tmp_path / "a.db", PEOPLE) as wire:
        links = backed_up(wire, folder)
        changed(wire, ["DELETE FROM person WHERE id = 3", "UPDATE person SET phone = '9' WHERE id = 1"])
        changed(wire, ["INSERT INTO person VALUES (7, 'New', NULL)"])
        before = (tmp_path / "a.db").read_bytes()
        looked = foretold(wire, links, folder=folder)
        assert (tmp_path / "a.db").read_bytes() == before
        report = restore_table(wire, links, folder=folder)
        for found in (looked, report):
            assert (found.inserted, found.overwritten, found.unchanged, found.kept) == (1, 1, 1, 1)
        assert wire.query("SELECT id, phone FROM person ORDER BY id") == [(1, "1"), (2, "2"), (3, None), (7, None)]
        assert restore_table(wire, links, folder=folder, exact=True).removed == 1


def test_values_that_two_rows_swapped(tmp_path: Path, folder: Path) -> None:
    """Unique values may be anywhere among the rows that come back."""
    with database(tmp_path / "a.db", PEOPLE) as wire:
        before = facts(tmp_path / "a.db")
        links = backed_up(wire, folder)
        changed(wire, ["UPDATE person SET name = 'x' WHERE id = 1", "UPDATE person SET name = 'Ada' WHERE id = 2"])
        changed(wire, ["UPDATE person SET name = 'Bob' WHERE id = 1"])
        assert restore_table(wire, links, folder=folder).overwritten == 2
        assert difference(before, facts(tmp_path / "a.db")) == []


def test_a_unique_value_that_is_taken(tmp_path: Path, folder: Path) -> None:
    """Refused with the way out, and nothing is changed."""
    with database(tmp_path / "a.db", PEOPLE) as wire:
        links = backed_up(wire, folder)
        changed(wire, ["DELETE FROM person WHERE id = 3", "INSERT INTO person VALUES (7, 'Cem', NULL)"])
        before = facts(tmp_path / "a.db")
        with pytest.raises(ConstraintError, match=r"UNIQUE constraint failed: person.name") as refused:
            restore_table(wire, links, folder=folder)
        assert "exact=True" in (refused.value.hint or "")
        assert difference(before, facts(tmp_path / "a.db")) == []
        assert wire.query("SELECT name FROM sqlite_temp_schema") == []
        assert restore_table(wire, links, folder=folder, exact=True).removed == 1


def test_parents_and_children(tmp_path: Path, folder: Path) -> None:
    """Rows whose parent is gone are refused, or told; children of overwritten parents are not cascaded away."""
    with database(tmp_path / "a.db", PEOPLE) as wire, wire.pragmas(foreign_keys=1):
        people, sales = backed_up(wire, folder), backed_up(wire, folder, "sale")
        before = facts(tmp_path / "a.db")
        changed(wire, ["UPDATE person SET phone = 'x'"])
        restore_table(wire, people, folder=folder)
        assert difference(before, facts(tmp_path / "a.db")) == []
        changed(wire, ["DELETE FROM person WHERE id = 2"])
        with pytest.raises(ConstraintError, match='1 row of "sale" would have no parent'):
            restore_table(wire, sales, folder=folder)
        assert wire.value("SELECT count(*) FROM sale") == 1
        report = restore_table(wire, sales, folder=folder, allow_orphans=True)
        assert report.inserted == 1 and any("no parent" in note for note in report.notes)
        restore_table(wire, people, folder=folder)
        assert difference(before, facts(tmp_path / "a.db")) == []
        assert wire.value("PRAGMA foreign_keys") == 1


def test_columns_that_went_and_came(tmp_path: Path, folder: Path) -> None:
    """What has no place is named; what the backup does not know keeps its value, or takes its default."""
    with database(tmp_path / "a.db", PEOPLE) as wire:
        links = backed_up(wire, folder)
        changed(wire, ["DROP INDEX by_phone", "ALTER TABLE person DROP COLUMN phone"])
        changed(wire, ["ALTER TABLE person ADD COLUMN level INTEGER NOT NULL DEFAULT 5"])
        changed(wire, ["UPDATE person SET level = 8, name = 'changed' WHERE id = 1", "DELETE FROM person WHERE id = 2"])
        report = restore_table(wire, links, folder=folder)
        assert (report.missing, report.added) == (("phone",), ("level",))
        assert wire.query("SELECT * FROM person") == [(1, "Ada", 8), (2, "Bob", 5), (3, "Cem", 5)]


def test_a_type_that_converts(tmp_path: Path, folder: Path) -> None:
    """Values that the new type takes otherwise are told."""
    with database(tmp_path / "a.db", ["CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)"]) as wire:
        changed(wire, ["INSERT INTO t VALUES (1, '007'), (2, 'word')"])
        links = backed_up(wire, folder, "t")
        changed(wire, ["DROP TABLE t", "CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER)"])
        report = restore_table(wire, links, folder=folder)
        assert any(note.startswith("1 row") for note in report.notes)
        assert wire.query("SELECT v FROM t") == [(7,), ("word",)]


def test_rows_that_come_back_beside_others_with_their_rowids(tmp_path: Path, folder: Path) -> None:
    """They get rowids of their own, are found by their keys, and nothing is said to be otherwise."""
    start = ["CREATE TABLE t (id TEXT PRIMARY KEY, v)", "INSERT INTO t VALUES ('a', 1), ('b', 2), ('c', 3)"]
    with database(tmp_path / "a.db", start) as wire:
        links = backed_up(wire, folder, "t")
        changed(wire, ["DELETE FROM t", "INSERT INTO t (rowid, id, v) VALUES (2, 'new', 9), (7, 'c', 3)"])
        report = restore_table(wire, links, folder=folder)
        assert (report.inserted, report.overwritten, report.unchanged, report.kept) == (2, 0, 1, 1)
        assert report.notes == ()
        assert sorted(wire.query("SELECT id, v FROM t")) == [("a", 1), ("b", 2), ("c", 3), ("new", 9)]


def test_numbers_under_a_type_that_came_later(tmp_path: Path, folder: Path) -> None:
    """7 and 7.0 are equal and not the same, also in a column that was made TEXT with them in it."""
    start = ["CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB)", "INSERT INTO t VALUES (1, 7), (2, NULL), (3, '')"]
    with database(tmp_path / "a.db", start) as wire:
        links = backed_up(wire, folder, "t")
        changed(wire, ["UPDATE t SET v = 7.0 WHERE id = 1"])
        with wire.atomic():
            wire.edit_catalogue("UPDATE sqlite_schema SET sql = replace(sql, 'BLOB', 'TEXT') WHERE name = 't'")
        report = foretold(wire, links, folder=folder)
        assert (report.overwritten, report.unchanged) == (1, 2)


def test_the_room_in_memory_is_given_back(tmp_path: Path, folder: Path) -> None:
    """The caller's connection keeps more in memory while rows are written, and no sooner: the backup of what is
    overwritten needs room of its own. Afterwards it is what it was."""
    with database(tmp_path / "a.db", PEOPLE) as wire:
        links, seen = backed_up(wire, folder), []

        def look(report: object) -> None:
            seen.append(wire.value("PRAGMA cache_size"))

        for size in (77, -2000, -4_000_000):
            wire.run(f"PRAGMA cache_size = {size}")
            wire.run("UPDATE person SET phone = NULL")
            said: list[str] = []
            wire.connection.set_trace_callback(said.append)
            restore_table(wire, links, folder=folder, before=look)
            wire.connection.set_trace_callback(None)
            assert wire.value("PRAGMA cache_size") == size
            assert (f"PRAGMA cache_size = -{ROOM // 1024}" in said) == (size > -4_000_000)
    assert seen == [77, -2000, -4_000_000]


def test_another_table_and_another_database(tmp_path: Path, folder: Path) -> None:
    """Under another name with what can be made of it; elsewhere with everything around it."""
    with database(tmp_path / "a.db", PEOPLE) as wire, database(tmp_path / "b.db") as other:
        links = backed_up(wire, folder)
        report = restore_table(wire, links, folder=folder, table="person of monday")
        assert report.created and any('index "by_phone"' in note for note in report.notes)
        assert wire.query('SELECT * FROM "person of monday"') == wire.query("SELECT * FROM person")
        assert restore_table(other, links, folder=folder).notes == ()
        assert other.value("SELECT count(*) FROM sqlite_schema WHERE name = 'by_phone'") == 1


def test_a_restore_that_fails_leaves_nothing(tmp_path: Path, folder: Path) -> None:
    """A trigger, which is dropped meanwhile, is there again; so is every row."""
    with database(tmp_path / "a.db", PEOPLE) as wire:
        links = backed_up(wire, folder)
        changed(wire, ["CREATE TRIGGER g AFTER INSERT ON person BEGIN SELECT 1; END"])
        changed(wire, ["ALTER TABLE person ADD COLUMN must", "DELETE FROM person"])
        changed(wire, ["CREATE UNIQUE INDEX one ON person (ifnull(must, 0))"])
        before = facts(tmp_path / "a.db")
        with pytest.raises(ConstraintError):
            restore_table(wire, links, folder=folder)
        assert difference(before, facts(tmp_path / "a.db")) == []


def test_a_callers_connection(tmp_path: Path, folder: Path) -> None:
    """One in memory works too, TEMP triggers of it do not fire, and it is given back as it was."""
    from sodaf_migrate.wire.open import open_wire

    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    for sql in PEOPLE:
        connection.execute(sql)
    connection.execute("CREATE TEMP TRIGGER loud BEFORE INSERT ON person BEGIN SELECT RAISE(ABORT, 'fired'); END")
    connection.commit()
    with open_wire(connection) as wire:
        links = backed_up(wire, folder)
        wire.run("DELETE FROM person WHERE id > 1")
        assert restore_table(wire, links, folder=folder).inserted == 2
    assert [row["name"] for row in connection.execute("SELECT name FROM person")] == ["Ada", "Bob", "Cem"]
    with pytest.raises(sqlite3.IntegrityError, match="fired"):
        connection.execute("INSERT INTO person (name) VALUES ('Dora')")
    connection.close()


def test_what_is_no_table(tmp_path: Path, folder: Path) -> None:
    """A view, a virtual table, a name that nothing has."""
    start = [*PEOPLE, "CREATE VIEW v AS SELECT 1", "CREATE VIRTUAL TABLE f USING fts5(x)"]
    with database(tmp_path / "a.db", start) as wire:
        for name in ("v", "f", "nothing", "sqlite_schema"):
            with pytest.raises(BackupError, match=f'no ordinary table "{name}"'):
                backed_up(wire, folder, name)


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("look", "is a view"),
        ("words", "is a virtual table"),
        ("by_phone", "is an index"),
        ("tabMigrationHistory", "a table of this tool"),
        ("TABMIGRATIONEVENT", "a table of this tool"),
        ("sqlite_mine", "cannot be the name"),
        ("nul\0", "cannot be the name"),
        ("", "cannot be the name"),
    ],
)
def test_names_that_take_no_rows(tmp_path: Path, folder: Path, table: str, words: str, dry_run: bool) -> None:
    """What has the name already, or what no table may be called, is said in words, also by a look beforehand."""
    more = ("CREATE VIEW look AS SELECT 1", "CREATE VIRTUAL TABLE words USING fts5 (text)")
    with database(tmp_path / "a.db", (*PEOPLE, *more)) as wire:
        links = backed_up(wire, folder)
        before = facts(tmp_path / "a.db")
        with pytest.raises(BackupError, match=words):
            (foretold if dry_run else restore_table)(wire, links, folder=folder, table=table)
    assert not difference(before, facts(tmp_path / "a.db"))


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_column_that_must_not_be_empty(tmp_path: Path, folder: Path, dry_run: bool) -> None:
    """Rows that would leave a new column empty are refused with its name; rows that are there keep their values."""
    with database(tmp_path / "a.db", PEOPLE) as wire:
        links = backed_up(wire, folder)
        changed(wire, ["CREATE TABLE next (id INTEGER PRIMARY KEY, name TEXT UNIQUE, phone TEXT, mail TEXT NOT NULL)"])
        changed(wire, ["INSERT INTO next SELECT *, 'm' FROM person", "UPDATE next SET phone = 'x'"])
        restore = foretold if dry_run else restore_table
        assert restore(wire, links, folder=folder, table="next").overwritten == 3
        changed(wire, ["DELETE FROM next WHERE id = 2"])
        with pytest.raises(ConstraintError, match='"mail" must not be empty') as caught:
            restore(wire, links, folder=folder, table="next")
        assert "default" in str(caught.value.hint)
        assert wire.query("SELECT id, mail FROM next ORDER BY id") == [(1, "m"), (3, "m")]
