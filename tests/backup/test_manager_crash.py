"""What is left when making, pruning or rotating stops at any file operation, and the order in which all is on disk."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sodaf_migrate.backup.files import FileOps
from sodaf_migrate.backup.keys import KeyRing, generate_key
from sodaf_migrate.backup.manager import MigrationBackupManager
from sodaf_migrate.backup.store import BackupStore
from sodaf_migrate.compare.changes import SchemaDiff
from sodaf_migrate.errors import BackupError, DiskFullError, MigrationError
from sodaf_migrate.history.tables import CATALOGUE
from sodaf_migrate.options import BackupOptions, PruneOptions
from sodaf_migrate.plan import Cost, Loss, Plan, Step
from sodaf_migrate.wire.open import open_wire

ONE = BackupOptions(threads=1)
LOSS = Loss(table="tabCustomer", columns=("x",), became=("",), key=("name",))
STEP = Step(title="t", target="tabCustomer", cost=Cost.INSTANT, reason="", up=(), down=(), losses=(LOSS,))
PLAN = Plan(doctype="Customer", version="1", diff=SchemaDiff(doctype="Customer"), steps=(STEP,))


class Stop(BaseException):
    """The process ends here."""


class Ops(FileOps):
    """Writes each operation into ``log``, and fails or stops at the ``at``-th one of ``kinds``."""

    def __init__(
        self, log: list[str] | None = None, *, at: int = 0, error: BaseException | None = None, kinds: str = ""
    ) -> None:
        self.log: list[str] = [] if log is None else log
        self._at, self._error, self._kinds, self.count = at, error, kinds.split(), 0

    def _told(self, kind: str, name: str = "") -> None:
        self.log.append(f"{kind} {name}".strip())
        if not self._kinds or kind in self._kinds:
            self.count += 1
            if self.count == self._at and self._error is not None:
                raise self._error

    def create(self, path: Path) -> int:
        self._told("create", path.name)
        return super().create(path)

    def write(self, descriptor: int, data: bytes) -> None:
        self._told("write")
        super().write(descriptor, data)

    def fsync(self, descriptor: int) -> None:
        self._told("fsync")
        super().fsync(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        self._told("rename", target.name)
        super().rename(source, target)

    def unlink(self, path: Path) -> None:
        self._told("unlink", path.name)
        super().unlink(path)

    def fsync_folder(self, path: Path) -> None:
        self._told("fsync_folder", path.name)
        super().fsync_folder(path)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A database with a table and a row."""
    path = tmp_path / "site.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE tabCustomer (name TEXT PRIMARY KEY, x)")
        connection.execute("INSERT INTO tabCustomer VALUES ('a', 'secret')")
    return path


@pytest.fixture
def ring() -> KeyRing:
    """A key."""
    return KeyRing((generate_key(),))


def test_the_backup_is_on_disk_before_anything_says_that_it_is(site: Path, ring: KeyRing) -> None:
    """File synced, named, folder synced, read back; then the catalogue's row, then COMMIT: in one recorded log."""
    log: list[str] = []

    def trace(connection: sqlite3.Connection) -> None:
        connection.set_trace_callback(lambda sql: log.append(f"sql {sql}"))

    class Store(Ops):
        def open_read(self, path: Path) -> int:
            log.append(f"read {path.name}")
            return super().open_read(path)

    manager = MigrationBackupManager(site, ONE, ring=ring, files=Store(log), on_connect=trace)
    with open_wire(site, on_connect=trace) as wire, wire.atomic():
        (info,) = manager.before_change(wire, PLAN, "m1")
        wire.run("UPDATE tabCustomer SET x = NULL")
        manager.note(wire, info)
    _in_order(log, info.name)
    log.clear()
    info = manager.create_backup("Customer")
    _in_order(log, info.name)


def _in_order(log: list[str], name: str) -> None:
    named = log.index(f"rename {name}")
    synced = max(place for place, entry in enumerate(log[:named]) if entry == "fsync")
    assert "write" not in log[synced:named], "something was written after the sync"
    folder = next(place for place, entry in enumerate(log) if place > named and entry.startswith("fsync_folder"))
    row = next(place for place, entry in enumerate(log) if entry.startswith("sql INSERT") and CATALOGUE in entry)
    changes = [place for place, entry in enumerate(log) if entry.startswith("sql UPDATE")]
    commit = max(place for place, entry in enumerate(log) if entry == "sql COMMIT")
    assert folder == named + 1, "the name is not on the device at once"
    assert f"read {name}" in log[folder:row], "nobody read it back"
    assert folder < row < commit
    assert all(place > folder for place in changes), "a change before its backup"


