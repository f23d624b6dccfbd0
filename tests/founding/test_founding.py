"""The seventeen things that were asked of the tool before its first line was written, on a real database."""

from __future__ import annotations

import json
import sqlite3

import pytest

from sodaf_migrate import DataLossRiskError, ExecutionError, SyncOptions
from tests.founding.conftest import Site, customer

DROP = SyncOptions(allow=frozenset({"drop_column", "irreversible"}))


def test_t1_a_table_is_created(site: Site) -> None:
    """A new DocType becomes a table with its standard columns and types."""
    result = site.applier(customer()).sync_doctype("Customer")
    assert result.success and result.changed and result.status == "applied"
    columns = site.columns("tabCustomer")
    assert columns["phone"] == ("TEXT", 0, None) and columns["credit"][0] == "INTEGER"
    assert columns["docstatus"] == ("INTEGER", 1, "0")
    assert site.query("SELECT name FROM pragma_table_info('tabCustomer') WHERE pk") == [("name",)]


def test_t2_a_column_is_added(filled: Site) -> None:
    """A new field becomes a column; the rows stay."""
    before = filled.query('SELECT rowid, name, phone, credit FROM "tabCustomer"')
    result = filled.applier(customer({"fieldname": "city", "fieldtype": "Data"})).sync_doctype("Customer")
    assert [change.new.name for change in result.diff.added_columns] == ["city"]
    assert filled.columns("tabCustomer")["city"] == ("TEXT", 0, None)
    assert filled.query('SELECT rowid, name, phone, credit FROM "tabCustomer"') == before


def test_t3_a_removed_field_is_kept_until_it_may_go(filled: Site) -> None:
    """Removing a field drops nothing; with the hazard allowed the column goes and nothing else."""
    smaller = customer(phone=None)
    kept = filled.applier(smaller).sync_doctype("Customer")
    assert not kept.changed and "phone" in filled.columns("tabCustomer")
    assert any(finding.code == "KEPT_REMOVED_FIELD" for finding in kept.findings)
    gone = filled.applier(smaller).sync_doctype("Customer", DROP)
    assert gone.changed and "phone" not in filled.columns("tabCustomer")
    assert filled.query('SELECT name, credit FROM "tabCustomer" ORDER BY name') == [("Ada", 5), ("Ben", 7)]


def test_t3_and_t16_a_backup_is_taken_before_a_drop(filled: Site) -> None:
    """Before a column goes, its values are in a backup that the result names."""
    options = SyncOptions(allow=frozenset({"drop_column"}))
    assert filled.applier(customer(phone=None)).sync_doctype("Customer", options).backup_path


def test_t4_type_length_and_required_change(filled: Site) -> None:
    """Declared type, length and NOT NULL follow the definition, and a value that is missing delays NOT NULL alone."""
    wanted = customer(
        credit={"fieldname": "credit", "fieldtype": "Float", "required": 1},
        phone={"fieldname": "phone", "fieldtype": "Data", "length": 40, "required": 1},
    )
    result = filled.applier(wanted).sync_doctype("Customer")
    columns = filled.columns("tabCustomer")
    assert columns["credit"][:2] == ("REAL", 1) and columns["phone"][:2] == ("VARCHAR(40)", 0)
    assert [finding.code for finding in result.findings if finding.rows] == ["NOT_NULL_PENDING"]
    filled.query("UPDATE \"tabCustomer\" SET phone = '008' WHERE phone IS NULL")
    assert filled.applier(wanted).sync_doctype("Customer").changed
    assert filled.columns("tabCustomer")["phone"][:2] == ("VARCHAR(40)", 1)


def test_t5_a_unique_index(filled: Site) -> None:
    """A unique field refuses a second row of its value."""
    unique = customer(phone={"fieldname": "phone", "fieldtype": "Data", "unique": 1})
    assert filled.applier(unique).sync_doctype("Customer").diff.added_indexes
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        filled.query("INSERT INTO \"tabCustomer\"(name, phone) VALUES ('Cy', '007')")


def test_t6_a_failing_statement_leaves_everything_and_one_record(filled: Site) -> None:
    """A migration that fails half way leaves schema and rows as before and exactly one failed record."""

    def spoil(connection: object, plan: object) -> None:
        connection.execute('ALTER TABLE "tabCustomer" ADD COLUMN surprise')  # type: ignore[attr-defined]

    before = filled.query("SELECT sql FROM sqlite_schema WHERE tbl_name = 'tabCustomer'")
    rows = filled.query('SELECT * FROM "tabCustomer"')
    applier = filled.applier(customer({"fieldname": "city", "fieldtype": "Data"}))
    with pytest.raises(ExecutionError):
        applier.sync_doctype("Customer", SyncOptions(before=spoil))
    assert filled.query("SELECT sql FROM sqlite_schema WHERE tbl_name = 'tabCustomer'") == before
    assert filled.query('SELECT * FROM "tabCustomer"') == rows
    assert [m.status for m in applier.get_migration_history().migrations] == ["applied", "failed"]


def test_t7_many_doctypes_with_mixed_success(filled: Site) -> None:
    """One DocType that cannot be synced does not keep the others from it."""
    doubled = customer(credit={"fieldname": "credit", "fieldtype": "Int", "unique": 1})
    filled.query('UPDATE "tabCustomer" SET credit = 5')
    other = {"name": "Supplier", "fields": [{"fieldname": "city", "fieldtype": "Data"}]}
    result = filled.applier(doubled, other).sync_all_doctypes()
    assert [r.doctype for r in result.successful] == ["Supplier"] and [r.doctype for r in result.failed] == ["Customer"]
    assert not result.success and "drop_duplicates" in result.errors[0]


