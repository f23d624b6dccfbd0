"""What is written comes back, bit for bit, with the right key and only with it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sodaf_migrate.backup.container import BackupReader, BackupWriter, Prologue, new_prologue, read_prologue, rotate
from sodaf_migrate.backup.keys import UNENCRYPTED, KeyRing, generate_key, passphrase_key
from sodaf_migrate.errors import BackupKeyMissingError, BackupKeyWrongError, BackupUnencryptedError

RING = KeyRing((generate_key(),))


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
