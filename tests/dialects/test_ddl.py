"""Statements written from values, and stored texts edited: comments and spelling that do not change stay."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sodaf_migrate.dialects.sqlite.ddl import (
    column_definition,
    create_index,
    create_table,
    redraw,
    rename_table_text,
    retarget_index,
)
from sodaf_migrate.dialects.sqlite.parse import parse_index, parse_table
from sodaf_migrate.errors import SchemaParseError
from sodaf_migrate.schema.model import (
    Check,
    Column,
    ForeignKey,
    Generated,
    Index,
    KeyPart,
    Literal,
    PrimaryKey,
    Sql,
    Table,
    Unique,
)
from tests.dialects.cases import blocks
from tests.dialects.pragmas import accepts, check, database, stored

CORPUS = [stored(found) for sql in blocks("tables.sql") if " TEMP " not in sql and (found := accepts(sql))]

WRITTEN = """CREATE TABLE t(
  -- the key
  id INTEGER PRIMARY KEY, -- it is the rowid
  name varchar ( 140 ) /* short */ NOT NULL DEFAULT('')  COLLATE nocase, -- what people call it
  /* may be empty */
  size INT CHECK (t.size > 0) -- in cm
  ,
  price DECIMAL(18,6) CONSTRAINT fk REFERENCES p(x) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED -- the last
  , -- rules
  CONSTRAINT fair CHECK (price > size) -- always
  UNIQUE (name, size)
  -- no more
) -- so be it"""


def test_a_wish_is_written_with_neutral_types_and_constants() -> None:
    """A table that no database has seen gets declared types, quoted names and literals."""
    table = Table(
        name='my "t"',
        columns=(
            Column(name="id", type="integer"),
            Column(name="name", type="varchar(140)", not_null=True, default=Literal("it's")),
            Column(name="rate", type="decimal(18,6)", default=Literal(-1.5), collation="NOCASE"),
            Column(name="made", type="text", default=Sql("CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP")),
            Column(name="slug", type="text", default=Sql("lower('X') -- c", "LOWER ( 'X' )")),
            Column(name="twice", generated=Generated(expression=Sql("rate * 2", "RATE * 2"))),
        ),
        primary_key=PrimaryKey(parts=(KeyPart(column="id"),), autoincrement=True, rowid_alias=True, inline="id"),
        uniques=(Unique(parts=(KeyPart(column="name"), KeyPart(column="rate", descending=True))),),
        foreign_keys=(ForeignKey(columns=("name",), table="p", referenced=("x",), on_delete="SET NULL"),),
        checks=(Check(expression=Sql("rate > 0 -- c", "RATE > 0"), name="positive"),),
    )
    sql = create_table(table)
    assert sql == (
        'CREATE TABLE "my ""t""" (\n'
        '    "id" INTEGER PRIMARY KEY AUTOINCREMENT,\n'
        "    \"name\" VARCHAR(140) NOT NULL DEFAULT 'it''s',\n"
        '    "rate" DECIMAL(18,6) DEFAULT -1.5 COLLATE NOCASE,\n'
        '    "made" TEXT DEFAULT CURRENT_TIMESTAMP,\n'
        "    \"slug\" TEXT DEFAULT (lower('X') -- c\n),\n"
        '    "twice" AS (rate * 2) VIRTUAL,\n'
        '    UNIQUE ("name", "rate" DESC),\n'
        '    FOREIGN KEY ("name") REFERENCES "p" ("x") ON DELETE SET NULL,\n'
        '    CONSTRAINT "positive" CHECK (rate > 0 -- c\n)\n'
        ")"
    )
    connection = accepts(sql)
    assert connection is not None
    check(connection, parse_table(stored(connection)).table)


def test_options_are_written_and_read() -> None:
    """STRICT and WITHOUT ROWID stand after the body."""
    key = PrimaryKey(parts=(KeyPart(column="a"),))
    table = Table(name="t", columns=(Column(name="a", type="INT"),), primary_key=key, strict=True, without_rowid=True)
    assert create_table(table).endswith("\n) STRICT, WITHOUT ROWID")
    assert parse_table(create_table(table)).table == table


def test_an_index_is_written() -> None:
    """Every kind of part, UNIQUE and WHERE come back as they were."""
    index = Index(
        name='i "1"',
        table="t",
        parts=(
            KeyPart(column="a", collation="NOCASE", descending=True),
            KeyPart(expression=Sql("a || b", "A || B"), collation="RTRIM"),
            KeyPart(expression=Sql("lower(a)", "LOWER ( A )"), descending=True),
        ),
        unique=True,
        where=Sql("b > 0", "B > 0"),
    )
    sql = create_index(index)
    assert parse_index(sql, ["a", "b"]) == index
    connection = database()
    connection.execute("CREATE TABLE t(a, b)")
    connection.execute(sql)


