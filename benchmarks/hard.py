"""What can be on a table, one thing at a time: how it is made, how one sees whether it is still there, and how far
Django's models can say it.

``looks`` are statements whose answers must be the same before and after a change. Those that write are undone. They
show what the thing *does* (a trigger fires, a constraint refuses), so that another spelling of it is no loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

TABLE = """CREATE TABLE parent(id INTEGER PRIMARY KEY);
CREATE TABLE log(what TEXT);
CREATE TABLE t(
    {key}, {comment}
    note TEXT,
    size INTEGER,
    spare TEXT{columns}{constraints}
){options};
"""
ROWS = """INSERT INTO parent VALUES (1), (2);
INSERT INTO t(id, note, size, spare) VALUES (3, 'banana', 5, 's'), (5, 'Apple', NULL, NULL), (9, 'cherry', 2, 'x');
"""
KEYED_ROWS = """INSERT INTO t(k, note, size) VALUES ('b', 'banana', 1), ('a', 'apple', 2);"""

#: How an index looks from outside: its kind, its key columns, and the words of its text behind the table's name.
INDEXES = (
    """SELECT l.name, l."unique", l.partial, x.name, x."desc", x.coll FROM pragma_index_list('t') l,
    pragma_index_xinfo(l.name) x WHERE x.key AND l.origin = 'c' ORDER BY l.name, x.seqno""",
    """SELECT words(substr(sql, instr(sql, '('))) FROM sqlite_schema
    WHERE tbl_name = 't' AND type = 'index' AND sql NOT NULL""",
)


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One thing on table ``t``. ``django`` gives (fields, Meta) for its model beyond note, size and spare."""

    columns: str = ""
    constraints: str = ""
    key: str = "id INTEGER PRIMARY KEY"
    comment: str = ""
    options: str = ""
    beside: str = ""
    rows: str = ""
    keyed: bool = False
    looks: tuple[str, ...] = ()
    django: Callable[[Any], tuple[Mapping[str, Any], Mapping[str, Any]]] = field(default=lambda models: ({}, {}))

    def schema(self) -> str:
        parts = {"key": self.key, "comment": self.comment, "options": self.options}
        columns = f",\n    {self.columns}" if self.columns else ""
        constraints = f",\n    {self.constraints}" if self.constraints else ""
        return TABLE.format(**parts, columns=columns, constraints=constraints) + self.beside

    def content(self) -> str:
        return (KEYED_ROWS if self.keyed else ROWS) + self.rows


def _not(m: Any, name: str, **condition: Any) -> Any:
    return m.CheckConstraint(condition=~m.Q(**condition), name=name)


def _lookup(models: Any) -> Any:
    from django.db.models import functions

    return functions


def _django_types(m: Any) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    return {
        "price": m.DecimalField(max_digits=10, decimal_places=2, null=True),
        "active": m.BooleanField(null=True),
        "made": m.DateTimeField(null=True),
        "short": m.CharField(max_length=20, null=True),
    }, {}


def _check(m: Any, name: str, **condition: Any) -> Mapping[str, Any]:
    return {"constraints": [m.CheckConstraint(condition=m.Q(**condition), name=name)]}


def _keyed(m: Any) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    return {"k": m.TextField(primary_key=True), "id": None}, {}


