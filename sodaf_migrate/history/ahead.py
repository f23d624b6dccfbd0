"""The rows that a history will write, before it does: for a script that has to bring them along."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sodaf_migrate.history.chain import GENESIS, Event
from sodaf_migrate.history.manager import MigrationHistoryManager
from sodaf_migrate.history.record import COLUMNS, MigrationRecord
from sodaf_migrate.history.store import EVENTS, rows_of
from sodaf_migrate.history.tables import EVENT, HISTORY, create_tables
from sodaf_migrate.wire.open import memory_wire

__all__ = ["Ahead", "written_ahead"]

Rows = tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """What has to be found (the count and hash of the newest event) and what is to be written, by table and column."""

    count: int
    hash: str
    tables: tuple[tuple[str, tuple[str, ...], Rows], ...]


def written_ahead(history: MigrationHistoryManager, records: Iterable[MigrationRecord]) -> tuple[Ahead, ...]:
    """For each record, one after the other, the rows that ``history`` would write; nothing is written.

    The history itself makes them, on a scratch database that holds the newest event alone.
    """
    newest = history.events()[-1:]
    found = []
    with memory_wire() as scratch:
        create_tables(scratch)
        marks = ", ".join("?" * len(Event.__slots__))
        for event in newest:
            values = tuple(getattr(event, name) for name in Event.__slots__)
            scratch.run(f"INSERT INTO {EVENT} ({', '.join(Event.__slots__)}) VALUES ({marks})", values)
        count, seal = (newest[0].seq, newest[0].hash) if newest else (0, GENESIS)
        there = history.on(scratch)
        for record in records:
            there.record_migration(record)
            columns = (*COLUMNS, "checksum")
            kept = rows_of(scratch, f"SELECT {', '.join(columns)} FROM {HISTORY} WHERE id = ?", (record.id,))
            told = rows_of(scratch, f"{EVENTS} WHERE seq > ? ORDER BY seq", (count,))
            tables = ((HISTORY, columns, tuple(kept)), (EVENT, tuple(Event.__slots__), tuple(told)))
            found.append(Ahead(count=count, hash=seal, tables=tables))
            last = Event(*told[-1])
            count, seal = last.seq, last.hash
    return tuple(found)
