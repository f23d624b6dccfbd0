"""What people found by trying: each a way to lose something, or to be told too little."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from sodaf_migrate import (
    DataLossRiskError,
    ExecutionError,
    MigrationError,
    PlanRefusedError,
    RollbackOptions,
    Schema,
    SyncOptions,
)
from tests.founding.conftest import Site, customer

FORCE = SyncOptions(force=True)
CHILD = {"name": "C", "istable": 1, "fields": [{"fieldname": "qty", "fieldtype": "Int"}]}


def parent(name: str, field: str, **more: Any) -> dict[str, Any]:
    """A DocType with one Table field."""
    old = more.pop("old_fieldname", None)
    return {
        "name": name,
        "fields": [{"fieldname": field, "fieldtype": "Table", "options": "C", "old_fieldname": old}],
        **more,
    }


def test_a_dropped_table_is_seen_by_the_next_run(filled: Site) -> None:
    """What was in step once is not taken to be so for ever: the stored texts are looked at each time."""
    applier = filled.applier(customer())
    assert not applier.sync_all_doctypes().changed
    filled.query('ALTER TABLE "tabCustomer" DROP COLUMN phone')
    assert applier.sync_all_doctypes().changed
    filled.query('DROP TABLE "tabCustomer"')
    assert applier.sync_all_doctypes().changed
    assert "phone" in filled.columns("tabCustomer")


def test_a_doctype_and_its_table_field_renamed_together(site: Site) -> None:
    """Child rows follow both names in one migration."""
    site.applier(CHILD, parent("P", "items")).sync_all_doctypes()
    site.query("INSERT INTO tabC(name, parent, parentfield, parenttype) VALUES ('1', 'x', 'items', 'P')")
    site.applier(CHILD, parent("P2", "rows", old_fieldname="items", old_name="P")).sync_all_doctypes()
    assert site.query("SELECT parentfield, parenttype FROM tabC") == [("rows", "P2")]


def test_a_single_renamed_with_a_field(site: Site) -> None:
    """The values of a Single follow its name and its fields' names."""
    one = {"name": "S", "issingle": 1, "fields": [{"fieldname": "a", "fieldtype": "Data"}]}
    two = {
        "name": "S2",
        "issingle": 1,
        "old_name": "S",
        "fields": [{"fieldname": "b", "fieldtype": "Data", "old_fieldname": "a"}],
    }
    site.applier(one).sync_all_doctypes()
    site.query("INSERT INTO tabSingles(doctype, field, value) VALUES ('S', 'a', 'kept')")
    applier = site.applier(two)
    assert applier.sync_doctype("S2").changed
    assert site.query("SELECT doctype, field, value FROM tabSingles") == [("S2", "b", "kept")]
    assert not applier.sync_doctype("S2").changed


def test_an_index_goes_with_its_column(filled: Site) -> None:
    """Our index on a dropped column, renamed before, does not stay behind as an index on a text."""
    indexed = {"fieldname": "phone", "fieldtype": "Data", "indexed": 1}
    filled.applier(customer(phone=indexed)).sync_doctype("Customer")
    renamed = {"fieldname": "mobile", "fieldtype": "Data", "indexed": 1, "old_fieldname": "phone"}
    filled.applier(customer(phone=renamed)).sync_doctype("Customer")
    filled.applier(customer(phone=None)).sync_doctype("Customer", FORCE)
    assert filled.query("SELECT name FROM pragma_index_list('tabCustomer') WHERE origin = 'c'") == []


@pytest.mark.parametrize(
    "foreign",
    [
        'CREATE INDEX theirs ON "tabCustomer"("phone")',
        'CREATE INDEX theirs ON "tabCustomer"(credit) WHERE "phone" IS NOT NULL',
        'CREATE VIEW theirs AS SELECT "phone" FROM "tabCustomer"',
        'CREATE TRIGGER theirs AFTER UPDATE OF phone ON "tabCustomer" BEGIN SELECT 1; END',
        "CREATE VIRTUAL TABLE theirs USING fts5(phone, content='tabCustomer')",
    ],
)
def test_what_others_made_of_a_column_is_told_before_it_goes(filled: Site, foreign: str) -> None:
    """A drop that would break somebody else's thing, or change what it says, has to be allowed by name."""
    filled.query(foreign)
    options = SyncOptions(allow=frozenset({"drop_column", "irreversible"}))
    applier = filled.applier(customer(phone=None))
    with pytest.raises(DataLossRiskError, match=r"foreign_object_change.*theirs"):
        applier.sync_doctype("Customer", options)
    assert "phone" in filled.columns("tabCustomer")


