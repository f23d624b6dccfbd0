"""What is said of a column that cannot be NOT NULL yet."""

from __future__ import annotations

from sodaf_migrate.compare.changes import ColumnChange
from sodaf_migrate.dialects.sqlite.edit import constant_text
from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.plan import Finding, Severity
from sodaf_migrate.schema.model import Column, Sql

__all__ = ["pending"]


def pending(change: ColumnChange, rows: int, samples: tuple[str, ...], *, label: str, back: bool) -> Finding:
    """That ``rows`` leave the column empty, and what to do; ``label`` is what a hazard would be allowed for.

    On a way ``back`` no later sync comes to tighten it, so there ``samples`` (keys of such rows) are named.
    """
    column = change.new
    assert column is not None
    message = f'"{column.name}" stays nullable while rows leave it empty'
    hint = "Fill those rows, or give the field a default and allow fill_nulls; the next sync tightens it."
    if back:
        message = f'"{column.name}" of "{change.table}" was NOT NULL, and stays nullable while {_said(rows, samples)}'
        hint = _way_out(change, column, label)
    return Finding(
        code="NOT_NULL_PENDING",
        severity=Severity.WARNING,
        target=f"{change.table}.{column.name}",
        message=message,
        hint=hint,
        rows=rows,
    )


def _said(rows: int, samples: tuple[str, ...]) -> str:
    shown = f" (such as {', '.join(samples)})" if samples else ""
    return f"{rows} row leaves it empty{shown}" if rows == 1 else f"{rows} rows leave it empty{shown}"


def _way_out(change: ColumnChange, column: Column, label: str) -> str:
    if change.old is None:
        return f'The rest comes back. Fill "{column.name}" afterwards; rows that came since have no value of it.'
    table, name = quote(change.table), quote(change.old.name)
    fill = f"ill them (UPDATE {table} SET {name} = … WHERE {name} IS NULL), then roll back."
    if not isinstance(column.default, Sql) or column.default.key.upper() == "NULL":
        return f"F{fill}"
    default = constant_text(column.default)
    return f"Allow fill_nulls:{label}.{change.old.name} to give them the default of before, {default}; or f{fill}"
