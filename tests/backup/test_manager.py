"""The manager on real databases: what it makes can be found, checked, restored and given up, in that order of care."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import sodaf_migrate
from sodaf_migrate.backup.info import BackupInfo
from sodaf_migrate.backup.keys import KeyRing, generate_key, write_key_file
from sodaf_migrate.backup.manager import MigrationBackupManager
from sodaf_migrate.compare.changes import SchemaDiff
from sodaf_migrate.errors import (
    BackupDamagedError,
    BackupError,
    BackupKeyMissingError,
    BackupUnencryptedError,
    ConfigurationError,
    DiskFullError,
    LockHeldError,
    MigrationCancelledError,
    MigrationTimeoutError,
    UnknownBackupError,
)
from sodaf_migrate.events import CancelToken, Progress
from sodaf_migrate.history.manager import MigrationHistoryManager
from sodaf_migrate.history.tables import CATALOGUE
from sodaf_migrate.options import BackupOptions, PruneOptions
from sodaf_migrate.plan import Cost, Loss, Plan, Step
from sodaf_migrate.report.backups import verified_backups_lines
from sodaf_migrate.testing.faults import fail_at
from sodaf_migrate.wire.open import open_wire

ROWS: list[tuple[Any, ...]] = [
    ("a", 2**63 - 1, 0.1, b"\x00\xff", None),
    ("b\x00c", -(2**63), -0.0, "text", 1.5),
    ("\U0001f600", None, float("inf"), b"", "1"),
]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without a key."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    for name in ("XDG_CONFIG_HOME", "SODAF_BACKUP_KEY", "SODAF_BACKUP_KEY_FILE", "SODAF_BACKUP_PASSPHRASE"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A database with two tables and a few rows."""
    path = tmp_path / "site.db"
    execute(path, "CREATE TABLE tabCustomer (name TEXT PRIMARY KEY, n INTEGER, r REAL, x, y)")
    execute(path, "CREATE TABLE tabItem (name TEXT PRIMARY KEY)")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany("INSERT INTO tabCustomer VALUES (?, ?, ?, ?, ?)", ROWS)
    return path


@pytest.fixture
def manager(site: Path) -> MigrationBackupManager:
    """Its backups, with a key of their own."""
    return MigrationBackupManager(site, BackupOptions(threads=1), ring=KeyRing((generate_key(),)))


def execute(path: Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """One statement, as the application would run it."""
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(sql, values).fetchall()


def rows(path: Path, table: str = "tabCustomer") -> list[tuple[Any, ...]]:
    """Every row with the storage class of its values."""
    return execute(path, f'SELECT rowid, *, typeof(x), typeof(y), typeof(n) FROM "{table}" ORDER BY rowid')


def damage(info: BackupInfo, *, at: float = 0.5) -> None:
    """Flips one bit of the file."""
    data = bytearray(Path(info.path).read_bytes())
    data[int(len(data) * at)] ^= 1
    Path(info.path).write_bytes(data)


# Making and looking.


@pytest.mark.parametrize("type", ["FULL", "SCHEMA", "INCREMENTAL"])
@pytest.mark.parametrize("doctype", ["Customer", "tabCustomer", None])
def test_made_and_found(manager: MigrationBackupManager, doctype: str | None, type: str) -> None:
    """A backup is on disk with mode 0600 in a folder of 0700, on record, good at each level, and found by its id."""
    info = manager.create_backup(doctype, type=type)
    path = Path(info.path)
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)
    assert (info.size, info.encrypted, info.compressed) == (path.stat().st_size, True, True)
    assert info.scope == ("table" if doctype else "database")
    assert manager.list_backups() == (info,) == manager.list_backups(doctype)
    assert manager.find(info.id) == manager.find(info.id[:8]) == manager.inspect(info.id) == info
    for level in (0, 1, 2):
        checked = manager.verify_backup(info.id, level=level)
        assert (checked.ok, checked.problems, checked.chain) == (True, (), (info.id,))
    if type == "INCREMENTAL":
        assert info.type == "FULL" and "no full backup to build on" in info.told


def test_nothing_of_the_rows_is_readable(manager: MigrationBackupManager, site: Path) -> None:
    """No value is in the file, and no other file is left in the store."""
    execute(site, "INSERT INTO tabCustomer (name, x) VALUES ('secret', ?)", "a very secret value " * 50)
    info = manager.create_backup()
    assert b"secret" not in Path(info.path).read_bytes()
    assert sorted(path.name for path in manager.store.directory.iterdir()) == [".lock", info.name]


