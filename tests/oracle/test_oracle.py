"""The oracle sees every loss that it will be asked about, and takes equal spellings for equal."""

from __future__ import annotations

import ast
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.oracle import (
    Snapshot,
    difference,
    probe_difference,
    probes,
    rows_difference,
    rows_kept,
    schema_difference,
    snapshot,
)

PARENT = "CREATE TABLE parent(id INTEGER PRIMARY KEY, code TEXT UNIQUE, other TEXT)"
HARD = """CREATE TABLE "hard one"(
  id INTEGER PRIMARY KEY AUTOINCREMENT, -- the key
  code VARCHAR(20) NOT NULL ON CONFLICT FAIL DEFAULT 'it''s' COLLATE NOCASE,
  amount DECIMAL(10,2) DEFAULT (1 + 1),
  flag BOOLEAN DEFAULT TRUE,
  pid INTEGER CONSTRAINT to_parent REFERENCES parent(id)
    ON DELETE CASCADE ON UPDATE SET NULL DEFERRABLE INITIALLY DEFERRED,
  twice INTEGER AS (id * 2) STORED,
  half INTEGER GENERATED ALWAYS AS (amount / 2) VIRTUAL,
  "order" TEXT UNIQUE ON CONFLICT REPLACE,
  CONSTRAINT positive CHECK (amount > -100),
  CHECK ("hard one".flag <> "no" /* why */),
  CONSTRAINT pair UNIQUE (code, amount DESC)
)"""
INDEX = 'CREATE UNIQUE INDEX i ON "hard one"(code COLLATE RTRIM DESC, lower(flag)) WHERE amount > 2'
VIEW = 'CREATE VIEW v AS SELECT id, code AS "Name" FROM "hard one" WHERE amount > 1'
TRIGGER = """CREATE TRIGGER tr AFTER UPDATE OF code ON "hard one" WHEN NEW.amount > 0 BEGIN
  INSERT INTO log VALUES (NEW.code || "!"); SELECT 1; END"""
INSTEAD = 'CREATE TRIGGER ins INSTEAD OF INSERT ON v BEGIN INSERT INTO log VALUES (NEW."Name"); END'
STRICT = "CREATE TABLE s(k TEXT PRIMARY KEY, n INT, a ANY, b INT) STRICT, WITHOUT ROWID"
ALL = (PARENT, "CREATE TABLE log(x)", HARD, INDEX, VIEW, TRIGGER, INSTEAD, STRICT)
ROWS = (
    "INSERT INTO parent VALUES (1, 'a', NULL), (2, 'b', 'x')",
    'INSERT INTO "hard one"(id, code, amount, flag, pid, "order")'
    " VALUES (1, 'Abc', 5, 1, 1, 9), (3, 'q', 0.5, 0, 2, NULL)",
    "INSERT INTO \"hard one\"(id, code, amount, pid) VALUES (90, 'z', 1e3, 1)",
    'DELETE FROM "hard one" WHERE id = 90',
    "INSERT INTO s VALUES ('k', 1, 2.0, 3), ('l', NULL, x'00ff', 4)",
    "INSERT INTO log VALUES ('a' || char(0) || 'b'), (9007199254740993), (0.1)",
)


@pytest.fixture
def opened() -> Iterator[list[sqlite3.Connection]]:
    """Connections to be closed at the end."""
    connections: list[sqlite3.Connection] = []
    yield connections
    for connection in connections:
        connection.close()


def build(opened: list[sqlite3.Connection], *statements: str) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    opened.append(connection)
    for statement in statements:
        connection.execute(statement)
    return connection


def without_comment(text: str) -> str:
    return text.replace("-- the key", "").replace("/* why */", "/* other */ -- here\n")


def changed(old: str, new: str) -> tuple[str, ...]:
    """All statements with one text changed everywhere; the change must be one."""
    made = tuple(statement.replace(old, new) for statement in ALL)
    assert made != ALL, old
    return made


