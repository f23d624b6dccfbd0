"""What others left in the database, or set on the connection, does not stop a change that has nothing to do with it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sodaf_migrate import DataLossRiskError, DiskFullError, MigrationApplier, MigrationExecutor, Schema, SyncOptions
from sodaf_migrate.compare.changes import SchemaDiff
from sodaf_migrate.dialects.sqlite.inspect import read_schema
from sodaf_migrate.errors import CommitUnknownError, StatementError
from sodaf_migrate.execute.compiles import broken_objects
from sodaf_migrate.execute.executor import MigrationExecutor as Executor
from sodaf_migrate.execute.keys import new_violations, violations
from sodaf_migrate.plan import Plan
from sodaf_migrate.wire.connection import Wire
from sodaf_migrate.wire.open import open_wire
from tests.execute.conftest import Records, plan_for, step


def test_a_view_that_is_broken_already_with_a_trigger_on_it(wire: Wire) -> None:
    """It is told once, by the view itself: what its trigger would do cannot be asked."""
    wire.run("CREATE VIEW old AS SELECT gone FROM customer")
    wire.run("CREATE TRIGGER on_old INSTEAD OF INSERT ON old BEGIN DELETE FROM done; END")
    assert list(broken_objects(wire, read_schema(wire))) == [("view", "old")]


def test_a_trigger_whose_table_another_connection_dropped(wire: Wire, shop: Path) -> None:
    """SQLite keeps a TEMP trigger then, which fires never again and breaks nothing."""
    wire.run("CREATE TEMP TRIGGER mine AFTER INSERT ON sale BEGIN SELECT 1; END")
    live = read_schema(wire)
    assert any(trigger.name == "mine" for trigger in live.triggers)
    with closing(sqlite3.connect(shop)) as other, other:
        other.execute("DROP TABLE sale")
    assert ("INSERT trigger on", "sale") not in broken_objects(wire, live)


def test_orphans_of_a_key_that_pointed_to_no_key(wire: Wire) -> None:
    """Once the parent has its key they can be seen, and nobody can say that they are new."""
    wire.run("CREATE TABLE odd (n REFERENCES customer (phone))")
    wire.run("INSERT INTO odd VALUES ('nobody has it')")
    before = violations(wire, ["odd"])
    assert before["odd"] is None
    wire.run("CREATE UNIQUE INDEX u ON customer (phone)")
    after = violations(wire, ["odd"])
    assert after["odd"] and new_violations(before, after, SchemaDiff(doctype="C")) == []


def test_a_hook_that_refuses(wire: Wire, records: Records, executor: Executor) -> None:
    """An error of ours from a hook comes out as it is, with its code and hint, and nothing was changed."""

    def hook(connection: sqlite3.Connection, plan: Plan) -> None:
        raise DataLossRiskError("Not on a Friday", hint="Wait until Monday.")

    plan = plan_for(wire, step("ALTER TABLE customer ADD COLUMN c1"))
    with pytest.raises(DataLossRiskError, match="Not on a Friday") as caught:
        executor.execute_migration(wire, plan, record=records, options=SyncOptions(before=hook))
    assert caught.value.hint == "Wait until Monday." and not records
    assert wire.value("SELECT count(*) FROM pragma_table_info('customer') WHERE name = 'c1'") == 0


def test_sorting_in_memory_needs_no_room_on_the_disk(tmp_path: Path) -> None:
    """Where the application has its connections sort in memory, only the index itself has to fit."""
    path = tmp_path / "site.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); CREATE INDEX t_a ON t (a);")
        connection.executemany("INSERT INTO t (a) VALUES (?)", [(f"{number:0200}",) for number in range(3000)])
    MigrationApplier(path).adopt_schema()
    wish = Schema.from_sql("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE); CREATE INDEX t_a ON t (a);")

    def synced(room: int, prepare: str) -> bool:
        applier = MigrationApplier(
            path,
            executor=MigrationExecutor(free=lambda folder: room),
            on_connect=lambda connection: connection.execute(prepare).close(),
        )
        return applier.sync_schema(wish).changed

    with pytest.raises(DiskFullError) as caught:
        synced(0, "PRAGMA temp_store = MEMORY")
    least = int(caught.value.details["needed_bytes"])  # what the copy takes, without what is sorted
    with pytest.raises(DiskFullError):
        synced(least, "PRAGMA temp_store = FILE")
    assert synced(least, "PRAGMA temp_store = MEMORY")


def test_a_record_that_cannot_be_read_after_a_commit(shop: Path, records: Records, executor: Executor) -> None:
    """COMMIT raised, and nobody can look: that is said, and is called neither done nor undone."""
    connection = sqlite3.connect(shop)
    connection.execute("PRAGMA foreign_keys = 1")

    def deny(action: int, name: str | None, value: str | None, *rest: object) -> int:
        is_restored = action == sqlite3.SQLITE_PRAGMA and name == "foreign_keys" and value == "1"
        return sqlite3.SQLITE_DENY if is_restored else sqlite3.SQLITE_OK

    def unreadable(wire: Wire) -> bool:
        return bool(wire.value("SELECT count(*) FROM nowhere"))

    with closing(connection), open_wire(connection) as wire:
        plan = plan_for(wire, step("ALTER TABLE customer ADD COLUMN c1"))
        connection.set_authorizer(deny)
        with pytest.raises(CommitUnknownError) as caught:
            executor.execute_migration(wire, plan, record=records, recorded=unreadable)
        connection.set_authorizer(None)
        assert caught.value.hint and isinstance(caught.value.__cause__, StatementError)
        assert wire.value("SELECT count(*) FROM pragma_table_info('customer')") == 4  # it had taken place
