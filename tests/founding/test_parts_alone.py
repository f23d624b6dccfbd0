"""Each part of the applier does its work alone, beside nothing but a path."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate import (
    ConfigurationError,
    DataLossRiskError,
    DocTypeEngine,
    ExecutionError,
    MigrationApplier,
    MigrationExecutor,
    MigrationValidator,
    Schema,
    SchemaComparisonEngine,
    Severity,
    SQLGenerator,
    SyncOptions,
    UnsupportedChangeError,
)
from tests.oracle import difference, snapshot

NOTE = {
    "name": "Note",
    "fields": [
        {"fieldname": "title", "fieldtype": "Data", "indexed": True},
        {"fieldname": "pages", "fieldtype": "Data"},
    ],
}
CHANGED = {
    "name": "Note",
    "fields": [
        {"fieldname": "heading", "fieldtype": "Data", "indexed": True, "old_fieldname": "title"},
        {"fieldname": "pages", "fieldtype": "Int"},
        {"fieldname": "done", "fieldtype": "Check"},
    ],
}


def engine(*definitions: dict[str, Any]) -> DocTypeEngine:
    """Definitions."""
    return DocTypeEngine.from_doctypes(definitions)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A database with two notes."""
    path = tmp_path / "site.db"
    MigrationApplier(path, engine(NOTE)).sync_doctype("Note")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO tabNote (name, title, pages) VALUES ('a', 'One', '1'), ('b', 'Two', NULL)")
    return path


@pytest.fixture
def untouched(site: Path) -> Iterator[Path]:
    """The same, of which no byte changes."""
    before = site.read_bytes()
    yield site
    assert site.read_bytes() == before


def seen(path: Path) -> Any:
    """Everything but the tool's own tables."""
    ours = ("tabMigrationHistory", "tabMigrationEvent", "tabMigrationBackup", "tabMigrationStart")
    with closing(sqlite3.connect(path)) as connection:
        return snapshot(connection, skip=ours)


def test_the_comparison(untouched: Path) -> None:
    """It says what has changed, of a database and of none."""
    same = SchemaComparisonEngine(untouched, engine(NOTE))
    assert not same.has_changes(same.compare_schema("Note"))
    comparison = SchemaComparisonEngine(untouched, engine(CHANGED))
    diff = comparison.compare_schema("Note")
    assert comparison.has_changes(diff)
    assert [change.new.name for change in diff.added_columns if change.new] == ["done"]
    assert [change.new.name for change in diff.renamed_columns if change.new] == ["heading"]
    assert [change.new.name for change in diff.modified_columns if change.new] == ["pages"]
    assert len(SchemaComparisonEngine(None, engine(NOTE)).compare_schema("Note").tables) == 1


def test_the_statements_of_a_change(site: Path, tmp_path: Path) -> None:
    """Carried out by a plain connection they lead where a sync leads, and the way back leads back."""
    diff = SchemaComparisonEngine(site, engine(CHANGED)).compare_schema("Note")
    generator = SQLGenerator(site, engine(CHANGED))
    statements = generator.generate_migration_sql(diff, "Note")
    before, twin = seen(site), tmp_path / "twin.db"
    with closing(sqlite3.connect(site)) as connection, closing(sqlite3.connect(twin)) as copy:
        connection.backup(copy)
        for statement in (sql for sql in statements if not sql.startswith(("UPDATE main.sqlite_schema", "SELECT"))):
            copy.execute(statement)
        copy.commit()
    applier = MigrationApplier(site, engine(CHANGED))
    applier.sync_doctype("Note")
    assert difference(seen(twin), seen(site), ignore={"statistics"}) == []
    (*_, listed) = applier.get_migration_history().migrations
    with pytest.raises(ConfigurationError, match="were not read"):
        generator.generate_rollback_sql(listed)
    migration = applier.get_migration(listed.id)
    back = generator.generate_rollback_sql(migration)
    MigrationExecutor().execute_rollback_sql(site, back)
    assert difference(before, seen(site), ignore={"statistics"}) == []


