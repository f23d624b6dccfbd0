"""Reading a living schema: everything that is there, the part around some tables, and what of it concerns them."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sodaf_migrate.dialects.sqlite.inspect import dependents, raw_digests, read_schema, related, scope_digest
from sodaf_migrate.errors import SchemaParseError
from sodaf_migrate.schema.model import Schema
from sodaf_migrate.wire.connection import Wire
from sodaf_migrate.wire.open import memory_wire, open_wire
from tests.generators.make import schema as make_schema
from tests.generators.spell import statements

SEEDS = st.integers(0, 10**9)
SITE = """
CREATE TABLE customer (name TEXT PRIMARY KEY, city TEXT COLLATE NOCASE);
CREATE TABLE "Sales Order" (name TEXT PRIMARY KEY, customer TEXT REFERENCES Customer(name), total REAL);
CREATE TABLE item (name TEXT PRIMARY KEY);
CREATE TABLE log (line TEXT);
CREATE TABLE unrelated (x);
CREATE INDEX by_city ON customer (city DESC) WHERE city IS NOT NULL;
CREATE INDEX by_customer ON "Sales Order" (customer);
CREATE INDEX by_line ON log (line);
CREATE VIEW cities AS SELECT DISTINCT city FROM "customer";
CREATE VIEW big_cities AS SELECT * FROM [cities];
CREATE VIEW items AS SELECT * FROM item;
CREATE VIEW orders AS SELECT o.name, i.name AS item FROM "Sales Order" o, items i;
CREATE TRIGGER log_customer AFTER INSERT ON customer BEGIN INSERT INTO log VALUES (new.name); END;
CREATE TRIGGER from_item AFTER INSERT ON item BEGIN INSERT INTO customer (name) VALUES (new.name); END;
CREATE TRIGGER into_items INSTEAD OF INSERT ON items BEGIN DELETE FROM 'CUSTOMER'; END;
CREATE TRIGGER log_log AFTER INSERT ON log BEGIN SELECT 1; END;
"""


def filled(wire: Wire, text: str) -> None:
    """Run a script on a wire."""
    pending = ""
    for line in text.strip().splitlines():
        pending += line + "\n"
        if sqlite3.complete_statement(pending):
            wire.run(pending)
            pending = ""


@pytest.fixture
def site() -> Iterator[Wire]:
    """A small site in memory."""
    with memory_wire() as wire:
        filled(wire, SITE)
        yield wire


def names(schema: Schema) -> dict[str, list[str]]:
    """The names in a schema by kind; kinds of which there is none are left out."""
    kinds = ("tables", "indexes", "views", "triggers", "virtual_tables")
    return {kind: [item.name for item in getattr(schema, kind)] for kind in kinds if getattr(schema, kind)}


def test_everything_is_read_in_the_order_of_its_creation(site: Wire) -> None:
    """All objects of main, each kind in its own tuple."""
    schema = read_schema(site)
    assert names(schema) == {
        "tables": ["customer", "Sales Order", "item", "log", "unrelated"],
        "indexes": ["by_city", "by_customer", "by_line"],
        "views": ["cities", "big_cities", "items", "orders"],
        "triggers": ["log_customer", "from_item", "into_items", "log_log"],
    }
    index = schema.index("BY_CITY")
    assert index is not None and index.parts[0].descending and index.where is not None


def test_an_empty_database_is_an_empty_schema() -> None:
    """Nothing there is not an error."""
    with memory_wire() as wire:
        assert read_schema(wire) == Schema() == read_schema(wire, around=["a"])
        assert raw_digests(wire) == {}


def test_around_a_table_is_what_names_it(site: Wire) -> None:
    """Foreign keys, views on views, triggers of other tables and of views, all by folded names; not the rest."""
    schema = dependents(read_schema(site), ["Customer"])
    assert names(schema) == {
        "tables": ["customer", "Sales Order"],
        "indexes": ["by_city"],
        "views": ["cities", "big_cities", "items", "orders"],
        "triggers": ["log_customer", "from_item", "into_items"],
    }


def test_around_a_table_is_also_what_that_needs(site: Wire) -> None:
    """A trigger needs its table and the tables it writes; without them no statement compiles in a shadow."""
    schema = read_schema(site, around=["CUSTOMER"])
    assert schema == related(read_schema(site), ["customer"])
    assert names(schema)["tables"] == ["customer", "Sales Order", "item", "log"]
    assert "unrelated" not in str(schema) and schema.index("by_line") is None


def test_a_parent_is_read_with_its_child(site: Wire) -> None:
    """The table that a foreign key points to is there, though it does not name the child."""
    assert "customer" in names(read_schema(site, around=["sales order"]))["tables"]
    assert names(dependents(read_schema(site), ["sales order"]))["tables"] == ["Sales Order"]


@pytest.mark.parametrize("around", [[], ["nothing"], ["", "x'"], ["log"], ["items"], ["item", "LOG"]])
def test_around_agrees_with_the_cut_of_everything(site: Wire, around: list[str]) -> None:
    """Searching in SQLite and cutting what was read give the same."""
    assert read_schema(site, around=around) == related(read_schema(site), around)


@given(SEEDS)
def test_around_agrees_with_the_cut_for_any_schema(seed: int) -> None:
    """For every table and view of a random schema, by any spelling of its name; and so do the digests."""
    with memory_wire() as wire:
        for statement in statements(make_schema(seed), random.Random(seed)):
            wire.run(statement)
        schema = read_schema(wire)
        for item in (*schema.tables, *schema.views, *schema.virtual_tables):
            near = read_schema(wire, around=[item.name])
            assert near == related(schema, [item.name])
            assert scope_digest(near, [item.name]) == scope_digest(schema, [item.name])


@pytest.mark.parametrize("name", ['a"b', "a`b", "a]b", "a'b", "É t", "ΑΣ"])
def test_odd_names_are_found(name: str) -> None:
    """A quote inside a name is doubled where it is used, and other alphabets are not folded."""
    quoted = '"' + name.replace('"', '""') + '"'
    with memory_wire() as wire:
        wire.run(f"CREATE TABLE {quoted} (x)")
        wire.run(f"CREATE TABLE other (x REFERENCES {quoted}, y AS (x))")
        wire.run(f"CREATE VIEW v AS SELECT * FROM {quoted}")
        assert names(read_schema(wire, around=[name])) == {"tables": [name, "other"], "views": ["v"]}


def test_internal_and_shadow_tables_are_left_out() -> None:
    """sqlite_sequence, sqlite_stat1 and the tables in which FTS keeps its rows are nobody's tables."""
    with memory_wire() as wire:
        wire.run("CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, b TEXT UNIQUE)")
        wire.run("CREATE VIRTUAL TABLE a_text USING fts5(b, content='A', content_rowid=id)")
        wire.run("CREATE VIRTUAL TABLE other USING fts4(b)")
        wire.run("CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1)")
        wire.run("ANALYZE")
        assert names(read_schema(wire)) == {"tables": ["a"], "virtual_tables": ["a_text", "other", "boxes"]}
        assert names(read_schema(wire, around=["a"])) == {"tables": ["a"], "virtual_tables": ["a_text"]}


