"""Opening: from a path, a connection or a sqlite-utils Database to a ``Wire``."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from sodaf_migrate.errors import DatabaseError, DatabaseOpenError
from sodaf_migrate.wire.borrow import borrowed
from sodaf_migrate.wire.connection import OnConnect, Wire
from sodaf_migrate.wire.faults import translated
from sodaf_migrate.wire.patience import Patience
from sodaf_migrate.wire.watch import Watch

__all__ = [
    "OLDEST_SQLITE",
    "Target",
    "check_sqlite",
    "is_new",
    "look_wire",
    "memory_wire",
    "open_wire",
    "scratch_wire",
    "wire_of",
]

#: A path, a connection of the standard library's driver, or a sqlite-utils Database that stands on one.
Target: TypeAlias = str | os.PathLike[str] | sqlite3.Connection | Any

OLDEST_SQLITE = (3, 35, 0)

_FULL = 2
_ENCODINGS = ("UTF-8", "UTF-16le", "UTF-16be")


@contextmanager
def open_wire(
    target: Target,
    *,
    readonly: bool = False,
    on_connect: OnConnect | None = None,
    lock_timeout: float = 30.0,
    must_exist: bool = True,
    patience: Patience | None = None,
    watch: Watch | None = None,
    encoding: str | None = None,
) -> Iterator[Wire]:
    """A ``Wire`` to ``target`` while the block runs; ``lock_timeout`` in seconds, ``patience`` replaces it in tests.

    ``encoding`` is that of the texts in a database that holds nothing yet; any other keeps its own.

    What ``watch`` stops it stops here too; further connections of one work are given the watch of the first. A path
    is opened here and closed at the end; a caller's connection comes back as it was. Raises DatabaseOpenError for what
    cannot be opened, TransactionOpenError for a connection in use, DatabaseCorruptError, LockHeldError.
    """
    check_sqlite(sqlite3.sqlite_version_info)
    patience = patience or Patience(timeout=lock_timeout)
    if isinstance(target, (str, os.PathLike)):
        path = _checked_path(target, readonly=readonly, must_exist=must_exist)
        mode = "ro" if readonly else "rw" if must_exist else "rwc"
        with _opened(f"{path.as_uri()}?mode={mode}", path, on_connect, patience, watch, encoding) as wire:
            yield wire
    else:
        lent = borrowed(
            _connection_of(target), readonly=readonly, on_connect=on_connect, patience=patience, watch=watch
        )
        with lent as wire:
            yield wire


@contextmanager
def wire_of(source: Wire | Target, *, readonly: bool = False) -> Iterator[Wire]:
    """The ``Wire`` that ``source`` is, or one to it while the block runs. Raises as ``open_wire`` does."""
    if isinstance(source, Wire):
        yield source
        return
    with open_wire(source, readonly=readonly) as wire:
        yield wire


@contextmanager
def look_wire(target: Target, *, on_connect: OnConnect | None = None, lock_timeout: float = 30.0) -> Iterator[Wire]:
    """A ``Wire`` that reads; a file that is not there yet is looked at as the empty database that it would begin as.

    Nothing is created. Raises as ``open_wire`` does, also where the folder of the file is not there.
    """
    if is_new(target):
        with memory_wire(on_connect) as wire:
            yield wire
        return
    with open_wire(target, readonly=True, on_connect=on_connect, lock_timeout=lock_timeout) as wire:
        yield wire


def is_new(target: Target) -> bool:
    """Whether ``target`` is the path of a file that is not there, in a folder that is."""
    if not isinstance(target, (str, os.PathLike)) or not _is_path(os.fspath(target)):
        return False
    path = Path(target)
    try:
        return path.parent.is_dir() and not path.exists() and not path.is_symlink()
    except OSError:
        return False  # open_wire says what is the matter


@contextmanager
def memory_wire(on_connect: OnConnect | None = None, *, encoding: str | None = None) -> Iterator[Wire]:
    """A private, empty database in memory while the block runs, prepared by ``on_connect`` like all others."""
    with _opened(":memory:", None, on_connect, Patience(timeout=0), encoding=encoding) as wire:
        yield wire


@contextmanager
def scratch_wire(
    path: Path,
    *,
    encoding: str = "UTF-8",
    journal: str = "OFF",
    on_connect: OnConnect | None = None,
    patience: Patience | None = None,
    watch: Watch | None = None,
) -> Iterator[Wire]:
    """A wire to a private file that nobody else has open, without journal file and sync, while the block runs.

    Once it is open the file's name may be taken away, and into an empty file a database be written whose text has
    ``encoding``. Without a ``journal`` ("MEMORY") an exception inside leaves the file in no particular state.
    """
    patience = patience or Patience(timeout=0)
    with _opened(f"{path.as_uri()}?mode=rw", path, on_connect, patience, watch, encoding) as wire:
        wire.value(f"PRAGMA journal_mode = {journal}")
        wire.run("PRAGMA synchronous = OFF")
        yield wire


def check_sqlite(version: tuple[int, ...]) -> None:
    """Raises DatabaseOpenError when the SQLite library is older than the engine can work with."""
    if version < OLDEST_SQLITE:
        found, needed = (".".join(map(str, part)) for part in (version, OLDEST_SQLITE))
        raise DatabaseOpenError(
            f'This Python uses SQLite "{found}", and "{needed}" or later is needed',
            hint="Use a Python that is built with a newer SQLite library.",
            details={"found": found, "needed": needed},
        )


@contextmanager
def _opened(
    uri: str,
    path: Path | None,
    on_connect: OnConnect | None,
    patience: Patience,
    watch: Watch | None = None,
    encoding: str | None = None,
) -> Iterator[Wire]:
    with translated(path):
        # timeout=0: all waiting is done by Patience
        connection = sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None)
    try:
        if encoding is not None:
            # Before on_connect: "PRAGMA journal_mode = WAL" writes the first page, which fixes the encoding for ever.
            with translated(path):
                connection.execute(f"PRAGMA encoding = '{_known(encoding)}'")
        wire = Wire(connection, path=path, owned=True, on_connect=on_connect, patience=patience, watch=watch)
        if on_connect is not None:
            with translated(path):
                _prepare(connection, on_connect, wire.name)
        if path is not None:
            wire.value("PRAGMA schema_version")  # reads the header: what is no database says so here, once
        with wire.watch.over(connection):
            yield wire
    finally:
        connection.close()


def _prepare(connection: sqlite3.Connection, on_connect: OnConnect, name: str) -> None:
    on_connect(connection)
    if connection.in_transaction:
        raise DatabaseError(
            f'on_connect left a transaction open on "{name}"', hint="Commit in on_connect, or write nothing there."
        )
    # What a site sets for its own queries would change what ours return.
    connection.row_factory, connection.text_factory, connection.isolation_level = None, str, None
    connection.execute("PRAGMA busy_timeout = 0")
    # Closing the last connection in WAL mode is a checkpoint: without sync it would put a durable COMMIT at risk.
    if connection.execute("PRAGMA main.synchronous").fetchone()[0] < _FULL:
        connection.execute(f"PRAGMA main.synchronous = {_FULL}")


def _checked_path(target: str | os.PathLike[str], *, readonly: bool, must_exist: bool) -> Path:
    text = os.fspath(target)
    if _is_uri(text):
        raise DatabaseOpenError(
            f'"{text}" is a URI, and a path is wanted',
            hint="Give the path of the file, or lend a connection: sqlite3.connect(uri, uri=True).",
        )
    if not _is_path(text):
        raise DatabaseOpenError(
            f"{text!r} is not the path of a database file",
            hint="Give a path; for a database in memory give its connection: sqlite3.connect(':memory:').",
        )
    path = Path(text).absolute()
    try:
        problem = _problem(path, readonly=readonly, must_exist=must_exist)
    except OSError as error:
        raise DatabaseOpenError(
            f'"{path}" cannot be looked at: {error.strerror}', hint="Check the path and the permissions of its folders."
        ) from error
    if problem is not None:
        raise DatabaseOpenError(problem[0], hint=problem[1], details={"database": str(path)})
    return path


def _is_path(text: Any) -> bool:
    return isinstance(text, str) and text not in ("", ":memory:") and "\0" not in text and not _is_uri(text)


def _is_uri(text: Any) -> bool:
    return isinstance(text, str) and text.startswith("file:") and not os.path.lexists(text)


def _problem(path: Path, *, readonly: bool, must_exist: bool) -> tuple[str, str] | None:
    # The file is never opened to see what it is: closing it would drop the locks that SQLite holds in this process.
    if not path.exists():
        if must_exist or readonly:
            return f'There is no database file "{path}"', "Check the path, or create the database first."
        if not path.parent.is_dir():
            return f'There is no folder "{path.parent}" for the database', "Create the folder first."
    elif path.is_dir():
        return f'"{path}" is a folder, not a database file', "Give the path of the file in it."
    elif not path.is_file():
        return f'"{path}" is not an ordinary file', "Give the path of a database file."
    elif not os.access(path, os.R_OK):
        return f'"{path}" may not be read by this user', "Check the owner and mode of the file."
    elif not readonly and not os.access(path, os.W_OK):
        return f'"{path}" is read-only for this user', "Give the user write permission on the file."
    if not readonly and not os.access(path.parent, os.W_OK):
        return (
            f'The folder "{path.parent}" is read-only for this user, and SQLite needs its journal beside the database',
            "Give the user write permission on the folder too.",
        )
    return None


def _connection_of(target: Any) -> sqlite3.Connection:
    connection = getattr(target, "conn", target)  # a sqlite-utils Database has its connection there
    if isinstance(connection, sqlite3.Connection):
        return connection
    kind = f"{type(connection).__module__}.{type(connection).__qualname__}"
    if not hasattr(connection, "execute"):
        raise DatabaseOpenError(
            f'A "{kind}" is not a database', hint="Give a path, a sqlite3.Connection or a sqlite_utils.Database."
        )
    raise DatabaseOpenError(
        f'A connection of the class "{kind}" is not of the standard library\'s sqlite3',
        hint="Two SQLite libraries in one process break each other's file locks and with them the database "
        "(sqlite.org/howtocorrupt.html): give a path, or a connection made by sqlite3.connect().",
        details={"class": kind},
    )


def _known(encoding: str) -> str:
    if encoding not in _ENCODINGS:
        raise DatabaseOpenError(f'"{encoding}" is no encoding of SQLite\'s', hint=f"There are {', '.join(_ENCODINGS)}.")
    return encoding
