"""The keys that open backups, and where they come from. No key is ever shown: not in ``repr``, an error or a log."""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import stat
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sodaf_migrate.backup.cipher import KEY_BYTES, key_id, seal_key
from sodaf_migrate.backup.files import FileOps, Temporary, file_errors, lock_named, remove_stale
from sodaf_migrate.backup.kdf import Kdf, derived
from sodaf_migrate.errors import BackupKeyError

__all__ = [
    "KEY_VARIABLES",
    "UNENCRYPTED",
    "Key",
    "KeyRing",
    "add_key",
    "generate_key",
    "key_file",
    "load_ring",
    "passphrase_key",
    "read_key_file",
    "write_key_file",
]

#: The environment variables that hold a key, name a file of keys, or hold a passphrase; all that are set count.
KEY_VARIABLES = ("SODAF_BACKUP_KEY", "SODAF_BACKUP_KEY_FILE", "SODAF_BACKUP_PASSPHRASE")
_BY_NAME = "unencrypted"
_KEY_FILE_LIMIT = 1 << 16
_HEADING = (
    "# The key of the backups: without it nobody can read them. Keep a copy in another place.\n"
    "# The first key writes; the ones below it still open older backups.\n"
)


class Key:
    """32 random bytes, or a passphrase. ``kdf`` is how the passphrase becomes bytes when it writes, else None."""

    __slots__ = ("_derived", "_lock", "_secret", "kdf")

    def __init__(self, secret: bytes | str, kdf: Kdf | None = None) -> None:
        self._secret = secret
        self.kdf = kdf
        self._derived: dict[Kdf, bytes] = {}
        self._lock = threading.Lock()

    def for_slot(self, kdf: Kdf | None) -> bytes | None:
        """The 32 bytes that may open a slot with this KDF; None for the other sort of key. A passphrase takes ~0.2 s.

        It is derived once for each salt, and then remembered for as long as the key lives.
        """
        if kdf is None:
            return self._secret if isinstance(self._secret, bytes) else None
        if not isinstance(self._secret, str):
            return None
        with self._lock:
            if kdf not in self._derived:
                self._derived[kdf] = derived(self._secret, kdf)
            return self._derived[kdf]

    @property
    def id(self) -> str:
        """Its public name, 16 hexadecimal digits; "passphrase" for a passphrase, which has one for each salt."""
        return key_id(self._secret) if isinstance(self._secret, bytes) else "passphrase"

    def encoded(self) -> str:
        """The key as base64, to be written into a key file. Raises BackupKeyError for a passphrase."""
        if isinstance(self._secret, str):
            raise BackupKeyError("a passphrase cannot be written as a key", hint="Write it down as it is.")
        return base64.b64encode(self._secret).decode()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Key):
            return NotImplemented
        return self.kdf == other.kdf and hmac.compare_digest(_bytes(self._secret), _bytes(other._secret))

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"<Key {self.id}>"

    def __copy__(self) -> Key:
        return self

    def __deepcopy__(self, memo: object) -> Key:
        return self  # one secret in memory is enough

    def __reduce__(self) -> str:
        raise TypeError("a key is not to be pickled")


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Keys that open backups; the first ``writers`` of them also lock new ones, each in a slot of its own.

    ``unencrypted`` allows backups that are not encrypted to be read, and without keys to be written. ``made`` is the
    key file that was made just now because there was none: tell it, and that a copy of it should be kept.
    """

    keys: tuple[Key, ...] = ()
    writers: int = 1
    unencrypted: bool = False
    made: Path | None = None

    def seals(self) -> tuple[bytes, ...]:
        """The keys that seal a history, derived from these, the one that seals first; a passphrase gives none.

        What a passphrase sealed would stand in the database itself, where whoever may read it could guess at the
        passphrase; and each look at the history would take the memory and the time of a derivation.
        """
        return tuple(seal_key(secret) for key in self.keys if (secret := key.for_slot(None)) is not None)

    def __post_init__(self) -> None:
        if self.writers < 1:
            raise ValueError("at least one key has to write: nobody could read what none locks")


#: Writes backups that anybody can read, and reads such.
UNENCRYPTED = KeyRing(unencrypted=True)


def generate_key() -> Key:
    """A new key of 32 random bytes."""
    return Key(os.urandom(KEY_BYTES))


def passphrase_key(passphrase: str, *, salt: bytes | None = None) -> Key:
    """The key that a passphrase makes, for new backups under ``salt`` (16 bytes, random by default).

    Raises BackupKeyError for an empty one.
    """
    if not passphrase:
        raise BackupKeyError("the passphrase is empty", hint="Give one of several words.")
    return Key(passphrase, Kdf((salt or os.urandom(16)).hex()))


def load_ring(
    explicit: KeyRing | Key | bytes | str | os.PathLike[str] | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    config_dir: Path | None = None,
    create: bool = False,
    files: FileOps | None = None,
) -> KeyRing:
    """The keys to use: ``explicit``, else those of the environment, else the user's key file, else none.

    ``explicit`` is a ring, a key, 32 bytes, a text (base64 or hexadecimal, several with blanks between them, or
    "unencrypted"), or the path of a key file. With ``create`` a user without any key gets a key file, which the ring
    names as ``made``; two processes that do so at once agree on one. Raises BackupKeyError for what is no key, may be
    read by others, or has to be made where there is no home folder, BackupFileError.
    """
    if explicit is not None:
        return _given(explicit)
    rings = [_from_variable(name, environ[name]) for name in KEY_VARIABLES if environ.get(name)]
    if rings:
        keys = tuple(dict.fromkeys(key for ring in rings for key in ring.keys))
        return KeyRing(keys, unencrypted=any(ring.unencrypted for ring in rings))
    if not create and config_dir is None and _home(environ) is None:
        return KeyRing()  # a service without a home folder has no key file: that is no reason not to migrate
    path = key_file(environ, config_dir)
    with file_errors(path, "be read"):
        there = path.exists()
    if there:
        return KeyRing(read_key_file(path))
    if not create:
        return KeyRing()
    made = write_key_file(path, (generate_key(),), files=files or FileOps())
    return KeyRing(read_key_file(path), made=path if made else None)


def key_file(environ: Mapping[str, str] = os.environ, config_dir: Path | None = None) -> Path:
    """Where the user's key file is: ``backup.key`` in the package's folder of the user's configuration.

    Raises BackupKeyError where the environment names no absolute home folder.
    """
    folder = _home(environ)
    if config_dir is None and folder is None:
        raise BackupKeyError(
            "no key is configured, and the user has no home folder to look for one in",
            hint="Set SODAF_BACKUP_KEY_FILE to the path of a key file, or HOME.",
        )
    return (config_dir or Path(str(folder)) / "sodaf-migrate") / "backup.key"


def _home(environ: Mapping[str, str]) -> str | None:
    """The folder of the user's configuration; None where the environment names no absolute one."""
    base, home = environ.get("XDG_CONFIG_HOME", ""), os.path.join(environ.get("HOME", ""), ".config")
    folder = base if os.path.isabs(base) else home
    return folder if os.path.isabs(folder) else None


