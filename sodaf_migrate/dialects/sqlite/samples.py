"""A few rows of a table, read exactly and put somewhere else: what a trial of a plan can be seen on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from sodaf_migrate.dialects.sqlite.names import literal, quote
from sodaf_migrate.dialects.sqlite.question import Question
from sodaf_migrate.dialects.sqlite.rowid import rowid_name
from sodaf_migrate.plan import Temporary
from sodaf_migrate.schema.model import Table
from sodaf_migrate.wire.connection import Wire

__all__ = ["Cell", "Sample", "all_rows", "beside", "condition_of", "draw", "needing", "put", "put_beside"]

#: A value as it is stored: its storage class, and the value itself, a text as its bytes (they need not be UTF-8).
Cell: TypeAlias = tuple[str, Any]

_FIRST, _LAST, _EACH = 5, 3, 4
_LARGE = 1 << 16  # rows with a longer value are not drawn: memory must stay flat
_ARGUMENTS = 100  # of max(): SQLite takes 127
_HAS_SEQUENCE = "SELECT 1 FROM main.sqlite_schema WHERE name = 'sqlite_sequence'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Rows of one table: ``columns`` are names as they are stored, each row has a cell for each of them.

    ``keys`` holds the rowids where rows have one, in the order of ``rows``. ``sequence`` is what AUTOINCREMENT gave
    last, None where there is none.
    """

    table: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...] = ()
    keys: tuple[int | None, ...] | None = None
    sequence: int | None = None


def draw(wire: Wire, table: Table, conditions: Iterable[str] = ()) -> Sample:
    """The first rows, the last ones, and some of those that meet each condition."""
    columns = _plain(table)
    if not columns:
        return Sample(table=table.name, columns=())
    small = _small(columns)
    order = rowid_name(table) or ", ".join(map(quote, table.primary_key.columns if table.primary_key else columns[:1]))
    backwards = ", ".join(f"{part} DESC" for part in order.split(", ")) if rowid_name(table) else order
    tails = [f"WHERE {small} ORDER BY {order} LIMIT {_FIRST}", f"WHERE {small} ORDER BY {backwards} LIMIT {_LAST}"]
    tails += [f"WHERE {small} AND ({condition}) LIMIT {_EACH}" for condition in conditions]
    found: dict[Any, tuple[Cell, ...]] = {}
    for tail in tails:
        for key, row in _read(wire, table, columns, tail):
            found.setdefault(key if key is not None else row, row)
    keys = tuple(found) if rowid_name(table) else None
    sequence = _sequence(wire, table.name)
    return Sample(table=table.name, columns=columns, rows=tuple(found.values()), keys=keys, sequence=sequence)


def all_rows(wire: Wire, table: Table, where: str = "") -> Sample:
    """Every row that meets ``where``, for a database that is small."""
    columns = _plain(table)
    found = _read(wire, table, columns, f"WHERE {where}" if where else "") if columns else []
    keys = tuple(key for key, _ in found) if rowid_name(table) else None
    rows = tuple(row for _, row in found)
    return Sample(table=table.name, columns=columns, rows=rows, keys=keys, sequence=_sequence(wire, table.name))


def put(wire: Wire, table: Table, sample: Sample) -> None:
    """Insert the rows as they are; one that the table does not take is left out."""
    rowid = rowid_name(table)
    alias = rowid is not None and rowid.startswith('"')
    into = [quote(name) for name in sample.columns]
    if rowid is not None and not alias:
        into.append(rowid)
    for number, row in enumerate(sample.rows):
        values = [value for _, value in row]
        marks = [_mark(kind) for kind, _ in row]
        if rowid is not None and not alias:
            values.append(sample.keys[number] if sample.keys else None)
            marks.append("?")
        head = f"INSERT OR IGNORE INTO main.{quote(table.name)} ({', '.join(into)})"
        wire.run(f"{head} VALUES ({', '.join(marks)})", values)
    if sample.sequence is not None:
        if not wire.value(_HAS_SEQUENCE):  # it is left of a table that had AUTOINCREMENT once
            wire.run("CREATE TABLE main.sodaf_counted(id INTEGER PRIMARY KEY AUTOINCREMENT)")
            wire.run("DROP TABLE main.sodaf_counted")
        wire.run(f"DELETE FROM main.sqlite_sequence WHERE name = {literal(table.name)}")
        wire.run("INSERT INTO main.sqlite_sequence(name, seq) VALUES (?, ?)", (table.name, sample.sequence))


