"""The chunks of a backup: one head of 24 bytes and one sealed zstd frame each, that stand on their own."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import zstandard

from sodaf_migrate.backup.cipher import TAG_BYTES, Cipher
from sodaf_migrate.errors import BackupDamagedError

__all__ = ["DATA", "DOCUMENT_LIMIT", "FINAL", "HEAD_BYTES", "MANIFEST", "ChunkHead", "open_chunk", "parse_head"]
__all__ += ["seal_chunk"]

#: Kinds: a piece of the payload, the trailer that ends the file, the manifest that comes first.
DATA, FINAL, MANIFEST = 0, 1, 2
#: The largest manifest and trailer, in bytes of JSON.
DOCUMENT_LIMIT = 16 << 20

# Nonce (kind, index), plain length, sealed length; then CRC-32 of these.
_HEAD = struct.Struct(">IQIII")
HEAD_BYTES = _HEAD.size
# A frame of n bytes never needs a larger window than the largest chunk.
_WINDOW = 16 << 20
_AGAIN = "Take another copy of the backup, and check the device."


@dataclass(frozen=True, slots=True)
class ChunkHead:
    """What a chunk says of itself; ``encoded`` is bound into its seal. Lengths are in bytes."""

    kind: int
    index: int
    plain: int
    sealed: int
    encoded: bytes


def seal_chunk(cipher: Cipher, kind: int, index: int, data: bytes | bytearray | memoryview, level: int) -> bytes:
    """One chunk as it stands in the file: compressed, then sealed together with its head."""
    frame = zstandard.ZstdCompressor(level=level).compress(data)
    head = _HEAD.pack(kind, index, len(data), len(frame) + TAG_BYTES, 0)[:-4]
    head += zlib.crc32(head).to_bytes(4, "big")
    return head + cipher.seal(head, frame)


def parse_head(encoded: bytes, index: int, limit: int) -> ChunkHead:
    """The head that has to be chunk ``index``; ``limit`` is the most bytes of payload in a data chunk.

    Raises BackupDamagedError where it is damaged, another's, or claims a length that no chunk has.
    """
    kind, found, plain, sealed, crc = _HEAD.unpack(encoded)
    if crc != zlib.crc32(encoded[:-4]):
        raise BackupDamagedError(f"the head of chunk {index} of the backup is damaged", hint=_AGAIN)
    if found != index or kind not in (DATA, FINAL, MANIFEST) or (kind == MANIFEST) != (index == 0):
        raise BackupDamagedError(f"where chunk {index} of the backup belongs, another stands", hint=_AGAIN)
    most = limit if kind == DATA else DOCUMENT_LIMIT
    if not 1 <= plain <= most or not TAG_BYTES < sealed <= _bound(plain) + TAG_BYTES:
        raise BackupDamagedError(f"chunk {index} of the backup claims a length that none has", hint=_AGAIN)
    return ChunkHead(kind, found, plain, sealed, encoded)


def open_chunk(cipher: Cipher, head: ChunkHead, sealed: bytes) -> bytes:
    """What was put into the chunk. Nothing is decompressed before its tag is right, nor beyond what the head says.

    Raises BackupDamagedError.
    """
    frame = cipher.open(head.encoded, sealed)
    if frame is None:
        raise BackupDamagedError(f"chunk {head.index} of the backup was altered: its seal does not fit", hint=_AGAIN)
    try:
        # zstandard ignores max_output_size where the frame tells its size, so that is what has to be looked at first.
        told = zstandard.get_frame_parameters(frame)
        if told.content_size == head.plain and told.window_size <= _WINDOW and not told.dict_id:
            decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
            data = decompressor.decompress(frame, max_output_size=head.plain, allow_extra_data=False)
            if len(data) == head.plain:
                return data
    except zstandard.ZstdError:
        pass  # told below: to the reader it is the same whether a frame is broken or lies
    raise BackupDamagedError(f"chunk {head.index} of the backup does not hold what it says", hint=_AGAIN)


def _bound(length: int) -> int:
    """The most bytes that zstd makes of ``length``: a little above ZSTD_COMPRESSBOUND."""
    return length + (length >> 8) + 512
