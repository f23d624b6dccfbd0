"""What is known of a backup, and what became of a call that used one: frozen values with ``to_dict()``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

__all__ = [
    "DATABASE_ID",
    "ORDER",
    "BackupInfo",
    "BackupState",
    "Pruned",
    "Rebuilt",
    "RestoreResult",
    "Rotated",
    "VerifyResult",
]

#: The names in ``about`` of what tells databases apart, and which of two backups is the newer one.
DATABASE_ID, ORDER = "database_id", "order"

#: "stored": the file is there and has its size; "missing"; "changed": another size; "unlisted": no catalogue row.
BackupState = Literal["stored", "missing", "changed", "unlisted"]


class _Plain:
    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """The value as JSON has it."""
        return {part.name: _plain(getattr(self, part.name)) for part in fields(self)}  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupInfo(_Plain):
    """One backup as the catalogue and its file's public part describe it; ``size`` is in bytes,
    ``checksum`` the SHA-256 of what the file holds (``store.hash_of``).

    ``migration_id`` is set where the backup was made for a migration; ``about`` is the public part in full, ``told``
    says what a reader should know of how it came about (an incremental one that became a full one, and why).
    """

    id: str
    doctype: str
    type: str  # FULL, COLUMN, SCHEMA or INCREMENTAL
    created_at: str  # UTC, ISO 8601
    path: str
    size: int
    checksum: str
    scope: str = "table"  # "table" or "database"
    record_count: int | None = None
    compressed: bool = True
    encrypted: bool = True
    parent: str | None = None
    migration_id: str | None = None
    about: Mapping[str, Any] = field(default_factory=dict, hash=False)
    state: BackupState = field(default="stored", compare=False)
    told: str = field(default="", compare=False)

    @property
    def name(self) -> str:
        """The name of its file in the store."""
        return Path(self.path).name

    @property
    def reason(self) -> str:
        """What it was made before without being asked for, "before rollback of …"; "" for any other."""
        reason = self.about.get("reason")
        return reason if isinstance(reason, str) else ""

    @property
    def database_id(self) -> str | None:
        """The database that it was made of, wherever that lies by now; None where an older version made it."""
        told = self.about.get(DATABASE_ID)
        return told if isinstance(told, str) else None

    @property
    def order(self) -> int:
        """Larger than that of every backup known when it was made, whatever the clock says: milliseconds since 1970,
        or more. Of one that tells no such number, when it was made."""
        told = self.about.get(ORDER)
        if isinstance(told, int) and not isinstance(told, bool) and 0 <= told < 2**63:
            return told
        return int(datetime.fromisoformat(self.created_at).timestamp() * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyResult(_Plain):
    """What a look at one backup found: ``level`` 0 the file's hash, 1 every chunk, 2 a restore that was compared."""

    id: str
    level: int
    ok: bool
    problems: tuple[str, ...] = ()
    bytes_read: int = 0
    seconds: float = 0.0
    chain: tuple[str, ...] = ()  # the ids that it needs to be restored, oldest first, itself the last
    locked: bool = False  # none of the configured keys opens it, which is no damage
    damaged: bool = False  # something of it, or of what it is built on, is missing or not as it was written


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned(_Plain):
    """What retention deleted, or with ``dry_run`` would delete, and why the rest stays: (backup, reason)."""

    dry_run: bool
    deleted: tuple[BackupInfo, ...] = ()
    kept: tuple[tuple[BackupInfo, str], ...] = ()

    @property
    def freed(self) -> int:
        """Bytes that were, or would be, given back."""
        return sum(info.size for info in self.deleted)

    def to_dict(self) -> dict[str, Any]:
        """The outcome as plain values."""
        kept = [{**info.to_dict(), "reason": reason} for info, reason in self.kept]
        deleted = [info.to_dict() for info in self.deleted]
        return {"dry_run": self.dry_run, "deleted": deleted, "kept": kept, "freed": self.freed}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt(_Plain):
    """What set the catalogue apart from the files; ``unreadable`` are (file name, why) that no row can be made of,
    ``strangers`` backups of another database, which the catalogue does not list."""

    dry_run: bool
    total: int  # backups in the files
    added: tuple[BackupInfo, ...] = ()
    removed: tuple[BackupInfo, ...] = ()
    changed: tuple[BackupInfo, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()
    strangers: tuple[BackupInfo, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated(_Plain):
    """Which backups open with the new key now; ``failed`` are (id, why), and still open with the old one."""

    key: str  # the public name of the key
    rotated: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    key_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreResult(_Plain):
    """What a restore did, or with ``dry_run`` would do; counts are rows.

    ``told`` names, one sentence each, what was considered on the way: columns that are missing, a schema that changed
    since, keys, triggers.
    """

    backup_id: str
    doctype: str
    type: str
    target: str  # the table, or the database file
    dry_run: bool = False
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    kept: int = 0  # not in the backup, and left alone
    conflicts: int = 0  # changed since, and left alone
    whole: bool = False  # the database was replaced, and no rows were counted
    told: tuple[str, ...] = ()
    safety_backup: str | None = None  # the id of the backup made of what was overwritten


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return json.loads(json.dumps(dict(value), default=str))
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.to_dict() if isinstance(value, _Plain) else value
