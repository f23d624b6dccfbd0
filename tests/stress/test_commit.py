"""A COMMIT that fails: what took place is found out by reading, and where that is impossible, said."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sodaf_migrate import DocTypeEngine, ExecutionError, MigrationApplier, MigrationError, SyncOptions
from sodaf_migrate.errors import CommitUnknownError
from sodaf_migrate.testing.check import assert_old_or_new, state_of
from sodaf_migrate.testing.faults import every_fault

BEFORE = {"name": "Note", "fields": [{"fieldname": "title", "fieldtype": "Data"}]}
AFTER = {
    "name": "Note",
    "fields": [{"fieldname": "title", "fieldtype": "Data"}, {"fieldname": "n", "fieldtype": "Int"}],
}


def applier(path: Path, definition: dict[str, object] = AFTER) -> MigrationApplier:
    """An applier with one of the two definitions."""
    return MigrationApplier(path, DocTypeEngine.from_doctypes([definition]))


def test_a_commit_on_a_disk_that_stays_broken_is_not_called_undone(tmp_path: Path) -> None:
    """Where nothing can be read any more, the error says that nobody knows; both outcomes occur in the sweep."""
    first, path = tmp_path / "first.db", tmp_path / "work" / "site.db"
    applier(first, BEFORE).sync_doctype("Note")
    with closing(sqlite3.connect(first)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    done = tmp_path / "done.db"
    shutil.copyfile(first, done)
    applier(done).sync_doctype("Note")
    old, new = state_of(first), state_of(done)
    path.parent.mkdir()
    told: list[str] = []
    for fault in every_fault("error", sticky=True):
        for left in path.parent.iterdir():
            left.unlink()
        shutil.copyfile(first, path)
        error: MigrationError | None = None
        try:
            with fault:
                applier(path).sync_doctype("Note")
        except MigrationError as raised:
            error = raised
        found = assert_old_or_new(path, old, new)
        if isinstance(error, CommitUnknownError):
            told.append(found)
        else:
            assert (found == "new") == (error is None), (found, error)
    assert "new" in told


def test_a_stored_migration_that_failed_is_applied_at_the_next_try(tmp_path: Path) -> None:
    """Its record of the failure gives way to the one of the success, and the history is sound."""
    path = tmp_path / "site.db"
    applier(path, BEFORE).sync_doctype("Note")
    (migration,) = applier(path).get_pending_migrations()

    def fail(connection: sqlite3.Connection, plan: object) -> None:
        raise RuntimeError("not today")

    for _ in range(2):
        with pytest.raises(ExecutionError, match="not today"):
            applier(path).apply_migration(migration, SyncOptions(after=fail))
        assert not applier(path).is_migration_applied(migration.id)
    assert applier(path).apply_migration(migration).success
    assert applier(path).is_migration_applied(migration.id)
    assert applier(path).history.verify() == ()
