"""A caller's TEMP table or view that hides a table of the database by its name: ``main`` is migrated all the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate import BackupOptions, DocTypeEngine, MigrationApplier, SyncOptions

HIDING = ("CREATE TEMP TABLE tabNote (name TEXT, title TEXT, part)", "CREATE TEMP VIEW tabNote AS SELECT 1 AS name")
OF_MAIN = "SELECT type, name, sql FROM main.sqlite_schema WHERE tbl_name = 'tabNote' AND sql IS NOT NULL ORDER BY 1, 2"


@pytest.fixture(params=HIDING, ids=["table", "view"])
def connection(request: pytest.FixtureRequest) -> Iterator[sqlite3.Connection]:
    """A connection of an application, where a TEMP object hides the table that is about to change."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(request.param)
        yield connection


def applier(connection: sqlite3.Connection, store: Path, *fields: dict[str, Any]) -> MigrationApplier:
    """One DocType with these fields, and a place for its backups."""
    engine = DocTypeEngine.from_doctypes([{"name": "Note", "fields": list(fields)}])
    return MigrationApplier(connection, engine, backup_options=BackupOptions(directory=store, encrypt=False))


def test_up_and_down_beside_a_hiding_object(connection: sqlite3.Connection, tmp_path: Path) -> None:
    """Indexes and triggers, ours and foreign, are made again where they were; TEMP objects stay as they were."""
    title, part = {"fieldname": "title", "fieldtype": "Data", "indexed": 1}, {"fieldname": "part", "fieldtype": "Data"}
    applier(connection, tmp_path, title, part).sync_doctype("Note")
    connection.execute("CREATE INDEX main.foreign_one ON tabNote (part, lower(title))")
    connection.execute("CREATE TRIGGER main.stamp AFTER UPDATE ON tabNote BEGIN SELECT new.title; END")
    connection.execute("INSERT INTO main.tabNote (name, title, part) VALUES ('a', '1', 'x'), ('b', NULL, 'y')")
    connection.commit()
    temporary = connection.execute("SELECT * FROM temp.sqlite_schema").fetchall()
    before = connection.execute(OF_MAIN).fetchall()
    rows = connection.execute("SELECT rowid, * FROM main.tabNote").fetchall()
    assert [name for kind, name, _ in before if kind != "table"] == ["foreign_one", "ix_tabNote.title", "stamp"]

    required = {**title, "required": 1, "default": "none"}
    changed = applier(connection, tmp_path, required, {**part, "unique": 1})
    done = changed.sync_doctype("Note", SyncOptions(force=True))
    assert done.changed and not changed.sync_doctype("Note").changed
    names = [name for _, name, _ in connection.execute(OF_MAIN)]
    assert {"foreign_one", "stamp", "ux_tabNote.part"} <= set(names)
    changed.rollback_migration(done.migration_id or "")
    assert connection.execute(OF_MAIN).fetchall() == before
    assert connection.execute("SELECT rowid, * FROM main.tabNote").fetchall() == rows
    assert connection.execute("SELECT * FROM temp.sqlite_schema").fetchall() == temporary


def test_a_table_that_is_gone_is_restored_beside_a_hiding_object(
    connection: sqlite3.Connection, tmp_path: Path
) -> None:
    """The table comes back with its index and trigger into ``main``, and not into TEMP."""
    site = applier(connection, tmp_path, {"fieldname": "title", "fieldtype": "Data", "indexed": 1})
    site.sync_doctype("Note")
    connection.execute("CREATE TRIGGER main.stamp AFTER UPDATE ON tabNote BEGIN SELECT new.title; END")
    connection.execute("INSERT INTO main.tabNote (name, title) VALUES ('a', '1')")
    connection.commit()
    before, kept = connection.execute(OF_MAIN).fetchall(), connection.execute("SELECT * FROM main.tabNote").fetchall()
    made = site.backups.create_backup("Note")
    connection.execute("DROP TABLE main.tabNote")
    connection.commit()
    site.backups.restore_from_backup(made.id)
    assert connection.execute(OF_MAIN).fetchall() == before
    assert connection.execute("SELECT * FROM main.tabNote").fetchall() == kept