def test_temp_objects_that_concern_main_are_read(site: Wire) -> None:
    """TEMP views and triggers on main are marked; what is on TEMP tables alone is not ours."""
    site.run("CREATE TEMP TABLE log (other)")
    site.run("CREATE TEMP TABLE mine (x)")
    site.run("CREATE TEMP VIEW on_item AS SELECT name FROM item")
    site.run("CREATE TEMP VIEW on_mine AS SELECT x FROM mine")
    site.run("CREATE TEMP TRIGGER on_customer AFTER DELETE ON customer BEGIN SELECT 1; END")
    site.run("CREATE TEMP TRIGGER on_temp_log AFTER DELETE ON log BEGIN SELECT 1; END")
    site.run("CREATE TEMP TRIGGER on_main_log AFTER DELETE ON main.log BEGIN SELECT 1; END")
    schema = read_schema(site)
    assert [view.name for view in schema.views if view.temp] == ["on_item"]
    assert [trigger.name for trigger in schema.triggers if trigger.temp] == ["on_customer", "on_main_log"]
    assert [column.name for column in schema.tables[3].columns] == ["line"]
    assert [trigger.name for trigger in read_schema(site, around=["customer"]).triggers if trigger.temp] == [
        "on_customer"
    ]


def test_a_table_of_the_temp_database_hides_none_of_main() -> None:
    """The pragmas are asked about main, where a TEMP table of the same name would answer otherwise."""
    with memory_wire() as wire:
        wire.run("CREATE TABLE a (x INTEGER NOT NULL, y UNIQUE REFERENCES a)")
        before = read_schema(wire)
        wire.run("CREATE TEMP TABLE a (z)")
        assert read_schema(wire) == before


def test_reading_leaves_a_file_as_it_was(tmp_path: Path) -> None:
    """A read-only wire is enough, and no byte changes."""
    path = tmp_path / "site.db"
    with open_wire(path, must_exist=False) as wire:
        filled(wire, SITE)
    before = path.read_bytes()
    with open_wire(path, readonly=True) as wire:
        assert len(read_schema(wire).tables) == 5
        assert not wire.in_transaction
    assert path.read_bytes() == before


def test_an_edited_catalogue_is_refused() -> None:
    """A stored text that does not say its own name, or that SQLite has not read, is not guessed about."""
    with memory_wire() as wire:
        wire.run("CREATE TABLE a (x)")
        for text, said in (("CREATE TABLE b (x)", 'Table "a"'), ("CREATE TABLE a (x NOT NULL)", 'column "x"')):
            with wire.pragmas(writable_schema=1), wire.atomic():
                wire.run("UPDATE sqlite_schema SET sql = ?", (text,))
            with pytest.raises(SchemaParseError, match=said):
                read_schema(wire)


