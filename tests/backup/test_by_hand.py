"""Files renamed, exchanged or brought by hand, rows of the catalogue altered: each backup is listed once, and works."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sodaf_migrate.backup.info import BackupInfo
from sodaf_migrate.backup.keys import KeyRing, generate_key, passphrase_key
from sodaf_migrate.backup.manager import MigrationBackupManager
from sodaf_migrate.errors import UnknownBackupError
from sodaf_migrate.history.tables import CATALOGUE
from sodaf_migrate.options import BackupOptions, PruneOptions

KEY, WORDS = generate_key(), passphrase_key("of several words", salt=b"s" * 16)
BOTH = KeyRing((KEY, WORDS), writers=2)
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)

Managing = Callable[..., MigrationBackupManager]


@pytest.fixture
def managing(tmp_path: Path) -> Managing:
    """The backups of a database with one row, in a store of its own unless one is given."""

    def manager(site: str = "one/site.db", store: str = "store", ring: KeyRing = BOTH, **more: object):  # type: ignore[no-untyped-def]
        path = tmp_path / site
        path.parent.mkdir(exist_ok=True)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("CREATE TABLE IF NOT EXISTS tabNote (name TEXT PRIMARY KEY, text)")
            connection.execute("INSERT OR IGNORE INTO tabNote VALUES ('a', 'x')")
        return MigrationBackupManager(path, BackupOptions(directory=tmp_path / store, threads=1), ring=ring, **more)  # type: ignore[arg-type]

    return manager


def write(manager: MigrationBackupManager, sql: str, *values: object) -> None:
    """Somebody's own statement in the database of a manager."""
    with closing(sqlite3.connect(manager.store.directory.parent / "one" / "site.db")) as connection, connection:
        connection.execute(sql, values)


def works(manager: MigrationBackupManager, info: BackupInfo, tmp_path: Path) -> None:
    """It is listed once, is good by its chunks, and comes back."""
    assert [other.id for other in manager.list_backups()].count(info.id) == 1
    assert manager.verify_backup(info.id, level=2).problems == ()
    new = tmp_path / f"{info.id}.new"
    assert manager.restore_from_backup(info.id, database=new).inserted == 1


@pytest.mark.parametrize(
    ("column", "value"), [("name", "../x"), ("name", 7.5), ("name", "other"), ("about", "["), ("created_at", "once")]
)
def test_a_row_that_was_altered_costs_no_backup(managing: Managing, tmp_path: Path, column: str, value: object) -> None:
    """Whatever is wrong with one row: all are listed once, checked, restored, pruned and rebuilt."""
    manager = managing()
    infos = [manager.create_backup("Note", type=type) for type in ("FULL", "INCREMENTAL", "FULL")]
    value = infos[2].name if value == "other" else value
    write(manager, f'UPDATE "{CATALOGUE}" SET {column} = ? WHERE id = ?', value, infos[0].id)
    for info in infos:
        works(manager, info, tmp_path)
    assert [info.id for info in manager.list_backups()] == [info.id for info in infos]
    assert manager.create_backup("Note").id in {info.id for info in manager.list_backups()}
    look = manager.rebuild_catalogue(dry_run=True)
    assert [info.id for info in (*look.added, *look.changed)] == [infos[0].id]
    manager.rebuild_catalogue()
    assert manager.find(infos[0].id) == infos[0]


@pytest.mark.parametrize("listed", [True, False])
def test_files_renamed_by_hand(managing: Managing, tmp_path: Path, listed: bool) -> None:
    """One that was given another name is the backup that it was, also to retention; its copy is not a second one."""
    manager = managing()
    infos = [manager.create_backup("Note", type=type) for type in ("FULL", "INCREMENTAL", "FULL")]
    if not listed:
        write(manager, f'DELETE FROM "{CATALOGUE}"')
    for number, info in enumerate(infos):
        shutil.move(info.path, Path(info.path).with_name(f"before the fair {number}.sdbk"))
    shutil.copy(Path(infos[2].path).with_name("before the fair 2.sdbk"), infos[2].path)
    for info in infos:
        works(manager, info, tmp_path)
        assert manager.find(info.id).state == ("stored" if listed else "unlisted")
    assert manager.find("before the fair 1.sdbk").id == infos[1].id
    assert not manager.rebuild_catalogue().unreadable
    assert [info.id for info in manager.prune(PruneOptions(max_count=0)).deleted] == [infos[1].id, infos[0].id]
    assert set(manager.store.names()) == {infos[2].name, "before the fair 2.sdbk"}


