"""Keeps the tables of a metadata-driven framework in step with their DocType definitions, and never loses a row.

Every name is handed out when it is first asked for, so that ``import sodaf_migrate`` loads none of the heavy
libraries: a framework imports this at every start, and most starts change nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "sodaf_migrate.applier.applier": ("MigrationApplier",),
    "sodaf_migrate.applier.parts": ("SQLGenerator", "SchemaComparisonEngine"),
    "sodaf_migrate.applier.site": ("configure", "dry_run", "restore", "sync_all_doctypes", "sync_doctype"),
    "sodaf_migrate.backup.info": ("BackupInfo", "RestoreResult"),
    "sodaf_migrate.backup.manager": ("MigrationBackupManager",),
    "sodaf_migrate.boot_hook.adapters": ("init_app", "lifespan"),
    "sodaf_migrate.boot_hook.hook": ("boot",),
    "sodaf_migrate.boot_hook.result": ("BootResult",),
    "sodaf_migrate.compare.changes": ("SchemaDiff",),
    "sodaf_migrate.desired": ("SiteRules",),
    "sodaf_migrate.doctype.engine": ("DocTypeEngine",),
    "sodaf_migrate.doctype.model": ("DocField", "DocIndex", "DocType"),
    "sodaf_migrate.errors": (
        "BackupError",
        "ConfigurationError",
        "DataLossRiskError",
        "DatabaseError",
        "DefinitionError",
        "DiskFullError",
        "ExecutionError",
        "HistoryError",
        "LockHeldError",
        "MigrationCancelledError",
        "MigrationError",
        "MigrationTimeoutError",
        "PlanRefusedError",
        "SchemaParseError",
        "StalePlanError",
        "StoppedError",
        "TransactionOpenError",
        "UnsupportedChangeError",
    ),
    "sodaf_migrate.events": ("CancelToken", "Progress"),
    "sodaf_migrate.execute.executor": ("MigrationExecutor",),
    "sodaf_migrate.history.manager": ("MigrationHistoryManager",),
    "sodaf_migrate.options": ("BackupOptions", "DryRunOptions", "PruneOptions", "RollbackOptions", "SyncOptions"),
    "sodaf_migrate.permissions": ("MigrationPermissions",),
    "sodaf_migrate.plan": ("Cost", "Finding", "Hazard", "Plan", "Severity", "Step"),
    "sodaf_migrate.results": (
        "BatchMigrationResult",
        "DataLossRisk",
        "DryRunResult",
        "Migration",
        "MigrationHistory",
        "MigrationResult",
        "RollbackInfo",
        "StatusReport",
    ),
    "sodaf_migrate.schema.model": ("Schema",),
    "sodaf_migrate.validate.look": ("Look",),
    "sodaf_migrate.validate.validator": ("RULES", "MigrationValidator"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted([*_HOME_OF, "__version__"])


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f'module "sodaf_migrate" has no attribute "{name}"')
    if name == "Schema":
        _give_schema_its_reader()
    return getattr(import_module(home), name)


def _give_schema_its_reader() -> None:
    # Nouns stand below dialects, so reading SQL is handed to them here, where everything may be known.
    from sodaf_migrate.dialects.sqlite.normalise import schema_from_sql
    from sodaf_migrate.schema.model import Schema

    Schema.reader = staticmethod(schema_from_sql)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


if TYPE_CHECKING:
    from sodaf_migrate.applier.applier import MigrationApplier as MigrationApplier
