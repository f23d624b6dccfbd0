"""One site's settings as a value, and the options that the parts of the library take, made from them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sodaf_migrate.config.connecting import function_of
from sodaf_migrate.config.settings import PERMISSIONS, SETTINGS
from sodaf_migrate.errors import ConfigurationError
from sodaf_migrate.options import BackupOptions, DryRunOptions, OnConversionError, RollbackOptions, SyncOptions
from sodaf_migrate.permissions import MigrationPermissions

if TYPE_CHECKING:
    from sodaf_migrate.desired import SiteRules
    from sodaf_migrate.wire.connection import OnConnect

__all__ = ["Site"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One site's settings; ``sources`` says for each where its value comes from. Times are seconds.

    ``sites`` are the names of the tables ``[sites.NAME]`` in the file, ``folder`` is where that lies; ``secrets`` are
    the variables that hold a key.
    """

    database: str | None = None
    doctypes: str = "doctypes"
    backups: str | None = None
    on_connect: str | None = None
    lock_timeout: float = 30.0
    required: Literal["definition", "database", "application"] = "definition"
    link_foreign_keys: bool = False
    allow: frozenset[str] = frozenset()
    column_order: Literal["ignore", "match"] = "ignore"
    on_conversion_error: OnConversionError = "refuse"
    transaction: Literal["migration", "run"] = "migration"
    stop_on_error: bool = False
    timeout: float | None = None
    applied_by: str | None = None
    backup_key_file: str | None = None
    backup_level: int = 3
    encrypt: bool = True
    format: Literal["text", "json"] = "text"
    date_formats: tuple[str, ...] = ()
    number_formats: tuple[str, ...] = ()
    permissions: MigrationPermissions = MigrationPermissions()  # noqa: RUF009 - a frozen value
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)
    sites: tuple[str, ...] = field(default=(), compare=False)
    secrets: tuple[str, ...] = field(default=(), compare=False)
    folder: str = field(default=".", compare=False)

    @property
    def rules(self) -> SiteRules:
        """What the site asks of every definition."""
        from sodaf_migrate.desired import SiteRules  # brings pydantic, which --help and config show do without

        return SiteRules(
            required=self.required,
            link_foreign_keys=self.link_foreign_keys,
            on_conversion_error=self.on_conversion_error,
            date_formats=self.date_formats,
            number_formats=self.number_formats,
        )

    @property
    def preparing(self) -> OnConnect | None:
        """What prepares every connection, imported. Raises ConfigurationError where it cannot be."""
        if self.on_connect is None:
            return None
        return function_of(self.on_connect, self.folder, self.sources.get("on_connect", "argument"))

    def database_path(self) -> str:
        """The database. Raises ConfigurationError when none is configured."""
        if self.database is not None:
            return self.database
        ways = 'Give --database PATH, set SODAF_DATABASE, or write database = "site.db" into sodaf.toml.'
        if self.sites:
            ways = "Give --site with one of " + ", ".join(self.sites) + ", or --database PATH."
        raise ConfigurationError("no database is configured", hint=ways)

    def definitions(self) -> str:
        """The folder, or the file, of definitions, which is there. Raises ConfigurationError when it is not."""
        if not os.path.exists(self.doctypes):
            source = self.sources.get("doctypes", "default")
            raise ConfigurationError(
                f'There is no folder of definitions "{self.doctypes}" ({source})',
                hint='Give --doctypes DIR, set SODAF_DOCTYPES, or write doctypes = "DIR" into sodaf.toml.',
            )
        return self.doctypes

    def sync_options(self, **more: Any) -> SyncOptions:
        """The site's options for a sync, with ``more`` over them."""
        own = {
            "transaction": self.transaction,
            "continue_on_error": not self.stop_on_error,
            "timeout": self.timeout,
            "applied_by": self.applied_by,
        }
        return SyncOptions(**{**self._options(), **own, **more})

    def dry_run_options(self, **more: Any) -> DryRunOptions:
        """The site's options for a dry run, with ``more`` over them."""
        return DryRunOptions(**{**self._options(), **more})

    def rollback_options(self, **more: Any) -> RollbackOptions:
        """The site's options for a rollback, with ``more`` over them."""
        own = {"allow": self.allow, "lock_timeout": self.lock_timeout, "timeout": self.timeout}
        return RollbackOptions(**{**own, "applied_by": self.applied_by, **more})

    def backup_options(self, **more: Any) -> BackupOptions:
        """The site's options for backups, with ``more`` over them. A key in the environment counts before the file."""
        own = {
            "directory": self.backups,
            "key": Path(self.backup_key_file) if self.backup_key_file and not self.secrets else None,
            "level": self.backup_level,
            "encrypt": self.encrypt,
            "lock_timeout": self.lock_timeout,
        }
        return BackupOptions(**{**own, **more})

    def _options(self) -> dict[str, Any]:
        return {"allow": self.allow, "lock_timeout": self.lock_timeout, "column_order": self.column_order}

    def to_dict(self) -> dict[str, Any]:
        """Each setting as ``{"value": …, "source": …}``; of a key only that it is there."""
        values = {setting.name: getattr(self, setting.name) for setting in SETTINGS}
        values |= {f"permissions.{name}": getattr(self.permissions, name) for name in PERMISSIONS}
        shown = {
            name: {
                "value": sorted(value) if isinstance(value, frozenset) else value,
                "source": self.sources.get(name, "default"),
            }
            for name, value in values.items()
        }
        return shown | {f"({name})": {"value": "set, not shown", "source": "environment"} for name in self.secrets}
