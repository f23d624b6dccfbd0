"""Statements that bring the rows of a live table (``t``) back to those of a backup (``p``)."""

from __future__ import annotations

from collections.abc import Mapping

from sodaf_migrate.dialects.sqlite.copies import alike, any_of, insert_select, numbered, plain_columns
from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.dialects.sqlite.rowid import rowid_name
from sodaf_migrate.schema.model import Table

__all__ = [
    "CHANGED",
    "MATCHED",
    "count_rows",
    "delete_changed",
    "delete_others",
    "differing",
    "insert_changed",
    "make_changed",
    "take_changed",
    "take_matched",
]

#: TEMP tables: the rows that are overwritten, as they will be; the keys of all live rows that the backup has too.
CHANGED, MATCHED = "sodaf_changed", "sodaf_matched"


def differing(table: Table, columns: Mapping[str, str], *, signs: bool) -> str:
    """The condition that a live row is not as the backup has it; ``columns`` maps live names to the backup's."""
    return any_of(
        [
            alike(column, table.strict, f"t.{quote(column.name)}", f"p.{columns[column.name]}", signs=signs)
            for column in table.columns
            if column.name in columns
        ]
    )


def count_rows(table: Table, source: str, matching: str, differs: str) -> str:
    """(rows of the backup, live rows, rows of both, rows of both that differ)."""
    live = f"main.{quote(table.name)}"
    # CROSS JOIN: the backup is read once, and the live row looked up by its key. The differences are a condition and
    # not a sum, for an aggregate takes two thousand terms at most.
    both = f"SELECT count(*) FROM {source} AS p CROSS JOIN {live} AS t WHERE {matching}"
    return f"SELECT (SELECT count(*) FROM {source}), (SELECT count(*) FROM {live}), ({both}), ({both} AND ({differs}))"


def take_changed(table: Table, source: str, matching: str, differs: str, columns: Mapping[str, str]) -> tuple[str, ...]:
    """Fills ``CHANGED``: the backup's values, the live ones in columns that the backup does not have."""
    plain = plain_columns(table)
    rowid = rowid_name(table)
    return insert_select(
        f"temp.{CHANGED}",
        numbered("l", len(plain)),
        [f"p.{columns[c.name]}" if c.name in columns else f"t.{quote(c.name)}" for c in plain],
        f"FROM {source} AS p CROSS JOIN main.{quote(table.name)} AS t WHERE {matching} AND ({differs})",
        rowid=("rowid", f"t.{rowid}") if rowid is not None else None,
    )


def make_changed(table: Table) -> str:
    """The TEMP table ``CHANGED``, empty."""
    return f"CREATE TEMP TABLE {CHANGED} ({', '.join(numbered('l', len(plain_columns(table))))})"


def take_matched(table: Table, source: str, matching: str) -> tuple[str, str]:
    """(CREATE, INSERT) of ``MATCHED``."""
    keys = _keys(table)
    return (
        f"CREATE TEMP TABLE {MATCHED} ({', '.join(numbered('k', len(keys)))})",
        f"INSERT INTO temp.{MATCHED} SELECT {', '.join(f't.{key}' for key in keys)}"
        f" FROM {source} AS p CROSS JOIN main.{quote(table.name)} AS t WHERE {matching}",
    )


def delete_others(table: Table) -> str:
    """Deletes every live row that is not in ``MATCHED``."""
    keys = _keys(table)
    wanted = ", ".join(numbered("k", len(keys)))
    return (
        f"DELETE FROM main.{quote(table.name)} WHERE ({', '.join(keys)}) NOT IN (SELECT {wanted} FROM temp.{MATCHED})"
    )


def delete_changed(table: Table) -> str:
    """Deletes the live rows of ``CHANGED``, before they come back: values that two rows swapped may be unique."""
    name, rowid = quote(table.name), rowid_name(table)
    if rowid is not None:
        return f"DELETE FROM main.{name} WHERE {rowid} IN (SELECT rowid FROM temp.{CHANGED})"
    places = {quote(column.name): f"l{place}" for place, column in enumerate(plain_columns(table))}
    keys = _keys(table)
    held = ", ".join(places[key] for key in keys)
    return f"DELETE FROM main.{name} WHERE ({', '.join(keys)}) IN (SELECT {held} FROM temp.{CHANGED})"


def insert_changed(table: Table) -> tuple[str, ...]:
    """Inserts the rows of ``CHANGED`` with the rowids that they had."""
    plain = plain_columns(table)
    targets, rowid = [quote(column.name) for column in plain], rowid_name(table)
    return insert_select(
        f"main.{quote(table.name)}",
        targets,
        numbered("l", len(plain)),
        f"FROM temp.{CHANGED} WHERE 1",
        rowid=(rowid, "rowid") if rowid is not None and rowid not in targets else None,
    )


def _keys(table: Table) -> list[str]:
    """What tells live rows apart: the rowid, or the primary key of a table without."""
    rowid = rowid_name(table)
    if rowid is not None:
        return [rowid]
    assert table.primary_key is not None
    return [quote(_stored(table, name)) for name in table.primary_key.columns]


def _stored(table: Table, name: str) -> str:
    column = table.column(name)
    return column.name if column is not None else name
