"""The schema that a diff leads to: pure, and used forwards, for a preview and on the way back alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeVar

from sodaf_migrate.compare.changes import SchemaDiff
from sodaf_migrate.schema.model import Column, Schema, Table, Trigger, fold

__all__ = ["applied"]

Item = TypeVar("Item")


def applied(live: Schema, diff: SchemaDiff) -> Schema:
    """``live`` with every change of ``diff`` but renames made; renames are for the database itself to carry out.

    What a change calls ``old`` need not be there to the letter any more (others may have altered it since): things
    are found by name, constraints by what they say.
    """
    tables = list(live.tables)
    for change in diff.tables:
        if change.new is None and change.old is not None:
            tables = [table for table in tables if fold(table.name) != fold(change.old.name)]
        elif change.old is None and change.new is not None:
            tables.append(change.new)
    tables = [_altered(table, diff) for table in tables]
    return replace(
        live,
        tables=tuple(tables),
        indexes=_listed(live.indexes, diff.indexes),
        views=_listed(live.views, diff.views),
        triggers=_sorted(_listed(live.triggers, diff.triggers), diff),
        virtual_tables=_listed(live.virtual_tables, diff.virtual_tables),
    )


def _listed(items: Iterable[Any], changes: Iterable[Any]) -> tuple[Any, ...]:
    """Named things with the changes made: what changes stays in its place in the order, what is new comes last."""
    found = list(items)
    for change in changes:
        names = [fold(item.name) for item in found]
        there = names.index(fold(change.old.name)) if change.old and fold(change.old.name) in names else None
        if there is None:
            found += [change.new] if change.new else []
        else:
            found[there : there + 1] = [change.new] if change.new else []
    return tuple(found)


def _sorted(triggers: tuple[Trigger, ...], diff: SchemaDiff) -> tuple[Trigger, ...]:
    """The triggers, those of each table in the order that the diff asks for: it is the order in which they fire."""
    place = {
        (fold(change.table), fold(name)): number
        for change in diff.trigger_orders
        for number, name in enumerate(change.new)
    }
    return tuple(sorted(triggers, key=lambda trigger: place.get((fold(trigger.table), fold(trigger.name)), 0)))


def _altered(table: Table, diff: SchemaDiff) -> Table:
    mine = fold(table.name)

    def here(changes: Iterable[Any]) -> list[Any]:
        return [change for change in changes if fold(change.table) == mine]

    key = table.primary_key
    for change in here(diff.primary_keys):
        key = change.new
    options = {change.option: change.new for change in here(diff.options)}
    return replace(
        table,
        columns=_ordered(_columns(table.columns, here(diff.columns)), here(diff.orders)),
        primary_key=key,
        uniques=_constraints(table.uniques, here(diff.uniques)),
        foreign_keys=_constraints(table.foreign_keys, here(diff.foreign_keys)),
        checks=_constraints(table.checks, here(diff.checks)),
        **options,
    )


def _columns(columns: tuple[Column, ...], changes: Iterable[Any]) -> tuple[Column, ...]:
    return _listed(columns, [change for change in changes if change.aspects != {"name"}])


def _ordered(columns: tuple[Column, ...], orders: Iterable[Any]) -> tuple[Column, ...]:
    for change in orders:
        place = {fold(name): position for position, name in enumerate(change.new)}
        columns = tuple(sorted(columns, key=lambda column: place.get(fold(column.name), len(place))))
    return columns


def _constraints(constraints: tuple[Item, ...], changes: Iterable[Any]) -> tuple[Item, ...]:
    found = list(constraints)
    for change in changes:
        if change.old is not None and change.old in found:
            found.remove(change.old)
        if change.new is not None and change.new not in found:
            found.append(change.new)
    return tuple(found)
