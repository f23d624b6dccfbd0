"""Which stored objects concern which tables: by the names in their texts, transitively through views."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import count, pairwise
from typing import NamedTuple

from sodaf_migrate.dialects.sqlite.lexer import key, tokenize
from sodaf_migrate.schema.model import Schema, digest, fold
from sodaf_migrate.wire.connection import Wire

__all__ = [
    "Stored",
    "concerning",
    "dependents",
    "folded",
    "mentioned",
    "needs",
    "raw_digests",
    "related",
    "scope_digest",
    "stored_key",
    "supporting",
    "without",
]


class Stored(NamedTuple):
    """One row of sqlite_schema: ``kind`` is table, virtual, index, view or trigger; ``table`` the one it is on."""

    kind: str
    name: str
    table: str
    sql: str
    temp: bool = False


folded = lru_cache(maxsize=16384)(fold)
stored_key = lru_cache(maxsize=16384)(key)


@lru_cache(maxsize=4096)
def mentioned(sql: str) -> frozenset[str]:
    """Every word of ``sql`` that may be a name, folded: bare, quoted, or a string (FROM 'a' is legal SQL).

    Of ``content='a'`` and ``'content=a'``, as virtual tables are told, the value counts too.
    """
    names = {folded(token.name) for token in tokenize(sql) if token.kind in ("word", "quoted", "string")}
    options = (name.partition("=")[2].strip(" \"'`[]") for name in names if "=" in name)
    return frozenset(names.union(options))


@lru_cache(maxsize=4096)
def _parents(sql: str) -> frozenset[str]:
    """The tables, folded, that a table's foreign keys point to."""
    if "references" not in sql.lower():  # most have none, and need not be read
        return frozenset()
    tokens = tokenize(sql)
    return frozenset(folded(after.name) for token, after in pairwise(tokens) if token.word == "REFERENCES")


def concerning(items: Sequence[Stored], tables: Iterable[str]) -> set[int]:
    """The places in ``items`` of the tables and of all that names them, transitively through views.

    A table names another by a foreign key, an index by standing on it, everything else by any word of its text: that
    may be one too many (a column of that name), never one too few. A trigger that stands on a view makes the view
    concerned, since writing to the one runs the other; and with one trigger of a table come all of it, for to make
    one again is to change the order in which they fire.
    """
    fresh = {folded(name) for name in tables}
    views = {folded(item.name) for item in items if item.kind == "view"}
    wanted, chosen = set(fresh), set[int]()
    while fresh:
        may_name = _Sieve(fresh)
        grown: set[str] = set()
        for place, item in enumerate(items):
            if place not in chosen and _concerns(item, fresh, may_name):
                chosen.add(place)
                if item.kind in ("view", "virtual"):
                    grown.add(folded(item.name))
                elif item.kind == "trigger" and folded(item.table) in views:
                    grown.add(folded(item.table))
        fresh = grown - wanted
        wanted |= fresh
    fired = {folded(items[place].table) for place in chosen if items[place].kind == "trigger"}
    return chosen | {
        place for place, item in enumerate(items) if item.kind == "trigger" and folded(item.table) in fired
    }


def _concerns(item: Stored, names: set[str], may_name: _Sieve) -> bool:
    if folded(item.table) in names:  # a table, view or virtual table is on itself
        return True
    if item.kind == "index" or not may_name(item.sql):
        return False
    found = _parents(item.sql) if item.kind == "table" else mentioned(item.sql)
    return not names.isdisjoint(found)


class _Sieve:
    """A quick look that lets through every text that may hold one of ``names``: most hold none, and are not read."""

    def __init__(self, names: Collection[str]) -> None:
        # Of a quoted name the text holds another spelling, and lower() of other alphabets depends on neighbours.
        plain = all(name.isascii() and not set("\"'`]") & set(name) for name in names)
        self.names = tuple(names) if plain and len(names) <= 8 else ()

    def __call__(self, sql: str) -> bool:
        text = sql.lower()
        return not self.names or any(name in text for name in self.names)


def supporting(items: Sequence[Stored], chosen: Collection[int], tables: Iterable[str]) -> set[int]:
    """The places of what the ``chosen`` ones need to work: what their views and triggers name, down to the tables."""
    homes: dict[str, int] = {}
    for place, item in enumerate(items):
        if item.kind in ("table", "view", "virtual"):
            homes.setdefault(folded(item.name), place)
    asked = {folded(name) for name in tables}
    found: set[int] = set()
    trail = list(chosen)
    while trail:
        needed = needs(items[trail.pop()], asked)
        fresh = {homes[name] for name in needed if name in homes} - found - set(chosen)
        found |= fresh
        trail.extend(fresh)
    return found


