"""Functions of Python that SQL may call for a while, on one wire and on every connection that it opens besides."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sodaf_migrate.wire.connection import Wire

__all__ = ["functions"]


@contextmanager
def functions(wire: Wire, made: Mapping[str, Callable[[Any], Any]]) -> Iterator[None]:
    """``made`` (SQL name to a function of one value) is known while the block runs, deterministic, and not after it.

    A connection that a caller brought may have no function of such a name.
    """
    if not made:
        yield
        return
    before = wire.on_connect

    def prepare(connection: sqlite3.Connection) -> None:
        if before is not None:
            before(connection)
        _register(connection, made)

    _register(wire.connection, made)
    wire.on_connect = prepare
    try:
        yield
    finally:
        wire.on_connect = before
        _register(wire.connection, dict.fromkeys(made))


def _register(connection: sqlite3.Connection, made: Mapping[str, Callable[[Any], Any] | None]) -> None:
    for name, function in made.items():
        connection.create_function(name, 1, function, deterministic=True)