def test_what_is_told_without_the_key(manager: MigrationBackupManager, site: Path) -> None:
    """The public part has counts, columns, tool, database and the head of its history."""
    MigrationHistoryManager(site).initialize_history_table()
    info = manager.create_backup("Customer")
    head = MigrationHistoryManager(site).head()
    assert info.record_count == info.about["records"] == 3
    assert info.about["columns"] == ["name", "n", "r", "x", "y"]
    assert info.about["database"] == "site.db"
    assert info.about["history"] == {"count": head.count, "hash": head.hash}
    stranger = MigrationBackupManager(site, ring=KeyRing())
    assert stranger.inspect(info.id) == info and stranger.verify_backup(info.id, level=0).ok


def test_looking_writes_nothing(manager: MigrationBackupManager, site: Path) -> None:
    """Every look leaves the database byte for byte, and makes no folder."""
    before = site.read_bytes()
    assert manager.list_backups() == ()
    assert manager.rebuild_catalogue(dry_run=True).total == 0
    assert manager.prune(PruneOptions(max_age=0), dry_run=True).deleted == ()
    assert site.read_bytes() == before and not manager.store.directory.exists()
    info = manager.create_backup("Customer")
    before = site.read_bytes()
    manager.inspect(info.id), manager.verify_backup(info.id, level=2), manager.list_backups()
    manager.restore_from_backup(info.id, dry_run=True)
    assert site.read_bytes() == before


def test_ids(manager: MigrationBackupManager) -> None:
    """An id that is none, too short, or not the only one, is refused with the way on."""
    info = manager.create_backup("Customer", type="SCHEMA")
    for wrong in ("", info.id[:3], "f" * 32, "../" + info.name, info.path + ".sdbk"):
        with pytest.raises(UnknownBackupError):
            manager.find(wrong)
    assert manager.find(info.name) == manager.find(info.path) == manager.find(info.id[:12]) == info


def test_incremental_chain(manager: MigrationBackupManager, site: Path) -> None:
    """Each builds on the one before, and restores to exactly its own moment; the ninth is a full one again."""
    states, infos = [], []
    for number in range(9):
        execute(site, "UPDATE tabCustomer SET y = ? WHERE name = 'a'", number)
        states.append(rows(site))
        infos.append(manager.create_backup("Customer", type="INCREMENTAL"))
    assert [info.type for info in infos] == ["FULL", *["INCREMENTAL"] * 7, "FULL"]
    assert [info.parent for info in infos[1:8]] == [info.id for info in infos[:7]]
    assert "more than 8" in infos[8].told
    for number in (8, 3, 7, 0):
        manager.restore_from_backup(infos[number].id)
        assert rows(site) == states[number]
    assert manager.verify_backup(infos[7].id, level=2).chain == tuple(info.id for info in infos[:8])


@pytest.mark.parametrize("harm", ["damaged", "deleted", "replaced"])
def test_a_parent_that_cannot_be_relied_on(manager: MigrationBackupManager, site: Path, harm: str) -> None:
    """Where the parent is damaged or gone the next one is full, and says why; the child's check names the parent."""
    full = manager.create_backup("Customer")
    child = manager.create_backup("Customer", type="INCREMENTAL")
    if harm == "damaged":
        damage(full)
    elif harm == "deleted":
        Path(full.path).unlink()
    else:
        other = manager.create_backup("Item")
        Path(full.path).write_bytes(Path(other.path).read_bytes())
    checked = manager.verify_backup(child.id)
    assert not checked.ok and full.id in checked.problems[0]
    info = manager.create_backup("Customer", type="INCREMENTAL")
    assert info.type == "FULL" and full.id[:12] in info.told
    with pytest.raises(BackupError):
        manager.restore_from_backup(child.id)


def test_without_its_parents_row_too(manager: MigrationBackupManager, site: Path) -> None:
    """A child whose parent is neither on record nor in the store says so."""
    full = manager.create_backup("Customer")
    child = manager.create_backup("Customer", type="INCREMENTAL")
    Path(full.path).unlink()
    manager.rebuild_catalogue()
    checked = manager.verify_backup(child.id, level=0)
    assert checked.problems == (f'its parent "{full.id}" is not in the store',)
    with pytest.raises(BackupDamagedError, match=full.id):
        manager.restore_from_backup(child.id)
    assert "parent" in manager.create_backup("Customer", type="INCREMENTAL").told


def test_column_backup(manager: MigrationBackupManager, site: Path) -> None:
    """Values of a column come back into the rows that are there."""
    info = manager.create_column_backup("Customer", ["x", "Y"])
    before = rows(site)
    execute(site, "UPDATE tabCustomer SET x = 'gone', y = NULL WHERE name <> 'a'")
    assert (info.type, info.record_count) == ("COLUMN", 3)
    manager.restore_from_backup(info.id)
    assert rows(site) == before


@pytest.mark.parametrize(
    ("doctype", "columns", "said"),
    [("Nobody", ["x"], "has no table"), ("Customer", ["z"], 'no column "z"'), ("Customer", [], "No column")],
)
def test_nothing_there_to_back_up(manager: MigrationBackupManager, doctype: str, columns: list[str], said: str) -> None:
    """A table or column that is not there is named, and no file is left."""
    with pytest.raises(BackupError, match=said):
        manager.create_column_backup(doctype, columns)
    assert manager.store.names() == ()


