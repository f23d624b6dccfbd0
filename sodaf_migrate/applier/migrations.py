"""Records and plans as migrations: what callers see of history, and what they may store for later."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sodaf_migrate.applier.session import Session
from sodaf_migrate.history.record import MigrationRecord
from sodaf_migrate.plan import Plan
from sodaf_migrate.results import Migration, RollbackInfo

__all__ = ["as_migration", "in_full", "pending_migrations"]


def as_migration(record: MigrationRecord) -> Migration:
    """A record as callers see it; its plan is left in the database until somebody needs it."""
    facts: dict[str, Any] = json.loads(record.objects or "{}")
    return Migration(
        id=record.id,
        doctype=record.doctype,
        version=record.version,
        timestamp=record.timestamp,
        sql=tuple(record.statements),
        rollback_sql=tuple(record.rollback_statements),
        destructive=facts.get("destructive", False),
        requires_backup=facts.get("requires_backup", False),
        description=record.description or "",
        status=record.status,
        applied_by=record.applied_by,
        execution_time=record.execution_time,
        affected_rows=record.affected_rows,
        backup_path=record.backup_path,
        error=record.error,
        run_id=record.run_id,
        reverses=record.reverses,
    )


def in_full(record: MigrationRecord) -> Migration:
    """A record as callers see it, with its changes, its hooks, and what is known of its way back."""
    told: dict[str, Any] = json.loads(record.rollback_info or "{}")
    info = RollbackInfo(migration_id=record.id, possible=record.status == "applied", **told)
    environment: dict[str, Any] = json.loads(record.environment or "{}")
    return replace(
        as_migration(record),
        diff=Plan.from_json(record.plan).diff if record.plan else None,
        hooks=environment.get("hooks", {}),
        rollback_info=replace(info, backup_path=record.backup_path),
    )


def pending_migrations(session: Session, names: Iterable[str]) -> tuple[Migration, ...]:
    """What a sync would apply to each DocType now, as migrations that can be stored and applied later."""
    found = []
    for name in names:
        plan = session.plan(name)
        if plan.has_changes:
            found.append(planned(session, plan))
    return tuple(found)


def planned(session: Session, plan: Plan) -> Migration:
    """A plan as a migration with an id of its own, not applied yet."""
    record = session.history.new_record(plan, run_id=session.run_id)
    return Migration(
        id=record.id,
        doctype=plan.doctype,
        version=plan.version,
        timestamp=record.timestamp,
        diff=plan.diff,
        sql=plan.sql,
        rollback_sql=plan.rollback_sql,
        destructive=plan.diff.destructive,
        requires_backup=plan.requires_backup,
        status="pending",
        plan=plan,
    )
