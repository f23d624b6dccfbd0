"""What has to change, as values: each change holds what was and what shall be, so its reverse is a swap.

``old`` None means added, ``new`` None means removed; both with different names means renamed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from sodaf_migrate.schema.model import (
    Check,
    Column,
    ForeignKey,
    Index,
    ObjectName,
    PrimaryKey,
    Table,
    Trigger,
    Unique,
    View,
    VirtualTable,
    fold,
)

__all__ = [
    "PARTS",
    "AnyChange",
    "CheckChange",
    "ColumnChange",
    "ForeignKeyChange",
    "IndexChange",
    "Kept",
    "MoveChange",
    "OptionChange",
    "OrderChange",
    "PrimaryKeyChange",
    "RowsChange",
    "SchemaDiff",
    "TableChange",
    "Treatment",
    "TriggerChange",
    "UniqueChange",
    "ViewChange",
    "VirtualTableChange",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableChange:
    """A table that comes, goes, or is renamed (then ``columns`` and all else are compared under the new name)."""

    old: Table | None
    new: Table | None

    @property
    def destructive(self) -> bool:
        return self.new is None

    @property
    def requires_data_migration(self) -> bool:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """How the values of a field that changes its type are carried over, beside what the two types say.

    ``options`` are those of a Select; ``on_conversion_error`` is what becomes of values that are lost or do not
    convert; the formats are the site's or the call's. ``transform`` (SQL over the row as it will be called) or
    ``function`` (the SQL name of a Python function) gives the new value instead of all that.
    """

    options: tuple[str, ...] = ()
    on_conversion_error: str = "refuse"
    date_formats: tuple[str, ...] = ()
    number_formats: tuple[str, ...] = ()
    transform: str = ""
    function: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnChange:
    """A column that comes, goes or changes; ``table`` is the table's name after any rename.

    ``fields`` gives the field types before and after where a definition says them: values are then read by these, not
    by the declared types alone, and treated as ``treatment`` says.
    """

    table: str
    old: Column | None
    new: Column | None
    fields: tuple[str, str] | None = None
    treatment: Treatment = Treatment()

    @property
    def aspects(self) -> frozenset[str]:
        """Which attributes differ; empty when the column comes or goes.

        They are name, type, not_null, default, collation, generated, and field (the field type, where it is known).
        """
        if self.old is None or self.new is None:
            return frozenset()
        groups: dict[str, tuple[str, ...]] = {
            name: (name,) for name in ("name", "type", "default", "collation", "generated")
        }
        groups["not_null"] = ("not_null", "not_null_conflict", "not_null_name")
        old, new = self.old, self.new
        differ = {aspect for aspect, names in groups.items() if any(getattr(old, n) != getattr(new, n) for n in names)}
        if self.fields is not None and self.fields[0] != self.fields[1]:
            differ.add("field")
        return frozenset(differ)

    @property
    def destructive(self) -> bool:
        """Whether values may be lost: the column goes, or its type changes."""
        return self.new is None or bool(self.aspects & {"type", "field"})

    @property
    def requires_data_migration(self) -> bool:
        """Whether stored values may have to be written again."""
        return bool(self.aspects & {"type", "field", "generated"}) or (
            "not_null" in self.aspects and self.new is not None and self.new.not_null
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _ConstraintChange:
    table: str

    @property
    def destructive(self) -> bool:
        return False

    @property
    def requires_data_migration(self) -> bool:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexChange(_ConstraintChange):
    old: Index | None
    new: Index | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PrimaryKeyChange(_ConstraintChange):
    old: PrimaryKey | None
    new: PrimaryKey | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UniqueChange(_ConstraintChange):
    old: Unique | None
    new: Unique | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKeyChange(_ConstraintChange):
    old: ForeignKey | None
    new: ForeignKey | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckChange(_ConstraintChange):
    old: Check | None
    new: Check | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionChange(_ConstraintChange):
    """A table option; ``option`` is strict or without_rowid."""

    option: str
    old: bool
    new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChange(_ConstraintChange):
    """The order of a table's columns (as names after any rename), or the order in which its triggers were made."""

    old: tuple[str, ...]
    new: tuple[str, ...]

    @property
    def is_natural(self) -> bool:
        """Whether the order follows from what goes and comes: it is kept for the way back alone."""
        before, after = dict.fromkeys(map(fold, self.old)), dict.fromkeys(map(fold, self.new))
        return [*after] == [name for name in before if name in after] + [name for name in after if name not in before]


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewChange:
    old: View | None
    new: View | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerChange:
    old: Trigger | None
    new: Trigger | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualTableChange:
    old: VirtualTable | None
    new: VirtualTable | None

    @property
    def destructive(self) -> bool:
        return self.old is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsChange:
    """Rows that follow a rename: ``column`` becomes ``new`` where it is ``old`` and ``where`` (column, value) holds."""

    table: str
    column: str
    old: str
    new: str
    where: tuple[tuple[str, str], ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveChange:
    """The one row of ``table`` becomes "values" in ``singles``, or those become a "row", in these ``columns``."""

    table: str
    singles: str
    doctype: str
    columns: tuple[Column, ...]
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Something live that the wish does not name and that stays: ``reason`` is removed_field or foreign."""

    name: ObjectName
    reason: str


AnyChange: TypeAlias = (
    TableChange
    | ColumnChange
    | IndexChange
    | PrimaryKeyChange
    | UniqueChange
    | ForeignKeyChange
    | CheckChange
    | OptionChange
    | OrderChange
    | ViewChange
    | TriggerChange
    | VirtualTableChange
    | RowsChange
    | MoveChange
)

#: The parts of a diff, in the order in which changes are listed.
PARTS = (
    "tables",
    "columns",
    "primary_keys",
    "uniques",
    "foreign_keys",
    "checks",
    "options",
    "orders",
    "indexes",
    "views",
    "triggers",
    "trigger_orders",
    "virtual_tables",
    "rows",
    "moves",
)

_MADE_IN_ORDER = frozenset({"columns", "indexes", "views", "triggers"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaDiff:
    """Everything that has to change for one DocType (or one plain-SQL wish), and what was left alone.

    ``kept`` and ``likely_renames`` ((table, old, new) triples) are said to people; they change nothing.
    """

    doctype: str
    tables: tuple[TableChange, ...] = ()
    columns: tuple[ColumnChange, ...] = ()
    primary_keys: tuple[PrimaryKeyChange, ...] = ()
    uniques: tuple[UniqueChange, ...] = ()
    foreign_keys: tuple[ForeignKeyChange, ...] = ()
    checks: tuple[CheckChange, ...] = ()
    options: tuple[OptionChange, ...] = ()
    orders: tuple[OrderChange, ...] = ()
    indexes: tuple[IndexChange, ...] = ()
    views: tuple[ViewChange, ...] = ()
    triggers: tuple[TriggerChange, ...] = ()
    trigger_orders: tuple[OrderChange, ...] = ()
    virtual_tables: tuple[VirtualTableChange, ...] = ()
    rows: tuple[RowsChange, ...] = ()
    moves: tuple[MoveChange, ...] = ()
    kept: tuple[Kept, ...] = ()
    likely_renames: tuple[tuple[str, str, str], ...] = ()
    is_reverse: bool = False  # a way back: everything else is undone under the new names, then the renames

    @property
    def changes(self) -> tuple[AnyChange, ...]:
        """Every change, in a fixed order; an order that follows from the others is none."""
        return tuple(
            change for part in PARTS for change in getattr(self, part) if not (part == "orders" and change.is_natural)
        )

    @property
    def has_changes(self) -> bool:
        return bool(self.changes)

    @property
    def destructive(self) -> bool:
        return any(getattr(change, "destructive", False) for change in self.changes)

    @property
    def requires_data_migration(self) -> bool:
        return bool(self.rows or self.moves) or any(
            getattr(change, "requires_data_migration", False) for change in self.changes
        )

    @property
    def added_columns(self) -> tuple[ColumnChange, ...]:
        return tuple(change for change in self.columns if change.old is None)

    @property
    def removed_columns(self) -> tuple[ColumnChange, ...]:
        return tuple(change for change in self.columns if change.new is None)

    @property
    def renamed_columns(self) -> tuple[ColumnChange, ...]:
        return tuple(change for change in self.columns if "name" in change.aspects)

    @property
    def modified_columns(self) -> tuple[ColumnChange, ...]:
        """Columns that keep existing and change in more than their name."""
        return tuple(change for change in self.columns if change.aspects - {"name"})

    @property
    def added_indexes(self) -> tuple[IndexChange, ...]:
        return tuple(change for change in self.indexes if change.new is not None)

    @property
    def removed_indexes(self) -> tuple[IndexChange, ...]:
        return tuple(change for change in self.indexes if change.old is not None)

    @property
    def table_names(self) -> tuple[str, ...]:
        """Every table (or view) that a change touches, under its old and its new name, each once."""
        found: dict[str, str] = {}
        for change in self.changes:
            for name in _tables_of(change):
                found.setdefault(fold(name), name)
        return tuple(found.values())

    def reversed(self) -> SchemaDiff:
        """The diff that goes back: every old and new swapped, in the opposite order.

        What is made in the order of its listing (triggers fire by it) keeps that order: what had gone comes back so.
        The table of all Singles stays, though a move may have made it: others are in it by then.
        """
        swapped: dict[str, Any] = {}
        for part in PARTS:
            changes = getattr(self, part)
            swapped[part] = tuple(map(_swapped, changes if part in _MADE_IN_ORDER else reversed(changes)))
        shared = {fold(move.singles) for move in self.moves}
        swapped["tables"] = tuple(c for c in swapped["tables"] if c.new or fold(c.old.name) not in shared)
        swapped["indexes"] = tuple(c for c in swapped["indexes"] if fold(c.table) not in shared)
        return SchemaDiff(doctype=self.doctype, is_reverse=not self.is_reverse, **swapped)


def _tables_of(change: Any) -> tuple[str, ...]:
    if isinstance(change, (TableChange, ViewChange, VirtualTableChange)):
        return tuple(side.name for side in (change.old, change.new) if side is not None)
    if isinstance(change, TriggerChange):
        return tuple(side.table for side in (change.old, change.new) if side is not None)
    return (change.table, change.singles) if isinstance(change, MoveChange) else (change.table,)


def _swapped(change: Any) -> Any:
    if isinstance(change, ColumnChange) and change.fields is not None:
        # On the way back what does not convert stays as it is, and no rule for other values is needed.
        before, after = change.fields
        return replace(change, old=change.new, new=change.old, fields=(after, before), treatment=Treatment())
    return replace(change, old=change.new, new=change.old)
