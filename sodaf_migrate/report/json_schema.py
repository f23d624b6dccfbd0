"""The JSON Schema of what ``--format json`` writes of a dry run, drawn from the values' own types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from sodaf_migrate.compare.changes import AnyChange, SchemaDiff
from sodaf_migrate.errors import MigrationError
from sodaf_migrate.plan import Hazard, Loss, Plan, Step
from sodaf_migrate.results import DryRunResult, Impact

__all__ = ["dry_run_schema"]

_PLAIN = {str: "string", bool: "boolean", int: "integer", float: "number", NoneType: "null"}
_TEXT: dict[str, Any] = {"type": "string"}
_FLAG: dict[str, Any] = {"type": "boolean"}
_TEXTS: dict[str, Any] = {"type": "array", "items": _TEXT}


def dry_run_schema() -> str:
    """The schema (draft 2020-12) of one dry run, or of the list of many, as JSON text ended by a newline."""
    known: dict[str, Any] = {}
    one = _schema(DryRunResult, known)
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What `sodaf-migrate dry-run --format json` writes",
        "anyOf": [one, {"type": "array", "items": one}],
        "$defs": dict(sorted(known.items())),
    }
    return json.dumps(document, indent=2) + "\n"


def _schema(kind: Any, known: dict[str, Any]) -> dict[str, Any]:
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    if kind is Any or kind is object:
        return {}
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return {"anyOf": [_schema(argument, known) for argument in arguments]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (tuple, frozenset):
        if origin is tuple and Ellipsis not in arguments:
            return {"type": "array", "prefixItems": [_schema(argument, known) for argument in arguments]}
        return {"type": "array", "items": _schema(arguments[0], known)}
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object"}
    if issubclass(kind, MigrationError):
        hint = {"anyOf": [_TEXT, {"type": "null"}]}
        return _named(kind, known, {"code": _TEXT, "message": _TEXT, "hint": hint, "details": {"type": "object"}})
    if issubclass(kind, Enum):
        return {"enum": [member.value for member in kind]}
    return _named(kind, known, None) if is_dataclass(kind) else {}


def _named(kind: Any, known: dict[str, Any], properties: dict[str, Any] | None) -> dict[str, Any]:
    """A reference to the definition of ``kind``, which is made the first time."""
    name = kind.__name__
    if name not in known:
        known[name] = {}  # a value may hold others of its kind
        shape = properties if properties is not None else _properties(kind, known)
        known[name] = {"type": "object", "properties": shape, "required": list(shape), "additionalProperties": False}
        if kind.__doc__ and properties is None:
            known[name]["description"] = kind.__doc__.strip().splitlines()[0]
    return {"$ref": f"#/$defs/{name}"}


def _properties(kind: Any, known: dict[str, Any]) -> dict[str, Any]:
    """What ``to_dict`` gives: the fields, and for some values others or more."""
    if kind is Plan:
        own = ("doctype", "version", "from_digest", "to_digest")
        return {
            **dict.fromkeys(own, _TEXT),
            "cost": _TEXT,
            "scope": _TEXTS,
            "steps": {"type": "array", "items": _schema(Step, known)},
        }
    if kind is SchemaDiff:
        changes = {"type": "array", "items": {"anyOf": [_schema(each, known) for each in get_args(AnyChange)]}}
        flags = dict.fromkeys(("has_changes", "destructive", "requires_data_migration"), _FLAG)
        hints = get_type_hints(SchemaDiff)
        kept, renames = _schema(hints["kept"], known), _schema(hints["likely_renames"], known)
        return {"doctype": _TEXT, **flags, "changes": changes, "kept": kept, "likely_renames": renames}
    hints = get_type_hints(kind)
    found = {part.name: _schema(hints[part.name], known) for part in fields(kind)}
    if kind is Step:
        found |= {"up": _TEXTS, "down": _TEXTS}
    if kind is Hazard:
        found["allow"] = _TEXT
    if kind in get_args(AnyChange):
        found = {"kind": {"const": kind.__name__.removesuffix("Change")}, "destructive": _FLAG} | found
        found["requires_data_migration"] = _FLAG
    if kind is DryRunResult:
        losses = {"type": "array", "items": _schema(Loss, known)}
        found |= {"performance_impact": {"enum": list(get_args(Impact))}, "losses": losses, "summary": _TEXTS}
    return found
