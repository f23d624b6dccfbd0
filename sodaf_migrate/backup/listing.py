"""The catalogue and the files side by side: which backups there are, and where the two do not agree."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sodaf_migrate.backup import catalogue
from sodaf_migrate.backup.describe import described
from sodaf_migrate.backup.info import BackupInfo, Rebuilt
from sodaf_migrate.backup.store import BackupStore
from sodaf_migrate.errors import BackupError, UnknownBackupError
from sodaf_migrate.history.chain import Head, Problem
from sodaf_migrate.wire.connection import Wire

__all__ = ["differences", "found", "heads_in", "listed", "unreadable"]

logger = logging.getLogger("sodaf_migrate")

_LEAST_PREFIX = 4


def listed(wire: Wire, store: BackupStore) -> tuple[BackupInfo, ...]:
    """Every backup that the catalogue or a file tells of, oldest first, each with its state.

    A file that the catalogue does not list has no checksum: there is nothing that it could be compared with.
    """
    rows = catalogue.rows(wire, store.directory)
    found = [_seen(info, store) for info in rows]
    names = {info.name for info in rows}
    for name in store.names():
        if name not in names:
            try:
                found.append(replace(described(store, name, checksum=""), state="unlisted"))
            except BackupError as error:
                logger.warning("%s in the backup store is not listed: %s", name, error)
    return tuple(sorted(found, key=lambda info: (info.created_at, info.id)))


def unreadable(store: BackupStore, infos: Sequence[BackupInfo]) -> tuple[tuple[str, str], ...]:
    """(File name, why) of the files of the store that ``infos`` leaves out, for no row can be made of them."""
    named, faults = {info.name for info in infos}, []
    for name in store.names():
        if name not in named:
            try:
                described(store, name, checksum="")
            except BackupError as error:
                faults.append((name, error.message))
    return tuple(faults)


def found(backup_id: str, infos: Sequence[BackupInfo]) -> BackupInfo:
    """The one of ``infos`` whose id is, or alone begins with, ``backup_id``. Raises UnknownBackupError."""
    exact = [info for info in infos if info.id == backup_id]
    near = [info for info in infos if len(backup_id) >= _LEAST_PREFIX and info.id.startswith(backup_id)]
    if exact or len(near) == 1:
        return (exact or near)[0]
    if near:
        raise UnknownBackupError(
            f'{len(near)} backups have ids that begin with "{backup_id}"', hint="Give more of the id."
        )
    raise UnknownBackupError(f'There is no backup "{backup_id}"', hint="Ids are in the last column of `backup list`.")


def heads_in(infos: Sequence[BackupInfo], store: BackupStore) -> tuple[tuple[Head, ...], tuple[Problem, ...]]:
    """How far the history went when each backup was made, as its file tells; a problem for each that cannot be read."""
    heads, unread = [], []
    for info in infos:
        try:
            told = described(store, info.name, checksum=info.checksum).about.get("history")
            source = f"the backup {info.id[:12]}"
            if isinstance(told, Mapping):
                heads.append(Head(int(told["count"]), str(told["hash"]), source))
        except (BackupError, KeyError, TypeError, ValueError) as error:
            said = f'What the backup "{info.id}" tells of the history cannot be read: {error}'
            unread.append(Problem("unread", info.id, said))
    return tuple(heads), tuple(unread)


def differences(wire: Wire, store: BackupStore) -> tuple[Rebuilt, tuple[BackupInfo, ...]]:
    """(What sets the catalogue apart from the files, what the files say); every file is read to its end."""
    rows = {info.id: info for info in catalogue.rows_if_readable(wire, store.directory)}
    files: dict[str, BackupInfo] = {}
    unreadable: list[tuple[str, str]] = []
    for name in store.names():
        try:
            info = described(store, name)
            files[info.id] = info
        except BackupError as error:
            unreadable.append((name, error.message))
    rebuilt = Rebuilt(
        dry_run=True,
        total=len(files),
        added=tuple(info for id, info in files.items() if id not in rows),
        removed=tuple(info for id, info in rows.items() if id not in files),
        changed=tuple(info for id, info in files.items() if id in rows and rows[id] != info),
        unreadable=tuple(unreadable),
    )
    return rebuilt, tuple(files.values())


def _seen(info: BackupInfo, store: BackupStore) -> BackupInfo:
    """A backup on record with the state and size of its file, which has another one since its keys were changed."""
    size = store.size_of(info.name)
    if size is None:
        return replace(info, state="missing")
    try:
        if size != info.size:
            info = replace(info, size=described(store, info.name, checksum=info.checksum).size)
    except BackupError:
        return replace(info, state="changed")
    return replace(info, state="stored")
