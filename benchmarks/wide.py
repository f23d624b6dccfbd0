"""A wide table, and one change of each kind of it: the DDL of each, and how one sees that it was made."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools import django_models

COLUMNS = {
    "id": "INTEGER PRIMARY KEY",
    "code": "TEXT NOT NULL",
    "title": "TEXT",
    "qty": "INTEGER",
    "price": "REAL",
    "status": "TEXT DEFAULT 'Open'",
    "made": "TEXT",
    "note": "TEXT",
    "spare": "TEXT",
    **{f"text_{number}": "TEXT" for number in range(6)},
    **{f"whole_{number}": "INTEGER" for number in range(3)},
    **{f"real_{number}": "REAL" for number in range(2)},
}
INDEXES = {"by_made": "item(made)", "by_status": "item(status, qty)"}
ROWS = """WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
INSERT INTO item SELECT i, 'C' || i, 'Title of thing ' || i, i % 997, i * 0.25, 'Open',
date('2020-01-01', (i % 2000) || ' days'), 'a note on it, of some length ' || (i * 7919 % 1000003), 'spare ' || i,
{texts}, i * 3, i % 7, i % 1000, i / 3.0, i / 7.0 FROM n"""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is done to ``column``; ``definition`` is its new one (None: it is gone, or stays as it is)."""

    kind: str
    column: str
    done: str = "1"  # what is true of the table afterwards, in SQL
    value: Any = None
    definition: str | None = None
    constraint: str = ""
    index: str = ""
    allow: frozenset[str] = frozenset()

    def columns(self) -> dict[str, str]:
        """The columns of the wish."""
        found = dict(COLUMNS)
        if self.kind == "drop column":
            del found[self.column]
        elif self.kind == "rename":
            return {self.value if name == self.column else name: text for name, text in found.items()}
        elif self.kind == "reorder":
            return {name: found[name] for name in self.value}
        elif self.definition is not None:
            found[self.column] = self.definition
        return found

    def indexes(self) -> list[str]:
        made = [f"CREATE INDEX {name} ON {on}" for name, on in INDEXES.items()]
        return [*made, self.index] if self.index else made

    def table(self, name: str) -> str:
        parts = [f"{column} {text}" for column, text in self.columns().items()]
        return f"CREATE TABLE {name}({', '.join([*parts, self.constraint] if self.constraint else parts)})"

    def wish(self) -> str:
        return ";\n".join([self.table("item"), *self.indexes()]) + ";"

    def copied(self) -> Iterator[tuple[str, str]]:
        """(new, old) names of the columns that a rebuild copies."""
        for name in self.columns():
            old = self.column if self.kind == "rename" and name == self.value else name
            if old in COLUMNS:
                yield name, old


_INFO = "SELECT {} FROM pragma_table_info('item') WHERE name = '{}'"
_LISTED = "SELECT count(*) FROM pragma_index_list('item') WHERE \"unique\" = {}"
_MADE = "SELECT sql LIKE '%{}%' FROM sqlite_schema WHERE name = 'item'"

CHANGES = {
    "add column": Change(kind="add column", column="extra", definition="TEXT", done=_INFO.format("1", "extra")),
    "add column NOT NULL DEFAULT 0": Change(
        kind="add column, not null",
        column="extra",
        value=0,
        definition="INTEGER NOT NULL DEFAULT 0",
        done=_INFO.format('"notnull"', "extra"),
    ),
    "drop column": Change(
        kind="drop column",
        column="spare",
        allow=frozenset({"drop_column", "irreversible"}),
        done="SELECT count(*) = 19 FROM pragma_table_info('item')",
    ),
    "rename column": Change(kind="rename", column="title", value="heading", done=_INFO.format("1", "heading")),
    "set NOT NULL": Change(
        kind="set not null", column="note", definition="TEXT NOT NULL", done=_INFO.format('"notnull"', "note")
    ),
    "drop NOT NULL": Change(
        kind="drop not null", column="code", definition="TEXT", done=_INFO.format('NOT "notnull"', "code")
    ),
    "change default": Change(
        kind="change default",
        column="status",
        value="New",
        definition="TEXT DEFAULT 'New'",
        done=_INFO.format("dflt_value LIKE '%New%'", "status"),
    ),
    "add CHECK": Change(
        kind="add check",
        column="qty",
        value="qty >= 0",
        constraint="CONSTRAINT qty_ok CHECK (qty >= 0)",
        done=_MADE.format("CHECK"),
    ),
    "retype, INTEGER to TEXT": Change(
        kind="retype",
        column="whole_1",
        value="Text",
        definition="TEXT",
        done="SELECT typeof(whole_1) = 'text' FROM item LIMIT 1",
    ),
    "add index": Change(
        kind="add index",
        column="code",
        index="CREATE INDEX by_code ON item(code)",
        done=_LISTED.format(0).replace("count(*)", "count(*) = 3"),
    ),
    "add unique index": Change(
        kind="add unique index",
        column="code",
        index="CREATE UNIQUE INDEX by_code ON item(code)",
        done=_LISTED.format(1),
    ),
    "add UNIQUE constraint": Change(
        kind="add unique constraint",
        column="code",
        constraint="CONSTRAINT one_code UNIQUE (code)",
        done=_LISTED.format(1),
    ),
    "reorder columns": Change(
        kind="reorder",
        column="note",
        value=tuple(dict.fromkeys(["id", "note", *COLUMNS])),
        done="SELECT cid = 1 FROM pragma_table_info('item') WHERE name = 'note'",
    ),
}


def make(path: Path, rows: int, journal: str) -> None:
    """The table with that many rows."""
    texts = ", ".join(f"'text number {n} of row ' || (i * {7 + n} % 100003)" for n in range(6))
    unchanged = Change(kind="none", column="")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {journal}")
        connection.execute(unchanged.table("item"))
        connection.execute(ROWS.format(texts=texts), (rows,))
        for statement in unchanged.indexes():
            connection.execute(statement)
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def model(change: Change, after: bool) -> Any:
    """The table as Django's model, after ``change`` or before."""
    columns = change.columns() if after else COLUMNS
    constraint = change.constraint if after else ""
    index = change.index if after else ""
    meta: dict[str, Any] = {"indexes": [], "constraints": []}

    def fields(m: Any) -> Mapping[str, Any]:
        made = [m.Index(fields=["made"], name="by_made"), m.Index(fields=["status", "qty"], name="by_status")]
        meta["indexes"] = [*made, m.Index(fields=["code"], name="by_code")] if index.startswith("CREATE IN") else made
        if index.startswith("CREATE UN"):
            meta["constraints"] = [m.UniqueConstraint(fields=["code"], name="by_code")]
        elif "CHECK" in constraint:
            meta["constraints"] = [m.CheckConstraint(condition=m.Q(qty__gte=0), name="qty_ok")]
        kinds = {"INTEGER": m.IntegerField, "REAL": m.FloatField, "TEXT": m.TextField}
        found = {}
        for name, text in columns.items():
            more: dict[str, Any] = {"null": "NOT NULL" not in text}
            if "DEFAULT" in text:
                more["db_default"] = text.rpartition(" ")[2].strip("'") if "'" in text else 0
            found[name] = kinds[text.split()[0]](**({"primary_key": True} if name == "id" else more))
        return found

    return django_models("item", fields, meta)