def needs(item: Stored, asked: Collection[str]) -> frozenset[str]:
    """The folded names among which is everything that ``item`` needs to work.

    For a table that is ``asked`` for (folded) those are its parents, without which no statement on it compiles while
    foreign keys are on; for any other table nothing.
    """
    if item.kind == "table":
        return _parents(item.sql) if folded(item.name) in asked else frozenset()
    on = frozenset((folded(item.table),))
    return on if item.kind == "index" else on | mentioned(item.sql)


def related(schema: Schema, tables: Collection[str]) -> Schema:
    """The part of ``schema`` that concerns ``tables``: they, all that names them, and what that needs to work."""
    items = _items(schema)
    chosen = concerning(items, tables)
    return _cut(schema, chosen | supporting(items, chosen, tables))


def dependents(schema: Schema, tables: Collection[str]) -> Schema:
    """The tables and exactly what names them, transitively through views: what a change of them may break."""
    return _cut(schema, concerning(_items(schema), tables))


def without(schema: Schema, hidden: Iterable[str]) -> Schema:
    """``schema`` without those tables and what stands on them: the tool's own, which no plan speaks of."""
    names = {folded(name) for name in hidden}
    return replace(
        schema,
        tables=tuple(table for table in schema.tables if folded(table.name) not in names),
        indexes=tuple(index for index in schema.indexes if folded(index.table) not in names),
        triggers=tuple(trigger for trigger in schema.triggers if folded(trigger.table) not in names),
    )


def scope_digest(schema: Schema, tables: Collection[str]) -> str:
    """The SHA-256 (hex) of the tables and all that names them, by canonical tokens of their stored texts.

    The order of creation counts only among the triggers of a table, which fire in it; TEMP objects do not count.
    """
    items = [item for item in _items(schema) if not item.temp]
    chosen = [items[place] for place in sorted(concerning(items, tables))]
    triggers: dict[str, list[tuple[str, str]]] = {}
    for item in chosen:
        if item.kind == "trigger":
            triggers.setdefault(folded(item.table), []).append((item.name, stored_key(item.sql)))
    others = sorted((item.kind, item.name, stored_key(item.sql)) for item in chosen if item.kind != "trigger")
    return digest((others, triggers))


def raw_digests(wire: Wire) -> dict[str, str]:
    """By table, the SHA-256 (hex) of the stored texts of the table, its indexes, and every trigger, view and
    virtual table of the database: equal digests mean that nothing was changed since. One query, nothing is parsed.
    """
    own: dict[str, list[str]] = {}
    common = hashlib.sha256()
    names: list[str] = []
    for kind, name, table, rootpage, sql in wire.query(
        "SELECT type, name, tbl_name, rootpage, sql FROM main.sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid"
    ):
        if kind in ("view", "trigger") or not rootpage:
            common.update(f"{kind}\0{name}\0{table}\0{sql}\0".encode("utf-8", "surrogatepass"))
        else:
            own.setdefault(folded(table), []).append(f"{kind}\0{name}\0{sql}\0")
            if kind == "table":
                names.append(name)
    start = common.digest()
    return {
        name: hashlib.sha256(start + "".join(sorted(own[folded(name)])).encode("utf-8", "surrogatepass")).hexdigest()
        for name in names
    }


def _items(schema: Schema) -> list[Stored]:
    return list(_walk(schema))


def _walk(schema: Schema) -> Iterator[Stored]:
    """Every object as it is stored, in the order in which ``_cut`` counts."""
    yield from (Stored("table", table.name, table.name, table.sql) for table in schema.tables)
    yield from (Stored("index", index.name, index.table, index.sql) for index in schema.indexes)
    yield from (Stored("view", view.name, view.name, view.sql.text, view.temp) for view in schema.views)
    yield from (Stored("trigger", each.name, each.table, each.sql.text, each.temp) for each in schema.triggers)
    yield from (Stored("virtual", each.name, each.name, each.sql.text) for each in schema.virtual_tables)


def _cut(schema: Schema, places: Collection[int]) -> Schema:
    numbers = count()  # the places in _walk
    return Schema(
        tables=tuple(item for item in schema.tables if next(numbers) in places),
        indexes=tuple(item for item in schema.indexes if next(numbers) in places),
        views=tuple(item for item in schema.views if next(numbers) in places),
        triggers=tuple(item for item in schema.triggers if next(numbers) in places),
        virtual_tables=tuple(item for item in schema.virtual_tables if next(numbers) in places),
    )
