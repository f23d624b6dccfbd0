"""Writes the stored vectors: ``python -m tests.backup.make_vectors FOLDER``. The same run gives the same bytes.

The stored files are the truth that every later version has to read; this script shows how they came to be, and makes
new ones. A later zstd may compress otherwise, so an old vector is never made anew.
"""

from __future__ import annotations

import hashlib
import json
import struct
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import zstandard

from sodaf_migrate.backup import cipher, header
from sodaf_migrate.backup.chunks import DATA, MANIFEST
from sodaf_migrate.backup.container import BackupWriter, Prologue, new_prologue
from sodaf_migrate.backup.header import OPENING
from sodaf_migrate.backup.keys import UNENCRYPTED, Key, KeyRing, passphrase_key
from sodaf_migrate.backup.prologue import canonical

SECRET = hashlib.sha256(b"the key of the vectors").digest()
OTHER = hashlib.sha256(b"another key of the vectors").digest()
PASSPHRASE = "Zwölf Boxkämpfer jagen Viktor"
ROWS = b"".join(b"CUST-%05d|name %d|\x00\xff" % (n, n * 7919) for n in range(600))
BOMB = 1 << 30


def counted(name: str) -> Callable[[int], bytes]:
    """Bytes that look random and are the same each time."""
    turn = count()
    return lambda size: hashlib.shake_256(f"{name}/{next(turn)}".encode()).digest(size)


def prologue(name: str, **more: Any) -> Prologue:
    """The prologue of a vector."""
    values: dict[str, Any] = {
        "type": "FULL",
        "scope": "table",
        "doctype": "Customer",
        "about": {"table": "tabCustomer", "rows": 600, "tool": "1"},
        "chunk": 4096,
        "now": lambda: datetime(2026, 1, 31, 9, 30, tzinfo=UTC),
        "random": counted(name),
        **more,
    }
    return new_prologue(**values)


def written(folder: Path, name: str, said: Prologue, ring: KeyRing, payload: bytes) -> bytes:
    """A good file."""
    path = folder / f"{name}.sdbk"
    with BackupWriter(path, said, ring, threads=1, random=counted(name + "/key")) as writer:
        writer.manifest({"sql": "CREATE TABLE tabCustomer(name TEXT)"})
        writer.write(payload)
        writer.finish({"rows": {"tabCustomer": 600}})
    return path.read_bytes()


@dataclass
class Parts:
    """A file in its parts, to be put together otherwise."""

    said: bytes
    slots: bytes
    mac: bytes
    chunks: list[bytes] = field(default_factory=list)

    def joined(self) -> bytes:
        """The file, with lengths, CRC and checksum as they have to be: what somebody without the key can do."""
        opening = OPENING.pack(b"SODAFBK", 1, len(self.said), len(self.slots), 0)[:-4]
        covered = opening + zlib.crc32(opening).to_bytes(4, "big") + self.said + self.slots
        return covered + hashlib.sha256(covered).digest() + self.mac + b"".join(self.chunks)


def taken_apart(data: bytes) -> Parts:
    """The parts of a good file."""
    size, slots = struct.unpack(">II", data[8:16])
    at = 20 + size + slots
    parts = Parts(data[20 : 20 + size], data[20 + size : at], data[at + 32 : at + 64])
    data = data[at + 64 :]
    while data:
        length = 24 + int.from_bytes(data[16:20], "big")
        parts.chunks.append(data[:length])
        data = data[length:]
    return parts


def headed(kind: int, index: int, plain: int, sealed: int) -> bytes:
    """The head of a chunk, with the CRC that fits."""
    head = struct.pack(">IQII", kind, index, plain, sealed)
    return head + zlib.crc32(head).to_bytes(4, "big")


def hostile(name: str, frame: bytes, plain: int, kind: int = DATA) -> bytes:
    """A file by somebody who has the key and puts ``frame`` into a chunk, sealed as it should be."""
    said = prologue(name, chunk=4 << 20)
    file_key = counted(name + "/key")(32)
    begun = header.encode_header(said, header.lock(KeyRing((Key(SECRET),)), file_key, said), file_key)
    sealer = cipher.payload_cipher(file_key, said)
    if kind == DATA:
        manifest = zstandard.ZstdCompressor().compress(canonical({"about": {}, "manifest": {}}))
        head = headed(MANIFEST, 0, 26, len(manifest) + 16)
        begun += head + sealer.seal(head, manifest)
    head = headed(kind, int(kind == DATA), plain, len(frame) + 16)
    return begun + head + sealer.seal(head, frame)


