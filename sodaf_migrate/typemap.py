"""Field type to neutral column type, and nothing else."""

from __future__ import annotations

from sodaf_migrate.doctype.catalogue import Storage
from sodaf_migrate.doctype.model import DocField

__all__ = ["DECIMAL_DIGITS", "neutral_type"]

#: Digits of a decimal in all, whatever its precision: what 64-bit money holds, and no more than 18 go behind the point.
DECIMAL_DIGITS = 18

_TYPES: dict[Storage, str | None] = {
    Storage.TEXT: "text",
    Storage.LONG_TEXT: "text",
    Storage.JSON: "text",
    Storage.INTEGER: "integer",
    Storage.CHECK: "integer",
    Storage.NUMBER: "real",
    Storage.DATE: "text",
    Storage.DATETIME: "text",
    Storage.TIME: "text",
    Storage.TABLE: None,
    Storage.LAYOUT: None,
}


def neutral_type(field: DocField) -> str | None:
    """The type of the field's column: text, varchar(n), integer, real or decimal(18,p); None when it makes no column.

    ``length`` limits one-line text only; ``precision`` (0 to 18 digits behind the point) turns Float, Currency and
    Percent into a decimal, and is without meaning for every other type.
    """
    kind = field.type
    if not field.has_column:
        return None
    if kind.storage is Storage.TEXT and field.length:
        return f"varchar({field.length})"
    if kind.takes_precision and field.precision is not None:
        return f"decimal({DECIMAL_DIGITS},{field.precision})"
    return _TYPES[kind.storage]
