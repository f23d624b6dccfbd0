"""Full disks: a database that may hardly grow, and a small disk of its own."""

from __future__ import annotations

import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sodaf_migrate.errors import ConfigurationError

__all__ = ["little_room", "small_disk"]


def little_room(pages: int) -> Callable[[sqlite3.Connection], None]:
    """An ``on_connect`` after which the database may grow by that many pages, and then is full (SQLITE_FULL)."""

    def on_connect(connection: sqlite3.Connection) -> None:
        (used,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {used + pages}").fetchone()

    return on_connect


@contextmanager
def small_disk(kilobytes: int) -> Iterator[Path]:
    """A folder on a disk in memory with room for that much, while the block runs.

    Raises ConfigurationError where this user may not mount one (on Linux, root may).
    """
    with tempfile.TemporaryDirectory() as folder:
        _command("mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", folder)
        try:
            yield Path(folder)
        finally:
            _command("umount", folder)


def _command(*words: str) -> None:
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError as error:
        raise _not_allowed(str(error)) from error
    if done.returncode:
        raise _not_allowed(done.stderr.strip())


def _not_allowed(reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"A small disk could not be mounted: {reason}",
        hint='Run as root on Linux, or use fail_at(n, "full", sticky=True) instead.',
    )
