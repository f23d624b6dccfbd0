"""``probes(connection)``: what a database does when it is used, found by trying and undoing.

For each table: odd values assigned to each column of a row (shows NOT NULL, CHECK, affinity, STRICT, foreign keys,
ON UPDATE, UPDATE OF triggers), keys made to collide (UNIQUE, ON CONFLICT), columns left out (DEFAULT), rows inserted
and deleted (triggers, cascades); each view read, and written to where it has triggers; FTS5 asked for its words.
What to try is derived from pragmas and rows alone, so two equal databases are asked the same questions. Every try is
rolled back; foreign keys are on while it lasts.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from tests.oracle.facts import Address, exact, plain, quote, rowid_word, value_list
from tests.oracle.tokens import UnreadableSql, fold, spell, tokenize

#: The values tried in every column.
ODD_VALUES: tuple[Any, ...] = (
    None,
    0,
    -7,
    41,
    -1_000_000,
    2**53 + 1,
    2.5,
    1e300,
    "",
    "abc",
    "ABC ",
    "12",
    "1e2",
    "é",
    b"",
    b"ab",
)

_CLOCK = re.compile(r"current_|random|now|julianday|datetime|strftime|unixepoch", re.IGNORECASE)


@dataclass(frozen=True)
class Outcome:
    """What a try led to: ``error`` is SQLite's name of it (None when it worked), ``effect`` what changed where."""

    error: str | None = None
    message: str = ""
    effect: tuple[Any, ...] = ()


Facts: TypeAlias = dict[Address, Outcome]


def probes(connection: sqlite3.Connection, *, skip: Collection[str] = ()) -> Facts:
    """What the database does, by the address of each try; tables in ``skip`` are not asked. Leaves no trace.

    Raises ValueError when the connection has a transaction open.
    """
    if connection.in_transaction:
        raise ValueError("the probes need a connection without an open transaction")
    with plain(connection) as cursor, _foreign_keys_on(cursor):
        prober = _Prober(connection, cursor, {fold(name) for name in skip})
        for table in prober.tables:
            prober.table(table)
        for view in prober.named("view"):
            prober.view(view)
        for table in prober.virtual:
            prober.full_text(table)
        return prober.found


def probe_difference(
    a: Mapping[Address, Outcome], b: Mapping[Address, Outcome], *, messages: bool = False
) -> list[str]:
    """Which tries came out differently, a sentence each; [] when none.

    Without ``messages`` it counts only what kind of error arose, for where two constraints are broken at once SQLite
    names whichever was made first.
    """
    found = []
    for address in sorted(a.keys() | b.keys(), key=repr):
        old, new = a.get(address), b.get(address)
        if (old and _judged(old, messages)) != (new and _judged(new, messages)):
            found.append(f"{' '.join(map(str, address))}: {_said(old)} became {_said(new)}")
    return found if len(found) <= 50 else [*found[:50], f"… and {len(found) - 50} more"]


def _judged(outcome: Outcome, messages: bool) -> Any:
    if messages:
        return outcome
    error = outcome.error and re.sub("PRIMARYKEY|ROWID", "UNIQUE", outcome.error)
    return error, outcome.effect


def _said(outcome: Outcome | None) -> str:
    if outcome is None:
        return "not tried"
    text = f"{outcome.error}: {outcome.message}" if outcome.error else f"done, {outcome.effect!r}"
    return text if len(text) < 400 else text[:400] + "…"


@contextmanager
def _foreign_keys_on(cursor: sqlite3.Cursor) -> Iterator[None]:
    before = cursor.execute("PRAGMA foreign_keys").fetchone()[0]
    cursor.execute("PRAGMA foreign_keys = ON")
    try:
        yield
    finally:
        cursor.execute(f"PRAGMA foreign_keys = {before}")


def _message(error: sqlite3.Error) -> str:
    """The error's text; the expression that an unnamed CHECK quotes by its tokens."""
    head, _, rest = str(error).partition(": ")
    if "CHECK" not in head:
        return str(error)
    try:
        return f"{head}: {spell(tokenize(rest))}"
    except UnreadableSql:
        return str(error)


