"""A type changed in place gives what a rebuild gives, whatever stands in the column; else it is left to the rebuild."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sodaf_migrate import Cost, DataLossRiskError, MigrationApplier, MigrationExecutor, Plan, Schema, SyncOptions

TABLE = """CREATE TABLE t (id INTEGER PRIMARY KEY, a {}, b TEXT, c TEXT DEFAULT 'x');
CREATE INDEX plain ON t (a, b);
CREATE INDEX "partial" ON t (b) WHERE a > 2;
CREATE INDEX computed ON t (b, a || 'x');
CREATE INDEX other ON t (c);
CREATE TABLE log (what);
CREATE TRIGGER changed AFTER UPDATE ON t BEGIN INSERT INTO log VALUES (new.id); END;
CREATE VIEW seen AS SELECT a, typeof(a) AS kind FROM t;
"""
TYPES = ("TEXT", "INTEGER", "NUMERIC", "REAL", "BLOB", "VARCHAR(20)", "DECIMAL(8,2)")
IN_PLACE = {("TEXT", "INTEGER"), ("TEXT", "NUMERIC"), ("TEXT", "REAL"), ("INTEGER", "TEXT"), ("NUMERIC", "TEXT")}
ODD = ["", " ", "5", "007", " 5 ", "1e3", "5.0", "0.1", "abc", "9007199254740993", "-0", "0x1F", "1_000", b"5", b""]
VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.sampled_from(ODD),
    st.text(max_size=4),
    st.binary(max_size=3),
)


def changed(old: str, new: str, rows: list[Any], *more: str) -> tuple[sqlite3.Connection, Plan]:
    """A database after the change of column a, and the plan that made it."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    texts = [TABLE.format(kind) for kind in (old, new)]
    connection.executescript(texts[0] + "".join(more))
    connection.executemany("INSERT INTO t (a, b) VALUES (?, 'b')", [(value,) for value in rows])
    if "ANALYZE;" in more:
        connection.execute("ANALYZE")
    applier = MigrationApplier(connection, executor=MigrationExecutor(part=2))
    applier.adopt_schema()
    wish = Schema.from_sql(texts[1] + ";".join(sql for sql in more if sql.startswith("CREATE")))
    result = applier.sync_schema(wish, SyncOptions(force=True))
    assert result.changed and result.plan is not None
    return connection, result.plan


def copied(old: str, new: str, rows: list[Any]) -> list[tuple[Any, ...]]:
    """What a copy into a new table gives."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(TABLE.format(old).partition("CREATE TRIGGER")[0])
        connection.executemany("INSERT INTO t (a, b) VALUES (?, 'b')", [(value,) for value in rows])
        connection.execute(f"CREATE TABLE copy (a {new})")
        connection.execute("INSERT INTO copy SELECT a FROM t ORDER BY id")
        return connection.execute("SELECT typeof(a), a FROM copy ORDER BY rowid").fetchall()


@given(types=st.sampled_from(sorted(IN_PLACE)), rows=st.lists(VALUES, max_size=8))
@example(types=("TEXT", "INTEGER"), rows=ODD)
@example(types=("TEXT", "REAL"), rows=ODD)
@example(types=("NUMERIC", "TEXT"), rows=[1, 2.5, 0.1 + 0.2, 1e300, 2**63 - 1, "x", b"y", None])
@settings(max_examples=60, deadline=None)
def test_the_values_of_a_copy(types: tuple[str, str], rows: list[Any]) -> None:
    """Each value and storage class is that of a copy; indexes are sound, triggers rested and are back."""
    connection, plan = changed(*types, rows)
    with closing(connection):
        assert plan.cost is Cost.IN_PLACE, plan.steps
        assert connection.execute("SELECT typeof(a), a FROM t ORDER BY id").fetchall() == copied(*types, rows)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT count(*) FROM log").fetchone() == (0,)
        for index in ("plain", "other"):
            there = connection.execute(f"SELECT count(*) FROM t INDEXED BY {index}").fetchone()
            assert there == (len(rows),)


@pytest.mark.parametrize("old", TYPES)
@pytest.mark.parametrize("new", TYPES)
def test_every_pair_of_types(old: str, new: str) -> None:
    """By whichever way, the values of a copy; in place only where that is known to be safe."""
    if old == new:
        return
    rows = [None, 1, -7, 2.5, 5.0, 0.1 + 0.2, 1e300, 2**53 + 1, *ODD]
    connection, plan = changed(old, new, rows)
    with closing(connection):
        assert connection.execute("SELECT typeof(a), a FROM t ORDER BY id").fetchall() == copied(old, new, rows)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    kinds = tuple({"VARCHAR(20)": "TEXT", "DECIMAL(8,2)": "NUMERIC"}.get(kind, kind) for kind in (old, new))
    assert (plan.cost is Cost.IN_PLACE) == (kinds in IN_PLACE)


@pytest.mark.parametrize(
    "more",
    [
        ("CREATE TABLE child (a REFERENCES t (a));", "CREATE UNIQUE INDEX parent_key ON t (a);"),
        ("ANALYZE;",),
    ],
    ids=["parent key", "statistics"],
)
def test_what_is_left_to_the_rebuild(more: tuple[str, ...]) -> None:
    """A key of a child that points at it, and statistics that would go with an index."""
    connection, plan = changed("TEXT", "INTEGER", ["1", "2"], *more)
    with closing(connection):
        assert plan.cost is Cost.REBUILD


@pytest.mark.parametrize(
    "definition",
    ["a {} CHECK (a <> 'q')", "a {} UNIQUE", "a {} REFERENCES p", "a {}, b AS (a || 'x')", "a {}, b AS (a) STORED"],
)
def test_what_depends_on_the_column(definition: str) -> None:
    """A constraint, a key or a computed column on it: rebuild."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    texts = [f"CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE t ({definition.format(kind)})" for kind in TYPES]
    connection.executescript(texts[0] + "; INSERT INTO t (a) VALUES ('1'); INSERT INTO p VALUES (1)")
    applier = MigrationApplier(connection)
    applier.adopt_schema()
    result = applier.sync_schema(Schema.from_sql(texts[1]), SyncOptions(force=True))
    assert result.plan is not None and result.plan.cost is Cost.REBUILD
    assert connection.execute("SELECT typeof(a) FROM t").fetchone() == ("integer",)
    connection.close()


