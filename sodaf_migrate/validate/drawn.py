"""Which rows of the live tables a plan is tried on: a few of each kind that matters to it, and what they refer to."""

from __future__ import annotations

from collections.abc import Iterable

from sodaf_migrate.compare.changes import ForeignKeyChange
from sodaf_migrate.dialects.sqlite.live_names import LiveNames
from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.dialects.sqlite.question import Question
from sodaf_migrate.dialects.sqlite.rowid import rowid_name
from sodaf_migrate.dialects.sqlite.samples import Sample, beside, condition_of, draw, needing
from sodaf_migrate.plan import Plan, Temporary
from sodaf_migrate.schema.model import Schema, fold
from sodaf_migrate.wire.connection import Wire

__all__ = ["drawn"]

_ROUNDS = 10  # how far rows of one table that refer to one another are followed


def drawn(wire: Wire, plan: Plan, live: Schema, met: Iterable[Question]) -> tuple[Sample, ...]:
    """Some rows of each live table of the plan, with the parents that a new foreign key asks them for.

    ``met`` are the questions that some row answers to: to look for others would read the whole table in vain.
    """
    touched = {fold(name) for name in plan.scope}
    coming = {fold(each.table) for each in plan.temporary if not each.column}
    waiting = {fold(c.table) for c in plan.diff.foreign_keys if c.new is not None and fold(c.new.table) in coming}
    waiting |= {fold(table.name) for table in live.tables if any(fold(k.table) in coming for k in table.foreign_keys)}
    # Of parents that come with the plan the trial has only some: rows that need them are left out.
    tables = [table for table in live.tables if fold(table.name) in touched - waiting]
    if not tables:
        return ()
    asked = [question for question in met if question.source is None and question.kind != "rows"]
    found: dict[str, Sample] = {}
    for table in tables:
        mine = [condition_of(question) for question in asked if fold(question.table) == fold(table.name)]
        found[fold(table.name)] = draw(wire, table, mine)
    added = [change for change in plan.diff.foreign_keys if change.new is not None]
    for _ in range(_ROUNDS if added else 0):
        before = dict(found)
        for change in added:
            _add_parents(wire, LiveNames(live, plan.diff), change, found, plan.temporary)
        if found == before:
            break
    return tuple(found.values())


def _add_parents(
    wire: Wire,
    names: LiveNames,
    change: ForeignKeyChange,
    found: dict[str, Sample],
    temporary: Iterable[Temporary],
) -> None:
    key = change.new
    child = names.table(change.table)
    parent = names.table(key.table) if key is not None else None
    if key is None or child is None or parent is None or fold(child.name) not in found:
        return
    own = [quote(name) for name in names.referenced(key) if name is not None]
    if len(own) != len(key.columns):
        del found[fold(child.name)]  # what it refers to comes with the plan
        return
    given = [_given(names, change.table, name) for name in key.columns]
    rowid, rows = rowid_name(child), found[fold(child.name)]
    for each in temporary:  # what comes back refers to rows too
        if fold(each.table) == fold(child.name):
            given = [
                _returning(each, beside(wire, each, rows), rowid, value) if fold(name) == fold(each.column) else value
                for name, value in zip(key.columns, given, strict=True)
            ]
    some = f" WHERE c.{rowid} IN ({_numbers(rows.keys)})" if rowid and rows.keys is not None else ""
    condition = f"({', '.join(own)}) IN (SELECT {', '.join(given)} FROM main.{quote(child.name)} AS c{some})"
    there = found.get(fold(parent.name)) or draw(wire, parent)
    found[fold(parent.name)] = needing(wire, parent, there, condition)


def _numbers(keys: Iterable[int | None]) -> str:
    return ", ".join(str(key) for key in keys)


def _given(names: LiveNames, table: str, column: str) -> str:
    """What a column of the foreign key holds: for one that is new, NULL, which asks for no parent."""
    there = names.column(table, column)
    return f"c.{quote(there)}" if there is not None else "NULL"


def _returning(temporary: Temporary, sample: Sample, rowid: str | None, otherwise: str) -> str:
    """What the column will hold once its values are back."""
    live = [quote(name) for name in temporary.key] or [rowid or "rowid"]
    same = " AND ".join(f"r.k{number} IS c.{name}" for number, name in enumerate(live))
    some = f"r.rowid IN ({_numbers(sample.keys or ())}) AND {same}"
    return f"coalesce((SELECT r.value FROM temp.{quote(temporary.name)} AS r WHERE {some}), {otherwise})"
