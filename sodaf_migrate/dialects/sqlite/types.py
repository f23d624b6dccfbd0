"""Declared types: how they are written, and what SQLite makes of them (datatype3.html, section 3.1)."""

from __future__ import annotations

from functools import lru_cache

from sodaf_migrate.dialects.sqlite.lexer import tokenize, upper

__all__ = ["affinity", "agrees", "canonical", "declared", "is_integer", "is_strict_type"]

_STRICT = frozenset({"INT", "INTEGER", "REAL", "TEXT", "BLOB", "ANY"})


def declared(neutral: str) -> str:
    """The declared type of a neutral one: "varchar(140)" gives "VARCHAR(140)"; a declared type stays as it is."""
    return canonical(neutral)


@lru_cache(maxsize=4096)  # a database has few types and many columns
def canonical(sql: str) -> str:
    """A type in upper case with single blanks and none inside its brackets; quoted words are kept as they are.

    Raises SchemaParseError for a malformed token.
    """
    text = ""
    for token in tokenize(sql):
        glued = token.kind in ("op", "number") or text.endswith(("(", ",", "-", "+"))
        text += ("" if glued or not text else " ") + (
            token.text if token.kind in ("quoted", "string") else upper(token.text)
        )
    return text


def agrees(declared: str, reported: str) -> bool:
    """Whether a canonical declared type is what ``PRAGMA table_xinfo`` reports as ``reported``."""
    first = tokenize(declared)[:1]
    if first and first[0].kind in ("quoted", "string"):
        return upper(reported) == upper(first[0].name)
    return canonical(reported) == declared


def is_integer(declared: str) -> bool:
    """Whether the type is INTEGER and no other, which makes a primary key of one column the rowid itself."""
    return _standard(declared) == "INTEGER"


def _standard(declared: str) -> str:
    tokens = tokenize(declared)
    return upper(tokens[0].name) if len(tokens) == 1 else ""


def _unquoted(declared: str) -> str:
    tokens = tokenize(declared)
    if tokens and tokens[0].kind in ("quoted", "string"):
        return upper(tokens[0].name)  # all that follows is lost: sqlite3Dequote stops at the closing quote
    return declared


def affinity(declared: str, *, strict: bool = False) -> str:
    """TEXT, NUMERIC, INTEGER, REAL or BLOB, by SQLite's rules; ANY means BLOB (no conversion) in a STRICT table."""
    name = upper(_unquoted(declared))
    if not name or (strict and name == "ANY"):
        return "BLOB"
    for part, result in _AFFINITIES:
        if part in name:
            return result
    return "NUMERIC"


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
