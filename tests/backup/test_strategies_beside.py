"""Backups beside others: a writer that never stops, a crash at any moment, a database of more than a gigabyte."""

from __future__ import annotations

import os
import runpy
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest

from sodaf_migrate.backup import page_stream
from sodaf_migrate.backup.chain import page_index
from sodaf_migrate.backup.page_stream import write_pages
from sodaf_migrate.backup.pages import index_of, root_of
from sodaf_migrate.backup.restore import restore_table
from sodaf_migrate.backup.restore_database import restore_database
from sodaf_migrate.backup.scratch import scratch_file
from sodaf_migrate.backup.snapshot import second_look
from sodaf_migrate.backup.strategies.full_database import full_database
from sodaf_migrate.backup.strategies.full_table import full_table
from sodaf_migrate.backup.strategies.incremental_database import changed_pages
from tests.backup.kit import database, keep

# Two accounts whose sum is always a thousand, and a row for each transfer: any mixture of two states shows.
WRITER = """
import sqlite3, sys, random, time
c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
print("ready", flush=True)
while True:
    c.execute("BEGIN IMMEDIATE")
    n = random.randrange(50)
    c.execute("UPDATE account SET amount = amount - ? WHERE id = 1", (n,))
    c.execute("INSERT INTO moved (n, what) VALUES (?, randomblob(3000))", (n,))
    c.execute("DELETE FROM moved WHERE id < (SELECT max(id) FROM moved) - 200")
    c.execute("UPDATE account SET amount = amount + ? WHERE id = 2", (n,))
    c.execute("UPDATE account SET moved = (SELECT max(id) FROM moved)")
    c.execute("COMMIT")
    time.sleep(0.003)  # or nobody else would ever find the lock free
"""
BANK = (
    "CREATE TABLE account (id INTEGER PRIMARY KEY, amount INTEGER, moved INTEGER, pad)",
    "CREATE TABLE moved (id INTEGER PRIMARY KEY AUTOINCREMENT, n INTEGER, what BLOB)",
    "INSERT INTO account SELECT 1, 500, 0, zeroblob(9000) UNION ALL SELECT 2, 500, 0, zeroblob(9000)",
)


STATE = "SELECT (SELECT max(id) FROM moved), (SELECT amount FROM account WHERE id = 1)"


@contextmanager
def hammered(path: Path, program: str = WRITER) -> Iterator[None]:
    """A process writes to the database all the while."""
    writer = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE)
    try:
        assert writer.stdout is not None and writer.stdout.readline() == b"ready\n"
        yield
        assert writer.poll() is None, "the writer met an error"
    finally:
        writer.kill()
        writer.communicate()


def sound(path: Path) -> tuple[int, int]:
    """(sum of the accounts, transfers that are missing) of a restored database."""
    connection = sqlite3.connect(path)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        total = connection.execute("SELECT sum(amount) FROM account").fetchone()[0]
        last = connection.execute("SELECT max(moved) - (SELECT ifnull(max(id), 0) FROM moved) FROM account").fetchone()[
            0
        ]
        return total, last
    finally:
        connection.close()


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_one_committed_state_beside_a_writer(tmp_path: Path, folder: Path, mode: str) -> None:
    """Under the lock both ways, and a table, show the state that the locked connection sees."""
    with database(tmp_path / "a.db", [f"PRAGMA journal_mode = {mode}", *BANK]) as wire, hammered(tmp_path / "a.db"):
        ways = set()
        for turn in range(6):
            time.sleep(0.05)
            with wire.atomic(), second_look(wire) as look:
                seen = wire.row(STATE)
                with full_database(look, folder=folder, direct=bool(turn % 2)) as payload:
                    (tmp_path / f"{turn}.db").write_bytes(b"".join(payload.stream))
                with full_table(look, "moved", folder=folder) as table:
                    assert table.manifest["table"]["sequence"] == (seen or ())[0]
            ways.add(payload.manifest["way"])
            assert sound(tmp_path / f"{turn}.db") == (1000, 0)
            again = sqlite3.connect(tmp_path / f"{turn}.db")
            found = again.execute(
                "SELECT (SELECT max(id) FROM moved), (SELECT amount FROM account WHERE id = 1)"
            ).fetchone()
            again.close()
            assert found == seen
    assert "copy" in ways


#: Checkpoints of every kind, one after another.
CHECKPOINTER = """
import sqlite3, sys, time
c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=0.01)
print("ready", flush=True)
while True:
    for kind in ("PASSIVE", "FULL", "RESTART", "TRUNCATE"):
        try:
            c.execute(f"PRAGMA wal_checkpoint({kind})").fetchone()
        except sqlite3.OperationalError:
            pass  # locked
        time.sleep(0.001)
"""


