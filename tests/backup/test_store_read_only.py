"""A store on a medium that is write-protected: everything in it can be listed, checked at each level and restored."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate import DocTypeEngine, MigrationApplier, SyncOptions
from sodaf_migrate.backup.info import BackupInfo
from sodaf_migrate.backup.manager import MigrationBackupManager
from sodaf_migrate.backup.store import BackupStore
from sodaf_migrate.errors import BackupFileError, DiskFullError, LockHeldError
from sodaf_migrate.options import BackupOptions

KEY = bytes(range(32))
ROWS = [("a", "007"), ("b", "08")]


def engine(*names: str) -> DocTypeEngine:
    """One DocType with these fields."""
    fields = [{"fieldname": name, "fieldtype": "Data"} for name in names]
    return DocTypeEngine.from_doctypes([{"name": "Thing", "fields": fields}])


def asked(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """What the database answers."""
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(sql).fetchall()


class Site:
    """A site with a backup of each kind, among them one that a migration needs to go back."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path, self.store = folder, folder / "site.db", folder / "store"
        MigrationApplier(self.path, engine("code"), backup_options=self.options).sync_doctype("Thing")
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.executemany("INSERT INTO tabThing (name, code) VALUES (?, ?)", ROWS)
        manager = self.manager()
        self.whole, self.table = manager.create_backup(), manager.create_backup("Thing")
        self.column = manager.create_column_backup("Thing", ["code"])
        self.later = manager.create_backup(type="INCREMENTAL")

    @property
    def options(self) -> BackupOptions:
        """Its backups lie in a folder of their own."""
        return BackupOptions(directory=self.store, key=KEY, threads=1, lock_timeout=0.2)

    @property
    def all(self) -> tuple[BackupInfo, ...]:
        return (self.whole, self.table, self.column, self.later)

    def manager(self) -> MigrationBackupManager:
        return MigrationBackupManager(self.path, self.options)

    def rows(self, path: Path | None = None) -> list[tuple[Any, ...]]:
        return asked(path or self.path, "SELECT name, code FROM tabThing ORDER BY name")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site whose store can still be written to."""
    return Site(tmp_path)


@pytest.fixture
def protected(site: Site) -> Iterator[Site]:
    """The site once its store is mounted read-only, as a whole without lock or unfinished file."""
    mount = shutil.which("mount")
    if not mount or os.getuid() != 0:
        pytest.skip("nothing is read-only for this user")
    (site.store / ".lock").unlink()
    if subprocess.run([mount, "--bind", str(site.store), str(site.store)], capture_output=True).returncode:
        pytest.skip("nothing is read-only for this user")
    subprocess.run([mount, "-o", "remount,ro,bind", str(site.store)], check=True)
    yield site
    subprocess.run(["umount", str(site.store)], check=True)


def test_it_is_checked_at_each_level(protected: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sound is found sound; the scratch is where TMPDIR says, and nothing of it stays."""
    scratch = protected.folder / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    manager = protected.manager()
    assert [info.id for info in manager.list_backups()] == [info.id for info in protected.all]
    for info in protected.all:
        for level in (0, 1, 2):
            result = manager.verify_backup(info.id, level=level)
            assert result.ok, result.problems
    assert list(scratch.iterdir()) == []
    monkeypatch.setattr(tempfile, "tempdir", str(protected.folder / "nowhere"))
    with pytest.raises(BackupFileError, match="nowhere"):
        manager.verify_backup(protected.whole.id, level=2)


def test_everything_comes_back(protected: Site) -> None:
    """Into new databases, other tables, and over live rows, which are backed up beside the database first."""
    manager, beside = protected.manager(), protected.folder / "site.db.backups"
    for number, info in enumerate((protected.whole, protected.table, protected.later)):
        manager.restore_from_backup(info.id, database=protected.folder / f"{number}.db")
        assert protected.rows(protected.folder / f"{number}.db") == ROWS
    assert manager.restore_from_backup(protected.table.id, into="copy").inserted == 2
    assert manager.restore_from_backup(protected.whole.id, into="tabThing").unchanged == 2
    assert not beside.exists()
    for info in (protected.table, protected.column, protected.whole):
        asked(protected.path, "UPDATE tabThing SET code = 'lost'")
        result = manager.restore_from_backup(info.id)
        assert protected.rows() == ROWS
        assert result.safety_backup is not None and str(beside) in " ".join(result.told)
        other = MigrationBackupManager(protected.path, BackupOptions(key=KEY))
        assert other.verify_backup(result.safety_backup, level=2).ok


