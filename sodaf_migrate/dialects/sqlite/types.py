"""Declared types: how they are written, and what SQLite makes of them (datatype3.html, section 3.1)."""

from __future__ import annotations

import re
from functools import lru_cache

from sodaf_migrate.dialects.sqlite.lexer import tokenize, upper

__all__ = ["affinity", "agrees", "canonical", "declared", "is_integer", "is_strict_type"]

_COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*", re.DOTALL)
_STRICT = frozenset({"INT", "INTEGER", "REAL", "TEXT", "BLOB", "ANY"})


def declared(neutral: str) -> str:
    """The declared type of a neutral one: "varchar(140)" gives "VARCHAR(140)"; a declared type stays as it is."""
    return canonical(neutral)


@lru_cache(maxsize=4096)  # a database has few types and many columns
def canonical(sql: str) -> str:
    """A type in upper case with single blanks and none inside its brackets; quoted words are kept as they are.

    So are comments, which SQLite takes for a part of the type, even for its affinity. Raises SchemaParseError for a
    malformed token.
    """
    text, place = "", 0
    for token in tokenize(sql):
        glued = token.kind in ("op", "number") or text.endswith(("(", ",", "-", "+"))
        word = token.text if token.kind in ("quoted", "string") else upper(token.text)
        comments = _comments(sql[place : token.start])
        text += comments + word if comments or glued or not text else f" {word}"
        place = token.end
    return text + _comments(sql[place:]).rstrip(" ")


def _comments(gap: str) -> str:
    return "".join(
        f" {comment.rstrip()}\n" if comment[0] == "-" else f" {comment} " for comment in _COMMENT.findall(gap)
    )


def agrees(declared: str, reported: str) -> bool:
    """Whether a canonical declared type is what ``PRAGMA table_xinfo`` reports as ``reported``."""
    if declared[:1] in _QUOTES and declared:
        return _squeezed(_unquoted(declared)) == _squeezed(reported)
    return canonical(reported) == declared


def is_integer(declared: str) -> bool:
    """Whether the type is INTEGER and no other, which makes a primary key of one column the rowid itself."""
    return _standard(declared) == "INTEGER"


def _standard(declared: str) -> str:
    """A type as SQLite looks for its standard names: without the quotes around the whole of it (sqlite3DequoteToken).

    It looks for no closing bracket, so "[blob] int" is the type "blob] in" to it.
    """
    if declared[:1] not in _QUOTES or not declared:
        return declared
    inside = declared[1:-1]
    return declared if any(mark in inside for mark in _QUOTES) else upper(inside)


def _unquoted(declared: str) -> str:
    """A type as SQLite keeps it: of one that only begins with quotes, what is in them (sqlite3Dequote)."""
    name = _standard(declared)
    return upper(tokenize(name)[0].name) if name[:1] in _QUOTES and name else name


def _squeezed(text: str) -> str:
    return upper("".join(text.split()))


def affinity(declared: str, *, strict: bool = False) -> str:
    """TEXT, NUMERIC, INTEGER, REAL or BLOB, by SQLite's rules; ANY means BLOB (no conversion) in a STRICT table."""
    name = upper(_unquoted(declared))
    if not name or (strict and name == "ANY"):
        return "BLOB"
    for part, result in _AFFINITIES:
        if part in name:
            return result
    return "NUMERIC"


_QUOTES = ("'", '"', "[", "`")

# In SQLite's order: the first that occurs anywhere in the type decides.
_AFFINITIES = (
    ("INT", "INTEGER"),
    ("CHAR", "TEXT"),
    ("CLOB", "TEXT"),
    ("TEXT", "TEXT"),
    ("BLOB", "BLOB"),
    ("REAL", "REAL"),
    ("FLOA", "REAL"),
    ("DOUB", "REAL"),
)


def is_strict_type(declared: str) -> bool:
    """Whether a STRICT table accepts the type."""
    return _standard(declared) in _STRICT
