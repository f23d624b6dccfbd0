"""The rows of the history tables: read, added and changed one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import astuple
from typing import Any, TypeVar

from sodaf_migrate.errors import HistoryError, StatementError
from sodaf_migrate.history.chain import GENESIS, Event, sealed
from sodaf_migrate.history.record import COLUMNS, MigrationRecord, canonical
from sodaf_migrate.history.tables import EVENT, HISTORY, LAYOUT, check_layout
from sodaf_migrate.wire.connection import Wire

__all__ = ["EVENTS", "SELECT", "append_event", "find_record", "insert_record", "record_in", "rows_of", "update_record"]

_T = TypeVar("_T")

SELECT = f"SELECT {', '.join(COLUMNS)} FROM {HISTORY}"
EVENTS = f"SELECT {', '.join(Event.__slots__)} FROM {EVENT}"


def rows_of(wire: Wire, sql: str, params: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The rows of a query on the history tables; none where there are no such tables. Raises HistoryError."""
    _where_there(lambda: check_layout(wire))
    return _where_there(lambda: wire.query(sql, params)) or []


def _where_there(read: Callable[[], _T]) -> _T | None:
    try:
        return read()
    except StatementError as error:
        # Asking sqlite_schema first would read all of it each time; a database without history is the rare case.
        if str(error.details.get("reason")).startswith("no such table: main."):
            return None
        if str(error.details.get("reason")).startswith("no such column"):
            raise HistoryError(
                f"The history cannot be read: a table of its name is none of ours ({error.details.get('reason')})",
                hint="Rename that table; the history tables are made when they are needed.",
            ) from error
        raise


def record_in(row: tuple[Any, ...]) -> MigrationRecord:
    """The record that a row of ``SELECT`` holds."""
    return MigrationRecord(**dict(zip(COLUMNS, row, strict=True)))


def find_record(wire: Wire, migration_id: str) -> MigrationRecord | None:
    """The record of that id, or None."""
    row = wire.row(f"{SELECT} WHERE id = ?", (migration_id,))
    return None if row is None else record_in(row)


def insert_record(wire: Wire, record: MigrationRecord) -> None:
    """Adds a record. Raises ConstraintError when its id is taken."""
    names = (*COLUMNS, "checksum")
    marks = ", ".join("?" * len(names))
    values = (*astuple(record), record.checksum)
    wire.run(f"INSERT INTO {HISTORY} ({', '.join(names)}) VALUES ({marks})", values)


def update_record(wire: Wire, record: MigrationRecord) -> None:
    """Writes every column of the record over the one of its id."""
    settings = ", ".join(f"{name} = ?" for name in (*COLUMNS, "checksum"))
    wire.run(f"UPDATE {HISTORY} SET {settings} WHERE id = ?", (*astuple(record), record.checksum, record.id))


def append_event(
    wire: Wire,
    kind: str,
    *,
    timestamp: str,
    facts: Mapping[str, Any],
    key: bytes | None = None,
    migration_id: str | None = None,
    doctype: str | None = None,
) -> None:
    """Adds an event that seals the newest one."""
    last = wire.row(f"SELECT seq, hash FROM {EVENT} ORDER BY seq DESC LIMIT 1")
    seq, previous = last if last is not None else (0, GENESIS)
    values = {
        "seq": seq + 1,
        "timestamp": timestamp,
        "kind": kind,
        "migration_id": migration_id,
        "doctype": doctype,
        "facts": canonical(dict(facts)),
        "layout": LAYOUT,
    }
    event = sealed(values, previous=previous, key=key)
    marks = ", ".join("?" * len(Event.__slots__))
    wire.run(f"INSERT INTO {EVENT} ({', '.join(Event.__slots__)}) VALUES ({marks})", astuple(event))
