"""A DocType that changes its kind, its key or its name takes its rows along, and brings them back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from sodaf_migrate import DocTypeEngine, MigrationApplier, MigrationError, RollbackOptions, SyncOptions
from tests.data.conftest import Things, field, thing
from tests.oracle import Snapshot, difference, snapshot
from tests.rollback.test_chains import OURS

FORCE = RollbackOptions(force=True)
FIELDS = (
    field("Data"),
    {"fieldname": "n", "fieldtype": "Int"},
    {"fieldname": "x", "fieldtype": "Float"},
    {"fieldname": "c", "fieldtype": "Check"},
)
NORMAL = thing(*FIELDS)
SINGLE = thing(*FIELDS, issingle=1)
ROW = ("the one", "A", None, "word", 5, 0.30000000000000004, 1, 0)
COLUMNS = "name, owner, modified, v, n, x, c, docstatus"


def one_row(things: Things) -> None:
    """The table with its one row."""
    things.of(NORMAL).sync_doctype("Thing")
    things.query(f"INSERT INTO tabThing({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", *ROW)


def singles(things: Things) -> dict[str, Any]:
    """The values of the Single."""
    return dict(things.query("SELECT field, value FROM tabSingles WHERE doctype = 'Thing'"))


def test_one_row_becomes_a_single_and_a_row_again(things: Things) -> None:
    """Every value moves over, and all of them come back as they were, class and all."""
    one_row(things)
    result = things.change(SINGLE)
    assert result.changed and result.affected_rows > 0
    found = singles(things)
    assert (found["v"], found["n"], found["x"], found["c"]) == ("word", "5", "0.30000000000000004", "1")
    assert found["name"] == "the one" and "modified" not in found
    assert things.query("SELECT count(*) FROM tabThing") == [(0,)]
    things.change(NORMAL)
    assert things.query(f"SELECT {COLUMNS} FROM tabThing") == [ROW]
    assert singles(things) == {}


@pytest.mark.parametrize("start", [NORMAL, SINGLE], ids=["to single", "from single"])
def test_and_back_by_rollback(things: Things, start: dict[str, Any]) -> None:
    """A rollback moves them back."""
    one_row(things)
    if start is SINGLE:
        things.change(SINGLE)
    before = (singles(things) if start is SINGLE else {}, things.query(f"SELECT {COLUMNS} FROM tabThing"))
    applier = things.of(NORMAL if start is SINGLE else SINGLE)
    done = applier.sync_doctype("Thing")
    applier.rollback_migration(done.migration_id or "", FORCE)
    there = things.query("SELECT 1 FROM sqlite_schema WHERE name = 'tabSingles'")
    after = (singles(things) if there else {}, things.query(f"SELECT {COLUMNS} FROM tabThing"))
    assert after == before


def test_a_single_that_was_always_one_gets_a_table(things: Things) -> None:
    """Its values become the one row of a new table, named as the DocType; a rollback takes the table away again."""
    things.of(SINGLE).sync_doctype("Thing")
    things.query("INSERT INTO tabSingles VALUES ('Thing', 'v', 'a'), ('Thing', 'n', '7'), ('Thing', 'gone', 'kept')")
    applier = things.of(NORMAL)
    done = applier.sync_doctype("Thing")
    assert things.query("SELECT name, v, n, c, docstatus FROM tabThing") == [("Thing", "a", 7, 0, 0)]
    assert singles(things) == {"gone": "kept"}
    assert not applier.sync_doctype("Thing").changed
    applier.rollback_migration(done.migration_id or "")
    assert singles(things).items() >= {"v": "a", "n": "7", "gone": "kept"}.items()
    assert things.query("SELECT 1 FROM sqlite_schema WHERE name = 'tabThing'") == []


def test_two_rows_are_no_single(things: Things) -> None:
    """It is refused with the reason and the way out, and nothing is changed."""
    one_row(things)
    things.query("INSERT INTO tabThing(name) VALUES ('another')")
    with pytest.raises(MigrationError, match=r"2 rows.*one") as caught:
        things.of(SINGLE).sync_doctype("Thing", SyncOptions(force=True))
    assert caught.value.hint
    assert things.query("SELECT count(*) FROM tabThing") == [(2,)]


def test_values_on_both_sides(things: Things) -> None:
    """Where a row meets values that are there already, nobody can say which ones count."""
    one_row(things)
    things.query("CREATE TABLE tabSingles (doctype TEXT, field TEXT, value TEXT)")
    things.query("INSERT INTO tabSingles VALUES ('Thing', 'v', 'other')")
    with pytest.raises(MigrationError, match="tabSingles"):
        things.of(SINGLE).sync_doctype("Thing", SyncOptions(force=True))
    assert singles(things) == {"v": "other"}


def test_a_required_value_that_a_single_lacks(things: Things) -> None:
    """The row would break NOT NULL: refused beforehand."""
    things.of(SINGLE).sync_doctype("Thing")
    things.query("INSERT INTO tabSingles VALUES ('Thing', 'n', '7')")
    needy = thing(field("Data", required=1), *FIELDS[1:])
    with pytest.raises(MigrationError, match='"v"'):
        things.of(needy).sync_doctype("Thing", SyncOptions(force=True))
    assert singles(things) == {"n": "7"}


def test_a_row_that_comes_meanwhile(things: Things) -> None:
    """Two rows under the lock are not moved by a plan that saw one."""
    one_row(things)
    applier = things.of(SINGLE)
    (migration,) = applier.get_pending_migrations()
    things.query("INSERT INTO tabThing(name) VALUES ('another')")
    with pytest.raises(MigrationError):
        applier.apply_migration(migration)
    assert things.query("SELECT count(*) FROM tabThing") == [(2,)]


@pytest.mark.parametrize("back", ["sync", "rollback"])
def test_a_child_table_and_back(things: Things, back: str) -> None:
    """Its rows stay; the columns of a child come, and are kept when it is none any more."""
    things.start(NORMAL, ["a", "b"])
    applier = things.of({**NORMAL, "istable": 1})
    done = applier.sync_doctype("Thing")
    assert {"parent", "parentfield", "parenttype"} <= set(things.columns("tabThing"))
    assert things.values() == ["a", "b"]
    if back == "rollback":
        applier.rollback_migration(done.migration_id or "", FORCE)
        assert "parent" not in things.columns("tabThing")
    else:
        things.query("UPDATE tabThing SET parent = 'p'")
        things.change(NORMAL)
        assert things.values("parent") == ["p", "p"]
    assert things.values() == ["a", "b"]


COUNTED = {**NORMAL, "autoname": "autoincrement"}
LINK = {"name": "Part", "fields": [{"fieldname": "of", "fieldtype": "Link", "options": "Thing"}]}


def named(things: Things, *names: str) -> None:
    """A row of each name, and one that links to it."""
    things.of(NORMAL, LINK).sync_all_doctypes()
    for name in names:
        things.query("INSERT INTO tabThing(name, v) VALUES (?, 'v' || ?)", name, name)
        things.query("INSERT INTO tabPart(name, of) VALUES (?, ?)", f"to {name}", name)


def test_names_that_are_numbers_become_a_counter(things: Things) -> None:
    """Links still find their rows, new rows count on, and it goes back to names."""
    named(things, "3", "10")
    applier = things.of(COUNTED, LINK)
    done = applier.sync_doctype("Thing")
    assert things.query("SELECT name, v FROM tabThing ORDER BY name") == [(3, "v3"), (10, "v10")]
    joined = "SELECT p.name, t.v FROM tabPart p JOIN tabThing t ON p.of = t.name ORDER BY 1"
    assert things.query(joined) == [("to 10", "v10"), ("to 3", "v3")]
    assert not applier.sync_doctype("Thing").changed
    things.query("INSERT INTO tabThing(v) VALUES ('new')")
    assert things.query("SELECT name FROM tabThing WHERE v = 'new'") == [(11,)]
    things.query("DELETE FROM tabThing WHERE v = 'new'")
    applier.rollback_migration(done.migration_id or "", FORCE)
    assert things.query("SELECT name, v FROM tabThing ORDER BY v") == [("10", "v10"), ("3", "v3")]
    assert things.query(joined) == [("to 10", "v10"), ("to 3", "v3")]


def test_a_counter_becomes_names(things: Things) -> None:
    """The other way round, by definition."""
    things.of(COUNTED).sync_doctype("Thing")
    things.query("INSERT INTO tabThing(v) VALUES ('a'), ('b')")
    things.change(NORMAL)
    assert things.query("SELECT name, v FROM tabThing ORDER BY name") == [("1", "a"), ("2", "b")]


@pytest.mark.parametrize("name", ["word", "007", "1.0", " 5", "1e3", "", "99999999999999999999", "-0", "+4"])
def test_a_name_that_is_no_plain_number(things: Things, name: str) -> None:
    """Links hold it as it is spelled: it is told, with all others, and nothing is changed."""
    named(things, "3", name)
    with pytest.raises(MigrationError, match="name"):
        things.of(COUNTED, LINK).sync_doctype("Thing", SyncOptions(force=True))
    assert things.query("SELECT count(*) FROM tabThing WHERE name = ?", name) == [(1,)]


def test_a_dynamic_link_of_a_single_follows(things: Things) -> None:
    """A Single that names a DocType in its values names it by its new name, and by the old one after a rollback."""
    holder = {
        "name": "Settings",
        "issingle": 1,
        "fields": [
            {"fieldname": "kind", "fieldtype": "Link", "options": "DocType"},
            {"fieldname": "target", "fieldtype": "Dynamic Link", "options": "kind"},
        ],
    }
    things.of(NORMAL, holder).sync_all_doctypes()
    things.query("INSERT INTO tabSingles VALUES ('Settings', 'kind', 'Thing'), ('Settings', 'target', 'Thing')")
    applier = things.of({**NORMAL, "name": "Matter", "old_name": "Thing"}, holder)
    done = applier.sync_doctype("Matter")
    values = "SELECT field, value FROM tabSingles WHERE doctype = 'Settings' ORDER BY field"
    assert things.query(values) == [("kind", "Matter"), ("target", "Thing")]
    applier.rollback_migration(done.migration_id or "", FORCE)
    assert things.query(values) == [("kind", "Thing"), ("target", "Thing")]


ODD = [
    ("Thing", "v", "an earlier word"),
    ("Thing", "v", "word"),
    ("Thing", "n", "007"),
    ("Thing", "x", "1.50"),
    ("Thing", "docstatus", "0"),
    ("Thing", "modified", None),
    ("Other", "v", "theirs"),
    ("Thing", "gone", "kept"),
]


def values_of_a_single(things: Things) -> MigrationApplier:
    """Values that a row cannot hold as they are written, between those of others; the applier of the row to come."""
    things.of(SINGLE).sync_doctype("Thing")
    for value in ODD:
        things.query("INSERT INTO tabSingles VALUES (?, ?, ?)", *value)
    return things.of(NORMAL)


def seen(things: Things) -> Snapshot:
    """Everything but the tool's own tables."""
    with closing(sqlite3.connect(things.path)) as connection:
        return snapshot(connection, skip=OURS)


