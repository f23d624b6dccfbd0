"""A small exact tokenizer of SQLite's SQL, and the canonical form in which two spellings of one text are equal.

A token is ``(kind, text)``: kind is one of ``id`` (a name, ASCII-folded, quoted or not), ``kw`` (a reserved word in
upper case), ``str`` (a string's value), ``num``, ``blob``, ``op``, ``var``. Comments and blanks are dropped. A
double-quoted word is a name where ``known`` holds it and else, as SQLite itself falls back, a string.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TypeAlias

Token: TypeAlias = tuple[str, str]
Tokens: TypeAlias = tuple[Token, ...]

#: Words that SQLite's grammar never takes as a bare name (its %fallback list aside), and the constants among names.
RESERVED = frozenset(
    [
        "ADD",
        "ALL",
        "ALTER",
        "AND",
        "AS",
        "AUTOINCREMENT",
        "BETWEEN",
        "CASE",
        "CHECK",
        "COLLATE",
        "COMMIT",
        "CONSTRAINT",
        "CREATE",
        "DEFAULT",
        "DEFERRABLE",
        "DELETE",
        "DISTINCT",
        "DROP",
        "ELSE",
        "ESCAPE",
        "EXCEPT",
        "EXISTS",
        "FOREIGN",
        "FROM",
        "GROUP",
        "HAVING",
        "IN",
        "INDEX",
        "INSERT",
        "INTERSECT",
        "INTO",
        "IS",
        "ISNULL",
        "JOIN",
        "LIMIT",
        "NOT",
        "NOTHING",
        "NOTNULL",
        "NULL",
        "ON",
        "OR",
        "ORDER",
        "PRIMARY",
        "REFERENCES",
        "RETURNING",
        "SELECT",
        "SET",
        "TABLE",
        "THEN",
        "TO",
        "TRANSACTION",
        "UNION",
        "UNIQUE",
        "UPDATE",
        "USING",
        "VALUES",
        "WHEN",
        "WHERE",
        "TRUE",
        "FALSE",
        "CURRENT_DATE",
        "CURRENT_TIME",
        "CURRENT_TIMESTAMP",
    ]
)

_LEXEME = re.compile(
    r"""(?P<blank>[ \t\n\f\r]+|--[^\n]*(?:\n|\Z)|/\*(?:.*?\*/|.*\Z))
      | (?P<blob>[xX]'[0-9a-fA-F]*')
      | (?P<string>'(?:[^']|'')*')
      | (?P<dquoted>"(?:[^"]|"")*")
      | (?P<quoted>`(?:[^`]|``)*`|\[[^\]]*\])
      | (?P<number>0[xX][0-9a-fA-F_]+|(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9][0-9_]*)?)
      | (?P<word>[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]*)
      | (?P<variable>\?[0-9]*|[@#:$][A-Za-z0-9_$\x80-\U0010ffff]+)
      | (?P<operator>->>|->|\|\||<<|>>|<=|>=|<>|!=|==|[-+*/%&|~<>=(),.;])""",
    re.VERBOSE | re.DOTALL,
)


class UnreadableSql(ValueError):
    """The text holds a character that no token of SQLite begins with."""


def fold(name: str) -> str:
    """``name`` as SQLite compares names: ASCII letters lowered and nothing else."""
    return re.sub("[A-Z]+", lambda match: match[0].lower(), name)


def raw_tokens(sql: str) -> list[tuple[str, str]]:
    """The tokens as (kind of lexeme, source text), comments and blanks dropped. Raises UnreadableSql."""
    found, at = [], 0
    while at < len(sql):
        match = _LEXEME.match(sql, at)
        if match is None:
            raise UnreadableSql(f"no token begins at {sql[at : at + 20]!r}")
        if match.lastgroup != "blank":
            found.append((str(match.lastgroup), match[0]))
        at = match.end()
    return found


def unquote(text: str) -> str:
    """The name or string that a token spells."""
    if text[:1] in ("'", '"', "`"):
        return text[1:-1].replace(text[0] * 2, text[0])
    return text[1:-1] if text[:1] == "[" else text


def canonical(lexeme: str, text: str, known: Collection[str] | None) -> Token:
    """One token in canonical form; ``known`` None takes every double-quoted word for a name."""
    if lexeme == "word":
        return ("kw", text.upper()) if text.upper() in RESERVED else ("id", fold(text))
    if lexeme == "dquoted":
        name = fold(unquote(text))
        return ("id", name) if known is None or name in known else ("str", unquote(text))
    if lexeme == "quoted":
        return ("id", fold(unquote(text)))
    if lexeme == "string":
        return ("str", unquote(text))
    kinds = {"number": "num", "blob": "blob", "variable": "var", "operator": "op"}
    return (kinds[lexeme], text.lower() if lexeme in ("number", "blob") else text)


def tokenize(sql: str, known: Collection[str] | None = None) -> Tokens:
    """The canonical tokens of ``sql``; what follows AS or COLLATE is a name whatever ``known`` says."""
    found: list[Token] = []
    for lexeme, text in raw_tokens(sql):
        naming = bool(found) and found[-1] in (("kw", "AS"), ("kw", "COLLATE"))
        found.append(canonical(lexeme, text, None if naming else known))
    return tuple(found)


def spell(tokens: Tokens) -> str:
    """The tokens as readable text, for sentences."""
    return " ".join(repr(text) if kind == "str" else text for kind, text in tokens)
