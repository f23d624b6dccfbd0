"""The folder of the backups: what may lie in it, who works in it, and the one way from a stored name to a path."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from sodaf_migrate.backup.files import STALE, FileOps, file_errors, remove_stale
from sodaf_migrate.backup.header import parse_header
from sodaf_migrate.backup.scratch import Folder
from sodaf_migrate.errors import (
    BackupError,
    BackupFileError,
    ConfigurationError,
    DiskFullError,
    LockHeldError,
    UnknownBackupError,
)
from sodaf_migrate.wire.patience import Patience

__all__ = ["LOCK", "SUFFIX", "BackupStore", "hash_of"]

SUFFIX = ".sdbk"
LOCK = ".lock"

# Nothing of a definition is in a name: names are data, and data never makes a path.
_NAME = re.compile(r"\d{8}T\d{6}Z-(?:full|column|schema|incremental)-([0-9a-f]{32})\.sdbk", re.ASCII)
_MODE = 0o700
_UNUSABLE = (
    "Check the path, its owner and its permissions. To read from it takes no right to write; but what a restore would"
    " overwrite is backed up first: restore into another table or database, or copy the store to a folder of your own."
)
_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT)
_SPARE = 16 << 20  # bytes left to others on the device
_BLOCK = 1 << 20


class BackupStore:
    """One folder, of mode 0700, that holds backups and nothing else; made when the first one is written."""

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        files: FileOps | None = None,
        free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self.directory = Path(directory).absolute()
        self.files = files or FileOps()
        self._free = free

    @property
    def is_writable(self) -> bool:
        """Whether a file can be made in it; a folder that is not there yet is made by ``writing``."""
        own = os.access in os.supports_effective_ids
        return not self.directory.exists() or os.access(self.directory, os.W_OK | os.X_OK, effective_ids=own)

    @property
    def scratch(self) -> Folder:
        """Where plaintext goes for a while, in files without a name: the store itself, which is closed to others, or
        the system's folder for temporary files (TMPDIR) where a backup is read on a medium that takes none."""
        return Folder(self.directory if self.is_writable else Path(tempfile.gettempdir()), self.files)

    # Names and paths.

    @staticmethod
    def name_for(backup_id: str, type: str, created: datetime) -> str:
        """The name of a new backup's file; names sort by time. Raises BackupError for an id or type that is none."""
        name = f"{created.astimezone(UTC):%Y%m%dT%H%M%SZ}-{type.lower()}-{backup_id}{SUFFIX}"
        return _checked(name if _NAME.fullmatch(name) else "")

    @staticmethod
    def id_in(name: str) -> str | None:
        """The id of the backup that has the file of that name; None for a name that somebody gave it by hand."""
        found = _NAME.fullmatch(name)
        return found[1] if found else None

    def path_for(self, name: str) -> Path:
        """Where a backup of that name is. Raises BackupError for a name that could lead out of the store."""
        return self.directory / _checked(name)

    def path_of(self, name: str) -> Path:
        """The file of that name, which is there and an ordinary one.

        Raises BackupError for a name that is none of ours (a folder in it, ".."), and for a symbolic link or anything
        else that could lead out of the store; UnknownBackupError when there is no such file.
        """
        path = self.path_for(name)
        found = _lstat(path)
        if found is None:
            raise UnknownBackupError(
                f'The backup file "{path}" is not there',
                hint="It was moved or deleted: `backup catalogue` tells which.",
            )
        if not stat.S_ISREG(found.st_mode):
            raise BackupError(
                f'"{path}" is not an ordinary file, so it is not read as a backup',
                hint="A link or a device could lead out of the store: take it away, or copy the file itself there.",
            )
        return path

    def names(self) -> tuple[str, ...]:
        """The names of all backup files, oldest first, and after them those that were given another name by hand; ()
        where the folder is not there yet."""
        self._refuse_file()
        try:
            entries = list(os.scandir(self.directory))
        except FileNotFoundError:
            return ()
        except OSError as error:
            with file_errors(self.directory, "be read"):
                raise error
        found = (entry.name for entry in entries if _is_name(entry.name) and entry.is_file(follow_symlinks=False))
        return tuple(sorted(found, key=lambda name: (self.id_in(name) is None, name)))

    def size_of(self, name: str) -> int | None:
        """The size in bytes of a file of the store, None where it is missing or no ordinary file."""
        found = _lstat(self.path_for(name)) if _is_name(name) else None
        return found.st_size if found is not None and stat.S_ISREG(found.st_mode) else None

    # Working in it.

    @contextmanager
    def writing(self, *, timeout: float = 30.0) -> Iterator[None]:
        """The store to write into, beside others who write; first what a crash left behind is removed.

        Raises LockHeldError when somebody has it alone for longer than ``timeout`` seconds, ConfigurationError for a
        folder that others may use, and BackupFileError for one that cannot be used.
        """
        with self._locked(fcntl.LOCK_SH, timeout):
            yield

    @contextmanager
    def reading(self, *, timeout: float = 30.0) -> Iterator[None]:
        """The store to read from, while nobody deletes from it or rewrites its files.

        Where nothing can be written, and so no lock be made, it is read as it is. Raises LockHeldError as ``writing``.
        """
        try:
            lock = self._lock_file(os.O_RDONLY)
        except OSError as error:
            if error.errno not in _READ_ONLY:
                with file_errors(self.directory, "be read"):
                    raise
            yield
            return
        try:
            self._wait(lock, fcntl.LOCK_SH, timeout)
            yield
        finally:
            os.close(lock)

    @contextmanager
    def alone(self, *, timeout: float = 30.0) -> Iterator[None]:
        """The store while nobody else writes into it, to delete from it or to rewrite its files."""
        with self._locked(fcntl.LOCK_EX, timeout):
            yield

    def check_room(self, needed: int) -> None:
        """Raises DiskFullError where ``needed`` bytes, and some to spare, do not fit where plaintext goes for a while.

        Asked before anything is unpacked: a file of a few megabytes may hold terabytes of zeros.
        """
        folder = self.scratch.path
        with file_errors(folder, "be looked at"):
            left = self._free(folder)
        if needed + _SPARE > left:
            raise DiskFullError(
                f'"{folder}" has {left:,} bytes free, and {needed:,} are needed there for a while',
                hint="Free some space, or keep the backups on a device with more room; for a store that can only be "
                "read, name a folder with more room in TMPDIR.",
                details={"needed": needed, "free": left},
            )

    def delete(self, name: str) -> None:
        """Deletes one file; that it is gone already is no error. The caller has the store alone."""
        path = self.path_for(name)
        if _lstat(path) is not None:
            with file_errors(path, "be deleted"):
                self.files.unlink(path)
                self.files.fsync_folder(self.directory)

    # How.

    @contextmanager
    def _locked(self, kind: int, timeout: float) -> Iterator[None]:
        # flock belongs to the open file: two threads exclude each other like two processes, and however a process
        # ends, the system gives the lock back.
        with file_errors(self.directory, "be used for backups", _UNUSABLE):
            self._refuse_file()
            self.files.make_folder(self.directory)
            self._close_to_others()
            lock = self._lock_file(os.O_RDWR)
        try:
            self._wait(lock, kind, timeout)
            with file_errors(self.directory, "be cleared of what a crash left"):
                remove_stale(self.directory, self.files)
            yield
        finally:
            os.close(lock)

    def _lock_file(self, access: int) -> int:
        return os.open(self.directory / LOCK, access | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def _refuse_file(self) -> None:
        if self.directory.exists() and not self.directory.is_dir():
            raise BackupFileError(
                f'"{self.directory}" is no folder, so backups cannot lie in it', hint="Give the folder of the backups."
            )

    def _close_to_others(self) -> None:
        mode = stat.S_IMODE(self.directory.stat().st_mode)
        if not mode & 0o077:
            return
        foreign = sorted(entry.name for entry in os.scandir(self.directory) if not _is_ours(entry.name))
        if foreign:
            raise ConfigurationError(
                f'The backup folder "{self.directory}" is open to others (mode {mode:04o}) and holds more than backups'
                f' ("{foreign[0]}")',
                hint=f"Give a folder of its own for backups, or close this one: chmod 700 '{self.directory}'.",
            )
        self.directory.chmod(_MODE)

    def _wait(self, lock: int, kind: int, timeout: float) -> None:
        pauses = Patience(timeout=timeout).pauses()
        while not _taken(lock, kind):
            if next(pauses, None) is None:
                raise LockHeldError(
                    f'The backup store "{self.directory}" was in use by another process for {timeout:.1f} s',
                    hint="Let the other backup, prune or rotation finish, or raise lock_timeout.",
                )


def hash_of(path: Path) -> str:
    """The SHA-256 (hex) of what a backup holds, its prologue and its chunks, which stays when its keys are changed.

    Needs no key. The header has a checksum of its own, which is compared. Raises BackupDamagedError where that does
    not fit, and its kin; BackupFileError when the file cannot be read.
    """
    with file_errors(path, "be read"), open(_opened(path), "rb", buffering=0) as file:
        header = parse_header(lambda length, offset: os.pread(file.fileno(), length, offset))
        digest = sha256(header.prologue.encoded)
        file.seek(header.size)
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)


def _is_ours(name: str) -> bool:
    return name == LOCK or name.endswith(STALE) or _is_name(name)


def _is_name(name: str) -> bool:
    """Whether a file of the store may be a backup by its name: no folder is in it, and all of it can be seen."""
    return name.endswith(SUFFIX) and "/" not in name and not name.startswith(".") and name.isprintable()


def _checked(name: str) -> str:
    if not isinstance(name, str) or not _is_name(name):
        raise BackupError(
            f"{name!r} is not the name of a backup in the store",
            hint="Backups are used by name from their own folder alone; no path leads out of it.",
        )
    return name


def _lstat(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        with file_errors(path, "be looked at"):
            raise error


def _taken(lock: int, kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
