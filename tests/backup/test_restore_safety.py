"""What a restore overwrites is in a backup, whoever else writes meanwhile; and that backup takes the restore back."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate.backup.keys import KeyRing, generate_key
from sodaf_migrate.backup.manager import MigrationBackupManager
from sodaf_migrate.errors import BackupError, DatabaseError, LockHeldError
from sodaf_migrate.events import Progress
from sodaf_migrate.options import BackupOptions
from sodaf_migrate.report.backups import backups_lines
from sodaf_migrate.testing.beside import busy_writer
from tests.backup.kit import facts
from tests.oracle import difference

RING = KeyRing((generate_key(),))
QUICK = BackupOptions(lock_timeout=0.2, threads=1)


@pytest.fixture(params=["delete", "wal"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A database of a few pages, in each journal mode."""
    path = tmp_path / "site.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {request.param}")
        connection.executescript(
            """
            CREATE TABLE tabThing (name TEXT PRIMARY KEY, code, note);
            INSERT INTO tabThing VALUES ('a', '007', 'x'), ('b', 8, 'y'), ('c', x'00', 'z');
            CREATE TABLE written (n INTEGER PRIMARY KEY, pad);
            """
        )
    return path


def rows(path: Path, sql: str) -> list[Any]:
    """The answer of the database."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def run(path: Path, sql: str) -> None:
    """A statement, committed."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql)


def test_columns_by_hand_are_backed_up_first(site: Path) -> None:
    """Only what is overwritten, in one small backup; restoring that brings it back."""
    manager = MigrationBackupManager(site, QUICK, ring=RING)
    first = manager.create_column_backup("Thing", ["code", "note"])
    run(site, "UPDATE tabThing SET code = 'mine', note = NULL WHERE name <> 'b'")
    run(site, "INSERT INTO tabThing VALUES ('d', 'new', 'new')")
    was = facts(site)
    looked = manager.restore_from_backup(first.id, dry_run=True)
    assert looked.safety_backup is None and len(manager.list_backups()) == 1
    result = manager.restore_from_backup(first.id)
    assert rows(site, "SELECT name, code, note FROM tabThing") == [
        ("a", "007", "x"), ("b", 8, "y"), ("c", b"\0", "z"), ("d", "new", "new")
    ]  # fmt: skip
    assert result.safety_backup is not None and result.updated == looked.updated == 4
    assert result.unchanged == looked.unchanged == 2  # and were not written
    safety = manager.find(result.safety_backup)
    assert (safety.type, safety.doctype, safety.migration_id) == ("COLUMN", "Thing", None)
    assert (safety.reason, first.reason) == (f"before restore of {first.id[:12]}", "")
    manager.restore_from_backup(safety.id)
    assert difference(was, facts(site), ignore=["table", "index", "statistics", "file"]) == [
        sentence for sentence in difference(was, facts(site)) if "tabMigration" in sentence
    ]


