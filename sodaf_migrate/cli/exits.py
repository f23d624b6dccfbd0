"""Exit codes: one number for each way a call can end."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from sodaf_migrate.errors import (
    ConfigurationError,
    DataLossRiskError,
    LockHeldError,
    MigrationCancelledError,
    MigrationError,
    MigrationPermissionError,
    UnknownBackupError,
    UnknownDocTypeError,
    UnknownMigrationError,
)
from sodaf_migrate.results import BatchMigrationResult

__all__ = ["Exit", "exit_of", "exit_of_batch"]


class Exit(IntEnum):
    """What the number means to whoever called."""

    DONE = 0
    ERROR = 1
    PENDING = 2  # --check, and nothing else
    REFUSED = 3
    PARTLY = 4
    LOCKED = 5
    USAGE = 64
    INTERRUPTED = 130


_EXITS: tuple[tuple[type[MigrationError], Exit], ...] = (
    (MigrationPermissionError, Exit.ERROR),
    (ConfigurationError, Exit.USAGE),
    (UnknownDocTypeError, Exit.USAGE),
    (UnknownMigrationError, Exit.USAGE),
    (UnknownBackupError, Exit.USAGE),
    (DataLossRiskError, Exit.REFUSED),
    (LockHeldError, Exit.LOCKED),
    (MigrationCancelledError, Exit.INTERRUPTED),
)


def exit_of(error: MigrationError | None) -> Exit:
    """The exit code of a call that ended with ``error``."""
    return next((code for kind, code in _EXITS if isinstance(error, kind)), Exit.ERROR)


def exit_of_batch(batch: BatchMigrationResult) -> Exit:
    """The exit code of a run: partly done when some were changed and some were not."""
    if batch.success:
        return Exit.DONE
    if any(isinstance(result.error, MigrationCancelledError) for result in batch.failed):
        return Exit.INTERRUPTED
    if batch.successful:
        return Exit.PARTLY
    return _common(exit_of(result.error) for result in batch.failed)


def _common(codes: Iterable[Exit]) -> Exit:
    found = set(codes)
    return found.pop() if len(found) == 1 else Exit.ERROR
