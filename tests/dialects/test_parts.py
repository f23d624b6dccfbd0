"""A long statement played in parts does what it does as a whole, wherever it is cut."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sodaf_migrate.compare.changes import SchemaDiff
from sodaf_migrate.dialects.sqlite.inspect import read_schema
from sodaf_migrate.dialects.sqlite.parts import in_parts, key_of, play_parts
from sodaf_migrate.plan import Cost, Plan, Statement, Step
from sodaf_migrate.schema.model import Table
from sodaf_migrate.wire.connection import Wire
from sodaf_migrate.wire.open import memory_wire

VALUES = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text(max_size=3), st.binary(max_size=3)
)
KEYED = {
    "CREATE TABLE t (a, b)": ("rowid",),
    "CREATE TABLE t (rowid, b)": ("_rowid_",),
    "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)": ('"id"',),
    "CREATE TABLE t (a TEXT COLLATE NOCASE, b, PRIMARY KEY (a, b)) WITHOUT ROWID": ('"a"', '"b"'),
    "CREATE TABLE t (a, b, PRIMARY KEY (b DESC)) WITHOUT ROWID": ('"b"',),
    "CREATE TABLE t (a TEXT, b, PRIMARY KEY (a COLLATE NOCASE)) WITHOUT ROWID": (),
    "CREATE TABLE t (rowid, _rowid_, oid)": (),
}


def table_of(wire: Wire, sql: str) -> Table:
    """The table ``t``, made."""
    wire.run(sql)
    found = read_schema(wire).table("t")
    assert found is not None
    return found


@pytest.mark.parametrize("sql", KEYED)
def test_what_tells_rows_apart(sql: str) -> None:
    """The rowid by a name that is free, the columns of a key, or nothing: then there are no parts."""
    with memory_wire() as wire:
        table = table_of(wire, sql)
        assert key_of(table) == KEYED[sql]
        assert (in_parts("DELETE FROM t", table).batch is None) == (KEYED[sql] == ())


@given(
    sql=st.sampled_from([sql for sql, key in KEYED.items() if key]),
    rows=st.lists(st.tuples(VALUES, VALUES), max_size=12),
    part=st.integers(1, 5),
)
@settings(max_examples=150)
def test_a_copy_in_parts(sql: str, rows: list[tuple[Any, Any]], part: int) -> None:
    """Every row arrives once, in the order of the old ones, with each value and storage class."""
    with memory_wire() as wire:
        table = table_of(wire, sql)
        names = [column.name for column in table.columns][-2:]
        for pair in rows:
            wire.run(f"INSERT OR IGNORE INTO t ({', '.join(names)}) VALUES (?, ?)", pair)
        wire.run("CREATE TABLE whole (a, b)")
        wire.run("CREATE TABLE parts (a, b)")
        count = wire.value("SELECT count(*) FROM t")
        told: list[tuple[int, int]] = []
        for name in ("whole", "parts"):
            head = f"INSERT INTO {name} SELECT {', '.join(names)} FROM t"
            statement = in_parts(head, table, ordered=True)
            size = part if name == "parts" else 1000
            done = play_parts(wire, statement, part=size, told=lambda *pair: told.append(pair))
            assert done == count
        look = "SELECT rowid, a, typeof(a), b, typeof(b) FROM {}"
        assert wire.query(look.format("parts")) == wire.query(look.format("whole"))
        assert all(total == count for _, total in told) and [done for done, _ in told] == sorted({d for d, _ in told})
        assert not told or told[-1] == (count, count)


@given(rows=st.lists(st.tuples(VALUES, VALUES), max_size=12), part=st.integers(1, 5))
def test_an_update_in_parts(rows: list[tuple[Any, Any]], part: int) -> None:
    """Rows of a condition with OR in it, each once, no others."""
    with memory_wire() as wire:
        table = table_of(wire, "CREATE TABLE t (a, b)")
        for pair in rows:
            wire.run("INSERT INTO t VALUES (?, ?)", pair)
        wanted = wire.query("SELECT iif(a > 0 OR b > 0, 'x', a), b FROM t")
        statement = in_parts("UPDATE t SET a = 'x'", table, where="a > 0 OR b > 0")
        count = wire.value("SELECT count(*) FROM t WHERE a > 0 OR b > 0")
        assert play_parts(wire, statement, part=part) == count
        assert wire.query("SELECT a, b FROM t") == wanted


def test_gaps_between_rowids() -> None:
    """Rowids from one end to the other, with gaps, and parts that end on the last row."""
    with memory_wire() as wire:
        table = table_of(wire, "CREATE TABLE t (id INTEGER PRIMARY KEY, a)")
        for rowid in (-(2**63), -1, 0, 7, 2**40, 2**63 - 1):
            wire.run("INSERT INTO t (id) VALUES (?)", (rowid,))
        for part in (1, 2, 3, 6):
            assert play_parts(wire, in_parts("UPDATE t SET a = id", table), part=part) == 6
        assert wire.value("SELECT count(*) FROM t WHERE a = id") == 6


@pytest.mark.parametrize(("gap", "searches"), [(0, 0), (3, 0), (4, 4)])
def test_few_gaps_need_no_search(gap: int, searches: int) -> None:
    """Where the parts end is then known from the first rowid and the last one."""
    with memory_wire() as wire:
        table = table_of(wire, "CREATE TABLE t (id INTEGER PRIMARY KEY, a)")
        for rowid in range(1, 10):
            wire.run("INSERT INTO t (id) VALUES (?)", (rowid,))
        wire.run("INSERT INTO t (id) VALUES (?)", (10 + gap,))
        seen: list[str] = []
        wire.connection.set_trace_callback(seen.append)
        assert play_parts(wire, in_parts("UPDATE t SET a = id", table), part=3) == 10
        wire.connection.set_trace_callback(None)
        assert sum("OFFSET" in sql for sql in seen) == searches
        assert wire.value("SELECT count(*) FROM t WHERE a = id") == 10


def test_a_batch_is_stored_with_its_plan() -> None:
    """A plan that was written and read back plays in the same parts."""
    with memory_wire() as wire:
        statement = in_parts("UPDATE t SET a = 1", table_of(wire, "CREATE TABLE t (a)"), where="a = 2")
    step = Step(title="x", target="t", cost=Cost.IN_PLACE, reason="", up=(statement, Statement(sql="x")), down=())
    plan = Plan(doctype="T", version="1", diff=SchemaDiff(doctype="T"), steps=(step,))
    assert Plan.from_json(plan.to_json()).steps[0].up == step.up
