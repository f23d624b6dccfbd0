"""Who holds a lock, where the system tells without opening the database file."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["holders"]

_LOCKS = Path("/proc/locks")


def holders(path: Path | None) -> tuple[str, ...]:
    """The other processes that hold locks on the database at ``path``, as "process 12 (python)"; () where unknown.

    Linux lists locks by inode. Asking the file itself (F_GETLK) would mean opening it, and closing it again would
    drop every lock that this process holds on it (sqlite.org/howtocorrupt.html §2.2).
    """
    if path is None:
        return ()
    try:
        lines = _LOCKS.read_text().splitlines()
    except OSError:
        return ()
    wanted = {inode for suffix in ("", "-shm") if (inode := _inode(f"{path}{suffix}")) is not None}
    locks = [lock for line in lines if (lock := _lock(line, wanted)) is not None]
    # Every connection to a WAL database has shared locks: where somebody writes, only writers are named.
    writers = {pid for kind, pid in locks if kind == "WRITE"} - {os.getpid()}
    return tuple(_named(pid) for pid in sorted(writers or {pid for _, pid in locks} - {os.getpid()}))


def _inode(path: str) -> int | None:
    try:
        return os.stat(path).st_ino
    except OSError:
        return None


def _lock(line: str, wanted: set[int]) -> tuple[str, int] | None:
    # "1: POSIX  ADVISORY  WRITE 4711 fe:00:262147 1073741825 1073741825"; a waiting one has "->" after the number
    parts = line.split()
    if len(parts) < 8 or parts[1] != "POSIX" or not parts[4].isdigit():
        return None
    inode = parts[5].rpartition(":")[2]
    return (parts[3], int(parts[4])) if inode.isdigit() and int(inode) in wanted else None


def _named(pid: int) -> str:
    try:
        return f"process {pid} ({Path(f'/proc/{pid}/comm').read_text().strip()})"
    except OSError:
        return f"process {pid}"
