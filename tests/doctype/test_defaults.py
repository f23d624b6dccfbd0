"""What a default becomes, for every kind of field."""

from __future__ import annotations

from typing import Any

import pytest

from sodaf_migrate.doctype.catalogue import FIELD_TYPES
from sodaf_migrate.doctype.defaults import is_dynamic, static_default
from sodaf_migrate.doctype.model import DocField

CASES: list[tuple[str, Any, Any]] = [
    ("Data", "it's", "it's"),
    ("Data", "", ""),
    ("Data", " padded ", " padded "),
    ("Data", 'say "x"', 'say "x"'),
    ("Data", "名前", "名前"),
    ("Data", "NULL", "NULL"),
    ("Data", "CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP"),
    ("Data", "now()", "now()"),
    ("Data", 5, "5"),
    ("Data", 1.5, "1.5"),
    ("Data", True, "true"),
    ("Data", "007", "007"),
    ("Text", "a\nb", "a\nb"),
    ("Select", "Open", "Open"),
    ("Link", "Piece", "Piece"),
    ("Int", "0", 0),
    ("Int", "1", 1),
    ("Int", " 42 ", 42),
    ("Int", "-7", -7),
    ("Int", "5.0", 5),
    ("Int", 5.0, 5),
    ("Int", "1e3", 1000),
    ("Int", True, 1),
    ("Int", "true", 1),
    ("Int", "", None),
    ("Int", 2**63 - 1, 2**63 - 1),
    ("Int", str(-(2**63) + 1), -(2**63) + 1),
    ("Long Int", "9007199254740993", 9007199254740993),
    ("Check", None, 0),
    ("Check", "", 0),
    ("Check", "1", 1),
    ("Check", "true", 1),
    ("Check", "No", 0),
    ("Check", False, 0),
    ("Check", "1.0", 1),
    ("Check", "eval:doc.x", 0),
    ("Float", "0.1", 0.1),
    ("Float", "1", 1),
    ("Float", "2.50", 2.5),
    ("Float", "true", 1),
    ("Float", -0.0, 0),
    ("Float", 10**30, 1e30),
    ("Currency", "99.90", 99.9),
    ("Duration", 3600, 3600),
    ("Rating", "0.8", 0.8),
    ("Date", "2024-02-29", "2024-02-29"),
    ("Date", "", None),
    ("Datetime", "2024-02-29 13:45:00", "2024-02-29 13:45:00"),
    ("Datetime", "2024-02-29T13:45:00.123456+02:00", "2024-02-29T13:45:00.123456+02:00"),
    ("Datetime", "2024-02-29", "2024-02-29"),
    ("Time", "08:30", "08:30"),
    ("JSON", "{}", "{}"),
    ("JSON", '{"a": "it\'s"}', '{"a": "it\'s"}'),
    ("JSON", {"a": ["é"]}, '{"a": ["é"]}'),
    ("JSON", 5, "5"),
    ("JSON", "", None),
]


def make(fieldtype: str, default: Any, **given: Any) -> DocField:
    return DocField(fieldname="x", fieldtype=fieldtype, default=default, **given)


@pytest.mark.parametrize(("fieldtype", "default", "expected"), CASES)
def test_static(fieldtype: str, default: Any, expected: Any) -> None:
    """The constant is of the field's kind, whatever the spelling."""
    found = static_default(make(fieldtype, default))
    assert found == expected
    assert type(found) is type(expected)


DYNAMIC = ["Today", "today", "now", "Now", "__user", "__today", "_Login", ":company", ":x", "eval:doc.a + 1", " Today "]


@pytest.mark.parametrize("default", DYNAMIC)
@pytest.mark.parametrize("fieldtype", [name for name, kind in FIELD_TYPES.items() if kind.has_column])
def test_dynamic(fieldtype: str, default: str) -> None:
    """What the application works out is no constant, for a field of any type."""
    field = make(fieldtype, default)
    assert is_dynamic(field)
    assert static_default(field) == (0 if fieldtype == "Check" else None)


def test_dynamic_by_type() -> None:
    """A call is one for a date, "user" for a link; a Select's own choice never is."""
    assert is_dynamic(make("Datetime", "frappe.utils.now_datetime()"))
    assert is_dynamic(make("Link", "user", options="User"))
    assert not is_dynamic(make("Select", "Now", options="Now\nLater"))
    assert is_dynamic(make("Select", "Now", options="Then\nLater"))
