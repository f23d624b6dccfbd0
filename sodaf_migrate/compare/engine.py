"""SchemaComparisonEngine: from a DocType's name, or a wish in SQL, to the SchemaDiff.

What reads a database, spells SQL or knows history is handed in: this room stands below them all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from sodaf_migrate.compare.changes import (
    ColumnChange,
    IndexChange,
    Kept,
    RowsChange,
    SchemaDiff,
    TableChange,
    TriggerChange,
)
from sodaf_migrate.compare.compare import Policy, compare
from sodaf_migrate.compare.field_types import FieldTypes, differ, to_remember, with_field_types
from sodaf_migrate.compare.follow import Definitions, doctype_renamed, fields_renamed
from sodaf_migrate.compare.moves import moves, was_single
from sodaf_migrate.compare.names import carried
from sodaf_migrate.compare.renames import resolve_renames, swaps
from sodaf_migrate.compare.transformers import Spent, check_transformers, spent, unused, with_transformers
from sodaf_migrate.desired import SINGLES_TABLE, SiteRules, Wish, singles_indexes, singles_table, wished
from sodaf_migrate.doctype.model import DocType
from sodaf_migrate.errors import ConfigurationError
from sodaf_migrate.options import SyncOptions
from sodaf_migrate.schema.model import Column, ObjectName, Schema, Table, fold

__all__ = ["Comparer", "Comparison", "Remembered", "declared_renames"]

#: (kind or table, old, new) of a rename that an earlier migration of the DocType already knew of.
Rename = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What history says about one DocType: what is ours, and the renames that were declared before.

    ``version`` is the one applied last, None when history has never heard of the DocType; ``fields`` the type of
    each field then; ``superseded`` are the digests of the definitions that were applied before the last one; ``spent``
    the transformers of definitions that were done.
    """

    owned: frozenset[ObjectName] = frozenset()
    renames: frozenset[Rename] = frozenset()
    version: str | None = None
    fields: FieldTypes = field(default_factory=dict)
    superseded: frozenset[str] = frozenset()
    spent: frozenset[Spent] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A diff with what it was made from: ``live`` as read, before any rename, the ``wish`` as SQLite stores it, and
    the ``memory`` of what was done before. ``fields`` are field types that history has to learn (None: forget),
    ``spent`` the definition's transformers that the diff does, ``unused`` those of the call that find nothing to do.
    """

    diff: SchemaDiff
    live: Schema
    wish: Schema
    declared: tuple[Rename, ...] = ()
    fields: Mapping[str, str | None] = field(default_factory=dict)
    spent: tuple[Spent, ...] = ()
    unused: tuple[str, ...] = ()
    memory: Remembered = field(default_factory=Remembered)


def _nothing_remembered(doctype: str) -> Remembered:
    return Remembered()


@dataclass(slots=True, kw_only=True)
class Comparer:
    """Compares wishes with one database.

    ``read(names)`` gives the live schema around those tables (all of it for None), ``normalise`` a wish as the
    database would store it, ``rename`` a schema after the renames of a diff, ``remembered`` what history says.
    """

    engine: Definitions
    read: Callable[[Collection[str] | None], Schema]
    normalise: Callable[[Schema], Schema]
    rename: Callable[[Schema, SchemaDiff], Schema]
    remembered: Callable[[str], Remembered] = field(default=_nothing_remembered)
    rules: SiteRules = field(default_factory=SiteRules)

    def wish_of(self, doctype: DocType) -> tuple[Wish, Schema]:
        """What a DocType asks for: the wish, and its tables and indexes in neutral words."""
        wish = wished(doctype, self.rules, table_of=self.engine.table_of)
        if wish.single:
            return wish, Schema(tables=(singles_table(),), indexes=singles_indexes())
        return wish, Schema(tables=(wish.table,) if wish.table else (), indexes=wish.indexes)

    def tables_of(self, name: str) -> tuple[str, ...]:
        """Every table that a change of one DocType may touch, by the names before and after it."""
        asked, neutral = self.wish_of(self.engine.get(name))
        return (*_tables_concerned(asked, neutral, self.engine), SINGLES_TABLE)  # it may have been a Single

    def compare_doctype(
        self, name: str, options: SyncOptions | None = None, *, wish: Schema | None = None
    ) -> Comparison:
        """What a DocType's tables need; ``wish`` is its normalised wish where the caller has it already."""
        options = options or SyncOptions()
        check_transformers(options, self.engine)
        doctype = self.engine.get(name)
        asked, neutral = self.wish_of(doctype)
        wish = wish if wish is not None else self.normalise(neutral)
        memory = self.remembered(name)
        concerned = _tables_concerned(asked, wish, self.engine)
        if was_single(asked, memory.owned, known=memory.version is not None):
            concerned = (*concerned, SINGLES_TABLE)
        live = self.read(concerned)
        declared = declared_renames(asked)
        rows = [change for change in fields_renamed(asked, self.engine, live) if _fresh(change, memory)]
        diff = SchemaDiff(doctype=name, rows=tuple(rows))
        if asked.single:
            diff = self._single_renamed(diff, asked, live, doctype)
        if asked.table is not None:
            diff = self._table_renamed(diff, asked, wish, live, doctype)
            pairs = [*asked.renames, *options.renames.items()]
            done = {(old, new) for _, old, new in memory.renames}
            if memory.version is None:  # nobody can tell whether a swap took place: only the call's own word counts
                done |= set(asked.renames) - set(options.renames.items())
            diff = _columns_renamed(diff, live, wish.tables[0], pairs, done)
            declared = tuple(dict.fromkeys((*declared, *_swapped(diff))))
        policy = self._policy(name, options, memory)
        found = self._compared(diff, live, wish, policy, declared, memory)
        left = live.table(doctype.table) if asked.table is None else None
        kept: tuple[Kept, ...] = ()
        # The table of what has become a Single stays: the way back puts the row there again.
        if left is not None and not asked.single and policy.may_drop_table(left.name):
            found = replace(found, diff=_without_table(found.diff, left, live))
        elif left is not None:
            kept = (Kept(name=ObjectName("table", left.name, left.name), reason="removed_table"),)
        known = {**self._former_types(found.diff, asked), **memory.fields}
        typed = with_field_types(found.diff, doctype, live, known, self.rules, options)
        typed = with_transformers(typed, doctype, options, memory.spent)
        return replace(
            found,
            diff=replace(typed, kept=typed.kept + kept, moves=tuple(moves(asked, doctype, wish, live, memory.owned))),
            fields=to_remember(doctype, memory.fields, typed.columns),
            spent=spent(doctype, typed),
            unused=tuple(unused(options, doctype, typed.columns)),
        )

    def _former_types(self, diff: SchemaDiff, asked: Wish) -> FieldTypes:
        """What history knows under the name that the DocType had until now."""
        old = {fold(change.old.name) for change in diff.tables if change.old is not None and change.new is not None}
        names = zip(asked.old_names, asked.old_tables, strict=False)
        return next((self.remembered(name).fields for name, table in names if fold(table) in old), {})

    def glance(
        self, name: str, options: SyncOptions, *, wish: Schema, live: Schema, memory: Remembered
    ) -> Comparison | None:
        """The comparison with a table that was read already, alone; None when there is more to it than that.

        A thousand DocTypes that are in step are found to be so without a thousand looks at what surrounds them.
        """
        doctype = self.engine.get(name)
        if (
            doctype.old_name
            or options.renames
            or options.transformers
            or any(field.old_fieldname for field in doctype.fields)
        ):
            return None
        policy = self._policy(name, options, memory)
        diff = compare(live, wish, doctype=name, policy=policy)
        if diff.has_changes or differ(doctype, memory.fields):
            return None
        if doctype.has_table and was_single(self.wish_of(doctype)[0], memory.owned, known=True):
            return None
        fields = to_remember(doctype, memory.fields, ())
        return Comparison(diff=diff, live=live, wish=wish, memory=memory, fields=fields)

    def _policy(self, name: str, options: SyncOptions, memory: Remembered) -> Policy:
        return Policy(
            match_order=options.column_order == "match",
            owned=memory.owned,
            may_drop=_may_drop(options, lambda table: name),
        )

    def compare_sql(self, wish: Schema, options: SyncOptions, *, name: str) -> Comparison:
        """What the whole database needs to be a wish in SQL; ``options.renames`` maps tables and "table.column"."""
        if options.transformers:
            raise ConfigurationError(
                "Transformers are for fields of DocTypes, and a wish in SQL has none",
                hint="Change the values with a hook (before, after).",
            )
        live = self.read(None)
        memory = self.remembered(name)
        diff = SchemaDiff(doctype=name)
        tables = [(old, new) for old, new in options.renames.items() if "." not in old]
        for old, new in resolve_renames([table.name for table in live.tables], tables):
            there = live.table(old)
            if there is not None and wish.table(new) is not None:
                diff = replace(diff, tables=(*diff.tables, TableChange(old=there, new=replace(there, name=new))))
        for table in wish.tables:
            pairs = _pairs_of(table.name, options.renames)
            done = [(old, new) for home, old, new in memory.renames if fold(home) == fold(table.name)]
            diff = _columns_renamed(diff, live, table, pairs, done)
        policy = Policy(
            whole=True,
            match_order=options.column_order == "match",
            owned=memory.owned,
            may_drop=_may_drop(options, lambda table: table),
        )
        return self._compared(diff, live, wish, policy, _swapped(diff), memory)

    def _table_renamed(self, diff: SchemaDiff, asked: Wish, wish: Schema, live: Schema, doctype: DocType) -> SchemaDiff:
        new = wish.tables[0].name
        for old_name, old_table in zip(asked.old_names, asked.old_tables, strict=False):
            there = live.table(old_table)
            if there is not None and live.table(new) is None and old_name not in self.engine:
                rows = _doctype_rows(diff.rows, old_name, doctype, self.engine, live)
                change = TableChange(old=there, new=replace(there, name=new))
                return replace(diff, tables=(change,), rows=rows)
        return diff

    def _single_renamed(self, diff: SchemaDiff, asked: Wish, live: Schema, doctype: DocType) -> SchemaDiff:
        """The rows of a Single under its former names; those that nobody holds are left out by the census."""
        for old_name in asked.old_names:
            if old_name not in self.engine:
                diff = replace(diff, rows=_doctype_rows(diff.rows, old_name, doctype, self.engine, live) + diff.rows)
        return diff

    def _compared(
        self,
        renames: SchemaDiff,
        live: Schema,
        wish: Schema,
        policy: Policy,
        declared: tuple[Rename, ...],
        memory: Remembered,
    ) -> Comparison:
        renamed = live
        if renames.tables or renames.columns:
            renamed = _with_lost(self.rename(live, renames), live)
            policy = replace(policy, owned=policy.owned | _owned_later(policy.owned, live, renamed, renames))
        rest = compare(renamed, wish, doctype=renames.doctype, policy=policy)
        diff = replace(
            rest,
            tables=renames.tables + rest.tables,
            columns=renames.columns + rest.columns,
            rows=renames.rows,
        )
        memory = replace(memory, owned=policy.owned)
        return Comparison(diff=diff, live=live, wish=wish, declared=declared, memory=memory)


