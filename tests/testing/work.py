"""What the tests of the kit let other processes do: functions that can be sent there by name."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path


def insert_for_ever(path: Path) -> None:
    """Rows, each in a transaction of its own."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        while True:
            connection.execute("INSERT INTO t(b) VALUES ('more')")


def number_of_this_process() -> tuple[int, float]:
    """Who it was, and when."""
    return os.getpid(), time.time()


def failing() -> None:
    """Raises."""
    raise ZeroDivisionError("of its own")
