"""What SQLite's pragmas say of a table, beside what a parsed one says."""

from __future__ import annotations

import sqlite3
from typing import Any

from sodaf_migrate.dialects.sqlite.lexer import key
from sodaf_migrate.dialects.sqlite.types import agrees, is_integer
from sodaf_migrate.schema.model import Column, Sql, Table, fold


class Fleeting(sqlite3.Connection):
    """A database in memory that is closed once nobody holds it."""

    def __del__(self) -> None:
        self.close()


def database() -> sqlite3.Connection:
    """An empty database."""
    return sqlite3.connect(":memory:", isolation_level=None, factory=Fleeting)


def accepts(sql: str) -> sqlite3.Connection | None:
    """A database with the object that ``sql`` makes, None when SQLite refuses it."""
    connection = database()
    try:
        connection.execute(sql)
    except (sqlite3.Error, sqlite3.Warning):
        connection.close()
        return None
    return connection


def stored(connection: sqlite3.Connection, kind: str = "table") -> str:
    """The text of the one object of that kind."""
    query = "SELECT sql FROM sqlite_schema WHERE type = ? AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
    return str(connection.execute(query, (kind,)).fetchone()[0])


def said(connection: sqlite3.Connection, table: str) -> dict[str, Any]:
    """Everything the pragmas say of a table, in a form that ``expected`` can be compared with."""
    columns = connection.execute("SELECT * FROM pragma_table_xinfo(?)", (table,)).fetchall()
    indexes = connection.execute("SELECT name, origin FROM pragma_index_list(?) WHERE origin <> 'c'", (table,))
    options = connection.execute("SELECT wr, strict FROM pragma_table_list(?) WHERE schema = 'main'", (table,))
    keys: dict[int, list[Any]] = {}
    rows = connection.execute("SELECT * FROM pragma_foreign_key_list(?) ORDER BY id, seq", (table,))
    for number, _, parent, child, referenced, on_update, on_delete, _ in rows:
        keys.setdefault(number, []).append((child, referenced, fold(parent), on_update, on_delete))
    return {
        "columns": [(c[1], c[2], c[3], c[4], c[5], c[6]) for c in columns],
        "indexes": {(_index(connection, name), origin) for name, origin in indexes.fetchall()},
        "options": options.fetchone(),
        "foreign_keys": sorted(map(str, keys.values())),
    }


def _index(connection: sqlite3.Connection, name: str) -> tuple[Any, ...]:
    parts = connection.execute("SELECT name, coll FROM pragma_index_xinfo(?) WHERE key ORDER BY seqno", (name,))
    return tuple((column, collation.upper()) for column, collation in parts.fetchall())


def check(connection: sqlite3.Connection, table: Table) -> None:
    """Assert that the pragmas say of the database's table what the parsed ``table`` says."""
    facts = said(connection, table.name)
    assert len(facts["columns"]) == len(table.columns)
    for column, (name, kind, not_null, default, place, hidden) in zip(table.columns, facts["columns"], strict=True):
        assert column.name == name
        assert agrees(column.type, kind), (column.type, kind)
        assert _not_null(table, column) == bool(not_null), column
        assert _default(column) == _default_said(default), column
        assert _key_place(table, column) == place, column
        assert hidden == (0 if column.generated is None else 3 if column.generated.stored else 2)
    assert facts["options"] == (table.without_rowid, table.strict)
    assert facts["foreign_keys"] == _foreign_keys(table)
    assert {parts for parts, _ in facts["indexes"]} == _indexes(table)


def _key_place(table: Table, column: Column) -> int:
    names: list[str] = []
    for name in table.primary_key.columns if table.primary_key else ():
        if name not in names:
            names.append(name)
    return names.index(column.name) + 1 if column.name in names else 0


def _not_null(table: Table, column: Column) -> bool:
    """In STRICT and WITHOUT ROWID tables the columns of the primary key are NOT NULL unsaid, the rowid aside."""
    key = table.primary_key
    implied = key is not None and column.name in key.columns and not key.rowid_alias
    return column.not_null or (implied and (table.strict or table.without_rowid))


def _default(column: Column) -> str | None:
    if column.default is None:
        return None
    assert isinstance(column.default, Sql)
    text = column.default.text
    return key(text[1:-1] if text.startswith("(") else text)


def _default_said(text: str | None) -> str | None:
    return None if text is None else key(text)


def _foreign_keys(table: Table) -> list[str]:
    found = []
    for constraint in table.foreign_keys:
        referenced = constraint.referenced or (None,) * len(constraint.columns)
        actions = (fold(constraint.table), constraint.on_update, constraint.on_delete)
        found.append(str([(c, r, *actions) for c, r in zip(constraint.columns, referenced, strict=True)]))
    return sorted(found)


def _indexes(table: Table) -> set[tuple[Any, ...]]:
    """The parts of every index that SQLite makes for a constraint; it makes one only for equal ones."""
    constraints: list[Any] = list(table.uniques)
    if table.primary_key and not table.primary_key.rowid_alias:
        constraints.append(table.primary_key)
    return {_parts(table, constraint) for constraint in constraints}


def _parts(table: Table, constraint: Any) -> tuple[Any, ...]:
    parts: list[tuple[str, str]] = []
    for part in constraint.parts:
        column = table.column(part.column)
        assert column is not None
        # SQLite makes such a key anew from the column's name alone, and forgets the collation that was said.
        forgotten = constraint is table.primary_key and table.without_rowid and len(constraint.parts) == 1
        said = None if forgotten and is_integer(column.type) else part.collation
        collation = said or column.collation or "BINARY"
        # A WITHOUT ROWID key holds a column once.
        if not (constraint is table.primary_key and table.without_rowid and (column.name, collation) in parts):
            parts.append((column.name, collation))
    return tuple(parts)
