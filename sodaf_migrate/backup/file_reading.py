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

from sodaf_migrate.backup.scratch import BLOCK
from sodaf_migrate.backup.snapshot import Snapshot
from sodaf_migrate.errors import BackupError, MigrationError
from sodaf_migrate.wire.connection import Wire
from sodaf_migrate.wire.open import open_wire

__all__ = ["file_bytes", "frozen"]

# -I -S: no site packages, no environment; a process that is there in milliseconds and only copies.
_PROGRAM = f"""
import os, sys
left, source = int(sys.argv[2]), os.open(sys.argv[1], os.O_RDONLY)
while left:
    data = os.read(source, min(left, {BLOCK}))
    if not data:
        sys.exit(3)
    left -= len(data)
    view = memoryview(data)
    while view:
        view = view[os.write(1, view):]
"""
_PIPE = 1 << 20
_INSTANT = 1.0  # seconds to wait for others; then the long way is taken
_MAGIC = b"SQLite format 3\0"


@contextmanager
def frozen(snapshot: Snapshot, *, direct: bool = True) -> Iterator[bool]:
    """One state for all looks at the snapshot while the block runs; gives whether its file holds that meanwhile.

    In a rollback-journal mode nobody writes into the file while it is being read. In WAL mode all frames must have been
    copied into it. Where the write lock is not held, a reader that begins while the log is empty keeps the file as it
    is: others go on committing, and their checkpoints wait (WAL_READ_LOCK(0), sqlite.org/walformat.html section 2.3).
    """
    wire = snapshot.wire
    with ExitStack() as stack:
        held = direct and wire.path is not None and bool(sys.executable)
        if held and str(wire.value("PRAGMA main.journal_mode")).lower() == "wal":
            held = _begun_on_empty_log(snapshot, stack)
        stack.enter_context(wire.snapshot())
        size = _begun(wire)
        yield held and wire.path is not None and os.stat(wire.path).st_size >= size


def _begun_on_empty_log(snapshot: Snapshot, stack: ExitStack) -> bool:
    wire = snapshot.wire
    assert wire.path is not None
    try:
        with open_wire(wire.path, on_connect=wire.on_connect, lock_timeout=0) as log:
            copied = _copied(log)
            if snapshot.locked:
                return copied
            # Most of it is copied by now. For the rest, and to begin at that moment, others wait an instant.
            with open_wire(wire.path, on_connect=wire.on_connect, lock_timeout=_INSTANT) as writer, writer.atomic():
                if not _copied(log):
                    return False  # somebody still reads an older state
                stack.enter_context(wire.snapshot())
                _begun(wire)
                return True
    except MigrationError:
        return False  # the long way goes always


def _copied(log: Wire) -> bool:
    row = log.row("PRAGMA main.wal_checkpoint(PASSIVE)")
    return row is not None and not row[0] and row[1] == row[2]


def _begun(wire: Wire) -> int:
    """The bytes of the database as the snapshot sees it, which begins with this look."""
    return int(wire.value("PRAGMA main.page_count")) * int(wire.value("PRAGMA main.page_size"))


@contextmanager
def file_bytes(path: str | os.PathLike[str], size: int) -> Iterator[Iterator[bytes] | None]:
    """The first ``size`` bytes of a database file, in blocks, while the block runs; None where no process can be had.

    Reading them raises BackupError when the process fails.
    """
    command = [sys.executable, "-I", "-S", "-c", _PROGRAM, os.fspath(path), str(size)]
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        yield None  # no memory for it, no such program: the long way goes always
        return
    try:
        yield _blocks(process, size)
    finally:
        process.kill()
        process.communicate()


def _blocks(process: subprocess.Popen[bytes], size: int) -> Iterator[bytes]:
    assert process.stdout is not None
    pipe, left = process.stdout.fileno(), size
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)
    while left:
        block = _read(pipe, min(left, BLOCK))
        if len(block) < min(left, BLOCK) or (left == size and not block.startswith(_MAGIC)):
            raise BackupError(
                "The database file could not be read by the process that was started for it",
                hint="Try again; if it stays so, back up with direct=False.",
                details={"bytes": size - left + len(block), "expected": size},
            )
        left -= len(block)
        yield block


def _read(pipe: int, length: int) -> bytes:
    parts: list[bytes] = []
    while length and (part := os.read(pipe, length)):
        parts.append(part)
        length -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
