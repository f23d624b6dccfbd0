"""The health of a site: every part of it looked at, each with what was found and what to do. Nothing is written."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sodaf_migrate.applier.applier import MigrationApplier
from sodaf_migrate.backup.files import STALE
from sodaf_migrate.backup.info import BackupInfo
from sodaf_migrate.backup.manager import MigrationBackupManager
from sodaf_migrate.errors import MigrationError
from sodaf_migrate.history.record import MigrationRecord
from sodaf_migrate.plan import Finding, Severity
from sodaf_migrate.wire.connection import Wire
from sodaf_migrate.wire.holders import holders
from sodaf_migrate.wire.open import is_new, look_wire

__all__ = ["Checkup", "checkup"]

_FRESH = 3600  # seconds: a temporary file younger than this may belong to somebody at work


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """What the parts of a site look like: at least one finding of each part, INFO where it is well."""

    database: str
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing has to be done."""
        return all(finding.severity is Severity.INFO for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """The outcome as plain values."""
        names = ("code", "target", "message", "hint")
        findings = [
            {"severity": found.severity.value, **{name: getattr(found, name) for name in names}}
            for found in self.findings
        ]
        return {"database": self.database, "ok": self.ok, "findings": findings}


def checkup(
    applier: MigrationApplier, *, definitions: MigrationError | None = None, lock_timeout: float = 30.0
) -> Checkup:
    """Look at every part of a site; ``definitions`` is the error of definitions that could not be loaded.

    Each part waits ``lock_timeout`` seconds at most for who holds a lock.

    What one part raises is its finding, and the others are looked at all the same. Raises MigrationPermissionError for
    who may not look at the whole history.
    """
    applier.permissions.require("view_history", whole=True)
    found: list[Finding] = []
    for code, part in [_PARTS[0], _PARTS[-1]] if is_new(applier.target) else _PARTS:
        if part is _status and definitions is not None:
            found.append(_of_error("DOCTOR_DEFINITIONS", definitions))
            continue
        try:
            found += part(applier, lock_timeout)
        except MigrationError as error:
            found.append(_of_error(code, error))
            if part is _database:
                break  # without a database there is nothing more to look at
    return Checkup(database=str(applier.target), findings=_once(found))


def _once(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Each message where it was said first: a key that cannot be read is in the way of more than one part."""
    said: dict[str, Finding] = {}
    for finding in found:
        said.setdefault(finding.message, finding)
    return tuple(said.values())


def _of_error(code: str, error: MigrationError) -> Finding:
    problems = [said for problem in getattr(error, "problems", ()) if (said := str(problem)) not in error.message]
    message = "; ".join([error.message, *problems[:3]]) + (f" and {len(problems) - 3} more" if problems[3:] else "")
    return _bad(code, message, error.hint or "")


def _well(code: str, message: str, hint: str = "") -> Finding:
    return Finding(code=code, severity=Severity.INFO, target="site", message=message, hint=hint)


def _warn(code: str, message: str, hint: str) -> Finding:
    return Finding(code=code, severity=Severity.WARNING, target="site", message=message, hint=hint)


def _bad(code: str, message: str, hint: str) -> Finding:
    return Finding(code=code, severity=Severity.ERROR, target="site", message=message, hint=hint)


def _database(applier: MigrationApplier, lock_timeout: float) -> Iterator[Finding]:
    """The database: opened and read, its journal mode, whether it can be written, room on its disk, who holds locks."""
    yield _well("DOCTOR_SQLITE", f"SQLite {sqlite3.sqlite_version}")
    with look_wire(applier.target, on_connect=applier.on_connect, lock_timeout=lock_timeout) as wire:
        path = wire.path
        if path is None:
            yield _warn("DOCTOR_DATABASE", f'there is no database "{applier.target}" yet', "`sync` creates it.")
            return
        mode, bytes_ = wire.value("PRAGMA main.journal_mode"), _bytes_of(wire)
        yield _well("DOCTOR_DATABASE", f"{path} can be read: {_size(bytes_)}, journal mode {mode}")
    for place, what in ((path, "file"), (path.parent, "folder")):
        if not os.access(place, os.W_OK):
            hint = f"Give this user write permission on the {what}; SQLite needs the folder for its journal."
            yield _bad("DOCTOR_DATABASE", f'"{place}" is read-only for this user, so nothing can be migrated', hint)
    free = shutil.disk_usage(path.parent).free
    if free < 2 * bytes_:
        hint = "Free some: copying a table needs about its size again, in WAL mode twice, and its backup some more."
        yield _warn("DOCTOR_DISK", f"only {_size(free)} are free beside a database of {_size(bytes_)}", hint)
    else:
        yield _well("DOCTOR_DISK", f"{_size(free)} are free")
    busy = holders(path)
    hint = "A migration waits for them up to lock_timeout." if busy else ""
    yield _well("DOCTOR_LOCKS", f"locks are held by {', '.join(busy)}" if busy else "nobody holds a lock", hint)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _size(count: int) -> str:
    return (
        f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB" if count >= 1e5 else f"{count:,} bytes"
    )


def _bytes_of(wire: Wire) -> int:
    return int(wire.value("PRAGMA main.page_count")) * int(wire.value("PRAGMA main.page_size"))


def _keys(applier: MigrationApplier, lock_timeout: float) -> Iterator[Finding]:
    """The keys: there, closed to others, and fit for the newest backup."""
    backups = applier.backups
    ring, kept = backups.ring, [info for info in _stored(backups) if info.encrypted]
    if not ring.keys:
        if kept:
            hint = "Bring the key back: `keys show-path` tells where it is looked for. Nobody can read them without it."
            yield _bad("DOCTOR_KEYS", f"there is no key, and {_counted(len(kept), 'backup')} cannot be opened", hint)
        else:
            yield _well("DOCTOR_KEYS", "there is no key yet", "The first backup makes one; keep a copy elsewhere.")
        return
    locked = dict(backups.locked_backups())
    shut = [info for info in kept if info in locked]
    if kept and kept[-1] in locked:
        yield _bad("DOCTOR_KEYS", f"the newest backup cannot be opened: {locked[kept[-1]]}", "See `keys check`.")
    elif shut:
        hint = "`keys check` names them: an older key, or another copy of the file, may open them."
        yield _warn("DOCTOR_KEYS", f"{_counted(len(shut), 'older backup')} cannot be opened", hint)
    else:
        verb = "opens" if len(ring.keys) == 1 else "open"
        opened = f" and {verb} {_counted(len(kept), 'backup')}" if kept else ""
        yield _well("DOCTOR_KEYS", f"{_counted(len(ring.keys), 'key')} can be read{opened}")
    if not ring.seals():
        hint = "A key of 32 bytes does (`keys generate`); else write the history's head down elsewhere now and then."
        yield _well("DOCTOR_KEYS", "a passphrase locks backups and seals no history", hint)


def _stored(backups: MigrationBackupManager) -> list[BackupInfo]:
    return [info for info in backups.list_backups() if info.state != "missing"]


def _history(applier: MigrationApplier, lock_timeout: float) -> Iterator[Finding]:
    """The chain of events, the records, and those of work that was never finished."""
    problems = applier.verify_history(lock_timeout=lock_timeout)
    for problem in problems:
        passing = problem.code in ("locked", "unread")
        say = _warn if passing else _bad
        hint = "Give the key that sealed it." if passing else "See `history --verify`, and compare with a backup."
        yield say("DOCTOR_HISTORY", problem.message, hint)
    if not problems:
        yield _well("DOCTOR_HISTORY", "the history is whole")
    for record in _records(applier, lock_timeout):
        if record.status == "running":
            hint = "The next sync of everything finishes or undoes it."
            yield _warn("DOCTOR_LEFTOVERS", f'the migration "{record.id}" of {record.doctype} was never finished', hint)


def _records(applier: MigrationApplier, lock_timeout: float) -> tuple[MigrationRecord, ...]:
    with look_wire(applier.target, on_connect=applier.on_connect, lock_timeout=lock_timeout) as wire:
        return applier.history.on(wire).get_migration_history()


def _backups(applier: MigrationApplier, lock_timeout: float) -> Iterator[Finding]:
    """The backups that applied migrations need to go back: there, and with the hash they had."""
    backups, needed, lost = applier.backups, 0, 0
    made: dict[str, list[BackupInfo]] = {}
    for info in backups.list_backups():
        made.setdefault(str(info.migration_id), []).append(info)
    for record in _in_force(_records(applier, lock_timeout)):
        needed += 1
        for problem in _trouble(backups, record, made.get(record.id, [])):
            lost += 1
            hint = "Put the file back from a copy; until then that migration cannot be rolled back with its data."
            yield _bad("DOCTOR_BACKUPS", problem, hint)
    if not lost:
        yield _well("DOCTOR_BACKUPS", f"the backups of {_counted(needed, 'migration')} that may need one are whole")
    folder = backups.store.directory
    left = [entry for entry in _entries(folder) if entry.name.endswith(STALE) and _is_old(entry)]
    if left:
        hint = "A backup that was cut short left them; the next one clears them away."
        yield _warn("DOCTOR_LEFTOVERS", f'{_counted(len(left), "temporary file")} in "{folder}"', hint)


def _in_force(records: Iterable[MigrationRecord]) -> Iterator[MigrationRecord]:
    return (record for record in records if record.status == "applied" and not record.reverses and record.backup_path)


def _trouble(backups: MigrationBackupManager, record: MigrationRecord, made: list[BackupInfo]) -> Iterator[str]:
    if not made:
        yield f'the backup of the migration "{record.id}" of {record.doctype} is not there'
    for info in made:
        result = backups.verify_backup(info.id, level=0)
        yield from (f'the backup of the migration "{record.id}": {problem}' for problem in result.problems)


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > _FRESH
    except OSError:
        return False  # gone meanwhile


def _status(applier: MigrationApplier, lock_timeout: float) -> Iterator[Finding]:
    """The definitions, beside the tables: what waits, and what was changed by hand."""
    yield _well("DOCTOR_DEFINITIONS", f"{_counted(len(applier.engine), 'definition')} can be read")
    report = applier.status(lock_timeout=lock_timeout)
    for status in report.doctypes:
        if status.error is not None:
            yield _of_error("DOCTOR_STATUS", status.error)
    drifted = [status.doctype for status in report.drifted]
    if drifted:
        hint = "`status` tells what; `adopt` takes it over as it is."
        yield _warn("DOCTOR_STATUS", f"changed by hand since the last migration: {', '.join(drifted)}", hint)
    waiting = [status.doctype for status in report.pending]
    if waiting:
        names = ", ".join(waiting[:6]) + (f" and {len(waiting) - 6} more" if waiting[6:] else "")
        yield _well("DOCTOR_STATUS", f"changes are pending: {names}", "Look at them with `dry-run`, then `sync`.")
    elif not drifted:
        yield _well("DOCTOR_STATUS", "the tables are in step with their definitions")


_PARTS: tuple[tuple[str, Callable[[MigrationApplier, float], Iterable[Finding]]], ...] = (
    ("DOCTOR_DATABASE", _database),
    ("DOCTOR_KEYS", _keys),
    ("DOCTOR_HISTORY", _history),
    ("DOCTOR_BACKUPS", _backups),
    ("DOCTOR_STATUS", _status),
)
