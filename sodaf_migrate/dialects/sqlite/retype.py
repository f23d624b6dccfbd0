"""A column's type changed in place: the stored text is edited, and the values that the new type converts are written.

Half the time of a rebuild, and safe only where nothing else depends on how the values are stored: with an index in the
way the database would be malformed, a trigger would fire, a child's key would follow. So triggers and indexes that name
the column go meanwhile, the table is checked afterwards, and everything else is left to the rebuild.
"""

from __future__ import annotations

from collections.abc import Iterable

from sodaf_migrate.dialects.sqlite.aside import restore, set_aside
from sodaf_migrate.dialects.sqlite.edit import edit, sound
from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.dialects.sqlite.parts import in_parts
from sodaf_migrate.dialects.sqlite.rebuild import Facts
from sodaf_migrate.dialects.sqlite.types import affinity
from sodaf_migrate.plan import Statement
from sodaf_migrate.schema.model import Column, Index, Schema, Sql, Table, fold

__all__ = ["retyped"]

#: Of which storage classes values can be that are converted, by (affinity before, affinity after). What is not listed
#: is left to the rebuild: a REAL column keeps 5.0 as the integer 5, which would come out as such.
_CONVERTED = {
    ("TEXT", "INTEGER"): ("text",),
    ("TEXT", "NUMERIC"): ("text",),
    ("TEXT", "REAL"): ("text",),
    ("INTEGER", "TEXT"): ("integer", "real"),
    ("NUMERIC", "TEXT"): ("integer", "real"),
}


def retyped(schema: Schema, old: Table, new: Table, facts: Facts) -> tuple[Statement, ...] | None:
    """The statements that turn ``old`` into ``new``, of which some columns take another affinity; None where unsafe.

    ``schema`` holds the table with all that names it.
    """
    columns = _columns(old, new)
    indexes = schema.indexes_of(old.name)
    if not columns or len(old.columns) != len(new.columns) or not _are_free(schema, old, columns):
        return None
    first = next((place for place, index in enumerate(indexes) if index.names() & columns.keys()), len(indexes))
    if facts.statistics and indexes[first:]:
        return None  # DROP INDEX takes the statistics of the index away
    counts = {column: count for (home, column), count in facts.holding.items() if home == fold(old.name)}
    edits = edit(old, new, counts, retyped=frozenset(columns))
    where = " OR ".join(f"typeof({quote(name)}) IN ({kinds})" for name, kinds in columns.values())
    sets = ", ".join(f"{quote(name)} = {quote(name)}" for name, _ in columns.values())
    update = in_parts(f"UPDATE OR ABORT main.{quote(new.name)} SET {sets}", new, where=where)
    if edits is None or update.batch is None:
        return None
    triggers = schema.triggers_of(old.name)
    return (
        *(Statement(sql=sql) for sql in set_aside((), triggers)),
        *(Statement(sql=f"DROP INDEX main.{quote(index.name)}") for index in reversed(indexes[first:])),
        edits[0],
        update,
        *_made(indexes[first:]),
        *(Statement(sql=sql) for sql in restore((), triggers)),
        *edits[1:],
        sound("integrity_check" if _computes(new, indexes[:first]) else "quick_check", new.name),
    )


def _computes(table: Table, indexes: Iterable[Index]) -> bool:
    """Whether an index that stays holds more than plain columns, so that only all its entries prove that it is right.

    Of plain ones SQLite itself tells the columns (pragma_index_xinfo); to look every row up in them takes half as long
    as the change.
    """
    generated = any(column.generated is not None for column in table.columns)
    return generated or any(index.where or any(part.expression for part in index.parts) for index in indexes)


def _made(indexes: Iterable[Index]) -> Iterable[Statement]:
    return (Statement(sql=index.sql) for index in indexes)


def _columns(old: Table, new: Table) -> dict[str, tuple[str, str]]:
    """The columns that take another affinity, folded, with their name and the storage classes to convert.

    Empty where there is none, or one for which that is not known.
    """
    found: dict[str, tuple[str, str]] = {}
    if old.strict or new.strict or old.without_rowid or new.without_rowid:
        return found
    for before, after in zip(old.columns, new.columns, strict=False):
        change = (affinity(before.type), affinity(after.type))
        if change[0] == change[1]:
            continue
        kinds = _CONVERTED.get(change)
        if kinds is None or before.generated is not None or after.generated is not None:
            return {}
        found[fold(after.name)] = (after.name, ", ".join(f"'{kind}'" for kind in kinds))
    return found


def _are_free(schema: Schema, table: Table, columns: Iterable[str]) -> bool:
    """Whether no key, constraint or computed column depends on the columns, in this table or another."""
    names = set(columns)
    key = table.primary_key
    bound = {fold(name) for name in key.columns} if key is not None else set()
    bound |= {fold(part.column or "") for unique in table.uniques for part in unique.parts}
    bound |= {fold(name) for own in table.foreign_keys for name in own.columns}
    for other in schema.tables:
        keys = (key for key in other.foreign_keys if fold(key.table) == fold(table.name))
        bound |= {fold(name) for key in keys for name in key.referenced}
    for expression in (*(check.expression for check in table.checks), *map(_computed, table.columns)):
        bound |= _words(expression)
    return names.isdisjoint(bound)


def _computed(column: Column) -> Sql | None:
    return column.generated.expression if column.generated is not None else None


def _words(expression: Sql | None) -> set[str]:
    return set() if expression is None else {fold(word.strip('"')) for word in expression.key.split()}
