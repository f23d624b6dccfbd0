"""Writers and readers that work on the same database beside a migration, each in a process of its own."""

from __future__ import annotations

import os
import sqlite3
import time
import traceback
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from sodaf_migrate.testing.processes import process_context

__all__ = ["Beside", "busy_reader", "busy_writer"]


class Beside:
    """What a process beside has done so far: ``done`` statements, and ``blocked`` ones that met a lock."""

    def __init__(self, counts: Any) -> None:
        self._counts = counts

    @property
    def done(self) -> int:
        """How many statements have come to their end; a writer's are committed."""
        return int(self._counts[0])

    @property
    def blocked(self) -> int:
        """How often a statement was told that the database is locked; it was tried again."""
        return int(self._counts[1])

    def wait_for(self, done: int, *, seconds: float = 30.0) -> None:
        """Returns when ``done`` has reached that number. Raises AssertionError when it takes longer."""
        until = time.monotonic() + seconds
        while self.done < done:
            assert time.monotonic() < until, f"{self.done} statements were done in {seconds} s, not {done}"
            time.sleep(0.001)


@contextmanager
def busy_writer(path: str | os.PathLike[str], sql: str, *, first: int = 0, pause: float = 0.0) -> Iterator[Beside]:
    """A process that runs ``sql`` again and again, each time in a transaction of its own, until the block ends.

    ``?1`` in it is a running number from ``first``: at the end at least the numbers below ``first + done`` are
    committed, and at most one more. It waits ``pause`` seconds between two. Raises AssertionError at the end when a
    statement failed for another reason than a lock.
    """
    with _beside(_write, os.fspath(path), sql, first, pause) as beside:
        yield beside


@contextmanager
def busy_reader(path: str | os.PathLike[str], sql: str, *, pause: float = 0.0) -> Iterator[Beside]:
    """A process that reads with ``sql`` again and again on one connection, without any patience for locks."""
    with _beside(_read, os.fspath(path), sql, 0, pause) as beside:
        yield beside


@contextmanager
def _beside(work: Any, path: str, sql: str, first: int, pause: float) -> Iterator[Beside]:
    context = process_context()
    counts, stop = context.Array("q", 2), context.Event()
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(work, path, sql, first, pause, counts, stop, sender), daemon=True)
    process.start()
    sender.close()
    receiver.recv()  # it has begun
    beside = Beside(counts)
    try:
        yield beside
    finally:
        stop.set()
        process.join(30)
        if process.is_alive():
            process.kill()
            process.join()
    try:
        failed = receiver.recv()
    except EOFError:
        failed = f"It ended with {process.exitcode} and without a word."
    assert not failed, f"The process beside failed:\n{failed}"


def _run(work: Any, path: str, sql: str, first: int, pause: float, counts: Any, stop: Any, said: Any) -> None:
    said.send("")
    number = first
    try:
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
            while number == first or not stop.wait(pause):
                try:
                    work(connection, sql, number)
                except sqlite3.OperationalError as error:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    if (getattr(error, "sqlite_errorcode", 0) & 0xFF) not in (
                        sqlite3.SQLITE_BUSY,
                        sqlite3.SQLITE_LOCKED,
                    ):
                        raise
                    counts[1] += 1
                    time.sleep(0.001)
                else:
                    number += 1
                    counts[0] += 1
    except BaseException:
        said.send(traceback.format_exc())
    else:
        said.send("")


def _write(connection: sqlite3.Connection, sql: str, number: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(sql, {"1": number})  # by name: Python 3.12.0 to 3.12.3 warns where ?1 is given by its place
    connection.execute("COMMIT")


def _read(connection: sqlite3.Connection, sql: str, _: int) -> None:
    connection.execute(sql).fetchall()
