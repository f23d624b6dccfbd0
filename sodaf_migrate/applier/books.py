"""What is written down of one migration: its backups before the change, its record with it, its result after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sodaf_migrate.backup.info import BackupInfo
from sodaf_migrate.backup.manager import MigrationBackupManager
from sodaf_migrate.dialects.sqlite.effort import MODEL
from sodaf_migrate.execute.executor import Execution
from sodaf_migrate.history.figures import figures_text
from sodaf_migrate.history.manager import MigrationHistoryManager
from sodaf_migrate.history.record import MigrationRecord
from sodaf_migrate.plan import Plan, Severity
from sodaf_migrate.results import MigrationResult, RollbackInfo
from sodaf_migrate.wire.connection import Wire

__all__ = ["Books", "Reversal", "warnings_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal:
    """That a migration takes another one back.

    ``begin`` is called under the lock before the first change, ``counted`` in the transaction after the last: it says
    what came back to the rows. ``without`` says why what was taken away does not come back, "" where it does.
    """

    migration_id: str
    begin: Callable[[], None]
    counted: Callable[[], dict[str, int]]
    without: str = ""


@dataclass(slots=True, kw_only=True)
class Books:
    """Everything that is kept about one ``plan`` while it is carried out."""

    history: MigrationHistoryManager
    backups: MigrationBackupManager | None
    plan: Plan
    record: MigrationRecord
    reversal: Reversal | None = None
    made: list[BackupInfo] = field(default_factory=list)
    new_key: str = ""  # what to tell of a key that was made for these backups
    counts: dict[str, int] = field(default_factory=dict)
    secured: bool = False  # the backups were made before the run of which the plan is a part
    written: bool = False  # COMMIT may have been tried since

    @property
    def backup_path(self) -> str | None:
        """Where the backups are, a line each."""
        return "\n".join(info.path for info in self.made) or None

    @property
    def may_lose(self) -> bool:
        """Whether something has to be backed up, and is not yet."""
        return bool(self.plan.losses) and self.backups is not None and not self.secured

    def back_up(self, wire: Wire, plan: Plan) -> None:
        """Before the first change: what the plan takes away goes to disk, and is read back.

        Called again, it takes the place of what was made before.
        """
        if self.reversal is not None:
            self.reversal.begin()
        if self.backups is not None and self.may_lose:
            known = self.backups.key_made
            self.discard()
            reason = "" if self.reversal is None else f"before rollback of {self.reversal.migration_id}"
            self.made.extend(self.backups.before_change(wire, plan, self.record.id, reason=reason))
            if self.backups.key_made != known:
                self.new_key = (
                    f"a key for the backups was made: {self.backups.key_made}; keep a copy of it in another place:"
                    " without it nobody can read them"
                )

    def discard(self) -> None:
        """Gives up the backups of a change that was not made; what it would have taken away is still there.

        Once the record was written nothing is given up: a COMMIT that raised may stand all the same, even if it only
        shows when the database is opened again.
        """
        if self.made and not self.written and not self.secured:
            assert self.backups is not None
            self.backups.discard(self.made)
            self.made.clear()

    def write(self, wire: Wire, execution: Execution) -> None:
        """In the migration's transaction, after the last change: the record, its backups, what it takes back."""
        self.history.initialize_history_table()
        figures = figures_text(map(asdict, execution.steps), model=MODEL, waited=execution.waited)
        done = self.record.applied(execution.affected_rows, execution.seconds, figures)
        self.history.record_migration(replace(done, backup_path=self.backup_path))
        for info in self.made:
            assert self.backups is not None
            self.backups.note(wire, info)
        if self.reversal is not None:
            self.counts.update(self.reversal.counted())
            self.history.mark_rolled_back(self.reversal.migration_id, by=self.record.id, counts=self.counts)
        self.written = True

    def is_applied(self, wire: Wire) -> bool:
        """Whether the record is there: what a COMMIT that raised an error is judged by."""
        found = self.history.find(self.record.id)
        return found is not None and found.status == "applied"

    def result(self, execution: Execution) -> MigrationResult:
        """What the caller is told."""
        return MigrationResult(
            success=True,
            changed=True,
            doctype=self.plan.doctype,
            status="applied" if self.reversal is None else "rolled_back",
            migration_id=self.record.id,
            sql=self.plan.sql,
            warnings=(*warnings_of(self.plan), *filter(None, [self.new_key, self._without, self._gone_for_good])),
            affected_rows=execution.affected_rows,
            execution_time=round(execution.seconds * 1000),
            backup_path=self.backup_path,
            findings=self.plan.findings,
            diff=self.plan.diff,
            plan=self.plan,
            rollback_info=self._rollback_info(),
        )

    def _rollback_info(self) -> RollbackInfo | None:
        if self.reversal is None:
            return None
        counts: dict[str, Any] = dict(self.counts)
        if self._without:
            counts["reasons"] = (self._without,)
        return RollbackInfo(migration_id=self.reversal.migration_id, rolled_back_by=self.record.id, **counts)

    @property
    def _gone_for_good(self) -> str:
        return "; ".join(hazard.message for hazard in self.plan.hazards if hazard.name == "irreversible")

    @property
    def _without(self) -> str:
        return self.reversal.without if self.reversal is not None else ""


def warnings_of(plan: Plan) -> tuple[str, ...]:
    """What a plan's findings warn of, as sentences."""
    return tuple(finding.message for finding in plan.findings if finding.severity is Severity.WARNING)
