"""CREATE TABLE and CREATE INDEX written from values; what an author wrote as SQL is written as it was."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from sodaf_migrate.dialects.sqlite.lexer import RESERVED, ends_in_comment, tokenize, upper
from sodaf_migrate.dialects.sqlite.names import literal, quote
from sodaf_migrate.dialects.sqlite.reader import outer_parentheses
from sodaf_migrate.dialects.sqlite.types import declared, is_integer
from sodaf_migrate.schema.model import (
    Check,
    Column,
    Constraint,
    ForeignKey,
    Generated,
    Index,
    KeyPart,
    Literal,
    PrimaryKey,
    Sql,
    Table,
    Unique,
    fold,
)

__all__ = [
    "column_definition",
    "constraint_definition",
    "create_index",
    "create_table",
    "default_clause",
    "generated_clause",
    "home",
    "must_be_inline",
    "not_null_clause",
    "options_text",
    "type_text",
    "word",
]

_PLAIN = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_CONSTANTS = frozenset({"NULL", "TRUE", "FALSE", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP"})


def create_table(table: Table, *, key_last: bool = False) -> str:
    """The statement that makes ``table``, whether a wish with neutral types or a table that was read.

    With ``key_last`` the primary key stands behind all else, if it may.
    """
    if key_last and table.primary_key is not None:
        table = replace(table, primary_key=replace(table.primary_key, inline=None))
    elements = [
        column_definition(column, [c for c in table.constraints if home(c, table) == fold(column.name)])
        for column in table.columns
    ]
    rest = [c for c in table.constraints if home(c, table) is None]
    rest.sort(key=lambda constraint: key_last and isinstance(constraint, PrimaryKey))
    elements += [constraint_definition(constraint, inline=False) for constraint in rest]
    body = ",\n    ".join(elements)
    return f"CREATE TABLE {quote(table.name)} (\n    {body}\n){options_text(table)}"


def create_index(index: Index) -> str:
    """The statement that makes ``index``."""
    unique = "UNIQUE " if index.unique else ""
    where = f" WHERE {index.where.text}" if index.where else ""
    parts = ", ".join(map(_key_part, index.parts))
    return f"CREATE {unique}INDEX {quote(index.name)} ON {quote(index.table)} ({parts}){where}"


def column_definition(column: Column, constraints: Iterable[Constraint] = ()) -> str:
    """The definition of a column with the ``constraints`` that stand in it, for CREATE TABLE or ADD COLUMN."""
    constraints = tuple(constraints)
    nameless = [each for each in constraints if isinstance(each, Check) and each.name is None]
    pieces = [quote(column.name), type_text(column.type)]
    if column.not_null_name is not None or any(each.name is not None for each in constraints):
        pieces += [constraint_definition(each, inline=True) for each in nameless]
        constraints = tuple(each for each in constraints if each not in nameless)
    if column.generated:
        pieces.append(generated_clause(column.generated))
    if column.not_null:
        pieces.append(not_null_clause(column))
    if column.default is not None:
        pieces.append(default_clause(column.default))
    if column.collation:
        pieces.append(f"COLLATE {word(column.collation)}")
    pieces += [constraint_definition(constraint, inline=True) for constraint in constraints]
    return " ".join(filter(None, pieces))


def constraint_definition(constraint: Constraint, *, inline: bool) -> str:
    """A constraint with its name, as it stands in a column's definition or after all columns."""
    if isinstance(constraint, PrimaryKey):
        text = _primary_key(constraint, inline)
    elif isinstance(constraint, Unique):
        text = f"UNIQUE{'' if inline else f' ({_listed(constraint.parts)})'}{_conflict(constraint.on_conflict)}"
    elif isinstance(constraint, ForeignKey):
        text = _foreign_key(constraint, inline)
    else:
        text = f"CHECK {_wrapped(constraint.expression.text)}"
    return _named(constraint.name) + text


def home(constraint: Constraint, table: Table) -> str | None:
    """The folded name of the column in whose definition the constraint has to stand, None for after all columns."""
    if isinstance(constraint, PrimaryKey) and (forced := must_be_inline(constraint, table)) is not None:
        return fold(constraint.columns[0]) if forced else None
    if isinstance(constraint, Check) and constraint.name is None:
        return _home_without_name(constraint, table)
    if constraint.inline is None or table.column(constraint.inline) is None or not _fits_inline(constraint):
        return None
    return fold(constraint.inline)


def _home_without_name(check: Check, table: Table) -> str | None:
    """Where no CONSTRAINT name before it becomes its name: SQLite lets one count for all that follows in a column,
    and from the last column for the first constraint of the table too."""
    named = {fold(column.name) for column in table.columns if column.not_null_name is not None}
    named |= {fold(each.inline) for each in table.constraints if each.name is not None and each.inline is not None}
    if check.inline is not None and table.column(check.inline) is not None:
        if fold(check.inline) not in named:
            return fold(check.inline)
    elif fold(table.columns[-1].name) not in named:
        return None
    # Where every column has a name in it, the check comes first in one: see column_definition.
    return next((fold(c.name) for c in table.columns if fold(c.name) not in named), fold(table.columns[0].name))


