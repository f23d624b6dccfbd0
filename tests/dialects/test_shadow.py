"""Standing a schema up again in memory, from its stored texts alone."""

from __future__ import annotations

import random
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sodaf_migrate.dialects.sqlite.inspect import read_schema, scope_digest
from sodaf_migrate.dialects.sqlite.shadow import created_text, shadow_of
from sodaf_migrate.errors import StatementError
from sodaf_migrate.schema.model import Schema, Sql, View, VirtualTable
from sodaf_migrate.wire.open import memory_wire
from tests.generators.make import schema as make_schema
from tests.generators.spell import statements

UNKNOWN = VirtualTable(
    name="far",
    module="nosuch",
    sql=Sql("CREATE VIRTUAL TABLE far USING nosuch(a)", "CREATE VIRTUAL TABLE FAR USING NOSUCH ( A )"),
)


@given(st.integers(0, 10**9))
def test_a_shadow_is_the_schema(seed: int) -> None:
    """Whatever was read is read again from its shadow, whole and around each table."""
    with memory_wire() as wire:
        for statement in statements(make_schema(seed), random.Random(seed)):
            wire.run(statement)
        schema = read_schema(wire)
        parts = [read_schema(wire, around=[table.name]) for table in schema.tables]
    for part in (schema, *parts):
        with shadow_of(part) as shadow:
            assert read_schema(shadow) == part
            assert read_schema(shadow).to_sql() == part.to_sql()


def test_statistics_have_their_table_when_asked_for() -> None:
    """A step that keeps sqlite_stat1 must find it in the shadow, though it holds nothing there."""
    for statistics in (False, True):
        with shadow_of(Schema(), statistics=statistics) as shadow:
            found = shadow.value("SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_stat1'")
            assert found == statistics
            assert read_schema(shadow) == Schema()


def test_temp_objects_are_temp_again() -> None:
    """SQLite leaves the word TEMP out of the text it stores."""
    with memory_wire() as wire:
        wire.run("CREATE TABLE a (x)")
        wire.run("CREATE TEMP VIEW v AS SELECT x FROM a")
        wire.run("CREATE TEMPORARY TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END")
        schema = read_schema(wire)
        assert scope_digest(schema, ["a"]) == scope_digest(Schema(tables=schema.tables), ["a"])
    with shadow_of(schema) as shadow:
        assert read_schema(shadow) == schema
        assert shadow.value("SELECT count(*) FROM sqlite_temp_schema") == 2


def test_a_text_that_says_temp_is_not_told_twice() -> None:
    """A wish spells the word itself."""
    text = "CREATE TEMP VIEW v AS SELECT 1"
    assert created_text(View(name="v", sql=Sql(text, text), temp=True)) == text


def test_a_virtual_table_without_its_module_is_there_by_name() -> None:
    """It cannot be made, but the catalogue holds it, as that of the live database does."""
    with shadow_of(Schema(virtual_tables=(UNKNOWN,))) as shadow:
        assert read_schema(shadow) == Schema(virtual_tables=(UNKNOWN,))
        shadow.run("CREATE TABLE a (x)")
        shadow.run("ALTER TABLE a RENAME COLUMN x TO y")
        assert [table.name for table in read_schema(shadow).tables] == ["a"]


def test_broken_views_and_triggers_are_kept() -> None:
    """What names a table that is gone is stored all the same, and so it is in the shadow."""
    with memory_wire() as wire:
        wire.run("CREATE TABLE a (x)")
        wire.run("CREATE VIEW broken AS SELECT x FROM nowhere")
        wire.run("CREATE TRIGGER t AFTER INSERT ON a BEGIN INSERT INTO nowhere VALUES (1); END")
        schema = read_schema(wire)
    with shadow_of(schema) as shadow:
        assert read_schema(shadow) == schema
        with pytest.raises(StatementError):
            shadow.query("SELECT * FROM broken")


def test_the_shadow_is_prepared_like_every_connection() -> None:
    """A site's own collations and functions are known in it; without them SQLite refuses the schema."""

    def prepare(connection: sqlite3.Connection) -> None:
        connection.create_collation("PLAIN", lambda a, b: (a > b) - (a < b))
        connection.create_function("twice", 1, lambda value: value * 2, deterministic=True)

    with memory_wire(prepare) as wire:
        wire.run("CREATE TABLE a (x TEXT COLLATE PLAIN UNIQUE)")
        wire.run("CREATE INDEX i ON a (twice(x))")
        schema = read_schema(wire)
    with shadow_of(schema, prepare) as shadow:
        assert read_schema(shadow) == schema
    with pytest.raises(StatementError, match="PLAIN"), shadow_of(schema):
        pass


def test_a_shadow_holds_no_rows_and_leaves_nothing_behind() -> None:
    """Each shadow is a database of its own."""
    with memory_wire() as wire:
        wire.run("CREATE TABLE a (x)")
        wire.run("INSERT INTO a VALUES (1)")
        schema = read_schema(wire)
    with shadow_of(schema) as first, shadow_of(schema) as second:
        first.run("DROP TABLE a")
        assert second.value("SELECT count(*) FROM a") == 0