def test_a_column_is_added_with_its_constraints() -> None:
    """The definition of a column serves ALTER TABLE ADD COLUMN."""
    connection = database()
    connection.execute("CREATE TABLE t(a)")
    column = Column(name="b c", type="varchar(9)", not_null=True, default=Literal("x"))
    constraints = [Check(expression=Sql('"b c" <> 9', '"B C" != 9'), inline="b c", name="n")]
    connection.execute(f"ALTER TABLE t ADD COLUMN {column_definition(column, constraints)}")
    assert parse_table(stored(connection)).table.checks == tuple(constraints)


@pytest.mark.parametrize("sql", CORPUS)
def test_every_text_of_the_corpus_is_its_own_drawing(sql: str) -> None:
    """Nothing to change, nothing changed."""
    assert redraw(sql, parse_table(sql).table) == sql


@pytest.mark.parametrize("place", range(len(CORPUS)))
def test_every_text_of_the_corpus_becomes_others(place: int) -> None:
    """Each text is edited into some of the others, and SQLite accepts the result."""
    for step in (1, 3, 7, 12, 29):
        target = parse_table(CORPUS[(place + step) % len(CORPUS)]).table
        sql = rename_table_text(CORPUS[place], target.name)
        text = redraw(sql, target)
        connection = accepts(text)
        assert connection is not None, text
        check(connection, target)


def target(**columns: Column | None) -> Table:
    """The written table with some columns changed, added (a new name) or taken away (None)."""
    table = parse_table(WRITTEN).table
    kept = [columns.pop(column.name, column) for column in table.columns]
    return replace(table, columns=tuple(column for column in [*kept, *columns.values()] if column is not None))


def column(name: str) -> Column:
    found = parse_table(WRITTEN).table.column(name)
    assert found is not None
    return found


def test_a_changed_clause_leaves_the_rest_of_its_column_alone() -> None:
    """A new default changes three characters, not the comment beside it."""
    new = target(name=replace(column("name"), default=Sql("'x'", "'x'")))
    assert redraw(WRITTEN, new) == WRITTEN.replace("DEFAULT('')", "DEFAULT 'x'")


def test_clauses_are_put_in_and_taken_out() -> None:
    """NOT NULL, the type and the collation of a column come and go where they stand."""
    new = target(name=replace(column("name"), not_null=False, collation=None, type="TEXT"))
    assert "\n  name TEXT /* short */ DEFAULT(''), -- what people call it\n" in redraw(WRITTEN, new)
    new = target(size=replace(column("size"), not_null=True, default=Sql("1", "1")))
    assert "\n  size INT CHECK (t.size > 0) NOT NULL DEFAULT 1 -- in cm\n" in redraw(WRITTEN, new)


def test_a_comment_does_not_become_a_part_of_the_type() -> None:
    """Behind a comment GENERATED ALWAYS would be read with the type before it, so AS stands alone there."""
    for sql, text in (
        ("CREATE TABLE t(a, b /* c */ GENERATED ALWAYS AS (a))", "CREATE TABLE t(a, b INT /* c */ AS (a))"),
        (
            "CREATE TABLE t(a, b INT NOT NULL /* c */ GENERATED ALWAYS AS (a))",
            "CREATE TABLE t(a, b INT /* c */ AS (a))",
        ),
    ):
        table = parse_table(sql).table
        new = replace(table.columns[1], type="INT", not_null=False)
        assert redraw(sql, replace(table, columns=(table.columns[0], new))) == text


def test_a_column_comes_after_the_last_column() -> None:
    """A new column stands before the table's constraints, in the manner of the others."""
    text = redraw(WRITTEN, target(extra=Column(name="extra", type="TEXT")))
    assert 'DEFERRED -- the last\n  , -- rules\n  "extra" TEXT,\n  CONSTRAINT fair' in text
    assert text.replace('\n  "extra" TEXT,', "", 1) == WRITTEN


def test_a_column_goes_with_its_comma_and_its_comments() -> None:
    """What stands above it and behind it goes too, what belongs to others stays."""
    table = target(size=None)
    table = replace(table, uniques=(), checks=())
    text = redraw(WRITTEN, table)
    assert "size" not in text and "in cm" not in text and "may be empty" not in text
    for comment in ("-- the key", "-- it is the rowid", "/* short */", "-- what people call it", "-- the last"):
        assert comment in text
    assert text.endswith("\n  -- no more\n) -- so be it")


def test_a_foreign_key_goes_with_its_name_actions_and_deferrable() -> None:
    """All of the clause is taken out, also what stands apart from it."""
    table = replace(parse_table(WRITTEN).table, foreign_keys=())
    assert "\n  price DECIMAL(18,6) -- the last\n" in redraw(WRITTEN, table)
    sql = "CREATE TABLE t(a REFERENCES p NOT NULL DEFERRABLE UNIQUE REFERENCES q NOT DEFERRABLE)"
    table = parse_table(sql).table
    text = redraw(sql, replace(table, foreign_keys=table.foreign_keys[1:]))
    assert text == "CREATE TABLE t(a NOT NULL UNIQUE REFERENCES q NOT DEFERRABLE)"


