"""Ctrl-C at the command line, as the terminal sends it: to a process that is in the midst of a statement."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from sodaf_migrate.cli.interrupts import cancelling
from sodaf_migrate.events import CancelToken
from tests.cli.conftest import Shop

ROOT = Path(__file__).parents[2]


#: An index over no row, whose condition costs some milliseconds for each: CREATE INDEX is one long statement.
SLOW = 'CREATE INDEX slow ON "tabCustomer" (name) WHERE length(hex(zeroblob(1000000 + length(name)))) = 1'


def slowed(shop: Shop) -> None:
    """Give the shop a table whose rebuild takes a second or more in a single statement, and a change that asks it."""
    assert shop.run("sync").code == 0
    shop.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 500)"
        " INSERT INTO \"tabCustomer\" (name, customer_name, credit_limit) SELECT i, 'c', i FROM n"
    )
    shop.execute(SLOW)
    shop.change("Customer", {"fieldname": "credit_limit", "fieldtype": "Int"})


def begun(database: Path) -> bool:
    """Whether somebody writes."""
    connection = sqlite3.connect(database, timeout=0, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return True
    finally:
        connection.close()
    return False


def dump(shop: Shop) -> list[str]:
    """Everything in the database but the history."""
    connection = sqlite3.connect(shop.folder / "site.db")
    lines = [line for line in connection.iterdump() if "tabMigration" not in line and "sqlite_sequence" not in line]
    connection.close()
    return lines


def test_a_running_statement_is_interrupted(shop: Shop) -> None:
    """Ctrl-C in the midst of CREATE INDEX: exit 130, everything as before, told in history, and done the next time."""
    slowed(shop)
    before = dump(shop)
    command = [sys.executable, "-m", "sodaf_migrate", "sync", "Customer"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    child = subprocess.Popen(
        command, cwd=shop.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while child.poll() is None and not begun(shop.folder / "site.db"):
        time.sleep(0.01)
    time.sleep(0.3)  # from taking the lock to the steps
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130, (out, err)
    assert "cancelled" in err and "Traceback" not in err
    assert dump(shop) == before
    found = shop.execute("SELECT status, error FROM tabMigrationHistory ORDER BY rowid DESC LIMIT 1")
    assert found[0][0] == "failed" and "cancelled" in found[0][1]
    shop.execute("DROP INDEX slow")
    assert shop.run("sync", "Customer").code == 0


def test_a_timeout(shop: Shop) -> None:
    """``--timeout`` stops what takes longer: exit 1, everything as before."""
    slowed(shop)
    before = dump(shop)
    answer = shop.run("sync", "--timeout", "0.3", "Customer")
    assert answer.code == 1 and "not done within 0.3 s" in answer.err and "hint: " in answer.err
    assert dump(shop) == before
    assert shop.run("sync", "--timeout", "0", "Customer").code == 64


def test_handlers_come_back() -> None:
    """What handled signals before does so afterwards."""
    handler, descriptor = signal.getsignal(signal.SIGINT), signal.set_wakeup_fd(-1)
    with cancelling(CancelToken()):
        assert signal.getsignal(signal.SIGINT) is not handler
    assert signal.getsignal(signal.SIGINT) is handler and signal.set_wakeup_fd(-1) == descriptor


def test_nothing_under_way() -> None:
    """Where the token could stop nothing, Ctrl-C is what it always is; so is the second one anywhere."""
    token = CancelToken()
    with cancelling(token), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert not token.cancelled
    with cancelling(token), token.waking(lambda: None):
        signal.raise_signal(signal.SIGINT)
        assert token.cancelled
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_another_thread_sets_no_handler() -> None:
    """Outside the main thread the block just runs."""
    done: list[bool] = []

    def work() -> None:
        with cancelling(CancelToken()):
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
