"""A device that fails under a scratch file: it is named, and the site's database is not blamed."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate.backup.keys import KeyRing, generate_key
from sodaf_migrate.backup.manager import MigrationBackupManager
from sodaf_migrate.errors import DatabaseError, MigrationError
from sodaf_migrate.options import BackupOptions
from sodaf_migrate.testing.faults import fail_at

PLACES = 200 if os.environ.get("SODAF_TEST_DEEP") == "1" else 20
ROWS = 3_000  # more than the cache of a scratch database takes


@pytest.fixture
def manager(tmp_path: Path) -> MigrationBackupManager:
    """A site whose table does not fit into memory, and backups of it in a folder elsewhere."""
    site = tmp_path / "site" / "site.db"
    site.parent.mkdir()
    with closing(sqlite3.connect(site)) as connection, connection:
        connection.execute("CREATE TABLE tabThing (name TEXT PRIMARY KEY, v)")
        series = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {ROWS})"
        connection.execute(f"{series} INSERT INTO tabThing SELECT i || '', zeroblob(1000) FROM n")
    options = BackupOptions(directory=tmp_path / "store", threads=1, lock_timeout=0.1)
    return MigrationBackupManager(site, options, ring=KeyRing((generate_key(),)))


WORK: dict[str, Callable[[MigrationBackupManager, str], Any]] = {
    "full": lambda manager, made: manager.create_backup("Thing"),
    "column": lambda manager, made: manager.create_column_backup("Thing", ["v"]),
    "incremental": lambda manager, made: manager.create_backup("Thing", type="INCREMENTAL"),
    "look": lambda manager, made: manager.restore_from_backup(made, dry_run=True),
    "restore": lambda manager, made: manager.restore_from_backup(made),
}


@pytest.mark.parametrize("name", WORK)
def test_the_file_that_failed_is_named(manager: MigrationBackupManager, name: str) -> None:
    """Whichever operation fails: what is said names that file's folder; one of the scratch alone, where it is sure."""
    made = manager.create_backup("Thing").id
    with fail_at(10**9, reads=True) as counting:
        WORK[name](manager, made)
    scratch = 0
    for place in range(1, counting.met + 1, max(1, counting.met // PLACES)):
        with fail_at(place, reads=True) as fault:
            try:
                WORK[name](manager, made)
            except DatabaseError as error:
                met = error
            except MigrationError:
                continue
            else:
                continue
        code = str(met.details.get("sqlite_error"))
        if fault.first is None or not code.startswith("SQLITE_IOERR"):
            continue
        path = str(fault.first.path or "")
        if "scratch." in path:
            scratch += 1
            assert str(manager.store.directory) in met.message, (fault, met.message)
            if code.endswith("_WRITE"):
                assert "site.db" not in met.message, (fault, met.message)
        elif "site.db" in path and "backups" not in path and "WRITE" not in code:
            assert "site.db" in met.message, (fault, met.message)
    assert scratch


def test_a_database_that_cannot_be_read_is_named_too(manager: MigrationBackupManager) -> None:
    """SQLite says not which file it was that a copy could not read: both are named."""
    with closing(sqlite3.connect(manager._home.source)) as connection:  # type: ignore[call-overload]
        connection.execute("PRAGMA journal_mode = WAL")
    met = []
    for place in range(1, 60, 1 if PLACES > 20 else 3):
        with fail_at(place, reads=True) as fault:
            try:
                manager.create_backup()
            except DatabaseError as error:
                if fault.first is not None and "IOERR" in str(error.details.get("sqlite_error")):
                    met.append((str(fault.first.path), error.message))
            except MigrationError:
                continue
    assert met
    assert all("site.db" in message for path, message in met if "site.db" in path), met
