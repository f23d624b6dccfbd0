"""The names by which history remembers what is ours."""

from __future__ import annotations

from dataclasses import replace

from sodaf_migrate.schema.model import (
    Check,
    Constraint,
    ForeignKey,
    ObjectName,
    PrimaryKey,
    Schema,
    Table,
    Unique,
    digest,
    fold,
)

__all__ = ["carried", "constraint_name", "object_names", "table_names"]


def constraint_name(table: str, constraint: Constraint) -> ObjectName:
    """The name of a constraint: what it says, since most have no name of their own."""
    table = fold(table)
    match constraint:
        case PrimaryKey():
            return ObjectName("primary_key", table, "")
        case Unique():
            return ObjectName("unique", table, digest(constraint)[:16])
        case ForeignKey():
            return ObjectName("foreign_key", table, digest(constraint)[:16])
        case Check():
            return ObjectName("check", table, digest(constraint)[:16])


def table_names(table: Table) -> frozenset[ObjectName]:
    """The names of a table, its columns and its constraints, folded."""
    name = fold(table.name)
    found = {ObjectName("table", name, name)}
    found |= {ObjectName("column", name, fold(column.name)) for column in table.columns}
    found |= {constraint_name(name, constraint) for constraint in table.constraints}
    return frozenset(found)


def object_names(schema: Schema) -> frozenset[ObjectName]:
    """The names of everything a schema holds."""
    found: set[ObjectName] = set()
    for table in schema.tables:
        found |= table_names(table)
    found |= {ObjectName("index", fold(index.table), fold(index.name)) for index in schema.indexes}
    found |= {ObjectName("view", fold(view.name), fold(view.name)) for view in schema.views}
    found |= {ObjectName("trigger", fold(trigger.table), fold(trigger.name)) for trigger in schema.triggers}
    found |= {ObjectName("virtual_table", fold(it.name), fold(it.name)) for it in schema.virtual_tables}
    return frozenset(found)


def carried(owned: frozenset[ObjectName], before: Table, after: Table) -> frozenset[ObjectName]:
    """What is owned of a table ``before`` its renames, by the names that it has ``after`` them.

    A rename leaves columns and constraints in their order, so they are the same by their place.
    """
    old, new = fold(before.name), fold(after.name)
    names = {(ObjectName("table", old, old), ObjectName("table", new, new))}
    for a, b in zip(before.columns, after.columns, strict=True):
        names.add((ObjectName("column", old, fold(a.name)), ObjectName("column", new, fold(b.name))))
    for c, d in zip(before.constraints, after.constraints, strict=True):
        names.add((constraint_name(old, c), constraint_name(new, d)))
    found = {later for earlier, later in names if earlier in owned}
    moved = {replace(name, table=new) for name in owned if name.table == old and name.kind in ("index", "trigger")}
    return frozenset(found | moved)
