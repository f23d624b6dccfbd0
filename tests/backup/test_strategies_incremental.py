"""INCREMENTAL of tables: the exact difference in rows, through changes of the schema, and chains of them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate.backup.payload import Link
from sodaf_migrate.backup.restore import restore_table
from sodaf_migrate.backup.strategies.full_table import full_table
from sodaf_migrate.backup.strategies.incremental_table import changed_rows
from sodaf_migrate.errors import BackupDamagedError, BackupError
from sodaf_migrate.wire.connection import Wire
from tests.backup.kit import Kept, database, facts, keep
from tests.oracle import difference

VALUES = (None, 0, 1, 0.0, -0.0, 1.0, "1", "a", "A", "", b"", b"1", "1.0", 2**60, "\0", "x\0y")
SHAPES = {
    "rowid": "CREATE TABLE t (k, a, b TEXT COLLATE NOCASE, c REAL, d INTEGER)",
    "key": "CREATE TABLE t (k INTEGER PRIMARY KEY, a, b TEXT COLLATE NOCASE, c REAL, d INTEGER)",
    "text key": "CREATE TABLE t (k TEXT PRIMARY KEY, a, b TEXT COLLATE NOCASE, c REAL, d INTEGER)",
    "without rowid": "CREATE TABLE t (k TEXT COLLATE NOCASE, a, b TEXT COLLATE NOCASE, c REAL, d INTEGER,"
    " PRIMARY KEY (d, k)) WITHOUT ROWID",
}


def row(chance: random.Random, number: int) -> dict[str, Any]:
    """A random row whose key is ``number``, whatever the shape."""
    return {"k": number, "d": number % 4} | {name: chance.choice(VALUES) for name in "abc"}


def insert(wire: Wire, values: dict[str, Any]) -> None:
    """The row, in place of one with its key."""
    marks = ", ".join("?" * len(values))
    wire.run(f"INSERT OR REPLACE INTO t ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))


def edit(wire: Wire, chance: random.Random, number: int) -> None:
    """Random updates, inserts, deletes, and now and then another schema."""
    with wire.atomic():
        for _ in range(12):
            wire.run(
                f"UPDATE t SET {chance.choice('abc')} = ? WHERE k = ?", (chance.choice(VALUES), chance.randrange(90))
            )
        for _ in range(5):
            wire.run("DELETE FROM t WHERE k = ?", (chance.randrange(90),))
            insert(wire, row(chance, chance.randrange(200)))
        what = chance.randrange(6)
        if what == 0:
            wire.run(f"ALTER TABLE t ADD COLUMN n{number} TEXT DEFAULT 'd{number}'")
        elif what == 1:
            wire.run(f"ALTER TABLE t RENAME COLUMN {'a' if number % 2 else 'b'} TO r{number}")
            wire.run(f"ALTER TABLE t ADD COLUMN {'a' if number % 2 else 'b'}")
        elif what == 2:
            wire.run("CREATE INDEX IF NOT EXISTS i ON t (c)")
        elif what == 3:
            wire.run("DELETE FROM t")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("shape", SHAPES)
def test_a_chain_of_eight_gives_each_state(tmp_path: Path, folder: Path, shape: str, seed: int) -> None:
    """Each backup of a chain brings its own moment back, bit for bit, into a new database and over the living one."""
    chance = random.Random(f"{shape} {seed}")
    states, links = [], []
    with database(tmp_path / "a.db", [SHAPES[shape]]) as wire:
        with wire.atomic():
            for number in range(80):
                insert(wire, row(chance, number))
        for number in range(8):
            if links:
                edit(wire, chance, number)
                chain = tuple(links)
                links.append(keep(wire, lambda look, c=chain: changed_rows(look, "t", c, folder=folder), f"n{number}"))
            else:
                links.append(keep(wire, lambda look: full_table(look, "t", folder=folder)))
            states.append(facts(tmp_path / "a.db"))
    for number, state in enumerate(states):
        with database(tmp_path / f"{number}.db") as wire:
            restore_table(wire, links[: number + 1], folder=folder)
        assert difference(state, facts(tmp_path / f"{number}.db")) == [], number


def test_nothing_changed_is_nothing_held(tmp_path: Path, folder: Path) -> None:
    """A difference holds the rows that differ in bits, and no others."""
    with database(tmp_path / "a.db", ["CREATE TABLE t (a)"]) as wire:
        for value in VALUES:
            wire.run("INSERT INTO t VALUES (?)", (value,))
        first = keep(wire, lambda look: full_table(look, "t", folder=folder))
        same = keep(wire, lambda look: changed_rows(look, "t", [first], folder=folder))
        assert (same.source.manifest["touched"], same.source.manifest["gone"]) == (0, 0)
        wire.run("UPDATE t SET a = -0.0 WHERE rowid = 4")
        wire.run("UPDATE t SET a = 1 WHERE rowid = 6")
        wire.run("UPDATE t SET a = 'a' WHERE rowid = 9")
        wire.run("DELETE FROM t WHERE rowid = 1")
        other = keep(wire, lambda look: changed_rows(look, "t", [first, same], folder=folder))
        assert (other.source.manifest["touched"], other.source.manifest["gone"]) == (3, 1)
        before = facts(tmp_path / "a.db")
        wire.run("DELETE FROM t")
        restore_table(wire, [first, same, other], folder=folder)
        assert difference(before, facts(tmp_path / "a.db")) == []


def test_a_chain_in_utf_16(tmp_path: Path, folder: Path) -> None:
    """Text of either byte order is merged as it is."""
    start = ["PRAGMA encoding = 'UTF-16be'", "CREATE TABLE t (a TEXT)", "INSERT INTO t VALUES ('é'), ('b')"]
    with database(tmp_path / "a.db", start) as wire:
        first = keep(wire, lambda look: full_table(look, "t", folder=folder))
        wire.run("UPDATE t SET a = 'ß' WHERE a = 'b'")
        second = keep(wire, lambda look: changed_rows(look, "t", [first], folder=folder))
        wire.run("DELETE FROM t")
        restore_table(wire, [first, second], folder=folder)
        assert wire.query("SELECT * FROM t") == [("é",), ("ß",)]
    with database(tmp_path / "b.db") as wire, pytest.raises(BackupError, match="holds text as UTF-16be"):
        restore_table(wire, [first], folder=folder)


def test_what_cannot_follow_is_said(tmp_path: Path, folder: Path) -> None:
    """Another key, rowids that come or go: a full backup has to be made, and why."""
    with database(tmp_path / "a.db", [SHAPES["without rowid"], "CREATE TABLE u (rowid, oid, _rowid_)"]) as wire:
        links = [keep(wire, lambda look: full_table(look, "t", folder=folder))]
        wire.run("DROP TABLE t")
        wire.run(SHAPES["key"])
        with pytest.raises(BackupError, match="rows were not told apart by the same thing"):
            keep(wire, lambda look: changed_rows(look, "t", links, folder=folder))
        with pytest.raises(BackupError, match='the parent is of the table "t"'):
            keep(wire, lambda look: changed_rows(look, "u", links, folder=folder))


def test_damage_in_a_parent_is_named(tmp_path: Path, folder: Path) -> None:
    """A link that was left out shows by the number of rows; what cannot be read says whose it is."""
    links: list[Link] = []
    with database(tmp_path / "a.db", ["CREATE TABLE t (a)", "INSERT INTO t VALUES (1), (2)"]) as wire:
        links.append(keep(wire, lambda look: full_table(look, "t", folder=folder), "first"))
        for name in ("second", "third"):
            wire.run("INSERT INTO t SELECT a FROM t")
            chain = tuple(links)
            links.append(keep(wire, lambda look, c=chain: changed_rows(look, "t", c, folder=folder), name))
        with pytest.raises(BackupDamagedError, match='"third" is damaged: the chain gives'):
            restore_table(wire, [links[0], links[2]], folder=folder)
        source = links[1].source
        assert isinstance(source, Kept)

        def broken() -> Any:
            raise BackupDamagedError("chunk 1 of the backup was altered")

        source.chunks = broken  # type: ignore[method-assign]
        with pytest.raises(BackupDamagedError, match='"second", on which "third" stands, is damaged: chunk 1'):
            restore_table(wire, links, folder=folder)
        assert wire.value("SELECT count(*) FROM t") == 8
