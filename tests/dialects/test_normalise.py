"""Wishes read back from SQLite, and plain SQL as a wish."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sodaf_migrate.dialects.sqlite.inspect import read_schema
from sodaf_migrate.dialects.sqlite.normalise import normalise, schema_from_sql
from sodaf_migrate.errors import SchemaParseError, StatementError
from sodaf_migrate.schema.model import Column, Index, KeyPart, Literal, PrimaryKey, Schema, Sql, Table
from sodaf_migrate.wire.open import memory_wire
from tests.dialects.grammar import spell, tables
from tests.generators.make import schema as make_schema
from tests.generators.spell import script, statements

SEEDS = st.integers(0, 10**9)
WISH = Schema(
    tables=(
        Table(
            name="tabCustomer",
            columns=(
                Column(name="name", type="varchar(140)", not_null=True),
                Column(name="docstatus", type="integer", not_null=True, default=Literal(0)),
                Column(name="rate", type="decimal(18,6)", default=Literal(1.5)),
                Column(name="note", default=Literal("it's")),
            ),
            primary_key=PrimaryKey(parts=(KeyPart(column="name"),)),
        ),
    ),
    indexes=(Index(name="by_rate", table="tabCustomer", parts=(KeyPart(column="rate", descending=True),)),),
)


def unwritten(schema: Schema) -> Schema:
    """The schema as wishes that no database has seen: tables and indexes without their texts."""
    bare_tables = tuple(replace(table, sql="") for table in schema.tables)
    return replace(schema, tables=bare_tables, indexes=tuple(replace(index, sql="") for index in schema.indexes))


def test_a_wish_becomes_what_sqlite_reports() -> None:
    """Neutral types are declared ones, constants are SQL, and there is a text."""
    table = normalise(WISH).tables[0]
    assert [column.type for column in table.columns] == ["VARCHAR(140)", "INTEGER", "DECIMAL(18,6)", ""]
    assert [column.default for column in table.columns[1:]] == [
        Sql("0", "0"),
        Sql("1.5", "1.5"),
        Sql("'it''s'", "'it''s'"),
    ]
    assert table.sql.startswith('CREATE TABLE "tabCustomer"')
    assert table.primary_key is not None and not table.primary_key.rowid_alias


def test_an_integer_key_is_known_for_the_rowid() -> None:
    """What only SQLite decides is in the answer."""
    table = Table(
        name="a",
        columns=(Column(name="id", type="integer"),),
        primary_key=PrimaryKey(parts=(KeyPart(column="id"),), autoincrement=True),
    )
    key = normalise(Schema(tables=(table,))).tables[0].primary_key
    assert key is not None and key.rowid_alias and key.autoincrement


def test_normalising_twice_changes_nothing() -> None:
    """A sync right after a sync finds nothing."""
    once = normalise(WISH)
    assert normalise(once) == once
    assert normalise(once).to_sql() == once.to_sql()


def test_a_text_that_says_something_else_is_not_used() -> None:
    """A read table that was changed as a value is spelled anew."""
    table = normalise(WISH).tables[0]
    fewer = replace(table, columns=table.columns[:2])
    assert normalise(Schema(tables=(fewer,))).tables == (fewer,)


def test_a_wish_that_sqlite_refuses_is_an_error() -> None:
    """Two columns of one name cannot be."""
    table = Table(name="a", columns=(Column(name="x"), Column(name="X")))
    with pytest.raises(StatementError, match="duplicate column"):
        normalise(Schema(tables=(table,)))


@given(SEEDS)
def test_a_live_schema_is_what_its_values_wish_for(seed: int) -> None:
    """Read, forget the texts, spell the values: the same schema is read again."""
    live = schema_from_sql(script(statements(make_schema(seed), random.Random(seed))))
    assert normalise(live) == live
    assert sorted_checks(normalise(unwritten(live))) == sorted_checks(live)


def sorted_checks(schema: Schema) -> Schema:
    """The schema with its CHECKs in one order: a written one may stand elsewhere, where no name is taken for its."""
    tables = (replace(t, checks=tuple(sorted(t.checks, key=repr))) for t in schema.tables)
    return replace(schema, tables=tuple(tables))


@given(SEEDS)
def test_to_sql_and_back(seed: int) -> None:
    """The text of a schema makes that schema, comments and all."""
    live = schema_from_sql(script(statements(make_schema(seed), random.Random(seed))))
    again = schema_from_sql(live.to_sql())
    assert again == live
    assert again.to_sql() == live.to_sql()


@given(tables(), st.randoms(use_true_random=False))
def test_any_table_comes_through(table: Table, rng: random.Random) -> None:
    """In any spelling, by text or by value."""
    with memory_wire() as wire:
        try:
            wire.run(spell(table, rng))
        except StatementError:
            assume(False)
        live = read_schema(wire)
    assert schema_from_sql(live.to_sql()) == live
    assert normalise(unwritten(live)) == live


@pytest.mark.parametrize("text", ["", "  \n", ";", "-- nothing\n;;", "/* nothing */"])
def test_no_statement_is_an_empty_schema(text: str) -> None:
    """An empty wish is one."""
    assert schema_from_sql(text) == Schema()


def test_a_script_is_split_where_sqlite_splits_it() -> None:
    """Semicolons in triggers, strings, names and comments end nothing; the last statement needs none."""
    schema = schema_from_sql(
        """
        CREATE TABLE main."a;b" (x DEFAULT ';' /* ; */, y); -- ; '
        CREATE TRIGGER t AFTER INSERT ON "a;b" BEGIN
            UPDATE "a;b" SET x = CASE WHEN x THEN 1 ELSE ';END;' END;
            DELETE FROM "a;b";
        END;
        CREATE UNIQUE INDEX IF NOT EXISTS i ON "a;b" (x);
        CREATE VIRTUAL TABLE words USING fts5(x);
        CREATE VIEW v AS SELECT ';' FROM "a;b"
        """
    )
    assert [table.name for table in schema.tables] == ["a;b"]
    assert [len(part) for part in (schema.triggers, schema.indexes, schema.virtual_tables, schema.views)] == [1] * 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("DROP TABLE a", "Statement 1.*no CREATE statement"),
        ("CREATE TABLE a (x); INSERT INTO a VALUES (1);", "Statement 2, .INSERT INTO a VALUES"),
        ("CREATE TEMP TABLE a (x)", "TEMP"),
        ("CREATE TEMPORARY TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END", "TEMP"),
        ("CREATE TABLE temp.a (x)", 'the database "temp"'),
        ("CREATE TABLE other.a (x)", 'the database "other"'),
        ("CREATE TABLE a AS SELECT 1 AS x", 'table "a" from a SELECT'),
        ("CREATE TABLE sqlite_a (x)", "name of SQLite's own"),
        ('CREATE INDEX "SQLITE_i" ON a (x)', "name of SQLite's own"),
        ("CREATE TABLE a (x); CREATE TABLE IF NOT EXISTS A (y)", 'Statement 2 creates "A"'),
        ("CREATE TABLE a (x); CREATE INDEX A ON a (x)", 'Statement 2 creates "A"'),
        ("CREATE", "creates something unknown"),
        ("CREATE FUNCTION f", "creates something unknown"),
        ("CREATE TABLE a (x); PRAGMA writable_schema = 1", "no CREATE statement"),
        ("BEGIN; CREATE TABLE a (x)", "no CREATE statement"),
        ("ATTACH 'x' AS y", "no CREATE statement"),
        ("CREATE TABLE a (x'", "offset"),
        ("CREATE TABLE a (x\0)", "NUL"),
    ],
)
def test_what_is_no_wish_is_refused_by_name(text: str, said: str) -> None:
    """Only CREATE of what lives in main, each name once, nothing that brings rows or belongs to SQLite."""
    with pytest.raises(SchemaParseError, match=said) as caught:
        schema_from_sql(text)
    assert caught.value.hint


@pytest.mark.parametrize(
    "text", ["CREATE TABLE a", "CREATE TABLE a (x", "CREATE INDEX i ON nowhere (x)", "CREATE TABLE"]
)
def test_what_sqlite_refuses_is_an_error_of_its_own(text: str) -> None:
    """Its own words are passed on."""
    with pytest.raises(StatementError):
        schema_from_sql(text)


def test_a_trigger_and_a_table_may_share_a_name() -> None:
    """Triggers have their own set of names."""
    schema = schema_from_sql("CREATE TABLE a (x); CREATE TRIGGER a AFTER INSERT ON a BEGIN SELECT 1; END;")
    assert schema.tables[0].name == schema.triggers[0].name == "a"


def test_a_thousand_wishes_are_one_batch() -> None:
    """They are made in one database, not in one each."""
    table = WISH.tables[0]
    wishes = Schema(tables=tuple(replace(table, name=f"tab{number}") for number in range(1000)))
    assert [made.name for made in normalise(wishes).tables] == [wish.name for wish in wishes.tables]
