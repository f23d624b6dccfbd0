"""Stopping from outside: a deadline or a cancel token, acting on the statement that runs just now."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import NamedTuple

from sodaf_migrate.errors import MigrationCancelledError, MigrationTimeoutError, StoppedError
from sodaf_migrate.events import CancelToken

__all__ = ["Watch"]

#: Seconds between two interrupts: one that falls between two statements is without effect, so it is said again.
_AGAIN = 0.02


class _Limit(NamedTuple):
    deadline: float
    given: float  # seconds, infinite where there is no deadline
    token: CancelToken | None


class Watch:
    """Interrupts the statements of its connections once their time is up or a token is cancelled. Times are seconds.

    It acts inside ``limit()`` alone, by ``Connection.interrupt()`` from a thread of its own: on a connection that a
    caller brought no handler may be set, for Python could not give back the caller's. SQLite heeds an interrupt within
    milliseconds, except in DROP TABLE, COMMIT and checkpoints (sqlite.org/c3ref/interrupt.html).
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()  # guards all that follows
        self._connections: list[sqlite3.Connection] = []
        self._limits: list[_Limit] = []  # of the blocks entered, the outermost first
        self._shields = 0
        self._thread: threading.Thread | None = None

    @contextmanager
    def over(self, connection: sqlite3.Connection) -> Iterator[None]:
        """While the block runs, this connection's statements are interrupted too."""
        with self._changed:
            self._connections.append(connection)
        try:
            yield
        finally:
            with self._changed:  # whoever closes the connection next must not meet an interrupt
                self._connections.remove(connection)

    @contextmanager
    def limit(self, seconds: float | None = None, token: CancelToken | None = None) -> Iterator[None]:
        """While the block runs, its work is stopped after ``seconds``, by ``token``, or as an outer block says."""
        given = float("inf") if seconds is None else seconds
        with token.waking(self._wake) if token is not None else nullcontext():
            with self._changed:
                self._limits.append(_Limit(self._clock() + given, given, token))
                self._changed.notify_all()
            try:
                if self._thread is None and (token is not None or seconds is not None):
                    self._thread = threading.Thread(target=self._run, name="sodaf_migrate watch", daemon=True)
                    self._thread.start()
                yield
            finally:
                self._leave()

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """While the block runs nothing is stopped: what takes back, restores, commits or records has to be finished."""
        with self._changed:
            self._shields += 1
        try:
            yield
        finally:
            with self._changed:
                self._shields -= 1

    def check(self) -> None:
        """Raises MigrationTimeoutError or MigrationCancelledError when the work shall stop."""
        if self._limits and not self._shields:
            error = self.reason()
            if error is not None:
                raise error

    def reason(self) -> StoppedError | None:
        """Why the work shall stop now; None when it may go on."""
        if not self._limits or self._shields:
            return None
        if any(limit.token is not None and limit.token.cancelled for limit in self._limits):
            return MigrationCancelledError(
                "The work was cancelled, and everything was rolled back", hint="Start it again when you wish."
            )
        first = min(self._limits, key=lambda limit: limit.deadline)
        if self._clock() < first.deadline:
            return None
        return MigrationTimeoutError(
            f"The work was not done within {first.given:g} s, and everything was rolled back",
            hint="Give it a longer timeout, or a quieter hour; a dry run estimates how long it takes.",
            details={"timeout": first.given},
        )

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _leave(self) -> None:
        with self._changed:
            self._limits.pop()
            self._changed.notify_all()
            thread = self._thread if not self._limits else None
        if thread is not None:
            thread.join()
            self._thread = None

    def _run(self) -> None:
        with self._changed:
            while self._limits:
                if self.reason() is not None:
                    for connection in self._connections:
                        connection.interrupt()
                    self._changed.wait(_AGAIN)
                else:
                    left = min(limit.deadline for limit in self._limits) - self._clock()
                    # A shield may be up although the time is over: then it is looked at again soon.
                    self._changed.wait(min(max(left, _AGAIN), threading.TIMEOUT_MAX))
