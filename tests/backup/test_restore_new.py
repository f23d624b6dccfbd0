"""A restore into a database that is not there yet: as the one that was backed up, whole, or not at all."""

from __future__ import annotations

import sqlite3
import tracemalloc
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate.backup.info import BackupInfo
from sodaf_migrate.backup.keys import KeyRing, generate_key
from sodaf_migrate.backup.manager import MigrationBackupManager
from sodaf_migrate.backup.pages import HASH_BYTES, index_of
from sodaf_migrate.errors import BackupDamagedError, BackupError, MigrationError
from sodaf_migrate.options import BackupOptions

TEXTS = [("ä\U0001d11e",), ("",), ("plain",)]


def wal(connection: sqlite3.Connection) -> None:
    """What many sites do on each connection; it writes the first page of a database that is new."""
    connection.execute("PRAGMA journal_mode = WAL")


def site_of(folder: Path, encoding: str) -> Path:
    """A database in WAL mode with texts in ``encoding``."""
    path = folder / "site.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA encoding = '{encoding}'")
        wal(connection)
        connection.execute("CREATE TABLE tabText (name TEXT PRIMARY KEY, n INTEGER DEFAULT 1)")
        connection.execute("CREATE TABLE tabEmpty (name TEXT PRIMARY KEY)")
        connection.executemany("INSERT INTO tabText (name) VALUES (?)", TEXTS)
    return path


def manager_of(site: Path) -> MigrationBackupManager:
    """The backups of a site whose connections all ask for WAL mode."""
    return MigrationBackupManager(site, BackupOptions(threads=1), ring=KeyRing((generate_key(),)), on_connect=wal)


