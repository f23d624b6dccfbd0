"""What a start does when something has changed: the heavy part, imported only then."""

from __future__ import annotations

import os
from typing import Any

from sodaf_migrate.applier.applier import MigrationApplier
from sodaf_migrate.boot_hook.files import is_path
from sodaf_migrate.boot_hook.result import BootResult
from sodaf_migrate.doctype.engine import DocTypeEngine
from sodaf_migrate.errors import DefinitionError, MigrationError, PlanRefusedError
from sodaf_migrate.options import DryRunOptions, SyncOptions
from sodaf_migrate.results import BatchMigrationResult, MigrationResult

__all__ = ["checked", "engine_of", "synced", "waits_for_a_person"]


def engine_of(doctypes: Any) -> DocTypeEngine:
    """The definitions of a folder, of a package, or those given. Raises DefinitionError."""
    if isinstance(doctypes, DocTypeEngine):
        return doctypes
    if isinstance(doctypes, os.PathLike) or (isinstance(doctypes, str) and is_path(doctypes)):
        return DocTypeEngine.from_directory(doctypes)
    if isinstance(doctypes, str):
        return _of_package(doctypes)
    return DocTypeEngine.from_doctypes(doctypes)


def _of_package(name: str) -> DocTypeEngine:
    try:
        return DocTypeEngine.from_package(name)
    except DefinitionError as error:
        if error.problems:
            raise
        raise DefinitionError(  # more often than a package that is not installed, it is a folder that is not there
            f'There is no folder "{os.path.abspath(name)}", and no package "{name}" that holds definitions',
            hint="Check the path (a relative one begins at the working folder), or the package's dotted name.",
        ) from error


def waits_for_a_person(error: MigrationError) -> bool:
    """Whether nothing was started, for a danger or a change that is not possible."""
    return isinstance(error, PlanRefusedError)


def synced(applier: MigrationApplier, lock_timeout: float) -> tuple[BootResult, MigrationError | None]:
    """What a sync of all did, and the error that counts most."""
    batch: BatchMigrationResult = applier.sync_all_doctypes(SyncOptions(keep_newer=True, lock_timeout=lock_timeout))
    errors: list[MigrationResult] = [each for each in batch.results if not each.success]
    result = BootResult(
        applied=tuple(each.doctype for each in batch.results if each.changed),
        refused={each.doctype: "; ".join(each.errors) for each in errors},
        older=tuple(each.doctype for each in batch.results if each.status == "older"),
        warnings=batch.warnings,
    )
    serious = [each.error for each in errors if each.error is not None and not waits_for_a_person(each.error)]
    first = next((each.error for each in errors if each.error is not None), None)
    return result, (serious[0] if serious else first)


def checked(applier: MigrationApplier, lock_timeout: float) -> BootResult:
    """What a sync of all would do."""
    found = applier.dry_run_all(DryRunOptions(keep_newer=True, lock_timeout=lock_timeout))
    return BootResult(
        pending=tuple(each.doctype for each in found if each.changed and each.success),
        refused={each.doctype: "; ".join(each.errors) for each in found if not each.success},
        older=tuple(each.doctype for each in found if any(f.code == "OLDER_DEFINITION" for f in each.findings)),
        warnings=tuple(f"{each.doctype}: {text}" for each in found for text in each.warnings),
    )
