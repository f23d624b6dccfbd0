"""What has to be asked of child rows before their parents go, or change what the children point to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from sodaf_migrate.compare.changes import SchemaDiff
from sodaf_migrate.dialects.sqlite.lexer import tokenize
from sodaf_migrate.dialects.sqlite.live_names import LiveNames
from sodaf_migrate.dialects.sqlite.losses import repeated
from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.dialects.sqlite.question import Question
from sodaf_migrate.schema.model import ForeignKey, Schema, Table, fold

__all__ = ["about_children", "in_live_names"]

Allows = Callable[[str, str, str | None], bool]


def about_children(
    live: Schema,
    there: Table,
    table: str,
    diff: SchemaDiff,
    names: LiveNames,
    asked: Iterable[Question],
    allows: Allows,
) -> Iterator[Question]:
    """The rows that would lose their parents in the live table ``there``, later called ``table``.

    Rows that have no parent as it is do not count: nothing new happens to them. ``asked`` are the questions about the
    parents themselves, whose repeated rows are deleted where that is allowed.
    """
    goes = any(c.old is not None and c.new is None and fold(c.old.name) == fold(there.name) for c in diff.tables)
    deleting = any(allows("drop_duplicates", label, None) for label in (diff.doctype, table))
    repeats = [q for q in asked if q.kind == "duplicates"] if deleting and not goes else []
    if not goes and not repeats:
        return
    for child, key in _keys_to(live, there, diff):
        referenced = key.referenced or (there.primary_key.columns if there.primary_key else ())
        if len(referenced) != len(key.columns) or any(there.column(name) is None for name in referenced):
            continue
        own = ", ".join(map(quote, key.columns))
        theirs, parents = ", ".join(map(quote, referenced)), f"main.{quote(there.name)}"
        filled = " AND ".join(f"{quote(name)} IS NOT NULL" for name in referenced)
        has_parent = f"({own}) IN (SELECT {theirs} FROM {parents} WHERE {filled})"
        about = f"{', '.join(key.columns)} -> {there.name}"
        if goes:
            yield Question(kind="orphaned", table=child.name, about=about, condition=has_parent, show=own)
        for question in repeats:
            condition, groups = in_live_names(question, table, names)
            if not _is_about(there, " ".join((condition, *groups))):
                continue  # a new column has one value in every row
            gone = repeated(there, condition, groups)
            keeps = f"({own}) IN (SELECT {theirs} FROM {parents} WHERE {filled} AND NOT ({gone}))"
            condition = f"{has_parent} AND NOT {keeps}"
            if child is there:
                condition += f" AND NOT ({gone})"
            yield Question(kind="orphaned", table=child.name, about=about, condition=condition, show=own)


def _keys_to(live: Schema, parent: Table, diff: SchemaDiff) -> Iterator[tuple[Table, ForeignKey]]:
    """The foreign keys to a table that stay."""
    dropped = {fold(c.old.name) for c in diff.tables if c.old is not None and c.new is None}
    gone = [change.old for change in diff.foreign_keys if change.old is not None]
    for child in live.tables:
        for key in child.foreign_keys:
            if fold(key.table) == fold(parent.name) and fold(child.name) not in dropped and key not in gone:
                yield child, key


def _is_about(there: Table, expression: str) -> bool:
    """Whether every quoted name of an expression is a column that is there."""
    columns = {fold(column.name) for column in there.columns}
    return all(fold(token.name) in columns for token in tokenize(expression) if token.kind == "quoted")


def in_live_names(question: Question, table: str, names: LiveNames) -> tuple[str, tuple[str, ...]]:
    """The condition and the grouping of a question, which may speak of names to come, over the live rows."""
    return names.spelled(table, question.condition), tuple(names.spelled(table, key) for key in question.groups)
