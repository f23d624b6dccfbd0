"""Column definitions of CREATE TABLE: ``columnname carglist`` of SQLite's parse.y."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sodaf_migrate.dialects.sqlite.lexer import RESERVED, Token, upper
from sodaf_migrate.dialects.sqlite.reader import Reader, outer_parentheses
from sodaf_migrate.dialects.sqlite.types import canonical
from sodaf_migrate.schema.model import (
    Check,
    Column,
    Constraint,
    ForeignKey,
    Generated,
    KeyPart,
    PrimaryKey,
    Sql,
    Unique,
)

__all__ = ["Clause", "Scope", "column_names", "conflict", "deferrable", "foreign_key", "names_chain", "read_column"]

# Words that no type name may hold: what cannot be a name, and what is a name only outside types (parse.y: ids).
_NOT_IN_TYPES = RESERVED | {"CROSS", "FULL", "INDEXED", "INNER", "LEFT", "NATURAL", "OUTER", "RIGHT"}
_NOT_DEFAULTS = _NOT_IN_TYPES - {"INDEXED"}
_TERMS = frozenset({"NULL", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP"})
_BLANKS = " \t\n\v\f\r"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One part of a column definition after its name, and where it stands, its CONSTRAINT name included.

    ``kind`` is type, not_null, null, default, collation, generated, constraint, deferrable (a part of the foreign key
    before it), or idle (without effect).
    """

    kind: str
    start: int
    end: int
    constraint: Constraint | None = None


@dataclass(slots=True)
class Scope:
    """What is known of the table while it is read."""

    names: frozenset[str]  # all columns, folded
    columns: dict[str, str] = field(default_factory=dict)  # those read, folded to declared
    deferred: bool | None = None  # whether the last foreign key read is; None before the first

    @property
    def check_names(self) -> frozenset[str]:
        """What a CHECK may name: the rowid too."""
        return self.names | {"rowid", "_rowid_", "oid"}


@dataclass(slots=True)
class _Said:
    """A column while its definition is read: the later of two equal clauses wins, as in SQLite."""

    scope: Scope
    name: str
    facts: dict[str, Any] = field(default_factory=dict)
    clauses: list[Clause] = field(default_factory=list)
    constraint: Constraint | None = None  # what the clause just read makes


def read_column(reader: Reader, scope: Scope) -> tuple[Column, tuple[Clause, ...], Token]:
    """Read one column definition: the column, its clauses and its name. Raises SchemaParseError."""
    name = reader.name("the name of a column")
    said = _Said(scope, name.name)
    reader.sticky = None
    generated_from = _read_type(reader, said)
    while reader.word not in (",", ")"):
        _read_clause(reader, said, generated_from)
        generated_from = None
    text = reader.sql[name.start : reader.before.end]
    return Column(name=name.name, text=text, **said.facts), tuple(said.clauses), name


def names_chain(reader: Reader) -> str | None:
    """Step over any CONSTRAINT names; of several in a row the last one counts."""
    name = None
    while reader.take("CONSTRAINT"):
        name = reader.sticky = reader.name("the name of a constraint").name
    return name


def conflict(reader: Reader) -> str | None:
    """Step over ON CONFLICT and give what it says, None when it is not there."""
    if not reader.take("ON", "CONFLICT"):
        return None
    said = reader.take_one(("ROLLBACK", "ABORT", "FAIL", "IGNORE", "REPLACE"))
    if not said:
        raise reader.error("ROLLBACK, ABORT, FAIL, IGNORE or REPLACE")
    return said


def _read_clause(reader: Reader, said: _Said, start: int | None) -> None:
    start = reader.token.start if start is None else start
    name = names_chain(reader)
    rule = _RULES.get(reader.word)
    if rule is None:
        if name is None or reader.word not in (",", ")"):
            raise reader.error("a constraint of the column, a comma or the closing parenthesis")
        said.clauses.append(Clause(kind="idle", start=start, end=reader.before.end))
        return
    said.constraint = None
    kind = rule(reader, said, name)
    said.clauses.append(Clause(kind=kind, start=start, end=reader.before.end, constraint=said.constraint))


