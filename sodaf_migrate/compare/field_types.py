"""Field types beside columns: what a field was, what it is, and what history has to remember of it.

Many field types share one declared type, so that a column cannot say whether its texts were dates. Where neither
history nor the declared type says what a field was, nothing is converted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache

from sodaf_migrate.compare.changes import ColumnChange, SchemaDiff, Treatment
from sodaf_migrate.desired import SiteRules
from sodaf_migrate.doctype.catalogue import FIELD_TYPES
from sodaf_migrate.doctype.model import DocField, DocType
from sodaf_migrate.options import SyncOptions
from sodaf_migrate.schema.model import Column, Schema, fold
from sodaf_migrate.typemap import neutral_type

__all__ = ["FieldTypes", "differ", "field_types", "to_remember", "with_field_types"]

#: Field types by folded fieldname.
FieldTypes = Mapping[str, str]

#: The field type that a declared type stands for, where nobody knows which one it was.
_STANDS_FOR = {"TEXT": "Data", "VARCHAR": "Data", "INTEGER": "Int", "INT": "Int", "REAL": "Float", "DECIMAL": "Float"}


def field_types(doctype: DocType) -> dict[str, str]:
    """The types of a definition's fields that keep a value."""
    return {fold(field.fieldname): field.fieldtype for field in doctype.column_fields}


def differ(doctype: DocType, known: FieldTypes) -> bool:
    """Whether a field is known to have been of another type."""
    return any(known.get(name, kind) != kind for name, kind in field_types(doctype).items())


def to_remember(doctype: DocType, known: FieldTypes, columns: Iterable[ColumnChange]) -> dict[str, str | None]:
    """What history does not know yet: the types that are new to it, and None for columns that go or are renamed."""
    now = field_types(doctype)
    gone = {
        fold(change.old.name)
        for change in columns
        if change.old is not None and (change.new is None or "name" in change.aspects)
    }
    found: dict[str, str | None] = {name: kind for name, kind in now.items() if known.get(name) != kind}
    return found | {name: None for name in sorted(gone) if name in known and name not in now}


def with_field_types(
    diff: SchemaDiff, doctype: DocType, live: Schema, known: FieldTypes, rules: SiteRules, options: SyncOptions
) -> SchemaDiff:
    """``diff`` with the field types of every column that changes its declared type, its field type, or both.

    ``live`` is the schema before any rename, and ``known`` says what fields were under the names that they had then.
    """
    if not doctype.has_table:
        return diff
    types = _after_renames(known, diff)
    found: list[ColumnChange] = []
    seen: set[str] = set()
    for change in diff.columns:
        if change.new is not None and change.aspects != {"name"}:
            seen.add(fold(change.new.name))
            field = doctype.field(change.new.name)
            if change.old is not None and field is not None:
                change = _typed(change, field, types, _treatment(doctype, field, rules, options))
        found.append(change)
    for field, column in _others(diff, doctype, live, seen):
        change = ColumnChange(table=doctype.table, old=column, new=column)
        change = _typed(change, field, types, _treatment(doctype, field, rules, options))
        if change.fields is not None:
            found.append(change)
    return replace(diff, columns=tuple(found))


def _after_renames(known: FieldTypes, diff: SchemaDiff) -> dict[str, str]:
    moved = {fold(c.old.name): fold(c.new.name) for c in diff.renamed_columns if c.old and c.new}
    taken = set(moved.values())
    return {moved.get(name, name): kind for name, kind in known.items() if name in moved or name not in taken}


def _typed(change: ColumnChange, field: DocField, types: FieldTypes, treatment: Treatment) -> ColumnChange:
    assert change.old is not None
    stands = _STANDS_FOR.get(change.old.type.partition("(")[0].strip())
    before = types.get(fold(field.fieldname))
    if before is None or stands is None or not _alike(before, stands):
        # Nobody knows the field, or somebody altered its column: only what the column declares can be read.
        before = stands if "type" in change.aspects else None
    if before is None or (before == field.fieldtype and "type" not in change.aspects):
        return change
    changed = treatment if before != field.fieldtype else replace(treatment, options=())
    return replace(change, fields=(before, field.fieldtype), treatment=changed)


@cache
def _alike(one: str, other: str) -> bool:
    """Whether fields of both types may share a column."""
    kinds = [FIELD_TYPES.get(name) for name in (one, other)]
    types = [neutral_type(DocField(fieldtype=kind.name)) for kind in kinds if kind is not None and kind.has_column]
    return len(types) == 2 and types[0] == types[1]


def _others(diff: SchemaDiff, doctype: DocType, live: Schema, seen: set[str]) -> Iterator[tuple[DocField, Column]]:
    """The fields whose column exists and does not change, with the column as it will be called."""
    home = next((c.old.name for c in diff.tables if c.old and c.new and fold(c.new.name) == fold(doctype.table)), None)
    there = live.table(home or doctype.table)
    if there is None:
        return
    moved = {fold(c.new.name): c for c in diff.renamed_columns if c.old and c.new}
    for field in doctype.column_fields:
        name = fold(field.fieldname)
        renamed = moved.get(name)
        column = renamed.new if renamed is not None else there.column(field.fieldname)
        if column is not None and name not in seen and column.generated is None:
            yield field, column


def _treatment(doctype: DocType, field: DocField, rules: SiteRules, options: SyncOptions) -> Treatment:
    """The nearest word counts: the call's, the field's, the DocType's, the site's."""
    policy = options.on_conversion_error or field.on_conversion_error or doctype.on_conversion_error
    dates, numbers = options.date_formats, options.number_formats
    return Treatment(
        options=field.choices if field.fieldtype == "Select" else (),
        on_conversion_error=policy or rules.on_conversion_error,
        date_formats=rules.date_formats if dates is None else tuple(dates),
        number_formats=rules.number_formats if numbers is None else tuple(numbers),
    )
