"""CREATE TABLE texts through real SQLite, and what was read of them against its pragmas."""

from __future__ import annotations

import sqlite3

import pytest

from sodaf_migrate.dialects.sqlite.parse import parse_table
from sodaf_migrate.dialects.sqlite.types import affinity
from sodaf_migrate.errors import SchemaParseError
from sodaf_migrate.schema.model import Column, Table, fold
from tests.dialects.cases import blocks
from tests.dialects.pragmas import accepts, check, stored

NEWER = ("1_000",)  # what only later libraries accept


@pytest.mark.parametrize("sql", blocks("tables.sql"))
def test_a_table_is_read_as_the_pragmas_say(sql: str) -> None:
    """Every statement of the corpus is accepted by SQLite and read as it."""
    connection = accepts(sql)
    if connection is None:
        assert any(word in sql for word in NEWER), "SQLite refuses this case"
        pytest.skip("this SQLite library does not know the syntax")
    if " TEMP " in sql:
        assert parse_table(sql).table.columns == (Column(name="a"),)
        return
    text = stored(connection)
    parsed = parse_table(text)
    check(connection, parsed.table)
    assert parse_table(sql).table == parsed.table
    assert parsed.table.sql == text


@pytest.mark.parametrize("sql", blocks("refused.sql"))
def test_what_sqlite_refuses_is_refused_with_an_offset(sql: str) -> None:
    """No statement that SQLite refuses is read, and the error says where it stopped."""
    assert accepts(sql) is None
    with pytest.raises(SchemaParseError) as caught:
        parse_table(sql)
    assert caught.value.hint and 0 <= caught.value.details["offset"] <= len(sql)
    assert "offset" in caught.value.message


def one(sql: str) -> Table:
    """The table that a text means, which SQLite has to accept."""
    assert accepts(sql) is not None
    return parse_table(sql).table


@pytest.mark.parametrize(
    ("definition", "alias"),
    [
        ("id INTEGER PRIMARY KEY", True),
        ("id integer primary key asc", True),
        ("id INTEGER PRIMARY KEY DESC", False),
        ("id INT PRIMARY KEY", False),
        ("id INTEGER(4) PRIMARY KEY", False),
        ("id 'INTEGER' PRIMARY KEY", True),
        ("id INTEGER GENERATED ALWAYS PRIMARY KEY", True),
        ("id INTEGER, PRIMARY KEY(ID DESC)", True),
        ("id INTEGER, PRIMARY KEY((id) COLLATE nocase)", True),
        ("id INTEGER, b, PRIMARY KEY(id, b)", False),
    ],
)
def test_the_rowid_alias_is_what_takes_a_rowid(definition: str, alias: bool) -> None:
    """A column is marked as the rowid exactly when SQLite fills it with the rowid."""
    sql = f"CREATE TABLE t({definition})"
    connection = accepts(sql)
    assert connection is not None
    connection.execute("INSERT INTO t(id) VALUES (NULL)")
    filled = connection.execute("SELECT id FROM t").fetchone()[0] is not None
    key = parse_table(sql).table.primary_key
    assert key is not None and key.rowid_alias == filled == alias


@pytest.mark.parametrize(
    ("clauses", "deferred"),
    [
        ("REFERENCES p", False),
        ("REFERENCES p DEFERRABLE", False),
        ("REFERENCES p DEFERRABLE INITIALLY DEFERRED", True),
        ("REFERENCES p NOT NULL DEFERRABLE INITIALLY DEFERRED", True),
        ("REFERENCES p NOT DEFERRABLE INITIALLY DEFERRED", False),
        ("REFERENCES p DEFERRABLE INITIALLY DEFERRED NOT DEFERRABLE", False),
        ("DEFERRABLE INITIALLY DEFERRED REFERENCES p", False),
        ("REFERENCES p NOT DEFERRABLE INITIALLY DEFERRED DEFERRABLE INITIALLY DEFERRED", True),
    ],
)
def test_deferrable_is_read_as_sqlite_acts(clauses: str, deferred: bool) -> None:
    """The last DEFERRABLE clause after a foreign key decides when it is enforced."""
    sql = f"CREATE TABLE t(a {clauses})"
    connection = accepts(sql)
    assert connection is not None
    connection.executescript("CREATE TABLE p(id INTEGER PRIMARY KEY); PRAGMA foreign_keys = ON; BEGIN")
    try:
        connection.execute("INSERT INTO t VALUES (7)")
        waits = True
    except sqlite3.IntegrityError:
        waits = False
    (key,) = parse_table(sql).table.foreign_keys
    assert (key.deferrable == "DEFERRABLE INITIALLY DEFERRED") == waits == deferred


