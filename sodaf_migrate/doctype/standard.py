"""The columns that a DocType's table has without any field asking for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sodaf_migrate.doctype.model import DocField, DocType
from sodaf_migrate.schema.model import fold

__all__ = ["CHILD_NAMES", "RESERVED_NAMES", "TREE_NAMES", "ImpliedColumn", "leading", "trailing"]


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


#: Columns of every tree, beside the one that names the parent row.
TREE_NAMES = ("lft", "rgt", "is_group", "old_parent")


def leading(doctype: DocType) -> tuple[ImpliedColumn, ...]:
    """The columns that stand before the fields, the key first."""
    standard = _AUTOINCREMENT if doctype.autoincrement else _STANDARD
    return (*standard, *_CHILD) if doctype.istable else standard


def trailing(doctype: DocType, fields: Iterable[DocField] | None = None) -> tuple[ImpliedColumn, ...]:
    """The columns that stand after the fields; one that the definition declares itself is left to its field.

    ``fields`` replaces those of the definition, where some of them are not fit to be asked.
    """
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
    declared = {fold(field.fieldname) for field in (doctype.fields if fields is None else fields) if field.has_column}
    return tuple(column for column in wanted if fold(column.name) not in declared)
