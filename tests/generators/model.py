"""A small model of a SQLite schema, made to be changed at random and spelled in many ways.

Columns, tables and views are referred to by number (``uid``), so a renamed one is renamed wherever it is used, and
what refers to a dropped one can be found. An expression is a list of plain SQL and references (see ``Part``).
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

#: Plain SQL, or ("column", uid), ("table", uid), ("view", uid), ("output", view uid, position).
Part: TypeAlias = str | tuple[str, int] | tuple[str, int, int]
Expr: TypeAlias = list[Part]

_numbers = itertools.count(1)


def fresh_uid() -> int:
    """A number that nothing else in this process has."""
    return next(_numbers)


@dataclass
class Col:
    name: str
    type: str = ""
    not_null: bool = False
    not_null_conflict: str = ""
    not_null_name: str | None = None
    default: str | None = None  # as written after DEFAULT
    collation: str | None = None
    generated: Expr | None = None
    stored: bool = False
    uid: int = field(default_factory=fresh_uid)


@dataclass
class KeyPart:
    column: int | None = None
    expression: Expr | None = None
    collation: str | None = None
    descending: bool = False


@dataclass
class Key:
    """A primary key or UNIQUE constraint."""

    parts: list[KeyPart]
    conflict: str = ""
    name: str | None = None
    autoincrement: bool = False
    must_inline: bool = False  # INTEGER PRIMARY KEY DESC is another thing than PRIMARY KEY(x DESC)


@dataclass
class CheckModel:
    expression: Expr
    name: str | None = None


@dataclass
class Foreign:
    columns: list[int]
    table: int
    referenced: list[int]  # empty: the parent's primary key
    on_delete: str = ""
    on_update: str = ""
    match: str = ""
    deferrable: str = ""
    name: str | None = None


@dataclass
class Tab:
    name: str
    columns: list[Col]
    key: Key | None = None
    uniques: list[Key] = field(default_factory=list)
    checks: list[CheckModel] = field(default_factory=list)
    foreign: list[Foreign] = field(default_factory=list)
    without_rowid: bool = False
    strict: bool = False
    commented: bool = False
    uid: int = field(default_factory=fresh_uid)

    def column(self, uid: int) -> Col | None:
        return next((column for column in self.columns if column.uid == uid), None)

    @property
    def plain(self) -> list[Col]:
        """The columns that hold values of their own."""
        return [column for column in self.columns if column.generated is None]

    @property
    def rowid_alias(self) -> Col | None:
        """The column that is the rowid, or None."""
        if self.key is None or self.without_rowid or len(self.key.parts) != 1 or self.key.must_inline:
            return None
        column = self.column(self.key.parts[0].column or 0)
        return column if column is not None and column.type.upper() == "INTEGER" else None


@dataclass
class Ind:
    name: str
    table: int
    parts: list[KeyPart]
    unique: bool = False
    where: Expr | None = None


@dataclass
class Vue:
    name: str
    body: Expr
    outputs: list[Part]  # the names of its columns: text, or a reference
    uid: int = field(default_factory=fresh_uid)


@dataclass
class Trig:
    name: str
    on: Part
    timing: str
    event: str
    body: list[Expr]
    of: list[int] = field(default_factory=list)
    when: Expr | None = None
    each_row: bool = False  # says FOR EACH ROW, which changes nothing but the stored text


@dataclass
class FullText:
    """An FTS5 table over the content of ``table``."""

    name: str
    table: int
    columns: list[int]


@dataclass
class Model:
    tables: list[Tab] = field(default_factory=list)
    indexes: list[Ind] = field(default_factory=list)
    views: list[Vue] = field(default_factory=list)
    triggers: list[Trig] = field(default_factory=list)
    full_texts: list[FullText] = field(default_factory=list)
    analysed: bool = False

    def copy(self) -> Model:
        """A deep copy in which every uid is the same."""
        return copy.deepcopy(self)

    def table(self, uid: int) -> Tab | None:
        return next((table for table in self.tables if table.uid == uid), None)

    def table_of(self, column: int) -> Tab | None:
        return next((table for table in self.tables if table.column(column)), None)

    def view(self, uid: int) -> Vue | None:
        return next((view for view in self.views if view.uid == uid), None)

    def name_of(self, part: Part) -> str | None:
        """The name that a reference stands for, None when what it refers to is gone."""
        if isinstance(part, str):
            return part
        if part[0] == "column":
            table = self.table_of(part[1])
            column = table.column(part[1]) if table else None
            return column.name if column else None
        if part[0] == "table":
            found = self.table(part[1])
            return found.name if found else None
        view = self.view(part[1])
        if part[0] == "view" or view is None:
            return view.name if view else None
        return self.name_of(view.outputs[part[2]]) if part[2] < len(view.outputs) else None

    def alive(self, parts: Iterable[Part]) -> bool:
        """Whether everything these parts refer to is there."""
        return all(self.name_of(part) is not None for part in parts)

    def names(self) -> set[str]:
        """Every name of a table, index, view or trigger, folded."""
        things: Iterator[str] = (
            thing.name
            for things in (self.tables, self.indexes, self.views, self.triggers, self.full_texts)
            for thing in things
        )
        return {name.lower() for name in things}

    def repair(self) -> None:
        """Drop what refers to something gone: constraints, indexes, views, triggers, full-text tables."""
        for table in self.tables:
            repair_table(self, table)
        while True:
            before = self.count()
            self.tables = [table for table in self.tables if table.plain]
            self.indexes = [index for index in self.indexes if self.index_stands(index)]
            self.views = [view for view in self.views if self.alive([*view.body, *view.outputs])]
            self.triggers = [trigger for trigger in self.triggers if self.trigger_stands(trigger)]
            self.full_texts = [full for full in self.full_texts if self.full_text_stands(full)]
            for table in self.tables:
                table.foreign = [key for key in table.foreign if self.foreign_stands(table, key)]
            if self.count() == before:
                return

    def count(self) -> int:
        keys = sum(len(table.foreign) for table in self.tables)
        return keys + sum(map(len, (self.tables, self.indexes, self.views, self.triggers, self.full_texts)))

    def index_stands(self, index: Ind) -> bool:
        table = self.table(index.table)
        return table is not None and all(own(table, expr) for expr in index_expressions(index))

    def trigger_stands(self, trigger: Trig) -> bool:
        parts = [trigger.on, *(("column", uid) for uid in trigger.of), *(trigger.when or [])]
        return self.alive([*parts, *(part for statement in trigger.body for part in statement)])

    def full_text_stands(self, full: FullText) -> bool:
        table = self.table(full.table)
        if table is None or table.without_rowid:
            return False
        names = [column.name.lower() if (column := table.column(uid)) else "rank" for uid in full.columns]
        return not {"rank", "rowid"} & set(names) and not {"_rowid_", "oid"} & {c.name.lower() for c in table.columns}

    def foreign_stands(self, table: Tab, key: Foreign) -> bool:
        """Whether the columns are there and the parent's are a key: without that no row could be written."""
        parent = self.table(key.table)
        if parent is None or not all(table.column(uid) for uid in key.columns):
            return False
        primary = [part.column for part in parent.key.parts] if parent.key else []
        if not key.referenced:
            return len(primary) == len(key.columns)
        return any(keys == set(key.referenced) for keys in self.parent_keys(parent))

    def parent_keys(self, parent: Tab) -> Iterator[set[int | None]]:
        """Sets of columns that a foreign key may refer to: unique under the columns' own collations."""
        for key in [*([parent.key] if parent.key else []), *parent.uniques]:
            if all(part.collation is None for part in key.parts):
                yield {part.column for part in key.parts}
        for index in self.indexes:
            plain = all(part.column and part.collation is None for part in index.parts)
            if plain and index.table == parent.uid and index.unique and index.where is None:
                yield {part.column for part in index.parts}


def own(table: Tab, expr: Iterable[Part]) -> bool:
    """Whether the expression refers to this table and its columns alone."""
    for part in expr:
        if not isinstance(part, str):
            if part[0] == "column" and table.column(part[1]) is None:
                return False
            if part[0] == "table" and part[1] != table.uid:
                return False
    return True


def index_expressions(index: Ind) -> Iterator[Expr]:
    for part in index.parts:
        yield part.expression if part.expression is not None else [("column", part.column or 0)]
    yield index.where or []


def repair_table(model: Model, table: Tab) -> None:
    """Drop the constraints of a table that name columns it no longer has, and options they made possible."""
    uids = {column.uid for column in table.columns}
    table.columns = [c for c in table.columns if c.generated is None or own(table, c.generated)]
    uids = {column.uid for column in table.columns}
    if table.key and not all(part.column in uids for part in table.key.parts):
        table.key = None
    table.uniques = [key for key in table.uniques if all(part.column in uids for part in key.parts)]
    table.checks = [check for check in table.checks if own(table, check.expression)]
    table.without_rowid = table.without_rowid and table.key is not None
    if table.key and table.key.autoincrement and (table.without_rowid or table.rowid_alias is None):
        table.key.autoincrement = False