def test_full_text_of_a_renamed_column_is_told(filled: Site) -> None:
    """A rename would break the queries of an external-content full-text table."""
    filled.query("CREATE VIRTUAL TABLE ft USING fts5(phone, content='tabCustomer')")
    renamed = {"fieldname": "mobile", "fieldtype": "Data", "old_fieldname": "phone"}
    with pytest.raises(DataLossRiskError, match=r"foreign_object_change.*ft"):
        filled.applier(customer(phone=renamed)).sync_doctype("Customer")


def test_blanks_become_null_and_only_real_duplicates_go(filled: Site) -> None:
    """Rows that are merely blank are not deleted beside those that really repeat another."""
    for name, phone in (("b1", ""), ("b2", ""), ("d1", "x"), ("d2", "x")):
        filled.query('INSERT INTO "tabCustomer"(name, phone) VALUES (?, ?)', name, phone)
    unique = customer(phone={"fieldname": "phone", "fieldtype": "Data", "unique": 1})
    filled.applier(unique).sync_doctype("Customer", FORCE)
    rows = filled.query('SELECT name, phone FROM "tabCustomer" ORDER BY name')
    assert rows == [("Ada", "007"), ("Ben", None), ("b1", None), ("b2", None), ("d2", "x")]


def test_every_blank_that_changes_is_counted_and_shown_once(site: Site) -> None:
    """Three blanks are three rows; samples are of different values."""
    fields = [{"fieldname": "code", "fieldtype": "Data"}, {"fieldname": "size", "fieldtype": "Data"}]
    site.applier({"name": "T", "fields": fields}).sync_all_doctypes()
    site.query("INSERT INTO tabT(name, code, size) VALUES ('a', '', '007'), ('b', '', '007'), ('c', '', '008')")
    fields = [{"fieldname": "code", "fieldtype": "Data", "unique": 1}, {"fieldname": "size", "fieldtype": "Int"}]
    risks = {risk.code: risk for risk in site.applier({"name": "T", "fields": fields}).dry_run("T").data_loss_risks}
    assert risks["blank_to_null"].affected_rows == 3
    sizes = risks["lossy_conversion"]
    assert (sizes.affected_rows, sizes.samples) == (3, ("'007'", "'008'"))


@pytest.mark.parametrize("kind", ["STORED", "VIRTUAL"])
def test_a_column_that_becomes_a_computed_one(site: Site, kind: str) -> None:
    """Values that the expression does not give are told, backed up, and come back; a new row stays as it is."""
    site.query("CREATE TABLE t (id INTEGER PRIMARY KEY, n INT, twice INT)")
    site.query("INSERT INTO t VALUES (1, 1, 2), (2, 2, NULL), (3, 3, 7)")
    wish = Schema.from_sql(f"CREATE TABLE t (id INTEGER PRIMARY KEY, n INT, twice INT AS (n * 2) {kind})")
    applier = site.applier()
    with pytest.raises(DataLossRiskError, match=r"lossy_conversion.*\(2 rows\)"):
        applier.sync_schema(wish)
    result = applier.sync_schema(wish, SyncOptions(allow=frozenset({"lossy_conversion"})))
    assert site.query("SELECT twice FROM t ORDER BY id") == [(2,), (4,), (6,)]
    site.query("INSERT INTO t (id, n) VALUES (4, 5)")
    applier.rollback_migration(result.migration_id)
    assert site.query("SELECT twice FROM t ORDER BY id") == [(2,), (None,), (7,), (10,)]


