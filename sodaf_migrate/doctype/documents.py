"""What a JSON value is: a DocType, customisations of one, or something that is none of our business."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sodaf_migrate.doctype.problems import Problem

__all__ = ["Definition", "Document", "FieldAddition", "Note", "PropertyOverride", "read_documents"]

_CUSTOM_FIELD = ("Custom Field", "custom_field")
_PROPERTY_SETTER = ("Property Setter", "property_setter")


@dataclass(frozen=True, slots=True)
class Definition:
    """A DocType as it is written."""

    file: str
    raw: dict[str, Any] = field(hash=False)


@dataclass(frozen=True, slots=True)
class FieldAddition:
    """A field that somebody adds to the DocType ``target``."""

    file: str
    target: str
    raw: dict[str, Any] = field(hash=False)


@dataclass(frozen=True, slots=True)
class PropertyOverride:
    """A property of the DocType ``target``, or of one of its fields, set by somebody; ``field`` "" is the DocType."""

    file: str
    target: str
    field: str
    property: str
    value: Any


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was passed over, and why."""

    file: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}: {self.text}" if self.file else self.text


Document: TypeAlias = Definition | FieldAddition | PropertyOverride | Note | Problem


def read_documents(value: Any, file: str = "", *, expected: bool = False) -> Iterator[Document]:
    """Every document in one JSON value (a list holds several). ``expected``: what is nothing else must be a DocType."""
    if isinstance(value, list):
        for item in value:
            yield from _document(item, file, expected)
    else:
        yield from _document(value, file, expected)


def _document(value: Any, file: str, expected: bool) -> Iterator[Document]:
    if not isinstance(value, dict):
        if expected:
            yield Problem(
                code="DEFINITION_NOT_AN_OBJECT",
                file=file,
                message=f"A definition must be a JSON object, not {_kind(value)}",
                hint='Write {"name": …, "fields": [ … ]}.',
            )
        else:
            yield Note(file, f"skipped: {_kind(value)} is no DocType")
        return
    kind = value.get("doctype")
    if kind in _CUSTOM_FIELD:
        yield _addition(value, file)
    elif kind in _PROPERTY_SETTER:
        yield _override(value, file)
    elif kind not in (None, "DocType") and ("custom_fields" in value or "property_setters" in value):
        yield from customisations(value, file, kind)
    elif kind == "DocType" or (kind is None and (expected or _looks_like_doctype(value))):
        yield Definition(file, value)
    elif kind is None:
        lacks = "name" if isinstance(value.get("fields"), list) else "list of fields"
        yield Note(file, f"skipped: no DocType (it has no {lacks})")
    else:
        yield Note(file, f'skipped: a document of kind "{kind}"')


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _looks_like_doctype(value: Mapping[str, Any]) -> bool:
    fields = value.get("fields")
    if "name" in value:
        return isinstance(fields, list)
    return isinstance(fields, list) and any(isinstance(item, dict) and "fieldtype" in item for item in fields)


def customisations(value: Mapping[str, Any], file: str, target: Any) -> Iterator[Document]:
    """What the lists ``custom_fields`` and ``property_setters`` of one object do to the DocType ``target``."""
    for key, read in (("custom_fields", _addition), ("property_setters", _override)):
        items = value.get(key) or ()
        if not isinstance(items, (list, tuple)):
            yield _malformed(file, target, f'"{key}" must be a list')
            continue
        for item in items:
            if isinstance(item, dict):
                yield read({"dt": target, "doc_type": target, **item}, file)
            else:
                yield _malformed(file, target, f'"{key}" must hold objects, not {_kind(item)}')


def _addition(value: Mapping[str, Any], file: str) -> Document:
    target = value.get("dt")
    if not isinstance(target, str) or not target:
        return _malformed(file, "", 'A custom field must say in "dt" which DocType it is for')
    # The document's own name ("Customer-rating") and kind are no property of the field.
    raw = {key: item for key, item in value.items() if key not in ("doctype", "dt", "doc_type", "name")}
    return FieldAddition(file, target, raw)


def _override(value: Mapping[str, Any], file: str) -> Document:
    target, prop = value.get("doc_type"), value.get("property")
    fieldname = value.get("field_name") or value.get("fieldname") or ""
    if value.get("doctype_or_field") == "DocType":
        fieldname = ""
    if not isinstance(target, str) or not target or not isinstance(prop, str) or not prop:
        return _malformed(file, target, 'A property override must say its "doc_type" and "property"')
    if not isinstance(fieldname, str):
        return _malformed(file, target, 'The "field_name" of a property override must be text')
    return PropertyOverride(file, target, fieldname, prop, value.get("value"))


def _malformed(file: str, target: Any, message: str) -> Problem:
    return Problem(
        code="CUSTOMISATION_MALFORMED",
        file=file,
        doctype=target if isinstance(target, str) else "",
        message=message + (f' (DocType "{target}")' if target else ""),
        hint="A custom field is a field with dt; an override has doc_type, field_name, property and value.",
    )
