"""A backup is found wherever it lies now; without it nothing is touched, unless that is allowed by name."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate import BackupOptions, DocTypeEngine, MigrationApplier, MigrationResult, RollbackOptions, SyncOptions
from sodaf_migrate.backup.keys import Key, KeyRing
from sodaf_migrate.backup.manager import MigrationBackupManager
from sodaf_migrate.errors import BackupError
from tests.oracle import difference
from tests.rollback.test_values import Site, field, insert

IRREVERSIBLE = RollbackOptions(allow=frozenset({"irreversible"}))
OLD, NEW = bytes(range(32)), bytes(range(32, 64))


class Gone:
    """A site whose migration was applied, and its store."""

    def __init__(self, folder: Path) -> None:
        self.site = Site(folder)
        self.store = folder / "site.db.backups"
        self.site.sync(field())
        self.site.run(*insert(["'007'", "'8'"]))
        self.result = self.applier(fields=[field(fieldtype="Int")]).sync_doctype("Thing", SyncOptions(force=True))

    def applier(self, fields: list[dict[str, Any]] | None = None, **options: Any) -> MigrationApplier:
        """An applier with these backup options."""
        engine = DocTypeEngine.from_doctypes([{"name": "Thing", "fields": fields or []}])
        options.setdefault("key", OLD)
        return MigrationApplier(self.site.path, engine, backup_options=BackupOptions(**options))

    def back(self, options: RollbackOptions | None = None, **more: Any) -> MigrationResult:
        """The migration taken back."""
        assert self.result.migration_id is not None
        return self.applier(**more).rollback_migration(self.result.migration_id, options)

    @property
    def file(self) -> Path:
        """The one backup."""
        (found,) = self.store.glob("*.sdbk")
        return found


@pytest.fixture
def gone(tmp_path: Path) -> Gone:
    """A migration that took values away."""
    return Gone(tmp_path)


def test_in_a_store_that_was_moved(gone: Gone, tmp_path: Path) -> None:
    """The record's path leads nowhere; the folder that is configured now has the file."""
    shutil.move(gone.store, tmp_path / "elsewhere" / "backups")
    with pytest.raises(BackupError):
        gone.back()
    gone.back(directory=tmp_path / "elsewhere" / "backups")
    assert gone.site.rows() == [("a", "007"), ("b", "8")]


@pytest.mark.parametrize("rebuilt", [True, False])
def test_without_the_catalogue(gone: Gone, rebuilt: bool) -> None:
    """The files alone are enough, whether the catalogue is made anew or not."""
    gone.site.run('DROP TABLE "tabMigrationBackup"')
    if rebuilt:
        gone.applier().backups.rebuild_catalogue()
    gone.back()
    assert gone.site.rows() == [("a", "007"), ("b", "8")]


def test_with_another_key(gone: Gone) -> None:
    """Rotated, the new key alone opens it; without a key that fits nothing is touched."""
    MigrationBackupManager(gone.site.path, ring=KeyRing((Key(OLD),))).rotate_keys(KeyRing((Key(NEW),)))
    was = gone.site.snapshot()
    with pytest.raises(BackupError) as caught:
        gone.back()
    assert "--allow irreversible:Thing" in (caught.value.hint or "") and difference(was, gone.site.snapshot()) == []
    gone.back(key=NEW)
    assert gone.site.rows() == [("a", "007"), ("b", "8")]


def removed(gone: Gone) -> None:
    """The file is not there."""
    gone.file.unlink()


def removed_altogether(gone: Gone) -> None:
    """Nothing tells that there ever was one, but the record."""
    shutil.rmtree(gone.store)
    gone.site.run('DELETE FROM "tabMigrationBackup"')


def damaged(gone: Gone) -> None:
    """One bit is another."""
    data = bytearray(gone.file.read_bytes())
    data[-30] ^= 4
    gone.file.write_bytes(data)


def cut(gone: Gone) -> None:
    """The end is missing."""
    gone.file.write_bytes(gone.file.read_bytes()[:-100])


def exchanged(gone: Gone) -> None:
    """Another good backup has its name."""
    mine = gone.file
    other = gone.applier().backups.create_column_backup("Thing", ["code"])
    mine.write_bytes(Path(other.path).read_bytes())


@pytest.mark.parametrize("harm", [removed, removed_altogether, damaged, cut, exchanged])
def test_what_cannot_be_used_refuses(gone: Gone, harm: Callable[[Gone], None]) -> None:
    """The way out is named; taken by name, it is told that the values do not come back, here and in the history."""
    harm(gone)
    was = gone.site.snapshot()
    for options in (None, RollbackOptions(force=True), RollbackOptions(allow=frozenset({"irreversible:Other"}))):
        with pytest.raises(BackupError) as caught:
            gone.back(options)
        assert "--allow irreversible:Thing" in (caught.value.hint or "")
        assert difference(was, gone.site.snapshot()) == []
    assert gone.applier().is_migration_applied(str(gone.result.migration_id))
    result = gone.back(IRREVERSIBLE)
    assert gone.site.rows() == [("a", "7"), ("b", "8")]  # converted back, as well as that goes
    assert result.rollback_info is not None and result.rollback_info.refilled_rows == 0
    assert any("does not come back" in reason for reason in result.rollback_info.reasons)
    assert any("does not come back" in warning for warning in result.warnings)
    with closing(sqlite3.connect(gone.site.path)) as connection:
        (status,) = connection.execute(
            'SELECT status FROM "tabMigrationHistory" WHERE id = ?', (gone.result.migration_id,)
        ).fetchone()
    assert status == "rolled_back"


def test_a_dry_run_names_it_too(gone: Gone) -> None:
    """Looking ahead tells that the backup is missing, and with the way out what that means."""
    removed(gone)
    applier = gone.applier()
    (looked,) = applier.dry_run_rollback(str(gone.result.migration_id))
    assert not looked.success and "cannot be used" in " ".join(looked.errors)
    (looked,) = applier.dry_run_rollback(str(gone.result.migration_id), options=IRREVERSIBLE)
    assert looked.success and any("does not come back" in warning for warning in looked.warnings)


def test_where_nothing_could_be_backed_up(tmp_path: Path) -> None:
    """What was allowed to be lost for good on the way there has to be allowed on the way back."""
    connection = sqlite3.connect(":memory:")
    engines = [
        DocTypeEngine.from_doctypes([{"name": "Thing", "fields": [field(fieldtype=k)]}]) for k in ("Data", "Int")
    ]
    MigrationApplier(connection, engines[0]).sync_doctype("Thing")
    applier = MigrationApplier(connection, engines[1])
    empty = applier.sync_doctype("Thing", SyncOptions(allow={"lossy_conversion"}))
    applier.rollback_migration(str(empty.migration_id))  # no row, no loss
    connection.execute("INSERT INTO tabThing (name, code) VALUES ('a', '007')")
    connection.commit()
    result = applier.sync_doctype("Thing", SyncOptions(allow={"lossy_conversion", "irreversible"}))
    with pytest.raises(BackupError, match="No backup was made"):
        applier.rollback_migration(str(result.migration_id))
    back = applier.rollback_migration(str(result.migration_id), IRREVERSIBLE)
    assert connection.execute("SELECT code FROM tabThing").fetchall() == [("7",)]
    assert back.rollback_info is not None and back.rollback_info.reasons
    connection.close()