@pytest.mark.parametrize("direct", [True, False])
@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_one_committed_state_without_the_lock(tmp_path: Path, folder: Path, mode: str, direct: bool) -> None:
    """While the file is read, slowly, others commit and checkpoint all the time: it is one state, that of the look."""
    path, ways = tmp_path / "a.db", set()
    padding = "CREATE TABLE padding AS SELECT randomblob(6000000)"
    with (
        database(path, [f"PRAGMA journal_mode = {mode}", *BANK, padding]) as wire,
        hammered(path),
        hammered(path, CHECKPOINTER),
    ):
        for turn in range(40):
            with second_look(wire) as look, full_database(look, folder=folder, direct=direct) as payload:
                seen, parts = look.wire.row(STATE), []
                for block in payload.stream:
                    parts.append(block)
                    time.sleep(0.02)
                assert look.wire.row(STATE) == seen
                if mode == "wal":  # the writer does not wait for the end of the look
                    while wire.row(STATE) == seen:
                        time.sleep(0.01)
            (tmp_path / f"{turn}.db").write_bytes(b"".join(parts))
            ways.add(payload.manifest["way"])
            assert sound(tmp_path / f"{turn}.db") == (1000, 0)
            with database(tmp_path / f"{turn}.db") as again:
                assert again.row(STATE) == seen
                assert again.value("PRAGMA integrity_check") == "ok"
            if turn >= 3 and (not direct or ways & {"file", "log"}):
                break  # not each time: another may be copying the log at that very moment
    assert ways & {"file", "log"} if direct else ways == {"copy"}


@pytest.mark.parametrize("locked", [True, False])
def test_one_committed_state_beside_readers_of_older_ones(tmp_path: Path, folder: Path, locked: bool) -> None:
    """What is not in the file yet comes out of the log, whatever is committed and copied while both are read."""
    path, ways = tmp_path / "a.db", set()
    padding = "CREATE TABLE padding AS SELECT randomblob(6000000)"
    with (
        database(path, ["PRAGMA journal_mode = wal", *BANK, padding, "CREATE INDEX by_n ON moved (n)"]) as wire,
        hammered(path),
        hammered(path, CHECKPOINTER),
        closing(sqlite3.connect(path, isolation_level=None)) as older,
    ):
        for turn in range(40):
            with ExitStack() as stack:
                older.execute("BEGIN")
                before = older.execute(STATE).fetchone()
                while wire.row(STATE) == before:
                    time.sleep(0.01)
                if locked:
                    stack.enter_context(wire.atomic())
                look = stack.enter_context(second_look(wire))
                payload = stack.enter_context(full_database(look, folder=folder))
                seen, parts = look.wire.row(STATE), []
                for block in payload.stream:
                    parts.append(block)
                    time.sleep(0.05)
                    if older.in_transaction:
                        older.execute("COMMIT")  # from here on more of the log can be copied
                assert look.wire.row(STATE) == seen
                if not locked:
                    while wire.row(STATE) == seen:  # the writer does not wait for the end of the look
                        time.sleep(0.01)
            (tmp_path / f"{turn}.db").write_bytes(b"".join(parts))
            ways.add(payload.manifest["way"])
            assert sound(tmp_path / f"{turn}.db") == (1000, 0)
            with database(tmp_path / f"{turn}.db") as again:
                assert again.row(STATE) == seen
            if turn >= 5 and "log" in ways:
                return  # not each time: another may be copying the log at that very moment
    pytest.fail(f"{ways}")


@pytest.mark.parametrize("page_size", [512, 4096, 65536])
def test_the_log_is_read_as_sqlite_reads_it(tmp_path: Path, folder: Path, page_size: int) -> None:
    """Random transactions in a log that a reader keeps from being copied: pages that came and went, a file that is
    longer or shorter than what the log makes of it; byte for byte what SQLite sees.
    """
    random = Random(int(os.environ.get("SODAF_TEST_SEED", "7")) + page_size)
    start = [
        f"PRAGMA page_size = {page_size}",
        "PRAGMA journal_mode = wal",
        "CREATE TABLE t (i INTEGER PRIMARY KEY, a)",
    ]
    path, ways = tmp_path / "a.db", Counter[str]()
    with database(path, start) as wire:
        for turn in range(60 if os.environ.get("SODAF_TEST_DEEP") == "1" else 12):
            older = sqlite3.connect(path, isolation_level=None)
            if random.random() < 0.8:
                older.execute("BEGIN")
                older.execute("SELECT count(*) FROM t").fetchone()
            for _ in range(random.randrange(1, 12)):
                with wire.atomic():
                    wire.run("INSERT INTO t (a) VALUES (randomblob(?))", (random.randrange(30 * page_size),))
                    if random.random() < 0.5:
                        wire.run("DELETE FROM t WHERE abs(random()) % 3 = 0")
                    wire.run("UPDATE t SET a = randomblob(50) WHERE abs(random()) % 5 = 0")
            if random.random() < 0.3:
                wire.run("VACUUM")
            with second_look(wire) as look, full_database(look, folder=folder) as payload:
                data = b"".join(payload.stream)
                with sqlite3.connect(path) as sees:
                    assert data == sees.serialize(), turn
            ways[payload.manifest["way"]] += 1
            older.close()
    assert ways["log"] >= 4 and ways["file"] >= 1 and not ways["copy"], ways


