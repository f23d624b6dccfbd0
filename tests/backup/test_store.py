"""The folder of the backups: hostile names and places, permissions, locks, and what a crash leaves."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sodaf_migrate.backup.files import FileOps, create_temporary
from sodaf_migrate.backup.store import LOCK, BackupStore, hash_of
from sodaf_migrate.errors import BackupError, BackupFileError, ConfigurationError, LockHeldError, UnknownBackupError

ID = "0123456789abcdef0123456789abcdef"
NAME = f"20260131T120000Z-full-{ID}.sdbk"


@pytest.fixture
def store(tmp_path: Path) -> BackupStore:
    """A store with one file in it."""
    store = BackupStore(tmp_path / "store")
    with store.writing():
        store.path_for(NAME).write_bytes(b"x")
    return store


def test_names_and_paths(store: BackupStore) -> None:
    """A name is made of time, type and id alone, and leads back to its file."""
    assert store.name_for(ID, "FULL", datetime(2026, 1, 31, 12, tzinfo=UTC)) == NAME
    assert store.names() == (NAME,)
    assert store.path_of(NAME) == store.directory / NAME
    assert store.size_of(NAME) == 1


HOSTILE = [
    "../" + NAME,
    "/etc/passwd",
    NAME + "/..",
    NAME + "\0",
    NAME + "\n",
    "sub/" + NAME,
    "." + NAME,
    "\u202e" + NAME,  # what follows would be shown backwards
    "..",
    "",
    LOCK,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names(store: BackupStore, name: str) -> None:
    """No name that leads out of the store, or cannot be seen, becomes a path, whichever door it is brought to."""
    for door in (store.path_of, store.path_for, store.delete):
        with pytest.raises(BackupError, match="not the name of a backup"):
            door(name)
    assert store.size_of(name) is None


@pytest.mark.parametrize(
    "name", [NAME.replace("full", "FULL"), NAME.replace(ID, ID[:-1]), "\u0662" + NAME[1:], "käse copy.sdbk"]
)
def test_names_given_by_hand(store: BackupStore, name: str) -> None:
    """They tell no id, and come after ours."""
    with store.writing():
        (store.directory / NAME).touch()
        (store.directory / name).touch()
    assert (store.id_in(NAME), store.id_in(name)) == (ID, None)
    assert store.names() == (NAME, name) and store.path_of(name) == store.directory / name


@given(st.text(st.characters(exclude_categories=[]), max_size=80))
def test_no_text_leads_out(name: str) -> None:
    """Whatever the text: it is refused, or names a file right in the store."""
    store = BackupStore("/nowhere/store")
    try:
        path = store.path_for(name)
    except BackupError:
        return
    assert path.parent == store.directory and path.name == name


@pytest.mark.parametrize(
    ("backup_id", "kind"), [("../../etc", "FULL"), (ID, "../FULL"), (ID, "OTHER"), (ID.upper(), "FULL")]
)
def test_a_new_name_is_checked_too(backup_id: str, kind: str) -> None:
    """What a prologue says of itself is data, and makes no path."""
    with pytest.raises(BackupError):
        BackupStore.name_for(backup_id, kind, datetime.now(UTC))


def test_links_and_devices_are_not_read(store: BackupStore, tmp_path: Path) -> None:
    """A symbolic link, a pipe or a folder of the right name is no backup, and is neither followed nor waited for."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    link, pipe, folder = (NAME.replace("120000", f"12000{digit}") for digit in (1, 2, 3))
    os.symlink(secret, store.directory / link)
    os.mkfifo(store.directory / pipe)
    os.mkdir(store.directory / folder)
    assert store.names() == (NAME,)
    for name in (link, pipe, folder):
        with pytest.raises(BackupError, match="not an ordinary file"):
            store.path_of(name)
        assert store.size_of(name) is None
    with pytest.raises(BackupFileError):
        hash_of(store.directory / link)
    with store.alone():
        store.delete(link)
    assert secret.read_bytes() == b"secret"


def test_a_file_that_is_gone(store: BackupStore) -> None:
    """A missing file is said so; deleting it is no error."""
    with store.alone():
        store.delete(NAME)
        store.delete(NAME)
    with pytest.raises(UnknownBackupError, match="is not there"):
        store.path_of(NAME)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777 & ~0o700])
