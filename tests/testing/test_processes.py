"""Processes of the kit: they start together, die at a random moment, work beside, and tell what went wrong."""

from __future__ import annotations

import os
import random
import sqlite3
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from sodaf_migrate.testing.beside import busy_reader, busy_writer
from sodaf_migrate.testing.check import state_of
from sodaf_migrate.testing.processes import at_once, kill_at_random
from tests.testing.test_faults import fill
from tests.testing.work import failing, insert_for_ever, number_of_this_process


def test_each_works_in_a_process_of_its_own() -> None:
    """Four functions, four processes, none of them this one."""
    answers = at_once([number_of_this_process] * 4)
    assert len({number for number, _ in answers} - {os.getpid()}) == 4


def test_a_process_that_fails_is_told() -> None:
    """The traceback of another process is in the error here."""
    with pytest.raises(AssertionError, match="of its own"):
        at_once([number_of_this_process, failing])
    with pytest.raises(AssertionError, match="of its own"):
        kill_at_random(failing, within=100.0, chance=random.Random(1))
    with pytest.raises(AssertionError, match="exit code 3"):
        kill_at_random([sys.executable, "-c", "raise SystemExit(3)"], within=100.0, chance=random.Random(1))


def test_killed_in_the_middle(tmp_path: Path) -> None:
    """A process that would never end is killed, and SQLite recovers; one that ends before says so."""
    path = tmp_path / "t.db"
    fill(path, "delete")
    before = state_of(path)
    assert kill_at_random(partial(insert_for_ever, path), within=0.2, chance=random.Random(2)).killed
    assert before.difference(state_of(path)) in ((), ("rows of t",))
    assert not kill_at_random(number_of_this_process, within=100.0, chance=random.Random(1)).killed
    assert kill_at_random(
        [sys.executable, "-c", "import time; time.sleep(99)"], within=0.1, chance=random.Random(1)
    ).killed


def test_writers_and_readers_count(tmp_path: Path) -> None:
    """What a writer says it committed is there, in order; who meets a lock counts it and goes on."""
    path = tmp_path / "t.db"
    fill(path, "delete")
    with (
        busy_writer(path, "INSERT INTO t(b) VALUES (?1)", first=100) as writer,
        busy_reader(path, "SELECT count(*) FROM t") as reader,
    ):
        writer.wait_for(20)
        reader.wait_for(20)
        with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as here:
            here.execute("BEGIN EXCLUSIVE")
            blocked, seen = writer.blocked, reader.blocked
            while writer.blocked <= blocked or reader.blocked <= seen:
                pass
            here.execute("COMMIT")
    with closing(sqlite3.connect(path)) as connection:
        found = [int(row[0]) for row in connection.execute("SELECT b FROM t WHERE a > 40 ORDER BY a")]
    assert found == list(range(100, 100 + len(found)))
    assert writer.done <= len(found) <= writer.done + 1


def test_a_writer_that_fails_is_told(tmp_path: Path) -> None:
    """Anything but a lock ends the writer and is raised here."""
    path = tmp_path / "t.db"
    fill(path, "wal")
    with pytest.raises(AssertionError, match="no such table"), busy_writer(path, "INSERT INTO nowhere VALUES (?1)"):
        pass
