"""The database file read by another process: whoever closes it drops all locks that his process has on it.

(sqlite.org/howtocorrupt.html section 2.2.) What may be read so, and when, is decided in ``frozen``.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from sodaf_migrate.backup import page_stream
from sodaf_migrate.backup.prologue import CHUNK
from sodaf_migrate.backup.snapshot import Snapshot
from sodaf_migrate.errors import BackupError, MigrationError
from sodaf_migrate.wire.connection import Wire
from sodaf_migrate.wire.open import open_wire

__all__ = ["file_bytes", "frozen"]

_PIPE = 1 << 20
_INSTANT = 1.0  # seconds to wait for others; then the long way is taken
_FRAMES = 1 << 19  # the most that are looked up in a log: 2 GiB of pages of 4 KiB, in about 100 MB of the other process
_MAGIC = b"SQLite format 3\0"


@contextmanager
def frozen(snapshot: Snapshot, *, direct: bool = True) -> Iterator[int | None]:
    """One state for all looks at the snapshot while the block runs; gives how it is in its files meanwhile.

    That is the number of frames of the log whose pages count in place of the file's, mostly 0; None where the files
    cannot be read. In a rollback-journal mode nobody writes into the file while it is being read. In WAL mode the state
    begins while nobody writes, so that it has the whole log. From then on nothing of it changes: others append, their
    checkpoints copy no frame that is newer than a reader's state, and a log that somebody reads is not begun anew
    (sqlite.org/walformat.html section 2.3, WAL_READ_LOCK).
    """
    wire = snapshot.wire
    with ExitStack() as stack:
        frames: int | None = None
        if direct and wire.path is not None and sys.executable:
            frames = 0
            if str(wire.value("PRAGMA main.journal_mode")).lower() == "wal":
                frames = _begun_on_whole_log(snapshot, stack)
        stack.enter_context(wire.snapshot())
        _begin(wire)
        yield frames


def _begun_on_whole_log(snapshot: Snapshot, stack: ExitStack) -> int | None:
    wire = snapshot.wire
    assert wire.path is not None
    try:
        with open_wire(wire.path, on_connect=wire.on_connect, lock_timeout=0) as log:
            if snapshot.locked:
                return _begun_on_log(snapshot, stack, log)
            _left(log)  # most of it is copied by now; for the rest, and to begin at that moment, others wait an instant
            with open_wire(wire.path, on_connect=wire.on_connect, lock_timeout=_INSTANT) as writer, writer.atomic():
                return _begun_on_log(snapshot, stack, log)
    except MigrationError:
        return None  # the long way goes always


def _begun_on_log(snapshot: Snapshot, stack: ExitStack, log: Wire) -> int | None:
    """Begins while nobody writes. Only then is looked what is left in the log: had all of it been copied before, the
    look could be one that ignores the log, and the next writer would write over it.
    """
    stack.enter_context(snapshot.wire.snapshot())
    _begin(snapshot.wire)
    return _left(log)


def _left(log: Wire) -> int | None:
    """The frames of the log, 0 when the file has them all; None where somebody else is copying them just now."""
    row = log.row("PRAGMA main.wal_checkpoint(PASSIVE)")
    if row is None or row[0] or row[1] > _FRAMES:
        return None
    return 0 if row[1] == row[2] else int(row[1])


def _begin(wire: Wire) -> None:
    """The first look of a snapshot, with which it begins."""
    wire.value("PRAGMA main.schema_version")


@contextmanager
def file_bytes(
    path: str | os.PathLike[str], page_size: int, pages: int, frames: int = 0
) -> Iterator[Iterator[bytes] | None]:
    """The pages of a database file, and of the first ``frames`` frames of its log, in blocks, while the block runs;
    None where no process can be had.

    Reading them raises BackupError when the process fails.
    """
    told = (os.fspath(path), *map(str, (page_size, pages, frames)))
    # -I -S: no site packages, no environment.
    command = [sys.executable, "-I", "-S", page_stream.__file__, *told]
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        yield None  # no memory for it, no such program: the long way goes always
        return
    try:
        yield _blocks(process, page_size * pages)
    finally:
        process.kill()
        process.communicate()


def _blocks(process: subprocess.Popen[bytes], size: int) -> Iterator[bytes]:
    assert process.stdout is not None
    left = size
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        fcntl.fcntl(process.stdout.fileno(), fcntl.F_SETPIPE_SZ, _PIPE)
    while left:
        block = process.stdout.read(min(left, CHUNK))
        if len(block) < min(left, CHUNK) or (left == size and not block.startswith(_MAGIC)):
            raise BackupError(
                "The database file could not be read by the process that was started for it",
                hint="Try again; if it stays so, back up with direct=False.",
                details={"bytes": size - left + len(block), "expected": size},
            )
        left -= len(block)
        yield block
