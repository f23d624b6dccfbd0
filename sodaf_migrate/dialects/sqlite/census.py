"""What the live rows say about a diff: asked only where the diff makes it necessary, in one pass over each table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from sodaf_migrate.compare.changes import ColumnChange, SchemaDiff
from sodaf_migrate.dialects.sqlite.carry import Carried, carried, kept_beside, left_by, side_of
from sodaf_migrate.dialects.sqlite.census_children import about_children
from sodaf_migrate.dialects.sqlite.census_keys import about_keys
from sodaf_migrate.dialects.sqlite.census_moves import about_moves
from sodaf_migrate.dialects.sqlite.convert import altered, misfits
from sodaf_migrate.dialects.sqlite.edit import constant_text, default_condition, exactly
from sodaf_migrate.dialects.sqlite.lexer import tokenize
from sodaf_migrate.dialects.sqlite.live_names import LiveNames
from sodaf_migrate.dialects.sqlite.names import literal, quote
from sodaf_migrate.dialects.sqlite.question import Question
from sodaf_migrate.dialects.sqlite.refill import Refill
from sodaf_migrate.dialects.sqlite.rowid import rowid_name
from sodaf_migrate.dialects.sqlite.transform import transformed
from sodaf_migrate.schema.model import Column, Schema, Sql, Table, fold
from sodaf_migrate.wire.connection import Wire

__all__ = [
    "Answer",
    "Census",
    "LiveNames",
    "Question",
    "questions",
    "row_condition",
    "take_census",
]


#: What is not asked of a value that gives way to its original.
_SPARED = ("altered", "impossible", "misfits", "longer", "nulls", "keyless")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    question: Question
    count: int
    samples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """The answers, found by kind, table (live name) and what they are about."""

    answers: tuple[Answer, ...] = ()
    rows: dict[str, int] = field(default_factory=dict, hash=False)  # folded live table name -> rows

    def find(self, kind: str, table: str, about: str) -> Answer | None:
        """The answer, or None when the question was not asked."""
        wanted = (kind, fold(table), fold(about))
        return next(
            (a for a in self.answers if (a.question.kind, fold(a.question.table), fold(a.question.about)) == wanted),
            None,
        )


Allows = Callable[[str, str, str | None], bool]


def _nothing(hazard: str, doctype: str, column: str | None) -> bool:
    return False


def questions(
    live: Schema, diff: SchemaDiff, allows: Allows = _nothing, refills: Iterable[Refill] = ()
) -> tuple[Question, ...]:
    """Everything that the rows have to be asked for ``diff``; nothing about tables that do not exist yet.

    ``allows(hazard, doctype, column)`` says what the caller accepts: it decides what values become. What gets its
    original back (``refills``) need not convert.
    """
    names = LiveNames(live, diff)
    strict = {fold(c.table): c.new for c in diff.options if c.option == "strict"}
    found: list[Question] = []
    for table in diff.table_names:
        there = names.table(table)
        if there is None:
            continue
        asked = list(_about_columns(there, table, diff, names, strict, allows))
        asked += about_keys(live, there, table, diff, names, allows)
        asked += about_children(live, there, table, diff, names, tuple(asked), allows)
        if asked or any(fold(c.table) == fold(table) for c in diff.columns) or _goes(table, diff):
            found.append(Question(kind="rows", table=there.name, about=""))
        found += asked
    gone = (change.old for change in diff.virtual_tables if change.old is not None)
    found += [Question(kind="rows", table=old.name, about="") for old in gone]
    found += _about_rows(live, diff)
    found += about_moves(live, diff)
    refills = tuple(refills)
    # What stands in for a value that comes back repeats itself; no row may go for that.
    kept = (question for question in found if not (question.groups and _names_any(question, refills)))
    return tuple(dict.fromkeys(_without(question, refills) for question in kept))


def _names_any(question: Question, refills: tuple[Refill, ...]) -> bool:
    names = {token.name for group in question.groups for token in tokenize(group)}
    table = question.table
    return any(refill.is_for(table, name) or refill.returns(table, name) for refill in refills for name in names)


def _without(question: Question, refills: Iterable[Refill]) -> Question:
    for refill in refills:
        table, about = question.table, question.about
        if question.kind in _SPARED and (refill.is_for(table, about) or refill.returns(table, about)):
            return replace(question, condition=f"({question.condition}) AND NOT {refill.there}")
        if question.kind == "keyless" and refill.returns(question.table, question.about):
            return replace(question, condition=f"NOT {refill.there}")
    return question


def _goes(table: str, diff: SchemaDiff) -> bool:
    return any(c.new is None and c.old and fold(c.old.name) == fold(table) for c in diff.tables)


def _about_columns(
    there: Table, table: str, diff: SchemaDiff, names: LiveNames, strict: dict[str, bool], allows: Allows
) -> Iterator[Question]:
    for change in diff.columns:
        if fold(change.table) != fold(table) or change.aspects == {"name"}:
            continue
        if change.old is None:
            yield from _about_new(there, change, names, strict.get(fold(table), there.strict))
            continue
        live = names.column(table, change.old.name)
        if live is None:
            continue
        column, about = quote(live), change.old.name
        if change.new is None:
            if change.old.generated is None:
                nothing = _untouched(change.old) if diff.is_reverse else "NULL"
                condition = f"{column} IS NOT {exactly(nothing)}"
                beside = kept_beside(diff, change)
                if beside is not None and beside.old is not None:  # where that is unchanged, the value goes back to it
                    condition = f"{condition} AND {quote(beside.old.name)} IS NOT {exactly(left_by(beside))}"
                yield Question(kind="values", table=there.name, about=about, condition=condition, show=column)
            continue
        lossy = allows("lossy_conversion", diff.doctype, about)
        found = carried(change, quote(change.new.name), lossy=lossy, back=diff.is_reverse, kept=side_of(diff, change))
        found = found.spelled(partial(names.spelled, table)) if found is not None else None
        value = f"({found.value})" if found is not None else column
        if "default" in change.aspects:
            filled = allows("fill_nulls", diff.doctype, about) if found is not None else False
            held = default_condition(change.old, _final(change.new, value) if filled else value)
            if held:
                yield Question(kind="holds", table=there.name, about=about, condition=held)
        # A way back that could not make it NOT NULL again has left it nullable, whatever the one before it recorded.
        is_free = not change.old.not_null or not any(c.not_null for c in there.columns if c.name == live)
        if change.new.not_null and (found is not None or is_free):
            shown = _key(there) if diff.is_reverse else None
            yield Question(kind="nulls", table=there.name, about=about, condition=f"{value} IS NULL", show=shown)
        if (change.aspects & {"type", "field"} or fold(table) in strict) and change.new.generated is None:
            carry = found if not diff.is_reverse else None
            later = strict.get(fold(table), there.strict)
            yield from _about_type(there, about, column, change, later, carry, back=diff.is_reverse)
        computed = names.computed(change)
        if computed is not None:
            replaced = f"{column} IS NOT ({computed}) COLLATE BINARY"
            yield Question(kind="computed", table=there.name, about=about, condition=replaced, show=column)
    asked = {names.column(table, c.old.name) for c in diff.columns if c.old and fold(c.table) == fold(table)}
    yield from _about_strict(there, strict.get(fold(table)), asked)


def _key(table: Table) -> str | None:
    """What people know a row by."""
    key = table.primary_key.columns if table.primary_key is not None else ()
    return ", ".join(map(quote, key)) or rowid_name(table)


def _about_new(there: Table, change: ColumnChange, names: LiveNames, strict: bool) -> Iterator[Question]:
    """What a transformer leaves NULL in a new column, and a default that a STRICT table would refuse in every row."""
    value = transformed(change)
    if strict and value is None and change.new is not None and isinstance(change.new.default, Sql):
        wrong = misfits(f"({constant_text(change.new.default)})", change.new.type)
        if wrong:
            yield Question(kind="misfits", table=there.name, about=change.new.name, condition=wrong)
    if value is not None and change.new is not None and change.new.not_null:
        condition = f"{names.spelled(change.table, value)} IS NULL"
        yield Question(kind="nulls", table=there.name, about=change.new.name, condition=condition)


def _about_strict(there: Table, strict: bool | None, asked: set[str | None]) -> Iterator[Question]:
    """STRICT on refuses values; STRICT off converts those of ANY columns. What changes itself was ``asked`` for."""
    for column in there.columns if strict is not None else ():
        if column.generated is not None or column.name in asked:
            continue
        shown = quote(column.name)
        if strict:
            kind, condition = "misfits", misfits(shown, column.type)
        else:
            kind, condition = "altered", altered(shown, column.type, column.type, strict=(True, False))
        if condition:
            yield Question(kind=kind, table=there.name, about=column.name, condition=condition, show=shown)


def _untouched(column: Column) -> str:
    """What a column that a migration added holds where nobody wrote since: going back loses nothing of it."""
    return constant_text(column.default) if isinstance(column.default, Sql) and default_condition(column) else "NULL"


def _final(new: Column, value: str) -> str:
    """``value`` where a default fills what is NULL under NOT NULL."""
    fills = new.not_null and isinstance(new.default, Sql)
    return f"coalesce({value}, {constant_text(new.default)})" if fills and isinstance(new.default, Sql) else value


def _about_type(
    there: Table, about: str, column: str, change: ColumnChange, strict: bool, found: Carried | None, *, back: bool
) -> Iterator[Question]:
    """A way ``back`` leaves words where numbers stood, and texts that are too long, as they may have been."""
    old, new = change.old, change.new
    assert old is not None and new is not None
    if found is not None:
        conditions = {"altered": found.lossy, "impossible": found.impossible}
    else:
        conditions = {"altered": altered(column, old.type, new.type, strict=(there.strict, strict), words=not back)}
    for kind, condition in conditions.items():
        if condition:
            yield Question(kind=kind, table=there.name, about=about, condition=condition, show=column)
    refused = misfits(column, new.type) if strict else None
    if refused:
        yield Question(kind="misfits", table=there.name, about=about, condition=refused, show=column)
    length = declared_length(new.type)
    before = declared_length(old.type)
    if length is not None and (before is None or before > length) and not back:
        longer = f"typeof({column}) = 'text' AND length({column}) > {length}"
        yield Question(kind="longer", table=there.name, about=about, condition=longer, show=column)


def declared_length(declared: str) -> int | None:
    """The n of VARCHAR(n) and its kin, None for other types."""
    head, _, rest = declared.partition("(")
    number = rest.rstrip(") ")
    return int(number) if "CHAR" in head.upper() and number.isdigit() else None


def _about_rows(live: Schema, diff: SchemaDiff) -> Iterator[Question]:
    names = LiveNames(live, diff)
    for change in diff.rows:
        there = names.table(change.table)
        if there is None:
            continue
        for kind, value in (("follow", change.old), ("taken", change.new)):
            yield Question(
                kind=kind, table=there.name, about=f"{change.column}={value}", condition=row_condition(change, value)
            )


def row_condition(change: Any, value: str) -> str:
    """The rows of a RowsChange that hold ``value`` now."""
    pairs = ((change.column, value), *change.where)
    return " AND ".join(f"{quote(column)} = {literal(wanted)}" for column, wanted in pairs)


def take_census(wire: Wire, asked: Iterable[Question]) -> Census:
    """Ask the live rows: one pass over each table for its plain conditions, one query for each grouping."""
    asked = tuple(asked)
    answers: list[Answer] = []
    rows: dict[str, int] = {}
    for source in dict.fromkeys(question.rows for question in asked):
        plain = [q for q in asked if q.rows == source and not q.groups]
        if plain:
            sums = ", ".join(f"count(CASE WHEN {q.condition} THEN 1 END)" for q in plain)
            counts = wire.row(f"SELECT {sums} FROM {source}") or ()
            for question, count in zip(plain, counts, strict=True):
                if question.kind == "rows":
                    rows[fold(question.table)] = count
                answers.append(_answer(wire, question, count))
        answers += [_answer(wire, q, wire.value(q.count_sql)) for q in asked if q.rows == source and q.groups]
    return Census(answers=tuple(answers), rows=rows)


def _answer(wire: Wire, question: Question, count: int) -> Answer:
    samples: tuple[str, ...] = ()
    if count and question.sample_sql and question.kind != "rows":
        samples = tuple(_shown(row) for row in wire.query(question.sample_sql))
    return Answer(question=question, count=count, samples=samples)


def _shown(row: tuple[Any, ...]) -> str:
    """A value as people read it, shortened."""
    text = ", ".join(repr(value) for value in row)
    return text if len(text) <= 60 else text[:57] + "…"
