"""The shipped business: whole, without a warning, and one of its tables to the letter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sodaf_migrate.desired import SiteRules, wished
from sodaf_migrate.dialects.sqlite.normalise import normalise
from sodaf_migrate.doctype.catalogue import FIELD_TYPES
from sodaf_migrate.doctype.engine import DocTypeEngine
from sodaf_migrate.schema.model import Schema

FOLDER = Path(__file__).parents[2] / "doctypes"
GOLDEN = Path(__file__).parent / "golden"
BUSINESS = """Address, Contact, Customer, Customer Group, Item, Item Group, Item Price, Payment Entry,
Price List, Sales Invoice, Sales Invoice Item, Sales Order, Sales Order Item,
Sales Taxes and Charges, Selling Settings, Territory"""


@pytest.fixture(scope="module")
def engine() -> DocTypeEngine:
    return DocTypeEngine.from_directory(FOLDER)


def test_the_business_is_whole(engine: DocTypeEngine) -> None:
    """Every DocType is there, nothing is skipped, and nothing is doubtful."""
    assert {" ".join(name.split()) for name in BUSINESS.split(",")} <= set(engine.names())
    assert engine.notes == () and engine.warnings == ()


def test_every_kind_is_there(engine: DocTypeEngine) -> None:
    """Each kind of DocType, index and spelling has an example."""
    every = [engine.get(name) for name in engine.names()]
    for flag in ("issingle", "istable", "is_tree", "is_submittable", "is_virtual", "track_seen", "autoincrement"):
        assert any(getattr(doctype, flag) for doctype in every), flag
    indexes = [index for doctype in every for index in doctype.indexes]
    assert any(index.unique and index.where and len(index.fields) > 1 for index in indexes)
    assert any(part.descending for index in indexes for part in index.fields)
    frappe = [doctype.name for doctype in every if (doctype.model_extra or {}).get("doctype") == "DocType"]
    assert sorted(frappe) == ["Payment Entry", "Payment Entry Reference"]
    used = {field.fieldtype for doctype in every for field in doctype.fields}
    assert len(FIELD_TYPES.keys() - used) <= 3
    assert engine.dynamic_links() and engine.parents_of("Contact Link")


def test_every_field_says_what_it_is(engine: DocTypeEngine) -> None:
    """A real application's fields have labels, and its DocTypes a description (Frappe's exporter writes none)."""
    for doctype in (engine.get(name) for name in engine.names()):
        assert doctype.module
        assert all(field.label for field in doctype.column_fields)


def test_files_are_formatted_alike() -> None:
    """A definition that is edited and written again by a program gives a diff of that edit alone."""
    for path in FOLDER.rglob("*.json"):
        text = path.read_text(encoding="utf-8")
        indent = 1 if "doctype" in path.parts else 2
        assert text == json.dumps(json.loads(text), indent=indent, ensure_ascii=False) + "\n", path


@pytest.mark.parametrize("name", ["Customer", "Item Price", "Payment Entry", "Stock Movement"])
def test_golden_wish(engine: DocTypeEngine, name: str) -> None:
    """The table and indexes of a shipped DocType, as SQLite stores them."""
    wish = wished(engine.get(name), table_of=engine.table_of)
    assert wish.table is not None
    made = normalise(Schema(tables=(wish.table,), indexes=wish.indexes)).to_sql()
    assert made == (GOLDEN / f"{name.lower().replace(' ', '_')}.sql").read_text(encoding="utf-8")


@pytest.mark.parametrize("links", [False, True])
def test_all_live_in_one_database(engine: DocTypeEngine, links: bool) -> None:
    """No two wishes of the business get in each other's way."""
    site = SiteRules(link_foreign_keys=links)
    wishes = [wished(engine.get(name), site, table_of=engine.table_of) for name in engine.names()]
    tables = tuple(wish.table for wish in wishes if wish.table is not None)
    indexes = tuple(index for wish in wishes for index in wish.indexes)
    made = normalise(Schema(tables=tables, indexes=indexes))
    assert (len(made.tables), len(made.indexes)) == (len(tables), len(indexes)) and len(tables) == len(wishes) - 2