def test_words_that_a_new_collation_makes_one(site: Site) -> None:
    """They repeat one another then, and are told as any other duplicates."""
    site.query("CREATE TABLE t (a TEXT UNIQUE)")
    site.query("INSERT INTO t VALUES ('a'), ('A'), ('b')")
    wish = Schema.from_sql("CREATE TABLE t (a TEXT COLLATE NOCASE UNIQUE)")
    with pytest.raises(DataLossRiskError, match=r"drop_duplicates.*\(1 row\)"):
        site.applier().sync_schema(wish)
    result = site.applier().sync_schema(wish, SyncOptions(allow=frozenset({"drop_duplicates"})))
    site.applier().rollback_migration(result.migration_id)
    assert sorted(site.query("SELECT a FROM t")) == [("A",), ("a",), ("b",)]


def test_a_hook_cannot_end_the_transaction(filled: Site) -> None:
    """A hook that commits is refused, and nothing of the change stands."""
    options = SyncOptions(after=lambda connection, plan: connection.execute("COMMIT"))
    with pytest.raises(ExecutionError, match='hook "after"'):
        filled.applier(customer({"fieldname": "city", "fieldtype": "Data"})).sync_doctype("Customer", options)
    assert "city" not in filled.columns("tabCustomer")


def test_a_stored_migration_keeps_its_id(filled: Site) -> None:
    """The record has the id of the migration that was stored, so that it can be asked for and taken back."""
    applier = filled.applier(customer({"fieldname": "city", "fieldtype": "Data"}))
    (migration,) = applier.get_pending_migrations()
    assert applier.apply_migration(migration).migration_id == migration.id
    assert applier.is_migration_applied(migration.id)
    with pytest.raises(PlanRefusedError, match="applied already"):
        applier.apply_migration(migration)
    assert applier.rollback_migration(migration.id).success


def test_not_null_comes_back_only_when_rows_let_it(filled: Site) -> None:
    """A rollback that rows stand in the way of says so, instead of blaming the tables."""
    required = customer({"fieldname": "city", "fieldtype": "Data", "required": 1, "default": "x"})
    filled.applier(required).sync_doctype("Customer")
    free = customer({"fieldname": "city", "fieldtype": "Data", "default": "x"})
    relaxed = filled.applier(free).sync_doctype("Customer")
    filled.query("UPDATE \"tabCustomer\" SET city = NULL WHERE name = 'Ada'")
    with pytest.raises(PlanRefusedError, match="1 row leaves it empty"):
        filled.applier(free).rollback_migration(relaxed.migration_id)


def test_a_broken_view_elsewhere_is_no_hindrance(filled: Site) -> None:
    """A view that was broken long ago keeps nothing from being renamed or rebuilt."""
    filled.query("CREATE TABLE g(x)")
    filled.query("CREATE VIEW bv AS SELECT * FROM g")
    filled.query("DROP TABLE g")
    filled.query("UPDATE \"tabCustomer\" SET phone = '7'")
    retyped = {"fieldname": "mobile", "fieldtype": "Int", "old_fieldname": "phone"}
    assert filled.applier(customer(phone=retyped)).sync_doctype("Customer").changed
    assert filled.query('SELECT DISTINCT mobile FROM "tabCustomer"') == [(7,)]
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        filled.query("SELECT * FROM bv")


def test_two_rows_of_a_table_that_would_become_a_single_are_told(filled: Site) -> None:
    """Nothing is moved or lost in silence when a DocType shall have no table any more."""
    with pytest.raises(MigrationError, match="2 rows, and a Single has one"):
        filled.applier({**customer(), "issingle": 1}).sync_doctype("Customer")
    assert filled.query('SELECT count(*) FROM "tabCustomer"') == [(2,)]


