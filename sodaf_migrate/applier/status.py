"""How a site stands, and taking over what is there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sodaf_migrate.applier.batch import Batch
from sodaf_migrate.applier.drift import found_drift
from sodaf_migrate.applier.leftovers import left_over
from sodaf_migrate.applier.migrations import as_migration
from sodaf_migrate.applier.session import Session
from sodaf_migrate.compare.drift import Drift
from sodaf_migrate.compare.engine import declared_renames
from sodaf_migrate.compare.field_types import field_types
from sodaf_migrate.compare.names import object_names
from sodaf_migrate.dialects.sqlite.inspect import read_schema
from sodaf_migrate.dialects.sqlite.planner import left_texts
from sodaf_migrate.dialects.sqlite.scope import without
from sodaf_migrate.doctype.model import DocType
from sodaf_migrate.errors import MigrationError
from sodaf_migrate.history.record import MigrationRecord
from sodaf_migrate.plan import Severity
from sodaf_migrate.results import DocTypeStatus, StatusReport
from sodaf_migrate.schema.model import ObjectName, Schema, fold

__all__ = ["adopted", "adopted_schema", "status_of"]


def status_of(session: Session) -> StatusReport:
    """Pending changes, drift and standing findings of every DocType."""
    records = session.history.get_migration_history()
    latest = {record.doctype: record for record in records if record.status == "applied"}
    with session.wire.snapshot():
        drift = found_drift(session, records)
        Batch(session=session, run_id="").wish(session.engine.names())
        names = session.engine.names()
        left = tuple(left_over(session))
        statuses = tuple(_status(session, name, latest.get(name), drift.get(name, ())) for name in names)
    applied = [record for record in records if record.status == "applied"]
    return StatusReport(
        database=session.new_database or session.wire.name,
        doctypes=statuses,
        left_over=left,
        applied=len(applied),
        failed=sum(record.status == "failed" for record in records),
        last_migration=as_migration(applied[-1]) if applied else None,
        new_database=bool(session.new_database),
    )


def _status(
    session: Session, name: str, record: MigrationRecord | None, drift: MigrationError | tuple[Drift, ...]
) -> DocTypeStatus:
    left = DocTypeStatus(
        doctype=name,
        last_migration=record.id if record else None,
        last_applied=record.timestamp if record else None,
    )
    if isinstance(drift, MigrationError):
        return replace(left, error=drift)
    try:
        plan = session.plan(name)
    except MigrationError as error:
        return replace(left, error=error)
    standing = tuple(finding for finding in plan.findings if finding.severity is not Severity.INFO)
    return replace(left, changes=len(plan.diff.changes), drift=drift, findings=standing)


def adopted(session: Session, names: Iterable[str]) -> dict[str, tuple[ObjectName, ...]]:
    """Record what is live of each DocType as ours; the renames declared so far count as done."""
    found: dict[str, tuple[ObjectName, ...]] = {}
    comparer = session.comparer()
    with session.wire.atomic():
        session.history.initialize_history_table()
        for name in names:
            doctype = session.engine.get(name)
            wish, neutral = comparer.wish_of(doctype)
            live = read_schema(session.wire, around=[table.name for table in neutral.tables])
            mine = {table.name.lower() for table in neutral.tables}
            there = tuple(sorted(o for o in object_names(live) if o.table in mine and o.kind != "trigger"))
            session.history.adopt(
                name,
                there,
                declared=declared_renames(wish),
                fields=_live_types(doctype, live),
                spent=[(fold(field.fieldname), field.transform) for field in doctype.column_fields if field.transform],
                version=doctype.version,
                stored=left_texts(live, sorted(mine)),
            )
            found[name] = there
    return found


def adopted_schema(session: Session, name: str) -> tuple[ObjectName, ...]:
    """Record everything in the database as ours, under ``name``."""
    history = session.history
    live = without(read_schema(session.wire), history.tables)
    names = tuple(sorted(object_names(live)))
    with session.wire.atomic():
        history.initialize_history_table()
        history.adopt(name, names)
    return names


def _live_types(doctype: DocType, live: Schema) -> dict[str, str | None]:
    """The types of the fields whose columns are there; a Single has none, and all its values are texts."""
    table = live.table(doctype.table)
    there = {fold(column.name) for column in table.columns} if table is not None else set()
    return {name: kind for name, kind in field_types(doctype).items() if name in there}
