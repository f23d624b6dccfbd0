"""The one door where an error of the sqlite3 driver becomes one of ours."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sodaf_migrate.errors import (
    ConstraintError,
    DatabaseCorruptError,
    DatabaseError,
    DatabaseOpenError,
    DiskFullError,
    LockHeldError,
    StatementError,
)

__all__ = [
    "FAULTS",
    "Fault",
    "is_failed_read",
    "is_interrupt",
    "is_transient",
    "primary_code",
    "shortened",
    "translate",
    "translated",
]

_HEAD, _TAIL = 1500, 400


@dataclass(frozen=True, slots=True)
class Fault:
    """What one primary result code of SQLite means to us; ``{name}`` is the database, ``{reason}`` SQLite's words."""

    error: type[DatabaseError]
    message: str
    hint: str


_REFUSED = Fault(
    StatementError,
    'SQLite refused a statement on "{name}": {reason}',
    "Nothing of the statement was applied; --debug, or the error's details, show it.",
)

#: By primary result code (sqlite.org/rescode.html); a code that is not listed is a DatabaseError in SQLite's words.
FAULTS: dict[int, Fault] = {
    sqlite3.SQLITE_ERROR: _REFUSED,
    sqlite3.SQLITE_PERM: Fault(
        DatabaseOpenError,
        'No permission to use "{name}": {reason}',
        "Check the owner and mode of the file and of its folder.",
    ),
    sqlite3.SQLITE_ABORT: _REFUSED,
    sqlite3.SQLITE_BUSY: Fault(
        LockHeldError,
        '"{name}" is locked by another connection: {reason}',
        "Let the other program finish or stop it, or raise lock_timeout.",
    ),
    sqlite3.SQLITE_LOCKED: Fault(
        LockHeldError,
        'A table of "{name}" is in use on the same connection: {reason}',
        "Finish or close the cursors that still read from it.",
    ),
    sqlite3.SQLITE_NOMEM: Fault(
        DatabaseError, 'SQLite ran out of memory on "{name}"', "Free memory and try again; nothing was changed."
    ),
    sqlite3.SQLITE_READONLY: Fault(
        DatabaseOpenError,
        '"{name}" cannot be written: {reason}',
        "Give the user write permission on the file and on its folder, and open it without mode=ro.",
    ),
    sqlite3.SQLITE_INTERRUPT: Fault(
        StatementError, 'A statement on "{name}" was interrupted', "Start again when you wish; it was rolled back."
    ),
    sqlite3.SQLITE_IOERR: Fault(
        DatabaseError,
        'The device failed while SQLite used "{name}": {reason}',
        "Check the disk, its free space and its mount before trying again.",
    ),
    sqlite3.SQLITE_CORRUPT: Fault(
        DatabaseCorruptError,
        '"{name}" is damaged: {reason}',
        "Run PRAGMA integrity_check on it and restore a backup; do not write to it before.",
    ),
    sqlite3.SQLITE_FULL: Fault(
        DiskFullError,
        'No room left for "{name}": {reason}',
        "Free disk space (or raise max_page_count) and try again; the change was rolled back.",
    ),
    sqlite3.SQLITE_CANTOPEN: Fault(
        DatabaseOpenError,
        'SQLite could not open "{name}" or a file it needs beside it: {reason}',
        "Check that the folder exists and that the user may read and write in it.",
    ),
    sqlite3.SQLITE_PROTOCOL: Fault(
        LockHeldError,
        'The locks of "{name}" could not be taken: {reason}',
        "Too many connections start at once, or the file system has no working locks; try again.",
    ),
    sqlite3.SQLITE_SCHEMA: _REFUSED,
    sqlite3.SQLITE_TOOBIG: _REFUSED,
    sqlite3.SQLITE_CONSTRAINT: Fault(
        ConstraintError,
        'A row of "{name}" breaks a constraint: {reason}',
        "Correct the rows that the message names, or change the definition, and try again.",
    ),
    sqlite3.SQLITE_MISMATCH: Fault(
        ConstraintError,
        'A value has the wrong type for its column in "{name}": {reason}',
        "Correct the rows (an integer key takes whole numbers only) and try again.",
    ),
    sqlite3.SQLITE_MISUSE: _REFUSED,
    sqlite3.SQLITE_AUTH: Fault(
        StatementError,
        'The connection\'s authorizer forbids a statement on "{name}": {reason}',
        "Migrate on a connection without an authorizer, or let it allow this statement.",
    ),
    sqlite3.SQLITE_RANGE: _REFUSED,
    sqlite3.SQLITE_NOTADB: Fault(
        DatabaseOpenError,
        '"{name}" is not a database that SQLite can read: {reason}',
        "It may be encrypted, compressed, or another kind of file; check the path.",
    ),
}

