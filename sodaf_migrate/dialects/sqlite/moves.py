"""The one row of a table becomes values among those of all Singles, or the values become a row.

On the way back a backup may hold what the migration took (``Refill``): then whatever still is what the migration made
of it comes back as it was, and only what was changed since is written anew.
"""

from __future__ import annotations

from sodaf_migrate.compare.changes import MoveChange
from sodaf_migrate.dialects.sqlite.names import literal, quote
from sodaf_migrate.dialects.sqlite.refill import Refill
from sodaf_migrate.dialects.sqlite.row_steps import resting
from sodaf_migrate.dialects.sqlite.rowid import rowid_name
from sodaf_migrate.dialects.sqlite.singles import as_text, in_column, last_value, moved_values
from sodaf_migrate.dialects.sqlite.stage import Stage
from sodaf_migrate.plan import Cost
from sodaf_migrate.schema.model import Column, fold

__all__ = ["move_steps", "moves_rows"]


def move_steps(stage: Stage) -> None:
    """One step for each move."""
    for change in stage.diff.moves:
        refill = next((each for each in stage.verdict.refills if moves_rows(change, each)), None)
        down, up = _as_row(stage, change, refill), _as_values(stage, change, refill)
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
            lost="" if stage.diff.is_reverse else "how its values were written",
        )


def moves_rows(change: MoveChange, refill: Refill) -> bool:
    """Whether what ``refill`` brings back is what ``change``, a way back, puts there."""
    target = change.singles if change.new == "values" else change.table
    return refill.is_rows and fold(refill.loss.table) == fold(target)


def _as_values(stage: Stage, change: MoveChange, refill: Refill | None) -> list[str]:
    table, doctype = f"main.{quote(change.table)}", literal(change.doctype)
    back = stage.diff.is_reverse and change.new == "values"
    statements = [
        f"INSERT INTO main.{quote(change.singles)} (doctype, field, value)"
        f" SELECT {doctype}, {literal(column.name)}, {as_text(quote(column.name))} FROM {table}"
        f" WHERE {quote(column.name)} IS NOT NULL{_not_made(change, column, refill) if back else ''}"
        for column in change.columns
    ]
    if back and refill is not None:
        statements.append(f"DELETE FROM temp.{quote(refill.source)} AS r WHERE NOT {refill.still}")
    return [*statements, f"DELETE FROM {table}"]


def _not_made(change: MoveChange, column: Column, refill: Refill | None) -> str:
    """On the way back: nor is it what the migration put there, of a value that comes back or of none."""
    made = in_column(change, column, refill.moved_from(column) if refill is not None else "NULL")
    return "" if made == "NULL" else f" AND {quote(column.name)} IS NOT {made} COLLATE BINARY"


def _as_row(stage: Stage, change: MoveChange, refill: Refill | None) -> list[str]:
    singles, mine = f"main.{quote(change.singles)}", moved_values(change)
    refill = refill if change.new == "row" else None
    names = [quote(column.name) for column in change.columns]
    values = [_value(change, column, singles, refill) for column in change.columns]
    there = stage.now(change.table).table(change.table)
    rowid = rowid_name(there) if there is not None and refill is not None and refill.rowids else None
    if rowid is not None and rowid not in names and refill is not None:
        names, values = [rowid, *names], [f"(SELECT rowid FROM temp.{quote(refill.source)})", *values]
    insert = f"INSERT INTO main.{quote(change.table)} ({', '.join(names)}) SELECT {', '.join(values)}"
    return [f"{insert} WHERE EXISTS (SELECT 1 FROM {singles} WHERE {mine})", f"DELETE FROM {singles} WHERE {mine}"]


def _value(change: MoveChange, column: Column, singles: str, refill: Refill | None) -> str:
    """What the row gets: what it held before where the value still is what became of that, else the value."""
    value = last_value(change, column, singles)
    held = refill.held_of(column.name) if refill is not None else None
    if refill is None or held is None:
        return in_column(change, column, value)
    source = f"FROM temp.{quote(refill.source)}"
    became, was = f"(SELECT {as_text(held)} {source})", f"(SELECT {held} {source})"
    return f"CASE WHEN {value} IS {became} THEN {was} ELSE {in_column(change, column, value)} END"
