"""A plan is carried out whole, with its record, or nothing of it stays."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate.errors import (
    DatabaseError,
    ExecutionError,
    GuardError,
    LockHeldError,
    ShadowMismatchError,
    StalePlanError,
    StatementError,
)
from sodaf_migrate.events import Progress
from sodaf_migrate.execute.executor import MigrationExecutor
from sodaf_migrate.options import SyncOptions
from sodaf_migrate.plan import Cost, Plan, Statement, Step
from sodaf_migrate.wire.connection import Wire
from sodaf_migrate.wire.open import open_wire
from tests.execute.conftest import REBUILD, Records, guarded, plan_for, recorded, step

ADD = "ALTER TABLE customer ADD COLUMN c1"


def dump(path: Path | Wire) -> list[str]:
    """Everything in the database, as text."""
    connection = path.connection if isinstance(path, Wire) else sqlite3.connect(path)
    found = list(connection.iterdump())
    if connection is not getattr(path, "connection", None):
        connection.close()
    return found


def test_a_plan_is_carried_out(wire: Wire, records: Records, shop: Path) -> None:
    """Steps in order, rows counted, told as it happens, recorded, committed."""
    heard: list[Progress] = []
    executor = MigrationExecutor(heard.append)
    plan = plan_for(wire, step(ADD, title="add"), step("UPDATE customer SET c1 = 1 WHERE id < 3", title="fill"))
    execution = executor.execute_migration(wire, plan, record=records)
    assert records == [execution] and execution.affected_rows == 2 and execution.seconds >= execution.waited >= 0
    assert [(figure.title, figure.rows) for figure in execution.steps] == [("add", 0), ("fill", 2)]
    assert [told.phase for told in heard] == [
        "lock",
        "step",
        "step",
        "step",
        "step",
        "verify",
        "record",
        "commit",
        "done",
    ]
    assert [(told.done, told.total) for told in heard[1:5]] == [(0, 2), (1, 2), (1, 2), (2, 2)]
    with open_wire(shop, readonly=True) as other:
        assert other.query("SELECT c1 FROM customer") == [(1,), (1,), (None,)] and recorded(other)


def test_a_stale_plan(wire: Wire, records: Records, executor: MigrationExecutor) -> None:
    """A table, or a view on it, that changed since is seen under the lock."""
    plan = plan_for(wire, step(ADD))
    for change in ("ALTER TABLE customer ADD COLUMN other", "DROP VIEW buyers"):
        wire.run(change)
        before = dump(wire)
        with pytest.raises(StalePlanError, match='"Customer" are not as they were') as caught:
            executor.execute_migration(wire, plan, record=records)
        assert caught.value.hint and dump(wire) == before and not records
        plan = plan_for(wire, step(ADD))


def test_a_table_elsewhere_makes_no_plan_stale(wire: Wire, records: Records, executor: MigrationExecutor) -> None:
    """Only what concerns the tables of the plan counts."""
    plan = plan_for(wire, step(ADD))
    wire.run("CREATE TABLE elsewhere (a)")
    executor.execute_migration(wire, plan, record=records)
    assert len(records) == 1


def test_a_writer_between_census_and_lock(
    wire: Wire, records: Records, executor: MigrationExecutor, shop: Path
) -> None:
    """A row that another connection commits is caught by the guard."""
    count = "SELECT count(*) FROM customer WHERE phone IS NULL"
    plan = plan_for(wire, guarded(count, 1))
    other = sqlite3.connect(shop)
    other.execute("INSERT INTO customer VALUES (4, 'Dan', NULL)")
    other.commit()
    other.close()
    before = dump(wire)
    with pytest.raises(GuardError, match='customers without a phone: "1" expected, "2" found') as caught:
        executor.execute_migration(wire, plan, record=records)
    assert caught.value.details["found"] == 2 and dump(wire) == before and not records
    executor.execute_migration(wire, plan_for(wire, guarded(count, 2)), record=records)


def test_a_failing_step(wire: Wire, records: Records, executor: MigrationExecutor) -> None:
    """The step and its statement are named, and everything before it is taken back."""
    before = dump(wire)
    bad = step(
        "DELETE FROM customer WHERE id = 3", "INSERT INTO customer (id, name) VALUES (1, 'x')", title="copy rows"
    )
    with pytest.raises(ExecutionError, match='step "copy rows" failed') as caught:
        executor.execute_migration(wire, plan_for(wire, step(ADD), bad), record=records)
    error = caught.value
    assert "UNIQUE constraint failed" in error.message and error.hint and isinstance(error.__cause__, StatementError)
    assert error.details["sql"].startswith("INSERT INTO customer") and error.details["cause"] == "CONSTRAINT_BROKEN"
    assert dump(wire) == before and not records and not wire.in_transaction


def test_a_check_that_finds_rows(wire: Wire, records: Records, executor: MigrationExecutor) -> None:
    """Its own words, some of the rows, shortened."""
    wire.run("UPDATE customer SET name = ?", ("x" * 500,))
    bad = step(ADD, "SELECT name FROM customer", check="a name is too long")
    before = dump(wire)
    with pytest.raises(ShadowMismatchError, match="a name is too long") as caught:
        executor.execute_migration(wire, plan_for(wire, bad), record=records)
    assert len(caught.value.message) < 400 and caught.value.details["where"] == 'step "change it"'
    assert dump(wire) == before
    fine = step(ADD, "SELECT name FROM customer WHERE id = 99", check="nobody has this id")
    executor.execute_migration(wire, plan_for(wire, fine), record=records)


def test_another_result_than_promised(wire: Wire, records: Records, executor: MigrationExecutor) -> None:
    """The schema is read again before COMMIT and held against the promise."""
    plan = plan_for(wire, step(ADD), to_digest="0" * 64)
    before = dump(wire)
    with pytest.raises(ShadowMismatchError, match="did not become what the plan promised"):
        executor.execute_migration(wire, plan, record=records)
    assert dump(wire) == before


def test_what_is_asked_of_the_caller(wire: Wire, records: Records, executor: MigrationExecutor) -> None:
    """before_change sees the old state under the lock, verify the new one; each may stop it."""
    seen: list[int] = []

    def before_change(wire: Wire, plan: Plan) -> None:
        assert wire.in_transaction
        seen.append(wire.value("SELECT count(*) FROM pragma_table_info('customer')"))

    def verify(wire: Wire) -> None:
        seen.append(wire.value("SELECT count(*) FROM pragma_table_info('customer')"))
        if len(seen) < 4:
            raise ShadowMismatchError("rows differ")

    plan, before = plan_for(wire, step(ADD)), dump(wire)
    with pytest.raises(ShadowMismatchError, match="rows differ"):
        executor.execute_migration(wire, plan, record=records, before_change=before_change, verify=verify)
    assert seen == [3, 4] and dump(wire) == before
    executor.execute_migration(wire, plan, record=records, before_change=before_change, verify=verify)
    assert seen == [3, 4, 3, 4]


def test_hooks(wire: Wire, records: Records, executor: MigrationExecutor) -> None:
    """They get the connection and the plan, inside the transaction, before and after the steps."""
    seen: list[Any] = []

    def columns(connection: sqlite3.Connection, plan: Plan) -> None:
        assert connection.in_transaction and plan.doctype == "Customer"
        seen.append(connection.execute("SELECT count(*) FROM pragma_table_info('customer')").fetchone()[0])

    options = SyncOptions(before=columns, after=columns, on_error=lambda plan, error: seen.append(error))
    executor.execute_migration(wire, plan_for(wire, step(ADD)), options=options, record=records)
    assert seen == [3, 4]


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_failing_hook(wire: Wire, records: Records, executor: MigrationExecutor, place: str) -> None:
    """Named, chained, everything taken back, and on_error told once that is done."""
    told: list[tuple[bool, BaseException]] = []

    def hook(connection: sqlite3.Connection, plan: Plan) -> None:
        connection.execute("DELETE FROM customer")
        raise ZeroDivisionError("oh")

    def on_error(plan: Plan, error: BaseException) -> None:
        told.append((wire.in_transaction, error))
        raise ValueError("on_error is broken too")

    before = dump(wire)
    options = SyncOptions(**{place: hook}, on_error=on_error)  # type: ignore[arg-type]
    with pytest.raises(ExecutionError, match=f'hook "{place}"') as caught:
        executor.execute_migration(wire, plan_for(wire, step(ADD)), options=options, record=records)
    assert isinstance(caught.value.__cause__, ZeroDivisionError) and told == [(False, caught.value)]
    assert "on_error is broken too" in caught.value.__notes__[0] and dump(wire) == before


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_hook_that_changes_the_schema(wire: Wire, records: Records, executor: MigrationExecutor, place: str) -> None:
    """What nobody planned is not committed."""
    before = dump(wire)
    options = SyncOptions(**{place: lambda c, p: c.execute("CREATE INDEX extra ON customer (phone)")})  # type: ignore[arg-type]
    with pytest.raises(ShadowMismatchError):
        executor.execute_migration(wire, plan_for(wire, step(ADD)), options=options, record=records)
    assert dump(wire) == before and not records[1:]


def test_a_hook_that_commits(wire: Wire, records: Records, executor: MigrationExecutor) -> None:
    """A hook cannot end the transaction, and half a change never stands."""
    options = SyncOptions(before=lambda connection, plan: connection.commit())
    before = dump(wire)
    with pytest.raises(ExecutionError, match='hook "before"'):
        executor.execute_migration(wire, plan_for(wire, step(ADD)), options=options, record=records)
    assert dump(wire) == before


def test_a_failing_record(wire: Wire, executor: MigrationExecutor) -> None:
    """Without its record no change stays."""
    before = dump(wire)
    with pytest.raises(StatementError):
        executor.execute_migration(
            wire, plan_for(wire, step(ADD)), record=lambda wire, execution: wire.run("nonsense") and None
        )
    assert dump(wire) == before


def test_an_interrupt(wire: Wire, records: Records) -> None:
    """Ctrl-C at any stage takes everything back."""
    before = dump(wire)
    for phase in ("step", "verify", "record", "commit"):

        def interrupt(progress: Progress, phase: str = phase) -> None:
            if progress.phase == phase:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            MigrationExecutor(interrupt).execute_migration(wire, plan_for(wire, step(ADD)), record=records)
        assert dump(wire) == before and not wire.in_transaction


def test_a_killed_process(shop: Path) -> None:
    """Killed before COMMIT, the database is as it was."""
    program = f"""