def test_types_that_are_none(manager: MigrationBackupManager) -> None:
    """A type, or a level, that is none is refused by name."""
    with pytest.raises(ConfigurationError, match="COLUMN"):
        manager.create_backup("Customer", type="COLUMN")
    with pytest.raises(ConfigurationError, match="level"):
        manager.verify_backup("x", level=3)


def test_a_database_in_memory() -> None:
    """It has no folder beside it, so the store must be named."""
    with closing(sqlite3.connect(":memory:")) as connection, pytest.raises(ConfigurationError, match="memory"):
        MigrationBackupManager(connection).list_backups()


def test_a_callers_connection(tmp_path: Path) -> None:
    """A database in memory is backed up and restored through the caller's own connection, which stays open."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE tabItem (name TEXT PRIMARY KEY)")
        connection.execute("INSERT INTO tabItem VALUES ('a')")
        options = BackupOptions(directory=tmp_path / "store", threads=1)
        manager = MigrationBackupManager(connection, options, ring=KeyRing((generate_key(),)))
        info = manager.create_backup("Item")
        connection.execute("DELETE FROM tabItem")
        manager.restore_from_backup(info.id)
        assert connection.execute("SELECT * FROM tabItem").fetchall() == [("a",)]


def test_progress_in_bytes(site: Path) -> None:
    """A listener hears bytes done of bytes in all, for making and for checking; one that fails stops nothing."""
    heard: list[Progress] = []
    size = site.stat().st_size
    ring = KeyRing((generate_key(),))
    info = MigrationBackupManager(site, ring=ring, listener=heard.append).create_backup()
    phases = {progress.phase: progress for progress in heard}
    assert {"backup", "check"} <= set(phases)
    last = phases["check"]
    assert (last.unit, last.done) == ("bytes", last.total) and last.done == size

    def broken(progress: Progress) -> None:
        raise ZeroDivisionError

    assert MigrationBackupManager(site, ring=ring, listener=broken).verify_backup(info.id).ok


def test_a_backup_that_takes_too_long(site: Path) -> None:
    """A timeout ends it; neither file nor row is left."""
    options = BackupOptions(timeout=0.0, threads=1)
    manager = MigrationBackupManager(site, options, ring=KeyRing((generate_key(),)))
    with pytest.raises(MigrationTimeoutError):
        manager.create_backup("Customer")
    assert manager.store.names() == () and manager.list_backups() == ()
    assert list(manager.store.directory.glob("*.tmp")) == []


def test_a_backup_is_cancelled(site: Path) -> None:
    """A token that is cancelled while the file is written ends it, and nothing of it is left."""
    token = CancelToken()
    manager = MigrationBackupManager(
        site,
        BackupOptions(threads=1),
        ring=KeyRing((generate_key(),)),
        listener=lambda progress: token.cancel() if progress.phase == "backup" else None,
        cancel=token,
    )
    with pytest.raises(MigrationCancelledError):
        manager.create_backup()
    assert [path.name for path in manager.store.directory.iterdir()] == [".lock"]


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_beside_a_writer(manager: MigrationBackupManager, site: Path, mode: str) -> None:
    """While somebody moves an amount from row to row, each backup holds one committed state: nothing is on the way."""
    execute(site, f"PRAGMA journal_mode = {mode}")
    execute(site, "CREATE TABLE tabPurse (name TEXT PRIMARY KEY, n INTEGER, filler)")
    execute(site, "INSERT INTO tabPurse VALUES ('a', 1000, randomblob(200000)), ('b', 0, randomblob(200000))")
    done = threading.Event()

    def move() -> None:
        with closing(sqlite3.connect(site, timeout=30)) as connection:
            while not done.wait(0.002):  # whoever never pauses lets nobody else in
                with connection:
                    connection.execute("UPDATE tabPurse SET n = n - 1 WHERE name = 'a'")
                    connection.execute("UPDATE tabPurse SET n = n + 1 WHERE name = 'b'")

    mover = threading.Thread(target=move)
    mover.start()
    try:
        infos = [manager.create_backup("Purse"), manager.create_backup(), manager.create_backup("Purse")]
    finally:
        done.set()
        mover.join()
    for number, info in enumerate(infos):
        other = site.with_name(f"other{number}.db")
        manager.restore_from_backup(info.id, database=other)
        assert execute(other, "SELECT sum(n) FROM tabPurse") == [(1000,)]


def test_several_at_once(site: Path) -> None:
    """Four that back up at the same time get four good backups, all on record."""
    ring = KeyRing((generate_key(),))
    failed: list[BaseException] = []

    def make() -> None:
        try:
            MigrationBackupManager(site, BackupOptions(threads=1), ring=ring).create_backup("Customer")
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    manager = MigrationBackupManager(site, ring=ring)
    assert not failed
    assert [info.state for info in manager.list_backups()] == ["stored"] * 4
    assert all(manager.verify_backup(info.id).ok for info in manager.list_backups())


# Before a change.


def plan_losing(*losses: Loss) -> Plan:
    """A plan that takes something away."""
    step = Step(title="t", target="tabCustomer", cost=Cost.INSTANT, reason="", up=(), down=(), losses=losses)
    return Plan(doctype="Customer", version="1", diff=SchemaDiff(doctype="Customer"), steps=(step,))


def test_before_a_change(manager: MigrationBackupManager, site: Path) -> None:
    """Under the write lock the backup of exactly the locked state is made; its row belongs to the migration."""
    before = rows(site)
    loss = Loss(table="tabCustomer", columns=("x",), became=("",), key=("name",))
    with open_wire(site) as wire:
        with pytest.raises(ZeroDivisionError), wire.atomic():
            (info,) = manager.before_change(wire, plan_losing(loss), "m1")
            manager.note(wire, info)
            raise ZeroDivisionError
        assert [entry.state for entry in manager.list_backups()] == ["unlisted"]
        with wire.atomic():
            wire.run("UPDATE tabItem SET name = name")
            manager.note(wire, info)
    assert manager.list_backups() == (info,)
    assert (info.type, info.migration_id, info.doctype, info.record_count) == ("COLUMN", "m1", "Customer", 3)
    execute(site, "UPDATE tabCustomer SET x = NULL")
    manager.restore_from_backup(info.id)
    assert rows(site) == before


def test_a_plan_that_loses_nothing(manager: MigrationBackupManager, site: Path) -> None:
    """No loss, no backup, no folder, no key."""
    with open_wire(site) as wire, wire.atomic():
        assert manager.before_change(wire, plan_losing(), "m1") == ()
    assert not manager.store.directory.exists()


def test_a_backup_that_fails_lets_nothing_begin(site: Path) -> None:
    """Without a place to write, or without a key, the call raises before anything was changed."""
    loss = Loss(table="tabCustomer", columns=("x",), became=("",), key=("name",))
    for options, ring in (
        (BackupOptions(directory=site), KeyRing((generate_key(),))),
        (BackupOptions(key=b"short"), None),
    ):
        manager = MigrationBackupManager(site, options, ring=ring)
        with open_wire(site) as wire, wire.atomic(), pytest.raises(BackupError):
            manager.before_change(wire, plan_losing(loss), "m1")


# Keys.


def test_first_use_makes_a_key(site: Path, home: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The first backup of a user without a key makes a key file of mode 0600, says so once, and never shows the key."""
    manager = MigrationBackupManager(site)
    info = manager.create_backup("Customer")
    path = home / ".config" / "sodaf-migrate" / "backup.key"
    assert manager.ring.made == path and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [record.message for record in caplog.records if str(path) in record.message]
    caplog.clear()
    again = MigrationBackupManager(site)
    again.create_backup("Item")
    assert again.ring.made is None and not caplog.records
    secret = path.read_text().splitlines()[-1]
    assert secret not in repr(manager.ring) + repr(manager.options) + caplog.text + repr(info)


