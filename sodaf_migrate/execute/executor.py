"""MigrationExecutor: carries out a plan in one transaction, proves the result, and commits it with its record."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from sodaf_migrate.dialects.sqlite.effort import expected_seconds, size_of
from sodaf_migrate.dialects.sqlite.inspect import read_schema, scope_digest
from sodaf_migrate.dialects.sqlite.parts import ROWS, Told
from sodaf_migrate.dialects.sqlite.play import play
from sodaf_migrate.dialects.sqlite.scope import without
from sodaf_migrate.errors import (
    CommitUnknownError,
    ConstraintError,
    DatabaseError,
    ExecutionError,
    GuardError,
    MigrationError,
    ShadowMismatchError,
    StalePlanError,
    StoppedError,
)
from sodaf_migrate.events import Listener, Progress, Teller, silent
from sodaf_migrate.execute.compiles import broken_objects, newly_broken
from sodaf_migrate.execute.in_the_way import in_the_way
from sodaf_migrate.execute.keys import Violations, concerned, may_break_keys, new_violations, violations
from sodaf_migrate.execute.room import Free, check_room, free_bytes
from sodaf_migrate.execute.session import CACHE, locked, session
from sodaf_migrate.history.tables import TABLES
from sodaf_migrate.options import SyncOptions
from sodaf_migrate.plan import Cost, Plan, Statement, Step
from sodaf_migrate.schema.model import Schema
from sodaf_migrate.wire.connection import Wire
from sodaf_migrate.wire.faults import shortened
from sodaf_migrate.wire.open import Target, wire_of

__all__ = ["Execution", "MigrationExecutor", "StepFigures", "commit_unknown"]

logger = logging.getLogger("sodaf_migrate")

_T = TypeVar("_T")

#: Half a second's work.
AHEAD = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFigures:
    """What one step took: seconds, and the rows that its statements changed.

    ``kind`` is its cost class, ``table_rows`` and ``bytes`` the size of its table before, ``expected`` the seconds
    that the measured rates give for it.
    """

    title: str
    seconds: float
    rows: int
    kind: str = ""
    target: str = ""
    table_rows: int = 0
    bytes: int = 0
    expected: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What carrying out a plan took; ``seconds`` from before the lock to just before the record."""

    affected_rows: int = 0
    seconds: float = 0.0
    steps: tuple[StepFigures, ...] = ()
    waited: float = 0.0  # seconds until the write lock was had


@dataclass(frozen=True, slots=True)
class _Before:
    """What is known of the database before the first step, to be compared with after the last."""

    broken: dict[tuple[str, str], str]
    violations: Violations | None  # None when the plan cannot break a key


