"""Whether there is room is asked before the first change; where the disk fills all the same, everything is undone."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sodaf_migrate import (
    Cost,
    DatabaseError,
    DiskFullError,
    ExecutionError,
    MigrationApplier,
    MigrationExecutor,
    Schema,
    SyncOptions,
)
from sodaf_migrate.execute.room import free_bytes, sorting_folder

BEFORE = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT); CREATE INDEX t_a ON t (a);"
AFTER = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE, b TEXT); CREATE INDEX t_a ON t (a);"
COUNT = 2000


def fill(path: Path, mode: str = "delete") -> Path:
    """A table of one megabyte whose change is a rebuild."""
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA journal_mode = {mode}")
    connection.executescript(BEFORE)
    rows = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {COUNT})"
    connection.execute(f"{rows} INSERT INTO t SELECT i, 'a' || i, hex(randomblob(250)) FROM n")
    connection.commit()
    connection.close()
    MigrationApplier(path).adopt_schema()
    return path


def state(path: Path) -> list[str]:
    """Everything but the history; the database is sound."""
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    lines = [line for line in connection.iterdump() if "tabMigration" not in line and "sqlite_sequence" not in line]
    connection.close()
    return lines


@pytest.fixture(params=["delete", "wal"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The database in either journal mode."""
    return fill(tmp_path / "site.db", request.param)


def test_too_little_room_is_said_before(site: Path) -> None:
    """The folder, what is needed and what is free; no step was begun, and nothing is recorded as failed."""
    before, asked = state(site), []

    def free(folder: Path) -> int:
        asked.append(folder)
        return 100_000

    applier = MigrationApplier(site, executor=MigrationExecutor(free=free))
    with pytest.raises(DiskFullError, match=r"needs about \d\.\d MB .* 0\.1 MB are free") as caught:
        applier.sync_schema(Schema.from_sql(AFTER))
    assert caught.value.details["folder"] == str(site.parent) and asked == [site.parent] and caught.value.hint
    assert caught.value.details["needed_bytes"] > COUNT * 500 and state(site) == before
    assert [record.status for record in applier.history.get_migration_history()].count("failed") == 0


def test_enough_room_is_enough(site: Path) -> None:
    """Five times the table and its indexes are plenty, in either mode."""
    applier = MigrationApplier(site, executor=MigrationExecutor(free=lambda folder: 5_000_000))
    result = applier.sync_schema(Schema.from_sql(AFTER))
    assert result.changed and result.plan is not None and result.plan.cost is Cost.REBUILD


def test_an_instant_change_asks_for_none(site: Path) -> None:
    """Where no row is written nobody looks at the disk."""
    applier = MigrationApplier(site, executor=MigrationExecutor(free=lambda folder: 0))
    assert applier.sync_schema(Schema.from_sql(BEFORE.replace("b TEXT", "b TEXT, c TEXT"))).changed


def test_pages_that_may_not_be_had_are_said_before(site: Path) -> None:
    """``max_page_count`` bounds the database like a disk."""
    before = state(site)
    connection = sqlite3.connect(site)
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + 20}")
    with pytest.raises(DiskFullError, match=f"may have {pages + 20} pages"):
        MigrationApplier(connection).sync_schema(Schema.from_sql(AFTER))
    connection.close()
    assert state(site) == before


def test_a_disk_that_fills_half_way(site: Path) -> None:
    """SQLite rolls back by itself; the failure is named, told in history, and the connection goes on working."""
    before = state(site)
    connection = sqlite3.connect(site, isolation_level=None)

    def shrink(lent: sqlite3.Connection, plan: object) -> None:
        pages = lent.execute("PRAGMA page_count").fetchone()[0]
        lent.execute(f"PRAGMA max_page_count = {pages + 20}")

    applier = MigrationApplier(connection)
    with pytest.raises(ExecutionError, match="No room left") as caught:
        applier.sync_schema(Schema.from_sql(AFTER), SyncOptions(before=shrink))
    assert caught.value.details["cause"] == "DISK_FULL" and not connection.in_transaction
    assert state(site) == before
    connection.execute("PRAGMA max_page_count = 4294967294")
    assert [record.status for record in applier.history.get_migration_history()] == ["failed"]
    assert applier.sync_schema(Schema.from_sql(AFTER)).changed
    connection.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of eight megabytes, where this user may make one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = shutil.which("mount")
    if os.name != "posix" or not mount or os.getuid() != 0:
        pytest.skip("no file system can be made here")
    done = subprocess.run([mount, "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], capture_output=True)
    if done.returncode:
        pytest.skip("no file system can be made here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("mode", ["delete", "wal"])
@pytest.mark.parametrize("asked", [True, False])
def test_a_small_disk(small_disk: Path, mode: str, asked: bool) -> None:
    """On a disk that is really too small: refused beforehand, and undone where nobody asked."""
    site = fill(small_disk / "site.db", mode)
    before = state(site)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(max(free_bytes(small_disk) - 600_000, 0)))
    executor = MigrationExecutor() if asked else MigrationExecutor(free=lambda folder: 10**12)
    with pytest.raises(DiskFullError if asked else (ExecutionError, DatabaseError)) as caught:
        MigrationApplier(site, executor=executor).sync_schema(Schema.from_sql(AFTER))
    assert caught.value.hint and state(site) == before
    ballast.unlink()
    assert MigrationApplier(site).sync_schema(Schema.from_sql(AFTER)).changed


def test_where_sqlite_sorts(tmp_path: Path) -> None:
    """The first folder that can be written, in SQLite's own order."""
    assert sorting_folder([str(tmp_path / "none"), str(tmp_path)]) == tmp_path
    assert sorting_folder([None, str(tmp_path)]) == tmp_path
    environment = {**os.environ, "SQLITE_TMPDIR": str(tmp_path)}
    program = "from sodaf_migrate.execute.room import sorting_folder; print(sorting_folder())"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], env=environment, cwd=root, capture_output=True, text=True)
    assert done.stdout.strip() == str(tmp_path), done.stderr
