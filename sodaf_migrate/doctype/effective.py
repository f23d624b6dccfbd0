"""Definitions with what was added to them and overridden in them: the effective DocTypes."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from sodaf_migrate.doctype.documents import Definition, FieldAddition, PropertyOverride
from sodaf_migrate.doctype.model import DocType
from sodaf_migrate.doctype.problems import Problem

__all__ = ["merge", "validated"]

_FIXED = frozenset({"name", "fieldname", "fields", "doctype", "custom_fields", "property_setters"})


def merge(
    definition: Definition, additions: list[FieldAddition], overrides: list[PropertyOverride]
) -> tuple[dict[str, Any], list[Problem]]:
    """The definition's object with fields added and properties set, and what could not be done."""
    raw, problems = dict(definition.raw), list[Problem]()
    fields = raw.get("fields")
    if not isinstance(fields, (list, tuple)) and (additions or overrides):
        return raw, problems  # validation says what is wrong with it
    if additions or overrides:
        fields = [dict(item) if isinstance(item, dict) else item for item in fields or ()]
        for addition in additions:
            _insert(fields, addition.raw)
        for override in overrides:
            problems += _override(raw, fields, override)
        raw["fields"] = fields
    order = raw.get("field_order")
    if isinstance(order, list) and isinstance(raw.get("fields"), list):
        raw["fields"] = _ordered(raw["fields"], order)
    return raw, problems


def _name(field: Any) -> Any:
    return field.get("fieldname") if isinstance(field, dict) else None


def _insert(fields: list[Any], raw: dict[str, Any]) -> None:
    """Put the field after the one that its ``insert_after`` names, else last."""
    after = raw.get("insert_after")
    names = [_name(field) for field in fields]
    place = names.index(after) + 1 if after and after in names else len(fields)
    fields.insert(place, dict(raw))


def _override(raw: dict[str, Any], fields: list[Any], override: PropertyOverride) -> Iterator[Problem]:
    if override.property in _FIXED:
        yield Problem(
            code="PROPERTY_FIXED",
            file=override.file,
            doctype=override.target,
            field=override.field,
            message=f'Property "{override.property}" of DocType "{override.target}" cannot be overridden',
            hint="Change the definition itself; a field is renamed with old_fieldname.",
        )
        return
    value = override.value
    if override.property == "field_order" and isinstance(value, str):
        value = _json_list(value)
    if not override.field:
        raw[override.property] = value
        return
    found = [field for field in fields if _name(field) == override.field]
    for field in found:
        field[override.property] = value
    if not found:
        yield Problem(
            code="PROPERTY_FIELD_UNKNOWN",
            file=override.file,
            doctype=override.target,
            field=override.field,
            message=f'Property "{override.property}" is set for field "{override.field}", which DocType '
            f'"{override.target}" does not have',
            hint="Correct its field_name, or delete the override.",
        )


