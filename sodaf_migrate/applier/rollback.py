"""The way back of one migration: its changes reversed, and planned anew against what is live now."""

from __future__ import annotations

from sodaf_migrate.applier.session import Session
from sodaf_migrate.errors import HistoryError, PlanRefusedError
from sodaf_migrate.history.record import MigrationRecord
from sodaf_migrate.plan import Plan
from sodaf_migrate.schema.model import fold

__all__ = ["way_back"]


def way_back(session: Session, record: MigrationRecord) -> Plan:
    """The plan that undoes ``record``.

    Raises PlanRefusedError when it is not applied, or when later migrations of the same tables are built on it.
    """
    if record.status != "applied":
        raise PlanRefusedError(
            f'The migration "{record.id}" cannot be rolled back: it is {record.status.replace("_", " ")}',
            hint="Only an applied migration can be; see the history.",
        )
    plan = stored_plan(record)
    later = _built_on(session, record, plan)
    if later:
        raise PlanRefusedError(
            f'The migration "{record.id}" cannot be rolled back: later ones are built on it ({", ".join(later)})',
            hint="Roll those back first, the newest one first.",
            details={"later": list(later)},
        )
    return session.plan_diff(plan.diff.reversed(), record.version)


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
        if other.id > record.id and other.status == "applied" and other.id != record.id:
            if other.reverses is not None:
                continue
            if tables & {fold(name) for name in stored_plan(other).scope}:
                found.append(other.id)
    return tuple(found)
