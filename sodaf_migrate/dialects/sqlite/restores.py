"""Statements that bring the rows of a live table (``t``) back to those of a backup (``p``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sodaf_migrate.dialects.sqlite.copies import alike, any_of, insert_select, numbered, plain_columns
from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.dialects.sqlite.rowid import rowid_name
from sodaf_migrate.schema.model import Table

__all__ = [
    "CHANGED",
    "MATCHED",
    "count_rows",
    "count_unlike",
    "delete_changed",
    "delete_others",
    "differing",
    "has_rows",
    "insert_changed",
    "is_matched",
    "make_changed",
    "make_matched",
    "take_changed",
    "take_matched",
]

#: TEMP tables: the rows that are overwritten, as they will be; which row of the backup is which live row.
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


def make_matched(table: Table) -> str:
    """The TEMP table ``MATCHED``, empty."""
    return f"CREATE TEMP TABLE {MATCHED} (p INTEGER PRIMARY KEY, d, {', '.join(numbered('k', len(_keys(table))))})"


def take_matched(table: Table, source: str, matching: str, differs: str) -> tuple[str, ...]:
    """Fills ``MATCHED``: the backup's rowid, whether the live row differs, and what tells the live row apart."""
    return _pair_rows(table, MATCHED, source, matching, [differs, *(f"t.{key}" for key in _keys(table))])


def _pair_rows(table: Table, pairs: str, source: str, matching: str, values: Sequence[str]) -> tuple[str, ...]:
    """Fills the TEMP table ``pairs`` with the rowid of each row ``p`` that is a live row ``t``, and ``values``.

    First those whose rowid is still the same, which both sides have in order; then the others are looked up by key,
    each at a place of its own in the index.
    """
    insert = f"INSERT OR IGNORE INTO temp.{pairs} SELECT p.rowid, {', '.join(values)} FROM {source} AS p"
    live = f"CROSS JOIN main.{quote(table.name)} AS t"
    rowid = rowid_name(table)
    if rowid is None:
        return (f"{insert} {live} WHERE {matching}",)
    return (
        f"{insert} {live} NOT INDEXED WHERE {matching} AND t.{rowid} = p.rowid",
        f"{insert} {live} WHERE {matching} AND NOT EXISTS (SELECT 1 FROM temp.{pairs} AS m WHERE m.p = p.rowid)",
    )


def has_rows(table: Table) -> str:
    """The query whether there is any live row."""
    return f"SELECT EXISTS (SELECT 1 FROM main.{quote(table.name)})"


def count_rows(table: Table, source: str) -> str:
    """(rows of the backup, live rows, rows of both, rows of both that differ)."""
    return (
        f"SELECT (SELECT count(*) FROM {source}), (SELECT count(*) FROM main.{quote(table.name)}),"
        f" (SELECT count(*) FROM temp.{MATCHED}), (SELECT count(*) FROM temp.{MATCHED} WHERE d)"
    )


def is_matched() -> str:
    """The query that finds the row ``p`` in ``MATCHED``."""
    return f"SELECT 1 FROM temp.{MATCHED} AS m WHERE m.p = p.rowid"


def count_unlike(table: Table, source: str, matching: str, differs: str) -> str:
    """How many rows that were written are not what the backup has."""
    live, same = f"EXISTS (SELECT 1 FROM main.{quote(table.name)} AS t", f"WHERE {matching} AND NOT ({differs})"
    rowid = rowid_name(table)
    # Nearly every row has the rowid that it had: both sides are in that order, and the key need not be looked up.
    here = f"{live} NOT INDEXED {same} AND t.{rowid} = p.rowid)" if rowid is not None else "0"
    unlike = f"iif({here}, 0, NOT {live} {same}))"
    as_it_was = f"EXISTS (SELECT 1 FROM temp.{MATCHED} AS m WHERE m.p = p.rowid AND NOT m.d)"
    return f"SELECT count(*) FROM {source} AS p WHERE NOT {as_it_was} AND {unlike}"


def take_changed(table: Table, source: str, columns: Mapping[str, str]) -> tuple[str, ...]:
    """Fills ``CHANGED``: the backup's values, the live ones in columns that the backup does not have."""
    plain = plain_columns(table)
    rowid = rowid_name(table)
    same = " AND ".join(f"t.{key} = m.k{place}" for place, key in enumerate(_keys(table)))
    return insert_select(
        f"temp.{CHANGED}",
        numbered("l", len(plain)),
        [f"p.{columns[c.name]}" if c.name in columns else f"t.{quote(c.name)}" for c in plain],
        f"FROM temp.{MATCHED} AS m CROSS JOIN {source} AS p CROSS JOIN main.{quote(table.name)} AS t"
        f" WHERE m.d AND p.rowid = m.p AND {same}",
        rowid=("rowid", f"t.{rowid}") if rowid is not None else None,
    )


def make_changed(table: Table) -> str:
    """The TEMP table ``CHANGED``, empty."""
    return f"CREATE TEMP TABLE {CHANGED} ({', '.join(numbered('l', len(plain_columns(table))))})"


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