def test_new_constraints_stand_where_they_are_wished() -> None:
    """Inline ones go into their column, others to the end."""
    table = parse_table(WRITTEN).table
    new = Unique(parts=(KeyPart(column="size"),), inline="size")
    text = redraw(WRITTEN, replace(table, uniques=(*table.uniques, new)))
    assert "size INT CHECK (t.size > 0) UNIQUE -- in cm" in text
    text = redraw(WRITTEN, replace(table, uniques=(*table.uniques, replace(new, inline=None))))
    assert 'UNIQUE (name, size),\n  UNIQUE ("size")\n  -- no more\n) -- so be it' in text


def test_the_order_of_columns_follows_the_target() -> None:
    """Definitions move whole, comments with them."""
    table = parse_table(WRITTEN).table
    text = redraw(WRITTEN, replace(table, columns=table.columns[::-1]))
    assert [c.name for c in parse_table(text).table.columns] == ["price", "size", "name", "id"]
    assert "/* may be empty */\n  size INT" in text and "id INTEGER PRIMARY KEY, -- it is the rowid" in text
    assert redraw(text, table).count("--") == WRITTEN.count("--")


@pytest.mark.parametrize(
    "body", ["a INT -- one", "a INT, b INT -- two", "a INT /* one */", "a INT -- one\n, CHECK (1) -- two"]
)
def test_a_comment_never_swallows_what_is_put_behind_it(body: str) -> None:
    """A comment to the end of the line is followed by a line of its own."""
    sql = f"CREATE TABLE t({body}\n)"
    table = parse_table(sql).table
    new = replace(
        table,
        columns=(*table.columns, Column(name="z")),
        uniques=(Unique(parts=(KeyPart(column="z"),)),),
        strict=False,
    )
    text = redraw(sql, new)
    assert accepts(text) is not None
    assert text.count("--") == sql.count("--")
    assert parse_table(redraw(text, table)).table == table


def test_options_are_rewritten_only_when_they_change() -> None:
    """The words after the body stay as they were written until one comes or goes; what follows them stays."""
    sql = "CREATE TABLE t(a INT PRIMARY KEY)  strict /* yes */ , without  rowid -- end"
    table = parse_table(sql).table
    assert redraw(sql, replace(table, checks=(Check(expression=Sql("a", "A")),))).endswith(
        "strict /* yes */ , without  rowid -- end"
    )
    assert redraw(sql, replace(table, strict=False)) == "CREATE TABLE t(a INT PRIMARY KEY) WITHOUT ROWID -- end"
    assert redraw("CREATE TABLE t(a INT PRIMARY KEY) -- end", replace(table, sql="")).endswith(
        ") STRICT, WITHOUT ROWID -- end"
    )


def test_a_descending_key_stands_where_it_has_to() -> None:
    """Inline, INTEGER PRIMARY KEY DESC is not the rowid; after the columns it is."""
    inline, after = "CREATE TABLE t(a INTEGER PRIMARY KEY DESC)", "CREATE TABLE t(a INTEGER, PRIMARY KEY(a DESC))"
    for one, other in ((inline, after), (after, inline)):
        table = parse_table(other).table
        assert parse_table(redraw(one, table)).table == table
        assert parse_table(create_table(table)).table == table
    text, whole = "CREATE TABLE t(a TEXT, PRIMARY KEY(a DESC))", parse_table(inline).table
    assert parse_table(redraw(text, whole)).table == whole


def test_a_string_that_would_become_a_column_is_not_let_through() -> None:
    """A new column named like a double-quoted string would change what a CHECK means, so no text is given."""
    sql = 'CREATE TABLE t(a, CHECK(a <> "b"))'
    table = parse_table(sql).table
    with pytest.raises(SchemaParseError) as caught:
        redraw(sql, replace(table, columns=(*table.columns, Column(name="b"))))
    assert '"t"' in caught.value.message and "constraints" in caught.value.message and caught.value.hint


def test_renaming_a_table_follows_its_own_name() -> None:
    """Qualifiers in expressions follow, strings, columns of that name and foreign keys do not."""
    sql = "CREATE TABLE t(t INT CHECK(t.t > 0 AND t <> 't'), u REFERENCES t(t), CHECK(\"T\".u))"
    assert rename_table_text(sql, "n m") == (
        'CREATE TABLE "n m"(t INT CHECK("n m".t > 0 AND t <> \'t\'), u REFERENCES t(t), CHECK("n m".u))'
    )


def test_an_index_is_pointed_at_another_table() -> None:
    """Only the table's name changes."""
    sql = "CREATE INDEX t ON t(t) WHERE t > 0 -- t"
    assert retarget_index(sql, "n") == 'CREATE INDEX t ON "n"(t) WHERE t > 0 -- t'
