"""Declared types: affinity as SQLite acts, canonical spelling, what STRICT accepts."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sodaf_migrate.dialects.sqlite.types import affinity, agrees, canonical, declared, is_integer, is_strict_type

NAMES = "int INTEGER bigint TEXT varchar CHARINT nclob BLOB real FLOAT double DECIMAL numeric any date string point"
WORDS = st.sampled_from([*NAMES.split(), "'text'", '"my  int"', "[blob]", "`real`"])
TYPES = st.tuples(st.lists(WORDS, max_size=3).map(" ".join), st.sampled_from(["", "(10)", " ( 10 , -2 )"])).map(
    lambda pair: "".join(pair) if pair[0] else ""
)


def observed(kind: str) -> str:
    """The affinity of a column of that type, from what it makes of three values."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"CREATE TABLE t(a {kind})")
        connection.execute("INSERT INTO t VALUES ('1'), (1.0), (1)")
        found = tuple(row[0] for row in connection.execute("SELECT typeof(a) FROM t ORDER BY rowid"))
    if found == ("integer", "integer", "integer"):
        # INTEGER and NUMERIC differ in nothing but CAST
        return "INTEGER or NUMERIC"
    return {
        ("text", "text", "text"): "TEXT",
        ("real", "real", "real"): "REAL",
        ("text", "real", "integer"): "BLOB",
    }[found]


@given(TYPES)
def test_affinity_is_what_sqlite_does(kind: str) -> None:
    """Values are converted as the affinity says."""
    name = affinity(canonical(kind))
    assert observed(kind) == ("INTEGER or NUMERIC" if name in ("INTEGER", "NUMERIC") else name)


@given(TYPES)
def test_the_canonical_type_agrees_with_the_pragma(kind: str) -> None:
    """What a pragma reports is recognised, and the canonical spelling is its own."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"CREATE TABLE t(a {kind})")
        (reported,) = connection.execute("SELECT type FROM pragma_table_info('t')").fetchone()
    assert agrees(canonical(kind), reported)
    assert not agrees(canonical(kind), reported + "x")
    assert canonical(canonical(kind)) == canonical(kind)


@pytest.mark.parametrize(
    ("neutral", "expected"),
    [
        ("text", "TEXT"),
        ("varchar(140)", "VARCHAR(140)"),
        ("integer", "INTEGER"),
        ("real", "REAL"),
        ("decimal(18,6)", "DECIMAL(18,6)"),
        ("Decimal ( 18 , 6 )", "DECIMAL(18,6)"),
        ("blob", "BLOB"),
        ("unsigned  big\nint", "UNSIGNED BIG INT"),
        ('"my type" foo', '"my type" FOO'),
        ("", ""),
    ],
)
def test_declared_types(neutral: str, expected: str) -> None:
    """Neutral types and odd ones get one spelling."""
    assert declared(neutral) == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("INT", "INTEGER"),
        ("FLOATING POINT", "INTEGER"),
        ("DECIMAL(10,2)", "NUMERIC"),
        ("STRING", "NUMERIC"),
        ("ANY", "NUMERIC"),
    ],
)
def test_affinities_by_name(kind: str, expected: str) -> None:
    """The rules of the documentation, its surprises included."""
    assert affinity(kind) == expected


def create(sql: str) -> None:
    """Run a statement in a database of its own."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(sql)


def test_strict_tables() -> None:
    """STRICT knows six types, and ANY converts nothing there."""
    for kind in ("INT", "INTEGER", "REAL", "TEXT", "BLOB", "ANY", '"text"'):
        create(f"CREATE TABLE t(a {kind}) STRICT")
        assert is_strict_type(kind)
    for kind in ("", "VARCHAR(10)", "DATE", "TEXT(5)"):
        with pytest.raises(sqlite3.Error):
            create(f"CREATE TABLE t(a {kind}) STRICT")
        assert not is_strict_type(kind)
    assert affinity("ANY", strict=True) == "BLOB"
    assert is_integer("INTEGER") and is_integer("[integer]") and not is_integer("INT")
