"""What each rule says, and that whoever asks gets it: a validator of one's own, a single question, a stored plan."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from sodaf_migrate import (
    DocTypeEngine,
    DryRunOptions,
    Finding,
    Look,
    MigrationApplier,
    MigrationValidator,
    Schema,
    Severity,
    StalePlanError,
    SyncOptions,
    UnsupportedChangeError,
)
from sodaf_migrate.applier.planning import refuse
from sodaf_migrate.errors import DiskFullError
from sodaf_migrate.validate.codes import CODES
from sodaf_migrate.validate.validator import RULES
from sodaf_migrate.wire.open import open_wire
from tests.test_docs import words_of

TABLES = """
CREATE TABLE parent(id INTEGER PRIMARY KEY, code TEXT);
CREATE UNIQUE INDEX parent_code ON parent(code);
CREATE TABLE child(id INTEGER PRIMARY KEY, code TEXT REFERENCES parent(code), note TEXT CHECK (note <> "kind"),
    more TEXT);
CREATE TABLE log(what TEXT);
CREATE VIEW everything AS SELECT * FROM child;
CREATE TRIGGER noted AFTER UPDATE OF more ON child BEGIN INSERT INTO log VALUES ('more'); END;
CREATE VIRTUAL TABLE found USING fts5(note, content='child', content_rowid='id');
"""


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """A database in which things depend on one another."""
    path = tmp_path / "site.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(TABLES)
        connection.execute("INSERT INTO parent VALUES (1, 'a')")
        connection.execute("INSERT INTO child(code, note, more) VALUES ('a', 'x', 'y')")
        connection.commit()
    MigrationApplier(path).adopt_schema()
    yield path


def said(path: Path, *edits: tuple[str, str], **options: object) -> dict[str, Finding]:
    """What is found about the change that these edits of the schema's text ask for, by code."""
    text = TABLES
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    preview = MigrationApplier(path).dry_run_schema(Schema.from_sql(text), **options)  # type: ignore[arg-type]
    assert preview.error is None or isinstance(preview.error, UnsupportedChangeError), preview.error
    return {finding.code: finding for finding in preview.findings}


def allowing(*hazards: str) -> dict[str, object]:
    return {"options": DryRunOptions(allow=frozenset(hazards))}


def test_codes_are_those_that_the_rules_say() -> None:
    """The list of codes is neither too short nor too long: it is what the rules' modules say."""
    root = Path(__file__).parents[2] / "sodaf_migrate" / "validate"
    found = set().union(*(words_of(file) for file in root.glob("*.py") if file.stem != "codes"))
    assert found - {"NOT_NULL_PENDING"} == CODES


def test_a_trigger_that_would_never_fire_again(path: Path) -> None:
    """A column that goes is named in UPDATE OF of a trigger that stays."""
    found = said(path, (",\n    more TEXT)", ")"), **allowing("drop_column", "irreversible", "foreign_object_change"))
    assert "noted" in found["TRIGGER_NEVER_FIRES"].message
    assert "everything" in found["VIEW_CHANGES_SHAPE"].message


def test_a_parent_that_loses_its_key(path: Path) -> None:
    """A unique index goes that a foreign key needs: nothing would fail now, and every write to the child later."""
    found = said(path, ("CREATE UNIQUE INDEX parent_code ON parent(code);", ""))
    assert "PARENT_KEY_LOST" in found


def test_a_text_in_double_quotes_becomes_a_column(path: Path) -> None:
    """A column comes whose name a CHECK has in double quotes."""
    found = said(path, ("more TEXT)", "more TEXT, kind TEXT)"))
    assert found["TEXT_BECOMES_COLUMN"].target == "child"


def test_full_text_of_a_table_that_is_renamed(path: Path) -> None:
    """SQLite does not rewrite content='…'."""
    text = TABLES.replace("TABLE child(", "TABLE kid(").replace("FROM child", "FROM kid").replace("ON child", "ON kid")
    options = DryRunOptions(renames={"child": "kid"}, force=True)
    preview = MigrationApplier(path).dry_run_schema(Schema.from_sql(text.replace("='child'", "='kid'")), options)
    assert preview.changed
    kept = MigrationApplier(path).dry_run_schema(Schema.from_sql(text), options)
    assert "FTS_CONTENT_CHANGES" in {finding.code for finding in kept.findings}


