"""Checks of backups: each file's hash, and every chunk of it, with all that it is built on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sodaf_migrate.backup.container import BackupReader, Prologue, outline
from sodaf_migrate.backup.info import BackupInfo, VerifyResult
from sodaf_migrate.backup.keys import KeyRing
from sodaf_migrate.backup.store import BackupStore, hash_of
from sodaf_migrate.errors import BackupDamagedError, BackupError, BackupKeyError, BackupUnencryptedError
from sodaf_migrate.events import Listener, Progress

__all__ = ["Found", "check_chain", "check_chunks", "is_good", "is_sound", "locked_out", "prove_identity"]


@dataclass(slots=True)
class Found:
    """What a check has found so far."""

    problems: list[str]
    bytes_read: int = 0
    locked: bool = False
    damaged: bool = False

    def result(self, chain: Sequence[BackupInfo], level: int, seconds: float) -> VerifyResult:
        """All of it, of the last of ``chain``."""
        return VerifyResult(
            id=chain[-1].id,
            level=level,
            ok=not self.problems,
            problems=tuple(self.problems),
            bytes_read=self.bytes_read,
            seconds=seconds,
            chain=tuple(part.id for part in chain),
            locked=self.locked,
            damaged=self.damaged,
        )


def check_chain(chain: Sequence[BackupInfo], store: BackupStore, ring: KeyRing | None, listener: Listener) -> Found:
    """The check of a backup, the last of ``chain``, and of all that it is built on; without a ring by hash alone.

    Raises BackupKeyMissingError when a backup is locked and there is no key at all.
    """
    found = Found([])
    if chain[0].parent is not None:
        found.damaged = True
        found.problems.append(f'its parent "{chain[0].parent}" is not in the store')
    for place, info in enumerate(chain):
        who = "" if info is chain[-1] else f'its parent "{info.id}": '
        try:
            path = store.path_of(info.name)
            if info.checksum:
                found.bytes_read += _check_hash(info, path, listener)
            elif ring is None:
                found.problems.append(f"{who}the catalogue has no row of it, so there is no hash to compare")
            if ring is not None:
                found.bytes_read += 0 if info.checksum else path.stat().st_size
                check_chunks(info, store, ring, listener, parent=chain[place - 1] if place else None)
        except BackupKeyError as error:
            if not ring or not ring.keys:
                raise
            found.locked = True
            found.problems.append(who + error.message)
        except BackupError as error:
            found.damaged |= not isinstance(error, BackupUnencryptedError)
            found.problems.append(who + error.message)
    return found


def is_good(info: BackupInfo, store: BackupStore) -> bool:
    """Whether the file is there and has the hash that it had when it was written. Needs no key."""
    try:
        return hash_of(store.path_of(info.name)) == info.checksum
    except BackupError:
        return False


def is_sound(info: BackupInfo, store: BackupStore, ring: KeyRing, listener: Listener) -> bool | None:
    """Whether the file is there and as it was written; None where that cannot be told: no hash, and no key opens it.

    Where a key opens it, every chunk is read as well: a catalogue made anew from damaged files has their hashes.
    """
    if info.checksum and not is_good(info, store):
        return False
    try:
        check_chunks(info, store, ring, listener)
    except (BackupKeyError, BackupUnencryptedError):
        return True if info.checksum else None
    except BackupError:
        return False
    return True


def locked_out(infos: Sequence[BackupInfo], store: BackupStore, ring: KeyRing) -> tuple[tuple[BackupInfo, str], ...]:
    """Those that cannot be opened, each with the reason; only header and manifest are read."""
    found = []
    for info in infos:
        try:
            with BackupReader(store.path_of(info.name), ring, threads=1):
                pass
        except BackupError as error:
            found.append((info, error.message))
    return tuple(found)


def check_chunks(
    info: BackupInfo, store: BackupStore, ring: KeyRing, listener: Listener, *, parent: BackupInfo | None = None
) -> None:
    """Opens every chunk. Raises BackupDamagedError and its kin, and BackupKeyError."""
    path, files = store.path_of(info.name), store.files
    total, done = outline(path, files=files).plain_bytes, 0
    with BackupReader(path, ring, files=files) as reader:
        before = outline(store.path_of(parent.name), files=files).prologue if parent else None
        prove_identity(info, reader.prologue, before)
        for chunk in reader.chunks():
            done += len(chunk)
            listener(Progress(phase="check", subject=info.id[:12], done=done, total=total, unit="bytes"))


def prove_identity(info: BackupInfo, prologue: Prologue, parent: Prologue | None) -> None:
    """Raises BackupDamagedError where a sound file is another backup, or one that was built on another parent."""
    if prologue.id != info.id:
        raise BackupDamagedError(
            f'the file "{info.name}" holds the backup "{prologue.id}" and not "{info.id}"',
            hint="Somebody exchanged it: take another copy of the backup.",
        )
    if parent is not None and (prologue.parent is None or prologue.parent.sha256 != parent.digest):
        raise BackupDamagedError(
            f'backup "{info.id}" was built on another backup than the one that is there as "{parent.id}"',
            hint="Bring the parent back that it was made with.",
        )


def _check_hash(info: BackupInfo, path: Path, listener: Listener) -> int:
    size = path.stat().st_size
    listener(Progress(phase="hash", subject=info.id[:12], done=0, total=size, unit="bytes"))
    if hash_of(path) != info.checksum:
        raise BackupDamagedError(
            f'the hash of "{path.name}" is not the one in the catalogue ({info.checksum[:12]}…)',
            hint="The file was altered since it was written, or replaced: take another copy.",
        )
    return size
