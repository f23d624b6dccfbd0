"""The database whose backups they are, and the folder that they lie in."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sodaf_migrate.backup import catalogue
from sodaf_migrate.backup.files import FileOps
from sodaf_migrate.backup.restore_database import new_database
from sodaf_migrate.backup.store import BackupStore
from sodaf_migrate.errors import ConfigurationError, LockHeldError
from sodaf_migrate.options import BackupOptions
from sodaf_migrate.wire.connection import OnConnect, Wire
from sodaf_migrate.wire.open import Target, is_new, memory_wire, open_wire, scratch_wire

__all__ = ["Home"]

_INSTANT = 0.1  # seconds


class _Nothing(Exception):
    """Ends the making of a database into which nothing came."""


@dataclass(frozen=True, slots=True)
class Home:
    """``source`` is a ``Wire``, or what ``open_wire`` takes, which is then opened for each look."""

    source: Wire | Target
    options: BackupOptions
    on_connect: OnConnect | None

    @contextmanager
    def reading(self) -> Iterator[Wire]:
        """The database, to look at."""
        with self.live(readonly=True) as wire:
            yield wire

    @contextmanager
    def writing(self) -> Iterator[Wire]:
        """The database in a transaction, with its catalogue."""
        with self.live(readonly=False) as wire, wire.atomic():
            catalogue.ready(wire)
            yield wire

    @contextmanager
    def writing_alone(self, store: BackupStore, held: ExitStack) -> Iterator[Wire]:
        """The same while nobody else writes into the store, which stays so until the end of ``held``.

        A change has the database when it waits for the store. So the store is not kept from it while the database is
        waited for: it is given back, and both are tried for again, for ``lock_timeout`` in all.
        """
        end = time.monotonic() + self.options.lock_timeout
        while True:
            with ExitStack() as tried, self.live(readonly=False) as wire:
                tried.enter_context(store.alone(timeout=self.options.lock_timeout))
                with ExitStack() as transaction:
                    try:
                        with wire.impatient(_INSTANT):
                            transaction.enter_context(wire.atomic())
                    except LockHeldError:
                        if time.monotonic() >= end:
                            raise
                    else:
                        held.enter_context(tried.pop_all())
                        catalogue.ready(wire)
                        yield wire
                        return
            time.sleep(_INSTANT)

    def wake(self) -> None:
        """Takes back what a program left half done that died in the midst of a change: looks alone may not do that."""
        with self.live(readonly=False) as wire:
            wire.value("PRAGMA main.schema_version")

    @contextmanager
    def live(self, *, readonly: bool) -> Iterator[Wire]:
        """The database as it is lent, or opened for this."""
        if isinstance(self.source, Wire):
            yield self.source
            return
        with self._open(self.source, readonly=readonly) as wire:
            yield wire

    @contextmanager
    def other(self, target: str | os.PathLike[str], *, look: bool, encoding: str, files: FileOps) -> Iterator[Wire]:
        """Another database. One that is not there is made with ``encoding``, whole, and not at all where nothing came
        into it; to ``look``, an empty one stands for it instead."""
        if not is_new(target):
            must_exist = os.path.lexists(target)
            with self._open(target, readonly=False, must_exist=must_exist, encoding=encoding) as wire:
                yield wire
        elif look:
            with memory_wire(self.on_connect, encoding=encoding) as wire:
                yield wire
        else:
            with suppress(_Nothing), new_database(Path(target).absolute(), files) as path:
                with scratch_wire(path, encoding=encoding, journal="MEMORY", on_connect=self.on_connect) as wire:
                    yield wire
                    empty = not wire.value("SELECT count(*) FROM main.sqlite_schema")
                if empty:
                    raise _Nothing

    @contextmanager
    def _open(
        self, target: Target, *, readonly: bool, must_exist: bool = True, encoding: str | None = None
    ) -> Iterator[Wire]:
        with open_wire(
            target,
            readonly=readonly,
            on_connect=self.on_connect,
            lock_timeout=self.options.lock_timeout,
            must_exist=must_exist,
            encoding=encoding,
        ) as wire:
            yield wire

    def directory(self) -> Path:
        """The folder of the backups. Raises ConfigurationError for a database in memory that was given none."""
        return Path(self.options.directory) if self.options.directory is not None else self.beside()

    def beside(self) -> Path:
        """The folder of the backups where none was given. Raises ConfigurationError for a database in memory."""
        path = self._database()
        if path is None:
            raise ConfigurationError(
                "A database in memory has no folder beside it for its backups",
                hint="Give one: BackupOptions(directory=...).",
            )
        return path.with_name(path.name + ".backups")

    def _database(self) -> Path | None:
        if isinstance(self.source, (str, os.PathLike)):
            return Path(os.path.realpath(self.source))
        with self.reading() as wire:
            return Path(os.path.realpath(wire.path)) if wire.path is not None else None