def test_a_deferrable_that_reaches_into_another_column_is_refused() -> None:
    """SQLite gives a stray DEFERRABLE to the foreign key of a column before; that is not guessed at."""
    with pytest.raises(SchemaParseError):
        parse_table("CREATE TABLE t(a REFERENCES p, b DEFERRABLE INITIALLY DEFERRED)")


@pytest.mark.parametrize(
    ("one_text", "other"),
    [("0", "(0)"), ("0", "((0))"), ("'x'", "x"), ("'x'", '"x"'), ("'x'", "[x]"), ("5", "+5"), ("-5", "(-5)")],
)
def test_defaults_of_one_value_are_equal(one_text: str, other: str) -> None:
    """Two ways to write a default that mean one value give equal columns."""
    tables = [one(f"CREATE TABLE t(a DEFAULT {text})") for text in (one_text, other)]
    assert tables[0] == tables[1]
    values = []
    for text in (one_text, other):
        connection = accepts(f"CREATE TABLE t(a DEFAULT {text})")
        assert connection is not None
        connection.execute("INSERT INTO t DEFAULT VALUES")
        values.append(connection.execute("SELECT a, typeof(a) FROM t").fetchone())
    assert values[0] == values[1]


@pytest.mark.parametrize(
    ("one_text", "other"),
    [("true", "'true'"), ("true", '"true"'), ("current_time", "'current_time'"), ("1", "'1'"), ("1", "1.0")],
)
def test_defaults_of_two_values_differ(one_text: str, other: str) -> None:
    """Defaults that look alike and are not stay apart."""
    assert one(f"CREATE TABLE t(a DEFAULT {one_text})") != one(f"CREATE TABLE t(a DEFAULT {other})")


def test_a_double_quoted_word_is_a_string_when_no_column_has_the_name() -> None:
    """What CHECK(a <> "b") means depends on whether there is a column b, also one that comes later."""
    string = one('CREATE TABLE t(a, CHECK(a <> "b"))').checks[0]
    column = one('CREATE TABLE t(a CHECK(a <> "b"), b)').checks[0]
    assert string.expression.key == "A != 'b'"
    assert column.expression.key == "A != B"
    assert string.expression.text == column.expression.text == 'a <> "b"'


def test_names_of_constraints_get_the_declared_spelling() -> None:
    """Keys name their columns as the definitions spell them."""
    table = one("CREATE TABLE t(Ab, cD, UNIQUE(AB, [cd]), FOREIGN KEY('aB') REFERENCES T(cD), PRIMARY KEY(\"CD\"))")
    assert table.uniques[0].columns == ("Ab", "cD")
    assert table.foreign_keys[0].columns == ("Ab",)
    assert table.primary_key is not None and table.primary_key.columns == ("cD",)


def test_where_a_constraint_stands_is_remembered_and_not_compared() -> None:
    """An inline UNIQUE and one after the columns are equal; ``inline`` tells them apart."""
    inline, after = one("CREATE TABLE t(a UNIQUE)"), one("CREATE TABLE t(a, UNIQUE(a))")
    assert inline == after
    assert (inline.uniques[0].inline, after.uniques[0].inline) == ("a", None)


def test_names_of_constraints_belong_to_what_follows_them() -> None:
    """Of several CONSTRAINT names the last counts, and one before a comma counts for nothing."""
    table = one(
        "CREATE TABLE t(a CONSTRAINT p CONSTRAINT q NOT NULL CHECK(a), CONSTRAINT r, UNIQUE(a) CONSTRAINT s CHECK(1))"
    )
    assert table.columns[0].not_null_name == "q"
    assert [check.name for check in table.checks] == ["q", "s"]
    assert table.uniques[0].name is None


