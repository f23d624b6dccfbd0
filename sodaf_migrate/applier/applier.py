"""MigrationApplier: the front door. Each method reads top to bottom like a story; the parts tell the details."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sodaf_migrate.applier.batch import Batch
from sodaf_migrate.applier.migrations import as_migration, in_full, pending_migrations
from sodaf_migrate.applier.planning import refuse
from sodaf_migrate.applier.preview import dry_run_of
from sodaf_migrate.applier.proving import validated
from sodaf_migrate.applier.rollback import all_back, as_sync, chosen, previewed, taken_back
from sodaf_migrate.applier.scripted import with_scripts
from sodaf_migrate.applier.session import Session
from sodaf_migrate.applier.status import adopted, adopted_schema, status_of
from sodaf_migrate.backup.files import FileOps
from sodaf_migrate.backup.keys import load_ring
from sodaf_migrate.backup.manager import MigrationBackupManager
from sodaf_migrate.desired import SiteRules
from sodaf_migrate.dialects.sqlite.facts import live_columns
from sodaf_migrate.dialects.sqlite.transform import python_functions
from sodaf_migrate.doctype.engine import DocTypeEngine
from sodaf_migrate.errors import ConfigurationError, PlanRefusedError
from sodaf_migrate.events import CancelToken, Listener, Teller, silent
from sodaf_migrate.execute.executor import MigrationExecutor
from sodaf_migrate.history.chain import Problem
from sodaf_migrate.history.manager import MigrationHistoryManager
from sodaf_migrate.history.surroundings import user
from sodaf_migrate.options import BackupOptions, DryRunOptions, RollbackOptions, SyncOptions, function_name
from sodaf_migrate.permissions import MigrationPermissions
from sodaf_migrate.plan import Plan
from sodaf_migrate.results import (
    BatchMigrationResult,
    DryRunResult,
    Migration,
    MigrationHistory,
    MigrationResult,
    StatusReport,
)
from sodaf_migrate.schema.model import ObjectName, Schema
from sodaf_migrate.validate.validator import MigrationValidator
from sodaf_migrate.wire.connection import OnConnect, Wire
from sodaf_migrate.wire.functions import functions
from sodaf_migrate.wire.open import Target, is_new, look_wire, open_wire

__all__ = ["MigrationApplier"]


class MigrationApplier:
    """Brings the tables of one database in step with the definitions of ``engine``.

    ``target`` is a path, a ``sqlite3.Connection`` or a ``sqlite_utils.Database``; ``on_connect`` prepares every
    connection that is opened here with the site's collations and functions. Every method opens the database anew (or
    borrows the caller's connection) and leaves nothing open. ``listener`` is told from one thread at a time; one that
    raises is told no more, and stops nothing. ``cancel`` stops every call, now and later; ``cancel()`` those under way.
    ``backup_options`` say where and how what a change takes away is backed up first; ``permissions`` what the caller
    may do, ``applied_by`` who it is (the user of the operating system unless given); ``files`` writes the backups.
    """

    def __init__(
        self,
        target: Target,
        engine: DocTypeEngine | None = None,
        *,
        listener: Listener = silent,
        on_connect: OnConnect | None = None,
        site_rules: SiteRules | None = None,
        executor: MigrationExecutor | None = None,
        validator: MigrationValidator | None = None,
        cancel: CancelToken | None = None,
        backup_options: BackupOptions | None = None,
        permissions: MigrationPermissions = MigrationPermissions(),  # noqa: B008 - a frozen value
        applied_by: str | None = None,
        files: FileOps | None = None,
    ) -> None:
        self.target = target
        self.engine = engine if engine is not None else DocTypeEngine.from_doctypes([])
        self.listener = Teller.of(listener)
        self.on_connect = on_connect
        self.site_rules = site_rules or SiteRules()
        self.executor = executor or MigrationExecutor(listener=self.listener)
        self.validator = validator or MigrationValidator()
        self.backup_options = backup_options or BackupOptions()
        self.permissions = permissions
        self.applied_by = applied_by
        self._files = files
        self._token = cancel
        self._at_work: list[CancelToken] = []

    def cancel(self) -> None:
        """Stop the calls that are under way in other threads; they raise MigrationCancelledError, all rolled back."""
        for token in tuple(self._at_work):
            token.cancel()

    @property
    def history(self) -> MigrationHistoryManager:
        """The records of this database, opened for each call."""
        self.permissions.require("view_history", whole=True)
        return self._history(self.target, self.applied_by, self.permissions)

    def _history(
        self,
        source: Wire | Target,
        who: str | None,
        permissions: MigrationPermissions = MigrationPermissions(),  # noqa: B008
    ) -> MigrationHistoryManager:
        return MigrationHistoryManager(
            source,
            on_connect=self.on_connect,
            key=lambda: load_ring(self.backup_options.key).seals(),
            permissions=permissions,
            user=lambda: who or user(),
        )

    @property
    def backups(self) -> MigrationBackupManager:
        """The backups of this database, opened for each call."""
        return self._backups(self.target, self.permissions)

    def _backups(self, source: Wire | Target, permissions: MigrationPermissions) -> MigrationBackupManager:
        return MigrationBackupManager(
            source,
            self.backup_options,
            listener=self.listener,
            on_connect=self.on_connect,
            permissions=permissions,
            files=self._files,
            engine=self.engine,
        )

    def _can_back_up(self, wire: Wire) -> bool:
        """Whether there is a place for backups: a database in memory has none unless it is given one."""
        return wire.path is not None or self.backup_options.directory is not None

    @contextmanager
    def _session(
        self, options: SyncOptions, *, readonly: bool = False, create: bool = False, run_id: str | None = None
    ) -> Iterator[Session]:
        prepared: dict[str, Any] = {"on_connect": self.on_connect, "lock_timeout": options.lock_timeout}
        opened = (
            look_wire(self.target, **prepared)
            if readonly
            else open_wire(self.target, must_exist=not create, **prepared)
        )
        with opened as wire, self._cancellable(wire, options), functions(wire, _python_of(options)):
            yield Session(
                wire=wire,
                engine=self.engine,
                history=self._history(wire, options.applied_by or self.applied_by),
                executor=self.executor,
                validator=self.validator,
                rules=self.site_rules,
                options=options if options.applied_by else replace(options, applied_by=self.applied_by),
                backups=self._backups(wire, MigrationPermissions()) if self._can_back_up(wire) else None,
                listener=self.listener,
                run_id=run_id,
                new_database=str(self.target) if readonly and is_new(self.target) else "",
            )

    @contextmanager
    def _cancellable(self, wire: Wire, options: SyncOptions) -> Iterator[None]:
        token = CancelToken()
        self._at_work.append(token)
        try:
            limit = wire.watch.limit
            with limit(token=token), limit(token=options.cancel), limit(token=self._token), self.listener.repeating():
                yield
        finally:
            self._at_work.remove(token)

    # One DocType, or all.

    def sync_doctype(self, name: str, options: SyncOptions | None = None) -> MigrationResult:
        """Bring one DocType's tables in step. Raises DataLossRiskError, LockHeldError… : then nothing was changed."""
        self.engine.get(name)  # an unknown name is said before the database is touched
        self.permissions.require("apply", [name])
        options = options or SyncOptions()
        with self._session(options, create=True) as session:
            return session.sync(name, lambda: session.plan(name))

    def sync_all_doctypes(
        self, options: SyncOptions | None = None, *, names: Collection[str] | None = None
    ) -> BatchMigrationResult:
        """Bring every DocType in step, or those ``names``, those first on which others depend.

        Failures are in the result.
        """
        for name in names or ():
            self.engine.get(name)
        self.permissions.require("apply", names or self.engine.names())
        options = options or SyncOptions()
        run_id = f"run-{int(time.time() * 1000):x}-{secrets.token_hex(4)}"
        with self._session(options, create=True, run_id=run_id) as session:
            return Batch(session=session, run_id=run_id).run(names)

    def plan(self, name: str, options: SyncOptions | None = None) -> Plan:
        """The plan that a sync would carry out, hazards and findings included; nothing is written."""
        self.engine.get(name)
        with self._session(options or SyncOptions(), readonly=True) as session:
            return session.plan(name)

    def dry_run(self, name: str, options: DryRunOptions | None = None) -> DryRunResult:
        """What a sync of one DocType would do. Changes no byte of the database."""
        self.engine.get(name)
        options = options or DryRunOptions()
        with self._session(options.as_sync(), readonly=True) as session:
            found = dry_run_of(session, name, lambda: session.plan(name))
            return with_scripts(session, [found])[0] if options.script else found

    def dry_run_all(
        self, options: DryRunOptions | None = None, *, names: Collection[str] | None = None
    ) -> tuple[DryRunResult, ...]:
        """What a sync of every DocType, or of those ``names``, would do, in the order of the sync."""
        options = options or DryRunOptions()
        for name in names or ():
            self.engine.get(name)
        with self._session(options.as_sync(), readonly=True) as session:
            found = Batch(session=session, run_id="").preview(names)
            return with_scripts(session, found) if options.script else found

    # A wish in SQL.

    def sync_schema(self, wish: Schema, options: SyncOptions | None = None, *, name: str = "schema") -> MigrationResult:
        """Make the database what ``wish`` says; things that are not ours are kept. ``name`` stands in history."""
        self.permissions.require("apply", whole=True)
        options = options or SyncOptions()
        with self._session(options, create=True) as session:
            return session.sync(name, lambda: session.plan_schema(wish, name))

    def dry_run_schema(
        self, wish: Schema, options: DryRunOptions | None = None, *, name: str = "schema"
    ) -> DryRunResult:
        """What ``sync_schema`` would do."""
        options = options or DryRunOptions()
        with self._session(options.as_sync(), readonly=True) as session:
            found = dry_run_of(session, name, lambda: session.plan_schema(wish, name))
            return with_scripts(session, [found])[0] if options.script else found

    def adopt_schema(self, *, name: str = "schema", lock_timeout: float = 30.0) -> tuple[ObjectName, ...]:
        """Take everything in the database over as ours, under ``name``; writes history alone."""
        self.permissions.require("apply", whole=True)
        with self._session(SyncOptions(lock_timeout=lock_timeout)) as session:
            return adopted_schema(session, name)

    # Stored migrations, and the way back.

    def apply_migration(self, migration: Migration, options: SyncOptions | None = None) -> MigrationResult:
        """Apply a plan that was stored. Raises StalePlanError when the database is not as it was then."""
        if not isinstance(migration, Migration) or migration.plan is None:
            name = getattr(migration, "id", migration)
            raise ConfigurationError(
                f'"{name}" is no migration with a plan', hint="Take it from get_pending_migrations()."
            )
        self.permissions.require("apply", [migration.plan.doctype])
        options = options or SyncOptions()
        with self._session(options, create=True) as session:
            known = session.history.find(migration.id)
            if known is not None and known.status in ("applied", "rolled_back"):
                raise PlanRefusedError(
                    f'The migration "{migration.id}" was applied already ({known.status.replace("_", " ")})',
                    hint="Take the pending ones anew with get_pending_migrations().",
                )
            plan = validated(session, migration.plan)
            refuse(plan, options)
            return session.apply(plan, migration_id=migration.id)

    def rollback_migration(self, migration_id: str, options: RollbackOptions | None = None) -> MigrationResult:
        """Take one migration back: its reverse changes, planned anew against what is live now.

        What it had taken away comes back from its backup: a row that still holds what the migration made of it gets
        its original back, one that was changed or inserted since keeps what it has. What the way back would lose is
        backed up first. Raises PlanRefusedError where later migrations are built on it, DataLossRiskError.
        """
        options = options or RollbackOptions()
        self.permissions.require("rollback")
        with self._session(as_sync(options, f"rollback of {migration_id}")) as session:
            self.permissions.require("rollback", [session.history.get_migration_by_id(migration_id).doctype])
            return taken_back(session, migration_id)

    def rollback(
        self,
        *,
        steps: int | None = None,
        to: str | None = None,
        run: str | None = None,
        options: RollbackOptions | None = None,
    ) -> BatchMigrationResult:
        """Take several migrations back, the newest first, each in its own transaction.

        The last ``steps``; all that came after the migration ``to``, which stays; or those of one ``run``. The first
        that cannot be taken back ends it: what was done stays done, the rest is in ``not_tried``.
        """
        with self._session(as_sync(options or RollbackOptions(), "rollback")) as session:
            records = chosen(session, steps=steps, to=to, run=run)
            self.permissions.require("rollback", [record.doctype for record in records])
            return all_back(session, records, run)

    def dry_run_rollback(
        self,
        migration_id: str | None = None,
        *,
        steps: int | None = None,
        to: str | None = None,
        run: str | None = None,
        options: RollbackOptions | None = None,
    ) -> tuple[DryRunResult, ...]:
        """What ``rollback_migration(migration_id)``, or ``rollback`` with one of the others, would do, in its order.

        Each with its plan back, what that would lose, and in ``rollback_info`` what would come back from the backup.
        """
        options = options or RollbackOptions()
        self.permissions.require("rollback")
        with self._session(as_sync(options, "rollback"), readonly=True) as session:
            if migration_id is None:
                records = chosen(session, steps=steps, to=to, run=run)
            else:
                records = (session.history.get_migration_by_id(migration_id),)
            self.permissions.require("rollback", [record.doctype for record in records])
            return previewed(session, records)

    # Looking at the site.

    def status(self, *, lock_timeout: float = 30.0) -> StatusReport:
        """How every DocType stands; nothing is written. ``lock_timeout`` in seconds."""
        with self._session(SyncOptions(lock_timeout=lock_timeout), readonly=True) as session:
            return status_of(session)

    def column_names(self, name: str, *, lock_timeout: float = 30.0) -> frozenset[str]:
        """The columns of one DocType: those that its definition has, and those that its live table has."""
        doctype = self.engine.get(name)
        wished = {column.fieldname for column in doctype.column_fields}
        return frozenset(wished | self.live_names([name], lock_timeout=lock_timeout))

    def live_names(self, names: Collection[str], *, lock_timeout: float = 30.0) -> frozenset[str]:
        """The columns that the live tables of these DocTypes have."""
        tables = [self.engine.get(name).table for name in names]
        with self._session(SyncOptions(lock_timeout=lock_timeout), readonly=True) as session:
            found = [live_columns(session.wire, table) for table in tables]
        return frozenset().union(*found)

    def adopt(self, *names: str, lock_timeout: float = 30.0) -> dict[str, tuple[ObjectName, ...]]:
        """Take the live tables of these DocTypes (all without a name) over as ours; writes history alone."""
        self.permissions.require("apply", names or self.engine.names())
        with self._session(SyncOptions(lock_timeout=lock_timeout)) as session:
            return adopted(session, names or self.engine.names())

    def get_migration_history(self, doctype: str | None = None, *, lock_timeout: float = 30.0) -> MigrationHistory:
        """The migrations on record, of one DocType or all, with those still to come.

        Raises UnknownDocTypeError for a name that neither the definitions nor the history know.
        """
        self.permissions.require("view_history", [doctype] if doctype else (), whole=doctype is None)
        with self._session(SyncOptions(lock_timeout=lock_timeout), readonly=True) as session:
            done = session.history.get_migration_history(doctype)
            if doctype is not None and not done:
                self.engine.get(doctype)
            names = (doctype,) if doctype else self.engine.names()
            waiting = pending_migrations(session, [name for name in names if name in self.engine.names()])
            return MigrationHistory(migrations=tuple(map(as_migration, done)), pending_migrations=waiting)

    def get_migration(self, migration_id: str, *, lock_timeout: float = 30.0) -> Migration:
        """One migration on record in full, with its changes and what is known of its way back.

        Raises UnknownMigrationError.
        """
        self.permissions.require("view_history")
        with self._session(SyncOptions(lock_timeout=lock_timeout), readonly=True) as session:
            record = session.history.get_migration_by_id(migration_id)
            self.permissions.require("view_history", [record.doctype])
            return in_full(record)

    def verify_history(self, *, lock_timeout: float = 30.0) -> tuple[Problem, ...]:
        """Every altered, missing or cut record and event, also by the heads that the newest backups tell of."""
        history, backups = self.history, self.backups
        with open_wire(self.target, readonly=True, on_connect=self.on_connect, lock_timeout=lock_timeout) as wire:
            heads, unread = backups.history_heads() if self._can_back_up(wire) else ((), ())
            return (*history.on(wire).verify(expected=heads), *unread)

    def get_pending_migrations(self) -> tuple[Migration, ...]:
        """What a sync of everything would apply, as migrations that can be stored and applied later."""
        with self._session(SyncOptions(), readonly=True) as session:
            return pending_migrations(session, self.engine.names())

    def is_migration_applied(self, migration_id: str) -> bool:
        """Whether a record of that id says applied."""
        self.permissions.require("view_history")
        with self._session(SyncOptions(), readonly=True) as session:
            record = session.history.find(migration_id)
            return record is not None and record.status == "applied"


def _python_of(options: SyncOptions) -> dict[str, Callable[[Any], Any]]:
    """The call's transformers in Python, as functions that SQL can call."""
    made = {function_name(key): how for key, how in options.transformers.items() if not isinstance(how, str)}
    return python_functions(made) if made else {}
