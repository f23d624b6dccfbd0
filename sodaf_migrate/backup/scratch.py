"""A file for plaintext that nobody else can see, and that a crash does not leave behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from sodaf_migrate.backup.files import FileOps, create_temporary, file_errors
from sodaf_migrate.errors import DatabaseError, DiskFullError
from sodaf_migrate.wire.faults import is_failed_read

__all__ = ["BLOCK", "Folder", "Place", "Scratch", "filled", "scratch_file"]

BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Folder:
    """Where scratch files are made, and the operations that make them."""

    path: Path
    files: FileOps = field(default_factory=FileOps)


#: A folder with the usual operations, or with others.
Place: TypeAlias = Path | Folder


class Scratch:
    """An open file of mode 0600 that has a name only until SQLite has opened it too (``hide``)."""

    def __init__(self, descriptor: int, path: Path, files: FileOps | None = None) -> None:
        self.descriptor, self.path = descriptor, path
        self._files = files or FileOps()
        self._named = True

    @property
    def size(self) -> int:
        """Bytes written so far, by whomever."""
        return os.fstat(self.descriptor).st_size

    def hide(self) -> None:
        """Takes the name away, for good; whoever has the file open keeps it."""
        if self._named:
            self._named = False
            with file_errors(self.path, "be hidden"):
                self._files.unlink(self.path)
                # On the device too, before anything is in it: no power loss brings the name back, with what it held.
                self._files.fsync_folder(self.path.parent)

    def write(self, data: bytes | memoryview, at: int | None = None) -> None:
        """All of ``data`` at the end, or at the offset ``at``."""
        with file_errors(self.path, "be written"):
            self._files.write_at(self.descriptor, data, self.size if at is None else at)

    def read(self, length: int, at: int) -> bytes:
        """``length`` bytes from ``at``, fewer only at the end."""
        parts = []
        while length > 0 and (part := os.pread(self.descriptor, length, at)):
            parts.append(part)
            length, at = length - len(part), at + len(part)
        return b"".join(parts)

    def truncate(self, size: int) -> None:
        """Cuts the file to ``size`` bytes."""
        os.ftruncate(self.descriptor, size)

    def blocks(self, length: int = BLOCK) -> Iterator[bytes]:
        """What is in the file, from its beginning, in blocks of ``length`` bytes."""
        place = 0
        while block := self.read(length, place):
            yield block
            place += len(block)

    def close(self) -> None:
        """Takes the name away, if there is one still, and closes it."""
        try:
            self.hide()
        finally:
            self._files.close(self.descriptor)


@contextmanager
def scratch_file(folder: Place) -> Iterator[Scratch]:
    """A new, empty scratch file in ``folder`` while the block runs. Raises BackupFileError, DiskFullError."""
    place = _folder(folder)
    with file_errors(place.path, "take a scratch file"):
        # Locked like every unfinished file of the store, so that nobody's tidying takes it for what a crash left.
        scratch = Scratch(*create_temporary(place.path / "scratch", place.files), place.files)
    try:
        yield scratch
    finally:
        scratch.close()


@contextmanager
def filled(folder: Place) -> Iterator[None]:
    """While SQLite reads a database and fills a scratch file in ``folder``: what fails in writing is said of that."""
    try:
        yield
    except DiskFullError as error:
        raise DiskFullError(
            f'"{_folder(folder).path}" has no room left for what is backed up there',
            hint="Free some space, or keep the backups on a device with more room.",
        ) from error
    except DatabaseError as error:
        code = str(error.details.get("sqlite_error"))
        if not code.startswith("SQLITE_IOERR") or is_failed_read(code):
            raise
        why = error.details["reason"]
        raise DatabaseError(
            f'The device of "{_folder(folder).path}" failed while a scratch file was written: {why}',
            hint="Check that disk, its free space and its mount before trying again.",
            details=error.details,
        ) from error


def _folder(place: Place) -> Folder:
    return place if isinstance(place, Folder) else Folder(place)
