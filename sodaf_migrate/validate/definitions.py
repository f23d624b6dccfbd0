"""DEPENDENTS, in the definitions: what of all DocTypes names a field or a DocType that goes or is called otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from sodaf_migrate.doctype.model import DocField, DocType
from sodaf_migrate.plan import Finding, Severity
from sodaf_migrate.schema.model import fold
from sodaf_migrate.validate.look import Catalogue, Look

__all__ = ["definitions_concerned"]

#: Properties of a DocType that name one of its fields, or several, parted by commas.
_OF_DOCTYPE = (
    "title_field",
    "search_fields",
    "sort_field",
    "image_field",
    "timeline_field",
    "nsm_parent_field",
    "autoname",
)
#: Properties of a field that hold an expression over the document: "eval:doc.status == 'Open'" or a field's name.
_OF_FIELD = ("depends_on", "mandatory_depends_on", "read_only_depends_on", "collapsible_depends_on", "default")


def definitions_concerned(look: Look) -> Iterable[Finding]:
    """Links, fetched fields, titles, searches, sort orders and expressions that name what is no longer there."""
    catalogue, name = look.definitions, look.plan.doctype
    if catalogue is None or name not in catalogue:
        return
    doctype = catalogue.get(name)
    gone = _gone(look, doctype)
    if gone:
        yield from _own(doctype, gone)
        yield from _fetched(catalogue, doctype, gone)
    if doctype.old_name and (look.plan.diff.tables or look.plan.diff.rows):
        yield from _pointing(catalogue, doctype)


def _gone(look: Look, doctype: DocType) -> dict[str, str]:
    """By field that the definition no longer has, what it is called now ("" where it went)."""
    diff = look.plan.diff
    found: dict[str, str] = {}
    for kept in diff.kept:
        if kept.name.kind == "column" and fold(kept.name.table) == fold(doctype.table):
            found[kept.name.name] = ""
    for change in diff.columns:
        if change.old is not None and fold(change.table) == fold(doctype.table):
            new = change.new.name if change.new is not None else ""
            if fold(new) != fold(change.old.name):
                found[change.old.name] = new
    for row in diff.rows:  # the fields of a Single, and Table fields, which have no column
        if row.column in ("field", "parentfield"):
            found[row.old] = row.new
    return {old: new for old, new in found.items() if doctype.field(old) is None}


def _finding(code: str, target: str, message: str, hint: str) -> Finding:
    return Finding(code=code, severity=Severity.WARNING, target=target, message=message, hint=hint)


def _now(new: str) -> str:
    return f'which is called "{new}" now' if new else "which is no longer defined"


def _hint(new: str) -> str:
    return f'Write "{new}" there.' if new else "Name another field there, or take it out."


def _own(doctype: DocType, gone: dict[str, str]) -> Iterator[Finding]:
    for key in _OF_DOCTYPE:
        for word in _words(_said(doctype, key)):
            if word in gone:
                yield _finding(
                    "DEFINITION_NAMES_FIELD",
                    doctype.name,
                    f'"{key}" of DocType "{doctype.name}" names the field "{word}", {_now(gone[word])}',
                    _hint(gone[word]),
                )
    for field in doctype.fields:
        for key in _OF_FIELD:
            for word in _in_expression(_said(field, key), bare=key != "default"):
                if word in gone:
                    yield _finding(
                        "DEFINITION_NAMES_FIELD",
                        f"{doctype.name}.{field.fieldname}",
                        f'"{key}" of field "{field.fieldname}" of DocType "{doctype.name}" names the field "{word}", '
                        f"{_now(gone[word])}",
                        _hint(gone[word]),
                    )


def _said(thing: DocType | DocField, key: str) -> str:
    value: Any = getattr(thing, key, None)
    return value if isinstance(value, str) else ""


def _words(text: str) -> list[str]:
    """Field names in "a, b", "modified desc" or "field:code"."""
    return [part.split()[0] for part in text.removeprefix("field:").split(",") if part.strip()]


def _in_expression(text: str, *, bare: bool) -> list[str]:
    if text.startswith("eval:"):
        return re.findall(r"\bdoc\.(\w+)", text)
    return [text.removeprefix(":")] if re.fullmatch(r":?\w+", text) and (bare or text.startswith(":")) else []


def _fetched(catalogue: Catalogue, doctype: DocType, gone: dict[str, str]) -> Iterator[Finding]:
    for other in map(catalogue.get, catalogue.names()):
        for field in other.fields:
            link, dot, source = _said(field, "fetch_from").partition(".")
            if not dot:
                continue
            through = other.field(link)
            word = source if through is not None and through.options == doctype.name and source in gone else ""
            if other.name == doctype.name and link in gone:
                word = link
            if word:
                yield _finding(
                    "FETCH_FROM_BROKEN",
                    f"{other.name}.{field.fieldname}",
                    f'field "{field.fieldname}" of DocType "{other.name}" is fetched from "{link}.{source}", but '
                    f'"{word}" is a field of "{doctype.name}" {_now(gone[word])}',
                    _hint(gone[word]),
                )


def _pointing(catalogue: Catalogue, doctype: DocType) -> Iterator[Finding]:
    former = {name for name in doctype.old_name if name not in catalogue}
    for other in map(catalogue.get, catalogue.names()):
        for field in other.fields:
            if field.fieldtype in ("Link", "Table", "Table MultiSelect") and field.options in former:
                yield _finding(
                    "LINK_TO_FORMER_NAME",
                    f"{other.name}.{field.fieldname}",
                    f'field "{field.fieldname}" of DocType "{other.name}" points at "{field.options}", which is called '
                    f'"{doctype.name}" now',
                    f'Write "{doctype.name}" in its options.',
                )
