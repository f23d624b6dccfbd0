"""Reads the living schema: a handful of queries for all tables together, each text parsed and checked."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from sodaf_migrate.dialects.sqlite.closure import Stored, closure
from sodaf_migrate.dialects.sqlite.crosscheck import Facts, check_index, check_table
from sodaf_migrate.dialects.sqlite.lexer import key
from sodaf_migrate.dialects.sqlite.parse import parse_index, parse_table, parse_virtual_table
from sodaf_migrate.errors import SchemaParseError
from sodaf_migrate.schema.model import Index, Schema, Sql, Table, Trigger, View, VirtualTable, digest, fold
from sodaf_migrate.wire.connection import Wire

__all__ = ["raw_digests", "read_schema", "related", "scope_digest"]

#: What FTS and R-tree modules call the tables in which they keep their data, for libraries before 3.37.
_SHADOWS = ("data", "idx", "content", "docsize", "config", "segments", "segdir", "stat", "node", "rowid", "parent")
_ALL = "SELECT type, name, tbl_name, sql FROM main.sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid"
_TEMP = "SELECT type, name, tbl_name, sql FROM temp.sqlite_schema WHERE type IN ('view', 'trigger') ORDER BY rowid"


def read_schema(wire: Wire, *, around: Collection[str] | None = None) -> Schema:
    """The whole schema of ``main``, or those tables with everything whose text names them.

    Raises SchemaParseError where a text cannot be read exactly, or disagrees with SQLite's own pragmas.
    """
    rows = _stored(wire)
    if around is not None:
        cut = closure(rows, around)
        wanted = {row.identity for row in (*cut.named, *cut.context)}
        rows = tuple(row for row in rows if row.identity in wanted)
    names = [row.name for row in rows if row.kind == "table"]
    return _built(rows, _facts(wire, names, everything=around is None))


def _stored(wire: Wire) -> tuple[Stored, ...]:
    """Every object of the catalogue, but for SQLite's own tables and those behind virtual ones."""
    rows = wire.query(_ALL)
    virtual = {fold(name) for kind, name, _, sql in rows if kind == "table" and _is_virtual(sql)}
    hidden = _shadow_names(wire, virtual) if virtual else frozenset()
    found = []
    for kind, name, home, sql in rows:
        if fold(name).startswith("sqlite_") or fold(home) in hidden:
            continue
        found.append(Stored("virtual" if kind == "table" and _is_virtual(sql) else kind, name, home, sql))
    found += [Stored(kind, name, home, sql, True) for kind, name, home, sql in wire.query(_TEMP)]
    return tuple(found)


def _is_virtual(sql: str) -> bool:
    return sql[:20].upper().startswith("CREATE VIRTUAL")


def _shadow_names(wire: Wire, virtual: set[str]) -> frozenset[str]:
    if wire.sqlite_version >= (3, 37, 0):
        rows = wire.query("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow'")
        return frozenset(fold(name) for (name,) in rows)
    return frozenset(f"{name}_{suffix}" for name in virtual for suffix in _SHADOWS)


def _built(rows: Iterable[Stored], facts: dict[str, Facts]) -> Schema:
    tables: dict[str, Table] = {}
    indexes: list[Index] = []
    views: list[View] = []
    triggers: list[Trigger] = []
    virtual: list[VirtualTable] = []
    rows = tuple(rows)
    for row in rows:
        if row.kind == "table":
            table = _named(row, parse_table(row.sql).table)
            check_table(table, facts[fold(row.name)])
            tables[fold(row.name)] = table
        elif row.kind == "view":
            views.append(View(name=row.name, sql=_sql(row.sql), temp=row.temp))
        elif row.kind == "trigger":
            triggers.append(Trigger(name=row.name, table=row.home, sql=_sql(row.sql), temp=row.temp))
        elif row.kind == "virtual":
            module = parse_virtual_table(row.sql).module
            virtual.append(VirtualTable(name=row.name, module=module, sql=_sql(row.sql)))
    for row in rows:
        if row.kind == "index" and fold(row.home) in tables:
            table = tables[fold(row.home)]
            index = _named(row, parse_index(row.sql, [column.name for column in table.columns]))
            check_index(index, table, facts[fold(row.home)])
            indexes.append(index)
    return Schema(
        tables=tuple(tables.values()),
        indexes=tuple(indexes),
        views=tuple(views),
        triggers=tuple(triggers),
        virtual_tables=tuple(virtual),
    )


def _named(row: Stored, item: Any) -> Any:
    if item.name != row.name:
        raise SchemaParseError(
            f'The stored text of "{row.name}" calls it "{item.name}"',
            hint="The catalogue was edited by hand; mend it before anything else (see docs/refusals.md).",
        )
    return item


def _sql(text: str) -> Sql:
    return Sql(text, key(text))