def test_looking_makes_no_key(site: Path, home: Path, manager: MigrationBackupManager) -> None:
    """A check without any key says that there is none, and makes none: that would hide what is missing."""
    info = manager.create_backup("Customer")
    stranger = MigrationBackupManager(site)
    with pytest.raises(BackupKeyMissingError):
        stranger.verify_backup(info.id)
    with pytest.raises(BackupKeyMissingError):
        stranger.restore_from_backup(info.id)
    assert not (home / ".config").exists()
    ((locked, reason),) = stranger.locked_backups()
    assert locked == info and "key" in reason


def test_a_wrong_key_is_no_damage(site: Path, manager: MigrationBackupManager) -> None:
    """A key that does not fit is told apart from a file that is damaged."""
    info = manager.create_backup("Customer")
    stranger = MigrationBackupManager(site, ring=KeyRing((generate_key(),)))
    checked = stranger.verify_backup(info.id)
    assert (checked.ok, checked.locked) == (False, True)
    damage(info, at=0.9)
    checked = stranger.verify_backup(info.id)
    assert (checked.ok, checked.locked) == (False, False) and "hash" in checked.problems[0]


def test_unencrypted_only_by_name(site: Path) -> None:
    """A file that anybody can read is written, and read, only where that is asked for; a safety copy never is one."""
    plain = MigrationBackupManager(site, BackupOptions(encrypt=False))
    info = plain.create_backup("Customer")
    assert not info.encrypted and plain.verify_backup(info.id, level=2).ok
    ring = KeyRing((generate_key(),))
    checked = MigrationBackupManager(site, ring=ring).verify_backup(info.id)
    assert not checked.ok and "not encrypted" in checked.problems[0]
    with pytest.raises(BackupUnencryptedError):
        MigrationBackupManager(site, ring=ring).restore_from_backup(info.id)
    execute(site, "UPDATE tabCustomer SET n = 1")
    reading = MigrationBackupManager(site, BackupOptions(read_unencrypted=True), ring=ring)
    safety = reading.restore_from_backup(info.id).safety_backup
    assert safety is not None and reading.find(safety).encrypted