def test_an_index_of_no_table_is_refused() -> None:
    """The catalogue says that it is on something that is not there."""
    with memory_wire() as wire:
        wire.run("CREATE TABLE a (x)")
        wire.run("CREATE INDEX i ON a (x)")
        with wire.pragmas(writable_schema=1), wire.atomic():
            wire.run("UPDATE sqlite_schema SET tbl_name = 'gone' WHERE name = 'i'")
        with pytest.raises(SchemaParseError, match='Index "i" is on "gone"'):
            read_schema(wire)


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE customer ADD COLUMN note",
        "CREATE INDEX more ON customer (name, city)",
        "DROP INDEX by_city",
        "DROP VIEW big_cities",
        "CREATE VIEW v AS SELECT 1 FROM cities",
        "CREATE TABLE child (a REFERENCES customer)",
        "DROP TRIGGER into_items",
        "CREATE TRIGGER u AFTER UPDATE ON unrelated BEGIN DELETE FROM customer; END",
        'ALTER TABLE "Sales Order" RENAME COLUMN total TO sum',
        "ALTER TABLE customer RENAME COLUMN city TO town",
        "CREATE VIRTUAL TABLE customer_text USING fts5(city, content=customer)",
    ],
)
def test_the_digest_sees_every_change_that_concerns_the_table(site: Wire, change: str) -> None:
    """Columns, indexes, views, foreign keys and triggers, wherever they stand."""
    before, raw = scope_digest(read_schema(site), ["customer"]), raw_digests(site)["customer"]
    site.run(change)
    assert scope_digest(read_schema(site), ["customer"]) != before
    if "child" not in change and "Sales" not in change:
        assert raw_digests(site)["customer"] != raw


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE more (x)",
        "ALTER TABLE unrelated ADD COLUMN y",
        "ALTER TABLE log ADD COLUMN y",
        "CREATE TEMP TRIGGER t AFTER INSERT ON customer BEGIN SELECT 1; END",
        "CREATE TRIGGER u AFTER UPDATE ON unrelated BEGIN DELETE FROM log; END",
        "INSERT INTO customer VALUES ('a', 'b')",
    ],
)
def test_the_digest_sees_nothing_else(site: Wire, change: str) -> None:
    """Rows, TEMP objects and tables that do not name it do not make a plan stale."""
    before = scope_digest(read_schema(site), ["customer"])
    site.run(change)
    assert scope_digest(read_schema(site), ["customer"]) == before


def test_the_digest_looks_at_tokens_not_at_spelling() -> None:
    """Blanks, comments, case and quotes of names, and the order of creation, mean nothing."""
    first = """
        CREATE TABLE a (x TEXT, y);
        CREATE INDEX i ON a (x);
        CREATE VIEW v AS SELECT x FROM a;
        CREATE VIEW w AS SELECT y FROM a;
    """
    second = """
        CREATE TABLE "a"([x]  text /* c */, Y);
        CREATE VIEW w AS SELECT y from "A";
        CREATE VIEW v AS SELECT\tx FROM a;
        CREATE INDEX i ON a (x);
    """
    digests = set()
    for text in (first, second):
        with memory_wire() as wire:
            filled(wire, text)
            digests.add(scope_digest(read_schema(wire), ["a"]))
    assert len(digests) == 1


def test_the_digest_sees_the_order_in_which_triggers_fire() -> None:
    """Two triggers created the other way round fire the other way round."""
    one = "CREATE TRIGGER one AFTER INSERT ON a BEGIN SELECT 1; END"
    two = "CREATE TRIGGER two AFTER INSERT ON a BEGIN SELECT 2; END"
    digests = set()
    for order in ((one, two), (two, one)):
        with memory_wire() as wire:
            for statement in ("CREATE TABLE a (x)", *order):
                wire.run(statement)
            digests.add(scope_digest(read_schema(wire), ["a"]))
    assert len(digests) == 2


def test_raw_digests_tell_tables_apart(site: Wire) -> None:
    """One digest a table; a change of one leaves those of the others."""
    before = raw_digests(site)
    assert list(before) == ["customer", "Sales Order", "item", "log", "unrelated"]
    site.run("CREATE INDEX more ON log (line DESC)")
    after = raw_digests(site)
    assert [name for name in before if before[name] != after[name]] == ["log"]


def test_a_thousand_tables_are_read_quickly() -> None:
    """1,000 tables of 32 columns and two indexes, or the part around one: no query for each table."""
    columns = ", ".join(f"c{number} TEXT" for number in range(29))
    with memory_wire() as wire:
        for number in range(1000):
            name = f'"tabDoc {number}"'
            wire.run(
                f"CREATE TABLE {name} (name TEXT PRIMARY KEY, a INTEGER NOT NULL DEFAULT 0, b DEFAULT 'x', {columns})"
            )
            wire.run(f"CREATE INDEX one{number} ON {name} (c1)")
            wire.run(f"CREATE UNIQUE INDEX two{number} ON {name} (c2, c3 DESC) WHERE c2 IS NOT NULL")
        asked: list[str] = []
        wire.connection.set_trace_callback(asked.append)
        assert len(read_schema(wire).tables) == 1000
        # The pragmas that a query joins are traced as comments.
        assert len([sql for sql in asked if not sql.startswith("--")]) < 10
        asked.clear()
        assert len(read_schema(wire, around=["tabDoc 500"]).tables) == 1 and raw_digests(wire)
        assert len(asked) < 20, asked