def test_rows_older_than_the_column() -> None:
    """They take their value from the DEFAULT in the text, in the new type."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(
        "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2);"
        "ALTER TABLE t ADD COLUMN a TEXT DEFAULT '007'; INSERT INTO t VALUES (3, '008')"
    )
    applier = MigrationApplier(connection)
    applier.adopt_schema()
    wish = Schema.from_sql("CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER DEFAULT '007')")
    result = applier.sync_schema(wish, SyncOptions(force=True))
    assert result.plan is not None and result.plan.cost is Cost.IN_PLACE
    assert connection.execute("SELECT a, typeof(a) FROM t").fetchall() == [
        (7, "integer"),
        (7, "integer"),
        (8, "integer"),
    ]
    connection.close()


def test_a_unique_index_that_no_longer_holds() -> None:
    """'1' and '01' are one number: one of them goes, and only where that is allowed."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    text = "CREATE TABLE t (a {}); CREATE UNIQUE INDEX u ON t (a)"
    connection.executescript(text.format("TEXT") + "; INSERT INTO t VALUES ('1'), ('01')")
    applier = MigrationApplier(connection)
    applier.adopt_schema()
    with pytest.raises(DataLossRiskError, match="drop_duplicates"):
        applier.sync_schema(
            Schema.from_sql(text.format("INTEGER")), SyncOptions(allow={"lossy_conversion", "irreversible"})
        )
    assert connection.execute("SELECT a FROM t").fetchall() == [("1",), ("01",)]
    applier.sync_schema(Schema.from_sql(text.format("INTEGER")), SyncOptions(force=True))
    assert connection.execute("SELECT a FROM t").fetchall() == [(1,)]
    connection.close()


@pytest.mark.parametrize(
    ("more", "check"),
    [
        ("CREATE INDEX other ON t (c)", "quick_check"),
        ("CREATE INDEX other ON t (c); CREATE INDEX used ON t (a)", "quick_check"),
        ("CREATE INDEX other ON t (c || 'x')", "integrity_check"),
        ("CREATE INDEX other ON t (c) WHERE c > 'x'", "integrity_check"),
        ("CREATE INDEX used ON t (a || 'x')", "quick_check"),
    ],
)
def test_how_much_is_checked(more: str, check: str) -> None:
    """Every entry of the indexes, where one stays that computes something; those of the column are made anew."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        text = "CREATE TABLE t (id INTEGER PRIMARY KEY, a {}, c TEXT); " + more
        connection.executescript(text.format("INTEGER") + "; INSERT INTO t (a, c) VALUES (1, 'x'), (2, 'y')")
        applier = MigrationApplier(connection)
        applier.adopt_schema()
        result = applier.sync_schema(Schema.from_sql(text.format("TEXT")))
        assert result.plan is not None and result.plan.cost is Cost.IN_PLACE
        checks = [statement.sql for step in result.plan.steps for statement in step.up if statement.check]
        assert len(checks) == 1 and f"pragma_{check}(" in checks[0]
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
