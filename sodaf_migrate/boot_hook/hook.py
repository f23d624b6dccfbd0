"""``boot``: what an application calls at every start."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from sodaf_migrate.boot_hook.files import content_of, folders_of, is_path, stamp_of
from sodaf_migrate.errors import ConfigurationError, DatabaseError, MigrationError
from sodaf_migrate.events import Listener, silent
from sodaf_migrate.history.starts import Start, recall, remember
from sodaf_migrate.wire.connection import OnConnect
from sodaf_migrate.wire.open import Target, open_wire

if TYPE_CHECKING:  # what the quiet way does without
    from sodaf_migrate.applier.applier import MigrationApplier
    from sodaf_migrate.desired import SiteRules
    from sodaf_migrate.options import BackupOptions
    from sodaf_migrate.permissions import MigrationPermissions
    from sodaf_migrate.results import BatchMigrationResult, MigrationResult

__all__ = ["BootResult", "boot"]

logger = logging.getLogger("sodaf_migrate")

Mode = Literal["auto", "check", "off"]

_VERSION = "PRAGMA main.schema_version"


@dataclass(frozen=True, slots=True, kw_only=True)
class BootResult:
    """What a start found and did; every field but ``seconds`` lists DocTypes.

    ``quiet``: nothing had changed since the last start, so nothing was looked at. ``refused`` maps a DocType to why it
    waits for a person (a danger, or a change that is not possible); ``older`` lists those whose definition is older
    than the one applied.
    """

    quiet: bool = False
    applied: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    refused: dict[str, str] = field(default_factory=dict, hash=False)
    older: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def in_step(self) -> bool:
        """Whether the tables are what the definitions ask for."""
        return not (self.pending or self.refused or self.older)


def boot(
    database: Target,
    doctypes: Any,
    mode: Mode = "auto",
    *,
    on_hazard: Literal["warn", "fail"] = "warn",
    site_rules: SiteRules | None = None,
    on_connect: OnConnect | None = None,
    listener: Listener = silent,
    lock_timeout: float = 30.0,
    backup_options: BackupOptions | None = None,
    permissions: MigrationPermissions | None = None,
    applied_by: str | None = None,
) -> BootResult:
    """Bring a site in step at the start of an application; in milliseconds where nothing has changed.

    ``doctypes`` is a folder, the dotted name of a package, a DocTypeEngine, or a list of definitions. "auto" applies
    what is safe; "check" applies nothing; "off" does nothing at all. What would lose something is never applied here:
    it is logged and in the result, and with ``on_hazard`` "fail" its error is raised once all else is done. A
    definition that is older than the one applied is left alone: old and new workers must not undo each other. Any
    other error (a database that stays locked, a broken definition) is raised. ``lock_timeout`` is in seconds;
    ``backup_options``, ``permissions`` and ``applied_by`` as MigrationApplier takes them. Raises
    MigrationPermissionError before anything is opened; who may not apply may still "check".
    """
    _check(mode, on_hazard)
    began = time.monotonic()
    if mode == "off":
        return BootResult(quiet=True)
    if mode == "auto" and permissions is not None:
        permissions.require("apply")
    start = _Start(
        database,
        doctypes,
        setting=_setting(site_rules),
        on_connect=on_connect,
        lock_timeout=lock_timeout,
        may_write=permissions is None or (permissions.can_apply and permissions.allowed_doctypes is None),
    )
    if start.is_quiet():
        return BootResult(quiet=True, seconds=time.monotonic() - began)
    more: dict[str, Any] = {"backup_options": backup_options, "applied_by": applied_by}
    more |= {} if permissions is None else {"permissions": permissions}
    applier = _applier(database, doctypes, site_rules, on_connect, listener, more)
    if mode == "check":
        result, error = _checked(applier, lock_timeout), None
        settled = result.in_step
    else:
        result, error, settled = _synced(applier, lock_timeout)
    if settled and not result.warnings:
        start.keep(applier, lock_timeout)
    for name, why in result.refused.items():
        logger.warning('"%s" waits for a person: %s', name, why)
    for name in result.older:
        logger.warning('"%s" was left alone: its definition is older than the one applied', name)
    if error is not None and (on_hazard == "fail" or not _waits_for_a_person(error)):
        raise error
    return _timed(result, time.monotonic() - began)


def _check(mode: str, on_hazard: str) -> None:
    for given, known in ((mode, ("auto", "check", "off")), (on_hazard, ("warn", "fail"))):
        if given not in known:
            raise ConfigurationError(
                f'"{given}" is no way to start', hint="Use " + " or ".join(f'"{each}"' for each in known) + "."
            )


def _setting(rules: SiteRules | None) -> str:
    from sodaf_migrate import __version__

    return f"{__version__} {sqlite3.sqlite_version} {rules!r}"


def _waits_for_a_person(error: MigrationError) -> bool:
    from sodaf_migrate.errors import PlanRefusedError

    return isinstance(error, PlanRefusedError)


def _timed(result: BootResult, seconds: float) -> BootResult:
    from dataclasses import replace

    return replace(result, seconds=seconds)


class _Start:
    """The files and the database of one start, beside what was kept of an earlier one."""

    def __init__(
        self,
        database: Target,
        doctypes: Any,
        *,
        setting: str,
        on_connect: OnConnect | None,
        lock_timeout: float,
        may_write: bool = True,
    ) -> None:
        self._database, self._on_connect, self._timeout = database, on_connect, lock_timeout
        self._may_write = may_write
        self._folders = folders_of(doctypes)
        self._source = "\n".join(self._folders)
        self._setting = setting
        self._stamp = stamp_of(self._folders) if self._folders else ""

    def is_quiet(self) -> bool:
        """Whether neither the files nor the schema have changed since they were last in step.

        Where the files only look different, their content decides; then their new look is kept.
        """
        if not self._stamp:
            return False
        try:
            with open_wire(
                self._database, readonly=True, on_connect=self._on_connect, lock_timeout=self._timeout
            ) as wire:
                known = recall(wire, self._source)
                if known is None or known.setting != self._setting or known.schema_version != wire.value(_VERSION):
                    return False
        except DatabaseError:
            return False  # it does not exist yet, say; who goes on will see, and tell
        if known.stamp == self._stamp:
            return True
        if known.content != content_of(self._folders):
            return False
        self._keep(known.content, known.schema_version)
        return True

    def keep(self, applier: MigrationApplier, lock_timeout: float) -> None:
        """Keep that all is in step, where that can be said for certain: nobody changed anything while it was found."""
        if not self._may_write:
            return
        content = content_of(self._folders) if self._stamp else ""
        before = self._version() if content else None
        if before is None or self._stamp != stamp_of(self._folders):
            return
        result, _, settled = _synced(applier, lock_timeout)  # a look at what is remembered: nothing is left to do
        if settled and not result.applied:
            self._keep(content, before)

    def _version(self) -> int | None:
        with open_wire(self._database, readonly=True, on_connect=self._on_connect, lock_timeout=self._timeout) as wire:
            return int(wire.value(_VERSION))

    def _keep(self, content: str, version: int) -> None:
        if not self._may_write:
            return
        start = Start(
            source=self._source,
            stamp=self._stamp,
            content=content,
            setting=self._setting,
            schema_version=version,
        )
        try:
            with open_wire(self._database, on_connect=self._on_connect, lock_timeout=self._timeout) as wire:
                remember(wire, start)
        except DatabaseError as error:  # only a memory: a lock that somebody holds is no reason to fail
            logger.info("this start could not be remembered: %s", error.message)


def _applier(
    database: Target,
    doctypes: Any,
    rules: SiteRules | None,
    on_connect: OnConnect | None,
    listener: Listener,
    more: dict[str, Any],
) -> MigrationApplier:
    from sodaf_migrate.applier.applier import MigrationApplier

    engine = _engine(doctypes)
    return MigrationApplier(database, engine, site_rules=rules, on_connect=on_connect, listener=listener, **more)


def _engine(doctypes: Any) -> Any:
    from sodaf_migrate.doctype.engine import DocTypeEngine

    if isinstance(doctypes, DocTypeEngine):
        return doctypes
    if isinstance(doctypes, os.PathLike) or (isinstance(doctypes, str) and is_path(doctypes)):
        return DocTypeEngine.from_directory(doctypes)
    if isinstance(doctypes, str):
        return DocTypeEngine.from_package(doctypes)
    return DocTypeEngine.from_doctypes(doctypes)


def _synced(applier: MigrationApplier, lock_timeout: float) -> tuple[BootResult, MigrationError | None, bool]:
    """What a sync of all did, the first error, and whether nothing has to be looked at again."""
    from sodaf_migrate.options import SyncOptions

    batch: BatchMigrationResult = applier.sync_all_doctypes(SyncOptions(keep_newer=True, lock_timeout=lock_timeout))
    errors: list[MigrationResult] = [each for each in batch.results if not each.success]
    result = BootResult(
        applied=tuple(each.doctype for each in batch.results if each.changed),
        refused={each.doctype: "; ".join(each.errors) for each in errors},
        older=tuple(each.doctype for each in batch.results if each.status == "older"),
        warnings=batch.warnings,
    )
    serious = [each.error for each in errors if each.error is not None and not _waits_for_a_person(each.error)]
    first = next((each.error for each in errors if each.error is not None), None)
    return result, (serious[0] if serious else first), result.in_step


def _checked(applier: MigrationApplier, lock_timeout: float) -> BootResult:
    from sodaf_migrate.options import DryRunOptions

    found = applier.dry_run_all(DryRunOptions(keep_newer=True, lock_timeout=lock_timeout))
    return BootResult(
        pending=tuple(each.doctype for each in found if each.changed and each.success),
        refused={each.doctype: "; ".join(each.errors) for each in found if not each.success},
        older=tuple(each.doctype for each in found if any(f.code == "OLDER_DEFINITION" for f in each.findings)),
        warnings=tuple(f"{each.doctype}: {text}" for each in found for text in each.warnings),
    )
