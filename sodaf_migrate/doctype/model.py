"""DocType, DocField and DocIndex: definitions in both spellings, frozen, with every unknown key kept.

SODAF's spelling has ``required``, ``indexed``, ``old_fieldname``, ``indexes``; Frappe's has ``reqd``,
``search_index`` and flags as 0 or 1. Frappe's ``oldfieldname`` is a leftover of its history and means nothing here.
Few validators and no unions on the fields of a field: a thousand files are read at every start.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import cached_property
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

from sodaf_migrate.doctype.catalogue import FIELD_TYPES, FieldType

__all__ = ["DocField", "DocIndex", "DocType", "IndexPart", "default_table", "snake"]

_FROZEN = ConfigDict(frozen=True, extra="allow", populate_by_name=True)


def default_table(name: str) -> str:
    """The table of a DocType that names none."""
    return f"tab{name}"


def snake(name: str) -> str:
    """``name`` as a part of a fieldname: "Customer Group" gives "customer_group"."""
    return re.sub(r"\W+", "_", name.strip().lower()).strip("_")


def _names(value: Any) -> Any:
    """A name or a list of names, as a tuple without blanks and repetitions; anything else is left to pydantic."""
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        return (value,)
    if isinstance(value, (list, tuple)):
        return tuple(dict.fromkeys(item for item in value if item != "")) if _hashable(value) else value
    return value


def _hashable(value: list[Any] | tuple[Any, ...]) -> bool:
    return all(isinstance(item, str) for item in value)


def _blank_is_none(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


def _options(value: Any) -> Any:
    """Options given as a list are lines, as Frappe stores them."""
    if isinstance(value, (list, tuple)) and _hashable(value):
        return "\n".join(value)
    return value


def _expression(value: Any) -> Any:
    """{"sql": "…"} or the bare text of an expression; anything else is left to pydantic."""
    return value["sql"] if isinstance(value, dict) and set(value) == {"sql"} else value


Names = Annotated[tuple[str, ...], BeforeValidator(_names)]


class DocField(BaseModel):
    """One field of a DocType. ``required`` is SODAF's (NOT NULL), ``reqd`` Frappe's (the application's matter)."""

    model_config = _FROZEN

    fieldname: str = ""
    fieldtype: str
    label: str | None = None
    options: Annotated[str | None, BeforeValidator(_options)] = None
    default: Any = None
    length: int | None = None
    precision: Annotated[int | None, BeforeValidator(_blank_is_none)] = None
    required: bool = False
    reqd: bool = False
    not_nullable: bool = False
    unique: bool = False
    indexed: bool = False
    search_index: bool = False
    is_virtual: bool = False
    old_fieldname: Names = ()
    on_delete: str | None = None
    on_conversion_error: Annotated[str | None, BeforeValidator(_blank_is_none)] = None
    transform: Annotated[str | None, BeforeValidator(_expression)] = None

    @property
    def type(self) -> FieldType:
        """What the catalogue says of the field's type (a checked definition has no unknown one)."""
        return FIELD_TYPES[self.fieldtype]

    @property
    def has_column(self) -> bool:
        """Whether the field keeps its value in a column of the DocType's own table."""
        return not self.is_virtual and FIELD_TYPES[self.fieldtype].has_column

    @property
    def is_table(self) -> bool:
        """Whether the field's values are rows of a child table."""
        return self.fieldtype in ("Table", "Table MultiSelect") and not self.is_virtual

    @property
    def wants_index(self) -> bool:
        return self.indexed or self.search_index

    @property
    def choices(self) -> tuple[str, ...]:
        """The lines of a Select's options."""
        return tuple(self.options.split("\n")) if self.options else ()


class IndexPart(BaseModel):
    """One column of an index."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    field: str = Field(validation_alias=AliasChoices("field", "fieldname", "column", "name"))
    descending: bool = Field(default=False, validation_alias=AliasChoices("descending", "desc"))


def _index_parts(value: Any) -> Any:
    """Parts as they may be written: "city", "city desc", "-city", {"field": "city", "descending": true}."""
    if isinstance(value, str):
        value = value.split(",")
    return tuple(_index_part(part) for part in value) if isinstance(value, (list, tuple)) else value


def _index_part(part: Any) -> Any:
    if isinstance(part, dict) and "order" in part:
        rest = {key: item for key, item in part.items() if key != "order"}
        return {**rest, "descending": str(part["order"]).strip().lower() == "desc"}
    if not isinstance(part, str):
        return part
    name, _, order = part.strip().partition(" ")
    if order.strip().lower() in ("asc", "desc"):
        return {"field": name, "descending": order.strip().lower() == "desc"}
    return {"field": part.strip().removeprefix("-"), "descending": part.strip().startswith("-")}


class DocIndex(BaseModel):
    """An index over several fields, or over some of the rows (``where``, one SQL expression)."""

    model_config = _FROZEN

    fields: Annotated[tuple[IndexPart, ...], BeforeValidator(_index_parts)] = Field(
        validation_alias=AliasChoices("fields", "columns")
    )
    unique: bool = False
    where: Annotated[str | None, BeforeValidator(_blank_is_none)] = None
    name: Annotated[str | None, BeforeValidator(_blank_is_none)] = None


class DocType(BaseModel):
    """One definition; the engine hands out effective ones, with custom fields and property overrides merged."""

    model_config = _FROZEN

    name: str
    module: str | None = None
    table_name: Annotated[str | None, BeforeValidator(_blank_is_none)] = None
    fields: tuple[DocField, ...] = ()
    indexes: tuple[DocIndex, ...] = ()
    old_name: Names = ()
    modified: str | None = None
    autoname: str | None = None
    nsm_parent_field: Annotated[str | None, BeforeValidator(_blank_is_none)] = None
    on_delete: str | None = None
    on_conversion_error: Annotated[str | None, BeforeValidator(_blank_is_none)] = None
    issingle: bool = Field(default=False, validation_alias=AliasChoices("issingle", "is_single"))
    istable: bool = Field(default=False, validation_alias=AliasChoices("istable", "is_table", "is_child"))
    is_tree: bool = False
    is_submittable: bool = False
    is_virtual: bool = False
    track_seen: bool = False

    @property
    def table(self) -> str:
        """The name of its table, whether or not it has one."""
        return self.table_name or default_table(self.name)

    @property
    def has_table(self) -> bool:
        """Whether it has a table of its own: neither Single nor virtual."""
        return not (self.issingle or self.is_virtual)

    @property
    def autoincrement(self) -> bool:
        """Whether its rows are named by a counter."""
        return (self.autoname or "").strip().lower() == "autoincrement"

    @property
    def tree_parent(self) -> str:
        """The field of a tree that names the parent row."""
        return self.nsm_parent_field or f"parent_{snake(self.name)}"

    @property
    def version(self) -> str:
        """The definition's ``modified`` stamp, or the first twelve characters of its digest."""
        return self.modified or self.digest[:12]

    @property
    def column_fields(self) -> tuple[DocField, ...]:
        """The fields that keep their values in the DocType's own table."""
        return tuple(field for field in self.fields if field.has_column)

    def field(self, fieldname: str) -> DocField | None:
        """The field of exactly that name, or None."""
        return next((field for field in self.fields if field.fieldname == fieldname), None)

    @cached_property
    def digest(self) -> str:
        """The SHA-256 (hex) of the definition as canonical JSON: defaults left out, keys sorted."""
        plain = self.model_dump(exclude_defaults=True)
        text = json.dumps(plain, sort_keys=True, separators=(",", ":"), default=str)
        return hashlib.sha256(text.encode()).hexdigest()
