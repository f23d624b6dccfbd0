"""The one row of a table becomes values among those of all Singles, or the values become a row."""

from __future__ import annotations

from sodaf_migrate.compare.changes import MoveChange
from sodaf_migrate.dialects.sqlite.conversion import conversion
from sodaf_migrate.dialects.sqlite.edit import constant_text
from sodaf_migrate.dialects.sqlite.names import literal, quote
from sodaf_migrate.dialects.sqlite.row_steps import resting
from sodaf_migrate.dialects.sqlite.stage import Stage
from sodaf_migrate.plan import Cost
from sodaf_migrate.schema.model import Column, Sql, fold

__all__ = ["move_steps"]

_NAME = "name"


def move_steps(stage: Stage) -> None:
    """One step for each move."""
    for change in stage.diff.moves:
        down, up = _as_row(change), _as_values(change)
        if change.new == "row":
            up, down = down, up
        drops, makes = resting(stage, change.table)
        more_drops, more_makes = resting(stage, change.singles)
        drops, makes = (*drops, *more_drops), (*makes, *more_makes)
        what = ("row", "values of Singles") if change.new == "values" else ("values", "row")
        stage.step(
            f'move the {what[0]} of "{change.doctype}" to its {what[1]}',
            change.table,
            (*drops, *up, *makes),
            (*drops, *down, *makes),
            Cost.IN_PLACE,
            "one row is moved",
        )


def _as_values(change: MoveChange) -> list[str]:
    table, doctype = f"main.{quote(change.table)}", literal(change.doctype)
    inserts = [
        f"INSERT INTO main.{quote(change.singles)} (doctype, field, value)"
        f" SELECT {doctype}, {literal(column.name)}, {_text(quote(column.name))} FROM {table}"
        f" WHERE {quote(column.name)} IS NOT NULL"
        for column in change.columns
    ]
    return [*inserts, f"DELETE FROM {table}"]


def _text(column: str) -> str:
    """A value as text that reads back as it was; the column of values turns whole numbers into text by itself."""
    return f"CASE typeof({column}) WHEN 'real' THEN {conversion('Float', 'Data', column).value} ELSE {column} END"


def _as_row(change: MoveChange) -> list[str]:
    singles = f"main.{quote(change.singles)}"
    fields = ", ".join(literal(column.name) for column in change.columns)
    mine = f"doctype = {literal(change.doctype)} AND field IN ({fields})"
    names = ", ".join(quote(column.name) for column in change.columns)
    values = ", ".join(_value(change, column) for column in change.columns)
    insert = f"INSERT INTO main.{quote(change.table)} ({names}) SELECT {values}"
    return [f"{insert} WHERE EXISTS (SELECT 1 FROM {singles} WHERE {mine})", f"DELETE FROM {singles} WHERE {mine}"]


def _value(change: MoveChange, column: Column) -> str:
    """What the row gets: the value that was written last, and where there is none, what NOT NULL asks for."""
    value = (
        f"(SELECT value FROM main.{quote(change.singles)} WHERE doctype = {literal(change.doctype)}"
        f" AND field = {literal(column.name)} ORDER BY rowid DESC LIMIT 1)"
    )
    if fold(column.name) == _NAME and not column.type.upper().startswith("INT"):
        return f"coalesce({value}, {literal(change.doctype)})"
    if column.not_null and isinstance(column.default, Sql):
        return f"coalesce({value}, {constant_text(column.default)})"
    return value
