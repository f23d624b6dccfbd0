"""FULL of the whole database: its file, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sodaf_migrate.backup.payload import Payload, about_database, stored_objects
from sodaf_migrate.backup.scratch import Place
from sodaf_migrate.backup.snapshot import Snapshot
from sodaf_migrate.backup.strategies.image import image
from sodaf_migrate.wire.copy import Told

__all__ = ["full_database"]


@contextmanager
def full_database(
    snapshot: Snapshot, *, folder: Place, direct: bool = True, told: Told = lambda done, total: None
) -> Iterator[Payload]:
    """The payload of the whole database while the block runs, within which the stream has to be read to its end.

    ``direct`` reads the file itself where that is safe (a lock that the snapshot counts on must then be held until the
    end of the stream); ``told`` is called with (bytes, bytes in all) while SQLite makes a copy. Raises DatabaseError,
    BackupError.
    """
    wire = snapshot.wire
    with image(snapshot, folder=folder, direct=direct, told=told) as found:
        manifest = {
            "kind": "database",
            **about_database(wire),
            "pages": found.size // found.page_size,
            "way": found.way,
            "schema": stored_objects(wire),
        }
        yield Payload(manifest, found.blocks, {"pages": manifest["pages"]}, found.size)