def _without_table(diff: SchemaDiff, table: Table, live: Schema) -> SchemaDiff:
    """``diff`` in which a table goes with all that is on it."""
    indexes = tuple(IndexChange(table=table.name, old=index, new=None) for index in live.indexes_of(table.name))
    triggers = tuple(TriggerChange(old=each, new=None) for each in live.triggers_of(table.name) if not each.temp)
    gone = TableChange(old=table, new=None)
    return replace(
        diff,
        tables=(*diff.tables, gone),
        indexes=diff.indexes + indexes,
        triggers=diff.triggers + triggers,
    )


def _with_lost(renamed: Schema, live: Schema) -> Schema:
    """``renamed`` with the views and triggers that the renames could not rewrite, as they are now."""
    views = {fold(view.name) for view in renamed.views}
    triggers = {fold(trigger.name) for trigger in renamed.triggers}
    return replace(
        renamed,
        views=renamed.views + tuple(view for view in live.views if fold(view.name) not in views),
        triggers=renamed.triggers + tuple(each for each in live.triggers if fold(each.name) not in triggers),
    )


def _owned_later(
    owned: frozenset[ObjectName], live: Schema, renamed: Schema, renames: SchemaDiff
) -> frozenset[ObjectName]:
    before = {fold(change.new.name): change.old.name for change in renames.tables if change.old and change.new}
    found: frozenset[ObjectName] = frozenset()
    for table in renamed.tables:
        old = live.table(before.get(fold(table.name), table.name))
        if old is not None and old != table:
            found |= carried(owned, old, table)
    return found


