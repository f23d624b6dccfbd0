"""Random tables, and random ways to write them: what a text should mean is known before it is read.

A table is drawn as a value; ``spell`` writes it with clauses in any order, names quoted in any way, words in any case
and blanks or comments between any two tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any, TypeAlias

from hypothesis import strategies as st

from sodaf_migrate.dialects.sqlite.lexer import key
from sodaf_migrate.schema.model import (
    Check,
    Column,
    Constraint,
    ForeignKey,
    Generated,
    KeyPart,
    PrimaryKey,
    Sql,
    Table,
    Unique,
)

NAMES = ("a", "Bee", "order", "c d", "é", "it's", 'q"r', "key")
KEYWORDS = frozenset({"order"})
CONFLICTS = st.sampled_from([None] * 6 + ["ROLLBACK", "ABORT", "FAIL", "IGNORE", "REPLACE"])
CONSTRAINT_NAMES = st.sampled_from([None, None, "n1", "N 2", "check"])
TYPES = ("", "INTEGER", "INT", "TEXT", "VARCHAR(140)", "DECIMAL(10,2)", "UNSIGNED BIG INT", "BLOB", "REAL", "DATE")
STRICT_TYPES = ("INTEGER", "INT", "TEXT", "BLOB", "REAL", "ANY")
DEFAULTS = (
    "0",
    "'it''s -- /* x'",
    "-5",
    "NULL",
    "CURRENT_TIMESTAMP",
    "(1 + 1)",
    "(lower('X'))",
    "x'0A'",
    "TRUE",
    "1.50",
)
ACTIONS = ("NO ACTION", "NO ACTION", "CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT")
DEFERRABLES = [
    "",
    "",
    "DEFERRABLE",
    "NOT DEFERRABLE",
    "DEFERRABLE INITIALLY DEFERRED",
    "DEFERRABLE INITIALLY IMMEDIATE",
]

# word | name | raw | op, and its text; before a tight one only blanks may stand.
Piece: TypeAlias = tuple[str, str]


@st.composite
def tables(draw: st.DrawFn, name: str = "t one") -> Table:
    """A table that SQLite nearly always accepts."""
    names = tuple(draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True)))
    strict = draw(st.booleans()) and draw(st.booleans())
    columns = tuple(draw(_column(column, strict)) for column in names)
    columns = _generated(draw, columns)
    primary_key = draw(_primary_key(columns))
    without_rowid = primary_key is not None and not primary_key.autoincrement and draw(st.booleans())
    if primary_key is not None:
        alias = _is_alias(primary_key, columns, without_rowid)
        primary_key = replace(primary_key, rowid_alias=alias, autoincrement=alias and primary_key.autoincrement)
    drawn = Table(
        name=name,
        columns=columns,
        primary_key=primary_key,
        uniques=tuple(draw(st.lists(_unique(names), max_size=2))),
        foreign_keys=tuple(draw(st.lists(_foreign_key(names), max_size=2))),
        checks=tuple(draw(st.lists(_check(names, name), max_size=2))),
        without_rowid=without_rowid,
        strict=strict,
    )
    return drawn if draw(st.booleans()) else nameless(drawn)


def nameless(table: Table) -> Table:
    """A table without constraint names: beside a name, an unnamed CHECK may take it (see test_parse_table)."""
    return replace(
        table,
        columns=tuple(replace(column, not_null_name=None) for column in table.columns),
        primary_key=replace(table.primary_key, name=None) if table.primary_key else None,
        uniques=tuple(replace(unique, name=None) for unique in table.uniques),
        foreign_keys=tuple(replace(foreign, name=None) for foreign in table.foreign_keys),
        checks=tuple(replace(each, name=None) for each in table.checks),
    )


@st.composite
def _column(draw: st.DrawFn, name: str, strict: bool) -> Column:
    not_null = draw(st.booleans())
    default = draw(st.sampled_from([None, None, *DEFAULTS]))
    bare = default[1:-1] if default and default.startswith("(") else default
    return Column(
        name=name,
        type=draw(st.sampled_from(STRICT_TYPES if strict else TYPES)),
        not_null=not_null,
        not_null_conflict=draw(CONFLICTS) if not_null else None,
        not_null_name=draw(CONSTRAINT_NAMES) if not_null else None,
        default=Sql(default, key(bare)) if default is not None and bare is not None else None,
        collation=draw(st.sampled_from([None, None, None, "NOCASE", "RTRIM"])),
    )


@st.composite
def changed(draw: st.DrawFn, table: Table) -> Table:
    """``table`` with one or two things changed."""
    other = draw(tables())
    able = [column for column in other.columns if column.generated is None and table.strict == other.strict]
    for column in able[:1]:
        columns = tuple(column if c.name == column.name and not c.generated else c for c in table.columns)
        table = replace(table, columns=columns)
    names = {column.name for column in table.columns}
    part = draw(st.sampled_from(["uniques", "foreign_keys", "none"]))
    if part != "none":
        table = replace(table, **{part: tuple(c for c in getattr(other, part) if names.issuperset(c.columns))})
    key = table.primary_key
    if not all(each.name for each in table.checks):
        table = nameless(table)
        key = table.primary_key
    if key is None:
        return table
    alias = _is_alias(key, table.columns, table.without_rowid)
    return replace(table, primary_key=replace(key, rowid_alias=alias, autoincrement=alias and key.autoincrement))


def _generated(draw: st.DrawFn, columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """One column of several computed from the first."""
    if len(columns) < 2 or not draw(st.booleans()):
        return columns
    text = f"{_quoted(columns[0].name)} || 'x'"
    generated = Generated(expression=Sql(text, key(text)), stored=draw(st.booleans()))
    return (*columns[:-1], replace(columns[-1], default=None, generated=generated))


@st.composite
def _primary_key(draw: st.DrawFn, columns: tuple[Column, ...]) -> PrimaryKey | None:
    able = [column.name for column in columns if column.generated is None]
    names = draw(st.lists(st.sampled_from(able), max_size=2, unique=True))
    if not names:
        return None
    inline = draw(st.booleans()) and len(names) == 1
    return PrimaryKey(
        parts=tuple(draw(_part(name, plain=inline, descending=True)) for name in names),
        autoincrement=draw(st.booleans()),
        on_conflict=draw(CONFLICTS),
        name=draw(CONSTRAINT_NAMES),
        inline=names[0] if inline else None,
    )


def _is_alias(key: PrimaryKey, columns: tuple[Column, ...], without_rowid: bool) -> bool:
    types = {column.name: column.type for column in columns}
    single = len(key.parts) == 1 and types[key.columns[0]] == "INTEGER" and not without_rowid
    return single and not (key.inline is not None and key.parts[0].descending)


@st.composite
def _part(draw: st.DrawFn, name: str, plain: bool, descending: bool) -> KeyPart:
    collation = None if plain else draw(st.sampled_from([None, None, "NOCASE", "BINARY"]))
    return KeyPart(column=name, collation=collation, descending=descending and draw(st.booleans()))


@st.composite
def _unique(draw: st.DrawFn, names: tuple[str, ...]) -> Unique:
    chosen = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))
    inline = draw(st.booleans()) and len(chosen) == 1
    return Unique(
        parts=tuple(draw(_part(name, plain=inline, descending=not inline)) for name in chosen),
        on_conflict=draw(CONFLICTS),
        name=draw(CONSTRAINT_NAMES),
        inline=chosen[0] if inline else None,
    )


@st.composite
def _foreign_key(draw: st.DrawFn, names: tuple[str, ...]) -> ForeignKey:
    chosen = tuple(draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True)))
    inline = draw(st.booleans()) and len(chosen) == 1
    return ForeignKey(
        columns=chosen,
        table=draw(st.sampled_from(["p", "Parent 2", "t one"])),
        referenced=draw(st.sampled_from([(), ("x", "y z")[: len(chosen)]])),
        on_delete=draw(st.sampled_from(ACTIONS)),
        on_update=draw(st.sampled_from(ACTIONS)),
        match=draw(st.sampled_from([None, None, "FULL", "SIMPLE"])),
        deferrable=draw(st.sampled_from(DEFERRABLES)),
        name=draw(CONSTRAINT_NAMES),
        inline=chosen[0] if inline else None,
    )


@st.composite
def _check(draw: st.DrawFn, names: tuple[str, ...], table: str) -> Check:
    column = _quoted(draw(st.sampled_from(names)))
    forms = [f"{column} <> 'it''s'", f"length({column}) < 9", f"{_quoted(table)}.{column} > 0", f"{column} IN (1, 2)"]
    text = draw(st.sampled_from(forms))
    return Check(
        expression=Sql(text, key(text)),
        name=draw(st.sampled_from(["n1", "n 2"])),
        inline=draw(st.sampled_from([None, draw(st.sampled_from(names))])),
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def spell(table: Table, random: Random) -> str:
    """One of the many texts that mean ``table``; clauses stand in any order, constraints of a kind in theirs."""
    pieces = [*_words("CREATE TABLE"), ("name", table.name), ("op", "(")]
    for number, column in enumerate(table.columns):
        pieces += [("op", ",")] * (number > 0) + _column_pieces(table, column, random)
    after = [constraint for constraint in table.constraints if constraint.inline is None]
    random.shuffle(after)
    for number, constraint in enumerate(after):
        pieces += [("op", ",")] * (number == 0 or random.random() < 0.8) + _constraint_pieces(constraint, random)
    pieces.append(("op", ")"))
    options = ["STRICT"] * table.strict + ["WITHOUT ROWID"] * table.without_rowid
    random.shuffle(options)
    for number, option in enumerate(options):
        pieces += [("op", ",")] * (number > 0) + _words(option)
    return _joined(pieces, random)


def _words(text: str) -> list[Piece]:
    return [("word", word) for word in text.split()]


def _column_pieces(table: Table, column: Column, random: Random) -> list[Piece]:
    clauses: list[list[Piece]] = [
        _constraint_pieces(constraint, random) for constraint in table.constraints if constraint.inline == column.name
    ]
    if column.not_null:
        clauses.append(
            _name_pieces(column.not_null_name) + _words("NOT NULL") + _conflict_pieces(column.not_null_conflict)
        )
    elif random.random() < 0.1:
        clauses.append(_words("NULL"))
    if isinstance(column.default, Sql):
        clauses.append([*_words("DEFAULT"), ("raw", column.default.text)])
    if column.collation:
        clauses.append([*_words("COLLATE"), ("name", column.collation)])
    elif random.random() < 0.1:
        clauses.append([*_words("COLLATE"), ("name", "BINARY")])
    if column.generated:
        # A comment before or between the two words would become part of the type.
        always: list[Piece] = [("tight", "GENERATED ALWAYS")] if random.random() < 0.5 else []
        storage = ["STORED"] if column.generated.stored else random.choice([[], ["VIRTUAL"]])
        expression = ("raw", column.generated.expression.text)
        clauses.append([*always, *_words("AS"), ("op", "("), expression, ("op", ")"), *_words(" ".join(storage))])
    random.shuffle(clauses)
    words = column.type.replace("(", " ( ").replace(")", " ) ").replace(",", " , ").split()
    kind = [("word" if number == 0 else "tight", word) for number, word in enumerate(words)]
    return [("name", column.name), *kind, *(piece for clause in clauses for piece in clause)]


def _name_pieces(name: str | None) -> list[Piece]:
    return [] if name is None else [*_words("CONSTRAINT"), ("name", name)]


def _conflict_pieces(said: str | None) -> list[Piece]:
    return _words(f"ON CONFLICT {said}") if said else []


def _constraint_pieces(constraint: Constraint, random: Random) -> list[Piece]:
    writers: dict[type, Callable[[Any, Random], list[Piece]]] = {
        PrimaryKey: _key_pieces,
        Unique: _key_pieces,
        ForeignKey: _foreign_key_pieces,
        Check: _check_pieces,
    }
    return _name_pieces(constraint.name) + writers[type(constraint)](constraint, random)


def _key_pieces(constraint: Any, random: Random) -> list[Piece]:
    primary = isinstance(constraint, PrimaryKey)
    autoincrement = _words("AUTOINCREMENT") if primary and constraint.autoincrement else []
    head = _words("PRIMARY KEY" if primary else "UNIQUE")
    if constraint.inline:
        order = _words("DESC") if constraint.parts[0].descending else []
        return head + order + _conflict_pieces(constraint.on_conflict) + autoincrement
    parts: list[Piece] = []
    for number, part in enumerate(constraint.parts):
        parts += [("op", ",")] * (number > 0) + [("name", part.column)]
        parts += [*_words("COLLATE"), ("name", part.collation)] if part.collation else []
        parts += _words("DESC" if part.descending else random.choice(["", "ASC"]))
    return [*head, ("op", "("), *parts, *autoincrement, ("op", ")"), *_conflict_pieces(constraint.on_conflict)]


def _foreign_key_pieces(key: ForeignKey, random: Random) -> list[Piece]:
    pieces: list[Piece] = [] if key.inline else [*_words("FOREIGN KEY"), *_list_pieces(key.columns)]
    pieces += [*_words("REFERENCES"), ("name", key.table)]
    pieces += _list_pieces(key.referenced) if key.referenced else []
    clauses = [_words(f"ON DELETE {key.on_delete}")] if key.on_delete != "NO ACTION" or random.random() < 0.2 else []
    clauses += [_words(f"ON UPDATE {key.on_update}")] if key.on_update != "NO ACTION" else []
    clauses += [[*_words("MATCH"), ("name", key.match)]] if key.match else []
    random.shuffle(clauses)
    return [*pieces, *(piece for clause in clauses for piece in clause), *_words(key.deferrable)]


def _list_pieces(names: tuple[str, ...]) -> list[Piece]:
    pieces: list[Piece] = [("op", "(")]
    for number, name in enumerate(names):
        pieces += [("op", ",")] * (number > 0) + [("name", name)]
    return [*pieces, ("op", ")")]


def _check_pieces(check: Check, random: Random) -> list[Piece]:
    return [*_words("CHECK"), ("op", "("), ("raw", check.expression.text), ("op", ")")]


def _joined(pieces: list[Piece], random: Random) -> str:
    gaps = [" ", "\n  ", "\t", " /* c, ) */ ", " -- c ' (\n", "/**/"] if random.random() < 0.5 else [" "]
    text = ""
    for number, (kind, said) in enumerate(pieces):
        neighbour = number and (kind == "op" or pieces[number - 1][0] == "op")
        if number:
            able = [" ", "\n", " \t "] if kind == "tight" else gaps
            text += "" if neighbour and random.random() < 0.6 else random.choice(able)
        text += _spelled(kind, said, random)
    return text


def _spelled(kind: str, said: str, random: Random) -> str:
    if kind in ("word", "tight"):
        return random.choice([said, said.lower(), said.title()])
    if kind != "name":
        return said
    ways = [_quoted(said), "`" + said.replace("`", "``") + "`"]
    ways += [f"[{said}]"] if "]" not in said else []
    simple = said.isalnum() and said.lower() not in KEYWORDS | {"check", "binary"}
    return random.choice([*ways, *[said] * 3]) if simple else random.choice(ways)