_WAL = Fault(
    DatabaseOpenError,
    '"{name}" is in WAL mode, and even to read it SQLite has to write files beside it, which this user may not',
    "Look as a user who may write in that folder, or while an application has the database open.",
)
#: Extended result codes that mean something else than their primary one (sqlite.org/rescode.html).
_EXTENDED = {
    sqlite3.SQLITE_READONLY_ROLLBACK: Fault(
        DatabaseOpenError,
        '"{name}" has a hot journal: a program died in the midst of a change, which has to be rolled back first',
        "Open it once for writing (its application does, or `sodaf-migrate sync`); a dry run writes nothing.",
    ),
    sqlite3.SQLITE_READONLY_RECOVERY: _WAL,
    sqlite3.SQLITE_READONLY_CANTINIT: _WAL,
    sqlite3.SQLITE_READONLY_DIRECTORY: _WAL,
}

_WRITES = ("_WRITE", "_FSYNC", "_TRUNCATE", "_DELETE")

_CLOSED = Fault(DatabaseError, 'The connection to "{name}" is closed', "Open it again, and keep it open meanwhile.")
_THREAD = Fault(
    DatabaseError,
    'The connection to "{name}" belongs to another thread',
    "Call from the thread that opened it, give a path instead, or open it with check_same_thread=False.",
)


def primary_code(error: sqlite3.Error) -> int | None:
    """SQLite's primary result code of a driver error, or None for one that the driver itself made."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def error_code(error: sqlite3.Error) -> int:
    """SQLite's extended result code of a driver error, 0 for one that the driver itself made."""
    return int(getattr(error, "sqlite_errorcode", None) or 0)


def is_transient(error: BaseException) -> bool:
    """Whether the same statement may succeed a moment later, nothing of it having happened.

    BUSY_SNAPSHOT is not: a read transaction that is no longer the newest can never become a writing one
    (sqlite.org/rescode.html#busy_snapshot).
    """
    code = getattr(error, "sqlite_errorcode", None)
    if code is None or code == sqlite3.SQLITE_BUSY_SNAPSHOT:
        return False
    return code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_PROTOCOL) or code == sqlite3.SQLITE_LOCKED_SHAREDCACHE


def is_interrupt(error: BaseException | None) -> bool:
    """Whether somebody called ``interrupt()`` on the connection while the statement ran."""
    return isinstance(error, sqlite3.Error) and primary_code(error) == sqlite3.SQLITE_INTERRUPT


def shortened(sql: str) -> str:
    """``sql``, with its middle left out when it is longer than two thousand characters."""
    left_out = len(sql) - _HEAD - _TAIL
    if left_out <= 100:
        return sql
    return f"{sql[:_HEAD]} /* … {left_out} characters … */ {sql[-_TAIL:]}"


def translate(error: Exception, *, path: Path | None, sql: str = "", beside: Iterable[Path] = ()) -> DatabaseError:
    """Our error for one of the driver's. Bound values never appear in it: they may be anybody's secrets.

    SQLite does not say which file a device failed to read: ``beside`` are the others in use, which are named as well.
    """
    fault = _fault(error)
    name = str(path) if path is not None else ":memory:"
    if is_failed_read(getattr(error, "sqlite_errorname", None)):
        name = '" or "'.join([name, *map(str, beside)])
    reason = str(error) or type(error).__name__
    details = {"database": name, "sqlite_error": getattr(error, "sqlite_errorname", None), "reason": reason}
    if sql:
        details["sql"] = shortened(sql)
    return fault.error(fault.message.format(name=name, reason=reason), hint=fault.hint, details=details)


def is_failed_read(name: str | None) -> bool:
    """Whether SQLite's name of an error is that of a device that failed otherwise than in writing."""
    return name is not None and name.startswith("SQLITE_IOERR") and not name.endswith(_WRITES)


def _fault(error: Exception) -> Fault:
    if isinstance(error, sqlite3.Error):
        code = primary_code(error)
        if error_code(error) in _EXTENDED:
            return _EXTENDED[error_code(error)]
        if code is not None:
            return FAULTS.get(code, Fault(DatabaseError, 'SQLite failed on "{name}": {reason}', "See details."))
        if "closed" in str(error) or "__init__ not called" in str(error):
            return _CLOSED
        if "thread" in str(error):
            return _THREAD
    return FAULTS[sqlite3.SQLITE_NOMEM] if isinstance(error, MemoryError) else _REFUSED


@contextmanager
def translated(path: Path | None, sql: str = "", beside: Iterable[Path] = ()) -> Iterator[None]:
    """Whatever the driver raises inside comes out as ours, with the driver's error as its cause."""
    try:
        yield
    # sqlite3.Warning is how Python 3.11 says "one statement at a time", MemoryError how it says SQLITE_NOMEM;
    # OverflowError is an integer beyond 64 bits, UnicodeEncodeError half a character (a lone surrogate) in a text.
    except (sqlite3.Error, sqlite3.Warning, OverflowError, MemoryError, UnicodeEncodeError) as error:
        raise translate(error, path=path, sql=sql, beside=beside) from error