@pytest.mark.parametrize("policy", ["null", "default", "keep"])
def test_values_that_do_not_convert(filled: Site, policy: str) -> None:
    """What becomes of a word in a field of numbers is for the caller to say."""
    filled.query("UPDATE \"tabCustomer\" SET phone = 'word' WHERE name = 'Ada'")
    number = customer(phone={"fieldname": "phone", "fieldtype": "Int", "default": "5"})
    with pytest.raises(MigrationError, match="cannot take"):
        filled.applier(number).sync_doctype("Customer", FORCE)
    filled.applier(number).sync_doctype("Customer", SyncOptions(force=True, on_conversion_error=policy))
    (value,) = filled.query("SELECT phone FROM \"tabCustomer\" WHERE name = 'Ada'")[0]
    assert value == {"null": None, "default": 5, "keep": None}[policy]
    if policy == "keep":
        assert filled.query("SELECT phone__old FROM \"tabCustomer\" WHERE name = 'Ada'") == [("word",)]
    assert not filled.applier(number).sync_doctype("Customer").changed


def test_no_database_is_made_by_a_typing_mistake(site: Site) -> None:
    """Taking over, or going back, never makes a file."""
    applier = site.applier(customer())
    for call in (applier.adopt, lambda: applier.rollback_migration("x")):
        with pytest.raises(MigrationError):
            call()
    assert not site.path.exists()


def test_a_rename_that_was_declared_too_late_is_told(filled: Site) -> None:
    """Where both columns exist nothing is renamed, and it is said before somebody drops the old values."""
    filled.applier(customer({"fieldname": "mobile", "fieldtype": "Data"})).sync_doctype("Customer")
    late = customer(phone={"fieldname": "mobile", "fieldtype": "Data", "old_fieldname": "phone"})
    result = filled.applier(late).sync_doctype("Customer")
    assert "RENAME_TARGET_EXISTS" in {finding.code for finding in result.findings}
    assert filled.query('SELECT phone, mobile FROM "tabCustomer" ORDER BY name') == [("007", None), (None, None)]


def test_a_rename_of_the_call_that_cannot_be_is_told(filled: Site) -> None:
    """The call's own renames are looked at like those of a definition."""
    both = filled.applier(customer({"fieldname": "mobile", "fieldtype": "Data"}))
    both.sync_doctype("Customer")
    result = both.sync_doctype("Customer", SyncOptions(renames={"phone": "mobile"}))
    assert "RENAME_TARGET_EXISTS" in {finding.code for finding in result.findings} and not result.changed


@pytest.mark.parametrize(
    ("old", "new", "lost"), [("TEXT", "VARCHAR(40)", False), ("INT", "BIGINT", False), ("INTEGER", "REAL", True)]
)
def test_only_what_a_declared_type_takes_is_said_to_be_lost(site: Site, old: str, new: str, lost: bool) -> None:
    """Another name of the same affinity converts nothing: then nothing is "not undone by a rollback"."""
    wishes = [Schema.from_sql(f"CREATE TABLE t (a {kind}, CHECK (a <> 7))") for kind in (old, new)]
    applier = site.applier()
    applier.sync_schema(wishes[0])
    site.query("INSERT INTO t VALUES (?)", 2**53 + 1 if lost else "5")
    result = applier.sync_schema(wishes[1], FORCE)
    assert result.changed and result.plan is not None
    assert any(step.irreversible for step in result.plan.steps) == lost
    look = "SELECT typeof(a), CAST(a AS TEXT) FROM t"
    before = site.query(look)
    applier.rollback_migration(result.migration_id or "", RollbackOptions(force=True))
    assert site.query(look) == (before if not lost else [("integer", str(2**53 + 1))])


SWAP = SyncOptions(renames={"a": "b", "b": "a"})
SWAPPED_THING = {"name": "T", "fields": [{"fieldname": name, "fieldtype": "Data"} for name in "ab"]}


def test_a_swap_that_the_call_asks_for_is_made_once(site: Site) -> None:
    """The same call again finds nothing to do; after a rollback it is made anew, and then once more only once."""
    applier = site.applier(SWAPPED_THING)
    applier.sync_doctype("T")
    site.query("INSERT INTO tabT (name, a, b) VALUES ('r', 1, 2)")
    for _ in range(2):
        first = applier.sync_doctype("T", SWAP)
        assert first.changed and not applier.sync_doctype("T", SWAP).changed
        assert not applier.sync_all_doctypes(SWAP).changed and not applier.sync_doctype("T").changed
        assert site.query("SELECT a, b FROM tabT") == [("2", "1")]
        applier.rollback_migration(first.migration_id or "")
        assert site.query("SELECT a, b FROM tabT") == [("1", "2")]


