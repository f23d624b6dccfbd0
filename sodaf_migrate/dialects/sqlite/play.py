"""Runs one statement of a plan; the shadow and the live database go through the same few lines."""

from __future__ import annotations

from sodaf_migrate.errors import ShadowMismatchError
from sodaf_migrate.plan import Statement
from sodaf_migrate.wire.connection import Wire

__all__ = ["play"]

_SHOWN = 5


def play(wire: Wire, statement: Statement) -> int:
    """Run it and return the rows that it changed.

    Raises ShadowMismatchError when a check finds rows, StatementError and its kin when SQLite refuses.
    """
    if statement.catalogue:
        wire.edit_catalogue(statement.sql)
        return 0
    if statement.check is None:
        return wire.run(statement.sql)
    rows = wire.query(statement.sql)
    if rows:
        shown = ", ".join(_short(row) for row in rows[:_SHOWN])
        raise ShadowMismatchError(
            f"{statement.check}: {shown}",
            hint="Everything was rolled back. Look at those rows, then run it again.",
            details={"check": statement.check, "sql": statement.sql, "rows": len(rows)},
        )
    return 0


def _short(row: tuple[object, ...]) -> str:
    text = ", ".join(map(repr, row))
    return text if len(text) <= 80 else text[:79] + "…"
