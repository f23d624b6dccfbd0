"""What a DocType wishes for: columns, keys, indexes, renames, for each kind there is."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sodaf_migrate.desired import SiteRules, Wish, index_name, singles_indexes, singles_table, wished
from sodaf_migrate.dialects.sqlite.normalise import normalise
from sodaf_migrate.doctype.catalogue import FIELD_TYPES
from sodaf_migrate.doctype.engine import DocTypeEngine
from sodaf_migrate.errors import ConfigurationError
from sodaf_migrate.schema.model import Column, Index, KeyPart, Literal, Schema, Sql, Table, fold
from tests.generators.doctypes import doctypes

STANDARD = ["name", "creation", "modified", "modified_by", "owner", "docstatus", "idx"]


def wish(*fields: dict[str, Any], site: SiteRules | None = None, **given: Any) -> Wish:
    engine = DocTypeEngine.from_doctypes([{"name": "Note", "fields": list(fields), **given}])
    return wished(engine.get("Note"), site)


def table(*fields: dict[str, Any], site: SiteRules | None = None, **given: Any) -> Table:
    made = wish(*fields, site=site, **given).table
    assert made is not None
    return made


def names(*fields: dict[str, Any], **given: Any) -> list[str]:
    return [column.name for column in table(*fields, **given).columns]


def column(site: SiteRules | None = None, **given: Any) -> Column:
    return table({"fieldname": "x", "fieldtype": "Data", **given}, site=site).columns[-1]


def x(**given: Any) -> dict[str, Any]:
    return {"fieldname": "x", "fieldtype": "Data", **given}


TYPES = {
    "text": "Data|Small Text|Select|Password|Read Only|Color|Phone|Autocomplete|Icon|Barcode|Attach|Attach Image|Text"
    "|Long Text|Text Editor|Code|Markdown Editor|HTML Editor|Geolocation|Signature|JSON|Date|Datetime|Time",
    "integer": "Int|Long Int|Check",
    "real": "Float|Currency|Percent|Duration|Rating",
}
TYPE_CASES = [(name, neutral) for neutral, listed in TYPES.items() for name in listed.split("|")]


@pytest.mark.parametrize(("fieldtype", "neutral"), TYPE_CASES)
def test_type(fieldtype: str, neutral: str) -> None:
    """Each field type has its column type."""
    assert column(fieldtype=fieldtype).type == neutral


@pytest.mark.parametrize("fieldtype", [name for name, kind in FIELD_TYPES.items() if not kind.has_column])
def test_no_column(fieldtype: str) -> None:
    """Layout and child tables make none."""
    assert names(x(fieldtype=fieldtype, options="y")) == STANDARD


def test_every_type_is_covered() -> None:
    """No type is forgotten by the two tests above, Link and Dynamic Link (text with a target) aside."""
    with_column = {name for name, kind in FIELD_TYPES.items() if kind.has_column}
    assert with_column == {name for name, _ in TYPE_CASES} | {"Link", "Dynamic Link"}
    assert column(fieldtype="Link", options="Note").type == column(fieldtype="Dynamic Link", options="x").type == "text"


@pytest.mark.parametrize(
    ("given", "neutral"),
    [
        ({"length": 140}, "varchar(140)"),
        ({"length": 0}, "text"),
        ({"fieldtype": "Small Text", "length": 10}, "varchar(10)"),
        ({"fieldtype": "Attach Image", "length": 10}, "varchar(10)"),
        ({"fieldtype": "Text", "length": 10}, "text"),
        ({"fieldtype": "JSON", "length": 10}, "text"),
        ({"fieldtype": "Int", "length": 11}, "integer"),
        ({"fieldtype": "Float", "precision": "3"}, "decimal(18,3)"),
        ({"fieldtype": "Currency", "precision": 2}, "decimal(18,2)"),
        ({"fieldtype": "Percent", "precision": 0}, "decimal(18,0)"),
        ({"fieldtype": "Currency", "precision": ""}, "real"),
        ({"fieldtype": "Rating", "precision": 2}, "real"),
        ({"fieldtype": "Duration", "precision": 2}, "real"),
        ({"fieldtype": "Data", "precision": 2}, "text"),
    ],
)
def test_length_and_precision(given: dict[str, Any], neutral: str) -> None:
    """A length limits one-line text, a precision makes a decimal, and both mean nothing elsewhere."""
    assert column(**given).type == neutral


def test_virtual_field() -> None:
    """A virtual field keeps nothing."""
    assert names(x(is_virtual=1)) == STANDARD


REQUIRED = [
    ({}, (False, False, False)),
    ({"required": True}, (True, True, False)),
    ({"reqd": 1}, (False, True, False)),
    ({"not_nullable": 1}, (True, True, True)),
    ({"reqd": 1, "not_nullable": 1}, (True, True, True)),
    ({"fieldtype": "Check"}, (True, True, True)),
]


@pytest.mark.parametrize(("given", "expected"), REQUIRED)
def test_not_null(given: dict[str, Any], expected: tuple[bool, ...]) -> None:
    """Who requires decides whether it is the database's matter, unless the site decides for all."""
    rules = [SiteRules(), SiteRules(required="database"), SiteRules(required="application")]
    assert tuple(column(rule, **given).not_null for rule in rules) == expected


