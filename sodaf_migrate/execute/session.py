"""The transaction in which a migration happens: its settings, its lock, and the readers that must be out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sodaf_migrate.errors import StalePlanError
from sodaf_migrate.wire.cache import roomy
from sodaf_migrate.wire.connection import Wire

__all__ = ["locked", "session"]

#: What a migration needs of its connection. Foreign keys off: DROP TABLE would delete or null the child rows.
_SETTINGS: dict[str, int | str] = {
    "foreign_keys": 0,
    "legacy_alter_table": 0,
    "recursive_triggers": 0,
    "ignore_check_constraints": 0,
    "writable_schema": 0,
}

#: Bytes of pages held meanwhile, and as many of what is sorted for an index. With SQLite's two megabytes each few
#: hundred changed pages are a sync of the journal, and each search in an index of a large table reads the file.
CACHE = 16 << 20

#: How often a backup is made again because somebody committed between it and the change.
_TRIES = 5


@contextmanager
def session(wire: Wire, *, exclusive: bool = False, cache: int = CACHE) -> Iterator[None]:
    """The settings and the transaction that migrations need; inside another session, a savepoint of it.

    ``synchronous`` is raised to FULL in WAL mode, else to EXTRA: a committed migration survives a power loss. The cache
    of the connection is raised to ``cache`` bytes.
    """
    durable = 2 if _is_wal(wire) else 3
    synchronous = max(int(wire.value("PRAGMA main.synchronous")), durable)
    settings = {**_SETTINGS, "synchronous": synchronous}
    with roomy(wire, cache), wire.pragmas(**settings), wire.atomic(exclusive=exclusive):
        yield


@contextmanager
def locked(
    wire: Wire,
    *,
    writes_rows: bool,
    look: Callable[[], None],
    before_change: Callable[[], None] | None,
    ahead: bool = False,
    cache: int = CACHE,
) -> Iterator[None]:
    """The session of a change, in which ``look`` and ``before_change`` have been called under the lock.

    Where rows are written in rollback-journal mode, readers have to be out: beside one that stays SQLite would hold
    all changed pages in memory, and COMMIT would fail. A backup reads on another connection, which EXCLUSIVE keeps out
    as well: it is made under IMMEDIATE, and counts if nobody committed until EXCLUSIVE was had. In WAL mode a long one
    (``ahead``) is made before the lock, and counts if nobody committed until then, else it is made again under it.
    Raises LockHeldError for a reader that stays, before any work; StalePlanError where others keep writing in between.
    """
    if before_change is None or wire.in_transaction or _is_wal(wire) or not writes_rows:
        seen = None
        if before_change is not None and ahead and _is_wal(wire) and not wire.in_transaction:
            look()
            seen = _state_of(wire)
            before_change()
        with session(wire, exclusive=writes_rows, cache=cache):
            look()
            if before_change is not None and (seen is None or _state_of(wire) != seen):
                before_change()
            yield
        return
    with session(wire, exclusive=True):
        pass  # a reader that stays is told before the work of a backup
    for _ in range(_TRIES):
        with session(wire):
            look()
            before_change()
            seen = _state_of(wire)
        with session(wire, exclusive=True, cache=cache):
            if _state_of(wire) == seen:
                yield
                return
    raise StalePlanError(
        f'Others kept writing to "{wire.name}" between the backup and the change',
        hint="Try again when less is written, or set journal_mode to WAL; nothing was changed.",
    )


def _state_of(wire: Wire) -> int:
    """Another number once another connection has committed (sqlite.org/pragma.html#pragma_data_version)."""
    return int(wire.value("PRAGMA data_version"))


def _is_wal(wire: Wire) -> bool:
    return str(wire.value("PRAGMA main.journal_mode")).lower() == "wal"