def test_rotation(site: Path) -> None:
    """After a rotation the new key alone opens every backup, the catalogue is right, and chains still restore."""
    old, new = KeyRing((generate_key(),)), KeyRing((generate_key(),))
    manager = MigrationBackupManager(site, ring=old)
    manager.create_backup("Customer")
    execute(site, "UPDATE tabCustomer SET n = 5")
    child = manager.create_backup("Customer", type="INCREMENTAL")
    rotated = manager.rotate_keys(new)
    assert len(rotated.rotated) == 2 and not rotated.failed
    fresh = MigrationBackupManager(site, ring=new)
    assert fresh.verify_backup(child.id, level=2).ok
    assert manager.verify_backup(child.id).locked
    assert fresh.rebuild_catalogue(dry_run=True) == replace(fresh.rebuild_catalogue(dry_run=True), added=())
    assert fresh.rebuild_catalogue(dry_run=True).changed == ()
    assert len(manager.rotate_keys(new).rotated) == 2  # a call that was cut short is made again


def test_rotation_leaves_out_what_it_cannot_open(site: Path, manager: MigrationBackupManager) -> None:
    """A damaged backup stays as it is and is named."""
    good, bad = manager.create_backup("Customer"), manager.create_backup("Item")
    Path(bad.path).write_bytes(Path(bad.path).read_bytes()[:-1])
    rotated = manager.rotate_keys(KeyRing((generate_key(),)))
    assert rotated.rotated == (good.id,)
    assert [backup_id for backup_id, _ in rotated.failed] == [bad.id]


def test_a_key_file_as_option(site: Path, tmp_path: Path) -> None:
    """A key can be given as bytes, as text, or as the path of a key file."""
    key = generate_key()
    write_key_file(tmp_path / "k", (key,))
    info = MigrationBackupManager(site, BackupOptions(key=key.encoded())).create_backup("Customer")
    by_file = MigrationBackupManager(site, BackupOptions(key=tmp_path / "k"))
    assert by_file.verify_backup(info.id).ok


# Damage, and the catalogue.


@pytest.mark.parametrize("at", [0.0, 0.1, 0.5, 0.999])
def test_damage_is_found_at_every_level(manager: MigrationBackupManager, site: Path, at: float) -> None:
    """One flipped bit anywhere is found with and without the key, and nothing of it is restored."""
    info = manager.create_backup("Customer")
    execute(site, "UPDATE tabCustomer SET n = 7")
    damage(info, at=at)
    before = rows(site)
    for level in (0, 1, 2):
        assert not manager.verify_backup(info.id, level=level).ok
    with pytest.raises(BackupError):
        manager.restore_from_backup(info.id)
    assert rows(site) == before


def test_the_catalogue_is_made_anew_from_the_files(manager: MigrationBackupManager, site: Path) -> None:
    """Whatever became of the rows, the files give the same catalogue again."""
    manager.create_backup("Customer")
    manager.create_backup("Customer", type="INCREMENTAL")
    manager.create_column_backup("Customer", ["x"])
    manager.create_backup()
    with open_wire(site) as wire, wire.atomic():
        loss = Loss(table="tabItem", key=("name",))
        for info in manager.before_change(wire, plan_losing(loss), "m1"):
            manager.note(wire, info)
    whole = execute(site, f'SELECT * FROM "{CATALOGUE}" ORDER BY id')
    for harm in (
        f'DROP TABLE "{CATALOGUE}"',
        f"DELETE FROM \"{CATALOGUE}\" WHERE type = 'FULL'",
        f"UPDATE \"{CATALOGUE}\" SET size = size + 1, checksum = '0', doctype = 'Other'",
        f"UPDATE \"{CATALOGUE}\" SET about = '['",
        f"INSERT INTO \"{CATALOGUE}\" SELECT 'ff', doctype, type, scope, created_at, name, 1, '', 1, 1, 1, NULL, NULL, "
        f"'{{}}' FROM \"{CATALOGUE}\" LIMIT 1",
    ):
        execute(site, harm)
        told = manager.rebuild_catalogue(dry_run=True)
        assert told.added or told.removed or told.changed
        assert manager.rebuild_catalogue().total == 5
        assert execute(site, f'SELECT * FROM "{CATALOGUE}" ORDER BY id') == whole
        again = manager.rebuild_catalogue(dry_run=True)
        assert (again.added, again.removed, again.changed, again.unreadable) == ((), (), (), ())


