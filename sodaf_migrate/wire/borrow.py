"""A connection that a caller brings: the rules for taking it, and giving it back as it was."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sodaf_migrate.errors import DatabaseOpenError, TransactionOpenError
from sodaf_migrate.wire.connection import OnConnect, Wire
from sodaf_migrate.wire.faults import translated
from sodaf_migrate.wire.patience import Patience
from sodaf_migrate.wire.watch import Watch

__all__ = ["borrowed"]


@contextmanager
def borrowed(
    connection: sqlite3.Connection,
    *,
    readonly: bool,
    on_connect: OnConnect | None,
    patience: Patience,
    watch: Watch | None = None,
) -> Iterator[Wire]:
    """A ``Wire`` on a caller's connection; factories, isolation level and pragmas are restored at the end.

    No handler (progress, authorizer, trace) is ever set on it, because the caller's could not be given back.
    ``on_connect`` is kept for the connections that the engine opens itself. Raises TransactionOpenError when a
    transaction is open, DatabaseOpenError for a connection in a mode that cannot be used.
    """
    _check(connection)
    kept = connection.row_factory, connection.text_factory, connection.isolation_level
    # Setting isolation_level to None commits what is open: _check has seen that nothing is.
    connection.row_factory, connection.text_factory, connection.isolation_level = None, str, None
    try:
        path = _path_of(connection)
        wire = Wire(connection, path=path, owned=False, on_connect=on_connect, patience=patience, watch=watch)
        with wire.watch.over(connection), wire.pragmas(busy_timeout=0, **({"query_only": 1} if readonly else {})):
            yield wire
    finally:
        try:
            if connection.in_transaction:  # only an interrupt between two instructions leaves one
                connection.execute("ROLLBACK")
        finally:
            connection.row_factory, connection.text_factory, connection.isolation_level = kept


def _check(connection: sqlite3.Connection) -> None:
    with translated(None):
        connection.cursor().close()  # the driver checks here that it is open and that the thread is the right one
    # Python 3.12: with autocommit=False the driver itself begins a transaction after each commit.
    if getattr(connection, "autocommit", None) is False:
        raise DatabaseOpenError(
            "The connection was opened with autocommit=False, which keeps a transaction open at all times",
            hint="Open it without autocommit= (or with autocommit=True), or give the path of the database.",
        )
    if connection.in_transaction:
        raise TransactionOpenError(
            "The connection has a transaction open, and a migration may not decide over it",
            hint="Call commit() or rollback() on it first.",
        )


def _path_of(connection: sqlite3.Connection) -> Path | None:
    with translated(None):
        rows = connection.execute("PRAGMA database_list").fetchall()
    file = next((row[2] for row in rows if row[1] == "main"), "")
    return Path(file) if file else None