def _json_list(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _ordered(fields: list[Any], order: list[Any]) -> list[Any]:
    """Fields as ``field_order`` lists them; those that it leaves out stay behind the field they stood behind."""
    rank = {name: place for place, name in reversed(list(enumerate(order))) if isinstance(name, str)}
    places, last = [], -1
    for field in fields:
        name = _name(field)
        last = rank.get(name, last) if isinstance(name, str) else last
        places.append(last)
    return [field for _, field in sorted(zip(places, fields, strict=True), key=lambda pair: pair[0])]


def validated(raw: dict[str, Any], file: str) -> tuple[DocType | None, list[Problem]]:
    """The DocType of one merged object, and every value of a wrong kind.

    With some it is what is left without them, for the rules to judge; None where nothing can be.
    """
    try:
        return DocType.model_validate(raw), []
    except ValidationError:
        pass
    # Exports hold null and '' where a key has no value. Few do, so only what failed is looked through.
    bare = _without_blanks(raw)
    try:
        return DocType.model_validate(bare), []
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
    try:
        sound = DocType.model_validate(_without(bare, [fault["loc"] for fault in found], file))
    except ValidationError:
        sound = None
    return sound, [_problem(fault, bare, file) for fault in found]


def _without(raw: dict[str, Any], wrong: list[tuple[Any, ...]], file: str) -> dict[str, Any]:
    """The object without what stands at the paths ``wrong``; a field stays a field, for others may name it."""
    keys = {path[0] for path in wrong if len(path) == 1 or path[0] not in ("fields", "indexes")}
    left = {"name": file or "?", **{key: item for key, item in raw.items() if key not in keys}}
    faulty: defaultdict[tuple[Any, ...], set[Any]] = defaultdict(set)
    for path in wrong:
        faulty[path[:2]].update(path[2:3])
    if "fields" in left:
        fields = enumerate(left["fields"])
        left["fields"] = [_stand_in(item, at, faulty.get(("fields", at))) for at, item in fields]
    if "indexes" in left:
        left["indexes"] = [item for at, item in enumerate(left["indexes"]) if ("indexes", at) not in faulty]
    return left


def _stand_in(field: Any, place: int, wrong: set[Any] | None) -> Any:
    """The field without its ``wrong`` values; where the rules would miss one, a harmless one is there for it."""
    if wrong is None:
        return field
    left = {key: item for key, item in field.items() if key not in wrong} if isinstance(field, dict) else {}
    if "fieldname" in wrong:
        left["fieldname"] = f"field_{place + 1}"
    if "options" in wrong:
        left["options"] = "?"
    if "fieldtype" in wrong or not left:
        name = left.get("fieldname", "")
        return {"fieldname": name, "fieldtype": "Data" if name else "Section Break"}
    return left


_TEXTS = frozenset({"default", "label", "options", "name", "fieldtype", "fieldname"})


def _without_blanks(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_blanks(item) if key in ("fields", "indexes") else item
            for key, item in value.items()
            if item is not None and (item != "" or key in _TEXTS)
        }
    if isinstance(value, (list, tuple)):
        return [_without_blanks(item) for item in value]
    return value


def _problem(fault: Any, raw: dict[str, Any], file: str) -> Problem:
    """One fault that pydantic found, in our words."""
    name = raw["name"] if isinstance(raw.get("name"), str) else ""
    path = [str(step) for step in fault["loc"]]
    field = _field_at(raw, fault["loc"])
    place = f'Field "{field}" of ' if field else ""
    whole = f'DocType "{name}"' if name else "the definition"
    said = f"{place}{whole}" if place else f"{whole[:1].upper()}{whole[1:]}"
    what = f'"{".".join(path)}"' if path else "the definition"
    if fault["type"] == "missing":
        return Problem(
            code="PROPERTY_MISSING",
            file=file,
            doctype=name,
            field=field,
            message=f"{said} lacks {what}",
            hint=f'Add "{path[-1] if path else "name"}".',
        )
    return Problem(
        code="PROPERTY_WRONG_KIND",
        file=file,
        doctype=name,
        field=field,
        message=f"{said} has a wrong value for {what}: {_shown(fault['input'])}",
        hint=f"It has to be {_wanted(fault)}.",
    )


#: By the beginning of a pydantic error's type, what we call the kind of value that it misses.
_WANTED = {
    "string": "a text",
    "int": "a whole number",
    "float": "a number",
    "finite": "a number that is not infinite",
    "bool": "true or false (or 1 or 0)",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "frozen_set": "a list",
    "dict": "an object",
    "model": "an object",
    "mapping": "an object",
    "greater_than": "a larger number",
    "less_than": "a smaller number",
}


def _wanted(fault: Any) -> str:
    if fault["loc"][-1] in ("old_fieldname", "old_name"):
        return "a text, or a list of texts"
    return next((words for start, words in _WANTED.items() if fault["type"].startswith(start)), "another kind of value")


def _field_at(raw: dict[str, Any], path: tuple[Any, ...]) -> str:
    fields = raw.get("fields")
    if len(path) < 2 or path[0] != "fields" or not isinstance(path[1], int) or not isinstance(fields, list):
        return ""
    item = fields[path[1]] if path[1] < len(fields) else None
    found = _name(item)
    return found if isinstance(found, str) else ""


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
