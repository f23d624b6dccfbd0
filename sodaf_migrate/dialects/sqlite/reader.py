"""Walks over the tokens of one statement; whatever is not expected ends in a SchemaParseError that names the offset."""

from __future__ import annotations

from collections.abc import Sequence

from sodaf_migrate.dialects.sqlite.lexer import RESERVED, Token, key, tokenize, upper
from sodaf_migrate.errors import SchemaParseError
from sodaf_migrate.schema.model import Sql

__all__ = ["Reader", "outer_parentheses"]


class Reader:
    """A place in the tokens of ``sql``. ``words`` runs beside them: keywords in upper case, operators as they are."""

    def __init__(self, sql: str, what: str) -> None:
        self.sql = sql
        self.what = what
        tokens = tokenize(sql)
        end = tokens[-1].end if tokens else 0
        self.tokens = (*tokens, Token("end", "", end, end))
        self.words = tuple([_word(kind, text) for kind, text, _, _ in self.tokens])
        self.place = 0
        # SQLite lets a CONSTRAINT name count for every CHECK that follows, until a column or a comma ends its reach.
        self.sticky: str | None = None

    @property
    def token(self) -> Token:
        """The token that comes next."""
        return self.tokens[self.place]

    @property
    def word(self) -> str:
        """The next token as a keyword or operator, "" for any other."""
        return self.words[self.place]

    @property
    def before(self) -> Token:
        """The token that was read last."""
        return self.tokens[self.place - 1]

    def at(self, *words: str) -> bool:
        """Whether these words come next, in this order."""
        return self.words[self.place : self.place + len(words)] == words

    def take(self, *words: str) -> bool:
        """Step over these words if they come next, all of them or none."""
        if self.words[self.place : self.place + len(words)] != words:
            return False
        self.place += len(words)
        return True

    def take_one(self, words: Sequence[str]) -> str:
        """Step over the next word if it is one of ``words`` and give it, "" otherwise."""
        word = self.words[self.place]
        if word not in words or not word:
            return ""
        self.place += 1
        return word

    def expect(self, *words: str) -> Token:
        """Step over these words and give the last one. Raises SchemaParseError when they do not come next."""
        if not self.take(*words):
            raise self.error(f'"{" ".join(words)}"')
        return self.before

    def name(self, what: str, reserved: frozenset[str] = RESERVED) -> Token:
        """Step over a name, quoted or bare. Raises SchemaParseError when none comes next."""
        token = self.token
        if token.kind in ("quoted", "string") or (token.kind == "word" and self.word not in reserved):
            self.place += 1
            return token
        raise self.error(what)

    def group(self) -> tuple[Token, ...]:
        """Step over a pair of parentheses and give the tokens inside, at least one."""
        opened = self.place
        self.expect("(")
        depth = 1
        while depth:
            if self.place == len(self.tokens) - 1:
                raise self.error('")"')
            word = self.words[self.place]
            depth += (word == "(") - (word == ")")
            self.place += 1
        if self.place == opened + 2:
            self.place -= 1
            raise self.error("an expression")
        return self.tokens[opened + 1 : self.place - 1]

    def finish(self) -> None:
        """Check that nothing is left but a semicolon."""
        self.take(";")
        if self.token.kind != "end":
            raise self.error("the end of the statement")

    def fragment(self, tokens: Sequence[Token], names: frozenset[str] | None) -> Sql:
        """The SQL of these tokens, comments between them included."""
        return Sql(self.sql[tokens[0].start : tokens[-1].end], key(tokens, names))

    def error(self, expected: str, token: Token | None = None) -> SchemaParseError:
        """What to raise when something other than ``expected`` comes next."""
        found = token or self.token
        shown = f'"{found.text}"' if found.text else "its end"
        return SchemaParseError(
            f"The stored text of {self.what} cannot be read: at offset {found.start} stands {shown} "
            f"where {expected} should be.",
            hint="Look at it in sqlite_schema; if SQLite accepts the statement, please report its text.",
            details={"offset": found.start, "sql": self.sql},
        )


def _word(kind: str, text: str) -> str:
    if kind == "word":
        return text.upper() if text.isascii() else upper(text)
    return text if kind == "op" else ""


def outer_parentheses(tokens: Sequence[Token]) -> bool:
    """Whether one pair of parentheses holds all of ``tokens``."""
    if len(tokens) < 2 or tokens[0].text != "(":
        return False
    depth = 0
    for token in tokens[:-1]:
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0:
            return False
    return depth == 1 and tokens[-1].text == ")"
