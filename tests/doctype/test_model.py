"""The models: both spellings, what is kept, what is ignored, and the digest."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sodaf_migrate.doctype.catalogue import FIELD_TYPES, nearest_types
from sodaf_migrate.doctype.engine import DocTypeEngine
from sodaf_migrate.doctype.model import DocField, DocType


def note(**given: Any) -> DocType:
    return DocTypeEngine.from_doctypes([{"name": "Note", "fields": [], **given}]).get("Note")


def field(**given: Any) -> DocField:
    return note(fields=[{"fieldname": "x", "fieldtype": "Data", **given}]).fields[0]


def test_the_catalogue_is_whole() -> None:
    """Every type of both frameworks is known."""
    said = """Data, Small Text, Text, Long Text, Text Editor, Code, Markdown Editor, HTML Editor, JSON, Int, Long Int,
    Float, Currency, Percent, Duration, Rating, Check, Select, Link, Dynamic Link, Table, Table MultiSelect, Date,
    Datetime, Time, Password, Read Only, Attach, Attach Image, Signature, Color, Geolocation, Barcode, Phone,
    Autocomplete, Icon, Image, Section Break, Column Break, Tab Break, Fold, Heading, Button, HTML"""
    assert {" ".join(name.split()) for name in said.split(",")} == set(FIELD_TYPES)


@pytest.mark.parametrize(
    ("wrong", "right"), [("Integer", "Int"), ("Textt", "Text"), ("LINK", "Link"), ("Date Time", "Datetime")]
)
def test_nearest_types(wrong: str, right: str) -> None:
    """A mistyped type finds its right one."""
    assert nearest_types(wrong)[0] == right
    assert nearest_types("Zzzzzz") == ()


def test_frappe_spelling() -> None:
    """Flags of 0 and 1, "" for nothing, null for nothing, and the leftovers of its history."""
    made = note(
        doctype="DocType",
        istable=1,
        autoname=None,
        table_name="",
        engine="InnoDB",
        fields=[
            {
                "fieldname": "x",
                "fieldtype": "Data",
                "reqd": 1,
                "search_index": 1,
                "unique": 0,
                "precision": "",
                "length": "",
                "options": None,
                "oldfieldname": "y",
                "label": "",
                "hidden": "",
            }
        ],
    )
    (only,) = made.fields
    assert made.istable and made.table == "tabNote"
    assert (only.reqd, only.required, only.wants_index, only.unique) == (True, False, True, False)
    assert (only.length, only.precision, only.old_fieldname) == (None, None, ())
    assert only.model_extra is not None and only.model_extra["oldfieldname"] == "y"


def test_sodaf_spelling() -> None:
    """Its own words for the same things."""
    made = note(is_single=True, fields=[{"fieldname": "x", "fieldtype": "Data", "required": True, "indexed": True}])
    assert made.issingle and made.fields[0].required and made.fields[0].wants_index
    assert note(is_child=True).istable


@pytest.mark.parametrize(
    ("given", "names"),
    [("a", ("a",)), (["a", "b"], ("a", "b")), ("", ()), (None, ()), ([], ()), (["a", "a", ""], ("a",))],
)
def test_old_fieldname(given: Any, names: tuple[str, ...]) -> None:
    """A name, a list of names, or nothing."""
    assert field(old_fieldname=given).old_fieldname == names
    assert note(old_name=given).old_name == names


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        (["x", "modified"], [("x", False), ("modified", False)]),
        (["x desc", "modified ASC"], [("x", True), ("modified", False)]),
        (["-x", "  modified  "], [("x", True), ("modified", False)]),
        ("x, modified desc", [("x", False), ("modified", True)]),
        ([{"field": "x", "descending": True}, {"fieldname": "modified"}], [("x", True), ("modified", False)]),
        ([{"column": "x", "order": "DESC"}, {"name": "modified", "order": "asc"}], [("x", True), ("modified", False)]),
    ],
)
def test_index_parts(written: Any, parts: list[tuple[str, bool]]) -> None:
    """An index lists its columns in any of the ways people write them."""
    for key in ("fields", "columns"):
        (index,) = note(fields=[{"fieldname": "x", "fieldtype": "Data"}], indexes=[{key: written}]).indexes
        assert [(part.field, part.descending) for part in index.fields] == parts


def test_options_may_be_a_list() -> None:
    """SODAF may list what Frappe writes in lines."""
    assert field(fieldtype="Select", options=["A", "B"]).choices == ("A", "B") == field(options="A\nB").choices


def test_unknown_keys_are_kept() -> None:
    """What a later version or another tool wrote is not lost, and counts in the digest."""
    made = note(colour="red", fields=[{"fieldname": "x", "fieldtype": "Data", "bold": 1}])
    assert made.model_extra == {"colour": "red"} and made.fields[0].model_extra == {"bold": 1}
    assert made.digest != note(fields=[{"fieldname": "x", "fieldtype": "Data"}]).digest


def test_models_are_frozen() -> None:
    """A definition does not change under anybody's hands."""
    with pytest.raises(ValidationError, match="frozen"):
        note().name = "Memo"


def test_the_digest_knows_only_meaning() -> None:
    """Order of keys, and defaults that are said or not, make no other definition; anything else does."""
    first = note(fields=[{"fieldname": "x", "fieldtype": "Data", "length": 5}], issingle=False)
    second = note(fields=[{"length": 5, "fieldtype": "Data", "fieldname": "x", "reqd": 0}])
    assert first.digest == second.digest != note(fields=[{"fieldname": "x", "fieldtype": "Data", "length": 6}]).digest
    assert len(first.digest) == 64


def test_version() -> None:
    """The stamp of the definition, else the beginning of its digest."""
    made = note()
    assert made.version == made.digest[:12]
    assert note(modified="2024-01-01 00:00:00").version == "2024-01-01 00:00:00"
