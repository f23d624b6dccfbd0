"""What backups hold, put together again after docs/backup-format.md alone; it imports nothing of the package."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from tests.oracle.container import Contents, need, number

Row = tuple[Any, ...]


def whole_database(chain: Sequence[Contents]) -> bytes:
    """The database file that a FULL backup and its differences, oldest first, give."""
    size = chain[0].manifest["page_size"]
    data = bytearray(chain[0].payload)
    need(len(data) == size * chain[0].manifest["pages"], "pages")
    for part in chain[1:]:
        payload, at = part.payload, 0
        while page := number(payload[at : at + 4]):
            start = (page - 1) * size
            data[start : start + size] = payload[at + 4 : at + 4 + size]
            at += 4 + size
        index, pages = payload[at + 4 :], part.manifest["pages"]
        del data[pages * size :]
        hashes = [hashlib.sha256(data[start : start + size]).digest()[:16] for start in range(0, pages * size, size)]
        need(b"".join(hashes) == index and len(index) == 16 * pages, "hashes of pages")
        need(hashlib.sha256(size.to_bytes(4, "big") + index).hexdigest() == part.trailer["root"], "root")
    return bytes(data)


def table_rows(chain: Sequence[Contents]) -> dict[Any, Row]:
    """The rows of a table by rowid, or by key, as a FULL backup and its differences, oldest first, give them."""
    found: dict[Any, Row] = {}
    for place, part in enumerate(chain):
        about = part.manifest["table"]
        with opened(part.payload) as file:
            if place:
                matched = part.manifest["matched"]
                found = {key: tuple(None if n is None else row[n] for n in matched) for key, row in found.items()}
                for rowid, *key in file.execute("SELECT rowid, * FROM gone"):
                    del found[rowid if about["rowid"] else exact(key)]
            for rowid, *row in file.execute(f"SELECT rowid, * FROM {'touched' if place else 'rows'}"):
                key = [row[about["columns"].index(name)] for name in about["key"]]
                found[rowid if about["rowid"] else exact(key)] = tuple(row)
        need(len(found) == about["rows"], "number of rows")
    return found


def lost_values(backup: Contents) -> list[dict[Any, Row]]:
    """Of each part of a COLUMN backup the old values by key, or by rowid."""
    found = []
    with opened(backup.payload) as file:
        for part in backup.manifest["parts"]:
            names = [f"k{n}" for n in range(len(part["key"]))] if part["columns"] else []
            values = [f"v{n}" for n in range(len(part["values"]))]
            rows = file.execute(f"SELECT {', '.join(['rowid', *names, *values])} FROM {part['payload']}").fetchall()
            need(len(rows) == part["rows"], "rows of a part")
            end = 1 + len(names)
            found.append({exact(row[1:end]) if names else row[0]: tuple(row[end:]) for row in rows})
    return found


def exact(values: Sequence[Any]) -> Row:
    """Values as a key that tells 1 from 1.0."""
    return tuple((type(value).__name__, value) for value in values)


@contextmanager
def opened(payload: bytes) -> Iterator[sqlite3.Connection]:
    """The database in ``payload``."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(payload)
        yield connection
