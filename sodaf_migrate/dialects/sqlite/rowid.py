"""By which name a table's rowid can be had."""

from __future__ import annotations

from collections.abc import Iterable

from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.schema.model import Table, fold

__all__ = ["rowid_name"]

_NAMES = ("rowid", "_rowid_", "oid")


def rowid_name(table: Table, coming: Iterable[str] = ()) -> str | None:
    """The INTEGER PRIMARY KEY column, quoted, else a name of the rowid that no column shadows; None without either.

    The name goes on meaning the rowid when the columns ``coming`` are added.
    """
    if table.without_rowid:
        return None
    if table.primary_key is not None and table.primary_key.rowid_alias:
        return quote(table.primary_key.columns[0])
    names = {fold(column.name) for column in table.columns} | {fold(name) for name in coming}
    # Never quoted: "rowid" in quotes is a string where no such column exists.
    return next((name for name in _NAMES if name not in names), None)