def test_logs_that_are_not_what_they_should_be(tmp_path: Path) -> None:
    """Another page size, other salts, a transaction without its end, fewer frames: none is handed on as good."""
    path, out = tmp_path / "a.db", tmp_path / "out"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = wal")
    connection.execute("CREATE TABLE t (a)")
    connection.execute("INSERT INTO t VALUES (randomblob(20000))")
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    wal = Path(f"{path}-wal")
    frames = (wal.stat().st_size - 32) // (24 + 4096)
    good = wal.read_bytes()
    for name, log, count in (
        ("good", good, frames),
        ("another page size", good[:8] + (512).to_bytes(4, "big") + good[12:], frames),
        ("no log", b"\0" * len(good), frames),
        ("other salts", good[:16] + b"1234" + good[20:], frames),
        ("fewer frames", good, frames + 1),
        ("half a transaction", good, frames - 1),
    ):
        copy = tmp_path / "b.db"
        copy.write_bytes(path.read_bytes())
        Path(f"{copy}-wal").write_bytes(log)
        with open(out, "wb") as target:
            assert write_pages(str(copy), 4096, pages, count, target.fileno()) is (name == "good"), name
        if name == "good":
            with sqlite3.connect(path) as sees:
                assert out.read_bytes() == sees.serialize()
    connection.close()


def test_the_program_that_reads_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Into a pipe and into a file, from the database's file, its log, and where neither has the page yet."""
    path, out = tmp_path / "a.db", tmp_path / "out"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for sql in (
            "PRAGMA journal_mode = wal",
            "CREATE TABLE t (a)",
            "INSERT INTO t VALUES (zeroblob(9000))",
            "PRAGMA wal_checkpoint(TRUNCATE)",
            "INSERT INTO t VALUES (1)",
        ):
            connection.execute(sql).fetchall()
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        frames = (Path(f"{path}-wal").stat().st_size - 32) // (24 + 4096)
        seen = connection.serialize()
        assert 0 < frames < pages and len(seen) == pages * 4096

        arguments = [str(path), "4096", str(pages), str(frames)]
        read, write = os.pipe()
        assert write_pages(str(path), 4096, pages, frames, write)
        os.close(write)
        with open(read, "rb") as pipe:
            assert pipe.read() == seen
        with open(out, "wb") as target:
            assert write_pages(str(path), 4096, pages + 2, frames, target.fileno())
        assert out.read_bytes() == seen + bytes(2 * 4096)  # what a log makes a file larger by, and never wrote
        with open(out, "wb") as target:
            assert not write_pages(str(path), 4096, pages + 2, 0, target.fileno())

        monkeypatch.setattr("sys.argv", ["page_stream.py", *arguments])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(page_stream.__file__), run_name="__main__")
        assert ended.value.code == 0 and capfdbinary.readouterr().out == seen
        assert page_stream.main([str(path), "512", *arguments[2:]]) == 3
        os.truncate(path, 4096)
        with open(out, "wb") as target:
            assert not write_pages(str(path), 4096, pages, 0, target.fileno())