def beside(wire: Wire, temporary: Temporary, sample: Sample | None) -> Sample:
    """What a TEMP table holds for the rows of ``sample``, or its first rows where it holds whole rows."""
    columns = tuple(name for (name,) in wire.query("SELECT name FROM pragma_table_info(?, 'temp')", (temporary.name,)))
    tail = f"LIMIT {_FIRST * _EACH}"
    values: list[Any] = []
    if temporary.column and sample is not None:
        if sample.keys is not None:
            tail, values = f"WHERE rowid IN ({', '.join('?' * len(sample.keys))})", list(sample.keys)
        else:
            keys = [tuple(row[sample.columns.index(name)] for name in temporary.key) for row in sample.rows]
            tail = f"WHERE {' OR '.join(map(_same, keys)) or '0'}"
            values = [value for key in keys for _, value in key]
    found = _cells(wire, f"temp.{quote(temporary.name)}", "rowid", columns, tail, values)
    return Sample(
        table=temporary.name, columns=columns, rows=tuple(row for _, row in found), keys=tuple(key for key, _ in found)
    )


def _same(key: tuple[Cell, ...]) -> str:
    parts = (f"k{number} IS {_mark(kind)}" for number, (kind, _) in enumerate(key))
    return f"({' AND '.join(parts)})"


def _mark(kind: str) -> str:
    return "CAST(? AS TEXT)" if kind == "text" else "?"


def put_beside(wire: Wire, sample: Sample) -> None:
    """Insert the rows of a TEMP table as they are."""
    into = ", ".join(["rowid", *map(quote, sample.columns)])
    for key, row in zip(sample.keys or (), sample.rows, strict=True):
        marks = ["?", *(_mark(kind) for kind, _ in row)]
        values = [key, *(value for _, value in row)]
        wire.run(f"INSERT INTO temp.{quote(sample.table)} ({into}) VALUES ({', '.join(marks)})", values)


def needing(wire: Wire, table: Table, sample: Sample, condition: str) -> Sample:
    """``sample`` with the rows that meet ``condition``, up to a hundred, which others on the shadow refer to."""
    tail = f"WHERE {_small(sample.columns)} AND ({condition}) LIMIT 100"
    known = set(sample.rows)
    fresh = [(key, row) for key, row in _read(wire, table, sample.columns, tail) if row not in known]
    keys = (*sample.keys, *(key for key, _ in fresh)) if sample.keys is not None else None
    return replace(sample, rows=(*sample.rows, *(row for _, row in fresh)), keys=keys)


def condition_of(question: Question) -> str:
    """The rows that a question of the census counts, as a condition; of groups, those of the first ones."""
    if not question.groups:
        return question.condition
    keys = ", ".join(question.groups)
    groups = f"SELECT {keys} FROM {question.rows} WHERE {question.condition} GROUP BY {keys} HAVING count(*) > 1"
    return f"({question.condition}) AND ({keys}) IN ({groups} LIMIT 2)"


def _plain(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.columns if column.generated is None)


def _small(columns: Sequence[str]) -> str:
    """The condition that no value of a row is large."""
    lengths = [f"ifnull(length({quote(name)}), 0)" for name in columns]
    parts = [lengths[start : start + _ARGUMENTS] for start in range(0, len(lengths), _ARGUMENTS)]
    return " AND ".join(f"max({', '.join(part)}, 0) < {_LARGE}" for part in parts)


def _read(wire: Wire, table: Table, columns: Sequence[str], tail: str) -> list[tuple[int | None, tuple[Cell, ...]]]:
    return _cells(wire, f"main.{quote(table.name)}", rowid_name(table) or "NULL", columns, tail)


def _cells(
    wire: Wire, source: str, rowid: str, columns: Sequence[str], tail: str, values: Sequence[Any] = ()
) -> list[tuple[int | None, tuple[Cell, ...]]]:
    cells = [
        f"typeof({name}), iif(typeof({name}) = 'text', CAST({name} AS BLOB), {name})" for name in map(quote, columns)
    ]
    # A result has at most 2,000 columns, and a cell takes two.
    half = 900
    parts = [cells[start : start + half] for start in range(0, len(cells), half)]
    read = [wire.query(f"SELECT {rowid}, {', '.join(part)} FROM {source} {tail}", list(values)) for part in parts]
    found = []
    for rows in zip(*read, strict=True):
        flat = [value for row in rows for value in row[1:]]
        found.append((rows[0][0], tuple(zip(flat[::2], flat[1::2], strict=True))))
    return found


def _sequence(wire: Wire, table: str) -> int | None:
    if not wire.value(_HAS_SEQUENCE):
        return None
    found: int | None = wire.value("SELECT seq FROM main.sqlite_sequence WHERE name = ?", (table,))
    return found
