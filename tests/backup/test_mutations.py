"""Whatever is done to a backup is found, called by its name, and nothing of a damaged chunk is given out.

Every bit of a small file, every length, every order of its chunks; and what somebody without the key can do who knows
the format and mends the checksums.
"""

from __future__ import annotations

import json
import random
import struct
from dataclasses import replace
from itertools import permutations, product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sodaf_migrate.backup.container import BackupReader, BackupWriter, outline
from sodaf_migrate.backup.keys import UNENCRYPTED, Key, KeyRing
from sodaf_migrate.backup.prologue import canonical
from sodaf_migrate.errors import (
    BackupDamagedError,
    BackupError,
    BackupKeyWrongError,
    BackupTruncatedError,
    BackupUnencryptedError,
    BackupVersionError,
    NotABackupError,
)
from tests.backup.make_vectors import SECRET, counted, headed, prologue, taken_apart

SITE = KeyRing((Key(SECRET),), unencrypted=True)
PAYLOAD = random.Random(7).randbytes(64 * 3 + 10)
PIECES = [PAYLOAD[at : at + 64] for at in range(0, len(PAYLOAD), 64)]


def made(folder: Path, name: str, alg: str = "A256GCM") -> bytes:
    """A small backup of four chunks and its ends."""
    path = folder / f"{name}.sdbk"
    said = prologue(name, chunk=64, alg=alg, about={"rows": 3})
    with BackupWriter(path, said, UNENCRYPTED if alg == "NONE" else SITE, threads=1, random=counted(name)) as writer:
        writer.manifest({"sql": "CREATE"})
        writer.write(PAYLOAD)
        writer.finish({"rows": 3})
    return path.read_bytes()


