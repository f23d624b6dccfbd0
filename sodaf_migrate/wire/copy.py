"""Whole databases: copied page by page from one connection to another, or as bytes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sodaf_migrate.errors import DatabaseError, LockHeldError, TransactionOpenError
from sodaf_migrate.wire.connection import OnConnect, Wire
from sodaf_migrate.wire.faults import translated
from sodaf_migrate.wire.holders import holders
from sodaf_migrate.wire.open import memory_wire

__all__ = ["copy_database", "image_of", "image_wire"]

_BYTES_AT_ONCE = 8 << 20
_PAUSE = 0.05  # seconds between two tries while somebody holds a lock
_WAITING = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_MODES = slice(18, 20)  # the header's write and read version: 1 for a rollback journal, 2 for WAL (fileformat2.html)

#: Called with (bytes copied, bytes in all).
Told = Callable[[int, int], None]


def copy_database(source: Wire, target: Wire, *, told: Told = lambda done, total: None) -> None:
    """Makes ``target`` the same database as ``source``, in one transaction of ``target``; an exception undoes it.

    ``source`` is read in one snapshot. Neither may have a transaction open: the driver would wait for its own lock
    for ever. Raises LockHeldError when either stays locked for the target's ``lock_timeout``, TransactionOpenError.
    """
    for wire in (source, target):
        if wire.in_transaction:
            raise TransactionOpenError(
                f'"{wire.name}" cannot be copied while its connection has a transaction open',
                hint="Copy it through a second connection.",
            )
    page = int(source.value("PRAGMA page_size"))
    waiting = _Deadline(target, page, told)
    with source.snapshot(), translated(target.path):
        source.value("SELECT count(*) FROM main.sqlite_schema")  # from here on the snapshot stands
        source.connection.backup(
            target.connection, pages=max(1, _BYTES_AT_ONCE // page), progress=waiting, sleep=_PAUSE
        )


class _Deadline:
    """Raises out of a copy that has waited too long: the driver itself would try again for ever."""

    def __init__(self, target: Wire, page: int, told: Told) -> None:
        self.target, self.page, self.told = target, page, told
        self.since: float | None = None

    def __call__(self, status: int, remaining: int, total: int) -> None:
        self.target.watch.check()
        if status & 0xFF not in _WAITING:
            self.since = None
            self.told((total - remaining) * self.page, total * self.page)
            return
        now = self.target.patience.clock()
        self.since = now if self.since is None else self.since
        if now - self.since >= self.target.patience.timeout:
            found = holders(self.target.path)
            by = f" by {', '.join(found)}" if found else ""
            raise LockHeldError(
                f'"{self.target.name}" stayed locked{by} for all of the {now - self.since:.1f} s that were waited',
                hint="Let the other program finish or stop it, or raise lock_timeout.",
                details={"database": self.target.name, "holders": list(found)},
            )


def image_of(wire: Wire) -> bytes:
    """The main database of ``wire`` as the bytes of a file, also inside a transaction; meant for one in memory."""
    serialize = getattr(wire.connection, "serialize", None)
    if serialize is None:
        raise DatabaseError(
            "This Python cannot give the bytes of a database in memory",
            hint="Use a Python whose SQLite library has sqlite3_serialize, or keep the database in a file.",
        )
    with translated(wire.path):
        return bytes(serialize())


@contextmanager
def image_wire(image: bytes, on_connect: OnConnect | None = None) -> Iterator[Wire]:
    """A wire to a private database in memory made of a file's bytes while the block runs."""
    with memory_wire(on_connect) as wire:
        if image:
            # A database in memory has no WAL; SQLite would take one whose header asks for it for damaged.
            data = bytearray(image)
            data[_MODES] = b"\1\1"
            with translated(None):
                wire.connection.deserialize(bytes(data))
        yield wire
