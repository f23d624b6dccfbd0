"""Where keys come from, what is refused as one, and that none of them is ever shown."""

from __future__ import annotations

import base64
import copy
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sodaf_migrate.backup import kdf
from sodaf_migrate.backup.container import BackupReader, BackupWriter, outline, rotate
from sodaf_migrate.backup.keys import (
    UNENCRYPTED,
    Key,
    KeyRing,
    add_key,
    generate_key,
    key_file,
    load_ring,
    passphrase_key,
    read_key_file,
    write_key_file,
)
from sodaf_migrate.errors import BackupError, BackupFileError, BackupKeyError, BackupKeyMissingError
from tests.backup.make_vectors import prologue

SECRET, OTHER = bytes(range(32)), bytes(range(1, 33))
HEX, BASE64 = SECRET.hex(), base64.b64encode(SECRET).decode()


def written(path: Path, ring: KeyRing) -> Path:
    """A backup that holds one row."""
    with BackupWriter(path, prologue("k"), ring) as writer:
        writer.manifest({})
        writer.write(b"row")
        writer.finish({})
    return path


def payload(path: Path, ring: KeyRing) -> bytes:
    """What the ring can read of it."""
    with BackupReader(path, ring) as reader:
        return b"".join(reader.chunks())


@pytest.mark.parametrize("mode", [0o600, 0o400])
@pytest.mark.parametrize("text", [HEX, BASE64, BASE64.rstrip("="), f"# mine\n\n  {BASE64}  # this\n"])
def test_each_way_to_give_a_key(tmp_path: Path, text: str, mode: int) -> None:
    """By value, environment and file, in hexadecimal and base64: the same key."""
    path, nowhere = tmp_path / "key", tmp_path / "nowhere"
    path.write_text(text)
    path.chmod(mode)
    key = Key(SECRET)
    words = text.split("#")[0] or BASE64
    assert load_ring(path).keys == load_ring(SECRET).keys == load_ring(key).keys == (key,)
    assert load_ring(words).keys == load_ring(environ={"SODAF_BACKUP_KEY": words}).keys == (key,)
    assert load_ring(environ={"SODAF_BACKUP_KEY_FILE": str(path)}).keys == (key,)
    assert load_ring(environ={}, config_dir=nowhere) == KeyRing() and not nowhere.exists()


@pytest.mark.parametrize("path", ["/dev/null", "."])
def test_what_is_no_file_is_no_key_file(path: str) -> None:
    """A folder or a device: said as that, with no advice to take permissions away from it."""
    with pytest.raises(BackupKeyError, match="is no file") as caught:
        read_key_file(Path(path))
    assert "chmod" not in str(caught.value.hint)


def test_the_first_given_counts(tmp_path: Path) -> None:
    """An argument over the environment over the user's file; of several in the environment all open."""
    folder = tmp_path / "sodaf-migrate"
    write_key_file(folder / "backup.key", [generate_key()])
    own = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert load_ring(environ=own).keys == read_key_file(folder / "backup.key")
    assert load_ring(environ={"HOME": "/h", "XDG_CONFIG_HOME": "not/absolute"}, config_dir=folder).keys
    both = {**own, "SODAF_BACKUP_KEY": f"{HEX}, {OTHER.hex()}\n", "SODAF_BACKUP_PASSPHRASE": "x y"}
    ring = load_ring(environ=both)
    assert ring.keys[:2] == (Key(SECRET), Key(OTHER)) and ring.keys[2].id == "passphrase" and ring.writers == 1
    assert load_ring(Key(OTHER), environ=both).keys == (Key(OTHER),)
    assert load_ring(ring, environ={}) is ring
    assert load_ring("unencrypted") == load_ring(environ={"SODAF_BACKUP_KEY": "unencrypted"}) == UNENCRYPTED
    assert str(key_file({"HOME": "/h"})) == "/h/.config/sodaf-migrate/backup.key"


