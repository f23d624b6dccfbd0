"""What was read from the stored texts must be what SQLite itself says; where it is not, nothing is guessed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sodaf_migrate.dialects.sqlite.facts import IndexFacts, PartFacts, TableFacts
from sodaf_migrate.dialects.sqlite.lexer import Token, key, tokenize
from sodaf_migrate.dialects.sqlite.reader import outer_parentheses
from sodaf_migrate.dialects.sqlite.types import agrees
from sodaf_migrate.errors import SchemaParseError
from sodaf_migrate.schema.model import Column, ForeignKey, Index, KeyPart, Literal, PrimaryKey, Table, fold

__all__ = ["check_index", "check_table"]

_HINT = (
    "Nothing was changed. Compare the text in sqlite_schema with the pragma; "
    'docs/refusals.md, "A table is read differently by SQLite", tells what may cause it.'
)


def check_table(table: Table, facts: TableFacts) -> None:
    """Raises SchemaParseError, naming the column and both readings, where ``table`` is not what the pragmas say."""
    _check(table, "columns", _names(table.columns), [row[1] for row in facts.columns], "table_xinfo")
    _check(table, "WITHOUT ROWID", table.without_rowid, facts.without_rowid, "table_list")
    _check(table, "STRICT", table.strict, facts.strict, "table_list")
    places = _key_places(table)
    implied = _implies_not_null(table)
    for column, (_, name, declared, not_null, default, place, hidden) in zip(table.columns, facts.columns, strict=True):
        if column.type != declared and not agrees(column.type, declared):
            raise _disagreement(table, f'type of column "{name}"', column.type, declared, "table_xinfo")
        required = column.not_null or (implied and column.name in places)
        found = (required, places.get(column.name, 0), _hidden(column))
        if found != (bool(not_null), place, hidden):
            what = f'NOT NULL, place in the primary key and kind of column "{name}"'
            raise _disagreement(table, what, found, (bool(not_null), place, hidden), "table_xinfo")
        if (column.default is not None or default is not None) and not _same_default(column, default):
            shown = column.default if isinstance(column.default, Literal) else column.default and column.default.text
            raise _disagreement(table, f'default of column "{name}"', shown, default, "table_xinfo")
    if facts.indexes or table.uniques or table.primary_key:
        _check_keys(table, facts.indexes)
    if facts.keys or table.foreign_keys:
        keys = [_foreign_key(key) for key in table.foreign_keys]
        _check(table, "foreign keys", keys, [_key_rows(rows) for rows in facts.keys], "foreign_key_list")


def check_index(index: Index, table: Table, facts: Iterable[IndexFacts]) -> None:
    """Raises SchemaParseError, naming the index and both readings, where it is not what the pragmas say."""
    found = next((fact for fact in facts if fact.name == index.name), None)
    if found is None:
        raise _disagreement(table, f'index "{index.name}"', "there", "not there", "index_list")
    what = f'UNIQUE, WHERE and parts of index "{index.name}"'
    ours = (index.unique, index.where is not None, tuple(_parts(index.parts, table)))
    theirs = (found.unique, found.partial, tuple(_observed(found.parts)))
    _check(table, what, ours, theirs, "index_xinfo")


def _check(table: Table, what: str, ours: Any, theirs: Any, pragma: str) -> None:
    if ours != theirs:
        raise _disagreement(table, what, ours, theirs, pragma)


def _disagreement(table: Table, what: str, ours: Any, theirs: Any, pragma: str) -> SchemaParseError:
    return SchemaParseError(
        f'Table "{table.name}" is not read as SQLite reads it: for {what} its stored text gives {ours!r} '
        f"and PRAGMA {pragma} {theirs!r}.",
        hint=_HINT,
        details={"table": table.name, "what": what, "text": repr(ours), "pragma": repr(theirs), "sql": table.sql},
    )


def _names(columns: Iterable[Column]) -> list[str]:
    return [column.name for column in columns]


def _hidden(column: Column) -> int:
    """The ``hidden`` of table_xinfo: 2 for a generated column that is VIRTUAL, 3 for one that is STORED."""
    return 0 if column.generated is None else 3 if column.generated.stored else 2


def _implies_not_null(table: Table) -> bool:
    """Whether the columns of the primary key are NOT NULL without saying so (sqlite3EndTable in build.c)."""
    alias = table.primary_key is not None and table.primary_key.rowid_alias
    return table.without_rowid or (table.strict and not alias)


def _key_places(table: Table) -> dict[str, int]:
    """By column, its place in the primary key, from 1; a column that stands there twice counts at its first."""
    if table.primary_key is None:
        return {}
    places: dict[str, int] = {}
    parts = tuple(_parts(table.primary_key.parts, table))
    # A WITHOUT ROWID table drops what is repeated before it counts (convertToWithoutRowidTable in build.c).
    parts = _once(parts) if table.without_rowid else parts
    for place, (name, _, _) in enumerate(parts, 1):
        column = table.column(name or "")
        if column is not None:
            places.setdefault(column.name, place)
    return places


def _same_default(column: Column, reported: str | None) -> bool:
    default = column.default
    if default is None or reported is None or isinstance(default, Literal):
        return False
    return default.text == reported or _bare(default.text) == _bare(reported)


def _bare(text: str) -> str:
    """The canonical tokens without outer parentheses, of which the pragma drops one pair."""
    tokens: Sequence[Token] = tokenize(text)
    while outer_parentheses(tokens):
        tokens = tokens[1:-1]
    return key(tokens)


def _parts(parts: Iterable[KeyPart], table: Table) -> Iterator[tuple[str | None, str, bool]]:
    """Each part as the pragma would tell it: a collation that is not said is the column's, or BINARY."""
    for part in parts:
        column = table.column(part.column) if part.column is not None else None
        collation = part.collation or (column.collation if column else None) or "BINARY"
        yield (None if part.column is None else fold(part.column), fold(collation), part.descending)