def test_permissions(tmp_path: Path, umask: int) -> None:
    """Folder 0700 and lock 0600, whatever the umask."""
    before = os.umask(umask)
    try:
        with BackupStore(tmp_path / "deep" / "store").writing():
            pass
    finally:
        os.umask(before)
    folder = tmp_path / "deep" / "store"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / LOCK).stat().st_mode) == 0o600


def test_an_open_folder_is_closed_or_refused(tmp_path: Path) -> None:
    """A folder that holds nothing but ours is closed to others; one with other people's files is left as it is."""
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o755)
    with BackupStore(folder).writing():
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.chmod(0o755)
    (folder / "diary.txt").touch()
    with pytest.raises(ConfigurationError, match=r"diary\.txt") as refused, BackupStore(folder).writing():
        pass
    assert "chmod 700" in str(refused.value.hint)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


def test_a_place_that_cannot_be_used(tmp_path: Path) -> None:
    """A file where the folder should be, and a lock that is a link, are errors in one sentence."""
    (tmp_path / "file").touch()
    with pytest.raises(BackupFileError), BackupStore(tmp_path / "file").writing():
        pass
    store = BackupStore(tmp_path / "store")
    (tmp_path / "store").mkdir(mode=0o700)
    os.symlink(tmp_path / "file", tmp_path / "store" / LOCK)
    with pytest.raises(BackupFileError), store.writing():
        pass


def test_writers_work_side_by_side_and_keep_others_out(store: BackupStore) -> None:
    """Two may write at once; who wants the store alone waits, and is told when it takes too long."""
    beside, shut_out = BackupStore(store.directory), pytest.raises(LockHeldError, match="in use")
    with store.writing(), beside.writing(timeout=0), shut_out, store.alone(timeout=0.05):
        pass
    with store.alone(), pytest.raises(LockHeldError), BackupStore(store.directory).writing(timeout=0):
        pass


def test_who_waits_gets_in(store: BackupStore) -> None:
    """A lock that is given back meanwhile is no error."""
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with BackupStore(store.directory).writing():
            entered.set()
            leave.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    entered.wait(10)
    threading.Timer(0.05, leave.set).start()
    with store.alone(timeout=10):
        pass
    holder.join()


_HOLDER = """
import sys, time
from pathlib import Path
from sodaf_migrate.backup.files import FileOps, create_temporary
from sodaf_migrate.backup.store import BackupStore
with BackupStore(sys.argv[1]).alone():
    kept = create_temporary(Path(sys.argv[1]) / "half.sdbk", FileOps())
    print("in", flush=True)
    time.sleep(60)
"""


def test_a_killed_process_leaves_neither_lock_nor_rubbish(store: BackupStore) -> None:
    """The system gives the lock of a killed process back, and the next one takes its unfinished file away."""
    process = subprocess.Popen([sys.executable, "-c", _HOLDER, str(store.directory)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None and process.stdout.readline() == b"in\n"
        with pytest.raises(LockHeldError), store.writing(timeout=0):
            pass
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
    assert [path.name for path in store.directory.glob("*.tmp")] != []
    with store.writing(timeout=5):
        assert list(store.directory.glob("*.tmp")) == []
    assert store.names() == (NAME,)


def test_a_living_writer_keeps_its_file(store: BackupStore) -> None:
    """Tidying takes nothing that somebody is writing."""
    descriptor, path = create_temporary(store.directory / "new.sdbk", FileOps())
    try:
        with store.writing():
            assert path.exists()
    finally:
        os.close(descriptor)
    with store.writing():
        assert not path.exists()


def test_a_store_that_cannot_be_used_is_told_with_the_way_out(tmp_path: Path) -> None:
    """What a restore overwrites is backed up first: whoever has a read-only folder is told what works all the same."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BackupError) as caught, BackupStore(tmp_path / "file" / "store").writing():
        pass
    assert "into another table" in (caught.value.hint or "")


def test_a_folder_that_leads_in_a_ring(tmp_path: Path) -> None:
    """A folder that is there and cannot be listed is no empty one."""
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(BackupFileError, match="could not be read"):
        BackupStore(tmp_path / "a").names()