def test_statements_that_a_sync_would_refuse(site: Path) -> None:
    """They are not handed out either, unless they are allowed; statements alone take no backup."""
    with closing(sqlite3.connect(site)) as connection, connection:
        connection.execute("UPDATE tabNote SET pages = '007'")
    diff = SchemaComparisonEngine(site, engine(CHANGED)).compare_schema("Note")
    with pytest.raises(DataLossRiskError, match="lossy_conversion"):
        SQLGenerator(site, engine(CHANGED)).generate_migration_sql(diff)
    allowed = SyncOptions(allow=frozenset({"lossy_conversion", "irreversible"}))
    assert SQLGenerator(site, engine(CHANGED), options=allowed).generate_migration_sql(diff)
    with closing(sqlite3.connect(site)) as connection, connection:
        connection.execute("UPDATE tabNote SET pages = 'many'")
    with pytest.raises(UnsupportedChangeError, match="'many'"):
        SQLGenerator(site, engine(CHANGED), options=allowed).generate_migration_sql(diff)


def test_the_statements_of_a_table(untouched: Path) -> None:
    """By a definition or by its name; the table is the one that a sync makes."""
    generator = SQLGenerator(untouched, engine(NOTE))
    table, index = generator.generate_create_table_sql("Note")
    assert (table, index) == generator.generate_create_table_sql(NOTE) == SQLGenerator().generate_create_table_sql(NOTE)
    with closing(sqlite3.connect(untouched)) as connection:
        stored = connection.execute("SELECT sql FROM sqlite_schema WHERE tbl_name = 'tabNote' AND sql IS NOT NULL")
        assert [row[0] for row in stored] == [table, index]
    assert generator.generate_create_table_sql({"name": "Far", "is_virtual": 1, "fields": []}) == ()


def test_the_way_back_of_what_is_not_applied(untouched: Path) -> None:
    """It is the one that was promised."""
    applier = MigrationApplier(untouched, engine(CHANGED))
    (pending,) = applier.get_pending_migrations()
    assert SQLGenerator(untouched).generate_rollback_sql(pending) == pending.rollback_sql != ()


def test_the_validator(untouched: Path) -> None:
    """Its methods take a migration, changes or statements, and the path of the database."""
    (pending,) = MigrationApplier(untouched, engine(CHANGED)).get_pending_migrations()
    validator = MigrationValidator()
    assert {finding.severity for finding in validator.validate_migration(pending, untouched)} == {Severity.INFO}
    assert pending.diff is not None
    assert validator.validate_schema_diff(pending.diff, untouched) == ()
    assert validator.validate_sql_statements(["ALTER TABLE tabNote ADD COLUMN x"], untouched) == ()
    (finding,) = validator.validate_sql_statements(["ALTER TABLE tabNowhere ADD COLUMN x"], untouched)
    assert "tabNowhere" in finding.message
    assert validator.validate_sql_statements(["CREATE TABLE t (a)"]) == ()
    assert validator.validate_sql_statements(["DROP TABLE t"], Schema.from_sql("CREATE TABLE t (a)")) == ()
    assert validator.check_data_loss_risks(pending) == ()
    assert {finding.severity for finding in validator.validate_rollback_possibility(pending)} == {Severity.INFO}


def test_the_executor(site: Path) -> None:
    """All of it or nothing, and a savepoint inside."""
    executor = MigrationExecutor()
    assert executor.execute_migration_sql(site, ["DELETE FROM tabNote WHERE name = 'a'"]) == 1
    with pytest.raises(ExecutionError):
        executor.execute_migration_sql(site, ["DELETE FROM tabNote", "nonsense"])
    with executor.session(site) as wire:
        wire.run("UPDATE tabNote SET title = 'outer'")
        with pytest.raises(ZeroDivisionError), executor.savepoint(wire):
            wire.run("UPDATE tabNote SET title = 'inner'")
            raise ZeroDivisionError
    found = executor.execute_in_transaction(site, lambda wire: wire.query("SELECT name, title FROM tabNote"))
    assert list(found) == [("b", "outer")]


def test_a_migration_in_the_history_says_what_it_cost(site: Path) -> None:
    """Whether it was destructive and needs its backup, as it said before it was applied."""
    applier = MigrationApplier(site, engine(CHANGED))
    (pending,) = applier.get_pending_migrations()
    applier.apply_migration(pending)
    made, changed = applier.get_migration_history().migrations
    assert (made.destructive, made.requires_backup) == (False, False)
    assert (changed.destructive, changed.requires_backup) == (pending.destructive, pending.requires_backup)
    assert pending.destructive
