"""Waiting for somebody else's lock: how long, in which rhythm, and what is said in the end."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sodaf_migrate.errors import LockHeldError
from sodaf_migrate.wire.holders import holders
from sodaf_migrate.wire.open import open_wire
from sodaf_migrate.wire.patience import Patience

Holder = Callable[..., "subprocess.Popen[str]"]


@given(st.floats(0, 100), st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_rhythm(timeout: float, jitter: list[float]) -> None:
    """Pauses grow up to a bound, never leave the timeout, and use all of it."""
    now, slept, turn = [0.0], [], [0]

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    def random() -> float:
        turn[0] += 1
        return jitter[turn[0] % len(jitter)]

    patience = Patience(timeout=timeout, clock=lambda: now[0], sleep=sleep, random=random)
    waited = list(patience.pauses())
    assert abs(sum(slept) - timeout) < 1e-6 and all(0 < pause <= 0.375 for pause in slept)
    assert waited == sorted(waited) and (not slept or slept[0] <= 0.003)


def test_the_holder_is_named(path: Path, elsewhere: Holder) -> None:
    """After the timeout: who holds the lock, how long was waited, and what to do."""
    process = elsewhere("BEGIN IMMEDIATE")
    with open_wire(path, lock_timeout=0.2) as wire:
        assert wire.value("SELECT count(*) FROM t") == 3  # reading goes on
        began = time.monotonic()
        with pytest.raises(LockHeldError, match=f"process {process.pid}") as caught, wire.atomic():
            pytest.fail("entered")
        assert 0.15 < time.monotonic() - began < 15  # and not the default of 30
        assert not wire.in_transaction
    details = caught.value.details
    assert details["waited"] >= 0.2 and details["sqlite_error"] == "SQLITE_BUSY" and caught.value.hint


def test_a_holder_in_wal_mode_is_named(path: Path, elsewhere: Holder) -> None:
    """A writer of a WAL database is told from those who only read it."""
    elsewhere("PRAGMA journal_mode = WAL", "BEGIN", "SELECT * FROM t")
    writer = elsewhere("BEGIN IMMEDIATE")
    with open_wire(path, lock_timeout=0) as wire, pytest.raises(LockHeldError) as caught, wire.atomic():
        pass
    assert [name.split()[1] for name in caught.value.details["holders"]] == [str(writer.pid)]


def test_no_holder_is_guessed(path: Path) -> None:
    """A lock of this very process, a file that is not there, and memory have no holder to name."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    assert holders(path) == () and holders(path.with_name("none.db")) == () and holders(None) == ()
    connection.close()


def test_the_lock_comes_free(path: Path, elsewhere: Holder) -> None:
    """Whoever waits gets in as soon as the other is done."""
    process = elsewhere("BEGIN IMMEDIATE", "DELETE FROM t WHERE id = 1")
    timer = threading.Timer(0.2, lambda: process.stdin and process.stdin.write("\n") and process.stdin.flush())
    timer.start()
    with open_wire(path, lock_timeout=20) as wire, wire.atomic():
        assert wire.value("SELECT count(*) FROM t") == 3  # the other rolled back by closing
    timer.join()


def test_a_reader_holds_up_the_commit(path: Path, elsewhere: Holder) -> None:
    """In rollback-journal mode a reader that stays makes COMMIT fail, and all is taken back."""
    elsewhere("BEGIN", "SELECT * FROM t")
    with open_wire(path, lock_timeout=0.1) as wire:
        with pytest.raises(LockHeldError), wire.atomic():
            wire.run("DELETE FROM t")
        assert not wire.in_transaction and wire.value("SELECT count(*) FROM t") == 3


def test_exclusive_finds_the_reader_first(path: Path, elsewhere: Holder) -> None:
    """Before long work the reader is found at the beginning."""
    elsewhere("BEGIN", "SELECT * FROM t")
    with (
        open_wire(path, lock_timeout=0.1) as wire,
        pytest.raises(LockHeldError) as caught,
        wire.atomic(exclusive=True),
    ):
        pytest.fail("entered")
    assert caught.value.details["sql"] == "BEGIN EXCLUSIVE"


def test_reading_waits_for_an_exclusive_writer(path: Path, elsewhere: Holder) -> None:
    """A plain read waits in the same place, and no longer."""
    elsewhere("BEGIN EXCLUSIVE")
    with pytest.raises(LockHeldError), open_wire(path, readonly=True, lock_timeout=0.1):
        pass


def test_an_interrupt_ends_the_waiting(path: Path, elsewhere: Holder) -> None:
    """Ctrl-C acts at once while a lock is waited for."""
    elsewhere("BEGIN IMMEDIATE")
    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    with open_wire(path, lock_timeout=30) as wire:
        timer.start()
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt), wire.atomic():
            pytest.fail("entered")
        assert time.monotonic() - began < 15 and not wire.in_transaction
    timer.join()
