"""The parts of a key or an index: ``(a, b COLLATE NOCASE DESC, lower(c))``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sodaf_migrate.dialects.sqlite.lexer import RESERVED, Token, upper
from sodaf_migrate.dialects.sqlite.reader import Reader, outer_parentheses
from sodaf_migrate.schema.model import KeyPart, fold

__all__ = ["key_parts", "plain_parts"]

_CONSTANTS = frozenset({"TRUE", "FALSE", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP"})


def key_parts(reader: Reader, tokens: Sequence[Token], columns: Mapping[str, str] | None) -> tuple[KeyPart, ...]:
    """The parts that ``tokens`` list. ``columns`` maps folded to declared names; without it any name is a column's."""
    return tuple(_part(reader, part, columns) for part in _split(reader, tokens))


def plain_parts(reader: Reader, tokens: Sequence[Token], columns: Mapping[str, str]) -> tuple[KeyPart, ...]:
    """The parts of a constraint, which may be columns only. Raises SchemaParseError for an expression."""
    parts = key_parts(reader, tokens, columns)
    if any(part.column is None for part in parts):
        raise reader.error("the name of a column of this table", tokens[0])
    return parts


def _split(reader: Reader, tokens: Sequence[Token]) -> list[Sequence[Token]]:
    pieces: list[Sequence[Token]] = []
    depth = start = 0
    for place, token in enumerate(tokens):
        depth += (token.text == "(") - (token.text == ")")
        if token.text == "," and depth == 0:
            pieces.append(tokens[start:place])
            start = place + 1
    pieces.append(tokens[start:])
    if not all(pieces):
        raise reader.error("a column or an expression", tokens[0])
    return pieces


def _part(reader: Reader, tokens: Sequence[Token], columns: Mapping[str, str] | None) -> KeyPart:
    order = tokens[-1].word if len(tokens) > 1 else ""
    if order in ("FIRST", "LAST") and tokens[-2].word == "NULLS":
        raise reader.error("a key part that SQLite can keep (NULLS FIRST and LAST are not)", tokens[-2])
    if order in ("ASC", "DESC"):
        tokens = tokens[:-1]
    collation = None
    while True:
        if outer_parentheses(tokens):
            tokens = tokens[1:-1]
        elif len(tokens) > 2 and tokens[-2].word == "COLLATE" and _is_operand(tokens[:-2]):
            collation = collation or upper(tokens[-1].name)  # the last one said is the outermost, which counts
            tokens = tokens[:-2]
        else:
            break
    if not tokens:
        raise reader.error("a column or an expression")
    column = _column(reader, tokens, columns)
    if column is not None:
        return KeyPart(column=column, collation=collation, descending=order == "DESC")
    expression = reader.fragment(tokens, None if columns is None else frozenset(columns))
    return KeyPart(expression=expression, collation=collation, descending=order == "DESC")


def _column(reader: Reader, tokens: Sequence[Token], columns: Mapping[str, str] | None) -> str | None:
    """The column that the tokens name, None when they are an expression."""
    token = tokens[0]
    if len(tokens) > 1 or token.kind not in ("word", "quoted", "string") or token.word in RESERVED:
        return None
    if columns is None:
        return token.name if token.word not in _CONSTANTS else None
    found = columns.get(fold(token.name))
    if found is None and token.text[0] not in "\"'" and token.word not in _CONSTANTS:
        raise reader.error("the name of a column of this table", token)
    return found


def _is_operand(tokens: Sequence[Token]) -> bool:
    """Whether a COLLATE after these tokens belongs to all of them (it binds tighter than every binary operator)."""
    while tokens and tokens[0].text in ("+", "-", "~"):
        tokens = tokens[1:]
    if len(tokens) > 2 and tokens[-2].word == "COLLATE":
        return _is_operand(tokens[:-2])
    if len(tokens) == 1 or outer_parentheses(tokens):
        return True
    if outer_parentheses(tokens[1:]):  # a function or CAST
        return tokens[0].kind in ("word", "quoted")
    if all(token.text == "." for token in tokens[1::2]):
        return len(tokens) % 2 == 1
    return _is_case(tokens)


def _is_case(tokens: Sequence[Token]) -> bool:
    if not tokens or tokens[0].word != "CASE":
        return False
    depth = 0
    for place, token in enumerate(tokens):
        depth += (token.word == "CASE") - (token.word == "END")
        if depth == 0:
            return place == len(tokens) - 1
    return False
