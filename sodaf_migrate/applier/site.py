"""The short way in: functions that work on the configured site (``configure``, ``SODAF_*``, ``sodaf.toml``)."""

from __future__ import annotations

from typing import Any

from sodaf_migrate.applier.applier import MigrationApplier
from sodaf_migrate.backup.info import RestoreResult
from sodaf_migrate.config.load import load_site
from sodaf_migrate.config.site import Site
from sodaf_migrate.doctype.engine import DocTypeEngine
from sodaf_migrate.results import BatchMigrationResult, DryRunResult, MigrationResult

__all__ = ["configure", "configured_applier", "dry_run", "restore", "sync_all_doctypes", "sync_doctype"]

_arguments: dict[str, Any] = {}


def configure(**settings: Any) -> Site:
    """Set the site of this process: database, doctypes, lock_timeout… over environment and file.

    Raises ConfigurationError for an unknown setting. Called without arguments, it forgets what was set.
    """
    site = load_site(**settings)
    _arguments.clear()
    _arguments.update(settings)
    return site


def configured_applier() -> tuple[MigrationApplier, Site]:
    """The applier of the configured site, and the site."""
    site = load_site(**_arguments)
    applier = MigrationApplier(
        site.database_path(),
        DocTypeEngine.from_directory(site.definitions()),
        on_connect=site.preparing,
        site_rules=site.rules,
        backup_options=site.backup_options(),
        permissions=site.permissions,
        applied_by=site.applied_by,
    )
    return applier, site


def sync_doctype(name: str, **options: Any) -> MigrationResult:
    """Bring one DocType of the configured site in step; ``options`` as in SyncOptions."""
    applier, site = configured_applier()
    return applier.sync_doctype(name, site.sync_options(**options))


def sync_all_doctypes(**options: Any) -> BatchMigrationResult:
    """Bring every DocType of the configured site in step."""
    applier, site = configured_applier()
    return applier.sync_all_doctypes(site.sync_options(**options))


def dry_run(name: str, **options: Any) -> DryRunResult:
    """What ``sync_doctype(name)`` would do."""
    applier, site = configured_applier()
    return applier.dry_run(name, site.dry_run_options(**options))


def restore(backup_id: str, **how: Any) -> RestoreResult:
    """Put a backup of the configured site back; ``how`` as in MigrationBackupManager.restore_from_backup."""
    from sodaf_migrate.backup.manager import MigrationBackupManager  # brings cryptography, which a sync may not need

    site = load_site(**_arguments)
    manager = MigrationBackupManager(
        site.database_path(), site.backup_options(), on_connect=site.preparing, permissions=site.permissions
    )
    return manager.restore_from_backup(backup_id, **how)
