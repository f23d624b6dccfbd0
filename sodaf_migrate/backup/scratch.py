"""A file for plaintext that nobody else can see, and that a crash does not leave behind."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sodaf_migrate.backup.files import STALE, file_errors
from sodaf_migrate.errors import DiskFullError

__all__ = ["BLOCK", "Scratch", "filled", "scratch_file"]

BLOCK = 1 << 20


class Scratch:
    """An open file of mode 0600 that has a name only until SQLite has opened it too (``hide``)."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self.descriptor, self.path = descriptor, path
        self._named = True

    @property
    def size(self) -> int:
        """Bytes written so far, by whomever."""
        return os.fstat(self.descriptor).st_size

    def hide(self) -> None:
        """Takes the name away; whoever has the file open keeps it."""
        if self._named:
            self._named = False
            os.unlink(self.path)

    def write(self, data: bytes | memoryview, at: int | None = None) -> None:
        """All of ``data`` at the end, or at the offset ``at``."""
        view = memoryview(data)
        place = self.size if at is None else at
        with file_errors(self.path, "be written"):
            while view:
                done = os.pwrite(self.descriptor, view, place)
                view, place = view[done:], place + done

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
            os.close(self.descriptor)


@contextmanager
def scratch_file(folder: Path) -> Iterator[Scratch]:
    """A new, empty scratch file in ``folder`` while the block runs. Raises BackupFileError, DiskFullError."""
    with file_errors(folder, "take a scratch file"):
        scratch = Scratch(*_created(folder))
    try:
        yield scratch
    finally:
        scratch.close()


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """While SQLite reads a database and fills a scratch file in ``folder``: having no room is said of the folder."""
    try:
        yield
    except DiskFullError as error:
        raise DiskFullError(
            f'"{folder}" has no room left for what is backed up there',
            hint="Free some space, or keep the backups on a device with more room.",
        ) from error


def _created(folder: Path) -> tuple[int, Path]:
    # Locked like every unfinished file of the store, so that nobody's tidying takes it for what a crash left. Until
    # it is locked that may happen: then the name is gone, and SQLite must not make a file of its own there.
    while True:
        path = folder / f"scratch.{secrets.token_hex(8)}{STALE}"
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(path, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _still_named(descriptor, path):
                return descriptor, path
        except BaseException:
            os.close(descriptor)
            os.unlink(path)
            raise
        os.close(descriptor)


def _still_named(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False
