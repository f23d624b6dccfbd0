"""Edits one column's definition clause by clause, so that comments and clauses that stay are not touched."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from sodaf_migrate.dialects.sqlite.lexer import ends_in_comment, tokenize
from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.dialects.sqlite.parse_column import Clause
from sodaf_migrate.dialects.sqlite.parse_table import Element, ParsedTable
from sodaf_migrate.dialects.sqlite.render import (
    constraint_definition,
    default_clause,
    generated_clause,
    not_null_clause,
    type_text,
    word,
)
from sodaf_migrate.schema.model import Column, Constraint, ForeignKey

__all__ = ["Edit", "apply", "edited_column"]

_BLANKS = " \t\n\v\f\r"


class Edit(NamedTuple):
    """``text`` in the place of what stands from ``start`` to ``end``."""

    start: int
    end: int
    text: str


def apply(sql: str, edits: Iterable[Edit]) -> str:
    """``sql`` with edits that do not overlap."""
    for start, end, text in sorted(edits, reverse=True):
        sql = sql[:start] + text + sql[end:]
    return sql


def edited_column(
    parsed: ParsedTable, element: Element, column: Column, kept: Collection[int], added: Iterable[Constraint]
) -> str:
    """The text of a stored column's definition, edited to mean ``column``.

    ``kept`` holds the identities of the stored constraints that stay, ``added`` are new ones to put into it.
    """
    sql = parsed.table.sql
    old = parsed.table.column(column.name)
    assert old is not None
    edits = list(_clause_edits(sql, element, old, column, kept))
    tail = "".join(f" {constraint_definition(constraint, inline=True)}" for constraint in added)
    tail = "".join(edit.text for edit in edits if edit.start == element.end) + tail
    edits = [edit for edit in edits if edit.start != element.end]
    if edits or tail:
        edits += [_without(sql, element, clause) for clause in element.clauses if clause.kind == "idle"]
        edits += _without_generated_always(sql, element) if old.generated == column.generated else ()
    if old.name != column.name:
        edits.append(Edit(element.start, element.name_end, quote(column.name)))
    moved = [Edit(start - element.start, end - element.start, text) for start, end, text in edits]
    return apply(sql[element.start : element.end], moved) + tail


def _clause_edits(sql: str, element: Element, old: Column, new: Column, kept: Collection[int]) -> Iterator[Edit]:
    """The edits of what a column says itself; those at the element's end are to be appended."""
    if old.type != new.type:
        yield from _type_edits(sql, element, new.type)
    if (old.not_null, old.not_null_conflict, old.not_null_name) != (
        new.not_null,
        new.not_null_conflict,
        new.not_null_name,
    ):
        yield from _replaced(sql, element, "not_null", not_null_clause(new) if new.not_null else "")
    if new.not_null and not old.not_null:
        yield from _replaced(sql, element, "null", "")
    if old.default != new.default:
        yield from _replaced(sql, element, "default", "" if new.default is None else default_clause(new.default))
    if old.collation != new.collation:
        yield from _replaced(sql, element, "collation", f"COLLATE {word(new.collation)}" if new.collation else "")
    if old.generated != new.generated:
        yield from _replaced(sql, element, "generated", generated_clause(new.generated) if new.generated else "")
    for clause in _leaving(element, kept):
        yield _without(sql, element, clause)


def _leaving(element: Element, kept: Collection[int]) -> Iterator[Clause]:
    """The clauses of constraints that go, a foreign key's DEFERRABLE with it."""
    key_leaves = False
    for clause in element.clauses:
        leaves = clause.constraint is not None and id(clause.constraint) not in kept
        if isinstance(clause.constraint, ForeignKey):
            key_leaves = leaves
        if leaves or (clause.kind == "deferrable" and key_leaves):
            yield clause


def _without_generated_always(sql: str, element: Element) -> Iterator[Edit]:
    """AS alone does; with a comment before them the two words might be read as a part of the type."""
    for clause in element.clauses:
        if clause.kind != "generated":
            continue
        tokens = tokenize(sql[clause.start : clause.end])
        before = sql[element.name_end : clause.start]
        if tokens[0].word == "GENERATED" and ("/*" in before or "--" in before):
            yield Edit(clause.start, clause.start + tokens[2].start, "")


def _type_edits(sql: str, element: Element, new: str) -> Iterator[Edit]:
    stored = [clause for clause in element.clauses if clause.kind == "type"]
    if not new:
        yield from (_without(sql, element, clause) for clause in stored)
    elif stored:
        yield _padded(sql, stored[0].start, stored[0].end, type_text(new))
    elif element.end == element.name_end:
        yield Edit(element.end, element.end, " " + type_text(new))
    else:
        yield _padded(sql, element.name_end, element.name_end, " " + type_text(new))


def _replaced(sql: str, element: Element, kind: str, text: str) -> Iterator[Edit]:
    """``text`` for all clauses of one kind: in the place of the last, which is the one that counts, or at the end."""
    stored = [clause for clause in element.clauses if clause.kind == kind]
    for number, clause in enumerate(stored, 1):
        if text and number == len(stored):
            yield _padded(sql, clause.start, clause.end, text)
        else:
            yield _without(sql, element, clause)
    if text and not stored:
        yield Edit(element.end, element.end, " " + text)


def _without(sql: str, element: Element, clause: Clause) -> Edit:
    """Take a clause away with the blanks before it, unless they end a comment."""
    before = sql[element.start : clause.start]
    bare = before.rstrip(_BLANKS)
    start = clause.start if ends_in_comment(bare) else element.start + len(bare)
    return Edit(start, clause.end, "" if clause.end == element.end or sql[clause.end] in _BLANKS else " ")


def _padded(sql: str, start: int, end: int, text: str) -> Edit:
    """An edit whose text does not run into its neighbours."""
    before = "" if sql[start - 1] in _BLANKS or text[0] == " " else " "
    after = "" if sql[end] in _BLANKS or sql[end] in ",)" else " "
    return Edit(start, end, before + text + after)
