"""From a backup's file to what the catalogue says of it: everything comes from the public part and the file itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sodaf_migrate.backup.container import outline
from sodaf_migrate.backup.info import BackupInfo
from sodaf_migrate.backup.prologue import UNENCRYPTED_ALGORITHM, Prologue
from sodaf_migrate.backup.store import BackupStore, hash_of
from sodaf_migrate.errors import BackupDamagedError

__all__ = ["MIGRATION", "REASON", "RECORDS", "created_of", "described"]

#: The names in ``about`` of what the catalogue has columns for.
MIGRATION, REASON, RECORDS = "migration", "reason", "records"


def described(store: BackupStore, name: str, *, checksum: str | None = None) -> BackupInfo:
    """The backup in a file of the store, without its key; ``checksum`` saves reading the file when it is known.

    Raises BackupDamagedError for a file that is no backup, or another one than the id in its name says. A name that
    somebody gave it by hand says nothing.
    """
    path = store.path_of(name)
    prologue = outline(path).prologue  # walks to its end: a file that was cut is told here
    created_of(prologue)
    if store.id_in(name) not in (None, prologue.id):
        raise BackupDamagedError(
            f'The backup in "{name}" says of itself that it is another one ("{prologue.id}", {prologue.type})',
            hint="Somebody renamed it: give it back the name it had, or take it out of the store.",
        )
    about = prologue.about
    return BackupInfo(
        id=prologue.id,
        doctype=prologue.doctype or "",
        type=prologue.type,
        scope=prologue.scope,
        created_at=prologue.created,
        path=str(path),
        size=store.size_of(name) or 0,
        checksum=hash_of(path) if checksum is None else checksum,
        record_count=_whole(about, RECORDS),
        compressed=prologue.comp == "zstd",
        encrypted=prologue.alg != UNENCRYPTED_ALGORITHM,
        parent=prologue.parent.id if prologue.parent else None,
        migration_id=_text(about, MIGRATION),
        about=about,
    )


def created_of(prologue: Prologue) -> datetime:
    """When the backup was made. Raises BackupDamagedError for a time that there is not."""
    try:
        return datetime.fromisoformat(prologue.created)
    except ValueError as error:
        raise BackupDamagedError(
            f'The backup says that it was made at "{prologue.created}"', hint="Take another copy of the backup."
        ) from error


def _whole(about: Mapping[str, Any], name: str) -> int | None:
    value = about.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 else None


def _text(about: Mapping[str, Any], name: str) -> str | None:
    value = about.get(name)
    return value if isinstance(value, str) else None
