"""The nouns of a relational schema, as frozen values that any dialect can fill and compare with ``==``.

Two fragments of SQL are equal when their canonical ``key`` is, whatever their spelling; what an author wrote is
carried verbatim beside it, because a rebuilt table must keep the author's text.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, ClassVar, TypeAlias, TypeVar

__all__ = [
    "Check",
    "Column",
    "Constraint",
    "ForeignKey",
    "Generated",
    "Index",
    "KeyPart",
    "Literal",
    "ObjectName",
    "PrimaryKey",
    "Schema",
    "Sql",
    "Table",
    "Trigger",
    "Unique",
    "View",
    "VirtualTable",
    "digest",
    "fold",
]


def fold(name: str) -> str:
    """``name`` as SQL compares names: ASCII letters lowered and nothing else (É and é are two names)."""
    return "".join(chr(ord(char) + 32) if "A" <= char <= "Z" else char for char in name) if not name.islower() else name


@dataclass(frozen=True, slots=True)
class Sql:
    """A fragment of SQL: ``text`` as its author wrote it, ``key`` its canonical tokens, by which it is compared."""

    text: str = field(compare=False)
    key: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant that a definition wishes for; the dialect spells it."""

    value: str | int | float | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """How a generated column is computed; ``stored`` False means on reading (VIRTUAL)."""

    expression: Sql
    stored: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column without the constraints that also stand alone (keys, UNIQUE, CHECK, REFERENCES: see ``Table``).

    ``type`` is the declared type in upper case with single blanks ("VARCHAR(140)", "" for none); in a wish that has
    not been through the dialect it is neutral: text, varchar(n), integer, real, decimal(p,s), blob.
    """

    name: str
    type: str = ""
    not_null: bool = False
    not_null_conflict: str | None = None  # ROLLBACK | ABORT | FAIL | IGNORE | REPLACE, as said after NOT NULL
    not_null_name: str | None = None  # CONSTRAINT name NOT NULL
    default: Sql | Literal | None = None
    collation: str | None = None  # upper case; None for BINARY or unsaid
    generated: Generated | None = None
    text: str = field(default="", compare=False, repr=False)  # the whole stored definition, inline constraints too


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPart:
    """One part of a key or index: a column or an expression, with the collation and order that were said."""

    column: str | None = None
    expression: Sql | None = None
    collation: str | None = None
    descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PrimaryKey:
    """The primary key; ``rowid_alias`` is True when its one column *is* the rowid."""

    parts: tuple[KeyPart, ...]
    autoincrement: bool = False
    rowid_alias: bool = False
    on_conflict: str | None = None
    name: str | None = None
    inline: str | None = field(default=None, compare=False)  # the column in whose definition it stands

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(part.column for part in self.parts if part.column is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unique:
    """A UNIQUE constraint (not a unique index)."""

    parts: tuple[KeyPart, ...]
    on_conflict: str | None = None
    name: str | None = None
    inline: str | None = field(default=None, compare=False)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(part.column for part in self.parts if part.column is not None)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ForeignKey:
    """A foreign key; ``referenced`` is empty when the parent's primary key is meant. Parent names compare folded."""

    columns: tuple[str, ...]
    table: str
    referenced: tuple[str, ...] = ()
    on_delete: str = "NO ACTION"
    on_update: str = "NO ACTION"
    match: str | None = None
    deferrable: str = ""  # as said, in upper case: "", "NOT DEFERRABLE", "DEFERRABLE INITIALLY DEFERRED", …
    name: str | None = None
    inline: str | None = field(default=None, compare=False)

    def key(self) -> tuple[Any, ...]:
        """What two equal foreign keys share."""
        parent = (fold(self.table), tuple(fold(name) for name in self.referenced))
        return (self.columns, *parent, self.on_delete, self.on_update, self.match, self.deferrable, self.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ForeignKey) and self.key() == other.key()

    def __hash__(self) -> int:
        return hash(self.key())


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A CHECK constraint."""

    expression: Sql
    name: str | None = None
    inline: str | None = field(default=None, compare=False)


Constraint: TypeAlias = PrimaryKey | Unique | ForeignKey | Check


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """An ordinary table. ``sql`` is the stored text, "" for a wish that no database has seen."""

    name: str
    columns: tuple[Column, ...]
    primary_key: PrimaryKey | None = None
    uniques: tuple[Unique, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    checks: tuple[Check, ...] = ()
    without_rowid: bool = False
    strict: bool = False
    sql: str = field(default="", compare=False, repr=False)

    def column(self, name: str) -> Column | None:
        """The column of that name (ASCII case aside), or None."""
        wanted = fold(name)
        return next((column for column in self.columns if fold(column.name) == wanted), None)

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        """Every key, UNIQUE, foreign key and CHECK, in that order."""
        key = (self.primary_key,) if self.primary_key else ()
        return (*key, *self.uniques, *self.foreign_keys, *self.checks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """An index made by CREATE INDEX; those that SQLite makes for constraints are not listed."""

    name: str
    table: str
    parts: tuple[KeyPart, ...]
    unique: bool = False
    where: Sql | None = None
    sql: str = field(default="", compare=False, repr=False)

    def names(self) -> frozenset[str]:
        """The folded words among which are all columns that it names."""
        fragments = [part.expression for part in self.parts] + [self.where]
        words = {fold(part.column) for part in self.parts if part.column is not None}
        for fragment in fragments:
            words |= {fold(word.strip('"')) for word in fragment.key.split()} if fragment is not None else set()
        return frozenset(words)

    def definition(self) -> tuple[Any, ...]:
        """What two indexes of one effect share, whatever their names."""
        return (fold(self.table), self.parts, self.unique, self.where)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    name: str
    sql: Sql
    temp: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A trigger on ``table``, which may be a view (INSTEAD OF). ``temp`` ones live in this connection alone."""

    name: str
    table: str
    sql: Sql
    temp: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualTable:
    name: str
    module: str
    sql: Sql


