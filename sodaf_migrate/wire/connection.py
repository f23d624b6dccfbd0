"""The narrow connection: every statement of the package goes through a ``Wire``.

Only this room begins and ends transactions and sets pragmas.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from sodaf_migrate.errors import DatabaseError, LockHeldError, MigrationError, StatementError, TransactionOpenError
from sodaf_migrate.wire.faults import is_interrupt, is_transient, shortened, translated
from sodaf_migrate.wire.holders import holders
from sodaf_migrate.wire.patience import Patience
from sodaf_migrate.wire.pragma import read_pragma, same_value, set_pragma
from sodaf_migrate.wire.watch import Watch

__all__ = ["OnConnect", "Parameters", "Wire"]

OnConnect = Callable[[sqlite3.Connection], None]
Parameters = tuple[Any, ...] | list[Any] | dict[str, Any]
_T = TypeVar("_T")

# What may precede the first word of a statement (a byte order mark too), and the words that only this room may execute.
_TRANSACTION = re.compile(
    r"(?:[\s;\ufeff]|--[^\n]*(?:\n|$)|/\*.*?\*/)*(BEGIN|COMMIT|END|ROLLBACK|SAVEPOINT|RELEASE)\b",
    re.IGNORECASE | re.DOTALL,
)
_BATCH = 256


class Wire:
    """One connection, its statements, transactions and pragmas; every error of the driver comes out as ours."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        path: Path | None,
        owned: bool,
        on_connect: OnConnect | None = None,
        patience: Patience | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.connection = connection  # for hooks only
        self.path = path
        self.owned = owned
        self.on_connect = on_connect
        self.patience = patience or Patience()
        self.watch = watch or Watch()  # what may stop the statements; connections of one work share it
        self.beside: tuple[Path, ...] = ()  # files that are attached for a while
        self._depth = 0
        self._reading = False
        self._doom: BaseException | None = None

    @property
    def sqlite_version(self) -> tuple[int, int, int]:
        """The version of the SQLite library in use."""
        return sqlite3.sqlite_version_info

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open on the connection."""
        return self.connection.in_transaction

    @property
    def holds_lock(self) -> bool:
        """Whether the write lock is held: nobody else can commit meanwhile."""
        return self.in_transaction and not self._reading

    @property
    def name(self) -> str:
        """The database as messages call it: its path, or ":memory:"."""
        return str(self.path) if self.path is not None else ":memory:"

    def query(self, sql: str, params: Parameters = ()) -> list[tuple[Any, ...]]:
        """All rows of one statement."""
        return self._execute(sql, params, sqlite3.Cursor.fetchall)

    def row(self, sql: str, params: Parameters = ()) -> tuple[Any, ...] | None:
        """The first row, or None."""
        return self._execute(sql, params, _first)

    def value(self, sql: str, params: Parameters = ()) -> Any:
        """The first column of the first row, or None when there is no row."""
        row = self.row(sql, params)
        return None if row is None else row[0]

    def run(self, sql: str, params: Parameters = ()) -> int:
        """Executes one statement to its end and returns the number of rows it changed (0 for what changes none)."""
        return self._execute(sql, params, _exhausted)

    def stream(self, sql: str, params: Parameters = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of one statement as they are read, without holding them all in memory."""
        cursor, rows = self._execute(sql, params, _begun)
        try:
            while rows:
                yield from rows
                with self._heeding(sql):
                    rows = cursor.fetchmany(_BATCH)
        finally:
            cursor.close()

    @contextmanager
    def lent(self) -> Iterator[sqlite3.Connection]:
        """The connection for a caller's hook, which may not end the transaction: half a change would stand.

        On a connection that the caller brought nothing is installed, for it may have an authorizer of its own.
        """
        if not self.owned:
            yield self.connection
            return
        self.connection.set_authorizer(_no_transaction)
        try:
            yield self.connection
        finally:
            self.connection.set_authorizer(None)

    def edit_catalogue(self, sql: str) -> None:
        """Runs one UPDATE of sqlite_schema inside ``atomic`` and makes it live for every connection.

        Raises DatabaseError where the library guards its catalogue (SQLITE_DBCONFIG_DEFENSIVE), and when not exactly
        one object was edited. A text that SQLite cannot read is found by the next statement and undone by rollback.
        """
        with self.pragmas(writable_schema=1):
            edited = self.run(sql)
            if edited != 1:
                raise DatabaseError(
                    f"A catalogue edit met {edited} objects instead of one", details={"sql": shortened(sql)}
                )
            # A changed schema_version is what makes this connection, and all others, read the catalogue again.
            self._set_pragma("schema_version", int(self._pragma("schema_version")) + 1)

    def catalogue_is_open(self) -> bool:
        """Whether ``edit_catalogue`` may work here: a defensive connection silently ignores the pragma."""
        try:
            with self.pragmas(writable_schema=1):
                return True
        except DatabaseError:
            return False

    @contextmanager
    def atomic(self, *, exclusive: bool = False) -> Iterator[None]:
        """All or nothing: the outermost one is a transaction with the write lock, a nested one a savepoint.

        ``exclusive`` also keeps readers out in rollback-journal mode. Raises LockHeldError when the lock is not
        to be had within ``lock_timeout``; an error from inside is never masked by one of the way back.
        """
        if self._reading:
            raise TransactionOpenError(
                f'"{self.name}" is being read in a snapshot that cannot become a writing transaction',
                hint="Leave snapshot() before atomic() is entered.",
            )
        with self._savepoint() if self._depth else self._transaction("EXCLUSIVE" if exclusive else "IMMEDIATE"):
            yield

    @contextmanager
    def impatient(self, seconds: float = 1.0) -> Iterator[None]:
        """While the block runs, locks are waited for no longer than ``seconds``."""
        patience = self.patience
        self.patience = replace(patience, timeout=min(seconds, patience.timeout))
        try:
            yield
        finally:
            self.patience = patience

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """One consistent look at the database; inside another snapshot or transaction it adds nothing."""
        if self.in_transaction:
            yield
            return
        try:
            self._control("BEGIN DEFERRED")
            self._reading = True
            yield
        finally:
            self._reading = False
            if self.in_transaction:
                self._undo("ROLLBACK")

    @contextmanager
    def pragmas(self, **settings: int | str) -> Iterator[None]:
        """Sets pragmas, reads each back, and restores every old value at the end.

        Raises DatabaseError when one did not take, as ``foreign_keys`` and ``synchronous`` do not inside a
        transaction; one that already has its value is left alone.
        """
        before: dict[str, Any] = {}
        try:
            for pragma, wanted in settings.items():
                old = self._pragma(pragma)
                if not same_value(pragma, old, wanted):
                    before[pragma] = old
                    self._set_pragma(pragma, wanted)
            yield
        except BaseException as error:
            self._restore(before, error)
            raise
        self._restore(before, None)

    # -- statements ------------------------------------------------------------------------------------------------

    def _execute(self, sql: str, params: Parameters, fetch: Callable[[sqlite3.Cursor], _T]) -> _T:
        if _TRANSACTION.match(sql):
            raise StatementError(
                "Transactions are begun and ended by the engine alone, not by a statement",
                hint="Take BEGIN, COMMIT, ROLLBACK, SAVEPOINT and RELEASE out of the statements.",
                details={"sql": shortened(sql)},
            )
        self._check_alive()
        return self._patiently(sql, params, fetch)

    def _patiently(self, sql: str, params: Parameters, fetch: Callable[[sqlite3.Cursor], _T]) -> _T:
        pauses, waited = self.patience.pauses(), 0.0
        # Nothing stops a COMMIT that has begun. One that met BUSY has not: between two tries it may be stopped.
        shield = self.watch.shielded if sql == "COMMIT" else nullcontext
        while True:
            self.watch.check()
            try:
                with shield(), self._heeding(sql):
                    return fetch(self.connection.execute(sql, params))
            except LockHeldError as error:
                # A statement that met BUSY did nothing at all, so it may simply be tried again.
                if error.__cause__ is None or not is_transient(error.__cause__):
                    raise
                pause = next(pauses, None)
                if pause is None:
                    raise self._lock_held(waited, sql, error.__cause__) from error.__cause__
                waited = pause

    @contextmanager
    def _heeding(self, sql: str) -> Iterator[None]:
        """The door for the driver's errors; an interrupt that the watch sent comes out as its reason."""
        try:
            with translated(self.path, sql, self.beside):
                yield
        except DatabaseError as error:
            stopped = self.watch.reason() if is_interrupt(error.__cause__) else None
            if stopped is None:
                raise
            raise stopped from error.__cause__

    def _lock_held(self, waited: float, sql: str, cause: BaseException) -> LockHeldError:
        found = holders(self.path)
        by = f" by {', '.join(found)}" if found else " by another connection"
        return LockHeldError(
            f'"{self.name}" was locked{by} for all of the {waited:.1f} s that were waited',
            hint="Let the other program finish or stop it, or raise lock_timeout.",
            details={
                "database": self.name,
                "waited": round(waited, 3),
                "holders": list(found),
                "reason": str(cause),
                "sqlite_error": getattr(cause, "sqlite_errorname", None),
                "sql": shortened(sql),
            },
        )

    def _check_alive(self) -> None:
        # SQLite ends a transaction by itself after some errors (full disk, ON CONFLICT ROLLBACK): whoever swallowed
        # such an error would go on in autocommit mode, and the next statement could not be taken back.
        if self._depth and not self.in_transaction:
            raise DatabaseError(
                f'The transaction on "{self.name}" has ended while it was still needed',
                hint="SQLite rolled it back after an error, or a hook ended it; nothing more is executed.",
            )

    # -- transactions ----------------------------------------------------------------------------------------------

    def _control(self, sql: str) -> None:
        self._patiently(sql, (), _exhausted)

    @contextmanager
    def _transaction(self, mode: str) -> Iterator[None]:
        if self.in_transaction:
            raise TransactionOpenError(
                f'A transaction that somebody else began is open on "{self.name}"',
                hint="Commit it or roll it back first.",
            )
        try:
            # BEGIN stands inside the try: an interrupt right after it must be rolled back like one later on.
            self._control(f"BEGIN {mode}")
            self._depth, self._doom = 1, None
            yield
            self._check_alive()
            self._check_doom()
            self._control("COMMIT")
        except BaseException as error:
            # Also after a COMMIT that raised: if the transaction is still open it has not taken place.
            if self.in_transaction:
                self._undo("ROLLBACK", error)
            raise
        finally:
            self._depth = 0

    @contextmanager
    def _savepoint(self) -> Iterator[None]:
        self._check_alive()
        savepoint = f"sodaf_{self._depth}"
        self._depth += 1
        try:
            self._control(f"SAVEPOINT {savepoint}")
            yield
            self._check_alive()
            self._check_doom()
            self._control(f"RELEASE {savepoint}")
        except BaseException as error:
            if self.in_transaction and not (
                self._undo(f"ROLLBACK TO {savepoint}", error) and self._undo(f"RELEASE {savepoint}", error)
            ):
                self._doom = error
            raise
        finally:
            self._depth -= 1

    def _check_doom(self) -> None:
        # A savepoint that could not be rolled back leaves half of something: the whole must not be committed.
        if self._doom is not None:
            raise DatabaseError(
                f'A part of the transaction on "{self.name}" could not be rolled back, so all of it is',
                hint="See the first error, which is the cause of this one.",
            ) from self._doom

    def _undo(self, sql: str, error: BaseException | None = None) -> bool:
        try:
            with self.watch.shielded():
                self.connection.execute(sql)
        except sqlite3.Error as failure:
            if error is not None:
                error.add_note(f"{sql} failed too: {failure}")
            return False
        return True

    # -- pragmas ---------------------------------------------------------------------------------------------------

    def _pragma(self, pragma: str) -> Any:
        return self._patiently(read_pragma(pragma), (), _value)

    def _set_pragma(self, pragma: str, value: Any) -> None:
        self._patiently(set_pragma(pragma, value), (), _exhausted)
        found = self._pragma(pragma)
        if not same_value(pragma, found, value):
            inside = " inside a transaction" if self.in_transaction else ""
            raise DatabaseError(
                f'PRAGMA {pragma} could not be set to "{value}" on "{self.name}"{inside}: it is "{found}"',
                hint="Commit the open transaction first, or use another connection." if inside else None,
                details={"pragma": pragma, "wanted": value, "found": found},
            )

    def _restore(self, before: dict[str, Any], error: BaseException | None) -> None:
        for pragma, value in reversed(before.items()):
            try:
                with self.watch.shielded():
                    self._set_pragma(pragma, value)
            except MigrationError as failure:
                if error is None:
                    raise
                error.add_note(f"PRAGMA {pragma} was not restored: {failure}")


def _first(cursor: sqlite3.Cursor) -> tuple[Any, ...] | None:
    row: tuple[Any, ...] | None = cursor.fetchone()
    cursor.close()  # an unfinished read would hold a lock, and keep DROP TABLE from working
    return row


def _value(cursor: sqlite3.Cursor) -> Any:
    row = _first(cursor)
    return None if row is None else row[0]


def _exhausted(cursor: sqlite3.Cursor) -> int:
    for _ in cursor:
        pass
    return max(cursor.rowcount, 0)


def _begun(cursor: sqlite3.Cursor) -> tuple[sqlite3.Cursor, list[tuple[Any, ...]]]:
    return cursor, cursor.fetchmany(_BATCH)


def _no_transaction(action: int, *_: str | None) -> int:
    return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_TRANSACTION else sqlite3.SQLITE_OK
