"""What has to be asked before a key, UNIQUE, CHECK or foreign key is put on rows that are there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from sodaf_migrate.compare.changes import SchemaDiff
from sodaf_migrate.dialects.sqlite.carry import carried, side_of
from sodaf_migrate.dialects.sqlite.convert import misfits, stored_as
from sodaf_migrate.dialects.sqlite.lexer import tokenize
from sodaf_migrate.dialects.sqlite.live_names import LiveNames, with_columns
from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.dialects.sqlite.question import Question
from sodaf_migrate.schema.model import ForeignKey, Index, KeyPart, PrimaryKey, Schema, Sql, Table, fold

__all__ = ["about_keys"]


Allows = Callable[[str, str, str | None], bool]


def about_keys(
    live: Schema, there: Table, table: str, diff: SchemaDiff, names: LiveNames, allows: Allows
) -> Iterator[Question]:
    """The questions about one table, live ``there`` and later called ``table``."""
    values = _values(there, table, diff, allows)
    collations = _collations(table, diff, values)
    come = {
        fold(c.new.name): c.new
        for c in diff.columns
        if fold(c.table) == fold(table) and c.old is None and c.new is not None
    }
    source = names.as_called_later(table, come)
    for index in _new(table, diff.indexes):
        if index.unique:
            nullable = _may_be_null(there, table, index.parts, diff, names)
            parts = _collated(index.parts, collations)
            yield from _duplicates(there, index.name, parts, index.where, source, nullable, values)
    for unique in (*_new(table, diff.uniques), *_new(table, diff.primary_keys)):
        parts = _collated(unique.parts, collations)
        yield from _duplicates(there, ",".join(unique.columns), parts, None, source, values=values)
    for about, parts, where in _touched(live, there, table, diff, names, {*values, *collations}):
        yield from _duplicates(there, about, _collated(parts, collations), where, source, values=values)
    yield from _computed(live, there, table, diff, names, source, values, collations)
    yield from _about_primary_key(there, table, diff, names)
    for check in _new(table, diff.checks):
        text = check.expression.text
        if not _generated_later(table, diff):  # a source cannot compute what only the new table will
            yield Question(kind="violators", table=there.name, about=text, condition=f"NOT ({text})", source=source)
    for foreign in _new(table, diff.foreign_keys):
        yield from _orphans(there, table, foreign, names)


def _new(table: str, changes: Iterable[Any]) -> list[Any]:
    """What the changes of one table bring."""
    return [change.new for change in changes if fold(change.table) == fold(table) and change.new is not None]


def _values(there: Table, table: str, diff: SchemaDiff, allows: Allows) -> dict[str, str]:
    """What the columns of a table will hold where that is not what they hold now, by folded later name."""
    found = {}
    strict = next((c.new for c in diff.options if c.option == "strict" and fold(c.table) == fold(table)), there.strict)
    for change in diff.columns:
        if change.new is None or fold(change.table) != fold(table):
            continue
        column, lossy = quote(change.new.name), False
        if change.old is not None:
            lossy = allows("lossy_conversion", diff.doctype, change.old.name)
        carry = carried(change, column, lossy=lossy, back=diff.is_reverse, kept=side_of(diff, change))
        value = carry.value if carry is not None else None
        if carry is None and change.old is not None and change.new.generated is None and "type" in change.aspects:
            value = stored_as(column, change.old.type, change.new.type, strict=(there.strict, strict))
        if value is not None:
            found[fold(change.new.name)] = value
    return found


def _collations(table: str, diff: SchemaDiff, values: Collection[str]) -> dict[str, str]:
    """How the columns of a table will be compared where that changes, or an expression stands for them, by folded
    later name."""
    own = (c for c in diff.columns if fold(c.table) == fold(table) and c.new is not None)
    changed = (c.new for c in own if c.new and ("collation" in c.aspects or fold(c.new.name) in values))
    return {fold(column.name): column.collation or "BINARY" for column in changed}


def _collated(parts: Iterable[KeyPart], collations: Mapping[str, str]) -> tuple[KeyPart, ...]:
    """The parts of a key; one that says no collation of its own is compared as its column will be."""
    return tuple(
        replace(part, collation=collations[fold(part.column)])
        if part.column is not None and part.collation is None and fold(part.column) in collations
        else part
        for part in parts
    )


def _touched(
    live: Schema, there: Table, table: str, diff: SchemaDiff, names: LiveNames, values: Collection[str]
) -> Iterator[tuple[str, tuple[KeyPart, ...], Sql | None]]:
    """Every UNIQUE that stays and is about values that change, or are compared otherwise: two may become one."""
    going = [c.old for part in (diff.uniques, diff.primary_keys) for c in part if c.old is not None]
    stays: list[tuple[str, Any]] = [(",".join(unique.columns), unique) for unique in there.uniques]
    stays += [("primary key", there.primary_key)] if there.primary_key is not None else []
    stays = [(about, key) for about, key in stays if key not in going]
    for index in _staying(live, there, diff):
        if not any(_mentioned(text, values) or _renamed(text, there, table, names) for text in _texts(index)):
            stays.append((index.name, index))
    for about, key in stays if values else ():
        parts = tuple(
            replace(part, column=names.later(table, part.column)) if part.column is not None else part
            for part in key.parts
        )
        if any(fold(part.column or "") in values for part in parts):
            yield about, parts, getattr(key, "where", None)


def _computed(
    live: Schema,
    there: Table,
    table: str,
    diff: SchemaDiff,
    names: LiveNames,
    source: str | None,
    values: Mapping[str, str],
    collations: Mapping[str, str],
) -> Iterator[Question]:
    """The same of indexes whose expressions, or whose WHERE, speak of values that change.

    Whatever compares is left out, for there the column's type counts too: SQLite will say it when it makes the index.
    """
    instead = {name: f"(({value}) COLLATE {quote(collations[name])})" for name, value in values.items()}
    for index in _staying(live, there, diff):
        texts = _texts(index)
        if not any(_mentioned(text, values) for text in texts):
            continue
        if any(_compares(text) or _renamed(text, there, table, names) for text in texts):
            continue
        parts = [
            replace(part, expression=replace(part.expression, text=with_columns(part.expression.text, instead)))
            if part.expression is not None
            else replace(part, column=names.later(table, part.column or ""))
            for part in index.parts
        ]
        where = replace(index.where, text=with_columns(index.where.text, instead)) if index.where else None
        yield from _duplicates(there, index.name, _collated(parts, collations), where, source, values=values)


def _staying(live: Schema, there: Table, diff: SchemaDiff) -> list[Index]:
    going = [change.old for change in diff.indexes]
    return [index for index in live.indexes_of(there.name) if index.unique and index not in going]


def _texts(index: Index) -> list[str]:
    """The expressions of an index, and its WHERE."""
    found = [part.expression.text for part in index.parts if part.expression is not None]
    return [*found, index.where.text] if index.where is not None else found


def _mentioned(text: str, columns: Collection[str]) -> bool:
    return any(fold(token.name) in columns for token in tokenize(text) if token.kind in ("word", "quoted"))


def _renamed(text: str, there: Table, table: str, names: LiveNames) -> bool:
    """Whether an expression names a column that will be called otherwise."""
    return _mentioned(text, {fold(c.name) for c in there.columns if names.later(table, c.name) != c.name})


def _compares(text: str) -> bool:
    """Whether an expression may compare a value with another than NULL."""
    tokens = tokenize(text)
    for place, token in enumerate(tokens):
        after = [each.word for each in tokens[place + 1 : place + 3]]
        if token.word == "IS" and (after[:1] == ["NULL"] or after == ["NOT", "NULL"]):
            continue
        if token.text in _COMPARING or token.word in ("IS", "IN", "BETWEEN", "CASE"):
            return True
    return False


_COMPARING = frozenset(["=", "==", "<", ">", "<=", ">=", "<>", "!="])


def _generated_later(table: str, diff: SchemaDiff) -> bool:
    return any(column.generated is not None for column in _new(table, diff.columns))


def _duplicates(
    there: Table,
    about: str,
    parts: Iterable[KeyPart],
    where: Sql | None,
    source: str | None,
    nullable: bool = False,
    values: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Question]:
    """Rows that repeat another; blanks of a column that may be NULL are counted apart, for they can become NULL.

    ``values`` is what columns will hold where that is not what they hold now.
    """
    keys: list[str] = []
    for part in parts:
        if part.column is not None and fold(part.column) in values:
            expression, nullable = f"({values[fold(part.column)]})", False
        elif part.column is not None:
            expression = quote(part.column)
        else:
            expression = f"({part.expression.text if part.expression else ''})"
        keys.append(expression + (f" COLLATE {part.collation}" if part.collation else ""))
    condition = " AND ".join([f"{key} IS NOT NULL" for key in keys] + ([f"({where.text})"] if where else []))
    if nullable and len(keys) == 1:
        blank = f"{condition} AND {keys[0]} = ''"
        yield Question(kind="blanks", table=there.name, about=about, condition=blank, groups=tuple(keys), source=source)
        condition = f"{condition} AND {keys[0]} <> ''"
    yield Question(
        kind="duplicates", table=there.name, about=about, condition=condition, groups=tuple(keys), source=source
    )


def _may_be_null(there: Table, table: str, parts: tuple[KeyPart, ...], diff: SchemaDiff, names: LiveNames) -> bool:
    """Whether the one column of an index may be NULL, now and after the change."""
    name = parts[0].column if len(parts) == 1 else None
    live = names.column(table, name) if name is not None else None
    column = there.column(live) if live is not None else None
    after = [
        c.new for c in diff.columns if fold(c.table) == fold(table) and c.new and fold(c.new.name) == fold(name or "")
    ]
    return column is not None and not column.not_null and not any(new.not_null for new in after)


def _about_primary_key(there: Table, table: str, diff: SchemaDiff, names: LiveNames) -> Iterator[Question]:
    """A key of a WITHOUT ROWID table may not be NULL, and the rowid itself is an integer."""
    keys: list[PrimaryKey] = _new(table, diff.primary_keys)
    options = {c.option: c.new for c in diff.options if fold(c.table) == fold(table)}
    strict = options.get("strict", there.strict)
    rekeyed = any(fold(change.table) == fold(table) for change in diff.primary_keys)
    if (options.get("without_rowid") or options.get("strict")) and not rekeyed and there.primary_key is not None:
        keys = [there.primary_key]
    for key in keys:
        guarded = key.rowid_alias or strict or options.get("without_rowid", there.without_rowid)
        for name in key.columns if guarded else ():
            live = names.column(table, name)
            if live is None:
                if _is_empty(table, name, diff):  # a new column, of which no row has a value
                    yield Question(kind="keyless", table=there.name, about=name)
                continue
            yield Question(kind="keyless", table=there.name, about=name, condition=f"{quote(live)} IS NULL")
            wrong = misfits(quote(live), "INTEGER") if key.rowid_alias else None
            if wrong and key.autoincrement and fold(name) == "name":
                # Links hold a row's name as it is spelled: a counter takes only names that stay what they are.
                spelled = f"CAST(CAST({quote(live)} AS INTEGER) AS TEXT)"
                wrong = f"{wrong} OR (typeof({quote(live)}) = 'text' AND {spelled} <> {quote(live)})"
            if wrong:
                yield Question(kind="misfits", table=there.name, about=name, condition=wrong, show=quote(live))


def _is_empty(table: str, name: str, diff: SchemaDiff) -> bool:
    """Whether a new column holds NULL in every row that is there."""
    new = next((column for column in _new(table, diff.columns) if fold(column.name) == fold(name)), None)
    if new is None or new.generated is not None:
        return False
    return not isinstance(new.default, Sql) or new.default.key.upper() == "NULL"


def _orphans(there: Table, table: str, key: ForeignKey, names: LiveNames) -> Iterator[Question]:
    own = [names.column(table, name) for name in key.columns]
    parent = names.table(key.table)
    if parent is None or None in own:
        return
    theirs = names.referenced(key)
    if None in theirs or len(theirs) != len(own):
        return
    outer = f"main.{quote(there.name)}"
    match = " AND ".join(f"p.{quote(theirs[i] or '')} = {outer}.{quote(own[i] or '')}" for i in range(len(own)))
    filled = " AND ".join(f"{quote(name or '')} IS NOT NULL" for name in own)
    condition = f"{filled} AND NOT EXISTS (SELECT 1 FROM main.{quote(parent.name)} AS p WHERE {match})"
    about = f"{', '.join(key.columns)} -> {key.table}"
    yield Question(kind="orphans", table=there.name, about=about, condition=condition, show=quote(own[0] or ""))
