"""Every error the package raises, as one tree; catch at the level you can act on.

::

    MigrationError                      anything that went wrong here
    ├── DefinitionError                 a DocType, or a folder of them, is wrong (``problems``)
    │   └── UnknownDocTypeError         no definition has that name
    ├── ConfigurationError              an option, path or setting is wrong
    │   └── MigrationPermissionError    the caller may not do this
    ├── SchemaParseError                stored SQL that cannot be read without guessing
    ├── DatabaseError                   the database could not be used; nothing was changed
    │   ├── DatabaseOpenError           missing, unreadable, read-only, or no database at all
    │   ├── DatabaseCorruptError        SQLite reports damage
    │   ├── DiskFullError               no room left on the device
    │   ├── LockHeldError               somebody else held the lock for too long
    │   ├── TransactionOpenError        the caller's connection has a transaction open
    │   └── StatementError              SQLite refused a statement
    │       └── ConstraintError         a row breaks a constraint
    ├── PlanRefusedError                the plan was not started; nothing was changed
    │   ├── DataLossRiskError           a hazard that was not allowed by name (``risks``)
    │   ├── StalePlanError              the database is not the one the plan was made for
    │   └── UnsupportedChangeError      no safe way is known (see docs/refusals.md)
    ├── StoppedError                    the work was stopped from outside; all of it was rolled back
    │   ├── MigrationTimeoutError       the seconds that it was given were used up
    │   └── MigrationCancelledError     somebody cancelled it
    ├── ExecutionError                  the plan was started and rolled back whole
    │   ├── GuardError                  rows changed between the census and the lock
    │   └── ShadowMismatchError         the result was not what the plan promised
    ├── CommitUnknownError              COMMIT failed, and then the database could not be read
    ├── BackupError                     a backup could not be made, read or restored
    │   ├── BackupFileError             its file could not be read or written
    │   ├── NotABackupError             the file is something else
    │   ├── BackupVersionError          it was written by a later version
    │   ├── BackupDamagedError          bytes of it were altered, moved or mixed
    │   │   └── BackupTruncatedError    it ends too early
    │   ├── BackupKeyError              a key cannot be used
    │   │   ├── BackupKeyMissingError   no key is configured
    │   │   └── BackupKeyWrongError     none of the configured keys opens it
    │   ├── BackupUnencryptedError      it is not encrypted, and that was not allowed
    │   └── UnknownBackupError          the store has no backup of that id
    └── HistoryError                    the history cannot be read or trusted
        └── UnknownMigrationError       no record has that id
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

__all__ = [
    "BackupDamagedError",
    "BackupError",
    "BackupFileError",
    "BackupKeyError",
    "BackupKeyMissingError",
    "BackupKeyWrongError",
    "BackupTruncatedError",
    "BackupUnencryptedError",
    "BackupVersionError",
    "CommitUnknownError",
    "ConfigurationError",
    "ConstraintError",
    "DataLossRiskError",
    "DatabaseCorruptError",
    "DatabaseError",
    "DatabaseOpenError",
    "DefinitionError",
    "DiskFullError",
    "ExecutionError",
    "GuardError",
    "HistoryError",
    "LockHeldError",
    "MigrationCancelledError",
    "MigrationError",
    "MigrationPermissionError",
    "MigrationTimeoutError",
    "NotABackupError",
    "PlanRefusedError",
    "SchemaParseError",
    "ShadowMismatchError",
    "StalePlanError",
    "StatementError",
    "StoppedError",
    "TransactionOpenError",
    "UnknownBackupError",
    "UnknownDocTypeError",
    "UnknownMigrationError",
    "UnsupportedChangeError",
]


# A name in quotes that begins and ends as a word does: what stands between two names is none.
_LONG_NAME = re.compile(r'(?<![^\s(\[])"([^"]{200,})"(?=[\s.,;:)\]]|$)')


def shortened(text: str) -> str:
    """The sentence with every quoted name of 200 characters or more shortened in its middle."""
    return _LONG_NAME.sub(lambda found: f'"{found[1][:60]}…{found[1][-20:]}"', text)


class MigrationError(Exception):
    """Something went wrong; ``str(error)`` is one sentence and ``hint`` says what to do next.

    ``code`` is stable and has a heading in ``docs/errors.md``; ``details`` holds plain values
    (strings, numbers, lists, dicts) for machines.
    """

    code: ClassVar[str] = "MIGRATION_ERROR"

    def __init__(self, message: str, *, hint: str | None = None, details: Mapping[str, Any] | None = None) -> None:
        self.message = shortened(message)
        super().__init__(self.message)
        self.hint = hint
        self.details: dict[str, Any] = dict(details or {})

    def to_dict(self) -> dict[str, Any]:
        """The error as plain values: code, message, hint, details."""
        return {"code": self.code, "message": self.message, "hint": self.hint, "details": self.details}


def _plain(value: Any) -> Any:
    return value.to_dict() if hasattr(value, "to_dict") else str(value)


class DefinitionError(MigrationError):
    """A DocType definition, or a folder of them, is wrong; ``problems`` lists every fault found."""

    code = "DEFINITION_INVALID"

    def __init__(self, message: str, *, problems: Iterable[Any] = (), hint: str | None = None) -> None:
        self.problems = tuple(problems)
        super().__init__(message, hint=hint, details={"problems": [str(problem) for problem in self.problems]})


class UnknownDocTypeError(DefinitionError):
    """No definition has the name that was asked for."""

    code = "DOCTYPE_UNKNOWN"


class ConfigurationError(MigrationError):
    """An option, a path or a setting is wrong."""

    code = "CONFIGURATION_INVALID"


class MigrationPermissionError(ConfigurationError):
    """The caller's ``MigrationPermissions`` do not allow this."""

    code = "PERMISSION_DENIED"