FEATURES: dict[str, Feature] = {
    "own trigger": Feature(
        beside="CREATE TRIGGER own AFTER INSERT ON t BEGIN INSERT INTO log VALUES ('own ' || new.id); END;",
        looks=("INSERT INTO t(id, note) VALUES (50, 'n'); SELECT what FROM log",),
    ),
    "another table's trigger that writes to it": Feature(
        beside="CREATE TRIGGER other AFTER INSERT ON log BEGIN UPDATE t SET note = new.what WHERE id = 3; END;",
        looks=("INSERT INTO log VALUES ('w'); SELECT id, note FROM t",),
    ),
    "view on it": Feature(
        beside="CREATE VIEW seen AS SELECT id, note FROM t WHERE size > 1;",
        looks=("SELECT * FROM seen",),
    ),
    "view on a view, INSTEAD OF trigger": Feature(
        beside="""CREATE VIEW seen AS SELECT id, note FROM t;
CREATE VIEW twice AS SELECT count(*) AS n FROM seen;
CREATE TRIGGER into_view INSTEAD OF INSERT ON seen BEGIN INSERT INTO t(id, note) VALUES (new.id, new.note); END;""",
        looks=("INSERT INTO seen VALUES (60, 'm'); SELECT n FROM twice",),
    ),
    "AUTOINCREMENT, sequence ahead of the rows": Feature(
        key="id INTEGER PRIMARY KEY AUTOINCREMENT",
        rows="INSERT INTO t(id, note) VALUES (100, 'gone'); DELETE FROM t WHERE id = 100;",
        looks=("SELECT seq FROM sqlite_sequence WHERE name = 't'", "INSERT INTO t(note) VALUES ('n') RETURNING id"),
        django=lambda m: ({"id": m.AutoField(primary_key=True)}, {}),
    ),
    "COLLATE of a column": Feature(
        columns="code TEXT COLLATE NOCASE",
        rows="UPDATE t SET code = 'abc' WHERE id = 3;",
        looks=("SELECT id FROM t WHERE code = 'ABC'",),
        django=lambda m: ({"code": m.TextField(null=True, db_collation="NOCASE")}, {}),
    ),
    "UNIQUE over COLLATE NOCASE": Feature(
        columns="code TEXT COLLATE NOCASE UNIQUE",
        rows="UPDATE t SET code = 'abc' WHERE id = 3;",
        looks=("INSERT INTO t(id, note, code) VALUES (70, 'n', 'ABC')",),
        django=lambda m: ({"code": m.TextField(null=True, unique=True, db_collation="NOCASE")}, {}),
    ),
    "UNIQUE ON CONFLICT REPLACE": Feature(
        columns="code TEXT UNIQUE ON CONFLICT REPLACE",
        rows="UPDATE t SET code = 'abc' WHERE id = 3;",
        looks=("INSERT INTO t(id, note, code) VALUES (70, 'n', 'abc'); SELECT id FROM t",),
        django=lambda m: ({"code": m.TextField(null=True, unique=True)}, {}),
    ),
    "foreign key ON DELETE CASCADE": Feature(
        columns="parent_id INTEGER REFERENCES parent(id) ON DELETE CASCADE",
        rows="UPDATE t SET parent_id = 1 WHERE id = 3;",
        looks=("DELETE FROM parent WHERE id = 1; SELECT id FROM t",),
        django=lambda m: ({"parent": m.ForeignKey("Parent", m.CASCADE, null=True, db_index=False)}, {}),
    ),
    "foreign key DEFERRABLE": Feature(
        columns="parent_id INTEGER REFERENCES parent(id) DEFERRABLE INITIALLY DEFERRED",
        looks=("INSERT INTO t(id, note, parent_id) VALUES (80, 'n', 8); SELECT max(id) FROM t",),
        django=lambda m: ({"parent": m.ForeignKey("Parent", m.CASCADE, null=True, db_index=False)}, {}),
    ),
    "CHECK with a name": Feature(
        constraints="CONSTRAINT fair CHECK (id < 1000)",
        looks=("INSERT INTO t(id, note) VALUES (2000, 'n'); SELECT max(id) FROM t",),
        django=lambda m: ({}, _check(m, "fair", id__lt=1000)),
    ),
    "CHECK without a name": Feature(
        columns="kind TEXT CHECK (kind <> 'no')",
        looks=("UPDATE t SET kind = 'no'; SELECT kind FROM t",),
        django=lambda m: ({"kind": m.TextField(null=True)}, {"constraints": [_not(m, "not_no", kind="no")]}),
    ),
    "CHECK that names its own table": Feature(
        constraints="CHECK (t.id < 1000)",
        looks=("INSERT INTO t(id, note) VALUES (2000, 'n'); SELECT max(id) FROM t",),
        django=lambda m: ({}, _check(m, "small", id__lt=1000)),
    ),
    "declared types": Feature(
        columns="price DECIMAL(10,2), active BOOLEAN, made DATETIME, short VARCHAR(20)",
        looks=(
            "SELECT name, words(type) FROM pragma_table_info('t') WHERE name IN ('price', 'active', 'made', 'short')",
        ),
        django=_django_types,
    ),
    "constant defaults": Feature(
        columns="price REAL DEFAULT 1.50, active INTEGER DEFAULT TRUE, word TEXT DEFAULT 'it''s'",
        looks=("INSERT INTO t(id, note) VALUES (90, 'n'); SELECT quote(price), quote(active), word FROM t",),
        django=lambda m: (
            {
                "price": m.FloatField(null=True, db_default=1.5),
                "active": m.IntegerField(null=True, db_default=1),
                "word": m.TextField(null=True, db_default="it's"),
            },
            {},
        ),
    ),
    "expression default": Feature(
        columns="made TEXT DEFAULT (upper('new'))",
        looks=("INSERT INTO t(id, note) VALUES (90, 'n') RETURNING made",),
        django=lambda m: ({"made": m.TextField(null=True, db_default=_lookup(m).Upper(m.Value("new")))}, {}),
    ),
    "partial index": Feature(
        beside="CREATE INDEX some ON t(id, note) WHERE id > 1;",
        looks=INDEXES,
        django=lambda m: ({}, {"indexes": [m.Index(fields=["id", "note"], condition=m.Q(id__gt=1), name="some")]}),
    ),
    "expression index": Feature(
        beside="CREATE INDEX low ON t(lower(note));",
        looks=INDEXES,
        django=lambda m: ({}, {"indexes": [m.Index(_lookup(m).Lower("note"), name="low")]}),
    ),
    "collated, descending index": Feature(
        beside="CREATE UNIQUE INDEX down ON t(note COLLATE NOCASE DESC, id);",
        looks=INDEXES,
        django=lambda m: (
            {},
            {"constraints": [m.UniqueConstraint(_lookup(m).Collate("note", "NOCASE").desc(), "id", name="down")]},
        ),
    ),
    "virtual generated column": Feature(
        columns="shown TEXT AS (upper(note))",
        looks=("SELECT shown FROM t", "SELECT hidden FROM pragma_table_xinfo('t') WHERE name = 'shown'"),
        django=lambda m: (
            {
                "shown": m.GeneratedField(
                    expression=_lookup(m).Upper("note"), output_field=m.TextField(), db_persist=False
                )
            },
            {},
        ),
    ),
    "stored generated column": Feature(
        columns="twice INT GENERATED ALWAYS AS (id * 2) STORED",
        looks=("SELECT twice FROM t", "SELECT hidden FROM pragma_table_xinfo('t') WHERE name = 'twice'"),
        django=lambda m: (
            {
                "twice": m.GeneratedField(
                    expression=m.F("id") * 2, output_field=m.IntegerField(null=True), db_persist=True
                )
            },
            {},
        ),
    ),
    "WITHOUT ROWID": Feature(
        key="k TEXT PRIMARY KEY",
        keyed=True,
        options=" WITHOUT ROWID",
        looks=("SELECT wr FROM pragma_table_list('t')", "SELECT k, note FROM t"),
        django=_keyed,
    ),
    "STRICT": Feature(
        options=" STRICT",
        looks=("SELECT strict FROM pragma_table_list('t')",),
    ),
    "rowids with gaps": Feature(
        key="k TEXT PRIMARY KEY",
        keyed=True,
        rows="UPDATE t SET rowid = 50 WHERE k = 'a';",
        looks=("SELECT rowid, k FROM t ORDER BY rowid",),
        django=_keyed,
    ),
    "full-text search of its rows (FTS5)": Feature(
        key="k TEXT PRIMARY KEY",
        keyed=True,
        beside="CREATE VIRTUAL TABLE found USING fts5(note, content='t', content_rowid='rowid');",
        rows="UPDATE t SET rowid = 50 WHERE k = 'a'; INSERT INTO found(rowid, note) SELECT rowid, note FROM t;",
        looks=("SELECT t.note FROM found JOIN t ON t.rowid = found.rowid WHERE found MATCH 'apple'",),
        django=_keyed,
    ),
    "statistics of ANALYZE": Feature(
        beside="CREATE INDEX by_note ON t(note);",
        rows="ANALYZE;",
        looks=("SELECT * FROM sqlite_stat1 WHERE tbl = 't'",),
        django=lambda m: ({}, {"indexes": [m.Index(fields=["note"], name="by_note")]}),
    ),
    "child rows under ON DELETE CASCADE": Feature(
        beside="CREATE TABLE child(t_id INTEGER REFERENCES t(id) ON DELETE CASCADE);",
        rows="INSERT INTO child VALUES (3), (9);",
        looks=("SELECT t_id FROM child", "SELECT \"table\", on_delete FROM pragma_foreign_key_list('child')"),
    ),
    "values of every kind": Feature(
        columns="odd BLOB",
        rows="""UPDATE t SET odd = 9007199254740993 WHERE id = 3; UPDATE t SET odd = x'00ff' WHERE id = 5;
UPDATE t SET odd = 1e300 WHERE id = 9; INSERT INTO t(id, note, odd) VALUES (11, CAST(x'610062' AS TEXT), '007');""",
        looks=("SELECT id, hex(note), typeof(odd), quote(odd) FROM t",),
        django=lambda m: ({"odd": m.BinaryField(null=True)}, {}),
    ),
    "a column with a quote in its name": Feature(
        columns='"odd ""name" TEXT DEFAULT \'x\'',
        looks=('SELECT "odd ""name" FROM t',),
        django=lambda m: ({"odd": m.TextField(null=True, db_default="x", db_column='odd "name')}, {}),
    ),
    "comments in its definition": Feature(
        comment="-- ids are given by the till",
        looks=("SELECT instr(sql, 'by the till') > 0 FROM sqlite_schema WHERE name = 't'",),
    ),
}


