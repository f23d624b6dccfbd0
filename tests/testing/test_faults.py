"""Faults strike the operation they name, under the stock driver, and nothing is left of them afterwards."""

from __future__ import annotations

import ctypes
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sodaf_migrate.errors import ConfigurationError
from sodaf_migrate.testing import native
from sodaf_migrate.testing.check import assert_old_or_new, state_of
from sodaf_migrate.testing.faults import every_fault, fail_at
from sodaf_migrate.testing.shim import shimmed
from sodaf_migrate.testing.watch import Operation, watching

MODES = ("delete", "truncate", "persist", "wal")
CHANGE = ("UPDATE t SET b = b || b", "INSERT INTO t(b) VALUES ('new')", "CREATE INDEX t_b ON t(b)")


@pytest.fixture(params=MODES)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A database of forty rows, in each journal mode."""
    path = tmp_path / "t.db"
    fill(path, request.param)
    yield path


def fill(path: Path, mode: str) -> None:
    """Forty rows, anew."""
    for old in path.parent.glob(f"{path.name}*"):
        old.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)")
        connection.executemany("INSERT INTO t(b) VALUES (?)", [("x" * 200,)] * 40)
        connection.commit()


def change(path: Path, mode: str) -> None:
    """One transaction that touches most pages. TRUNCATE and PERSIST are modes of the connection, not of the file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        if mode != "wal":
            connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute("BEGIN")
        for statement in CHANGE:
            connection.execute(statement)
        connection.execute("COMMIT")


@pytest.mark.parametrize(("kind", "sticky"), [("error", False), ("error", True), ("full", True), ("short", False)])
def test_sqlite_survives_every_fault(path: Path, kind: str, sticky: bool, request: pytest.FixtureRequest) -> None:
    """SQLite itself is old or new after a fault at every operation; each fault but the last one strikes."""
    mode = request.node.callspec.params["path"]
    old = state_of(path)
    change(path, mode)
    new = state_of(path)
    seen, points = set(), 0
    for fault in every_fault(kind, sticky=sticky, reads=kind == "error"):  # type: ignore[arg-type]
        fill(path, mode)
        error: Exception | None = None
        with fault:
            try:
                change(path, mode)
            except sqlite3.OperationalError as failure:
                error = failure
        seen.add((assert_old_or_new(path, old, new), error is not None))
        points += 1
    assert points > 10
    assert {("old", True), ("new", False)} <= seen


def test_a_fault_strikes_once_or_for_good(tmp_path: Path) -> None:
    """Without ``sticky`` the same work succeeds right after the fault, with it every try fails."""
    path = tmp_path / "t.db"
    fill(path, "delete")
    with fail_at(2) as once:
        with pytest.raises(sqlite3.OperationalError):
            change(path, "delete")
        change(path, "delete")
    assert once.struck == 1 and once.first is not None and once.first.role in ("journal", "main")
    fill(path, "delete")
    with fail_at(1, sticky=True) as always:
        for _ in range(3):
            with pytest.raises(sqlite3.OperationalError, match="unable to open"):
                change(path, "delete")
    assert always.struck >= 3


@pytest.mark.parametrize(
    ("kind", "code"), [("error", "SQLITE_IOERR_WRITE"), ("full", "SQLITE_FULL"), ("short", "SQLITE_FULL")]
)
def test_the_driver_sees_the_real_codes(tmp_path: Path, kind: str, code: str) -> None:
    """A write that fails gives the code that the unix VFS would give."""
    path = tmp_path / "t.db"
    fill(path, "delete")
    at = {"error": 3, "full": 2, "short": 1}[kind]  # after opening the database and creating the journal
    with fail_at(at, kind) as fault, pytest.raises(sqlite3.OperationalError) as caught:  # type: ignore[arg-type]
        change(path, "delete")
    assert fault.first is not None and fault.first.kind == "write", fault
    assert caught.value.sqlite_errorname == code


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """The default VFS is the one of before, also for connections that were opened inside and are still open."""
    before = native.library().sqlite3_vfs_find(None).contents.zName
    path = tmp_path / "t.db"
    fill(path, "wal")
    with shimmed():
        assert native.library().sqlite3_vfs_find(None).contents.zName == b"sodaf-faults"
        with shimmed():
            inside = sqlite3.connect(path, isolation_level=None)
            inside.execute("INSERT INTO t(b) VALUES ('in')")
    assert native.library().sqlite3_vfs_find(None).contents.zName == before
    with closing(inside), fail_at(1, sticky=True) as fault:
        # Opened inside an earlier block, it is seen again; outside of any, it works as always.
        with pytest.raises(sqlite3.OperationalError):
            inside.execute("INSERT INTO t(b) VALUES ('fails')")
        assert fault.struck
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT count(*) FROM t WHERE b IN ('in', 'fails')").fetchone() == (1,)


def test_locks_and_shared_memory_work_inside(tmp_path: Path) -> None:
    """In WAL mode a second connection reads beside an open transaction, and a second writer is kept out."""
    path = tmp_path / "t.db"
    fill(path, "wal")
    with (
        shimmed(),
        closing(sqlite3.connect(path, isolation_level=None)) as one,
        closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as two,
    ):
        one.execute("BEGIN IMMEDIATE")
        one.execute("DELETE FROM t")
        assert two.execute("SELECT count(*) FROM t").fetchone() == (40,)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            two.execute("BEGIN IMMEDIATE")
        one.execute("COMMIT")
        assert two.execute("SELECT count(*) FROM t").fetchone() == (0,)


def test_what_fails_inside_the_shim_is_told(tmp_path: Path) -> None:
    """An exception cannot pass through SQLite: it is raised at the end of the block, not swallowed."""

    class Broken:
        def meets(self, operation: Operation) -> None:
            raise ZeroDivisionError("broken observer")

        def done(self, operation: Operation) -> None:
            raise AssertionError

    with (
        pytest.raises(ZeroDivisionError, match="broken observer"),
        shimmed(),
        watching(Broken()),
        pytest.raises(sqlite3.OperationalError),
    ):
        sqlite3.connect(tmp_path / "t.db", isolation_level=None).execute("CREATE TABLE t(a)")


def test_a_fault_that_tests_nothing_is_refused(tmp_path: Path) -> None:
    """A loop that forgets to enter its faults says so, as does a number below one."""
    with pytest.raises(ConfigurationError, match="met no file operation"):
        for fault in every_fault():
            assert fault.met == 0
    with pytest.raises(ConfigurationError, match="operation 0"):
        fail_at(0)


def test_a_static_library_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the driver's module has no shared library behind it, one sentence says what to do."""
    import _ctypes
    import _sqlite3

    monkeypatch.setattr(_sqlite3, "__file__", _ctypes.__file__)  # a module that is not linked with SQLite
    with pytest.raises(ConfigurationError, match="cannot be reached") as caught:
        native.library()
    assert "shared libsqlite3" in (caught.value.hint or "")


def test_an_older_structure_is_copied_no_further_than_it_goes() -> None:
    """Version 1 of the file methods ends before the shared-memory methods."""
    old = native.IoMethods(iVersion=1, xClose=7, xDeviceCharacteristics=8, xShmMap=9, xFetch=10)
    copy = native.IoMethods.copy_of(ctypes.addressof(old))
    assert (copy.xClose, copy.xDeviceCharacteristics, copy.xShmMap, copy.xFetch) == (7, 8, None, None)
