"""The pure comparison of what is there with what is wished for.

Renames have already happened in ``live`` when it comes here (the dialect lets the database itself carry them out on
a shadow), because only the database knows how a rename rewrites the expressions that mention a column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from sodaf_migrate.compare.changes import (
    PARTS,
    CheckChange,
    ColumnChange,
    ForeignKeyChange,
    IndexChange,
    Kept,
    OptionChange,
    OrderChange,
    PrimaryKeyChange,
    SchemaDiff,
    TableChange,
    TriggerChange,
    UniqueChange,
    ViewChange,
    VirtualTableChange,
)
from sodaf_migrate.compare.names import constraint_name
from sodaf_migrate.compare.pair import Paired, pair, pair_by_name
from sodaf_migrate.compare.renames import likely_renames
from sodaf_migrate.schema.model import Column, Index, ObjectName, Schema, Table, fold

__all__ = ["Policy", "compare"]


def _never(name: ObjectName, ours: bool) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How much the wish speaks for, and what may go.

    ``whole`` True: a wish in SQL, which says all there is to say about its tables. False: a DocType, which cannot
    speak of collations, conflict clauses or table options, so these stay as they are. ``owned`` is what history
    calls ours; ``may_drop(name, ours)`` decides about a column or table that would lose its values.
    """

    whole: bool = False
    match_order: bool = False
    owned: frozenset[ObjectName] = frozenset()
    may_drop: Callable[[ObjectName, bool], bool] = field(default=_never)

    def ours(self, kind: str, table: str, name: str) -> bool:
        """Whether history says that we made (or adopted) this thing."""
        return ObjectName(kind, fold(table), fold(name)) in self.owned

    def may_drop_table(self, table: str) -> bool:
        """Whether a table that is not wished for goes with its rows."""
        return self.may_drop(ObjectName("table", fold(table), fold(table)), self.ours("table", table, table))


def compare(live: Schema, wish: Schema, *, doctype: str, policy: Policy) -> SchemaDiff:
    """What has to change for ``live`` (already renamed) to be ``wish``; what is not wished and not ours is kept."""
    tables = pair_by_name(live.tables, wish.tables)
    diff = SchemaDiff(
        doctype=doctype,
        tables=tuple(TableChange(old=None, new=table) for table in tables.added),
        indexes=tuple(
            IndexChange(table=t.name, old=None, new=index) for t in tables.added for index in wish.indexes_of(t.name)
        ),
    )
    for old, new in tables.both:
        diff = _merge(diff, _compare_table(old, new, live.indexes_of(old.name), wish.indexes_of(new.name), policy))
    if policy.whole:
        diff = _merge(diff, _compare_rest(live, wish, tables, policy))
    return diff


def _merge(first: SchemaDiff, second: SchemaDiff) -> SchemaDiff:
    parts = {name: getattr(first, name) + getattr(second, name) for name in (*PARTS, "kept", "likely_renames")}
    return replace(first, **parts)


def _compare_table(
    live: Table, wish: Table, live_indexes: tuple[Index, ...], wish_indexes: tuple[Index, ...], policy: Policy
) -> SchemaDiff:
    wish = wish if policy.whole else _inherit(live, wish)
    columns = pair_by_name(live.columns, wish.columns)
    changes = [ColumnChange(table=live.name, old=old, new=new) for old, new in columns.both if old != new]
    dropped, relaxed, kept = _removed_columns(live, columns.removed, policy)
    changes += dropped + relaxed
    changes += [ColumnChange(table=live.name, old=None, new=column) for column in columns.added]
    indexes, kept_indexes = _compare_indexes(live, live_indexes, wish_indexes, policy)
    constraints, kept_constraints = _compare_constraints(live, wish, policy)
    gone = {fold(change.old.name) for change in dropped if change.old}
    indexes += _stranded(live, live_indexes, indexes, gone)
    return SchemaDiff(
        doctype="",
        columns=tuple(changes),
        orders=_compare_order(live, wish, gone, columns.added, policy),
        options=_compare_options(live, wish),
        indexes=indexes,
        kept=tuple(kept + kept_indexes + kept_constraints),
        likely_renames=likely_renames(live, columns.removed, columns.added),
        **constraints,
    )


