"""Rows that change beside the schema; a table's triggers rest meanwhile, for nobody edited a document."""

from __future__ import annotations

from sodaf_migrate.compare.changes import RowsChange
from sodaf_migrate.dialects.sqlite.aside import restore, set_aside
from sodaf_migrate.dialects.sqlite.census import row_condition
from sodaf_migrate.dialects.sqlite.names import literal, quote
from sodaf_migrate.dialects.sqlite.parts import in_parts, key_of
from sodaf_migrate.dialects.sqlite.refill import Refill
from sodaf_migrate.dialects.sqlite.refills import raise_sequence
from sodaf_migrate.dialects.sqlite.rowid import rowid_name
from sodaf_migrate.dialects.sqlite.settle import Cleaning
from sodaf_migrate.dialects.sqlite.stage import Stage
from sodaf_migrate.plan import Cost, Statement
from sodaf_migrate.schema.model import fold

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
    plain = {fold(column.name): quote(column.name) for column in table.columns if column.generated is None}
    held = {fold(name): f"r.{column}" for name, column in zip(refill.columns, refill.held, strict=True)}
    pairs = {plain[name]: column for name, column in held.items() if name in plain}
    home, source = f"main.{quote(table.name)}", f"temp.{quote(refill.source)}"
    rowid = rowid_name(table)
    if rowid is not None and rowid not in pairs:
        taken = f"EXISTS (SELECT 1 FROM {home} AS t WHERE t.{rowid} = r.rowid)"
        pairs = {rowid: f"CASE WHEN {taken} THEN NULL ELSE r.rowid END", **pairs}
    same = " AND ".join(f"t.{quote(name)} IS {held[fold(name)]} COLLATE BINARY" for name in refill.loss.key)
    free = f" WHERE NOT EXISTS (SELECT 1 FROM {home} AS t WHERE {same})" if same else ""
    insert = (
        f"INSERT OR IGNORE INTO {home} ({', '.join(pairs)})"
        f" SELECT {', '.join(pairs.values())} FROM {source} AS r{free} ORDER BY r.rowid"
    )
    counted = raise_sequence(table, refill.sequence) if refill.sequence is not None else ()
    drops, makes = resting(stage, table.name)
    title = f'put rows of "{table.name}" back that had gone'
    up = (*drops, insert, *counted, *makes)
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
