"""A whole database brought back: as a new file, into a living database, or as the payload of one of its tables."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sodaf_migrate.backup.chain import put_database
from sodaf_migrate.backup.files import FileOps, create_temporary, file_errors
from sodaf_migrate.backup.payload import Link, Payload
from sodaf_migrate.backup.scratch import Place, Scratch, scratch_file
from sodaf_migrate.backup.snapshot import Snapshot, second_look
from sodaf_migrate.backup.strategies.full_table import full_table
from sodaf_migrate.dialects.sqlite.inspect import read_schema
from sodaf_migrate.errors import BackupError
from sodaf_migrate.wire.connection import OnConnect, Wire
from sodaf_migrate.wire.copy import Told, alone, copy_database
from sodaf_migrate.wire.open import scratch_wire

__all__ = ["check_fit", "database_wire", "new_database", "one_table", "restore_database", "restore_into"]

_ROLLBACK_JOURNAL = b"\1\1"  # the header's write and read version, at offset 18 (sqlite.org/fileformat2.html)


def restore_database(links: Sequence[Link], path: Path, *, files: FileOps | None = None) -> int:
    """Writes the database that the last of ``links`` holds to the new file ``path`` (0600); gives its bytes.

    Raises as ``new_database`` does, and BackupDamagedError.
    """
    with new_database(path, files or FileOps()) as temporary:
        scratch = Scratch(os.open(temporary, os.O_RDWR | os.O_CLOEXEC), temporary)
        try:
            put_database(links, scratch)
            return scratch.size
        finally:
            os.close(scratch.descriptor)


@contextmanager
def new_database(path: Path, files: FileOps) -> Iterator[Path]:
    """The path of an empty file (0600) that becomes ``path`` when the block has ended well and all is on the device.

    Otherwise nothing of it is left. Raises BackupError where ``path`` is taken (a database that others may have open is
    never replaced), BackupFileError, DiskFullError.
    """
    if os.path.lexists(path):
        raise BackupError(
            f'There is a file "{path}" already, and a database is never replaced by another file',
            hint="Give a new name, or restore into that database.",
        )
    with file_errors(path, "be written"):
        descriptor, temporary = create_temporary(path, files)
        try:
            try:
                yield temporary
                files.fsync(descriptor)
            finally:
                # Before it has its name: closing it later would drop the locks of whoever had opened it meanwhile.
                files.close(descriptor)
            files.link(temporary, path)  # fails where somebody was faster
        finally:
            files.unlink(temporary)
        files.fsync_folder(path.parent)


@contextmanager
def database_wire(links: Sequence[Link], folder: Place, on_connect: OnConnect | None = None) -> Iterator[Wire]:
    """A wire to a private copy of the database that the last of ``links`` holds while the block runs."""
    encoding = str(links[0].source.manifest["encoding"]) if links else "UTF-8"
    with (
        scratch_file(folder) as scratch,
        scratch_wire(scratch.path, encoding=encoding, on_connect=on_connect) as wire,
    ):
        scratch.hide()
        put_database(links, scratch)
        if scratch.size:
            scratch.write(_ROLLBACK_JOURNAL, 18)  # a WAL would be a second file beside one that has no name
        yield wire


def restore_into(
    wire: Wire,
    links: Sequence[Link],
    *,
    folder: Place,
    before: Callable[[Snapshot], None] = lambda snapshot: None,
    told: Told = lambda done, total: None,
) -> int:
    """Makes the living database what the last of ``links`` holds, in one transaction of SQLite's; gives its bytes.

    Other connections may stay open; readers are waited for. ``before`` is given the state that will be overwritten:
    nobody else can write from then on until it is. Raises as ``check_fit`` does, LockHeldError, BackupDamagedError;
    then nothing is changed.
    """
    check_fit(wire, links[-1])
    mode = str(wire.value("PRAGMA main.journal_mode")).lower()

    def locked() -> None:
        with second_look(wire, locked=True) as snapshot:
            before(snapshot)

    durable = max(int(wire.value("PRAGMA main.synchronous")), 2 if mode == "wal" else 3)
    with database_wire(links, folder) as source, wire.pragmas(synchronous=durable):
        if mode == "wal":
            # Once the copy has begun it has the write lock, and all others see the state before it.
            copy_database(source, wire, told=told, begun=locked)
        elif wire.path is None:
            locked()
            copy_database(source, wire, told=told)
        else:
            # The copy will keep readers out too, so this connection alone can show what there is.
            with alone(wire):
                before(Snapshot(wire, locked=True))
                copy_database(source, wire, told=told)
    manifest = links[-1].source.manifest
    return int(manifest["page_size"]) * int(manifest["pages"])


def check_fit(wire: Wire, link: Link) -> None:
    """Raises BackupError where the pages of a backup cannot take the place of the live ones: they have another size,
    which SQLite does not change in WAL mode, or hold texts in an encoding that open connections would misread."""
    manifest = link.source.manifest
    own, page_size = int(wire.value("PRAGMA main.page_size")), int(manifest["page_size"])
    mode = str(wire.value("PRAGMA main.journal_mode")).lower()
    if own != page_size and mode in ("wal", "memory"):
        raise BackupError(
            f'"{wire.name}" has pages of {own} bytes and the backup has {page_size}, which mode "{mode}" keeps',
            hint="Set PRAGMA journal_mode = DELETE first, or restore into a new file.",
        )
    texts, encoding = str(wire.value("PRAGMA main.encoding")), str(manifest["encoding"])
    if texts != encoding:
        raise BackupError(
            f'"{wire.name}" holds text as {texts} and the backup as {encoding}, which connections that are open keep',
            hint="Restore into a new file.",
        )


@contextmanager
def one_table(links: Sequence[Link], name: str, folder: Place) -> Iterator[Link]:
    """One table of a whole-database backup as a backup of that table, for ``restore_table``, while the block runs."""
    with database_wire(links, folder) as wire:
        if read_schema(wire, around=(name,)).table(name) is None:
            raise BackupError(
                f'Backup "{links[-1].name}" has no ordinary table "{name}"',
                hint="Check the name; a virtual table and a view come back with the whole database only.",
            )
        with full_table(Snapshot(wire), name, folder=folder) as payload:
            yield Link(links[-1].name, _Held(payload))


class _Held:
    """A payload that was just made, as a source."""

    def __init__(self, payload: Payload) -> None:
        self._payload = payload

    @property
    def manifest(self) -> dict[str, Any]:
        return self._payload.manifest

    @property
    def trailer(self) -> dict[str, Any]:
        return self._payload.trailer

    def chunks(self) -> Iterator[bytes]:
        return self._payload.stream
