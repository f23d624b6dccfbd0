"""What is read from texts is held against the pragmas: drop any one thing from it, and something notices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sodaf_migrate.dialects.sqlite.crosscheck import check_index, check_table
from sodaf_migrate.dialects.sqlite.facts import TableFacts, read_facts
from sodaf_migrate.dialects.sqlite.inspect import read_schema, scope_digest
from sodaf_migrate.dialects.sqlite.parse import parse_index, parse_table
from sodaf_migrate.errors import SchemaParseError, StatementError
from sodaf_migrate.schema.model import Column, ForeignKey, Index, KeyPart, PrimaryKey, Schema, Sql, Table, digest
from sodaf_migrate.wire.connection import Wire
from sodaf_migrate.wire.open import memory_wire
from tests.dialects.cases import blocks
from tests.dialects.grammar import spell, tables

WHOLE = """CREATE TABLE whole (
    id INTEGER CONSTRAINT pk PRIMARY KEY ON CONFLICT FAIL AUTOINCREMENT,
    a VARCHAR(140) CONSTRAINT filled NOT NULL ON CONFLICT REPLACE DEFAULT 'x' COLLATE NOCASE,
    b DECIMAL(10, 2) DEFAULT (1 + 1) UNIQUE ON CONFLICT IGNORE,
    c AS (a || b) STORED,
    d INT GENERATED ALWAYS AS (length(a)) VIRTUAL CHECK (d > 0),
    e REFERENCES parent ON DELETE CASCADE ON UPDATE SET NULL DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT pair UNIQUE (a COLLATE RTRIM, b DESC),
    CONSTRAINT positive CHECK (b > 0),
    CONSTRAINT other FOREIGN KEY (a, b) REFERENCES parent (x, y) ON DELETE SET DEFAULT MATCH FULL
)"""
KEYED = (
    "CREATE TABLE keyed (a TEXT, b INT, d REAL NOT NULL, PRIMARY KEY (b DESC, a COLLATE NOCASE)) STRICT, WITHOUT ROWID"
)
PLAIN = "CREATE TABLE plain (a INTEGER PRIMARY KEY DESC, b TEXT COLLATE NOCASE, c)"
INDEX = "CREATE UNIQUE INDEX found ON plain (b COLLATE RTRIM DESC, c, lower(b), b || c DESC) WHERE c > 0"
TABLES = {"whole": WHOLE, "keyed": KEYED, "plain": PLAIN}


class Mutant(NamedTuple):
    """A table or index from which one thing was taken, and whether the pragmas can tell."""

    value: Any
    seen: bool


def facts_of(sql: str, *more: str) -> TableFacts:
    """What the pragmas say of a table."""
    with memory_wire() as wire:
        for statement in (sql, *more):
            wire.run(statement)
        (facts,) = read_facts(wire).values()
    return facts


# What no pragma tells: there the comparison of values and of tokens is all there is.
UNSEEN = {
    ("Column", "collation"),  # unless an index shows it
    ("Column", "not_null_conflict"),
    ("Column", "not_null_name"),
    ("PrimaryKey", "autoincrement"),
    ("PrimaryKey", "on_conflict"),
    ("PrimaryKey", "name"),
    ("Unique", "on_conflict"),
    ("Unique", "name"),
    ("ForeignKey", "match"),
    ("ForeignKey", "deferrable"),
    ("ForeignKey", "name"),
    ("Check", "name"),
    ("Check", "expression"),
    ("Generated", "expression"),
    ("KeyPart", "expression"),
    ("Index", "where"),  # that there is one is seen, what it says is not
    ("Table", "checks"),
}


def without(table: Any, place: str, value: Any) -> Iterator[tuple[str, str, Any]]:
    """Every way to set one attribute of a value to what it is by default, or one tuple to one item fewer."""
    for part in fields(value):
        if not part.compare:
            continue
        now = getattr(value, part.name)
        kind = type(value).__name__
        if isinstance(now, Sql):
            yield kind, part.name, replace(value, **{part.name: Sql("other", "OTHER")})
        if isinstance(now, tuple):
            for number, item in enumerate(now):
                before, after = now[:number], now[number + 1 :]
                yield kind, part.name, replace(value, **{part.name: before + after})
                if is_dataclass(item):
                    for *what, smaller in without(table, part.name, item):
                        yield *what, replace(value, **{part.name: (*before, smaller, *after)})
        elif is_dataclass(now) and not isinstance(now, Sql):
            for *what, smaller in without(table, part.name, now):
                yield *what, replace(value, **{part.name: smaller})
        if has_default(part) and now != part.default and not isinstance(now, tuple):
            yield kind, part.name, replace(value, **{part.name: part.default})


def has_default(part: Any) -> bool:
    """Whether a field of a dataclass has a default."""
    return type(part.default).__name__ != "_MISSING_TYPE"


def mutants(value: Any) -> Iterator[Any]:
    """The same with the names of what was taken in front, as ids for the tests."""
    for number, (kind, attribute, smaller) in enumerate(without(value, "", value)):
        yield pytest.param(Mutant(smaller, (kind, attribute) not in UNSEEN), id=f"{number}-{kind}.{attribute}")


@pytest.mark.parametrize("mutant", [m for sql in TABLES.values() for m in mutants(parse_table(sql).table)])
def test_nothing_can_be_dropped_from_a_table_unnoticed(mutant: Mutant) -> None:
    """Each construct of three tables that have them all: the cross-check raises, or the values differ."""
    sql = mutant.value.sql
    table = parse_table(sql).table
    facts = facts_of(sql)
    check_table(table, facts)
    assert mutant.value != table and digest(mutant.value) != digest(table)
    if mutant.seen:
        with pytest.raises(SchemaParseError) as caught:
            check_table(mutant.value, facts)
        assert f'"{mutant.value.name}"' in caught.value.message and "docs/refusals.md" in str(caught.value.hint)


@pytest.mark.parametrize("mutant", list(mutants(parse_index(INDEX, ("a", "b", "c")))))
def test_nothing_can_be_dropped_from_an_index_unnoticed(mutant: Mutant) -> None:
    """Likewise for uniqueness, WHERE, expressions, collations and order."""
    table, index = parse_table(PLAIN).table, parse_index(INDEX, ("a", "b", "c"))
    indexes = facts_of(PLAIN, INDEX).indexes
    check_index(index, table, indexes)
    assert mutant.value != index
    if mutant.seen:
        with pytest.raises(SchemaParseError, match=r'Table "plain".*index "'):
            check_index(mutant.value, table, indexes)


def test_a_where_cannot_be_lost_or_found() -> None:
    """What it says no pragma tells, but that it is there."""
    table, index = parse_table(PLAIN).table, parse_index(INDEX, ("a", "b", "c"))
    with pytest.raises(SchemaParseError):
        check_index(replace(index, where=None), table, facts_of(PLAIN, INDEX).indexes)


def test_a_collation_is_seen_where_an_index_uses_it() -> None:
    """A column's collation is that of its index parts and constraints which say no other."""
    sql, index = "CREATE TABLE plain (b TEXT COLLATE NOCASE UNIQUE)", "CREATE INDEX i ON plain (b)"
    table = parse_table(sql).table
    other = replace(table, columns=(replace(table.columns[0], collation="RTRIM"),))
    facts = facts_of(sql, index)
    with pytest.raises(SchemaParseError):
        check_table(other, facts)
    with pytest.raises(SchemaParseError):
        check_index(parse_index(index), other, facts.indexes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: replace(t, name="n", columns=t.columns[:-1]), "columns"),
        (lambda t: renamed(t, 1, name="A"), "columns"),
        (lambda t: renamed(t, 1, type="VARCHAR(20)"), 'type of column "a"'),
        (lambda t: renamed(t, 1, default=None), 'default of column "a"'),
        (lambda t: renamed(t, 1, default=Sql("'y'", "'y'")), 'default of column "a"'),
        (lambda t: renamed(t, 5, not_null=True), 'kind of column "e"'),
        (lambda t: renamed(t, 3, generated=None), 'kind of column "c"'),
        (lambda t: replace(t, strict=True), "STRICT"),
        (lambda t: replace(t, without_rowid=True), "WITHOUT ROWID"),
        (lambda t: replace(t, uniques=()), "PRIMARY KEY and UNIQUE"),
        (lambda t: replace(t, uniques=t.uniques * 2, foreign_keys=()), "foreign keys"),
        (lambda t: replace(t, foreign_keys=t.foreign_keys[::-1]), "foreign keys"),
        (lambda t: replace(t, primary_key=None), 'kind of column "id"'),
    ],
)
def test_the_refusal_says_what_differs(change: Callable[[Table], Table], said: str) -> None:
    """It names the table and the column, and shows both readings."""
    with pytest.raises(SchemaParseError) as caught:
        check_table(change(parse_table(WHOLE).table), facts_of(WHOLE))
    assert said in caught.value.message
    assert {"table", "what", "text", "pragma", "sql"} == set(caught.value.details)