class MigrationExecutor:
    """Carries out plans; holds no state of a plan, so one serves any number of databases."""

    def __init__(
        self,
        listener: Listener = silent,
        *,
        clock: Callable[[], float] = time.perf_counter,
        part: int = ROWS,
        free: Free = free_bytes,
        ahead: int = AHEAD,
        cache: int = CACHE,
        log: logging.Logger = logger,
    ) -> None:
        self.listener = Teller.of(listener)
        self.clock = clock
        self.free = free
        self.ahead = ahead  # bytes of tables from which on a backup of them is made before the lock, not under it
        self.cache = cache  # bytes of pages that the connection may hold while it changes something
        self.log = log
        self.part = part  # the rows that are copied or updated at a time

    # A plan.

    def execute_migration(
        self,
        wire: Wire,
        plan: Plan,
        *,
        options: SyncOptions | None = None,
        record: Callable[[Wire, Execution], None],
        before_change: Callable[[Wire, Plan], None] | None = None,
        verify: Callable[[Wire], None] | None = None,
        recorded: Callable[[Wire], bool] | None = None,
        migration_id: str | None = None,
        ahead: bool = True,
    ) -> Execution:
        """Carry out ``plan`` and ``record`` it in one transaction: all of it or nothing.

        ``before_change`` is called under the lock before the first change, in WAL mode for large tables (``ahead``)
        just before the lock; again when another connection got in between. ``verify`` is called after the last;
        ``recorded`` reads back whether the record is there, which decides when COMMIT raised. Raises StalePlanError or
        GuardError before anything was changed, ExecutionError or ShadowMismatchError after everything was rolled back;
        LockHeldError, DiskFullError and their kin; StoppedError when ``options`` bound it or somebody cancelled.
        """
        options = options or SyncOptions()
        work = _Work(self, wire, plan, options, {"migration": migration_id, "doctype": plan.doctype})
        inner = wire.in_transaction
        execution: Execution | None = None
        try:
            with wire.watch.limit(options.timeout, options.cancel), self.listener.repeating():
                check_room(wire, plan, free=self.free)
                self._tell("lock", plan.doctype, f"waiting for the write lock on {wire.name}")
                secure = None if before_change is None else partial(before_change, wire, plan)
                rows = plan.cost in (Cost.IN_PLACE, Cost.REBUILD)
                ahead = ahead and secure is not None and self.is_long(wire, plan)
                with locked(
                    wire, writes_rows=rows, look=work.look, before_change=secure, ahead=ahead, cache=self.cache
                ):
                    execution = work.carry_out(verify, record)
                    self._tell("commit", plan.doctype)
        except Exception as error:
            if execution is None or inner or recorded is None or not _took_place(wire, recorded, plan, error):
                work.failed(error)
                if execution is not None and isinstance(error, MigrationError):
                    error.details["committing"] = True
                raise
            self.log.warning("COMMIT of %s raised, and took place: %s", plan.doctype, error, extra=work.extra)
        assert execution is not None
        self.log.info("migrated %s in %.3f s", plan.doctype, execution.seconds, extra=work.extra)
        self._tell("done", plan.doctype)
        return execution

    def is_long(self, wire: Wire, *plans: Plan) -> bool:
        """Whether the backups before these plans would keep others from writing for long."""
        tables = {loss.table for plan in plans for loss in plan.losses}
        return sum(size.bytes for table in tables if (size := size_of(wire, table))) >= self.ahead

    # The parts, for use alone.

    @contextmanager
    def session(self, target: Wire | Target, *, exclusive: bool = False) -> Iterator[Wire]:
        """The settings and the transaction that migrations need; inside another session, a savepoint of it.

        ``target``, here and below, is a wire, or what a database is named by: a path, say.
        """
        with wire_of(target) as wire, session(wire, exclusive=exclusive, cache=self.cache):
            yield wire

    @contextmanager
    def savepoint(self, target: Wire | Target) -> Iterator[Wire]:
        """A part that is taken back alone when it raises; outside a transaction, a transaction of its own."""
        with wire_of(target) as wire, wire.atomic():
            yield wire

    def execute_in_transaction(self, target: Wire | Target, work: Callable[[Wire], _T]) -> _T:
        """Calls ``work(wire)`` in one session and returns what it gives; rolled back when it raises."""
        with self.session(target) as wire:
            return work(wire)

    def execute_migration_sql(self, target: Wire | Target, statements: Iterable[str | Statement]) -> int:
        """Runs statements in one session and returns the rows they changed. Raises ExecutionError, all rolled back.

        Nothing is compared, proved or recorded: that is what ``execute_migration`` is for.
        """
        with self.session(target) as wire:
            return sum(_played(wire, statement, "the statements") for statement in statements)

    def execute_rollback_sql(self, target: Wire | Target, statements: Iterable[str | Statement] | Plan) -> int:
        """Runs a way back, statements or those that a plan promises, as ``execute_migration_sql`` does."""
        if isinstance(statements, Plan):
            statements = [statement for step in reversed(statements.steps) for statement in step.down]
        return self.execute_migration_sql(target, statements)

    def _tell(self, phase: str, subject: str, message: str = "", **more: Any) -> None:
        self.listener(Progress(phase=phase, subject=subject, message=message, **more))