def test_a_swap_in_a_schema_is_made_once(site: Site) -> None:
    """The second call of the same words finds nothing to do in that table, and in another one it is made."""
    wish = Schema.from_sql("CREATE TABLE t (a, b); CREATE TABLE u (a, b)")
    applier = site.applier()
    applier.sync_schema(wish)
    for table in "tu":
        site.query(f"INSERT INTO {table} VALUES (1, 2)")
        options = SyncOptions(renames={f"{table}.a": "b", f"{table}.b": "a"})
        assert applier.sync_schema(wish, options).changed
        assert not applier.sync_schema(wish, options).changed and not applier.sync_schema(wish).changed
    assert [site.query(f"SELECT a, b FROM {table}") for table in "tu"] == [[(2, 1)], [(2, 1)]]


def test_the_table_of_what_became_virtual_goes_when_that_is_allowed(site: Site) -> None:
    """Until then it is kept, and told; back it comes with its rows, its index and the trigger of others."""
    fields = [{"fieldname": "a", "fieldtype": "Data", "indexed": True}]
    site.applier({"name": "T", "fields": fields}).sync_all_doctypes()
    site.query("INSERT INTO tabT(name, a) VALUES ('x', '1'), ('y', '2')")
    site.query("CREATE TABLE log (n)")
    site.query("CREATE TRIGGER told AFTER INSERT ON tabT BEGIN INSERT INTO log VALUES (new.name); END")
    before = site.query("SELECT type, name, sql FROM sqlite_schema WHERE tbl_name = 'tabT' ORDER BY 1, 2")
    applier = site.applier({"name": "T", "fields": fields, "is_virtual": 1})
    result = applier.sync_doctype("T")
    assert not result.changed and [finding.code for finding in result.findings] == ["KEPT_REMOVED_TABLE"]
    result = applier.sync_doctype("T", SyncOptions(allow=frozenset({"drop_table"})))
    assert site.query("SELECT name FROM sqlite_schema WHERE tbl_name = 'tabT'") == []
    assert not applier.sync_doctype("T").changed
    applier.rollback_migration(result.migration_id)
    assert site.query("SELECT type, name, sql FROM sqlite_schema WHERE tbl_name = 'tabT' ORDER BY 1, 2") == before
    assert site.query("SELECT name, a FROM tabT ORDER BY 1") == [("x", "1"), ("y", "2")]
    assert [bool(each.reverses) for each in applier.get_migration_history().migrations] == [False, False, True]


def test_rows_that_nobody_defines_any_more_are_counted(site: Site) -> None:
    """Of a DocType without a definition, of a Table field that went, and of one that holds another child now."""
    other = {"name": "C2", "istable": 1, "fields": []}
    gone = {"name": "Gone", "fields": [{"fieldname": "a", "fieldtype": "Data"}]}
    site.applier(CHILD, other, gone, parent("P", "items"), parent("Q", "lines")).sync_all_doctypes()
    for name, field, of in (("1", "items", "P"), ("2", "items", "P"), ("3", "lines", "Q")):
        site.query("INSERT INTO tabC(name, parentfield, parenttype) VALUES (?, ?, ?)", name, field, of)
    site.query("INSERT INTO tabGone(name) VALUES ('x')")
    assert site.applier(CHILD, other, gone, parent("P", "items"), parent("Q", "lines")).status().left_over == ()
    changed = {"name": "Q", "fields": [{"fieldname": "lines", "fieldtype": "Table", "options": "C2"}]}
    report = site.applier(CHILD, other, {"name": "P", "fields": []}, changed).status()
    found = [(finding.code, finding.rows, finding.target) for finding in report.left_over]
    assert found == [
        ("KEPT_REMOVED_DOCTYPE", 1, "tabGone"),
        ("KEPT_CHILD_ROWS", 2, "tabC"),
        ("KEPT_CHILD_ROWS", 1, "tabC"),
    ]
    assert report.in_step
    assert "has no such Table field" in report.left_over[1].message and 'holds "C2"' in report.left_over[2].message
