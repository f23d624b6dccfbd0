"""Each change in words: which DocType, which field, from what to what."""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch
from typing import Any

from sodaf_migrate.compare.changes import (
    AnyChange,
    CheckChange,
    ColumnChange,
    ForeignKeyChange,
    IndexChange,
    Kept,
    MoveChange,
    OptionChange,
    OrderChange,
    PrimaryKeyChange,
    RowsChange,
    SchemaDiff,
    TableChange,
    TriggerChange,
    UniqueChange,
    ViewChange,
    VirtualTableChange,
)
from sodaf_migrate.schema.model import Column, ForeignKey, Index, KeyPart, Literal, PrimaryKey, Sql, fold

__all__ = ["kept", "likely_rename", "said", "shown_default", "sign", "words"]

_REASONS = {
    "removed_field": "its field was removed; its values stay",
    "removed_table": "its definition was removed; its rows stay",
    "foreign": "not ours, so left alone",
}
_OPTIONS = {"strict": "STRICT", "without_rowid": "WITHOUT ROWID"}


def words(change: AnyChange, doctype: str = "") -> str:
    """``change`` as one sentence without a full stop; ``doctype`` is the one whose table may be called by its name."""
    return _said(change, doctype)


def said(diff: SchemaDiff) -> tuple[str, ...]:
    """Every change of ``diff`` in words, in its own order."""
    return tuple(words(change, diff.doctype) for change in diff.changes)


def sign(change: AnyChange) -> str:
    """ "+" for what comes, "-" for what goes, "~" for what changes."""
    if change.old is None:
        return "+"
    return "-" if change.new is None else "~"


def likely_rename(rename: tuple[str, str, str], doctype: str) -> tuple[str, str]:
    """What looks like a rename, and the line that would declare it."""
    table, old, new = rename
    said = f"{_place(table, doctype)}.{new} may be {old} under a new name"
    return said, f'"old_fieldname": "{old}" in the field "{new}"'


def shown_default(default: Sql | Literal | None) -> str:
    """A default as one would write it; "none" when there is none."""
    if default is None:
        return "none"
    return repr(default.value) if isinstance(default, Literal) else default.text


def kept(item: Kept, doctype: str) -> str:
    """Something that stays without being wished for, and why."""
    name = item.name
    where = name.name if name.kind in ("table", "view") else f"{_place(name.table, doctype)}.{name.name}"
    reason = {"removed_field": "its field was removed; its values stay", "foreign": "not ours, so left alone"}.get(
        item.reason, item.reason
    )
    return f"{name.kind} {where}: {reason}"


def _place(table: str, doctype: str) -> str:
    return doctype if doctype and fold(table) == fold(f"tab{doctype}") else table


def _described(column: Column) -> str:
    parts = [column.type or "no type"]
    if column.not_null:
        parts.append("required")
    if column.default is not None:
        parts.append(f"default {shown_default(column.default)}")
    if column.collation:
        parts.append(f"collated {column.collation}")
    if column.generated:
        parts.append(f"generated as {column.generated.expression.text}")
    return ", ".join(parts)


def _parts(parts: tuple[KeyPart, ...]) -> str:
    return ", ".join(_part(part) for part in parts)


def _part(part: KeyPart) -> str:
    name = part.column or (part.expression.text if part.expression else "")
    collation = f" collated {part.collation}" if part.collation else ""
    return name + collation + (" descending" if part.descending else "")


@singledispatch
def _said(change: Any, doctype: str) -> str:
    raise TypeError(f"no words for {type(change).__name__}")


@_said.register
def _table(change: TableChange, doctype: str) -> str:
    if change.old is None and change.new is not None:
        return f"create table {change.new.name} with {len(change.new.columns)} columns"
    if change.new is None and change.old is not None:
        return f"drop table {change.old.name} with its rows"
    assert change.old is not None and change.new is not None
    return f"rename table {change.old.name} → {change.new.name}"


@_said.register
def _virtual_table(change: VirtualTableChange, doctype: str) -> str:
    if change.old is None and change.new is not None:
        return f"create virtual table {change.new.name} using {change.new.module}"
    verb = "drop" if change.new is None else "make again"
    name = (change.new or change.old).name  # type: ignore[union-attr]
    return f"{verb} virtual table {name}"


@_said.register
def _column(change: ColumnChange, doctype: str) -> str:
    old, new = change.old, change.new
    place = _place(change.table, doctype)
    if old is None and new is not None:
        return f"add {place}.{new.name} ({_described(new)})"
    if new is None and old is not None:
        return f"drop {place}.{old.name} ({_described(old)})"
    assert old is not None and new is not None
    return f"{place}.{old.name}: " + "; ".join((*_field_type(change), *_aspects(old, new, change.aspects)))


def _field_type(change: ColumnChange) -> Iterator[str]:
    if change.fields is not None and "field" in change.aspects:
        yield f"field type {change.fields[0]} → {change.fields[1]}"


