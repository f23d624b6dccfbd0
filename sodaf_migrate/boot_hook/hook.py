"""``boot``: what an application calls at every start.

Most starts change nothing, so this module loads nothing that a quiet start can do without: what the rest needs is
imported where the quiet way ends.
"""

from __future__ import annotations

import os
import sqlite3
import time
from typing import TYPE_CHECKING, Any, Literal

from sodaf_migrate.boot_hook.files import content_of, folders_of, stamp_of
from sodaf_migrate.boot_hook.result import BootResult
from sodaf_migrate.errors import ConfigurationError, DatabaseError
from sodaf_migrate.history.starts import LOOK, Start, remember
from sodaf_migrate.wire.glimpse import glimpse

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from sodaf_migrate.applier.applier import MigrationApplier
    from sodaf_migrate.desired import SiteRules
    from sodaf_migrate.events import Listener
    from sodaf_migrate.options import BackupOptions
    from sodaf_migrate.permissions import MigrationPermissions
    from sodaf_migrate.wire.connection import OnConnect, Wire
    from sodaf_migrate.wire.open import Target

__all__ = ["BootResult", "boot"]

Mode = Literal["auto", "check", "off"]


def boot(
    database: Target,
    doctypes: Any,
    mode: Mode = "auto",
    *,
    on_hazard: Literal["warn", "fail"] = "warn",
    site_rules: SiteRules | None = None,
    on_connect: OnConnect | None = None,
    listener: Listener | None = None,
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
    start = _Start(database, doctypes, setting=_setting(site_rules), on_connect=on_connect, lock_timeout=lock_timeout)
    may_write = permissions is None or (permissions.can_apply and permissions.allowed_doctypes is None)
    if start.is_quiet(may_write):
        return BootResult(quiet=True, seconds=time.monotonic() - began)
    more: dict[str, Any] = {"backup_options": backup_options, "applied_by": applied_by, "on_connect": on_connect}
    more |= {} if permissions is None else {"permissions": permissions}
    more |= {} if listener is None else {"listener": listener}
    result = _looked(start, doctypes, mode, on_hazard, may_write, {"site_rules": site_rules, **more})
    return result._replace(seconds=time.monotonic() - began)


def _check(mode: str, on_hazard: str) -> None:
    for given, known in ((mode, ("auto", "check", "off")), (on_hazard, ("warn", "fail"))):
        if given not in known:
            raise ConfigurationError(
                f'"{given}" is no way to start', hint="Use " + " or ".join(f'"{each}"' for each in known) + "."
            )


def _setting(rules: SiteRules | None) -> str:
    from sodaf_migrate import __version__

    return f"{__version__} {sqlite3.sqlite_version} {rules!r}"


def _looked(
    start: _Start, doctypes: Any, mode: Mode, on_hazard: str, may_write: bool, more: dict[str, Any]
) -> BootResult:
    """The start where something has changed."""
    import logging

    from sodaf_migrate.applier.applier import MigrationApplier
    from sodaf_migrate.boot_hook.work import checked, engine_of, synced, waits_for_a_person

    logger = logging.getLogger("sodaf_migrate")
    applier = MigrationApplier(start.database, engine_of(doctypes), **more)
    if mode == "check":
        result, error = checked(applier, start.lock_timeout), None
    else:
        result, error = synced(applier, start.lock_timeout)
    if may_write and result.in_step and not result.warnings:
        start.keep(applier)
    for name, why in result.refused.items():
        logger.warning('"%s" waits for a person: %s', name, why)
    for name in result.older:
        logger.warning('"%s" was left alone: its definition is older than the one applied', name)
    if error is not None and (on_hazard == "fail" or not waits_for_a_person(error)):
        raise error
    return result


class _Start:
    """The files and the database of one start, beside what was kept of an earlier one."""

    def __init__(
        self, database: Target, doctypes: Any, *, setting: str, on_connect: OnConnect | None, lock_timeout: float
    ) -> None:
        self.database, self.lock_timeout = database, lock_timeout
        self._on_connect = on_connect
        self._folders = folders_of(doctypes)
        self._source = "\n".join(self._folders)
        self._setting = setting
        self._stamp = stamp_of(self._folders) if self._folders else ""

    def is_quiet(self, may_write: bool) -> bool:
        """Whether neither the files nor the schema have changed since they were last in step.

        Where the files only look different, their content decides; then their new look is kept.
        """
        row = self._recalled() if self._stamp else None
        if row is None:
            return False
        known, version = Start(*row[:-1]), row[-1]
        if known.setting != self._setting or known.schema_version != version:
            return False
        if known.stamp == self._stamp:
            return True
        if known.content != content_of(self._folders):
            return False
        if may_write:
            self._keep(known.content, known.schema_version)
        return True

    def _recalled(self) -> tuple[Any, ...] | None:
        """What was kept, with the schema version now."""
        if isinstance(self.database, (str, os.PathLike)):
            return glimpse(os.fspath(self.database), LOOK, (self._source,))
        try:
            with self._opened(readonly=True) as wire:
                return wire.row(LOOK, (self._source,))
        except DatabaseError:  # no start was kept here yet, say; who goes on will see, and tell
            return None

    def keep(self, applier: MigrationApplier) -> None:
        """Keep that all is in step, where that can be said for certain: nobody changed anything while it was found."""
        from sodaf_migrate.boot_hook.work import synced

        content = content_of(self._folders) if self._stamp else ""
        if not content or self._stamp != stamp_of(self._folders):
            return
        with self._opened(readonly=True) as wire:
            before = int(wire.value("PRAGMA main.schema_version"))
        result, _ = synced(applier, self.lock_timeout)  # a look at what is remembered: nothing is left to do
        if result.in_step and not result.applied:
            self._keep(content, before)

    def _keep(self, content: str, version: int) -> None:
        start = Start(
            source=self._source, stamp=self._stamp, content=content, setting=self._setting, schema_version=version
        )
        try:
            with self._opened() as wire:
                remember(wire, start)
        except DatabaseError as error:  # only a memory: a lock that somebody holds is no reason to fail
            import logging

            logging.getLogger("sodaf_migrate").info("this start could not be remembered: %s", error.message)

    def _opened(self, *, readonly: bool = False) -> AbstractContextManager[Wire]:
        from sodaf_migrate.wire.open import open_wire

        return open_wire(self.database, readonly=readonly, on_connect=self._on_connect, lock_timeout=self.lock_timeout)
