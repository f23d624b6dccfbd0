"""The start of an application where nothing has changed: beside its floor, and what importing the hook costs.

    python benchmarks/boot.py [--size 1000] [--repeat 30]

The floor is what nobody who looks can do without: the stat of every file, a connection, one pragma and one row. Floor
and hook take turns in one process, and each figure is the median of ``repeat`` rounds. The import is measured in fresh
interpreters, beside ``import sqlite3, json``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from measure import machine, markdown, ratio, seconds, versions

from doctypes import write_definitions

BARE = "import sqlite3, json"
HOOK = "import sqlite3, json\nfrom sodaf_migrate import boot"
TIMED = "import time\nbegan = time.perf_counter()\n{}\nprint(time.perf_counter() - began)"


def floor(folder: Path, database: Path) -> None:
    """The stat of every file, one pragma and one row."""
    with os.scandir(folder) as entries:
        for entry in entries:
            entry.stat()
    connection = sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)
    connection.execute("PRAGMA schema_version").fetchone()
    connection.execute('SELECT * FROM "tabMigrationStart" WHERE source = ?', (str(folder),)).fetchone()
    connection.close()


def took(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def imported(code: str) -> float:
    """Seconds of an import in a fresh interpreter."""
    done = subprocess.run([sys.executable, "-c", TIMED.format(code)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1000, help="how many DocTypes")
    parser.add_argument("--repeat", type=int, default=30, help="rounds; the median counts")
    arguments = parser.parse_args()
    from sodaf_migrate import boot

    home = Path(tempfile.mkdtemp(prefix="boot-"))
    folder, database = home / "doctypes", home / "site.db"
    try:
        write_definitions(folder, arguments.size, lambda _: False)
        first = took(lambda: boot(database, folder))
        rounds = [
            (took(lambda: floor(folder, database)), took(lambda: boot(database, folder)))
            for _ in range(arguments.repeat)
        ]
        assert boot(database, folder).quiet
        write_definitions(home / "newer", arguments.size, lambda number: number == 0)
        (home / "newer" / "thing_0000.json").replace(folder / "thing_0000.json")
        one_changed = took(lambda: boot(database, folder))
    finally:
        shutil.rmtree(home, ignore_errors=True)
    imports = [(imported(BARE), imported(HOOK)) for _ in range(max(3, arguments.repeat // 3))]
    base, quiet = (statistics.median(column) for column in zip(*rounds, strict=True))
    bare, hook = (statistics.median(column) for column in zip(*imports, strict=True))
    print(f"{arguments.size} DocTypes; {machine()}; {versions()}\n")
    rows = [
        ("**floor**: stat of the files, one pragma, one row", seconds(base), "1.00"),
        ("quiet start", seconds(quiet), ratio(quiet, base)),
        ("start with one file changed", seconds(one_changed), ratio(one_changed, base)),
        ("first start, all tables made", seconds(first), ratio(first, base)),
    ]
    print(markdown(("start", "time", "× floor"), rows))
    print(f"\nimport: {seconds(bare)} for sqlite3 and json, {seconds(hook - bare)} more for the hook")


if __name__ == "__main__":
    main()
