"""What stands in a DocType's place, or in its way: one sentence and a hint each, and nothing changed."""

from __future__ import annotations

from typing import Any

import pytest

from sodaf_migrate import MigrationError
from tests.founding.conftest import Site, customer

WIDE = {"name": "Wide", "fields": [{"fieldname": f"f{n}", "fieldtype": "Data"} for n in range(2001)]}
INDEXED = customer(phone={"fieldname": "phone", "fieldtype": "Data", "indexed": 1})
NUMBERED = {"name": "Customer", "autoname": "autoincrement", "fields": []}


@pytest.mark.parametrize(
    ("before", "definition", "words"),
    [
        ("CREATE VIEW tabCustomer AS SELECT 1", customer(), "a view that is not ours has it already"),
        ("CREATE VIRTUAL TABLE tabCustomer USING fts5(a)", customer(), "a virtual table that is not ours has it"),
        ("CREATE TABLE x(a); CREATE INDEX tabCustomer ON x(a)", customer(), 'an index on "x" has it already'),
        ('CREATE TABLE x(a); CREATE INDEX "ix_tabCustomer.phone" ON x(a)', INDEXED, 'an index on "x" has it already'),
        ("CREATE TABLE tabMigrationHistory(a)", customer(), "a table of its name is none of ours"),
        ("", WIDE, "too many columns"),
        ("CREATE TABLE tabCustomer(name TEXT PRIMARY KEY); INSERT INTO tabCustomer VALUES ('x')", NUMBERED, "'x'"),
    ],
)
def test_it_is_said_and_nothing_changes(site: Site, before: str, definition: dict[str, Any], words: str) -> None:
    """The message names what is in the way, the hint the way out, and the schema is as it was."""
    for statement in before.split("; "):
        site.query(statement)
    schema = site.query("SELECT name, sql FROM sqlite_schema ORDER BY name")
    with pytest.raises(MigrationError, match=words.replace('"', ".")) as refused:
        site.applier(definition).sync_doctype(definition["name"])
    assert refused.value.hint
    assert site.query("SELECT name, sql FROM sqlite_schema ORDER BY name") == schema


def test_one_bad_wish_leaves_the_others(site: Site) -> None:
    """In a run over many DocTypes only the one that SQLite refuses fails."""
    result = site.applier(customer(), WIDE).sync_all_doctypes()
    assert [r.doctype for r in result.successful] == ["Customer"] and [r.doctype for r in result.failed] == ["Wide"]


@pytest.mark.parametrize(
    "before",
    [
        "CREATE TABLE tabCustomer(name TEXT PRIMARY KEY, b) WITHOUT ROWID",
        "CREATE TABLE tabCustomer(b)",
        "CREATE TABLE TABCUSTOMER(NAME TEXT PRIMARY KEY, Phone TEXT)",
        "CREATE TABLE tabCustomer(name TEXT PRIMARY KEY, phone TEXT NOT NULL, credit INTEGER) STRICT",
    ],
)
def test_odd_tables_are_taken_over(site: Site, before: str) -> None:
    """A table that somebody else made in the DocType's place is brought in step, and stays so."""
    site.query(before)
    applier = site.applier(customer())
    assert applier.sync_doctype("Customer").changed
    assert not applier.sync_doctype("Customer").changed
    assert {"name", "phone", "credit", "docstatus"} <= {name.lower() for name in site.columns("tabCustomer")}