@pytest.mark.parametrize(
    "text", ["", "x", HEX[:-2], HEX[:-1] + "g", BASE64 + "=A", "0" * 64, "A" * 43, "ключ", HEX * 2]
)
def test_what_is_no_key(tmp_path: Path, text: str) -> None:
    """Too short, too long, not random, or no text of a key: refused without being shown."""
    path = tmp_path / "key"
    path.write_text(text)
    path.chmod(0o600)
    givers: list[Callable[[], KeyRing]] = [lambda: load_ring(path), lambda: load_ring(text.encode())]
    givers += [lambda: load_ring(environ={"SODAF_BACKUP_KEY": text})] if text else []
    for give in givers:
        with pytest.raises(BackupKeyError) as caught:
            give()
        assert len(text) < 2 or text not in str(caught.value.to_dict())
    with pytest.raises(BackupKeyError):
        passphrase_key("")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o620, 0o602, 0o610])
def test_a_key_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    """Any permission for group or world; the hint says which command mends it."""
    write_key_file(tmp_path / "key", [Key(SECRET)])
    (tmp_path / "key").chmod(mode)
    with pytest.raises(BackupKeyError) as caught:
        load_ring(tmp_path / "key")
    assert "chmod 600" in str(caught.value.hint) and f"{mode:04o}" in str(caught.value)


def test_a_key_file_that_is_not_there(tmp_path: Path) -> None:
    """A file that was named has to be there: no other key is taken, and none is made."""
    for give in (lambda: load_ring(tmp_path / "x"), lambda: load_ring(environ={"SODAF_BACKUP_KEY_FILE": "/nowhere/x"})):
        with pytest.raises(BackupFileError):
            give()
    with pytest.raises(BackupKeyError, match="home"):
        load_ring(environ={}, create=True)


def test_the_first_use_makes_a_key_file_and_says_so_once(tmp_path: Path) -> None:
    """0600 in a folder of 0700, whatever the umask; the second time it is simply there."""
    before = os.umask(0)
    try:
        ring = load_ring(environ={"HOME": str(tmp_path)}, create=True)
    finally:
        os.umask(before)
    path = tmp_path / ".config" / "sodaf-migrate" / "backup.key"
    assert ring.made == path and path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == path.parent.parent.stat().st_mode & 0o777 == 0o700
    again = load_ring(environ={"HOME": str(tmp_path)}, create=True)
    assert again.made is None and again.keys == ring.keys
    assert [item.name for item in path.parent.iterdir()] == ["backup.key"]


def test_processes_that_begin_at_once_agree_on_one_key(tmp_path: Path) -> None:
    """Of many, one makes the key; every other reads the same, and none reads half of it."""
    code = (
        "import sys; from sodaf_migrate.backup.keys import load_ring\n"
        "sys.stdin.read(1)\n"
        "ring = load_ring(environ={'HOME': sys.argv[1]}, create=True)\n"
        "print(ring.keys[0].id, ring.made is not None)\n"
    )
    began = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(6)
    ]
    said = [process.communicate(b"x")[0].split() for process in began]
    assert len({key for key, _ in said}) == 1
    assert [made for _, made in said].count(b"True") == 1
    assert [item.name for item in (tmp_path / ".config" / "sodaf-migrate").iterdir()] == ["backup.key"]


def test_a_new_key_on_top_still_opens_what_is_old(tmp_path: Path) -> None:
    """The newest writes, the older ones open; no key of two who add at once is lost."""
    path = tmp_path / "backup.key"
    write_key_file(path, [Key(SECRET)])
    old = written(tmp_path / "old.sdbk", load_ring(path))
    add_key(path, Key(OTHER))
    assert load_ring(path).keys == (Key(OTHER), Key(SECRET)) and path.stat().st_mode & 0o777 == 0o600
    new = written(tmp_path / "new.sdbk", load_ring(path))
    assert outline(new).kids == (Key(OTHER).id,)
    assert payload(old, load_ring(path)) == payload(new, load_ring(path)) == b"row"
    code = (
        "import sys; from pathlib import Path; from sodaf_migrate.backup.keys import *\n"
        "for _ in range(5): add_key(Path(sys.argv[1]), generate_key())\n"
    )
    adding = [subprocess.Popen([sys.executable, "-c", code, str(path)]) for _ in range(4)]
    assert [process.wait() for process in adding] == [0] * 4
    assert len(read_key_file(path)) == 22


