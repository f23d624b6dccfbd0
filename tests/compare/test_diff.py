"""Diffs as values: what they say, how they reverse, what they lead to."""

from __future__ import annotations

import pytest

from sodaf_migrate.compare.apply import applied
from sodaf_migrate.compare.changes import ColumnChange, OrderChange, SchemaDiff
from sodaf_migrate.compare.compare import Policy, compare
from sodaf_migrate.compare.names import object_names
from sodaf_migrate.schema.model import Check, Column, Index, KeyPart, ObjectName, Schema, Sql, Table

ID = Column(name="id", type="INTEGER", not_null=True)
PHONE = Column(name="phone", type="TEXT")
LEGACY = Column(name="legacy", type="TEXT", not_null=True)


def schema(*columns: Column, **more: object) -> Schema:
    """A schema of one table."""
    return Schema(tables=(Table(name="t", columns=columns, **more),))  # type: ignore[arg-type]


def test_nothing_to_do() -> None:
    """A schema compared with itself gives no change, whoever owns it."""
    live = schema(ID, PHONE)
    for whole in (True, False):
        assert not compare(live, live, doctype="T", policy=Policy(whole=whole)).has_changes


def test_what_a_change_says_of_itself() -> None:
    """Aspects, destructiveness and the need to touch rows follow from old and new."""
    retyped = ColumnChange(table="t", old=PHONE, new=Column(name="phone", type="INTEGER"))
    assert (retyped.aspects, retyped.destructive, retyped.requires_data_migration) == ({"type"}, True, True)
    renamed = ColumnChange(table="t", old=PHONE, new=Column(name="mobile", type="TEXT"))
    assert (renamed.aspects, renamed.destructive, renamed.requires_data_migration) == ({"name"}, False, False)
    dropped = ColumnChange(table="t", old=PHONE, new=None)
    assert dropped.destructive and not dropped.aspects


def test_a_removed_field_is_kept_and_relaxed() -> None:
    """Our column that is no longer wished stays; if nothing fills it any more it stops refusing new rows."""
    live = schema(ID, LEGACY)
    diff = compare(live, schema(ID), doctype="T", policy=Policy(owned=object_names(live)))
    assert [kept.reason for kept in diff.kept] == ["removed_field"]
    (change,) = diff.columns
    assert change.new is not None and not change.new.not_null


def test_a_foreign_column_is_left_alone() -> None:
    """A column that is not ours is neither dropped nor relaxed, even where ours might be dropped."""
    live = schema(ID, LEGACY)
    diff = compare(live, schema(ID), doctype="T", policy=Policy())
    assert not diff.has_changes
    assert [kept.reason for kept in diff.kept] == ["foreign"]


def test_a_doctype_cannot_speak_of_collations_and_options() -> None:
    """What a definition cannot express is taken from what is there; a wish in SQL says it all."""
    live = schema(ID, Column(name="phone", type="TEXT", collation="NOCASE"), strict=True)
    assert not compare(live, schema(ID, PHONE), doctype="T", policy=Policy()).has_changes
    said = compare(live, schema(ID, PHONE), doctype="T", policy=Policy(whole=True))
    assert said.columns and said.options


def test_an_equal_index_under_another_name_satisfies_a_doctype() -> None:
    """No second index is made beside a live one that does the same."""
    part = (KeyPart(column="phone"),)
    live = Schema(tables=schema(ID, PHONE).tables, indexes=(Index(name="by_hand", table="t", parts=part),))
    wish = Schema(tables=live.tables, indexes=(Index(name="ix_t_phone", table="t", parts=part),))
    assert not compare(live, wish, doctype="T", policy=Policy()).has_changes
    assert compare(live, wish, doctype="T", policy=Policy(whole=True)).added_indexes


def test_forth_and_back_is_where_we_were() -> None:
    """A diff applied and then its reverse gives the schema that was there, order of columns included."""
    check = Check(expression=Sql("id > 0", "ID > 0"))
    live = schema(ID, LEGACY, PHONE, checks=(check,))
    wish = schema(ID, Column(name="phone", type="INTEGER"), Column(name="city", type="TEXT"))
    policy = Policy(whole=True, owned=object_names(live), may_drop=lambda name, ours: True)
    diff = compare(live, wish, doctype="T", policy=policy)
    there = applied(live, diff)
    assert there == wish
    assert applied(there, diff.reversed()) == live
    assert diff.reversed().reversed() == SchemaDiff(**{**_parts(diff), "kept": (), "likely_renames": ()})


def test_ownership_names_things_case_aside() -> None:
    """History remembers things under folded names."""
    assert ObjectName("column", "t", "id") in object_names(
        Schema(tables=(Table(name="T", columns=(Column(name="Id"),)),))
    )


def _parts(diff: SchemaDiff) -> dict[str, object]:
    return {name: getattr(diff, name) for name in SchemaDiff.__slots__}


@pytest.mark.parametrize("match", [False, True])
@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("a, b, c", "b, c", False),
        ("a, b, c", "a, c", False),
        ("a, b, c", "a, b", False),
        ("a, b, c", "a, c, d", False),
        ("a, b, c", "c, a", True),
        ("a, b, c", "a, d, c", True),
    ],
)
def test_a_column_that_goes_is_one_change(before: str, after: str, said: bool, match: bool) -> None:
    """What stays in its order is not said to change it; the way back puts the column where it was all the same."""
    live, wish = (schema(*(Column(name=name) for name in names.split(", "))) for names in (before, after))
    policy = Policy(whole=True, match_order=match, may_drop=lambda name, ours: True)
    diff = compare(live, wish, doctype="t", policy=policy)
    orders = [change for change in diff.changes if isinstance(change, OrderChange)]
    assert bool(orders) is (said and match)
    back = applied(applied(live, diff), diff.reversed())
    assert [column.name for column in back.tables[0].columns] == [column.name for column in live.tables[0].columns]
