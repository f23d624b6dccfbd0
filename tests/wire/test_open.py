"""What can be opened, what is refused, and how that is said."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from sodaf_migrate.errors import DatabaseError, DatabaseOpenError, StatementError
from sodaf_migrate.wire.open import check_sqlite, memory_wire, open_wire
from tests.wire.conftest import ROOT


def refusal(target: object, **options: bool) -> str:
    """The sentence and the hint with which ``target`` is refused."""
    with pytest.raises(DatabaseOpenError) as caught, open_wire(target, **options):
        pass
    assert caught.value.hint
    return f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize(
    "name", ["a b.db", "a?mode=memory.db", "a#b.db", "100%.db", "%41.db", "ünï'\"x.db", "file:x.db"]
)
def test_odd_paths(tmp_path: Path, name: str) -> None:
    """A path is a path, whatever a URI would make of its characters."""
    with open_wire(tmp_path / name, must_exist=False) as wire:
        wire.run("CREATE TABLE t (a)")
    assert os.listdir(tmp_path) == [name]
    with open_wire(str(tmp_path / name), readonly=True) as wire:
        assert wire.path == tmp_path / name
        assert wire.query("SELECT name FROM sqlite_schema") == [("t",)]


def test_missing(tmp_path: Path) -> None:
    """A file that is not there is named, and not made."""
    for options in ({}, {"readonly": True}, {"readonly": True, "must_exist": False}):
        assert f'no database file "{tmp_path}/none.db"' in refusal(tmp_path / "none.db", **options)
    assert "no folder" in refusal(tmp_path / "none" / "none.db", must_exist=False)
    assert os.listdir(tmp_path) == []


def test_no_database_file(tmp_path: Path) -> None:
    """A folder, a device, a name that is none, and things that are no target at all."""
    assert "is a folder" in refusal(tmp_path)
    assert "not an ordinary file" in refusal("/dev/null")
    for text in ("", ":memory:", "a\0b", b"site.db"):
        assert "not the path" in refusal(text) or "is not a database" in refusal(text)
    assert '"builtins.int" is not a database' in refusal(3)
    assert "cannot be looked at" in refusal(tmp_path / ("x" * 300))


@pytest.mark.parametrize("content", [b"hello", b"x" * 5000, os.urandom(8192)])
def test_not_a_database(tmp_path: Path, content: bytes) -> None:
    """Another kind of file, or an encrypted database, is told from a damaged one."""
    file = tmp_path / "other.db"
    file.write_bytes(content)
    assert "is not a database that SQLite can read" in refusal(file)
    assert "encrypted" in refusal(file, readonly=True)
    assert file.read_bytes() == content


def test_an_empty_file_is_an_empty_database(tmp_path: Path) -> None:
    """Zero bytes are a legal database, to read and to write."""
    file = tmp_path / "empty.db"
    file.touch()
    with open_wire(file, readonly=True) as wire:
        assert wire.query("SELECT * FROM sqlite_schema") == []
    with open_wire(file) as wire:
        assert wire.run("CREATE TABLE t (a)") == 0


def test_permissions(path: Path) -> None:
    """An unreadable file, a read-only file and a read-only folder, as an ordinary user meets them."""
    program = """
import os, sys, urllib.parse  # which pathlib loads when it is too late
from sodaf_migrate.errors import DatabaseError
from sodaf_migrate.wire.open import open_wire
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)  # nobody
def attempt(readonly):
    try:
        with open_wire(sys.argv[1], readonly=readonly) as wire:
            return str(wire.value("SELECT count(*) FROM t"))
    except DatabaseError as error:
        return error.message.replace(sys.argv[1], "FILE") + "|" + error.hint
print(attempt(True)); print(attempt(False))
"""
    if os.getuid() == 0:
        _open_up(path)

    def attempts() -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", program, str(path)], capture_output=True, text=True, cwd=ROOT, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    path.parent.chmod(0o777)
    path.chmod(0o666)
    assert attempts() == ["3", "3"]
    path.chmod(0o444)
    assert attempts()[0] == "3" and '"FILE" is read-only for this user' in attempts()[1]
    path.chmod(0o666)
    path.parent.chmod(0o555)
    assert attempts()[0] == "3" and "folder" in attempts()[1] and "journal" in attempts()[1]
    path.parent.chmod(0o777)
    path.chmod(0o000)
    assert all("may not be read by this user" in line for line in attempts())
    path.chmod(0o666)


def _open_up(path: Path) -> None:
    """Lets the user nobody walk down to ``path``; pytest's folders are private."""
    for folder in path.parents:
        if folder.stat().st_uid == os.getuid() and str(folder).startswith(("/tmp/", str(path.parents[3]))):
            folder.chmod(0o755)


def test_old_library() -> None:
    """An SQLite library that is too old is refused in words."""
    check_sqlite((3, 35, 0))
    with pytest.raises(DatabaseOpenError, match=r'"3\.34\.1", and "3\.35\.0" or later is needed'):
        check_sqlite((3, 34, 1))


def test_readonly_leaves_no_byte_changed(path: Path) -> None:
    """Reading changes neither the file nor its folder."""
    before = path.read_bytes(), path.stat().st_mtime_ns
    with open_wire(path, readonly=True) as wire, wire.snapshot():
        assert wire.value("SELECT count(*) FROM t") == 3
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert os.listdir(path.parent) == ["site.db"]


def test_on_connect_prepares_what_the_engine_opens(path: Path) -> None:
    """Collations and functions of the site are there, and its factories are not."""

    def prepare(connection: sqlite3.Connection) -> None:
        connection.create_function("twice", 1, lambda value: value * 2)
        connection.row_factory, connection.text_factory, connection.isolation_level = sqlite3.Row, bytes, "EXCLUSIVE"

    for opening in (open_wire(path, on_connect=prepare), memory_wire(prepare)):
        with opening as wire:
            assert wire.query("SELECT twice(4), 'a'") == [(8, "a")]
            assert type(wire.row("SELECT 1")) is tuple
            assert wire.connection.isolation_level is None


def test_on_connect_may_not_leave_a_transaction(path: Path) -> None:
    """A transaction that on_connect forgets is said, not silently joined."""
    with (
        pytest.raises(DatabaseError, match="on_connect left a transaction"),
        open_wire(path, on_connect=lambda c: c.execute("BEGIN") and None),
    ):
        pass


def test_what_fails_in_on_connect_is_said(path: Path) -> None:
    """An error of the driver inside on_connect comes out as ours, like any other."""
    with (
        pytest.raises(StatementError, match="no such table"),
        open_wire(path, on_connect=lambda c: c.execute("SELECT * FROM nowhere") and None),
    ):
        pass


def test_the_connection_is_closed_at_the_end(path: Path) -> None:
    """Nothing stays open, also when on_connect raises."""
    with open_wire(path) as wire:
        pass
    with pytest.raises(DatabaseError, match="is closed"):
        wire.query("SELECT 1")

    def broken(connection: sqlite3.Connection) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"), open_wire(path, on_connect=broken):
        pass


def test_memory() -> None:
    """A memory wire is private and has no path."""
    with memory_wire() as one, memory_wire() as other:
        one.run("CREATE TABLE t (a)")
        assert other.query("SELECT * FROM sqlite_schema") == []
        assert one.path is None and one.owned and one.name == ":memory:"
