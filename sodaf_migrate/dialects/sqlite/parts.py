"""Long statements in parts: ranges of the rowid or of the primary key, one after the other, with the same result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.dialects.sqlite.rowid import rowid_name
from sodaf_migrate.plan import Batch, Statement
from sodaf_migrate.schema.model import Table
from sodaf_migrate.wire.connection import Wire

__all__ = ["ROWS", "Told", "in_parts", "key_of", "play_parts"]

#: Rows in a part: few enough that each takes well below a second.
ROWS = 50_000

Told = Callable[[int, int], None]


def key_of(table: Table) -> tuple[str, ...]:
    """What tells the rows of a table apart, as SQL; () where no order of the columns themselves does."""
    rowid = rowid_name(table)
    if rowid is not None:
        return (rowid,)
    key = table.primary_key
    if not table.without_rowid or key is None:
        return ()
    # A key with a collation of its own can hold values that its columns' collations call equal.
    if any(part.column is None or part.collation is not None for part in key.parts):
        return ()
    return tuple(quote(name) for name in key.columns)


def in_parts(head: str, table: Table, *, where: str = "", ordered: bool = False) -> Statement:
    """The statement ``head`` over all rows of ``table`` (those of ``where``), that can be played in parts.

    ``ordered`` for an INSERT … SELECT: the new rows come in the order of the old ones.
    """
    key = key_of(table)
    sql = f"{head} WHERE ({where})" if where else head
    order = f" ORDER BY {', '.join(key)}" if ordered and key else ""
    batch = Batch(table=table.name, key=key, at=len(sql), word="AND" if where else "WHERE") if key else None
    return Statement(sql=sql + order, batch=batch)


def play_parts(wire: Wire, statement: Statement, *, part: int = ROWS, told: Told | None = None) -> int:
    """Run it in parts of ``part`` rows and return the rows changed; ``told(done, total)`` of the table after each."""
    batch = statement.batch
    assert batch is not None
    total = wire.value(f"SELECT count(*) FROM main.{quote(batch.table)}")
    if total <= part:
        return wire.run(statement.sql)
    changed = done = 0
    ends = _even_ends(wire, batch, part, total) or _found_ends(wire, batch, part)
    for condition, bounds in _ranges(batch, ends):
        head, tail = statement.sql[: batch.at], statement.sql[batch.at :]
        changed += wire.run(f"{head} {batch.word} {condition}{tail}", bounds)
        if told is not None and done < total:  # the last part may be empty
            told(min(done + part, total), total)
        done += part
    return changed


def _ranges(batch: Batch, ends: Iterable[tuple[Any, ...]]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The condition of each part with its values; the last one has no upper end."""
    row, mark = _compared(batch)
    last: tuple[Any, ...] = ()
    for end in ends:
        yield f"{row} > {mark} AND {row} <= {mark}" if last else f"{row} <= {mark}", (*last, *end)
        last = end
    yield f"{row} > {mark}" if last else "1", last


def _even_ends(wire: Wire, batch: Batch, part: int, total: int) -> list[tuple[int]]:
    """The last key of each part but the last one, where keys are whole numbers with few gaps; else []."""
    if len(batch.key) > 1:
        return []
    source = f"main.{quote(batch.table)}"
    first, last = (wire.value(f"SELECT {which}({batch.key[0]}) FROM {source}") for which in ("min", "max"))
    if not (isinstance(first, int) and isinstance(last, int) and total <= last - first + 1 <= total + part):
        return []
    return [(end,) for end in range(first + part - 1, last, part)]


def _found_ends(wire: Wire, batch: Batch, part: int) -> Iterator[tuple[Any, ...]]:
    """The same whatever the keys are; to find an end costs a tenth of a copy, for all rows up to it are passed."""
    key = ", ".join(batch.key)
    row, mark = _compared(batch)
    last: tuple[Any, ...] | None = ()
    while True:
        source = f"main.{quote(batch.table)}" + (f" WHERE {row} > {mark}" if last else "")
        last = wire.row(f"SELECT {key} FROM {source} ORDER BY {key} LIMIT 1 OFFSET {part - 1}", last or ())
        if last is None:
            return
        yield last


def _compared(batch: Batch) -> tuple[str, str]:
    """The key, and the marks for its values, as row values where it has several parts."""
    key, marks = ", ".join(batch.key), ", ".join("?" * len(batch.key))
    return (f"({key})", f"({marks})") if len(batch.key) > 1 else (key, marks)
