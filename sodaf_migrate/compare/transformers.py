"""Own transformers: which of them a diff calls for. A definition's is done once; a call's belongs to that call."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from sodaf_migrate.compare.changes import ColumnChange, SchemaDiff
from sodaf_migrate.compare.follow import Definitions
from sodaf_migrate.doctype.model import DocType
from sodaf_migrate.doctype.where import where_fault
from sodaf_migrate.errors import ConfigurationError
from sodaf_migrate.options import SyncOptions, Transformer, function_name
from sodaf_migrate.schema.model import fold

__all__ = ["Spent", "check_transformers", "spent", "unused", "with_transformers"]

#: (folded fieldname, SQL) of a definition's transformer that has done its work.
Spent = tuple[str, str]


def check_transformers(options: SyncOptions, engine: Definitions) -> None:
    """Raise ConfigurationError for a transformer of a field that nobody defines, or that is no single expression."""
    for key, how in options.transformers.items():
        name, _, fieldname = key.rpartition(".")
        field = engine.get(name).field(fieldname) if name in engine else None
        if field is None or not field.has_column:
            raise ConfigurationError(
                f'The transformer "{key}" is for no field that is defined',
                hint='Name the DocType and the field: {"Customer.phone": "trim(phone)"}.',
            )
        fault = where_fault(how) if isinstance(how, str) else None
        if fault is not None or how == "":
            raise ConfigurationError(
                f'The transformer "{key}" is no single SQL expression: {fault or "it is empty"}',
                hint="Give one expression over the fields of the row, without a comment or a semicolon.",
            )


def with_transformers(diff: SchemaDiff, doctype: DocType, options: SyncOptions, done: Collection[Spent]) -> SchemaDiff:
    """``diff`` where each column that is new, or changes its type, knows the transformer that it is given.

    Raises ConfigurationError for a Python function that is given to a field without values.
    """
    given = {fold(key): (key, how) for key, how in options.transformers.items()}
    made = {fold(change.new.name) for change in diff.tables if change.old is None and change.new is not None}
    found = []
    for change in diff.columns:
        field = doctype.field(change.new.name) if change.new is not None else None
        if field is not None and _calls_for_one(change) and fold(change.table) not in made:
            key, how = given.get(fold(f"{doctype.name}.{field.fieldname}"), ("", None))
            if how is None and field.transform and (fold(field.fieldname), field.transform) not in done:
                how = field.transform
            change = _given(change, key, how)
        found.append(change)
    return replace(diff, columns=tuple(found))


def _calls_for_one(change: ColumnChange) -> bool:
    return change.old is None or bool(change.aspects & {"type", "field"})


def _given(change: ColumnChange, key: str, how: Transformer | None) -> ColumnChange:
    if how is None:
        return change
    if isinstance(how, str):
        return replace(change, treatment=replace(change.treatment, transform=how))
    if change.old is None:
        raise ConfigurationError(
            f'The transformer "{key}" is a Python function, and the field is new: there are no values to give it',
            hint="Use an SQL expression over the other fields of the row.",
        )
    return replace(change, treatment=replace(change.treatment, function=function_name(key)))


def unused(options: SyncOptions, doctype: DocType, columns: Iterable[ColumnChange]) -> Iterator[str]:
    """The call's transformers that found nothing to do, of one DocType."""
    used = {
        fold(f"{doctype.name}.{change.new.name}")
        for change in columns
        if change.new is not None and (change.treatment.transform or change.treatment.function)
    }
    mine = fold(f"{doctype.name}.")
    yield from (key for key in options.transformers if fold(key).startswith(mine) and fold(key) not in used)


def spent(doctype: DocType, diff: SchemaDiff) -> tuple[Spent, ...]:
    """The definition's transformers that ``diff`` does, or that a new table never needs."""
    made = any(change.old is None for change in diff.tables)
    used = {fold(change.new.name) for change in diff.columns if change.new is not None and change.treatment.transform}
    return tuple(
        (fold(field.fieldname), field.transform)
        for field in doctype.column_fields
        if field.transform and (made or fold(field.fieldname) in used)
    )