class Attack:
    """Reads mutated bytes and holds what happens against what has to."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "mutated.sdbk"
        self.path.touch()
        self.tried = 0

    def __call__(self, data: bytes, *expected: type[BackupError], sound: int = len(PIECES), threads: int = 1) -> None:
        """Reading ``data`` raises exactly one of ``expected``, after at most the first ``sound`` pieces, unaltered."""
        self.tried += 1
        with self.path.open("r+b") as file:  # in place: to empty a file and fill it anew makes it go to the disk
            file.write(data)
            file.truncate()
        pieces: list[bytes] = []
        reader = BackupReader(self.path, SITE, threads=threads)
        with pytest.raises(BackupError) as caught, reader:
            for piece in reader.chunks():
                pieces.append(piece)
        assert type(caught.value) in expected, (caught.value, expected)
        assert pieces == PIECES[: len(pieces)] and len(pieces) <= sound
        with pytest.raises(ValueError, match="trailer"):
            _ = reader.trailer


@pytest.fixture
def attack(tmp_path: Path) -> Attack:
    """Each test has a file of its own to mutate."""
    return Attack(tmp_path)


def flip_error(offset: int, value: int) -> type[BackupError]:
    """What the byte ``value`` at ``offset`` has to be called."""
    if offset < 7:
        return NotABackupError
    return BackupVersionError if offset == 7 and value > 1 else BackupDamagedError


def starts(data: bytes) -> list[int]:
    """Where each chunk begins."""
    chunks = taken_apart(data).chunks
    return [len(data) - sum(map(len, chunks[index:])) for index in range(len(chunks))]


@pytest.mark.parametrize("alg", ["A256GCM", "C20P", "NONE"])
def test_every_flipped_bit(tmp_path: Path, attack: Attack, alg: str) -> None:
    """No bit of the file can be another: each flip is damage, and chunks before it are given out at most."""
    data = made(tmp_path, "a", alg)
    places = starts(data)
    for offset, bit in product(range(len(data)), range(8)):
        flipped = bytearray(data)
        flipped[offset] ^= 1 << bit
        sound = sum(start <= offset for start in places[2:])  # payload chunks that stand whole before it
        attack(bytes(flipped), flip_error(offset, flipped[offset]), sound=sound)
    assert attack.tried == 8 * len(data) > 5_000


@pytest.mark.parametrize("alg", ["A256GCM", "NONE"])
def test_every_truncation(tmp_path: Path, attack: Attack, alg: str) -> None:
    """Wherever the file ends too early, that is what is said: also in its first bytes, and between two chunks."""
    data = made(tmp_path, "a", alg)
    for length in range(len(data)):
        attack(data[:length], BackupTruncatedError)
        with pytest.raises(BackupTruncatedError):
            outline(attack.path)


def test_every_order_of_the_chunks(tmp_path: Path, attack: Attack) -> None:
    """Chunks moved, doubled or taken out, the manifest and the trailer too."""
    parts = taken_apart(made(tmp_path, "a"))
    for order in permutations(range(6)):
        if order != tuple(range(6)):
            sound = next(place for place in range(6) if order[place] != place)
            attack(
                replace(parts, chunks=[parts.chunks[at] for at in order]).joined(),
                BackupDamagedError,
                sound=max(sound - 1, 0),
            )
    for at, twice in product(range(6), range(6)):
        chunks = [*parts.chunks[: at + 1], parts.chunks[twice], *parts.chunks[at + 1 :]]
        attack(replace(parts, chunks=chunks).joined(), BackupDamagedError)
    for size in range(6):
        for kept in permutations(range(6), size):
            cut = kept == tuple(range(size))
            data = replace(parts, chunks=[parts.chunks[at] for at in kept]).joined()
            attack(data, BackupTruncatedError if cut else BackupDamagedError)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_every_splice(tmp_path: Path, attack: Attack, threads: int) -> None:
    """A chunk, a header or a prologue of another backup with the same key and the same rows."""
    parts, other = taken_apart(made(tmp_path, "a")), taken_apart(made(tmp_path, "b"))
    for mine, theirs in product(range(6), range(6)):
        chunks = [*parts.chunks[:mine], other.chunks[theirs], *parts.chunks[mine + 1 :]]
        attack(replace(parts, chunks=chunks).joined(), BackupDamagedError, sound=max(mine - 1, 0), threads=threads)
    for names in [("said",), ("slots",), ("mac",), ("said", "slots"), ("said", "mac"), ("slots", "mac"), ("chunks",)]:
        mixed = replace(parts, **{name: getattr(other, name) for name in names})
        attack(mixed.joined(), BackupDamagedError, sound=0, threads=threads)


def test_what_stands_behind_the_end(tmp_path: Path, attack: Attack) -> None:
    """A byte, a chunk, or another backup after the trailer."""
    data = made(tmp_path, "a")
    for more in [b"\0", b"\0" * 24, b"x" * 1000, taken_apart(data).chunks[1], taken_apart(data).chunks[-1], data]:
        attack(data + more, BackupDamagedError)


def test_every_field_of_a_head_with_its_checksum_mended(tmp_path: Path, attack: Attack) -> None:
    """Kind, index and lengths are bound by the seal, whatever the CRC says."""
    parts = taken_apart(made(tmp_path, "a"))
    values = (0, 1, 2, 3, 4, 5, 6, 63, 64, 65, 0xFFFF, 16 << 20, (16 << 20) + 1, 0x7FFFFFFF, 0xFFFFFFFF)
    for at, name, value in product(range(6), range(4), values):
        fields = list(struct.unpack(">IQII", parts.chunks[at][:20]))
        if fields[name] == value:
            continue
        fields[name] = value
        chunk = headed(*fields) + parts.chunks[at][24:]
        chunks = [*parts.chunks[:at], chunk, *parts.chunks[at + 1 :]]
        # A sealed part that is said to be longer may reach beyond the end; that it is cut off is then a fair word.
        expected = [BackupDamagedError, BackupTruncatedError] if name == 3 else [BackupDamagedError]
        attack(replace(parts, chunks=chunks).joined(), *expected, sound=max(at - 1, 0))


def edits(document: dict[str, object]) -> list[tuple[str, dict[str, object]]]:
    """The document with each part altered, taken out or of another kind, and with one that does not belong."""
    others: list[object] = [None, 0, 1, 65, -1, 1.5, True, "", "x", "0" * 32, "NONE", [], {}, {"x": 1}, "9" * 5000]
    found = [(name, {**document, name: value}) for name in document for value in others if value != document[name]]
    found += [(name, {key: document[key] for key in document if key != name}) for name in document]
    return [*found, ("more", {**document, "more": 1})]


def test_every_field_of_the_prologue_with_its_checksum_mended(tmp_path: Path, attack: Attack) -> None:
    """The file key binds every byte of the prologue; unknown words are told as a later version's."""
    parts = taken_apart(made(tmp_path, "a"))
    for name, document in edits(json.loads(parts.said)):
        words = name in ("type", "scope", "alg", "comp") and isinstance(document.get(name), str)
        expected = BackupVersionError if words and document[name] != "NONE" else BackupDamagedError
        if words and document[name] == "NONE" and name != "alg":
            expected = BackupVersionError
        attack(replace(parts, said=canonical(document)).joined(), expected, sound=0)
    for text in [b"", b"{", b"[]", b"null", b"\xff", b'{"a":NaN}', b"[" * 60_000, parts.said + b" ", b"9" * 60_000]:
        attack(replace(parts, said=text).joined(), BackupDamagedError, sound=0)