@dataclass(slots=True)
class _Work:
    """One plan on its way through one transaction."""

    executor: MigrationExecutor
    wire: Wire
    plan: Plan
    options: SyncOptions
    extra: dict[str, Any]
    started: bool = False
    began: float = 0.0
    waited: float = 0.0
    before: _Before | None = None

    def __post_init__(self) -> None:
        self.began = self.executor.clock()

    def carry_out(self, verify: Callable[[Wire], None] | None, record: Callable[[Wire, Execution], None]) -> Execution:
        """Everything between the look and COMMIT, in order."""
        assert self.before is not None
        self.started = True
        self._hook("before", self.options.before)
        figures = tuple(self._step(number, step) for number, step in enumerate(self.plan.steps))
        self.executor._tell("verify", self.plan.doctype)
        self._prove(self.before)
        if verify is not None:
            verify(self.wire)
        if self.options.after is not None:
            self._hook("after", self.options.after)
            self._same_digest(self._read())  # a hook may have changed what was just proved
        execution = Execution(
            affected_rows=sum(figure.rows for figure in figures),
            seconds=self._elapsed(),
            steps=figures,
            waited=self.waited,
        )
        self.executor._tell("record", self.plan.doctype)
        record(self.wire, execution)
        return execution

    def failed(self, error: Exception) -> None:
        """Tells the log, and the caller's hook when a step may have been begun. Nothing here hides ``error``."""
        if isinstance(error, StoppedError):
            error.details.setdefault("started", self.started)
        self.executor.log.warning("%s was not migrated: %s", self.plan.doctype, error, extra=self.extra)
        if self.started and self.options.on_error is not None:
            try:
                self.options.on_error(self.plan, error)
            except Exception as failure:
                error.add_note(f"on_error failed too: {failure!r}")

    # Before.

    def look(self) -> None:
        """Sees under the lock that all is as the plan found it. Raises StalePlanError, GuardError."""
        self.waited = self._elapsed()
        live = self._read()
        if scope_digest(live, self.plan.scope) != self.plan.from_digest:
            raise StalePlanError(
                f'The tables of "{self.plan.doctype}" are not as they were when the plan was made',
                hint="Make the plan again and look at it.",
                details={"scope": list(self.plan.scope), "expected": self.plan.from_digest},
            )
        for guard in self.plan.guards:
            found = self.wire.value(guard.sql)
            if found != guard.expected:
                raise GuardError(
                    f'Rows of "{self.plan.doctype}" were changed meanwhile: {guard.meaning}:'
                    f' "{guard.expected}" expected, "{found}" found',
                    hint="Make the plan again: it was made for other rows. Nothing was changed.",
                    details={"sql": shortened(guard.sql), "expected": guard.expected, "found": found},
                )
        keys = violations(self.wire, concerned(live, self.plan.scope)) if may_break_keys(self.plan) else None
        self.before = _Before(broken_objects(self.wire, live), keys)

    def _hook(self, name: str, hook: Callable[[Any, Any], None] | None) -> None:
        if hook is None:
            return
        try:
            with self.wire.lent() as connection:
                hook(connection, self.plan)
        except MigrationError:
            raise
        except Exception as error:
            self.wire.watch.check()  # what was stopped in a hook did not fail there
            raise ExecutionError(
                f'The hook "{name}" of "{self.plan.doctype}" failed: {error}',
                hint="Everything was rolled back. Mend the hook (it may not end the transaction), then try again.",
                details={"hook": getattr(hook, "__qualname__", repr(hook))},
            ) from error

    # The steps.

    def _step(self, number: int, step: Step) -> StepFigures:
        size = size_of(self.wire, step.target) if step.cost is not Cost.INSTANT else None
        tell, began, expected = self.executor._tell, self.executor.clock(), expected_seconds(step, size)
        place: dict[str, Any] = {"total": len(self.plan.steps), "estimate": expected}
        tell("step", step.target, step.title, done=number, **place)

        def told(done: int, total: int) -> None:
            tell("step", step.target, step.title, done=done, total=total, unit="rows", estimate=expected)

        with self.wire.atomic():
            rows = sum(self._played(statement, f'step "{step.title}"', told) for statement in step.up)
        seconds = self.executor.clock() - began
        self.executor.log.debug("%s: %d rows in %.3f s", step.title, rows, seconds, extra=self.extra)
        tell("step", step.target, step.title, done=number + 1, **place)
        return StepFigures(
            title=step.title,
            seconds=seconds,
            rows=rows,
            kind=step.cost.value,
            target=step.target,
            table_rows=size.rows if size else 0,
            bytes=size.bytes if size else 0,
            expected=expected,
        )

    def _played(self, statement: Statement, where: str, told: Told) -> int:
        return _played(self.wire, statement, where, part=self.executor.part, told=told)

    # After.

    def _prove(self, before: _Before) -> None:
        after = self._read()
        self._same_digest(after)
        faults = newly_broken(before.broken, broken_objects(self.wire, after))
        if before.violations is not None:
            found = violations(self.wire, concerned(after, self.plan.scope))
            faults += new_violations(before.violations, found, self.plan.diff)
        if faults:
            raise ExecutionError(
                f'The change of "{self.plan.doctype}" was rolled back: {"; ".join(faults)}',
                hint="Mend what the message names, or leave that change out, then try again.",
                details={"faults": faults},
            )

    def _same_digest(self, after: Schema) -> None:
        found = scope_digest(after, self.plan.scope)
        if found != self.plan.to_digest:
            raise ShadowMismatchError(
                f'The tables of "{self.plan.doctype}" did not become what the plan promised',
                hint="Everything was rolled back. If a hook changes the schema, move that change into the definition.",
                details={"expected": self.plan.to_digest, "found": found},
            )

    def _read(self) -> Schema:
        return without(read_schema(self.wire, around=self.plan.scope), TABLES)

    def _elapsed(self) -> float:
        return self.executor.clock() - self.began


def _played(wire: Wire, statement: str | Statement, where: str, part: int = ROWS, told: Told | None = None) -> int:
    statement = Statement(sql=statement) if isinstance(statement, str) else statement
    try:
        return play(wire, statement, live=True, part=part, told=told)
    except ShadowMismatchError as error:
        error.details.setdefault("where", where)
        raise
    except DatabaseError as error:
        said = in_the_way(wire, statement.sql, error) if isinstance(error, ConstraintError) else None
        if said is not None:
            raise said from error
        raise ExecutionError(
            f"A statement of {where} failed, and everything was rolled back: {error.message}",
            hint=error.hint,
            details={**error.details, "where": where, "cause": error.code},
        ) from error


def _took_place(wire: Wire, recorded: Callable[[Wire], bool], plan: Plan, error: Exception) -> bool:
    """Whether a COMMIT that raised ``error`` took place, which only the database can tell."""
    try:
        with wire.watch.shielded():
            return recorded(wire)
    except MigrationError as unread:
        raise commit_unknown(plan, error) from unread


def commit_unknown(plan: Plan, error: Exception) -> CommitUnknownError:
    """The error that says so."""
    return CommitUnknownError(
        f'Whether the change of "{plan.doctype}" was committed cannot be told: {error}',
        hint="It is wholly there or not at all. Once the database can be written again, the history says which.",
    )