def test_states_of_files(manager: MigrationBackupManager, site: Path) -> None:
    """A missing file, one of another size, and one without a row are listed as what they are."""
    missing, changed, unlisted = (manager.create_backup("Customer", type="SCHEMA") for _ in range(3))
    Path(missing.path).unlink()
    with open(changed.path, "ab") as file:
        file.write(b"x")
    execute(site, f'DELETE FROM "{CATALOGUE}" WHERE id = ?', unlisted.id)
    (manager.store.directory / changed.name.replace("-schema-", "-full-")).write_bytes(b"no backup")
    states = {info.id: info.state for info in manager.list_backups()}
    assert states == {missing.id: "missing", changed.id: "changed", unlisted.id: "unlisted"}
    assert len(manager.rebuild_catalogue().unreadable) == 2


# Giving up.


def test_prune(manager: MigrationBackupManager, site: Path) -> None:
    """What goes is told first; files and rows go together; what a migration needs stays until it is taken back."""
    history = MigrationHistoryManager(site)
    record = history.new_record(plan_losing())
    loss = Loss(table="tabCustomer", columns=("x",), became=("",), key=("name",))
    with open_wire(site) as wire, wire.atomic():
        (needed,) = manager.before_change(wire, plan_losing(loss), record.id)
        manager.note(wire, needed)
    history.record_migration(record.applied(0, 0.0))
    old, new = manager.create_backup("Customer"), manager.create_backup("Customer")
    limits = PruneOptions(max_count=0)
    told = manager.prune(limits, dry_run=True)
    assert [info.id for info in told.deleted] == [old.id] and told.dry_run
    assert len(manager.list_backups()) == 3
    pruned = manager.prune(limits)
    assert (pruned.deleted, pruned.dry_run) == (told.deleted, False) and pruned.freed == old.size
    assert {info.id for info in manager.list_backups()} == {needed.id, new.id}
    assert set(manager.store.names()) == {needed.name, new.name}
    assert any(record.id in reason for _, reason in pruned.kept)
    history.update_migration_status(record.id, "rolled_back")
    assert [info.id for info in manager.prune(limits).deleted] == [needed.id]


def test_the_last_good_one_stays(manager: MigrationBackupManager) -> None:
    """When the newest is damaged, the one before it is the last good one."""
    old, new = manager.create_backup("Customer"), manager.create_backup("Customer")
    damage(new)
    assert [info.id for info in manager.cleanup_old_backups(0).deleted] == [new.id]
    assert [info.id for info in manager.list_backups()] == [old.id]


def test_a_prune_waits_for_writers(manager: MigrationBackupManager) -> None:
    """Nothing is deleted while somebody writes or restores."""
    manager.create_backup("Customer")
    impatient = MigrationBackupManager(
        manager._home.source, BackupOptions(lock_timeout=0.05), ring=KeyRing((generate_key(),))
    )
    with manager.store.writing(), pytest.raises(LockHeldError):
        impatient.prune(PruneOptions(max_age=0))


# Going back.


def test_restore_over_live_rows(manager: MigrationBackupManager, site: Path) -> None:
    """Rows come back bit for bit; what was overwritten is in a backup of its own, and can come back again."""
    before = rows(site)
    info = manager.create_backup("Customer")
    execute(site, "UPDATE tabCustomer SET x = 'other' WHERE name = 'a'")
    execute(site, "DELETE FROM tabCustomer WHERE name = '\U0001f600'")
    execute(site, "INSERT INTO tabCustomer (name) VALUES ('new')")
    changed = rows(site)
    told = manager.restore_from_backup(info.id, dry_run=True)
    assert (told.inserted, told.updated, told.deleted, told.unchanged, told.kept) == (1, 1, 0, 1, 1)
    assert rows(site) == changed
    result = manager.restore_from_backup(info.id, exact=True)
    assert rows(site) == before and result.deleted == 1
    assert result.safety_backup is not None
    manager.restore_from_backup(result.safety_backup, exact=True)
    assert sorted(rows(site), key=lambda row: str(row[1])) == sorted(changed, key=lambda row: str(row[1]))


def test_nothing_slips_between_the_safety_backup_and_the_restore(manager: MigrationBackupManager, site: Path) -> None:
    """While what will be overwritten is backed up, nobody else can write: the lock is held already."""
    info = manager.create_backup("Customer")
    execute(site, "UPDATE tabCustomer SET n = 1")
    refused: list[str] = []

    def write_meanwhile(progress: Progress) -> None:
        if progress.phase == "backup":
            with closing(sqlite3.connect(site, timeout=0)) as connection:
                try:
                    connection.execute("UPDATE tabCustomer SET n = 2")
                except sqlite3.OperationalError as error:
                    refused.append(str(error))

    listening = MigrationBackupManager(site, ring=manager.ring, listener=write_meanwhile)
    safety = listening.restore_from_backup(info.id).safety_backup
    assert refused and safety is not None
    manager.restore_from_backup(safety)
    assert execute(site, "SELECT DISTINCT n FROM tabCustomer") == [(1,)]


