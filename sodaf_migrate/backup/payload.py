"""What a strategy hands to whoever writes the file: a manifest, the bytes, a trailer; and what a restore takes back.

A manifest and a trailer are plain JSON values. Every manifest has ``kind`` (see KINDS), ``sqlite_version``,
``encoding``, ``page_size``, ``user_version``, ``application_id`` and ``schema``: the stored objects concerned, each
with type, name, table and sql, in the order of their creation.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sodaf_migrate.dialects.sqlite.copies import last_sequence, plain_columns
from sodaf_migrate.dialects.sqlite.rowid import rowid_name
from sodaf_migrate.schema.model import Table
from sodaf_migrate.wire.connection import Wire

__all__ = [
    "GONE",
    "KINDS",
    "PAYLOAD",
    "ROWS",
    "TOUCHED",
    "Link",
    "Payload",
    "Source",
    "about_database",
    "about_table",
    "run_all",
    "stored_objects",
]

#: What the bytes are: a SQLite file with the rows of one table, of lost values, of a table's changes since the parent;
#: the file of a whole database, its changed pages; nothing.
KINDS = ("table", "column", "table difference", "database", "database difference", "schema")

#: The alias under which a payload is attached, and the tables in it.
PAYLOAD, ROWS, TOUCHED, GONE = "sodaf_payload", "rows", "touched", "gone"

_OBJECTS = (
    "SELECT type, name, tbl_name, sql FROM main.sqlite_schema"
    " WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
)


@dataclass(slots=True)
class Payload:
    """``manifest`` is complete; ``stream`` can be read once; ``trailer`` is complete when the stream is at its end.

    ``size`` is the number of bytes that the stream will give, None where only the end tells.
    """

    manifest: dict[str, Any]
    stream: Iterator[bytes]
    trailer: dict[str, Any] = field(default_factory=dict)
    size: int | None = None


class Source(Protocol):
    """A backup that is read: ``chunks`` gives the bytes of its payload, after which ``trailer`` is there."""

    @property
    def manifest(self) -> Mapping[str, Any]: ...

    @property
    def trailer(self) -> Mapping[str, Any]: ...

    def chunks(self) -> Iterator[bytes]: ...


@dataclass(frozen=True, slots=True)
class Link:
    """One backup of a chain, under the name by which messages call it."""

    name: str
    source: Source


def about_database(wire: Wire) -> dict[str, Any]:
    """What every manifest says of the database."""
    return {
        "sqlite_version": sqlite3.sqlite_version,
        "encoding": wire.value("PRAGMA main.encoding"),
        "page_size": wire.value("PRAGMA main.page_size"),
        "user_version": wire.value("PRAGMA main.user_version"),
        "application_id": wire.value("PRAGMA main.application_id"),
    }


def stored_objects(wire: Wire, table: str | None = None) -> list[dict[str, Any]]:
    """The objects of main as they are stored, or those of one table: it, its indexes and its triggers."""
    if table is None:
        rows = wire.query(f"{_OBJECTS} ORDER BY rowid")
    else:
        rows = wire.query(f"{_OBJECTS} AND tbl_name = ? COLLATE NOCASE ORDER BY rowid", (table,))
    return [dict(zip(("type", "name", "table", "sql"), row, strict=True)) for row in rows]


def about_table(wire: Wire, table: Table) -> dict[str, Any]:
    """What a manifest says of one table, but for the number of its rows; columns in the order of the payload's."""
    sequence = last_sequence(table)
    return {
        "name": table.name,
        "columns": [column.name for column in plain_columns(table)],
        "key": list(table.primary_key.columns) if table.primary_key is not None else [],
        "rowid": rowid_name(table) is not None,
        "without_rowid": table.without_rowid,
        "sequence": wire.value(sequence) if sequence is not None else None,
    }


def run_all(wire: Wire, statements: Iterable[str]) -> int:
    """Runs the statements and gives the rows that the first INSERT among them made."""
    return max(wire.run(sql) for sql in statements)
