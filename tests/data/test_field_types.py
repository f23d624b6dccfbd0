"""A field that changes its type while its column keeps what it declares: the values are converted where they are."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from sodaf_migrate import Cost, DataLossRiskError, MigrationError, RollbackOptions, SyncOptions
from sodaf_migrate.desired import SiteRules
from tests.data.conftest import Things, field, thing

#: From, to, values before, values after: exact ones, which need nobody's leave.
EXACT: list[tuple[str, str, list[Any], list[Any]]] = [
    ("Data", "Date", [" 2024-02-29", "", None, "2024-02-29"], ["2024-02-29", None, None, "2024-02-29"]),
    ("Data", "Datetime", ["2024-02-29", "2024-02-29T10:20"], ["2024-02-29 00:00:00", "2024-02-29 10:20:00"]),
    ("Text", "Time", ["9:05:00", " 10:20 "], ["09:05:00", "10:20:00"]),
    ("Date", "Datetime", ["2024-02-29", None], ["2024-02-29 00:00:00", None]),
    ("Datetime", "Date", ["2024-02-29 00:00:00"], ["2024-02-29"]),
    ("Text", "JSON", ['{"a": 1}', "", "null"], ['{"a": 1}', None, "null"]),
    ("Data", "Select", ["", "Open"], ["", "Open"]),
    ("Int", "Check", [0, 1], [0, 1]),
]


@pytest.mark.parametrize(("old", "new", "before", "after"), EXACT, ids=[f"{a}-{b}" for a, b, *_ in EXACT])
def test_exact_values_run(things: Things, old: str, new: str, before: list[Any], after: list[Any]) -> None:
    """Values that mean the same are converted, nothing else is touched, and a second sync finds nothing."""
    things.start(thing(field(old)), before)
    things.query("UPDATE tabThing SET modified = 'then'")
    result = things.change(thing(field(new, options="Open\nClosed" if new == "Select" else None)))
    assert result.changed
    assert things.values() == after
    assert set(things.values("modified")) == {"then"}


@pytest.mark.parametrize(("old", "new"), [("Data", "Date"), ("Datetime", "Date"), ("Text", "JSON"), ("Int", "Check")])
def test_values_are_updated_where_they_are(things: Things, old: str, new: str) -> None:
    """No table is copied for it."""
    things.start(thing(field(old)), [])
    plan = things.of(thing(field(new))).plan("Thing")
    assert plan.cost is Cost.IN_PLACE and not any("rebuild" in sql for sql in plan.sql)


def test_triggers_rest(things: Things) -> None:
    """Nobody edited a document, so no trigger of the table fires, and all are there afterwards."""
    things.start(thing(field("Data")), ["2024-01-01 "])
    things.query("CREATE TABLE log(x)")
    things.query("CREATE TRIGGER t AFTER UPDATE ON tabThing BEGIN INSERT INTO log VALUES (new.v); END")
    things.change(thing(field("Date")))
    assert things.query("SELECT * FROM log") == []
    assert things.query("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name = 't'") == [("t",)]


@pytest.mark.parametrize("new", ["Date", "Datetime", "Time", "JSON"])
def test_words_are_refused_before_anything_is_touched(things: Things, new: str) -> None:
    """What cannot be of the new type is told, with samples; the field type stays on record as it was."""
    things.start(thing(field("Data")), ["word", "2024-01-01"])
    for _ in range(2):
        with pytest.raises(MigrationError, match=r"cannot take.*word"):
            things.of(thing(field(new))).sync_doctype("Thing", SyncOptions(force=True))
    assert things.values() == ["word", "2024-01-01"]


def test_a_loss_has_to_be_allowed(things: Things) -> None:
    """Dropping the time of day is a loss, told with its rows."""
    things.start(thing(field("Datetime")), ["2024-02-29 10:20:30", "2024-02-29 00:00:00"])
    with pytest.raises(DataLossRiskError, match=r"lossy_conversion.*\(1 row\)"):
        things.of(thing(field("Date"))).sync_doctype("Thing")
    things.change(thing(field("Date")), SyncOptions(allow=frozenset({"lossy_conversion", "irreversible"})))
    assert things.values() == ["2024-02-29", "2024-02-29"]


@pytest.mark.parametrize(
    ("policy", "value"), [("null", None), ("default", "2000-01-01"), ("keep", None)], ids=["null", "default", "keep"]
)
@pytest.mark.parametrize("where", ["call", "field", "doctype", "site"])
def test_policies(things: Things, policy: str, value: Any, where: str) -> None:
    """What becomes of a word is for the call, the field, the DocType or the site to say."""
    things.start(thing(field("Data")), ["word", "2024-02-29"])
    said: dict[str, Any] = {"on_conversion_error": policy}
    new = thing(
        field("Date", default="2000-01-01", **(said if where == "field" else {})),
        **(said if where == "doctype" else {}),
    )
    options = SyncOptions(force=True, **(said if where == "call" else {}))
    rules = {"site_rules": SiteRules(**said)} if where == "site" else {}
    things.change(new, options, **rules)
    assert things.values() == [value, "2024-02-29"]
    if policy == "keep":
        assert things.values("v__old") == ["word", None]


def test_who_is_nearest_decides(things: Things) -> None:
    """The call before the field, the field before the DocType, the DocType before the site."""
    new = thing(field("Date", on_conversion_error="keep"), on_conversion_error="refuse")
    things.start(thing(field("Data")), ["word"])
    things.change(new, SyncOptions(force=True), site_rules=SiteRules(on_conversion_error="null"))
    assert things.values("v__old") == ["word"]
    things.query("UPDATE tabThing SET v = 'word'")
    other = thing(field("Time", on_conversion_error="keep"), on_conversion_error="keep")
    with pytest.raises(MigrationError, match="cannot take"):
        things.of(other).sync_doctype("Thing", SyncOptions(force=True, on_conversion_error="refuse"))


def test_formats_that_the_site_states(things: Things) -> None:
    """A site says how it writes dates and numbers; a call may say so for itself."""
    things.start(thing(field("Data")), ["31.12.2024", "2024-01-05"])
    things.change(thing(field("Date")), site_rules=SiteRules(date_formats=("%d.%m.%Y",)))
    assert things.values() == ["2024-12-31", "2024-01-05"]
    things.change(thing(field("Data")))
    things.query("UPDATE tabThing SET v = '1.234,5' WHERE name = 'r0'")
    things.query("UPDATE tabThing SET v = '7' WHERE name = 'r1'")
    things.change(thing(field("Float")), SyncOptions(number_formats=("#.###,##",)))
    assert things.values() == [1234.5, 7.0]


def test_back_and_forth_is_remembered(things: Things) -> None:
    """A change that touches no value is on record too: what was typed since is converted by the next one."""
    things.start(thing(field("Date")), ["2024-02-29"])
    things.change(thing(field("Data")))
    things.query("UPDATE tabThing SET v = 'word'")
    with pytest.raises(MigrationError, match="cannot take"):
        things.of(thing(field("Date"))).sync_doctype("Thing", SyncOptions(force=True))


def test_what_changes_no_value_is_no_pending_change(things: Things) -> None:
    """Data becomes Small Text, and Select a Link: nothing has to be done."""
    things.start(thing(field("Data")), ["a"])
    for kind in ("Small Text", "Link", "Text", "Data"):
        applier = things.of(thing(field(kind, options="Thing" if kind == "Link" else None)))
        assert not applier.dry_run("Thing").changed
        assert not applier.sync_doctype("Thing").changed
        assert not applier.sync_all_doctypes().changed


def test_all_doctypes_in_one_look(things: Things) -> None:
    """A run over many DocTypes, which looks at all of them at once, sees the field type too."""
    others = [{"name": f"D{n}", "fields": [field("Data")]} for n in range(12)]
    things.of(thing(field("Data")), *others).sync_all_doctypes()
    things.query("INSERT INTO tabThing(name, v) VALUES ('a', '2024-02-29T10:20')")
    applier = things.of(thing(field("Datetime")), *others)
    assert applier.sync_all_doctypes().changed
    assert things.values() == ["2024-02-29 10:20:00"]
    assert not applier.sync_all_doctypes().changed


def test_nothing_is_known_so_nothing_is_converted(things: Things) -> None:
    """Values of a table that nobody took over stay what they are, and are known from then on."""
    things.start(thing(field("Data")), ["31.12.2024"])
    things.query("DELETE FROM tabMigrationHistory")
    things.query("DROP TRIGGER tabMigrationEvent_no_delete")
    things.query("DELETE FROM tabMigrationEvent")
    things.change(thing(field("Date")))
    assert things.values() == ["31.12.2024"]
    with pytest.raises(MigrationError, match="cannot take"):
        things.of(thing(field("Datetime"))).sync_doctype("Thing", SyncOptions(force=True))


def test_what_was_adopted_is_known(things: Things) -> None:
    """Taking a live site over writes down the field types that its definitions have."""
    things.query("CREATE TABLE tabThing (name TEXT PRIMARY KEY, v TEXT)")
    things.query("INSERT INTO tabThing VALUES ('a', ' 2024-02-29')")
    things.of(thing(field("Data"))).adopt("Thing")
    things.change(thing(field("Date")))
    assert things.values() == ["2024-02-29"]


def test_a_renamed_field_keeps_its_type(things: Things) -> None:
    """The type is known under the new name too, in the same migration and in the next one."""
    things.start(thing({"fieldname": "u", "fieldtype": "Data"}), [" 2024-02-29"], column="u")
    things.change(thing(field("Date", old_fieldname="u")))
    assert things.values() == ["2024-02-29"]
    things.change(thing({"fieldname": "w", "fieldtype": "Date", "old_fieldname": "v"}))
    things.change(thing({"fieldname": "w", "fieldtype": "Datetime", "old_fieldname": "v"}))
    assert things.values("w") == ["2024-02-29 00:00:00"]


def test_a_renamed_doctype_keeps_its_types(things: Things) -> None:
    """They are known under the DocType's former name."""
    things.start(thing(field("Data")), [" 2024-02-29"])
    new = {"name": "Matter", "old_name": "Thing", "fields": [field("Date")]}
    assert things.change(new).changed
    assert things.values(table="tabMatter") == ["2024-02-29"]


