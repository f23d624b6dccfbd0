"""INCREMENTAL of the whole database: the pages that are not as the parent has them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sodaf_migrate.backup.pages import HASH_BYTES, hash_of_page, pages_of, root_of
from sodaf_migrate.backup.payload import Payload, about_database, stored_objects
from sodaf_migrate.backup.scratch import BLOCK, Place
from sodaf_migrate.backup.snapshot import Snapshot
from sodaf_migrate.backup.strategies.image import Image, image
from sodaf_migrate.errors import BackupError
from sodaf_migrate.wire.copy import Told

__all__ = ["NUMBER_BYTES", "changed_pages"]

NUMBER_BYTES = 4


@contextmanager
def changed_pages(
    snapshot: Snapshot,
    parent_index: bytes | bytearray,
    parent_page_size: int,
    *,
    folder: Place,
    direct: bool = True,
    told: Told = lambda done, total: None,
) -> Iterator[Payload]:
    """The payload of what changed since the parent, whose index ``chain.page_index`` gives, while the block runs.

    The stream is (page number as four bytes big-endian, page) for each changed page, from 1 on, a zero number, then
    the index of all pages; the stream has to be read inside the block. The trailer holds ``root`` and ``changed``.
    Raises BackupError when the page size is another (``chain.why_full`` asks before), DatabaseError.
    """
    wire = snapshot.wire
    with image(snapshot, folder=folder, direct=direct, told=told) as found:
        if found.page_size != parent_page_size:
            raise BackupError(
                f'The pages of "{wire.name}" have {found.page_size} bytes now and {parent_page_size} in the parent',
                hint="Make a full backup.",
            )
        manifest = {
            "kind": "database difference",
            **about_database(wire),
            "pages": found.size // found.page_size,
            "way": found.way,
            "schema": stored_objects(wire),
        }
        payload = Payload(manifest, iter(()))
        payload.stream = _stream(found, parent_index, payload.trailer)
        yield payload


def _stream(found: Image, parent: bytes | bytearray, trailer: dict[str, Any]) -> Iterator[bytes]:
    held = bytearray()
    index = bytearray()
    changed = 0
    for number, page in enumerate(pages_of(found.blocks, found.page_size), 1):
        own = hash_of_page(page)
        index += own
        if parent[(number - 1) * HASH_BYTES : number * HASH_BYTES] != own:
            changed += 1
            held += number.to_bytes(NUMBER_BYTES, "big") + page
            if len(held) >= BLOCK:
                yield bytes(held)
                held.clear()
    yield bytes(held) + bytes(NUMBER_BYTES)
    for start in range(0, len(index), BLOCK):
        yield bytes(index[start : start + BLOCK])
    trailer |= {"pages": len(index) // HASH_BYTES, "changed": changed, "root": root_of(index, found.page_size)}