def must_be_inline(key: PrimaryKey, table: Table) -> bool | None:
    """Where a primary key has to stand to be, or not to be, the rowid; None where both places do.

    An INTEGER key that is DESC is the rowid when it stands after the columns, and is not when it stands in one.
    """
    column = table.column(key.columns[0]) if len(key.columns) == 1 else None
    if column is None or table.without_rowid or not key.parts[0].descending or not is_integer(declared(column.type)):
        return None
    return not key.rowid_alias


def not_null_clause(column: Column) -> str:
    return f"{_named(column.not_null_name)}NOT NULL{_conflict(column.not_null_conflict)}"


def default_clause(default: Sql | Literal) -> str:
    """DEFAULT with its value: a constant, or an expression in parentheses."""
    text = literal(default.value) if isinstance(default, Literal) else default.text
    tokens = tokenize(text)
    terms = tokens[1:] if tokens and tokens[0].text in ("+", "-") else tokens
    constant = len(terms) == 1 and (terms[0].kind in ("number", "string", "blob") or terms[0].word in _CONSTANTS)
    other_word = len(tokens) == 1 and tokens[0].kind in ("word", "quoted")
    return f"DEFAULT {text if constant or other_word or outer_parentheses(tokens) else _wrapped(text)}"


def generated_clause(generated: Generated) -> str:
    """AS without GENERATED ALWAYS: behind a comment SQLite takes those two words, and the comment, for the type."""
    kind = "STORED" if generated.stored else "VIRTUAL"
    return f"AS {_wrapped(generated.expression.text)} {kind}"


def options_text(table: Table) -> str:
    """The options of a table with a blank before them, "" for none."""
    options = ["STRICT"] * table.strict + ["WITHOUT ROWID"] * table.without_rowid
    return " " + ", ".join(options) if options else ""


def type_text(said: str) -> str:
    """A declared type as it is written in a column's definition.

    A comment at its end is a part of it only where GENERATED ALWAYS follows, which SQLite cuts off again.
    """
    text = declared(said)
    return f"{text} GENERATED ALWAYS" if text.endswith(("*/", "\n")) else text


def word(name: str) -> str:
    """A name bare where it is one word that SQL does not keep for itself, quoted otherwise."""
    return name if _PLAIN.fullmatch(name) and upper(name) not in RESERVED else quote(name)


def _fits_inline(constraint: Constraint) -> bool:
    if isinstance(constraint, Check):
        return True
    if constraint.inline is None or [fold(name) for name in constraint.columns] != [fold(constraint.inline)]:
        return False
    if isinstance(constraint, ForeignKey):
        return True
    part = constraint.parts[0]
    return part.collation is None and (isinstance(constraint, PrimaryKey) or not part.descending)


def _primary_key(key: PrimaryKey, inline: bool) -> str:
    autoincrement = " AUTOINCREMENT" if key.autoincrement else ""
    if not inline:
        return f"PRIMARY KEY ({_listed(key.parts)}{autoincrement}){_conflict(key.on_conflict)}"
    order = " DESC" if key.parts[0].descending else ""
    return f"PRIMARY KEY{order}{_conflict(key.on_conflict)}{autoincrement}"


def _foreign_key(key: ForeignKey, inline: bool) -> str:
    pieces = [] if inline else [f"FOREIGN KEY ({', '.join(map(quote, key.columns))})"]
    pieces.append(f"REFERENCES {quote(key.table)}")
    if key.referenced:
        pieces.append(f"({', '.join(map(quote, key.referenced))})")
    if key.on_delete != "NO ACTION":
        pieces.append(f"ON DELETE {key.on_delete}")
    if key.on_update != "NO ACTION":
        pieces.append(f"ON UPDATE {key.on_update}")
    if key.match:
        pieces.append(f"MATCH {word(key.match)}")
    if key.deferrable:
        pieces.append(key.deferrable)
    return " ".join(pieces)


def _listed(parts: Iterable[KeyPart]) -> str:
    return ", ".join(map(_key_part, parts))


def _key_part(part: KeyPart) -> str:
    if part.expression is None:
        text = quote(part.column or "")
    else:
        text = _wrapped(part.expression.text) if part.collation else part.expression.text
    collation = f" COLLATE {word(part.collation)}" if part.collation else ""
    return f"{text}{collation}{' DESC' if part.descending else ''}"


def _named(name: str | None) -> str:
    return "" if name is None else f"CONSTRAINT {quote(name)} "


def _conflict(said: str | None) -> str:
    return f" ON CONFLICT {said}" if said else ""


def _wrapped(text: str) -> str:
    # A comment that runs to the end of its line must not take the parenthesis with it.
    return f"({text}\n)" if ends_in_comment(text) else f"({text})"
