"""A store that two databases use, and keys that are changed without the catalogue: neither costs anybody a backup."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sodaf_migrate.backup.keys import KeyRing, generate_key, passphrase_key
from sodaf_migrate.backup.manager import MigrationBackupManager
from sodaf_migrate.backup.rotate import rotate
from sodaf_migrate.events import Progress
from sodaf_migrate.options import BackupOptions, PruneOptions

OLD, NEW = KeyRing((generate_key(),)), KeyRing((generate_key(),))
EITHER = KeyRing((*NEW.keys, *OLD.keys))

Managing = Callable[..., MigrationBackupManager]


@pytest.fixture
def managing(tmp_path: Path) -> Managing:
    """The backups of one of several databases of the same name, all in one store."""

    def manager(site: str = "one", ring: KeyRing = OLD, **more: object) -> MigrationBackupManager:
        path = tmp_path / site / "site.db"
        path.parent.mkdir(exist_ok=True)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("CREATE TABLE IF NOT EXISTS tabNote (name TEXT PRIMARY KEY, text)")
            connection.execute("INSERT OR IGNORE INTO tabNote VALUES ('a', ?)", (site,))
        return MigrationBackupManager(path, BackupOptions(directory=tmp_path / "store"), ring=ring, **more)  # type: ignore[arg-type]

    return manager


@pytest.mark.parametrize("new", [NEW, KeyRing((passphrase_key("of several words", salt=b"s" * 16),))])
def test_keys_changed_and_the_catalogue_left_as_it_was(managing: Managing, new: KeyRing) -> None:
    """As when a rotation is killed, or the database is an older copy: each backup is good, and is not given up."""
    infos = [managing().create_backup("Note", type=type) for type in ("FULL", "INCREMENTAL", "FULL")]
    for info in infos:
        rotate(info.path, OLD, new)
    manager = managing(ring=new)
    for info in infos:
        assert [manager.verify_backup(info.id, level=level).problems for level in (0, 1, 2)] == [(), (), ()]
        found = manager.find(info.id)
        assert (found.state, found.size, found.checksum) == ("stored", Path(info.path).stat().st_size, info.checksum)
    assert [info.id for info in manager.prune(PruneOptions(max_count=0)).deleted] == [infos[1].id, infos[0].id]
    assert manager.create_backup("Note", type="INCREMENTAL").parent == infos[2].id
    assert manager.restore_from_backup(infos[2].id).unchanged == 1


def test_a_rotation_stopped_in_the_middle(managing: Managing) -> None:
    """Whatever it got to, nothing looks damaged, and a second call ends it."""

    def stop(progress: object) -> None:
        if isinstance(progress, Progress) and progress.phase == "rotate" and progress.done == 2:
            raise KeyboardInterrupt

    infos = [managing().create_backup("Note") for _ in range(4)]
    with pytest.raises(KeyboardInterrupt):
        managing(ring=EITHER, listener=stop).rotate_keys(NEW)
    manager = managing(ring=EITHER)
    assert all(manager.verify_backup(info.id).ok for info in infos)
    assert [info.id for info, _ in manager.prune(PruneOptions(max_age=0)).kept] == [infos[-1].id]
    assert manager.rotate_keys(NEW).failed == () and not manager.rebuild_catalogue(dry_run=True).changed


def test_retention_of_one_database_spares_the_other(managing: Managing) -> None:
    """Neither is a stranger's backup deleted, nor does it stand in for the newest of ours."""
    ours = [managing().create_backup(doctype) for doctype in ("Note", None)]
    theirs = [managing("two").create_backup(doctype) for doctype in ("Note", None)]
    pruned = managing().prune(PruneOptions(max_age=0, max_count=0, max_size=0))
    assert pruned.deleted == () and {info.id for info, _ in pruned.kept} == {info.id for info in (*ours, *theirs)}
    reasons = {info.id: reason for info, reason in pruned.kept}
    assert all("another database" in reasons[info.id] for info in theirs)
    swept = managing().prune(PruneOptions(max_age=0, forgotten=True))
    assert swept.deleted == ()  # of each, the newest good one stays all the same
    assert all(managing("two").verify_backup(info.id).ok for info in theirs)


def test_keys_changed_by_one_database_leave_the_other_its_backups(managing: Managing) -> None:
    """Its catalogue was not there to be told, and need not be."""
    managing().create_backup("Note")
    theirs = managing("two").create_backup("Note")
    assert len(managing().rotate_keys(NEW).rotated) == 2
    other = managing("two", NEW)
    assert other.verify_backup(theirs.id, level=2).ok and other.verify_backup(theirs.id, level=0).ok
    assert theirs.id not in [info.id for info in other.prune(PruneOptions(max_count=0)).deleted]


def test_what_cannot_be_rotated_is_told_with_each_key_once(managing: Managing) -> None:
    """The new key is among the present ones already, as when it was put into the key file first."""
    managing().create_backup("Note")
    stranger = KeyRing((generate_key(),))
    ((_, why),) = managing(ring=KeyRing((*NEW.keys, *stranger.keys))).rotate_keys(NEW).failed
    assert why.count(NEW.keys[0].id) == 1 and stranger.keys[0].id in why


def moved(managing: Managing, tmp_path: Path) -> MigrationBackupManager:
    """The backups of the first database after its file was moved and renamed."""
    path = tmp_path / "one" / "site.db"
    return MigrationBackupManager(path.rename(path.with_name("shop.db")), managing().options, ring=OLD)


@pytest.mark.parametrize("move", [True, False])
def test_the_catalogue_made_anew_lists_no_other_database(managing: Managing, tmp_path: Path, move: bool) -> None:
    """Not even one of the same name, and ours after its file was moved: in the rebuild, and after it all came back."""
    whole, ours = managing().create_backup(), managing().create_backup("Note")
    theirs = managing("two").create_backup("Note")
    manager = managing()
    manager = moved(managing, tmp_path) if move else manager
    assert manager.find(theirs.id).state == "unlisted"
    assert [info.id for info in manager.rebuild_catalogue().strangers] == [theirs.id]
    result = manager.restore_from_backup(whole.id)
    states = {info.id: info.state for info in manager.list_backups()}
    assert states == {whole.id: "stored", ours.id: "stored", str(result.safety_backup): "stored", theirs.id: "unlisted"}
    assert manager.verify_backup(theirs.id).ok


def test_a_database_that_was_lost(managing: Managing, tmp_path: Path) -> None:
    """An empty one takes up the backups with its name where they are of one database; where not, it lists none."""
    lost = managing().create_backup()
    (tmp_path / "one" / "site.db").unlink()
    assert managing().rebuild_catalogue().total == 1 and managing().find(lost.id).state == "stored"
    managing("two").create_backup()
    (tmp_path / "one" / "site.db").unlink()
    rebuilt = managing().rebuild_catalogue()
    assert (rebuilt.total, len(rebuilt.strangers)) == (0, 2)
    new = tmp_path / "new.db"
    assert managing().restore_from_backup(lost.id, database=new).whole
