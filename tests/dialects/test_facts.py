"""What the pragmas tell, also by a library that tells less of it."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sodaf_migrate.dialects.sqlite.facts import TABLE_LIST_SINCE, read_facts, shadow_names
from sodaf_migrate.dialects.sqlite.inspect import read_schema
from sodaf_migrate.wire.connection import Wire
from tests.generators.make import schema as make_schema
from tests.generators.spell import statements

pytestmark = pytest.mark.skipif(sqlite3.sqlite_version_info < TABLE_LIST_SINCE, reason="nothing to compare with")


class Older(Wire):
    """A wire to a library that has no PRAGMA table_list yet."""

    @property
    def sqlite_version(self) -> tuple[int, int, int]:
        return (3, 35, 0)

    def query(self, sql: str, params: object = ()) -> list[tuple[object, ...]]:
        assert "table_list" not in sql
        return super().query(sql, params)  # type: ignore[arg-type]


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """An empty database."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        yield made


def both(connection: sqlite3.Connection) -> tuple[Wire, Wire]:
    """The same database through the library as it is, and as it was."""
    return Wire(connection, path=None, owned=False), Older(connection, path=None, owned=False)


@given(st.integers(0, 10**9))
def test_an_older_library_reads_the_same(seed: int) -> None:
    """WITHOUT ROWID and the tables of virtual tables are seen without table_list; STRICT there is none."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for statement in statements(make_schema(seed, full_text=0.5), random.Random(seed)):
            connection.execute(statement)
        newer, older = both(connection)
        schema = read_schema(newer)
        assume(not any(table.strict for table in schema.tables))
        assert read_schema(older) == schema
        for table in schema.tables:
            assert read_schema(older, around=[table.name]) == read_schema(newer, around=[table.name])


def test_without_rowid_is_told_from_the_key(connection: sqlite3.Connection) -> None:
    """The index of such a key is the table itself and has no row in the catalogue."""
    connection.execute("CREATE TABLE a (x PRIMARY KEY, y UNIQUE) WITHOUT ROWID")
    connection.execute("CREATE TABLE b (x PRIMARY KEY, y UNIQUE)")
    connection.execute("CREATE TABLE c (x INTEGER PRIMARY KEY) WITHOUT ROWID")
    for wire in both(connection):
        assert {name: facts.without_rowid for name, facts in read_facts(wire).items()} == {
            "a": True,
            "b": False,
            "c": True,
        }


def test_some_tables_or_all(connection: sqlite3.Connection) -> None:
    """The facts of one table are those that all give of it, whichever query they come from."""
    for number in range(60):
        options = " STRICT" if number % 2 else " WITHOUT ROWID" if number % 3 else ""
        connection.execute(
            f"CREATE TABLE t{number} (x INT PRIMARY KEY, y TEXT UNIQUE DEFAULT 'a' REFERENCES t0){options}"
        )
    wire, _ = both(connection)
    everything = read_facts(wire)
    assert read_facts(wire, ["t3"]) == {"t3": everything["t3"]}
    assert read_facts(wire, list(everything)) == everything
    assert read_facts(wire, []) == {} == read_facts(wire, ["T3"])


def test_shadow_tables_of_a_module_that_is_not_loaded(connection: sqlite3.Connection) -> None:
    """SQLite takes them for ordinary tables then; their names tell."""
    wire, _ = both(connection)
    assert {"docs_data", "docs_idx", "docs_config"} <= shadow_names(wire, [("docs", "FTS5")])
    assert shadow_names(wire, [("docs", "unknown")]) == set()
