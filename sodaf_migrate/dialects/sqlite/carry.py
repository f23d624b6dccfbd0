"""What the values of a changing column become, as SQL over its row: one answer for the census and for the steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

from sodaf_migrate.compare.changes import ColumnChange, SchemaDiff
from sodaf_migrate.dialects.sqlite.conversion import (
    Conversion,
    Outcome,
    SiteFormats,
    conversion,
    policy_expression,
    side_expression,
)
from sodaf_migrate.dialects.sqlite.edit import constant_text, exactly
from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.dialects.sqlite.transform import transformed
from sodaf_migrate.schema.model import Sql, fold

__all__ = ["SIDE", "Carried", "carried", "conversion_of", "kept_beside", "left_by", "side_of"]

#: What is put behind a column's name for the column that keeps what did not convert.
SIDE = "__old"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """``value`` replaces what the column holds. ``lossy`` and ``impossible`` are conditions, None where never true.

    ``side`` is what the column beside it keeps, None where nothing has to be kept.
    """

    value: str
    lossy: str | None = None
    impossible: str | None = None
    side: str | None = None

    def spelled(self, spell: Callable[[str], str]) -> Carried:
        """The same in other names."""
        parts = {part.name: getattr(self, part.name) for part in fields(self)}
        return replace(self, **{name: spell(text) for name, text in parts.items() if text is not None})


def carried(
    change: ColumnChange, column: str, *, lossy: bool, back: bool = False, kept: str | None = None
) -> Carried | None:
    """What becomes of the values in ``column`` (quoted, as it will be called); None where every one stays as it is.

    ``lossy`` says whether losses are allowed. On a way ``back`` nothing is done where the way forward did nothing;
    ``kept`` is the quoted column beside it that holds what the way forward could not convert.
    """
    own = transformed(change)
    if own is not None:
        return Carried(value=own)
    found = conversion_of(change, column)
    if found is None or (kept is None and (found.trivial or (back and _did_nothing(change, column)))):
        return None
    said, new = change.treatment, change.new
    default = new.default if new is not None else None
    text = constant_text(default) if isinstance(default, Sql) else None
    value = policy_expression(found, said.on_conversion_error, text, allow_lossy=lossy, allow_longer=True)
    if kept is not None:
        value = column if _did_nothing(change, column) else value
        unwritten = f"{column} IS {exactly(left_by(change))}"
        return Carried(value=f"CASE WHEN {unwritten} THEN coalesce({kept}, {value}) ELSE {value} END")
    keeps = said.on_conversion_error == "keep"
    return Carried(
        value=value,
        lossy=found.where(Outcome.LOSSY),
        impossible=found.impossible,
        side=side_expression(found, allow_lossy=lossy, allow_longer=True) if keeps else None,
    )


def conversion_of(change: ColumnChange, column: str) -> Conversion | None:
    """The conversion that the field types of ``change`` ask for over the quoted ``column``; None where unknown."""
    if transformed(change) is not None:
        return None
    if change.fields is None or change.new is None or change.new.generated is not None:
        return None
    said = change.treatment
    formats = SiteFormats(moments=said.date_formats, numbers=said.number_formats)
    return conversion(*change.fields, column, options=said.options, formats=formats)


def _did_nothing(change: ColumnChange, column: str) -> bool:
    """Whether the way forward, of which ``change`` is the way back, left every value as it was."""
    assert change.fields is not None
    after, before = change.fields
    return conversion(before, after, column).trivial


def side_of(diff: SchemaDiff, change: ColumnChange) -> str | None:
    """On a way back, the quoted column that goes and holds what ``change`` could not convert on its way forward."""
    if not diff.is_reverse or change.new is None or change.fields is None:
        return None
    for other in diff.columns:
        gone = other.old if other.new is None and fold(other.table) == fold(change.table) else None
        if gone is not None and fold(gone.name) == fold(change.new.name + SIDE):
            return quote(gone.name)
    return None


def kept_beside(diff: SchemaDiff, side: ColumnChange) -> ColumnChange | None:
    """On a way back, the change that gets back what the column ``side``, which goes, has kept; None where none does."""
    name = side.old.name if side.old is not None else ""
    found = (change for change in diff.columns if fold(change.table) == fold(side.table))
    return next((change for change in found if side_of(diff, change) == quote(name)), None)


def left_by(change: ColumnChange) -> str:
    """On a way back, what the column holds beside what was kept, where nobody has changed it since."""
    old = change.old
    filled = old is not None and old.not_null and isinstance(old.default, Sql)
    return constant_text(old.default) if filled and old is not None and isinstance(old.default, Sql) else "NULL"
