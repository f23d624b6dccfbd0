"""The log: every file operation that changes something, in order, of SQLite and of our own files alike."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sodaf_migrate.testing.shim import shimmed
from sodaf_migrate.testing.watch import File, Operation, watching

__all__ = ["Entry", "Log", "record"]

_QUIET = {"read", "size", "shm"}
_MOVES = {"create", "delete", "rename", "link", "sync_folder"}


class Entry:
    """One operation of the log; ``inode`` is which file it concerns, for names come and go.

    ``synced`` says whether what it did has reached the disk by the end of the log.
    """

    __slots__ = ("inode", "operation", "synced")

    def __init__(self, operation: Operation, inode: int) -> None:
        self.operation = operation
        self.inode = inode
        self.synced = False

    def __repr__(self) -> str:
        done = self.operation
        return f"<{done.kind} {done.role} {done.path} @{done.offset} +{done.length}{' synced' if self.synced else ''}>"


class Log:
    """What happened to the files of a folder while it was recorded; ``before`` is each file as it was first seen.

    ``len(log)`` is the number of operations so far, a moment that ``power_loss_states`` can go back to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.entries: list[Entry] = []
        self.before: dict[int, bytes] = {}
        self.names: dict[str, int] = {}  # as they are now
        self.first_names: dict[str, int] = {}  # of the files that were there before
        self._inodes: dict[File, int] = {}

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def meets(self, operation: Operation) -> None:
        """A log lets everything pass; a file that is about to go is looked at first."""
        if operation.kind in ("delete", "rename", "link") and self._inside(operation.path):
            self._inode(operation)

    def done(self, operation: Operation) -> None:
        """Writes the operation down; reads, shared memory and what lies outside the folder are left out."""
        if operation.kind in _QUIET or not operation.path or not self._inside(operation.path):
            return
        if operation.kind == "create":
            self._new_inode(operation)
        inode = 0 if operation.kind == "sync_folder" else self._inode(operation)
        if operation.kind == "open":
            return
        if operation.kind == "delete":
            self.names.pop(operation.path, None)
        elif operation.kind == "rename":
            self.names[operation.target] = self.names.pop(operation.path)
        elif operation.kind == "link":
            self.names[operation.target] = inode
        entry = Entry(operation, inode)
        self.entries.append(entry)
        self._note_synced(entry)

    # The parts.

    def _inside(self, path: str) -> bool:
        return os.path.abspath(path).startswith(str(self.folder))

    def _new_inode(self, operation: Operation) -> None:
        number = len(self.before) + 1
        self.before[number] = b""
        self.names[operation.path] = number
        if operation.file is not None:
            self._inodes[operation.file] = number

    def _inode(self, operation: Operation) -> int:
        file = operation.file
        if file is not None and file in self._inodes:
            return self._inodes[file]
        if operation.path not in self.names:
            number = len(self.before) + 1
            self.before[number] = file.content() if file is not None else b""
            self.names[operation.path] = self.first_names[operation.path] = number
        number = self.names[operation.path]
        if file is not None:
            self._inodes[file] = number
        return number

    def _note_synced(self, new: Entry) -> None:
        for entry in self.entries:
            done = entry.operation
            if new.operation.kind == "sync" and entry.inode == new.inode and done.kind in ("write", "truncate", "sync"):
                entry.synced = True
            elif new.operation.kind == "sync_folder" and done.kind in _MOVES:
                entry.synced |= os.path.dirname(done.target or done.path) == new.operation.path or entry is new


@contextmanager
def record(folder: str | os.PathLike[str]) -> Iterator[Log]:
    """The log of all that happens to the files below ``folder`` while the block runs.

    Connections must be opened inside the block. Raises ConfigurationError where SQLite's library cannot be reached.
    """
    log = Log(Path(folder).absolute())
    with shimmed(), watching(log):
        yield log
