"""Every class of error, produced for real where SQLite can be brought to it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sodaf_migrate.errors import (
    ConstraintError,
    DatabaseCorruptError,
    DatabaseError,
    DatabaseOpenError,
    DiskFullError,
    LockHeldError,
    StatementError,
)
from sodaf_migrate.wire.faults import FAULTS, is_transient, shortened, translate
from sodaf_migrate.wire.open import memory_wire, open_wire
from tests.wire.conftest import ROOT


@pytest.mark.parametrize("code", sorted(FAULTS))
def test_each_code_has_its_class_its_sentence_and_its_hint(code: int) -> None:
    """The table of codes is complete: a sentence with the name in quotes, and what to do next."""
    error = sqlite3.OperationalError("its words")
    error.sqlite_errorcode = code | (7 << 8)  # an extended code of the same primary one
    error.sqlite_errorname = "SQLITE_SOMETHING"
    ours = translate(error, path=Path("/a/site.db"), sql="SELECT 1")
    assert type(ours) is FAULTS[code].error
    assert '"/a/site.db"' in ours.message and ours.hint
    assert ours.details["sqlite_error"] == "SQLITE_SOMETHING" and ours.details["sql"] == "SELECT 1"


def test_a_code_nobody_knows_is_said_in_the_words_of_sqlite() -> None:
    """A result code that is not in the table is still a DatabaseError."""
    error = sqlite3.DatabaseError("large file support is disabled")
    error.sqlite_errorcode = 22
    ours = translate(error, path=None)
    assert type(ours) is DatabaseError and "large file support" in ours.message and '":memory:"' in ours.message


def test_syntax(path: Path) -> None:
    """A statement that SQLite cannot read carries itself in the details."""
    with open_wire(path) as wire, pytest.raises(StatementError, match='near "SELEC": syntax error') as caught:
        wire.query("SELEC 1")
    assert caught.value.details["sql"] == "SELEC 1"
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("INSERT INTO t (a) VALUES ('x')", "SQLITE_CONSTRAINT_UNIQUE"),
        ("INSERT INTO t (id) VALUES ('word')", "SQLITE_MISMATCH"),
    ],
)
def test_constraint(path: Path, sql: str, reason: str) -> None:
    """A row that breaks a constraint is a ConstraintError."""
    with open_wire(path) as wire, pytest.raises(ConstraintError) as caught:
        wire.run(sql)
    assert caught.value.details["sqlite_error"] == reason


def test_values_never_show(path: Path) -> None:
    """Bound values are nowhere in an error, whatever it is."""
    with open_wire(path) as wire:
        wire.run("INSERT INTO t (a) VALUES (?)", ("secret-value",))
        for params in (("secret-value",), ("secret-value", "one too many"), (object(),), (2**70,)):
            with pytest.raises(StatementError) as caught:
                wire.run("INSERT INTO t (a) VALUES (?)", params)
            assert "secret-value" not in repr(caught.value.to_dict())


def test_more_than_one_statement(path: Path) -> None:
    """A second statement in the text is refused, and the first is not run."""
    with open_wire(path) as wire:
        with pytest.raises(StatementError, match="one statement at a time"):
            wire.run("DELETE FROM t; DELETE FROM t")
        assert wire.value("SELECT count(*) FROM t") == 3


def test_full_disk(path: Path) -> None:
    """No room left is a DiskFullError, and the transaction is gone."""
    with open_wire(path, on_connect=lambda c: c.execute("PRAGMA max_page_count = 5") and None) as wire:
        with pytest.raises(DiskFullError, match="database or disk is full"), wire.atomic():
            wire.run("INSERT INTO t (a) VALUES (hex(zeroblob(100000)))")
        assert not wire.in_transaction
        assert wire.value("SELECT count(*) FROM t") == 3


def test_corrupt(path: Path) -> None:
    """Flipped bytes in a page are a DatabaseCorruptError."""
    image = bytearray(path.read_bytes())
    image[4096:4200] = b"\xff" * 104
    path.write_bytes(image)
    with open_wire(path) as wire, pytest.raises(DatabaseCorruptError, match="malformed"):
        wire.query("SELECT * FROM t")


def test_malformed_schema(path: Path) -> None:
    """A stored text that SQLite cannot read is damage too."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA writable_schema = 1")
    connection.execute("UPDATE sqlite_schema SET sql = 'CREATE TABLE t (' WHERE name = 't'")
    connection.commit()
    connection.close()
    with open_wire(path) as wire, pytest.raises(DatabaseCorruptError, match="malformed database schema"):
        wire.query("SELECT * FROM t")


def test_read_only(path: Path) -> None:
    """Writing on a connection that may only read is a DatabaseOpenError."""
    with open_wire(path, readonly=True) as wire, pytest.raises(DatabaseOpenError, match="cannot be written"):
        wire.run("DELETE FROM t")