def test_restore_elsewhere(manager: MigrationBackupManager, site: Path, tmp_path: Path) -> None:
    """Into another table, another database, a new file; one table out of a backup of all."""
    before = rows(site)
    table, whole = manager.create_backup("Customer"), manager.create_backup()
    assert manager.restore_from_backup(table.id, into="copy").inserted == 3
    assert rows(site, "copy") == before
    manager.restore_from_backup(table.id, database=tmp_path / "other.db")
    assert rows(tmp_path / "other.db") == before
    result = manager.restore_from_backup(whole.id, database=tmp_path / "whole.db")
    assert result.whole and rows(tmp_path / "whole.db") == before
    assert stat.S_IMODE((tmp_path / "whole.db").stat().st_mode) == 0o600
    with pytest.raises(BackupError, match="already"):
        manager.restore_from_backup(whole.id, database=tmp_path / "whole.db")
    execute(site, "DELETE FROM tabCustomer")
    assert manager.restore_from_backup(whole.id, into="tabCustomer").inserted == 3
    assert rows(site) == before


def test_restore_of_the_whole_database(manager: MigrationBackupManager, site: Path) -> None:
    """All of it goes back, and the catalogue still knows every backup that was made since."""
    before = rows(site)
    whole = manager.create_backup()
    execute(site, "DROP TABLE tabCustomer")
    execute(site, "CREATE TABLE later (a)")
    result = manager.restore_from_backup(whole.id)
    assert rows(site) == before
    assert execute(site, "SELECT name FROM sqlite_schema WHERE name = 'later'") == []
    assert [info.id for info in manager.list_backups()] == [whole.id, result.safety_backup]
    assert all(info.state == "stored" for info in manager.list_backups())