def read_key_file(path: Path) -> tuple[Key, ...]:
    """The keys in a file: one a line, base64 or hexadecimal; ``#`` begins a remark. The first one writes.

    Raises BackupKeyError where others may read the file or it holds no key, BackupFileError where it cannot be read.
    """
    with file_errors(path, "be read"):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            mode = os.fstat(descriptor).st_mode
            readable = (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)) and not _open_to_others(mode)
            text = os.read(descriptor, _KEY_FILE_LIMIT) if readable else b""
        finally:
            os.close(descriptor)
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):  # before its mode: chmod 600 would break a folder or device
        raise BackupKeyError(
            f'"{path}" is no file, so it holds no key', hint="Give the path of the key file: `keys show-path` tells it."
        )
    if _open_to_others(mode):
        raise BackupKeyError(
            f'the key file "{path}" may be read by others (mode {stat.S_IMODE(mode):04o})',
            hint=f'Take the permissions away: chmod 600 "{path}". If others can log in here, make a new key.',
        )
    lines = (line.partition(b"#")[0].strip() for line in text.splitlines())
    keys = tuple(dict.fromkeys(_parsed(line.decode("ascii", "replace"), f'"{path}"') for line in lines if line))
    if not keys:
        raise BackupKeyError(f'the key file "{path}" holds no key', hint="Put a key in, or take the file away.")
    return keys


