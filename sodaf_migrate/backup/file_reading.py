"""The database file read by another process: whoever closes it drops all locks that his process has on it.

(sqlite.org/howtocorrupt.html section 2.2.) What may be read so, and when, is decided in ``may_read_file``.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sodaf_migrate.backup.scratch import BLOCK
from sodaf_migrate.backup.snapshot import Snapshot
from sodaf_migrate.errors import BackupError, MigrationError
from sodaf_migrate.wire.open import open_wire

__all__ = ["file_bytes", "may_read_file"]

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
_MAGIC = b"SQLite format 3\0"


def may_read_file(snapshot: Snapshot, size: int) -> bool:
    """Whether the file at the snapshot's path holds, in its first ``size`` bytes, exactly the state that is locked.

    In a rollback-journal mode the write lock alone says so. In WAL mode all frames must have been copied into the
    file: a checkpoint under the lock either copies the last of them, or a reader of an older state keeps it from it.
    """
    wire = snapshot.wire
    if not snapshot.locked or wire.path is None or not sys.executable:
        return False
    try:
        if str(wire.value("PRAGMA main.journal_mode")).lower() == "wal":
            with open_wire(wire.path, on_connect=wire.on_connect, lock_timeout=0) as writer:
                row = writer.row("PRAGMA main.wal_checkpoint(PASSIVE)")
            if row is None or row[0] or row[1] != row[2]:
                return False
        return os.stat(wire.path).st_size >= size
    except (MigrationError, OSError):
        return False  # the long way goes always


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
