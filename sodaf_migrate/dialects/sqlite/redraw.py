"""Edits the stored text of a table into one that means another table, and leaves alone what does not change.

Every edit is put right before or in the place of a token, so a comment never swallows it; and the result is read
again and has to mean the target exactly, or nothing is returned.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from sodaf_migrate.dialects.sqlite.edit_column import Edit, apply, edited_column
from sodaf_migrate.dialects.sqlite.lexer import ends_in_comment, tokenize
from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.dialects.sqlite.parse_head import index_tokens
from sodaf_migrate.dialects.sqlite.parse_table import Element, ParsedTable, parse_table
from sodaf_migrate.dialects.sqlite.render import (
    column_definition,
    constraint_definition,
    home,
    must_be_inline,
    options_text,
)
from sodaf_migrate.errors import SchemaParseError
from sodaf_migrate.schema.model import Constraint, PrimaryKey, Table, fold

__all__ = ["redraw", "rename_table_text", "retarget_index"]

# What stands behind an element on its own line belongs to it; what stands above the next belongs to that one.
_SAME_LINE = r"(?:[ \t]*/\*[^\n]*?\*/)*[ \t\r]*(?:--[^\n]*)?"
_BEHIND = re.compile(_SAME_LINE + r"(?=\n)")
_BEHIND_LAST = re.compile(_SAME_LINE + r"(?=\n|\Z)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """An element with the blanks and comments that go where it goes."""

    core: str
    lead: str | None = None  # before it; None for a new element, which takes the manner of the others
    gap: str = ""  # between it and its comma
    comma: bool = True
    behind: str = ""  # after its comma
    place: int = -9  # among the stored elements


def redraw(sql: str, target: Table) -> str:
    """The text ``sql`` of a table, edited to mean ``target``; unchanged elements stay byte for byte.

    A renamed column has to be renamed in ``sql`` before (by ALTER TABLE), else it is taken for a new one.
    Raises SchemaParseError when the text cannot be read, or when no edit leads to ``target``.
    """
    parsed = parse_table(sql)
    if parsed.table.name != target.name:
        sql = rename_table_text(sql, target.name)
        parsed = parse_table(sql)
    pieces, tail = _pieces(parsed)
    edited = _edited(parsed, pieces, target)
    body = _joined(edited, pieces, tail)
    options = (parsed.table.strict, parsed.table.without_rowid) == (target.strict, target.without_rowid)
    rest = sql[parsed.closes :] if options else ")" + options_text(target) + sql[parsed.options_end :]
    text = sql[: parsed.opens + 1] + body + rest
    _check(text, target)
    return text


def rename_table_text(sql: str, name: str) -> str:
    """The text ``sql`` of CREATE TABLE with ``name`` for the table, also where its own expressions say it (t.a).

    Foreign keys that point at the table itself keep the old name. Raises SchemaParseError.
    """
    parsed = parse_table(sql)
    old = fold(parsed.table.name)
    tokens = tokenize(sql)
    edits = [Edit(parsed.name.start, parsed.name.end, quote(name))]
    for token, following in pairwise(tokens):
        named = token.kind in ("word", "quoted", "string") and fold(token.name) == old
        if named and following.text == "." and token.start > parsed.opens:
            edits.append(Edit(token.start, token.end, quote(name)))
    return apply(sql, edits)


def retarget_index(sql: str, table: str) -> str:
    """The text ``sql`` of CREATE INDEX with ``table`` for the table it is on. Raises SchemaParseError."""
    _, old = index_tokens(sql)
    return apply(sql, [Edit(old.start, old.end, quote(table))])


def _pieces(parsed: ParsedTable) -> tuple[list[_Piece], str]:
    """The elements with what surrounds them, and what is left between the last one and the closing parenthesis."""
    sql, elements = parsed.table.sql, parsed.elements
    commas = [token.start for token in tokenize(sql) if token.text == ","]
    lead = sql[parsed.opens + 1 : elements[0].start]
    pieces = []
    for place, element in enumerate(elements):
        last = place == len(elements) - 1
        until = parsed.closes if last else elements[place + 1].start
        comma = next((at for at in commas if element.end <= at < until), None)
        gap, rest = (
            ("", sql[element.end : until]) if comma is None else (sql[element.end : comma], sql[comma + 1 : until])
        )
        match = (_BEHIND_LAST if last else _BEHIND).match(rest)
        behind = match.group() if match and match.group().strip() else ""
        core = sql[element.start : element.end]
        pieces.append(_Piece(core=core, lead=lead, gap=gap, comma=comma is not None, behind=behind, place=place))
        lead = rest[len(behind) :]
    return pieces, lead


def _edited(parsed: ParsedTable, pieces: Sequence[_Piece], target: Table) -> list[_Piece]:
    """The pieces of the target, in its order."""
    elements = parsed.elements
    stays = {fold(column.name) for column in target.columns}
    kept, added = _paired([e for e in elements if e.column is None or fold(e.column) in stays], target)
    stored = {fold(e.column): (e, piece) for e, piece in zip(elements, pieces, strict=True) if e.column is not None}
    result = []
    for column in target.columns:
        new = [constraint for constraint in added if home(constraint, target) == fold(column.name)]
        if fold(column.name) in stored:
            element, piece = stored[fold(column.name)]
            core = edited_column(parsed, element, column, kept, new)
            result.append(replace(piece, core=core))
        else:
            result.append(_Piece(core=column_definition(column, new)))
    for element, piece in zip(elements, pieces, strict=True):
        if element.column is None and (element.constraint is None or id(element.constraint) in kept):
            result.append(piece)
    for constraint in added:
        if home(constraint, target) is None:
            result.append(_Piece(core=constraint_definition(constraint, inline=False)))
    return result


def _paired(elements: Iterable[Element], target: Table) -> tuple[frozenset[int], list[Constraint]]:
    """The identities of the stored constraints that stay, and those of the target that are new."""
    added = list(target.constraints)
    kept = set()
    for element in elements:
        for constraint in (element.constraint, *(clause.constraint for clause in element.clauses)):
            if constraint is not None and constraint in added and _stands_right(constraint, target):
                added.remove(constraint)
                kept.add(id(constraint))
    return frozenset(kept), added


def _stands_right(constraint: Constraint, target: Table) -> bool:
    if not isinstance(constraint, PrimaryKey):
        return True
    forced = must_be_inline(constraint, target)
    return forced is None or forced == (constraint.inline is not None)


def _joined(pieces: Sequence[_Piece], stored: Sequence[_Piece], tail: str) -> str:
    """The body between the parentheses: commas and blanks as they were between elements that stay neighbours."""
    first = stored[0].lead or ""
    manner = _manner(stored)
    text = ""
    for number, piece in enumerate(pieces):
        lead = piece.lead
        if number == 0 and piece.place != 0 and not (lead or "").strip():
            lead = first if not first.strip() else ""
        elif lead is None or (number and piece.place == 0 and not lead.strip()):
            lead = manner
        text += _after_comment(text, lead) + piece.core + piece.gap
        if number < len(pieces) - 1:
            neighbours = pieces[number + 1].place == piece.place + 1
            text += "," if piece.comma or not neighbours else ""
        text += piece.behind
    return text + _after_comment(text, tail)


def _manner(stored: Sequence[_Piece]) -> str:
    """The blanks before an element: a line of its own if the others have that."""
    for piece in reversed(stored):
        lead = piece.lead or ""
        if "\n" in lead:
            indent = lead[lead.rindex("\n") + 1 :]
            return "\n" + ("    " if indent.strip() else indent)
    return " "


def _after_comment(text: str, following: str) -> str:
    broken = "\n" in following[: len(following) - len(following.lstrip())]
    return following if broken or not ends_in_comment(text) else "\n" + following


def _check(text: str, target: Table) -> None:
    """Raise SchemaParseError unless ``text`` means ``target``, the order of constraints aside."""
    found = parse_table(text).table
    differences = [
        what
        for what, one, other in (
            ("name", found.name, target.name),
            ("columns", found.columns, target.columns),
            ("constraints", Counter(found.constraints), Counter(target.constraints)),
            ("options", (found.strict, found.without_rowid), (target.strict, target.without_rowid)),
        )
        if one != other
    ]
    if differences:
        raise SchemaParseError(
            f'The stored text of table "{target.name}" cannot be edited into what is asked: '
            f"its {' and '.join(differences)} would be read differently.",
            hint="A double-quoted string in an expression may now name a column; write it in single quotes.",
            details={"sql": text},
        )
