"""From an effective DocType to the table that it wishes for; no database in sight."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal as OneOf

from sodaf_migrate.doctype.catalogue import Storage
from sodaf_migrate.doctype.defaults import static_default
from sodaf_migrate.doctype.model import DocField, DocIndex, DocType, default_table
from sodaf_migrate.doctype.standard import ImpliedColumn, leading, trailing
from sodaf_migrate.errors import ConfigurationError
from sodaf_migrate.options import OnConversionError, SyncOptions
from sodaf_migrate.schema.model import Column, ForeignKey, Index, KeyPart, Literal, PrimaryKey, Sql, Table, fold
from sodaf_migrate.typemap import neutral_type

__all__ = ["SINGLES_TABLE", "SiteRules", "Wish", "index_name", "singles_indexes", "singles_table", "wished"]

#: The table that holds the values of every Single.
SINGLES_TABLE = "tabSingles"

_NAME_BYTES = 63  # what PostgreSQL keeps of a name; the other dialects keep at least as much


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRules:
    """What a site decides for all its DocTypes.

    ``required``: "definition" follows the spelling (``required`` and ``not_nullable`` mean NOT NULL, ``reqd`` does
    not), "database" makes all three NOT NULL, "application" only ``not_nullable``. ``on_conversion_error`` counts
    where neither the call nor the definition says it; ``date_formats`` ("%d.%m.%Y") and ``number_formats``
    ("#.###,##") are how the site's texts spell dates and numbers. Raises ConfigurationError.
    """

    required: OneOf["definition", "database", "application"] = "definition"
    link_foreign_keys: bool = False
    on_conversion_error: OnConversionError = "refuse"
    date_formats: tuple[str, ...] = ()
    number_formats: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        SyncOptions(on_conversion_error=self.on_conversion_error)  # raises what is wrong with it
        if self.required not in ("definition", "database", "application"):
            raise ConfigurationError(
                f'"{self.required}" is no rule for required fields',
                hint='Use "definition", "database" or "application".',
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What one DocType asks for. ``table`` is None for a Single (its rows live in ``tabSingles``) and a virtual one.

    Types are neutral and indexes are not created yet. The renames are candidates, newest name last: each counts only
    where the old thing lives and the new one does not.
    """

    doctype: str
    table: Table | None = None
    indexes: tuple[Index, ...] = ()
    single: bool = False
    renames: tuple[tuple[str, str], ...] = ()  # (old, new) of columns; of fields for a Single
    parentfield_renames: tuple[tuple[str, str, str], ...] = ()  # (child DocType, old, new) of Table fields
    old_names: tuple[str, ...] = ()  # former names of the DocType
    old_tables: tuple[str, ...] = ()  # their tables


def wished(
    doctype: DocType,
    site: SiteRules | None = None,
    *,
    table_of: Callable[[str], str | None] = default_table,
) -> Wish:
    """The wish of one effective DocType. ``table_of`` gives the table a Link's target has, None when it has none."""
    site = site or SiteRules()
    old_tables = tuple(default_table(name) for name in doctype.old_name)
    renames = tuple(
        (old, field.fieldname)
        for field in doctype.column_fields
        for old in field.old_fieldname
        if old != field.fieldname
    )
    table = _table(doctype, site, table_of) if doctype.has_table else None
    return Wish(
        doctype=doctype.name,
        table=table,
        indexes=tuple(_indexes(doctype, table)) if table else (),
        single=doctype.issingle and not doctype.is_virtual,
        renames=renames,
        parentfield_renames=tuple(
            (field.options or "", old, field.fieldname)
            for field in doctype.fields
            if field.is_table
            for old in field.old_fieldname
            if old != field.fieldname
        ),
        old_names=doctype.old_name,
        old_tables=tuple(name for name in old_tables if fold(name) != fold(doctype.table)),
    )


def _table(doctype: DocType, site: SiteRules, table_of: Callable[[str], str | None]) -> Table:
    columns = (
        *map(_implied, leading(doctype)),
        *(_column(field, site) for field in doctype.column_fields),
        *map(_implied, trailing(doctype)),
    )
    key = PrimaryKey(
        parts=(KeyPart(column="name"),),
        autoincrement=doctype.autoincrement,
        rowid_alias=doctype.autoincrement,
        inline="name",
    )
    foreign = tuple(_foreign_keys(doctype, table_of)) if site.link_foreign_keys else ()
    return Table(name=doctype.table, columns=columns, primary_key=key, foreign_keys=foreign)


