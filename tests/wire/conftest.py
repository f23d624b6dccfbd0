"""A database file for each test, and other processes that get in the way."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

_HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    connection.execute(statement).fetchall()
print("held", flush=True)
sys.stdin.readline()
connection.close()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with a table ``t`` of three rows."""
    file = tmp_path / "site.db"
    connection = sqlite3.connect(file)
    connection.executescript(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE); INSERT INTO t (a) VALUES ('x'), ('y'), ('z')"
    )
    connection.close()
    return file


@pytest.fixture
def elsewhere(path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a process that executes statements on the database and keeps its connection open."""
    started: list[subprocess.Popen[str]] = []

    def start(*statements: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", _HOLDER, str(path), *statements]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.communicate("\n", timeout=10)