def test_swapped_fields_swap_their_types(things: Things) -> None:
    """Each value is read by the type of the field that it came from."""
    a, b = {"fieldname": "a", "fieldtype": "Data"}, {"fieldname": "b", "fieldtype": "Date"}
    things.of(thing(a, b)).sync_doctype("Thing")
    things.query("INSERT INTO tabThing(name, a, b) VALUES ('r', ' 2024-01-01', '2024-02-02')")
    a2 = {"fieldname": "a", "fieldtype": "Datetime", "old_fieldname": "b"}
    b2 = {"fieldname": "b", "fieldtype": "Date", "old_fieldname": "a"}
    things.change(thing(a2, b2))
    assert things.query("SELECT a, b FROM tabThing") == [("2024-02-02 00:00:00", "2024-01-01")]


def test_a_field_that_was_kept_and_comes_back(things: Things) -> None:
    """Its column stayed with its values, and so did its type."""
    things.start(thing(field("Data")), [" 2024-02-29"])
    things.change(thing({"fieldname": "x", "fieldtype": "Data"}))
    things.change(thing(field("Date")))
    assert things.values() == ["2024-02-29"]


def test_a_date_and_back(things: Things) -> None:
    """A rollback converts back, and what was on record before counts again."""
    things.start(thing(field("Datetime")), ["2024-02-29 00:00:00", None])
    applier = things.of(thing(field("Date")))
    done = applier.sync_doctype("Thing")
    assert things.values() == ["2024-02-29", None]
    applier.rollback_migration(done.migration_id or "", RollbackOptions(force=True))
    assert things.values() == ["2024-02-29 00:00:00", None]
    assert applier.sync_doctype("Thing").changed
    assert things.values() == ["2024-02-29", None]


