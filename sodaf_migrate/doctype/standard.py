"""The columns that a DocType's table has without any field asking for them."""

from __future__ import annotations

from dataclasses import dataclass

from sodaf_migrate.doctype.model import DocType

__all__ = ["CHILD_NAMES", "RESERVED_NAMES", "ImpliedColumn", "leading", "trailing"]


@dataclass(frozen=True, slots=True)
class ImpliedColumn:
    """One such column: ``storage`` is text or integer; ``counted`` ones are NOT NULL DEFAULT 0."""

    name: str
    storage: str = "text"
    counted: bool = False


_STANDARD = (
    ImpliedColumn("name"),
    ImpliedColumn("creation"),
    ImpliedColumn("modified"),
    ImpliedColumn("modified_by"),
    ImpliedColumn("owner"),
    ImpliedColumn("docstatus", "integer", counted=True),
    ImpliedColumn("idx", "integer", counted=True),
)
_AUTOINCREMENT = (ImpliedColumn("name", "integer"), *_STANDARD[1:])
_CHILD = (ImpliedColumn("parent"), ImpliedColumn("parentfield"), ImpliedColumn("parenttype"))

#: Columns of a child table that say whose row it is.
CHILD_NAMES = tuple(column.name for column in _CHILD)
#: Names that no field may have: standard columns, those of a child (any DocType may become one), what readers of
#: ``_seen`` expect, and two of SQLite's three names of the rowid, so that one always reaches it.
RESERVED_NAMES = frozenset({column.name for column in (*_STANDARD, *_CHILD)} | {"_seen", "rowid", "_rowid_"})


def leading(doctype: DocType) -> tuple[ImpliedColumn, ...]:
    """The columns that stand before the fields, the key first."""
    standard = _AUTOINCREMENT if doctype.autoincrement else _STANDARD
    return (*standard, *_CHILD) if doctype.istable else standard


def trailing(doctype: DocType) -> tuple[ImpliedColumn, ...]:
    """The columns that stand after the fields; one that the definition declares itself is left to its field."""
    if not (doctype.is_submittable or doctype.is_tree or doctype.track_seen):
        return ()
    wanted: list[ImpliedColumn] = []
    if doctype.is_submittable:
        wanted.append(ImpliedColumn("amended_from"))
    if doctype.is_tree:
        wanted += [ImpliedColumn("lft", "integer"), ImpliedColumn("rgt", "integer")]
        wanted += [ImpliedColumn("is_group", "integer", counted=True), ImpliedColumn("old_parent")]
        wanted.append(ImpliedColumn(doctype.tree_parent))
    if doctype.track_seen:
        wanted.append(ImpliedColumn("_seen"))
    declared = {field.fieldname.lower() for field in doctype.column_fields}
    return tuple(column for column in wanted if column.name.lower() not in declared)
