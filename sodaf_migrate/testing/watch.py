"""Operations on files and who watches them: the one meeting place of SQLite's file operations and our own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, Protocol

__all__ = ["File", "Kind", "Observer", "Operation", "Role", "Verdict", "ask", "tell", "watching"]

Kind = Literal[
    "open", "create", "read", "size", "write", "truncate", "sync", "delete", "rename", "link", "sync_folder", "shm"
]
Role = Literal["main", "journal", "wal", "shm", "temp", "other"]
#: What becomes of an operation: "error" = it fails; "full" = no room for it; "short" = half of it, then no room.
Verdict = Literal["error", "full", "short"]


@dataclass(eq=False, slots=True)
class File:
    """One opened file: two of the same path are two; ``content`` reads all of it, without a descriptor of its own."""

    path: str
    role: Role
    content: Callable[[], bytes] = bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation on a file, in bytes; ``data`` what was written, ``target`` the new name of a rename or a link."""

    kind: Kind
    role: Role
    path: str
    file: File | None = None
    offset: int = 0
    length: int = 0
    data: bytes = field(default=b"", repr=False)
    target: str = ""


class Observer(Protocol):
    """Somebody who is asked before each operation and told after it."""

    def meets(self, operation: Operation) -> Verdict | None:
        """What is to become of the operation; None lets it pass."""

    def done(self, operation: Operation) -> None:
        """The operation has taken place."""


_observers: list[Observer] = []
_lock = threading.RLock()


@contextmanager
def watching(observer: Observer) -> Iterator[None]:
    """``observer`` is asked and told while the block runs."""
    with _lock:
        _observers.append(observer)
    try:
        yield
    finally:
        with _lock:
            _observers.remove(observer)


def ask(operation: Operation) -> Verdict | None:
    """The first verdict; all observers are asked, so that each counts the same operations."""
    with _lock:
        verdicts = [observer.meets(operation) for observer in _observers]
    return next((verdict for verdict in verdicts if verdict is not None), None)


def tell(operation: Operation) -> None:
    """Tells all observers that the operation has taken place."""
    with _lock:
        for observer in _observers:
            observer.done(operation)
