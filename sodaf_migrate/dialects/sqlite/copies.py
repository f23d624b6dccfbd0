"""Statements that copy rows into the file of a backup, where no column has a type and so no value is converted.

Columns are called by their number, never by their name: a name may be anything, two may differ in case alone there.
The rowid of a copied row is the rowid of its copy, so a table of two thousand columns has room.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sodaf_migrate.dialects.sqlite.names import literal, quote
from sodaf_migrate.dialects.sqlite.rowid import rowid_name
from sodaf_migrate.dialects.sqlite.types import affinity
from sodaf_migrate.errors import StatementError
from sodaf_migrate.plan import Loss
from sodaf_migrate.schema.model import Column, Table, fold
from sodaf_migrate.wire.connection import Wire

__all__ = [
    "MOST_COLUMNS",
    "alike",
    "any_of",
    "balanced",
    "copy_gone_rows",
    "copy_losses",
    "copy_rows",
    "copy_touched_rows",
    "has_null_keys",
    "has_signs",
    "index_rows",
    "insert_select",
    "last_sequence",
    "new_keys",
    "numbered",
    "plain_columns",
    "untyped_table",
]

MOST_COLUMNS = 2000  # SQLITE_MAX_COLUMN as nearly every library has it


def numbered(letter: str, count: int) -> list[str]:
    """The column names "c0", "c1", …"""
    return [f"{letter}{number}" for number in range(count)]


def plain_columns(table: Table) -> tuple[Column, ...]:
    """The columns that store what was given: a generated one is computed again wherever the row goes."""
    return tuple(column for column in table.columns if column.generated is None)


def untyped_table(alias: str, name: str, columns: Sequence[str]) -> str:
    """CREATE TABLE of columns without type, thus without affinity: every value stays what it is."""
    return f"CREATE TABLE {alias}.{name} ({', '.join(columns)})"


def copy_rows(table: Table, alias: str, name: str) -> tuple[str, ...]:
    """Every row of ``table`` into ``alias.name (c0, …)``."""
    columns = plain_columns(table)
    return _copy(alias, name, table, numbered("c", len(columns)), [quote(column.name) for column in columns], "")


def last_sequence(table: Table) -> str | None:
    """The query for the number that AUTOINCREMENT used last, None for a table without it."""
    if table.primary_key is None or not table.primary_key.autoincrement:
        return None
    return f"SELECT max(seq) FROM main.sqlite_sequence WHERE name = {literal(table.name)}"


def insert_select(
    target: str,
    columns: Sequence[str],
    sources: Sequence[str],
    rest: str,
    *,
    rowid: tuple[str, str] | None,
    order: str = "",
    conflict: str = "ABORT",
) -> tuple[str, ...]:
    """INSERT of ``sources`` into ``columns``; ``rowid`` are the names of the rowid in the target and in the source.

    ``rest`` is FROM … WHERE …. Where the rowid is one column more than a SELECT may give, the last column that may be
    empty follows in an UPDATE.
    """
    insert = f"INSERT OR {conflict} INTO {target}"
    if rowid is None:
        return (f"{insert} ({', '.join(columns)}) SELECT {', '.join(sources)} {rest}{order}",)
    own, there = rowid
    most = MOST_COLUMNS - 1
    names, values = ", ".join([own, *columns[:most]]), ", ".join([there, *sources[:most]])
    statements = [f"{insert} ({names}) SELECT {values} {rest}{order}"]
    if len(columns) > most:
        statements.append(
            f"UPDATE {target} AS n SET {columns[most]} = (SELECT {sources[most]} {rest} AND {there} = n.{own})"
            f" WHERE n.{own} IN (SELECT {there} {rest})"
        )
    return tuple(statements)


def _copy(
    alias: str, name: str, table: Table, targets: Sequence[str], sources: Sequence[str], where: str
) -> tuple[str, ...]:
    rowid = rowid_name(table)
    return insert_select(
        f"{alias}.{name}",
        targets,
        sources,
        f"FROM main.{quote(table.name)} WHERE ({where or '1'})",
        rowid=("rowid", rowid) if rowid is not None else None,
    )


# Losses.


def has_null_keys(table: Table, key: Sequence[str]) -> str:
    """The query whether any row has no value in a part of its key, which SQLite allows where there are rowids."""
    nothing = " OR ".join(f"{quote(name)} IS NULL" for name in key)
    return f"SELECT EXISTS (SELECT 1 FROM main.{quote(table.name)} WHERE {nothing})"


def new_keys(table: str, key: Sequence[str], losses: Sequence[Loss]) -> list[str]:
    """For each part of the key the value that the plan gives it, over the old row; [] when it stays what it is."""
    changed = False
    found = []
    for name in key:
        expression = quote(name)
        for loss in losses:
            for column, became in zip(loss.columns, loss.became, strict=True):
                if fold(loss.table) == fold(table) and fold(column) == fold(name) and became:
                    condition = f"({loss.where})" if loss.where else "1"
                    expression, changed = f"CASE WHEN {condition} THEN {became} ELSE {expression} END", True
        found.append(expression)
    return found if changed else []


def copy_losses(
    table: Table, alias: str, name: str, groups: Sequence[tuple[str, Sequence[str]]], where: str
) -> tuple[str, ...]:
    """CREATE TABLE and INSERT for ``groups`` of expressions over the old row, each with the letter of its columns."""
    targets = [target for letter, sources in groups for target in numbered(letter, len(sources))]
    sources = [source for _, found in groups for source in found]
    return untyped_table(alias, name, targets), *_copy(alias, name, table, targets, sources, where)


# Differences.


def any_of(conditions: Sequence[str]) -> str:
    """The conditions joined by OR; "0" for none."""
    return balanced(conditions, "OR") or "0"


def balanced(parts: Sequence[str], operator: str) -> str:
    """``parts`` joined by ``operator`` as a balanced tree: SQLite takes no expression that is a thousand deep."""
    if len(parts) <= 2:
        return f" {operator} ".join(parts)
    middle = len(parts) // 2
    return f"({balanced(parts[:middle], operator)}) {operator} ({balanced(parts[middle:], operator)})"


def alike(column: Column, strict: bool, left: str, right: str, *, signs: bool) -> str:
    """The condition that two values differ in storage class or value; the unary plus takes affinities away.

    0.0 and -0.0 are equal in SQL and not in bits. Only a column without affinity keeps the second; where the library
    has atan2 (``signs``) they are told apart, else two zeros count as different, which costs space and loses nothing.
    """
    classes = f"typeof({left}) <> typeof({right})"
    kind = affinity(column.type, strict=strict)
    if kind == "TEXT":
        # Only numbers are equal across classes (7 and 7.0). A text column has none unless somebody gave it that type
        # afterwards, and numbers come before all texts: one comparison spares two calls of a function for each value.
        classes = f"('' > (+{left}) COLLATE BINARY AND {classes})"
    found = f"(+{left}) IS NOT (+{right}) COLLATE BINARY OR {classes}"
    if kind != "BLOB":
        return found
    zeros = f"typeof({left}) = 'real' AND {left} = 0.0"
    return f"{found} OR ({zeros} AND atan2({left}, -1.0) <> atan2({right}, -1.0))" if signs else f"{found} OR ({zeros})"


def has_signs(wire: Wire) -> bool:
    """Whether this library has atan2, the one function that tells 0.0 and -0.0 apart (SQLITE_ENABLE_MATH_FUNCTIONS)."""
    try:
        return bool(wire.value("SELECT atan2(0.0, -1.0) <> atan2(-0.0, -1.0)"))
    except StatementError:
        return False


def copy_touched_rows(
    table: Table, alias: str, name: str, parent: tuple[str, str], matched: Sequence[int | None], *, signs: bool
) -> tuple[str, ...]:
    """The rows that the parent (alias, table) does not have, or has otherwise, into ``alias.name (c0, …)``.

    ``matched`` gives for each column the number of the parent's column of that name; where there is none the parent
    is taken to hold NULL.
    """
    columns = plain_columns(table)
    sources = [f"t.{quote(column.name)}" for column in columns]
    rowid = rowid_name(table)
    differs = [
        alike(column, table.strict, source, "NULL" if number is None else f"o.c{number}", signs=signs)
        for column, source, number in zip(columns, sources, matched, strict=True)
    ]
    old = f"{parent[0]}.{parent[1]}"
    return insert_select(
        f"{alias}.{name}",
        numbered("c", len(columns)),
        sources,
        f"FROM main.{quote(table.name)} AS t LEFT JOIN {old} AS o ON {_same_row(table, matched)}"
        f" WHERE (o.rowid IS NULL OR {any_of(differs)})",
        rowid=("rowid", f"t.{rowid}") if rowid is not None else None,
    )


def copy_gone_rows(
    table: Table, alias: str, name: str, parent: tuple[str, str], matched: Sequence[int | None]
) -> tuple[str, str]:
    """(CREATE TABLE, INSERT) for the keys of the parent's rows that are no more: the rowid, or k0, … without one."""
    old = f"{parent[0]}.{parent[1]}"
    missing = f"NOT EXISTS (SELECT 1 FROM main.{quote(table.name)} AS t WHERE {_same_row(table, matched)})"
    if rowid_name(table) is not None:
        return (
            untyped_table(alias, name, ["k0"]),
            f"INSERT INTO {alias}.{name} (rowid, k0) SELECT o.rowid, NULL FROM {old} AS o WHERE {missing}",
        )
    keys = [f"c{number}" for number, _ in _keys(table, matched)]
    targets = numbered("k", len(keys))
    return (
        untyped_table(alias, name, targets),
        f"INSERT INTO {alias}.{name} ({', '.join(targets)}) SELECT {', '.join(f'o.{key}' for key in keys)}"
        f" FROM {old} AS o WHERE {missing}",
    )


def index_rows(table: Table, parent: tuple[str, str], matched: Sequence[int | None]) -> str | None:
    """The index that a difference needs on the parent's rows: none where rows have rowids."""
    if rowid_name(table) is not None:
        return None
    keys = ", ".join(f"c{number}" for number, _ in _keys(table, matched))
    return f"CREATE INDEX IF NOT EXISTS {parent[0]}.{parent[1]}_key ON {parent[1]} ({keys})"


def _same_row(table: Table, matched: Sequence[int | None]) -> str:
    rowid = rowid_name(table)
    if rowid is not None:
        return f"o.rowid = t.{rowid}"
    return " AND ".join(f"o.c{number} = (+t.{quote(name)}) COLLATE BINARY" for number, name in _keys(table, matched))


def _keys(table: Table, matched: Sequence[int | None]) -> Iterator[tuple[int, str]]:
    """(the parent's column number, name) of each part of the primary key."""
    assert table.primary_key is not None
    places = {fold(column.name): place for place, column in enumerate(plain_columns(table))}
    for name in table.primary_key.columns:
        number = matched[places[fold(name)]]
        assert number is not None
        yield number, name
