"""CREATE TABLE as SQLite stores it, read exactly, with the places of all its elements."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sodaf_migrate.dialects.sqlite.lexer import Token
from sodaf_migrate.dialects.sqlite.parse_column import (
    Clause,
    Scope,
    column_names,
    conflict,
    deferrable,
    foreign_key,
    names_chain,
    read_column,
)
from sodaf_migrate.dialects.sqlite.parse_key import plain_parts
from sodaf_migrate.dialects.sqlite.reader import Reader
from sodaf_migrate.dialects.sqlite.types import is_integer
from sodaf_migrate.schema.model import (
    Check,
    Column,
    Constraint,
    ForeignKey,
    PrimaryKey,
    Table,
    Unique,
    fold,
)

__all__ = ["Element", "ParsedTable", "parse_table"]

_CONSTRAINT_WORDS = frozenset({"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"})
_EXPRESSIONS = frozenset({"CHECK", "AS"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """A column definition or a table constraint, from ``start`` to ``end`` of the text.

    ``column`` is None for a table constraint, ``name_end`` where the column's name ends. ``constraint`` is what a
    table constraint makes: None for a CONSTRAINT name that nothing follows.
    """

    start: int
    end: int
    column: str | None = None
    name_end: int = 0
    clauses: tuple[Clause, ...] = ()
    constraint: Constraint | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedTable:
    """A table and the places in its text: its name's token, the body's parentheses, the options after them."""

    table: Table
    elements: tuple[Element, ...]
    name: Token
    opens: int  # offset of the body's "("
    closes: int  # offset of its ")"
    options_end: int  # where the last option ends, or the ")" when there is none


def parse_table(sql: str) -> ParsedTable:
    """Read CREATE TABLE. Raises SchemaParseError, naming the offset, for whatever it does not understand."""
    reader = Reader(sql, "a table")
    reader.expect("CREATE")
    reader.take_one(("TEMP", "TEMPORARY"))
    reader.expect("TABLE")
    reader.take("IF", "NOT", "EXISTS")
    name = reader.name("the name of a table")
    if reader.take("."):
        name = reader.name("the name of a table")
    reader.what = f'table "{name.name}"'
    # Few tables have an expression, and only those pay for reading ahead.
    needs_names = not _EXPRESSIONS.isdisjoint(reader.words)
    scope = Scope(names=_all_names(reader) if needs_names else frozenset())
    opens = reader.expect("(").start
    columns, elements = _columns(reader, scope)
    elements += _constraints(reader, scope)
    closes = reader.expect(")").start
    options = _options(reader)
    options_end = reader.before.end
    reader.finish()
    table = _table(reader, name.name, columns, elements, options)
    return ParsedTable(
        table=table, elements=_settled(elements, table), name=name, opens=opens, closes=closes, options_end=options_end
    )


def _all_names(reader: Reader) -> frozenset[str]:
    """The folded names of all columns, read ahead from the body's "(": a CHECK may use columns that come after it."""
    names = set()
    depth = 0
    starts = False
    for token, word in zip(reader.tokens[reader.place :], reader.words[reader.place :], strict=True):
        if starts:
            starts = False
            if word in _CONSTRAINT_WORDS:
                break
            names.add(fold(token.name))
        if word == "(":
            depth += 1
            starts = depth == 1
        elif word == ")":
            depth -= 1
            if depth == 0:
                break
        elif word == "," and depth == 1:
            starts = True
    return frozenset(names)


def _columns(reader: Reader, scope: Scope) -> tuple[list[Column], list[Element]]:
    columns: list[Column] = []
    elements: list[Element] = []
    while True:
        column, clauses, name = read_column(reader, scope)
        if fold(column.name) in scope.columns:
            raise reader.error("another name than that of a column before", name)
        scope.columns[fold(column.name)] = column.name
        columns.append(column)
        elements.append(
            Element(start=name.start, end=reader.before.end, column=column.name, name_end=name.end, clauses=clauses)
        )
        if not reader.at(",") or reader.words[reader.place + 1] in _CONSTRAINT_WORDS:
            return columns, elements
        reader.take(",")


def _constraints(reader: Reader, scope: Scope) -> list[Element]:
    """The table constraints, with or without commas between them."""
    elements = []
    more = reader.take(",")
    while more:
        start = reader.token.start
        constraint = _constraint(reader, scope)
        elements.append(Element(start=start, end=reader.before.end, constraint=constraint))
        more = reader.take(",")
        if more:
            reader.sticky = None
        more = more or reader.word in _CONSTRAINT_WORDS
    return elements


