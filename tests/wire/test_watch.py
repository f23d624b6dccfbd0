"""Work is stopped from outside: by a deadline, by a token, in the midst of a statement, and never in a COMMIT."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate.errors import LockHeldError, MigrationCancelledError, MigrationTimeoutError, StatementError
from sodaf_migrate.events import CancelToken
from sodaf_migrate.wire.connection import Wire
from sodaf_migrate.wire.open import open_wire
from sodaf_migrate.wire.watch import Watch

#: Runs until it is interrupted.
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) {}"
STATEMENTS = {
    "query": ENDLESS.format("SELECT count(*) FROM n"),
    "insert": "INSERT INTO t (a) " + ENDLESS.format("SELECT 'r' || i FROM n"),
    "update": "UPDATE t SET a = (" + ENDLESS.format("SELECT max(i) FROM n)"),
    "table": "CREATE TABLE copy AS " + ENDLESS.format("SELECT i FROM n"),
}


@pytest.fixture(params=["owned", "lent"])
def wire(request: pytest.FixtureRequest, path: Path) -> Iterator[Wire]:
    """A wire on a path, and one on a caller's connection."""
    if request.param == "owned":
        with open_wire(path, lock_timeout=30) as found:
            yield found
        return
    connection = sqlite3.connect(path)
    with open_wire(connection, lock_timeout=30) as found:
        yield found
    assert not connection.in_transaction
    connection.close()


@pytest.fixture
def token() -> Iterator[CancelToken]:
    """A token that is cancelled soon, while the test is in the midst of something."""
    found = CancelToken()
    timer = threading.Timer(0.1, found.cancel)
    timer.start()
    yield found
    timer.join()


@pytest.mark.parametrize("sql", STATEMENTS.values(), ids=STATEMENTS)
def test_a_deadline_stops_a_statement(wire: Wire, sql: str) -> None:
    """Whatever runs when the time is over is stopped, and all before it is taken back."""
    with pytest.raises(MigrationTimeoutError, match=r"0\.1 s") as caught, wire.watch.limit(0.1), wire.atomic():
        wire.run("DELETE FROM t WHERE id = 1")
        with wire.atomic():
            wire.run(sql)
    assert caught.value.hint and caught.value.details == {"timeout": 0.1} and not wire.in_transaction
    assert wire.query("SELECT name FROM sqlite_schema WHERE name = 'copy'") == []
    assert wire.value("SELECT count(*) FROM t") == 3


@pytest.mark.parametrize("sql", STATEMENTS.values(), ids=STATEMENTS)
def test_a_token_stops_a_statement(wire: Wire, token: CancelToken, sql: str) -> None:
    """Another thread cancels; the statement ends, the transaction with it, and the connection goes on working."""
    with pytest.raises(MigrationCancelledError), wire.watch.limit(token=token), wire.atomic():
        wire.run("DELETE FROM t WHERE id = 1")
        wire.run(sql)
    assert not wire.in_transaction and wire.value("SELECT count(*) FROM t") == 3
    with wire.atomic():
        wire.run("DELETE FROM t WHERE id = 1")
    assert wire.value("SELECT count(*) FROM t") == 2


def test_a_stream_is_stopped(wire: Wire, token: CancelToken) -> None:
    """Rows that are read one by one stop coming."""
    with pytest.raises(MigrationCancelledError), wire.watch.limit(token=token):
        for _ in wire.stream(ENDLESS.format("SELECT i FROM n")):
            pass
    assert wire.value("SELECT count(*) FROM t") == 3


def test_many_short_statements_are_stopped(wire: Wire, token: CancelToken) -> None:
    """Also where no single statement lasts long."""
    with pytest.raises(MigrationCancelledError), wire.watch.limit(token=token), wire.atomic():
        while True:
            wire.run("UPDATE t SET a = a")


def test_waiting_for_a_lock_is_stopped(wire: Wire, token: CancelToken, elsewhere: Callable[..., Any]) -> None:
    """Whoever waits for another writer hears it too."""
    elsewhere("BEGIN IMMEDIATE")
    with pytest.raises(MigrationCancelledError), wire.watch.limit(token=token), wire.atomic():
        pytest.fail("entered")


def test_a_commit_that_meets_a_reader_is_stopped(wire: Wire, token: CancelToken, elsewhere: Callable[..., Any]) -> None:
    """A COMMIT that met BUSY has not begun."""
    elsewhere("BEGIN", "SELECT * FROM t")
    with pytest.raises(MigrationCancelledError), wire.watch.limit(token=token), wire.atomic():
        wire.run("DELETE FROM t")
    assert not wire.in_transaction and wire.value("SELECT count(*) FROM t") == 3