class Insistent:
    """Another connection that commits a row at every event it hears, whenever it gets the lock."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None, timeout=0)
        self.done: list[tuple[int, str]] = []
        self.locked_out = 0

    def __call__(self, progress: Progress) -> None:
        number = len(self.done) + self.locked_out
        try:
            self.connection.execute("INSERT INTO written VALUES (?, zeroblob(5000))", (number,))
            self.done.append((number, progress.phase))
        except sqlite3.OperationalError:
            self.locked_out += 1


@pytest.fixture
def insistent(site: Path) -> Iterator[Insistent]:
    """Closed at the end."""
    found = Insistent(site)
    yield found
    found.connection.close()


def test_no_commit_falls_between_the_safety_backup_and_the_restore(
    site: Path, tmp_path: Path, insistent: Insistent
) -> None:
    """Each row that anybody committed is in the safety backup of the whole, or in the database afterwards."""
    first = MigrationBackupManager(site, QUICK, ring=RING).create_backup()
    manager = MigrationBackupManager(site, QUICK, ring=RING, listener=insistent)
    result = manager.restore_from_backup(first.id)
    assert result.safety_backup is not None and insistent.locked_out > 0
    manager = MigrationBackupManager(site, QUICK, ring=RING)
    manager.restore_from_backup(result.safety_backup, database=tmp_path / "before.db")
    kept = {n for path in (site, tmp_path / "before.db") for (n,) in rows(path, "SELECT n FROM written")}
    assert kept >= {number for number, _ in insistent.done}
    assert {info.id for info in manager.list_backups()} == {first.id, result.safety_backup}
    assert {info.state for info in manager.list_backups()} == {"stored"}


def test_beside_a_writer_that_never_stops(site: Path, tmp_path: Path) -> None:
    """Rows are numbered as they are committed: up to the restore all are in the safety backup, without a gap."""
    manager = MigrationBackupManager(site, BackupOptions(threads=1), ring=RING)
    first = manager.create_backup()
    with busy_writer(site, "INSERT INTO written(pad) VALUES (?1)", pause=0.001) as writer:
        for turn in range(3):
            writer.wait_for(writer.done + 5)
            result = manager.restore_from_backup(first.id)
            assert result.safety_backup is not None
            copy = tmp_path / f"before{turn}.db"
            manager.restore_from_backup(result.safety_backup, database=copy)
            found = [int(pad) for (pad,) in rows(copy, "SELECT pad FROM written ORDER BY n")]
            assert found == list(range(found[0], found[0] + len(found))) if found else True
            assert rows(copy, "PRAGMA integrity_check") == [("ok",)]
            later = [int(pad) for (pad,) in rows(site, "SELECT pad FROM written ORDER BY n")]
            assert not later or not found or later[0] == found[-1] + 1, "a committed row is in neither"


def test_a_reader_that_stays_keeps_a_whole_restore_out(site: Path) -> None:
    """With a rollback journal nothing is begun; in WAL mode readers may stay, and see the state of their time."""
    manager = MigrationBackupManager(site, QUICK, ring=RING)
    first = manager.create_backup()
    run(site, "DELETE FROM tabThing")
    (mode,) = rows(site, "PRAGMA journal_mode")[0]
    with closing(sqlite3.connect(site, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM tabThing").fetchone() == (0,)
        if mode == "wal":
            manager.restore_from_backup(first.id)
            assert reader.execute("SELECT count(*) FROM tabThing").fetchone() == (0,)
        else:
            with pytest.raises(LockHeldError):
                manager.restore_from_backup(first.id)
            assert [info.id for info in manager.list_backups()] == [first.id]
    assert rows(site, "SELECT count(*) FROM tabThing") == [(3 if mode == "wal" else 0,)]
    run(site, "INSERT INTO written VALUES (1, 1)")  # nobody's lock is left behind


def test_a_safety_backup_that_fails_lets_nothing_begin(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database stays as it is, and open to others."""
    manager = MigrationBackupManager(site, QUICK, ring=RING)
    first = manager.create_backup()
    run(site, "DELETE FROM tabThing")
    was = facts(site)

    def full(*given: Any, **more: Any) -> Any:
        raise BackupError("no", hint="no")

    monkeypatch.setattr("sodaf_migrate.backup.making.Workshop.full", full)
    with pytest.raises(BackupError):
        manager.restore_from_backup(first.id)
    assert difference(was, facts(site)) == []
    run(site, "INSERT INTO written VALUES (1, 1)")


def test_a_backup_without_any_table(tmp_path: Path) -> None:
    """Nothing would be left: into a living database in WAL mode it does not go."""
    path = tmp_path / "site.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = wal")
    manager = MigrationBackupManager(path, QUICK, ring=RING)
    first = manager.create_backup()
    with pytest.raises(DatabaseError, match="holds no table"):
        manager.restore_from_backup(first.id)


@pytest.mark.parametrize("scope", ["Thing", None])
def test_what_a_backup_was_made_before_is_told(site: Path, scope: str | None) -> None:
    """In the list, by its file alone too; one that was asked for is "on demand"."""
    manager = MigrationBackupManager(site, QUICK, ring=RING)
    first = manager.create_backup(scope)
    run(site, "UPDATE tabThing SET note = 'mine'")
    safety = manager.find(str(manager.restore_from_backup(first.id).safety_backup))
    manager.rebuild_catalogue()
    for listed in (safety, manager.find(safety.id), manager.inspect(safety.id)):
        assert listed.reason == f"before restore of {first.id[:12]}"
    shown = [line.text for line in backups_lines(manager.list_backups())]
    assert sum("on demand" in text for text in shown) == 1
    assert sum("before " in text and safety.id[:12] in text for text in shown) == 1


_DIES = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN")
connection.execute("UPDATE tabThing SET code = zeroblob(9000), note = 'half'")
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("way", ["create", "restore"])
def test_after_a_program_died_in_the_midst_of_a_change(site: Path, way: str) -> None:
    """What it left half done is taken back, as any program that writes would; a look alone does not do it."""
    manager = MigrationBackupManager(site, QUICK, ring=RING)
    first, before = manager.create_backup("Thing"), rows(site, "SELECT * FROM tabThing")
    assert subprocess.run([sys.executable, "-c", _DIES, site], check=False).returncode == -9
    if Path(f"{site}-journal").exists():
        with pytest.raises(DatabaseError, match="hot journal"):
            manager.list_backups()
    if way == "create":
        second = manager.create_backup("Thing")
        assert manager.restore_from_backup(second.id).unchanged == len(before)
    else:
        assert manager.restore_from_backup(first.id).unchanged == len(before)
    assert rows(site, "SELECT * FROM tabThing") == before
