"""Every field type there is, and what each keeps in a database."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from types import MappingProxyType

__all__ = ["FIELD_TYPES", "FieldType", "Storage", "nearest_types"]


class Storage(StrEnum):
    """What the values of a field are."""

    TEXT = "text"  # one line; a definition may limit its length
    LONG_TEXT = "long_text"  # any length, never limited
    JSON = "json"
    INTEGER = "integer"
    CHECK = "check"  # 0 or 1, never NULL
    NUMBER = "number"  # a real number
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    TABLE = "table"  # rows of a child table: no column
    LAYOUT = "layout"  # nothing: a part of the form


@dataclass(frozen=True, slots=True)
class FieldType:
    """One field type; ``target`` is True when ``options`` must name another DocType or field."""

    name: str
    storage: Storage
    target: bool = False
    takes_precision: bool = False
    has_column: bool = True


def _types() -> dict[str, FieldType]:
    named = {
        Storage.TEXT: "Data|Small Text|Select|Link|Dynamic Link|Password|Read Only|Color|Phone|Autocomplete|Icon"
        "|Barcode|Attach|Attach Image",
        Storage.LONG_TEXT: "Text|Long Text|Text Editor|Code|Markdown Editor|HTML Editor|Geolocation|Signature",
        Storage.JSON: "JSON",
        Storage.INTEGER: "Int|Long Int",
        Storage.CHECK: "Check",
        Storage.NUMBER: "Float|Currency|Percent|Duration|Rating",
        Storage.DATE: "Date",
        Storage.DATETIME: "Datetime",
        Storage.TIME: "Time",
        Storage.TABLE: "Table|Table MultiSelect",
        Storage.LAYOUT: "Section Break|Column Break|Tab Break|Fold|Heading|Button|HTML|Image",
    }
    pairs = [(name, storage) for storage, names in named.items() for name in names.split("|")]
    return {
        name: FieldType(
            name,
            storage,
            target=name in {"Link", "Dynamic Link", "Table", "Table MultiSelect"},
            takes_precision=name in {"Float", "Currency", "Percent"},
            has_column=storage not in (Storage.TABLE, Storage.LAYOUT),
        )
        for name, storage in pairs
    }


#: Field types by name: those of SODAF and those that Frappe adds.
FIELD_TYPES = MappingProxyType(_types())


def nearest_types(name: str) -> tuple[str, ...]:
    """Up to two known field types that look like ``name``, best first; empty when none does."""
    lowered = {known.lower(): known for known in FIELD_TYPES}
    found = get_close_matches(name.strip().lower(), lowered, n=2, cutoff=0.5)
    return tuple(lowered[match] for match in found)