def _inherit(live: Table, wish: Table) -> Table:
    """The wish of a DocType with what it cannot speak of taken from what is there."""
    merged = []
    for column in wish.columns:
        there = live.column(column.name)
        if there is not None:
            keep_clause = column.not_null and there.not_null
            column = replace(
                column,
                name=there.name,
                collation=there.collation,
                not_null_conflict=there.not_null_conflict if keep_clause else None,
                not_null_name=there.not_null_name if keep_clause else None,
            )
        merged.append(column)
    key = wish.primary_key
    if key is not None and live.primary_key is not None and key.columns == live.primary_key.columns:
        parts = live.primary_key.parts
        key = replace(key, parts=parts, on_conflict=live.primary_key.on_conflict, name=live.primary_key.name)
        if live.without_rowid:
            key = replace(key, rowid_alias=live.primary_key.rowid_alias)
    return replace(wish, columns=tuple(merged), primary_key=key, strict=live.strict, without_rowid=live.without_rowid)


def _removed_columns(
    live: Table, removed: Iterable[Column], policy: Policy
) -> tuple[list[ColumnChange], list[ColumnChange], list[Kept]]:
    dropped: list[ColumnChange] = []
    relaxed: list[ColumnChange] = []
    kept: list[Kept] = []
    for column in removed:
        name = ObjectName("column", fold(live.name), fold(column.name))
        ours = name in policy.owned
        if policy.may_drop(name, ours):
            dropped.append(ColumnChange(table=live.name, old=column, new=None))
            continue
        kept.append(
            Kept(name=ObjectName("column", live.name, column.name), reason="removed_field" if ours else "foreign")
        )
        in_key = live.primary_key is not None and fold(column.name) in map(fold, live.primary_key.columns)
        if ours and column.not_null and column.default is None and column.generated is None and not in_key:
            # Nobody fills it any more: left NOT NULL, it would refuse every new row.
            free = replace(column, not_null=False, not_null_conflict=None, not_null_name=None)
            relaxed.append(ColumnChange(table=live.name, old=column, new=free))
    return dropped, relaxed, kept


def _compare_indexes(
    live: Table, old: tuple[Index, ...], new: tuple[Index, ...], policy: Policy
) -> tuple[tuple[IndexChange, ...], list[Kept]]:
    if policy.whole:
        paired = pair_by_name(old, new)
        stale = [(a, b) for a, b in paired.both if a != b]
    else:  # an equal definition under another name satisfies a DocType's wish
        paired, stale = _pair_by_definition(old, new)
    changes = [IndexChange(table=live.name, old=a, new=b) for a, b in stale]
    kept: list[Kept] = []
    for index in paired.removed:
        if policy.ours("index", index.table, index.name):
            changes.append(IndexChange(table=live.name, old=index, new=None))
        else:
            kept.append(Kept(name=ObjectName("index", live.name, index.name), reason="foreign"))
    changes += [IndexChange(table=live.name, old=None, new=index) for index in paired.added]
    return tuple(changes), kept


def _stranded(
    live: Table, there: tuple[Index, ...], changes: tuple[IndexChange, ...], gone: set[str]
) -> tuple[IndexChange, ...]:
    """Indexes over a column that is dropped: kept, SQLite would read a quoted name in them as a text."""
    changing = {fold(change.old.name) for change in changes if change.old is not None}
    lost = [index for index in there if fold(index.name) not in changing and not gone.isdisjoint(index.names())]
    return tuple(IndexChange(table=live.name, old=index, new=None) for index in lost)


def _pair_by_definition(
    old: tuple[Index, ...], new: tuple[Index, ...]
) -> tuple[Paired[Index], list[tuple[Index, Index]]]:
    named = pair_by_name(old, new)
    stale = [(a, b) for a, b in named.both if a.definition() != b.definition()]
    free = pair(named.removed, named.added, Index.definition)
    spare = Paired(free.added, free.removed, named.both + free.both)
    # A wished index that another live one satisfies already need not replace the stale one of its name.
    return spare, stale


def _compare_constraints(live: Table, wish: Table, policy: Policy) -> tuple[dict[str, Any], list[Kept]]:
    kept: list[Kept] = []
    found: dict[str, Any] = {}
    if live.primary_key != wish.primary_key:
        change = PrimaryKeyChange(table=live.name, old=live.primary_key, new=wish.primary_key)
        found["primary_keys"] = (change,)
    kinds: tuple[tuple[str, Any], ...] = (
        ("uniques", UniqueChange),
        ("foreign_keys", ForeignKeyChange),
        ("checks", CheckChange),
    )
    for part, make in kinds:
        paired = pair(getattr(live, part), getattr(wish, part), lambda constraint: constraint)
        changes = []
        for constraint in paired.removed:
            name = constraint_name(live.name, constraint)
            if name in policy.owned:
                changes.append(make(table=live.name, old=constraint, new=None))
            else:
                kept.append(Kept(name=replace(name, table=live.name), reason="foreign"))
        changes += [make(table=live.name, old=None, new=constraint) for constraint in paired.added]
        found[part] = tuple(changes)
    return found, kept


