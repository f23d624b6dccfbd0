"""What a field's ``default`` is: a constant that the database can keep, or something the application works out.

Frappe's rule is followed (frappe/database/schema.py, DEFAULT_SHORTCUTS, and values that begin with a colon), and
widened to SODAF's ``eval:``.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any, TypeAlias

from sodaf_migrate.doctype.catalogue import Storage
from sodaf_migrate.doctype.model import DocField

__all__ = ["Misfit", "Scalar", "is_dynamic", "static_default"]

Scalar: TypeAlias = str | int | float

_SHORTCUTS = frozenset({"__user", "_login", "_full name", "today", "__today", "now", "__now"})
_CALL = re.compile(r"[A-Za-z_][\w.]*\(.*\)\Z")
_DATE = r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
_TIME = r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?"
_SHAPES = {
    Storage.DATE: (re.compile(_DATE + r"\Z"), "a date like 2024-12-31"),
    Storage.DATETIME: (
        re.compile(rf"{_DATE}(?:[ T]{_TIME}(?:Z|[+-]\d\d:?\d\d)?)?\Z"),
        "a date and time like 2024-12-31 23:59:59",
    ),
    Storage.TIME: (re.compile(_TIME + r"\Z"), "a time like 23:59:59"),
}
_WORDS = {"true": 1, "yes": 1, "on": 1, "false": 0, "no": 0, "off": 0}


class Misfit(ValueError):
    """A default that its field cannot hold; the text says what would fit."""


def is_dynamic(field: DocField) -> bool:
    """Whether the application works the default out for each new row (Today, now, __user, :field, eval:…)."""
    value = field.default
    if not isinstance(value, str) or (field.fieldtype == "Select" and value in field.choices):
        return False
    text = value.strip()
    if text.startswith((":", "__", "eval:")) or text.lower() in _SHORTCUTS:
        return True
    if field.fieldtype == "Link" and text.lower() == "user":
        return True
    return field.type.storage in _SHAPES and _CALL.match(text) is not None


def static_default(field: DocField) -> Scalar | None:
    """The constant that the column gets, or None for no default or a dynamic one. Raises Misfit when it cannot fit.

    '' is a default for text and means none for numbers, dates and JSON. A Check without a default gets 0.
    """
    storage = field.type.storage
    if field.default is None or is_dynamic(field):
        return 0 if storage is Storage.CHECK else None
    if storage in (Storage.TEXT, Storage.LONG_TEXT):
        return _text(field.default)
    if isinstance(field.default, str) and not field.default.strip():
        return 0 if storage is Storage.CHECK else None
    return _READERS[storage](field.default, storage)


def _text(value: Any) -> str:
    if isinstance(value, (dict, list)):
        raise Misfit("text, not a JSON object or list")
    if isinstance(value, str):
        return storable(value)
    return json.dumps(value)


def storable(text: str) -> str:
    """``text`` unless no SQL statement can carry it: NUL ends a statement, a lone surrogate is no UTF-8."""
    if "\0" in text:
        raise Misfit("text without the character NUL")
    if not text.isascii() and not text.encode("utf-8", "replace").decode() == text:
        raise Misfit("text without lone surrogates (half of a character written as \\ud800)")
    return text


def _number(value: Any, storage: Storage) -> int | float:
    """Words, text and JSON numbers as a number; whole ones as int, so that SQL says 5 and not 5.0."""
    if isinstance(value, str):
        text = value.strip().lower()
        if text in _WORDS:
            return _WORDS[text]
        if "_" in text:
            raise Misfit("a number")
        value = _parsed(text)
    if isinstance(value, bool):
        return int(value)
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        raise Misfit("a number")
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def _parsed(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        raise Misfit("a number") from None


def _real(value: Any, storage: Storage) -> int | float:
    try:
        number = _number(value, storage)
        return number if isinstance(number, float) or abs(number) < 2**63 else float(number)
    except OverflowError:
        raise Misfit("a number that a 64-bit float can hold") from None


def _integer(value: Any, storage: Storage) -> int:
    number = _real(value, storage)
    if not isinstance(number, int):
        raise Misfit("a whole number of at most 64 bits")
    return number


def _check(value: Any, storage: Storage) -> int:
    number = _integer(value, storage)
    if number not in (0, 1):
        raise Misfit("0 or 1")
    return number


def _moment(value: Any, storage: Storage) -> str:
    shape, wanted = _SHAPES[storage]
    if not isinstance(value, str) or not shape.match(value.strip()):
        raise Misfit(f"{wanted}, or a dynamic one such as Today or now")
    return value.strip()


def _json(value: Any, storage: Storage) -> str:
    if not isinstance(value, str):
        return storable(json.dumps(value, ensure_ascii=False))
    try:
        json.loads(storable(value))
    except (ValueError, RecursionError) as error:
        raise Misfit(str(error) if isinstance(error, Misfit) else "valid JSON") from None
    return value


_READERS: dict[Storage, Callable[[Any, Storage], Scalar]] = {
    Storage.NUMBER: _real,
    Storage.INTEGER: _integer,
    Storage.CHECK: _check,
    Storage.DATE: _moment,
    Storage.DATETIME: _moment,
    Storage.TIME: _moment,
    Storage.JSON: _json,
}