def test_unknown_rule_for_required() -> None:
    """A site that says something else is told what there is."""
    with pytest.raises(ConfigurationError, match='"sometimes" is no rule') as caught:
        SiteRules(required="sometimes")  # type: ignore[arg-type]
    assert caught.value.hint


def test_defaults() -> None:
    """Constants become literals of the column's kind, dynamic defaults nothing, and a Check is 0 unless it is 1."""
    assert column(default="it's").default == Literal("it's")
    assert column(default="").default == Literal("")
    assert column(default="Today").default is None
    assert column(fieldtype="Int", default="5").default == Literal(5)
    assert column(fieldtype="Check").default == Literal(0)
    assert column(fieldtype="Check", default="1").default == Literal(1)


def test_standard_columns() -> None:
    """Every table has them, the key first, and counters that are never NULL."""
    made = table()
    assert [(c.name, c.type, c.not_null, c.default) for c in made.columns] == [
        ("name", "text", False, None),
        ("creation", "text", False, None),
        ("modified", "text", False, None),
        ("modified_by", "text", False, None),
        ("owner", "text", False, None),
        ("docstatus", "integer", True, Literal(0)),
        ("idx", "integer", True, Literal(0)),
    ]
    assert made.primary_key is not None
    assert made.primary_key.columns == ("name",) and not made.primary_key.autoincrement


def test_autoincrement() -> None:
    """A counter names the rows, in either case of the word."""
    made = table(autoname="Autoincrement")
    assert made.columns[0].type == "integer"
    assert made.primary_key is not None and made.primary_key.autoincrement and made.primary_key.rowid_alias


def test_child() -> None:
    """A child knows its parent, which is indexed."""
    made = wish(x(), istable=1)
    assert made.table is not None
    assert [c.name for c in made.table.columns] == [*STANDARD, "parent", "parentfield", "parenttype", "x"]
    assert [index.name for index in made.indexes] == ["ix_tabNote.parent"]


def test_kinds_add_columns() -> None:
    """Submittable, tree and seen add theirs behind the fields, and leave out what the definition declares."""
    assert names(x(), is_submittable=1) == [*STANDARD, "x", "amended_from"]
    assert names(x(), track_seen=1) == [*STANDARD, "x", "_seen"]
    tree = ["lft", "rgt", "is_group", "old_parent"]
    assert names(x(), is_tree=1) == [*STANDARD, "x", *tree, "parent_note"]
    assert names(is_tree=1, nsm_parent_field="boss") == [*STANDARD, *tree, "boss"]
    declared = {"fieldname": "parent_note", "fieldtype": "Link", "options": "Note"}
    assert names(declared, is_tree=1) == [*STANDARD, "parent_note", *tree]
    assert names({"fieldname": "Amended_From", "fieldtype": "Data"}, is_submittable=1) == [*STANDARD, "Amended_From"]
    assert table(is_tree=1).columns[9] == Column(name="is_group", type="integer", not_null=True, default=Literal(0))