def _implied(column: ImpliedColumn) -> Column:
    default = Literal(0) if column.counted else None
    return Column(name=column.name, type=column.storage, not_null=column.counted, default=default)


def _column(field: DocField, site: SiteRules) -> Column:
    default = static_default(field)
    return Column(
        name=field.fieldname,
        type=neutral_type(field) or "",
        not_null=field.type.storage is Storage.CHECK or _not_null(field, site),
        default=None if default is None else Literal(default),
    )


def _not_null(field: DocField, site: SiteRules) -> bool:
    if field.not_nullable or site.required == "application":
        return field.not_nullable
    return field.required or (field.reqd and site.required == "database")


def _foreign_keys(doctype: DocType, table_of: Callable[[str], str | None]) -> Iterator[ForeignKey]:
    for field in doctype.column_fields:
        target = table_of(field.options) if field.fieldtype == "Link" and field.options else None
        if target is not None:
            rule = field.on_delete or doctype.on_delete or "NO ACTION"
            yield ForeignKey(
                columns=(field.fieldname,), table=target, referenced=("name",), on_delete=" ".join(rule.upper().split())
            )


def _indexes(doctype: DocType, table: Table) -> Iterator[Index]:
    """Each index once: one that two places ask for alike is wished once."""
    seen = set()
    for index in (*_field_indexes(doctype), *(_written_index(table, index) for index in doctype.indexes)):
        if index.definition() not in seen:
            seen.add(index.definition())
            yield index


def _field_indexes(doctype: DocType) -> Iterator[Index]:
    if doctype.istable:
        yield _index(doctype.table, (KeyPart(column="parent"),))
    for field in doctype.column_fields:
        if field.unique or field.wants_index:
            yield _index(doctype.table, (KeyPart(column=field.fieldname),), unique=field.unique)


def _written_index(table: Table, index: DocIndex) -> Index:
    """The index with its columns spelled as the table spells them: case is no difference between two wishes."""
    columns = {fold(column.name): column.name for column in table.columns}
    parts = tuple(
        KeyPart(column=columns.get(fold(part.field), part.field), descending=part.descending) for part in index.fields
    )
    return _index(table.name, parts, unique=index.unique, where=index.where, name=index.name)


def _index(
    table: str, parts: tuple[KeyPart, ...], *, unique: bool = False, where: str | None = None, name: str | None = None
) -> Index:
    # The key is only a stand-in: normalising the wish through the dialect gives the canonical one.
    condition = Sql(text=where.strip(), key=" ".join(where.split())) if where else None
    bare = Index(name="", table=table, parts=parts, unique=unique, where=condition)
    return Index(name=name or index_name(bare), table=table, parts=parts, unique=unique, where=condition)


def index_name(index: Index) -> str:
    """The name made of what an index is: "ix_tabItem.item_group", "ux_…" when unique; at most 63 bytes.

    No fieldname holds a full stop, comma or number sign, so two indexes that differ never get one name. What a name
    cannot say (order, condition), or what is too long for it, is a digest behind "#".
    """
    columns = ",".join(part.column or "" for part in index.parts)
    name = f"{'ux' if index.unique else 'ix'}_{index.table}.{columns}"
    special = index.where is not None or any(part.descending for part in index.parts)
    if not special and len(name.encode()) <= _NAME_BYTES:
        return name
    said = [name, [part.descending for part in index.parts], index.where.key if index.where else ""]
    suffix = "#" + hashlib.sha256(json.dumps(said).encode()).hexdigest()[:10]
    return name.encode()[: _NAME_BYTES - len(suffix)].decode(errors="ignore") + suffix


def singles_table() -> Table:
    """The table of all Singles: one row for each value of a field."""
    return Table(
        name=SINGLES_TABLE, columns=tuple(Column(name=name, type="text") for name in ("doctype", "field", "value"))
    )


def singles_indexes() -> tuple[Index, ...]:
    """The one index on it, not unique, as in Frappe: an old site may hold a value twice."""
    return (_index(SINGLES_TABLE, (KeyPart(column="doctype"), KeyPart(column="field"))),)