def zeros(told: bool) -> bytes:
    """A frame of a gigabyte of zeros, which tells its size or not."""
    compressor = zstandard.ZstdCompressor(level=3, write_content_size=told).compressobj(size=BOMB if told else -1)
    piece = bytes(1 << 20)
    return b"".join(compressor.compress(piece) for _ in range(BOMB >> 20)) + compressor.flush()


def wide(data: bytes) -> bytes:
    """A frame of one raw block that asks for a window of 128 MiB."""
    block = (1 | len(data) << 3).to_bytes(3, "little") + data
    return b"\x28\xb5\x2f\xfd" + bytes([0x80, 17 << 3]) + len(data).to_bytes(4, "little") + block


def make(folder: Path) -> list[dict[str, Any]]:
    """Writes every vector into ``folder`` and gives the index: file, key, and what it holds or how it fails."""
    index: list[dict[str, Any]] = []

    def good(name: str, said: Prologue, ring: KeyRing, payload: bytes, **key: Any) -> bytes:
        data = written(folder, name, said, ring, payload)
        digest = hashlib.sha256(payload).hexdigest()
        index.append({"file": f"{name}.sdbk", **key, "error": None, "size": len(payload), "sha256": digest})
        return data

    def bad(name: str, data: bytes, error: str, key: str | None = SECRET.hex(), **more: Any) -> None:
        (folder / f"{name}.sdbk").write_bytes(data)
        index.append({"file": f"{name}.sdbk", "key": key, "error": f"Backup{error}Error", **more})

    site, words = KeyRing((Key(SECRET),)), passphrase_key(PASSPHRASE, salt=counted("words")(16))
    key = {"key": SECRET.hex()}
    base = good("good-a256gcm", prologue("a"), site, ROWS, **key)
    good("good-c20p", prologue("c", alg="C20P"), site, ROWS, **key)
    good("good-none", prologue("n"), UNENCRYPTED, ROWS, key=None)
    good("good-empty", prologue("e", type="SCHEMA"), site, b"", **key)
    good("good-full-last-chunk", prologue("f"), site, ROWS[:8192], **key)
    good("good-passphrase", prologue("p"), KeyRing((words,)), ROWS[:99], key=None, passphrase=PASSPHRASE)
    both = KeyRing((Key(OTHER), Key(SECRET)), writers=2)
    twin = good("good-two-keys", prologue("t", doctype=None, scope="database"), both, ROWS, **key)
    child = prologue("i", type="INCREMENTAL", parent=prologue("a"))
    good("good-incremental", child, site, ROWS[:5000], **key)
    large = prologue("l", about={"rows": 1, "schema": "ä" * 20_000, "more": "x" * 9_000})
    good("good-omitted", large, site, ROWS[:9], **key)
    _altered(base, twin, bad)
    _headers(base, bad)
    _bombs(bad)
    bad("wrong-key", base, "KeyWrong", OTHER.hex())
    bad("no-key", base, "KeyMissing", None)
    return index


def _altered(base: bytes, twin: bytes, bad: Callable[..., None]) -> None:
    """Files that a disk, a copy or an attacker without the key changed."""
    parts, other = taken_apart(base), taken_apart(twin)
    chunks = parts.chunks
    bad("empty", b"", "Truncated")
    bad("truncated-in-header", base[:300], "Truncated")
    bad("truncated-in-chunk", base[:-100], "Truncated")
    bad("truncated-at-edge", replace(parts, chunks=chunks[:-1]).joined(), "Truncated")
    bad("altered-bit", base[:-200] + bytes([base[-200] ^ 1]) + base[-199:], "Damaged")
    bad("altered-zeros", base[:2000] + bytes(len(base) - 2000), "Damaged")
    bad("appended", base + b"\0", "Damaged")
    bad("reordered", replace(parts, chunks=[chunks[0], chunks[2], chunks[1], *chunks[3:]]).joined(), "Damaged")
    bad("doubled", replace(parts, chunks=[*chunks[:2], chunks[1], *chunks[2:]]).joined(), "Damaged")
    bad("taken-out", replace(parts, chunks=[*chunks[:2], *chunks[3:]]).joined(), "Damaged")
    bad("spliced", replace(parts, chunks=[*chunks[:2], other.chunks[2], *chunks[3:]]).joined(), "Damaged")
    bad("other-header", replace(other, chunks=chunks).joined(), "Damaged")
    early = headed(1, len(chunks) - 2, *struct.unpack(">II", chunks[-1][12:20])) + chunks[-1][24:]
    bad("ended-early", replace(parts, chunks=[*chunks[:-2], early]).joined(), "Damaged")


