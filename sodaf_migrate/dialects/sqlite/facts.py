"""What SQLite's pragmas say about tables and indexes, read for a whole database in a handful of queries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from sodaf_migrate.wire.connection import Wire

__all__ = ["IndexFacts", "PartFacts", "TableFacts", "live_columns", "read_facts", "shadow_names"]

TABLE_LIST_SINCE = (3, 37, 0)
_MOST_NAMES = 500  # beyond that all are read: one query with all names would be longer than the answer is

_FEW = 50  # for more tables one list of all is cheaper than a list of each

# Virtual tables have no root page: asking about one would load its module, which may be missing.
_ORDINARY = "m.type = 'table' AND m.rootpage > 0 AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
_COLUMNS = (
    'SELECT m.name, p.name, p.type, p."notnull", p.dflt_value, p.pk, p.hidden '
    f"FROM main.sqlite_schema m CROSS JOIN pragma_table_xinfo(m.name, 'main') p WHERE {_ORDINARY}"
)
_INDEXES = (
    'SELECT m.name, l.name, l."unique", l.origin, l.partial, x.cid, x.name, x."desc", x.coll '
    "FROM main.sqlite_schema m CROSS JOIN pragma_index_list(m.name, 'main') l "
    f"CROSS JOIN pragma_index_xinfo(l.name, 'main') x WHERE x.\"key\" AND {_ORDINARY}"
)
_KEYS = (
    'SELECT m.name, f.id, f.seq, f."table", f."from", f."to", f.on_update, f.on_delete '
    f"FROM main.sqlite_schema m CROSS JOIN pragma_foreign_key_list(m.name, 'main') f WHERE {_ORDINARY}"
)
_OPTIONS = "SELECT name, wr, strict FROM pragma_table_list WHERE schema = 'main' AND (wr OR strict)"
_OPTIONS_OF = (  # with a name the list is made for that table alone
    "SELECT m.name, l.wr, l.strict FROM main.sqlite_schema m CROSS JOIN pragma_table_list(m.name) l "
    "WHERE l.schema = 'main' AND (l.wr OR l.strict) AND m.type = 'table'"
)
_AUTOMATIC = "SELECT name FROM main.sqlite_schema WHERE type = 'index' AND sql IS NULL"
_SHADOWS = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow'"

# Tables in which a virtual table keeps its rows, by module: for libraries that do not say which those are, and for
# modules that are not loaded, whose tables SQLite does not know for shadows either.
_SUFFIXES = {
    "fts3": ("content", "segments", "segdir", "docsize", "stat"),
    "fts4": ("content", "segments", "segdir", "docsize", "stat"),
    "fts5": ("data", "idx", "content", "docsize", "config"),
    "rtree": ("node", "parent", "rowid"),
    "rtree_i32": ("node", "parent", "rowid"),
    "geopoly": ("node", "parent", "rowid"),
}


class PartFacts(NamedTuple):
    """A part of an index as ``index_xinfo`` has it: ``column`` is None for an expression."""

    column: str | None
    collation: str
    descending: bool


class IndexFacts(NamedTuple):
    """An index as ``index_list`` has it: ``origin`` is c for CREATE INDEX, u for UNIQUE, pk for PRIMARY KEY."""

    name: str
    unique: bool
    origin: str
    partial: bool
    parts: tuple[PartFacts, ...]


class TableFacts(NamedTuple):
    """A table as the pragmas have it.

    ``columns`` are rows (table, name, type, notnull, dflt_value, pk, hidden); ``keys`` are, in the order of the text,
    the rows (table, id, seq, parent, from, to, on_update, on_delete) of each foreign key.
    """

    columns: Sequence[tuple[Any, ...]] = ()
    indexes: tuple[IndexFacts, ...] = ()
    keys: tuple[tuple[tuple[Any, ...], ...], ...] = ()
    without_rowid: bool = False
    strict: bool = False


def read_facts(wire: Wire, names: Sequence[str] | None = None) -> dict[str, TableFacts]:
    """The facts of the ordinary tables of main, by name as stored; of those in ``names`` only, when given."""
    columns = _grouped(wire, _COLUMNS, names)
    indexes = {table: _indexes(rows) for table, rows in _grouped(wire, _INDEXES, names).items()}
    keys = {table: _keys(rows) for table, rows in _grouped(wire, _KEYS, names).items()}
    options = _options(wire, names, indexes)
    return {
        table: TableFacts(rows, indexes.get(table, ()), keys.get(table, ()), *options.get(table, (False, False)))
        for table, rows in columns.items()
    }


def shadow_names(wire: Wire, virtual: Iterable[tuple[str, str]]) -> set[str]:
    """The tables of main, some perhaps not there, that hold rows of ``virtual`` tables (name, module)."""
    found = {f"{name}_{suffix}" for name, module in virtual for suffix in _SUFFIXES.get(module.lower(), ())}
    if wire.sqlite_version >= TABLE_LIST_SINCE:
        found.update(name for (name,) in wire.query(_SHADOWS))
    return found


def _grouped(wire: Wire, sql: str, names: Sequence[str] | None) -> dict[str, list[tuple[Any, ...]]]:
    return {table: list(group) for table, group in groupby(_of(wire, sql, names), itemgetter(0))}


def _of(wire: Wire, sql: str, names: Sequence[str] | None) -> list[tuple[Any, ...]]:
    if names is None or len(names) > _MOST_NAMES:
        return wire.query(sql)
    return wire.query(f"{sql} AND m.name IN ({', '.join('?' * len(names))})", tuple(names))


def _indexes(rows: list[tuple[Any, ...]]) -> tuple[IndexFacts, ...]:
    found = []
    for (_, name, unique, origin, partial), group in groupby(rows, itemgetter(0, 1, 2, 3, 4)):
        parts = tuple(
            PartFacts(column if cid != -2 else None, collation, bool(descending))
            for *_, cid, column, descending, collation in group
        )
        found.append(IndexFacts(name, bool(unique), origin, bool(partial), parts))
    return tuple(found)


def _keys(rows: list[tuple[Any, ...]]) -> tuple[tuple[tuple[Any, ...], ...], ...]:
    # SQLite numbers the keys of a table from the last to the first.
    keys = [tuple(group) for _, group in groupby(rows, itemgetter(1))]
    return tuple(sorted(keys, key=lambda key: -key[0][1]))


def _options(
    wire: Wire, names: Sequence[str] | None, indexes: dict[str, tuple[IndexFacts, ...]]
) -> dict[str, tuple[bool, bool]]:
    """By table, whether it is WITHOUT ROWID and whether it is STRICT; most are neither, and not listed."""
    if wire.sqlite_version >= TABLE_LIST_SINCE:
        rows = wire.query(_OPTIONS) if names is None or len(names) > _FEW else _of(wire, _OPTIONS_OF, names)
        return {table: (bool(without), bool(strict)) for table, without, strict in rows}
    # A WITHOUT ROWID table is stored in its own primary key, so that index has no row in sqlite_schema.
    automatic = {name for (name,) in wire.query(_AUTOMATIC)}
    return {
        table: (True, False)
        for table, found in indexes.items()
        if any(index.origin == "pk" and index.name not in automatic for index in found)
    }


def live_columns(wire: Wire, table: str) -> frozenset[str]:
    """The names of a table's columns; none where there is no such table."""
    return frozenset(name for (name,) in wire.query("SELECT name FROM pragma_table_xinfo(?, 'main')", (table,)))