def _read_type(reader: Reader, said: _Said) -> int | None:
    """Read the type, if there is one; gives where a GENERATED ALWAYS starts that was read with it."""
    first = reader.place
    while reader.token.kind in ("quoted", "string") or (
        reader.word not in _NOT_IN_TYPES and reader.token.kind == "word"
    ):
        reader.place += 1
    if reader.place == first:
        return None
    if reader.take("("):
        _signed_number(reader)
        if reader.take(","):
            _signed_number(reader)
        reader.expect(")")
    start = reader.tokens[first].start
    raw = reader.sql[start : reader.before.end]
    length = _without_generated_always(raw)
    if length:
        said.facts["type"] = canonical(raw[:length])
        said.clauses.append(Clause(kind="type", start=start, end=start + length))
    if length == len(raw):
        return None
    cut = start + length  # may be inside a word
    rest = next(max(token.start, cut) for token in reader.tokens[first:] if token.end > cut)
    if reader.word == "AS":
        return rest
    said.clauses.append(Clause(kind="idle", start=rest, end=reader.before.end))
    return None


def _without_generated_always(raw: str) -> int:
    """How much of a type SQLite keeps: its grammar reads GENERATED ALWAYS as a type, and build.c cuts that off.

    The cut is made in the text, not between words (sqlite3AddColumn), so it is made there here too.
    """
    if upper(raw[-6:]) != "ALWAYS" or len(raw.encode("utf-8", "surrogatepass")) < 16:
        return len(raw)
    kept = raw[:-6].rstrip(_BLANKS)
    if upper(kept[-9:]) == "GENERATED":
        kept = kept[:-9].rstrip(_BLANKS)
    return len(kept)


def _signed_number(reader: Reader) -> None:
    reader.take_one(("+", "-"))
    if reader.token.kind != "number":
        raise reader.error("a number")
    reader.place += 1


def _not(reader: Reader, said: _Said, name: str | None) -> str:
    if reader.at("NOT", "DEFERRABLE"):
        return _deferrable(reader, said, name)
    reader.expect("NOT", "NULL")
    said.facts.update(not_null=True, not_null_conflict=conflict(reader), not_null_name=name)
    return "not_null"


def _null(reader: Reader, said: _Said, name: str | None) -> str:
    reader.expect("NULL")
    conflict(reader)
    return "null"


def _default(reader: Reader, said: _Said, name: str | None) -> str:
    reader.expect("DEFAULT")
    start = reader.token.start
    said_key = _default_key(reader)
    said.facts["default"] = Sql(reader.sql[start : reader.before.end], said_key)
    return "default"


def _default_key(reader: Reader) -> str:
    """Step over the value of a DEFAULT and give its canonical form."""
    if reader.at("("):
        tokens = reader.group()
        while outer_parentheses(tokens):
            tokens = tokens[1:-1]
        if not tokens:
            raise reader.error("an expression", reader.before)
        if len(tokens) == 2 and tokens[0].text == "+" and tokens[1].kind in ("number", "string", "blob"):
            tokens = tokens[1:]  # a plus before a constant says nothing, in parentheses or without
        return reader.fragment(tokens, frozenset()).key
    sign = reader.take_one(("+", "-"))
    token = reader.token
    if token.kind in ("number", "string", "blob") or reader.word in _TERMS:
        reader.place += 1
        term = reader.fragment((token,), None).key
        return f"- {term}" if sign == "-" else term
    if sign:
        raise reader.error("a constant")
    word = reader.word
    name = reader.name("a value", _NOT_DEFAULTS).name
    # Any other word is the string of that spelling, quoted or not.
    return word if word in ("TRUE", "FALSE") else "'" + name.replace("'", "''") + "'"


def _collate(reader: Reader, said: _Said, name: str | None) -> str:
    reader.expect("COLLATE")
    collation = upper(reader.name("the name of a collation").name)
    said.facts["collation"] = None if collation == "BINARY" else collation
    return "collation"


def _generated(reader: Reader, said: _Said, name: str | None) -> str:
    reader.take("GENERATED", "ALWAYS")
    reader.expect("AS")
    expression = reader.fragment(reader.group(), said.scope.names)
    stored = reader.take_one(("STORED", "VIRTUAL")) == "STORED"
    said.facts["generated"] = Generated(expression=expression, stored=stored)
    return "generated"


def _primary_key(reader: Reader, said: _Said, name: str | None) -> str:
    reader.expect("PRIMARY", "KEY")
    part = KeyPart(column=said.name, descending=reader.take_one(("ASC", "DESC")) == "DESC")
    on_conflict = conflict(reader)
    said.constraint = PrimaryKey(
        parts=(part,),
        autoincrement=reader.take("AUTOINCREMENT"),
        on_conflict=on_conflict,
        name=name,
        inline=said.name,
    )
    return "constraint"


