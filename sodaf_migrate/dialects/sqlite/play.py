"""Runs one statement of a plan; the shadow and the live database go through the same few lines."""

from __future__ import annotations

from sodaf_migrate.dialects.sqlite.names import in_main
from sodaf_migrate.dialects.sqlite.parts import ROWS, Told, play_parts
from sodaf_migrate.errors import ShadowMismatchError, StatementError
from sodaf_migrate.plan import Statement
from sodaf_migrate.wire.connection import Wire

__all__ = ["play"]

_SHOWN = 5


def play(wire: Wire, statement: Statement, *, live: bool = False, part: int = ROWS, told: Told | None = None) -> int:
    """Run it and return the rows that it changed; ``told(done, total)`` is called after each ``part`` of its rows.

    In the ``live`` database a view or trigger that has nothing to do with the plan may be broken since long; SQLite
    then refuses any RENAME, unless the catalogue is open (lang_altertable.html, section 7). The shadow holds only
    what the plan concerns, and there such an error counts.

    Raises ShadowMismatchError when a check finds rows, StatementError and its kin when SQLite refuses.
    """
    if statement.catalogue:
        wire.edit_catalogue(statement.sql)
        return 0
    if statement.batch is not None:
        return play_parts(wire, statement, part=part, told=told)
    if statement.check is None:
        return _run(wire, statement.sql, live)
    rows = wire.query(statement.sql)
    if rows:
        shown = ", ".join(_short(row) for row in rows[:_SHOWN])
        raise ShadowMismatchError(
            f"{statement.check}: {shown}",
            hint="Everything was rolled back. Look at those rows, then run it again.",
            details={"check": statement.check, "sql": statement.sql, "rows": len(rows)},
        )
    return 0


def _run(wire: Wire, sql: str, live: bool) -> int:
    try:
        return wire.run(in_main(sql))
    except StatementError as error:
        reason = str(error.details.get("reason", ""))
        if not live or " RENAME " not in sql or not reason.startswith(("error in view", "error in trigger")):
            raise
        with wire.pragmas(writable_schema=1):
            return wire.run(sql)


def _short(row: tuple[object, ...]) -> str:
    text = ", ".join(map(repr, row))
    return text if len(text) <= 80 else text[:79] + "…"
