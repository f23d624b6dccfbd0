"""A row as the values of a Single, and the values as a row: expressions over either."""

from __future__ import annotations

from collections.abc import Sequence

from sodaf_migrate.compare.changes import MoveChange
from sodaf_migrate.dialects.sqlite.conversion import conversion
from sodaf_migrate.dialects.sqlite.edit import constant_text
from sodaf_migrate.dialects.sqlite.names import literal
from sodaf_migrate.schema.model import Column, Sql, fold

__all__ = ["SINGLES", "as_text", "in_column", "last_value", "moved_values"]

#: The columns of the table of all Singles.
SINGLES = ("doctype", "field", "value")


def moved_values(change: MoveChange) -> str:
    """The condition for the values that move, over the table of all Singles."""
    fields = ", ".join(literal(column.name) for column in change.columns)
    return f"doctype = {literal(change.doctype)} AND field IN ({fields})"


def as_text(column: str) -> str:
    """A value as text that reads back as it was; the column of values turns whole numbers into text by itself."""
    return f"CASE typeof({column}) WHEN 'real' THEN {conversion('Float', 'Data', column).value} ELSE {column} END"


def last_value(change: MoveChange, column: Column, source: str, names: Sequence[str] = SINGLES) -> str:
    """The value of a field that was written last; ``source`` holds the values, its columns being called ``names``."""
    doctype, field, value = names
    return (
        f"(SELECT {value} FROM {source} WHERE {doctype} = {literal(change.doctype)}"
        f" AND {field} = {literal(column.name)} ORDER BY rowid DESC LIMIT 1)"
    )


def in_column(change: MoveChange, column: Column, value: str) -> str:
    """What the column of the row gets of ``value``: where that is NULL, what NOT NULL asks for."""
    if fold(column.name) == "name" and not column.type.upper().startswith("INT"):
        return f"coalesce({value}, {literal(change.doctype)})"
    if column.not_null and isinstance(column.default, Sql):
        return f"coalesce({value}, {constant_text(column.default)})"
    return value