LOSSES = {
    "autoincrement": ("PRIMARY KEY AUTOINCREMENT", "PRIMARY KEY"),
    "rowid alias": ("INTEGER PRIMARY KEY AUTOINCREMENT", "INT PRIMARY KEY"),
    "declared size": ("VARCHAR(20)", "VARCHAR(30)"),
    "declared type": ("DECIMAL(10,2)", "REAL"),
    "not null": ("NOT NULL ON CONFLICT FAIL", ""),
    "not null conflict": ("NOT NULL ON CONFLICT FAIL", "NOT NULL"),
    "default string": ("'it''s'", "'its'"),
    "default case": ("'it''s'", "'IT''S'"),
    "default expression": ("DEFAULT (1 + 1)", "DEFAULT (1 + 2)"),
    "default boolean": ("DEFAULT TRUE", ""),
    "column collation": (" COLLATE NOCASE", ""),
    "key name": ("CONSTRAINT to_parent ", ""),
    "on delete": ("ON DELETE CASCADE", "ON DELETE RESTRICT"),
    "on update": ("ON UPDATE SET NULL", ""),
    "deferrable": (" DEFERRABLE INITIALLY DEFERRED", ""),
    "referenced column": ("REFERENCES parent(id)", "REFERENCES parent"),
    "foreign key": (
        "CONSTRAINT to_parent REFERENCES parent(id)\n"
        "    ON DELETE CASCADE ON UPDATE SET NULL DEFERRABLE INITIALLY DEFERRED",
        "",
    ),
    "generated expression": ("(id * 2)", "(id * 3)"),
    "generated kind": ("STORED", "VIRTUAL"),
    "generated gone": ("GENERATED ALWAYS AS (amount / 2) VIRTUAL", ""),
    "unique": ("UNIQUE ON CONFLICT REPLACE", ""),
    "unique conflict": (" ON CONFLICT REPLACE", ""),
    "check": ("CONSTRAINT positive CHECK (amount > -100),", ""),
    "check name": ("CONSTRAINT positive ", ""),
    "check expression": ("-100", "-101"),
    "check literal": ('"no"', '"NO"'),
    "check qualifier": ('"hard one".flag', "flag"),
    "unique table-level": ("CONSTRAINT pair UNIQUE (code, amount DESC)", "CHECK (1)"),
    "unique name": ("CONSTRAINT pair ", ""),
    "unique direction": ("amount DESC)", "amount)"),
    "unique order": ("(code, amount DESC)", "(amount DESC, code)"),
    "column name": ('"order"', '"other"'),
    "strict": (") STRICT, WITHOUT ROWID", ") WITHOUT ROWID"),
    "without rowid": (") STRICT, WITHOUT ROWID", ") STRICT"),
    "index unique": ("UNIQUE INDEX", "INDEX"),
    "index collation": (" COLLATE RTRIM", ""),
    "index direction": ("RTRIM DESC", "RTRIM"),
    "index expression": ("lower(flag)", "upper(flag)"),
    "index where": (" WHERE amount > 2", ""),
    "index name": ("INDEX i", "INDEX i2"),
    "view": ("amount > 1", "amount >= 1"),
    "view alias": ('AS "Name"', 'AS "name"'),
    "trigger timing": ("AFTER UPDATE", "BEFORE UPDATE"),
    "trigger columns": ("UPDATE OF code", "UPDATE"),
    "trigger condition": (" WHEN NEW.amount > 0", ""),
    "trigger literal": ('"!"', '"?"'),
    "instead of": ("CREATE TRIGGER ins", "CREATE TRIGGER outs"),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_lost_construct_is_seen(loss: str, opened: list[sqlite3.Connection]) -> None:
    """One construct dropped or changed in a schema shows in the difference, both ways round."""
    a, b = snapshot(build(opened, *ALL)), snapshot(build(opened, *changed(*LOSSES[loss])))
    assert schema_difference(a, b)
    assert schema_difference(b, a)
    assert difference(a, b, ignore_column_order=True)


SPELLINGS = {
    "comments": (HARD, without_comment(HARD)),
    "blanks and case": (HARD, HARD.replace("INTEGER", "integer").replace("DEFAULT", "Default").replace(",", " ,\t")),
    "quotes": (INDEX, 'CREATE UNIQUE INDEX [i] ON `hard one`("CODE" COLLATE [rtrim] DESC, LOWER(flag)) WHERE amount>2'),
    "string in double quotes": (TRIGGER, TRIGGER.replace('"!"', "'!'")),
    "asc": ("CREATE TABLE a(b, c, UNIQUE(b, c))", "CREATE TABLE a(b, c, UNIQUE(b ASC, c))"),
    "unique inline": ("CREATE TABLE a(b UNIQUE, c)", "CREATE TABLE a(b, c, UNIQUE(b))"),
    "key inline": ("CREATE TABLE a(b INTEGER PRIMARY KEY, c)", 'CREATE TABLE a(b integer, c, PRIMARY KEY("B" DESC))'),
    "key text": ("CREATE TABLE a(b TEXT PRIMARY KEY, c)", "CREATE TABLE a(b TEXT, c, PRIMARY KEY(b))"),
    "autoincrement": (
        "CREATE TABLE a(b INTEGER PRIMARY KEY AUTOINCREMENT)",
        "CREATE TABLE a(b INTEGER, PRIMARY KEY(b AUTOINCREMENT))",
    ),
    "check inline": ("CREATE TABLE a(b CHECK (b > 0), c)", "CREATE TABLE a(b, c, CHECK(b>0))"),
    "check named": (
        "CREATE TABLE a(b CONSTRAINT n CHECK (b > 0), c)",
        "CREATE TABLE a(b, c, CONSTRAINT [N] CHECK(b>0))".replace("[N]", "n"),
    ),
    "sticky name": (
        "CREATE TABLE a(b CONSTRAINT n NOT NULL CHECK (b > 0))",
        "CREATE TABLE a(b CONSTRAINT n NOT NULL, CONSTRAINT n CHECK (b > 0))",
    ),
    "key to another inline": (
        "CREATE TABLE a(b REFERENCES q(x) ON DELETE CASCADE)",
        'CREATE TABLE a(b, FOREIGN KEY(b) REFERENCES "Q"(X) ON UPDATE NO ACTION ON DELETE CASCADE)',
    ),
    "order of constraints": (
        "CREATE TABLE a(b, c, UNIQUE(b), CHECK(c > 1))",
        "CREATE TABLE a(b, c, CHECK(c > 1), UNIQUE(b))",
    ),
    "order in a column": (
        "CREATE TABLE a(b INT NOT NULL DEFAULT 1 COLLATE NOCASE)",
        "CREATE TABLE a(b INT COLLATE nocase DEFAULT 1 NOT NULL)",
    ),
    "no comma": ("CREATE TABLE a(b, c, UNIQUE(b), CHECK(c > 1))", "CREATE TABLE a(b, c, UNIQUE(b) CHECK(c > 1))"),
    "default parentheses": (
        "CREATE TABLE a(b DEFAULT 1, c DEFAULT -2, d DEFAULT 'x')",
        "CREATE TABLE a(b DEFAULT ((1)), c DEFAULT (-2), d DEFAULT x)",
    ),
    "collate binary": (
        "CREATE TABLE a(b TEXT COLLATE BINARY, UNIQUE(b COLLATE binary))",
        "CREATE TABLE a(b TEXT UNIQUE)",
    ),
    "collation of the column": (
        "CREATE TABLE a(b COLLATE NOCASE, UNIQUE(b COLLATE nocase))",
        "CREATE TABLE a(b COLLATE nocase UNIQUE)",
    ),
    "generated": ("CREATE TABLE a(b, c GENERATED ALWAYS AS (b) VIRTUAL)", "CREATE TABLE a(b, c AS (b))"),
    "conflict abort": ("CREATE TABLE a(b UNIQUE ON CONFLICT ABORT)", "CREATE TABLE a(b UNIQUE)"),
    "null": ("CREATE TABLE a(b NULL)", "CREATE TABLE a(b CONSTRAINT x NULL)"),
    "options": (
        "CREATE TABLE a(b INT PRIMARY KEY) STRICT, WITHOUT ROWID",
        "CREATE TABLE a(b INT PRIMARY KEY) WITHOUT ROWID, strict",
    ),
    "after a rename": ('CREATE TABLE "a"("b" TEXT)', "CREATE TABLE a(b TEXT)"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_equal_spellings_are_equal(spelling: str, opened: list[sqlite3.Connection]) -> None:
    """Two texts that SQLite stores alike give equal snapshots."""
    before, after = SPELLINGS[spelling]
    texts = ALL if before in ALL else (before,)
    a = snapshot(build(opened, *texts))
    b = snapshot(build(opened, *(after if text == before else text for text in texts)))
    assert difference(a, b) == []


def test_what_alter_table_writes_is_equal(opened: list[sqlite3.Connection]) -> None:
    """A renamed column and table, with all that SQLite rewrites elsewhere, equal the texts written anew."""
    a = build(
        opened, *ALL, 'ALTER TABLE "hard one" RENAME COLUMN code TO kode', 'ALTER TABLE "hard one" RENAME TO hard'
    )
    texts = [text.replace('"hard one"', "hard").replace(" code", " kode").replace("(code", "(kode") for text in ALL]
    texts = [PARENT, *(text.replace("NEW.code", "NEW.kode") for text in texts[1:])]
    assert schema_difference(snapshot(a), snapshot(build(opened, *texts)), ignore=["firing"]) == []


def test_column_order_is_seen_unless_ignored(opened: list[sqlite3.Connection]) -> None:
    """Two orders of columns differ, and only in that."""
    a = snapshot(build(opened, "CREATE TABLE t(a INT, b TEXT UNIQUE)"))
    b = snapshot(build(opened, "CREATE TABLE t(b TEXT UNIQUE, a INT)"))
    assert difference(a, b)
    assert difference(a, b, ignore_column_order=True) == []
    assert difference(a, b, ignore=["order"]) == []


def test_case_of_a_declared_name_is_seen_unless_ignored(opened: list[sqlite3.Connection]) -> None:
    """A column is called as it was declared; only ``name_case`` overlooks it."""
    a, b = snapshot(build(opened, "CREATE TABLE t(a)")), snapshot(build(opened, "CREATE TABLE t(A)"))
    assert difference(a, b)
    assert difference(a, b, ignore=["name_case"]) == []
    with pytest.raises(ValueError):
        difference(a, b, ignore=["everything"])


ROW_CHANGES = {
    "value": "UPDATE parent SET code = 'c' WHERE id = 1",
    "null": "UPDATE parent SET other = '' WHERE id = 1",
    "storage class": "UPDATE log SET x = '9007199254740993' WHERE rowid = 2",
    "last bit of an integer": "UPDATE log SET x = 9007199254740992 WHERE rowid = 2",
    "integer to real": "UPDATE log SET x = 9007199254740992.0 WHERE rowid = 2",
    "last bit of a float": "UPDATE log SET x = 0.1 + 1e-17 WHERE rowid = 3",
    "after a NUL": "UPDATE log SET x = 'a' || char(0) || 'c' WHERE rowid = 1",
    "text to blob": "UPDATE log SET x = CAST(x AS BLOB) WHERE rowid = 1",
    "rowid": "UPDATE log SET rowid = 9 WHERE rowid = 3",
    "row gone": "DELETE FROM log WHERE rowid = 3",
    "row come": "INSERT INTO log VALUES (1)",
    "sequence": "UPDATE sqlite_sequence SET seq = seq - 1",
    "sequence gone": "DELETE FROM sqlite_sequence",
    "keyed row": "UPDATE s SET b = 5 WHERE k = 'k'",
    "real in ANY": "UPDATE s SET a = 2 WHERE k = 'k'",
}


@pytest.mark.parametrize("change", ROW_CHANGES)
def test_a_changed_value_is_seen(change: str, opened: list[sqlite3.Connection]) -> None:
    """One value, storage class, rowid or sequence that differs shows among the rows and nowhere else."""
    connection = build(opened, *ALL, *ROWS)
    before = snapshot(connection)
    connection.execute("UPDATE log SET x = x + 1e-17 WHERE 0")
    connection.execute(ROW_CHANGES[change].replace("0.1 + 1e-17", "0.10000000000000002"))
    after = snapshot(connection)
    assert rows_difference(before, after)
    assert schema_difference(before, after) == []


def test_file_and_statistics_are_seen(opened: list[sqlite3.Connection]) -> None:
    """user_version and sqlite_stat1 belong to the whole difference, not to schema or rows."""
    connection = build(opened, *ALL, *ROWS)
    before = snapshot(connection)
    connection.execute("ANALYZE")
    analysed = snapshot(connection)
    connection.execute("PRAGMA user_version = 4")
    assert difference(before, analysed) and not schema_difference(before, analysed)
    assert difference(analysed, snapshot(connection)) == ["file user_version: 0 became 4"]


def test_temp_objects_are_seen(opened: list[sqlite3.Connection]) -> None:
    """TEMP views and triggers count; their loss shows."""
    connection = build(opened, *ALL)
    connection.execute("CREATE TEMP TRIGGER tt AFTER INSERT ON main.log BEGIN SELECT 1; END")
    before = snapshot(connection)
    connection.execute("DROP TRIGGER tt")
    assert schema_difference(before, snapshot(connection))


def test_skipped_tables_leave_no_fact(opened: list[sqlite3.Connection]) -> None:
    """A table in ``skip`` is left out with its indexes, triggers, rows and sequence."""
    plain = snapshot(build(opened, PARENT))
    more = build(opened, PARENT, "CREATE TABLE h(i INTEGER PRIMARY KEY AUTOINCREMENT, x)", "CREATE INDEX hx ON h(x)")
    more.execute("INSERT INTO h(x) VALUES (1)")
    assert difference(plain, snapshot(more, skip=["H"])) == []
    assert difference(plain, snapshot(more))


def test_kept_rows(opened: list[sqlite3.Connection]) -> None:
    """rows_kept follows renames, sees a changed value, a lost row and a changed rowid, and ignores other columns."""

    def rows(*statements: str) -> Snapshot:
        return snapshot(build(opened, *statements))

    before = rows("CREATE TABLE t(a TEXT, b INT)", "INSERT INTO t(rowid, a, b) VALUES (1, 'x', 5), (7, 'y', 6)")
    kept = rows("CREATE TABLE u(c TEXT, d, e)", "INSERT INTO u(rowid, c, d) VALUES (1, 'x', 0), (7, 'y', 0)")
    names = {("t",): "u", ("t", "a"): "c"}
    assert rows_kept(before, kept, {"t": ["a"]}, names) == []
    assert rows_kept(before, kept, {"t": ["a", "b"]}, names)
    for wrong in ("(1, 'x'), (7, 'Y')", "(1, 'x')", "(1, 'x'), (8, 'y')", "(1, 'x'), (7, 'y'), (8, 'y')"):
        assert rows_kept(
            before, rows("CREATE TABLE u(c TEXT)", f"INSERT INTO u(rowid, c) VALUES {wrong}"), {"t": ["a"]}, names
        )
    keyed = rows("CREATE TABLE u(c TEXT PRIMARY KEY) WITHOUT ROWID", "INSERT INTO u VALUES ('x'), ('y')")
    assert rows_kept(before, keyed, {"t": ["a"]}, names) == []


PROBED = {
    "not null": ("NOT NULL ON CONFLICT FAIL", ""),
    "default": ("'it''s'", "'its'"),
    "expression default": ("(1 + 1)", "(1 + 2)"),
    "affinity": ("DECIMAL(10,2)", "TEXT"),
    "check": ("-100", "-1e9"),
    "check literal": ('"no"', "'abc'"),
    "unique conflict": ("UNIQUE ON CONFLICT REPLACE", "UNIQUE"),
    "unique": ("UNIQUE ON CONFLICT REPLACE", ""),
    "on delete": ("ON DELETE CASCADE", "ON DELETE SET NULL"),
    "on update": ("ON UPDATE SET NULL", "ON UPDATE CASCADE"),
    "deferrable": (" DEFERRABLE INITIALLY DEFERRED", ""),
    "generated": ("(id * 2)", "(id * 3)"),
    "strict": (") STRICT, WITHOUT ROWID", ") WITHOUT ROWID"),
    "view": ("amount > 1", "amount > 0"),
    "trigger": ('"!"', '"?"'),
    "trigger columns": ("UPDATE OF code", "UPDATE OF flag"),
    "trigger condition": (" WHEN NEW.amount > 0", " WHEN 0"),
    "instead of": ('INSERT INTO log VALUES (NEW."Name")', "SELECT 1"),
    "autoincrement": ("PRIMARY KEY AUTOINCREMENT", "PRIMARY KEY"),
}


@pytest.mark.parametrize("loss", PROBED)
def test_probes_notice_behaviour(loss: str, opened: list[sqlite3.Connection]) -> None:
    """A construct that acts otherwise comes out otherwise when tried."""
    a, b = build(opened, *ALL, *ROWS), build(opened, *changed(*PROBED[loss]), *ROWS)
    assert probe_difference(probes(a), probes(b))


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_probes_agree_on_equal_spellings(spelling: str, opened: list[sqlite3.Connection]) -> None:
    """Two texts that SQLite stores alike act alike, rows or none."""
    before, after = SPELLINGS[spelling]
    hard = before in ALL
    made = []
    for text in (before, after):
        texts = (
            (*(text if one == before else one for one in ALL), *ROWS)
            if hard
            else (text, "INSERT OR IGNORE INTO a DEFAULT VALUES")
        )
        if "REFERENCES" in before and not hard:
            texts = ("CREATE TABLE q(x UNIQUE)", *texts)
        if "PRIMARY KEY) " in text:
            texts = texts[:1]
        made.append(probes(build(opened, *texts)))
    assert probe_difference(made[0], made[1]) == []


def test_probes_leave_no_trace(tmp_path: Path, opened: list[sqlite3.Connection]) -> None:
    """The file's bytes and the connection's settings are the same after the probes, even where a trigger rolls back."""
    path = tmp_path / "a.db"
    connection = sqlite3.connect(path, isolation_level=None)
    opened.append(connection)
    ender = "CREATE TRIGGER ender BEFORE DELETE ON parent BEGIN SELECT RAISE(ROLLBACK, 'no'); END"
    for statement in (*ALL, *ROWS, ender):
        connection.execute(statement)
    bytes_before, facts = path.read_bytes(), snapshot(connection)
    found = probes(connection)
    assert any("transaction lost" in outcome.effect for outcome in found.values())
    assert path.read_bytes() == bytes_before
    assert difference(facts, snapshot(connection)) == []
    assert connection.execute("PRAGMA foreign_keys").fetchone()[0] == 0
    connection.execute("BEGIN")
    with pytest.raises(ValueError):
        probes(connection)


def test_full_text_is_asked(opened: list[sqlite3.Connection]) -> None:
    """An external-content FTS5 table whose content moved to other rowids answers otherwise."""
    texts = (
        "CREATE TABLE d(a TEXT)",
        "INSERT INTO d(rowid, a) VALUES (1, 'apple'), (5, 'banana'), (9, 'cherry')",
        "CREATE VIRTUAL TABLE f USING fts5(a, content='d')",
        "INSERT INTO f(f) VALUES ('rebuild')",
    )
    a = build(opened, *texts)
    b = build(opened, *texts, "UPDATE d SET rowid = 2 WHERE a = 'banana'")
    assert probe_difference(probes(a), probes(a)) == []
    assert probe_difference(probes(a), probes(b))


def test_the_oracle_is_independent() -> None:
    """No module of the oracle imports the package it judges."""
    for module in Path(__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] == "sodaf_migrate" for name in names), module.name
