"""What is written comes back, bit for bit, with the right key and only with it."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sodaf_migrate.backup.container import (
    BackupReader,
    BackupWriter,
    Parent,
    Prologue,
    new_prologue,
    read_prologue,
    rotate,
)
from sodaf_migrate.backup.keys import UNENCRYPTED, Key, KeyRing, passphrase_key
from sodaf_migrate.errors import BackupKeyMissingError, BackupKeyWrongError, BackupUnencryptedError
from tests.oracle.container import read_container

SECRET = os.urandom(32)
RING = KeyRing((Key(SECRET),))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def prologue(**more: object) -> Prologue:
    """The prologue of a small full backup."""
    values = {"type": "FULL", "scope": "table", "doctype": "Customer", "about": {"rows": 3}, **more}
    return new_prologue(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 1000, 5 << 20])
@pytest.mark.parametrize("alg", ["A256GCM", "C20P", "NONE"])
@pytest.mark.parametrize("threads", [1, 3])
def test_what_is_written_is_read(tmp_path: Path, size: int, alg: str, threads: int) -> None:
    """Payload, manifest, trailer, prologue: each as it was given."""
    payload, path = os.urandom(size), tmp_path / "a.sdbk"
    ring = UNENCRYPTED if alg == "NONE" else RING
    said = prologue(alg=alg, chunk=64 if size < 10_000 else 1 << 20)
    with BackupWriter(path, said, ring, threads=threads) as writer:
        writer.manifest({"sql": "CREATE"})
        writer.write(payload[:10])
        writer.write(memoryview(payload)[10:])
        written = writer.finish({"rows": 3})
    assert written.plain_bytes == size and written.size == path.stat().st_size
    with BackupReader(path, ring, threads=threads) as reader:
        assert b"".join(reader.chunks()) == payload
        assert (reader.manifest, reader.trailer, reader.prologue) == ({"sql": "CREATE"}, {"rows": 3}, said)
    assert read_prologue(path) == said
    assert [item.name for item in tmp_path.iterdir()] == ["a.sdbk"]


@given(st.data())
def test_however_it_is_cut_into_writes(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Any pieces, chunk size, level, threads and public facts; and another program reads the same."""
    path = tmp_path_factory.mktemp("cut") / "a.sdbk"
    pieces = data.draw(st.lists(st.binary(max_size=300), max_size=8))
    facts = data.draw(st.dictionaries(st.text(max_size=9), JSON, max_size=3))
    said = prologue(
        chunk=data.draw(st.integers(64, 400)), about=facts, alg=data.draw(st.sampled_from(["A256GCM", "C20P"]))
    )
    level, threads = data.draw(st.sampled_from([-5, 1, 3, 19])), data.draw(st.sampled_from([1, 2, 5]))
    with BackupWriter(path, said, RING, level=level, threads=threads) as writer:
        writer.manifest(facts)
        for piece in pieces:
            reused = bytearray(piece)
            writer.write(reused)
            reused[:] = bytes(len(reused))  # what the caller does with its buffer afterwards is its own affair
        writer.finish(facts)
    with BackupReader(path, RING, threads=threads) as reader:
        twice = [b"".join(reader.chunks()) for _ in range(2)]
        assert twice == [b"".join(pieces)] * 2
        assert (reader.manifest, reader.trailer, reader.prologue) == (facts, facts, said)
    found = read_container(path.read_bytes(), SECRET)
    assert (found.payload, found.manifest, found.trailer) == (twice[0], facts, facts)


def test_facts_that_have_no_room_are_kept_with_the_manifest(tmp_path: Path) -> None:
    """The largest go first, until the rest fits; without the key their names are seen, with it all of them."""
    facts = {"rows": 3, "schema": "é" * 40_000, "more": "x" * 30_000, "other": "y" * 30_000}
    said = prologue(about=facts)
    assert said.omitted == ("schema",)
    with BackupWriter(tmp_path / "a.sdbk", said, RING) as writer:
        writer.manifest({})
        writer.finish({})
    seen = read_prologue(tmp_path / "a.sdbk")
    assert (set(seen.about), seen.omitted) == ({"rows", "more", "other"}, ("schema",))
    with BackupReader(tmp_path / "a.sdbk", RING) as reader:
        assert reader.prologue.about == facts
        assert reader.prologue.digest == seen.digest == said.digest


@pytest.mark.parametrize(
    "wrong", [{"type": "X"}, {"scope": "X"}, {"alg": "X"}, {"chunk": 63}, {"chunk": 1 << 25}, {"type": "INCREMENTAL"}]
)
def test_what_the_format_does_not_have(wrong: dict[str, object]) -> None:
    """A prologue that no reader would take is not made."""
    with pytest.raises(ValueError, match=r"must be|belongs"):
        prologue(**wrong)


def test_a_child_names_its_parent() -> None:
    """By id and by the SHA-256 of its prologue; only an incremental backup has one."""
    parent = prologue()
    child = prologue(type="INCREMENTAL", parent=parent)
    assert child.parent == Parent(parent.id, sha256(parent.encoded).hexdigest())
    with pytest.raises(ValueError, match="belongs"):
        prologue(parent=parent)


def test_keys_are_told_apart(tmp_path: Path) -> None:
    """No key, another key, a passphrase, and an unencrypted file: each says its own."""
    path, words = tmp_path / "a.sdbk", KeyRing((passphrase_key("correct horse"),))
    with BackupWriter(path, prologue(), words) as writer:
        writer.manifest({})
        writer.finish({})
    for ring, error in ((KeyRing(), BackupKeyMissingError), (RING, BackupKeyWrongError)):
        with pytest.raises(error), BackupReader(path, ring):
            pass
    rotate(path, words, RING)
    with BackupReader(path, RING) as reader:
        assert list(reader.chunks()) == []
    with pytest.raises(BackupKeyWrongError), BackupReader(path, words):
        pass
    plain = tmp_path / "b.sdbk"
    with BackupWriter(plain, prologue(), UNENCRYPTED) as writer:
        writer.manifest({})
        writer.finish({})
    with pytest.raises(BackupUnencryptedError), BackupReader(plain, RING):
        pass