@pytest.mark.parametrize("new", ["Date", "Int"])
def test_what_was_kept_comes_back(things: Things, new: str) -> None:
    """A rollback takes the words from the column beside, in place and in a copy."""
    things.start(thing(field("Data")), ["word", None])
    applier = things.of(thing(field(new)))
    done = applier.sync_doctype("Thing", SyncOptions(force=True, on_conversion_error="keep"))
    assert things.values("v__old") == ["word", None]
    applier.rollback_migration(done.migration_id or "", RollbackOptions(force=True))
    assert things.values() == ["word", None]
    assert "v__old" not in things.columns("tabThing")


def test_with_other_changes_of_the_table(things: Things) -> None:
    """A new field, a rebuild and a converted value in one migration."""
    things.start(thing(field("Data"), {"fieldname": "n", "fieldtype": "Data"}), [" 2024-02-29"])
    things.query("UPDATE tabThing SET n = '5'")
    added = {"fieldname": "x", "fieldtype": "Data", "default": "d"}
    things.change(thing(field("Date"), {"fieldname": "n", "fieldtype": "Data"}, added))
    assert things.query("SELECT v, n, x FROM tabThing") == [("2024-02-29", "5", "d")]
    things.change(thing(field("Datetime"), {"fieldname": "n", "fieldtype": "Int"}, added))
    assert things.query("SELECT v, n, x FROM tabThing") == [("2024-02-29 00:00:00", 5, "d")]


