"""Each permission that is off closes every door that leads to what it forbids, before anything is written."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sodaf_migrate.applier.site as configured
from sodaf_migrate import (
    BackupOptions,
    DocTypeEngine,
    MigrationApplier,
    MigrationPermissions,
    PruneOptions,
    Schema,
    boot,
)
from sodaf_migrate.backup.keys import KeyRing, generate_key
from sodaf_migrate.backup.manager import MigrationBackupManager
from sodaf_migrate.errors import MigrationPermissionError
from sodaf_migrate.history.manager import MigrationHistoryManager

ACTIONS = ("apply", "rollback", "backup", "restore", "view_history")
KEY = generate_key()
THING = {"name": "Thing", "fields": [{"fieldname": "fax", "fieldtype": "Data"}]}
MORE = {"name": "Thing", "fields": [*THING["fields"], {"fieldname": "b", "fieldtype": "Data"}]}  # type: ignore[misc]


@dataclass
class Site:
    """A migrated site with a backup, and a change that waits."""

    folder: Path
    migration: str = ""
    backup: str = ""

    @property
    def database(self) -> Path:
        return self.folder / "site.db"

    def applier(self, permissions: MigrationPermissions, definition: dict[str, Any] = MORE) -> MigrationApplier:
        """An applier for somebody with these permissions."""
        engine = DocTypeEngine.from_doctypes([definition])
        return MigrationApplier(
            self.database, engine, permissions=permissions, backup_options=BackupOptions(key=KEY.encoded())
        )

    def backups(self, permissions: MigrationPermissions) -> MigrationBackupManager:
        return self.applier(permissions).backups

    def history(self, permissions: MigrationPermissions) -> MigrationHistoryManager:
        return MigrationHistoryManager(self.database, permissions=permissions)

    def content(self) -> dict[str, bytes]:
        """Every file of the site."""
        return {str(path): path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """One for all: nothing that is refused may change it."""
    site = Site(tmp_path_factory.mktemp("permissions"))
    free = site.applier(MigrationPermissions(), THING)
    site.migration = str(free.sync_doctype("Thing").migration_id)
    with closing(sqlite3.connect(site.database)) as connection, connection:
        connection.execute("INSERT INTO tabThing (name, fax) VALUES ('a', '1')")
    site.backup = free.backups.create_backup("Thing").id
    (site.folder / "doctypes").mkdir()
    (site.folder / "doctypes" / "thing.json").write_text(json.dumps(MORE))
    return site


Door = Callable[[Site, MigrationPermissions], Any]


def configured_door(call: Callable[[Site], Any]) -> Door:
    """A function of the face, on the site that is configured."""

    def door(site: Site, permissions: MigrationPermissions) -> Any:
        try:
            doctypes = str(site.folder / "doctypes")
            configured.configure(database=str(site.database), doctypes=doctypes, permissions=permissions)
            return call(site)
        finally:
            configured.configure()

    return door


def _plan(site: Site) -> Any:
    return site.applier(MigrationPermissions()).plan("Thing")


DOORS: dict[str, dict[str, Door]] = {
    "apply": {
        "sync_doctype": lambda s, p: s.applier(p).sync_doctype("Thing"),
        "sync_all_doctypes": lambda s, p: s.applier(p).sync_all_doctypes(),
        "sync_schema": lambda s, p: s.applier(p).sync_schema(Schema.from_sql("CREATE TABLE t (a)")),
        "adopt": lambda s, p: s.applier(p).adopt("Thing"),
        "adopt_schema": lambda s, p: s.applier(p).adopt_schema(),
        "apply_migration": lambda s, p: s.applier(p).apply_migration(
            s.applier(MigrationPermissions()).get_pending_migrations()[0]
        ),
        "boot": lambda s, p: boot(s.database, [MORE], permissions=p),
        "site.sync_doctype": configured_door(lambda s: configured.sync_doctype("Thing")),
        "site.sync_all_doctypes": configured_door(lambda s: configured.sync_all_doctypes()),
        "history.initialize_history_table": lambda s, p: s.history(p).initialize_history_table(),
        "history.record_migration": lambda s, p: s.history(p).record_migration(s.history(p).new_record(_plan(s))),
        "history.record_failure": lambda s, p: s.history(p).update_migration_status(s.migration, "failed"),
        "history.mark_rolled_back": lambda s, p: s.history(p).mark_rolled_back(s.migration, by="x"),
        "history.adopt": lambda s, p: s.history(p).adopt("Thing", []),
        "history.note": lambda s, p: s.history(p).note("Thing", {}),
        "history.remember": lambda s, p: s.history(p).remember({}),
        "history.forget": lambda s, p: s.history(p).forget(),
        "history.clear_history": lambda s, p: s.history(p).clear_history(),
    },
    "rollback": {
        "rollback_migration": lambda s, p: s.applier(p).rollback_migration(s.migration),
        "rollback": lambda s, p: s.applier(p).rollback(steps=1),
        "dry_run_rollback": lambda s, p: s.applier(p).dry_run_rollback(s.migration),
    },
    "backup": {
        "create_backup": lambda s, p: s.backups(p).create_backup("Thing"),
        "create_backup of all": lambda s, p: s.backups(p).create_backup(),
        "create_column_backup": lambda s, p: s.backups(p).create_column_backup("Thing", ["fax"]),
        "prune": lambda s, p: s.backups(p).prune(PruneOptions(max_count=0)),
        "prune, dry run": lambda s, p: s.backups(p).prune(PruneOptions(max_count=0), dry_run=True),
        "cleanup_old_backups": lambda s, p: s.backups(p).cleanup_old_backups(0),
        "rebuild_catalogue": lambda s, p: s.backups(p).rebuild_catalogue(),
        "rotate_keys": lambda s, p: s.backups(p).rotate_keys(KeyRing((generate_key(),))),
    },
    "restore": {
        "restore_from_backup": lambda s, p: s.backups(p).restore_from_backup(s.backup),
        "restore, dry run": lambda s, p: s.backups(p).restore_from_backup(s.backup, dry_run=True),
        "restore into": lambda s, p: s.backups(p).restore_from_backup(s.backup, into="other"),
        "restore elsewhere": lambda s, p: s.backups(p).restore_from_backup(s.backup, database=s.folder / "new.db"),
        "site.restore": configured_door(lambda s: configured.restore(s.backup)),
    },
    "view_history": {
        "get_migration_history": lambda s, p: s.applier(p).get_migration_history(),
        "get_migration": lambda s, p: s.applier(p).get_migration(s.migration),
        "is_migration_applied": lambda s, p: s.applier(p).is_migration_applied(s.migration),
        "verify_history": lambda s, p: s.applier(p).verify_history(),
        "history": lambda s, p: s.applier(p).history,
        "history.events": lambda s, p: s.history(p).events(),
        "history.get_migration_history": lambda s, p: s.history(p).get_migration_history(),
        "history.verify": lambda s, p: s.history(p).verify(),
        "list_backups": lambda s, p: s.backups(p).list_backups(),
        "find": lambda s, p: s.backups(p).find(s.backup),
        "inspect": lambda s, p: s.backups(p).inspect(s.backup),
        "verify_backup": lambda s, p: s.backups(p).verify_backup(s.backup),
        "locked_backups": lambda s, p: s.backups(p).locked_backups(),
        "history_heads": lambda s, p: s.backups(p).history_heads(),
        "rebuild_catalogue, dry run": lambda s, p: s.backups(p).rebuild_catalogue(dry_run=True),
    },
}
CASES = [(action, name) for action, doors in DOORS.items() for name in doors]


@pytest.mark.parametrize(("action", "name"), CASES, ids=[f"{action}-{name}" for action, name in CASES])
def test_a_permission_that_is_off_closes_the_door(site: Site, action: str, name: str) -> None:
    """With that one alone off it is refused, and no file of the site has changed."""
    before = site.content()
    with pytest.raises(MigrationPermissionError):
        DOORS[action][name](site, MigrationPermissions(**{f"can_{action}": False}))  # type: ignore[arg-type]
    assert site.content() == before


@pytest.mark.parametrize(("action", "name"), CASES, ids=[f"{action}-{name}" for action, name in CASES])
def test_who_is_held_to_other_doctypes_finds_it_closed(site: Site, action: str, name: str) -> None:
    """What concerns a DocType that is not among one's own, or the whole database, is refused."""
    if name in ("is_migration_applied",):  # it tells of no DocType
        return
    before = site.content()
    with pytest.raises(MigrationPermissionError):
        DOORS[action][name](site, MigrationPermissions(allowed_doctypes={"Other"}))
    assert site.content() == before


