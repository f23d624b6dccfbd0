"""Between two calls of the system somebody else may come: a tidier, a writer, a signal. Nothing is left of it."""

from __future__ import annotations

import copy
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sodaf_migrate.backup import kdf, scratch
from sodaf_migrate.backup.container import new_prologue
from sodaf_migrate.backup.describe import created_of
from sodaf_migrate.backup.files import FileOps, create_temporary, lock_named, remove_stale
from sodaf_migrate.backup.info import Rebuilt
from sodaf_migrate.backup.keys import Key, load_ring
from sodaf_migrate.backup.pages import index_of, pages_of
from sodaf_migrate.backup.store import BackupStore
from sodaf_migrate.errors import BackupDamagedError, BackupFileError, BackupKeyError


class Beside(FileOps):
    """Somebody does ``deed`` right after a file was made or opened, the first time only."""

    def __init__(self, deed: Callable[[Path], None]) -> None:
        self._deed: Callable[[Path], None] | None = deed

    def _then(self, path: Path) -> None:
        deed, self._deed = self._deed, None
        if deed is not None:
            deed(path)

    def create(self, path: Path) -> int:
        """Made, and then somebody comes."""
        descriptor = super().create(path)
        self._then(path)
        return descriptor

    def open_read(self, path: Path) -> int:
        """Opened, and then somebody comes."""
        descriptor = super().open_read(path)
        self._then(path)
        return descriptor


def open_descriptors() -> int:
    """How many this process has."""
    return len(os.listdir("/proc/self/fd"))


def interrupted(descriptor: int, operation: int) -> None:
    """A lock that a signal ends."""
    raise InterruptedError("a signal came")


def test_a_tidier_takes_a_file_before_it_is_locked(tmp_path: Path) -> None:
    """Another one is made, and the descriptor of the first is given back."""
    before = open_descriptors()
    descriptor, path = create_temporary(tmp_path / "backup", Beside(os.unlink))
    assert path.exists() and open_descriptors() == before + 1
    os.close(descriptor)


def test_a_signal_before_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a file nor a descriptor is left, of a backup and of a scratch file."""
    (tmp_path / "named").touch()
    before = open_descriptors()
    monkeypatch.setattr(fcntl, "flock", interrupted)
    with pytest.raises(InterruptedError):
        create_temporary(tmp_path / "backup", FileOps())
    with pytest.raises(InterruptedError):
        lock_named(tmp_path / "named", FileOps())
    with pytest.raises(BackupFileError, match="a signal came"), scratch.scratch_file(tmp_path):
        pass
    assert [entry.name for entry in tmp_path.iterdir()] == ["named"] and open_descriptors() == before


def test_a_scratch_file_that_is_tidied_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name is gone before it was locked: another one is made, for SQLite must find one."""
    real, first = fcntl.flock, []

    def tidied(descriptor: int, operation: int) -> None:
        if not first:
            first.append(os.readlink(f"/proc/self/fd/{descriptor}"))
            os.unlink(first[0])
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", tidied)
    with scratch.scratch_file(tmp_path) as made:
        assert made.path.exists() and str(made.path) not in first
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_while_its_lock_is_waited_for(tmp_path: Path) -> None:
    """The lock is that of the file which has the name now; so it is where the name comes back a moment later."""
    path, newer = tmp_path / "key", tmp_path / "newer"
    path.write_text("old")
    newer.write_text("new")
    descriptor = lock_named(path, Beside(lambda _: os.rename(newer, path)))
    assert os.read(descriptor, 3) == b"new"
    os.close(descriptor)


def test_an_unfinished_file_that_is_finished_meanwhile(tmp_path: Path) -> None:
    """It is gone when it is to be opened, or when it is to be looked at: nothing is taken away, nothing fails."""
    descriptor, path = create_temporary(tmp_path / "backup", FileOps())
    os.close(descriptor)

    class Gone(FileOps):
        def open_read(self, path: Path) -> int:
            """Finished, and so renamed, a moment before."""
            os.rename(path, tmp_path / "done")
            return super().open_read(path)

    assert remove_stale(tmp_path, Gone()) == () and (tmp_path / "done").exists()
    os.rename(tmp_path / "done", path)
    assert remove_stale(tmp_path, Beside(lambda found: os.rename(found, tmp_path / "done"))) == ()
    assert (tmp_path / "done").exists()


def test_a_store_that_is_no_folder(tmp_path: Path) -> None:
    """A file in its place is told as that; a name below it with the system's words."""
    (tmp_path / "store").write_text("not a folder")
    store = BackupStore(tmp_path / "store")
    with pytest.raises(BackupFileError, match="is no folder"):
        store.names()
    with pytest.raises(BackupFileError, match="Not a directory"):
        store.size_of("20260131T120000Z-full-0123456789abcdef0123456789abcdef.sdbk")


def test_a_copied_ring_has_the_same_secret() -> None:
    """One secret in memory is enough."""
    key = Key(bytes(range(32)))
    assert copy.copy(key) is key and copy.deepcopy(key) is key


def test_a_build_without_argon2(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passphrases cannot be used there, and it is said what can."""

    def missing(**_: object) -> None:
        raise kdf.UnsupportedAlgorithm("no Argon2id here")

    monkeypatch.setattr(kdf, "Argon2id", missing)
    with pytest.raises(BackupKeyError, match="passphrases need Argon2id") as caught:
        kdf.derived("a long one that nobody guesses", kdf.Kdf("00" * 16))
    assert caught.value.hint and "key" in caught.value.hint


def test_a_user_without_a_home(tmp_path: Path) -> None:
    """A service has none: it has no key then, which only matters where one has to be made."""
    assert load_ring(environ={}).keys == () and load_ring(environ={"HOME": "relative"}).keys == ()
    with pytest.raises(BackupKeyError, match="no home folder") as caught:
        load_ring(environ={}, create=True)
    assert caught.value.hint and "SODAF_BACKUP_KEY_FILE" in caught.value.hint
    assert load_ring(environ={"HOME": str(tmp_path)}, create=True).made is not None


def test_a_time_that_there_is_not() -> None:
    """A prologue may be spelled well and still say 30 February."""
    prologue = new_prologue(type="FULL", scope="table", doctype="Customer", chunk=64)
    object.__setattr__(prologue, "created", "2026-02-30T00:00:00Z")
    with pytest.raises(BackupDamagedError, match="2026-02-30"):
        created_of(prologue)


def test_a_page_that_is_cut_short() -> None:
    """The rest of a stream is a page too, so that nothing of it goes unhashed."""
    assert [bytes(page) for page in pages_of([b"ab", b"cde"], 2)] == [b"ab", b"cd", b"e"]
    assert index_of([b"abcde"], 2) == index_of([b"a", b"bcde"], 2) != index_of([b"abcd"], 2)


def test_a_tuple_of_plain_values() -> None:
    """What cannot be read is told by name and reason in JSON as well."""
    assert Rebuilt(dry_run=True, total=0, unreadable=(("x.sdbk", "cut"),)).to_dict()["unreadable"] == [
        ["x.sdbk", "cut"]
    ]
