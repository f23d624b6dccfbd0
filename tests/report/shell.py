"""The ``sqlite3`` shell, or, on a machine without it, a runner of the few dot commands that a script of ours uses."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

SHELL = shutil.which("sqlite3")
_DOTS = (".bail on", ".timeout 30000", ".dbconfig defensive off")


def run_script(script: str, database: Path) -> tuple[int, str]:
    """Run ``script`` as ``sqlite3 DATABASE < script`` does: its exit code and what it said of errors."""
    if SHELL is None:
        return emulated(script, database)
    done = subprocess.run([SHELL, str(database)], input=script.encode(), capture_output=True)
    return done.returncode, done.stderr.decode()


def emulated(script: str, database: Path) -> tuple[int, str]:
    """What the shell does, line by line: a statement ends where SQLite calls it complete; the first error ends all.

    The driver's own connections have their catalogue open (SQLITE_DBCONFIG_DEFENSIVE is off), so nothing has to be
    done for ``.dbconfig``. Carriage returns at the end of a line are taken away, as the shell does.
    """
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        waiting = ""
        for line in script.replace("\r\n", "\n").split("\n"):
            if not waiting and line.startswith("."):
                assert line in _DOTS, line
                continue
            if not waiting and (not line.strip() or line.lstrip().startswith("--")):
                continue
            waiting += line + "\n"
            if not sqlite3.complete_statement(waiting):
                continue
            try:
                connection.execute(waiting).fetchall()
            except sqlite3.Error as error:
                return 1, str(error)
            waiting = ""
    return 0, ""
