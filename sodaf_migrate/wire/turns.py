"""One run of several transactions at a time on a database, across processes; a dead process holds nobody up."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sodaf_migrate.errors import LockHeldError
from sodaf_migrate.wire.connection import Wire

try:
    import fcntl
except ImportError:  # Windows: there each transaction has its turn, but a run has none
    fcntl = None  # type: ignore[assignment]

__all__ = ["Turn", "lock_file", "taking_turns"]

logger = logging.getLogger("sodaf_migrate")


@dataclass(frozen=True, slots=True)
class Turn:
    """Whose turn it is now; ``waited`` whether another run came first, ``left`` what a run that died had written."""

    waited: bool = False
    left: str = ""


def lock_file(path: Path) -> Path:
    """The file beside a database that is locked while a run goes on, and gone afterwards.

    Never the database itself: closing it would drop the locks that SQLite holds in this process
    (sqlite.org/howtocorrupt.html §2.2).
    """
    return path.with_name(f"{path.name}-migrating")


@contextmanager
def taking_turns(wire: Wire, label: str) -> Iterator[Turn]:
    """While the block runs, no other run enters such a block for the same database; ``label`` says who is in it.

    The lock is the operating system's and ends with the process. Where a folder or file system has no such locks the
    block runs all the same: it only spares workers that start together from each planning what another one does, and
    every transaction looks again under SQLite's own lock. Raises LockHeldError after ``lock_timeout``.
    """
    found = _entered(wire) if wire.path is not None and fcntl is not None else None
    if found is None or wire.path is None:
        yield Turn()
        return
    descriptor, waited = found
    try:
        left = os.read(descriptor, 4096).decode("utf-8", "replace").strip()
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()}, {label}\n".encode(), 0)
        yield Turn(waited, left)
    finally:
        # Whoever has it open already sees afterwards that the name leads elsewhere.
        lock_file(wire.path).unlink(missing_ok=True)
        os.close(descriptor)


def _entered(wire: Wire) -> tuple[int, bool] | None:
    """The locked file, and whether it was waited for; None where there are no such locks."""
    assert wire.path is not None
    file, waited, pauses = lock_file(wire.path), False, wire.patience.pauses()
    while True:
        wire.watch.check()
        try:
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            logger.debug("no turns are taken at %s: %s", wire.name, error)
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_named(descriptor, file):
                return descriptor, waited
        except BlockingIOError:
            if next(pauses, None) is None:
                raise _held(wire, descriptor) from None
        except OSError as error:  # a network file system without locks
            logger.debug("no turns are taken at %s: %s", wire.name, error)
            os.close(descriptor)
            return None
        os.close(descriptor)
        waited = True


def _is_named(descriptor: int, file: Path) -> bool:
    """Whether the file is still the one of that name: another run may have ended, and taken it away, meanwhile."""
    try:
        return os.fstat(descriptor).st_ino == os.stat(file).st_ino
    except FileNotFoundError:
        return False


def _held(wire: Wire, descriptor: int) -> LockHeldError:
    holder = os.read(descriptor, 4096).decode("utf-8", "replace").strip() or "another process"
    os.close(descriptor)
    return LockHeldError(
        f'A run over "{wire.name}" has been going on for all of the {wire.patience.timeout:.1f} s that were waited:'
        f" {holder}",
        hint="Let it finish or stop it, or raise lock_timeout.",
        details={"database": wire.name, "waited": wire.patience.timeout, "holders": [holder]},
    )
