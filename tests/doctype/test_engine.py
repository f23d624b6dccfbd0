"""The engine: names, order, relations, and what customisations make of a definition."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate.doctype.engine import DocTypeEngine
from sodaf_migrate.doctype.model import DocType
from sodaf_migrate.errors import DefinitionError, UnknownDocTypeError


def data(*names: str) -> list[dict[str, Any]]:
    return [{"fieldname": name, "fieldtype": "Data"} for name in names]


def note(*names: str, **given: Any) -> dict[str, Any]:
    return {"name": "Note", "fields": data(*names), **given}


def linked(name: str, *targets: str, fieldtype: str = "Link") -> dict[str, Any]:
    fields = [{"fieldname": f"f{at}", "fieldtype": fieldtype, "options": to} for at, to in enumerate(targets)]
    return {"name": name, "fields": fields}


def names_of(doctype: DocType) -> list[str]:
    return [field.fieldname for field in doctype.fields]


def effective(*documents: Any) -> DocType:
    return DocTypeEngine.from_doctypes(documents).get("Note")


@pytest.mark.parametrize(
    ("edges", "order"),
    [
        ({"A": "", "B": "", "C": ""}, "ABC"),
        ({"A": "B", "B": "C", "C": ""}, "CBA"),
        ({"A": "CB", "B": "", "C": ""}, "BCA"),
        ({"A": "B", "B": "A"}, "BA"),
        ({"A": "A"}, "A"),
        ({"A": "B", "B": "CA", "C": "", "D": "A"}, "CBAD"),
    ],
)
def test_order(edges: dict[str, str], order: str) -> None:
    """Targets come first, ties by name, and a ring is broken somewhere."""
    engine = DocTypeEngine.from_doctypes([linked(name, *targets) for name, targets in edges.items()])
    assert "".join(engine.names()) == order


def test_order_of_a_long_chain() -> None:
    """Two thousand definitions in a row are no reason to run out of stack."""
    chain = [linked(f"D{at:04}", f"D{at + 1:04}") for at in range(2000)]
    assert DocTypeEngine.from_doctypes([*chain, note()]).names()[0] == "D1999"


def test_unknown_name_has_the_nearest() -> None:
    """Who mistypes is told what is there."""
    engine = DocTypeEngine.from_doctypes([{"name": "Sales Order", "fields": []}, note()])
    with pytest.raises(UnknownDocTypeError, match='There is no DocType "sales oder"') as caught:
        engine.get("sales oder")
    assert caught.value.hint == 'Did you mean "Sales Order"?'
    with pytest.raises(UnknownDocTypeError) as caught:
        engine.get("Zebra")
    assert caught.value.hint == "`sodaf-migrate status` lists the definitions (2)."
    assert "Note" in engine and len(engine) == 2


def test_relations() -> None:
    """The engine knows whose child a DocType is, and every Dynamic Link with its type field."""
    child = {"name": "Row", "istable": 1, "fields": []}
    fields = [
        {"fieldname": "kind", "fieldtype": "Link", "options": "DocType"},
        {"fieldname": "what", "fieldtype": "Dynamic Link", "options": "kind"},
    ]
    home = {"name": "Home", "fields": fields}
    parent = linked("Parent", "Row", "Row", fieldtype="Table")
    engine = DocTypeEngine.from_doctypes([child, home, parent])
    assert [(doctype.name, field.fieldname) for doctype, field in engine.parents_of("Row")] == [
        ("Parent", "f0"),
        ("Parent", "f1"),
    ]
    assert engine.parents_of("Home") == ()
    assert [(d.name, link.fieldname, kind.fieldname) for d, link, kind in engine.dynamic_links()] == [
        ("Home", "what", "kind")
    ]


def test_table_of() -> None:
    """A Single and a virtual DocType have no table, nor has a stranger."""
    given = [{"name": "One", "fields": [], "issingle": 1}, {"name": "Air", "fields": [], "is_virtual": 1}]
    engine = DocTypeEngine.from_doctypes([*given, note(table_name="notes")])
    assert [engine.table_of(name) for name in ("One", "Air", "Stranger", "Note")] == [None, None, None, "notes"]


def test_custom_fields_inside_and_outside() -> None:
    """Custom fields are fields, each behind the one it names."""
    inside = {"fieldname": "b", "fieldtype": "Int", "insert_after": "a"}
    outside = {"doctype": "Custom Field", "name": "Note-d", "dt": "Note", "fieldname": "d", "fieldtype": "Date"}
    between = {"doctype": "custom_field", "dt": "Note", "fieldname": "c", "fieldtype": "Data", "insert_after": "b"}
    made = effective(note("a", "z", custom_fields=[inside]), outside, between)
    assert names_of(made) == ["a", "b", "c", "z", "d"]
    assert made.column_fields[-1].fieldtype == "Date"


def test_property_overrides() -> None:
    """A Property Setter sets a property of a field or of the DocType, its text read as the property's kind."""

    def setter(prop: str, value: Any, field: str | None = "a") -> dict[str, Any]:
        kind = "DocField" if field else "DocType"
        given = {"doctype": "Property Setter", "doc_type": "Note", "doctype_or_field": kind, "field_name": field}
        return {**given, "property": prop, "value": value}

    made = effective(
        note("a", "b"),
        setter("length", "200"),
        setter("reqd", "1"),
        setter("default", "it's"),
        setter("precision", ""),
        setter("track_seen", "1", None),
        setter("field_order", '["b", "a"]', None),
        {"doctype": "property_setter", "doc_type": "Note", "fieldname": "b", "property": "fieldtype", "value": "Int"},
    )
    field = made.field("a")
    assert field is not None
    assert (field.length, field.reqd, field.default, field.precision) == (200, True, "it's", None)
    assert made.track_seen and names_of(made) == ["b", "a"] and made.fields[0].fieldtype == "Int"


