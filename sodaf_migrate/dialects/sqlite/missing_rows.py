"""Rows of a backup (``p``) that a live table (``t``) does not have: found, and put into it.

The marks are a TEMP table: the rowid of the row in the backup (p), and whether another row has that rowid by now (r).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sodaf_migrate.dialects.sqlite.copies import insert_select, plain_columns
from sodaf_migrate.dialects.sqlite.names import literal, quote
from sodaf_migrate.dialects.sqlite.rowid import rowid_name
from sodaf_migrate.schema.model import Table, fold

__all__ = [
    "bring_back",
    "insert_all",
    "insert_rows",
    "live_values",
    "make_marks",
    "mark_rows",
    "raise_sequence",
    "same_row",
    "set_sequence",
]


def make_marks(marks: str) -> str:
    """The TEMP table that takes the marks."""
    return f"CREATE TEMP TABLE {marks} (p INTEGER PRIMARY KEY, r)"


def same_row(table: Table, key: Mapping[str, str], *, rowid: bool, held: str = "p.rowid") -> str | None:
    """The condition that ``t`` is the row ``p``: by the live columns of ``key``, which maps them to the backup's, else
    by rowid, which in the backup is called ``held``; None when neither can tell."""
    if key and all(table.column(name) is not None for name in key):
        # The live column's collation and affinity decide, as they do for its own index. The unary plus makes of the
        # other column an expression, for between two columns SQLite would convert nothing (datatype3.html, 4.2).
        return " AND ".join(f"t.{quote(name)} = +p.{column}" for name, column in key.items())
    live = rowid_name(table)
    return f"t.{live} = {held}" if rowid and live is not None else None


def mark_rows(table: Table, marks: str, source: str, there: str | None) -> str:
    """Marks each whole row of which the query ``there`` finds nothing; r says whether another row has its rowid."""
    rowid = rowid_name(table)
    taken = f"EXISTS (SELECT 1 FROM main.{quote(table.name)} AS t WHERE t.{rowid} = p.rowid)"
    missing = f" WHERE NOT EXISTS ({there})" if there is not None else ""
    return f"INSERT INTO temp.{marks} SELECT p.rowid, {taken if rowid is not None else '1'} FROM {source} AS p{missing}"


def insert_rows(
    table: Table, marks: str, source: str, columns: Mapping[str, str], *, rowids: bool, taken: bool, conflict: str
) -> tuple[str, ...]:
    """Inserts the marked rows whose rowid is (not) ``taken``, with it only where it is not.

    ``columns`` maps live names to the backup's. ``conflict``: IGNORE leaves out a row that breaks a constraint, ABORT
    raises.
    """
    rest = f"FROM {source} AS p, temp.{marks} AS m WHERE m.p = p.rowid AND m.r = {int(taken)}"
    return _insert(table, rest, columns, rowids=rowids and not taken, conflict=conflict)


def insert_all(table: Table, source: str, columns: Mapping[str, str], *, rowids: bool) -> tuple[str, ...]:
    """Inserts every row of ``source`` into a table without rows, as ``insert_rows`` would."""
    return _insert(table, f"FROM {source} AS p WHERE 1", columns, rowids=rowids, conflict="ABORT")


def _insert(table: Table, rest: str, columns: Mapping[str, str], *, rowids: bool, conflict: str) -> tuple[str, ...]:
    rowid = rowid_name(table)
    targets = [quote(name) for name in columns]
    return insert_select(
        f"main.{quote(table.name)}",
        targets,
        [f"p.{name}" for name in columns.values()],
        rest,
        rowid=(rowid, "p.rowid") if rowids and rowid is not None and rowid not in targets else None,
        order=" ORDER BY p.rowid",
        conflict=conflict,
    )


def bring_back(
    table: Table,
    marks: str,
    source: str,
    columns: Sequence[str],
    key: Sequence[str],
    *,
    rowids: bool,
    sequence: int | None,
) -> tuple[str, ...]:
    """The rows of ``source`` (c0, … for ``columns``) that have not come back yet; the marks are used for it.

    One whose ``key`` a row has by now stays out, and one that no longer fits; one whose rowid is taken gets another.
    """
    found = live_values(table, columns, "c")
    held = {fold(name): f"c{place}" for place, name in enumerate(columns)}
    same = same_row(table, {name: held[fold(name)] for name in key}, rowid=False)
    there = f"SELECT 1 FROM main.{quote(table.name)} AS t WHERE {same}" if same is not None else None
    inserted = (
        sql
        for taken in (False, True)
        for sql in insert_rows(table, marks, source, found, rowids=rowids, taken=taken, conflict="IGNORE")
    )
    counted = table.primary_key is not None and table.primary_key.autoincrement and sequence is not None
    return (
        f"DELETE FROM temp.{marks}",
        mark_rows(table, marks, source, there),
        *inserted,
        *(raise_sequence(table, sequence) if counted and sequence is not None else ()),
    )


def raise_sequence(table: Table, least: int) -> tuple[str, ...]:
    """The number that AUTOINCREMENT used last becomes at least ``least``."""
    name = literal(table.name)
    return (
        f"UPDATE main.sqlite_sequence SET seq = max(seq, {least}) WHERE name = {name}",
        f"INSERT INTO main.sqlite_sequence (name, seq) SELECT {name}, {least}"
        f" WHERE NOT EXISTS (SELECT 1 FROM main.sqlite_sequence WHERE name = {name})",
    )


def set_sequence(table: Table, number: int | None) -> tuple[str, ...]:
    """The number that AUTOINCREMENT used last becomes ``number``; None: it has used none, which is not 0."""
    name = literal(table.name)
    return (
        f"DELETE FROM main.sqlite_sequence WHERE name = {name}",
        *([f"INSERT INTO main.sqlite_sequence (name, seq) VALUES ({name}, {number})"] if number is not None else []),
    )


def live_values(table: Table, names: Sequence[str], letter: str) -> dict[str, str]:
    """The live columns, by their names, that take the backup's columns ``names``; what is computed takes none."""
    live = {column.name: column for column in plain_columns(table)}
    found = {}
    for place, name in enumerate(names):
        column = table.column(name)
        if column is not None and column.name in live:
            found[column.name] = f"{letter}{place}"
    return found
