"""The file operations of backups, seen and broken like SQLite's own: one log, one count of faults."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from sodaf_migrate.backup.files import FileOps
from sodaf_migrate.testing.watch import File, Kind, Operation, Verdict, ask, tell

__all__ = ["WatchedFiles"]


class WatchedFiles(FileOps):
    """``FileOps`` whose every operation ``fail_at`` can strike and ``record`` writes down; syncs reach no disk.

    A struck operation raises OSError: EIO, or ENOSPC where there is no room.
    """

    def __init__(self) -> None:
        self._open: dict[int, tuple[File, int]] = {}  # by descriptor, with the place where it stands

    def create(self, path: Path) -> int:
        """As in FileOps."""
        file = File(os.path.abspath(path), "other")
        _step("create", file)
        descriptor = super().create(path)
        self._open[descriptor] = (file, 0)
        tell(_operation("create", file))
        return descriptor

    def open_read(self, path: Path) -> int:
        """As in FileOps."""
        file = _existing(path)
        _step("open", file)
        descriptor = super().open_read(path)
        self._open[descriptor] = (file, 0)
        tell(_operation("open", file))
        return descriptor

    def read(self, descriptor: int, length: int, offset: int) -> bytes:
        """As in FileOps."""
        file, _ = self._open[descriptor]
        _step("read", file)
        return super().read(descriptor, length, offset)

    def write(self, descriptor: int, data: bytes) -> None:
        """As in FileOps; cut short, half of it is written."""
        file, place = self._open[descriptor]
        verdict = ask(_operation("write", file, place, bytes(data)))
        if verdict is not None and verdict != "short":
            raise _failure(verdict, file.path)
        part = bytes(data) if verdict is None else bytes(data)[: len(data) // 2]
        super().write(descriptor, part)
        self._open[descriptor] = (file, place + len(part))
        tell(_operation("write", file, place, part))
        if verdict is not None:
            raise _failure(verdict, file.path)

    def write_at(self, descriptor: int, data: bytes | memoryview, offset: int) -> None:
        """As in FileOps; cut short, half of it is written."""
        file, _ = self._open[descriptor]
        verdict = ask(_operation("write", file, offset, bytes(data)))
        if verdict is not None and verdict != "short":
            raise _failure(verdict, file.path)
        part = bytes(data) if verdict is None else bytes(data)[: len(data) // 2]
        super().write_at(descriptor, part, offset)
        tell(_operation("write", file, offset, part))
        if verdict is not None:
            raise _failure(verdict, file.path)

    def fsync(self, descriptor: int) -> None:
        """Noted only: the disk itself is left alone."""
        file, _ = self._open[descriptor]
        _step("sync", file)
        tell(_operation("sync", file))

    def close(self, descriptor: int) -> None:
        """As in FileOps."""
        self._open.pop(descriptor, None)
        super().close(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        """As in FileOps."""
        self._name("rename", source, target)
        super().rename(source, target)
        self._named("rename", source, target)

    def link(self, source: Path, target: Path) -> None:
        """As in FileOps."""
        self._name("link", source, target)
        super().link(source, target)
        self._named("link", source, target)

    def unlink(self, path: Path) -> None:
        """As in FileOps."""
        file = _existing(path)
        _step("delete", file)
        super().unlink(path)
        tell(_operation("delete", file))

    def fsync_folder(self, path: Path) -> None:
        """Noted only: the disk itself is left alone."""
        folder = File(os.path.abspath(path), "other")
        _step("sync_folder", folder)
        tell(Operation(kind="sync_folder", role="other", path=folder.path))

    def _name(self, kind: Kind, source: Path, target: Path) -> None:
        verdict = ask(_naming(kind, source, target))
        if verdict is not None:
            raise _failure(verdict, str(target))

    def _named(self, kind: Kind, source: Path, target: Path) -> None:
        tell(_naming(kind, source, target))


def _step(kind: Kind, file: File) -> None:
    verdict = ask(_operation(kind, file))
    if verdict is not None:
        raise _failure(verdict, file.path)


def _operation(kind: Kind, file: File, offset: int = 0, data: bytes = b"") -> Operation:
    return Operation(kind=kind, role=file.role, path=file.path, file=file, offset=offset, length=len(data), data=data)


def _naming(kind: Kind, source: Path, target: Path) -> Operation:
    file = _existing(source)
    return Operation(kind=kind, role="other", path=file.path, file=file, target=os.path.abspath(target))


def _existing(path: Path) -> File:
    return File(os.path.abspath(path), "other", lambda: path.read_bytes() if path.is_file() else b"")


def _failure(verdict: Verdict, path: str) -> OSError:
    code = errno.EIO if verdict == "error" else errno.ENOSPC
    return OSError(code, os.strerror(code), path)
