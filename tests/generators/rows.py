"""``rows(connection, rng)`` fills the tables of any database with rows that its constraints accept.

Everything is read from pragmas. A row is offered with odd values first and plainer ones at each refusal.
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
from dataclasses import dataclass
from typing import Any

from tests.generators.constructs import affinity
from tests.generators.spell import quote

INTEGERS = [0, 1, -1, 7, 42, 255, 2**31, 2**53 + 1, 1_000_000_007, -(2**63), 2**63 - 1]
FLOATS = [0.5, -1.25, 0.1, 0.1 + 0.2, 1e300, 5e-324, 1.0, 1e15, 3.0000000000000004]
TEXTS = [
    "",
    "a",
    "ABC",
    "abc ",
    "it's",
    "é",
    "名前",
    "a\x00b",
    "\x00",
    " 12 ",
    "007",
    "1e3",
    "12",
    "1.50",
    "x" * 300,
    "😀",
    '"q"',
    "NULL",
]
BLOBS = [b"", b"\x00\xff", b"12", b"abc", bytes(range(32))]
_BY_AFFINITY = {
    "integer": INTEGERS,
    "text": TEXTS,
    "real": FLOATS,
    "numeric": [*INTEGERS[:5], *FLOATS[:4]],
    "blob": BLOBS,
}


@dataclass(frozen=True)
class _Column:
    name: str
    type: str
    not_null: bool
    default: str | None
    key: bool


def rows(connection: sqlite3.Connection, rng: random.Random, per_table: int = 8) -> dict[str, int]:
    """Fill every ordinary table with up to ``per_table`` rows; gives how many each holds.

    Leaves gaps in the rowids and sometimes a sequence ahead of the rows. Foreign keys are on meanwhile, FTS5 tables are
    rebuilt afterwards. The connection must be in autocommit (isolation_level None).
    """
    settings = {"foreign_keys": 1, "synchronous": 0}  # each row its own transaction, so that deferred keys are checked
    before = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in settings}
    for name, value in settings.items():
        connection.execute(f"PRAGMA {name} = {value}")
    filler = _Filler(connection, rng)
    for table in filler.order():
        filler.fill(table, rng.randint(1, per_table))
    for table in filler.tables:
        filler.make_gaps(table)
    filler.advance_sequences()
    for name, value in before.items():
        connection.execute(f"PRAGMA {name} = {value}")
    for (name,) in connection.execute("SELECT name FROM pragma_table_list WHERE type = 'virtual'").fetchall():
        connection.execute(f"INSERT INTO {quote(name)}({quote(name)}) VALUES ('rebuild')")
    return {name: connection.execute(f"SELECT count(*) FROM {quote(name)}").fetchone()[0] for name in filler.tables}


class _Filler:
    def __init__(self, connection: sqlite3.Connection, rng: random.Random) -> None:
        self.connection, self.rng = connection, rng
        listed = self.all("SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND type = 'table'")
        self.strict = {name: bool(strict) for name, strict in sorted(listed) if not name.startswith("sqlite_")}
        self.tables = list(self.strict)
        self.columns = {table: self.read_columns(table) for table in self.tables}
        self.foreign = {table: self.read_foreign(table) for table in self.tables}

    def all(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql, parameters).fetchall()

    def read_columns(self, table: str) -> list[_Column]:
        info = self.all(
            'SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_xinfo(?) WHERE hidden = 0 ORDER BY cid',
            table,
        )
        return [_Column(name, kind, bool(notnull), default, bool(pk)) for name, kind, notnull, default, pk in info]

    def read_foreign(self, table: str) -> list[tuple[str, list[str], list[str]]]:
        """(parent, child columns, parent's columns) of each foreign key whose parent is there."""
        keys: dict[int, tuple[str, list[str], list[str]]] = {}
        for number, _, parent, child, referenced in self.all(
            'SELECT id, seq, "table", "from", "to" FROM pragma_foreign_key_list(?) ORDER BY id, seq', table
        ):
            name = next((other for other in self.tables if other.lower() == parent.lower()), None)
            if name is None:
                continue
            key = keys.setdefault(number, (name, [], []))
            key[1].append(child)
            key[2].append(referenced)
        for parent, children, referenced in keys.values():
            if None in referenced:
                primary = self.all("SELECT name FROM pragma_table_info(?) WHERE pk ORDER BY pk", parent)
                referenced[:] = [name for (name,) in primary][: len(children)]
        return list(keys.values())

    def order(self) -> list[str]:
        """The tables, parents first as far as that goes."""
        left, done = list(self.tables), []
        while left:
            ready = [t for t in left if all(p in done or p == t or p not in left for p, _, _ in self.foreign[t])]
            done += ready or left[:1]
            left = [table for table in left if table not in done]
        return done

    def fill(self, table: str, count: int) -> None:
        made = 0
        for attempt in range(count * 6):
            if made >= count:
                return
            made += self.offer(table, min(4, attempt // 2 - made))

    def offer(self, table: str, plainness: int) -> int:
        """Insert one row, if SQLite takes it; the greater ``plainness``, the tamer the values."""
        row = {c.name: self.value(table, c, plainness) for c in self.columns[table] if not self.left_out(c, plainness)}
        for parent, children, referenced in self.foreign[table]:
            row.update(self.reference(parent, children, referenced, plainness))
        names = ", ".join(map(quote, row))
        marks = ", ".join("?" * len(row))
        sql = (
            f"INSERT INTO {quote(table)}({names}) VALUES ({marks})"
            if row
            else f"INSERT INTO {quote(table)} DEFAULT VALUES"
        )
        try:
            return max(0, self.connection.execute(sql, list(row.values())).rowcount)
        except sqlite3.Error:
            return 0

    def left_out(self, column: _Column, plainness: int) -> bool:
        if column.key and column.type.upper() == "INTEGER":
            return self.rng.random() < 0.4 + 0.1 * plainness
        return self.rng.random() < (0.15 if column.default is not None or not column.not_null else 0.03)

    def value(self, table: str, column: _Column, plainness: int) -> Any:
        rng = self.rng
        if not column.not_null and not column.key and rng.random() < (0.15 if plainness < 3 else 0.5):
            return None
        kind = affinity(column.type)
        if column.key and kind == "integer":  # never the greatest: after it SQLite draws rowids at random
            large = rng.choice(INTEGERS[:-2]) if plainness < 1 else 5
            return rng.choice((rng.randrange(1, 40), rng.randrange(1, 10_000), large))
        if self.strict[table]:
            kind = {"ANY": "any"}.get(column.type.upper(), kind)
        elif kind == "none" or rng.random() < (0.12 if plainness < 2 else 0):
            kind = "any"
        if plainness >= 2 or rng.random() < 0.5:
            return self.tame(kind)
        pool = _BY_AFFINITY.get(kind) or rng.choice((INTEGERS, FLOATS, TEXTS, BLOBS))
        return rng.choice(pool)

    def tame(self, kind: str) -> Any:
        number = self.rng.randrange(0, 100)
        tame = {"integer": number, "numeric": number, "real": number / 4, "blob": b"b%d" % number}
        return tame.get(kind, f"v{number}")

    def reference(self, parent: str, children: list[str], referenced: list[str], plainness: int) -> dict[str, Any]:
        """The key of some row of the parent, or NULL."""
        found: list[tuple[Any, ...]] = []
        if self.rng.random() < 0.8 and len(referenced) == len(children):
            found = self.all(f"SELECT {', '.join(map(quote, referenced))} FROM {quote(parent)}")
        found = [values for values in found if INTEGERS[-1] not in values]
        values = self.rng.choice(found) if found else (None,) * len(children)
        return dict(zip(children, values, strict=True))

    def make_gaps(self, table: str) -> None:
        """Delete a row here and there, where nothing forbids it."""
        name = quote(table)
        if self.rng.random() < 0.5 and self.all(f"SELECT count(*) FROM {name}")[0][0] > 2:
            key = next((c.name for c in self.columns[table] if c.key), self.columns[table][0].name)
            some = self.rng.choice(self.all(f"SELECT {quote(key)} FROM {name}"))[0]
            with contextlib.suppress(sqlite3.Error):
                self.connection.execute(f"DELETE FROM {name} WHERE {quote(key)} IS ?", (some,))

    def advance_sequences(self) -> None:
        if self.all("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'") and self.rng.random() < 0.6:
            self.connection.execute("UPDATE sqlite_sequence SET seq = seq + 50 WHERE seq < 1000000")
