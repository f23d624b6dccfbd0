"""SCHEMA: the stored statements, and no row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sodaf_migrate.backup.payload import Payload, about_database, stored_objects
from sodaf_migrate.backup.snapshot import Snapshot

__all__ = ["schema_only"]


@contextmanager
def schema_only(snapshot: Snapshot, name: str | None = None) -> Iterator[Payload]:
    """The payload of the whole schema, or of the table ``name``: all is in the manifest, the stream is empty."""
    wire = snapshot.wire
    with wire.snapshot():
        objects = stored_objects(wire, name)
        manifest = {"kind": "schema", **about_database(wire), "schema": objects}
    yield Payload(manifest, iter(()), {"objects": len(objects)}, 0)