class _Prober:
    def __init__(self, connection: sqlite3.Connection, cursor: sqlite3.Cursor, skip: set[str]) -> None:
        self.connection, self.cursor, self.skip = connection, cursor, skip
        self.found: Facts = {}
        self.tables: list[str] = []
        self.virtual: list[str] = []
        for name, kind in self.rows("SELECT name, type FROM pragma_table_list WHERE schema = 'main' ORDER BY name"):
            if fold(name) not in skip and not name.startswith("sqlite_") and kind in ("table", "virtual"):
                (self.tables if kind == "table" else self.virtual).append(name)
        self.reads = {table: self.reading(table) for table in self.tables}
        self.before = self.state()

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self.cursor.execute(sql, parameters).fetchall()

    def named(self, kind: str) -> list[str]:
        stored = self.rows("SELECT name FROM sqlite_schema WHERE type = ? ORDER BY name", (kind,))
        return [name for (name,) in stored if fold(name) not in self.skip]

    # -- what the database holds, and what a try changed in it
    def reading(self, table: str) -> str:
        """The SELECT that reads a table for comparing; what the clock or chance decides is read by its type only."""
        info = self.rows("SELECT name, dflt_value, hidden FROM pragma_table_xinfo(?)", (table,))
        steady = [name for name, default, _ in info if not _CLOCK.search(default or "")]
        typed = [f"typeof({quote(name)})" for name, default, _ in info if _CLOCK.search(default or "")]
        lists = [value_list(steady)] if steady else []
        chosen = [rowid_word(self.cursor, table) or "NULL", str(len(typed)), *typed, *lists]
        return f"SELECT {', '.join(chosen)} FROM {quote(table)}"

    def state(self) -> Counter[Any]:
        return Counter((table, row) for table, sql in self.reads.items() for row in self.rows(sql))

    def effect(self) -> tuple[Any, ...]:
        now = self.state()
        gone, come = self.before - now, now - self.before
        broken = self.rows("PRAGMA foreign_key_check") if gone or come else []
        changes = [("-", *self.plain_row(item), n) for item, n in gone.items()]
        changes += [("+", *self.plain_row(item), n) for item, n in come.items()]
        orphans = Counter((table, parent) for table, _, parent, _ in broken)
        return (*sorted(changes, key=repr), *(("orphans", *item) for item in sorted(orphans.items(), key=repr)))

    def plain_row(self, item: tuple[str, tuple[Any, ...]]) -> tuple[Any, ...]:
        table, row = item
        return table, row[0], row[2 : 2 + row[1]], exact(row[2 + row[1] :])

    def attempt(self, address: Address, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run one statement, note what came of it, undo it."""
        self.cursor.execute("BEGIN")
        try:
            self.cursor.execute(sql, parameters).fetchall()
            outcome = Outcome(effect=self.effect())
        except (sqlite3.Error, OverflowError) as error:
            name = getattr(error, "sqlite_errorname", type(error).__name__)
            effect = (*self.effect(), "transaction lost") if not self.connection.in_transaction else self.effect()
            outcome = Outcome(name, _message(error) if isinstance(error, sqlite3.Error) else str(error), effect)
        if self.connection.in_transaction:
            self.cursor.execute("ROLLBACK")
        self.found[address] = outcome

    # -- tables
    def table(self, table: str) -> None:
        info = self.rows("SELECT name, pk FROM pragma_table_xinfo(?) WHERE hidden = 0", (table,))
        columns = [name for name, _ in info]
        self.attempt((table, "insert", "default values"), f"INSERT INTO {quote(table)} DEFAULT VALUES")
        word = rowid_word(self.cursor, table)
        keys = [word] if word else [quote(name) for _, name in sorted((pk, name) for name, pk in info if pk)]
        if not keys:  # all three names of the rowid are taken by columns: no row can be told from another
            return
        key, rest = ", ".join(keys), ", ".join(map(quote, columns))
        chosen = self.rows(f"SELECT {key}, {rest} FROM {quote(table)} ORDER BY {key} LIMIT 3")
        where = " AND ".join(f"{key} IS ?" for key in keys)
        picked = [(row[: len(keys)], dict(zip(columns, row[len(keys) :], strict=True))) for row in chosen]
        for number, (identity, row) in enumerate(picked):
            self.attempt((table, "delete", number), f"DELETE FROM {quote(table)} WHERE {where}", identity)
            self.insert(table, number, row)
        if picked:
            self.assign(table, picked[0], where)
        for at in range(1, len(picked)):
            self.collide(table, at, picked[0][1], picked[at][0], where)

    def assign(self, table: str, picked: tuple[Any, dict[str, Any]], where: str) -> None:
        """Each odd value in each column of one row; the row's own value too, which fires triggers and nothing else."""
        identity, row = picked
        for column in row:
            sql = f"UPDATE {quote(table)} SET {quote(column)} = ? WHERE {where}"
            self.attempt((table, "touch", column), sql, (row[column], *identity))
            for value in ODD_VALUES:
                self.attempt((table, "assign", column, repr(value)), sql, (value, *identity))

    def collide(self, table: str, at: int, other: dict[str, Any], identity: Any, where: str) -> None:
        """Another row given the keys of the first, one unique key after another (all columns of it, and each alone)."""
        for columns in self.unique_keys(table):
            if not set(columns) <= set(other):
                continue
            for some in sorted({columns, *((column,) for column in columns)}):
                sets = ", ".join(f"{quote(column)} = ?" for column in some)
                sql = f"UPDATE {quote(table)} SET {sets} WHERE {where}"
                self.attempt((table, "collide", at, *some), sql, (*(other[column] for column in some), *identity))

    def unique_keys(self, table: str) -> list[tuple[str, ...]]:
        found = {self.primary_key(table)} - {()}
        for (name,) in self.rows('SELECT name FROM pragma_index_list(?) WHERE "unique"', (table,)):
            parts = self.rows("SELECT name FROM pragma_index_info(?) ORDER BY seqno", (name,))
            found.add(tuple(sorted(part for (part,) in parts if part is not None)))
        return sorted(found - {()})

    def primary_key(self, table: str) -> tuple[str, ...]:
        return tuple(sorted(n for (n,) in self.rows("SELECT name FROM pragma_table_info(?) WHERE pk", (table,))))

    def insert(self, table: str, number: int, row: dict[str, Any]) -> None:
        """A copy of a row as it is, with fresh keys, and with fresh keys and each column left out."""
        fresh = {**row}
        for column in {column for key in self.unique_keys(table) for column in key} & set(row):
            fresh[column] = _fresh(row[column])
        self.insertion((table, "insert", number, "copy"), table, row)
        self.insertion((table, "insert", number, "fresh"), table, fresh)
        for column in row:
            rest = {name: value for name, value in fresh.items() if name != column}
            self.insertion((table, "insert", number, "without", column), table, rest)

    def insertion(self, address: Address, table: str, row: dict[str, Any]) -> None:
        if row:
            names, marks = ", ".join(map(quote, row)), ", ".join("?" * len(row))
            self.attempt(address, f"INSERT INTO {quote(table)}({names}) VALUES ({marks})", tuple(row.values()))

    # -- views and full text
    def view(self, view: str) -> None:
        try:
            described = self.cursor.execute(f"SELECT * FROM {quote(view)}")
            columns = tuple(column[0] for column in described.description)
            rows = described.fetchall()
        except sqlite3.Error as error:
            self.found[view, "select"] = Outcome(getattr(error, "sqlite_errorname", "?"), str(error))
            return
        self.found[view, "select"] = Outcome(effect=(columns, *sorted(Counter(map(repr, rows)).items())))
        writable = self.rows(
            "SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE", (view,)
        )
        if not writable or not rows:
            return
        first = sorted(rows, key=repr)[0]
        row = dict(zip(columns, first, strict=True))
        self.insertion((view, "insert"), view, row)
        where = " AND ".join(f"{quote(column)} IS ?" for column in row)
        self.attempt((view, "delete"), f"DELETE FROM {quote(view)} WHERE {where}", first)
        for column, value in row.items():
            sql = f"UPDATE {quote(view)} SET {quote(column)} = ? WHERE {where}"
            self.attempt((view, "update", column), sql, (value, *first))

    def full_text(self, table: str) -> None:
        """FTS5: whether index and content agree, and which rows hold each of the first words of the content."""
        name = quote(table)
        self.attempt((table, "integrity"), f"INSERT INTO {name}({name}, rank) VALUES ('integrity-check', 1)")
        try:
            held = self.rows(f"SELECT * FROM {name} ORDER BY rowid LIMIT 20")
            words = sorted(
                {word for row in held for value in row if isinstance(value, str) for word in re.findall(r"\w+", value)}
            )
            for word in words[:20]:
                asked = f"SELECT rowid, * FROM {name} WHERE {name} MATCH ?"
                hits = sorted(map(repr, self.rows(asked, (f'"{word}"',))))
                self.found[table, "match", word] = Outcome(effect=tuple(hits))
        except sqlite3.Error as error:
            self.found[table, "match"] = Outcome(getattr(error, "sqlite_errorname", "?"), str(error))


def _fresh(value: Any) -> Any:
    """A value like this one that is not there yet."""
    if isinstance(value, int):
        return value + 1_000_003 if value < 2**62 else value - 1_000_003
    if isinstance(value, float):
        return value + 0.5
    if isinstance(value, str):
        return value + "~"
    return value + b"~" if isinstance(value, bytes) else value