def count_of(site: Path, ring: KeyRing) -> int:
    """How many file operations one backup takes, in a store that is there."""
    for ops in (Ops(), Ops()):
        MigrationBackupManager(site, ONE, ring=ring, files=ops).create_backup("Customer")
    return ops.count


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_a_disk_that_fails_at_any_operation(site: Path, ring: KeyRing, error: int) -> None:
    """An error of its own, no row, no plaintext, nothing half: a file that has its name is whole."""
    for at in range(1, count_of(site, ring) + 1):
        good = MigrationBackupManager(site, ONE, ring=ring)
        before = good.list_backups()
        failing = MigrationBackupManager(site, ONE, ring=ring, files=Ops(at=at, error=OSError(error, "broken")))
        try:
            failing.create_backup("Customer")
        except MigrationError as raised:
            assert isinstance(raised, DiskFullError if error == errno.ENOSPC else BackupError)
        rows = [info for info in good.list_backups() if info.state != "unlisted"]
        assert len(rows) <= len(before) + 1
        _nothing_half(good)


def test_a_process_that_ends_at_any_operation(site: Path, ring: KeyRing) -> None:
    """As if it were killed there: no row without its file; the next one removes what is half."""
    for at in range(1, count_of(site, ring) + 1):
        stopping = MigrationBackupManager(site, ONE, ring=ring, files=Ops(at=at, error=Stop()))
        with pytest.raises(Stop):
            stopping.create_backup("Customer")
        _nothing_half(MigrationBackupManager(site, ONE, ring=ring))


def _nothing_half(manager: MigrationBackupManager) -> None:
    for info in manager.list_backups():
        assert info.state in ("stored", "unlisted")
    with manager.store.writing():
        pass
    assert [path.name for path in manager.store.directory.iterdir() if path.name.endswith(".tmp")] == []
    manager.rebuild_catalogue()
    assert all(manager.verify_backup(info.id).ok for info in manager.list_backups())
    assert all(b"secret" not in path.read_bytes() for path in manager.store.directory.iterdir())


def test_a_prune_that_ends_at_any_deletion(site: Path, ring: KeyRing) -> None:
    """No row promises a file that is gone, no child is left alone, and the next prune goes on."""
    for at in (1, 2, 3):
        manager = MigrationBackupManager(site, ONE, ring=ring)
        manager.create_backup("Customer")
        for _ in range(2):
            manager.create_backup("Customer", type="INCREMENTAL")
        newest = manager.create_backup("Customer")
        stopping = MigrationBackupManager(site, ONE, ring=ring, files=Ops(at=at, error=Stop(), kinds="unlink"))
        with pytest.raises(Stop):
            stopping.prune(PruneOptions(max_count=0))
        left = manager.list_backups()
        assert {info.state for info in left} == {"stored", "unlisted"}
        names = {info.id for info in left}
        assert all(info.parent is None or info.parent in names for info in left)
        manager.rebuild_catalogue()  # what it does not list may be another database's
        manager.prune(PruneOptions(max_count=0))
        assert [info.id for info in manager.list_backups()] == [newest.id]
        manager.store.path_of(newest.name).unlink()
        manager.rebuild_catalogue()


def test_a_rotation_that_ends_at_any_file(site: Path) -> None:
    """Each backup opens with the old key or the new one at any moment; made again, the new one opens all."""
    for at in (1, 2, 3):
        old, new = KeyRing((generate_key(),)), KeyRing((generate_key(),))
        both = KeyRing((*new.keys, *old.keys))
        directory = site.with_name(f"store{at}")
        options = BackupOptions(directory=directory, threads=1)
        manager = MigrationBackupManager(site, options, ring=old)
        ids = [manager.create_backup("Customer").id for _ in range(3)]
        stopping = MigrationBackupManager(site, options, ring=old, files=Ops(at=at, error=Stop(), kinds="rename"))
        with pytest.raises(Stop):
            stopping.rotate_keys(new)
        either = MigrationBackupManager(site, options, ring=both)
        assert either.locked_backups() == ()
        assert len(manager.rotate_keys(new).rotated) == 3
        fresh = MigrationBackupManager(site, options, ring=new)
        assert all(fresh.verify_backup(backup_id).ok for backup_id in ids)
        with closing(sqlite3.connect(site)) as connection, connection:
            connection.execute(f'DELETE FROM "{CATALOGUE}"')


def test_no_room_is_said_before_anything_is_unpacked(site: Path, ring: KeyRing) -> None:
    """A small file that says that it holds more than the disk has is not begun with."""
    manager = MigrationBackupManager(site, ONE, ring=ring)
    table, whole = manager.create_backup("Customer"), manager.create_backup()
    manager._store = BackupStore(manager.store.directory, free=lambda folder: 1000)
    for work in (
        lambda: manager.restore_from_backup(table.id),
        lambda: manager.restore_from_backup(whole.id, database=site.with_name("new.db")),
        lambda: manager.create_backup(),
    ):
        with pytest.raises(DiskFullError, match="1,000 bytes free"):
            work()
    assert not site.with_name("new.db").exists()
    assert len(manager.list_backups()) == 2