def test_tree_of_a_hostile_name() -> None:
    """The parent field of any DocType has a sane name."""
    engine = DocTypeEngine.from_doctypes([{"name": "Rob'); DROP TABLE x", "fields": [], "is_tree": 1}])
    made = wished(engine.get("Rob'); DROP TABLE x")).table
    assert made is not None and made.columns[-1].name == "parent_rob_drop_table_x"


def test_single_and_virtual() -> None:
    """A Single has rows in the table of all Singles, a virtual one has nothing; neither has a table or an index."""
    single, virtual = wish(x(unique=1), issingle=1), wish(x(indexed=1), is_virtual=1)
    assert (single.table, single.indexes, single.single) == (None, (), True)
    assert (virtual.table, virtual.indexes, virtual.single) == (None, (), False)


def test_the_table_of_singles() -> None:
    """Three columns of text and one index."""
    made = singles_table()
    assert [(c.name, c.type) for c in made.columns] == [("doctype", "text"), ("field", "text"), ("value", "text")]
    assert [index.name for index in singles_indexes()] == ["ix_tabSingles.doctype,field"]
    assert normalise(Schema(tables=(made,), indexes=singles_indexes())).table("tabSingles")


def test_renames() -> None:
    """Old names of columns, of Table fields and of the DocType are handed on, each as what it is."""
    rows = {"fieldname": "rows", "fieldtype": "Table", "options": "Row", "old_fieldname": ["lines", "items"]}
    made = wish(x(old_fieldname=["a", "x", "b"]), rows, old_name=["Memo", "Jot"])
    assert made.renames == (("a", "x"), ("b", "x"))
    assert made.parentfield_renames == (("Row", "lines", "rows"), ("Row", "items", "rows"))
    assert made.old_names == ("Memo", "Jot") and made.old_tables == ("tabMemo", "tabJot")
    assert wish(table_name="tabMemo", old_name="Memo").old_tables == ()
    assert wish(x(oldfieldname="a")).renames == ()
    assert wish(x(old_fieldname="a"), issingle=1).renames == (("a", "x"),)


def test_swap_of_names() -> None:
    """Two fields may take each other's name."""
    other = {"fieldname": "y", "fieldtype": "Data", "old_fieldname": "x"}
    assert wish(x(old_fieldname="y"), other).renames == (("y", "x"), ("x", "y"))


def test_indexes() -> None:
    """Unique and indexed fields, and written indexes, each once and with a name that says what it is."""
    y = {"fieldname": "y", "fieldtype": "Data", "search_index": 1}
    written: list[dict[str, Any]] = [
        {"fields": ["y"]},
        {"fields": ["X", "modified desc"]},
        {"fields": ["x", "y"], "unique": True, "where": " y  IS NOT NULL "},
        {"fields": ["x", "y"], "name": "mine"},
    ]
    made = wish(x(unique=1, indexed=1), y, indexes=written).indexes
    assert [(index.name.partition("#")[0], index.unique) for index in made] == [
        ("ux_tabNote.x", True),
        ("ix_tabNote.y", False),
        ("ix_tabNote.x,modified", False),
        ("ux_tabNote.x,y", True),
        ("mine", False),
    ]
    assert made[2].parts == (KeyPart(column="x"), KeyPart(column="modified", descending=True))
    assert made[3].where == Sql(text="y  IS NOT NULL", key="y IS NOT NULL")


def bare(table: str, *columns: str, unique: bool = False, where: str | None = None) -> Index:
    parts = tuple(KeyPart(column=name.removesuffix("-"), descending=name.endswith("-")) for name in columns)
    return Index(name="", table=table, parts=parts, unique=unique, where=Sql(text=where, key=where) if where else None)


