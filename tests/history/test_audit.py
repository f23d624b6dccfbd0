"""The history sealed with the site's backup key, and held against what backups tell of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate import BackupOptions, DocTypeEngine, MigrationApplier, SyncOptions
from sodaf_migrate.backup.keys import Key, KeyRing, generate_key, passphrase_key
from sodaf_migrate.errors import BackupKeyError

KEY, OTHER = generate_key(), generate_key()
FAX = {"fieldname": "fax", "fieldtype": "Data"}


class Site:
    """One DocType on a database, whose backups and history have a key."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "site.db"

    def applier(self, *fields: dict[str, Any], key: str | None = None, **more: Any) -> MigrationApplier:
        """An applier with this key, with none when it is empty."""
        options = BackupOptions(key=KEY.encoded() if key is None else key)
        engine = DocTypeEngine.from_doctypes([{"name": "Thing", "fields": list(fields)}])
        return MigrationApplier(self.path, engine, backup_options=options, **more)

    def codes(self, **how: Any) -> list[str]:
        """The codes of what a check finds."""
        return [problem.code for problem in self.applier(**how).verify_history()]

    def run(self, *statements: str) -> None:
        """Statements on the site, by somebody who knows how to get around the triggers."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            for statement in statements:
                connection.execute(statement)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site with rows and one sealed migration."""
    site = Site(tmp_path)
    site.applier(FAX).sync_doctype("Thing")
    site.run("INSERT INTO tabThing (name, fax) VALUES ('a', '1')")
    return site


def unlock(site: Site) -> None:
    """Takes the triggers away that keep events as they are."""
    site.run("DROP TRIGGER tabMigrationEvent_no_update", "DROP TRIGGER tabMigrationEvent_no_delete")


def test_sealed_and_checked(site: Site) -> None:
    """Events carry a seal with the key; it checks them, also below a newer one in the ring."""
    events = site.applier().history.events()
    assert {event.seal.partition(":")[0] for event in events} == {"hmac-sha256"}
    assert site.codes() == []
    assert site.codes(key=f"{OTHER.encoded()} {KEY.encoded()}") == []


def test_seals_do_not_tell_the_key() -> None:
    """The sealing key is another one than the backup's, always the same, and a passphrase gives none."""
    ring = KeyRing((KEY, OTHER))
    assert ring.seals() == KeyRing((Key(KEY.for_slot(None) or b""), OTHER)).seals()
    assert len(set(ring.seals())) == 2 and KEY.for_slot(None) not in ring.seals()
    assert KeyRing((passphrase_key("correct horse"),)).seals() == ()


def test_an_event_made_anew_without_the_key_is_found(site: Site) -> None:
    """Who rewrites an event cannot make its seal."""
    site.applier().backups.create_backup("Thing")
    unlock(site)
    site.run("UPDATE tabMigrationEvent SET facts = '{}' WHERE seq = 2")
    assert "altered" in site.codes()


def test_a_chain_made_anew_leaves_the_backups_behind(site: Site) -> None:
    """The whole history replaced by one without a key: the newest backup tells of a head that is not in it."""
    site.applier().backups.create_backup("Thing")
    assert site.codes() == []
    site.run("DROP TABLE tabMigrationEvent", "DROP TABLE tabMigrationHistory", "DROP TABLE tabMigrationBackup")
    MigrationApplier(site.path, backup_options=BackupOptions(key="unencrypted")).adopt_schema()
    found = site.applier().verify_history()
    assert [problem.code for problem in found] == ["cut"] and "the backup " in found[0].message


def test_a_head_that_cannot_be_read_is_said(site: Site) -> None:
    """A backup cut to nothing cannot tell how far the history went, which is no tampering with the history."""
    made = site.applier().backups.create_backup("Thing")
    Path(made.path).write_bytes(Path(made.path).read_bytes()[:100])
    assert site.codes() == ["unread"]


def test_a_key_that_comes_later_and_one_that_is_gone(tmp_path: Path) -> None:
    """Begun without a key, a history stays whole; a key that is missing later is said, once, and not as tampering."""
    site = Site(tmp_path)
    site.applier(key="unencrypted").sync_doctype("Thing")
    assert site.codes(key="unencrypted") == [] == site.codes()
    site.applier(FAX).sync_doctype("Thing")
    site.applier(FAX, {"fieldname": "b", "fieldtype": "Data"}).sync_doctype("Thing")
    assert site.codes() == []
    assert site.codes(key="unencrypted") == ["locked"]
    assert site.codes(key=OTHER.encoded()) == ["locked"]


def test_writing_without_the_key_is_told(site: Site) -> None:
    """An event that was written without the key, after others with it, is pointed at."""
    site.applier(FAX, {"fieldname": "b", "fieldtype": "Data"}, key="unencrypted").sync_doctype("Thing")
    assert site.codes() == ["unsealed"]


def test_a_key_that_cannot_be_read_stops_a_migration_before_it_begins(site: Site, tmp_path: Path) -> None:
    """The key file is open to others: said at once, nothing is changed and no failure is recorded; looking works."""
    file = tmp_path / "key"
    file.write_text(KEY.encoded())
    file.chmod(0o644)
    applier = MigrationApplier(site.path, site.applier(FAX, {"fieldname": "b", "fieldtype": "Data"}).engine)
    applier.backup_options = BackupOptions(key=file)
    before = site.path.read_bytes()
    with pytest.raises(BackupKeyError, match="may be read by others"):
        applier.sync_doctype("Thing")
    assert applier.dry_run("Thing").changed and len(applier.get_migration_history().migrations) == 1
    assert site.path.read_bytes() == before


def test_a_migration_in_full(site: Site) -> None:
    """Its run, its hooks by name, who applied it, and what became of it."""

    def fill(connection: Any, plan: Any) -> None:
        pass

    options = SyncOptions(before=fill, transformers={"Thing.fax": str.strip}, applied_by="ann")
    applier = site.applier(FAX, {"fieldname": "b", "fieldtype": "Data"}, applied_by="bob")
    batch = applier.sync_all_doctypes(options)
    migration = applier.get_migration(str(batch.results[0].migration_id))
    assert migration.run_id == batch.run_id and migration.applied_by == "ann"
    assert migration.hooks["before"].endswith("test_a_migration_in_full.<locals>.fill")
    assert migration.hooks["Thing.fax"].endswith("str.strip")
    assert migration.diff is not None and [change.new.name for change in migration.diff.columns if change.new] == ["b"]
    back = applier.rollback_migration(migration.id)
    told = applier.get_migration(migration.id).rollback_info
    assert told is not None and (told.rolled_back_by, told.possible) == (back.migration_id, False)
    taken = applier.get_migration(str(back.migration_id))
    assert taken.reverses == migration.id and taken.applied_by == "bob"


def test_who_adopts_is_told(site: Site) -> None:
    """``applied_by`` also stands in the events that have no record of their own."""
    applier = site.applier(FAX, applied_by="ann")
    applier.adopt("Thing")
    assert '"by":"ann"' in applier.history.events()[-1].facts
