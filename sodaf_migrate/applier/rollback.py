"""Going back: a migration's changes reversed, planned anew against what is live now, with what a backup holds."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sodaf_migrate.applier.books import Reversal
from sodaf_migrate.applier.preview import dry_run_of
from sodaf_migrate.applier.returning import Returning
from sodaf_migrate.applier.session import Session
from sodaf_migrate.errors import ConfigurationError, ExecutionError, HistoryError, MigrationError, PlanRefusedError
from sodaf_migrate.history.record import MigrationRecord
from sodaf_migrate.options import RollbackOptions, SyncOptions
from sodaf_migrate.plan import Plan, Severity
from sodaf_migrate.results import BatchMigrationResult, DryRunResult, MigrationResult, RollbackInfo
from sodaf_migrate.schema.model import fold

__all__ = ["all_back", "as_sync", "chosen", "previewed", "stored_plan", "taken_back"]


def as_sync(options: RollbackOptions, description: str) -> SyncOptions:
    """The way back as a sync sees it."""
    return SyncOptions(
        allow=options.allow,
        force=options.force,
        lock_timeout=options.lock_timeout,
        timeout=options.timeout,
        cancel=options.cancel,
        applied_by=options.applied_by,
        description=description,
    )


def taken_back(session: Session, migration_id: str) -> MigrationResult:
    """Take one migration back.

    Raises PlanRefusedError when it is not applied, when later migrations of the same tables are built on it, or when
    nothing of it is left; BackupError when what it took away is in a backup that cannot be read.
    """
    record = session.history.get_migration_by_id(migration_id)
    plan = _may_go_back(session, record)
    with Returning(session, record, plan) as returning:

        def make() -> Plan:
            return session.plan_diff(plan.diff.reversed(), record.version, returning.look(), plan)

        reversal = Reversal(
            migration_id=record.id, begin=returning.begin, counted=returning.report, without=returning.without
        )
        result = session.sync(record.doctype, make, reversal)
    if not result.changed:
        found = [f for f in result.findings if f.severity is Severity.WARNING]
        why = "; ".join(finding.message for finding in found) or "nothing of it is left"
        hints = [f"{f.target}: {f.hint}" if len(found) > 1 else f.hint for f in found if f.hint]
        raise PlanRefusedError(
            f'The migration "{migration_id}" cannot be rolled back: {why}',
            hint=" ".join(hints) or "Mend what the message names, then try again (see docs/refusals.md).",
        )
    return result


def previewed(session: Session, records: Sequence[MigrationRecord]) -> tuple[DryRunResult, ...]:
    """What taking these back, in this order, would do; nothing is written.

    Each is planned against what is live now. Where an earlier one of them touches the same tables, that is not what it
    will meet: then a warning says so, and the statements are those promised when it was applied, if no plan fits yet.
    """
    found: list[DryRunResult] = []
    ids, met = {record.id for record in records}, set[str]()
    for record in records:
        try:
            plan = _may_go_back(session, record, besides=ids)
        except MigrationError as error:
            why = (error.message,)
            info = RollbackInfo(migration_id=record.id, possible=False, reasons=why)
            left: dict[str, Any] = {"doctype": record.doctype, "errors": why, "error": error, "rollback_info": info}
            found.append(DryRunResult(success=False, changed=False, **left))
            continue
        tables = {fold(name) for name in plan.scope}
        preview = _preview(session, record, plan)
        found.append(preview if met.isdisjoint(tables) else _in_its_turn(preview, record, plan))
        met |= tables
    return tuple(found)


def _preview(session: Session, record: MigrationRecord, plan: Plan) -> DryRunResult:
    info = RollbackInfo(migration_id=record.id, backup_path=record.backup_path)
    try:
        with Returning(session, record, plan) as returning:
            back = plan.diff.reversed()
            result = dry_run_of(
                session, record.doctype, lambda: session.plan_diff(back, record.version, returning.look(), plan)
            )
            if result.plan is not None:
                counts: dict[str, Any] = dict(returning.expected())
                info = replace(info, **counts)
                if returning.without:
                    result = replace(result, warnings=(*result.warnings, returning.without))
    except MigrationError as error:  # the backup cannot be read, say
        result = DryRunResult(
            success=False, changed=False, doctype=record.doctype, errors=(error.message,), error=error
        )
    reasons = result.errors or (() if result.changed else (*result.warnings, "nothing of it is left")[:1])
    return replace(result, rollback_info=replace(info, possible=not reasons, reasons=reasons))


def _in_its_turn(preview: DryRunResult, record: MigrationRecord, plan: Plan) -> DryRunResult:
    """The preview of one that is to follow another of the same tables."""
    said = f'"{record.id}" is planned anew when those after it are taken back; until then this is only near it'
    fits = preview.success or bool(preview.refused_risks)  # what stands in its way now may be gone in its turn
    if fits and preview.sql:
        return replace(preview, warnings=(*preview.warnings, said))
    info = RollbackInfo(migration_id=record.id, backup_path=record.backup_path)
    return DryRunResult(
        success=True,
        changed=True,
        doctype=record.doctype,
        sql=tuple(record.rollback_statements),
        warnings=(said,),
        diff=plan.diff.reversed(),
        rollback_info=info,
    )


def _may_go_back(session: Session, record: MigrationRecord, besides: Iterable[str] = ()) -> Plan:
    """The stored plan of a migration that may be taken back once those ``besides`` are. Raises PlanRefusedError."""
    if record.status != "applied":
        raise PlanRefusedError(
            f'The migration "{record.id}" cannot be rolled back: it is {record.status.replace("_", " ")}',
            hint="Only an applied migration can be; see the history.",
        )
    plan = stored_plan(record)
    later = [other for other in _built_on(session, record, plan) if other not in besides]
    if later:
        raise PlanRefusedError(
            f'The migration "{record.id}" cannot be rolled back: later ones are built on it ({", ".join(later)})',
            hint=f"Roll those back first, the newest one first: rollback --to {record.id} takes back all after it.",
            details={"later": later},
        )
    return plan


def chosen(
    session: Session, *, steps: int | None = None, to: str | None = None, run: str | None = None
) -> tuple[MigrationRecord, ...]:
    """The applied migrations to take back, the newest first.

    The last ``steps``, all that came after the migration ``to`` (which stays), or those of one ``run``. Raises
    ConfigurationError unless exactly one of them is given, UnknownMigrationError.
    """
    if sum(given is not None for given in (steps, to, run)) != 1:
        raise ConfigurationError(
            "It is not clear what shall be rolled back", hint="Give one of steps, to (a migration's id) and run."
        )
    newest = [each for each in reversed(session.history.get_migration_history()) if _in_force(each)]
    if steps is not None:
        if steps < 1:
            raise ConfigurationError(f'"{steps}" is no number of steps to go back', hint="Give 1 or more.")
        if steps > len(newest):
            raise ConfigurationError(
                f'"{steps}" migrations cannot be rolled back: {len(newest)} are applied', hint="See the history."
            )
        return tuple(newest[:steps])
    if to is not None:
        target = session.history.get_migration_by_id(to)
        if not _in_force(target):
            raise PlanRefusedError(
                f'"{to}" is no point to go back to: it is {target.status.replace("_", " ")}',
                hint="Name a migration that is applied.",
            )
        ids = [each.id for each in newest]
        return tuple(newest[: ids.index(target.id)])
    found = tuple(each for each in newest if each.run_id == run)
    if not found:
        raise ConfigurationError(
            f'No applied migration belongs to the run "{run}"', hint="Look at the history for the ids of runs."
        )
    return found


def _in_force(record: MigrationRecord) -> bool:
    return record.status == "applied" and record.reverses is None


def stored_plan(record: MigrationRecord) -> Plan:
    """The plan in a record. Raises HistoryError when there is none or it cannot be read."""
    try:
        return Plan.from_json(record.plan or "")
    except ValueError as error:
        raise HistoryError(
            f'The plan of migration "{record.id}" cannot be read',
            hint="It was written by another version of this tool, or altered since: run history --verify.",
        ) from error


def _built_on(session: Session, record: MigrationRecord, plan: Plan) -> tuple[str, ...]:
    tables = {fold(name) for name in plan.scope}
    found = []
    for other in session.history.get_migration_history():
        if other.id > record.id and _in_force(other) and tables & {fold(name) for name in stored_plan(other).scope}:
            found.append(other.id)
    return tuple(found)


def all_back(session: Session, records: Sequence[MigrationRecord], run: str | None = None) -> BatchMigrationResult:
    """Take several back, each in its own transaction; the first that cannot be ends it."""
    began = time.perf_counter()
    results: list[MigrationResult] = []
    for record in records:
        try:
            results.append(taken_back(session, record.id))
        except MigrationError as error:
            begun = isinstance(error, ExecutionError) or "migration_id" in error.details
            why = RollbackInfo(migration_id=record.id, possible=False, reasons=(error.message,))
            more: dict[str, Any] = {"migration_id": record.id, "status": "failed" if begun else "refused"}
            results.append(MigrationResult.from_error(record.doctype, error, rollback_info=why, **more))
            break
    return BatchMigrationResult(
        run_id=run or "",
        results=tuple(results),
        not_tried=tuple(record.doctype for record in records[len(results) :]),
        total_time=time.perf_counter() - began,
        warnings=tuple(f"{result.doctype}: {text}" for result in results for text in result.warnings),
    )
