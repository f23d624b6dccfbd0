"""Reads a backup: nothing of a chunk is given out before its seal was right and it stood in its place."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sodaf_migrate.backup.chunks import DATA, FINAL, HEAD_BYTES, ChunkHead, open_chunk, parse_head
from sodaf_migrate.backup.cipher import payload_cipher
from sodaf_migrate.backup.files import FileOps, file_errors
from sodaf_migrate.backup.header import Header, parse_header, unlock
from sodaf_migrate.backup.keys import KeyRing
from sodaf_migrate.backup.pipeline import Pipeline, default_threads
from sodaf_migrate.backup.prologue import Prologue, json_object
from sodaf_migrate.errors import BackupDamagedError, BackupTruncatedError, NotABackupError

__all__ = ["BackupReader", "Outline", "outline", "read_prologue"]

_CUT = "It was cut off while written or copied: take another copy."


@dataclass(frozen=True, slots=True)
class Outline:
    """What can be seen of a sound file without its key; lengths in bytes. ``kids`` are the public names of its keys."""

    prologue: Prologue
    kids: tuple[str, ...]
    size: int
    chunks: int
    plain_bytes: int


class _File:
    """An open backup: its bytes by place, and its length when it was opened."""

    def __init__(self, path: Path, files: FileOps) -> None:
        self.path, self._files = path, files
        with file_errors(path, "be read"):
            self._descriptor = files.open_read(path)
            status = os.fstat(self._descriptor)
        self.size = status.st_size
        if not stat.S_ISREG(status.st_mode):
            self.close()
            raise NotABackupError(f'"{path}" is no file', hint="Backups end in .sdbk.")

    def read(self, length: int, offset: int) -> bytes:
        """``length`` bytes from ``offset``, fewer only where the file ends."""
        with file_errors(self.path, "be read"):
            return self._files.read(self._descriptor, length, offset)

    def heads(self, header: Header, offset: int, index: int) -> Iterator[tuple[ChunkHead, int]]:
        """The head of each chunk from ``index`` on, with where its sealed part begins, up to the last of all."""
        limit, full = header.prologue.chunk, True
        while True:
            encoded = self.read(HEAD_BYTES, offset)
            if len(encoded) < HEAD_BYTES:
                raise BackupTruncatedError(f"the backup ends before chunk {index}", hint=_CUT)
            head = parse_head(encoded, index, limit)
            offset += HEAD_BYTES
            if head.kind == DATA and not full:
                raise BackupDamagedError(f"chunk {index} of the backup follows one that was the last", hint=_CUT)
            if offset + head.sealed > self.size:  # before anything is allocated for it
                raise BackupTruncatedError(f"the backup ends within chunk {index}", hint=_CUT)
            yield head, offset
            offset, index, full = offset + head.sealed, index + 1, head.kind != DATA or head.plain == limit
            if head.kind == FINAL:
                if offset != self.size:
                    raise BackupDamagedError("the backup goes on after its end", hint="Take another copy of it.")
                return

    def sealed(self, head: ChunkHead, offset: int) -> bytes:
        """The sealed part of a chunk."""
        sealed = self.read(head.sealed, offset)
        if len(sealed) < head.sealed:
            raise BackupTruncatedError(f"the backup ends within chunk {head.index}", hint=_CUT)
        return sealed

    def close(self) -> None:
        """Gives the descriptor back."""
        self._files.close(self._descriptor)


class BackupReader:
    """Context manager: proves header and manifest when entered; then ``chunks()``, and after them ``trailer``.

    Raises BackupFileError, NotABackupError, BackupVersionError, BackupTruncatedError, BackupDamagedError,
    BackupKeyMissingError, BackupKeyWrongError, BackupUnencryptedError: each says its own thing.
    """

    def __init__(
        self, path: str | os.PathLike[str], ring: KeyRing, *, threads: int | None = None, files: FileOps | None = None
    ) -> None:
        self.path = Path(path)
        self._ring = ring
        self._threads = default_threads() if threads is None else threads
        self._files = files or FileOps()
        self._trailer: dict[str, Any] | None = None

    def __enter__(self) -> Self:
        self._file = _File(self.path, self._files)
        try:
            self._header = parse_header(self._file.read)
            self._cipher = payload_cipher(unlock(self._header, self._ring), self._header.prologue)
            self._read_manifest()
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def prologue(self) -> Prologue:
        """The public part, complete."""
        return self._prologue

    @property
    def manifest(self) -> dict[str, Any]:
        """What the writer put into the manifest."""
        return self._manifest

    @property
    def trailer(self) -> dict[str, Any]:
        """What the writer put at the end; ValueError before the chunks were read to it."""
        if self._trailer is None:
            raise ValueError("the trailer is read after the chunks")
        return self._trailer

    def chunks(self) -> Iterator[bytes]:
        """The payload from its beginning, in pieces of up to the chunk size, each proved before it is given out.

        Only when it ends without an error was the file whole: do nothing final with the pieces before that.
        """
        pipeline: Pipeline[bytes] = Pipeline(self._threads)
        last: list[bytes] = []
        count = size = 0
        try:
            for piece in pipeline.run(self._works(last)):
                count, size = count + 1, size + len(piece)
                yield piece
        finally:
            pipeline.close()
        self._trailer = self._ended(last[0], count, size)

    def _works(self, last: list[bytes]) -> Iterator[Callable[[], bytes]]:
        """The opening of each chunk of payload; the trailer is opened at once, once it is seen to be the end."""
        for head, offset in self._file.heads(self._header, self._payload, 1):
            work = partial(open_chunk, self._cipher, head, self._file.sealed(head, offset))
            if head.kind != FINAL:
                yield work
        last.append(work())

    def _read_manifest(self) -> None:
        head, offset = next(self._file.heads(self._header, self._header.size, 0))
        document = json_object(open_chunk(self._cipher, head, self._file.sealed(head, offset)), "the manifest")
        about, manifest = document.get("about"), document.get("manifest")
        prologue = self._header.prologue
        if not isinstance(about, dict) or not isinstance(manifest, dict) or set(about) != set(prologue.omitted):
            raise BackupDamagedError("the manifest of the backup has an unknown shape", hint="Take another copy of it.")
        self._prologue = replace(prologue, about={**prologue.about, **about})
        self._manifest: dict[str, Any] = manifest
        self._payload = offset + head.sealed

    def _ended(self, data: bytes, count: int, size: int) -> dict[str, Any]:
        document = json_object(data, "the trailer")
        trailer = document.get("trailer")
        if (document.get("chunks"), document.get("plain_bytes")) != (count, size) or not isinstance(trailer, dict):
            raise BackupDamagedError("the backup does not hold as much as its trailer says", hint=_CUT)
        return trailer


def read_prologue(path: str | os.PathLike[str], *, files: FileOps | None = None) -> Prologue:
    """What anybody may read of a backup. Undamaged, but who wrote it only its key can prove.

    Raises as BackupReader does, but for keys.
    """
    file = _File(Path(path), files or FileOps())
    try:
        return parse_header(file.read).prologue
    finally:
        file.close()


def outline(path: str | os.PathLike[str], *, files: FileOps | None = None) -> Outline:
    """Walks the whole file from head to head without a key: is it complete, and how large is what it holds?

    Reads 24 bytes of each chunk. Raises as ``read_prologue`` does.
    """
    file = _File(Path(path), files or FileOps())
    try:
        header = parse_header(file.read)
        chunks = size = 0
        for head, _ in file.heads(header, header.size, 0):
            if head.kind == DATA:
                chunks, size = chunks + 1, size + head.plain
        return Outline(header.prologue, tuple(slot.kid for slot in header.slots), file.size, chunks, size)
    finally:
        file.close()
