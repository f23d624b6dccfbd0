"""How a pragma is spelled, and when two of its values are the same."""

from __future__ import annotations

from typing import Any

__all__ = ["read_pragma", "same_value", "set_pragma"]

#: Words that SQLite takes for a pragma but answers with a number (sqlite.org/pragma.html).
_WORDS = {
    "synchronous": {"off": "0", "normal": "1", "full": "2", "extra": "3"},
    "temp_store": {"default": "0", "file": "1", "memory": "2"},
}
_SWITCH = {"off": "0", "no": "0", "false": "0", "on": "1", "yes": "1", "true": "1"}


def read_pragma(name: str) -> str:
    """The statement that reads a pragma. Raises ValueError for what is no plain name."""
    return f"PRAGMA {_plain(name)}"


def set_pragma(name: str, value: Any) -> str:
    """The statement that sets a pragma to a number or a word. Raises ValueError for any other text."""
    word = str(int(value)) if isinstance(value, int) else _plain(str(value))
    return f"PRAGMA {_plain(name)} = {word}"


def same_value(name: str, found: Any, wanted: Any) -> bool:
    """Whether a pragma's value is the wanted one, however either is spelled; an unknown pragma has none."""
    return found is not None and _normal(name, found) == _normal(name, wanted)


def _normal(name: str, value: Any) -> str:
    text = str(int(value)) if isinstance(value, bool) else str(value).lower()
    return _WORDS.get(name.rpartition(".")[2], _SWITCH).get(text, text)


def _plain(word: str) -> str:
    if not (word.isascii() and word.replace("_", "").replace(".", "", 1).isalnum()):
        raise ValueError(f"{word!r} is not a plain word")
    return word