def _aspects(old: Column, new: Column, aspects: frozenset[str]) -> Iterator[str]:
    if "name" in aspects:
        yield f"rename {old.name} → {new.name}"
    if "type" in aspects:
        yield f"type {old.type or 'none'} → {new.type or 'none'}"
    if "not_null" in aspects:
        yield _not_null(old, new)
    if "default" in aspects:
        yield f"default {shown_default(old.default)} → {shown_default(new.default)}"
    if "collation" in aspects:
        yield f"collation {old.collation or 'BINARY'} → {new.collation or 'BINARY'}"
    if "generated" in aspects:
        yield f"generated as {_generated(old)} → {_generated(new)}"


def _not_null(old: Column, new: Column) -> str:
    if old.not_null == new.not_null:
        return "another NOT NULL clause"
    return "optional → required" if new.not_null else "required → optional"


def _generated(column: Column) -> str:
    if column.generated is None:
        return "nothing"
    return column.generated.expression.text + (" stored" if column.generated.stored else "")


@_said.register
def _index(change: IndexChange, doctype: str) -> str:
    place = _place(change.table, doctype)
    if change.old is None or change.new is None:
        index = change.new or change.old
        assert index is not None
        return f"{'add' if change.new else 'drop'} {_index_words(index, place)}"
    if change.old.definition() == change.new.definition():
        return f"rename index {change.old.name} → {change.new.name} of {place}"
    return f"{_index_words(change.old, place)} → {_index_words(change.new, '')}"


def _index_words(index: Index, place: str) -> str:
    where = f" where {index.where.text}" if index.where else ""
    on = f"on {place} " if place else "on "
    return f"{'unique ' if index.unique else ''}index {on}({_parts(index.parts)}){where}"


@_said.register
def _primary_key(change: PrimaryKeyChange, doctype: str) -> str:
    return f"primary key of {_place(change.table, doctype)}: {_key_words(change.old)} → {_key_words(change.new)}"


def _key_words(key: PrimaryKey | None) -> str:
    if key is None:
        return "none"
    return f"({_parts(key.parts)})" + (" counting up" if key.autoincrement else "")


@_said.register
def _unique(change: UniqueChange, doctype: str) -> str:
    old = f"({_parts(change.old.parts)})" if change.old else ""
    new = f"({_parts(change.new.parts)})" if change.new else ""
    return _came_or_went("UNIQUE", old, new, _place(change.table, doctype))


@_said.register
def _check(change: CheckChange, doctype: str) -> str:
    old = change.old.expression.text if change.old else ""
    new = change.new.expression.text if change.new else ""
    return _came_or_went("CHECK", old, new, _place(change.table, doctype))


@_said.register
def _foreign_key(change: ForeignKeyChange, doctype: str) -> str:
    old, new = (_reference(key) if key else "" for key in (change.old, change.new))
    return _came_or_went("foreign key", old, new, _place(change.table, doctype))


def _reference(key: ForeignKey) -> str:
    referenced = f" ({', '.join(key.referenced)})" if key.referenced else ""
    actions = "".join(
        f" on {event} {rule.lower()}"
        for event, rule in (("delete", key.on_delete), ("update", key.on_update))
        if rule != "NO ACTION"
    )
    return f"({', '.join(key.columns)}) to {key.table}{referenced}{actions}"


def _came_or_went(noun: str, old: str, new: str, place: str) -> str:
    if not old:
        return f"add {noun} {new} to {place}"
    return f"{noun} of {place}: {old} → {new}" if new else f"drop {noun} {old} of {place}"


@_said.register
def _option(change: OptionChange, doctype: str) -> str:
    option = _OPTIONS.get(change.option, change.option)
    place = _place(change.table, doctype)
    return f"make {place} {option}" if change.new else f"make {place} no longer {option}"


@_said.register
def _order(change: OrderChange, doctype: str) -> str:
    return f"order the columns of {_place(change.table, doctype)}: {', '.join(change.new)}"


@_said.register
def _view(change: ViewChange, doctype: str) -> str:
    return _object("view", change.old, change.new)


@_said.register
def _trigger(change: TriggerChange, doctype: str) -> str:
    side = change.new or change.old
    assert side is not None
    return f"{_object('trigger', change.old, change.new)} on {side.table}"


def _object(noun: str, old: Any, new: Any) -> str:
    if old is None:
        return f"create {noun} {new.name}"
    return f"drop {noun} {old.name}" if new is None else f"replace {noun} {new.name}"


@_said.register
def _moved(change: MoveChange, doctype: str) -> str:
    goes = (change.table, change.singles) if change.new == "values" else (change.singles, change.table)
    return f"the one row of {change.doctype} moves from {goes[0]} to {goes[1]}"


@_said.register
def _rows(change: RowsChange, doctype: str) -> str:
    where = "".join(f" where {column} is '{value}'" for column, value in change.where)
    why = f" ({change.reason})" if change.reason else ""
    return f"rows of {change.table}{where}: {change.column} '{change.old}' → '{change.new}'{why}"