def test_a_file_beside_it_that_cannot_be_opened(path: Path) -> None:
    """SQLite says when it cannot open what it needs."""
    with open_wire(path) as wire, pytest.raises(DatabaseOpenError, match="unable to open database"):
        wire.run("ATTACH '/nowhere/at/all.db' AS other")


def test_a_forbidding_authorizer(path: Path) -> None:
    """An authorizer of the site that says no is named as the cause."""

    def prepare(connection: sqlite3.Connection) -> None:
        connection.set_authorizer(lambda *what: sqlite3.SQLITE_DENY if what[0] == sqlite3.SQLITE_DELETE else 0)

    with open_wire(path, on_connect=prepare) as wire, pytest.raises(StatementError, match="authorizer"):
        wire.run("DELETE FROM t")


def test_interrupted(path: Path) -> None:
    """A statement that another thread interrupts says so."""
    endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c"
    with open_wire(path) as wire:
        timer = threading.Timer(0.1, wire.connection.interrupt)
        timer.start()
        with pytest.raises(StatementError, match="interrupted"):
            wire.value(endless)
        timer.join()


def test_too_big() -> None:
    """A value beyond SQLite's limit is a StatementError."""
    with memory_wire() as wire, pytest.raises(StatementError, match="too big"):
        wire.value("SELECT zeroblob(2000000000)")


def test_in_use_on_the_same_connection(path: Path) -> None:
    """An unfinished read of ours keeps DROP TABLE out at once: waiting for oneself would last for ever."""
    with open_wire(path, lock_timeout=60) as wire:
        rows = wire.connection.execute("SELECT * FROM t")
        rows.fetchone()
        with pytest.raises(LockHeldError, match="same connection"):
            wire.run("DROP TABLE t")
        rows.close()


@pytest.mark.parametrize(
    ("limit", "statement", "expected"),
    [
        ("resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))", "hex(zeroblob(100000))", "DATABASE_ERROR"),
        ("w.query('PRAGMA hard_heap_limit = 1500000')", "hex(zeroblob(3000000))", "DATABASE_ERROR"),
    ],
    ids=["the device fails", "out of memory"],
)
def test_what_only_a_process_of_its_own_should_meet(path: Path, limit: str, statement: str, expected: str) -> None:
    """A failing device and exhausted memory come out as ours, rolled back."""
    program = f"""
import resource
from sodaf_migrate.errors import DatabaseError
from sodaf_migrate.wire.open import open_wire
with open_wire({str(path)!r}) as w:
    {limit}
    try:
        with w.atomic():
            w.run("INSERT INTO t (a) VALUES ({statement})")
    except DatabaseError as error:
        print(error.code, w.in_transaction, w.value("SELECT count(*) FROM t"))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.stdout.split() == [expected, "False", "3"], done.stderr


def test_closed(path: Path) -> None:
    """A connection that was closed meanwhile says so."""
    with open_wire(path) as wire:
        wire.connection.close()
        with pytest.raises(DatabaseError, match="is closed"):
            wire.query("SELECT 1")


def test_only_locks_are_worth_waiting_for(path: Path, elsewhere: Callable[..., object]) -> None:
    """BUSY may pass; a snapshot that is too old, and a syntax error, never do."""
    elsewhere("BEGIN IMMEDIATE")
    connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    with pytest.raises(sqlite3.OperationalError) as busy:
        connection.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError) as syntax:
        connection.execute("nonsense")
    connection.close()
    assert is_transient(busy.value) and not is_transient(syntax.value) and not is_transient(ValueError())


def test_a_stale_snapshot_is_not_waited_for(path: Path) -> None:
    """In WAL mode a reader that is no longer the newest can never write: said at once, not after the timeout."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA journal_mode = WAL")
    with open_wire(path, lock_timeout=60) as wire:
        wire.connection.execute("BEGIN")
        wire.query("SELECT * FROM t")
        other.execute("DELETE FROM t WHERE id = 1")
        with pytest.raises(LockHeldError) as caught:
            wire.run("DELETE FROM t WHERE id = 2")
        wire.connection.execute("ROLLBACK")
    other.close()
    assert caught.value.details["sqlite_error"] == "SQLITE_BUSY_SNAPSHOT"


def test_long_statements_are_cut_in_the_middle() -> None:
    """Head and tail stay readable; a short statement stays whole."""
    assert shortened("SELECT 1") == "SELECT 1"
    cut = shortened("SELECT '" + "x" * 100_000 + "' AS the_end")
    assert len(cut) < 2100 and cut.startswith("SELECT 'xxx") and cut.endswith("' AS the_end") and "characters" in cut
