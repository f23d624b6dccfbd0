"""A connection that a caller brings comes back as it was."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
import sqlite_utils

from sodaf_migrate.errors import DatabaseError, DatabaseOpenError, TransactionOpenError
from sodaf_migrate.wire.open import open_wire


@pytest.fixture
def connection(path: Path) -> Any:
    """A caller's connection with everything set that can be."""
    found = sqlite3.connect(path)
    found.row_factory = sqlite3.Row
    found.text_factory = bytes
    found.isolation_level = "IMMEDIATE"
    yield found
    found.close()


def state(connection: sqlite3.Connection) -> tuple[Any, ...]:
    """What must be the same afterwards."""
    names = ("busy_timeout", "query_only", "journal_mode", "foreign_keys", "synchronous")
    pragmas = [tuple(connection.execute(f"PRAGMA {name}").fetchone()) for name in names]
    return connection.row_factory, connection.text_factory, connection.isolation_level, pragmas


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("readonly", [False, True])
def test_it_comes_back_as_it_was(connection: sqlite3.Connection, fails: bool, readonly: bool) -> None:
    """Factories, isolation level and pragmas are restored, after an error too."""
    before = state(connection)
    try:
        with open_wire(connection, readonly=readonly) as wire:
            assert not wire.owned and wire.path is not None and wire.path.name == "site.db"
            assert wire.query("SELECT a FROM t WHERE id = 1") == [("x",)]
            if fails:
                raise ValueError
    except ValueError:
        pass
    assert state(connection) == before
    assert connection.execute("SELECT a FROM t").fetchone()["a"] == b"x"


def test_readonly_is_kept(connection: sqlite3.Connection) -> None:
    """A caller's connection is kept from writing while only a look was asked for."""
    with open_wire(connection, readonly=True) as wire, pytest.raises(DatabaseOpenError, match="cannot be written"):
        wire.run("DELETE FROM t")
    connection.execute("DELETE FROM t")
    connection.rollback()


def test_an_open_transaction_is_refused_and_left_open(connection: sqlite3.Connection) -> None:
    """What the caller began stays the caller's to decide."""
    connection.execute("DELETE FROM t WHERE id = 1")
    with pytest.raises(TransactionOpenError, match="has a transaction open") as caught, open_wire(connection):
        pass
    assert caught.value.hint and connection.in_transaction
    assert connection.total_changes == 1 and connection.isolation_level == "IMMEDIATE"
    connection.rollback()
    assert connection.execute("SELECT count(*) FROM t").fetchone()[0] == 3


def test_autocommit_false_is_refused(path: Path) -> None:
    """Python 3.12's transactions of the driver's own are refused with the reason."""

    class Modern(sqlite3.Connection):
        autocommit = False

    connection = sqlite3.connect(path, factory=Modern)
    with pytest.raises(DatabaseOpenError, match="autocommit=False") as caught, open_wire(connection):
        pass
    assert caught.value.hint
    connection.close()


def test_another_library_is_refused() -> None:
    """A connection class of another SQLite library is refused with the reason, bare or inside a Database."""

    class Connection:
        def execute(self, sql: str) -> None: ...

    class Database:
        conn = Connection()

    for target in (Connection(), Database()):
        with pytest.raises(DatabaseOpenError, match="not of the standard library") as caught, open_wire(target):
            pass
        assert "locks" in str(caught.value.hint)


def test_a_sqlite_utils_database(path: Path) -> None:
    """A Database is taken by its connection, and goes on working."""
    database = sqlite_utils.Database(path)
    with open_wire(database) as wire:
        assert not wire.owned and wire.value("SELECT count(*) FROM t") == 3
    assert database["t"].count == 3
    database.close()


def test_another_thread(connection: sqlite3.Connection) -> None:
    """A connection of another thread is refused in words."""
    found: list[BaseException] = []

    def work() -> None:
        try:
            with open_wire(connection):
                pass
        except DatabaseError as error:
            found.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert "belongs to another thread" in str(found[0]) and "check_same_thread" in str(found[0].hint)  # type: ignore[attr-defined]


def test_a_closed_connection(path: Path) -> None:
    """A closed connection is refused in words."""
    connection = sqlite3.connect(path)
    connection.close()
    with pytest.raises(DatabaseError, match="is closed"), open_wire(connection):
        pass


def test_memory_and_temporary_things(tmp_path: Path) -> None:
    """A database without a path has none; attached databases and TEMP objects survive."""
    connection = sqlite3.connect(":memory:")
    connection.execute("ATTACH ? AS other", (str(tmp_path / "other.db"),))
    connection.execute("CREATE TEMP TABLE mine (a)")
    connection.execute("CREATE TABLE other.theirs (a)")
    connection.commit()
    with open_wire(connection) as wire, wire.atomic():
        assert wire.path is None
        wire.run("CREATE TABLE t (a)")
    assert connection.execute("SELECT count(*) FROM temp.mine, other.theirs, main.t").fetchone() == (0,)
    connection.close()


def test_handlers_are_not_touched(connection: sqlite3.Connection) -> None:
    """The caller's trace, progress handler and authorizer go on being called."""
    seen: dict[str, int] = {"trace": 0, "progress": 0, "authorizer": 0}

    def count(name: str) -> int:
        seen[name] += 1
        return 0

    connection.set_trace_callback(lambda sql: count("trace") and None)
    connection.set_progress_handler(lambda: count("progress"), 1)
    connection.set_authorizer(lambda *what: count("authorizer"))
    with open_wire(connection) as wire, wire.atomic():
        wire.query("SELECT * FROM t")
    during = dict(seen)
    connection.execute("SELECT 1 + 1").fetchall()
    assert all(during.values()) and all(seen[name] > during[name] for name in seen)


def test_on_connect_is_for_other_connections(connection: sqlite3.Connection) -> None:
    """The caller's own connection is not prepared again; the callable is kept for those that are opened."""
    called: list[sqlite3.Connection] = []
    with open_wire(connection, on_connect=called.append) as wire:
        assert wire.on_connect is not None and called == []


def test_the_journal_mode_stays(path: Path) -> None:
    """WAL stays WAL."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    with open_wire(connection) as wire, wire.atomic():
        wire.run("DELETE FROM t")
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
