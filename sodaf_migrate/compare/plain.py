"""Values as JSON has them: what every ``to_dict`` is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from os import PathLike, fspath
from typing import Any

from sodaf_migrate.compare.changes import AnyChange, SchemaDiff

__all__ = ["fields_of", "plain"]


def plain(value: Any) -> Any:
    """``value`` as JSON has it: objects become dicts (by their own ``to_dict`` where there is one), tuples lists."""
    if isinstance(value, SchemaDiff):
        return _diff(value)
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return fields_of(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (frozenset, set)):
        return sorted((plain(item) for item in value), key=str)
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    return fspath(value) if isinstance(value, PathLike) else value


def fields_of(value: Any) -> dict[str, Any]:
    """The fields of a dataclass, each as JSON has it."""
    return {part.name: plain(getattr(value, part.name)) for part in fields(value)}


def _diff(diff: SchemaDiff) -> dict[str, Any]:
    return {
        "doctype": diff.doctype,
        "has_changes": diff.has_changes,
        "destructive": diff.destructive,
        "requires_data_migration": diff.requires_data_migration,
        "changes": [_change(change) for change in diff.changes],
        "kept": [fields_of(kept) for kept in diff.kept],
        "likely_renames": [list(rename) for rename in diff.likely_renames],
    }


def _change(change: AnyChange) -> dict[str, Any]:
    return {
        "kind": type(change).__name__.removesuffix("Change"),
        "destructive": getattr(change, "destructive", False),
        "requires_data_migration": getattr(change, "requires_data_migration", False),
        **fields_of(change),
    }
