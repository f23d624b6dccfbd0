"""What a plan takes away, in the names of the state before it, is exactly what a backup has to hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from sodaf_migrate import DocTypeEngine, MigrationApplier, Schema, SyncOptions
from sodaf_migrate.plan import Loss
from sodaf_migrate.wire.open import open_wire


def doctype(*fields: dict[str, object], **more: object) -> dict[str, object]:
    """A DocType called Thing."""
    return {"name": "Thing", "fields": list(fields), **more}


def field(fieldname: str, fieldtype: str = "Data", **more: object) -> dict[str, object]:
    """One field."""
    return {"fieldname": fieldname, "fieldtype": fieldtype, **more}


def losses(tmp_path: Path, before: dict, after: dict, rows: list[str], **options: object) -> tuple[Loss, ...]:
    """The losses of going from one definition to the other with these rows (statements)."""
    path = tmp_path / "site.db"
    MigrationApplier(path, DocTypeEngine.from_doctypes([before])).sync_doctype("Thing")
    with open_wire(path) as wire:
        for row in rows:
            wire.run(row)
    options.setdefault("allow", frozenset({"drop_column", "lossy_conversion", "drop_duplicates", "blank_to_null"}))
    plan = MigrationApplier(path, DocTypeEngine.from_doctypes([after])).plan("Thing", SyncOptions(**options))
    with open_wire(path, readonly=True) as wire:  # every condition and expression runs over the rows as they are
        for loss in plan.losses:
            became = "".join(f", ({expression or 'NULL'})" for expression in loss.became)
            wire.query(f'SELECT 1{became} FROM "{loss.table}" WHERE {loss.where or 1}')
    return plan.losses


def concerned(tmp_path: Path, loss: Loss) -> list[str]:
    """The names of the rows that a loss is about."""
    with open_wire(tmp_path / "site.db", readonly=True) as wire:
        found = wire.query(f'SELECT name FROM "{loss.table}" WHERE {loss.where or 1} ORDER BY name')
    return [name for (name,) in found]


ROWS = [
    "INSERT INTO tabThing(name, code) VALUES ('a', '12')",
    "INSERT INTO tabThing(name, code) VALUES ('b', '012')",
    "INSERT INTO tabThing(name, code) VALUES ('c', NULL)",
    "INSERT INTO tabThing(name, code) VALUES ('d', '')",
]


def test_a_column_that_goes_is_lost_where_it_has_a_value(tmp_path: Path) -> None:
    """A NULL needs no backup, for the column comes back with NULL."""
    (loss,) = losses(tmp_path, doctype(field("code")), doctype(field("other")), ROWS)
    assert (loss.columns, loss.became, loss.new_columns, loss.key) == (("code",), ("",), ("",), ("name",))
    assert concerned(tmp_path, loss) == ["a", "b", "d"]


def test_a_null_beside_a_default_is_lost_too(tmp_path: Path) -> None:
    """The column would come back with its default in every row."""
    (loss,) = losses(tmp_path, doctype(field("code", default="x")), doctype(field("other")), ROWS)
    assert concerned(tmp_path, loss) == ["a", "b", "c", "d"]


def test_only_values_that_do_not_convert_back_are_lost(tmp_path: Path) -> None:
    """'12' comes back from 12; '012' and the blank do not."""
    (loss,) = losses(tmp_path, doctype(field("code")), doctype(field("code", "Int")), ROWS)
    assert (loss.columns, loss.new_columns, loss.new_table) == (("code",), ("code",), "tabThing")
    assert concerned(tmp_path, loss) == ["b", "d"]


def test_a_renamed_and_retyped_column_is_told_in_both_names(tmp_path: Path) -> None:
    """The condition speaks of what is there, the new name of what will be."""
    after = doctype(field("number", "Int", old_fieldname="code"))
    (loss,) = losses(tmp_path, doctype(field("code")), after, ROWS)
    assert (loss.columns, loss.new_columns) == (("code",), ("number",))
    assert concerned(tmp_path, loss) == ["b", "d"]


@pytest.mark.parametrize(("unique", "names"), [("code", ["a2"]), ("other", [])])
def test_repeated_rows_are_lost_whole(tmp_path: Path, unique: str, names: list[str]) -> None:
    """Only the rows that go, not the one that stays of each group."""
    rows = [
        "INSERT INTO tabThing(name, code, other, modified) VALUES ('a1', 'x', '1', '2026-01-02')",
        "INSERT INTO tabThing(name, code, other, modified) VALUES ('a2', 'x', '2', '2026-01-01')",
    ]
    before = doctype(field("code"), field("other"))
    fields = [field(name, unique=name == unique) for name in ("code", "other")]
    found = losses(tmp_path, before, doctype(*fields), rows)
    assert [concerned(tmp_path, loss) for loss in found] == ([names] if names else [])
    assert all(loss.columns == () for loss in found)


def test_a_blank_that_becomes_null_is_lost(tmp_path: Path) -> None:
    """So that going back tells '' from NULL."""
    rows = [*ROWS, "INSERT INTO tabThing(name, code) VALUES ('e', '')"]
    (loss,) = losses(tmp_path, doctype(field("code")), doctype(field("code", unique=True)), rows)
    assert (loss.columns, loss.became, concerned(tmp_path, loss)) == (("code",), ("NULL",), ["d", "e"])


def test_of_rows_with_a_key_of_two_columns_only_the_repeated_one_goes(tmp_path: Path) -> None:
    """A key's first column alone would name innocent rows too."""
    head = "CREATE TABLE t (a TEXT, b TEXT, c TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID"
    applier = MigrationApplier(tmp_path / "site.db")
    applier.sync_schema(Schema.from_sql(head))
    with open_wire(tmp_path / "site.db") as wire:
        wire.run("INSERT INTO t VALUES ('1', '1', 'x'), ('1', '2', 'x'), ('1', '3', 'y'), ('2', '1', 'z')")
    wish = Schema.from_sql(f"{head}; CREATE UNIQUE INDEX u ON t (c)")
    result = applier.sync_schema(wish, SyncOptions(force=True))
    with open_wire(tmp_path / "site.db", readonly=True) as wire:
        assert wire.query("SELECT * FROM t ORDER BY a, b") == [("1", "2", "x"), ("1", "3", "y"), ("2", "1", "z")]
    assert result.plan is not None
    (loss,) = result.plan.losses
    assert (loss.key, loss.columns) == (("a", "b"), ())
