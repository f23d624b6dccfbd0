"""Room in memory for the pages of a database while much of it is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sodaf_migrate.wire.connection import Wire

__all__ = ["ROOM", "roomy"]

#: Bytes. Keys that come in no order are put into their index at places all over it: with the usual 2 MB nearly each of
#: them writes one page of the index out and reads another, and that over and over. With all else that a restore holds
#: it stays under the 64 MB that a change may take.
ROOM = 40 << 20


@contextmanager
def roomy(wire: Wire, wanted: int = ROOM) -> Iterator[None]:
    """The main database may keep at least ``wanted`` bytes of pages in memory while the block runs."""
    size = int(wire.value("PRAGMA main.cache_size"))  # sqlite.org/pragma.html#pragma_cache_size
    held = size * int(wire.value("PRAGMA main.page_size")) if size > 0 else -size * 1024
    with wire.pragmas(**({"cache_size": -(wanted // 1024)} if held < wanted else {})):
        yield
