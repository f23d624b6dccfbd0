"""One migration as history keeps it, and the events that tell how it came about."""

from __future__ import annotations

import functools
import json
from dataclasses import astuple, dataclass, fields, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sodaf_migrate.compare.changes import SchemaDiff
from sodaf_migrate.errors import ConfigurationError
from sodaf_migrate.plan import Plan

__all__ = ["COLUMNS", "STATUSES", "MigrationRecord", "canonical", "check_status", "new_id", "record_of", "timestamp_of"]

#: "pending" is what is planned and not begun; "running" is written only for work of more than one transaction.
STATUSES = ("pending", "running", "applied", "failed", "rolled_back")

_END = "\n;\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationRecord:
    """One row of the history. Times are UTC, ISO 8601; ``execution_time`` is in milliseconds.

    ``sql`` and ``rollback_sql`` are for people to read; ``plan``, ``reverse`` (the reverse changes), ``objects``,
    ``environment``, ``figures`` and ``rollback_info`` hold JSON.
    """

    id: str
    doctype: str
    version: str
    timestamp: str
    sql: str | None = None
    rollback_sql: str | None = None
    status: str = "pending"
    applied_by: str | None = None
    execution_time: int | None = None
    affected_rows: int | None = None
    backup_path: str | None = None
    error: str | None = None
    rollback_info: str | None = None
    run_id: str | None = None
    reverses: str | None = None  # the id of the migration that this one takes back
    description: str | None = None
    doctype_digest: str | None = None
    from_digest: str | None = None
    to_digest: str | None = None
    plan: str | None = None
    reverse: str | None = None
    objects: str | None = None
    environment: str | None = None
    figures: str | None = None

    @property
    def statements(self) -> tuple[str, ...]:
        """The statements of ``sql``, each as it was run but for blanks at a line that is a lone semicolon."""
        return _split(self.sql)

    @property
    def rollback_statements(self) -> tuple[str, ...]:
        """The statements of the way back that was promised."""
        return _split(self.rollback_sql)

    @property
    def checksum(self) -> str:
        """The SHA-256 (hex) of everything in the record."""
        return sha256(canonical(list(astuple(self))).encode()).hexdigest()

    def applied(self, affected_rows: int, seconds: float, figures: str | None = None) -> MigrationRecord:
        """The record of the same migration, done; ``figures`` are those of its steps (see ``figures_text``)."""
        done = replace(self, status="applied", affected_rows=affected_rows, execution_time=round(seconds * 1000))
        return replace(done, figures=figures)

    def failed(self, error: str) -> MigrationRecord:
        """The record of the same migration, rolled back for ``error``."""
        return replace(self, status="failed", error=error)


COLUMNS = tuple(field.name for field in fields(MigrationRecord))


def record_of(
    plan: Plan, *, id: str, timestamp: str, environment: dict[str, Any] | None = None, **more: Any
) -> MigrationRecord:
    """The record of ``plan`` before it is carried out; ``more`` are columns by name."""
    objects = {
        "owns": [astuple(name) for name in plan.owns],
        "disowns": [astuple(name) for name in plan.disowns],
        "renames": [[astuple(old), astuple(new)] for old, new in plan.renames],
        "declared": plan.details.get("declared", []),
        "fields": plan.details.get("fields", {}),
        "spent": plan.details.get("spent", []),
        "destructive": plan.diff.destructive,
        "requires_backup": plan.requires_backup,
    }
    return MigrationRecord(
        id=id,
        doctype=plan.doctype,
        version=plan.version,
        timestamp=timestamp,
        sql=_joined(plan.sql),
        rollback_sql=_joined(plan.rollback_sql),
        from_digest=plan.from_digest,
        to_digest=plan.to_digest,
        doctype_digest=plan.details.get("doctype_digest"),
        plan=_adapter(Plan).dump_json(plan).decode(),
        reverse=_adapter(SchemaDiff).dump_json(plan.diff.reversed()).decode(),
        objects=canonical(objects),
        environment=canonical({"engine": plan.details.get("engine"), **(environment or {})}),
        **more,
    )


def check_status(status: str) -> None:
    """Raises ConfigurationError for what is no status."""
    if status not in STATUSES:
        raise ConfigurationError(f'"{status}" is no status of a migration', hint="It is one of " + ", ".join(STATUSES))


def new_id(now: datetime, suffix: str) -> str:
    """An id that sorts by time: "20260131T120000123456Z-9f3ac1d2"."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%S%f}Z-{suffix}"


def timestamp_of(now: datetime) -> str:
    """``now`` as history writes it: "2026-01-31T12:00:00.123456+00:00"."""
    return now.astimezone(UTC).isoformat(timespec="microseconds")


def canonical(value: Any) -> str:
    """``value`` as the one JSON text that stands for it; what JSON has no word for (a BLOB put there) as Python's."""
    return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"), default=repr)


def _joined(statements: tuple[str, ...]) -> str:
    # The separator may stand inside an author's trigger: a blank keeps it from ending the statement in this text.
    return _END.join(statement.replace(_END, "\n ;\n") for statement in statements)


def _split(text: str | None) -> tuple[str, ...]:
    return tuple(text.split(_END)) if text else ()


@functools.cache
def _adapter(kind: type) -> Any:
    from pydantic import TypeAdapter  # heavy, and needed only where a plan is stored

    return TypeAdapter(kind)
