"""Values that a change writes where they are, in one UPDATE of the table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.dialects.sqlite.parts import in_parts
from sodaf_migrate.dialects.sqlite.rebuild import Facts
from sodaf_migrate.dialects.sqlite.types import affinity
from sodaf_migrate.plan import Statement
from sodaf_migrate.schema.model import Index, Table, fold

__all__ = ["written"]


def written(old: Table, new: Table, indexes: Iterable[Index], facts: Facts) -> tuple[Statement, ...] | None:
    """The statement that gives the columns of one table the values they shall have, () where none changes.

    None where only a copy will do: a value that takes another storage class, a key or a part of UNIQUE (an UPDATE
    would go through states in which two rows have one value), a column that only the change lets be NULL, or NULLs to
    fill in a column whose other values stay.
    """
    mine = fold(new.name)
    names = {column for home, column in facts.values if home == mine}
    filled = {column for home, column in facts.fills if home == mine}
    if not names and not filled:
        return ()
    if filled - names or not names.isdisjoint(_keyed(old, indexes)):
        return None
    sets: list[str] = []
    differ: list[str] = []
    for column in new.columns:
        if fold(column.name) not in names:
            continue
        before = old.column(column.name)
        if before is not None and affinity(before.type, strict=old.strict) != affinity(column.type, strict=new.strict):
            return None
        if before is not None and before.not_null and not column.not_null:
            return None
        key, own = (mine, fold(column.name)), quote(column.name)
        fill = facts.fills.get(key)
        value = f"coalesce({facts.values[key]}, {fill})" if fill else facts.values[key]
        sets.append(f"{own} = {value}")
        # The plus takes the column's affinity away, and the collation is named: '1' is not 1, and 'a' is not 'A'.
        differ.append(f"{value} IS NOT (+{own}) COLLATE BINARY OR typeof({value}) <> typeof({own})")
    where = " OR ".join(f"({condition})" for condition in differ)
    # What goes is dropped only later: its name may still hide the rowid.
    there = replace(new, columns=(*new.columns, *(c for c in old.columns if new.column(c.name) is None)))
    return (in_parts(f"UPDATE main.{quote(new.name)} SET {', '.join(sets)}", there, where=where),)


def _keyed(table: Table, indexes: Iterable[Index]) -> set[str]:
    """The columns, folded, of which no two rows may hold the same."""
    found = {name for index in indexes if index.unique for name in index.names()}
    for key in (table.primary_key, *table.uniques):
        found |= {fold(name) for name in key.columns} if key is not None else set()
    return found
