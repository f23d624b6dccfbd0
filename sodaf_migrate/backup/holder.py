"""The keys that a manager works with: looked for when they are first needed, made when there is none to write with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sodaf_migrate.backup.first_key import first_ring
from sodaf_migrate.backup.keys import UNENCRYPTED, KeyRing, load_ring
from sodaf_migrate.backup.store import BackupStore
from sodaf_migrate.options import BackupOptions

__all__ = ["KeyHolder"]


class KeyHolder:
    """The ring that was given, else the one that ``options.key`` or the environment tells of. Raises BackupKeyError."""

    def __init__(self, options: BackupOptions, ring: KeyRing | None) -> None:
        self._options = options
        self._ring = ring

    @property
    def made(self) -> Path | None:
        """The key file that was made because there was no key."""
        return self._ring.made if self._ring is not None else None

    def reading(self) -> KeyRing:
        """The keys that open backups; those that are not encrypted are read only where the options say so."""
        if self._ring is None:
            self._ring = load_ring(self._options.key)
        plain = self._options.read_unencrypted or not self._options.encrypt
        return replace(self._ring, unencrypted=True) if plain else self._ring

    def writing(self, store: BackupStore) -> KeyRing:
        """The keys that lock new backups in ``store``; a user without any gets a key file, as ``first_ring`` says."""
        if not self._options.encrypt:
            return UNENCRYPTED
        if not self.reading().keys:
            self._ring = first_ring(self._options.key, store)
        return self.reading()
