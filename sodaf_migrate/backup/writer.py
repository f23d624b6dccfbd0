"""Writes a backup: as a stream, under a temporary name, that becomes the file only when all of it is on the device."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sodaf_migrate.backup.chunks import DATA, DOCUMENT_LIMIT, FINAL, MANIFEST, seal_chunk
from sodaf_migrate.backup.cipher import KEY_BYTES, NO_KEY, payload_cipher
from sodaf_migrate.backup.files import FileOps, Temporary, file_errors
from sodaf_migrate.backup.header import encode_header, lock
from sodaf_migrate.backup.keys import KeyRing
from sodaf_migrate.backup.pipeline import Pipeline, default_threads
from sodaf_migrate.backup.prologue import UNENCRYPTED_ALGORITHM, Prologue, canonical
from sodaf_migrate.errors import BackupError, BackupFileError, BackupKeyMissingError

__all__ = ["BackupWriter", "Written", "encrypting"]


@dataclass(frozen=True, slots=True)
class Written:
    """A backup on the device: the bytes of its file, its hash (``hash_of``), chunks of payload and bytes of payload."""

    path: Path
    size: int
    sha256: str
    chunks: int
    plain_bytes: int


def encrypting(prologue: Prologue, ring: KeyRing) -> Prologue:
    """The prologue as the ring can write it: alg "NONE" for a ring that has no key and allows that.

    Raises BackupKeyMissingError where there is no key and no such allowance.
    """
    if ring.keys:
        if prologue.alg == UNENCRYPTED_ALGORITHM:
            raise BackupError(
                "a backup was to be written unencrypted, although there is a key",
                hint="Write it with the ring UNENCRYPTED, or let it be encrypted.",
            )
        return prologue
    if not ring.unencrypted:
        raise BackupKeyMissingError(
            "no key is configured, so a backup cannot be locked",
            hint="Make one (`sodaf-migrate keys generate`), or allow unencrypted backups by name.",
        )
    return replace(prologue, alg=UNENCRYPTED_ALGORITHM)


class BackupWriter:
    """Context manager: ``manifest`` once, ``write`` any number of times, ``finish``. Left without it, nothing remains.

    ``level`` is zstd's; ``threads`` compress and encrypt at once, and about ``2 * threads + 3`` chunks are held in
    memory. Raises BackupFileError where ``path`` is taken or cannot be written, DiskFullError, BackupKeyMissingError.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        prologue: Prologue,
        ring: KeyRing,
        *,
        level: int = 3,
        threads: int | None = None,
        files: FileOps | None = None,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.path = Path(path)
        self.prologue = encrypting(prologue, ring)
        self._ring = ring
        self._level = level
        self._files = files or FileOps()
        self._random = random
        self._pipeline: Pipeline[bytes] = Pipeline(default_threads() if threads is None else threads)
        self._file: Temporary | None = None
        self._hash = sha256(self.prologue.encoded)  # and of the chunks: nothing that changes with the keys
        self._size = self._plain = self._index = 0
        self._buffer, self._filled = bytearray(), 0
        self._state = "manifest"  # what comes next; then "payload"; then "nothing", also after a failure

    def __enter__(self) -> Self:
        file_key = self._random(KEY_BYTES) if self._ring.keys else NO_KEY
        header = encode_header(self.prologue, lock(self._ring, file_key, self.prologue), file_key)
        self._cipher = payload_cipher(file_key, self.prologue)
        with file_errors(self.path, "be written"):
            if os.path.lexists(self.path):
                raise BackupFileError(f'"{self.path}" is there already', hint="Give the backup another name.")
            self._file = Temporary(self.path, self._files)
        try:
            self._put(header)
        except BaseException:
            self._discard()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._discard()

    def manifest(self, manifest: Mapping[str, Any]) -> None:
        """Writes what only the key shows: plain JSON values, at most 16 MiB. Once, and before the payload."""
        self._need("manifest")
        omitted = {name: self.prologue.about[name] for name in self.prologue.omitted}
        self._seal(MANIFEST, _document({"about": omitted, "manifest": dict(manifest)}, "manifest"))
        self._state = "payload"

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Writes the next bytes of the payload; ``data`` may be reused afterwards."""
        self._need("payload")
        if isinstance(data, bytes) and len(data) == self.prologue.chunk and not self._filled:
            self._plain += len(data)
            self._seal(DATA, data)  # nobody can change it meanwhile, so it need not be copied
            return
        view = memoryview(data).cast("B")
        while view:
            if not self._buffer:
                self._buffer = bytearray(self.prologue.chunk)
            taken = min(len(view), len(self._buffer) - self._filled)
            self._buffer[self._filled : self._filled + taken] = view[:taken]
            self._filled, view = self._filled + taken, view[taken:]
            if self._filled == len(self._buffer):
                self._flush()

    def finish(self, trailer: Mapping[str, Any]) -> Written:
        """Ends the backup; when this returns, the file has its name and all of it is on the device."""
        self._need("payload")
        if self._filled:
            self._flush()
        chunks = self._index - 1
        document = {"chunks": chunks, "plain_bytes": self._plain, "trailer": dict(trailer)}
        self._seal(FINAL, _document(document, "trailer"), last=True)
        assert self._file is not None
        with file_errors(self.path, "be written"):
            self._file.replace_target()
        return Written(self.path, self._size, self._hash.hexdigest(), chunks, self._plain)

    def _need(self, state: str) -> None:
        if self._state != state:
            raise ValueError(f"next comes the {self._state}, not the {state}")

    def _flush(self) -> None:
        data, self._buffer = memoryview(self._buffer)[: self._filled], bytearray()
        self._plain += self._filled
        self._filled = 0
        self._seal(DATA, data)

    def _seal(self, kind: int, data: bytes | memoryview, *, last: bool = False) -> None:
        work = partial(seal_chunk, self._cipher, kind, self._index, data, self._level)
        # Where this fails the file has a gap: whoever goes on all the same must not give it its name.
        state, self._state = self._state, "nothing"
        self._index += 1
        for record in self._pipeline.push(work):
            self._emit(record)
        if last:
            for record in self._pipeline.drain():
                self._emit(record)
        else:
            self._state = state

    def _emit(self, record: bytes) -> None:
        self._put(record)
        self._hash.update(record)

    def _put(self, data: bytes) -> None:
        assert self._file is not None
        with file_errors(self.path, "be written"):
            self._file.write(data)
        self._size += len(data)

    def _discard(self) -> None:
        """Ends the threads, and takes the file away where it did not get its name."""
        self._pipeline.close()
        if self._file is not None:
            with file_errors(self.path, "be written"):
                self._file.discard()


def _document(value: Mapping[str, Any], name: str) -> bytes:
    document = canonical(value)
    if len(document) > DOCUMENT_LIMIT:
        raise BackupError(
            f"the {name} of a backup has {len(document)} bytes, but at most {DOCUMENT_LIMIT} have room",
            hint="Back up fewer tables at once.",
        )
    return document
