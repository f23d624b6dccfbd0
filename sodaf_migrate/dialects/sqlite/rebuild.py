"""The statements that put a new table in the place of an old one, with every row, rowid, sequence and statistic.

The order is the one that SQLite's documentation gives (lang_altertable.html, section 7): make the new table, copy,
drop the old, rename the new. Foreign keys must be off, or DROP would cascade into children.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sodaf_migrate.dialects.sqlite.ddl import create_table, redraw, rename_table_text
from sodaf_migrate.dialects.sqlite.edit import constant_text
from sodaf_migrate.dialects.sqlite.names import literal, quote
from sodaf_migrate.dialects.sqlite.parts import in_parts
from sodaf_migrate.dialects.sqlite.rowid import rowid_name
from sodaf_migrate.dialects.sqlite.statistics import carried_over
from sodaf_migrate.dialects.sqlite.types import affinity
from sodaf_migrate.errors import SchemaParseError, UnsupportedChangeError
from sodaf_migrate.plan import Statement
from sodaf_migrate.schema.model import Column, Index, Sql, Table, fold

__all__ = ["Facts", "rebuild"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a rebuild has to know about the database around the table.

    ``statistics`` names those of sqlite_stat1 and sqlite_stat4 that exist; ``taken`` are all names of tables, views
    and indexes, folded; ``version`` is the SQLite library's. ``edits`` says whether the catalogue may be edited;
    ``fills`` what replaces NULL, ``values`` what a column gets instead of its old value, ``backs`` what it gets on
    the way back, and ``holding`` how many rows hold the old default, all by (folded table, folded column).
    """

    version: tuple[int, int, int]
    statistics: tuple[str, ...] = ()
    taken: frozenset[str] = frozenset()
    fills: Mapping[tuple[str, str], str] = field(default_factory=dict)
    values: Mapping[tuple[str, str], str] = field(default_factory=dict)
    backs: Mapping[tuple[str, str], str] = field(default_factory=dict)
    holding: Mapping[tuple[str, str], int] = field(default_factory=dict)
    edits: bool = False


def rebuild(
    old: Table, new: Table, indexes: Iterable[Index], facts: Facts, *, text: str | None = None
) -> tuple[Statement, ...]:
    """The statements that turn ``old`` (as stored) into ``new``; ``indexes`` are those the new table shall have.

    Columns of one name keep their values; what the new table computes or defaults is left to it. Nothing that names
    the table (views, triggers) may exist while they run. ``text`` is the new table's own, where the old one's is not
    to be edited into it. Raises UnsupportedChangeError where rowids cannot be kept.
    """
    temp = _free_name(old.name, facts.taken)
    text = rename_table_text(text or _text(old, new), temp)
    columns = _copied(old, new, facts)
    rowid = _rowid_copy(old, new)
    targets = ([rowid[0]] if rowid else []) + [quote(name) for name, _ in columns]
    sources = ([rowid[1]] if rowid else []) + [expression for _, expression in columns]
    statements = [Statement(sql=text)]
    if targets:
        head = f"INSERT OR ABORT INTO main.{quote(temp)} ({', '.join(targets)}) SELECT {', '.join(sources)}"
        statements.append(in_parts(f"{head} FROM main.{quote(old.name)}", old, ordered=True))
    statements += _proof(old, new, temp, facts)
    statements += _carried(old, new, temp, facts)
    statements.append(Statement(sql=f"DROP TABLE main.{quote(old.name)}"))
    statements.append(Statement(sql=f"ALTER TABLE main.{quote(temp)} RENAME TO {quote(new.name)}"))
    statements += _statistics(temp, new.name, facts)
    statements += [Statement(sql=index.sql) for index in indexes]
    return tuple(statements)


def _text(old: Table, new: Table) -> str:
    """The stored text edited, so that comments stay; where no edit gives the same meaning, a new text."""
    try:
        return redraw(old.sql, new)
    except SchemaParseError:
        return create_table(new)


def _free_name(name: str, taken: frozenset[str]) -> str:
    number = 1
    while fold(f"{name}__rebuild{number}") in taken:
        number += 1
    return f"{name}__rebuild{number}"


def _copied(old: Table, new: Table, facts: Facts) -> list[tuple[str, str]]:
    """(column of the new table, expression over the old one) for each column that has a value to copy."""
    found = []
    for column in new.columns:
        there = old.column(column.name)
        name = (fold(new.name), fold(column.name))
        expression = facts.values.get(name) or (quote(there.name) if there is not None else None)
        if expression is None or column.generated is not None:
            continue
        if there is None and _is_alias(new, column.name) and _rowid_copy(old, new) is not None:
            continue  # its value is the rowid, which is copied
        fill = facts.fills.get(name)
        found.append((column.name, f"coalesce({expression}, {fill})" if fill else expression))
    if found:
        return found
    # Nothing is common: every row arrives all the same, with what a new row holds in some plain column.
    plain = next((c for c in new.columns if c.generated is None), None)
    default = plain.default if plain is not None else None
    return [(plain.name, constant_text(default) if isinstance(default, Sql) else "NULL")] if plain else []


def _is_alias(table: Table, column: str) -> bool:
    key = table.primary_key
    return key is not None and key.rowid_alias and fold(key.columns[0]) == fold(column)