def _headers(base: bytes, bad: Callable[..., None]) -> None:
    """Headers that were altered with fitting checksums, claim too much, or come from another time."""
    parts = taken_apart(base)
    slots = json.loads(parts.slots)
    bad("newer-format", base[:7] + b"\x02" + base[8:], "Version")
    bad("newer-algorithm", replace(parts, said=parts.said.replace(b"A256GCM", b"A512XYZ")).joined(), "Version")
    bad("forged-prologue", replace(parts, said=parts.said.replace(b"Customer", b"Supplier")).joined(), "Damaged")
    bad("forged-slot", replace(parts, slots=canonical([{**slots[0], "wrapped": "00" * 48}])).joined(), "Damaged")
    bad("no-slots", replace(parts, slots=b"[]").joined(), "Damaged")
    none = replace(parts, said=parts.said.replace(b"A256GCM", b"NONE"), slots=b"[]").joined()
    bad("downgraded", none, "Unencrypted")
    bad("downgraded-and-allowed", none, "Damaged", None)
    for name, claimed in (("huge-header", 0xFFFFFFFF), ("huge-slots", 0x10001)):
        sizes = (claimed, 2) if name == "huge-header" else (len(parts.said), claimed)
        opening = OPENING.pack(b"SODAFBK", 1, *sizes, 0)[:-4]
        bad(name, opening + zlib.crc32(opening).to_bytes(4, "big") + base[20:], "Damaged")
    bad("deep-json", replace(parts, slots=b"[" * 60_000).joined(), "Damaged")
    sound = {"name": "argon2id", "t": 3, "m": 65536, "p": 4, "salt": "00" * 16}
    for name, absurd in (("memory", {"m": 1 << 31}), ("passes", {"t": 1 << 20}), ("lanes", {"p": 1 << 20})):
        kdf = canonical([{**slots[0], "kdf": {**sound, **absurd}}])
        bad(f"absurd-{name}", replace(parts, slots=kdf).joined(), "Damaged", None, passphrase="x")
    (many := [{**slots[0], "kdf": sound}] * 30)
    bad("many-passphrases", replace(parts, slots=canonical(many)).joined(), "Damaged", None, passphrase="x")


def _bombs(bad: Callable[..., None]) -> None:
    """Chunks with a fitting seal that would fill the memory of whoever opens them."""
    told = zeros(told=True)
    bad("bomb-lying", hostile("b1", told, 4 << 20), "Damaged")
    bad("bomb-silent", hostile("b2", zeros(told=False), 4 << 20), "Damaged")
    bad("bomb-honest", hostile("b3", told, BOMB), "Damaged")
    bad("bomb-window", hostile("b4", wide(bytes(1000)), 1000), "Damaged")
    bad("bomb-manifest", hostile("b5", told, 16 << 20, MANIFEST), "Damaged")
    frame = zstandard.ZstdCompressor().compress(bytes(100))
    bad("bomb-behind-frame", hostile("b6", frame + told, 100), "Damaged")
    huge = hostile("b7", frame, 100)
    cut = huge[: -len(frame) - 16 - 24]
    bad("claims-four-gigabytes", cut + headed(DATA, 1, 4 << 20, 0xFFFFFFFF) + huge[-len(frame) - 16 :], "Damaged")
    bad("claims-beyond-end", cut + headed(DATA, 1, 4 << 20, 4 << 20) + huge[-len(frame) - 16 :], "Truncated")


if __name__ == "__main__":
    place = Path(sys.argv[1])
    place.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in make(place))
    (place / "index.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