class SchemaParseError(MigrationError):
    """Stored SQL cannot be read without guessing, or disagrees with what SQLite's pragmas say."""

    code = "SCHEMA_UNREADABLE"


class DatabaseError(MigrationError):
    """The database could not be used; nothing was changed."""

    code = "DATABASE_ERROR"


class DatabaseOpenError(DatabaseError):
    """The file is missing, unreadable, read-only, encrypted, or no SQLite database."""

    code = "DATABASE_NOT_OPENED"


class DatabaseCorruptError(DatabaseError):
    """SQLite reports that the database file is damaged."""

    code = "DATABASE_CORRUPT"


class DiskFullError(DatabaseError):
    """The device has no room left."""

    code = "DISK_FULL"


class LockHeldError(DatabaseError):
    """Another connection held a lock for longer than ``lock_timeout`` seconds."""

    code = "LOCK_HELD"


class TransactionOpenError(DatabaseError):
    """The connection that the caller brought has a transaction open."""

    code = "TRANSACTION_OPEN"


class StatementError(DatabaseError):
    """SQLite refused a statement; ``details["sql"]`` holds it."""

    code = "STATEMENT_FAILED"


class ConstraintError(StatementError):
    """A row breaks a constraint."""

    code = "CONSTRAINT_BROKEN"


class PlanRefusedError(MigrationError):
    """The plan was not started; nothing was changed."""

    code = "PLAN_REFUSED"


class DataLossRiskError(PlanRefusedError):
    """The plan has hazards that were not allowed by name; ``risks`` lists each with its rows."""

    code = "DATA_LOSS_RISK"

    def __init__(self, message: str, *, risks: Iterable[Any] = (), hint: str | None = None) -> None:
        self.risks = tuple(risks)
        super().__init__(message, hint=hint, details={"risks": [_plain(risk) for risk in self.risks]})


class StalePlanError(PlanRefusedError):
    """The database is no longer in the state that the plan was made for."""

    code = "PLAN_STALE"


class UnsupportedChangeError(PlanRefusedError):
    """No safe way to make this change is known; ``docs/refusals.md`` has a heading for each."""

    code = "CHANGE_UNSUPPORTED"


class StoppedError(MigrationError):
    """The work was stopped from outside; all of it was rolled back."""

    code = "STOPPED"


class MigrationTimeoutError(StoppedError):
    """The seconds that a migration was given were used up; all of it was rolled back."""

    code = "TIMED_OUT"


class MigrationCancelledError(StoppedError):
    """Somebody cancelled the work; all of it was rolled back."""

    code = "CANCELLED"


class ExecutionError(MigrationError):
    """The plan was started, failed, and was rolled back whole."""

    code = "EXECUTION_FAILED"


class GuardError(ExecutionError):
    """A count that the plan relies on was different under the write lock."""

    code = "GUARD_BROKEN"


class ShadowMismatchError(ExecutionError):
    """The schema or the rows after the steps were not what the plan promised."""

    code = "RESULT_MISMATCH"


class CommitUnknownError(MigrationError):
    """COMMIT raised an error and the database could not be read afterwards: all of the plan is there, or nothing."""

    code = "COMMIT_UNKNOWN"


class BackupError(MigrationError):
    """A backup could not be made, read or restored."""

    code = "BACKUP_FAILED"


class BackupFileError(BackupError):
    """The file of a backup, or of a key, could not be read or written."""

    code = "BACKUP_FILE_FAILED"


class NotABackupError(BackupError):
    """The file is no backup."""

    code = "BACKUP_UNRECOGNIZED"


class BackupVersionError(BackupError):
    """The backup was written by a later version of the format."""

    code = "BACKUP_TOO_NEW"


class BackupDamagedError(BackupError):
    """Bytes of the backup were altered, moved, or mixed with another's; none of them was used."""

    code = "BACKUP_DAMAGED"


class BackupTruncatedError(BackupDamagedError):
    """The backup ends too early."""

    code = "BACKUP_TRUNCATED"


class BackupKeyError(BackupError):
    """A key cannot be used: it is none, or others may read its file."""

    code = "BACKUP_KEY_UNFIT"


class BackupKeyMissingError(BackupKeyError):
    """The backup is locked, or is to be, and no key is configured."""

    code = "BACKUP_KEY_MISSING"


class BackupKeyWrongError(BackupKeyError):
    """None of the configured keys opens the backup."""

    code = "BACKUP_KEY_WRONG"


class BackupUnencryptedError(BackupError):
    """The backup is not encrypted, and unencrypted ones were not allowed by name."""

    code = "BACKUP_UNENCRYPTED"


class UnknownBackupError(BackupError):
    """The store has no backup of that id, or not its file."""

    code = "BACKUP_UNKNOWN"


class HistoryError(MigrationError):
    """The history cannot be read, is newer than this version, or was tampered with."""

    code = "HISTORY_UNREADABLE"


class UnknownMigrationError(HistoryError):
    """No record of the history has that id."""

    code = "MIGRATION_UNKNOWN"
