"""How SQLite spells a name, where it stands, and a constant."""

from __future__ import annotations

import math
import re

from sodaf_migrate.errors import DefinitionError

__all__ = ["in_main", "literal", "quote"]

#: How SQLite begins the stored text of an index or trigger, whatever its author wrote.
_MADE = re.compile(r"CREATE (?:(?:UNIQUE )?INDEX|TRIGGER) (?!IF |main\.|temp\.)")


def quote(name: str) -> str:
    """``name`` as an identifier that no keyword, blank or quote inside it can break."""
    return '"' + name.replace('"', '""') + '"'


def in_main(sql: str) -> str:
    """A stored statement that makes an index or trigger, so that it does so in ``main``; any other as it is.

    Where a TEMP table hides the one that is named, it would become the TEMP one's (sqlite.org/lang_createtrigger.html).
    What SQLite stores is the same: it leaves the name of the database out.
    """
    made = _MADE.match(sql)
    return f"{made.group()}main.{sql[made.end() :]}" if made else sql


def literal(value: str | int | float | bytes | bool | None) -> str:
    """``value`` as an SQL expression that gives exactly it. Raises DefinitionError for an integer beyond 64 bits."""
    if value is None:
        return "NULL"
    if isinstance(value, (bool, int)):
        return _integer(int(value))
    if isinstance(value, float):
        return _real(value)
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    return _text(value)


def _integer(value: int) -> str:
    if not -(2**63) <= value < 2**63:
        raise DefinitionError(
            f'The integer "{value}" does not fit in 64 bits, so SQLite would store an inexact number.',
            hint="Give a smaller number, or keep it as text.",
        )
    return str(value)


def _real(value: float) -> str:
    if math.isnan(value):
        return "NULL"  # which is what SQLite stores for it
    if math.isinf(value):
        return "9e999" if value > 0 else "-9e999"
    return repr(value)


def _text(value: str) -> str:
    # SQL text ends at a NUL, so one has to be computed.
    pieces = ["'" + piece.replace("'", "''") + "'" for piece in value.split("\0")]
    return pieces[0] if len(pieces) == 1 else "(" + " || char(0) || ".join(pieces) + ")"
