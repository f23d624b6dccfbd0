"""The program that writes one state of a database file to its standard output, page by page; only ever run by itself.

    python page_stream.py DATABASE PAGE_SIZE PAGES FRAMES

The first ``FRAMES`` frames of the log beside the file belong to that state; of each page the last of them counts
(sqlite.org/fileformat2.html section 4). It takes no lock: whoever starts it sees to it that nobody changes what it
reads. It imports the standard library alone, so that it is there within milliseconds, and exits with 3 where what it
reads is not what it was told.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

__all__ = ["main", "write_pages"]

_AT_ONCE = 1 << 20  # bytes: of a pipe
_HEADER, _FRAME = 32, 24  # bytes
_MAGIC = (0x377F0682, 0x377F0683)


def write_pages(path: str, page_size: int, pages: int, frames: int, out: int) -> bool:
    """Writes ``pages`` pages to the descriptor ``out``; says whether the files were what they had to be."""
    source = os.open(path, os.O_RDONLY)
    log, places = -1, {}
    try:
        if frames:
            log = os.open(os.path.realpath(path) + "-wal", os.O_RDONLY)
            found = _places(log, page_size, frames)
            if found is None:
                return False
            places = found
        hand_on = _spliced if hasattr(os, "splice") else _copied
        done = 0
        for page in sorted(number for number in places if number <= pages):
            _from_file(source, out, done * page_size, (page - 1) * page_size, hand_on, True)
            _copied(log, out, places[page], page_size)
            done = page
        return _from_file(source, out, done * page_size, pages * page_size, hand_on, bool(frames))
    finally:
        os.close(source)
        if log >= 0:
            os.close(log)


def _places(log: int, page_size: int, frames: int) -> dict[int, int] | None:
    """Where in the log the last frame of each page has its content; None for a log that is another."""
    header = os.pread(log, _HEADER, 0)
    if int.from_bytes(header[:4], "big") not in _MAGIC or int.from_bytes(header[8:12], "big") != page_size:
        return None
    found, head = {}, b""
    for frame in range(frames):
        at = _HEADER + frame * (_FRAME + page_size)
        head = os.pread(log, _FRAME, at)
        if len(head) < _FRAME or head[8:16] != header[16:24]:
            return None  # the salts: every frame of one log has those of its header
        found[int.from_bytes(head[:4], "big")] = at + _FRAME
    return found if int.from_bytes(head[4:8], "big") else None  # the last one has to end a transaction


def _from_file(
    source: int, out: int, start: int, end: int, hand_on: Callable[[int, int, int, int], int], logged: bool
) -> bool:
    """Hands on the bytes from ``start`` to ``end``. What a log makes a file larger by and never wrote is zeros."""
    while start < end:
        done = hand_on(source, out, start, min(end - start, _AT_ONCE))
        if not done:
            if not logged:
                return False
            _write(out, bytes(min(end - start, _AT_ONCE)))
            done = min(end - start, _AT_ONCE)
        start += done
    return True


def _spliced(source: int, out: int, start: int, length: int) -> int:
    try:
        return os.splice(source, out, length, offset_src=start)  # no copy: the pages themselves go into the pipe
    except OSError:
        return _copied(source, out, start, length)  # a file system that cannot


def _copied(source: int, out: int, start: int, length: int) -> int:
    data = os.pread(source, length, start)
    _write(out, data)
    return len(data)


def _write(out: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(out, view) :]


def main(arguments: list[str]) -> int:
    """The exit code: 0, or 3."""
    path, page_size, pages, frames = arguments
    return 0 if write_pages(path, int(page_size), int(pages), int(frames), 1) else 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
