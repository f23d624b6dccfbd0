"""The catalogue and the files side by side: which backups there are, and where the two do not agree."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from sodaf_migrate.backup import catalogue
from sodaf_migrate.backup.describe import described
from sodaf_migrate.backup.info import BackupInfo, Rebuilt
from sodaf_migrate.backup.store import SUFFIX, BackupStore
from sodaf_migrate.errors import BackupError, UnknownBackupError
from sodaf_migrate.history.chain import Head, Problem
from sodaf_migrate.wire.connection import Wire

__all__ = ["database_ids", "differences", "found", "heads_in", "listed", "unreadable"]

logger = logging.getLogger("sodaf_migrate")

_LEAST_PREFIX = 4


def listed(wire: Wire, store: BackupStore) -> tuple[BackupInfo, ...]:
    """Every backup that the catalogue or a file tells of, oldest first, each once and with its state.

    The file of a row is found by the id in its name, or in itself where somebody gave it another name: what the row
    says of that is not followed. A file that the catalogue does not list has no checksum: there is nothing that it
    could be compared with.
    """
    rows = {info.id: info for info in catalogue.rows(wire, store.directory)}
    places = {id: name for name in store.names() if (id := store.id_in(name)) in rows}
    unlisted: dict[str, BackupInfo] = {}
    for name in store.names():
        if store.id_in(name) not in rows and (info := _described(store, name)) is not None:
            if info.id not in rows:
                unlisted.setdefault(info.id, info)
            else:
                places.setdefault(info.id, name)
    seen = (_seen(info, store, places.get(info.id, info.name)) for info in rows.values())
    return tuple(sorted((*seen, *unlisted.values()), key=lambda info: (info.order, info.id)))


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
    """The one of ``infos`` whose id is, or alone begins with, ``backup_id``, or whose file has that name or path.

    Raises UnknownBackupError.
    """
    if backup_id.endswith(SUFFIX):
        return _at(backup_id, infos)
    exact = [info for info in infos if info.id == backup_id]
    near = [info for info in infos if len(backup_id) >= _LEAST_PREFIX and info.id.startswith(backup_id)]
    if exact or len(near) == 1:
        return (exact or near)[0]
    if near:
        raise UnknownBackupError(
            f'{len(near)} backups have ids that begin with "{backup_id}"', hint="Give more of the id."
        )
    raise UnknownBackupError(f'There is no backup "{backup_id}"', hint="Ids are in the last column of `backup list`.")


def _at(path: str, infos: Sequence[BackupInfo]) -> BackupInfo:
    for info in infos:
        if path == info.name or os.path.realpath(path) == os.path.realpath(info.path):
            return info
    raise UnknownBackupError(
        f'"{path}" is no backup in the store',
        hint="Name the folder that it lies in with --store, or copy it into the store.",
    )


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


def differences(wire: Wire, store: BackupStore, own: Collection[str] = ()) -> tuple[Rebuilt, tuple[BackupInfo, ...]]:
    """(What sets the catalogue apart from the files, what the files of this database say); each is read to its end.

    ``own`` are ids of the database beside those that the catalogue tells.
    """
    rows = {info.id: info for info in catalogue.rows(wire, store.directory)}
    files: dict[str, BackupInfo] = {}
    unreadable: list[tuple[str, str]] = []
    for name in store.names():
        try:
            info = described(store, name)
            files.setdefault(info.id, info)
        except BackupError as error:
            unreadable.append((name, error.message))
    theirs = _strangers(wire, rows, files, own)
    ours = {id: info for id, info in files.items() if id not in theirs}
    rebuilt = Rebuilt(
        dry_run=True,
        total=len(ours),
        added=tuple(info for id, info in ours.items() if id not in rows),
        removed=tuple(info for id, info in rows.items() if id not in files),
        changed=tuple(info for id, info in ours.items() if id in rows and rows[id] != info),
        unreadable=tuple(unreadable),
        strangers=tuple(theirs.values()),
    )
    return rebuilt, tuple(sorted(ours.values(), key=lambda info: (info.order, info.id)))


def database_ids(infos: Iterable[BackupInfo]) -> set[str]:
    """The databases that these backups tell to be of."""
    return {id for info in infos if (id := info.database_id)}


def _strangers(
    wire: Wire, rows: Mapping[str, BackupInfo], files: Mapping[str, BackupInfo], own: Collection[str]
) -> dict[str, BackupInfo]:
    """The backups of other databases: those with another id; of those without any, those with another name.

    A database of which no backup is on record has the id that the files tell of one with its name, or else of any,
    where that is but one.
    """
    name = wire.path.name if wire.path is not None else ":memory:"
    ids = {*own, *database_ids(rows.values())}
    if not ids:
        told = [(info.about.get("database") == name, info.database_id) for info in files.values() if info.database_id]
        ids = {id for named, id in told if named} or {id for _, id in told}
        ids = ids if len(ids) == 1 else set()
    return {
        id: info
        for id, info in files.items()
        if id not in rows
        and (info.database_id not in ids if info.database_id else info.about.get("database") not in (name, None))
    }


def _described(store: BackupStore, name: str) -> BackupInfo | None:
    try:
        return replace(described(store, name, checksum=""), state="unlisted")
    except BackupError as error:
        logger.warning("%s in the backup store is not listed: %s", name, error)
        return None


def _seen(info: BackupInfo, store: BackupStore, name: str) -> BackupInfo:
    """A backup on record with the state and size of its file, which has another one since its keys were changed."""
    size = store.size_of(name)
    if size is None:
        return replace(info, state="missing")
    info = replace(info, path=str(store.path_for(name)))
    try:
        if size != info.size:
            info = replace(info, size=described(store, name, checksum=info.checksum).size)
    except BackupError:
        return replace(info, state="changed")
    return replace(info, state="stored")