def test_the_values_of_a_single_come_back_as_they_were_written(things: Things) -> None:
    """Not one more, not one less, repeated ones and their order too."""
    applier = values_of_a_single(things)
    before = seen(things)
    done = applier.sync_doctype("Thing")
    assert things.query("SELECT name, v, n, x FROM tabThing") == [("Thing", "word", 7, 1.5)]
    (look,) = applier.dry_run_rollback(done.migration_id or "")
    back = applier.rollback_migration(done.migration_id or "").rollback_info
    assert difference(before, seen(things)) == []
    assert look.rollback_info is not None and back is not None
    assert (look.rollback_info.refilled_rows, look.rollback_info.conflicts) == (6, 0)
    assert (back.refilled_rows, back.conflicts) == (6, 0)


def test_what_was_changed_in_the_row_moves_back_as_it_is(things: Things) -> None:
    """The rest comes back as it was written; what was emptied is no value any more."""
    applier = values_of_a_single(things)
    done = applier.sync_doctype("Thing")
    things.query("UPDATE tabThing SET v = 'new', modified = 'now', docstatus = 1, x = NULL, c = 1")
    (look,) = applier.dry_run_rollback(done.migration_id or "")
    back = applier.rollback_migration(done.migration_id or "").rollback_info
    found = singles(things)
    assert found == {"v": "new", "n": "007", "docstatus": "1", "modified": "now", "c": "1", "gone": "kept"}
    assert look.rollback_info is not None and back is not None
    for info in (look.rollback_info, back):
        assert (info.refilled_rows, info.conflicts) == (1, 5)


