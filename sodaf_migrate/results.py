"""What a call hands back: frozen values of the whole story, each with ``to_dict()`` for machines.

Times of day are UTC, ISO 8601. ``execution_time`` is in milliseconds; every other duration is in seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sodaf_migrate.compare.changes import SchemaDiff
from sodaf_migrate.compare.drift import Drift
from sodaf_migrate.compare.plain import fields_of, plain
from sodaf_migrate.dialects.sqlite.script import Script
from sodaf_migrate.errors import ExecutionError, MigrationError
from sodaf_migrate.plan import Cost, Estimate, Finding, Hazard, Loss, Plan, Severity

__all__ = [
    "BatchMigrationResult",
    "DataLossRisk",
    "DocTypeStatus",
    "DryRunResult",
    "Impact",
    "Migration",
    "MigrationHistory",
    "MigrationResult",
    "RollbackInfo",
    "StatusReport",
    "plain",
]

#: How much a migration weighs on a site that is in use.
Impact = Literal["none", "low", "medium", "high"]

_IMPACT: dict[Cost, Impact] = {Cost.INSTANT: "low", Cost.SCAN: "low", Cost.IN_PLACE: "medium", Cost.REBUILD: "high"}


class _Plain:
    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """The value as JSON has it."""
        return fields_of(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataLossRisk(_Plain):
    """A hazard of a plan, with what it would cost and the ways around it; ``code`` is the hazard's name."""

    code: str
    severity: Severity
    target: str  # "Customer" or "Customer.phone"
    description: str
    affected_rows: int | None = None
    samples: tuple[str, ...] = ()
    mitigations: tuple[str, ...] = ()
    allow: str = ""  # the value of ``allow`` that accepts it
    allowed: bool = False  # this call accepts it

    @classmethod
    def from_hazard(cls, hazard: Hazard, *, allowed: bool = False, mitigations: Iterable[str] = ()) -> DataLossRisk:
        """The risk that ``hazard`` is; one that the call allows is a warning, any other an error."""
        return cls(
            code=hazard.name,
            severity=Severity.WARNING if allowed else Severity.ERROR,
            target=hazard.doctype + (f".{hazard.column}" if hazard.column else ""),
            description=hazard.message,
            affected_rows=hazard.rows,
            samples=hazard.samples,
            mitigations=(*mitigations, f"allow it by name: {hazard.allow}"),
            allow=hazard.allow,
            allowed=allowed,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackInfo(_Plain):
    """What is known of a migration's way back, and of the rollback once it was made."""

    migration_id: str
    possible: bool = True
    reasons: tuple[str, ...] = ()  # why not, or what would not come back
    sql: tuple[str, ...] = ()
    backup_path: str | None = None
    rolled_back_by: str | None = None  # the id of the record of the rollback
    rolled_back_at: str | None = None
    refilled_rows: int = 0  # values and whole rows that came back from a backup
    conflicts: int = 0  # rows that were changed since and kept what they have
    gone: int = 0  # values whose row is not there any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration(_Plain):
    """One plan of one DocType as history knows it; ``status`` is pending, running, applied, failed or rolled_back."""

    id: str
    doctype: str
    version: str
    timestamp: str
    diff: SchemaDiff | None = None
    sql: tuple[str, ...] = ()
    rollback_sql: tuple[str, ...] = ()
    destructive: bool = False
    requires_backup: bool = False
    description: str = ""
    status: str = "pending"
    applied_by: str | None = None
    execution_time: int | None = None  # milliseconds
    affected_rows: int | None = None
    backup_path: str | None = None
    error: str | None = None
    rollback_info: RollbackInfo | None = None
    run_id: str | None = None
    reverses: str | None = None  # the migration that this one took back
    hooks: Mapping[str, str] = field(default_factory=dict, hash=False)  # {"before": "site.hooks.fill"}
    plan: Plan | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationResult(_Plain):
    """What a sync, an applied migration or a rollback of one DocType did.

    ``status`` is applied, unchanged, older (the definition is, and was left alone), failed, refused (nothing was
    started) or rolled_back; ``error`` is the exception where a batch kept one instead of raising it.
    """

    success: bool
    changed: bool
    doctype: str
    status: str
    migration_id: str | None = None
    sql: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    affected_rows: int = 0
    execution_time: int = 0  # milliseconds
    backup_path: str | None = None
    findings: tuple[Finding, ...] = ()
    diff: SchemaDiff | None = None
    plan: Plan | None = None
    rollback_info: RollbackInfo | None = None  # of a rollback: what came back
    error: MigrationError | None = field(default=None, compare=False)

    @classmethod
    def from_error(cls, doctype: str, error: MigrationError, **more: Any) -> MigrationResult:
        """The result of a DocType whose sync raised ``error``; "refused" when no plan was started."""
        started = isinstance(error, ExecutionError) or "migration_id" in more
        more = {"status": "failed" if started else "refused", "errors": (error.message,), **more}
        return cls(success=False, changed=False, doctype=doctype, error=error, **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRunResult:
    """What a sync would do, without doing it; ``success`` says whether that sync would be started.

    ``estimated_time`` is in seconds with the COMMIT, of which ``uninterruptible_time`` cannot be interrupted (DROP
    TABLE, COMMIT); ``estimated_from`` says where the rates come from, ``estimates`` has them step by step.
    ``bytes_touched`` and ``extra_disk`` are bytes, None when they were not estimated. ``script`` is the SQL script
    where one was asked for; ``no_script`` says in a sentence why there is none.
    """

    success: bool
    changed: bool
    doctype: str
    sql: tuple[str, ...] = ()
    rollback_sql: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    estimated_time: float = 0.0
    estimated_from: str = ""
    uninterruptible_time: float = 0.0
    estimates: tuple[Estimate, ...] = ()
    estimated_affected_rows: int = 0
    bytes_touched: int | None = None
    extra_disk: int | None = None
    data_loss_risks: tuple[DataLossRisk, ...] = ()
    findings: tuple[Finding, ...] = ()
    diff: SchemaDiff | None = None
    plan: Plan | None = None
    error: MigrationError | None = field(default=None, compare=False)
    new_database: bool = False  # there is no database file yet; a sync would make it
    script: Script | None = None
    no_script: str = ""
    rollback_info: RollbackInfo | None = None  # of a rollback: what would come back

    @property
    def performance_impact(self) -> Impact:
        """none, low (no row is written), medium (rows are updated in place) or high (the table is copied)."""
        if self.plan is None or not self.plan.steps:
            return "none"
        return _IMPACT[self.plan.cost]

    @property
    def refused_risks(self) -> tuple[DataLossRisk, ...]:
        """The risks that this call does not allow."""
        return tuple(risk for risk in self.data_loss_risks if not risk.allowed)

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What a backup is taken of before the change."""
        return self.plan.losses if self.plan is not None else ()

    def to_dict(self) -> dict[str, Any]:
        """The preview as plain values."""
        more = {"performance_impact": self.performance_impact, "losses": plain(self.losses)}
        return {**fields_of(self), **more}


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchMigrationResult:
    """What a run over many DocTypes did, in the order in which they were tried; ``total_time`` is in seconds."""

    run_id: str
    results: tuple[MigrationResult, ...] = ()
    not_tried: tuple[str, ...] = ()
    total_time: float = 0.0
    warnings: tuple[str, ...] = ()

    @property
    def success(self) -> bool:
        return not self.failed and not self.not_tried

    @property
    def changed(self) -> bool:
        return any(result.changed for result in self.results)

    @property
    def successful(self) -> tuple[MigrationResult, ...]:
        """Those that were changed."""
        return tuple(result for result in self.results if result.success and result.changed)

    @property
    def failed(self) -> tuple[MigrationResult, ...]:
        """Those that failed or were refused."""
        return tuple(result for result in self.results if not result.success)

    @property
    def skipped(self) -> tuple[MigrationResult, ...]:
        """Those that were in step already."""
        return tuple(result for result in self.results if result.success and not result.changed)

    @property
    def errors(self) -> tuple[str, ...]:
        """Every error, with the DocType it belongs to."""
        return tuple(f"{result.doctype}: {error}" for result in self.failed for error in result.errors)

    def to_dict(self) -> dict[str, Any]:
        """The run as plain values; successful, failed and skipped are lists of names."""
        names = {
            part: [result.doctype for result in getattr(self, part)] for part in ("successful", "failed", "skipped")
        }
        summary = {"success": self.success, "changed": self.changed, **names, "errors": list(self.errors)}
        return {**fields_of(self), **summary}


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationHistory:
    """The migrations on record, oldest first, with what is still to come."""

    migrations: tuple[Migration, ...] = ()
    pending_migrations: tuple[Migration, ...] = ()

    @property
    def last_migration(self) -> Migration | None:
        """The latest one that was applied and not rolled back."""
        return next((migration for migration in reversed(self.migrations) if migration.status == "applied"), None)

    @property
    def failed_migrations(self) -> tuple[Migration, ...]:
        return tuple(migration for migration in self.migrations if migration.status == "failed")

    @property
    def stats(self) -> Mapping[str, int]:
        """How many migrations there are of each status, and in all (``total``)."""
        counts = Counter(migration.status for migration in self.migrations)
        return {"total": len(self.migrations), **dict(sorted(counts.items()))}

    def to_dict(self) -> dict[str, Any]:
        """The history as plain values; last and failed migrations are given by id."""
        last = self.last_migration
        return {
            **fields_of(self),
            "last_migration": last.id if last else None,
            "failed_migrations": [migration.id for migration in self.failed_migrations],
            "stats": dict(self.stats),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DocTypeStatus:
    """How one DocType stands; ``drift`` has what is not as history left it, object by object."""

    doctype: str
    changes: int = 0  # pending changes
    drift: tuple[Drift, ...] = ()
    findings: tuple[Finding, ...] = ()  # standing ones, such as NOT_NULL_PENDING
    last_migration: str | None = None
    last_applied: str | None = None
    error: MigrationError | None = field(default=None, compare=False)

    @property
    def state(self) -> Literal["in_step", "pending", "drift", "error"]:
        """The worst that can be said of it."""
        if self.error is not None:
            return "error"
        if self.drift:
            return "drift"
        return "pending" if self.changes else "in_step"

    def to_dict(self) -> dict[str, Any]:
        """The status as plain values."""
        return {**fields_of(self), "state": self.state}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """How a whole site stands."""

    database: str
    doctypes: tuple[DocTypeStatus, ...] = ()
    left_over: tuple[Finding, ...] = ()  # rows of DocTypes and Table fields that nobody defines any more
    applied: int = 0  # migrations on record
    failed: int = 0
    last_migration: Migration | None = None
    new_database: bool = False  # there is no database file yet

    @property
    def in_step(self) -> bool:
        return all(status.state == "in_step" for status in self.doctypes)

    @property
    def pending(self) -> tuple[DocTypeStatus, ...]:
        """Those with changes to apply, drifted ones too."""
        return tuple(status for status in self.doctypes if status.changes)

    @property
    def drifted(self) -> tuple[DocTypeStatus, ...]:
        return tuple(status for status in self.doctypes if status.drift)

    @property
    def standing(self) -> tuple[Finding, ...]:
        """What stands without being a change, such as NOT_NULL_PENDING, or rows that nobody defines."""
        return (*(finding for status in self.doctypes for finding in status.findings), *self.left_over)

    def to_dict(self) -> dict[str, Any]:
        """The status as plain values."""
        return {**fields_of(self), "in_step": self.in_step}
