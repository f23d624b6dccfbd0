"""A backup is there whole or not at all, with nobody else's permission, whatever the disk or the process does."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate.backup.container import BackupReader, BackupWriter, Written, new_prologue, outline, rotate
from sodaf_migrate.backup.files import FileOps, Temporary, remove_stale
from sodaf_migrate.backup.keys import Key, KeyRing, add_key, load_ring, read_key_file, write_key_file
from sodaf_migrate.errors import BackupError, BackupFileError, DiskFullError, NotABackupError

OLD, NEW = KeyRing((Key(bytes(range(32))),)), KeyRing((Key(bytes(range(1, 33))),))
OPERATIONS = [name for name in vars(FileOps) if not name.startswith("_")]


class Watched(FileOps):
    """Writes down each operation, and lets the ``failing``-th fail (for ever, or this once) with ``number``."""

    def __init__(self, failing: int = 0, number: int = errno.EIO, *, ever: bool = False) -> None:
        self.log: list[tuple[str, Any]] = []
        self._failing, self._number, self._ever = failing, number, ever

    def __getattribute__(self, name: str) -> Any:
        if name not in OPERATIONS:
            return super().__getattribute__(name)
        real = super().__getattribute__(name)

        def operation(*arguments: Any) -> Any:
            self.log.append((name, arguments[0]))
            reached = len(self.log) - self._failing
            # A descriptor that cannot be closed is closed all the same: the test must not run out of them.
            if self._failing and (reached == 0 or (reached > 0 and self._ever)) and name != "close":
                if name == "write":
                    real(arguments[0], arguments[1][: len(arguments[1]) // 2])  # as a full disk does
                raise OSError(self._number, os.strerror(self._number))
            return real(*arguments)

        return operation


def write(path: Path, files: FileOps, payload: bytes = b"row" * 100, ring: KeyRing = OLD, threads: int = 2) -> Written:
    """A backup of some chunks."""
    said = new_prologue(type="FULL", scope="table", doctype="Customer", chunk=64)
    with BackupWriter(path, said, ring, files=files, threads=threads) as writer:
        writer.manifest({})
        writer.write(payload)
        return writer.finish({})


def payload(path: Path, ring: KeyRing) -> bytes:
    """What is read of it."""
    with BackupReader(path, ring) as reader:
        return b"".join(reader.chunks())


def each_operation(run: Callable[[FileOps], object]) -> int:
    """How many operations ``run`` makes."""
    watched = Watched()
    run(watched)
    return len(watched.log)


@pytest.mark.parametrize("ever", [False, True])
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EACCES])
def test_writing_fails_at_each_operation(tmp_path: Path, number: int, ever: bool) -> None:
    """Then the backup is not there, or whole; what is left is a temporary file at most, which goes with the next."""
    total = each_operation(lambda files: write(tmp_path / "first.sdbk", files))
    for failing in range(1, total + 1):
        folder = tmp_path / f"{failing}"
        folder.mkdir()
        path, threads = folder / "a.sdbk", threading.active_count()
        watched = Watched(failing, number, ever=ever)
        try:
            write(path, watched)
        except BackupError as error:
            assert isinstance(error, BackupFileError) and error.hint
        except DiskFullError:
            assert number == errno.ENOSPC
        else:
            assert watched.log[failing - 1][0] == "close"
        assert threading.active_count() == threads
        remove_stale(folder, FileOps())
        assert list(folder.iterdir()) in ([], [path])
        if path.exists():
            assert payload(path, OLD) == b"row" * 100


@pytest.mark.parametrize("ever", [False, True])
def test_changing_keys_fails_at_each_operation(tmp_path: Path, ever: bool) -> None:
    """Then the backup opens with the old key or with the new one, and is whole."""
    path = tmp_path / "a.sdbk"
    write(path, FileOps())
    total = each_operation(lambda files: rotate(path, OLD, OLD, files=files))
    for failing in range(1, total + 1):
        path.unlink()
        write(path, FileOps())
        try:
            size = rotate(path, OLD, NEW, files=Watched(failing, errno.ENOSPC, ever=ever))
            assert size == path.stat().st_size
        except (BackupFileError, DiskFullError):
            pass
        kids = outline(path).kids
        assert payload(path, NEW if kids == (NEW.keys[0].id,) else OLD) == b"row" * 100
        remove_stale(tmp_path, FileOps())
        assert list(tmp_path.iterdir()) == [path]


def test_making_and_adding_keys_fails_at_each_operation(tmp_path: Path) -> None:
    """Then the key file is the old one or the new one, and whole: never without the key that older backups need."""
    key, more = OLD.keys[0], NEW.keys[0]
    total = each_operation(lambda files: write_key_file(tmp_path / "x" / "key", [key], files=files))
    for failing in range(1, total + 1):
        path = tmp_path / f"{failing}" / "key"
        try:
            write_key_file(path, [key], files=Watched(failing))
        except BackupFileError:
            assert not path.exists() or read_key_file(path) == (key,)
        write_key_file(path, [key])
        assert list(path.parent.iterdir()) == [path]
        adding = each_operation(lambda files, path=path: add_key(path, key, files=files))  # type: ignore[misc]
        for later in range(1, adding + 1):
            try:
                add_key(path, more, files=Watched(later))
            except BackupFileError:
                assert read_key_file(path) in ((key,), (more, key))
            path.unlink()
            write_key_file(path, [key])
            assert list(path.parent.iterdir()) == [path]


def test_the_order_that_survives_a_power_cut(tmp_path: Path) -> None:
    """Contents on the device before the name, the name before the answer; in changing keys as in writing."""
    path = tmp_path / "a.sdbk"
    for run in (lambda files: write(path, files), lambda files: rotate(path, OLD, NEW, files=files)):
        watched = Watched()
        run(watched)
        done = [name for name, _ in watched.log if name in ("create", "write", "fsync", "rename", "fsync_folder")]
        assert done[0] == "create" and done[-3:] == ["fsync", "rename", "fsync_folder"]
        assert set(done[1:-3]) == {"write"}


def test_nobody_else_may_read_at_any_moment(tmp_path: Path) -> None:
    """Each file is 0600 from its first moment and each folder 0700, though the umask forbids nothing."""
    seen: set[tuple[bool, int]] = set()

    class Looking(FileOps):
        def write(self, descriptor: int, data: bytes) -> None:
            seen.update((path.is_dir(), path.stat().st_mode & 0o7777) for path in tmp_path.rglob("*"))
            super().write(descriptor, data)

    before = os.umask(0)
    try:
        files = Looking()
        files.make_folder(tmp_path / "a" / "b")
        written = write(tmp_path / "a" / "b" / "c.sdbk", files)
        rotate(written.path, OLD, NEW, files=files)
        load_ring(environ={}, config_dir=tmp_path / "config", create=True, files=files)
        add_key(tmp_path / "config" / "backup.key", NEW.keys[0], files=files)
    finally:
        os.umask(before)
    assert seen == {(False, 0o600), (True, 0o700)}
    assert {path.stat().st_mode & 0o7777 for path in tmp_path.rglob("*") if path.is_file()} == {0o600}


def test_a_gap_gets_no_name(tmp_path: Path) -> None:
    """Who goes on after a write that failed cannot finish: the file would lack what was in it."""
    said = new_prologue(type="SCHEMA", scope="table", doctype=None, chunk=64)
    with BackupWriter(tmp_path / "a.sdbk", said, OLD, threads=1, files=Watched(5, errno.ENOSPC)) as writer:
        writer.manifest({})
        with pytest.raises(DiskFullError):
            for _ in range(10):
                writer.write(bytes(64))
        with pytest.raises(ValueError, match="nothing"):
            writer.finish({})
    assert list(tmp_path.iterdir()) == []


def test_leaving_without_finishing_leaves_nothing(tmp_path: Path) -> None:
    """By an error, or simply so: the temporary file goes, and the threads end."""
    threads = threading.active_count()
    said = new_prologue(type="SCHEMA", scope="table", doctype=None, chunk=64)
    with pytest.raises(KeyboardInterrupt), BackupWriter(tmp_path / "a.sdbk", said, OLD, threads=3) as writer:
        writer.manifest({})
        writer.write(bytes(10_000))
        raise KeyboardInterrupt
    with BackupWriter(tmp_path / "a.sdbk", said, OLD) as writer:
        writer.manifest({})
    assert list(tmp_path.iterdir()) == [] and threading.active_count() == threads


def test_calls_in_the_wrong_order_are_refused(tmp_path: Path) -> None:
    """The manifest comes once and first; what is too large for its place says so."""
    said = new_prologue(type="SCHEMA", scope="table", doctype=None)
    with BackupWriter(tmp_path / "a.sdbk", said, OLD) as writer:
        for call in (lambda: writer.write(b"x"), lambda: writer.finish({})):
            with pytest.raises(ValueError, match="manifest"):
                call()
        with pytest.raises(BackupError, match="have room"):
            writer.manifest({"x": "y" * (16 << 20)})
        writer.manifest({})
        with pytest.raises(ValueError, match="not the manifest"):
            writer.manifest({})
        writer.finish({})
        for call in (lambda: writer.write(b"x"), lambda: writer.finish({})):
            with pytest.raises(ValueError, match="nothing"):
                call()
    assert payload(tmp_path / "a.sdbk", OLD) == b""
    with pytest.raises(BackupError, match="have room"):
        new_prologue(type="SCHEMA", scope="table", doctype="x" * 70_000)


@pytest.mark.parametrize("there", ["file", "folder", "link"])
def test_nothing_is_overwritten(tmp_path: Path, there: str) -> None:
    """A name that is taken is refused before anything is written, and what had it stays."""
    path = tmp_path / "a.sdbk"
    if there == "file":
        path.write_bytes(b"mine")
    elif there == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(BackupFileError, match="there already"):
        write(path, FileOps())
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_file(tmp_path: Path) -> None:
    """A folder, a pipe that nobody writes to, and nothing at all: said, and waited for none of them."""
    os.mkfifo(tmp_path / "pipe")
    for path, error in (
        (tmp_path, NotABackupError),
        (tmp_path / "pipe", NotABackupError),
        (tmp_path / "x", BackupFileError),
    ):
        for look in (lambda path=path: payload(path, OLD), lambda path=path: outline(path)):
            with pytest.raises(error):
                look()
    with pytest.raises(BackupFileError):
        write(tmp_path / "no" / "a.sdbk", FileOps())


def test_a_killed_writer_leaves_only_what_goes_with_the_next(tmp_path: Path) -> None:
    """A living writer's temporary file stays, a dead one's goes; other people's files are left alone."""
    code = (
        "import sys; from pathlib import Path\n"
        "from tests.backup.test_files import *\n"
        "said = new_prologue(type='FULL', scope='table', doctype=None, chunk=64)\n"
        "with BackupWriter(Path(sys.argv[1]), said, OLD) as writer:\n"
        "    writer.manifest({})\n"
        "    writer.write(bytes(100_000))\n"
        "    print('ready', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    (tmp_path / "mine.tmp").write_text("mine")
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", code, str(tmp_path / "a.sdbk")]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        assert remove_stale(tmp_path, FileOps()) == ()
        (left,) = (path for path in tmp_path.iterdir() if path.name != "mine.tmp")
        process.send_signal(signal.SIGKILL)
    assert left.stat().st_mode & 0o777 == 0o600 and b"row" not in left.read_bytes()
    assert remove_stale(tmp_path, FileOps()) == (left,)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.tmp"]


def test_memory_does_not_grow_with_the_payload(tmp_path: Path) -> None:
    """Eight times the payload, written and read, within the memory of the first and a few chunks."""
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from tests.backup.test_files import *\n"
        "def run(name, pieces):\n"
        "    said = new_prologue(type='FULL', scope='table', doctype=None, chunk=1 << 20)\n"
        "    with BackupWriter(Path(sys.argv[1]) / name, said, OLD, threads=2, level=1) as writer:\n"
        "        writer.manifest({})\n"
        "        for number in range(pieces): writer.write(os.urandom(1 << 19) + bytes(1 << 19))\n"
        "        writer.finish({})\n"
        "    with BackupReader(Path(sys.argv[1]) / name, OLD, threads=2) as reader:\n"
        "        assert sum(map(len, reader.chunks())) == pieces << 20\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024\n"
        "few = run('few', 16)\n"
        "print(run('many', 128) - few)\n"
    )
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", code, str(tmp_path)]
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert int(ran.stdout) <= 8


def test_a_file_that_the_device_has_in_parts(tmp_path: Path) -> None:
    """The device is given large files while they are written; what is in them is the same."""
    data = os.urandom(9 << 20)
    with Temporary(tmp_path / "a", FileOps()) as file:
        for part in (data[: 5 << 20], data[5 << 20 :]):
            file.write(part)
        file.replace_target()
    assert (tmp_path / "a").read_bytes() == data
