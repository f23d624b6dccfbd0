"""A second look at a database: what it holds at one moment, read beside the connection that keeps it so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sodaf_migrate.dialects.sqlite.inspect import read_schema
from sodaf_migrate.errors import BackupError
from sodaf_migrate.schema.model import Table
from sodaf_migrate.wire.connection import Wire
from sodaf_migrate.wire.copy import image_of, image_wire
from sodaf_migrate.wire.open import open_wire

__all__ = ["Snapshot", "ordinary_table", "second_look"]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """``wire`` reads the main database and has nothing open on it; files may be attached to it.

    ``image`` holds the whole database where it lives in memory. ``locked`` says whether somebody keeps all others
    from writing, so that the file itself may be read meanwhile.
    """

    wire: Wire
    locked: bool = False
    image: bytes | None = None


@contextmanager
def second_look(wire: Wire, *, locked: bool = False) -> Iterator[Snapshot]:
    """A snapshot of the state that ``wire`` sees, while the block runs; ``wire`` must not have written yet.

    With the write lock held on ``wire`` (inside ``atomic``) nobody can commit meanwhile, and every look at the
    snapshot shows that one state; ``locked`` says that it is held by a copy into ``wire`` that has begun. Without it
    each backup is one state, the newest when it began. A database in memory is copied whole. Raises DatabaseError and
    its kin.
    """
    if wire.path is None:
        image = image_of(wire)
        with image_wire(image, wire.on_connect) as copy:
            yield Snapshot(copy, wire.holds_lock, image)
        return
    # Read-only, so that BEGIN IMMEDIATE on it locks attached files and begins a read of the main one.
    with open_wire(
        wire.path, readonly=True, on_connect=wire.on_connect, patience=wire.patience, watch=wire.watch
    ) as second:
        yield Snapshot(second, locked or wire.holds_lock)


def ordinary_table(wire: Wire, name: str) -> Table:
    """The table of that name. Raises BackupError for what is none, or is virtual."""
    table = read_schema(wire, around=(name,)).table(name)
    if table is None:
        raise BackupError(
            f'There is no ordinary table "{name}" in "{wire.name}" to back up',
            hint="Check the name; a virtual table and a view are in a backup of the whole database only.",
        )
    return table
