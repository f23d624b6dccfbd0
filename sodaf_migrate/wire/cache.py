"""Room in memory for the pages of a database while much of it is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sodaf_migrate.wire.connection import Wire

__all__ = ["ROOM", "roomy"]

#: KiB. Keys that come in no order are put into their index at places all over it: with the usual 2 MB nearly each of
#: them writes one page of the index out and reads another, and that over and over. With all else that a restore holds
#: it stays under the 64 MB that a change may take.
ROOM = 40960


@contextmanager
def roomy(wire: Wire) -> Iterator[None]:
    """The main database may keep at least ``ROOM`` KiB of pages in memory while the block runs."""
    size, page = int(wire.value("PRAGMA main.cache_size")), int(wire.value("PRAGMA main.page_size"))
    held = -size if size < 0 else size * page // 1024  # sqlite.org/pragma.html#pragma_cache_size
    with wire.pragmas(**({} if held >= ROOM else {"cache_size": -ROOM})):
        yield