def renamed(table: Table, place: int, **changes: Any) -> Table:
    """The table with one column changed."""
    columns = list(table.columns)
    columns[place] = replace(columns[place], **changes)
    return replace(table, columns=tuple(columns))


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE t (a PRIMARY KEY, UNIQUE (a), UNIQUE (a DESC))",
        "CREATE TABLE t (a UNIQUE, b, UNIQUE (A), UNIQUE (a COLLATE NOCASE), PRIMARY KEY (a))",
        "CREATE TABLE t (a, b, PRIMARY KEY (a, b, a))",
        "CREATE TABLE t (a, b, PRIMARY KEY (a, b, a, b COLLATE NOCASE)) WITHOUT ROWID",
        "CREATE TABLE t (a INTEGER, b, PRIMARY KEY (a DESC), UNIQUE (a))",
        "CREATE TABLE t (a INTEGER PRIMARY KEY DESC) WITHOUT ROWID",
        "CREATE TABLE t (a TEXT PRIMARY KEY) STRICT",
        "CREATE TABLE t (a INTEGER PRIMARY KEY) STRICT",
        'CREATE TABLE t (a DEFAULT ((1)), b DEFAULT +5, c DEFAULT word, d DEFAULT "q", e DEFAULT ( /* c */ - 1 ))',
        'CREATE TABLE t (a VARCHAR /* c */ ( 20 ), b "my type", c INT GENERATED ALWAYS, d [x] y)',
        "CREATE TABLE t (a REFERENCES T, b, FOREIGN KEY (A, b) REFERENCES t (B, a) ON DELETE NO ACTION)",
    ],
)
def test_what_sqlite_makes_of_odd_texts_agrees(sql: str) -> None:
    """Constraints that SQLite folds into one, keys that are NOT NULL unsaid, defaults in any parentheses."""
    with memory_wire() as wire:
        wire.run(sql)
        assert len(read_schema(wire).tables) == 1


