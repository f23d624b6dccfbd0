"""Records: written, read, changed, cleared."""

from __future__ import annotations

import json
import sqlite3
import threading
from datetime import datetime
from pathlib import Path

import pytest

from sodaf_migrate.errors import ConfigurationError, HistoryError, UnknownMigrationError
from sodaf_migrate.history.manager import MigrationHistoryManager
from sodaf_migrate.history.record import STATUSES
from sodaf_migrate.history.tables import LAYOUT, TABLES, is_internal
from sodaf_migrate.plan import Plan
from sodaf_migrate.wire.connection import Wire
from sodaf_migrate.wire.open import open_wire
from tests.history.conftest import apply, history_on, plan_of

FOUNDING = (
    "id TEXT PRIMARY KEY, doctype TEXT NOT NULL, version TEXT NOT NULL, timestamp TEXT NOT NULL, sql TEXT, "
    "rollback_sql TEXT, status TEXT NOT NULL, applied_by TEXT, execution_time INTEGER, affected_rows INTEGER, "
    "backup_path TEXT, error TEXT, rollback_info TEXT"
)


def test_the_first_columns_are_the_founding_ones(wire: Wire, history: MigrationHistoryManager) -> None:
    """Exactly these thirteen, in this order, come first."""
    history.initialize_history_table()
    found = []
    for _, name, kind, not_null, _, key in wire.query("PRAGMA table_info('tabMigrationHistory')"):
        found.append(f"{name} {kind}{' PRIMARY KEY' if key else ''}{' NOT NULL' if not_null else ''}")
    assert ", ".join(found[:13]) == FOUNDING and len(found) > 13


def test_reading_never_writes(tmp_path: Path) -> None:
    """A database without history has an empty one, and not a byte changes."""
    file = tmp_path / "site.db"
    sqlite3.connect(file).close()
    file.touch()
    history = MigrationHistoryManager(file)
    assert history.get_migration_history() == () and history.get_migration_history("C") == ()
    assert history.find("x") is None and history.get_latest_migration("C") is None
    assert history.get_pending_migrations() == () and history.get_pending_migrations(["x"]) == ("x",)
    assert history.owned() == history.owned("C") == history.declared("C") == frozenset()
    assert history.settled() == {} and history.events() == () and history.head().count == 0
    assert history.verify() == () and history.clear_history() == 0
    assert file.read_bytes() == b""


def test_a_record_comes_back_as_it_was(history: MigrationHistoryManager) -> None:
    """Every value of a record, and the plan in it."""
    plan = plan_of(owns="ab", details={"engine": "0.1.0", "doctype_digest": "d", "declared": [["tabC", "a", "b"]]})
    record = history.new_record(plan, run_id="r", description="why", backup_path="/b").applied(7, 1.2345)
    history.record_migration(record)
    found = history.get_migration_by_id(record.id)
    assert found == record and found.checksum == record.checksum
    assert Plan.from_json(found.plan or "") == plan
    assert (found.status, found.affected_rows, found.execution_time) == ("applied", 7, 1234)
    assert (found.applied_by, found.run_id, found.description, found.backup_path) == ("tester", "r", "why", "/b")
    assert json.loads(found.environment or "") == {"engine": "0.1.0", "host": "here"} and found.doctype_digest == "d"
    assert found.statements == ("SELECT 1", "CREATE TRIGGER x BEGIN\n ;\nEND")
    assert found.rollback_statements == ("SELECT 2",)


def test_ids_and_times(history: MigrationHistoryManager) -> None:
    """Ids sort by time and differ; times are UTC, ISO 8601."""
    records = [history.new_record(plan_of()) for _ in range(5)]
    ids = [record.id for record in records]
    assert ids == sorted(set(ids)) and ids[0] == "20260131T000000000000Z-00000000"
    assert datetime.fromisoformat(records[1].timestamp).isoformat() == "2026-01-31T00:00:01+00:00"
    defaults = MigrationHistoryManager(":none:").new_record(plan_of())
    assert defaults.applied_by and defaults.id[:2] == "20"


def test_an_id_is_taken_once(history: MigrationHistoryManager) -> None:
    """The same record twice is refused."""
    record = history.new_record(plan_of())
    history.record_migration(record)
    with pytest.raises(HistoryError, match="on record already"):
        history.record_migration(record)


def test_statuses(history: MigrationHistoryManager) -> None:
    """Each status can be set, an event tells of each, and no other is taken."""
    record = history.new_record(plan_of())
    history.record_migration(record)
    for status in STATUSES:
        history.update_migration_status(record.id, status, error=f"in {status}")
        assert history.get_migration_by_id(record.id).status == status
    assert history.get_migration_by_id(record.id).error == "in rolled_back"
    assert [event.kind for event in history.events()] == ["initialized", "pending", *STATUSES]
    with pytest.raises(ConfigurationError, match='"done" is no status'):
        history.update_migration_status(record.id, "done")
    with pytest.raises(UnknownMigrationError, match='no migration "nope"') as caught:
        history.update_migration_status("nope", "applied")
    assert caught.value.hint
    with pytest.raises(UnknownMigrationError):
        history.get_migration_by_id("nope")


