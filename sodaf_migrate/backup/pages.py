"""Hashes of pages: an index says of each page of a database what it held, its root what the whole database was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256

__all__ = ["HASH_BYTES", "hash_of_page", "index_of", "pages_of", "root_of"]

HASH_BYTES = 16  # of SHA-256: two pages that differ are never met alike


def hash_of_page(page: bytes | memoryview) -> bytes:
    """The first 16 bytes of a page's SHA-256."""
    return sha256(page).digest()[:HASH_BYTES]


def pages_of(blocks: Iterable[bytes], page_size: int) -> Iterator[memoryview]:
    """The pages of a stream of bytes; the last one may be short."""
    rest = b""
    for block in blocks:
        data = memoryview(rest + block if rest else block)
        whole = len(data) - len(data) % page_size
        for start in range(0, whole, page_size):
            yield data[start : start + page_size]
        rest = bytes(data[whole:])
    if rest:
        yield memoryview(rest)


def index_of(blocks: Iterable[bytes], page_size: int) -> bytearray:
    """The hashes of all pages, one after the other, in 16 bytes for each: no object stands for a page."""
    index = bytearray()
    for page in pages_of(blocks, page_size):
        index += hash_of_page(page)
    return index


def root_of(index: bytes | bytearray, page_size: int) -> str:
    """The SHA-256 (hex) that stands for the whole database."""
    found = sha256(page_size.to_bytes(4, "big"))
    found.update(index)
    return found.hexdigest()
