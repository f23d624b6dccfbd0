"""What is counted before the one row of a table becomes the values of a Single, or they become a row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sodaf_migrate.compare.changes import MoveChange, SchemaDiff
from sodaf_migrate.dialects.sqlite.names import literal
from sodaf_migrate.dialects.sqlite.question import Question
from sodaf_migrate.dialects.sqlite.singles import moved_values
from sodaf_migrate.schema.model import Column, Schema, Sql, fold

__all__ = ["about_moves", "needed"]


def about_moves(live: Schema, diff: SchemaDiff) -> Iterator[Question]:
    """What moves, what is there already, and what a row could not do without."""
    for change in diff.moves:
        mine = f"doctype = {literal(change.doctype)}"
        row = None if live.table(change.table) is None else Question(kind="", table=change.table, about=change.doctype)
        values = None
        if live.table(change.singles) is not None:
            values = Question(kind="", table=change.singles, about=change.doctype, condition=moved_values(change))
        source, target = (row, values) if change.new == "values" else (values, row)
        yield from (replace(each, kind=kind) for each, kind in ((source, "moving"), (target, "meeting")) if each)
        for column in needed(change) if change.new == "row" and values is not None else ():
            has = f"{mine} AND field = {literal(column.name)} AND value IS NOT NULL"
            yield Question(kind="required", table=change.singles, about=column.name, condition=has)


def needed(change: MoveChange) -> Iterator[Column]:
    """The columns that a row must have a value for, and get none by themselves."""
    for column in change.columns:
        if column.not_null and not isinstance(column.default, Sql) and fold(column.name) != "name":
            yield column
