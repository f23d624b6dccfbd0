"""A wish as SQLite itself would store it: created in memory and read back, so that comparing is plain afterwards."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator

from sodaf_migrate.dialects.sqlite.ddl import create_index, create_table
from sodaf_migrate.dialects.sqlite.inspect import read_schema
from sodaf_migrate.errors import SchemaParseError
from sodaf_migrate.schema.model import Schema
from sodaf_migrate.wire.connection import OnConnect
from sodaf_migrate.wire.open import memory_wire

__all__ = ["normalise", "schema_from_sql", "statements_of"]

_CREATE = re.compile(
    r"(?:\s|--[^\n]*(?:\n|\Z)|/\*.*?(?:\*/|\Z))*"
    r"CREATE\s+(?:UNIQUE\s+|VIRTUAL\s+)?(?:TABLE|INDEX|VIEW|TRIGGER)\b",
    re.IGNORECASE | re.DOTALL,
)
_BLANK = re.compile(r"(?:\s|;|--[^\n]*(?:\n|\Z)|/\*.*?(?:\*/|\Z))*\Z", re.DOTALL)


def normalise(wish: Schema, on_connect: OnConnect | None = None) -> Schema:
    """``wish`` (neutral types, constants) as a database would report it; any number of tables in one go.

    Raises StatementError when SQLite refuses it, a partial index with a condition that is no SQL, say.
    """
    with memory_wire(on_connect) as wire:
        for table in wish.tables:
            wire.run(create_table(table))
        for index in wish.indexes:
            wire.run(create_index(index))
        return read_schema(wire)


def schema_from_sql(text: str, on_connect: OnConnect | None = None) -> Schema:
    """The schema that the CREATE statements of ``text`` make.

    Raises SchemaParseError for any other statement, StatementError for one that SQLite refuses.
    """
    with memory_wire(on_connect) as wire:
        for statement in statements_of(text):
            if not _CREATE.match(statement):
                raise SchemaParseError(
                    f'"{_shown(statement)}" is no CREATE TABLE, INDEX, VIEW, TRIGGER or VIRTUAL TABLE',
                    hint="A schema is given by its CREATE statements alone; temporary things do not belong to it.",
                )
            wire.run(statement)
        return read_schema(wire)


def statements_of(text: str) -> Iterator[str]:
    """The statements of a script, as SQLite itself finds their ends (a trigger holds semicolons of its own)."""
    start = 0
    for position, char in enumerate(text):
        if char == ";" and sqlite3.complete_statement(text[start : position + 1]):
            statement = text[start : position + 1]
            if not _BLANK.match(statement):
                yield statement
            start = position + 1
    if not _BLANK.match(text[start:]):
        yield text[start:]


def _shown(statement: str) -> str:
    line = " ".join(statement.split())
    return line if len(line) <= 60 else line[:59] + "…"
