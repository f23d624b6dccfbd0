"""SQLite's tokenizer, rule for rule (``sqlite3GetToken`` in tokenize.c), and the canonical form of tokens.

Blanks and comments give no tokens, but every token keeps its place, so a text can be edited between them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from sodaf_migrate.errors import SchemaParseError
from sodaf_migrate.schema.model import fold

__all__ = ["RESERVED", "Token", "ends_in_comment", "key", "tokenize", "upper"]

# Words that cannot be a name unless they are quoted. The others (KEY, ACTION, DESC, …) fall back to names wherever
# the grammar has no other use for them (%fallback in parse.y).
_RESERVED_WORDS = (
    "ADD ALL ALTER AND AS AUTOINCREMENT BETWEEN CASE CHECK COLLATE COMMIT CONSTRAINT CREATE DEFAULT DEFERRABLE DELETE "
    "DISTINCT DROP ELSE ESCAPE EXISTS FOREIGN FROM GROUP HAVING IN INDEX INSERT INTO IS ISNULL JOIN LIMIT NOT "
    "NOTHING NOTNULL NULL ON OR ORDER PRIMARY REFERENCES RETURNING SELECT SET TABLE THEN TO TRANSACTION UNIQUE UPDATE "
    "USING VALUES WHEN WHERE EXCEPT INTERSECT UNION"
)
RESERVED = frozenset(_RESERVED_WORDS.split())

# Words that mean something else bare than quoted in a place where both are legal: FROM a LEFT JOIN b, DEFAULT TRUE.
_FACED = "CROSS CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP FALSE FULL INNER LEFT NATURAL OUTER RIGHT TRUE"
_TWO_FACED = RESERVED | frozenset(_FACED.split())

_DIGITS = "[0-9](?:_?[0-9])*"
_WORD_CHAR = "[A-Za-z0-9_$\u0080-\U0010ffff]"
_TOKEN = re.compile(
    rf"""
    (?> [ \t\n\f\r][ \t\n\v\f\r]* | \ufeff | --[^\n]* | /\*(?=.)(?> .*?\*/ | .* ) )*+
    (?:
      (?P<word> (?![xX]') [A-Za-z_\u0080-\U0010ffff]{_WORD_CHAR}*+ )
    | (?P<op> ->>? | \|\|? | <[<=>]? | >[>=]? | ==? | != | \.(?![0-9]) | [-+*/%&~,();] )
    | (?P<number> (?> 0[xX][0-9a-fA-F](?:_?[0-9a-fA-F])*
                    | (?: {_DIGITS}(?:\.(?:{_DIGITS})?)? | \.{_DIGITS} ) (?:[eE][+-]?{_DIGITS})? ) (?!{_WORD_CHAR}) )
    | (?P<string> '(?:[^']|'')*+' )
    | (?P<quoted> "(?:[^"]|"")*+" | `(?:[^`]|``)*+` | \[[^\]]*+\] )
    | (?P<blob> [xX]'(?:[0-9a-fA-F]{{2}})*' )
    | (?P<variable> \?[0-9]*+ | [@\#:$](?>(?:{_WORD_CHAR}|::)+)(?:\([^\s)]*\))? )
    | (?P<bad> . )
    | (?P<end> \Z )
    )
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*\n|(?P<open>/\*|--)", re.DOTALL)
_BARE = re.compile("[A-Z_\u0080-\U0010ffff][A-Z0-9_$\u0080-\U0010ffff]*")
_SAME = {"==": "=", "<>": "!="}


class Token(NamedTuple):
    """One token and where it stands: ``kind`` is word, quoted, string, number, blob, variable or op."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """A bare word in upper case, "" for anything else: what keywords are compared with."""
        return upper(self.text) if self.kind == "word" else ""

    @property
    def name(self) -> str:
        """What the token names once its quotes are off."""
        if self.kind not in ("quoted", "string"):
            return self.text
        mark = self.text[0]
        inside = self.text[1:-1]
        return inside if mark == "[" else inside.replace(mark + mark, mark)


def upper(text: str) -> str:
    """``text`` with ASCII letters raised and nothing else, as SQLite compares words."""
    if text.isascii():
        return text.upper()
    return "".join(chr(ord(char) - 32) if "a" <= char <= "z" else char for char in text)


def tokenize(sql: str) -> tuple[Token, ...]:
    """The tokens of ``sql`` without blanks and comments. Raises SchemaParseError, naming the offset, if malformed."""
    if "\0" in sql:
        raise _malformed(sql, sql.index("\0"), "a NUL character")
    tokens: list[Token] = []
    add, new = tokens.append, tuple.__new__  # a database has a million tokens: this is half of the loop's time
    for match in _TOKEN.finditer(sql):
        kind = match.lastgroup
        if kind == "end":
            break
        end = match.end()
        if kind == "bad" or kind is None:
            raise _malformed(sql, end - 1, f'"{sql[end - 1 : end + 19]}"')
        text = match[kind]
        add(new(Token, (kind, text, end - len(text), end)))
    return tuple(tokens)


def key(sql: str | Sequence[Token], names: Collection[str] | None = None) -> str:
    """The canonical form of SQL: equal for texts that differ in blanks, comments, case or quoting of names only.

    ``names`` holds the folded names of the columns in scope: SQLite reads a double-quoted word that is none of them
    as a string, so it is keyed as one. Without ``names`` every double-quoted word is taken for a name.
    """
    tokens = tokenize(sql) if isinstance(sql, str) else sql
    if names is None:
        return " ".join(map(_canonical, tokens))
    return " ".join(
        _as_string(token.name) if _is_string(tokens, place, names) else _canonical(token)
        for place, token in enumerate(tokens)
    )


def ends_in_comment(text: str) -> bool:
    """Whether what is written right after ``text`` would be part of a ``--`` comment."""
    last = 0
    for match in _TOKEN.finditer(text):
        if match.lastgroup != "end":
            last = match.end()
    # Only blanks and comments stand after the last token.
    return any(match["open"] for match in _COMMENT.finditer(text, last))


def _canonical(token: Token) -> str:
    kind, text = token.kind, token.text
    if kind == "word":
        return upper(text)
    if kind == "op":
        return _SAME.get(text, text)
    if kind == "quoted":
        return _name_key(token.name)
    if kind == "number":
        return text.replace("_", "").lower()
    return text.lower() if kind == "blob" else text


def _name_key(name: str) -> str:
    raised = upper(name)
    if _BARE.fullmatch(raised) and raised not in _TWO_FACED:
        return raised
    return '"' + raised.replace('"', '""') + '"'


def _as_string(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _is_string(tokens: Sequence[Token], place: int, names: Collection[str]) -> bool:
    token = tokens[place]
    if token.kind != "quoted" or token.text[0] != '"' or fold(token.name) in names:
        return False
    before = tokens[place - 1] if place else None
    after = tokens[place + 1].text if place + 1 < len(tokens) else ""
    if after in (".", "("):  # a qualifier or a function
        return False
    return before is None or (before.text != "." and before.word not in ("COLLATE", "AS"))


def _malformed(sql: str, offset: int, what: str) -> SchemaParseError:
    return SchemaParseError(
        f"The SQL text cannot be read: {what} at offset {offset} starts no token that SQLite knows.",
        hint="Look at the text in sqlite_schema: a quote may be left open, or a number run into a word.",
        details={"offset": offset, "sql": sql},
    )