import os, signal
from sodaf_migrate.execute.executor import MigrationExecutor
from sodaf_migrate.wire.open import open_wire
from tests.execute.conftest import Records, plan_for, step
def listen(progress):
    if progress.phase == "commit":
        os.kill(os.getpid(), signal.SIGKILL)
with open_wire({str(shop)!r}) as wire:
    wire.run("PRAGMA cache_size = 5")
    plan = plan_for(wire, step({ADD!r}, "UPDATE customer SET c1 = hex(randomblob(100000))"))
    MigrationExecutor(listen, cache=0).execute_migration(wire, plan, record=Records())
"""
    before = dump(shop)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, cwd=Path(__file__).parents[2], timeout=60
    )
    assert done.returncode == -9, done.stderr
    assert dump(shop) == before


def test_full_disk(shop: Path, records: Records, executor: MigrationExecutor) -> None:
    """No room is said as the cause of the failed step."""
    before = dump(shop)
    with open_wire(shop, on_connect=lambda c: c.execute("PRAGMA max_page_count = 10") and None) as wire:
        big = step(ADD, "UPDATE customer SET c1 = hex(zeroblob(100000))")
        with pytest.raises(ExecutionError, match="No room left") as caught:
            executor.execute_migration(wire, plan_for(wire, big), record=records)
    assert caught.value.details["cause"] == "DISK_FULL" and dump(shop) == before


def test_records_of_the_log_carry_the_migration(
    wire: Wire, records: Records, executor: MigrationExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    """Each line has the id."""
    plan = plan_for(wire, step(ADD))
    with caplog.at_level(logging.DEBUG, logger="sodaf_migrate"):
        executor.execute_migration(wire, plan, record=records, migration_id="m1")
        with pytest.raises(StalePlanError):
            executor.execute_migration(wire, replace(plan, from_digest="x"), record=records, migration_id="m2")
    assert [line.migration for line in caplog.records] == ["m1", "m1", "m2"]  # type: ignore[attr-defined]


# The connection.


@pytest.mark.parametrize(("mode", "level"), [("delete", 3), ("wal", 2)])
def test_pragmas_during_and_after(
    shop: Path, records: Records, executor: MigrationExecutor, mode: str, level: int
) -> None:
    """Durable while it runs, foreign keys off, and all as the caller had it afterwards; also after a failure."""
    connection = sqlite3.connect(shop)
    connection.execute(f"PRAGMA journal_mode = {mode}")
    names = ("synchronous", "foreign_keys", "recursive_triggers", "legacy_alter_table", "ignore_check_constraints")
    for name, value in zip(names, (1, 1, 1, 1, 1), strict=True):
        connection.execute(f"PRAGMA {name} = {value}")

    def pragmas() -> list[int]:
        return [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    before, during = pragmas(), []
    options = SyncOptions(before=lambda c, p: during.append(pragmas()))
    with open_wire(connection) as wire:
        rebuild = step(*REBUILD, cost=Cost.REBUILD)
        executor.execute_migration(wire, plan_for(wire, rebuild), options=options, record=records)
        with pytest.raises(ExecutionError):
            executor.execute_migration(wire, plan_for(wire, step("nonsense")), options=options, record=records)
    assert during == [[level, 0, 0, 0, 0]] * 2 and pragmas() == before == [1, 1, 1, 1, 1]
    assert connection.execute("SELECT count(*) FROM sale").fetchone() == (2,), "child rows cascaded away"
    assert connection.execute("PRAGMA journal_mode").fetchone() == (mode,)
    connection.close()


def test_a_locked_database(wire: Wire, records: Records, executor: MigrationExecutor, shop: Path) -> None:
    """Somebody else's write lock is said before anything is done."""
    plan = plan_for(wire, step(ADD))
    other = sqlite3.connect(shop, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    told: list[object] = []
    with pytest.raises(LockHeldError):
        executor.execute_migration(wire, plan, record=records, options=SyncOptions(on_error=lambda *a: told.append(a)))
    other.close()
    assert not records and not told  # nothing was started


def test_a_reader_in_the_way(wire: Wire, records: Records, executor: MigrationExecutor, shop: Path) -> None:
    """With a rollback journal, a rebuild finds the reader before it copies; COMMIT finds it otherwise."""
    reader = sqlite3.connect(shop, isolation_level=None)
    plan = plan_for(wire, step(*REBUILD, cost=Cost.REBUILD))
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM sale").fetchall()
    with pytest.raises(LockHeldError) as caught:
        executor.execute_migration(wire, plan, record=records)
    assert caught.value.details["sql"] == "BEGIN EXCLUSIVE" and not records
    before = dump(shop)
    with pytest.raises(LockHeldError) as caught:
        executor.execute_migration(wire, plan_for(wire, step(ADD)), record=records, recorded=recorded)
    assert caught.value.details["sql"] == "COMMIT" and dump(shop) == before and not wire.in_transaction
    reader.close()


def test_readers_go_on_in_wal_mode(wire: Wire, records: Records, executor: MigrationExecutor, shop: Path) -> None:
    """They keep their snapshot while a table is rebuilt under them."""
    reader = sqlite3.connect(shop, isolation_level=None)
    reader.execute("PRAGMA journal_mode = WAL")
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM customer").fetchall()
    executor.execute_migration(wire, plan_for(wire, step(*REBUILD, cost=Cost.REBUILD)), record=records)
    assert reader.execute("SELECT phone FROM customer WHERE id = 1").fetchone() == ("1",)
    reader.execute("COMMIT")
    assert reader.execute("SELECT phone FROM customer WHERE id = 1").fetchone() == (1,)
    reader.close()


def test_an_error_after_commit(shop: Path, records: Records, executor: MigrationExecutor) -> None:
    """Whether COMMIT took place is read back: an error right after it does not make it undone."""
    connection = sqlite3.connect(shop)
    connection.execute("PRAGMA foreign_keys = 1")

    def deny(action: int, name: str | None, value: str | None, *rest: object) -> int:
        is_restored = action == sqlite3.SQLITE_PRAGMA and name == "foreign_keys" and value == "1"
        return sqlite3.SQLITE_DENY if is_restored else sqlite3.SQLITE_OK

    with open_wire(connection) as wire:
        plan = plan_for(wire, step(ADD))
        connection.set_authorizer(deny)
        execution = executor.execute_migration(wire, plan, record=records, recorded=recorded)
        assert records == [execution] and wire.value("SELECT count(*) FROM pragma_table_info('customer')") == 4
        connection.set_authorizer(None)
    connection.close()


def test_an_error_before_commit_stays_the_error(shop: Path, records: Records, executor: MigrationExecutor) -> None:
    """What went wrong on the way back, a pragma that could not be restored, is noted on it and hides nothing."""

    def deny(action: int, name: str | None, value: str | None, *rest: object) -> int:
        is_restored = action == sqlite3.SQLITE_PRAGMA and name == "foreign_keys" and value == "1"
        return sqlite3.SQLITE_DENY if is_restored else sqlite3.SQLITE_OK

    connection = sqlite3.connect(shop)
    connection.execute("PRAGMA foreign_keys = 1")
    with open_wire(connection) as wire:
        plan = plan_for(wire, step("nonsense"))
        connection.set_authorizer(deny)
        with pytest.raises(ExecutionError, match="nonsense") as caught:
            executor.execute_migration(wire, plan, record=records, recorded=recorded)
        connection.set_authorizer(None)
    assert "foreign_keys was not restored" in caught.value.__notes__[0] and not records
    connection.close()


# Several in one.


def test_a_run_of_several(wire: Wire, records: Records, executor: MigrationExecutor) -> None:
    """In one session each migration is a savepoint: one that fails is taken back alone."""
    with executor.session(wire):
        executor.execute_migration(wire, plan_for(wire, step(ADD)), record=records)
        with pytest.raises(ExecutionError):
            executor.execute_migration(wire, plan_for(wire, step("DELETE FROM done", "nonsense")), record=records)
        again = plan_for(wire, step("ALTER TABLE customer ADD COLUMN c2"))
        executor.execute_migration(wire, again, record=records, recorded=lambda wire: pytest.fail("asked"))
        assert wire.in_transaction
    assert wire.value("SELECT count(*) FROM pragma_table_info('customer')") == 5 and len(records) == 2
    assert wire.value("SELECT count(*) FROM done") == 2


def test_a_run_that_fails(wire: Wire, records: Records, executor: MigrationExecutor) -> None:
    """Nothing of the run stays, its records neither."""
    before = dump(wire)
    with pytest.raises(ZeroDivisionError), executor.session(wire):
        executor.execute_migration(wire, plan_for(wire, step(ADD)), record=records)
        raise ZeroDivisionError
    assert dump(wire) == before and wire.value("PRAGMA synchronous") == 2


def test_a_transaction_without_the_settings_is_no_session(
    wire: Wire, records: Records, executor: MigrationExecutor
) -> None:
    """Inside a transaction that has foreign keys on, nothing is begun."""
    with wire.pragmas(foreign_keys=1), wire.atomic(), pytest.raises(DatabaseError, match="foreign_keys"):
        executor.execute_migration(wire, plan_for(wire, scope=()), record=records)


# The parts, for use alone.


def test_the_parts(wire: Wire, executor: MigrationExecutor) -> None:
    """Statements in one transaction, a savepoint, a piece of work, a way back."""
    assert executor.execute_migration_sql(wire, ["DELETE FROM sale", Statement(sql="DELETE FROM customer")]) == 5
    assert (
        executor.execute_in_transaction(wire, lambda wire: wire.run("INSERT INTO customer VALUES (1, 'a', 'b')")) == 1
    )
    before = dump(wire)
    with pytest.raises(ExecutionError, match="the statements failed"):
        executor.execute_migration_sql(wire, ["DELETE FROM customer", "nonsense"])
    with pytest.raises(ExecutionError, match="by the engine alone"):
        executor.execute_migration_sql(wire, ["DELETE FROM customer", "COMMIT"])
    with pytest.raises(ZeroDivisionError), executor.savepoint(wire):
        wire.run("DELETE FROM customer")
        raise ZeroDivisionError
    assert dump(wire) == before
    down = (Statement(sql="ALTER TABLE customer DROP COLUMN c1"),)
    plan = plan_for(
        wire, Step(title="add", target="", cost=Cost.INSTANT, reason="", up=(Statement(sql=ADD),), down=down)
    )
    executor.execute_migration_sql(wire, plan.sql)
    assert executor.execute_rollback_sql(wire, plan) == 0
    assert executor.execute_rollback_sql(wire, ["DELETE FROM customer"]) == 1
    assert wire.value("SELECT count(*) FROM pragma_table_info('customer')") == 3


@pytest.mark.parametrize(("own", "meanwhile"), [(-2000, -16384), (77, -16384), (-40000, -40000), (10_000, 10_000)])
def test_the_cache_is_large_meanwhile(wire: Wire, records: Records, own: int, meanwhile: int) -> None:
    """In kibibytes or, above zero, in pages of 4096 bytes; what is larger stays, and after it all is as it was."""
    wire.run(f"PRAGMA cache_size = {own}")
    seen = []

    def look(progress: Progress) -> None:
        if progress.phase == "step":
            seen.append(wire.value("PRAGMA cache_size"))

    MigrationExecutor(look).execute_migration(wire, plan_for(wire, step(ADD)), record=records)
    assert set(seen) == {meanwhile} and wire.value("PRAGMA cache_size") == own
