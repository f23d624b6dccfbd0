"""From a passphrase to a key: Argon2id, slow and hungry on purpose, within what a stranger's file may ask for."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from sodaf_migrate.backup.cipher import KEY_BYTES
from sodaf_migrate.errors import BackupKeyError

__all__ = ["Kdf", "derived", "parse_kdf"]

_NAME = "argon2id"
_SALT_BYTES = 16
#: Passes, lanes and KiB that a file may ask for: more would let it fill the memory of whoever looks at it.
_MOST_PASSES, _MOST_LANES, _MOST_KIB = 16, 16, 256 * 1024


@dataclass(frozen=True, slots=True)
class Kdf:
    """How a passphrase becomes a key: RFC 9106's second choice. ``memory`` is in KiB, ``salt`` in hexadecimal."""

    salt: str
    passes: int = 3
    memory: int = 64 * 1024
    lanes: int = 4

    def to_dict(self) -> dict[str, Any]:
        """As the slot spells it."""
        return {"name": _NAME, "t": self.passes, "m": self.memory, "p": self.lanes, "salt": self.salt}


def parse_kdf(document: Mapping[str, Any]) -> Kdf:
    """The KDF that a slot spells. Raises ValueError, saying what is wrong, also where it asks for too much."""
    if document.keys() != {"name", "t", "m", "p", "salt"} or document["name"] != _NAME:
        raise ValueError("is none that this version knows")
    salt = document["salt"]
    if not isinstance(salt, str) or len(salt) != 2 * _SALT_BYTES or set(salt) - set("0123456789abcdef"):
        raise ValueError("has no salt of 16 bytes")
    passes, memory, lanes = document["t"], document["m"], document["p"]
    for value, least, most in ((passes, 1, _MOST_PASSES), (lanes, 1, _MOST_LANES), (memory, 0, _MOST_KIB)):
        if type(value) is not int or not least <= value <= most:
            raise ValueError(f"asks for {str(value)[:20]} where at most {most} is allowed")
    if memory < 8 * lanes:
        raise ValueError("asks for less memory than Argon2id can do with")
    return Kdf(salt, passes, memory, lanes)


def derived(passphrase: str, kdf: Kdf) -> bytes:
    """32 bytes. The passphrase counts as typed, composed (NFC): the same keys pressed on two systems give one key.

    Raises BackupKeyError where the cryptography library was built without Argon2id.
    """
    salt, passes, lanes, memory = bytes.fromhex(kdf.salt), kdf.passes, kdf.lanes, kdf.memory
    try:
        argon = Argon2id(salt=salt, length=KEY_BYTES, iterations=passes, lanes=lanes, memory_cost=memory)
    except UnsupportedAlgorithm as exc:
        raise BackupKeyError(
            "passphrases need Argon2id, which this build of cryptography does not have",
            hint="Use a key instead, or install cryptography from its wheels (OpenSSL 3.2 or newer).",
        ) from exc
    return argon.derive(unicodedata.normalize("NFC", passphrase).encode("utf-8", "surrogatepass"))
