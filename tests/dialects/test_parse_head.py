"""CREATE INDEX, TRIGGER, VIEW and VIRTUAL TABLE: what was read of them, against SQLite."""

from __future__ import annotations

import pytest

from sodaf_migrate.dialects.sqlite.parse import parse_index, parse_trigger, parse_view, parse_virtual_table
from sodaf_migrate.errors import SchemaParseError
from tests.dialects.pragmas import database, stored

BASE = 'CREATE TABLE t(a, b TEXT COLLATE NOCASE, c, "key", [x y], desc)'
INDEXES = [
    "CREATE INDEX i ON t(a)",
    "create unique index I on T ( A , b DESC )",
    "CREATE INDEX main.i ON t(b COLLATE binary, a COLLATE rtrim DESC)",
    "CREATE INDEX IF NOT EXISTS i ON t('a', [x y], `key`, desc, \"desc\" desc)",
    "CREATE INDEX i ON t((a), ((b) COLLATE nocase) ASC)",
    "CREATE INDEX i ON t(lower(b), a + c, abs(a) COLLATE rtrim DESC)",
    "CREATE INDEX i ON t(a || b COLLATE nocase, - a COLLATE nocase, (a || b) COLLATE nocase COLLATE rtrim)",
    "CREATE INDEX i ON t(CASE WHEN a THEN b ELSE c END COLLATE nocase, CAST(a AS TEXT) COLLATE nocase)",
    "CREATE INDEX i ON t(a) WHERE b IS NOT NULL AND c > 0 -- partial",
    'CREATE UNIQUE INDEX i ON t(a, "nope") WHERE b <> "zip"',
    "CREATE INDEX i ON t(a) -- only a\n;",
    "CREATE INDEX i ON t(coalesce(a, ',', 'x)'), c) /* end",
]


@pytest.mark.parametrize("sql", INDEXES)
def test_an_index_is_read_as_the_pragmas_say(sql: str) -> None:
    """Parts, collations, order, uniqueness and the WHERE of every index are SQLite's."""
    connection = database()
    connection.execute(BASE)
    connection.execute(sql)
    columns = [row[0] for row in connection.execute("SELECT name FROM pragma_table_info('t')")]
    index = parse_index(stored(connection, "index"), columns)
    rows = connection.execute("SELECT name, desc, coll, cid FROM pragma_index_xinfo(?) WHERE key", (index.name,))
    for part, (name, descending, collation, cid) in zip(index.parts, rows.fetchall(), strict=True):
        assert part.column == (None if cid == -2 else name)
        assert part.descending == bool(descending)
        if part.collation:
            assert part.collation == collation.upper()
        elif part.column:
            assert collation == ("NOCASE" if part.column == "b" else "BINARY")
    listed = connection.execute("SELECT [unique], partial FROM pragma_index_list('t')").fetchone()
    assert listed == (index.unique, index.where is not None)
    assert index.table.lower() == "t"


def test_the_collation_of_a_part_is_only_that_of_the_whole_part() -> None:
    """COLLATE binds tighter than any operator of two operands, so it may belong to the last operand alone."""
    parts = parse_index("CREATE INDEX i ON t(a || b COLLATE nocase, -a COLLATE nocase, (a||b) COLLATE nocase)").parts
    assert [(part.expression and part.expression.key, part.collation) for part in parts] == [
        ("A || B COLLATE NOCASE", None),
        ("- A", "NOCASE"),
        ("A || B", "NOCASE"),
    ]


def test_columns_in_scope_decide_what_a_quoted_word_is() -> None:
    """With the table's columns given, a double-quoted word that is none is the string SQLite indexes."""
    sql = 'CREATE INDEX i ON t("A", "nope") WHERE "a" <> "zip"'
    index = parse_index(sql, ["a"])
    assert index.parts[0].column == "a"
    assert index.parts[1].expression is not None and index.parts[1].expression.key == "'nope'"
    assert index.where is not None and index.where.key == "A != 'zip'"
    assert index.where.text == '"a" <> "zip"'
    assert parse_index(sql).parts[1].column == "nope"


