"""Statements that put lost values back: first who still holds what the change put there, then the old values.

``p`` is a row of the backup, ``t`` the live row that it was, ``m`` the mark: the backup's rowid (p), the live one (r)
and for each column whether the old value goes back (m0, …).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sodaf_migrate.dialects.sqlite.copies import any_of, balanced, insert_select, numbered, plain_columns
from sodaf_migrate.dialects.sqlite.names import literal, quote
from sodaf_migrate.dialects.sqlite.rowid import rowid_name
from sodaf_migrate.schema.model import Table

__all__ = [
    "count_marks",
    "insert_rows",
    "live_values",
    "make_marks",
    "mark_rows",
    "mark_values",
    "pair_rows",
    "raise_sequence",
    "same_row",
    "update_values",
]


def make_marks(marks: str, count: int) -> str:
    """The TEMP table that takes the marks of ``count`` columns."""
    return f"CREATE TEMP TABLE {marks} ({', '.join(['p INTEGER PRIMARY KEY', 'r', *numbered('m', count)])})"


def same_row(table: Table, key: Mapping[str, str], *, rowid: bool, held: str = "p.rowid") -> str | None:
    """The condition that ``t`` is the row ``p``: by the live columns of ``key``, which maps them to the backup's, else
    by rowid, which in the backup is called ``held``; None when neither can tell."""
    if key and all(table.column(name) is not None for name in key):
        # The live column's collation and affinity decide, as they do for its own index. The unary plus makes of the
        # other column an expression, for between two columns SQLite would convert nothing (datatype3.html, 4.2).
        return " AND ".join(f"t.{quote(name)} = +p.{column}" for name, column in key.items())
    live = rowid_name(table)
    return f"t.{live} = {held}" if rowid and live is not None else None


def mark_values(
    table: Table, marks: str, source: str, matching: str, columns: Sequence[str], rules: Sequence[str]
) -> tuple[str, ...]:
    """Marks each row that is there still; ``rules``: "became" it holds what the change put there, "null" it holds
    nothing, "always"."""
    conditions = [
        {
            "became": f"t.{quote(column)} IS (+p.b{place}) COLLATE BINARY",
            "null": f"t.{quote(column)} IS NULL",
            "always": "1",
        }[rule]
        for place, (column, rule) in enumerate(zip(columns, rules, strict=True))
    ]
    rowid = rowid_name(table)
    live = f"t.{rowid}" if rowid is not None else "NULL"
    return pair_rows(table, marks, source, matching, [live, *conditions])


def pair_rows(table: Table, pairs: str, source: str, matching: str, values: Sequence[str]) -> tuple[str, ...]:
    """Fills the TEMP table ``pairs`` with the rowid of each row ``p`` that is a live row ``t``, and ``values``.

    First those whose rowid is still the same, which both sides have in order; then the others are looked up by key,
    each at a place of its own in the index.
    """
    insert = f"INSERT OR IGNORE INTO temp.{pairs} SELECT p.rowid, {', '.join(values)} FROM {source} AS p"
    live = f"CROSS JOIN main.{quote(table.name)} AS t WHERE {matching}"
    rowid = rowid_name(table)
    if rowid is None:
        return (f"{insert} {live}",)
    return (
        f"{insert} {live} AND t.{rowid} = p.rowid",
        f"{insert} {live} AND NOT EXISTS (SELECT 1 FROM temp.{pairs} AS m WHERE m.p = p.rowid)",
    )


def count_marks(marks: str, count: int) -> str:
    """(rows that are there, values that go back, values that were changed since)."""
    total = balanced(numbered("m", count), "+") or "0"
    return f"SELECT count(*), coalesce(sum({total}), 0), coalesce(sum({count} - ({total})), 0) FROM temp.{marks}"


def update_values(
    table: Table, marks: str, source: str, matching: str, keys: Sequence[str], columns: Sequence[str]
) -> str:
    """Puts the marked values back; ``keys`` are the backup's columns that ``matching`` names beside p.p and p.r."""
    settings = ", ".join(
        f"{quote(name)} = CASE WHEN p.m{place} THEN p.v{place} ELSE t.{quote(name)} END"
        for place, name in enumerate(columns)
    )
    count = len(columns)
    held = ", ".join([*(f"b.{key}" for key in keys), *(f"b.{v}" for v in numbered("v", count))])
    # One table after FROM and not two: SQLite would make a subquery of two by itself, in which no rowid has a name.
    return (
        f"UPDATE main.{quote(table.name)} AS t SET {settings} FROM"
        f" (SELECT m.*, {held} FROM temp.{marks} AS m CROSS JOIN {source} AS b WHERE b.rowid = m.p) AS p"
        f" WHERE {matching} AND ({any_of(numbered('p.m', count))})"
    )


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
    rowid = rowid_name(table)
    targets = [quote(name) for name in columns]
    known = rowids and rowid is not None and not taken and rowid not in targets
    return insert_select(
        f"main.{quote(table.name)}",
        targets,
        [f"p.{name}" for name in columns.values()],
        f"FROM {source} AS p, temp.{marks} AS m WHERE m.p = p.rowid AND m.r = {int(taken)}",
        rowid=(rowid, "p.rowid") if known and rowid is not None else None,
        order=" ORDER BY p.rowid",
        conflict=conflict,
    )


def raise_sequence(table: Table, least: int) -> tuple[str, ...]:
    """The number that AUTOINCREMENT used last becomes at least ``least``."""
    name = literal(table.name)
    return (
        f"UPDATE main.sqlite_sequence SET seq = max(seq, {least}) WHERE name = {name}",
        f"INSERT INTO main.sqlite_sequence (name, seq) SELECT {name}, {least}"
        f" WHERE NOT EXISTS (SELECT 1 FROM main.sqlite_sequence WHERE name = {name})",
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
