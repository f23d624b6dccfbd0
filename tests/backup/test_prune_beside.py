"""Giving up backups beside somebody who makes some: nobody waits in a ring, and nothing that is needed goes."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path

import pytest

from sodaf_migrate.backup.keys import KeyRing, generate_key
from sodaf_migrate.backup.manager import MigrationBackupManager
from sodaf_migrate.errors import LockHeldError
from sodaf_migrate.options import BackupOptions, PruneOptions
from sodaf_migrate.wire.open import open_wire

RING = KeyRing((generate_key(),))
ONE = PruneOptions(max_count=1)


def managing(path: Path, **more: float) -> MigrationBackupManager:
    """The backups of a small database, which is made where it is not there."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS tabNote (name TEXT PRIMARY KEY, text)")
    return MigrationBackupManager(path, BackupOptions(**more), ring=RING)  # type: ignore[arg-type]


def test_a_change_that_has_the_database_and_wants_the_store(tmp_path: Path) -> None:
    """It gets it, though somebody prunes, and the prune goes on when the change is made."""
    path = tmp_path / "site.db"
    manager, has_both, done = managing(path), threading.Event(), []
    for _ in range(3):
        manager.create_backup("Note")
    prune = threading.Thread(target=lambda: done.append(manager.prune(ONE)))
    with open_wire(path) as wire, wire.atomic():
        prune.start()
        with suppress(LockHeldError):
            while prune.is_alive():  # until the prune has the store
                with manager.store.writing(timeout=0):
                    pass
        with managing(path, lock_timeout=5.0).store.writing(timeout=5.0):
            has_both.set()
    prune.join()
    assert has_both.is_set() and len(done[0].deleted) == 2
    assert len(manager.list_backups()) == 1


def test_a_backup_that_is_made_after_the_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was chosen by what is no more true is chosen anew."""
    path = tmp_path / "site.db"
    manager, others = managing(path), []
    first = manager.create_backup("Note")
    alone = manager._home.writing_alone

    def late(*arguments: object) -> object:
        if not others:
            others.append(managing(path).create_backup("Note"))
        return alone(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("sodaf_migrate.backup.home.Home.writing_alone", lambda home, *arguments: late(*arguments))
    assert [info.id for info in manager.prune(ONE).deleted] == [first.id]
    assert [info.id for info in manager.list_backups()] == [others[0].id]


def test_a_database_that_stays_locked(tmp_path: Path) -> None:
    """Nothing is deleted, and the store is free again."""
    path = tmp_path / "site.db"
    manager = managing(path, lock_timeout=0.3)
    for _ in range(2):
        manager.create_backup("Note")
    with open_wire(path) as wire, wire.atomic(), pytest.raises(LockHeldError):
        manager.prune(ONE)
    assert [info.state for info in manager.list_backups()] == ["stored", "stored"]
    with manager.store.alone(timeout=0):
        pass