def test_where_there_is_no_other_store(site: Site) -> None:
    """Where the store beside the database is the one that can only be read, what would be overwritten has no place."""
    site.store.rename(site.folder / "site.db.backups")
    site.store = site.folder / "site.db.backups"
    asked(site.path, "UPDATE tabThing SET code = 'live'")
    script = """
import os, sys
from sodaf_migrate import MigrationBackupManager, BackupOptions
from sodaf_migrate.errors import BackupFileError
database, whole, table = sys.argv[1:]
manager = MigrationBackupManager(database, BackupOptions(key=bytes(range(32)), threads=1))
assert manager.verify_backup(table, level=2).ok and manager.restore_from_backup(table, dry_run=True).updated == 2
os.chmod(manager.store.directory, 0o555)
for name in os.listdir(manager.store.directory):
    os.chmod(os.path.join(manager.store.directory, name), 0o444)
os.setgid(65534); os.setuid(65534)
assert manager.verify_backup(whole, level=2).ok
manager.restore_from_backup(table, into="copy")
try:
    manager.restore_from_backup(table)
except BackupFileError as error:
    assert "could not be used for backups" in error.message and "into another table" in error.hint
    print("refused")
"""
    if os.getuid() != 0:
        pytest.skip("nothing is read-only for this user")
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others
        shutil.copytree(site.folder, name, dirs_exist_ok=True)
        for each in (Path(name), Path(name) / "site.db"):
            os.chown(each, 65534, 65534)
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        command = [sys.executable, "-c", script, f"{name}/site.db", site.whole.id, site.table.id]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, "refused\n"), done.stderr
        assert site.rows(Path(name) / "site.db") == [("a", "live"), ("b", "live")]


def test_a_migration_goes_back(site: Site) -> None:
    """A rollback reads what was taken away from a store that can only be read."""
    force = SyncOptions(allow=frozenset({"drop_column"}))
    applied = MigrationApplier(site.path, engine(), backup_options=site.options).sync_doctype("Thing", force)
    assert applied.backup_path is not None
    mount = shutil.which("mount")
    if not mount or os.getuid() != 0:
        pytest.skip("nothing is read-only for this user")
    if subprocess.run([mount, "--bind", str(site.store), str(site.store)], capture_output=True).returncode:
        pytest.skip("nothing is read-only for this user")
    try:
        subprocess.run([mount, "-o", "remount,ro,bind", str(site.store)], check=True)
        applier = MigrationApplier(site.path, engine(), backup_options=site.options)
        assert applier.rollback_migration(str(applied.migration_id)).success
    finally:
        subprocess.run(["umount", str(site.store)], check=True)
    assert site.rows() == ROWS


def test_who_reads_keeps_others_from_deleting(site: Site) -> None:
    """A restore and a prune do not meet in one store, whichever comes first."""
    store = BackupStore(site.store)
    with store.reading(), store.writing(), pytest.raises(LockHeldError), store.alone(timeout=0):
        raise AssertionError("somebody deletes what is read")
    with store.alone(), pytest.raises(LockHeldError), store.reading(timeout=0):
        raise AssertionError("somebody reads what is deleted")
    with BackupStore(site.folder / "nowhere").reading():
        assert not (site.folder / "nowhere").exists()


def test_a_lock_that_is_none(site: Site) -> None:
    """Something else in the lock's place is no reason to read without one."""
    (site.store / ".lock").unlink()
    (site.store / ".lock").mkdir()
    with pytest.raises(BackupFileError, match="could not be read"), BackupStore(site.store).reading():
        raise AssertionError("the store was opened")


def test_room_is_looked_for_where_the_scratch_is(protected: Site, tmp_path: Path) -> None:
    """Not in the store, which takes nothing."""
    met: list[Path] = []
    store = BackupStore(protected.store, free=lambda folder: met.append(folder) or 0)  # type: ignore[func-returns-value]
    with pytest.raises(DiskFullError, match="bytes free"):
        store.check_room(1)
    assert met == [Path(tempfile.gettempdir())] and met != [protected.store]
