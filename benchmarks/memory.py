"""How much memory a change takes beside the loaded engine, by the rows of its table: it must not grow with them.

    python benchmarks/memory.py [--size ROWS ...]

Each change runs in a fresh interpreter on a table of its own. Measured is the most memory that the process ever held,
less what it held when the engine was loaded and a first, small change of the same kind was done.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from measure import child, held_memory, machine, markdown, peak_memory, seconds, versions

SIZES = (100_000, 1_000_000)
COLUMNS = 20

#: What the change does to rows, and the replacement in the table's text that asks for it.
CHANGES = {
    "rebuild": ("c1 TEXT", "c1 TEXT UNIQUE"),
    "census": ("c2 TEXT", "c2 TEXT NOT NULL"),
    "conversion": ("c4 TEXT", "c4 INTEGER"),
    "drop column": (", c19 TEXT", ""),
}


def text() -> str:
    """The table, and two indexes on it."""
    columns = ", ".join(f"c{number} TEXT" for number in range(1, COLUMNS))
    return (
        f"CREATE TABLE t (id INTEGER PRIMARY KEY, {columns});"
        "CREATE INDEX t_c3 ON t (c3); CREATE INDEX t_c4 ON t (c4, c5);"
    )


def fill(path: Path, rows: int) -> None:
    """The table with its rows, in WAL mode; column c4 holds whole numbers as text."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = OFF")
    connection.executescript(text())
    values = ", ".join("i || ''" if number == 4 else f"'c{number} of row ' || i" for number in range(1, COLUMNS))
    series = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {rows})"
    connection.execute(f"{series} INSERT INTO t SELECT i, {values} FROM n")
    connection.close()


def change(path: Path, name: str) -> float:
    """Make the change through the engine; the seconds it took."""
    from sodaf_migrate import MigrationApplier, Schema, SyncOptions

    old, new = CHANGES[name]
    applier = MigrationApplier(path)
    applier.adopt_schema()
    wish = Schema.from_sql(text().replace(old, new, 1))
    began = time.perf_counter()
    result = applier.sync_schema(wish, SyncOptions(force=True))
    assert result.changed, name
    return time.perf_counter() - began


def measured(name: str, rows: int) -> dict[str, float]:
    """Run in a child: the most memory over the loaded engine in bytes, and the seconds."""
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder, "small.db"), Path(folder, "large.db")
        fill(small, 10)
        change(small, name)
        child(__file__, "--fill", large, rows)
        loaded = held_memory()
        took = change(large, name)
        return {"bytes": max(peak_memory() - loaded, 0), "seconds": took, "loaded": loaded}


def table(sizes: list[int]) -> str:
    """The figures as Markdown."""
    rows = []
    for name in CHANGES:
        found = [child(__file__, "--measure", name, size) for size in sizes]
        rows.append([name, *(f"{one['bytes'] / 1e6:.0f} MB, {seconds(one['seconds'])}" for one in found)])
    return markdown(["change", *(f"{size:,} rows" for size in sizes)], rows)


def main() -> None:
    """Print the table, or do the part of it that a child is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--size", type=int, nargs="+", default=list(SIZES), metavar="ROWS")
    parser.add_argument("--measure", nargs=2, metavar=("CHANGE", "ROWS"), help=argparse.SUPPRESS)
    parser.add_argument("--fill", nargs=2, metavar=("PATH", "ROWS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fill:
        fill(Path(options.fill[0]), int(options.fill[1]))
        print(json.dumps(None))
    elif options.measure:
        print(json.dumps(measured(options.measure[0], int(options.measure[1]))))
    else:
        print(f"{versions()}\n{machine()}\n")
        print("The most memory over the loaded engine, and the time that the change took:\n")
        print(table(options.size))


if __name__ == "__main__":
    sys.exit(main())
