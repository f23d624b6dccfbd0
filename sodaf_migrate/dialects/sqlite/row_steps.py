"""Rows that change beside the schema; a table's triggers rest meanwhile, for nobody edited a document."""

from __future__ import annotations

from sodaf_migrate.compare.changes import RowsChange
from sodaf_migrate.dialects.sqlite.aside import restore, set_aside
from sodaf_migrate.dialects.sqlite.census import row_condition
from sodaf_migrate.dialects.sqlite.names import literal, quote
from sodaf_migrate.dialects.sqlite.settle import Cleaning
from sodaf_migrate.dialects.sqlite.stage import Stage
from sodaf_migrate.plan import Cost

__all__ = ["clean", "follow"]


def clean(stage: Stage, cleaning: Cleaning) -> None:
    """Change rows that stand in the way of a constraint."""
    drops, makes = _resting(stage, cleaning.table)
    up = (*drops, *cleaning.sql, *makes)
    reason = "rows are changed where they are"
    stage.step(
        cleaning.title, cleaning.table, up, (), Cost.IN_PLACE, reason, lost="those rows", losses=(cleaning.loss,)
    )


def follow(stage: Stage, change: RowsChange) -> None:
    """Let rows follow a rename."""
    drops, makes = _resting(stage, change.table)
    head = f"UPDATE main.{quote(change.table)} SET {quote(change.column)} ="
    forth = f"{head} {literal(change.new)} WHERE {row_condition(change, change.old)}"
    back = f"{head} {literal(change.old)} WHERE {row_condition(change, change.new)}"
    title = f'let "{change.column}" of "{change.table}" follow: {change.old} becomes {change.new}'
    up, down = (*drops, forth, *makes), (*drops, back, *makes)
    stage.step(title, change.table, up, down, Cost.IN_PLACE, change.reason)


def _resting(stage: Stage, table: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    own = stage.now(table).triggers_of(table)
    return set_aside((), own), restore((), own)
