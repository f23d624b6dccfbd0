"""Foreign keys before and after: only violations that were not there before count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TypeAlias

from sodaf_migrate.compare.changes import SchemaDiff
from sodaf_migrate.errors import StatementError
from sodaf_migrate.plan import Cost, Plan
from sodaf_migrate.schema.model import Schema, fold
from sodaf_migrate.wire.connection import Wire

__all__ = ["Violations", "concerned", "may_break_keys", "new_violations", "violations"]

#: (child table, parent table, columns of the key, rowid or None where rows have none), folded, with how many rows.
Violation: TypeAlias = tuple[str, str, tuple[str, ...], int | None]
#: By folded child table; None where SQLite cannot check it, because a parent has no such key.
Violations: TypeAlias = dict[str, Counter[Violation] | None]

#: Beyond as many violations in one table they are only counted, to keep memory flat.
_KEPT = 10_000

_COUNT = "SELECT count(*) FROM pragma_foreign_key_check(?, 'main')"
_EACH = "SELECT parent, fkid, rowid FROM pragma_foreign_key_check(?, 'main')"
_SUMS = "SELECT parent, fkid, NULL, count(*) FROM pragma_foreign_key_check(?, 'main') GROUP BY 1, 2"
_KEYS = "SELECT id, \"from\" FROM pragma_foreign_key_list(?, 'main') ORDER BY id, seq"


def may_break_keys(plan: Plan) -> bool:
    """Whether a plan can break a foreign key: a new column or index cannot, and a check reads whole tables."""
    diff = plan.diff
    if plan.cost is not Cost.INSTANT or diff.tables or diff.foreign_keys or diff.primary_keys or diff.uniques:
        return True
    touched = frozenset({"name", "type", "collation", "generated"})
    return any(c.new is None or (c.old is not None and c.aspects & touched) for c in diff.columns)


def concerned(schema: Schema, scope: Iterable[str]) -> tuple[str, ...]:
    """The tables of ``schema`` with foreign keys, in ``scope`` or pointing into it."""
    asked = {fold(name) for name in scope}
    return tuple(
        table.name
        for table in schema.tables
        if table.foreign_keys
        and (fold(table.name) in asked or any(fold(key.table) in asked for key in table.foreign_keys))
    )


def violations(wire: Wire, tables: Iterable[str]) -> Violations:
    """What ``foreign_key_check`` says of each table."""
    found: Violations = {}
    for table in tables:
        try:
            found[fold(table)] = _violations_in(wire, table)
        except StatementError:  # "foreign key mismatch": a parent without such a key
            found[fold(table)] = None
    return found


def _violations_in(wire: Wire, table: str) -> Counter[Violation]:
    count = wire.value(_COUNT, (table,))
    if not count:
        return Counter()
    columns: dict[int, tuple[str, ...]] = {}
    for key, column in wire.query(_KEYS, (table,)):
        columns[key] = (*columns.get(key, ()), fold(column))
    if count > _KEPT:
        rows = [(fold(parent), columns[key], None, number) for parent, key, _, number in wire.query(_SUMS, (table,))]
    else:
        rows = [(fold(parent), columns[key], rowid, 1) for parent, key, rowid in wire.query(_EACH, (table,))]
    return _counted((fold(table), parent, names, rowid, number) for parent, names, rowid, number in rows)


def _counted(rows: Iterable[tuple[str, str, tuple[str, ...], int | None, int]]) -> Counter[Violation]:
    found: Counter[Violation] = Counter()
    for table, parent, columns, rowid, number in rows:
        found[(table, parent, columns, rowid)] += number
    return found


def new_violations(before: Violations, after: Violations, diff: SchemaDiff) -> list[str]:
    """A sentence for each table in which a key is broken that was not, renames of the ``diff`` followed."""
    tables = {fold(c.old.name): fold(c.new.name) for c in diff.tables if c.old and c.new}
    columns = {
        (fold(c.table), fold(c.old.name)): fold(c.new.name)
        for c in diff.columns
        if c.old is not None and c.new is not None
    }
    rekeyed = {fold(change.table) for change in diff.primary_keys}  # their rows may have other rowids now
    known = {tables.get(name, name): _moved(rows, tables, columns) for name, rows in before.items()}
    found = []
    for table, rows in after.items():
        old = known.get(table, Counter())
        if rows is None:
            if old is not None:
                found.append(f'the foreign keys of "{table}" point to columns that are no key')
            continue
        if old is None:
            continue  # nobody can tell what is new
        count = _number_of_new(old, rows, by_row=table not in rekeyed)
        if count:
            parents = ", ".join(sorted({f'"{parent}"' for _, parent, _, _ in rows - old} or {"its parent"}))
            found.append(f'{count} row{"" if count == 1 else "s"} of "{table}" would have no parent in {parents}')
    return found


def _number_of_new(old: Counter[Violation], new: Counter[Violation], *, by_row: bool) -> int:
    if by_row and not any(row[3] is None for row in (*old, *new)):
        return (new - old).total()
    return (_without_rowids(new) - _without_rowids(old)).total()


def _without_rowids(rows: Counter[Violation]) -> Counter[Violation]:
    return _counted((*row[:3], None, number) for row, number in rows.items())


def _moved(
    rows: Counter[Violation] | None, tables: dict[str, str], columns: dict[tuple[str, str], str]
) -> Counter[Violation] | None:
    if rows is None:
        return None
    moved: list[tuple[str, str, tuple[str, ...], int | None, int]] = []
    for (table, parent, names, rowid), number in rows.items():
        home = tables.get(table, table)
        names = tuple(columns.get((home, name), name) for name in names)
        moved.append((home, tables.get(parent, parent), names, rowid, number))
    return _counted(moved)
