"""FULL and COLUMN of tables: every value there is, in columns of every affinity, comes back bit for bit."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sodaf_migrate.backup.restore import foretold, restore_table
from sodaf_migrate.backup.strategies.full_table import full_table
from sodaf_migrate.wire.connection import Wire
from sodaf_migrate.wire.open import memory_wire
from tests.backup.kit import database, facts, keep
from tests.oracle import difference

TYPES = ("INTEGER", "TEXT", "REAL", "NUMERIC", "BLOB", "", "VARCHAR(9)", "DECIMAL(4,2)", "DATETIME", "ANY")
VALUES = (
    None, 0, 1, -1, 2**63 - 1, -(2**63), 0.0, -0.0, 1.0, 1.5, 1e308, -1e-308, 5e-324, float("inf"), float("-inf"),
    2.0**53 + 2, "", "a", "1", "1.0", "1e2", " 7 ", "007", "nul\0in", "\U0001f600", "\ufeff", "é", "e\u0301",
    b"", b"\0", b"abc", b"\xff\xfe", b"1",
)  # fmt: skip

SHAPES = {
    "rowid": "CREATE TABLE t ({columns})",
    "key": "CREATE TABLE t (id INTEGER PRIMARY KEY, {columns})",
    "sequence": "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, {columns})",
    "text key": "CREATE TABLE t (name TEXT PRIMARY KEY COLLATE NOCASE, {columns})",
    "shadowed": "CREATE TABLE t (rowid TEXT, oid, {columns})",
    "without rowid": "CREATE TABLE t (k INTEGER, l TEXT, {columns}, PRIMARY KEY (l, k DESC)) WITHOUT ROWID",
    "generated": "CREATE TABLE t ({columns}, twice AS (c0 || c0), kept AS (typeof(c1)) STORED)",
    "wild": 'CREATE TABLE "t" ("a""b", "select" INTEGER, "c d", [e.f], {columns})',
}


def fill(wire: Wire, shape: str) -> None:
    """A table of that shape with every value in every column, and gaps between the rowids."""
    wire.run(SHAPES[shape].format(columns=", ".join(f"c{n} {kind}" for n, kind in enumerate(TYPES))))
    wire.run("CREATE INDEX i ON t (c0, c1 COLLATE NOCASE) WHERE c2 IS NOT NULL")
    names = [f"c{n}" for n in range(len(TYPES))]
    for number, value in enumerate(VALUES):
        row: dict[str, Any] = dict.fromkeys(names, value)
        row |= {"text key": {"name": f"n{number}"}, "without rowid": {"k": number % 3, "l": f"l{number}"}}.get(
            shape, {}
        )
        row |= {"id": number * 7 - 20} if shape in ("key", "sequence") else {}
        row |= {"rowid": "no", "_rowid_": number * 5 - 9} if shape == "shadowed" else {}
        row |= {"rowid": number * 3} if shape in ("rowid", "generated", "wild") else {}
        # In 'wild' the values of c-columns fill the rest too.
        marks = ", ".join("?" * len(row))
        wire.run(f"INSERT INTO t ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))
    wire.run("INSERT INTO t (c1) SELECT CAST(x'80ff00fe' AS TEXT)" if shape != "without rowid" else "SELECT 1")


@pytest.mark.parametrize("shape", SHAPES)
def test_every_value_in_every_affinity(tmp_path: Path, folder: Path, shape: str) -> None:
    """Into an empty database the table comes back with every value, class, rowid, index, trigger and sequence."""
    with database(tmp_path / "a.db") as wire:
        fill(wire, shape)
        wire.run("CREATE TRIGGER loud AFTER INSERT ON t BEGIN SELECT RAISE(ABORT, 'fired'); END")
        link = keep(wire, lambda look: full_table(look, "t", folder=folder))
    with database(tmp_path / "b.db") as wire:
        report = restore_table(wire, [link], folder=folder)
    assert report.created and report.inserted == link.source.manifest["table"]["rows"] and report.notes == ()
    assert difference(facts(tmp_path / "a.db"), facts(tmp_path / "b.db")) == []


@pytest.mark.parametrize("shape", SHAPES)
def test_into_the_living_table(tmp_path: Path, folder: Path, shape: str) -> None:
    """Whatever was done to the rows since is undone by an exact restore, and counted beforehand."""
    with database(tmp_path / "a.db") as wire:
        fill(wire, shape)
        wire.run("CREATE TRIGGER loud AFTER INSERT ON t BEGIN SELECT RAISE(ABORT, 'fired'); END")
        before = facts(tmp_path / "a.db")
        link = keep(wire, lambda look: full_table(look, "t", folder=folder))
        wire.run("DELETE FROM t WHERE c0 IN (0, 'a')")
        wire.run("UPDATE t SET c2 = 'changed', c4 = x'00' WHERE c0 IN (1, '1', '')")
        wire.run("DROP TRIGGER loud")
        key = {"without rowid": ("k, l, ", "7, 'new', "), "text key": ("name, ", "'new', ")}.get(shape, ("", ""))
        wire.run(f"INSERT INTO t ({key[0]}c0) VALUES ({key[1]}42)")
        wire.run("CREATE TRIGGER loud AFTER INSERT ON t BEGIN SELECT RAISE(ABORT, 'fired'); END")
        looked = foretold(wire, [link], folder=folder, exact=True)
        report = restore_table(wire, [link], folder=folder, exact=True)
    assert replace(looked, dry_run=False) == report
    assert report.inserted and report.overwritten and report.removed == 1
    ignored = ["sequence"]
    assert difference(before, facts(tmp_path / "a.db"), ignore=ignored) == []


values = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.binary(),
)


@given(rows=st.lists(st.tuples(*[values] * 5), max_size=8), kinds=st.tuples(*[st.sampled_from(TYPES)] * 5))
def test_any_value(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[Any, ...]], kinds: tuple[str, ...]
) -> None:
    """For any rows in columns of any types the copy has the same bits."""
    folder = tmp_path_factory.mktemp("store")
    with memory_wire() as wire, memory_wire() as other:
        wire.run(f"CREATE TABLE t ({', '.join(f'c{n} {kind}' for n, kind in enumerate(kinds))})")
        for row in rows:
            wire.run("INSERT INTO t VALUES (?, ?, ?, ?, ?)", row)
        link = keep(wire, lambda look: full_table(look, "t", folder=folder))
        restore_table(other, [link], folder=folder)
        assert difference(facts(wire.connection), facts(other.connection)) == []
    assert list(folder.iterdir()) == []


def test_the_sign_of_zero_is_kept(tmp_path: Path, folder: Path) -> None:
    """-0.0, which SQL takes for equal to 0.0, is brought back over a 0.0 in a column without type."""
    with database(tmp_path / "a.db", ["CREATE TABLE t (c)", "INSERT INTO t VALUES (-0.0)"]) as wire:
        link = keep(wire, lambda look: full_table(look, "t", folder=folder))
        wire.run("UPDATE t SET c = 0.0")
        restore_table(wire, [link], folder=folder)
        assert struct.pack(">d", wire.value("SELECT c FROM t")) == struct.pack(">d", -0.0)


def test_two_thousand_columns(tmp_path: Path, folder: Path) -> None:
    """The widest table there is comes back, and so does one changed value of it."""
    names = [f'"x{n}"' for n in range(2000)]
    with database(tmp_path / "a.db", [f"CREATE TABLE t ({', '.join(names)})"]) as wire:
        wire.run("INSERT INTO t (rowid, x0, x1999) VALUES (5, 1, 'end'), (9, 2, NULL)")
        link = keep(wire, lambda look: full_table(look, "t", folder=folder))
        wire.run("UPDATE t SET x1999 = 7 WHERE rowid = 9")
        report = restore_table(wire, [link], folder=folder)
        assert (report.overwritten, report.unchanged) == (1, 1)
        assert wire.query("SELECT rowid, x0, x1999 FROM t") == [(5, 1, "end"), (9, 2, None)]


def test_rows_of_ten_megabytes(tmp_path: Path, folder: Path) -> None:
    """Large values go through whole."""
    with database(tmp_path / "a.db", ["CREATE TABLE t (a TEXT, b BLOB)"]) as wire, database(tmp_path / "b.db") as other:
        wire.run(
            "INSERT INTO t VALUES (?, zeroblob(10000000)), (?, randomblob(10000000))", ("x" * 10_000_000, "y\0" * 99)
        )
        link = keep(wire, lambda look: full_table(look, "t", folder=folder))
        restore_table(other, [link], folder=folder)
        assert wire.query("SELECT * FROM t") == other.query("SELECT * FROM t")


def test_an_empty_table_and_other_encodings(tmp_path: Path, folder: Path) -> None:
    """No row is a state too; a database in UTF-16 goes into one of its kind, and is refused by another."""
    for encoding in ("UTF-8", "UTF-16le", "UTF-16be"):
        start = [f"PRAGMA encoding = '{encoding}'", "CREATE TABLE t (a TEXT)", "CREATE TABLE e (a)"]
        with database(tmp_path / f"{encoding}.db", start) as wire:
            wire.run("INSERT INTO t VALUES ('é\U0001f600')")
            links = [keep(wire, lambda look, name=name: full_table(look, name, folder=folder)) for name in ("t", "e")]
            wire.run("DROP TABLE t")
            wire.run("DROP TABLE e")
            assert restore_table(wire, links[:1], folder=folder).inserted == 1
            assert restore_table(wire, links[1:], folder=folder).inserted == 0
            assert wire.query("SELECT * FROM t") == [("é\U0001f600",)]
