"""Every file operation of a backup: one place decides permissions, and a test can record or break each of them."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from sodaf_migrate.errors import BackupFileError, DiskFullError

__all__ = ["STALE", "FileOps", "Temporary", "create_temporary", "file_errors", "lock_named", "remove_stale"]

#: How the temporary names of unfinished files end; nobody else's file has such a whole name by chance.
STALE = ".tmp"
_SOON = 8 << 20  # bytes
_TEMPORARY = re.compile(r".+\.[0-9a-f]{16}\.tmp")


class FileOps:
    """The operations on files, each raising OSError; folders are made 0700, files 0600, or less as the umask says."""

    def make_folder(self, path: Path) -> None:
        """Makes ``path`` and the folders above it that are missing, each 0700 and each entered durably."""
        if path.is_dir():
            return
        self.make_folder(path.parent)
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            if not path.is_dir():
                raise
        self.fsync_folder(path.parent)

    def create(self, path: Path) -> int:
        """A descriptor to write (and read) a file that was not there before (0600)."""
        return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def open_read(self, path: Path) -> int:
        """A descriptor to read ``path``; does not wait for the other end of a pipe."""
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)

    def read(self, descriptor: int, length: int, offset: int) -> bytes:
        """``length`` bytes from ``offset``, fewer only where the file ends."""
        parts: list[bytes] = []
        while length > 0 and (part := os.pread(descriptor, length, offset)):
            parts.append(part)
            length, offset = length - len(part), offset + len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def write(self, descriptor: int, data: bytes) -> None:
        """All of ``data``: the system may take less at a time."""
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]

    def write_soon(self, descriptor: int, offset: int, length: int) -> None:
        """Lets the device begin with these bytes, and waits for nothing; a hint, which promises nothing either."""
        if hasattr(os, "posix_fadvise"):
            # Linux begins to write what is changed there; what it is writing stays in memory for who reads it next.
            os.posix_fadvise(descriptor, offset, length, os.POSIX_FADV_DONTNEED)

    def write_at(self, descriptor: int, data: bytes | memoryview, offset: int) -> None:
        """All of ``data`` from ``offset`` on."""
        view = memoryview(data)
        while view:
            done = os.pwrite(descriptor, view, offset)
            view, offset = view[done:], offset + done

    def fsync(self, descriptor: int) -> None:
        """Returns when the contents are on the device."""
        os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        """Gives the descriptor back."""
        os.close(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        """``source`` becomes ``target`` at one instant, in place of what was there."""
        os.rename(source, target)

    def link(self, source: Path, target: Path) -> None:
        """``target`` becomes a second name of ``source``; FileExistsError when the name is taken."""
        os.link(source, target)

    def unlink(self, path: Path) -> None:
        """Takes the name away."""
        os.unlink(path)

    def fsync_folder(self, path: Path) -> None:
        """Returns when the names in the folder are on the device."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def file_errors(path: Path, tried: str, hint: str = "Check the path, its owner and its permissions.") -> Iterator[None]:
    """OSError becomes ours: DiskFullError without room, else BackupFileError (``tried``: "be read", "be written")."""
    try:
        yield
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFullError(
                f'"{path}" could not {tried}: the device has no room left',
                hint="Free some space, or keep the backups on another device.",
            ) from exc
        raise BackupFileError(f'"{path}" could not {tried}: {exc.strerror or exc}', hint=hint) from exc


def create_temporary(target: Path, files: FileOps) -> tuple[int, Path]:
    """A new file beside ``target``, locked for as long as its descriptor is open. Raises OSError.

    The lock tells a living writer's file from one that a crash left: ``remove_stale`` takes only what is not locked.
    Between its creation and its lock a file may be taken for such a one; then its name is gone, and another is made.
    """
    while True:
        path = target.with_name(f"{target.name}.{secrets.token_hex(8)}{STALE}")
        descriptor = files.create(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _still_named(descriptor, path):
                return descriptor, path
        except BaseException:
            files.close(descriptor)
            files.unlink(path)
            raise
        files.close(descriptor)


class Temporary:
    """A new file beside ``target`` that takes its place when it is whole, or goes. Raises OSError."""

    def __init__(self, target: Path, files: FileOps) -> None:
        self._target, self._files = target, files
        self._descriptor: int | None
        self._path: Path | None
        self._descriptor, self._path = create_temporary(target, files)
        self._size = self._begun = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.discard()

    def write(self, data: bytes) -> None:
        """Appends ``data``; the device has most of it by the time the rest is there."""
        self._files.write(self._open, data)
        self._size += len(data)
        if self._size - self._begun >= _SOON:
            self._files.write_soon(self._open, self._begun, self._size - self._begun)
            self._begun = self._size

    def replace_target(self) -> None:
        """Gets the target's name, in place of what has it; when this returns, all of it is on the device."""
        self._files.fsync(self._open)
        self._files.rename(self._named, self._target)
        self._path = None
        self._files.fsync_folder(self._target.parent)

    def become_target(self) -> bool:
        """Gets the target's name unless somebody has it, and says whether; then what has it is on the device."""
        self._files.fsync(self._open)
        try:
            self._files.link(self._named, self._target)
            first = True
        except FileExistsError:
            first = False
        self.discard()
        self._files.fsync_folder(self._target.parent)
        return first

    def discard(self) -> None:
        """Takes the file away where it did not get its target's name, and closes it; a second time does nothing."""
        (path, self._path), (descriptor, self._descriptor) = (self._path, None), (self._descriptor, None)
        try:
            if path is not None:
                self._files.unlink(path)
        finally:
            if descriptor is not None:
                self._files.close(descriptor)

    @property
    def _open(self) -> int:
        assert self._descriptor is not None, "the file was closed"
        return self._descriptor

    @property
    def _named(self) -> Path:
        assert self._path is not None, "the file has its name"
        return self._path


def lock_named(path: Path, files: FileOps) -> int:
    """A descriptor that holds the lock of the file which ``path`` names; waits for others. Raises OSError."""
    while True:
        descriptor = files.open_read(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _still_named(descriptor, path):
                return descriptor
        except BaseException:
            files.close(descriptor)
            raise
        files.close(descriptor)  # replaced while we waited


def remove_stale(folder: Path, files: FileOps) -> tuple[Path, ...]:
    """Takes away the unfinished files in ``folder`` that no living process writes, and names them. Raises OSError."""
    removed: list[Path] = []
    for path in sorted(folder.iterdir()):
        if not _TEMPORARY.fullmatch(path.name) or path.is_symlink() or not path.is_file():
            continue
        try:
            descriptor = files.open_read(path)
        except FileNotFoundError:
            continue  # finished or removed a moment ago
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _still_named(descriptor, path):
                files.unlink(path)
                removed.append(path)
        except BlockingIOError:
            continue
        finally:
            files.close(descriptor)
    if removed:
        files.fsync_folder(folder)
    return tuple(removed)


def _still_named(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False
