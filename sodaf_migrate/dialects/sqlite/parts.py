"""Long statements in parts: ranges of the rowid or of the primary key, one after the other, with the same result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.dialects.sqlite.rowid import rowid_name
from sodaf_migrate.plan import Batch, Statement
from sodaf_migrate.schema.model import Table
from sodaf_migrate.wire.connection import Wire

__all__ = ["ROWS", "Told", "in_parts", "key_of", "play_parts"]

#: Rows in a part: enough that the search for its end costs little (a tenth of the copy), few enough that each takes
#: well below a second.
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
    for condition, bounds in _ranges(wire, batch, part):
        head, tail = statement.sql[: batch.at], statement.sql[batch.at :]
        changed += wire.run(f"{head} {batch.word} {condition}{tail}", bounds)
        if told is not None and done < total:  # the last part may be empty
            told(min(done + part, total), total)
        done += part
    return changed


def _ranges(wire: Wire, batch: Batch, part: int) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The condition of each part with its values; the last one has no upper end."""
    key = ", ".join(batch.key)
    row = f"({key})" if len(batch.key) > 1 else key
    mark = f"({', '.join('?' * len(batch.key))})" if len(batch.key) > 1 else "?"
    last: tuple[Any, ...] = ()
    while True:
        above = f"{row} > {mark}" if last else ""
        source = f"main.{quote(batch.table)}" + (f" WHERE {above}" if above else "")
        end = wire.row(f"SELECT {key} FROM {source} ORDER BY {key} LIMIT 1 OFFSET {part - 1}", last)
        if end is None:
            yield above or "1", last
            return
        yield f"{above} AND {row} <= {mark}" if above else f"{row} <= {mark}", (*last, *end)
        last = end