@dataclass(frozen=True, slots=True, order=True)
class ObjectName:
    """One thing that can belong to somebody: ``kind`` is table, column, index, view or trigger."""

    kind: str
    table: str  # the table it is in or on; the thing itself for a table or view
    name: str


_Named = TypeVar("_Named", Table, Index, View)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """Everything a database (or a wish) holds; each tuple is in creation order."""

    tables: tuple[Table, ...] = ()
    indexes: tuple[Index, ...] = ()
    views: tuple[View, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    virtual_tables: tuple[VirtualTable, ...] = ()

    # Reading SQL needs a dialect, which stands above this room: the face hands one in (see sodaf_migrate/__init__).
    reader: ClassVar[Callable[[str], Schema] | None] = None

    @classmethod
    def from_sql(cls, text: str) -> Schema:
        """The schema that the CREATE statements of ``text`` make. Raises SchemaParseError or StatementError."""
        if cls.reader is None:
            raise TypeError("Schema.reader is not set: import Schema from sodaf_migrate")
        return cls.reader(text)

    def to_sql(self) -> str:
        """The stored statements, tables first, each ended by a semicolon on a line of its own."""
        texts = [table.sql for table in self.tables] + [virtual.sql.text for virtual in self.virtual_tables]
        texts += [index.sql for index in self.indexes]
        texts += [view.sql.text for view in self.views] + [trigger.sql.text for trigger in self.triggers]
        return "".join(f"{text}\n;\n" for text in texts)

    def table(self, name: str) -> Table | None:
        """The table of that name (ASCII case aside), or None."""
        return _named(self.tables, name)

    def index(self, name: str) -> Index | None:
        return _named(self.indexes, name)

    def view(self, name: str) -> View | None:
        return _named(self.views, name)

    def indexes_of(self, table: str) -> tuple[Index, ...]:
        """The indexes on one table, in creation order."""
        return tuple(index for index in self.indexes if fold(index.table) == fold(table))

    def triggers_of(self, table: str) -> tuple[Trigger, ...]:
        return tuple(trigger for trigger in self.triggers if fold(trigger.table) == fold(table))


def _named(items: Iterable[_Named], name: str) -> _Named | None:
    wanted = fold(name)
    return next((item for item in items if fold(item.name) == wanted), None)


def digest(value: Any) -> str:
    """The SHA-256 (hex) of what ``==`` looks at in a value of this module, or in a tuple or mapping of them."""
    text = json.dumps(_plain(value), ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, ForeignKey):
        return ["ForeignKey", _plain(value.key())]
    if is_dataclass(value) and not isinstance(value, type):
        return [type(value).__name__, *_compared(value)]
    if isinstance(value, dict):
        return [[_plain(key), _plain(value[key])] for key in sorted(value)]
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((_plain(item) for item in value), key=repr)
    if isinstance(value, float):
        return ["float", value.hex()]
    return value


def _compared(value: Any) -> Iterator[Any]:
    for part in fields(value):
        if part.compare:
            yield _plain(getattr(value, part.name))
