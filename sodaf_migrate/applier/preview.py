"""The dry run: the plan of a sync, with what it would cost."""

from __future__ import annotations

from collections.abc import Callable

from sodaf_migrate.applier.books import warnings_of
from sodaf_migrate.applier.estimate import forecast
from sodaf_migrate.applier.planning import refuse, risks_of
from sodaf_migrate.applier.session import Session
from sodaf_migrate.errors import MigrationError
from sodaf_migrate.plan import Plan
from sodaf_migrate.results import DryRunResult

__all__ = ["dry_run_of"]


def dry_run_of(session: Session, doctype: str, make: Callable[[], Plan]) -> DryRunResult:
    """Make the plan and tell all about it; what would refuse the sync is in the result, not raised."""
    try:
        plan = make()
    except MigrationError as error:
        return DryRunResult(success=False, changed=False, doctype=doctype, errors=(error.message,), error=error)
    refusal: MigrationError | None = None
    try:
        refuse(plan, session.options)
    except MigrationError as error:
        refusal = error
    expected = forecast(session.wire, plan)
    return DryRunResult(
        success=refusal is None,
        changed=plan.has_changes,
        doctype=doctype,
        sql=plan.sql,
        rollback_sql=plan.rollback_sql,
        warnings=warnings_of(plan),
        errors=(refusal.message,) if refusal else (),
        estimated_time=expected.seconds,
        estimated_from=expected.source if plan.has_changes else "",
        uninterruptible_time=expected.uninterruptible,
        estimates=expected.steps,
        estimated_affected_rows=expected.written_rows,
        bytes_touched=expected.bytes,
        extra_disk=expected.extra_disk,
        data_loss_risks=risks_of(plan.hazards, session.options),
        findings=plan.findings,
        diff=plan.diff,
        plan=plan,
        error=refusal,
        new_database=bool(session.new_database),
    )
