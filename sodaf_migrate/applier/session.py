"""One open database with everything that a story needs around it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from sodaf_migrate.applier.books import Books, Reversal, warnings_of
from sodaf_migrate.applier.glance import Glance
from sodaf_migrate.applier.planning import is_older, refuse
from sodaf_migrate.applier.proving import planning_for
from sodaf_migrate.backup.manager import MigrationBackupManager
from sodaf_migrate.compare.changes import SchemaDiff
from sodaf_migrate.compare.engine import Comparer, Comparison, Remembered
from sodaf_migrate.desired import SiteRules
from sodaf_migrate.dialects.sqlite.edit import SHORT_RECORDS
from sodaf_migrate.dialects.sqlite.inspect import read_schema
from sodaf_migrate.dialects.sqlite.normalise import normalise
from sodaf_migrate.dialects.sqlite.planner import renamed
from sodaf_migrate.dialects.sqlite.refill import Refill
from sodaf_migrate.dialects.sqlite.scope import without
from sodaf_migrate.doctype.engine import DocTypeEngine
from sodaf_migrate.errors import (
    DatabaseError,
    DefinitionError,
    ExecutionError,
    GuardError,
    LockHeldError,
    MigrationError,
    ShadowMismatchError,
    StalePlanError,
    StatementError,
)
from sodaf_migrate.events import Listener, Progress, silent
from sodaf_migrate.execute.executor import MigrationExecutor, commit_unknown
from sodaf_migrate.history.manager import MigrationHistoryManager
from sodaf_migrate.history.record import MigrationRecord
from sodaf_migrate.options import SyncOptions
from sodaf_migrate.plan import Plan
from sodaf_migrate.results import MigrationResult
from sodaf_migrate.schema.model import Schema, digest
from sodaf_migrate.validate.validator import MigrationValidator
from sodaf_migrate.wire.connection import Wire

__all__ = ["Session"]

logger = logging.getLogger("sodaf_migrate")
logger.addHandler(logging.NullHandler())  # without one, Python prints warnings on stderr

#: How often a plan is made again when somebody changed the database between looking and locking.
ATTEMPTS = 5


@dataclass(slots=True, kw_only=True)
class Session:
    """Everything that works on one open ``wire`` for one call."""

    wire: Wire
    engine: DocTypeEngine
    history: MigrationHistoryManager
    executor: MigrationExecutor
    validator: MigrationValidator
    rules: SiteRules
    options: SyncOptions
    backups: MigrationBackupManager | None = None  # None: what is lost cannot be backed up
    listener: Listener = silent
    run_id: str | None = None
    wishes: dict[str, Schema] = field(default_factory=dict)
    edits: bool = True
    glance: Glance | None = None
    failures: list[MigrationRecord] | None = None  # where they have to wait for the end of a run's transaction
    opened: dict[str, Books] = field(default_factory=dict)  # within a run, by DocType: what was backed up before it
    new_database: str = ""  # the path of a file that is not there yet, and is looked at as an empty database

    # Looking.

    def look_at_all(self) -> None:
        """Read the whole database and its history once, for a run over many DocTypes."""
        with self.wire.snapshot():
            self.glance = Glance.of(self)

    def comparer(self) -> Comparer:
        """The comparison, wired to this database."""
        return Comparer(
            engine=self.engine,
            read=self._read,
            normalise=self._normalised,
            rename=lambda live, diff: renamed(live, diff, self.wire.on_connect),
            remembered=self.remembered,
            rules=self.rules,
        )

    def _normalised(self, wish: Schema) -> Schema:
        try:
            return normalise(wish, self.wire.on_connect)
        except StatementError as error:
            names = ", ".join(f'"{table.name}"' for table in wish.tables)
            raise DefinitionError(
                f"The definition wishes for a table that SQLite refuses: {names}: {error.details.get('reason', error)}",
                hint="Correct the definition; nothing was changed.",
            ) from error

    def _read(self, names: Collection[str] | None) -> Schema:
        return without(read_schema(self.wire, around=names), self.history.tables)

    def remembered(self, doctype: str) -> Remembered:
        """What history says about one DocType."""
        record, known = self.history.get_latest_migration(doctype), self.history.standing(doctype)
        return Remembered(
            owned=known.owned,
            renames=known.declared,
            version=record.version if record else None,
            fields=known.fields,
            spent=known.spent,
            superseded=self.history.superseded(doctype).get(doctype, frozenset()),
        )

    def compare(self, name: str) -> Comparison:
        """One DocType beside its tables."""
        self.listener(Progress(phase="compare", subject=name))
        seen = self.glance.comparison(self, name) if self.glance is not None else None
        if seen is not None:
            return seen
        return self.comparer().compare_doctype(name, self.options, wish=self.wishes.get(name))

    def plan(self, name: str) -> Plan:
        """The plan that brings one DocType's tables in step, made in one look at the database."""
        with self.wire.snapshot():
            comparison = self.compare(name)
            doctype = self.engine.get(name)
            planning = planning_for(self, doctype=name)
            return planning.plan(comparison, version=doctype.version, digest=doctype.digest)

    def plan_schema(self, wish: Schema, name: str) -> Plan:
        """The plan that makes the database the wish given as SQL."""
        with self.wire.snapshot():
            comparison = self.comparer().compare_sql(wish, self.options, name=name)
            planning = planning_for(self, sql=name)
            return planning.plan(comparison, version=_version_of(comparison.wish))

    def plan_diff(
        self, diff: SchemaDiff, version: str, refills: tuple[Refill, ...] = (), before: Plan | None = None
    ) -> Plan:
        """The plan for changes that somebody else found, against what is live now: those that take ``before`` back."""
        with self.wire.snapshot():
            # What a trigger or a view that comes back names need not be among the tables that change.
            # Nor must a parent, to which a key points again, be among them.
            parents = [change.new.table for change in diff.foreign_keys if change.new is not None]
            anything = diff.views or diff.triggers or diff.tables
            live = self._read(None if anything else (*diff.table_names, *parents))
            comparison = Comparison(diff=diff, live=live, wish=Schema())
            analysed = before.details.get("analysed", ()) if before is not None else ()
            planning = replace(planning_for(self), refills=refills, analysed=analysed)
            return planning.plan(comparison, version=version)

    # Doing.

    def sync(
        self,
        doctype: str,
        make: Callable[[], Plan],
        reversal: Reversal | None = None,
    ) -> MigrationResult:
        """Plan and apply; planned again when somebody was quicker. Raises what refuses or stops it."""
        with self.wire.watch.limit(self.options.timeout):
            return self._sync(doctype, make, reversal)

    def _sync(self, doctype: str, make: Callable[[], Plan], reversal: Reversal | None) -> MigrationResult:
        for attempt in range(ATTEMPTS):
            plan = make()
            older = self.options.keep_newer and is_older(plan)
            if older or not plan.has_changes:
                if not older:
                    self._note(plan)
                return MigrationResult(
                    success=True,
                    changed=False,
                    doctype=doctype,
                    status="older" if older else "unchanged",
                    warnings=warnings_of(plan),
                    findings=plan.findings,
                    diff=plan.diff,
                    plan=plan,
                )
            refuse(plan, self.options, back=reversal is not None)
            try:
                return self.apply(plan, keep_failure=attempt == ATTEMPTS - 1, reversal=reversal, ahead=attempt == 0)
            except (StalePlanError, GuardError, ShadowMismatchError) as error:
                if attempt == ATTEMPTS - 1 or not self._may_plan_again(error):
                    raise
                logger.info("planning %s again: %s", doctype, error.message)
        raise AssertionError("unreachable")

    def _note(self, plan: Plan) -> None:
        """Keep the field types that history does not know: the next change of one of them has to be seen.

        Only a memory: a lock that somebody holds is no reason to fail.
        """
        fields = plan.details.get("fields")
        if fields:
            try:
                self.history.note(plan.doctype, fields)
            except DatabaseError as error:
                logger.info("the field types of %s could not be noted: %s", plan.doctype, error.message)

    def _may_plan_again(self, error: MigrationError) -> bool:
        """Whether another plan may do what this one could not; everything was rolled back."""
        if isinstance(error, ShadowMismatchError):
            short = error.details.get("check") == SHORT_RECORDS
            self.edits = self.edits and not short
            return short
        return True

    @staticmethod
    def _was_begun(error: MigrationError) -> bool:
        """Whether a step may have run before all was rolled back: then it stands in the history as failed."""
        return isinstance(error, ExecutionError) or any(
            error.details.get(at) is True for at in ("started", "committing")
        )

    @staticmethod
    def _is_passing(error: MigrationError) -> bool:
        """Whether the error only means that the plan has to be made again."""
        return isinstance(error, GuardError) or error.details.get("check") == SHORT_RECORDS

    def _keep_failure(self, record: MigrationRecord) -> bool:
        if self.failures is not None:
            self.failures.append(record)
            return True
        # What was stopped is told all the same; whoever stops it does not wait long for another writer.
        with self.wire.watch.shielded(), self.wire.impatient():
            return self.history.record_failure(record)

    def apply(
        self,
        plan: Plan,
        *,
        keep_failure: bool = True,
        reversal: Reversal | None = None,
        migration_id: str | None = None,
        ahead: bool = True,
    ) -> MigrationResult:
        """Execute a plan with its record in one transaction; a failure is recorded after the rollback.

        What the plan takes away is backed up first, under the same lock; a long backup before it where ``ahead``.
        """
        books = self.books_for(plan, reversal, migration_id)
        record = books.record
        try:
            execution = self.executor.execute_migration(
                self.wire,
                plan,
                options=self.options,
                record=books.write,
                before_change=books.back_up if reversal is not None or books.may_lose else None,
                recorded=books.is_applied,
                migration_id=record.id,
                ahead=ahead,
            )
        except MigrationError as error:
            books.discard()
            if self._was_begun(error) and (keep_failure or not self._is_passing(error)):
                kept = self._keep_failure(record.failed(error.message))
                error.details.setdefault("migration_id", record.id)
                if not kept and error.details.get("committing") and not isinstance(error, LockHeldError):
                    # A COMMIT that readers kept out changed nothing (sqlite.org/lang_transaction.html). But in WAL mode
                    # one whose sync failed is in the file: unless something is written over it, the next process to
                    # open the database finds it there.
                    raise commit_unknown(plan, error) from error
            raise
        return books.result(execution)

    def books_for(self, plan: Plan, reversal: Reversal | None = None, migration_id: str | None = None) -> Books:
        """The books of a plan; within a run those that were opened before its first write, with their backups."""
        opened = self.opened.get(plan.doctype)
        if opened is not None:
            return replace(opened, plan=plan, record=replace(self._record(plan), id=opened.record.id))
        self.history.load_key()
        record = self._record(plan)
        record = record if migration_id is None else replace(record, id=migration_id)
        return Books(history=self.history, backups=self.backups, plan=plan, record=record, reversal=reversal)

    def _record(self, plan: Plan) -> MigrationRecord:
        return self.history.new_record(
            plan,
            run_id=self.run_id,
            applied_by=self.options.applied_by,
            description=self.options.description,
            hooks=self.options.hooks,
        )


def _version_of(wish: Schema) -> str:
    return digest(wish)[:12]