def test_every_field_of_a_slot_with_its_checksum_mended(tmp_path: Path, attack: Attack) -> None:
    """A slot under another name is another's key; anything else about it is damage."""
    parts = taken_apart(made(tmp_path, "a"))
    slot = json.loads(parts.slots)[0]
    for _, document in edits(slot):
        attack(replace(parts, slots=canonical([document])).joined(), BackupDamagedError, sound=0)
    for bit in range(48 * 8):
        box = bytearray.fromhex(slot["wrapped"])
        box[bit // 8] ^= 1 << bit % 8
        attack(replace(parts, slots=canonical([{**slot, "wrapped": box.hex()}])).joined(), BackupDamagedError, sound=0)
    attack(replace(parts, slots=canonical([{**slot, "kid": "0" * 16}])).joined(), BackupKeyWrongError, sound=0)
    attack(replace(parts, slots=canonical([slot, slot])).joined(), BackupDamagedError, sound=0)
    attack(replace(parts, slots=canonical([slot] * 33)).joined(), BackupDamagedError, sound=0)
    for bad in [{"t": 17}, {"t": 0}, {"p": 17}, {"m": 262_145}, {"m": 31}, {"salt": "0"}, {"name": "x"}, {"m": True}]:
        kdf = {"name": "argon2id", "t": 3, "m": 65536, "p": 4, "salt": "00" * 16, **bad}
        attack(replace(parts, slots=canonical([{**slot, "kdf": kdf}])).joined(), BackupDamagedError, sound=0)


def test_without_allowance_no_forgery_without_encryption(tmp_path: Path) -> None:
    """Who puts an unencrypted backup in the place of an encrypted one gets nowhere with a ring that has keys."""
    made(tmp_path, "n", "NONE")
    with pytest.raises(BackupUnencryptedError), BackupReader(tmp_path / "n.sdbk", KeyRing(SITE.keys)):
        pass


@given(st.data())
def test_whatever_else_is_done(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Any few runs of bytes overwritten, put in, taken out or copied from elsewhere, at any place, read by threads."""
    folder = tmp_path_factory.getbasetemp()
    alg = data.draw(st.sampled_from(["A256GCM", "C20P", "NONE"]))
    whole, other = made_once(folder, "x", alg), made_once(folder, "y", alg)
    mutated = whole
    for _ in range(data.draw(st.integers(1, 3))):
        at, size = data.draw(st.integers(0, len(mutated))), data.draw(st.integers(0, 40))
        source = data.draw(st.integers(0, len(other)))
        put = data.draw(st.sampled_from([b"", bytes(size), other[source : source + size]]) | st.binary(max_size=40))
        mutated = mutated[:at] + put + mutated[at + data.draw(st.integers(0, 40)) :]
    if mutated != whole:
        attack = Attack(folder)
        every = (BackupDamagedError, BackupTruncatedError, NotABackupError, BackupVersionError)
        attack(mutated, *every, threads=data.draw(st.sampled_from([1, 3])))


def made_once(folder: Path, name: str, alg: str) -> bytes:
    """A backup that is made when it is first asked for."""
    path = folder / f"{name}-{alg}.sdbk"
    return path.read_bytes() if path.exists() else made(folder, f"{name}-{alg}", alg)
