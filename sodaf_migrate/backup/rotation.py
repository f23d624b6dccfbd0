"""Another key for all backups: each file is replaced at one instant, and what it holds is not written anew."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sodaf_migrate.backup.container import rotate
from sodaf_migrate.backup.files import FileOps
from sodaf_migrate.backup.info import BackupInfo
from sodaf_migrate.backup.keys import KeyRing
from sodaf_migrate.backup.store import BackupStore
from sodaf_migrate.errors import BackupError
from sodaf_migrate.events import Listener, Progress

__all__ = ["rotate_files"]


def rotate_files(
    infos: Iterable[BackupInfo],
    store: BackupStore,
    old: KeyRing,
    new: KeyRing,
    listener: Listener,
    files: FileOps,
) -> tuple[list[BackupInfo], list[tuple[str, str]]]:
    """Locks each backup with ``new``; (those done, with their new size; (id, why) of those that stay as they were).

    The new keys open too: files that an earlier call got to are simply done again.
    """
    either = KeyRing(tuple(dict.fromkeys((*old.keys, *new.keys))))
    done: list[BackupInfo] = []
    failed: list[tuple[str, str]] = []
    todo = tuple(infos)
    for number, info in enumerate(todo):
        listener(Progress(phase="rotate", subject=info.id[:12], done=number, total=len(todo), unit="backups"))
        try:
            done.append(replace(info, size=rotate(store.path_of(info.name), either, new, files=files)))
        except BackupError as error:
            failed.append((info.id, error.message))
    return done, failed