def _constraint(reader: Reader, scope: Scope) -> Constraint | None:
    name = names_chain(reader)
    if reader.take("PRIMARY", "KEY"):
        return _primary_key(reader, scope, name)
    if reader.take("UNIQUE"):
        parts = plain_parts(reader, reader.group(), scope.columns)
        return Unique(parts=parts, on_conflict=conflict(reader), name=name)
    if reader.take("CHECK"):
        expression = reader.fragment(reader.group(), scope.check_names)
        conflict(reader)  # grammatical, and without effect
        return Check(expression=expression, name=reader.sticky)
    if reader.take("FOREIGN", "KEY"):
        return _foreign_key(reader, scope, name)
    if name is None or reader.word not in (",", ")"):
        raise reader.error("a constraint of the table")
    return None


def _primary_key(reader: Reader, scope: Scope, name: str | None) -> PrimaryKey:
    tokens = reader.group()
    autoincrement = tokens[-1].word == "AUTOINCREMENT"
    if autoincrement:
        tokens = tokens[:-1]
    parts = plain_parts(reader, tokens, scope.columns)
    return PrimaryKey(parts=parts, autoincrement=autoincrement, on_conflict=conflict(reader), name=name)


def _foreign_key(reader: Reader, scope: Scope, name: str | None) -> ForeignKey:
    opened = reader.token
    columns = column_names(reader)
    if not all(fold(column) in scope.columns for column in columns):
        raise reader.error("names of columns of this table", opened)
    declared = tuple(scope.columns[fold(column)] for column in columns)
    key = foreign_key(reader, declared, name, None)
    return replace(key, deferrable=deferrable(reader))


def _options(reader: Reader) -> dict[str, bool]:
    said: dict[str, bool] = {}
    while True:
        if reader.take("WITHOUT", "ROWID"):
            said["without_rowid"] = True
        elif reader.take("STRICT"):
            said["strict"] = True
        elif said:
            raise reader.error("WITHOUT ROWID or STRICT")
        if not said or not reader.take(","):
            return said


def _table(
    reader: Reader, name: str, columns: list[Column], elements: list[Element], options: dict[str, bool]
) -> Table:
    found: dict[type, list[Any]] = {PrimaryKey: [], Unique: [], ForeignKey: [], Check: []}
    for element in elements:
        for constraint in (element.constraint, *(clause.constraint for clause in element.clauses)):
            if constraint is not None:
                found[type(constraint)].append(constraint)
    keys = found[PrimaryKey]
    if len(keys) > 1:
        raise reader.error("one primary key at most", reader.tokens[0])
    table = Table(
        name=name,
        columns=tuple(columns),
        primary_key=keys[0] if keys else None,
        uniques=tuple(found[Unique]),
        foreign_keys=tuple(found[ForeignKey]),
        checks=tuple(found[Check]),
        sql=reader.sql,
        **options,
    )
    return replace(table, primary_key=replace(keys[0], rowid_alias=True)) if _is_rowid_alias(table) else table


def _is_rowid_alias(table: Table) -> bool:
    """Whether the key's one column is the rowid: INTEGER exactly, and not an inline DESC (lang_createtable.html)."""
    key = table.primary_key
    if key is None or len(key.parts) > 1 or table.without_rowid or (key.inline and key.parts[0].descending):
        return False
    column = table.column(key.columns[0])
    return column is not None and is_integer(column.type)


def _settled(elements: list[Element], table: Table) -> tuple[Element, ...]:
    """The elements with the primary key as the table has it: what it is was only known at the end."""
    key = table.primary_key
    if key is None or not key.rowid_alias:
        return tuple(elements)
    return tuple(_with_key(element, key) for element in elements)


def _with_key(element: Element, key: PrimaryKey) -> Element:
    if isinstance(element.constraint, PrimaryKey):
        return replace(element, constraint=key)
    if not any(isinstance(clause.constraint, PrimaryKey) for clause in element.clauses):
        return element
    clauses = [replace(c, constraint=key) if isinstance(c.constraint, PrimaryKey) else c for c in element.clauses]
    return replace(element, clauses=tuple(clauses))
