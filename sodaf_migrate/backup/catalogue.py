"""The table in the database that says which backups there are; the files alone can make it anew."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sodaf_migrate.backup.info import BackupInfo
from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.errors import BackupError, StatementError
from sodaf_migrate.history.tables import CATALOGUE, HISTORY
from sodaf_migrate.wire.connection import Wire

__all__ = [
    "add_row",
    "change_size",
    "newest",
    "note",
    "ready",
    "remove_rows",
    "replace_rows",
    "rows",
    "statuses",
]

logger = logging.getLogger("sodaf_migrate")

# Named with its schema: a TEMP table of the same name must not stand before it.
_TABLE = f"main.{quote(CATALOGUE)}"
_COLUMNS = {
    "id": "TEXT PRIMARY KEY",
    "doctype": "TEXT NOT NULL",
    "type": "TEXT NOT NULL",
    "scope": "TEXT NOT NULL",
    "created_at": "TEXT NOT NULL",
    "name": "TEXT NOT NULL",
    "size": "INTEGER NOT NULL",
    "checksum": "TEXT NOT NULL",
    "record_count": "INTEGER",
    "compressed": "INTEGER NOT NULL",
    "encrypted": "INTEGER NOT NULL",
    "parent": "TEXT",
    "migration_id": "TEXT",
    "about": "TEXT NOT NULL",
}
_NAMES = ", ".join(_COLUMNS)
_NEWEST = 64
_LONGEST = 1 << 20  # of the column "about", in characters; a container's public part has at most 64 KiB


def ready(wire: Wire) -> None:
    """Makes the table where it is missing. Raises BackupError when another table has its name."""
    columns = ",\n  ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())
    wire.run(f"CREATE TABLE IF NOT EXISTS {_TABLE} (\n  {columns}\n)")
    found = {name for (name,) in wire.query("SELECT name FROM pragma_table_info(?, 'main')", (CATALOGUE,))}
    if not _COLUMNS.keys() <= found:
        raise BackupError(
            f'The table "{CATALOGUE}" is not the catalogue of backups that this version keeps',
            hint="Rename that table if it is yours; the catalogue needs its name.",
            details={"missing": sorted(_COLUMNS.keys() - found)},
        )


def rows(wire: Wire, directory: Path) -> tuple[BackupInfo, ...]:
    """The backups on record, oldest first, with paths in ``directory``; none where there is no table.

    A row that cannot be read is logged and left out: its file alone tells of that backup then. Raises BackupError for
    a table of that name that is no catalogue.
    """
    found = _readable(_where_there(wire, f"SELECT {_NAMES} FROM {_TABLE}"), directory)
    return tuple(sorted(found, key=lambda info: (info.order, info.id)))


def newest(wire: Wire) -> tuple[BackupInfo, ...]:
    """Some of the backups on record, those put there last."""
    found = _where_there(wire, f"SELECT {_NAMES} FROM {_TABLE} ORDER BY rowid DESC LIMIT {_NEWEST}")
    return tuple(_readable(found, Path()))


def statuses(wire: Wire) -> dict[str, str]:
    """The status of every migration on record, by id; none where there is no history."""
    return dict(_where_there(wire, f"SELECT id, status FROM {HISTORY}"))


def add_row(wire: Wire, info: BackupInfo) -> None:
    """Adds the row of one backup; one of the same id is replaced."""
    marks = ", ".join("?" * len(_COLUMNS))
    wire.run(f"INSERT OR REPLACE INTO {_TABLE} ({_NAMES}) VALUES ({marks})", _values(info))


def note(wire: Wire, info: BackupInfo) -> None:
    """Adds the row of one backup, and the table where it is missing."""
    ready(wire)
    add_row(wire, info)


def change_size(wire: Wire, info: BackupInfo) -> None:
    """Writes the size of a file whose keys were changed; what it holds, and so its hash, is the same."""
    wire.run(f"UPDATE {_TABLE} SET size = ? WHERE id = ?", (info.size, info.id))


def remove_rows(wire: Wire, ids: Iterable[str]) -> None:
    """Takes backups off the record."""
    for backup_id in ids:
        wire.run(f"DELETE FROM {_TABLE} WHERE id = ?", (backup_id,))


def replace_rows(wire: Wire, infos: Iterable[BackupInfo]) -> None:
    """Makes the catalogue hold exactly ``infos``."""
    ready(wire)
    wire.run(f"DELETE FROM {_TABLE}")
    for info in infos:
        add_row(wire, info)


def _where_there(wire: Wire, sql: str) -> list[tuple[Any, ...]]:
    try:
        return wire.query(sql)
    except StatementError as error:
        reason = str(error.details.get("reason"))
        if reason.startswith("no such table: main."):
            return []
        if reason.startswith("no such column"):
            raise BackupError(
                f"The catalogue of backups cannot be read: {reason}",
                hint="A table of its name is none of ours: rename it, then `backup catalogue --rebuild`.",
            ) from error
        raise


def _values(info: BackupInfo) -> tuple[Any, ...]:
    about = json.dumps(dict(info.about), sort_keys=True, separators=(",", ":"))
    return (
        *(info.id, info.doctype, info.type, info.scope, info.created_at, info.name, info.size, info.checksum),
        *(info.record_count, int(info.compressed), int(info.encrypted), info.parent, info.migration_id, about),
    )


def _readable(rows: Iterable[Sequence[Any]], directory: Path) -> Iterator[BackupInfo]:
    for row in rows:
        try:
            yield _info(row, directory)
        except BackupError as error:
            logger.warning("%s. %s", error.message, error.hint)


def _info(row: Sequence[Any], directory: Path) -> BackupInfo:
    values = dict(zip(_COLUMNS, row, strict=True))
    texts = [values[name] for name in ("id", "doctype", "type", "scope", "created_at", "name", "checksum")]
    about, size = _read(values.pop("about")), values["size"]
    whole = isinstance(size, int) and size >= 0
    if about is None or not whole or not all(isinstance(text, str) for text in texts) or not _is_time(texts[4]):
        raise BackupError(
            f"The catalogue's row of backup {values['id']!r} cannot be read",
            hint="It was altered: `backup catalogue --rebuild` makes the catalogue anew from the files.",
        )
    # The name is only joined here; the store checks it before any file is touched.
    values["path"] = f"{directory}/{values.pop('name')}"
    values |= {name: bool(values[name]) for name in ("compressed", "encrypted")}
    return BackupInfo(**values, about=about)


def _read(text: Any) -> dict[str, Any] | None:
    if not isinstance(text, str) or len(text) > _LONGEST:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
