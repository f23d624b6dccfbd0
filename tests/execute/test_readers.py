"""In rollback-journal mode readers are out before rows are written; a backup is made of the very state that changes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sodaf_migrate.errors import LockHeldError, StalePlanError
from sodaf_migrate.execute.executor import MigrationExecutor
from sodaf_migrate.plan import Cost, Plan
from sodaf_migrate.wire.connection import Wire
from tests.execute.conftest import REBUILD, Records, plan_for, recorded, step

UPDATE = "UPDATE customer SET phone = 'x'"


@pytest.fixture
def reader(shop: Path) -> Iterator[sqlite3.Connection]:
    """Somebody who reads, and stays."""
    connection = sqlite3.connect(shop, isolation_level=None)
    connection.execute("BEGIN")
    connection.execute("SELECT * FROM customer").fetchall()
    yield connection
    connection.close()


def numbers(path: Path) -> list[tuple[object, ...]]:
    """The phone numbers, read by somebody else."""
    with closing(sqlite3.connect(path, timeout=0)) as connection:
        return connection.execute("SELECT phone FROM customer").fetchall()


@pytest.mark.parametrize("cost", [Cost.REBUILD, Cost.IN_PLACE])
@pytest.mark.parametrize("secured", [True, False])
def test_a_reader_that_stays(
    wire: Wire, reader: sqlite3.Connection, records: Records, cost: Cost, secured: bool
) -> None:
    """Is told before a backup, a hook or a step was begun."""
    done: list[str] = []
    plan = plan_for(wire, step(*(REBUILD if cost is Cost.REBUILD else (UPDATE,)), cost=cost))
    with pytest.raises(LockHeldError):
        MigrationExecutor(lambda told: done.append(told.phase)).execute_migration(
            wire,
            plan,
            record=records,
            before_change=(lambda wire, plan: done.append("backup")) if secured else None,
        )
    assert done == ["lock"] and not wire.in_transaction


def test_a_reader_in_wal_mode_stays(shop: Path, wire: Wire, records: Records) -> None:
    """It goes on reading what it sees, all the while."""
    wire.connection.execute("PRAGMA journal_mode = WAL")
    with closing(sqlite3.connect(shop, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        before = reader.execute("SELECT phone FROM customer").fetchall()
        plan = plan_for(wire, step(UPDATE, cost=Cost.IN_PLACE))
        MigrationExecutor().execute_migration(wire, plan, record=records)
        assert reader.execute("SELECT phone FROM customer").fetchall() == before != numbers(shop)


def test_a_catalogue_change_waits_for_no_reader(shop: Path, wire: Wire, records: Records) -> None:
    """Whoever only adds a column takes the short way, and needs the file alone at COMMIT only."""
    locked: list[list[tuple[object, ...]]] = []
    plan = plan_for(wire, step("ALTER TABLE customer ADD COLUMN c1"))
    MigrationExecutor().execute_migration(
        wire, plan, record=records, before_change=lambda wire, plan: locked.append(numbers(shop))
    )
    assert locked == [[("1",), ("2",), (None,)]]


@pytest.mark.parametrize("cost", [Cost.REBUILD, Cost.IN_PLACE])
def test_a_backup_reads_beside(shop: Path, wire: Wire, records: Records, cost: Cost) -> None:
    """Another connection reads the state of before under the lock, and nobody may write meanwhile."""
    seen: list[list[tuple[object, ...]]] = []

    def backup(wire: Wire, plan: Plan) -> None:
        seen.append(numbers(shop))
        with (
            closing(sqlite3.connect(shop, timeout=0)) as other,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            other.execute("DELETE FROM customer")

    plan = plan_for(wire, step(*(REBUILD if cost is Cost.REBUILD else (UPDATE,)), cost=cost))
    MigrationExecutor().execute_migration(wire, plan, record=records, before_change=backup)
    assert seen == [[("1",), ("2",), (None,)]] and recorded(wire)


def intruding(wire: Wire, shop: Path, times: int) -> list[int]:
    """Let somebody commit right after a transaction of ours has ended, ``times`` times; the list counts them."""
    left = [times]
    control = wire._control

    def watched(sql: str) -> None:
        control(sql)
        if sql == "COMMIT" and left[0] and done:
            left[0] -= 1
            with closing(sqlite3.connect(shop, isolation_level=None)) as other:
                other.execute("INSERT INTO done VALUES ('meanwhile')")

    done: list[int] = []
    wire._control = watched  # type: ignore[method-assign]
    return done


def test_a_commit_after_the_backup_makes_it_again(shop: Path, wire: Wire, records: Records) -> None:
    """The backup counts only if nobody wrote since."""
    plan = plan_for(wire, step(UPDATE, cost=Cost.IN_PLACE))
    backups = intruding(wire, shop, 3)
    MigrationExecutor().execute_migration(
        wire, plan, record=records, before_change=lambda wire, plan: backups.append(1)
    )
    assert len(backups) == 3 and numbers(shop) == [("x",)] * 3


def test_others_who_never_stop(shop: Path, wire: Wire, records: Records) -> None:
    """In the end it is refused, with nothing changed."""
    plan = plan_for(wire, step(UPDATE, cost=Cost.IN_PLACE))
    backups = intruding(wire, shop, 100)
    with pytest.raises(StalePlanError, match="kept writing") as caught:
        MigrationExecutor().execute_migration(
            wire, plan, record=records, before_change=lambda wire, plan: backups.append(1)
        )
    assert caught.value.hint and len(backups) == 5 and numbers(shop) == [("1",), ("2",), (None,)]
