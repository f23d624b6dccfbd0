"""Power loss: what was synced is there, what was not may be anything; it tells safe settings from unsafe ones."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sodaf_migrate.errors import ConfigurationError
from sodaf_migrate.testing.check import assert_old_or_new, state_of
from sodaf_migrate.testing.faults import every_fault
from sodaf_migrate.testing.files import WatchedFiles
from sodaf_migrate.testing.log import Log, record
from sodaf_migrate.testing.power import power_loss_states, power_losses
from tests.testing.test_faults import CHANGE, fill


def recorded(path: Path, mode: str, synchronous: str) -> tuple[Log, int]:
    """The log of one transaction, and the moment in it when COMMIT had returned."""
    with record(path.parent) as log, closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("BEGIN")
        for statement in CHANGE:
            connection.execute(statement)
        connection.execute("COMMIT")
        committed = len(log)
    return log, committed


def verdicts(path: Path, mode: str, synchronous: str) -> dict[str, int]:
    """How many states are old, new, bad, and lost (old although COMMIT had returned)."""
    fill(path, mode)
    old = state_of(path)
    log, committed = recorded(path, mode, synchronous)
    new = state_of(path)
    found = dict.fromkeys(("old", "new", "bad", "lost"), 0)
    known: dict[str, str] = {}
    for loss in power_losses(log, draws=2):
        if loss.digest not in known:
            with loss.materialised() as folder:
                try:
                    known[loss.digest] = assert_old_or_new(folder / path.name, old, new)
                except AssertionError:
                    known[loss.digest] = "bad"
        verdict = known[loss.digest]
        found["lost" if verdict == "old" and loss.at >= committed else verdict] += 1
    return found


@pytest.mark.parametrize(
    ("mode", "synchronous"), [("delete", "EXTRA"), ("truncate", "FULL"), ("persist", "FULL"), ("wal", "FULL")]
)
def test_durable_settings_keep_their_word(tmp_path: Path, mode: str, synchronous: str) -> None:
    """With the settings that SQLite calls durable, every state is old or new, and new once COMMIT has returned."""
    found = verdicts(tmp_path / "t.db", mode, synchronous)
    assert found["bad"] == found["lost"] == 0, found
    assert found["old"] > 10 and found["new"] > 0, found


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_without_syncs_the_database_is_lost(tmp_path: Path, mode: str) -> None:
    """With synchronous=OFF damage is found: the model has teeth."""
    found = verdicts(tmp_path / "t.db", mode, "OFF")
    assert found["bad"] > 10, found


@pytest.mark.parametrize(("mode", "synchronous"), [("delete", "FULL"), ("wal", "NORMAL")])
def test_a_commit_that_may_be_forgotten_is_found(tmp_path: Path, mode: str, synchronous: str) -> None:
    """Settings that only promise consistency lose a transaction after COMMIT has returned, and nothing worse."""
    found = verdicts(tmp_path / "t.db", mode, synchronous)
    assert found["bad"] == 0 and found["lost"] > 0, found


def safe_copy(folder: Path, *, sync: bool = True, sync_folder: bool = True) -> Log:
    """The log of a file that is written under a temporary name and renamed, through the seam that backups use."""
    files, temporary, final = WatchedFiles(), folder / "b.tmp", folder / "b"
    with record(folder) as log:
        descriptor = files.create(temporary)
        files.write(descriptor, b"x" * 600)
        if sync:
            files.fsync(descriptor)
        files.close(descriptor)
        files.rename(temporary, final)
        if sync_folder:
            files.fsync_folder(folder)
    return log


def test_our_own_files_are_in_the_same_log(tmp_path: Path) -> None:
    """Write, sync, rename, sync the folder: the file is there, whole, and was never there in part."""
    log = safe_copy(tmp_path)
    assert [entry.operation.kind for entry in log] == ["create", "write", "sync", "rename", "sync_folder"]
    assert all(entry.synced for entry in log)
    states = list(power_losses(log))
    assert all(state.files.get("b", b"x" * 600) == b"x" * 600 for state in states)
    assert [set(state.files) for state in power_loss_states(log, at=len(log))] == [{"b"}]


def test_a_forgotten_sync_is_found(tmp_path: Path) -> None:
    """Without the file's sync the new name may hold less; without the folder's it may not be there."""
    torn = power_loss_states(safe_copy(tmp_path, sync=False), at=4)
    assert any(state.files.get("b", b"x" * 600) != b"x" * 600 for state in torn)
    missing = power_loss_states(safe_copy(tmp_path, sync_folder=False), at=4)
    assert any("b" not in state.files for state in missing)


def test_a_name_that_is_linked_or_taken_away(tmp_path: Path) -> None:
    """A second name of a file, and a name that goes, are there or not until the folder is synced."""
    (tmp_path / "a").write_bytes(b"kept")
    files = WatchedFiles()
    with record(tmp_path) as log:
        files.link(tmp_path / "a", tmp_path / "b")
        files.unlink(tmp_path / "a")
        files.fsync_folder(tmp_path)
    assert {frozenset(state.files) for state in power_loss_states(log, at=2, draws=20)} == {
        frozenset("a"),
        frozenset("ab"),
        frozenset("b"),
    }
    assert [state.files for state in power_loss_states(log, at=3)] == [{"b": b"kept"}]


@pytest.mark.parametrize(("kind", "code"), [("error", errno.EIO), ("full", errno.ENOSPC), ("short", errno.ENOSPC)])
def test_faults_strike_our_own_files(tmp_path: Path, kind: str, code: int) -> None:
    """The operations of backups are counted among SQLite's, and fail with what the system would say."""
    met = 0
    for number, fault in enumerate(every_fault(kind)):  # type: ignore[arg-type]
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            with fault:
                safe_copy(folder)
        except OSError as error:
            assert error.errno == code
        met = fault.met
        if kind == "short" and fault.struck:
            assert (folder / "b.tmp").read_bytes() == b"x" * 300
    assert met == {"error": 5, "full": 2, "short": 1}[kind]


def test_states_are_drawn_again_from_their_seed(tmp_path: Path) -> None:
    """The same seed gives the same states, another one others."""
    log = safe_copy(tmp_path, sync=False)
    first = power_loss_states(log, at=3, draws=5, seed=1)
    assert first == power_loss_states(log, at=3, draws=5, seed=1)
    assert first != power_loss_states(log, at=3, draws=5, seed=2)
    with pytest.raises(ConfigurationError, match='moment "9"'):
        power_loss_states(log, at=9)


def test_the_log_says_what_was_done_where(tmp_path: Path) -> None:
    """Each entry names file, role, place and bytes, in order; what another folder saw is left out."""
    path = tmp_path / "a" / "t.db"
    path.parent.mkdir()
    fill(path, "delete")
    with record(path.parent) as log:
        with closing(sqlite3.connect(tmp_path / "elsewhere.db")) as other:
            other.execute("CREATE TABLE t(a)")
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("DELETE FROM t WHERE a = 1")
            connection.commit()
    assert {entry.operation.path for entry in log} == {str(path), f"{path}-journal", str(path.parent)}
    first, last = log.entries[0].operation, log.entries[-1].operation
    assert (first.kind, first.role) == ("create", "journal") and (last.kind, last.role) == ("delete", "journal")
    pages = [entry for entry in log if entry.operation.kind == "write" and entry.operation.role == "main"]
    assert pages and all(entry.synced and len(entry.operation.data) == 4096 for entry in pages)
    assert log.before[1 if log.first_names else 0] is not None