@pytest.mark.parametrize("sql", blocks("tables.sql"))
def test_every_case_agrees(sql: str) -> None:
    """The tables that the parser is tested with, held against the pragmas."""
    with memory_wire() as wire:
        if not agrees(wire, sql):
            pytest.skip("not in this SQLite")


@given(tables(), st.randoms(use_true_random=False))
def test_any_table_agrees(table: Table, rng: Random) -> None:
    """So does any table, however it is written."""
    with memory_wire() as wire:
        assume(agrees(wire, spell(table, rng)))


def agrees(wire: Wire, sql: str) -> bool:
    """Read what a statement makes; False where this SQLite does not take it."""
    try:
        wire.run(sql)
    except StatementError:
        return False
    return bool(read_schema(wire) != Schema())


@pytest.mark.parametrize(
    "index",
    [
        "CREATE INDEX i ON plain ((b))",
        "CREATE INDEX i ON plain (((b COLLATE RTRIM)) DESC)",
        'CREATE INDEX i ON plain ("B", "nothing", \'c\')',
        "CREATE INDEX i ON plain (b || '' COLLATE NOCASE, (b || '') COLLATE NOCASE)",
        "CREATE INDEX i ON plain (rowid)",
        "CREATE INDEX i ON plain (a, A COLLATE nocase)",
        "CREATE INDEX i ON PLAIN (c) WHERE b IS NOT NULL AND \"c\" > 'x'",
    ],
)
def test_odd_indexes_agree(index: str) -> None:
    """Columns in parentheses or quotes, strings, and collations that belong to a part of an expression."""
    with memory_wire() as wire:
        wire.run(PLAIN)
        if not agrees(wire, index):
            pytest.skip("not in this SQLite")


def test_the_digest_of_a_scope_sees_what_no_pragma_tells() -> None:
    """Names of constraints, CHECKs, conflict clauses and deferral: each other text is another digest."""
    texts = [
        WHOLE,
        WHOLE.replace("CONSTRAINT pk ", ""),
        WHOLE.replace("ON CONFLICT FAIL ", ""),
        WHOLE.replace(" AUTOINCREMENT", ""),
        WHOLE.replace("CONSTRAINT filled ", ""),
        WHOLE.replace(" ON CONFLICT REPLACE", ""),
        WHOLE.replace(" ON CONFLICT IGNORE", ""),
        WHOLE.replace("COLLATE NOCASE", ""),
        WHOLE.replace("(a || b)", "(b || a)"),
        WHOLE.replace("CHECK (d > 0)", ""),
        WHOLE.replace(" DEFERRABLE INITIALLY DEFERRED", ""),
        WHOLE.replace("CONSTRAINT pair ", ""),
        WHOLE.replace("CONSTRAINT positive ", ""),
        WHOLE.replace("(b > 0)", "(b > 1)"),
        WHOLE.replace(" MATCH FULL", ""),
    ]
    digests, values = set(), set()
    for text in texts:
        with memory_wire() as wire:
            wire.run(text)
            schema = read_schema(wire)
            digests.add(scope_digest(schema, ["whole"]))
            values.add(digest(schema))
    assert len(digests) == len(values) == len(texts)


def test_the_values_that_are_checked_are_all_there_are() -> None:
    """A new attribute of a noun must be seen by a pragma, or be listed here as one that none tells."""
    known = {
        Column: "name type not_null not_null_conflict not_null_name default collation generated text",
        KeyPart: "column expression collation descending",
        PrimaryKey: "parts autoincrement rowid_alias on_conflict name inline",
        ForeignKey: "columns table referenced on_delete on_update match deferrable name inline",
        Index: "name table parts unique where sql",
        Table: "name columns primary_key uniques foreign_keys checks without_rowid strict sql",
    }
    assert {kind: " ".join(part.name for part in fields(kind)) for kind in known} == known


def test_the_hint_leads_to_a_heading() -> None:
    """What it quotes from the page of refusals is there."""
    with pytest.raises(SchemaParseError) as caught:
        check_table(parse_table(WHOLE).table, facts_of(PLAIN))
    page = (Path(__file__).parents[2] / "docs" / "refusals.md").read_text(encoding="utf-8")
    quoted = str(caught.value.hint).split('"')[1]
    assert f"### {quoted}\n" in page
