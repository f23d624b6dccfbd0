"""Names on a command line that nothing has: said with the nearest that there are, before anything is done."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING

from sodaf_migrate.errors import ConfigurationError

if TYPE_CHECKING:
    from sodaf_migrate.applier.applier import MigrationApplier
    from sodaf_migrate.options import DryRunOptions, SyncOptions

__all__ = ["check_names"]


def check_names(
    applier: MigrationApplier, chosen: Collection[str], allow: Iterable[str], options: SyncOptions | DryRunOptions
) -> None:
    """Look whether every DocType and column in ``--allow``, and every column to rename, is there.

    A column is there when a definition or its live table has it. Raises ConfigurationError, UnknownDocTypeError.
    """
    for entry in allow:
        _, colon, target = entry.partition(":")
        if colon and target not in applier.engine:
            _check_target(applier, entry, target, options.lock_timeout)
    patience, renames = options.lock_timeout, options.renames
    if renames:
        single = any(applier.engine.get(doctype).issingle for doctype in chosen)  # its fields are rows, not columns
        known = {name for doctype in chosen for name in applier.column_names(doctype, lock_timeout=patience)}
        live = set() if single else set(map(_fold, applier.live_names(chosen, lock_timeout=patience)))
        for old, new in renames.items():
            # The old name may be gone already, where the rename was made; the new one has to be wished for.
            _check(f"--rename {old}:{new}", new, known)
            if not single and _fold(new) not in live:
                _check(f"--rename {old}:{new}", old, known)


def _check_target(applier: MigrationApplier, entry: str, target: str, lock_timeout: float) -> None:
    doctype, dot, column = target.rpartition(".")
    if not dot:
        doctype, column = target, ""
    found = next((name for name in applier.engine.names() if _fold(name) == _fold(doctype)), None)
    if found is None:
        applier.engine.get(doctype)  # raises, with the nearest name
    elif column:
        _check(f"--allow {entry}", column, applier.column_names(found, lock_timeout=lock_timeout))


def _check(option: str, name: str, known: Collection[str]) -> None:
    if _fold(name) in map(_fold, known):
        return
    near = get_close_matches(name, known, n=1)
    hint = f'Did you mean "{near[0]}"?' if near else "A column is there when a definition or the table has it."
    raise ConfigurationError(f'There is no column "{name}" ({option})', hint=hint)


def _fold(name: str) -> str:
    return name.lower()