def _facts(wire: Wire, names: list[str], *, everything: bool) -> dict[str, Facts]:
    """What the pragmas say, by folded table name: four queries, however many tables there are."""
    found = {fold(name): Facts() for name in names}
    if not found:
        return found
    limit, params = "", ()
    if not everything:
        limit = f" AND m.name IN ({', '.join('?' * len(names))})"
        params = tuple(names)
    head = "FROM main.sqlite_schema AS m"
    only = f"WHERE m.type = 'table' AND m.sql NOT LIKE 'CREATE VIRTUAL%'{limit}"
    sql = f'SELECT m.name, x.name, x.type, x."notnull", x.dflt_value, x.pk, x.hidden {head}'
    for name, *row in wire.query(
        f"{sql} JOIN pragma_table_xinfo(m.name, 'main') AS x {only} ORDER BY m.rowid, x.cid", params
    ):
        if fold(name) in found:
            found[fold(name)].columns.append(tuple(row))
    _read_indexes(wire, found, f"{head} JOIN pragma_index_list(m.name, 'main') AS l", only, params)
    sql = 'SELECT m.name, f.id, f."from", f."to", f."table", f.on_update, f.on_delete'
    keys = f"{sql} {head} JOIN pragma_foreign_key_list(m.name, 'main') AS f {only} ORDER BY f.id, f.seq"
    for name, number, child, referenced, parent, on_update, on_delete in wire.query(keys, params):
        if fold(name) in found:
            entry = (child, referenced, fold(parent), on_update, on_delete)
            found[fold(name)].foreign_keys.setdefault(number, []).append(entry)
    if wire.sqlite_version >= (3, 37, 0):
        for name, wr, strict in wire.query("SELECT name, wr, strict FROM pragma_table_list WHERE schema = 'main'"):
            if fold(name) in found:
                found[fold(name)].options = (bool(wr), bool(strict))
    return found


def _read_indexes(wire: Wire, found: dict[str, Facts], source: str, only: str, params: tuple[Any, ...]) -> None:
    sql = f"SELECT m.name, l.name, l.[unique], l.origin, l.partial, x.name, x.[desc], x.coll {source}"
    query = f"{sql} JOIN pragma_index_xinfo(l.name, 'main') AS x {only} AND x.key ORDER BY l.name, x.seqno"
    parts: dict[tuple[Any, ...], list[tuple[Any, ...]]] = defaultdict(list)
    for name, index, unique, origin, partial, column, descending, collation in wire.query(query, params):
        if fold(name) in found:
            coll = None if collation is None else collation.upper()
            parts[name, index, unique, origin, partial].append((column, bool(descending), coll))
    for (name, index, unique, origin, partial), columns in parts.items():
        facts = found[fold(name)]
        if origin == "c":
            facts.indexes[fold(index)] = (bool(unique), bool(partial), tuple(columns))
        else:
            facts.constraints.append(tuple((column, coll) for column, _, coll in columns))


def related(schema: Schema, tables: Collection[str]) -> Schema:
    """The part of a read schema that ``read_schema`` would give around ``tables``; pure."""
    cut = closure(_rows(schema), tables)
    wanted = {row.identity for row in (*cut.named, *cut.context)}

    def keep(kind: str, items: Iterable[Any]) -> tuple[Any, ...]:
        return tuple(item for item in items if (kind, fold(item.name), getattr(item, "temp", False)) in wanted)

    return Schema(
        tables=keep("table", schema.tables),
        indexes=keep("index", schema.indexes),
        views=keep("view", schema.views),
        triggers=keep("trigger", schema.triggers),
        virtual_tables=keep("virtual", schema.virtual_tables),
    )


def _rows(schema: Schema) -> tuple[Stored, ...]:
    found = [Stored("table", table.name, table.name, table.sql) for table in schema.tables]
    found += [Stored("virtual", item.name, item.name, item.sql.text) for item in schema.virtual_tables]
    found += [Stored("index", index.name, index.table, index.sql) for index in schema.indexes]
    found += [Stored("view", view.name, view.name, view.sql.text, view.temp) for view in schema.views]
    found += [Stored("trigger", item.name, item.table, item.sql.text, item.temp) for item in schema.triggers]
    return tuple(found)


def scope_digest(schema: Schema, tables: Collection[str]) -> str:
    """The fingerprint of everything in a read schema that names ``tables``, by canonical tokens of its stored text.

    The order of triggers counts, for it is the order in which they fire; temporary things belong to one connection
    and do not count.
    """
    named = [row for row in closure(_rows(schema), tables).named if not row.temp]
    triggers = [row for row in named if row.kind == "trigger"]
    order: dict[str, list[str]] = defaultdict(list)
    for row in triggers:
        order[fold(row.home)].append(fold(row.name))
    texts = sorted((row.kind, fold(row.name), key(row.sql)) for row in named)
    return digest((tuple(texts), tuple(sorted((home, tuple(names)) for home, names in order.items()))))


def raw_digests(wire: Wire) -> dict[str, str]:
    """For each table, by folded name, the digest of its stored texts with indexes, triggers and all views.

    One query and no parsing: equal means that nothing was touched since; unequal means that one has to look.
    """
    texts: dict[str, list[str]] = defaultdict(list)
    views: list[str] = []
    for kind, name, home, sql in wire.query(_ALL):
        if kind == "view":
            views.append(sql)
        else:
            texts[fold(home)].append(f"{kind} {name} {sql}")
    seen = hashlib.sha256("\0".join(views).encode()).hexdigest()
    return {
        home: hashlib.sha256("\0".join([seen, *parts]).encode("utf-8", "surrogatepass")).hexdigest()
        for home, parts in texts.items()
    }
