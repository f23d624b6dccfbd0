"""Which files of a folder hold definitions; light, for it is asked at every start of an application."""

from __future__ import annotations

import os
from collections.abc import Iterator

__all__ = ["json_files"]

_PASSED_OVER = frozenset({"__pycache__", "node_modules"})


def json_files(folder: str) -> Iterator[os.DirEntry[str]]:
    """The JSON files under ``folder`` at any depth; hidden ones are passed over.

    Links to folders are not followed, so no ring is walked. Raises OSError for a folder that cannot be read.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if not entry.name.startswith(".") and entry.name not in _PASSED_OVER:
                    yield from json_files(entry.path)
            elif entry.name.lower().endswith(".json") and not entry.name.startswith("."):
                yield entry