def test_t8_a_dry_run_changes_nothing(filled: Site) -> None:
    """A dry run tells the SQL and leaves every byte."""
    before = filled.path.read_bytes()
    preview = filled.applier(customer({"fieldname": "city", "fieldtype": "Data"})).dry_run("Customer")
    assert preview.success and preview.changed and any("ADD COLUMN" in sql for sql in preview.sql)
    assert filled.path.read_bytes() == before


def test_t9_data_loss_is_warned_of(filled: Site) -> None:
    """A retype that would change a value is refused with the value shown, and named in the dry run."""
    retyped = customer(phone={"fieldname": "phone", "fieldtype": "Int"})
    applier = filled.applier(retyped)
    (risk, *_) = applier.dry_run("Customer").data_loss_risks
    assert (risk.code, risk.affected_rows, risk.samples) == ("lossy_conversion", 1, ("'007'",))
    with pytest.raises(DataLossRiskError, match="lossy_conversion") as refused:
        applier.sync_doctype("Customer")
    assert "--allow lossy_conversion:Customer.phone" in (refused.value.hint or "")
    assert filled.query("SELECT typeof(phone) FROM \"tabCustomer\" WHERE name = 'Ada'") == [("text",)]


def test_t10_a_stored_migration_is_applied(filled: Site) -> None:
    """A pending migration can be kept and applied later, as long as the database is as it was."""
    applier = filled.applier(customer({"fieldname": "city", "fieldtype": "Data"}))
    (migration,) = applier.get_pending_migrations()
    assert applier.apply_migration(migration).success
    assert "city" in filled.columns("tabCustomer")


def test_t11_the_history_row_is_complete(filled: Site) -> None:
    """The record says what ran, when, by whom, how long, and how it goes back."""
    options = SyncOptions(applied_by="ops@example.com")
    applier = filled.applier(customer({"fieldname": "city", "fieldtype": "Data"}))
    result = applier.sync_doctype("Customer", options)
    columns = list(filled.columns("tabMigrationHistory"))
    assert columns[:13] == [
        "id",
        "doctype",
        "version",
        "timestamp",
        "sql",
        "rollback_sql",
        "status",
        "applied_by",
        "execution_time",
        "affected_rows",
        "backup_path",
        "error",
        "rollback_info",
    ]
    row = dict(
        zip(
            columns, filled.query("SELECT * FROM tabMigrationHistory WHERE id = ?", result.migration_id)[0], strict=True
        )
    )
    assert (row["doctype"], row["status"], row["applied_by"]) == ("Customer", "applied", "ops@example.com")
    assert "ADD COLUMN" in row["sql"] and "DROP COLUMN" in row["rollback_sql"]
    assert row["timestamp"].endswith(("Z", "+00:00")) and row["execution_time"] >= 0


def test_t12_and_t13_rollback_and_its_status(filled: Site) -> None:
    """A rolled back migration leaves the schema as it was and says so."""
    before = filled.query("SELECT sql FROM sqlite_schema WHERE tbl_name = 'tabCustomer' ORDER BY name")
    applier = filled.applier(customer({"fieldname": "city", "fieldtype": "Data", "indexed": 1}))
    result = applier.sync_doctype("Customer")
    undone = applier.rollback_migration(result.migration_id)
    assert undone.success and undone.status == "rolled_back"
    assert filled.query("SELECT sql FROM sqlite_schema WHERE tbl_name = 'tabCustomer' ORDER BY name") == before
    status = {m.id: m.status for m in applier.get_migration_history().migrations}
    assert status[result.migration_id] == "rolled_back" and status[undone.migration_id] == "applied"


def test_t14_history_by_doctype(filled: Site) -> None:
    """History can be asked for one DocType."""
    applier = filled.applier(customer(), {"name": "Supplier", "fields": []})
    applier.sync_all_doctypes()
    assert {m.doctype for m in applier.get_migration_history().migrations} == {"Customer", "Supplier"}
    assert {m.doctype for m in applier.get_migration_history("Supplier").migrations} == {"Supplier"}


def test_t15_pending_migrations(filled: Site) -> None:
    """What a sync would do can be listed; after the sync the list is empty."""
    applier = filled.applier(customer({"fieldname": "city", "fieldtype": "Data"}))
    assert [m.doctype for m in applier.get_pending_migrations()] == ["Customer"]
    applier.sync_all_doctypes()
    assert applier.get_pending_migrations() == ()


def test_t17_data_is_converted(filled: Site) -> None:
    """Numbers become text and text that is a number becomes one, exactly."""
    filled.query("UPDATE \"tabCustomer\" SET phone = '42' WHERE name = 'Ada'")
    retyped = customer(
        phone={"fieldname": "phone", "fieldtype": "Int"}, credit={"fieldname": "credit", "fieldtype": "Data"}
    )
    assert filled.applier(retyped).sync_doctype("Customer").changed
    rows = filled.query('SELECT phone, typeof(phone), credit, typeof(credit) FROM "tabCustomer" ORDER BY name')
    assert rows == [(42, "integer", "5", "text"), (None, "null", "7", "text")]


def test_results_are_plain_values(filled: Site) -> None:
    """Every result can be written as JSON."""
    applier = filled.applier(customer({"fieldname": "city", "fieldtype": "Data"}))
    for value in (applier.dry_run("Customer"), applier.sync_doctype("Customer"), applier.status()):
        assert json.loads(json.dumps(value.to_dict()))
