"""Backups kept in memory, and databases to take them of."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sodaf_migrate.backup.payload import Link, Payload
from sodaf_migrate.backup.snapshot import Snapshot, second_look
from sodaf_migrate.wire.connection import Wire
from sodaf_migrate.wire.open import open_wire
from tests.oracle import Snapshot as Facts
from tests.oracle import snapshot


@dataclass
class Kept:
    """A payload as a store keeps it; ``trailer`` is there after the bytes, as with a file."""

    manifest: dict[str, Any]
    data: bytes
    end: dict[str, Any]
    read: bool = False

    @property
    def trailer(self) -> dict[str, Any]:
        """What stands at the end."""
        assert self.read, "the trailer was asked for before the bytes were read"
        return self.end

    def chunks(self) -> Iterator[bytes]:
        """The bytes in pieces of a length that fits nothing."""
        for start in range(0, len(self.data), 100_003):
            yield self.data[start : start + 100_003]
        self.read = True


Strategy = Callable[[Snapshot], AbstractContextManager[Payload]]


def keep(wire: Wire, strategy: Strategy, name: str = "backup") -> Link:
    """The payload of ``strategy`` over the state that ``wire`` holds locked."""
    with wire.atomic(), second_look(wire) as look, strategy(look) as payload:
        data = b"".join(payload.stream)
        assert payload.size in (None, len(data))
    return Link(name, Kept(payload.manifest, data, payload.trailer))


def facts(path: Path | sqlite3.Connection) -> Facts:
    """Everything that a database holds."""
    if isinstance(path, sqlite3.Connection):
        return snapshot(path)
    connection = sqlite3.connect(path)
    try:
        return snapshot(connection)
    finally:
        connection.close()


@contextmanager
def database(path: Path, statements: Sequence[str] = ()) -> Iterator[Wire]:
    """A wire to the database at ``path``, made by ``statements`` where it is new."""
    with open_wire(path, must_exist=False, lock_timeout=60) as wire:
        for sql in statements:
            wire.run(sql)
        yield wire
