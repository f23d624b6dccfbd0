"""Wishes as SQLite itself would report them: created in memory and read back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace

from sodaf_migrate.dialects.sqlite.ddl import create_index, create_table
from sodaf_migrate.dialects.sqlite.inspect import read_schema
from sodaf_migrate.dialects.sqlite.lexer import Token, tokenize
from sodaf_migrate.dialects.sqlite.parse import parse_index, parse_table
from sodaf_migrate.dialects.sqlite.shadow import stand_up
from sodaf_migrate.errors import SchemaParseError
from sodaf_migrate.schema.model import Index, Schema, Table, fold
from sodaf_migrate.wire.connection import OnConnect
from sodaf_migrate.wire.open import memory_wire

__all__ = ["normalise", "schema_from_sql"]

_KINDS = ("TABLE", "INDEX", "VIEW", "TRIGGER")
_BLANKS = " \t\n\v\f\r"  # as SQLite sees them: a no-break space is part of a name


def normalise(schema: Schema, on_connect: OnConnect | None = None) -> Schema:
    """What SQLite makes of the wishes in ``schema``, all created in one database in memory and read back.

    A text that a wish carries and that still says the same is kept with its comments. Raises StatementError for a
    wish that SQLite refuses.
    """
    spelled = replace(
        schema,
        tables=tuple(replace(table, sql=_table_text(table)) for table in schema.tables),
        indexes=tuple(replace(index, sql=_index_text(index)) for index in schema.indexes),
    )
    with memory_wire(on_connect) as wire:
        stand_up(wire, spelled)
        return read_schema(wire)


def schema_from_sql(text: str, on_connect: OnConnect | None = None) -> Schema:
    """The schema that the CREATE statements of ``text`` make: tables, indexes, views, triggers, virtual tables.

    Raises SchemaParseError, naming the statement, for any other kind, and StatementError for what SQLite refuses.
    """
    statements = list(_statements(text))
    _check_names([_heading(statement, number) for number, statement in enumerate(statements, 1)])
    with memory_wire(on_connect) as wire:
        with wire.atomic():
            for statement in statements:
                wire.run(statement)
        return read_schema(wire)


def _table_text(table: Table) -> str:
    return table.sql if table.sql and parse_table(table.sql).table == table else create_table(table)


def _index_text(index: Index) -> str:
    return index.sql if index.sql and parse_index(index.sql) == index else create_index(index)


def _statements(text: str) -> Iterator[str]:
    """The statements of a script without the semicolons that end them; one inside a trigger ends none."""
    start, filled = 0, False
    for token in tokenize(text):
        if token.text == ";" and sqlite3.complete_statement(text[start : token.end]):
            if filled:
                # SQLite would store the blanks too, and each reading and writing would add some.
                yield text[start : token.start].strip(_BLANKS)
            start, filled = token.end, False
        else:
            filled = True
    if filled:
        yield text[start:].strip(_BLANKS)


def _heading(statement: str, number: int) -> tuple[str, str]:
    """What kind of thing a statement creates, and its name. Raises SchemaParseError for what a wish cannot be."""
    tokens = tokenize(statement)
    words = [*(token.word for token in tokens[:3]), "", ""]
    if words[0] != "CREATE":
        raise _refused(statement, number, "is no CREATE statement", "A wish is made of CREATE statements alone.")
    if words[1] in ("TEMP", "TEMPORARY"):
        raise _refused(statement, number, "creates a TEMP object", "Leave TEMP out: only main is migrated.")
    place = 2 if words[1] in ("UNIQUE", "VIRTUAL") else 1
    kind = words[place]
    if kind not in _KINDS:
        hint = "Tables, virtual tables, indexes, views and triggers can be wished for."
        raise _refused(statement, number, "creates something unknown", hint)
    return kind, _name(tokens, place + 1, statement, number)


def _name(tokens: Sequence[Token], place: int, statement: str, number: int) -> str:
    if [token.word for token in tokens[place : place + 3]] == ["IF", "NOT", "EXISTS"]:
        place += 3
    rest = tokens[place : place + 4]
    if len(rest) > 2 and rest[1].text == ".":
        if fold(rest[0].name) != "main":
            hint = "Leave the name of the database out: only main is migrated."
            raise _refused(statement, number, f'is about the database "{rest[0].name}"', hint)
        rest = rest[2:]
    name = rest[0].name if rest else ""
    if fold(name).startswith("sqlite_"):
        hint = 'Names that begin with "sqlite_" belong to SQLite.'
        raise _refused(statement, number, f'creates "{name}", which is a name of SQLite\'s own', hint)
    if len(rest) > 1 and rest[1].word == "AS" and tokens[1].word == "TABLE":
        hint = "Write the columns out: AS SELECT loses their constraints and brings rows."
        raise _refused(statement, number, f'makes table "{name}" from a SELECT', hint)
    return name


def _check_names(headings: Sequence[tuple[str, str]]) -> None:
    """No name twice: IF NOT EXISTS would silently drop the second of them."""
    seen: set[tuple[bool, str]] = set()
    for number, (kind, name) in enumerate(headings, 1):
        if (kind == "TRIGGER", fold(name)) in seen:
            raise SchemaParseError(
                f'Statement {number} creates "{name}", which a statement before it creates too.',
                hint="Tables, views and indexes share one set of names, triggers have their own.",
                details={"statement": number, "name": name},
            )
        seen.add((kind == "TRIGGER", fold(name)))


def _refused(statement: str, number: int, what: str, hint: str) -> SchemaParseError:
    shown = " ".join(statement.split())
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return SchemaParseError(
        f'Statement {number}, "{shown}", {what}.', hint=hint, details={"statement": number, "sql": statement}
    )
