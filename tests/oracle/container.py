"""A reader of backups written after docs/backup-format.md alone: if it reads what we write, the page is right.

It is short rather than kind: everything that is wrong is a ValueError, and the whole file is held in memory.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

WORDS = b"sodaf-backup/v1/"


@dataclass(frozen=True)
class Contents:
    """Everything in a backup."""

    prologue: dict[str, Any]
    manifest: dict[str, Any]
    payload: bytes
    trailer: dict[str, Any]


def read_container(data: bytes, key: bytes | str | None) -> Contents:
    """The contents of the file ``data``; ``key`` is 32 bytes, a passphrase, or None for an unencrypted file."""
    need(data[:8] == b"SODAFBK\x01", "magic")
    size, slots_size = number(data[8:12]), number(data[12:16])
    need(number(data[16:20]) == zlib.crc32(data[:16]), "opening")
    need(max(size, slots_size) <= 65536, "sizes")
    prologue, slots = data[20 : 20 + size], data[20 + size : 20 + size + slots_size]
    end = 20 + size + slots_size
    need(hashlib.sha256(data[:end]).digest() == data[end : end + 32], "checksum")
    said = json.loads(prologue)
    file_key = bytes(32) if said["alg"] == "NONE" else open_slot(json.loads(slots), said, key)
    mac = hmac.digest(hkdf(file_key, b"", b"header"), data[: end + 32], "sha256")
    need(mac == data[end + 32 : end + 64], "seal of the header")
    payload_key = hkdf(file_key, hashlib.sha256(prologue).digest(), b"payload")
    found = list(chunks(data[end + 64 :], opener(said["alg"], payload_key), said["chunk"]))
    need([kind for kind, _ in found] == [2, *[0] * (len(found) - 2), 1], "kinds")
    need(all(len(piece) == said["chunk"] for _, piece in found[1:-2]), "full chunks")
    first, last = json.loads(found[0][1]), json.loads(found[-1][1])
    payload = b"".join(piece for _, piece in found[1:-1])
    need((last["chunks"], last["plain_bytes"]) == (len(found) - 2, len(payload)), "trailer")
    said["about"].update({name: first["about"][name] for name in said["omitted"]})
    return Contents(said, first["manifest"], payload, last["trailer"])


def open_slot(slots: list[dict[str, Any]], said: dict[str, Any], key: bytes | str | None) -> bytes:
    """The file key, from the slot that ``key`` opens."""
    for slot in slots:
        kdf = slot["kdf"]
        if (kdf is None) != isinstance(key, bytes):
            continue
        secret = key if isinstance(key, bytes) else argon2id(str(key), kdf)
        if hmac.digest(secret, WORDS + b"kid", "sha256")[:8].hex() == slot["kid"]:
            wrapping = hkdf(secret, bytes.fromhex(said["salt"]), b"wrap|" + slot["kid"].encode())
            return AESGCM(wrapping).decrypt(bytes(12), bytes.fromhex(slot["wrapped"]), bytes.fromhex(said["id"]))
    raise ValueError("no slot for this key")


def argon2id(passphrase: str, kdf: dict[str, Any]) -> bytes:
    """The key that a passphrase becomes."""
    need(kdf["name"] == "argon2id" and kdf["t"] <= 16 and kdf["p"] <= 16 and kdf["m"] <= 262_144, "kdf")
    salt = bytes.fromhex(kdf["salt"])
    argon = Argon2id(salt=salt, length=32, iterations=kdf["t"], lanes=kdf["p"], memory_cost=kdf["m"])
    return argon.derive(unicodedata.normalize("NFC", passphrase).encode())


def opener(alg: str, key: bytes) -> Callable[[bytes, bytes], bytes]:
    """What opens a sealed frame, given its head."""
    if alg != "NONE":
        aead = {"A256GCM": AESGCM, "C20P": ChaCha20Poly1305}[alg](key)
        return lambda head, sealed: aead.decrypt(head[:12], sealed, head)

    def open_plain(head: bytes, sealed: bytes) -> bytes:
        tag = hashlib.blake2b(head + sealed[:-16], key=key, digest_size=16).digest()
        need(tag == sealed[-16:], "tag")
        return sealed[:-16]

    return open_plain


def chunks(data: bytes, open_frame: Callable[[bytes, bytes], bytes], limit: int) -> Iterator[tuple[int, bytes]]:
    """Kind and contents of each chunk."""
    index = 0
    while data:
        head, data = data[:24], data[24:]
        need(len(head) == 24 and number(head[20:]) == zlib.crc32(head[:20]), "head")
        kind, plain, sealed = number(head[:4]), number(head[12:16]), number(head[16:20])
        need(number(head[4:12]) == index and kind in (0, 1, 2), "order")
        need(1 <= plain <= (limit if kind == 0 else 1 << 24) and sealed <= len(data), "lengths")
        try:
            frame = open_frame(head, data[:sealed])
        except InvalidTag:
            raise ValueError("tag") from None
        need(zstandard.frame_content_size(frame) == plain, "content size")
        yield kind, zstandard.ZstdDecompressor().decompress(frame)
        data, index = data[sealed:], index + 1


def hkdf(key: bytes, salt: bytes, purpose: bytes) -> bytes:
    """HKDF-SHA-256, 32 bytes."""
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=WORDS + purpose).derive(key)


def number(data: bytes) -> int:
    """Unsigned, big-endian."""
    return int.from_bytes(data, "big")


def need(true: bool, what: str) -> None:
    """ValueError unless ``true``."""
    if not true:
        raise ValueError(what)
