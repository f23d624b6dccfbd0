"""What the files of definitions look like from outside, and whether their content is what it was."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from array import array
from collections.abc import Iterator

from sodaf_migrate.doctype.folder import json_files

__all__ = ["content_of", "folders_of", "is_path", "stamp_of"]


def folders_of(doctypes: object) -> tuple[str, ...]:
    """The absolute folders (or the one file) that a path or the dotted name of a package stands for.

    () for anything else (definitions that are in memory already), and for what is not there: reading it properly says
    what is wrong.
    """
    if isinstance(doctypes, os.PathLike) or (isinstance(doctypes, str) and is_path(doctypes)):
        return (os.path.abspath(os.fspath(doctypes)),)
    if isinstance(doctypes, str):
        try:
            spec = importlib.util.find_spec(doctypes)
        except (ImportError, ValueError, AttributeError):
            return ()
        return tuple(spec.submodule_search_locations or ()) if spec else ()
    return ()


def is_path(text: str) -> bool:
    """Whether a text names a place in the file system, and not a package: it is there, or no package is called so."""
    return os.path.exists(text) or not all(part.isidentifier() for part in text.split("."))


def stamp_of(folders: tuple[str, ...]) -> str:
    """A digest of path, size, modification and change time and inode of every definition file; "" if unreadable.

    The change time and the inode tell of a file that was replaced by one of the same size and modification time.
    """
    names: list[str] = []
    numbers = array("q")
    try:
        for entry in _entries(folders):
            state = entry.stat()
            names.append(entry.path)
            numbers.extend((state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino & 0x7FFFFFFFFFFFFFFF))
    except OSError:
        return ""
    digest = hashlib.sha256("\0".join(names).encode("utf-8", "surrogateescape"))
    digest.update(numbers.tobytes())
    return digest.hexdigest()


def content_of(folders: tuple[str, ...]) -> str:
    """A digest of path and content of every definition file; "" if unreadable."""
    digest = hashlib.sha256()
    try:
        for path in sorted(entry.path for entry in _entries(folders)):
            with open(path, "rb") as stream:
                content = stream.read()
            digest.update(f"{len(path)} {len(content)} ".encode())
            digest.update(path.encode("utf-8", "surrogateescape") + content)
    except OSError:
        return ""
    return digest.hexdigest()


def _entries(folders: tuple[str, ...]) -> Iterator[os.DirEntry[str]]:
    """The files that the loader of definitions reads, by its rules, in the order of the folder."""
    for folder in folders:
        if os.path.isfile(folder):
            yield from (entry for entry in os.scandir(os.path.dirname(folder)) if entry.path == folder)
        else:
            yield from json_files(folder)
