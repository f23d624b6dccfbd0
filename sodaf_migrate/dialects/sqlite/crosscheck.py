"""Every table and index that was read from its text is compared with what SQLite's pragmas say of it.

Where the two disagree the text was not understood, and nothing that is built on it could be trusted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from sodaf_migrate.dialects.sqlite.lexer import key
from sodaf_migrate.dialects.sqlite.types import agrees, is_integer
from sodaf_migrate.errors import SchemaParseError
from sodaf_migrate.schema.model import Column, Index, PrimaryKey, Sql, Table, Unique, fold

__all__ = ["Facts", "check_index", "check_table"]


@dataclass(slots=True)
class Facts:
    """What the pragmas say of one table.

    ``columns``: (name, type, notnull, default, pk, hidden) of table_xinfo. ``constraints``: the parts of each index
    that SQLite made for a constraint. ``indexes``: by folded name (unique, partial, parts). Parts are (column or None,
    descending, collation). ``foreign_keys``: by id the rows (child, parent's column, parent, on_update, on_delete,
    match). ``options``: (without rowid, strict), None where the library cannot say.
    """

    columns: list[tuple[Any, ...]] = field(default_factory=list)
    constraints: list[tuple[Any, ...]] = field(default_factory=list)
    indexes: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    foreign_keys: dict[int, list[tuple[Any, ...]]] = field(default_factory=dict)
    options: tuple[bool, bool] | None = None


def check_table(table: Table, facts: Facts) -> None:
    """Compare a parsed table with its pragmas. Raises SchemaParseError at the first disagreement."""
    names = [column.name for column in table.columns]
    said = [row[0] for row in facts.columns]
    if names != said:
        _disagree(table.name, "columns", names, said)
    places = _key_places(table)
    for column, row in zip(table.columns, facts.columns, strict=True):
        _check_column(table, column, row, places)
    if facts.options is not None and facts.options != (table.without_rowid, table.strict):
        _disagree(table.name, "options", (table.without_rowid, table.strict), facts.options)
    read, told = sorted(map(str, _constraint_parts(table))), sorted(map(str, set(facts.constraints)))
    if read != told:
        _disagree(table.name, "keys and UNIQUE constraints", read, told)
    own, theirs = _foreign_keys(table), sorted(str(rows) for rows in facts.foreign_keys.values())
    if own != theirs:
        _disagree(table.name, "foreign keys", own, theirs)


def _check_column(table: Table, column: Column, row: tuple[Any, ...], places: dict[str, int]) -> None:
    _, kind, not_null, default, place, hidden = row
    where = f"{table.name}.{column.name}"
    if not agrees(column.type, kind):
        _disagree(where, "type", column.type, kind)
    if _not_null(table, column) != bool(not_null):
        _disagree(where, "NOT NULL", _not_null(table, column), bool(not_null))
    read, told = _default(column), None if default is None else key(default)
    if read != told:
        _disagree(where, "default", read, told)
    if places.get(column.name, 0) != place:
        _disagree(where, "place in the primary key", places.get(column.name, 0), place)
    generated = 0 if column.generated is None else 3 if column.generated.stored else 2
    if generated != hidden:
        _disagree(where, "generated column", generated, hidden)


def _key_places(table: Table) -> dict[str, int]:
    columns = dict.fromkeys(table.primary_key.columns) if table.primary_key else {}
    return {name: number for number, name in enumerate(columns, start=1)}


def _not_null(table: Table, column: Column) -> bool:
    """In STRICT and WITHOUT ROWID tables the columns of the primary key are NOT NULL unsaid, the rowid aside."""
    primary = table.primary_key
    implied = primary is not None and column.name in primary.columns and not primary.rowid_alias
    return column.not_null or (implied and (table.strict or table.without_rowid))


def _default(column: Column) -> str | None:
    if not isinstance(column.default, Sql):
        return None
    text = column.default.text
    # The pragma gives an expression without the parentheses that it stands in.
    return key(text[1:-1] if text.startswith("(") else text)


def _foreign_keys(table: Table) -> list[str]:
    found = []
    for constraint in table.foreign_keys:
        referenced = constraint.referenced or (None,) * len(constraint.columns)
        more = (fold(constraint.table), constraint.on_update, constraint.on_delete)
        found.append(str([(c, r, *more) for c, r in zip(constraint.columns, referenced, strict=True)]))
    return sorted(found)


def _constraint_parts(table: Table) -> Iterable[tuple[Any, ...]]:
    """The parts of every index that SQLite makes for a constraint; equal constraints share one."""
    constraints: list[PrimaryKey | Unique] = list(table.uniques)
    primary = table.primary_key
    if primary is not None and not primary.rowid_alias:
        constraints.append(primary)
    return {_parts(table, constraint) for constraint in constraints}


def _parts(table: Table, constraint: PrimaryKey | Unique) -> tuple[Any, ...]:
    is_key = constraint is table.primary_key and table.without_rowid
    found: list[tuple[str, str]] = []
    for part in constraint.parts:
        column = table.column(part.column or "")
        if column is None:
            raise SchemaParseError(f'A key of table "{table.name}" names "{part.column}", which is no column of it')
        # SQLite makes a WITHOUT ROWID key of one INTEGER column anew from its name, and forgets the collation.
        forgotten = is_key and len(constraint.parts) == 1 and is_integer(column.type)
        said = None if forgotten else part.collation
        entry = (column.name, (said or column.collation or "BINARY").upper())
        if not (is_key and entry in found):  # a WITHOUT ROWID key holds a column once
            found.append(entry)
    return tuple(found)


def check_index(index: Index, table: Table, facts: Facts) -> None:
    """Compare a parsed index with its pragmas. Raises SchemaParseError."""
    told = facts.indexes.get(fold(index.name))
    parts = []
    for part in index.parts:
        column = table.column(part.column) if part.column is not None else None
        collation = part.collation or (column.collation if column else None)
        # A bare expression takes its collation from inside; only the pragma can tell.
        parts.append((column.name if column else None, part.descending, collation.upper() if collation else None))
    if told is not None:
        unique, partial, said = told
        said = tuple(
            (name, descending, None if collation == "BINARY" or (mine[0] is None and mine[2] is None) else collation)
            for (name, descending, collation), mine in zip(said, parts, strict=False)
        ) + tuple(said[len(parts) :])
        told = (unique, partial, said)
    mine_all = tuple((n, d, None if c == "BINARY" else c) for n, d, c in parts)
    read = (index.unique, index.where is not None, mine_all)
    if read != told:
        _disagree(f"{index.table}.{index.name}", "index", read, told)


def _disagree(where: str, what: str, read: Any, told: Any) -> NoReturn:
    raise SchemaParseError(
        f'The stored text of "{where}" was read as {what} {read!r}, but SQLite says {told!r}',
        hint="Nothing is guessed: see docs/refusals.md, and please report the table's CREATE statement.",
        details={"object": where, "what": what, "read": str(read), "told": str(told)},
    )