def _observed(parts: Iterable[PartFacts]) -> Iterator[tuple[str | None, str, bool]]:
    for part in parts:
        yield (None if part.column is None else fold(part.column), fold(part.collation), part.descending)


def _check_keys(table: Table, facts: Iterable[IndexFacts]) -> None:
    """The indexes that SQLite made for PRIMARY KEY and UNIQUE must be those that the constraints ask for.

    Of constraints with the same columns and collations SQLite makes one index, for the key if that is among them.
    """
    found = {
        _identity(parts): (fact.origin, parts)
        for fact in facts
        if fact.origin != "c"
        for parts in (tuple(_observed(fact.parts)),)
    }
    wanted: dict[tuple[Any, ...], list[tuple[str, tuple[Any, ...]]]] = {}
    for constraint in _indexed(table):
        parts = tuple(_parts(constraint.parts, table))
        if table.without_rowid and constraint is table.primary_key:
            parts = _once(parts)
        wanted.setdefault(_identity(parts), []).append(("pk" if constraint is table.primary_key else "u", parts))
    agree = found.keys() == wanted.keys() and all(
        origin == min(own for own, _ in wanted[identity]) and parts in [own for _, own in wanted[identity]]
        for identity, (origin, parts) in found.items()
    )
    if not agree:
        ours = sorted((each for group in wanted.values() for each in group), key=repr)
        raise _disagreement(table, "PRIMARY KEY and UNIQUE", ours, sorted(found.values(), key=repr), "index_list")


def _indexed(table: Table) -> Iterator[Any]:
    """The constraints for which SQLite makes an index: all but a key that is the rowid itself."""
    key: PrimaryKey | None = table.primary_key
    if key is not None and not key.rowid_alias:
        yield key
    yield from table.uniques


def _identity(parts: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
    return tuple((name, collation) for name, collation, _ in parts)


def _once(parts: Sequence[tuple[Any, ...]]) -> tuple[tuple[Any, ...], ...]:
    """``parts`` without those that repeat a column and collation said before."""
    first: dict[Any, tuple[Any, ...]] = {}
    for part in parts:
        first.setdefault(part[:2], part)
    return tuple(first.values())


def _foreign_key(key: ForeignKey) -> tuple[Any, ...]:
    referenced: list[str | None] = [fold(name) for name in key.referenced] or [None] * len(key.columns)
    columns = tuple(zip(map(fold, key.columns), referenced, strict=False))
    return (fold(key.table), key.on_update, key.on_delete, columns)


def _key_rows(rows: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    _, _, _, parent, _, _, on_update, on_delete = rows[0]
    columns = tuple((fold(row[4]), None if row[5] is None else fold(row[5])) for row in rows)
    return (fold(parent), on_update, on_delete, columns)