def _compare_options(live: Table, wish: Table) -> tuple[OptionChange, ...]:
    return tuple(
        OptionChange(table=live.name, option=option, old=getattr(live, option), new=getattr(wish, option))
        for option in ("strict", "without_rowid")
        if getattr(live, option) != getattr(wish, option)
    )


def _compare_order(
    live: Table, wish: Table, gone: set[str], added: tuple[Column, ...], policy: Policy
) -> tuple[OrderChange, ...]:
    """The order to end with, said where it is not simply: what stays as it stood, then what is new.

    A column dropped from the middle says it too, so that the way back can put it where it was.
    """
    before = tuple(column.name for column in live.columns)
    natural = tuple(name for name in before if fold(name) not in gone) + tuple(column.name for column in added)
    wanted = natural
    if policy.match_order:
        wished = {fold(column.name): column.name for column in wish.columns}
        wanted = tuple(wished.values()) + tuple(name for name in natural if fold(name) not in wished)
    if wanted != natural or (gone and before[: len(natural) - len(added)] != natural[: len(natural) - len(added)]):
        return (OrderChange(table=live.name, old=before, new=wanted),)
    return ()


def _compare_rest(live: Schema, wish: Schema, tables: Paired[Table], policy: Policy) -> SchemaDiff:
    """Whole tables, views, triggers and virtual tables: what only a wish in SQL can speak of."""
    kept: list[Kept] = []
    gone: list[TableChange] = []
    for table in tables.removed:
        if policy.may_drop_table(table.name):
            gone.append(TableChange(old=table, new=None))
        else:
            reason = "removed_table" if policy.ours("table", table.name, table.name) else "foreign"
            kept.append(Kept(name=ObjectName("table", table.name, table.name), reason=reason))
    dropped = {fold(change.old.name) for change in gone if change.old}
    found: dict[str, Any] = {}
    for part, kind, make in (
        ("views", "view", ViewChange),
        ("triggers", "trigger", TriggerChange),
        ("virtual_tables", "virtual_table", VirtualTableChange),
    ):
        paired = pair_by_name((it for it in getattr(live, part) if not getattr(it, "temp", False)), getattr(wish, part))
        changes: list[Any] = [make(old=a, new=b) for a, b in paired.both if a != b]
        for item in paired.removed:
            home = getattr(item, "table", item.name)
            if policy.ours(kind, home, item.name) or fold(home) in dropped:
                changes.append(make(old=item, new=None))
            else:
                kept.append(Kept(name=ObjectName(kind, home, item.name), reason="foreign"))
        found[part] = tuple(changes + [make(old=None, new=item) for item in paired.added])
    lost = tuple(
        IndexChange(table=index.table, old=index, new=None) for index in live.indexes if fold(index.table) in dropped
    )
    diff = SchemaDiff(doctype="", tables=tuple(gone), indexes=lost, kept=tuple(kept), **found)
    return replace(diff, trigger_orders=tuple(_trigger_orders(live, wish, diff)))


def _trigger_orders(live: Schema, wish: Schema, diff: SchemaDiff) -> Iterator[OrderChange]:
    """Where triggers would not end in the wished order: those that are not wished stay before all others.

    Also where one goes that others follow, so that the way back knows its place.
    """
    for table in dict.fromkeys(fold(trigger.table) for trigger in wish.triggers):
        before = [trigger.name for trigger in live.triggers_of(table) if not trigger.temp]
        gone = {fold(c.old.name) for c in diff.triggers if c.old is not None and c.new is None}
        come = [c.new.name for c in diff.triggers if c.old is None and c.new and fold(c.new.table) == table]
        natural = [name for name in before if fold(name) not in gone] + come
        wished = [trigger.name for trigger in wish.triggers_of(table)]
        mine = {fold(name) for name in wished}
        wanted = [name for name in natural if fold(name) not in mine] + wished
        stays = [fold(name) not in gone for name in before]
        if [fold(name) for name in natural] != [fold(name) for name in wanted] or stays != sorted(stays, reverse=True):
            yield OrderChange(table=wish.triggers_of(table)[0].table, old=tuple(before), new=tuple(wanted))
