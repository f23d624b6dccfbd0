"""Rows that follow a rename: the places where a framework stores the *name* of a field or of a DocType as data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from sodaf_migrate.compare.changes import RowsChange
from sodaf_migrate.desired import SINGLES_TABLE, Wish
from sodaf_migrate.doctype.model import DocField, DocType
from sodaf_migrate.schema.model import Schema, fold

__all__ = ["Definitions", "doctype_renamed", "fields_renamed"]


class Definitions(Protocol):
    """What the comparison has to know of all definitions together."""

    def get(self, name: str) -> DocType: ...

    def __contains__(self, name: object) -> bool: ...

    def table_of(self, name: str) -> str | None: ...

    def dynamic_links(self) -> tuple[tuple[DocType, DocField, DocField], ...]: ...


def fields_renamed(wish: Wish, engine: Definitions, live: Schema) -> Iterator[RowsChange]:
    """For Table fields: their child rows' ``parentfield``. For a Single: its rows in ``tabSingles``."""
    for child, old, new in wish.parentfield_renames:
        table = engine.table_of(child)
        if table is not None and live.table(table) is not None:
            yield RowsChange(
                table=table,
                column="parentfield",
                old=old,
                new=new,
                where=(("parenttype", wish.doctype),),
                reason="child rows name the field that they belong to",
            )
    if wish.single and live.table(SINGLES_TABLE) is not None:
        for old, new in wish.renames:
            yield RowsChange(
                table=SINGLES_TABLE,
                column="field",
                old=old,
                new=new,
                where=(("doctype", wish.doctype),),
                reason="the value of a Single stands beside its field's name",
            )


def doctype_renamed(old: str, doctype: DocType, engine: Definitions, live: Schema) -> Iterator[RowsChange]:
    """Every row that names the DocType by its former name: ``parenttype``, Dynamic Links, ``tabSingles.doctype``."""
    places: dict[tuple[str, str], str] = {}
    for field in doctype.fields:
        table = engine.table_of(field.options or "") if field.is_table else None
        if table is not None:
            places[fold(table), "parenttype"] = table
    for home, _, type_field in engine.dynamic_links():
        if home.has_table and type_field.has_column:
            places[fold(home.table), type_field.fieldname] = home.table
    if doctype.issingle:
        places[fold(SINGLES_TABLE), "doctype"] = SINGLES_TABLE
    for (_, column), table in places.items():
        there = live.table(table)
        if there is not None and there.column(column) is not None:
            yield RowsChange(
                table=table,
                column=column,
                old=old,
                new=doctype.name,
                reason="rows name the DocType that they belong to",
            )
    for home, _, type_field in engine.dynamic_links() if live.table(SINGLES_TABLE) is not None else ():
        if home.issingle and type_field.has_column:
            yield RowsChange(
                table=SINGLES_TABLE,
                column="value",
                old=old,
                new=doctype.name,
                where=(("doctype", home.name), ("field", type_field.fieldname)),
                reason="the values of a Single name the DocType that they point to",
            )