@settings(max_examples=40, deadline=None)
@given(st.fixed_dictionaries({f"can_{action}": st.booleans() for action in ACTIONS}), st.sampled_from(CASES))
def test_only_what_is_off_is_closed(site: Site, flags: dict[str, bool], case: tuple[str, str]) -> None:
    """Whatever else is off: a door is closed by its own permission, and looking is never closed by another's."""
    action, name = case
    permissions = MigrationPermissions(**flags)  # type: ignore[arg-type]
    if not flags[f"can_{action}"]:
        before = site.content()
        with pytest.raises(MigrationPermissionError):
            DOORS[action][name](site, permissions)
        assert site.content() == before
    elif action == "view_history":
        only = replace(permissions, can_view_history=True)
        DOORS[action][name](site, only)


def test_boot_with_nothing_allowed(site: Site, tmp_path: Path) -> None:
    """A start that only looks works for who may change nothing, and leaves nothing behind."""
    (tmp_path / "thing.json").write_text('{"name": "Thing", "fields": [{"fieldname": "fax", "fieldtype": "Data"}]}')
    nothing = MigrationPermissions(can_apply=False)
    before = site.content()
    assert boot(site.database, tmp_path, "check", permissions=nothing).in_step
    assert boot(site.database, tmp_path, "check", permissions=nothing).in_step
    assert site.content() == before
    with pytest.raises(MigrationPermissionError):
        boot(site.database, tmp_path, permissions=nothing)