def _rowid_copy(old: Table, new: Table) -> tuple[str, str] | None:
    """(target, source) that carry the rowid over; None where there is none to carry or a copied column is it."""
    if old.without_rowid or new.without_rowid:
        return None
    key = new.primary_key
    if key is not None and key.rowid_alias and old.column(key.columns[0]) is not None:
        return None
    target, source = rowid_name(new), rowid_name(old)
    if target is None or source is None:
        raise UnsupportedChangeError(
            f'The rowids of "{old.name}" cannot be kept: its columns use all of rowid, _rowid_ and oid as names',
            hint="Rename one of those columns first (see docs/refusals.md).",
        )
    return target, source


def _proof(old: Table, new: Table, temp: str, facts: Facts) -> list[Statement]:
    """Queries that find a row that did not arrive, or a value that arrived changed though its type stayed."""
    before, after = f"main.{quote(old.name)}", f"main.{quote(temp)}"
    found = [
        Statement(
            sql=f"SELECT b.n, a.n FROM (SELECT count(*) AS n FROM {before}) AS b,"
            f" (SELECT count(*) AS n FROM {after}) AS a WHERE b.n <> a.n",
            check=f'the copy of "{old.name}" has another number of rows',
        )
    ]
    join = _join(old, new)
    same = [column for column in new.columns if _unchanged(old, column, new, facts)]
    if join and same:
        differs = " OR ".join(_differs(column, new) for column in same)
        found.append(
            Statement(
                sql=f"SELECT {join[0]} FROM {before} AS b JOIN {after} AS a ON {join[1]} WHERE {differs} LIMIT 5",
                check=f'a value of "{old.name}" changed in the copy',
            )
        )
    return found


def _differs(column: Column, table: Table) -> str:
    """The condition that a value ``a`` is not the very value ``b`` that it was.

    The unary plus takes affinities away, so that values of different storage classes differ by themselves, but for a
    whole number stored as INTEGER or REAL. Asking for that costs a third of the comparison and is left out where it
    cannot be: a TEXT column holds no numbers, and a REAL one gives all of them as REAL (datatype3.html, section 3).
    """
    b, a = f"b.{quote(column.name)}", f"a.{quote(column.name)}"
    unequal = f"+{b} IS NOT +{a} COLLATE BINARY"
    kind = affinity(column.type, strict=table.strict)
    if kind in ("TEXT", "REAL"):
        return unequal
    if kind == "BLOB":
        return f"{unequal} OR typeof({b}) <> typeof({a})"
    # What is equal has the class INTEGER in the copy, so it is asked for only where the original had another.
    return f"{unequal} OR (typeof({b}) = 'real' AND typeof({a}) <> 'real')"


def _join(old: Table, new: Table) -> tuple[str, str] | None:
    source, target = rowid_name(old), rowid_name(new)
    if source and target and (_rowid_copy(old, new) is not None or source == target):
        return f"b.{source}", f"b.{source} = a.{target}"
    if old.primary_key is not None and new.primary_key is not None:
        names = [quote(name) for name in old.primary_key.columns]
        if names == [quote(name) for name in new.primary_key.columns]:
            return ", ".join(f"b.{name}" for name in names), " AND ".join(f"b.{name} IS a.{name}" for name in names)
    return None


def _unchanged(old: Table, after: Column, new: Table, facts: Facts) -> bool:
    """Whether the copy has to be seen to give the very value back: no fill, no other type, no other affinity."""
    before = old.column(after.name)
    name = (fold(new.name), fold(after.name))
    if before is None or before.type != after.type or name in facts.fills or name in facts.values:
        return False
    if _is_alias(old, before.name) and _is_alias(new, after.name):
        return False  # the rows are found by it
    if affinity(before.type, strict=old.strict) != affinity(after.type, strict=new.strict):
        return False
    return before.generated is None and after.generated is None


def _carried(old: Table, new: Table, temp: str, facts: Facts) -> list[Statement]:
    """The sequence and the statistics move to the new table before DROP takes the old one's away."""
    found: list[Statement] = []
    here, there = literal(temp), literal(old.name)
    # Also where AUTOINCREMENT goes: the number does no harm, and with it the way back reuses no id.
    if any(table.primary_key is not None and table.primary_key.autoincrement for table in (old, new)):
        last = f"(SELECT max(seq) FROM main.sqlite_sequence WHERE name = {there})"
        found.append(
            Statement(sql=f"UPDATE main.sqlite_sequence SET seq = max(seq, coalesce({last}, 0)) WHERE name = {here}")
        )
        found.append(
            Statement(
                sql=f"INSERT INTO main.sqlite_sequence(name, seq) SELECT {here}, max(seq) FROM main.sqlite_sequence"
                f" WHERE name = {there} AND NOT EXISTS (SELECT 1 FROM main.sqlite_sequence WHERE name = {here})"
                " GROUP BY name"
            )
        )
        found.append(Statement(sql=f"DELETE FROM main.sqlite_sequence WHERE name = {there}"))
    return found + _statistics(old.name, temp, facts)


def _statistics(old: str, new: str, facts: Facts) -> list[Statement]:
    """DROP takes a table's statistics away, so they stand under the new table's name meanwhile."""
    return [Statement(sql=sql) for sql in carried_over(old, new, facts.statistics)]