TRIGGERS = [
    ("CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END", ("AFTER", "INSERT", ())),
    (
        "create temp trigger if not exists r before delete on t for each row begin delete from t; end",
        ("BEFORE", "DELETE", ()),
    ),
    (
        'CREATE TRIGGER main.r UPDATE OF a, [x y], "key" ON "t" BEGIN UPDATE t SET a = 1; END',
        ("BEFORE", "UPDATE", ("a", "x y", "key")),
    ),
    (
        "CREATE TRIGGER r UPDATE ON t WHEN new.a > (SELECT max(a) FROM t) BEGIN SELECT CASE WHEN 1 THEN 2 END; END",
        ("BEFORE", "UPDATE", ()),
    ),
    (
        "CREATE TRIGGER r INSTEAD OF INSERT ON v /* BEGIN */ WHEN new.a <> 'BEGIN' BEGIN SELECT 1; END",
        ("INSTEAD OF", "INSERT", ()),
    ),
    (
        'CREATE TRIGGER r AFTER INSERT ON t WHEN new."begin" > 1 BEGIN WITH q AS (SELECT 1) SELECT * FROM q; END',
        ("AFTER", "INSERT", ()),
    ),
]


@pytest.mark.parametrize(("sql", "expected"), TRIGGERS)
def test_a_trigger_head(sql: str, expected: tuple[str, str, tuple[str, ...]]) -> None:
    """Name, table, timing, event, columns and where the body starts are read."""
    connection = database()
    connection.execute(BASE.replace("desc)", "desc, [begin])"))
    connection.execute("CREATE VIEW v AS SELECT a FROM t")
    connection.execute(sql)
    head = parse_trigger(sql)
    assert (head.timing, head.event, head.update_of) == expected
    assert head.name == "r" and head.table in ("t", "v")
    assert sql[head.body :].upper().startswith("BEGIN ") and "END" in sql[head.body :].upper()
    rest = sql[head.body + 5 :].lstrip().upper()
    assert rest.startswith(("SELECT", "DELETE", "UPDATE", "WITH"))


def test_a_view_head() -> None:
    """Name, listed columns and where the query starts are read."""
    head = parse_view('CREATE VIEW "v w"(a, [b c]) AS WITH q AS (SELECT 1) SELECT * FROM q')
    assert (head.name, head.columns) == ("v w", ("a", "b c"))
    assert parse_view("CREATE VIEW v AS SELECT 1").columns == ()


def test_a_virtual_table_head() -> None:
    """Name and module are read, the module's arguments are its own."""
    head = parse_virtual_table("CREATE VIRTUAL TABLE 'f' USING fts5(a, content='t', tokenize = \"x y\")")
    assert (head.name, head.module) == ("f", "fts5")


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE INDEX i ON t()",
        "CREATE INDEX i ON t(a,)",
        "CREATE INDEX i ON t(a) WHERE",
        "CREATE INDEX i ON t(a) t",
        "CREATE INDEX ON t(a)",
        "CREATE INDEX i ON t(a NULLS FIRST)",
        "CREATE INDEX i ON t(nope)",
        "CREATE TABLE t(a)",
    ],
)
def test_what_is_no_index_is_refused(sql: str) -> None:
    """Nothing is guessed at."""
    with pytest.raises(SchemaParseError):
        parse_index(sql, ["a"])


@pytest.mark.parametrize(
    "sql", ["CREATE TRIGGER r ON t BEGIN END", "CREATE TRIGGER r INSERT ON t", "CREATE VIEW v AS 1"]
)
def test_what_is_no_trigger_and_no_view_is_refused(sql: str) -> None:
    """A head without its event, body or query is an error."""
    for read in (parse_trigger, parse_view, parse_virtual_table):
        with pytest.raises(SchemaParseError):
            read(sql)
