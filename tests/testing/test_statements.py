"""Statements that fail, and disks that are full, under a real migration."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sodaf_migrate import DatabaseError, ExecutionError, MigrationApplier, Schema
from sodaf_migrate.errors import CommitUnknownError, ConfigurationError, DiskFullError
from sodaf_migrate.testing.check import assert_old_or_new, state_of
from sodaf_migrate.testing.disk import little_room, small_disk
from sodaf_migrate.testing.statements import failing_connection
from tests.testing.test_faults import fill

WISH = "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT COLLATE NOCASE, c INT NOT NULL DEFAULT 5)"


@pytest.mark.parametrize("sticky", [False, True])
def test_a_migration_survives_every_statement(tmp_path: Path, sticky: bool) -> None:
    """Each statement of a migration fails, BEGIN and COMMIT too: old or new, and the error is ours."""
    path, at, kinds = tmp_path / "t.db", 0, set()
    fill(path, "delete")
    old = state_of(path)
    MigrationApplier(path).sync_schema(Schema.from_sql(WISH))
    new = state_of(path)
    while True:
        at += 1
        fill(path, "delete")
        with failing_connection(path, at=at, sticky=sticky) as connection:
            try:
                MigrationApplier(connection).sync_schema(Schema.from_sql(WISH))
            except (CommitUnknownError, DatabaseError, ExecutionError):
                kinds.add(connection.statement.split()[0])
        verdict = assert_old_or_new(path, old, new)
        if connection.met < at:
            break
    assert verdict == "new" and at > 50
    assert {"BEGIN", "COMMIT", "PRAGMA", "INSERT", "SELECT"} <= kinds


def test_the_number_is_checked(tmp_path: Path) -> None:
    """Statements are counted from one."""
    with pytest.raises(ConfigurationError, match='statement "0"'), failing_connection(tmp_path / "t.db", at=0):
        pass


def test_little_room(tmp_path: Path) -> None:
    """A database that may grow by one page only takes no rebuild, and says that it is full."""
    path = tmp_path / "t.db"
    fill(path, "delete")
    old = state_of(path)
    with pytest.raises((DiskFullError, ExecutionError), match="full"):
        MigrationApplier(path, on_connect=little_room(1)).sync_schema(Schema.from_sql(WISH))
    assert state_of(path) == old
    assert MigrationApplier(path, on_connect=little_room(1000)).sync_schema(Schema.from_sql(WISH)).changed


def test_a_small_disk() -> None:
    """A real full disk: the migration fails as a whole, and works once there is room."""
    try:
        with small_disk(100) as folder:
            path = folder / "t.db"
            fill(path, "delete")
            filler = folder / "filler"
            filler.write_bytes(bytes(60_000))
            old = state_of(path)
            with pytest.raises((DatabaseError, ExecutionError), match=r"full|room"):
                MigrationApplier(path).sync_schema(Schema.from_sql(WISH))
            assert state_of(path) == old
            filler.unlink()
            assert MigrationApplier(path).sync_schema(Schema.from_sql(WISH)).changed
            with closing(sqlite3.connect(path)) as connection:
                assert connection.execute("SELECT count(*) FROM t WHERE c = 5").fetchone() == (40,)
    except ConfigurationError as error:
        pytest.skip(f"{error}")