#: As much of it as one table can have at once; Django is given what its models can say.
EVERYTHING = Feature(
    key="id INTEGER PRIMARY KEY AUTOINCREMENT",
    comment="-- ids are given by the till",
    columns="""code TEXT COLLATE NOCASE UNIQUE ON CONFLICT REPLACE,
    parent_id INTEGER REFERENCES parent(id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    made TEXT DEFAULT (upper('new')),
    price DECIMAL(10,2) DEFAULT 1.50,
    active BOOLEAN DEFAULT TRUE,
    kind TEXT CHECK (kind <> 'no'),
    twice INT GENERATED ALWAYS AS (id * 2) STORED,
    shown TEXT AS (upper(note))""",
    constraints="CONSTRAINT fair CHECK (price >= 0 AND id < 1000)",
    beside="\n".join(
        FEATURES[name].beside
        for name in (
            "own trigger",
            "another table's trigger that writes to it",
            "view on a view, INSTEAD OF trigger",
            "partial index",
            "expression index",
            "collated, descending index",
            "child rows under ON DELETE CASCADE",
        )
    ),
    rows="""UPDATE t SET code = 'abc', parent_id = 1 WHERE id = 3;
INSERT INTO child VALUES (3), (9); INSERT INTO t(id, note) VALUES (100, 'gone'); DELETE FROM t WHERE id = 100;
ANALYZE;""",
    looks=(
        "SELECT id, note, code, parent_id, made, price, active, kind FROM t",
        "SELECT twice, shown FROM t",
        "SELECT seq FROM sqlite_sequence WHERE name = 't'",
        "SELECT t_id FROM child",
        "SELECT * FROM sqlite_stat1 WHERE tbl = 't' ORDER BY idx",
        "INSERT INTO t(id, note) VALUES (50, 'n'); SELECT what FROM log",
        "INSERT INTO log VALUES ('w'); SELECT id, note FROM t",
        "INSERT INTO seen VALUES (60, 'm'); SELECT n FROM twice",
        "INSERT INTO t(id, note, code) VALUES (70, 'n', 'ABC'); SELECT id FROM t",
        "INSERT INTO t(id, note, parent_id) VALUES (80, 'n', 8); SELECT max(id) FROM t",
        "DELETE FROM parent WHERE id = 1; SELECT id FROM t",
        "INSERT INTO t(id, note) VALUES (2000, 'n'); SELECT max(id) FROM t",
        "UPDATE t SET kind = 'no'; SELECT kind FROM t",
        "INSERT INTO t(id, note) VALUES (90, 'n') RETURNING made",
        "SELECT name, words(type) FROM pragma_table_info('t') WHERE name IN ('price', 'active')",
        *INDEXES,
        "SELECT instr(sql, 'by the till') > 0 FROM sqlite_schema WHERE name = 't'",
    ),
    django=lambda m: (
        {
            "id": m.AutoField(primary_key=True),
            "code": m.TextField(null=True, unique=True, db_collation="NOCASE"),
            "parent": m.ForeignKey("Parent", m.CASCADE, null=True, db_index=False),
            "made": m.TextField(null=True, db_default=_lookup(m).Upper(m.Value("new"))),
            "price": m.DecimalField(max_digits=10, decimal_places=2, null=True, db_default=1.5),
            "active": m.BooleanField(null=True, db_default=True),
            "kind": m.TextField(null=True),
            **FEATURES["stored generated column"].django(m)[0],
            **FEATURES["virtual generated column"].django(m)[0],
        },
        {
            "indexes": [
                *FEATURES["partial index"].django(m)[1]["indexes"],
                *FEATURES["expression index"].django(m)[1]["indexes"],
            ],
            "constraints": [
                *FEATURES["collated, descending index"].django(m)[1]["constraints"],
                m.CheckConstraint(condition=m.Q(price__gte=0, id__lt=1000), name="fair"),
                _not(m, "not_no", kind="no"),
            ],
        },
    ),
)