def test_a_file_under_the_name_of_another(managing: Managing) -> None:
    """Two that were exchanged are told, each by its name, and not used for each other."""
    manager = managing()
    one, two = manager.create_backup("Note"), manager.create_backup("Note")
    aside = Path(one.path).with_suffix(".x")
    for source, target in ((one.path, aside), (two.path, one.path), (aside, two.path)):
        shutil.move(source, target)
    assert {info.id for info in manager.list_backups()} == {one.id, two.id}
    for info in (one, two):
        for level in (0, 1, 2):
            assert manager.verify_backup(info.id, level=level).damaged
    assert len(manager.rebuild_catalogue(dry_run=True).unreadable) == 2


def test_a_file_brought_from_elsewhere(managing: Managing, tmp_path: Path) -> None:
    """It is told to be unlisted, works, and stays another's; outside of the store it is no backup of ours."""
    info = managing("two/shop.db", "theirs").create_backup("Note")
    manager = managing()
    mine = manager.create_backup("Note")
    with pytest.raises(UnknownBackupError, match="no backup in the store"):
        manager.restore_from_backup(info.path)
    shutil.copy(info.path, manager.store.directory)
    works(manager, info, tmp_path)
    assert [(other.id, other.state) for other in manager.list_backups()] == [
        (info.id, "unlisted"),
        (mine.id, "stored"),
    ]
    rebuilt = manager.rebuild_catalogue()
    assert [other.id for other in rebuilt.strangers] == [info.id] and rebuilt.total == 1
    assert manager.find(info.id).state == "unlisted"


@pytest.mark.parametrize("ring", [KeyRing((KEY,)), KeyRing((WORDS,))])
def test_two_keys_open_it(managing: Managing, tmp_path: Path, ring: KeyRing) -> None:
    """Either of them alone lists, checks and restores it, and builds on it."""
    info = managing().create_backup("Note")
    manager = managing(ring=ring)
    works(manager, info, tmp_path)
    assert manager.create_backup("Note", type="INCREMENTAL").parent == info.id


def test_the_clock_is_set_back(managing: Managing) -> None:
    """Which backup is the newest is told by a number that no clock sets back: to retention, a child, and the list."""
    infos = [
        managing(clock=lambda days=days: NOON - timedelta(days=days)).create_backup("Note", type=type)
        for days, type in ((0, "FULL"), (30, "FULL"), (60, "INCREMENTAL"), (60, "INCREMENTAL"))
    ]
    ids = [info.id for info in infos]
    assert [info.created_at[:10] for info in infos] == ["2026-06-01", "2026-05-02", "2026-04-02", "2026-04-02"]
    assert [info.parent for info in infos] == [None, None, ids[1], ids[2]]
    manager = managing(clock=lambda: NOON - timedelta(days=90))
    for _ in range(2):
        assert [info.id for info in manager.list_backups()] == ids
        assert [info.id for info in manager.prune(PruneOptions(max_count=1), dry_run=True).deleted] == ids[:1]
        manager.rebuild_catalogue()
    write(manager, f'DELETE FROM "{CATALOGUE}"')
    manager.rebuild_catalogue()
    assert [info.id for info in manager.prune(PruneOptions(max_count=1)).deleted] == ids[:1]
    assert managing().verify_backup(ids[3], level=2).ok


def test_a_file_that_is_no_backup(managing: Managing, caplog: pytest.LogCaptureFixture) -> None:
    """It is told by its name, and hides none of the others; so is one that was altered and has another size now."""
    manager = managing()
    info = manager.create_backup("Note")
    (manager.store.directory / "notes.sdbk").write_text("no backup")
    assert manager.list_backups() == (info,) and "notes.sdbk in the backup store is not listed" in caplog.text
    Path(info.path).write_text("cut")
    assert [other.state for other in manager.list_backups()] == ["changed"]
