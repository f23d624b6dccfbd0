"""The first key of a user: made when a backup needs one, and never beside backups that another key locks."""

from __future__ import annotations

import logging
import os

from sodaf_migrate.backup.files import file_errors
from sodaf_migrate.backup.header import parse_header
from sodaf_migrate.backup.keys import Key, KeyRing, load_ring
from sodaf_migrate.backup.store import BackupStore
from sodaf_migrate.errors import BackupError, BackupKeyMissingError

__all__ = ["first_ring", "locked_with"]

logger = logging.getLogger("sodaf_migrate")


def first_ring(given: KeyRing | Key | bytes | str | os.PathLike[str] | None, store: BackupStore) -> KeyRing:
    """The ring of a user who had no key when it was looked for: with the one that is there by now, else a new key file.

    Raises BackupKeyMissingError where backups of the store are locked: a key was there once, and a new one in its
    place would open none of them, which nobody would notice before the day they are needed.
    """
    locks = locked_with(store)
    ring = load_ring(given)  # after that look: somebody else may have made the first key, and locked with it, just now
    if locks is not None and not ring.keys:
        raise BackupKeyMissingError(
            f'No key is configured, and the backups in "{store.directory}" are locked with one ({locks})',
            hint="Put the key file back, or set SODAF_BACKUP_KEY, SODAF_BACKUP_KEY_FILE or SODAF_BACKUP_PASSPHRASE. "
            "If that key is lost, `sodaf-migrate keys generate` makes another one for the backups from now on.",
            details={"key": locks, "store": str(store.directory)},
        )
    ring = load_ring(given, create=True)
    if ring.made is not None:
        logger.warning("a key for backups was made: %s; keep a copy of it in another place", ring.made)
    return ring


def locked_with(store: BackupStore) -> str | None:
    """The public name of the key that the newest encrypted backup is locked with; None where there is no such one.

    Only headers are read, and files that are none are passed over: ``backup list`` tells of them.
    """
    for name in reversed(store.names()):
        try:
            slots = _slots(store, name)
        except BackupError:
            continue
        if slots:
            return slots[0]
    return None


def _slots(store: BackupStore, name: str) -> list[str]:
    path, files = store.path_of(name), store.files
    with file_errors(path, "be read"):
        source = files.open_read(path)
        try:
            header = parse_header(lambda length, offset: files.read(source, length, offset))
        finally:
            files.close(source)
    return ["a passphrase" if slot.kdf else slot.kid for slot in header.slots]