def _doctype_rows(
    rows: tuple[RowsChange, ...], old: str, doctype: DocType, engine: Definitions, live: Schema
) -> tuple[RowsChange, ...]:
    """What follows a field's rename, of rows that still name the DocType by ``old``, and then the DocType's own."""
    under = {(column, doctype.name): (column, old) for column in ("parenttype", "doctype")}
    first = tuple(
        replace(change, where=tuple(under.get(pair, pair) for pair in change.where))
        for change in rows
        if any(pair in under for pair in change.where)
    )
    others = tuple(change for change in rows if not any(pair in under for pair in change.where))
    return (*first, *others, *doctype_renamed(old, doctype, engine, live))


def declared_renames(wish: Wish) -> tuple[Rename, ...]:
    """Every rename that a definition declares, for history to remember."""
    table = wish.table.name if wish.table else SINGLES_TABLE if wish.single else ""
    columns = tuple((table, old, new) for old, new in wish.renames)
    return columns + tuple((child, old, new) for child, old, new in wish.parentfield_renames)


def _swapped(diff: SchemaDiff) -> tuple[Rename, ...]:
    """The swaps of a diff, for history to remember: made a second time, one would take the first back."""
    found: list[Rename] = []
    for home in dict.fromkeys(change.table for change in diff.columns):
        moved = [(c.old.name, c.new.name) for c in diff.columns if c.table == home and c.old and c.new]
        found += [(home, old, new) for old, new in swaps(moved)]
    return tuple(found)


