"""Weighs a diff against the census: what is put off, what is dangerous, what cannot be, what the plan relies on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TypeGuard

from sodaf_migrate.compare.changes import ColumnChange, RowsChange, SchemaDiff, Treatment
from sodaf_migrate.dialects.sqlite.affected import affected
from sodaf_migrate.dialects.sqlite.carry import SIDE, Carried, carried, side_of
from sodaf_migrate.dialects.sqlite.census import Answer, Census, LiveNames
from sodaf_migrate.dialects.sqlite.census_children import in_live_names
from sodaf_migrate.dialects.sqlite.edit import constant_text
from sodaf_migrate.dialects.sqlite.lexer import tokenize
from sodaf_migrate.dialects.sqlite.losses import losses, repeated, rows_lost, values_lost
from sodaf_migrate.dialects.sqlite.moving import settled_moves
from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.dialects.sqlite.parts import in_parts
from sodaf_migrate.dialects.sqlite.pending import pending
from sodaf_migrate.dialects.sqlite.question import Question
from sodaf_migrate.dialects.sqlite.refill import Refill, refilled
from sodaf_migrate.dialects.sqlite.transform import transformed
from sodaf_migrate.plan import Finding, Guard, Hazard, Loss, Severity, Statement
from sodaf_migrate.schema.model import Column, Literal, ObjectName, Schema, Sql, fold

__all__ = ["Cleaning", "Manner", "Verdict", "settle"]

Allows = Callable[[str, str, str | None], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaning:
    """Rows that are changed before the schema is: statements on one live table, run with its triggers set aside."""

    table: str
    title: str
    sql: tuple[Statement, ...]
    loss: Loss


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The diff that can be made now, and what has to be said about it.

    ``fills`` maps (folded table, folded column), named as after the renames, to the SQL of what replaces NULL.
    """

    diff: SchemaDiff
    hazards: tuple[Hazard, ...] = ()
    guards: tuple[Guard, ...] = ()
    findings: tuple[Finding, ...] = ()
    cleanings: tuple[Cleaning, ...] = ()
    fills: dict[tuple[str, str], str] = field(default_factory=dict, hash=False)
    values: dict[tuple[str, str], str] = field(default_factory=dict, hash=False)  # what conversions give
    backs: dict[tuple[str, str], str] = field(default_factory=dict, hash=False)  # and what they give on the way back
    holding: dict[tuple[str, str], int] = field(default_factory=dict, hash=False)  # rows that hold the old default
    losses: tuple[Loss, ...] = ()  # those of the cleanings aside
    refills: tuple[Refill, ...] = ()
    met: tuple[Question, ...] = ()  # what of the census some row answers to


#: Hazards after which the old values are gone, unless a backup holds them.
_LOSING = ("drop_column", "drop_table", "lossy_conversion", "fill_nulls", "blank_to_null", "drop_duplicates")

#: Changes of values that are made when they are allowed: the hazard, and how it is said.
_CHANGING = {
    "altered": ("lossy_conversion", "would not read back as they are"),
    "computed": ("lossy_conversion", "give way to computed ones"),
    "longer": ("shrink_length", "are longer than the new length (they are kept)"),
}

