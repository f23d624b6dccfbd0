"""The pages of a whole database, by the shortest way that is safe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from sodaf_migrate.backup.file_reading import file_bytes, frozen
from sodaf_migrate.backup.scratch import Place, scratch_file
from sodaf_migrate.backup.snapshot import Snapshot
from sodaf_migrate.wire.copy import Told, copy_database
from sodaf_migrate.wire.open import scratch_wire

__all__ = ["Image", "image"]


@dataclass(frozen=True, slots=True)
class Image:
    """``blocks`` are the bytes of a database file of ``size`` bytes; ``way`` is "memory", "file", "log" or "copy"."""

    blocks: Iterator[bytes]
    size: int
    page_size: int
    way: str


@contextmanager
def image(snapshot: Snapshot, *, folder: Place, direct: bool, told: Told) -> Iterator[Image]:
    """The image of the snapshot while the block runs, in which all other looks at it show the same state.

    With ``direct``, and where nobody can change them, the file itself is read, and its log, by another process. Else
    SQLite copies the database into a scratch file in ``folder`` first.
    """
    wire = snapshot.wire
    page = int(wire.value("PRAGMA main.page_size"))
    if snapshot.image is not None:
        whole = snapshot.image
        yield Image(iter([whole] if whole else []), len(whole), page, "memory")
        return
    with ExitStack() as stack:
        frames = stack.enter_context(frozen(snapshot, direct=direct))
        pages = int(wire.value("PRAGMA main.page_count"))
        if frames is not None and pages:
            assert wire.path is not None
            blocks = stack.enter_context(file_bytes(wire.path, page, pages, frames))
            if blocks is not None:
                yield Image(blocks, pages * page, page, "log" if frames else "file")
                return
        scratch = stack.enter_context(scratch_file(folder))
        with scratch_wire(scratch.path, patience=wire.patience, watch=wire.watch) as target:
            scratch.hide()
            copy_database(wire, target, told=told)
        yield Image(scratch.blocks(), scratch.size, page, "copy")
