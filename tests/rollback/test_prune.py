"""Whatever retention deletes, every applied migration can still be taken back, with every value."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from sodaf_migrate import BackupOptions, DocTypeEngine, MigrationApplier, PruneOptions, RollbackOptions, SyncOptions
from sodaf_migrate.errors import MigrationError

DEEP = os.environ.get("SODAF_TEST_DEEP") == "1"
VALUES = ["'007'", "' 5'", "'1e3'", "NULL", "'x'", "x'00'", "12", "1.5"]
FIELDS = ("a", "b")
KINDS = ("Data", "Int", "Float", "Small Text", None)

#: Everything is over some limit.
HARSH = [
    PruneOptions(max_age=0),
    PruneOptions(max_count=0),
    PruneOptions(max_size=0),
    PruneOptions(max_age=0, max_count=0, max_size=0, forgotten=True),
]


class Site(RuleBasedStateMachine):
    """A DocType that changes, goes back, is backed up and pruned in any order."""

    @initialize()
    def begin(self) -> None:
        """A table with rows, and what it held at each point that can be gone back to."""
        self.folder = Path(mkdtemp(prefix="sodaf-prune-"))
        self.path = self.folder / "site.db"
        self.kinds: dict[str, str | None] = dict.fromkeys(FIELDS, "Data")
        self.applied: list[tuple[str, dict[str, str | None], Any]] = []
        self.applier().sync_all_doctypes()
        rows = ", ".join(
            f"('r{place}', {a}, {b})" for place, (a, b) in enumerate(zip(VALUES, VALUES[::-1], strict=True))
        )
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute(f"INSERT INTO tabThing (name, a, b) VALUES {rows}")

    def teardown(self) -> None:
        """All the way back at the end."""
        if hasattr(self, "folder"):
            try:
                while self.applied:
                    self.back()
            finally:
                shutil.rmtree(self.folder)

    def applier(self) -> MigrationApplier:
        """An applier with the definition of now."""
        fields = [{"fieldname": name, "fieldtype": kind} for name, kind in self.kinds.items() if kind]
        fields.append({"fieldname": "always", "fieldtype": "Data"})
        engine = DocTypeEngine.from_doctypes([{"name": "Thing", "fields": fields}])
        return MigrationApplier(self.path, engine, backup_options=BackupOptions(key=bytes(range(32)), threads=1))

    def rows(self) -> Any:
        """Every value with its storage class."""
        with closing(sqlite3.connect(self.path)) as connection:
            names = sorted(row[1] for row in connection.execute("PRAGMA table_info(tabThing)"))
            shown = ", ".join(f"typeof({name}), quote({name})" for name in names)
            return names, connection.execute(f"SELECT {shown} FROM tabThing ORDER BY name").fetchall()

    @rule(name=st.sampled_from(FIELDS), kind=st.sampled_from(KINDS))
    def change(self, name: str, kind: str | None) -> None:
        """A field gets another type, goes, or comes."""
        before, kinds = self.rows(), dict(self.kinds)
        self.kinds[name] = kind
        options = SyncOptions(force=True, on_conversion_error="null")
        result = self.applier().sync_doctype("Thing", options)
        if result.changed:
            self.applied.append((str(result.migration_id), kinds, before))

    @rule(name=st.sampled_from(FIELDS))
    def refused(self, name: str) -> None:
        """A change that is not allowed, or fails, leaves nothing that counts."""
        kinds = dict(self.kinds)
        self.kinds[name] = "Int" if kinds[name] != "Int" else "Data"

        def stop(connection: Any, plan: Any) -> None:
            raise RuntimeError("stop")

        with suppress(MigrationError):
            self.applier().sync_doctype("Thing", SyncOptions(force=True, on_conversion_error="null", after=stop))
        self.kinds = kinds

    @precondition(lambda self: self.applied)
    @rule()
    def back(self) -> None:
        """The last one is taken back: every value is as it was."""
        migration_id, self.kinds, before = self.applied.pop()
        self.applier().rollback_migration(migration_id, RollbackOptions(force=True))
        assert self.rows() == before

    @rule(limits=st.sampled_from(HARSH))
    def prune(self, limits: PruneOptions) -> None:
        """As much as may go goes; told beforehand."""
        backups = self.applier().backups
        told = backups.prune(limits, dry_run=True)
        done = backups.prune(limits)
        assert {info.id for info in told.deleted} == {info.id for info in done.deleted}
        assert {info.state for info in backups.list_backups()} <= {"stored"}

    @rule(type=st.sampled_from(["FULL", "INCREMENTAL"]))
    def on_demand(self, type: str) -> None:
        """Backups of the table, which chains are made of."""
        self.applier().backups.create_backup("Thing", type=type)

    @rule()
    def catalogue_lost(self) -> None:
        """The catalogue goes; a prune has the files alone to go by."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute('DROP TABLE IF EXISTS "tabMigrationBackup"')
        self.applier().backups.rebuild_catalogue()


TestPrune = Site.TestCase
TestPrune.settings = settings(
    max_examples=60 if DEEP else 6, stateful_step_count=30 if DEEP else 12, deadline=None, print_blob=True
)