def test_the_text_of_a_column_is_kept_with_its_comments() -> None:
    """A column's text runs from its name to its last clause, comments between them included."""
    table = one("CREATE TABLE t(a /* why */ INT -- so\n NOT NULL, b)")
    assert table.columns[0].text == "a /* why */ INT -- so\n NOT NULL"


def test_elements_tell_their_places() -> None:
    """The places of elements, name and body cut the very pieces out of the text."""
    sql = 'CREATE TABLE "t"( a INT , CHECK (a > 0) UNIQUE(a) ) STRICT -- end'
    parsed = parse_table(sql)
    assert [sql[e.start : e.end] for e in parsed.elements] == ["a INT", "CHECK (a > 0)", "UNIQUE(a)"]
    assert sql[parsed.name.start : parsed.name.end] == '"t"'
    assert (sql[parsed.opens], sql[parsed.closes]) == ("(", ")")
    assert sql[parsed.closes + 1 : parsed.options_end] == " STRICT"


def test_names_that_are_keywords_are_read_as_sqlite_reads_them() -> None:
    """Every keyword is taken as a column's name exactly where SQLite takes it."""
    from sodaf_migrate.dialects.sqlite.lexer import RESERVED

    words = {
        *RESERVED,
        "KEY",
        "ACTION",
        "CROSS",
        "INDEXED",
        "CURRENT_DATE",
        "TRUE",
        "WITHOUT",
        "GENERATED",
        "LIKE",
        "IF",
    }
    for word in sorted(words):
        sql = f"CREATE TABLE t({word} INT, b)"
        if accepts(sql) is None:
            with pytest.raises(SchemaParseError):
                parse_table(sql)
        else:
            assert fold(parse_table(sql).table.columns[0].name) == fold(word)


def test_a_comment_in_a_type_is_a_part_of_it() -> None:
    """SQLite keeps the text of a type with its comments, which may even decide its affinity."""
    sql = "CREATE TABLE t(a TEXT /* INT */ GENERATED ALWAYS, b foo -- x\n bar, c INT /* no */ NOT NULL)"
    connection = accepts(sql)
    assert connection is not None
    table = parse_table(sql).table
    check(connection, table)
    assert [column.type for column in table.columns] == ["TEXT /* INT */", "FOO -- x\nBAR", "INT"]
    connection.execute("INSERT INTO t VALUES ('7', 1, 1)")
    assert connection.execute("SELECT typeof(a) FROM t").fetchone() == ("integer",)
    assert affinity(table.columns[0].type) == "INTEGER"


@pytest.mark.parametrize(
    "body",
    [
        "a int CONSTRAINT nn NOT NULL CHECK (a > 0)",
        "a int CHECK (a > 0) CONSTRAINT nn NOT NULL",
        "a int CONSTRAINT nn NOT NULL, CHECK (a > 0)",
        "a int CONSTRAINT nn NOT NULL, b int CHECK (a > 0)",
        "a int, CONSTRAINT u UNIQUE (a) CHECK (a > 0)",
        "a int, CONSTRAINT u UNIQUE (a), CHECK (a > 0)",
        "a int CONSTRAINT q CHECK (a < 100) CHECK (a > 0)",
        "a int CONSTRAINT q CHECK (a < 100), UNIQUE (a) CHECK (a > 0)",
    ],
)
def test_a_name_counts_for_the_checks_that_follow(body: str) -> None:
    """The name of a CHECK is the one that SQLite blames, also where it was written for another constraint."""
    connection = accepts(f"CREATE TABLE t({body})")
    assert connection is not None
    with pytest.raises(sqlite3.IntegrityError) as broken:
        connection.execute("INSERT INTO t(a) VALUES (-1)")
    blamed = str(broken.value).removeprefix("CHECK constraint failed: ")
    (check,) = (c for c in parse_table(stored(connection)).table.checks if c.expression.text == "a > 0")
    assert (check.name or "a > 0") == blamed