def test_exported_customisations(tmp_path: Path) -> None:
    """Frappe exports both kinds in one file, ``custom/note.json``."""
    fields = [{"dt": "Note", "fieldname": "extra", "fieldtype": "Data"}]
    setters = [{"doc_type": "Note", "field_name": "a", "property": "unique", "value": "1"}]
    custom = {"doctype": "Note", "custom_fields": fields, "property_setters": setters, "sync_on_migrate": 1}
    (tmp_path / "custom.json").write_text(json.dumps(custom))
    (tmp_path / "note.json").write_text(json.dumps(note("a")))
    made = DocTypeEngine.from_directory(tmp_path).get("Note")
    assert names_of(made) == ["a", "extra"] and made.fields[0].unique


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"doctype": "Custom Field", "fieldname": "x", "fieldtype": "Data"}, "CUSTOMISATION_MALFORMED"),
        ({"doctype": "Property Setter", "doc_type": "Note"}, "CUSTOMISATION_MALFORMED"),
        ({"doctype": "Property Setter", "doc_type": "Note", "property": 5}, "CUSTOMISATION_MALFORMED"),
        (
            {"doctype": "Property Setter", "doc_type": "Note", "property": "x", "field_name": 5},
            "CUSTOMISATION_MALFORMED",
        ),
        ({"doctype": "Property Setter", "doc_type": "Note", "property": "name", "value": "x"}, "PROPERTY_FIXED"),
        (
            {"doctype": "Property Setter", "doc_type": "Note", "property": "x", "field_name": "zz"},
            "PROPERTY_FIELD_UNKNOWN",
        ),
        ({"doctype": "Custom Field", "dt": "Note", "fieldname": "A", "fieldtype": "Data"}, "FIELDNAME_TWICE"),
        ({"doctype": "Note", "custom_fields": {"a": 1}, "property_setters": [5]}, "CUSTOMISATION_MALFORMED"),
    ],
)
def test_faulty_customisations(change: dict[str, Any], code: str) -> None:
    """A customisation that cannot be merged is a problem like any other."""
    with pytest.raises(DefinitionError) as caught:
        DocTypeEngine.from_doctypes([note("a"), change])
    assert {problem.code for problem in caught.value.problems} == {code}
    assert all(problem.hint for problem in caught.value.problems)


def test_customisations_of_a_stranger() -> None:
    """Those of a DocType that is not here are said, and refuse nothing."""
    extra = {"doctype": "Custom Field", "dt": "Stranger", "fieldname": "x", "fieldtype": "Data"}
    engine = DocTypeEngine.from_doctypes([note(), extra, extra])
    assert engine.warnings == ('DocType "Stranger" is customised (2 times), but not among these definitions',)


def test_a_customisation_changes_the_digest() -> None:
    """The digest is that of the effective definition."""
    extra = {"doctype": "Custom Field", "dt": "Note", "fieldname": "x", "fieldtype": "Data"}
    assert effective(note("a")).digest != effective(note("a"), extra).digest


def test_models_go_in_again() -> None:
    """An effective DocType handed to another engine stays what it is, and can be customised there."""
    made = effective(note("a", indexes=[{"fields": ["a desc"]}], is_single=False, extra={"kept": [1]}))
    again = effective(made)
    assert again == made and again.digest == made.digest
    extra = {"doctype": "Custom Field", "dt": "Note", "fieldname": "x", "fieldtype": "Data"}
    assert names_of(effective(made, extra)) == ["a", "x"]


def test_field_order() -> None:
    """Frappe's field_order puts fields in order; one that it forgets stays behind its neighbour."""
    assert names_of(effective(note("a", "b", "c", "d", field_order=["d", "c", "a", "zz"]))) == ["d", "c", "a", "b"]
    assert names_of(effective(note("a", "b", field_order=[1, None, {}]))) == ["a", "b"]


def test_the_given_definitions_are_not_touched() -> None:
    """Merging works on copies."""
    given = note("a", custom_fields=[{"fieldname": "b", "fieldtype": "Data"}])
    setter = {"doctype": "Property Setter", "doc_type": "Note", "field_name": "a", "property": "length", "value": 9}
    before = json.dumps(given)
    effective(given, setter)
    assert json.dumps(given) == before


def test_no_definitions() -> None:
    """An empty engine is an engine."""
    engine = DocTypeEngine.from_doctypes([])
    assert engine.names() == () and engine.warnings == () and engine.notes == ()
