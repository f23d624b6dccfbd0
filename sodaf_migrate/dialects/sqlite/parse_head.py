"""CREATE INDEX, TRIGGER, VIEW and VIRTUAL TABLE as SQLite stores them: what their heads say, the bodies as text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sodaf_migrate.dialects.sqlite.lexer import Token
from sodaf_migrate.dialects.sqlite.parse_column import column_names
from sodaf_migrate.dialects.sqlite.parse_key import key_parts
from sodaf_migrate.dialects.sqlite.reader import Reader
from sodaf_migrate.schema.model import Index, fold

__all__ = [
    "TriggerHead",
    "ViewHead",
    "VirtualHead",
    "index_tokens",
    "parse_index",
    "parse_trigger",
    "parse_view",
    "parse_virtual_table",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerHead:
    """What stands before a trigger's BEGIN; ``body`` is where that word starts, ``name_token`` and ``table_token``
    are the places of the two names. ``timing`` is BEFORE, AFTER or INSTEAD OF, ``event`` DELETE, INSERT or UPDATE.
    """

    name: str
    table: str
    timing: str
    event: str
    update_of: tuple[str, ...]
    name_token: Token
    table_token: Token
    body: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewHead:
    """A view's name, the column names it lists, if it does, and where its SELECT (or WITH, or VALUES) starts."""

    name: str
    columns: tuple[str, ...]
    name_token: Token
    body: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualHead:
    name: str
    module: str
    name_token: Token


def parse_index(sql: str, columns: Iterable[str] | None = None) -> Index:
    """Read CREATE INDEX. ``columns`` are those of the table: with them names get their declared spelling, and a
    double-quoted word that names none is known for the string that SQLite takes it for. Raises SchemaParseError.
    """
    reader, name, table = _index_head(sql)
    known = None if columns is None else {fold(column): column for column in columns}
    parts = key_parts(reader, reader.group(), known)
    where = None
    if reader.take("WHERE"):
        rest = tuple(token for token in reader.tokens[reader.place : -1] if token.text != ";")
        if not rest:
            raise reader.error("an expression")
        where = reader.fragment(rest, None if known is None else frozenset(known))
    else:
        reader.finish()
    unique = reader.words[1] == "UNIQUE"
    return Index(name=name.name, table=table.name, parts=parts, unique=unique, where=where, sql=sql)


def index_tokens(sql: str) -> tuple[Token, Token]:
    """The places of an index's name and its table's. Raises SchemaParseError."""
    return _index_head(sql)[1:]


def _index_head(sql: str) -> tuple[Reader, Token, Token]:
    reader = Reader(sql, "an index")
    reader.expect("CREATE")
    reader.take("UNIQUE")
    name = _named(reader, "INDEX")
    reader.expect("ON")
    return reader, name, reader.name("the name of a table")


def parse_trigger(sql: str) -> TriggerHead:
    """Read the head of CREATE TRIGGER. Raises SchemaParseError."""
    reader = Reader(sql, "a trigger")
    reader.expect("CREATE")
    reader.take_one(("TEMP", "TEMPORARY"))
    name = _named(reader, "TRIGGER")
    timing = "INSTEAD OF" if reader.take("INSTEAD", "OF") else reader.take_one(("BEFORE", "AFTER")) or "BEFORE"
    event = reader.take_one(("DELETE", "INSERT", "UPDATE"))
    if not event:
        raise reader.error("DELETE, INSERT or UPDATE")
    update_of = _update_of(reader) if event == "UPDATE" and reader.take("OF") else ()
    reader.expect("ON")
    table = reader.name("the name of a table")
    if reader.take("."):
        table = reader.name("the name of a table")
    reader.take("FOR", "EACH", "ROW")
    return TriggerHead(
        name=name.name,
        table=table.name,
        timing=timing,
        event=event,
        update_of=update_of,
        name_token=name,
        table_token=table,
        body=_trigger_body(reader),
    )


def _update_of(reader: Reader) -> tuple[str, ...]:
    names = [reader.name("the name of a column").name]
    while reader.take(","):
        names.append(reader.name("the name of a column").name)
    return tuple(names)


def _trigger_body(reader: Reader) -> int:
    """Step over WHEN to the BEGIN that opens the body: one that an expression is not waiting for."""
    if reader.take("WHEN"):
        depth = 0
        while reader.token.kind != "end" and not (depth == 0 and _opens_body(reader)):
            depth += (reader.word == "(") - (reader.word == ")")
            reader.place += 1
    start = reader.token.start
    reader.expect("BEGIN")
    return start


def _opens_body(reader: Reader) -> bool:
    """BEGIN may also be a column's name (WHEN begin > 1): the body's is followed by a statement."""
    following = reader.words[reader.place + 1 : reader.place + 2]
    return reader.at("BEGIN") and following[0] in ("INSERT", "UPDATE", "DELETE", "SELECT", "REPLACE", "WITH", "VALUES")


def parse_view(sql: str) -> ViewHead:
    """Read the head of CREATE VIEW. Raises SchemaParseError."""
    reader = Reader(sql, "a view")
    reader.expect("CREATE")
    reader.take_one(("TEMP", "TEMPORARY"))
    name = _named(reader, "VIEW")
    columns = column_names(reader) if reader.at("(") else ()
    reader.expect("AS")
    if reader.word not in ("SELECT", "WITH", "VALUES"):
        raise reader.error("SELECT, WITH or VALUES")
    return ViewHead(name=name.name, columns=columns, name_token=name, body=reader.token.start)


def parse_virtual_table(sql: str) -> VirtualHead:
    """Read the head of CREATE VIRTUAL TABLE. Raises SchemaParseError."""
    reader = Reader(sql, "a virtual table")
    reader.expect("CREATE", "VIRTUAL")
    name = _named(reader, "TABLE")
    reader.expect("USING")
    module = reader.name("the name of a module")
    return VirtualHead(name=name.name, module=module.name, name_token=name)


def _named(reader: Reader, kind: str) -> Token:
    """Step over the kind of object, IF NOT EXISTS, and a name that a schema's may precede."""
    reader.expect(kind)
    reader.take("IF", "NOT", "EXISTS")
    name = reader.name(f"the name of the {kind.lower()}")
    if reader.take("."):
        name = reader.name(f"the name of the {kind.lower()}")
    reader.what = f'{kind.lower()} "{name.name}"'
    return name
