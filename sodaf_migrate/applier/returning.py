"""What a migration took away and a backup holds, made ready for its way back."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from sodaf_migrate.applier.session import Session
from sodaf_migrate.backup.chain import attached_payload
from sodaf_migrate.backup.info import BackupInfo
from sodaf_migrate.backup.making import opened_chain
from sodaf_migrate.backup.manager import MigrationBackupManager
from sodaf_migrate.backup.originals import Originals, Returned
from sodaf_migrate.dialects.sqlite.refill import Refill
from sodaf_migrate.errors import BackupError, UnknownBackupError
from sodaf_migrate.history.record import MigrationRecord
from sodaf_migrate.options import allows
from sodaf_migrate.plan import Plan

__all__ = ["Returning"]


@dataclass(slots=True)
class Returning:
    """The backups of one migration beside the live rows, while the block runs; nothing where it took nothing away.

    Raises BackupError when there were values to lose and no backup of them can be found or read, unless
    ``irreversible`` is allowed by name: then ``without`` says why they do not come back.
    """

    session: Session
    record: MigrationRecord
    plan: Plan
    without: str = ""
    _originals: list[Originals] = field(default_factory=list)
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Returning:
        if not self.plan.losses:
            return self
        try:
            self._attach()
        except BackupError as error:
            self._stack.close()
            if not allows(self.session.options.allow, "irreversible", self.record.doctype):
                raise _refused(self.record, error) from error
            self.without = f"what the migration took away does not come back: {error.message}"
        except BaseException:
            self._stack.close()
            raise
        return self

    def _attach(self) -> None:
        """The backups that the record names, attached to the connection. Raises BackupError, LockHeldError."""
        backups, enter = self.session.backups, self._stack.enter_context
        if not self.record.backup_path and not any(hazard.name == "irreversible" for hazard in self.plan.hazards):
            return  # there was nothing to lose then, and no place for backups
        if backups is None or not self.record.backup_path:
            raise UnknownBackupError(f'No backup was made for the migration "{self.record.id}"', hint="")
        made = _named(backups, self.record)
        store = backups.store
        enter(store.reading(timeout=backups.options.lock_timeout))
        (link,) = enter(opened_chain([made], store, backups.ring))
        enter(attached_payload(self.session.wire, link, store.scratch))
        self._originals.append(Originals(self.session.wire, link.source.manifest, moves=self.plan.diff.moves))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            for originals in self._originals:
                originals.drop()
        finally:
            self._stack.close()

    # The looks, and what came of them.

    def look(self) -> tuple[Refill, ...]:
        """What may come back to the rows as they are now; may be asked again."""
        return tuple(refill for originals in self._originals for refill in originals.look())

    def begin(self) -> None:
        """Under the lock, before the first change."""
        for originals in self._originals:
            originals.begin()

    def report(self) -> dict[str, int]:
        """In the transaction, once the way back is done: values and rows that came back, and those that did not.

        ``conflicts`` counts what was changed, or taken by another row, since; ``gone`` values whose row is gone.
        """
        return (self._originals[0].report() if self._originals else Returned()).counts

    def expected(self) -> dict[str, int]:
        """What ``report`` would say if nobody wrote until then; for a look that changes nothing."""
        return (self._originals[0].expected() if self._originals else Returned()).counts


def _named(backups: MigrationBackupManager, record: MigrationRecord) -> BackupInfo:
    """The backup of the record, found by its name: the store may lie elsewhere now. Raises UnknownBackupError."""
    name = Path((record.backup_path or "").splitlines()[-1]).name
    found = next((info for info in backups.list_backups() if info.name == name), None)
    if found is None:
        raise UnknownBackupError(
            f'The backup "{name}" of the migration "{record.id}" is not in "{backups.store.directory}"', hint=""
        )
    return found


def _refused(record: MigrationRecord, error: BackupError) -> BackupError:
    """The same error, with the ways out."""
    way = f"To go back without what is in it: --allow irreversible:{record.doctype}. Nothing was changed."
    return type(error)(
        f'The migration "{record.id}" is not taken back, for its backup cannot be used: {error.message}',
        hint=f"{error.hint} {way}".strip(),
        details={**error.details, "migration_id": record.id},
    )
