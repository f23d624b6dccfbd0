"""Statements that put a table, and of its neighbours what its foreign keys concern, into another file of a connection.

A neighbour is a table with a foreign key to it, or that it has one to. Of it come the columns of those keys alone, with
their affinities and collations, by which SQLite compares a child with its parent (foreignkeys.html, section 3).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sodaf_migrate.dialects.sqlite.copies import insert_select, plain_columns
from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.dialects.sqlite.rowid import rowid_name
from sodaf_migrate.dialects.sqlite.types import affinity
from sodaf_migrate.schema.model import Column, ForeignKey, KeyPart, Schema, Table, fold

__all__ = ["Neighbour", "copy_keys", "copy_whole", "create_keys", "neighbours", "stand_in"]

# No INTEGER PRIMARY KEY may come of it, which would take whole numbers alone.
_TYPES = {"INTEGER": "INT", "BLOB": ""}


@dataclass(frozen=True, slots=True)
class Neighbour:
    """``table`` as far as the keys between it and another table go; ``keys`` are those to that other one."""

    table: Table
    columns: tuple[Column, ...]
    keys: tuple[ForeignKey, ...]


def neighbours(schema: Schema, name: str, own: Iterable[ForeignKey]) -> Iterator[Neighbour]:
    """Every other table of ``schema`` that points to the table ``name``, or that its foreign keys ``own`` point to."""
    for table in schema.tables:
        if fold(table.name) == fold(name):
            continue
        keys = tuple(key for key in table.foreign_keys if fold(key.table) == fold(name))
        pointed = [key for key in own if fold(key.table) == fold(table.name)]
        primary = table.primary_key.columns if table.primary_key is not None else ()
        wanted = {fold(each) for key in keys for each in key.columns}
        wanted |= {fold(each) for key in pointed for each in key.referenced or primary}
        if keys or pointed:
            yield Neighbour(table, tuple(each for each in table.columns if fold(each.name) in wanted), keys)


def create_keys(schema: Schema, neighbour: Neighbour) -> str:
    """CREATE TABLE of a neighbour, with whatever keeps its columns unique: without that nothing can point to them."""
    table = neighbour.table
    parts = [_column(column, strict=table.strict) for column in neighbour.columns] or ["x"]
    if table.primary_key is not None and _within(table.primary_key.parts, neighbour):
        parts.append(f"PRIMARY KEY ({_key(table.primary_key.parts)})")
    uniques = [each.parts for each in table.uniques]
    uniques += [each.parts for each in schema.indexes_of(table.name) if each.unique and each.where is None]
    parts += [f"UNIQUE ({_key(each)})" for each in uniques if _within(each, neighbour)]
    for key in neighbour.keys:
        referenced = f" ({', '.join(map(quote, key.referenced))})" if key.referenced else ""
        parts.append(f"FOREIGN KEY ({', '.join(map(quote, key.columns))}) REFERENCES {quote(key.table)}{referenced}")
    return f"CREATE TABLE main.{quote(table.name)} ({', '.join(parts)})"


def copy_keys(neighbour: Neighbour, alias: str) -> tuple[str, ...]:
    """The rows of a neighbour into the table of its name in ``alias``."""
    return _copy(neighbour.table.name, alias, neighbour.columns, rowid=None) if neighbour.columns else ()


def copy_whole(table: Table, alias: str) -> tuple[str, ...]:
    """Every row of ``table``, with its rowid, into the table of its name in ``alias``."""
    columns, rowid = plain_columns(table), rowid_name(table)
    return _copy(table.name, alias, columns, rowid=None if rowid in {_name(column) for column in columns} else rowid)


def stand_in(name: str, *, view: bool) -> str:
    """Something that has this name, where only that matters: nothing can point to a view."""
    return f"CREATE VIEW main.{quote(name)} AS SELECT 1" if view else f"CREATE TABLE main.{quote(name)} (x)"


def _copy(name: str, alias: str, columns: tuple[Column, ...], *, rowid: str | None) -> tuple[str, ...]:
    found, rest = list(map(_name, columns)), f"FROM main.{quote(name)} WHERE 1"
    return insert_select(
        f"{alias}.{quote(name)}", found, found, rest, rowid=(rowid, rowid) if rowid is not None else None
    )


def _name(column: Column) -> str:
    return quote(column.name)


def _column(column: Column, *, strict: bool) -> str:
    found = affinity(column.type, strict=strict)
    collation = f" COLLATE {quote(column.collation)}" if column.collation is not None else ""
    return f"{quote(column.name)} {_TYPES.get(found, found)}{collation}"


def _within(parts: Iterable[KeyPart], neighbour: Neighbour) -> bool:
    there = {fold(column.name) for column in neighbour.columns}
    return all(part.column is not None and fold(part.column) in there for part in parts)


def _key(parts: Iterable[KeyPart]) -> str:
    return ", ".join(
        quote(part.column or "") + (f" COLLATE {quote(part.collation)}" if part.collation is not None else "")
        for part in parts
    )
