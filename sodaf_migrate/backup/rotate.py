"""Locks a backup with other keys, without touching what it holds."""

from __future__ import annotations

import os
from pathlib import Path

from sodaf_migrate.backup.files import FileOps, Temporary, file_errors
from sodaf_migrate.backup.header import encode_header, lock, parse_header, unlock
from sodaf_migrate.backup.keys import KeyRing
from sodaf_migrate.backup.prologue import UNENCRYPTED_ALGORITHM
from sodaf_migrate.backup.reader import outline
from sodaf_migrate.backup.writer import encrypting
from sodaf_migrate.errors import BackupError

__all__ = ["rotate"]

_STEP = 4 << 20


def rotate(path: str | os.PathLike[str], old_ring: KeyRing, new_ring: KeyRing, *, files: FileOps | None = None) -> int:
    """The backup at ``path`` opens with the writing keys of ``new_ring`` alone; gives the bytes that it has now.

    A new file takes the old one's place at one instant, so that at any moment one of them is there and whole. Who had
    an old key and the old file can still read what it holds. Raises as BackupReader does; BackupError for a backup
    that is not encrypted; BackupKeyMissingError where ``new_ring`` has no key.
    """
    files = files or FileOps()
    target = Path(os.path.realpath(path))
    seen = outline(target, files=files)  # a damaged file is not given a new date
    if seen.prologue.alg == UNENCRYPTED_ALGORITHM:
        raise BackupError(f'"{path}" is not encrypted, so it has no key to change', hint="Make a new backup instead.")
    encrypting(seen.prologue, KeyRing(new_ring.keys))
    with file_errors(target, "be written"):
        source = files.open_read(target)
        try:
            header = parse_header(lambda length, offset: files.read(source, length, offset))
            file_key = unlock(header, old_ring)
            fresh = encode_header(header.prologue, lock(new_ring, file_key, header.prologue), file_key)
            return _replaced(target, source, header.size, fresh, files)
        finally:
            files.close(source)


def _replaced(target: Path, source: int, offset: int, header: bytes, files: FileOps) -> int:
    """Writes ``header`` and all from ``offset`` on into a new file that takes the place of ``target``."""
    with Temporary(target, files) as new:
        size, data = 0, header
        while data:
            new.write(data)
            size += len(data)
            data = files.read(source, _STEP, offset)
            offset += len(data)
        new.replace_target()
    return size