CUSTOMER = {
    "name": "Customer",
    "title_field": "full_name",
    "fields": [
        {"fieldname": "full_name", "fieldtype": "Data"},
        {"fieldname": "city", "fieldtype": "Data", "depends_on": "eval:doc.full_name"},
    ],
}
ORDER = {
    "name": "Order",
    "fields": [
        {"fieldname": "customer", "fieldtype": "Link", "options": "Customer"},
        {"fieldname": "shown", "fieldtype": "Data", "fetch_from": "customer.full_name"},
    ],
}


def test_definitions_that_name_a_renamed_field(tmp_path: Path) -> None:
    """Titles, conditions and fetched fields of all DocTypes that name a field by its former name."""
    path = tmp_path / "site.db"
    MigrationApplier(path, DocTypeEngine.from_doctypes([CUSTOMER, ORDER])).sync_all_doctypes()
    field = {"fieldname": "title", "fieldtype": "Data", "old_fieldname": "full_name"}
    later = {**CUSTOMER, "fields": [field, CUSTOMER["fields"][1]]}
    preview = MigrationApplier(path, DocTypeEngine.from_doctypes([later, ORDER])).dry_run("Customer")
    found = [(finding.code, finding.target) for finding in preview.findings]
    assert ("DEFINITION_NAMES_FIELD", "Customer") in found
    assert ("DEFINITION_NAMES_FIELD", "Customer.city") in found
    assert ("FETCH_FROM_BROKEN", "Order.shown") in found
    assert preview.success


def test_links_to_the_former_name_of_a_doctype(tmp_path: Path) -> None:
    """A DocType is renamed, and a Link elsewhere still says the former name."""
    path = tmp_path / "site.db"
    MigrationApplier(path, DocTypeEngine.from_doctypes([CUSTOMER, ORDER])).sync_all_doctypes()
    later = {**CUSTOMER, "name": "Client", "old_name": "Customer"}
    preview = MigrationApplier(path, DocTypeEngine.from_doctypes([later, ORDER])).dry_run("Client")
    assert ("LINK_TO_FORMER_NAME", "Order.customer") in [(f.code, f.target) for f in preview.findings]


def test_a_rule_of_ones_own_stops_a_sync(path: Path) -> None:
    """More rules are passed beside those that there are; an error of theirs refuses as any other."""

    def never_on_friday(look: Look) -> Iterable[Finding]:
        if look.plan.doctype == "schema":
            yield Finding(code="FRIDAY", severity=Severity.ERROR, target="schema", message="not today", hint="Wait.")

    applier = MigrationApplier(path, validator=MigrationValidator(rules=(*RULES, never_on_friday)))
    assert len(applier.validator.rules) == len(RULES) + 1
    with pytest.raises(UnsupportedChangeError, match="not today"):
        applier.sync_schema(Schema.from_sql(TABLES + "CREATE TABLE fresh(a);"))
    assert (
        not MigrationApplier(path, validator=MigrationValidator(rules=()))
        .dry_run_schema(Schema.from_sql(TABLES))
        .changed
    )


def test_a_stored_plan_is_held_up_again(tmp_path: Path) -> None:
    """What a pending migration found when it was made is found anew; an outdated one is refused as such."""
    path = tmp_path / "site.db"
    applier = MigrationApplier(path, DocTypeEngine.from_doctypes([CUSTOMER]))
    with closing(sqlite3.connect(path)):
        pass
    (migration,) = applier.get_pending_migrations()
    result = applier.apply_migration(migration)
    assert result.changed
    later = {**CUSTOMER, "fields": [*CUSTOMER["fields"], {"fieldname": "phone", "fieldtype": "Data"}]}
    applier = MigrationApplier(path, DocTypeEngine.from_doctypes([later]))
    (migration,) = applier.get_pending_migrations()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute('ALTER TABLE "tabCustomer" ADD COLUMN extra TEXT')
    with pytest.raises(StalePlanError, match="not as they were"):
        applier.apply_migration(migration)


