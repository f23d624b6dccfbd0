"""Faults of statements: the n-th statement on a connection fails, and nothing of it happens."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sodaf_migrate.errors import ConfigurationError

__all__ = ["FailingConnection", "failing_connection"]

_MESSAGES = {sqlite3.SQLITE_IOERR: "disk I/O error", sqlite3.SQLITE_FULL: "database or disk is full"}


class FailingConnection(sqlite3.Connection):
    """A connection of the standard driver that counts statements (``met``) and fails the n-th (``struck``).

    BEGIN, COMMIT and pragmas are statements too; ``statement`` is the first one that failed. ROLLBACK is counted and
    never fails, as in SQLite: whatever the disk does, it ends the transaction (vdbe.c, OP_AutoCommit).
    """

    fail_at = 0
    sticky = False
    code = sqlite3.SQLITE_IOERR
    met = 0
    struck = 0
    statement = ""

    def cursor(self, factory: Any = None) -> Any:
        """A cursor whose statements are counted."""
        return super().cursor(factory or _Cursor)

    def execute(self, sql: str, *parameters: Any) -> Any:
        """As the driver's own, but counted."""
        return self.cursor().execute(sql, *parameters)

    def executemany(self, sql: str, parameters: Any) -> Any:
        """As the driver's own, but counted (as one)."""
        return self.cursor().executemany(sql, parameters)

    def count(self, sql: str) -> None:
        """Counts one statement. Raises sqlite3.OperationalError when it is its turn to fail."""
        self.met += 1
        if self.met < self.fail_at or (self.met > self.fail_at and not self.sticky):
            return
        if sql.strip().upper() == "ROLLBACK":
            return
        self.struck += 1
        self.statement = self.statement or sql
        error = sqlite3.OperationalError(_MESSAGES.get(self.code, "SQL logic error"))
        error.sqlite_errorcode = self.code
        error.sqlite_errorname = {sqlite3.SQLITE_IOERR: "SQLITE_IOERR", sqlite3.SQLITE_FULL: "SQLITE_FULL"}.get(
            self.code, "SQLITE_ERROR"
        )
        raise error


class _Cursor(sqlite3.Cursor):
    connection: FailingConnection

    def execute(self, sql: str, *parameters: Any) -> Any:
        self.connection.count(sql)
        return super().execute(sql, *parameters)

    def executemany(self, sql: str, parameters: Any) -> Any:
        self.connection.count(sql)
        return super().executemany(sql, parameters)


@contextmanager
def failing_connection(
    path: str | os.PathLike[str], *, at: int, sticky: bool = False, code: int = sqlite3.SQLITE_IOERR
) -> Iterator[FailingConnection]:
    """A connection to ``path`` on which the ``at``-th statement (from 1) fails; ``sticky``: and all after it.

    Give it to ``MigrationApplier`` in place of the path. ``code`` is SQLite's result code. It is closed at the end,
    which takes an open transaction back. Raises ConfigurationError for a number below 1.
    """
    if at < 1:
        raise ConfigurationError(f'There is no statement "{at}"', hint="Statements are counted from 1.")
    connection = sqlite3.connect(path, factory=FailingConnection, isolation_level=None)
    connection.fail_at, connection.sticky, connection.code = at, sticky, code
    try:
        yield connection
    finally:
        connection.close()
