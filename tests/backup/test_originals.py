"""Lost values put back: the original where the row still holds what the change put there, nothing else touched."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate.backup.chain import attached_payload
from sodaf_migrate.backup.originals import Originals, Returned
from sodaf_migrate.backup.payload import PAYLOAD, Link
from sodaf_migrate.backup.strategies.column import lost_values
from sodaf_migrate.plan import Loss
from sodaf_migrate.wire.connection import Wire
from tests.backup.kit import database, facts, keep
from tests.oracle import difference

ODD = (None, "007", "1,000", " 5 ", "1e3", "", "word", "nul\0x", 7, 7.5, b"\xff", "é")


@contextmanager
def both(path: Path, folder: Path, start: Sequence[str], losses: Sequence[Loss]) -> Iterator[tuple[Wire, Link]]:
    """A database and the backup of what ``losses`` says."""
    with database(path, start) as wire:
        yield wire, keep(wire, lambda look: lost_values(look, losses, folder=folder))


def go_back(wire: Wire, link: Link, folder: Path, statements: Sequence[str], *, early: bool = False) -> Returned:
    """The reverse change by ``statements``, and what the backup holds by hand, in one transaction.

    ``early`` looks who still holds what the change put there while the columns have the types of the change.
    """
    manifest = link.source.manifest
    with attached_payload(wire, link, folder), wire.pragmas(foreign_keys=0), wire.atomic():
        originals = Originals(wire, manifest, by_hand=True)
        if early:
            originals.look()
        for sql in statements:
            wire.run(sql)
        if not early:
            originals = Originals(wire, manifest, by_hand=True)
            originals.look()
        originals.begin()
        originals.put_back()
        returned = originals.report()
        originals.drop()
        return returned


def to_integer(table: str, key: str) -> Loss:
    """The loss of a retyping that casts."""
    return Loss(
        table=table,
        columns=("v",),
        became=("CAST(v AS INTEGER)",),
        where="v IS NOT CAST(CAST(v AS INTEGER) AS TEXT)",
        key=(key,) if key else (),
        new_table=table,
        new_columns=("v",),
        new_key=(key,) if key else (),
    )


def emptied(table: str) -> Loss:
    """The loss of a change that makes every v NULL."""
    names: dict[str, Any] = {"new_table": table, "new_columns": ("v",), "new_key": ("id",)}
    return Loss(table=table, columns=("v",), became=("NULL",), key=("id",), **names)


def retype(table: str, kind: str, expression: str, head: str, tail: str = "") -> list[str]:
    """The table made again with another type for v, values converted, rowids kept."""
    return [
        f"CREATE TABLE n ({head}, v {kind}, w){tail}",
        f"INSERT INTO n SELECT {head.split()[0]}, {expression}, w FROM {table}",
        f"DROP TABLE {table}",
        f"ALTER TABLE n RENAME TO {table}",
    ]


HEADS = {"rowid key": ("id INTEGER PRIMARY KEY", ""), "text key": ("id TEXT PRIMARY KEY", " WITHOUT ROWID")}


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("kind", HEADS)
def test_three_ways(tmp_path: Path, folder: Path, kind: str, early: bool) -> None:
    """Untouched rows get their text back through TEXT to INTEGER to TEXT; changed, gone and new ones are left alone."""
    head, tail = HEADS[kind]
    start = [f"CREATE TABLE t ({head}, v TEXT, w){tail}"]
    loss = to_integer("t", "id")
    with database(tmp_path / "a.db", start) as wire:
        for number, value in enumerate(ODD):
            wire.run("INSERT INTO t VALUES (?, ?, ?)", (number, value, value))
        before = dict(wire.query("SELECT id, v FROM t"))
        link = keep(wire, lambda look: lost_values(look, [loss], folder=folder))
        with wire.atomic():
            for sql in retype("t", "INTEGER", "CAST(v AS INTEGER)", head, tail):
                wire.run(sql)
        wire.run("UPDATE t SET v = 99 WHERE id = '2'")
        wire.run("DELETE FROM t WHERE id = '4'")
        wire.run("INSERT INTO t VALUES (77, 5, 'new')")
        report = go_back(wire, link, folder, retype("t", "TEXT", "v", head, tail), early=early)
        after = dict(wire.query("SELECT id, v FROM t"))
    key = int if kind == "rowid key" else str
    expected = before | {key(2): "99", key(77): "5"}
    del expected[key(4)]
    assert {name: type(value) for name, value in after.items()} == {n: type(v) for n, v in expected.items()}
    assert after == expected
    assert (report.conflicts, report.gone, report.rows) == (1, 1, 0)
    assert report.values == link.source.manifest["parts"][0]["rows"] - 2


def test_a_dropped_column(tmp_path: Path, folder: Path) -> None:
    """Every value of it comes back bit for bit, found by key though the rows were made anew in another order."""
    start = ["CREATE TABLE t (name TEXT PRIMARY KEY COLLATE NOCASE, v, w)"]
    loss = Loss(table="t", columns=("v",), became=("",), where='"v" IS NOT NULL', key=("name",))
    with database(tmp_path / "a.db", start) as wire:
        for number, value in enumerate(ODD):
            wire.run("INSERT INTO t VALUES (?, ?, 1)", (f"n{number}", value))
        before = facts(tmp_path / "a.db")
        link = keep(wire, lambda look: lost_values(look, [loss], folder=folder))
        wire.run("ALTER TABLE t DROP COLUMN v")
        wire.run("VACUUM")
        back = [
            "CREATE TABLE n (name TEXT PRIMARY KEY COLLATE NOCASE, v, w)",
            "INSERT INTO n (rowid, name, w) SELECT rowid, upper(name), w FROM t",
            "DROP TABLE t",
            "ALTER TABLE n RENAME TO t",
        ]
        report = go_back(wire, link, folder, back)
        wire.run("UPDATE t SET name = lower(name)")
    assert (report.values, report.conflicts, report.gone) == (len(ODD) - 1, 0, 0)
    assert difference(before, facts(tmp_path / "a.db")) == []


def test_a_dropped_column_that_somebody_made_again(tmp_path: Path, folder: Path) -> None:
    """By hand its values go back into every row that is there."""
    start = ["CREATE TABLE t (id INTEGER PRIMARY KEY, v)", "INSERT INTO t VALUES (1, 'old'), (2, 'old')"]
    loss = Loss(table="t", columns=("v",), became=("",), where='"v" IS NOT NULL', key=("id",))
    with both(tmp_path / "a.db", folder, start, [loss]) as (wire, link):
        wire.run("ALTER TABLE t DROP COLUMN v")
        wire.run("ALTER TABLE t ADD COLUMN v")
        wire.run("UPDATE t SET v = 'his' WHERE id = 2")
        report = go_back(wire, link, folder, [])
        assert wire.query("SELECT * FROM t") == [(1, "old"), (2, "old")]
    assert (report.values, report.conflicts) == (2, 0)


@pytest.mark.parametrize("key", ["id INTEGER PRIMARY KEY AUTOINCREMENT", "id TEXT PRIMARY KEY", "id"])
def test_whole_rows(tmp_path: Path, folder: Path, key: str) -> None:
    """Deleted duplicates come back with their rowids, beside rows that came since; no trigger fires."""
    start = [
        f"CREATE TABLE t ({key}, v, g AS (v || '!'))",
        "INSERT INTO t (id, v) VALUES (1, 'a'), (2, 'a'), (3, 'b'), (9, 'a')",
        "CREATE TRIGGER loud AFTER INSERT ON t WHEN new.v = 'a' BEGIN SELECT RAISE(ABORT, 'fired'); END",
    ]
    names = () if key == "id" else ("id",)
    loss = Loss(table="t", where='"v" = \'a\' AND "id" > 1', key=names)
    with both(tmp_path / "a.db", folder, start, [loss]) as (wire, link):
        before = facts(tmp_path / "a.db")
        wire.run("DELETE FROM t WHERE v = 'a' AND id > 1")
        report = go_back(wire, link, folder, [])
        assert difference(before, facts(tmp_path / "a.db")) == []
    assert (report.rows, report.conflicts) == (2, 0)


def test_a_row_whose_key_is_taken(tmp_path: Path, folder: Path) -> None:
    """It stays away and is counted; a rowid that is taken, where rows have another key, keeps nothing away."""
    start = ["CREATE TABLE t (id TEXT PRIMARY KEY, v)", "INSERT INTO t VALUES ('x', 1), ('y', 2), ('z', 3)"]
    with both(tmp_path / "a.db", folder, start, [Loss(table="t", key=("id",))]) as (wire, link):
        wire.run("DELETE FROM t")
        wire.run("INSERT INTO t VALUES ('new', 9), ('y', 'his')")
        report = go_back(wire, link, folder, [])
        assert sorted(wire.query("SELECT id, v FROM t")) == [("new", 9), ("x", 1), ("y", "his"), ("z", 3)]
    assert (report.rows, report.conflicts) == (2, 1)


def test_a_dropped_table(tmp_path: Path, folder: Path) -> None:
    """All of it comes back, with the last number of its sequence."""
    start = [
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v)",
        "INSERT INTO t VALUES (5, 'a'), (50, 'b')",
        "DELETE FROM t WHERE id = 50",
    ]
    with both(tmp_path / "a.db", folder, start, [Loss(table="t", key=("id",))]) as (wire, link):
        before = facts(tmp_path / "a.db")
        wire.run("DROP TABLE t")
        report = go_back(wire, link, folder, [start[0]])
        assert report.rows == 1
        assert difference(before, facts(tmp_path / "a.db")) == []


def test_a_key_that_is_lost_itself(tmp_path: Path, folder: Path) -> None:
    """Keys become numbers; other values of the same rows are found by the new key, and the old key comes back."""
    losses = [
        replace(emptied("t"), new_table="u", new_key=("k",)),
        Loss(
            table="t", columns=("id",), became=("CAST(id AS INTEGER)",),
            where="id IS NOT CAST(CAST(id AS INTEGER) AS TEXT)",
            key=("id",), new_table="u", new_columns=("k",), new_key=("k",),
        ),
    ]  # fmt: skip
    start = ["CREATE TABLE t (id TEXT PRIMARY KEY, v) WITHOUT ROWID", "INSERT INTO t VALUES ('007', 'x'), ('8.0', 'y')"]
    with both(tmp_path / "a.db", folder, start, losses) as (wire, link):
        before = facts(tmp_path / "a.db")
        wire.run("CREATE TABLE u (k INTEGER PRIMARY KEY, v) WITHOUT ROWID")
        wire.run("INSERT INTO u SELECT CAST(id AS INTEGER), NULL FROM t")
        wire.run("DROP TABLE t")
        report = go_back(wire, link, folder, [start[0], "INSERT INTO t SELECT * FROM u", "DROP TABLE u"])
        assert difference(before, facts(tmp_path / "a.db")) == []
        assert (report.values, report.conflicts, report.gone) == (4, 0, 0)


def test_keys_that_are_null(tmp_path: Path, folder: Path) -> None:
    """Rows without a key are told apart by their rowids."""
    start = ["CREATE TABLE t (id TEXT PRIMARY KEY, v)", "INSERT INTO t VALUES (NULL, 1), (NULL, 2), ('a', 3)"]
    loss = Loss(
        table="t", columns=("v",), became=("0",), key=("id",), new_table="t", new_columns=("v",), new_key=("id",)
    )
    with both(tmp_path / "a.db", folder, start, [loss]) as (wire, link):
        wire.run("UPDATE t SET v = 0")
        assert go_back(wire, link, folder, []).values == 3
        assert wire.query("SELECT v FROM t") == [(1,), (2,), (3,)]


def test_twelve_hundred_columns_at_once(tmp_path: Path, folder: Path) -> None:
    """More values than one table of the payload can take beside what became of them."""
    names = [f"c{n}" for n in range(1200)]
    loss = Loss(
        table="t", columns=tuple(names), became=("NULL",) * 1200, key=("id",),
        new_table="t", new_columns=tuple(names), new_key=("id",),
    )  # fmt: skip
    start = [
        f"CREATE TABLE t (id INTEGER PRIMARY KEY, {', '.join(names)})",
        "INSERT INTO t (id, c0, c1199) VALUES (1, 'a', 'z'), (2, 'b', 'y')",
    ]
    with both(tmp_path / "a.db", folder, start, [loss]) as (wire, link):
        before = wire.query("SELECT * FROM t")
        assert len(link.source.manifest["parts"]) == 2
        wire.run(f"UPDATE t SET {', '.join(f'{name} = NULL' for name in names)}")
        go_back(wire, link, folder, [])
        assert wire.query("SELECT * FROM t") == before


def test_the_commit_is_of_one_file(tmp_path: Path, folder: Path) -> None:
    """With the payload attached no super-journal is written: its name would stand in the journal until the commit."""
    start = ["CREATE TABLE t (id INTEGER PRIMARY KEY, v)", "INSERT INTO t VALUES (1, 'old')"]
    loss = Loss(
        table="t", columns=("v",), became=("NULL",), key=("id",), new_table="t", new_columns=("v",), new_key=("id",)
    )
    with both(tmp_path / "a.db", folder, start, [loss]) as (wire, link):
        wire.run("PRAGMA journal_mode = PERSIST")  # the journal stays behind and can be read
        wire.run("UPDATE t SET v = NULL")
        go_back(wire, link, folder, [])
        journal = (tmp_path / "a.db-journal").read_bytes()
        assert b"-mj" not in journal and wire.value("SELECT v FROM t") == "old"


def hammer(wire: Wire, chance: random.Random, model: dict[int, Any]) -> None:
    """Two hundred changes, kept account of in ``model``."""
    for _ in range(200):
        number, what = chance.randrange(450), chance.randrange(3)
        if what == 0:
            wire.run("DELETE FROM t WHERE id = ?", (number,))
            model.pop(number, None)
        elif what == 1:
            wire.run("INSERT OR REPLACE INTO t VALUES (?, 1000, 1)", (number,))
            model[number] = "1000"
        elif number in model:
            wire.run("UPDATE t SET v = v + 500 WHERE id = ?", (number,))
            model[number] = str(wire.value("SELECT v FROM t WHERE id = ?", (number,)))


def test_random_edits(tmp_path: Path, folder: Path) -> None:
    """Against a plain account in Python of what each row should hold."""
    chance = random.Random(11)
    start = ["CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, w)"]
    with database(tmp_path / "a.db", start) as wire:
        with wire.atomic():
            for number in range(400):
                wire.run("INSERT INTO t VALUES (?, ?, 0)", (number, chance.choice(["007", "12", "1e2", "x", "5 "])))
        model: dict[int, Any] = dict(wire.query("SELECT id, v FROM t"))
        link = keep(wire, lambda look: lost_values(look, [to_integer("t", "id")], folder=folder))
        with wire.atomic():
            for sql in retype("t", "INTEGER", "CAST(v AS INTEGER)", "id INTEGER PRIMARY KEY"):
                wire.run(sql)
        with wire.atomic():
            hammer(wire, chance, model)
        report = go_back(wire, link, folder, retype("t", "TEXT", "v", "id INTEGER PRIMARY KEY"))
        assert dict(wire.query("SELECT id, v FROM t")) == model
        assert report.values + report.conflicts + report.gone == link.source.manifest["parts"][0]["rows"]


def test_a_callers_connection_keeps_nothing(tmp_path: Path, folder: Path) -> None:
    """After the way back nothing is attached and no TEMP table is left."""
    start = ["CREATE TABLE t (id INTEGER PRIMARY KEY, v)", "INSERT INTO t VALUES (1, 'old')"]
    loss = Loss(
        table="t", columns=("v",), became=("NULL",), key=("id",), new_table="t", new_columns=("v",), new_key=("id",)
    )
    with both(tmp_path / "a.db", folder, start, [loss]) as (wire, link):
        wire.run("UPDATE t SET v = NULL")
        go_back(wire, link, folder, [])
        assert [row[1] for row in wire.query("PRAGMA database_list")] in (["main"], ["main", "temp"])
        assert wire.query("SELECT name FROM sqlite_temp_schema") == []
        with pytest.raises(sqlite3.OperationalError):
            wire.connection.execute(f"SELECT * FROM {PAYLOAD}.lost0")


@pytest.mark.parametrize(
    ("old", "new"), [("TEXT", "INTEGER"), ("REAL", "TEXT"), ("BLOB", "NUMERIC"), ("NUMERIC", "BLOB")]
)
def test_what_the_affinity_of_a_new_type_did(tmp_path: Path, folder: Path, old: str, new: str) -> None:
    """A change that copies values as they are lets the column convert them; that counts as untouched."""
    head = "id INTEGER PRIMARY KEY"
    loss = replace(emptied("t"), became=("v",))
    with database(tmp_path / "a.db", [f"CREATE TABLE t ({head}, v {old}, w)"]) as wire:
        for number, value in enumerate(ODD):
            wire.run("INSERT INTO t VALUES (?, ?, 0)", (number, value))
        before = facts(tmp_path / "a.db")
        link = keep(wire, lambda look: lost_values(look, [loss], folder=folder))
        with wire.atomic():
            for sql in retype("t", new, "v", head):
                wire.run(sql)
        report = go_back(wire, link, folder, retype("t", old, "v", head), early=True)
    assert (report.values, report.conflicts, report.gone) == (len(ODD), 0, 0)
    ignored = ["table"]  # it was made by another text
    assert difference(before, facts(tmp_path / "a.db"), ignore=ignored) == []