def asked(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """What a connection of nobody's making answers."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def left(folder: Path) -> set[str]:
    """The names in the folder, but for what belongs to the site."""
    return {path.name for path in folder.iterdir() if not path.name.startswith("site.db")}


@pytest.mark.parametrize("encoding", ["UTF-16le", "UTF-16be", "UTF-8"])
def test_the_encoding_is_that_of_the_database_that_was_backed_up(tmp_path: Path, encoding: str) -> None:
    """The whole, a table, an empty table, a table out of the whole; also into an empty file that is there already."""
    manager = manager_of(site_of(tmp_path, encoding))
    whole, table, empty = manager.create_backup(), manager.create_backup("Text"), manager.create_backup("Empty")
    ways: list[tuple[BackupInfo, str | None]] = [(whole, None), (table, None), (empty, None)]
    ways += [(whole, "tabText"), (table, "other")]
    for number, (info, into) in enumerate(ways):
        new = tmp_path / f"{number}.db"
        if number == 3:
            new.touch()
        foretold = manager.restore_from_backup(info.id, into=into, database=new, dry_run=True)
        assert new.exists() == (number == 3)
        done = manager.restore_from_backup(info.id, into=into, database=new)
        assert (foretold.inserted, foretold.whole) == (done.inserted, done.whole)
        assert asked(new, "PRAGMA encoding") == [(encoding,)]
        assert asked(new, "PRAGMA integrity_check") == [("ok",)]
        if info is not empty:
            assert asked(new, f"SELECT name FROM {into or 'tabText'} ORDER BY rowid") == TEXTS


def test_texts_of_two_encodings_are_not_mixed(tmp_path: Path) -> None:
    """Connections that are open would misread every text: refused, by the look ahead as well, and nothing is done."""
    manager = manager_of(site_of(tmp_path, "UTF-16le"))
    whole, table = manager.create_backup(), manager.create_backup("Text")
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE mine (a)")
        connection.commit()
        live = MigrationBackupManager(other, BackupOptions(directory=manager.store.directory), ring=manager.ring)
        for dry_run in (True, False):
            with pytest.raises(BackupError, match="UTF-8"):
                live.restore_from_backup(whole.id, dry_run=dry_run)
            with pytest.raises(BackupError, match="UTF-8"):
                live.restore_from_backup(table.id, dry_run=dry_run)
        assert connection.execute("SELECT count(*) FROM mine").fetchone() == (0,)


def test_what_fails_leaves_no_file(tmp_path: Path) -> None:
    """A name that no table may have, a damaged backup, columns without their table: no file, journal or WAL is left."""
    manager = manager_of(site_of(tmp_path, "UTF-8"))
    table, column = manager.create_backup("Text"), manager.create_column_backup("Text", ["n"])
    new = tmp_path / "new.db"
    with pytest.raises(MigrationError, match="cannot be the name"):
        manager.restore_from_backup(table.id, into="sqlite_x", database=new)
    assert left(tmp_path) == set()
    assert manager.restore_from_backup(column.id, database=new).updated == 0
    assert left(tmp_path) == set()
    data = bytearray(Path(table.path).read_bytes())
    data[-40] ^= 1
    Path(table.path).write_bytes(data)
    with pytest.raises(BackupDamagedError):
        manager.restore_from_backup(table.id, database=new)
    assert left(tmp_path) == set()


def test_a_name_that_is_taken_meanwhile(tmp_path: Path) -> None:
    """Somebody makes the database while it is being restored: theirs stays, and nothing of ours."""
    site = site_of(tmp_path, "UTF-8")
    new = tmp_path / "new.db"
    ring = KeyRing((generate_key(),))
    info = MigrationBackupManager(site, BackupOptions(threads=1), ring=ring).create_backup("Text")

    def theirs(connection: sqlite3.Connection) -> None:
        if Path(connection.execute("PRAGMA database_list").fetchone()[2]).name.startswith("new.db."):
            new.write_text("theirs")

    manager = MigrationBackupManager(site, BackupOptions(threads=1), ring=ring, on_connect=theirs)
    with pytest.raises(MigrationError, match="could not be written"):
        manager.restore_from_backup(info.id, database=new)
    assert left(tmp_path) == {"new.db"}
    assert new.read_text() == "theirs"


def test_a_link_that_leads_nowhere_is_no_new_database(tmp_path: Path) -> None:
    """Nothing is made where a dangling link points to."""
    manager = manager_of(site_of(tmp_path, "UTF-8"))
    info = manager.create_backup("Text")
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "away.db")
    with pytest.raises(MigrationError, match=r"no database file .*link\.db"):
        manager.restore_from_backup(info.id, database=link)
    assert left(tmp_path) == {"link.db"}


def test_the_index_of_a_database_takes_its_sixteen_bytes_a_page() -> None:
    """No object stands for a page: a gigabyte has a quarter of a million of them."""
    pages = 20_000
    block = bytes(512) * 100
    tracemalloc.start()
    try:
        index = index_of((block for _ in range(pages // 100)), 512)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(index) == pages * HASH_BYTES
    assert peak < 1.5 * len(index)


@pytest.mark.parametrize("rows", [0, 3])
@pytest.mark.parametrize("number", [None, 0, 2, 70])
@pytest.mark.parametrize("into", [None, "other"])
def test_the_number_that_autoincrement_used_last(
    tmp_path: Path, rows: int, number: int | None, into: str | None
) -> None:
    """In a table that is made anew it is what it was: one that was never used is none, and not 0."""
    site = tmp_path / "site.db"
    with closing(sqlite3.connect(site)) as connection, connection:
        connection.execute("CREATE TABLE tabCount (id INTEGER PRIMARY KEY AUTOINCREMENT, a)")
        connection.executemany("INSERT INTO tabCount (a) VALUES (?)", [(number,)] * rows)
        connection.execute("DELETE FROM sqlite_sequence")
        if number is not None:
            connection.execute("INSERT INTO sqlite_sequence VALUES ('tabCount', ?)", (number,))
    manager = manager_of(site)
    infos = [manager.create_backup("Count"), *([] if into else [manager.create_backup()])]
    for place, info in enumerate(infos):
        new = tmp_path / f"new{place}.db"
        manager.restore_from_backup(info.id, into=into or "tabCount", database=new)
        expected = [] if number is None else [(into or "tabCount", number)]
        assert asked(new, "SELECT name, seq FROM sqlite_sequence") == expected
        assert asked(new, f"SELECT count(*) FROM {into or 'tabCount'}") == [(rows,)]


def test_no_row_restored_uses_no_number(tmp_path: Path) -> None:
    """Into an empty table that is there already, too."""
    site = tmp_path / "site.db"
    with closing(sqlite3.connect(site)) as connection, connection:
        connection.execute("CREATE TABLE tabCount (id INTEGER PRIMARY KEY AUTOINCREMENT, a)")
    manager = manager_of(site)
    manager.restore_from_backup(manager.create_backup("Count").id)
    assert asked(site, "SELECT name, seq FROM sqlite_sequence") == []
