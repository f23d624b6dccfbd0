"""A private database file beside the main one of a connection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sodaf_migrate.errors import DatabaseError, TransactionOpenError
from sodaf_migrate.wire.connection import Wire

__all__ = ["attached"]


@contextmanager
def attached(wire: Wire, path: Path, alias: str) -> Iterator[None]:
    """The file at ``path`` as the database ``alias`` of the connection while the block runs.

    Enter it before ``atomic()`` and leave it after: DETACH does not work in a transaction. The file's journal is kept
    in memory and nothing of it is synced, so it takes no part in a COMMIT of the main database (a transaction over
    two files with journals would be a multi-file commit, sqlite.org/atomiccommit.html section 5), and once SQLite has
    opened it, its name may be taken away. Raises TransactionOpenError, ValueError for an alias that is no plain word.
    """
    if not (alias.isascii() and alias.replace("_", "").isalnum()):
        raise ValueError(f"{alias!r} is not a plain word")
    if wire.in_transaction:
        raise TransactionOpenError(
            f'A file cannot be attached to "{wire.name}" while a transaction is open, for it could not be detached',
            hint="Attach it before the transaction begins.",
        )
    beside, wire.beside = wire.beside, (*wire.beside, path)
    try:
        wire.run(f"ATTACH DATABASE ? AS {alias}", (str(path),))
        try:
            # MEMORY and not OFF, which a defensive connection ignores; a new file's pages are not journaled anyhow.
            with wire.pragmas(**{f"{alias}.journal_mode": "MEMORY", f"{alias}.synchronous": "OFF"}):
                yield
        except BaseException as error:
            _detach(wire, alias, error)
            raise
        _detach(wire, alias, None)
    finally:
        wire.beside = beside


def _detach(wire: Wire, alias: str, error: BaseException | None) -> None:
    try:
        wire.run(f"DETACH DATABASE {alias}")
    except DatabaseError as failure:
        if error is None:
            raise
        error.add_note(f'"{alias}" was not detached: {failure}')
