"""Rows that change beside the schema; a table's triggers rest meanwhile, for nobody edited a document."""

from __future__ import annotations

from sodaf_migrate.compare.changes import RowsChange
from sodaf_migrate.dialects.sqlite.aside import restore, set_aside
from sodaf_migrate.dialects.sqlite.census import row_condition
from sodaf_migrate.dialects.sqlite.names import literal, quote
from sodaf_migrate.dialects.sqlite.parts import in_parts, key_of
from sodaf_migrate.dialects.sqlite.refill import Refill
from sodaf_migrate.dialects.sqlite.settle import Cleaning
from sodaf_migrate.dialects.sqlite.stage import Stage
from sodaf_migrate.plan import Cost, Statement

__all__ = ["clean", "follow", "put_back", "resting"]


def clean(stage: Stage, cleaning: Cleaning) -> None:
    """Change rows that stand in the way of a constraint."""
    drops, makes = resting(stage, cleaning.table)
    up: list[str | Statement] = [*drops, *cleaning.sql, *makes]
    reason = "rows are changed where they are"
    stage.step(
        cleaning.title, cleaning.table, up, (), Cost.IN_PLACE, reason, lost="those rows", losses=(cleaning.loss,)
    )


def follow(stage: Stage, change: RowsChange) -> None:
    """Let rows follow a rename."""
    drops, makes = resting(stage, change.table)
    forth, back = _renamed(stage, change, change.old, change.new), _renamed(stage, change, change.new, change.old)
    title = f'let "{change.column}" of "{change.table}" follow: {change.old} becomes {change.new}'
    up: list[str | Statement] = [*drops, forth, *makes]
    down: list[str | Statement] = [*drops, back, *makes]
    stage.step(title, change.table, up, down, Cost.IN_PLACE, change.reason)


def put_back(stage: Stage, refill: Refill) -> None:
    """Insert whole rows that a backup holds; one whose key is taken by now, or that no longer fits, stays out."""
    table = stage.now(refill.loss.table).table(refill.loss.table)
    if table is None:
        return
    drops, makes = resting(stage, table.name)
    title = f'put rows of "{table.name}" back that had gone'
    up = (*drops, *refill.bring_back(table), *makes)
    gone = "which of these rows were there before, and which came with the step"
    stage.step(title, table.name, up, (), Cost.IN_PLACE, "the rows come from a backup", lost=gone)


def _renamed(stage: Stage, change: RowsChange, old: str, new: str) -> Statement:
    head = f"UPDATE main.{quote(change.table)} SET {quote(change.column)} = {literal(new)}"
    where, there = row_condition(change, old), stage.now(change.table).table(change.table)
    if there is None or quote(change.column) in key_of(there):  # a part must not find the rows of the one before it
        return Statement(sql=f"{head} WHERE {where}")
    return in_parts(head, there, where=where)


def resting(stage: Stage, table: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    own = stage.now(table).triggers_of(table)
    return set_aside((), own), restore((), own)