def test_the_short_way_in(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``restore`` works on the configured site, as the manager does."""
    monkeypatch.chdir(site.parent)
    for name in ("SODAF_SITE", "SODAF_DATABASE", "SODAF_BACKUPS"):
        monkeypatch.delenv(name, raising=False)
    before = rows(site)
    info = sodaf_migrate.MigrationBackupManager(site).create_backup("Customer")
    execute(site, "DELETE FROM tabCustomer")
    sodaf_migrate.configure(database=str(site))
    try:
        result = sodaf_migrate.restore(info.id, exact=True)
    finally:
        sodaf_migrate.configure()
    assert isinstance(result, sodaf_migrate.RestoreResult) and result.inserted == 3
    assert rows(site) == before


def test_a_schema_cannot_be_restored(manager: MigrationBackupManager) -> None:
    """A backup without rows is said to be one."""
    info = manager.create_backup("Customer", type="SCHEMA")
    with pytest.raises(BackupError, match="no row"):
        manager.restore_from_backup(info.id)


def test_only_containers_are_restored(manager: MigrationBackupManager, site: Path) -> None:
    """A file that was put into the store under a backup's name, and a link, are refused before a row is touched."""
    info = manager.create_backup("Customer")
    before = rows(site)
    path = Path(info.path)
    kept = path.read_bytes()
    for content in (b"", site.read_bytes(), os.urandom(1000), kept[:-1], kept + b"x"):
        path.write_bytes(content)
        with pytest.raises(BackupError):
            manager.restore_from_backup(info.id)
    path.unlink()
    path.symlink_to(site)
    with pytest.raises(BackupError, match="ordinary file"):
        manager.restore_from_backup(info.id)
    assert rows(site) == before


# Files that the catalogue does not know.


def forgotten(site: Path) -> None:
    """The catalogue is lost, as after a kill between the file and its row, or with the database."""
    execute(site, f'DELETE FROM "{CATALOGUE}"')


def test_what_the_catalogue_does_not_list_is_checked_all_the_same(manager: MigrationBackupManager, site: Path) -> None:
    """A good file without a row is good, a damaged one is damaged; by hash alone nobody can tell, and that is said."""
    good, bad = manager.create_backup("Customer"), manager.create_backup("Item")
    forgotten(site)
    damage(bad, at=0.9)
    for level in (1, 2):
        assert manager.verify_backup(good.id, level=level).problems == ()
        told = manager.verify_backup(bad.id, level=level)
        assert (told.ok, told.damaged) == (False, True)
    told = manager.verify_backup(good.id, level=0)
    assert (told.ok, told.damaged) == (False, False) and "no hash to compare" in told.problems[0]


def test_a_backup_of_another_key_is_locked_and_not_damaged(manager: MigrationBackupManager, site: Path) -> None:
    """The two are told apart in what is counted, as in the errors."""
    info = manager.create_backup("Customer")
    stranger = MigrationBackupManager(site, ring=KeyRing((generate_key(),)))
    told = stranger.verify_backup(info.id)
    assert (told.ok, told.locked, told.damaged) == (False, True, False)
    text = "\n".join(line.text for line in verified_backups_lines([told]))
    assert "1 locked with another key" in text and "damaged" not in text


@pytest.mark.parametrize("rebuilt", [False, True])
def test_a_damaged_backup_does_not_stand_in_for_a_good_one(
    manager: MigrationBackupManager, site: Path, rebuilt: bool
) -> None:
    """With the catalogue lost, or made anew from the damaged file, retention leaves the newest that opens."""
    good, bad = manager.create_backup("Customer"), manager.create_backup("Customer")
    damage(bad, at=0.9)
    forgotten(site)
    if rebuilt:
        manager.rebuild_catalogue()
    pruned = manager.prune(PruneOptions(max_count=0))
    assert good.id not in [info.id for info in pruned.deleted] and Path(good.path).exists()
    assert manager.verify_backup(good.id).ok


def test_what_nobody_can_tell_is_kept(manager: MigrationBackupManager, site: Path) -> None:
    """Without a row and without its key a backup may be good or not: retention leaves it alone, and says why."""
    infos = [manager.create_backup("Customer") for _ in range(2)]
    forgotten(site)
    stranger = MigrationBackupManager(site, ring=KeyRing((generate_key(),)))
    told = stranger.prune(PruneOptions(max_count=0, forgotten=True))
    assert told.deleted == () and [info.id for info, _ in told.kept] == [info.id for info in infos]
    assert all("nobody can tell" in reason for _, reason in told.kept)


@pytest.mark.parametrize("at", ["cut", "flipped"])
def test_an_error_names_the_damaged_part(manager: MigrationBackupManager, site: Path, at: str) -> None:
    """Whoever restores the newest of a chain is told which of its files to look for."""
    full = manager.create_backup("Customer")
    execute(site, "UPDATE tabCustomer SET n = 7")
    last = manager.create_backup("Customer", type="INCREMENTAL")
    alone = manager.create_column_backup("Customer", ["x"])
    for info in (full, alone):
        if at == "cut":
            os.truncate(info.path, info.size - 10)
        else:
            damage(info, at=0.9)
    for asked, named in ((last, full), (full, full), (alone, alone)):
        with pytest.raises(BackupDamagedError, match=named.id):
            manager.restore_from_backup(asked.id)


def test_a_backup_whose_collations_are_not_known_is_not_called_damaged(site: Path) -> None:
    """Trying a restore takes what the application registers: without it nothing is known against the backup."""

    def prepare(connection: sqlite3.Connection) -> None:
        connection.create_collation("nordic", lambda one, other: (one > other) - (one < other))

    with closing(sqlite3.connect(site)) as connection, connection:
        prepare(connection)
        connection.execute("CREATE TABLE tabWord (name TEXT PRIMARY KEY COLLATE nordic)")
        connection.execute("INSERT INTO tabWord VALUES ('a'), ('b')")
    ring = KeyRing((generate_key(),))
    info = MigrationBackupManager(site, ring=ring, on_connect=prepare).create_backup("Word")
    assert MigrationBackupManager(site, ring=ring, on_connect=prepare).verify_backup(info.id, level=2).ok
    told = MigrationBackupManager(site, ring=ring).verify_backup(info.id, level=2)
    assert (told.ok, told.damaged) == (False, False) and "nordic" in told.problems[0]


def test_a_full_store_is_not_called_a_full_database(manager: MigrationBackupManager) -> None:
    """The folder that has no room is the one that is named."""
    for make in (lambda: manager.create_backup("Customer"), lambda: manager.create_column_backup("Customer", ["x"])):
        with fail_at(1, "full", sticky=True) as fault, pytest.raises(DiskFullError) as caught:
            make()
        assert fault.struck
        assert str(caught.value).startswith(f'"{manager.store.directory}" has no room left')


def test_a_table_that_the_backup_of_all_does_not_have(manager: MigrationBackupManager, site: Path) -> None:
    """The message names the backup and the table, and no scratch file."""
    info = manager.create_backup()
    with pytest.raises(BackupError, match=f'^Backup "{info.id}" has no ordinary table "Nobody"$'):
        manager.restore_from_backup(info.id, into="Nobody")


def test_a_look_at_a_restore_into_a_database_that_is_not_there(
    manager: MigrationBackupManager, site: Path, tmp_path: Path
) -> None:
    """The look counts as if it were there and makes nothing; the restore makes it."""
    info, new = manager.create_backup("Customer"), tmp_path / "new.db"
    assert manager.restore_from_backup(info.id, database=new, dry_run=True).inserted == len(ROWS)
    assert not new.exists()
    assert manager.restore_from_backup(info.id, database=new).inserted == len(ROWS)
    assert rows(new) == rows(site)
