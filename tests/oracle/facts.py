"""``snapshot(connection)``: everything a SQLite database holds, as one flat mapping from address to fact.

An address is a tuple of words such as ``("table", "t", "column", "a", "default")``; its first word is a category (see
``CATEGORIES``). Two databases are equal when the mappings are; what differs, the address says.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from tests.oracle.create_table import default_form, read_create_table
from tests.oracle.tokens import Tokens, UnreadableSql, fold, raw_tokens, tokenize

Address: TypeAlias = tuple[Any, ...]

#: The first word of an address, and what stands under it.
CATEGORIES = {
    "table": "tables, their columns, constraints, options and indexes",
    "index": "CREATE INDEX texts",
    "view": "views",
    "trigger": "triggers",
    "virtual": "virtual tables",
    "order": "the order of a table's columns",
    "firing": "the order in which triggers were created, by which SQLite fires them",
    "row": "rows with rowid, storage class and exact value",
    "sequence": "sqlite_sequence",
    "statistics": "sqlite_stat1",
    "file": "user_version, journal_mode, encoding and other pragmas of the file",
}

_FILE_PRAGMAS = ("user_version", "application_id", "journal_mode", "encoding", "auto_vacuum", "page_size")


@dataclass(frozen=True)
class Snapshot:
    """What a database was at one moment; compare two with ``difference``."""

    facts: Mapping[Address, Any]

    def under(self, *start: str) -> dict[Address, Any]:
        """The facts whose address begins so."""
        return {address: fact for address, fact in self.facts.items() if address[: len(start)] == start}


def quote(name: str) -> str:
    """``name`` as a quoted SQL name."""
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def plain(connection: sqlite3.Connection) -> Iterator[sqlite3.Cursor]:
    """A cursor that gives plain tuples and str, whatever factories the caller has set."""
    text_factory, connection.text_factory = connection.text_factory, str
    cursor = connection.cursor()
    cursor.row_factory = None
    try:
        yield cursor
    finally:
        connection.text_factory = text_factory
        cursor.close()


def snapshot(connection: sqlite3.Connection, *, skip: Collection[str] = ()) -> Snapshot:
    """Everything in the main database (and TEMP views and triggers), but for tables in ``skip`` and what is on them."""
    with plain(connection) as cursor:
        reader = _Reader(cursor, frozenset(fold(name) for name in skip))
        reader.objects()
        reader.file()
        return Snapshot(reader.facts)


def alias_of_rowid(cursor: sqlite3.Cursor, table: str) -> str | None:
    """The column that is the rowid itself, or None."""
    columns = cursor.execute("SELECT name, type, pk FROM pragma_table_xinfo(?)", (table,)).fetchall()
    keys = [(name, kind) for name, kind, pk in columns if pk]
    origins = [row[0] for row in cursor.execute("SELECT origin FROM pragma_index_list(?)", (table,))]
    if len(keys) == 1 and fold(keys[0][1]) == "integer" and "pk" not in origins and has_rowid(cursor, table):
        return str(keys[0][0])
    return None


def has_rowid(cursor: sqlite3.Cursor, table: str) -> bool:
    """Whether the table is not WITHOUT ROWID."""
    found = cursor.execute("SELECT wr FROM pragma_table_list(?) WHERE schema = 'main'", (table,)).fetchone()
    return found is not None and not found[0]


def rowid_word(cursor: sqlite3.Cursor, table: str) -> str | None:
    """A name by which the rowid can be read (no column has taken it), or None."""
    if not has_rowid(cursor, table):
        return None
    taken = {fold(row[0]) for row in cursor.execute("SELECT name FROM pragma_table_xinfo(?)", (table,))}
    return next((word for word in ("rowid", "_rowid_", "oid") if word not in taken), None)


def value_list(columns: Collection[str]) -> str:
    """SQL that reads each column as typeof and value, text as its bytes."""
    pairs = (
        f"typeof({c}), CASE typeof({c}) WHEN 'text' THEN CAST({c} AS BLOB) ELSE {c} END" for c in map(quote, columns)
    )
    return ", ".join(pairs)


def exact(values: tuple[Any, ...]) -> tuple[tuple[str, Any], ...]:
    """The (storage class, exact value) pairs of a row read by ``value_list``; floats as hexadecimal text."""
    pairs = zip(values[::2], values[1::2], strict=True)
    return tuple((kind, value.hex() if isinstance(value, float) else value) for kind, value in pairs)


def type_form(declared: str) -> Any:
    """A declared type by its words, whatever their case and blanks (a quoted one may hold anything)."""
    try:
        return tokenize(fold(declared), frozenset())
    except UnreadableSql:
        return declared


class _Reader:
    def __init__(self, cursor: sqlite3.Cursor, skip: frozenset[str]) -> None:
        self.cursor, self.skip = cursor, skip
        self.facts: dict[Address, Any] = {}
        self.stored = [
            row
            for schema in ("sqlite_schema", "sqlite_temp_schema")
            for row in self.rows(f"SELECT '{schema}', type, name, tbl_name, sql FROM {schema} ORDER BY rowid")
            if fold(row[2]) not in skip and fold(row[3]) not in skip
        ]
        self.names = self.known_names()
        self.shadows = {row[0] for row in self.rows("SELECT name FROM pragma_table_list WHERE type = 'shadow'")}

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self.cursor.execute(sql, parameters).fetchall()

    def known_names(self) -> frozenset[str]:
        """Every folded word that names something here, so that a double-quoted one is no string."""
        found = {"rowid", "_rowid_", "oid", "new", "old", "excluded", "main", "temp"}
        for _, kind, name, table, _ in self.stored:
            found |= {fold(name), fold(table)}
            if kind in ("table", "view"):
                found |= self.columns_of(name)
        return frozenset(found)

    def columns_of(self, name: str) -> set[str]:
        try:
            return {fold(row[0]) for row in self.rows("SELECT name FROM pragma_table_xinfo(?)", name)}
        except sqlite3.Error:  # a broken view has no columns to name
            return set()

    def objects(self) -> None:
        for schema, kind, name, table, sql in self.stored:
            if kind == "table" and schema == "sqlite_schema":
                self.table(name, sql)
            elif kind in ("view", "trigger"):
                self.facts[(kind, name, *(["temp"] if "temp" in schema else []))] = tokenize(sql, self.names)
                if kind == "view":
                    self.facts[kind, name, "columns"] = self.view_columns(name)
            elif kind == "index" and sql is not None:
                self.facts["index", name] = self.index_text(sql)
            if kind == "trigger":
                self.facts["firing", fold(table)] = (*self.facts.get(("firing", fold(table)), ()), name)

    def view_columns(self, name: str) -> tuple[str, ...] | None:
        """The names a view's columns have outside, None where the view is broken."""
        try:
            return tuple(row[0] for row in self.rows("SELECT name FROM pragma_table_xinfo(?)", name))
        except sqlite3.Error:
            return None

    def index_text(self, sql: str) -> Tokens:
        return tuple(token for token in tokenize(sql, self.names) if token != ("id", "asc"))

    def table(self, name: str, sql: str) -> None:
        if name == "sqlite_sequence":
            held = self.kept("SELECT name, seq FROM sqlite_sequence")
            if held:  # an empty one stays behind when the last AUTOINCREMENT goes
                self.facts["sequence",] = tuple(sorted(held, key=repr))
        elif name.startswith("sqlite_stat"):
            self.statistics(name)
        elif name in self.shadows or name.startswith("sqlite_"):
            return
        elif fold(sql).startswith("create virtual"):
            self.facts["virtual", name] = tokenize(sql, None)
            self.values(name)
        else:
            self.table_text(name, sql)
            self.table_pragmas(name)
            self.values(name)

    def kept(self, sql: str) -> list[tuple[Any, ...]]:
        return [row for row in self.rows(sql) if fold(str(row[0])) not in self.skip]

    def table_text(self, name: str, sql: str) -> None:
        own = {fold(name), "rowid", "_rowid_", "oid"} | self.columns_of(name)
        made = read_create_table(sql, own, alias_of_rowid(self.cursor, name) is not None)
        for column, facts in made.columns.items():
            for what, fact in facts.items():
                self.facts["table", name, "column", column, what] = fact
        self.facts["table", name, "constraints"] = tuple(made.constraints)
        self.facts["table", name, "options"] = tuple(made.options)

    def table_pragmas(self, name: str) -> None:
        listed = "SELECT type, ncol, wr, strict FROM pragma_table_list(?) WHERE schema = 'main'"
        self.facts["table", name, "table_list"] = tuple(self.rows(listed, name)[0])
        order = []
        for column, kind, notnull, default, pk, hidden in self.rows(
            'SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?)', name
        ):
            said = None if default is None else default_form(raw_tokens(default))
            info = {"type": type_form(kind), "notnull": notnull, "dflt_value": said, "pk": pk, "hidden": hidden}
            for what, fact in info.items():
                self.facts["table", name, "column", column, f"table_xinfo {what}"] = fact
            order.append(column)
        self.facts["order", name] = tuple(order)
        self.facts["table", name, "rowid alias"] = alias_of_rowid(self.cursor, name)
        self.facts["table", name, "foreign_key_list"] = self.foreign_keys(name)
        self.indexes(name)

    def foreign_keys(self, name: str) -> tuple[Any, ...]:
        keys: dict[int, list[Any]] = {}
        for number, _, parent, *rest in sorted(self.rows("SELECT * FROM pragma_foreign_key_list(?)", name)):
            child, referenced, *actions = rest
            pair = (fold(child), None if referenced is None else fold(referenced))
            keys.setdefault(number, [fold(parent), *actions]).append(pair)
        return tuple(sorted((tuple(key) for key in keys.values()), key=repr))

    def indexes(self, table: str) -> None:
        automatic = []
        for name, unique, origin, partial in self.rows(
            'SELECT name, "unique", origin, partial FROM pragma_index_list(?)', table
        ):
            parts = self.rows('SELECT seqno, name, "desc", coll, key, cid FROM pragma_index_xinfo(?)', name)
            keys = tuple((column or f"cid {cid}", desc, fold(coll)) for _, column, desc, coll, key, cid in parts if key)
            rest = tuple(sorted(str(column) for _, column, _, _, key, _ in parts if not key))
            fact = (origin, unique, partial, keys, rest)
            if origin == "c":
                self.facts["table", table, "index", name] = fact
            else:
                automatic.append(fact)
        self.facts["table", table, "automatic indexes"] = tuple(sorted(automatic))

    def statistics(self, name: str) -> None:
        """Statistic rows, an index that a constraint made named by its columns instead of its number."""
        if name == "sqlite_stat1":
            rows = self.kept("SELECT tbl, idx, stat FROM sqlite_stat1")
            self.facts["statistics",] = tuple(sorted(((t, self.index_label(i), s) for t, i, s in rows), key=repr))

    def index_label(self, index: str | None) -> str | None:
        if index is None or not index.startswith("sqlite_autoindex_"):
            return index
        return "automatic " + repr(self.rows("SELECT name, coll, desc FROM pragma_index_xinfo(?) WHERE key", index))

    def values(self, table: str) -> None:
        """Each row under its rowid, else under its key, else counted."""
        info = self.rows("SELECT name, pk, hidden FROM pragma_table_xinfo(?)", table)
        columns = [name for name, _, hidden in info if hidden != 1]
        word = rowid_word(self.cursor, table)
        keys = [columns.index(name) for _, name in sorted((pk, name) for name, pk, _ in info if pk)]
        for row in self.rows(f"SELECT {word or 'NULL'}, {value_list(columns)} FROM {quote(table)}"):
            values = exact(row[1:])
            identity = row[0] if word else tuple(values[key] for key in keys)
            if word or keys:
                address = ("row", table, identity)
                for column, value in zip(columns, values, strict=True):
                    self.facts[*address, column] = value
            else:
                address = ("row", table, dict(zip(columns, values, strict=True)).__repr__())
                self.facts[*address, "times"] = self.facts.get((*address, "times"), 0) + 1

    def file(self) -> None:
        for pragma in _FILE_PRAGMAS:
            self.facts["file", pragma] = self.rows(f"PRAGMA {pragma}")[0][0]
