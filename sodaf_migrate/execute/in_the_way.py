"""Which rows stand in the way of what SQLite would not do: in words, where it has only its own."""

from __future__ import annotations

import re

from sodaf_migrate.dialects.sqlite.lexer import tokenize
from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.dialects.sqlite.parse import parse_index
from sodaf_migrate.dialects.sqlite.question import Question
from sodaf_migrate.errors import DatabaseError, ExecutionError
from sodaf_migrate.schema.model import Index
from sodaf_migrate.wire.connection import Wire

__all__ = ["in_the_way"]


#: How SQLite calls a column of a table that is being copied.
_COPIED = re.compile(r"(?:(?<=^)|(?<=, )).*?__rebuild\d+\.")
_BROKEN = {
    "UNIQUE": "would repeat others in {columns}, which has to be unique",
    "NOT NULL": "would have no value for {columns}, which may not be empty",
}


def in_the_way(wire: Wire, sql: str, error: DatabaseError) -> ExecutionError | None:
    """What to say of ``error``, by which ``sql`` makes no unique index or no copy of a table; None for all else.

    It is asked where the statement failed: the rows are as the steps before it have left them.
    """
    if [token.word for token in tokenize(sql)[:3]] == ["CREATE", "UNIQUE", "INDEX"]:
        return _repeats(wire, sql, error)
    kind, _, names = str(error.details.get("reason", "")).partition(" constraint failed: ")
    if kind not in _BROKEN or not _COPIED.search(names):
        return None
    columns = ", ".join(f'"{name}"' for name in _COPIED.sub("", names).split(", "))
    return ExecutionError(
        f"Rows {_BROKEN[kind].format(columns=columns)}; everything was rolled back",
        hint="Mend those rows first. Where a column comes back, rows that came since hold its default, or nothing.",
        details={**error.details, "cause": error.code},
    )


def _repeats(wire: Wire, sql: str, error: DatabaseError) -> ExecutionError:
    index = parse_index(sql)
    question = _question(index)
    rows, found = wire.value(question.count_sql), wire.row(question.sample_sql or "")
    such = f", such as {', '.join(map(repr, found[:-1]))} ({found[-1]} times)" if found is not None else ""
    return ExecutionError(
        f'Rows of "{index.table}" repeat others under the unique index "{index.name}" ({", ".join(question.groups)}):'
        f" {rows}{such}; everything was rolled back",
        hint=f'Mend those rows first, or drop "{index.name}" before this change and make it anew once they differ.',
        details={**error.details, "cause": error.code, "index": index.name, "rows": rows},
    )


def _question(index: Index) -> Question:
    keys = []
    for part in index.parts:
        key = f"({part.expression.text})" if part.expression is not None else quote(part.column or "")
        keys.append(f"{key} COLLATE {part.collation}" if part.collation else key)
    condition = " AND ".join(
        [f"{key} IS NOT NULL" for key in keys] + ([f"({index.where.text})"] if index.where else [])
    )
    return Question(kind="duplicates", table=index.table, about=index.name, condition=condition, groups=tuple(keys))