def test_latest_and_order(history: MigrationHistoryManager) -> None:
    """Records come in the order of writing; the latest is the newest in force."""
    first, second = apply(history, plan_of(version="1")), apply(history, plan_of(version="2"))
    other = apply(history, plan_of("D"))
    history.record_failure(history.new_record(plan_of(version="3")).failed("no"))
    assert [record.id for record in history.get_migration_history("C")][:2] == [first, second]
    assert len(history.get_migration_history()) == 4
    assert history.get_latest_migration("C").id == second  # type: ignore[union-attr]
    assert history.get_latest_migration("D").id == other  # type: ignore[union-attr]
    back = apply(history, plan_of(version="2"))
    history.mark_rolled_back(second, by=back)
    assert history.get_latest_migration("C").id == first  # type: ignore[union-attr]
    info = json.loads(history.get_migration_by_id(second).rollback_info or "")
    assert info["rolled_back_by"] == back and info["rolled_back_at"].endswith("+00:00")
    assert history.get_migration_by_id(back).reverses == second


def test_pending(history: MigrationHistoryManager) -> None:
    """Given candidates, those that are not applied; without, what was stored and not carried through."""
    done = apply(history, plan_of())
    stored = history.new_record(plan_of())
    history.record_migration(stored)
    never = history.new_record(plan_of())
    assert history.get_pending_migrations([done, stored, never.id]) == (stored, never.id)
    assert history.get_pending_migrations() == (stored,)


def test_a_failure_is_recorded_in_its_own_transaction(tmp_path: Path) -> None:
    """One record is added; where the database cannot take it, that is said in the log and nowhere else."""
    file = tmp_path / "site.db"
    with open_wire(file, must_exist=False, lock_timeout=0) as wire:
        history = history_on(wire)
        assert history.record_failure(history.new_record(plan_of()))
        assert [record.status for record in history.get_migration_history()] == ["failed"]
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert not history.record_failure(history.new_record(plan_of()).failed("no"))
        other.close()
        assert len(history.get_migration_history()) == 1 and history.verify() == ()


def test_clearing(history: MigrationHistoryManager) -> None:
    """Records go, events stay and tell of it, and what is ours stays ours."""
    apply(history, plan_of(owns="ab", details={"declared": [["tabC", "x", "a"]]}))
    apply(history, plan_of("D", owns="c"))
    owned, declared = history.owned(), history.declared("C")
    assert history.clear_history("C") == 1
    assert [record.doctype for record in history.get_migration_history()] == ["D"]
    assert history.clear_history() == 1 and history.clear_history() == 0
    assert history.get_migration_history() == () and history.owned() == owned and history.declared("C") == declared
    assert [event.kind for event in history.events()][-2:] == ["cleared", "cleared"] and history.verify() == ()


def test_settled(history: MigrationHistoryManager) -> None:
    """What was found in step is remembered, replaced and forgotten."""
    history.remember({"C": ("w", "l"), "D": ("x", "m")})
    history.remember({"C": ("w2", "l2")}, standing={"C": "[]"})
    assert history.settled() == {"C": ("w2", "l2"), "D": ("x", "m")}
    history.forget(["C"])
    assert list(history.settled()) == ["D"]
    history.forget()
    assert history.settled() == {} and history.get_migration_history() == ()


def test_a_newer_layout_is_refused(wire: Wire, history: MigrationHistoryManager) -> None:
    """Neither read nor written: the events say that a later version keeps them."""
    record = apply(history, plan_of())
    newer = f"INSERT INTO tabMigrationEvent SELECT 99, '', 'new', NULL, NULL, '{{}}', {LAYOUT + 1}, '', '', ''"
    wire.run(newer)
    attempts = (
        lambda: history.get_migration_by_id(record),
        lambda: history.owned(),
        lambda: history.verify(),
        lambda: apply(history, plan_of()),
    )
    for attempt in attempts:
        with pytest.raises(HistoryError, match=f'layout "{LAYOUT + 1}"') as caught:
            attempt()
        assert caught.value.hint


@pytest.mark.parametrize("table", TABLES[:2])
def test_somebody_elses_table(wire: Wire, history: MigrationHistoryManager, table: str) -> None:
    """A table of that name that is not ours is not written to."""
    wire.run(f'CREATE TABLE "{table}" (doctype, seq, migration_id, layout)')
    with pytest.raises(HistoryError, match="is not the migration history") as caught:
        apply(history, plan_of())
    assert caught.value.hint and wire.query(f'SELECT * FROM "{table}"') == []


def test_a_temporary_table_does_not_stand_before_ours(wire: Wire, history: MigrationHistoryManager) -> None:
    """History is in main, whatever TEMP tables there are."""
    for table in TABLES:
        wire.run(f'CREATE TEMP TABLE "{table}" (x)')
    record = apply(history, plan_of(owns="a"))
    assert history.get_migration_by_id(record).status == "applied" and history.owned() and history.verify() == ()


def test_what_is_written_belongs_to_the_open_transaction(wire: Wire, history: MigrationHistoryManager) -> None:
    """Rolled back with it, tables and all."""
    with pytest.raises(ZeroDivisionError), wire.atomic():
        apply(history, plan_of())
        raise ZeroDivisionError
    assert wire.query("SELECT name FROM sqlite_schema WHERE name LIKE 'tab%'") == [] and history.verify() == ()


def test_on_a_path_and_from_many_threads(tmp_path: Path) -> None:
    """A path is opened for each call; writers at once keep one chain."""
    file = tmp_path / "site.db"
    with open_wire(file, must_exist=False) as wire:
        history_on(wire).initialize_history_table()
    history = MigrationHistoryManager(file)

    def work() -> None:
        for _ in range(5):
            apply(history, plan_of(owns="a"))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(history.get_migration_history()) == 20 and history.head().count == 21 and history.verify() == ()


def test_our_tables_are_known() -> None:
    """By any spelling that SQLite takes for the same name."""
    assert is_internal("tabMigrationEvent") and is_internal("TABMIGRATIONSETTLED") and not is_internal("tabMigration")
