"""What backups cost: the whole database, a table, columns, what changed; and the way back. Beside floor and peers.

    python benchmarks/backup.py [--size BYTES]

The floor is to read the database file and compress it, with as many threads and as hard, and to write nothing. Every
figure comes from a fresh interpreter, on the same database in WAL mode, with the file in the page cache. Peers that are
not installed are named.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from back import LEVEL, WAY_BACK, manager
from measure import child, held_memory, machine, markdown, peak_memory, ratio, seconds, versions

SIZE = 1_000_000_000
CHUNK = 4 << 20

TABLES = """
CREATE TABLE tabInvoice (
    name TEXT PRIMARY KEY, creation TEXT, modified TEXT, owner TEXT, docstatus INTEGER, customer TEXT,
    posting_date TEXT, due_date TEXT, currency TEXT, grand_total REAL, outstanding REAL, remarks TEXT,
    address TEXT, terms TEXT);
CREATE INDEX invoice_customer ON tabInvoice (customer, posting_date);
CREATE TABLE tabEntry (
    name TEXT PRIMARY KEY, modified TEXT, account TEXT, voucher TEXT, debit REAL, credit REAL, posting_date TEXT,
    remarks TEXT);
CREATE INDEX entry_voucher ON tabEntry (voucher);
CREATE INDEX entry_account ON tabEntry (account, posting_date);
"""
SERIES = "WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n LIMIT {rows})"
INVOICES = """
INSERT INTO tabInvoice SELECT lower(hex(randomblob(5))) || i, '2026-01-01 10:' || (i % 60) || ':00',
    '2026-02-' || (1 + i % 28) || ' 12:00:00', 'user' || (i % 40) || '@example.com', i % 3, 'Customer ' || (i % 5000),
    '2026-0' || (1 + i % 9) || '-15', '2026-1' || (i % 3) || '-01', 'EUR', abs(random() % 1000000) / 100.0,
    abs(random() % 10000) / 100.0, 'Delivery of order ' || abs(random() % 100000) || ' as agreed on the phone',
    (i % 300) || ' Long Street, ' || (10000 + i % 80000) || ' Town', 'Payable within ' || (i % 60) || ' days' FROM n
"""
ENTRIES = """
INSERT INTO tabEntry SELECT lower(hex(randomblob(8))), '2026-02-' || (1 + i % 28) || ' 12:00:00',
    (i % 70) || ' - Account - CO', 'INV-' || abs(random() % 1000000), abs(random() % 1000000) / 100.0, 0,
    '2026-0' || (1 + i % 9) || '-15', 'Against invoice ' || abs(random() % 1000000) FROM n