def test_somebody_who_writes_for_long(tmp_path: Path, folder: Path) -> None:
    """Where the beginning cannot be had in an instant, SQLite makes a copy of the state before."""
    path = tmp_path / "a.db"
    with database(path, ["PRAGMA journal_mode = wal", "CREATE TABLE t (a)", "INSERT INTO t VALUES (1)"]) as wire:
        writer = sqlite3.connect(path, isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO t VALUES (2)")
        with second_look(wire) as look, full_database(look, folder=folder) as payload:
            (tmp_path / "b.db").write_bytes(b"".join(payload.stream))
        writer.execute("COMMIT")
        writer.close()
    assert payload.manifest["way"] == "copy"
    with database(tmp_path / "b.db") as again:
        assert again.query("SELECT a FROM t") == [(1,)]


def test_a_restore_waits_for_its_turn(tmp_path: Path, folder: Path) -> None:
    """A table goes back in one transaction, between two of a writer's."""
    with database(tmp_path / "a.db", ["PRAGMA journal_mode = wal", *BANK]) as wire:
        link = keep(wire, lambda look: full_table(look, "account", folder=folder))
        with hammered(tmp_path / "a.db"):
            time.sleep(0.1)
            restore_table(wire, [link], folder=folder)
            assert wire.value("SELECT sum(amount) FROM account") == 1000


CRASH = """
import os, signal, sys
from pathlib import Path
from sodaf_migrate.backup import scratch
from sodaf_migrate.backup.snapshot import second_look
from sodaf_migrate.backup.strategies.full_table import full_table
from sodaf_migrate.backup.strategies.full_database import full_database
from sodaf_migrate.wire.open import open_wire
path, folder, left = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])

def trace(frame, event, argument):
    global left
    if "sodaf_migrate/backup" in frame.f_code.co_filename:
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return trace

with open_wire(path) as wire, wire.atomic(), second_look(wire) as look:
    sys.settrace(trace)
    with full_table(look, "secret", folder=folder) as payload:
        b"".join(payload.stream)
    with full_database(look, folder=folder, direct=False) as payload:
        b"".join(payload.stream)
    sys.settrace(None)
print("done")
"""


def test_a_crash_leaves_no_plaintext(tmp_path: Path, folder: Path) -> None:
    """Killed at any line of the code that makes a payload, nothing of a row is in any file that is left."""
    secret = "the secret of the house"
    start = ["CREATE TABLE secret (a)", f"INSERT INTO secret VALUES ('{secret}')"]
    with database(tmp_path / "a.db", start):
        pass
    step = 7 if os.environ.get("SODAF_TEST_DEEP") == "1" else 41
    for left in range(0, 100_000, step):
        ran = subprocess.run(
            [sys.executable, "-c", CRASH, str(tmp_path / "a.db"), str(folder), str(left)],
            capture_output=True,
            check=False,
        )
        for path in folder.iterdir():
            assert path.stat().st_mode & 0o777 == 0o600 and path.suffix == ".tmp"
            assert secret.encode() not in path.read_bytes(), left
            path.unlink()
        if ran.returncode == 0:
            assert ran.stdout == b"done\n"
            break
        assert ran.returncode == -signal.SIGKILL, ran.stderr
    assert left > step


@pytest.mark.skipif(os.environ.get("SODAF_TEST_DEEP") != "1", reason="writes three gigabytes")
def test_more_than_a_gigabyte(tmp_path: Path, folder: Path) -> None:
    """The page in which SQLite keeps its locks, at 1 GiB, holds no data and is copied as any other."""
    path = tmp_path / "a.db"
    start = ["PRAGMA page_size = 65536", "CREATE TABLE t (a)"]
    with database(path, start) as wire:
        with wire.atomic():
            wire.run("INSERT INTO t VALUES (zeroblob(540000000)), (zeroblob(540000000)), ('end')")
        digests = {}
        for direct in (True, False):
            digest, size = sha256(), 0
            with (
                wire.atomic(),
                second_look(wire) as look,
                full_database(look, folder=folder, direct=direct) as payload,
            ):
                for block in payload.stream:
                    digest.update(memoryview(block)[100:] if not size else block)  # the header counts changes
                    size += len(block)
            assert size == path.stat().st_size > 1 << 30
            digests[direct] = digest.hexdigest()
        assert digests[True] == digests[False]


def test_scratch_files_are_nobodys(tmp_path: Path, folder: Path) -> None:
    """Mode 0600 whatever the umask, and locked, so that no tidying takes one in use."""
    before = os.umask(0)
    try:
        with scratch_file(folder) as scratch:
            assert scratch.path.stat().st_mode & 0o777 == 0o600
            scratch.write(b"abc")
            scratch.write(b"X", at=1)
            scratch.hide()
            assert list(folder.iterdir()) == [] and b"".join(scratch.blocks(2)) == b"aXc"
    finally:
        os.umask(before)
    assert root_of(index_of([b"ab", b"cd"], 2), 2) == root_of(index_of([b"a", b"bcd"], 2), 2)


def test_a_difference_beside_a_writer(tmp_path: Path, folder: Path) -> None:
    """A chain made while somebody writes gives one committed state at each of its ends."""
    with database(tmp_path / "a.db", ["PRAGMA journal_mode = wal", *BANK]) as wire, hammered(tmp_path / "a.db"):
        links = [keep(wire, lambda look: full_database(look, folder=folder))]
        for turn in range(3):
            time.sleep(0.05)
            index = page_index(links)
            links.append(keep(wire, lambda look, i=index: changed_pages(look, i, 4096, folder=folder)))
            restore_database(links, tmp_path / f"{turn}.db")
            assert sound(tmp_path / f"{turn}.db") == (1000, 0)