def test_several_keys_lock_one_file(tmp_path: Path) -> None:
    """Each writing key has a slot and opens alone; a ring of which none writes cannot be."""
    words = passphrase_key("correct horse")
    path = written(tmp_path / "a.sdbk", KeyRing((Key(SECRET), words, Key(OTHER)), writers=2))
    assert payload(path, KeyRing((Key(SECRET),))) == payload(path, KeyRing((words,))) == b"row"
    with pytest.raises(BackupKeyError):
        payload(path, KeyRing((Key(OTHER),)))
    assert payload(path, KeyRing((Key(OTHER), passphrase_key("correct horse")))) == b"row"
    with pytest.raises(ValueError, match="has to write"):
        KeyRing((words,), writers=0)
    with pytest.raises(ValueError, match="at most"):
        written(tmp_path / "b.sdbk", KeyRing(tuple(Key(os.urandom(32)) for _ in range(33)), writers=33))
    assert [item.name for item in tmp_path.iterdir()] == ["a.sdbk"]


def test_a_passphrase_is_derived_once_for_each_salt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing five files and reading them costs one derivation with one key, and one more with a fresh key."""
    calls: list[kdf.Kdf] = []
    real = kdf.derived

    def counted(words: str, how: kdf.Kdf) -> bytes:
        calls.append(how)
        return real(words, how)

    monkeypatch.setattr("sodaf_migrate.backup.keys.derived", counted)
    key = passphrase_key("Grüße")
    files = [written(tmp_path / f"{n}.sdbk", KeyRing((key,))) for n in range(5)]
    fresh = KeyRing((passphrase_key("Gru\u0308ße"),))  # the same, typed on another system
    assert all(payload(path, ring) == b"row" for path in files for ring in (KeyRing((key,)), fresh))
    assert calls == [key.kdf] * 2 and (calls[0].passes, calls[0].memory, calls[0].lanes) == (3, 65536, 4)


def test_no_key_is_shown(tmp_path: Path) -> None:
    """Not in ``repr``, ``str``, an error or a pickle; nor as it is, nor in hexadecimal or base64."""
    words = passphrase_key("correct horse battery")
    ring = KeyRing((Key(SECRET), words))
    path = written(tmp_path / "a.sdbk", KeyRing((generate_key(),)))
    with pytest.raises(BackupError) as caught:
        payload(path, ring)
    shown = f"{ring!r} {ring} {words!r} {ring.keys[0]!s} {caught.value} {caught.value.to_dict()} {copy.deepcopy(ring)}"
    for secret in (str(SECRET), HEX, BASE64, "correct horse"):
        assert secret not in shown
    for key in ring.keys:
        with pytest.raises(TypeError):
            pickle.dumps(key)
    with pytest.raises(BackupKeyError):
        words.encoded()


def test_keys_are_equal_by_value() -> None:
    """Two of the same bytes are one key; a passphrase is none of them."""
    assert Key(SECRET) == Key(bytes(SECRET)) and Key(SECRET) != Key(OTHER) and Key(SECRET) != HEX
    assert len({Key(SECRET), Key(bytes(SECRET)), Key(OTHER)}) == 2


def test_without_a_key_nothing_is_written(tmp_path: Path) -> None:
    """No key, and no word that allows to go without: no file."""
    with pytest.raises(BackupKeyMissingError):
        written(tmp_path / "a.sdbk", KeyRing())
    with pytest.raises(BackupError, match="although there is a key"):
        BackupWriter(tmp_path / "a.sdbk", prologue("n", alg="NONE"), KeyRing((Key(SECRET),)))
    plain = written(tmp_path / "n.sdbk", UNENCRYPTED)
    with pytest.raises(BackupError, match="no key to change"):
        rotate(plain, UNENCRYPTED, KeyRing((Key(SECRET),)))
    locked = written(tmp_path / "b.sdbk", KeyRing((Key(SECRET),)))
    with pytest.raises(BackupKeyMissingError):
        rotate(locked, KeyRing((Key(SECRET),)), UNENCRYPTED)
    assert payload(locked, KeyRing((Key(SECRET),))) == b"row"