"""
PART = 20_000


def fill(path: Path, size: int) -> None:
    """Tables like those of a business, until the file has that many bytes."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -200000")
        connection.executescript(TABLES)
        first, part = 0, max(20, min(PART, size // 5_000))
        while connection.execute("PRAGMA page_count").fetchone()[0] * 4096 < size:
            series = SERIES.format(first=first, rows=part)
            connection.execute("BEGIN")
            connection.execute(series + INVOICES)
            connection.execute(SERIES.format(first=first, rows=2 * part) + ENTRIES)
            connection.execute("COMMIT")
            first += 2 * part
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


# What is measured. Each gets the database and the folder of its backups, and gives what it wants told beside the time.


def floor(path: Path, folder: Path) -> dict[str, Any]:
    """Read and compress, and nothing else."""
    import zstandard

    from sodaf_migrate.backup.pipeline import Pipeline, default_threads

    pipeline: Pipeline[int] = Pipeline(default_threads())
    size = 0

    def work(data: bytes) -> Callable[[], int]:
        return lambda: len(zstandard.ZstdCompressor(level=LEVEL).compress(data))

    with open(path, "rb", buffering=0) as file:
        while data := file.read(CHUNK):
            size += sum(pipeline.push(work(data)))
    size += sum(pipeline.drain())
    pipeline.close()
    return {"size": size}


def made(path: Path, folder: Path, make: Callable[[Any], Any]) -> dict[str, Any]:
    """A backup, and when it was on disk: what comes after that is reading it back."""
    began, on_disk = time.perf_counter(), 0.0

    def listen(progress: Any) -> None:
        nonlocal on_disk
        if progress.phase == "check" and not on_disk:
            on_disk = time.perf_counter() - began

    info = make(manager(path, folder, listen))
    return {"size": info.size, "id": info.id, "on disk": on_disk, "told": info.told}


def whole(path: Path, folder: Path) -> dict[str, Any]:
    """FULL of the whole database."""
    return made(path, folder, lambda backups: backups.create_backup())


def table(path: Path, folder: Path) -> dict[str, Any]:
    """FULL of one table."""
    return made(path, folder, lambda backups: backups.create_backup("Invoice"))


def column(path: Path, folder: Path) -> dict[str, Any]:
    """COLUMN: two columns of one table."""
    return made(path, folder, lambda backups: backups.create_column_backup("Invoice", ["grand_total", "remarks"]))


def incremental(path: Path, folder: Path) -> dict[str, Any]:
    """INCREMENTAL of the whole database."""
    return made(path, folder, lambda backups: backups.create_backup(type="INCREMENTAL"))


def table_incremental(path: Path, folder: Path) -> dict[str, Any]:
    """INCREMENTAL of one table."""
    return made(path, folder, lambda backups: backups.create_backup("Invoice", type="INCREMENTAL"))


WORK: dict[str, Callable[[Path, Path], dict[str, Any]]] = {
    "floor": floor,
    "whole": whole,
    "table": table,
    "column": column,
    "incremental": incremental,
    "table_incremental": table_incremental,
    **WAY_BACK,
}


def measured(name: str, path: Path, folder: Path) -> dict[str, Any]:
    """Run in a child: seconds, the most memory over the start, and what the work tells."""
    import sodaf_migrate.backup.manager  # noqa: F401 - importing is not counted

    with open(path, "rb", buffering=0) as file:  # warm
        while file.read(CHUNK):
            pass
    start, began = held_memory(), time.perf_counter()
    told = WORK[name](path, folder)
    return {"seconds": time.perf_counter() - began, "memory": max(peak_memory() - start, 0), **told}


# Beside others.

WRITER = """
import sqlite3, sys, time
c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
print("ready", flush=True)
while True:
    c.execute("UPDATE tabInvoice SET docstatus = 1 - docstatus WHERE rowid = abs(random() % 1000)")
    time.sleep(0.005)
"""


@contextmanager
def busy(path: Path) -> Iterator[None]:
    """Another process commits two hundred times a second."""
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
    try:
        assert writer.stdout is not None and writer.stdout.readline() == b"ready\n"
        yield
    finally:
        writer.kill()
        writer.communicate()


@contextmanager
def busy_and_looked_at(path: Path) -> Iterator[None]:
    """As well as that somebody looks at an older state all the time, so the file cannot be read."""
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        with busy(path):
            time.sleep(0.2)
            yield


# The peers.

PEERS: dict[str, tuple[tuple[str, ...], str]] = {
    "sqlite3 .backup, zstd, age": (
        ("sqlite3", "zstd", "age", "age-keygen"),
        "age-keygen -o {work}/key 2>/dev/null && sqlite3 {path} '.backup {work}/copy' &&"
        " zstd -q -{level} -T0 -c {work}/copy | age -e -i {work}/key -o {work}/out && sync {work}/out",
    ),
    "restic": (
        ("restic",),
        "export RESTIC_PASSWORD=x RESTIC_CACHE_DIR={work}/cache; restic -q -r {work}/repo init &&"
        " restic -q -r {work}/repo backup {path}",
    ),
    "borg": (
        ("borg",),
        "export BORG_PASSPHRASE=x BORG_BASE_DIR={work}; borg init -e repokey {work}/repo &&"
        " borg create -C zstd,{level} {work}/repo::one {path}",
    ),
}


def peer(name: str, path: Path, work: Path) -> dict[str, Any] | None:
    """Seconds and bytes of a peer's backup; None where it is not installed."""
    tools, command = PEERS[name]
    if not all(map(shutil.which, tools)):
        return None
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    began = time.perf_counter()
    subprocess.run(command.format(path=path, work=work, level=LEVEL), shell=True, check=True)
    took = time.perf_counter() - began
    left = [each for each in work.rglob("*") if each.is_file() and each.name not in ("copy", "key")]
    size = sum(each.stat().st_size for each in left if "cache" not in each.parts)
    shutil.rmtree(work)
    return {"seconds": took, "size": size}


# The tables.


def change_a_little(path: Path) -> None:
    """Every hundredth row of one table is updated, a few go, a few come."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE tabInvoice SET modified = '2026-03-01 09:00:00' WHERE rowid % 100 = 7")
        connection.execute("DELETE FROM tabInvoice WHERE rowid % 1000 = 11")
        connection.execute(SERIES.format(first=-1000, rows=100) + INVOICES)


def run(path: Path, folder: Path) -> dict[str, dict[str, Any]]:
    """Every figure, by what it is called."""
    found: dict[str, dict[str, Any]] = {}

    def do(title: str, name: str, beside: Callable[[Path], Any] = lambda path: nullcontext()) -> None:
        with beside(path):
            found[title] = child(__file__, "--measure", name, path, folder)

    do("read and compress only", "floor")
    child(__file__, "--measure", "copied", path, folder)
    do("whole database, FULL", "whole")
    do("the same beside a writer", "whole", busy)
    do("the same, and a reader of an older state", "whole", busy_and_looked_at)
    do("read and compress only, again", "floor")
    do("one table, FULL", "table")
    do("two columns, COLUMN", "column")
    change_a_little(path)
    do("whole database, INCREMENTAL", "incremental")
    do("one table, INCREMENTAL", "table_incremental")
    do("verify, hashes alone", "hash")
    do("verify", "verify")
    do("verify --deep", "deep")
    do("restore the whole into a new file", "restored")
    do("restore the table beside it", "table_restored")
    do("in plain SQL, from an attached copy", "table_plain")
    do("restore the two columns by hand", "column_restored")
    do("in plain SQL, from an attached copy, too", "column_plain")
    do("roll back a dropped column", "rolled_back")
    do("in plain SQL, from an attached copy, again", "rolled_plain")
    for name in PEERS:
        told = peer(name, path, folder.with_name("peer"))
        if told is not None:
            found[name] = told
    return found


def megabytes(value: Any) -> str:
    """Bytes as one reads them."""
    return "" if not value else f"{value / 1e6:,.0f} MB" if value >= 1e6 else f"{value / 1e3:,.0f} kB"


def shown(found: dict[str, dict[str, Any]]) -> str:
    """The figures as Markdown; ratios to the floor of the same run."""
    base = min(figures["seconds"] for name, figures in found.items() if name.startswith("read and compress"))
    rows = []
    for name, figures in found.items():
        until = figures.get("on disk")
        rows.append(
            [
                name,
                seconds(until) if until else "",
                ratio(until, base) if until else "",
                seconds(figures["seconds"]),
                ratio(figures["seconds"], base),
                megabytes(figures.get("size")),
                megabytes(figures.get("memory")),
            ]
        )
    head = ["what", "on disk", "× floor", "in all", "× floor", "bytes", "memory"]
    return markdown(head, rows)


def main() -> None:
    """Print the tables, or do the part of them that a child is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--size", type=int, default=SIZE, metavar="BYTES")
    parser.add_argument("--folder", help="where the database is made (default: the folder for temporary files)")
    parser.add_argument("--measure", nargs=3, metavar=("WHAT", "PATH", "FOLDER"), help=argparse.SUPPRESS)
    parser.add_argument("--fill", nargs=2, metavar=("PATH", "BYTES"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        name, path, folder = options.measure
        print(json.dumps(measured(name, Path(path), Path(folder))))
        return
    if options.fill:
        fill(Path(options.fill[0]), int(options.fill[1]))
        print(json.dumps(None))
        return
    print(f"{versions()}\n{machine()}\n")
    missing = [name for name, (tools, _) in PEERS.items() if not all(map(shutil.which, tools))]
    growth = []
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for size in (options.size // 10, options.size):
            path, store = Path(folder, f"{size}.db"), Path(folder, f"{size}.backups")
            child(__file__, "--fill", path, size)
            os.sync()
            if size < options.size:
                growth.append(["whole database, FULL", size, child(__file__, "--measure", "whole", path, store)])
                growth.append(["one table, FULL", size, child(__file__, "--measure", "table", path, store)])
            else:
                print(
                    f"A database of {megabytes(path.stat().st_size)}. Ratios are to reading and compressing it only.\n"
                )
                found = run(path, store)
                print(shown(found))
                growth += [[name, size, found[name]] for name in ("whole database, FULL", "one table, FULL")]
            path.unlink()
            shutil.rmtree(store)
    print(f"\nNot installed: {', '.join(missing)}.\n" if missing else "")
    print("Time and memory by size:\n")
    rows = [
        [
            name,
            megabytes(size),
            seconds(one["seconds"]),
            f"{one['seconds'] / size * 1e9:.2f} s",
            megabytes(one["memory"]),
        ]
        for name, size, one in sorted(growth, key=lambda row: row[0])
    ]
    print(markdown(["what", "database", "in all", "a gigabyte", "memory"], rows))


if __name__ == "__main__":
    sys.exit(main())