def _fresh(change: RowsChange, memory: Remembered) -> bool:
    return not any((change.old, change.new) == (old, new) for _, old, new in memory.renames)


def _columns_renamed(
    diff: SchemaDiff, live: Schema, wish: Table, pairs: Iterable[tuple[str, str]], done: Collection[tuple[str, str]]
) -> SchemaDiff:
    """``diff`` with the column renames of one table, whose live table may be about to be renamed too."""
    before = {fold(change.new.name): change.old.name for change in diff.tables if change.old and change.new}
    there = live.table(before.get(fold(wish.name), wish.name))
    if there is None:
        return diff
    wanted = [(old, new) for old, new in pairs if wish.column(new) is not None]
    found: list[ColumnChange] = []
    for old, new in resolve_renames([column.name for column in there.columns], wanted, done):
        column = there.column(old)
        assert column is not None  # resolve_renames only gives live names
        found.append(ColumnChange(table=wish.name, old=column, new=replace(column, name=new)))
    found += _case_renames(there, wish, found)
    return replace(diff, columns=(*diff.columns, *found))


def _case_renames(there: Table, wish: Table, found: list[ColumnChange]) -> list[ColumnChange]:
    """Columns whose name differs in case alone: SQL calls them the same, programs that read the rows do not."""
    moved = {fold(change.old.name) for change in found if change.old}
    pairs: list[tuple[Column, Column]] = [
        (column, wished) for column in there.columns if (wished := wish.column(column.name)) is not None
    ]
    return [
        ColumnChange(table=wish.name, old=old, new=replace(old, name=new.name))
        for old, new in pairs
        if old.name != new.name and fold(old.name) not in moved
    ]


def _tables_concerned(asked: Wish, wish: Schema, engine: Definitions) -> tuple[str, ...]:
    names: list[str | None] = [table.name for table in wish.tables]
    names.append(engine.get(asked.doctype).table)  # also of one that has become a Single: its rows may still be there
    names += asked.old_tables
    if asked.old_names and any(home.issingle for home, _, _ in engine.dynamic_links()):
        names.append(SINGLES_TABLE)
    names += [engine.table_of(child) for child, _, _ in asked.parentfield_renames]
    if asked.old_names:
        doctype = engine.get(asked.doctype)
        names += [engine.table_of(field.options or "") for field in doctype.fields if field.is_table]
        names += [home.table for home, _, _ in engine.dynamic_links()]
    return tuple(dict.fromkeys(name for name in names if name is not None))


def _pairs_of(table: str, renames: Mapping[str, str]) -> list[tuple[str, str]]:
    """The (old, new) columns of entries such as {"Customer.phone": "mobile"} for one table (named as it will be)."""
    found = []
    for key, new in renames.items():
        home, dot, old = key.rpartition(".")
        if dot and fold(home) == fold(table):
            prefix = f"{table}."  # the new name may be given with its table too
            found.append((old, new[len(prefix) :] if fold(new).startswith(fold(prefix)) else new))
    return found


def _may_drop(options: SyncOptions, label: Callable[[str], str]) -> Callable[[ObjectName, bool], bool]:
    """Ours may go when the hazard is allowed; what is not ours only when the call names the very thing."""
    allowed = {fold(entry) for entry in options.allow}

    def decide(name: ObjectName, ours: bool) -> bool:
        doctype = label(name.table)
        if name.kind == "table":
            return (ours and options.allows("drop_table", doctype)) or fold(f"drop_table:{doctype}") in allowed
        if ours:
            return options.allows("drop_column", doctype, name.name)
        return fold(f"drop_column:{doctype}.{name.name}") in allowed

    return decide