def test_index_names_are_stable() -> None:
    """Names that stand in databases already: they must never come out differently."""
    assert index_name(bare("tabItem", "item_group")) == "ix_tabItem.item_group"
    assert index_name(bare("tabItem", "a", "b", unique=True)) == "ux_tabItem.a,b"
    assert index_name(bare("tabItem", "a-")) == "ix_tabItem.a#7b0103c5fe"
    assert index_name(bare("tabItem", "a", where="b = 1")) == "ix_tabItem.a#5651b8026a"
    assert index_name(bare("tab" + "名" * 30, "a")) == "ix_tab" + "名" * 15 + "#4c603887ca"


def test_index_names_differ() -> None:
    """Indexes that differ get names that differ, whatever the table is called."""
    tables = ["tabA", "tabA.b", "tabA_b", "tabA,b", "tabA.b,c", "tab" + "x" * 80, "tab" + "x" * 80 + ".b", "tabA#1"]
    columns: list[tuple[str, ...]] = [("b",), ("b", "c"), ("b_c",), ("b-",), ("b", "c-"), ("c", "b"), ("b", "b_c")]
    kinds: list[tuple[bool, str | None]] = [(True, None), (False, None), (False, "b > 1"), (True, "b > 1")]
    every = [
        index_name(bare(table, *parts, unique=unique, where=where))
        for table, parts, (unique, where) in itertools.product(tables, columns, kinds)
    ]
    assert len(set(map(fold, every))) == len(every)
    assert max(len(name.encode()) for name in every) <= 63


def test_foreign_keys_only_when_asked() -> None:
    """Links become foreign keys where the site asks, to targets that have a table, with the definition's own rule."""
    link = {"fieldname": "a", "fieldtype": "Link", "options": "Note"}
    documents: list[dict[str, Any]] = [
        {
            "name": "Note",
            "table_name": "notes",
            "on_delete": "restrict",
            "fields": [
                link,
                {**link, "fieldname": "b", "on_delete": "set  null"},
                {**link, "fieldname": "c", "options": "One"},
                {**link, "fieldname": "d", "options": "Stranger"},
            ],
        },
        {"name": "One", "fields": [], "issingle": 1},
    ]
    engine = DocTypeEngine.from_doctypes(documents)
    note = engine.get("Note")
    plain, linked = wished(note).table, wished(note, SiteRules(link_foreign_keys=True), table_of=engine.table_of).table
    assert plain is not None and linked is not None
    assert plain.foreign_keys == ()
    assert [(key.columns, key.table, key.referenced, key.on_delete) for key in linked.foreign_keys] == [
        (("a",), "notes", ("name",), "RESTRICT"),
        (("b",), "notes", ("name",), "SET NULL"),
    ]


@given(st.integers(0, 2**32), st.booleans())
def test_sqlite_takes_every_wish(seed: int, links: bool) -> None:
    """Whatever right definitions wish for, SQLite creates, and gives the wished columns and indexes back."""
    engine = DocTypeEngine.from_doctypes(doctypes(seed))
    site = SiteRules(link_foreign_keys=links)
    wishes = [wished(engine.get(name), site, table_of=engine.table_of) for name in engine.names()]
    tables = tuple(wish.table for wish in wishes if wish.table is not None)
    made = normalise(Schema(tables=tables, indexes=tuple(index for wish in wishes for index in wish.indexes)))
    for wish in wishes:
        if wish.table is not None:
            live = made.table(wish.table.name)
            assert live is not None
            assert [column.name for column in live.columns] == [column.name for column in wish.table.columns]
            assert [column.not_null for column in live.columns] == [column.not_null for column in wish.table.columns]
            assert {index.name for index in made.indexes_of(live.name)} == {index.name for index in wish.indexes}
            assert len(live.foreign_keys) == len(wish.table.foreign_keys)