def test_each_question_alone(path: Path) -> None:
    """The founding methods answer without a sync: of a migration, a diff, statements, risks and the way back."""
    applier = MigrationApplier(path)
    wish = Schema.from_sql(TABLES.replace(",\n    more TEXT)", ")"))
    preview = applier.dry_run_schema(wish, **allowing("drop_column", "irreversible", "foreign_object_change"))  # type: ignore[arg-type]
    assert preview.plan is not None
    validator = MigrationValidator()
    with open_wire(path, readonly=True) as wire:
        codes = {finding.code for finding in validator.validate_migration(preview.plan, wire)}
        live = Look.at(wire, preview.plan).live
    assert "WAY_BACK_NEEDS_BACKUP" in codes
    assert not {code for code in codes if code.startswith("SHADOW")}
    assert "TRIGGER_NEVER_FIRES" in {f.code for f in validator.validate_schema_diff(preview.plan.diff, live)}
    assert {f.code for f in validator.check_data_loss_risks(preview.plan)} == {"DATA_LOSS_RISK"}
    assert {f.code for f in validator.validate_rollback_possibility(preview.plan)} == {"WAY_BACK_NEEDS_BACKUP"}


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("CREATE TABLE fine(a)", None),
        ("ALTER TABLE child ADD COLUMN fine", None),
        ("ALTER TABLE child ADD COLUMN", "STATEMENT_REFUSED"),
        ("DROP TABLE nowhere", "STATEMENT_REFUSED"),
        ("COMMIT", "STATEMENT_NOT_ALLOWED"),
        ("/* */ PRAGMA user_version = 1", "STATEMENT_NOT_ALLOWED"),
        ("ATTACH ':memory:' AS other", "STATEMENT_NOT_ALLOWED"),
        ("VACUUM", "STATEMENT_NOT_ALLOWED"),
        ("SELECT 1", "STATEMENT_NOT_ALLOWED"),
        ("INSERT INTO log VALUES ('open", "STATEMENT_NOT_ALLOWED"),
    ],
)
def test_statements(path: Path, statement: str, code: str | None) -> None:
    """SQLite judges what a statement says, and its first word whether a plan may hold it."""
    with open_wire(path, readonly=True) as wire:
        live = Look.at(
            wire, MigrationApplier(path).dry_run_schema(Schema.from_sql(TABLES + "CREATE TABLE c(a);")).plan
        ).live  # type: ignore[arg-type]
    live = replace(live, tables=Schema.from_sql(TABLES.partition("CREATE VIEW")[0]).tables, indexes=())
    found = MigrationValidator().validate_sql_statements([statement], live)
    assert (code in {finding.code for finding in found}) if code else not found, found


def test_room_and_time(path: Path) -> None:
    """A change that the disk has no room for, and one that keeps others waiting, are said before they begin."""
    wish = Schema.from_sql(TABLES.replace("note TEXT CHECK", "note INTEGER CHECK"))
    plan = MigrationApplier(path).dry_run_schema(wish, **allowing("lossy_conversion")).plan  # type: ignore[arg-type]
    assert plan is not None
    with open_wire(path, readonly=True) as wire:
        look = replace(Look.at(wire, plan), long_step=0.0, free=lambda folder: 0)
        found = {finding.code: finding for finding in MigrationValidator().validate(look)}
    assert found["DISK_SPACE_SHORT"].severity is Severity.ERROR
    assert found["STEP_TAKES_LONG"].rows == 1
    with pytest.raises(DiskFullError):
        refuse(replace(plan, findings=(found["DISK_SPACE_SHORT"],)), SyncOptions(force=True))


def test_a_writer_that_died(path: Path) -> None:
    """A journal beside the database is told: it is somebody's work, or what is left of it."""
    (path.parent / "site.db-journal").touch()
    found = said(path, ("more TEXT)", "more TEXT, fresh TEXT)"))
    assert "JOURNAL_THERE" in found
