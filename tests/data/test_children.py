"""Rows that would lose their parents are counted before anything happens, and two claims of one old name are told."""

from __future__ import annotations

import pytest

from sodaf_migrate import DefinitionError, DocTypeEngine, MigrationError, SyncOptions
from sodaf_migrate.desired import SiteRules
from tests.data.conftest import Things, field, thing

KEYS = {"site_rules": SiteRules(link_foreign_keys=True)}
CHILD = {"name": "Part", "fields": [{"fieldname": "of", "fieldtype": "Link", "options": "Thing"}]}
FORCE = SyncOptions(force=True)


def test_repeated_rows_with_children_stay(things: Things) -> None:
    """Deleting a row that repeats another would orphan the rows that point to it: refused, with their number."""
    things.of(thing(field("Data")), CHILD, **KEYS).sync_all_doctypes()
    for name in "abc":
        things.query("INSERT INTO tabThing(name, v) VALUES (?, 'x')", name)
    things.query("INSERT INTO tabPart(name, of) VALUES ('1', 'a'), ('2', 'c')")
    applier = things.of(thing(field("Data", unique=1)), CHILD, **KEYS)
    found = applier.dry_run("Thing").findings
    assert not found  # nothing is deleted that was not allowed
    with pytest.raises(MigrationError, match=r"1 rows whose parent would go .*'a'"):
        applier.sync_doctype("Thing", FORCE)
    things.query("DELETE FROM tabPart WHERE of = 'a'")
    applier.sync_doctype("Thing", FORCE)
    assert things.query("SELECT name FROM tabThing") == [("c",)]


def test_an_orphan_that_was_one_is_no_hindrance(things: Things) -> None:
    """Rows that never had a parent lose none."""
    things.of(thing(field("Data")), CHILD, **KEYS).sync_all_doctypes()
    things.query("INSERT INTO tabThing(name, v) VALUES ('a', 'x'), ('b', 'x')")
    things.query("INSERT INTO tabPart(name, of) VALUES ('1', 'nobody')")
    things.of(thing(field("Data", unique=1)), CHILD, **KEYS).sync_doctype("Thing", FORCE)
    assert things.query("SELECT name FROM tabThing") == [("b",)]


def test_repeated_rows_under_a_new_name(things: Things) -> None:
    """The field is renamed and becomes unique at once."""
    things.start(thing(field("Data")), ["x", "x", "y"])
    new = {"fieldname": "w", "fieldtype": "Data", "unique": 1, "old_fieldname": "v"}
    things.change(thing(new), FORCE)
    assert things.values("w") == ["x", "y"]


def test_two_doctypes_claim_one_old_name() -> None:
    """Both are named, case aside."""
    with pytest.raises(DefinitionError, match=r'"Ant" and "Bee" both claim the old name "[Ff]ly"'):
        DocTypeEngine.from_doctypes([{"name": "Ant", "old_name": "Fly"}, {"name": "Bee", "old_name": ["fly"]}])


def test_two_fields_claim_one_old_fieldname() -> None:
    """Both are named."""
    fields = [{"fieldname": name, "fieldtype": "Data", "old_fieldname": "x"} for name in ("a", "b")]
    with pytest.raises(DefinitionError, match=r'"a" and "b" .* both claim'):
        DocTypeEngine.from_doctypes([thing(*fields)])
