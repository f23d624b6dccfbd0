"""Whether the one row of a table can become the values of a Single, or they a row, by what was counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sodaf_migrate.compare.changes import MoveChange, SchemaDiff
from sodaf_migrate.dialects.sqlite.census import Census
from sodaf_migrate.dialects.sqlite.census_moves import needed
from sodaf_migrate.plan import Finding, Severity

__all__ = ["settled_moves"]


def settled_moves(diff: SchemaDiff, census: Census) -> tuple[SchemaDiff, tuple[Finding, ...]]:
    """``diff`` with the moves that have anything to move, and what stands in their way."""
    stays: list[MoveChange] = []
    found: list[Finding] = []
    for change in diff.moves:
        source, target = (change.table, change.singles) if change.new == "values" else (change.singles, change.table)
        moving = census.find("moving", source, change.doctype)
        if moving is None or not moving.count:
            continue
        meeting = census.find("meeting", target, change.doctype)
        if change.new == "row" and meeting is not None and meeting.count:
            continue  # the table has rows of its own: it was no Single when they were written
        stays.append(change)
        found += _in_the_way(change, census, moving.count, meeting.count if meeting is not None else 0)
    return replace(diff, moves=tuple(stays)), tuple(found)


def _in_the_way(change: MoveChange, census: Census, moving: int, meeting: int) -> Iterator[Finding]:
    if change.new == "values" and moving > 1:
        yield _refusal(
            change,
            f'"{change.table}" has {moving} rows, and a Single has one',
            "Delete the other rows, or move them elsewhere, before it becomes a Single.",
            moving,
        )
    if change.new == "values" and meeting:
        yield _refusal(
            change,
            f'"{change.table}" has a row, and "{change.singles}" has {meeting} values of "{change.doctype}" already',
            "Delete the ones that do not count.",
            meeting,
        )
    for column in needed(change) if change.new == "row" else ():
        there = census.find("required", change.singles, column.name)
        if there is not None and not there.count:
            yield _refusal(
                change,
                f'"{change.singles}" has no value for "{column.name}", which may not be empty',
                "Give it a value or a default first.",
                1,
            )


def _refusal(change: MoveChange, message: str, hint: str, rows: int) -> Finding:
    return Finding(
        code="ROW_CANNOT_MOVE", severity=Severity.ERROR, target=change.doctype, message=message, hint=hint, rows=rows
    )
