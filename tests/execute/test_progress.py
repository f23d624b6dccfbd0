"""Whoever looks on is told: rows of rows where rows are copied, else that it goes on."""

from __future__ import annotations

import threading
import time

import pytest

from sodaf_migrate.events import Progress, Teller, silent
from sodaf_migrate.execute.executor import MigrationExecutor
from sodaf_migrate.plan import Batch, Cost, Statement, Step
from sodaf_migrate.wire.connection import Wire
from tests.execute.conftest import Records, plan_for, step

SLOW = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {}) SELECT max(i) FROM n WHERE i < 0"


def test_rows_of_rows(wire: Wire, records: Records) -> None:
    """A statement in parts tells how many rows of how many are done, and how long the step is expected to take."""
    heard: list[Progress] = []
    batch = Batch(table="customer", key=("id",), at=len("UPDATE customer SET phone = id"))
    update = Step(
        title="number",
        target="customer",
        cost=Cost.IN_PLACE,
        reason="",
        up=(Statement(sql="UPDATE customer SET phone = id", batch=batch),),
        down=(),
    )
    executor = MigrationExecutor(heard.append, part=1)
    assert executor.execute_migration(wire, plan_for(wire, update), record=records).affected_rows == 3
    rows = [told for told in heard if told.unit == "rows"]
    assert [(told.done, told.total) for told in rows] == [(1, 3), (2, 3), (3, 3)]
    assert all(told.subject == "customer" and told.message == "number" and told.estimate for told in rows)
    assert wire.query("SELECT phone FROM customer") == [("1",), ("2",), ("3",)]


def test_something_long_is_told_again(wire: Wire, records: Records) -> None:
    """While one statement runs, its step is told again with the seconds gone by; the estimate stays."""
    heard: list[Progress] = []
    executor = MigrationExecutor(Teller(heard.append, every=0.02))
    long = step(SLOW.format(2_000_000), title="count", cost=Cost.SCAN)
    executor.execute_migration(wire, plan_for(wire, long), record=records)
    repeated = [told for told in heard if told.message == "count" and told.elapsed > 0 and told.done == 0]
    assert len(repeated) > 2 and [told.elapsed for told in repeated] == sorted(told.elapsed for told in repeated)
    assert {told.estimate for told in repeated} == {repeated[0].estimate} != {None}


def test_no_thread_stays_and_none_for_nobody() -> None:
    """The repeating thread ends with its block; where nobody listens, there is none."""
    before = threading.active_count()
    with Teller(silent).repeating():
        assert threading.active_count() == before
    teller = Teller(lambda progress: None)
    with teller.repeating(), teller.repeating():
        assert threading.active_count() == before + 1
    assert threading.active_count() == before


def test_a_listener_is_called_by_one_thread_at_a_time() -> None:
    """Also while the working thread tells and the other one repeats."""
    inside, met = [0], []

    def listen(progress: Progress) -> None:
        inside[0] += 1
        met.append(inside[0])
        time.sleep(0.002)
        inside[0] -= 1

    teller = Teller(listen, every=0.001)
    with teller.repeating():
        for number in range(50):
            teller(Progress(phase="step", subject="t", done=number))
            time.sleep(0.001)
    assert len(met) > 50 and set(met) == {1}


def test_an_interrupt_in_a_listener_goes_through() -> None:
    """KeyboardInterrupt is nobody's fault, and ends the work."""

    def listen(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Teller(listen)(Progress(phase="step", subject="t"))
    assert Teller.of(teller := Teller(listen)) is teller


def test_nothing_is_repeated_when_all_is_done() -> None:
    """The last word stays the last one."""
    heard: list[Progress] = []
    teller = Teller(heard.append, every=0.005)
    with teller.repeating():
        teller(Progress(phase="done", subject="t"))
        time.sleep(0.05)
    assert len(heard) == 1