def write_key_file(path: Path, keys: Iterable[Key], *, files: FileOps | None = None) -> bool:
    """Makes the key file (0600) and says whether it did: never over a file that is there. Raises BackupFileError.

    The file appears at once and whole, so that nobody reads half a key, and of two who make it one is the maker.
    """
    files = files or FileOps()
    with file_errors(path, "be written"):
        files.make_folder(path.parent)
        remove_stale(path.parent, files)
        with Temporary(path, files) as new:
            new.write(_key_text(keys))
            # Also who comes second waits for the name: what is locked with this key must not outlive the key.
            return new.become_target()


def add_key(path: Path, key: Key, *, files: FileOps | None = None) -> tuple[Key, ...]:
    """Puts ``key`` on top of a key file, so that it writes and the older ones still open; gives all of them.

    The new file takes the old one's place at one instant, and of two who do so at once none is lost. Raises as
    ``read_key_file`` does.
    """
    files, path = files or FileOps(), Path(os.path.realpath(path))
    with file_errors(path, "be written"):
        guard = lock_named(path, files)
        try:
            keys = tuple(dict.fromkeys((key, *read_key_file(path))))
            remove_stale(path.parent, files)
            with Temporary(path, files) as new:
                new.write(_key_text(keys))
                new.replace_target()
        finally:
            files.close(guard)
    return keys


def _key_text(keys: Iterable[Key]) -> bytes:
    return (_HEADING + "".join(key.encoded() + "\n" for key in keys)).encode()


def _given(explicit: KeyRing | Key | bytes | str | os.PathLike[str]) -> KeyRing:
    if isinstance(explicit, KeyRing):
        return explicit
    if isinstance(explicit, Key):
        return KeyRing((explicit,))
    if isinstance(explicit, bytes):
        return KeyRing((_checked(explicit, "the key that was given"),))
    if isinstance(explicit, str):
        return _spelled(explicit, "the key that was given")
    return KeyRing(read_key_file(Path(explicit)))


def _from_variable(name: str, value: str) -> KeyRing:
    if name == "SODAF_BACKUP_KEY_FILE":
        return KeyRing(read_key_file(Path(value)))
    if name == "SODAF_BACKUP_PASSPHRASE":
        return KeyRing((passphrase_key(value),))
    return _spelled(value, name)


def _spelled(text: str, source: str) -> KeyRing:
    if text.strip() == _BY_NAME:
        return UNENCRYPTED
    return KeyRing(tuple(dict.fromkeys(_parsed(word, source) for word in text.replace(",", " ").split())))


def _parsed(text: str, source: str) -> Key:
    try:
        secret = bytes.fromhex(text) if len(text) == 2 * KEY_BYTES else base64.b64decode(_padded(text), validate=True)
    except (ValueError, binascii.Error):
        secret = b""
    return _checked(secret, source)


def _padded(text: str) -> str:
    return text.translate(str.maketrans("-_", "+/")).rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)


def _checked(secret: bytes, source: str) -> Key:
    if len(secret) != KEY_BYTES or len(set(secret)) == 1:
        raise BackupKeyError(
            f"{source} holds something that is no key",
            hint="A key is 32 random bytes, as base64 or hexadecimal: `sodaf-migrate keys generate` makes one.",
        ) from None
    return Key(secret)


def _open_to_others(mode: int) -> bool:
    return bool(mode & (stat.S_IRWXG | stat.S_IRWXO))


def _bytes(secret: bytes | str) -> bytes:
    return secret.encode("utf-8", "surrogatepass") if isinstance(secret, str) else secret
