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

__all__ = ["alone", "copy_database", "image_of", "image_wire"]

_BYTES_AT_ONCE = 8 << 20
_PAUSE = 0.05  # seconds between two tries while somebody holds a lock
_WAITING = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_MODES = slice(18, 20)  # the header's write and read version: 1 for a rollback journal, 2 for WAL (fileformat2.html)

#: Called with (bytes copied, bytes in all).
Told = Callable[[int, int], None]


def copy_database(
    source: Wire,
    target: Wire,
    *,
    told: Told = lambda done, total: None,
    begun: Callable[[], None] | None = None,
) -> None:
    """Makes ``target`` the same database as ``source``, in one transaction of ``target``; an exception undoes it.

    ``source`` is read in one snapshot. Neither may hold a lock: the driver would wait for its own lock for ever.
    ``begun`` is called once, when ``target`` is locked and others still see its old state; nothing may be executed on
    ``target`` then. Raises LockHeldError when either stays locked for the target's ``lock_timeout``,
    TransactionOpenError; DatabaseError where ``begun`` is given and there is nothing to copy.
    """
    for wire in (source, target):
        if wire.holds_lock or target.in_transaction:
            raise TransactionOpenError(
                f'"{wire.name}" cannot be copied while its connection has a transaction open',
                hint="Copy it through a second connection.",
            )
    with source.snapshot(), translated(target.path, beside=() if source.path is None else (source.path,)):
        # From here on the snapshot stands.
        page, pages = (int(source.value(f"PRAGMA main.{name}")) for name in ("page_size", "page_count"))
        at_once = max(1, _BYTES_AT_ONCE // page)
        if begun is not None:
            # The step that copies the last page commits, and ``begun`` is called between two steps.
            if pages < 2:
                raise DatabaseError(
                    f'"{source.name}" holds no table, so nothing would be left of "{target.name}"',
                    hint="Restore it into a new file.",
                )
            at_once = min(at_once, pages - 1)
        waiting = _Deadline(target, page, told, begun)
        source.connection.backup(target.connection, pages=at_once, progress=waiting, sleep=_PAUSE)


@contextmanager
def alone(wire: Wire) -> Iterator[None]:
    """Nobody else reads or writes the database while the block runs; ``wire`` may begin transactions, or copy into it.

    In rollback-journal mode only (sqlite.org/pragma.html#pragma_locking_mode). Raises LockHeldError.
    """
    try:
        with wire.pragmas(locking_mode="exclusive"):
            with wire.atomic(exclusive=True):
                pass  # in this mode the lock stays
            yield
    finally:
        wire.value("SELECT count(*) FROM main.sqlite_schema")  # the next look is what gives it back


class _Deadline:
    """Raises out of a copy that has waited too long: the driver itself would try again for ever."""

    def __init__(self, target: Wire, page: int, told: Told, begun: Callable[[], None] | None) -> None:
        self.target, self.page, self.told, self.begun = target, page, told, begun
        self.since: float | None = None

    def __call__(self, status: int, remaining: int, total: int) -> None:
        self.target.watch.check()
        if status & 0xFF not in _WAITING:
            self.since = None
            if self.begun is not None:
                begun, self.begun = self.begun, None
                begun()
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
    """The main database of ``wire`` as the bytes of a file, also inside a transaction; meant for one in memory.

    b"" for one that nothing was ever written into, as its file would be.
    """
    if not wire.value("PRAGMA main.page_count"):
        return b""
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
