"""The cryptography of a backup: which keys come from which, how a chunk is sealed, and what the header is bound by.

The construction is the STREAM of age and Tink: a random key for each file, a nonce that counts, a mark on the last
chunk; so no chunk can be altered, moved, taken out, or brought from another file without its tag failing.
"""

from __future__ import annotations

import hmac
from hashlib import blake2b, sha256
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sodaf_migrate.backup.prologue import UNENCRYPTED_ALGORITHM, Prologue

__all__ = ["KEY_BYTES", "NO_KEY", "TAG_BYTES", "WRAPPED_BYTES", "Cipher", "header_mac", "key_id", "payload_cipher"]
__all__ += ["seal_key", "unwrapped", "wrapped"]

KEY_BYTES, TAG_BYTES = 32, 16
WRAPPED_BYTES = KEY_BYTES + TAG_BYTES
#: The file key of a backup that is not encrypted: everybody has it, so its tags show damage, not forgery.
NO_KEY = bytes(KEY_BYTES)

_PREFIX = b"sodaf-backup/v1/"
_NONCE_BYTES = 12


class Cipher(Protocol):
    """Seals the chunks of one file; ``head`` is bound in, and begins with the 12 bytes of the nonce."""

    def seal(self, head: bytes, data: bytes) -> bytes:
        """``data`` sealed: TAG_BYTES longer."""
        ...

    def open(self, head: bytes, sealed: bytes) -> bytes | None:
        """What was sealed under the same head; None where a bit of either is another."""
        ...


def key_id(key: bytes) -> str:
    """The public name of a key: 16 hexadecimal digits that say nothing about it."""
    return hmac.digest(key, _PREFIX + b"kid", sha256)[:8].hex()


def seal_key(key: bytes) -> bytes:
    """The key that seals the history of a site whose backups ``key`` locks; neither tells anything about the other."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=b"", info=b"sodaf-history/v1/seal").derive(key)


def wrapped(key: bytes, file_key: bytes, prologue: Prologue) -> bytes:
    """``file_key`` as only ``key`` opens it. The nonce is constant, for a wrapping key serves one file key."""
    return AESGCM(_wrapping_key(key, prologue)).encrypt(bytes(_NONCE_BYTES), file_key, bytes.fromhex(prologue.id))


def unwrapped(key: bytes, box: bytes, prologue: Prologue) -> bytes | None:
    """The file key in ``box``; None where it was altered or wrapped for another file."""
    try:
        return AESGCM(_wrapping_key(key, prologue)).decrypt(bytes(_NONCE_BYTES), box, bytes.fromhex(prologue.id))
    except InvalidTag:
        return None


def header_mac(file_key: bytes, header: bytes) -> bytes:
    """32 bytes that only somebody with the file key can make for this header."""
    return hmac.digest(_derived(file_key, b"", b"header"), header, sha256)


def payload_cipher(file_key: bytes, prologue: Prologue) -> Cipher:
    """The cipher of the chunks, bound to every byte of the prologue and to none of the slots."""
    key = _derived(file_key, sha256(prologue.encoded).digest(), b"payload")
    if prologue.alg == UNENCRYPTED_ALGORITHM:
        return _Sealed(key)
    return _Encrypted(AESGCM(key) if prologue.alg == "A256GCM" else ChaCha20Poly1305(key))


class _Encrypted:
    def __init__(self, aead: AESGCM | ChaCha20Poly1305) -> None:
        self._aead = aead

    def seal(self, head: bytes, data: bytes) -> bytes:
        return self._aead.encrypt(head[:_NONCE_BYTES], data, head)

    def open(self, head: bytes, sealed: bytes) -> bytes | None:
        try:
            return self._aead.decrypt(head[:_NONCE_BYTES], sealed, head)
        except InvalidTag:
            return None


class _Sealed:
    """Not encrypted, but with a tag of the same length in the same place."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, head: bytes, data: bytes) -> bytes:
        return data + self._tag(head, data)

    def open(self, head: bytes, sealed: bytes) -> bytes | None:
        data, tag = sealed[:-TAG_BYTES], sealed[-TAG_BYTES:]
        return data if hmac.compare_digest(tag, self._tag(head, data)) else None

    def _tag(self, head: bytes, data: bytes) -> bytes:
        tag = blake2b(head, digest_size=TAG_BYTES, key=self._key)
        tag.update(data)
        return tag.digest()


def _wrapping_key(key: bytes, prologue: Prologue) -> bytes:
    return _derived(key, bytes.fromhex(prologue.salt), b"wrap|" + key_id(key).encode())


def _derived(key: bytes, salt: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=_PREFIX + purpose).derive(key)
