"""Reading a living schema: the stored texts, parsed, and each held against what SQLite's pragmas say."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from sodaf_migrate.dialects.sqlite.crosscheck import check_index, check_table
from sodaf_migrate.dialects.sqlite.facts import TableFacts, read_facts, shadow_names
from sodaf_migrate.dialects.sqlite.lexer import tokenize
from sodaf_migrate.dialects.sqlite.parse import parse_index, parse_table, parse_trigger, parse_virtual_table
from sodaf_migrate.dialects.sqlite.scope import (
    Stored,
    concerning,
    dependents,
    folded,
    needs,
    raw_digests,
    related,
    scope_digest,
    stored_key,
    supporting,
)
from sodaf_migrate.errors import SchemaParseError
from sodaf_migrate.schema.model import Index, Schema, Sql, Table, Trigger, View, VirtualTable
from sodaf_migrate.wire.connection import Wire

__all__ = ["dependents", "raw_digests", "read_schema", "related", "scope_digest"]

_FEW = 20  # as many names as are worth a search by SQLite; for more, all is read and searched here
_ROWS = (
    "SELECT rowid, iif(type = 'table' AND rootpage = 0, 'virtual', type), name, tbl_name, sql FROM main.sqlite_schema "
    "WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
)
_TEMPORARY = "SELECT type, name, tbl_name, sql FROM sqlite_temp_schema WHERE sql IS NOT NULL ORDER BY rowid"


def read_schema(wire: Wire, *, around: Collection[str] | None = None) -> Schema:
    """Everything that main holds, and this connection's TEMP views and triggers that name any of it.

    With ``around`` only those tables, all that names them (transitively through views), and what that needs to work.
    SQLite's own tables and those in which virtual tables keep their rows are left out. Raises SchemaParseError where
    a stored text cannot be read or the pragmas say otherwise.
    """
    with wire.snapshot():
        items = _everything(wire) if around is None else _around(wire, around)
        items = _without_shadows(wire, items)
        tables = [item.name for item in items if item.kind == "table"]
        facts = read_facts(wire, None if around is None else tables) if tables else {}
    return _schema(items, facts)


def _everything(wire: Wire) -> list[Stored]:
    main = list(_stored(wire).values())
    temporary = _temporary(wire)
    return main + _at(temporary, concerning(temporary, [item.name for item in main]))


def _around(wire: Wire, tables: Collection[str]) -> list[Stored]:
    """The tables, what concerns them and what that needs; of a large database most stays unread."""
    temporary = _temporary(wire)
    main = _stored(wire) if len(tables) > _FEW or not all(map(_is_plain, tables)) else _near(wire, tables, temporary)
    items = [*(main[rowid] for rowid in sorted(main)), *temporary]
    chosen = concerning(items, tables)
    return _at(items, chosen | supporting(items, chosen, tables))


def _near(wire: Wire, tables: Collection[str], temporary: list[Stored]) -> dict[int, Stored]:
    """By rowid, what SQLite finds that may concern ``tables``, and then what that may need."""
    names = tuple(tables)
    marks = ", ".join("?" * len(names))
    named = " OR ".join(["instr(lower(sql), lower(?))"] * len(names))
    found = _stored(
        wire,
        f"ifnull(rootpage, 0) = 0 OR tbl_name COLLATE NOCASE IN ({marks}) "
        f"OR type = 'table' AND instr(lower(sql), 'references') AND ({named or '0'})",
        names * 2,
    )
    items = [*found.values(), *temporary]
    chosen = concerning(items, tables)
    asked = {folded(name) for name in tables}
    far = {name for place in chosen | supporting(items, chosen, tables) for name in needs(items[place], asked)}
    condition = f"type = 'table' AND tbl_name COLLATE NOCASE IN ({', '.join('?' * len(far))})"
    return found | _stored(wire, condition, tuple(far))


def _is_plain(name: str) -> bool:
    """Whether a text that names ``name`` holds it letter for letter: a quote inside would be doubled there."""
    return not set("\"'`]") & set(name)


def _stored(wire: Wire, condition: str = "1", names: Sequence[str] = ()) -> dict[int, Stored]:
    """The objects of main that meet ``condition``, by rowid, which is their order of creation."""
    rows = wire.query(f"{_ROWS} AND ({condition}) ORDER BY rowid", tuple(names))
    return {row[0]: Stored(*row[1:]) for row in rows}


def _temporary(wire: Wire) -> list[Stored]:
    """The TEMP views and triggers of this connection, but for triggers on its TEMP tables."""
    items = [Stored(kind, name, table, sql, True) for kind, name, table, sql in wire.query(_TEMPORARY)]
    tables = {folded(item.name) for item in items if item.kind == "table"}
    return [
        item
        for item in items
        if item.kind == "view" or (item.kind == "trigger" and (folded(item.table) not in tables or _on_main(item.sql)))
    ]


def _on_main(trigger: str) -> bool:
    """Whether a TEMP trigger says that its table is in another database, although a TEMP table has that name."""
    return trigger[: parse_trigger(trigger).table_token.start].rstrip().endswith(".")


def _without_shadows(wire: Wire, items: list[Stored]) -> list[Stored]:
    virtual = [(item.name, parse_virtual_table(item.sql).module) for item in items if item.kind == "virtual"]
    if not virtual:
        return items
    shadows = {folded(name) for name in shadow_names(wire, virtual)}
    return [item for item in items if folded(item.table) not in shadows]


def _at(items: Sequence[Stored], places: Iterable[int]) -> list[Stored]:
    return [items[place] for place in sorted(places)]


def _schema(items: Sequence[Stored], facts: Mapping[str, TableFacts]) -> Schema:
    """The objects parsed, each table and index held against the facts."""
    tables: dict[str, Table] = {}
    indexes: list[Index] = []
    for item in items:
        if item.kind == "table":
            tables[item.name] = _checked_table(item, facts)
    for item in items:
        if item.kind == "index":
            table = tables.get(item.table)
            if table is None:
                raise _inconsistent(item, f'is on "{item.table}", which is no table of this database')
            index = replace(_index(item.sql, tuple(column.name for column in table.columns)), table=table.name)
            check_index(index, table, facts[item.table].indexes)
            indexes.append(index)
    names = _known_names(items, tables.values())
    homes = {folded(item.name): item.name for item in items if item.kind in ("table", "view")}
    return Schema(
        tables=tuple(tables.values()),
        indexes=tuple(indexes),
        views=tuple(View(name=i.name, sql=_sql(i, names), temp=i.temp) for i in items if i.kind == "view"),
        triggers=tuple(
            Trigger(name=i.name, table=homes.get(folded(i.table), i.table), sql=_sql(i, names), temp=i.temp)
            for i in items
            if i.kind == "trigger"
        ),
        virtual_tables=tuple(
            VirtualTable(name=i.name, module=parse_virtual_table(i.sql).module, sql=_sql(i, names))
            for i in items
            if i.kind == "virtual"
        ),
    )


def _checked_table(item: Stored, facts: Mapping[str, TableFacts]) -> Table:
    table = _table(item.sql)
    if table.name != item.name or item.name not in facts:
        raise _inconsistent(item, f'is called "{table.name}" in its own stored text, or SQLite cannot describe it')
    check_table(table, facts[item.name])
    return table


def _inconsistent(item: Stored, what: str) -> SchemaParseError:
    return SchemaParseError(
        f'{item.kind.capitalize()} "{item.name}" {what}.',
        hint="Run PRAGMA integrity_check: sqlite_schema may have been edited by hand.",
        details={"kind": item.kind, "name": item.name, "sql": item.sql},
    )


def _sql(item: Stored, names: Collection[str]) -> Sql:
    """The text of a view or trigger. In double quotes, what is no known name is a text, whose case counts."""
    tokens = tokenize(item.sql)
    said = []
    for token, before in zip(tokens, (None, *tokens), strict=False):
        quoted = token.text.startswith('"') and folded(token.name) not in names
        is_name = before is not None and (before.text == "." or before.word == "AS")
        said.append(token.text if quoted and not is_name else stored_key(token.text))
    return Sql(item.sql, " ".join(said))


def _known_names(items: Sequence[Stored], tables: Iterable[Table]) -> frozenset[str]:
    """What can only be a name wherever it stands: tables, columns, and the words of views, which name columns."""
    names = {folded(item.name) for item in items}
    names.update(folded(column.name) for table in tables for column in table.columns)
    for item in items:
        if item.kind == "view":
            tokens = tokenize(item.sql)
            pairs = zip(tokens, (None, *tokens), strict=False)
            names.update(
                folded(token.name)
                for token, before in pairs
                if token.kind in ("word", "quoted")
                and (not token.text.startswith('"') or (before is not None and before.word == "AS"))
            )
    return frozenset(names)


# The same texts are read again and again: before a plan, after each of its steps, under the lock and at the end. A
# thousand DocTypes that change are three thousand texts.
@lru_cache(maxsize=4096)
def _table(sql: str) -> Table:
    return parse_table(sql).table


@lru_cache(maxsize=8192)
def _index(sql: str, columns: tuple[str, ...]) -> Index:
    return parse_index(sql, columns)
