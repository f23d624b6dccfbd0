"""Which objects of a database belong together: those whose stored text names a table, and what these need to live."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache

from sodaf_migrate.dialects.sqlite.lexer import tokenize
from sodaf_migrate.schema.model import fold

__all__ = ["Closure", "Stored", "closure", "names_in"]


@dataclass(frozen=True, slots=True)
class Stored:
    """One row of the catalogue: ``kind`` is table, index, view, trigger or virtual; ``home`` the table it is on."""

    kind: str
    name: str
    home: str
    sql: str
    temp: bool = False

    @property
    def identity(self) -> tuple[str, str, bool]:
        return self.kind, fold(self.name), self.temp


@dataclass(frozen=True, slots=True)
class Closure:
    """``named``: the tables asked for and all that names them. ``context``: what else these need to be compiled."""

    named: tuple[Stored, ...]
    context: tuple[Stored, ...]


@lru_cache(maxsize=16384)
def names_in(sql: str) -> frozenset[str]:
    """Every word of a text that can be a name, folded."""
    return frozenset(fold(token.name) for token in tokenize(sql) if token.kind in ("word", "quoted", "string"))


def closure(rows: Iterable[Stored], tables: Collection[str]) -> Closure:
    """What concerns ``tables``: too much does no harm, for it is only looked at; too little would.

    Views that name them, and views on these; triggers that name any of all that, with every other trigger of the same
    table (making one again changes the order in which they fire); tables with a foreign key to them; virtual tables.
    """
    rows = tuple(rows)
    asked = {fold(name) for name in tables}
    names = set(asked)
    found: set[tuple[str, str, bool]] = set()
    while True:
        before = len(found)
        for row in rows:
            if row.identity not in found and _concerns(row, asked, names):
                found.add(row.identity)
                if row.kind == "view":
                    names.add(fold(row.name))
        if len(found) == before:
            break
    touched = {fold(row.home) for row in rows if row.kind == "trigger" and row.identity in found}
    found |= {row.identity for row in rows if row.kind == "trigger" and fold(row.home) in touched}
    named = tuple(row for row in rows if row.identity in found)
    return Closure(named, _context(rows, named, found))


def _concerns(row: Stored, asked: set[str], names: set[str]) -> bool:
    if row.kind == "table":
        if fold(row.name) in asked:
            return True
        return "references" in row.sql.lower() and not asked.isdisjoint(names_in(row.sql))
    if row.kind == "index":
        return fold(row.home) in asked
    if row.kind == "virtual":
        return fold(row.name) in asked or not asked.isdisjoint(names_in(row.sql))
    return fold(row.home) in names or not names.isdisjoint(names_in(row.sql))


def _context(
    rows: tuple[Stored, ...], named: tuple[Stored, ...], found: set[tuple[str, str, bool]]
) -> tuple[Stored, ...]:
    """Tables and views that the texts of views and triggers name: without them nothing compiles."""
    by_name = {fold(row.name): row for row in rows if row.kind in ("table", "view", "virtual") and not row.temp}
    waiting = [row for row in named if row.kind in ("view", "trigger")]
    needed: set[tuple[str, str, bool]] = set()
    while waiting:
        row = waiting.pop()
        for name in names_in(row.sql) | {fold(row.home)}:
            other = by_name.get(name)
            if other is not None and other.identity not in found | needed:
                needed.add(other.identity)
                if other.kind == "view":
                    waiting.append(other)
    homes = {name for kind, name, _ in needed if kind == "table"} | {
        fold(row.name) for row in named if row.kind == "table"
    }
    needed |= {row.identity for row in rows if row.kind == "index" and fold(row.home) in homes} - found
    return tuple(row for row in rows if row.identity in needed)
