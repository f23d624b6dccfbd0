"""Renames: SQLite itself rewrites every index, trigger, view and foreign key that says the name."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from sodaf_migrate.compare.changes import ColumnChange
from sodaf_migrate.compare.renames import rename_order
from sodaf_migrate.dialects.sqlite.alter import same_table
from sodaf_migrate.dialects.sqlite.aside import restore, set_aside
from sodaf_migrate.dialects.sqlite.ddl import create_table
from sodaf_migrate.dialects.sqlite.inspect import dependents, read_schema
from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.dialects.sqlite.rebuild import rebuild
from sodaf_migrate.dialects.sqlite.shadow import shadow_of
from sodaf_migrate.dialects.sqlite.stage import Stage
from sodaf_migrate.dialects.sqlite.statistics import renamed_along
from sodaf_migrate.errors import DatabaseError, SchemaParseError, UnsupportedChangeError
from sodaf_migrate.plan import Cost, Statement
from sodaf_migrate.schema.model import Schema, Table, fold

__all__ = ["rename_steps"]

_REASON = "RENAME only changes the catalogue"


def rename_steps(stage: Stage) -> None:
    """Tables and then their columns; on the way back the other way round."""
    by_table: dict[str, list[ColumnChange]] = {}
    for column in stage.diff.renamed_columns:
        by_table.setdefault(column.table, []).append(column)
    if stage.diff.is_reverse:
        for table, changes in by_table.items():
            _rename_columns(stage, table, changes)
    for change in stage.diff.tables:
        if change.old is not None and change.new is not None:
            _rename_table(stage, change.old.name, change.new.name)
    if not stage.diff.is_reverse:
        for table, changes in by_table.items():
            _rename_columns(stage, table, changes)


def _rename_table(stage: Stage, old: str, new: str) -> None:
    path = [old, new]
    if fold(old) == fold(new):  # SQLite refuses a change of case alone
        path = [old, f"{new}__rename", new]
    hops = list(pairwise(path))
    known = stage.facts.statistics
    up = [*(_sql(a, b) for a, b in hops), *renamed_along(old, new, known)]
    down = [*(_sql(b, a) for a, b in reversed(hops)), *renamed_along(new, old, known)]
    stage.step(f'rename table "{old}" to "{new}"', new, up, down, reason=_REASON)


def _rename_columns(stage: Stage, table: str, changes: list[ColumnChange]) -> None:
    pairs = [(change.old.name, change.new.name) for change in changes if change.old and change.new]
    current = stage.now(table).table(table)
    order = rename_order(pairs, [column.name for column in current.columns] if current else [])
    head = f"ALTER TABLE main.{quote(table)} RENAME COLUMN"
    up = [f"{head} {quote(old)} TO {quote(new)}" for old, new in order]
    down = [f"{head} {quote(new)} TO {quote(old)}" for old, new in reversed(order)]
    said = ", ".join(f'"{old}" to "{new}"' for old, new in pairs)
    title = f'rename column {said} of "{table}"'
    try:
        stage.step(title, table, up, down, reason=_REASON)
    except UnsupportedChangeError:
        if not _respell(stage, table, up) and not _set_dependents_aside(stage, table):
            raise
        stage.step(title, table, up, down, reason=_REASON)


def _respell(stage: Stage, table: str, renames: list[str]) -> bool:
    """Copy the table into one whose constraints stand in an order in which RENAME COLUMN works; False if none does.

    SQLite 3.40 forgets a column in its text where UNIQUE and an integer key both name it, depending on which is first.
    """
    schema = stage.now(table)
    current = schema.table(table)
    if current is None or not current.uniques or current.primary_key is None:
        return False
    indexes, named_by = schema.indexes_of(table), dependents(schema, [table])
    drops, makes = set_aside(named_by.views, named_by.triggers), restore(named_by.views, named_by.triggers)
    for text in (create_table(current), create_table(current, key_last=True)):
        if not _is_way(stage, current, text, renames):
            continue
        there = rebuild(current, current, indexes, stage.facts, text=text)
        back = rebuild(current, current, indexes, stage.facts, text=current.sql)
        up: list[str | Statement] = [*drops, *there, *makes]
        down: list[str | Statement] = [*drops, *back, *makes]
        title = f'copy "{table}" with its keys in another order'
        stage.step(title, table, up, down, Cost.REBUILD, "SQLite cannot rename a column of it as it is spelled")
        return True
    return False


def _is_way(stage: Stage, table: Table, text: str, renames: list[str]) -> bool:
    """Whether ``text`` makes the same table, and lets the columns be renamed."""
    alone = Schema(tables=(replace(table, sql=text),))
    try:
        with shadow_of(alone, stage.shadow.on_connect) as trial:
            reached = read_schema(trial).table(table.name)
            for sql in renames:
                trial.run(sql)
    except (DatabaseError, SchemaParseError):
        return False
    return reached is not None and same_table(reached, table)


def _set_dependents_aside(stage: Stage, table: str) -> bool:
    """Drop what names the table and cannot be rewritten (SQLite fails on a view of a view); False when nothing does.

    The wish has to bring them in words that fit, or they come back as they were and are found broken.
    """
    named_by = dependents(stage.now(table), [table])
    if not named_by.views and not named_by.triggers:
        return False
    drops = set_aside(named_by.views, named_by.triggers)
    makes = restore(named_by.views, named_by.triggers)
    stage.step(f'set aside what names "{table}"', table, drops, makes)
    stage.aside = replace(
        stage.aside, views=stage.aside.views + named_by.views, triggers=stage.aside.triggers + named_by.triggers
    )
    return True


def _sql(old: str, new: str) -> str:
    return f"ALTER TABLE main.{quote(old)} RENAME TO {quote(new)}"
