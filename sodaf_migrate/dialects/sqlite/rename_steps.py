"""Renames: SQLite itself rewrites every index, trigger, view and foreign key that says the name."""

from __future__ import annotations

from itertools import pairwise

from sodaf_migrate.compare.changes import ColumnChange
from sodaf_migrate.compare.renames import rename_order
from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.dialects.sqlite.stage import Stage
from sodaf_migrate.schema.model import fold

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
    up = [_sql(a, b) for a, b in hops]
    down = [_sql(b, a) for a, b in reversed(hops)]
    stage.step(f'rename table "{old}" to "{new}"', new, up, down, reason=_REASON)


def _rename_columns(stage: Stage, table: str, changes: list[ColumnChange]) -> None:
    pairs = [(change.old.name, change.new.name) for change in changes if change.old and change.new]
    current = stage.now(table).table(table)
    order = rename_order(pairs, [column.name for column in current.columns] if current else [])
    head = f"ALTER TABLE main.{quote(table)} RENAME COLUMN"
    up = [f"{head} {quote(old)} TO {quote(new)}" for old, new in order]
    down = [f"{head} {quote(new)} TO {quote(old)}" for old, new in reversed(order)]
    said = ", ".join(f'"{old}" to "{new}"' for old, new in pairs)
    stage.step(f'rename column {said} of "{table}"', table, up, down, reason=_REASON)


def _sql(old: str, new: str) -> str:
    return f"ALTER TABLE main.{quote(old)} RENAME TO {quote(new)}"