def test_the_time_is_looked_at_before_commit(wire: Wire) -> None:
    """What is late is not committed, even when every statement of it was quick."""
    with pytest.raises(MigrationTimeoutError), wire.watch.limit(0.05), wire.atomic():
        wire.run("DELETE FROM t")
        time.sleep(0.1)
    assert wire.value("SELECT count(*) FROM t") == 3


def test_the_earliest_deadline_counts(wire: Wire) -> None:
    """An inner block cannot give more time than the outer one has, and its own end with it."""
    with pytest.raises(MigrationTimeoutError) as caught, wire.watch.limit(0.1), wire.watch.limit(60):
        wire.run(STATEMENTS["query"])
    assert caught.value.details == {"timeout": 0.1}
    with wire.watch.limit(60):
        with pytest.raises(MigrationTimeoutError), wire.watch.limit(0.05):
            wire.run(STATEMENTS["query"])
        assert wire.value("SELECT 1") == 1


def test_a_shield_is_not_crossed(wire: Wire) -> None:
    """What must be finished is, though the time is over."""
    with pytest.raises(MigrationTimeoutError), wire.watch.limit(0.01):
        time.sleep(0.05)
        with wire.watch.shielded():
            counted = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 500000)"
            assert wire.value(f"{counted} SELECT count(*) FROM n") == 500000
        wire.value("SELECT 1")
    assert wire.value("SELECT 1") == 1


def test_all_connections_of_one_work_are_stopped(wire: Wire, path: Path, token: CancelToken) -> None:
    """A second connection that shares the watch is interrupted as well."""
    with (
        pytest.raises(MigrationCancelledError),
        wire.watch.limit(token=token),
        open_wire(path, readonly=True, watch=wire.watch) as other,
    ):
        other.run(STATEMENTS["query"])


def test_an_interrupt_of_somebody_else(wire: Wire) -> None:
    """It is said as what it is: nobody set a deadline or cancelled."""
    timer = threading.Timer(0.1, wire.connection.interrupt)
    timer.start()
    with pytest.raises(StatementError, match="interrupted"), wire.watch.limit(60):
        wire.run(STATEMENTS["query"])
    timer.join()


def test_a_lock_that_is_held_is_no_deadline(path: Path, elsewhere: Callable[..., Any]) -> None:
    """The shorter of the two waits says what was short: here the lock."""
    elsewhere("BEGIN IMMEDIATE")
    with open_wire(path, lock_timeout=0.05) as wire, pytest.raises(LockHeldError), wire.watch.limit(60), wire.atomic():
        pytest.fail("entered")


def test_no_thread_stays(wire: Wire) -> None:
    """The watching thread ends with its block, and without a deadline or token there is none."""
    before = threading.active_count()
    with wire.watch.limit():
        assert threading.active_count() == before
    with wire.watch.limit(60), wire.watch.limit(token=CancelToken()):
        assert threading.active_count() == before + 1
    assert threading.active_count() == before


def test_a_token_that_was_cancelled_before(path: Path) -> None:
    """Nothing is begun under it, and it forgets whom it woke."""
    token = CancelToken()
    token.cancel()
    with open_wire(path, watch=Watch()) as wire:
        with pytest.raises(MigrationCancelledError), wire.watch.limit(token=token):
            wire.run("DELETE FROM t")
        assert not token.is_heard and wire.value("SELECT count(*) FROM t") == 3


def test_handlers_of_the_caller_stay(path: Path, token: CancelToken) -> None:
    """A deadline on a caller's connection leaves its progress handler, authorizer and trace in place."""
    connection, seen = sqlite3.connect(path), {"trace": 0, "progress": 0, "authorizer": 0}

    def count(name: str) -> int:
        seen[name] += 1
        return 0

    connection.set_trace_callback(lambda sql: count("trace") and None)
    connection.set_progress_handler(lambda: count("progress"), 100)
    connection.set_authorizer(lambda *what: count("authorizer"))
    with (
        open_wire(connection) as wire,
        pytest.raises(MigrationCancelledError),
        wire.watch.limit(token=token),
        wire.atomic(),
    ):
        wire.run(STATEMENTS["update"])
    during = dict(seen)
    connection.execute(ENDLESS.format("SELECT i FROM n LIMIT 1000")).fetchall()
    assert all(seen[name] > during[name] > 0 for name in seen)
    connection.close()