@pytest.mark.parametrize("rule", ["plain", "fill"])
def test_what_becomes_null_under_not_null(things: Things, rule: str) -> None:
    """A blank says nothing, and where nothing may be NULL that waits, or is filled where that is allowed."""
    things.start(thing(field("Data", required=1, default="x")), ["", "2024-02-29"])
    new = thing(field("Date", required=1, default="2000-01-01"))
    if rule == "plain":
        result = things.of(new).sync_doctype("Thing")
        assert "NOT_NULL_PENDING" in {finding.code for finding in result.findings}
        assert things.values() == [None, "2024-02-29"]
    else:
        things.change(new, SyncOptions(allow=frozenset({"fill_nulls", "irreversible"})))
        assert things.values() == ["2000-01-01", "2024-02-29"]


@pytest.mark.parametrize("old", ["Int", "Data"])
def test_a_check_is_never_null(things: Things, old: str) -> None:
    """What had no value becomes the default of the Check, where filling is allowed."""
    things.start(thing(field(old)), [None, "1", "0"])
    waiting = things.of(thing(field("Check"))).dry_run("Thing").findings
    assert "NOT_NULL_PENDING" in {finding.code for finding in waiting}
    things.change(thing(field("Check")), SyncOptions(allow=frozenset({"fill_nulls", "irreversible"})))
    assert things.values() == [0, 1, 0]
    with pytest.raises(sqlite3.IntegrityError):
        things.query("UPDATE tabThing SET v = NULL")


@pytest.mark.parametrize(("old", "new"), [("Data", "Date"), ("Data", "Int")])
def test_values_that_become_equal_under_unique(things: Things, old: str, new: str) -> None:
    """Two spellings of one value are found before the change, not while it runs."""
    pair = {"Date": ["2024-02-29", " 2024-02-29"], "Int": ["5", " 5"]}[new]
    things.start(thing(field(old, unique=1)), pair)
    with pytest.raises(DataLossRiskError, match="drop_duplicates"):
        things.of(thing(field(new, unique=1))).sync_doctype("Thing")
    assert things.values() == pair
    things.change(thing(field(new, unique=1)), SyncOptions(force=True))
    assert len(things.values()) == 1


def test_a_singles_values_are_texts(things: Things) -> None:
    """The rows of a Single hold texts whatever its fields are, and stay as they are."""
    one = {"name": "S", "issingle": 1, "fields": [field("Data")]}
    things.of(one).sync_doctype("S")
    things.query("INSERT INTO tabSingles VALUES ('S', 'v', '007')")
    assert not things.change({**one, "fields": [field("Int")]}).changed
    assert things.query("SELECT value FROM tabSingles") == [("007",)]


def test_a_select_takes_its_options_only(things: Things) -> None:
    """A value that is none of them is told."""
    things.start(thing(field("Data")), ["Open", "else"])
    with pytest.raises(MigrationError, match=r"cannot take.*else"):
        things.of(thing(field("Select", options="Open\nClosed"))).sync_doctype("Thing")


def test_rows_that_come_between_look_and_lock(things: Things) -> None:
    """A word that is written meanwhile is found under the lock, and nothing was changed."""
    things.start(thing(field("Data")), ["2024-02-29"])
    applier = things.of(thing(field("Date")))
    (migration,) = applier.get_pending_migrations()
    things.query("INSERT INTO tabThing(name, v) VALUES ('z', 'word')")
    with pytest.raises(MigrationError):
        applier.apply_migration(migration)
    assert things.values() == ["2024-02-29", "word"]