def _unique(reader: Reader, said: _Said, name: str | None) -> str:
    reader.expect("UNIQUE")
    part = KeyPart(column=said.name)
    said.constraint = Unique(parts=(part,), on_conflict=conflict(reader), name=name, inline=said.name)
    return "constraint"


def _check(reader: Reader, said: _Said, name: str | None) -> str:
    reader.expect("CHECK")
    expression = reader.fragment(reader.group(), said.scope.check_names)
    said.constraint = Check(expression=expression, name=reader.sticky, inline=said.name)
    return "constraint"


def _references(reader: Reader, said: _Said, name: str | None) -> str:
    said.constraint = foreign_key(reader, (said.name,), name, said.name)
    said.scope.deferred = False
    return "constraint"


def _deferrable(reader: Reader, said: _Said, name: str | None) -> str:
    """A DEFERRABLE of its own belongs to the last foreign key read, even to one of another column."""
    text = deferrable(reader)
    deferred = text == "DEFERRABLE INITIALLY DEFERRED"
    own = [place for place, clause in enumerate(said.clauses) if isinstance(clause.constraint, ForeignKey)]
    if own:
        clause = said.clauses[own[-1]]
        assert isinstance(clause.constraint, ForeignKey)
        said.clauses[own[-1]] = replace(clause, constraint=replace(clause.constraint, deferrable=text))
    elif said.scope.deferred not in (None, deferred):
        raise reader.error(
            "a foreign key of the same column (SQLite gives this clause to that of a column before)", reader.before
        )
    said.scope.deferred = deferred if own else said.scope.deferred
    return "deferrable" if own else "idle"


def deferrable(reader: Reader) -> str:
    """Step over [NOT] DEFERRABLE [INITIALLY DEFERRED|IMMEDIATE] and give it in upper case, "" when it is not there."""
    said = "NOT " if reader.take("NOT", "DEFERRABLE") else ""
    if not said and not reader.take("DEFERRABLE"):
        return ""
    said += "DEFERRABLE"
    if reader.take("INITIALLY"):
        when = reader.take_one(("DEFERRED", "IMMEDIATE"))
        if not when:
            raise reader.error("DEFERRED or IMMEDIATE")
        said += f" INITIALLY {when}"
    return said


def foreign_key(reader: Reader, columns: tuple[str, ...], name: str | None, inline: str | None) -> ForeignKey:
    """Read REFERENCES with its columns, actions and MATCH. Raises SchemaParseError."""
    reader.expect("REFERENCES")
    table = reader.name("the name of a table").name
    referenced = column_names(reader) if reader.at("(") else ()
    facts: dict[str, Any] = {}
    while True:
        if reader.take("MATCH"):
            facts["match"] = upper(reader.name("a word after MATCH").name)
        elif reader.take("ON", "DELETE"):
            facts["on_delete"] = _action(reader)
        elif reader.take("ON", "UPDATE"):
            facts["on_update"] = _action(reader)
        elif reader.take("ON", "INSERT"):  # grammatical, and without effect
            _action(reader)
        else:
            break
    return ForeignKey(columns=columns, table=table, referenced=referenced, name=name, inline=inline, **facts)


def column_names(reader: Reader) -> tuple[str, ...]:
    """Read (a, b, …) of names; a COLLATE or order after one, which files of old versions hold, has no effect."""
    reader.expect("(")
    names = []
    while True:
        names.append(reader.name("the name of a column").name)
        if reader.take("COLLATE"):
            reader.name("the name of a collation")
        reader.take_one(("ASC", "DESC"))
        if not reader.take(","):
            break
    reader.expect(")")
    return tuple(names)


def _action(reader: Reader) -> str:
    for words in _ACTIONS:
        if reader.take(*words):
            return " ".join(words)
    raise reader.error("an action (SET NULL, SET DEFAULT, CASCADE, RESTRICT or NO ACTION)")


_ACTIONS = (("SET", "NULL"), ("SET", "DEFAULT"), ("CASCADE",), ("RESTRICT",), ("NO", "ACTION"))
_RULES: Mapping[str, Callable[[Reader, _Said, str | None], str]] = {
    "NOT": _not,
    "NULL": _null,
    "DEFAULT": _default,
    "COLLATE": _collate,
    "GENERATED": _generated,
    "AS": _generated,
    "PRIMARY": _primary_key,
    "UNIQUE": _unique,
    "CHECK": _check,
    "REFERENCES": _references,
    "DEFERRABLE": _deferrable,
}
