"""Files by somebody who has the key and does not keep to the format: every seal fits, and still nothing is believed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import zstandard

from sodaf_migrate.backup import cipher, header
from sodaf_migrate.backup.chunks import DATA, FINAL, MANIFEST
from sodaf_migrate.backup.container import BackupReader
from sodaf_migrate.backup.keys import Key, KeyRing
from sodaf_migrate.backup.pipeline import Pipeline
from sodaf_migrate.backup.prologue import canonical, parse_prologue
from sodaf_migrate.errors import BackupDamagedError
from tests.backup.make_vectors import SECRET, counted, headed, prologue

SITE = KeyRing((Key(SECRET),))
FIRST = (MANIFEST, canonical({"about": {}, "manifest": {}}))


def frame(data: bytes) -> bytes:
    """One honest frame."""
    return zstandard.ZstdCompressor().compress(data)


def last(chunks: int, size: int, **more: Any) -> tuple[int, bytes]:
    """A trailer that says so."""
    return FINAL, canonical({"chunks": chunks, "plain_bytes": size, "trailer": {}, **more})


def forged(*chunks: tuple[int, bytes] | tuple[int, bytes, int]) -> bytes:
    """A file of these chunks: (kind, contents), or (kind, frame, the plain length that its head tells)."""
    said = prologue("forged", chunk=64)
    file_key = counted("forged/key")(32)
    data = header.encode_header(said, header.lock(SITE, file_key, said), file_key)
    sealer = cipher.payload_cipher(file_key, said)
    for index, (kind, contents, *told) in enumerate(chunks):
        sealed = contents if told else frame(contents)
        head = headed(kind, index, told[0] if told else len(contents), len(sealed) + 16)
        data += head + sealer.seal(head, sealed)
    return data


def read(folder: Path, data: bytes) -> list[bytes]:
    """What is given out of it."""
    (folder / "a.sdbk").write_bytes(data)
    with BackupReader(folder / "a.sdbk", SITE, threads=2) as reader:
        return list(reader.chunks())


def test_what_keeps_to_the_format_is_read(tmp_path: Path) -> None:
    """Otherwise the refusals below would prove nothing."""
    good = forged(FIRST, (DATA, bytes(64)), (DATA, b"x"), last(2, 65))
    assert read(tmp_path, good) == [bytes(64), b"x"]


@pytest.mark.parametrize(
    "chunks",
    [
        [(DATA, b"x"), last(1, 1)],
        [(FINAL, b"{}")],
        [(DATA, FIRST[1]), (DATA, b"x"), last(1, 1)],
        [FIRST, FIRST, last(1, len(FIRST[1]))],
        [FIRST, (3, b"x"), last(1, 1)],
        [FIRST, (DATA, b"x"), (DATA, b"y"), last(2, 2)],
        [FIRST, (DATA, bytes(65)), last(1, 65)],
        [FIRST, (DATA, b"x"), last(2, 1)],
        [FIRST, (DATA, b"x"), last(1, 2)],
        [FIRST, (DATA, b"x"), (FINAL, b"[]")],
        [FIRST, (DATA, b"x"), (FINAL, b"\xff")],
        [FIRST, (DATA, b"x"), last(1, 1, trailer=None)],
        [(MANIFEST, b"[]"), last(0, 0)],
        [(MANIFEST, b"{}"), last(0, 0)],
        [(MANIFEST, canonical({"about": {"rows": 1}, "manifest": {}})), last(0, 0)],
        [(MANIFEST, canonical({"about": {}, "manifest": []})), last(0, 0)],
        [FIRST, (DATA, frame(b"x") + b"x", 1), last(1, 1)],
        [FIRST, (DATA, frame(b"x") * 2, 1), last(1, 1)],
        [FIRST, (DATA, frame(bytes(60)), 64), last(1, 64)],
        [FIRST, (DATA, frame(bytes(64)), 60), last(1, 60)],
        [FIRST, (DATA, frame(bytes(1 << 20)), 64), last(1, 64)],
        [FIRST, (DATA, b"no frame at all", 10), last(1, 10)],
        [FIRST, (DATA, zstandard.ZstdCompressor(write_content_size=False).compress(b"x" * 9), 9), last(1, 9)],
    ],
)
def test_what_does_not_keep_to_the_format(tmp_path: Path, chunks: list[Any]) -> None:
    """Kinds out of place, short chunks in the middle, trailers that miscount, documents and frames that lie."""
    with pytest.raises(BackupDamagedError):
        read(tmp_path, forged(*chunks))


def test_a_prologue_has_one_spelling() -> None:
    """The same facts in another spelling are refused: children name their parent by the hash of its spelling."""
    spelled = prologue("a").encoded
    assert parse_prologue(spelled).encoded == spelled
    for other in (spelled + b" ", spelled.replace(b'":', b'": ', 1), spelled.replace(b"Customer", b"\\u0043ustomer")):
        with pytest.raises(BackupDamagedError):
            parse_prologue(other)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_only_a_few_chunks_are_under_way(threads: int) -> None:
    """However fast work is handed in, it waits for what has to come out first; in order, also before a fault."""
    handed, given = 0, []

    def works(until: int) -> Iterator[Any]:
        nonlocal handed
        for number in range(50):
            if number == until:
                raise RuntimeError("found while looking for the next")
            handed += 1
            yield partial(int, number)

    pipeline: Pipeline[int] = Pipeline(threads)
    for number in pipeline.run(works(99)):
        given.append(number)
        assert handed - len(given) <= threads
    assert given == list(range(50))
    handed, given = 0, []
    with pytest.raises(RuntimeError):
        for number in pipeline.run(works(7)):
            given.append(number)
    assert given == list(range(7))
    pipeline.close()