_IMPOSSIBLE = {
    "impossible": ("VALUES_DO_NOT_CONVERT", "values that the field's new type cannot take"),
    "misfits": ("ROWS_DO_NOT_FIT", "values that the column would refuse"),
    "violators": ("CHECK_VIOLATED", "rows that break the new CHECK"),
    "keyless": ("KEY_IS_NULL", "rows without a value for the primary key"),
    "orphans": ("FOREIGN_KEY_ORPHANS", "rows whose parent does not exist"),
    "orphaned": ("FOREIGN_KEY_ORPHANS", "rows whose parent would go"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a diff is settled.

    ``whole``: the wish is plain SQL. ``backups``: what is about to be lost will be backed up first.
    ``owned``: what history calls ours. ``refills``: what comes back from backups.
    """

    whole: bool = False
    backups: bool = False
    owned: frozenset[ObjectName] = frozenset()
    refills: tuple[Refill, ...] = ()


class _Settler:
    def __init__(self, live: Schema, diff: SchemaDiff, census: Census, allows: Allows, manner: Manner) -> None:
        self.live, self.diff, self.census, self.allows, self.manner = live, diff, census, allows, manner
        self.names = LiveNames(live, diff)
        self.hazards: list[Hazard] = []
        self.guards: list[Guard] = []
        self.findings: list[Finding] = []
        self.cleanings: list[Cleaning] = []
        self.fills: dict[tuple[str, str], str] = {}
        self.values: dict[tuple[str, str], str] = {}
        self.backs: dict[tuple[str, str], str] = {}
        self.policies: dict[tuple[str, str], str] = {}  # by folded live table and column
        self.kept: list[ColumnChange] = []

    def settle(self) -> Verdict:
        columns = tuple(settled for change in self.diff.columns if (settled := self._column(change)) is not None)
        for change in self.diff.tables:
            if change.new is None and change.old is not None and not _is_moved(self.diff, change.old.name):
                self._table_goes(change.old.name)
        for answer in self.census.answers:
            self._answer(answer)
        for table, column, what in affected(self.live, self.diff, self.names, self.manner.owned):
            self._hazard("foreign_object_change", table, column, f'{what} names "{column}"', None)
        return Verdict(
            diff=replace(
                self.diff, columns=columns + tuple(self.kept), rows=tuple(filter(self._followed, self.diff.rows))
            ),
            hazards=tuple(self.hazards),
            guards=tuple(self.guards),
            findings=tuple(self.findings),
            cleanings=tuple(self.cleanings),
            fills=self.fills,
            values=self.values,
            backs=self.backs,
            holding=dict(self._holding()),
        )

    def _holding(self) -> Iterator[tuple[tuple[str, str], int]]:
        for change in self.diff.columns:
            answer = self._find("holds", change.table, change.old.name) if change.old else None
            if change.old is not None and answer is not None:
                yield (fold(change.table), fold(change.old.name)), answer.count

    def _label(self, table: str) -> str:
        """Whom a hazard names: the DocType, or the table where the wish is plain SQL."""
        return table if self.manner.whole else self.diff.doctype

    def _find(self, kind: str, table: str, about: str) -> Answer | None:
        there = self.names.table(table)
        return self.census.find(kind, there.name, about) if there is not None else None

    def _rows(self, table: str) -> int:
        there = self.names.table(table)
        return self.census.rows.get(fold(there.name), 0) if there is not None else 0

    def _column(self, change: ColumnChange) -> ColumnChange | None:
        """The change as it can be made now; None when nothing of it is left."""
        if change.new is None:
            self._column_goes(change)
            return change
        if change.old is None and transformed(change) is None:
            return self._column_comes(change)
        converts = self._convert(change)
        if change.aspects == {"field"} and not converts and not self.diff.is_reverse:
            return None  # the way back keeps it, for there originals may come from a backup
        name = change.old.name if change.old is not None else change.new.name
        answer = self._find("nulls", change.table, name)
        if answer is None or not answer.count:
            return change
        default = change.new.default
        if _is_value(default) and change.old is None:  # as in every new column
            self.fills[fold(change.table), fold(name)] = constant_text(default)
            return change
        if _is_value(default) and self.allows("fill_nulls", self._label(change.table), name):
            message = f'NULLs in "{change.new.name}" become its default'
            self._hazard("fill_nulls", change.table, name, message, answer)
            self.fills[fold(change.table), fold(change.new.name)] = constant_text(default)
            return change
        free = replace(change.new, not_null=False, not_null_conflict=None, not_null_name=None)
        self._pending(change, answer.count, answer.samples)
        return replace(change, new=free) if free != change.old or converts else None

    def _column_comes(self, change: ColumnChange) -> ColumnChange:
        column = change.new
        assert column is not None
        default = column.default
        unfilled = not _is_value(default)
        rows = self._rows(change.table)
        there = self.names.table(change.table)
        if not column.not_null or not unfilled or column.generated is not None or there is None:
            return change
        if not rows:
            sql = f"SELECT count(*) FROM main.{quote(there.name)}"
            self.guards.append(Guard(sql=sql, expected=0, meaning=f'"{there.name}" has no rows'))
            return change
        back = next((r for r in self.manner.refills if r.returns(change.table, column.name)), None)
        if back is not None and back.waiting >= rows:
            return change
        keys = [c.new for c in self.diff.primary_keys if fold(c.table) == fold(change.table) and c.new is not None]
        if any(column.name in key.columns for key in keys):
            self._impossible("keyless", change.table, column.name, rows)
            return change
        self._pending(change, rows - (back.waiting if back is not None else 0))
        return replace(change, new=replace(column, not_null=False, not_null_conflict=None, not_null_name=None))

    def _convert(self, change: ColumnChange) -> bool:
        """Decide what the values of a retyped field become, and whether anything does."""
        assert change.new is not None
        name = change.old.name if change.old is not None else change.new.name
        lossy = self.allows("lossy_conversion", self._label(change.table), name)
        kept = side_of(self.diff, change)
        found = carried(change, quote(change.new.name), lossy=lossy, back=self.diff.is_reverse, kept=kept)
        if found is None:
            return False
        key = (fold(change.table), fold(change.new.name))
        self.values[key] = found.value
        if (there := self.names.table(change.table)) is not None:
            self.policies[fold(there.name), fold(name)] = change.treatment.on_conversion_error
        if kept is None and (back := self._back(change)) is not None:
            self.backs[fold(change.table), fold(name)] = back.value
        losing = [self._find(kind, change.table, name) for kind in ("impossible", "altered")]
        if found.side is not None and any(answer is not None and answer.count for answer in losing):
            side = Column(name=self._free(change.table, change.new.name + SIDE))
            self.kept.append(ColumnChange(table=change.table, old=None, new=side))
            self.values[key[0], fold(side.name)] = found.side
        return True

    def _back(self, change: ColumnChange) -> Carried | None:
        """What the values become if the change is taken back, as far as that can be said without a backup."""
        if change.fields is None or change.old is None or change.new is None:
            return None
        before, after = change.fields
        back = replace(change, old=change.new, new=change.old, fields=(after, before), treatment=Treatment())
        return carried(back, quote(change.old.name), lossy=False, back=True)

    def _free(self, table: str, name: str) -> str:
        """``name``, with a number where a column of that name exists."""
        there = self.names.table(table)
        taken = {fold(column.name) for column in there.columns} if there is not None else set()
        taken |= {fold(c.new.name) for c in self.diff.columns if c.new is not None and fold(c.table) == fold(table)}
        numbered = (f"{name}{number}" for number in count(2))
        return name if fold(name) not in taken else next(other for other in numbered if fold(other) not in taken)

    def _pending(self, change: ColumnChange, rows: int, samples: tuple[str, ...] = ()) -> None:
        label, back = self._label(change.table), self.diff.is_reverse
        self.findings.append(pending(change, rows, samples, label=label, back=back))

    def _column_goes(self, change: ColumnChange) -> None:
        assert change.old is not None
        answer = self._find("values", change.table, change.old.name)
        self._hazard("drop_column", change.table, change.old.name, f'column "{change.old.name}" goes', answer)

    def _table_goes(self, table: str) -> None:
        answer = self._find("rows", table, "")
        self._hazard("drop_table", table, None, f'table "{table}" goes with its rows', answer)

    def _virtual_table_goes(self, name: str, rows: int) -> None:
        message = f'virtual table "{name}" goes with its rows, and no backup holds them'
        for hazard in ("drop_table", "irreversible"):
            self.hazards.append(Hazard(name=hazard, doctype=self._label(name), column=None, message=message, rows=rows))

    def _hazard(self, name: str, table: str, column: str | None, message: str, answer: Answer | None) -> None:
        rows = answer.count if answer else None
        if self.diff.is_reverse and name in ("drop_column", "drop_table") and not rows:
            return  # what the migration made is still as it made it
        samples = answer.samples if answer else ()
        label = self._label(table)
        self.hazards.append(
            Hazard(name=name, doctype=label, column=column, message=message, rows=rows, samples=samples)
        )
        if name in _LOSING and rows and not self.manner.backups:
            lost = f"{message}: the old values could not be brought back, for no backup of them is taken"
            self.hazards.append(Hazard(name="irreversible", doctype=label, column=column, message=lost, rows=rows))

    def _followed(self, change: RowsChange) -> bool:
        """Whether any row has to follow the rename."""
        answer = self._find("follow", change.table, f"{change.column}={change.old}")
        return answer is None or answer.count > 0

    def _answer(self, answer: Answer) -> None:
        question = answer.question
        if question.kind == "rows" and not _is_dropped(self.diff, question.table):
            return
        if question.kind != "follow":
            self.guards.append(Guard(sql=question.count_sql, expected=answer.count, meaning=question.meaning))
        if not answer.count:
            return
        called = (t for t in self.diff.table_names if (there := self.names.table(t)) and there.name == question.table)
        table = next(called, question.table)
        policy = self.policies.get((fold(question.table), fold(question.about)), "refuse")
        if question.kind in ("altered", "impossible") and policy != "refuse":
            self._given_up(table, answer, policy)
        elif question.kind in _IMPOSSIBLE:
            self._impossible(question.kind, table, question.about, answer.count, answer.samples)
        elif question.kind in _CHANGING:
            hazard, words = _CHANGING[question.kind]
            self._hazard(hazard, table, question.about, f'values of "{question.about}" {words}', answer)
        elif question.kind in ("duplicates", "blanks"):
            self._duplicates(table, answer)
        elif question.kind == "rows" and self.names.table(question.table) is None:
            self._virtual_table_goes(question.table, answer.count)
        elif question.kind == "taken":
            self._taken(table, answer)

    def _impossible(self, kind: str, table: str, about: str, count: int, samples: tuple[str, ...] = ()) -> None:
        code, words = _IMPOSSIBLE[kind]
        shown = f": {', '.join(samples)}" if samples else ""
        self.findings.append(
            Finding(
                code=code,
                severity=Severity.ERROR,
                target=f"{table}.{about}",
                message=f'"{table}" has {count} {words} ({about}){shown}',
                hint="Mend those rows first, or leave this change out.",
                rows=count,
            )
        )

    def _given_up(self, table: str, answer: Answer, policy: str) -> None:
        """Values that do not convert, where somebody said what becomes of them."""
        about = answer.question.about
        if policy == "keep":
            return  # nothing is lost
        self._hazard("lossy_conversion", table, about, f'values of "{about}" do not convert: {policy} instead', answer)

    def _taken(self, table: str, answer: Answer) -> None:
        self.findings.append(
            Finding(
                code="ROWS_ALREADY_RENAMED",
                severity=Severity.WARNING,
                target=table,
                message=f'{answer.count} rows of "{table}" already hold the new name ({answer.question.about})',
                hint="A rollback could not tell them from those that follow the rename.",
                rows=answer.count,
            )
        )

    def _duplicates(self, table: str, answer: Answer) -> None:
        question = answer.question
        name = "blank_to_null" if question.kind == "blanks" else "drop_duplicates"
        what = "blanks" if question.kind == "blanks" else "rows that repeat another"
        self._hazard(name, table, None, f"{what} stand in the way of the unique ({question.about})", answer)
        there = self.names.table(table)
        if there is None or not self.allows(name, self._label(table), None):
            return
        condition, groups = in_live_names(question, table, self.names)
        if question.kind == "blanks":
            key = groups[0]
            column = key.partition(" COLLATE ")[0]
            sql = in_parts(f"UPDATE main.{quote(there.name)} SET {column} = NULL", there, where=f"{key} = ''")
            name = tokenize(column)[0].name
            loss = values_lost(there, table, name, "NULL", f"{key} = ''", self.names)
            title = f'turn blanks in "{question.about}" of "{table}" into NULL'
        else:
            others = repeated(there, condition, groups)
            sql = Statement(sql=f"DELETE FROM main.{quote(there.name)} WHERE {others}")
            loss = rows_lost(there, others)
            title = f'delete rows of "{table}" that repeat another in ({question.about})'
        self.cleanings.append(Cleaning(table=question.table, title=title, sql=(sql,), loss=loss))


def _is_value(default: Sql | Literal | None) -> TypeGuard[Sql]:
    """Whether a stored default gives something other than NULL."""
    return isinstance(default, Sql) and default.key.upper() != "NULL"


def _is_moved(diff: SchemaDiff, table: str) -> bool:
    """Whether the one row of a table moves away before the table goes."""
    return any(change.new == "values" and fold(change.table) == fold(table) for change in diff.moves)


def _is_dropped(diff: SchemaDiff, table: str) -> bool:
    gone = (*(c.old for c in diff.tables if c.new is None), *(c.old for c in diff.virtual_tables))
    return any(old is not None and fold(old.name) == fold(table) for old in gone)


def settle(live: Schema, diff: SchemaDiff, census: Census, *, allows: Allows, manner: Manner | None = None) -> Verdict:
    """What of ``diff`` can be made now; ``allows(hazard, doctype, column)`` says what the caller accepts."""
    manner = manner or Manner()
    diff, in_the_way = settled_moves(diff, census)
    verdict = _Settler(live, diff, census, allows, manner).settle()
    # A value that gives way to its original is in a backup already, so what is lost is told without the refills.
    lost = losses(live, verdict.diff, verdict.values, verdict.fills)
    values = {**verdict.values, **dict(refilled(verdict.diff, verdict.values, manner.refills))}
    guards = (guard for refill in manner.refills if (guard := refill.guard()) is not None)
    return replace(
        verdict,
        losses=lost,
        values=values,
        refills=manner.refills,
        met=tuple(answer.question for answer in census.answers if answer.count),
        guards=(*verdict.guards, *guards),
        findings=(*verdict.findings, *in_the_way),
    )
