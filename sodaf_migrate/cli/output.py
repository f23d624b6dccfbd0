"""Writing an answer into a file: whole or not at all, and never over the database."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from sodaf_migrate.errors import ConfigurationError

__all__ = ["write_file"]

_BESIDE = ("", "-wal", "-shm", "-journal")


def write_file(output: str, text: str, *, never: str | None) -> None:
    """Write ``text`` into the file ``output``, whose content it replaces in one step.

    ``never`` is the database: neither it nor what SQLite keeps beside it is ever written. Raises ConfigurationError.
    """
    path = Path(output)
    if "\0" in output or not path.name:
        raise ConfigurationError(f"{output!r} is not the path of a file", hint="Give --output a file.")
    if never is not None and any(_same(path, Path(never + ending)) for ending in _BESIDE):
        raise ConfigurationError(f'"{output}" is the database itself', hint="Give --output another file.")
    draft = path.parent / f".{path.name}.{secrets.token_hex(4)}"
    try:
        if path.exists() and not path.is_file():  # a pipe, or /dev/stdout: there is nothing to replace
            path.write_text(text, encoding="utf-8", newline="")
            return
        draft.write_text(text, encoding="utf-8", newline="")
        os.replace(draft, path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ConfigurationError(
            f'"{output}" cannot be written: {error.strerror}', hint="Check the folder and its permissions."
        ) from error


def _same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:  # one of them is not there
        return path.absolute() == other.absolute()
