"""What a step costs: the size of its table, cheaply found, and the seconds that its statements take at known rates.

The rates were measured with SQLite 3.40 on tables of 20 columns: 300,000 rows of 270 bytes and 60,000 rows of 2,300
bytes, in both journal modes. A site's own history says how much faster or slower its machine is.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.errors import StatementError
from sodaf_migrate.plan import Statement, Step
from sodaf_migrate.wire.connection import Wire

__all__ = [
    "MODEL",
    "Size",
    "commit_seconds",
    "disk_needed",
    "expected_seconds",
    "size_of",
    "unstoppable_seconds",
    "work_of",
]

#: Which rates these are: figures that were recorded beside other ones are not compared with them.
MODEL = 1

Work = Literal["catalogue", "copy", "compare", "index", "scan", "verify", "write", "drop"]

#: Seconds for a row, and for a byte of it.
_RATES: dict[Work, tuple[float, float]] = {
    "copy": (1.2e-6, 1.0e-9),
    "compare": (2.6e-6, 0.5e-9),
    "index": (0.35e-6, 0.4e-9),
    "scan": (0.35e-6, 0.4e-9),
    "verify": (1.5e-6, 0.4e-9),  # the row once for each index
    "write": (1.0e-6, 2.6e-9),
    "drop": (0.0, 5.0e-9),
}
_STATEMENT = 0.001  # of any kind
_COMMIT = 4.0e-9  # seconds for a byte that is made durable
_INDEX_ENTRY = 12  # bytes of an index entry beside its value

#: As many rows are counted exactly; of more, what ANALYZE or the rowids say is near enough.
_COUNTED = 1_000_000
_FIRST, _MORE = 16, 100  # rows that are looked at to know how long one is
_LONG = 65_536  # bytes; of longer rows a few are enough


@dataclass(frozen=True, slots=True)
class Size:
    """How large a table is: rows, bytes of their values, and how many indexes and columns it has."""

    rows: int
    bytes: int
    indexes: int
    columns: int

    @property
    def index_bytes(self) -> int:
        """What one more index takes, roughly."""
        return self.rows * _INDEX_ENTRY + self.bytes // max(self.columns, 1)


def size_of(wire: Wire, table: str) -> Size | None:
    """The size of a table of main, found in bounded time; None where no such table has rows."""
    there = "SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND rootpage > 0 AND name = ? COLLATE NOCASE"
    if wire.value(there, (table,)) is None:
        return None
    names = [
        name for (name,) in wire.query("SELECT name FROM pragma_table_xinfo(?, 'main') WHERE hidden <> 2", (table,))
    ]
    indexes = wire.value("SELECT count(*) FROM pragma_index_list(?, 'main')", (table,))
    mean = _mean(wire, table, names)
    held = int(wire.value("PRAGMA main.page_count")) * int(wire.value("PRAGMA main.page_size"))
    rows = min(_rows(wire, table), int(held / max(mean, 1)))  # rowids may lie far apart: what there is fits the file
    return Size(rows, round(rows * mean), int(indexes), len(names))


def _rows(wire: Wire, table: str) -> int:
    span = _span(wire, table)
    if span is None or span <= _COUNTED:
        return int(wire.value(f"SELECT count(*) FROM main.{quote(table)}"))
    return min(span, _analysed(wire, table) or span)


def _span(wire: Wire, table: str) -> int | None:
    """How many rowids lie between the first and the last: never fewer than there are rows; None WITHOUT ROWID."""
    try:
        last, first = (wire.value(f"SELECT {end}(_rowid_) FROM main.{quote(table)}") for end in ("max", "min"))
    except StatementError:
        return None
    return last - first + 1 if isinstance(last, int) and isinstance(first, int) else None


def _analysed(wire: Wire, table: str) -> int | None:
    """What ANALYZE counted last time."""
    if wire.value("SELECT 1 FROM main.sqlite_schema WHERE name = 'sqlite_stat1'") is None:
        return None
    found = [
        str(stat).split(" ")[0] for (stat,) in wire.query("SELECT stat FROM main.sqlite_stat1 WHERE tbl = ?", (table,))
    ]
    return max((int(number) for number in found if number.isdigit()), default=None)


def _mean(wire: Wire, table: str, names: list[str]) -> float:
    """The bytes of a row, by the first ones and the last ones."""
    lengths = ", ".join(f"iif(typeof({quote(n)}) IN ('text', 'blob'), length({quote(n)}), 6)" for n in names)
    select = f"SELECT {lengths} FROM main.{quote(table)}"
    found = _bytes(wire.query(f"{select} LIMIT {_FIRST}"))
    if found and sum(found) / len(found) < _LONG:
        found += _bytes(wire.query(f"{select} LIMIT {_MORE}"))
        with suppress(StatementError):  # WITHOUT ROWID: the first ones have to do
            found += _bytes(wire.query(f"{select} ORDER BY _rowid_ DESC LIMIT {_MORE}"))
    return sum(found) / len(found) if found else 0.0


def _bytes(rows: list[tuple[Any, ...]]) -> list[int]:
    return [sum(length or 0 for length in row) + len(row) + 4 for row in rows]


def expected_seconds(step: Step, size: Size | None) -> float:
    """What the statements of ``step`` take at the measured rates, on a table of that size (None: it has no rows)."""
    return sum(_seconds(statement, size) for statement in step.up)


def unstoppable_seconds(step: Step, size: Size | None) -> float:
    """Those of the seconds in which SQLite does not look whether it shall stop: DROP TABLE."""
    return sum(_seconds(statement, size) for statement in step.up if work_of(statement) == "drop")


def commit_seconds(written: int) -> float:
    """What COMMIT takes to make that many bytes durable."""
    return _STATEMENT + written * _COMMIT


def disk_needed(step: Step, size: Size | None, *, wal: bool) -> int:
    """The bytes of disk that ``step`` needs beside the file as it is: the copy, new indexes, and the log of them."""
    if size is None:
        return 0
    works = [work_of(statement) for statement in step.up]
    made = size.index_bytes * works.count("index") + (size.bytes if "copy" in works else 0)
    changed = size.bytes if "write" in works else 0  # written over, with the old pages or the new ones in the journal
    return made * (2 if wal else 1) + changed


def _seconds(statement: Statement, size: Size | None) -> float:
    work = work_of(statement)
    if size is None or work == "catalogue":
        return _STATEMENT
    row, byte = _RATES[work]
    times = max(size.indexes, 1) if work == "verify" else 1
    return _STATEMENT + size.rows * row * times + size.bytes * byte


def work_of(statement: Statement) -> Work:
    """What a statement of a plan does to rows."""
    sql = statement.sql.lstrip()
    if statement.catalogue:
        return "catalogue"
    if statement.check is not None:
        if "pragma_integrity_check" in sql:
            return "verify"
        return "compare" if " AS b JOIN " in sql else "scan"
    if " DROP COLUMN " in sql:
        return "write"
    return next((work for start, work in _STARTS if sql.upper().startswith(start)), "catalogue")


_STARTS: tuple[tuple[str, Work], ...] = (
    ("INSERT INTO MAIN.SQLITE_SEQUENCE", "catalogue"),
    ("UPDATE MAIN.SQLITE_", "catalogue"),
    ("DELETE FROM MAIN.SQLITE_", "catalogue"),
    ('UPDATE MAIN."SQLITE_', "catalogue"),
    ("INSERT", "copy"),
    ("CREATE INDEX", "index"),
    ("CREATE UNIQUE INDEX", "index"),
    ("DROP TABLE", "drop"),
    ("UPDATE", "write"),
    ("DELETE", "write"),
)
