"""From a chain of opened backups to where they go: the live table, another table, the live database, or another one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sodaf_migrate.backup.chain import attached_payload, blamed
from sodaf_migrate.backup.files import FileOps
from sodaf_migrate.backup.info import BackupInfo, RestoreResult
from sodaf_migrate.backup.originals import Originals
from sodaf_migrate.backup.payload import Link
from sodaf_migrate.backup.restore import RestoreReport, foretold, restore_table
from sodaf_migrate.backup.restore_database import check_fit, one_table, restore_database, restore_into
from sodaf_migrate.backup.scratch import Place
from sodaf_migrate.backup.snapshot import Snapshot, second_look
from sodaf_migrate.errors import BackupError
from sodaf_migrate.events import Listener, Progress
from sodaf_migrate.plan import Loss
from sodaf_migrate.wire.cache import roomy
from sodaf_migrate.wire.connection import Wire

__all__ = ["Restoring"]


class _Undone(Exception):
    """Ends a transaction that was only to be looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoring:
    """One backup on its way back; ``links`` is its chain, opened. ``table`` is where the rows go, None where they were.

    What is there now, and is about to be overwritten or deleted, is backed up first: ``keep`` makes the backup of the
    table (None for all), or of the values of some columns, ``note`` puts it on record.
    """

    info: BackupInfo
    links: Sequence[Link]
    folder: Place
    table: str | None = None
    exact: bool = False
    allow_orphans: bool = False
    dry_run: bool = False
    keep: Callable[[Snapshot, str | None, Sequence[Loss]], BackupInfo]
    note: Callable[[Wire, BackupInfo], None]
    listener: Listener

    @property
    def _manifest(self) -> dict[str, Any]:
        return dict(self.links[-1].source.manifest)

    @property
    def encoding(self) -> str:
        """The encoding of the texts in the database that was backed up."""
        return str(self._manifest["encoding"])

    def into(self, wire: Wire, *, live: bool) -> RestoreResult:
        """Puts the backup into the database on ``wire``; ``live`` says that it is the one it was made of."""
        kind = self._manifest["kind"]
        if kind == "schema":
            raise BackupError(
                f'Backup "{self.info.id}" holds the schema and no row, so there is nothing to restore',
                hint="`backup inspect` shows its statements.",
            )
        if kind == "column":
            with blamed(self.info.id, self.info.id):
                return self._values(wire)
        if self.info.scope == "table" or self.table is not None:
            return self._rows(wire)
        return self._database(wire, live=live)

    def into_file(self, path: Path, files: FileOps) -> RestoreResult:
        """Makes the new database file ``path`` of a whole-database backup. Raises BackupError where it is taken."""
        if self.dry_run and path.exists():
            raise BackupError(f'There is a file "{path}" already', hint="Give a new name.")
        if not self.dry_run:
            restore_database(self.links, path, files=files)
        return self._result(str(path), whole=True)

    def _rows(self, wire: Wire) -> RestoreResult:
        safety: list[BackupInfo] = []

        def before(report: RestoreReport) -> None:
            if report.overwritten or report.removed:
                safety.append(self._kept(wire, report.table))

        how: dict[str, Any] = {"folder": self.folder, "exact": self.exact, "allow_orphans": self.allow_orphans}
        restore = foretold if self.dry_run else partial(restore_table, before=before)
        if self.info.scope == "table":
            return self._told(restore(wire, self.links, table=self.table, **how), *safety)
        assert self.table is not None
        with one_table(self.links, self.table, self.folder) as link:
            return self._told(restore(wire, [link], **how), *safety)

    def _told(self, report: RestoreReport, safety: BackupInfo | None = None) -> RestoreResult:
        told = [f'"{report.table}" is created anew'] * report.created
        told += [
            f'"{report.table}" has no column "{name}", so its values stay in the backup' for name in report.missing
        ]
        told += [f'the backup knows nothing of the column "{name}"' for name in report.added]
        return self._result(
            report.table,
            inserted=report.inserted,
            updated=report.overwritten,
            deleted=report.removed,
            unchanged=report.unchanged,
            kept=report.kept,
            told=(*told, *report.notes),
            safety=safety,
        )

    def _values(self, wire: Wire) -> RestoreResult:
        if self.table is not None or self.exact:
            raise BackupError(
                f'Backup "{self.info.id}" holds values of some columns, which go back where they were',
                hint="Restore it without naming a table.",
            )
        # cache_spill off: what is only looked at is never written to the file, not even to be rolled back.
        spill = {"cache_spill": 0} if self.dry_run else {}
        durable = 2 if str(wire.value("PRAGMA main.journal_mode")).lower() == "wal" else 3
        found: list[RestoreResult] = []
        with (
            attached_payload(wire, self.links[-1], self.folder),
            wire.pragmas(foreign_keys=0, recursive_triggers=0, synchronous=durable, **spill),
        ):
            try:
                with wire.atomic():
                    found.append(self._put_back(wire))
                    if self.dry_run:
                        raise _Undone
            except _Undone:
                pass
        return found[0]

    def _put_back(self, wire: Wire) -> RestoreResult:
        originals = Originals(wire, self._manifest, by_hand=True)
        originals.look()
        originals.begin()
        lost = originals.overwritten if not self.dry_run else ()
        safety = self._kept(wire, lost[0].table, lost) if lost else None
        with roomy(wire):
            originals.put_back()
        returned, notes = originals.report(), originals.notes
        originals.drop()
        if returned.gone:
            notes.append(f"{returned.gone:,} values of the backup have no row, or no column, to go back to any more")
        return self._result(
            ", ".join(dict.fromkeys(part["table"] for part in self._manifest["parts"])),
            inserted=returned.rows,
            updated=returned.values,
            unchanged=returned.unchanged,
            conflicts=returned.conflicts,
            told=tuple(notes),
            safety=safety,
        )

    def _database(self, wire: Wire, *, live: bool) -> RestoreResult:
        told = ["everything that was written since the backup goes, in every table"] if live else []
        if self.dry_run:
            check_fit(wire, self.links[-1])
            return self._result(wire.name, told=tuple(told), whole=True)
        safety: list[BackupInfo] = []

        def before(snapshot: Snapshot) -> None:
            if live:  # not put on record: its row would go with all others
                safety.append(self.keep(snapshot, None, ()))

        restore_into(wire, self.links, folder=self.folder, before=before, told=self._copying)
        return self._result(wire.name, told=tuple(told), safety=next(iter(safety), None), whole=True)

    def _kept(self, wire: Wire, table: str | None, losses: Sequence[Loss] = ()) -> BackupInfo:
        """A backup of what is about to be overwritten; in the transaction, of exactly the locked state."""
        with second_look(wire) as snapshot:
            made = self.keep(snapshot, table, losses)
        self.note(wire, made)
        return made

    def _copying(self, done: int, total: int) -> None:
        self.listener(Progress(phase="restore", subject="the database", done=done, total=total, unit="bytes"))

    def _result(
        self, target: str, *, told: tuple[str, ...] = (), safety: BackupInfo | None = None, **more: Any
    ) -> RestoreResult:
        if safety is not None and (folder := Path(safety.path).parent) != Path(self.info.path).parent:
            told += (f'the store can only be read, so what was there before is backed up in "{folder}"',)
        return RestoreResult(
            backup_id=self.info.id,
            doctype=self.info.doctype,
            type=self.info.type,
            target=target,
            dry_run=self.dry_run,
            told=told,
            safety_backup=safety.id if safety is not None else None,
            **more,
        )
