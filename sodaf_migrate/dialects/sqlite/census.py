"""What the live rows say about a diff: asked only where the diff makes it necessary, in one pass over each table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from sodaf_migrate.compare.changes import SchemaDiff
from sodaf_migrate.dialects.sqlite.convert import altered, misfits
from sodaf_migrate.dialects.sqlite.edit import default_condition
from sodaf_migrate.dialects.sqlite.names import literal, quote
from sodaf_migrate.schema.model import Column, KeyPart, Literal, Schema, Sql, Table, fold
from sodaf_migrate.wire.connection import Wire

__all__ = ["SAMPLES", "Answer", "Census", "LiveNames", "Question", "questions", "statistics_tables", "take_census"]

#: How many values of each kind are shown to people.
SAMPLES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """How many rows of the live ``table`` meet ``condition``; ``kind`` says what that would mean.

    ``about`` is the column, index or constraint under its name after any rename. Kinds: rows, nulls, values (that a
    dropped column holds), altered, misfits, longer, violators, orphans, duplicates (``groups`` holds the grouping).
    """

    kind: str
    table: str  # its live name
    about: str
    condition: str = "1"
    show: str | None = None  # the expression whose values are shown
    groups: tuple[str, ...] = ()

    @property
    def count_sql(self) -> str:
        """The query that answers, on its own."""
        table = f"main.{quote(self.table)}"
        if not self.groups:
            return f"SELECT count(*) FROM {table} WHERE {self.condition}"
        keys = ", ".join(self.groups)
        inner = f"SELECT count(*) AS n FROM {table} WHERE {self.condition} GROUP BY {keys} HAVING count(*) > 1"
        return f"SELECT coalesce(sum(n) - count(*), 0) FROM ({inner})"

    @property
    def sample_sql(self) -> str | None:
        """Up to five of the values concerned."""
        table = f"main.{quote(self.table)}"
        if self.groups:
            keys = ", ".join(self.groups)
            return (
                f"SELECT {keys}, count(*) FROM {table} WHERE {self.condition}"
                f" GROUP BY {keys} HAVING count(*) > 1 ORDER BY count(*) DESC LIMIT {SAMPLES}"
            )
        if self.show is None:
            return None
        return f"SELECT {self.show} FROM {table} WHERE {self.condition} LIMIT {SAMPLES}"


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


class LiveNames:
    """The names that tables and columns have in the database now, for a diff that speaks of them after its renames."""

    def __init__(self, live: Schema, diff: SchemaDiff) -> None:
        self._live = live
        self._tables: dict[str, str] = {}
        self._columns: dict[tuple[str, str], str] = {}
        if diff.is_reverse:  # then it speaks of everything as it is called now
            return
        self._tables = {fold(c.new.name): c.old.name for c in diff.tables if c.old and c.new}
        for change in diff.renamed_columns:
            if change.old and change.new:
                self._columns[fold(change.table), fold(change.new.name)] = change.old.name

    def table(self, name: str) -> Table | None:
        """The live table that will be called ``name``, None when it does not exist yet."""
        return self._live.table(self._tables.get(fold(name), name))

    def column(self, table: str, name: str) -> str | None:
        """The live name of the column that will be called ``name``, None when it does not exist yet."""
        there = self.table(table)
        live = self._columns.get((fold(table), fold(name)), name)
        if there is None or there.column(live) is None:
            return None
        renamed_away = {fold(old) for (home, _), old in self._columns.items() if home == fold(table)}
        if fold(live) in renamed_away and (fold(table), fold(name)) not in self._columns:
            return None  # that column will be called otherwise; this one is new
        return live


def questions(live: Schema, diff: SchemaDiff) -> tuple[Question, ...]:
    """Everything that the rows have to be asked for ``diff``; nothing about tables that do not exist yet."""
    names = LiveNames(live, diff)
    strict = {fold(c.table): c.new for c in diff.options if c.option == "strict"}
    found: list[Question] = []
    for table in diff.table_names:
        there = names.table(table)
        if there is None:
            continue
        asked = list(_about_columns(there, table, diff, names, strict))
        asked += _about_keys(there, table, diff, names)
        if asked or any(fold(c.table) == fold(table) for c in diff.columns) or _goes(table, diff):
            found.append(Question(kind="rows", table=there.name, about=""))
        found += asked
    found += _about_rows(live, diff)
    return tuple(dict.fromkeys(found))


def _goes(table: str, diff: SchemaDiff) -> bool:
    return any(c.new is None and c.old and fold(c.old.name) == fold(table) for c in diff.tables)


def _about_columns(
    there: Table, table: str, diff: SchemaDiff, names: LiveNames, strict: dict[str, bool]
) -> Iterator[Question]:
    for change in diff.columns:
        if fold(change.table) != fold(table) or change.old is None or change.aspects == {"name"}:
            continue
        live = names.column(table, change.old.name)
        if live is None:
            continue
        column, about = quote(live), change.old.name
        if change.new is None:
            if change.old.generated is None:
                nothing = _untouched(change.old) if diff.is_reverse else "NULL"
                condition = f"{column} IS NOT {nothing}"
                yield Question(kind="values", table=there.name, about=about, condition=condition, show=column)
            continue
        if "default" in change.aspects:
            held = default_condition(replace(change.old, name=live))
            if held:
                yield Question(kind="holds", table=there.name, about=about, condition=held)
        if "not_null" in change.aspects and change.new.not_null and not change.old.not_null:
            yield Question(kind="nulls", table=there.name, about=about, condition=f"{column} IS NULL")
        if "type" in change.aspects and change.new.generated is None:
            yield from _about_type(there, about, column, change.old, change.new, strict.get(fold(table), there.strict))
    yield from _about_strict(there, strict.get(fold(table)))


def _about_strict(there: Table, strict: bool | None) -> Iterator[Question]:
    """STRICT on refuses values; STRICT off converts those of ANY columns."""
    for column in there.columns if strict is not None else ():
        if column.generated is not None:
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
    return column.default.text if isinstance(column.default, Sql) and default_condition(column) else "NULL"


def _about_type(there: Table, about: str, column: str, old: Column, new: Column, strict: bool) -> Iterator[Question]:
    condition = altered(column, old.type, new.type, strict=(there.strict, strict))
    if condition:
        yield Question(kind="altered", table=there.name, about=about, condition=condition, show=column)
    refused = misfits(column, new.type) if strict else None
    if refused:
        yield Question(kind="misfits", table=there.name, about=about, condition=refused, show=column)
    length = declared_length(new.type)
    before = declared_length(old.type)
    if length is not None and (before is None or before > length):
        longer = f"typeof({column}) = 'text' AND length({column}) > {length}"
        yield Question(kind="longer", table=there.name, about=about, condition=longer, show=column)


def declared_length(declared: str) -> int | None:
    """The n of VARCHAR(n) and its kin, None for other types."""
    head, _, rest = declared.partition("(")
    number = rest.rstrip(") ")
    return int(number) if "CHAR" in head.upper() and number.isdigit() else None


def _about_keys(there: Table, table: str, diff: SchemaDiff, names: LiveNames) -> list[Question]:
    found: list[Question] = []
    come = {fold(column.name): column for column in _new(table, diff.columns) if there.column(column.name) is None}
    for index in _new(table, diff.indexes):
        if index.unique:
            found += _duplicates(there, table, index.name, index.parts, index.where, names, come)
    for unique in (*_new(table, diff.uniques), *_new(table, diff.primary_keys)):
        found += _duplicates(there, table, ",".join(unique.columns), unique.parts, None, names, come)
    for key in _new(table, diff.primary_keys):
        lives = {name: names.column(table, name) for name in key.columns}
        found += [
            Question(kind="nulls", table=there.name, about=name, condition=f"{quote(live)} IS NULL")
            for name, live in lives.items()
            if live is not None
        ]
    for check in _new(table, diff.checks):
        if not diff.renamed_columns and not come:  # else its text may speak of names that are not there yet
            text = check.expression.text
            found.append(Question(kind="violators", table=there.name, about=text, condition=f"NOT ({text})"))
    for foreign in _new(table, diff.foreign_keys):
        found += _orphans(there, table, foreign, names)
    return found


def _new(table: str, changes: Iterable[Any]) -> list[Any]:
    """What the changes of one table bring."""
    return [change.new for change in changes if fold(change.table) == fold(table) and change.new is not None]


def _duplicates(
    there: Table,
    table: str,
    about: str,
    parts: Iterable[KeyPart],
    where: Sql | None,
    names: LiveNames,
    come: dict[str, Column],
) -> list[Question]:
    keys: list[str] = []
    for part in parts:
        expression = _key_expression(table, part, names, come)
        if expression is None:
            return []  # a key that no old row can have
        keys.append(expression + (f" COLLATE {part.collation}" if part.collation else ""))
    if any(part.expression is not None for part in parts) and (come or names.table(table) is not there):
        return []
    condition = " AND ".join([f"{key} IS NOT NULL" for key in keys] + ([f"({where.text})"] if where else []))
    return [Question(kind="duplicates", table=there.name, about=about, condition=condition, groups=tuple(keys))]


def _key_expression(table: str, part: KeyPart, names: LiveNames, come: dict[str, Column]) -> str | None:
    if part.column is None:
        return f"({part.expression.text})" if part.expression else None
    live = names.column(table, part.column)
    if live is not None:
        return quote(live)
    new = come.get(fold(part.column))
    if new is None or new.default is None or isinstance(new.default, Literal):
        return None
    return f"({new.default.text})"


def _orphans(there: Table, table: str, key: Any, names: LiveNames) -> list[Question]:
    own = [names.column(table, name) for name in key.columns]
    parent = names.table(key.table)
    if parent is None or None in own:
        return []
    referenced = key.referenced or (parent.primary_key.columns if parent.primary_key else ())
    theirs = [names.column(key.table, name) for name in referenced]
    if None in theirs or len(theirs) != len(own):
        return []
    outer = f"main.{quote(there.name)}"
    match = " AND ".join(f"p.{quote(theirs[i] or '')} = {outer}.{quote(own[i] or '')}" for i in range(len(own)))
    filled = " AND ".join(f"{quote(name or '')} IS NOT NULL" for name in own)
    condition = f"{filled} AND NOT EXISTS (SELECT 1 FROM main.{quote(parent.name)} AS p WHERE {match})"
    about = f"{', '.join(key.columns)} -> {key.table}"
    return [Question(kind="orphans", table=there.name, about=about, condition=condition, show=quote(own[0] or ""))]


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


def statistics_tables(wire: Wire) -> tuple[str, ...]:
    """Those of SQLite's statistics tables that exist: a rebuild has to carry their rows over."""
    sql = "SELECT name FROM main.sqlite_schema WHERE name IN ('sqlite_stat1', 'sqlite_stat4') ORDER BY name"
    return tuple(row[0] for row in wire.query(sql))


def take_census(wire: Wire, asked: Iterable[Question]) -> Census:
    """Ask the live rows: one pass over each table for its plain conditions, one query for each grouping."""
    asked = tuple(asked)
    answers: list[Answer] = []
    rows: dict[str, int] = {}
    for table in dict.fromkeys(question.table for question in asked):
        plain = [q for q in asked if q.table == table and not q.groups]
        if plain:
            sums = ", ".join(f"count(CASE WHEN {q.condition} THEN 1 END)" for q in plain)
            counts = wire.row(f"SELECT {sums} FROM main.{quote(table)}") or ()
            for question, count in zip(plain, counts, strict=True):
                if question.kind == "rows":
                    rows[fold(table)] = count
                answers.append(_answer(wire, question, count))
        answers += [_answer(wire, q, wire.value(q.count_sql)) for q in asked if q.table == table and q.groups]
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
