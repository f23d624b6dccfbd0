"""MigrationBackupManager: makes, finds, checks, restores and gives up the backups of one database."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from sodaf_migrate.backup import catalogue
from sodaf_migrate.backup.check import Found, check_chain, is_sound, locked_out
from sodaf_migrate.backup.describe import described
from sodaf_migrate.backup.files import FileOps
from sodaf_migrate.backup.holder import KeyHolder
from sodaf_migrate.backup.home import Home
from sodaf_migrate.backup.info import BackupInfo, Pruned, Rebuilt, RestoreResult, Rotated, VerifyResult
from sodaf_migrate.backup.keys import KeyRing
from sodaf_migrate.backup.listing import database_ids, differences, found, heads_in, listed
from sodaf_migrate.backup.making import Workshop, opened_chain
from sodaf_migrate.backup.rehearsal import rehearse
from sodaf_migrate.backup.restoring import Restoring
from sodaf_migrate.backup.retention import chain_of, decide
from sodaf_migrate.backup.rotation import rotate_files
from sodaf_migrate.backup.snapshot import Snapshot, ordinary_table, second_look
from sodaf_migrate.backup.store import BackupStore
from sodaf_migrate.backup.subjects import Names, Subject, about_of, columns_of, marks_of
from sodaf_migrate.errors import ConfigurationError, MigrationError
from sodaf_migrate.events import CancelToken, Listener, Teller, silent
from sodaf_migrate.history.chain import Head, Problem
from sodaf_migrate.options import BackupOptions, PruneOptions
from sodaf_migrate.permissions import Action, MigrationPermissions
from sodaf_migrate.plan import Loss, Plan
from sodaf_migrate.wire.connection import OnConnect, Wire
from sodaf_migrate.wire.open import Target

if TYPE_CHECKING:
    from sodaf_migrate.doctype.engine import DocTypeEngine

__all__ = ["MigrationBackupManager"]

logger = logging.getLogger("sodaf_migrate")


class MigrationBackupManager:
    """The backups of one database: a ``Wire``, or what ``open_wire`` takes, which is then opened for each call.

    Looking writes nothing. Whatever is written is encrypted (unless ``options.encrypt`` is False), on disk, and read
    back before it counts. ``permissions`` are asked before anything is opened. ``engine`` knows the DocTypes whose
    table has a name of its own; any table may be given by its name. Raises BackupError and its kin; ConfigurationError
    without a place for the store; MigrationPermissionError.
    """

    def __init__(
        self,
        source: Wire | Target,
        options: BackupOptions | None = None,
        *,
        ring: KeyRing | None = None,
        listener: Listener = silent,
        on_connect: OnConnect | None = None,
        permissions: MigrationPermissions = MigrationPermissions(),  # noqa: B008 - a frozen value
        cancel: CancelToken | None = None,
        files: FileOps | None = None,
        engine: DocTypeEngine | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.options = options or BackupOptions()
        self.listener: Listener = Teller.of(listener)
        self.permissions = permissions
        self._home = Home(source, self.options, on_connect)
        self._on_connect = on_connect
        self._cancel = cancel
        self._files = files or FileOps()
        self._names = Names(engine)
        self._clock = clock
        self._keys = KeyHolder(self.options, ring)
        self._store: BackupStore | None = None
        self._database_id = token_hex(16)  # of a database that has no backup yet

    # What it works with.

    @property
    def store(self) -> BackupStore:
        """The folder of the backups: ``options.directory``, else "<database>.backups" beside the database."""
        if self._store is None:
            self._store = BackupStore(self._home.directory(), files=self._files)
        return self._store

    @property
    def ring(self) -> KeyRing:
        """The keys that open backups; those that are not encrypted are read only where the options say so."""
        return self._keys.reading()

    @property
    def key_made(self) -> Path | None:
        """The key file that this manager made because there was no key; a copy of it should be kept elsewhere."""
        return self._keys.made

    # Making.

    def create_backup(self, doctype: str | None = None, *, type: str = "FULL") -> BackupInfo:
        """Makes a backup of one DocType's table, or without one of the whole database, and puts it on record.

        ``type`` is FULL, SCHEMA, or INCREMENTAL: what changed since the newest good backup of the same, a FULL one
        where nothing can be built on (``told`` says why). Raises BackupError and its kin, DatabaseError.
        """
        self._may("backup", doctype)
        if type not in ("FULL", "SCHEMA", "INCREMENTAL"):
            raise ConfigurationError(
                f'"{type}" is no type of backup that can be made so',
                hint="Use FULL, INCREMENTAL or SCHEMA; create_column_backup() makes a COLUMN one.",
            )

        def make(workshop: Workshop, snapshot: Snapshot) -> BackupInfo:
            subject = self._names.subject(snapshot.wire, doctype)
            if type == "SCHEMA":
                return workshop.schema(snapshot, subject)
            if type == "INCREMENTAL":
                return workshop.incremental(snapshot, subject, self._listed())
            return workshop.full(snapshot, subject)

        return self._on_demand(make)

    def create_column_backup(self, doctype: str, columns: Sequence[str]) -> BackupInfo:
        """Makes a backup of some columns of a DocType's table, with the key of each row, and puts it on record.

        Raises BackupError for a column that is not there, and what ``create_backup`` raises.
        """
        self._may("backup", doctype)

        def make(workshop: Workshop, snapshot: Snapshot) -> BackupInfo:
            subject = self._names.subject(snapshot.wire, doctype)
            table = ordinary_table(snapshot.wire, str(subject.table))
            return workshop.losses(snapshot, subject, [columns_of(table, columns)])

        return self._on_demand(make)

    def before_change(self, wire: Wire, plan: Plan, migration_id: str, *, reason: str = "") -> tuple[BackupInfo, ...]:
        """The backups without which ``plan`` may not begin, on disk and read back; () where it loses nothing.

        To be called with nothing written yet on ``wire``, which holds the write lock, or whose caller sees to it that
        nobody commits until it does: a second connection sees the state that the plan starts from. The caller puts
        each on record with ``note`` in the migration's own transaction. Raises BackupError and its kin: then nothing
        may be changed.
        """
        self._may("backup", plan.doctype)
        losses = [loss for step in plan.steps for loss in step.losses]
        if not losses:
            return ()
        ring = self._keys.writing(self.store)
        with (
            self.store.writing(timeout=self.options.lock_timeout),
            self._workshop(wire, ring) as workshop,
            second_look(wire) as snapshot,
        ):
            made_for: dict[str, Any] = {"migration_id": migration_id, "reason": reason}
            about = about_of(snapshot.wire)
            subject = Subject(doctype=plan.doctype, table=losses[0].table, about=about, **made_for)
            return (workshop.losses(snapshot, subject, losses),)

    def discard(self, infos: Iterable[BackupInfo]) -> None:
        """Takes away the files of backups made for a change that was not made. A file that stays is logged, no more."""
        for info in infos:
            try:
                with self.store.writing(timeout=self.options.lock_timeout):
                    self.store.delete(info.name)
            except MigrationError as error:
                logger.warning("%s is not needed and could not be deleted: %s", info.path, error)

    def _on_demand(self, make: Callable[[Workshop, Snapshot], BackupInfo]) -> BackupInfo:
        ring = self._keys.writing(self.store)
        self._home.wake()
        with self.store.writing(timeout=self.options.lock_timeout):
            with self._home.reading() as wire, self._workshop(wire, ring) as workshop, second_look(wire) as snapshot:
                info = make(workshop, snapshot)
            # Still with the store in hand: nobody's retention sees a file that nothing tells about.
            with self._home.writing() as wire:
                catalogue.add_row(wire, info)
        return info

    @contextmanager
    def _workshop(self, wire: Wire, ring: KeyRing, store: BackupStore | None = None) -> Iterator[Workshop]:
        store = store or self.store
        with wire.watch.limit(self.options.timeout, self._cancel):
            now = self._clock()
            how: dict[str, Any] = {"options": self.options, "listener": self.listener, "check": wire.watch.check}
            yield Workshop(store=store, ring=ring, now=now, marks=marks_of(wire, now, self._database_id), **how)

    # Looking.

    def list_backups(self, doctype: str | None = None) -> tuple[BackupInfo, ...]:
        """The backups of one DocType or all, oldest first: those in the catalogue, and files that it does not list."""
        self._may("view_history", doctype)
        names = self._names.all_of(doctype or "")
        return tuple(info for info in self._listed() if doctype is None or info.doctype in names)

    def find(self, backup_id: str) -> BackupInfo:
        """The backup with the id, the beginning of an id, or the file ``backup_id``. Raises UnknownBackupError."""
        return self._found(backup_id, "view_history", self._listed())

    def inspect(self, backup_id: str) -> BackupInfo:
        """One backup as its file describes itself; needs no key. Raises UnknownBackupError, BackupDamagedError."""
        info = self.find(backup_id)
        return replace(described(self.store, info.name), state=info.state)

    def verify_backup(self, backup_id: str, *, level: int = 1) -> VerifyResult:
        """Checks one backup with all that it is built on; what is wrong is in the result, named by file.

        ``level`` 0 compares each file's hash with the catalogue and needs no key, 1 also opens every chunk, 2 also
        restores it into a scratch database and compares. Raises BackupKeyMissingError, UnknownBackupError.
        """
        if level not in (0, 1, 2):
            raise ConfigurationError(f'"{level}" is no level of a check', hint="Levels are 0, 1 and 2.")
        started = time.monotonic()
        infos = self._listed()
        info = self._found(backup_id, "view_history", infos)
        chain = chain_of(info, infos)
        check = check_chain(chain, self.store, self.ring if level else None, self.listener)
        if level == 2 and not check.problems:
            self._rehearse(chain, check)
        return check.result(chain, level, time.monotonic() - started)

    def _rehearse(self, chain: Sequence[BackupInfo], check: Found) -> None:
        with self.store.reading(timeout=self.options.lock_timeout), opened_chain(chain, self.store, self.ring) as links:
            rehearse(links, self.store.scratch, check, self._on_connect)

    # Going back.

    def restore_from_backup(
        self,
        backup_id: str,
        *,
        into: str | None = None,
        database: str | os.PathLike[str] | None = None,
        exact: bool = False,
        allow_orphans: bool = False,
        dry_run: bool = False,
    ) -> RestoreResult:
        """Puts a backup back in one transaction; with ``dry_run`` it counts and changes nothing.

        The rows go where they came from, or into the table ``into``, which is made where it is not there; from a
        backup of the whole database ``into`` takes that one table. ``database`` is the file of another database (of a
        whole one, a new file). Rows that the backup does not have stay unless ``exact``. What is overwritten or deleted
        is backed up first (``safety_backup``). Raises BackupError and its kin, ConstraintError, DatabaseError:
        nothing was changed then.
        """
        self.permissions.require("restore")
        if database is None and not dry_run:
            self._home.wake()
        infos = self._listed()
        chain = chain_of(self._found(backup_id, "restore", infos), infos)
        if into is not None:
            self._may("restore", into)
        with self.store.reading(timeout=self.options.lock_timeout), opened_chain(chain, self.store, self.ring) as links:
            restoring = Restoring(
                info=chain[-1],
                links=links,
                folder=self.store.scratch,
                table=into,
                exact=exact,
                allow_orphans=allow_orphans,
                dry_run=dry_run,
                keep=partial(self._kept, f"before restore of {chain[-1].id[:12]}"),
                note=catalogue.note,
                listener=self.listener,
            )
            if database is None:
                return self._restored(restoring, infos)
            if restoring.info.scope == "database" and into is None:
                return restoring.into_file(Path(database), self._files)
            with self._home.other(database, look=dry_run, encoding=restoring.encoding, files=self._files) as wire:
                return restoring.into(wire, live=False)

    def _restored(self, restoring: Restoring, infos: Sequence[BackupInfo]) -> RestoreResult:
        with self._home.live(readonly=False) as wire, wire.watch.limit(None, self._cancel):
            result = restoring.into(wire, live=True)
        if result.whole and not result.dry_run:
            own = database_ids([restoring.info, *(info for info in infos if info.state != "unlisted")])
            self._rebuilt(dry_run=False, own=own)  # the one that came back knows nothing of later backups
        return result

    def _kept(self, reason: str, snapshot: Snapshot, table: str | None, losses: Sequence[Loss]) -> BackupInfo:
        """The backup of what a restore is about to overwrite: a table, the whole database, or some columns.

        Where the store can only be read it goes into the one beside the database.
        """
        store = self.store if self.store.is_writable else BackupStore(self._home.beside(), files=self._files)
        subject = self._names.subject(snapshot.wire, table, reason=reason)
        with (
            store.writing(timeout=self.options.lock_timeout),
            self._workshop(snapshot.wire, self._keys.writing(self.store), store) as workshop,
        ):
            return workshop.losses(snapshot, subject, losses) if losses else workshop.full(snapshot, subject)

    # Giving up.

    def prune(self, limits: PruneOptions, *, dry_run: bool = False) -> Pruned:
        """Deletes what is over a limit, and tells why the rest stays; with ``dry_run`` it deletes nothing.

        Never the newest good backup of a table or of the database, never what an applied migration needs to go back,
        never a part of a chain alone, never what another database may have made.
        """
        self._may("backup", None)
        good = partial(is_sound, store=self.store, ring=self.ring, listener=self.listener)
        while True:
            infos, statuses = known = self._known()  # this reads files, so nobody is kept waiting meanwhile
            decision = decide(infos, limits, now=self._clock(), statuses=statuses, good=good)
            pruned = Pruned(dry_run=dry_run, deleted=decision.delete, kept=decision.keep)
            if dry_run:
                return pruned
            with ExitStack() as held:
                # Off the record first: a stop here leaves files without a row, which the next look shows, and never a
                # row that promises a file which is gone.
                with self._home.writing_alone(self.store, held) as wire:
                    if self._known() != known:
                        continue  # somebody made a backup or went back meanwhile: that may need one of these
                    catalogue.remove_rows(wire, [info.id for info in pruned.deleted])
                for info in pruned.deleted:
                    self.store.delete(info.name)
            return pruned

    def cleanup_old_backups(self, days: float = 30, *, dry_run: bool = False) -> Pruned:
        """``prune`` by age alone."""
        return self.prune(PruneOptions(max_age=days), dry_run=dry_run)

    def _known(self) -> tuple[list[BackupInfo], Mapping[str, str]]:
        infos = [info for info in self._listed() if info.state != "missing"]
        with self._home.reading() as wire:
            return infos, catalogue.statuses(wire)

    # The catalogue and the keys.

    def note(self, wire: Wire, info: BackupInfo) -> None:
        """Writes the catalogue's row of a backup within the caller's transaction."""
        self._may("backup", info.doctype or None)
        catalogue.note(wire, info)

    def rebuild_catalogue(self, *, dry_run: bool = False) -> Rebuilt:
        """Makes the catalogue what the files of the store say; with ``dry_run`` it only tells the difference."""
        self._may("view_history" if dry_run else "backup", None)
        return self._rebuilt(dry_run=dry_run)

    def _rebuilt(self, *, dry_run: bool, own: Collection[str] = ()) -> Rebuilt:
        with self._home.reading() as wire:
            rebuilt, files = differences(wire, self.store, own)
        if not dry_run:
            with self._home.writing() as wire:
                catalogue.replace_rows(wire, files)
        return replace(rebuilt, dry_run=dry_run)

    def history_heads(self, newest: int = 8) -> tuple[tuple[Head, ...], tuple[Problem, ...]]:
        """How far the history went by the public parts of the newest backups' files, and those that cannot be read."""
        self._may("view_history", None)
        return heads_in([info for info in self._listed() if info.state != "missing"][-newest:], self.store)

    def locked_backups(self) -> tuple[tuple[BackupInfo, str], ...]:
        """The backups that the ring does not open, each with the reason; the head of each file is read."""
        self._may("view_history", None)
        return locked_out([info for info in self._listed() if info.state != "missing"], self.store, self.ring)

    def rotate_keys(self, new: KeyRing, *, key_file: str | None = None) -> Rotated:
        """Locks every backup with the writing keys of ``new`` instead; what they hold is not written again.

        The present ring still has to open them. One that cannot be rotated stays as it is and is in ``failed``; a call
        that was cut short is simply made again.
        """
        self._may("backup", None)
        with self.store.alone(timeout=self.options.lock_timeout):
            infos = [info for info in self._listed() if info.encrypted and info.state != "missing"]
            done, failed = rotate_files(infos, self.store, self.ring, new, self.listener, self._files)
        with self._home.writing() as wire:
            for info in done:
                catalogue.change_size(wire, info)
        rotated = tuple(info.id for info in done)
        return Rotated(key=new.keys[0].id, rotated=rotated, failed=tuple(failed), key_file=key_file)

    # How.

    def _may(self, action: Action, doctype: str | None) -> None:
        """Raises MigrationPermissionError unless it is allowed on the DocType (or table), or the whole database."""
        subject = () if doctype is None else (self._names.doctype_of(doctype),)
        self.permissions.require(action, subject, whole=doctype is None)

    def _found(self, backup_id: str, action: Action, infos: Sequence[BackupInfo]) -> BackupInfo:
        self.permissions.require(action)
        info = found(backup_id, infos)
        self._may(action, None if info.scope == "database" else info.doctype)
        return info

    def _listed(self) -> tuple[BackupInfo, ...]:
        with self._home.reading() as wire:
            return listed(wire, self.store)
