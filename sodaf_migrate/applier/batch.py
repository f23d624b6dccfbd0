"""Many DocTypes in one call: what did not change since it was last found in step is passed over unread."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import partial

from sodaf_migrate import __version__
from sodaf_migrate.applier.healing import healed
from sodaf_migrate.applier.preview import dry_run_of
from sodaf_migrate.applier.run import run_as_one
from sodaf_migrate.applier.session import Session
from sodaf_migrate.desired import SINGLES_TABLE
from sodaf_migrate.dialects.sqlite.inspect import raw_digests
from sodaf_migrate.dialects.sqlite.normalise import normalise
from sodaf_migrate.errors import DatabaseError, MigrationCancelledError, MigrationError, StatementError
from sodaf_migrate.plan import Severity
from sodaf_migrate.results import BatchMigrationResult, DryRunResult, MigrationResult
from sodaf_migrate.schema.model import Schema, fold
from sodaf_migrate.wire.turns import taking_turns

__all__ = ["Batch"]

logger = logging.getLogger("sodaf_migrate")

#: From how many DocTypes on it pays to read the whole database at once.
_FEW = 8


@dataclass(slots=True, kw_only=True)
class Batch:
    """One run over every DocType of a session's engine."""

    session: Session
    run_id: str
    results: list[MigrationResult] = field(default_factory=list)

    def run(self, wanted: Collection[str] | None = None) -> BatchMigrationResult:
        """Sync them all, or those that are ``wanted``, those first on which others depend."""
        began = time.perf_counter()
        names = [name for name in self.session.engine.names() if not wanted or name in wanted]
        warnings, not_tried = self._in_turn(names)
        place = {name: number for number, name in enumerate(names)}
        self.results.sort(key=lambda result: place[result.doctype])
        return BatchMigrationResult(
            run_id=self.run_id,
            results=tuple(self.results),
            not_tried=not_tried,
            total_time=time.perf_counter() - began,
            warnings=(*warnings, *(f"{r.doctype}: {text}" for r in self.results for text in r.warnings)),
        )

    def _in_turn(self, names: Collection[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Sync what there is to do; gives what has to be told of an earlier run, and the names not tried."""
        quiet, todo = self._to_do(names)
        if self.session.options.transaction == "run" or len(todo) < 2:
            return (), self._synced(names, quiet, todo)
        with taking_turns(self.session.wire, self.run_id) as turn:
            if turn.waited:
                quiet, todo = self._to_do(names)
            return healed(self.session, turn), self._synced(names, quiet, todo)

    def _to_do(self, names: Collection[str]) -> tuple[frozenset[str], list[str]]:
        """The DocTypes for which nothing can have changed, and the others in the order of the run."""
        quiet = self._settled(names)
        todo = [name for name in names if name not in quiet]
        self.session.glance = None
        self.wish(todo)
        glance = self.session.glance
        if glance is not None:  # it is good until the first change: those that are in step go first
            todo.sort(key=lambda name: glance.comparison(self.session, name) is None)
        return quiet, todo

    def _synced(self, names: Collection[str], quiet: frozenset[str], todo: list[str]) -> tuple[str, ...]:
        self.results = [_unchanged(name) for name in names if name in quiet]
        not_tried = self._run_as_one(todo) if self.session.options.transaction == "run" else self._run_each(todo)
        with self.session.wire.watch.shielded():  # also where the run was cancelled: the next one has less to look at
            self._remember(quiet)
        return not_tried

    def preview(self, wanted: Collection[str] | None = None) -> tuple[DryRunResult, ...]:
        """What ``run`` would do with each, or with those that are ``wanted``."""
        names = [name for name in self.session.engine.names() if not wanted or name in wanted]
        self.wish(names)
        return tuple(dry_run_of(self.session, name, partial(self.session.plan, name)) for name in names)

    def _run_each(self, names: list[str]) -> tuple[str, ...]:
        """A transaction for each; gives the names that were not tried any more."""
        for position, name in enumerate(names):
            result = self._try(name)
            self.results.append(result)
            cancelled = isinstance(result.error, MigrationCancelledError)
            if cancelled or not (result.success or self.session.options.continue_on_error):
                return tuple(names[position + 1 :])
        return ()

    def _run_as_one(self, names: list[str]) -> tuple[str, ...]:
        """One transaction for the run; gives the names that were not tried, or whose changes were taken back."""
        outcome = run_as_one(self.session, names)
        self.results += outcome.results
        return outcome.not_tried

    def _try(self, name: str) -> MigrationResult:
        try:
            return self.session.sync(name, lambda: self.session.plan(name))
        except MigrationError as error:
            logger.warning("%s was not synced: %s", name, error.message)
            more = {"migration_id": error.details["migration_id"]} if "migration_id" in error.details else {}
            return MigrationResult.from_error(name, error, **more)

    # What is known to be in step.

    def wish(self, names: Collection[str]) -> None:
        """Normalise all wishes at once: one in-memory database serves a thousand."""
        if len(tuple(names)) > _FEW:
            self.session.look_at_all()
        comparer = self.session.comparer()
        neutral = {name: comparer.wish_of(self.session.engine.get(name))[1] for name in names}
        ordinary = {name: wish for name, wish in neutral.items() if wish.tables}
        singles = {name for name in ordinary if self.session.engine.get(name).issingle}
        together = [wish for name, wish in ordinary.items() if name not in singles]
        whole = Schema(
            tables=tuple(table for wish in together for table in wish.tables),
            indexes=tuple(index for wish in together for index in wish.indexes),
        )
        try:
            stored = normalise(whole, self.session.wire.on_connect)
        except StatementError:
            return  # one of them is wrong, which each will find out, and say, for itself
        tables = {fold(table.name): table for table in stored.tables}
        indexes: dict[str, list[object]] = {}
        for index in stored.indexes:
            indexes.setdefault(fold(index.table), []).append(index)
        for name, wish in neutral.items():
            if name in singles:
                continue
            found = tuple(tables[fold(table.name)] for table in wish.tables)
            own = tuple(index for table in found for index in indexes.get(fold(table.name), ()))
            self.session.wishes[name] = Schema(tables=found, indexes=own)  # type: ignore[arg-type]

    def _wish_digest(self, name: str) -> str:
        """What "in step" depends on: the definition, the site's rules, what the call allows, engine and library."""
        doctype, rules, options = self.session.engine.get(name), self.session.rules, self.session.options
        parts = [doctype.digest, repr(rules), __version__, sqlite3.sqlite_version]
        # What was kept, or left in its order, may go, or move, when the next call allows that.
        parts += [options.column_order, str(options.force), *sorted(options.allow)]
        if rules.link_foreign_keys:  # then it also depends on what its targets' tables are called
            parts += [str(self.session.engine.table_of(field.options or "")) for field in doctype.column_fields]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _settled(self, names: Iterable[str]) -> frozenset[str]:
        """The DocTypes whose definition and stored tables are as they were when they were last found in step."""
        known = self.session.history.settled()
        if not known:
            return frozenset()
        live = self._live_digests()
        return frozenset(name for name in names if known.get(name) == (self._wish_digest(name), live.get(name)))

    def _live_digests(self) -> dict[str, str]:
        """By DocType, the digest of the stored texts around its table; none where there is no such table."""
        stored = {fold(table): digest for table, digest in raw_digests(self.session.wire).items()}
        tables = {name: self._table(name) for name in self.session.engine.names()}
        return {name: stored[table] for name, table in tables.items() if table in stored}

    def _table(self, name: str) -> str:
        doctype = self.session.engine.get(name)
        return fold(SINGLES_TABLE if doctype.issingle else doctype.table)

    def _remember(self, quiet: frozenset[str]) -> None:
        """Write down who is in step now. Only a memory: a lock that somebody holds is no reason to fail."""
        fresh = [r for r in self.results if r.success and r.doctype not in quiet and not _stands(r)]
        if not fresh:
            return
        live = self._live_digests()
        entries = {r.doctype: (self._wish_digest(r.doctype), live[r.doctype]) for r in fresh if r.doctype in live}
        try:
            with self.session.wire.atomic():
                self.session.history.initialize_history_table()
                self.session.history.remember(entries)
        except DatabaseError as error:
            logger.info("what is in step could not be remembered: %s", error.message)


def _unchanged(name: str) -> MigrationResult:
    return MigrationResult(success=True, changed=False, doctype=name, status="unchanged")


def _stands(result: MigrationResult) -> bool:
    """Whether something about it has to be looked at again next time."""
    return any(finding.severity is not Severity.INFO for finding in result.findings)
