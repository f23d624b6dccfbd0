"""What SQLite says that statements do, while they are prepared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sodaf_migrate.errors import DatabaseError
from sodaf_migrate.wire.connection import Wire

__all__ = ["watched"]


@contextmanager
def watched(wire: Wire, seen: Callable[..., int]) -> Iterator[None]:
    """Sets ``seen`` as the authorizer (sqlite.org/c3ref/set_authorizer.html) while the block runs.

    Raises DatabaseError for a connection that a caller brought: it may have an authorizer of its own, which Python
    can neither read nor restore.
    """
    if not wire.owned:
        raise DatabaseError("A connection that the caller brought cannot be watched")
    wire.connection.set_authorizer(seen)
    try:
        yield
    finally:
        wire.connection.set_authorizer(None)