def test_a_row_that_was_deleted_brings_all_values_back(things: Things) -> None:
    """As rows that a migration took away come back where nothing stands in their place."""
    applier = values_of_a_single(things)
    before = seen(things)
    done = applier.sync_doctype("Thing")
    things.query("DELETE FROM tabThing")
    applier.rollback_migration(done.migration_id or "")
    assert difference(before, seen(things)) == []


def test_without_a_backup_no_value_is_added() -> None:
    """What the row holds by itself (its name, its defaults) was no value of the Single."""
    engines = [DocTypeEngine.from_doctypes([made]) for made in (SINGLE, NORMAL)]
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        MigrationApplier(connection, engines[0]).sync_doctype("Thing")
        connection.execute("INSERT INTO tabSingles VALUES ('Thing', 'v', 'word'), ('Thing', 'n', '7')")
        applier = MigrationApplier(connection, engines[1])
        done = applier.sync_doctype("Thing")
        applier.rollback_migration(done.migration_id or "")
        found = connection.execute("SELECT field, value FROM tabSingles").fetchall()
    assert found == [("v", "word"), ("n", "7")]


def test_the_row_comes_back_as_it_was(things: Things) -> None:
    """With its rowid and with values that a text does not tell; what was changed in the Single stays changed."""
    things.of(NORMAL).sync_doctype("Thing")
    things.query("INSERT INTO tabThing (rowid, name, v, x, n) VALUES (7, 'one', ?, ?, -0.0)", b"\0\xff", float("inf"))
    before = seen(things)
    single = things.of(SINGLE)
    done = single.sync_doctype("Thing")
    single.rollback_migration(done.migration_id or "")
    assert difference(before, seen(things), ignore=["table", "index", "order"]) == []
    done = single.sync_doctype("Thing")
    things.query("UPDATE tabSingles SET value = '8' WHERE field = 'n'")
    single.rollback_migration(done.migration_id or "")
    assert things.query("SELECT rowid, v, x, n FROM tabThing") == [(7, b"\0\xff", float("inf"), 8)]
