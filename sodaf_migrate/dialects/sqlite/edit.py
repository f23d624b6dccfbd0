"""Changes that only the stored text of a table needs: an edit of SQLite's catalogue, where that is safe.

SQLite's documentation describes the edit for dropping constraints and changing defaults (lang_altertable.html, section
7). It is not safe as it stands there: rows that are older than a column take their value from the DEFAULT in the
stored text, so that a changed DEFAULT would change them. Every edit is tried on the shadow first and checked after.
"""

from __future__ import annotations

from sodaf_migrate.compare.pair import pair
from sodaf_migrate.dialects.sqlite.ddl import redraw
from sodaf_migrate.dialects.sqlite.names import literal, quote
from sodaf_migrate.dialects.sqlite.parse import parse_table
from sodaf_migrate.dialects.sqlite.types import affinity, is_integer
from sodaf_migrate.plan import Cost, Statement
from sodaf_migrate.schema.model import Column, Constraint, Literal, PrimaryKey, Sql, Table, Unique, fold

__all__ = ["SHORT_RECORDS", "constant_text", "default_condition", "edit", "edit_cost", "exactly", "sound"]

#: The check that fails when rows take the old DEFAULT from the stored text: then the table has to be rebuilt.
SHORT_RECORDS = "rows that are older than their column take the old DEFAULT from the table's text"


def edit(
    old: Table,
    new: Table,
    counts: dict[str, int],
    retyped: frozenset[str] = frozenset(),
) -> tuple[Statement, ...] | None:
    """The catalogue edit that turns ``old`` into ``new`` with the checks that prove it, None where it is not safe.

    ``counts`` gives, by folded column, how many rows hold the old constant default where it changes (from the census);
    ``retyped`` are the folded columns whose values the caller writes anew for another affinity.
    """
    if not _is_safe(old, new, counts, retyped):
        return None
    text = redraw(old.sql, new)
    if _automatic(text) != _automatic(old.sql):
        return None  # SQLite finds the indexes of constraints by their order in the text
    where = f"type = 'table' AND name = {literal(old.name)}"
    found = [Statement(sql=f"UPDATE main.sqlite_schema SET sql = {literal(text)} WHERE {where}", catalogue=True)]
    shortened = [a for a, b in _changed(old, new) if a.default != b.default and fold(a.name) in counts]
    found += [_default_kept(old, column, counts[fold(column.name)]) for column in shortened]
    if old.without_rowid and (shortened or _needs_scan(old, new)):
        return None  # the checks of SQLite 3.40 look at the wrong column where the key is not the first one
    if _needs_scan(old, new):
        found.append(sound("quick_check", old.name))
    return tuple(found)


def edit_cost(statements: tuple[Statement, ...]) -> Cost:
    """INSTANT for the edit alone, SCAN when rows have to be read to prove it."""
    return Cost.INSTANT if len(statements) == 1 else Cost.SCAN


def _automatic(sql: str) -> list[Constraint]:
    """The constraints that have an index, in the order in which they stand in the text."""
    found: list[Constraint] = []
    for element in parse_table(sql).elements:
        for constraint in (*(clause.constraint for clause in element.clauses), element.constraint):
            if isinstance(constraint, (PrimaryKey, Unique)):
                found.append(constraint)
    return found


def _changed(old: Table, new: Table) -> list[tuple[Column, Column]]:
    return [(before, after) for before, after in zip(old.columns, new.columns, strict=True) if before != after]


def _is_safe(old: Table, new: Table, counts: dict[str, int], retyped: frozenset[str]) -> bool:
    if [column.name for column in old.columns] != [column.name for column in new.columns]:
        return False
    same = (old.primary_key, old.without_rowid) == (new.primary_key, new.without_rowid)
    if not same or (new.strict and not old.strict):
        return False
    uniques = pair(old.uniques, new.uniques, lambda constraint: constraint)
    if uniques.added or uniques.removed:  # their index would be missing: "malformed"
        return False
    pairs = list(zip(old.columns, new.columns, strict=True))
    stay = [(a, b) for a, b in pairs if fold(b.name) not in retyped]
    if any(affinity(a.type, strict=old.strict) != affinity(b.type, strict=new.strict) for a, b in stay):
        return False  # stored values would keep the old storage class; ANY means nothing outside STRICT
    key = old.primary_key.columns if old.primary_key is not None else ()
    if any(a.name in key and is_integer(a.type) != is_integer(b.type) for a, b in pairs):
        return False  # WITHOUT ROWID, the index of an INTEGER key is made after all others, else in its place
    return all(_column_is_safe(before, after, counts) for before, after in _changed(old, new))


def _column_is_safe(before: Column, after: Column, counts: dict[str, int]) -> bool:
    if (before.generated, before.collation) != (after.generated, after.collation):
        return False  # indexes would answer with old values, or in the wrong order
    constant = before.default is None or _is_constant(before.default)
    return before.default == after.default or not constant or fold(before.name) in counts


def _is_constant(default: Sql | Literal) -> bool:
    """Whether ADD COLUMN accepts it on a table with rows: only such a default can stand in for missing values."""
    if isinstance(default, Literal):
        return True
    return not default.text.lstrip().startswith("(") and not default.key.upper().startswith("CURRENT_")


def _needs_scan(old: Table, new: Table) -> bool:
    tightened = any(after.not_null and not before.not_null for before, after in _changed(old, new))
    checks = pair(old.checks, new.checks, lambda constraint: constraint)
    return tightened or bool(checks.added)


def default_condition(column: Column, held: str | None = None) -> str | None:
    """The rows whose value is the column's constant default, which may be missing from the record itself.

    ``held`` is what stands for the value, the column itself if None.
    """
    if column.generated is not None or (column.default is not None and not _is_constant(column.default)):
        return None
    value = constant_text(column.default) if isinstance(column.default, Sql) else "NULL"
    return f"{held or quote(column.name)} IS {exactly(value)}"


def exactly(value: str) -> str:
    """A constant at the right of IS or IS NOT: 'a' is not 'A' whatever the column's collation, 5 is not TRUE.

    "x IS TRUE" asks whether x is true (lang_expr.html, "Boolean Expressions"), which the unary plus prevents.
    """
    return f"+{value} COLLATE BINARY"


def constant_text(default: Sql) -> str:
    """A default as it can stand in an expression: a bare word is a string there only by its canonical form."""
    return default.key if default.key.startswith("'") else default.text


def _default_kept(table: Table, column: Column, count: int) -> Statement:
    rows = f"SELECT count(*) AS n FROM main.{quote(table.name)} NOT INDEXED WHERE {default_condition(column)}"
    return Statement(sql=f"SELECT n FROM ({rows}) WHERE n <> {count}", check=SHORT_RECORDS)


def sound(pragma: str, table: str) -> Statement:
    """The check that ``quick_check`` or ``integrity_check`` finds no fault in a table and its indexes."""
    sql = f"SELECT {pragma} FROM pragma_{pragma}({literal(table)}, 'main') WHERE {pragma} <> 'ok'"
    return Statement(sql=sql, check=f'{pragma} of "{table}" finds fault')
