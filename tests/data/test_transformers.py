"""A definition's or a call's own way to carry values over: an SQL expression, or a function of Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sodaf_migrate import (
    ConfigurationError,
    DefinitionError,
    DocTypeEngine,
    DryRunOptions,
    MigrationError,
    RollbackOptions,
    Schema,
    SyncOptions,
)
from tests.data.conftest import Things, field, thing

SQL = "substr(v, 7, 4) || '-' || substr(v, 4, 2) || '-' || substr(v, 1, 2)"


def iso(value: Any) -> Any:
    """31.12.2024 as 2024-12-31."""
    return None if value is None else "-".join(reversed(value.split(".")))


def by(how: Any, **more: Any) -> SyncOptions:
    """The options with one transformer for the field."""
    return SyncOptions(transformers={"Thing.v": how}, **more)


@pytest.mark.parametrize("how", [SQL, iso], ids=["sql", "python"])
@pytest.mark.parametrize("new", ["Date", "Int"], ids=["in place", "copied"])
def test_values_go_through_it(things: Things, how: Any, new: str) -> None:
    """In place and in a copy; a second sync with it does nothing."""
    things.start(thing(field("Data")), ["31.12.2024", None])
    if new == "Int":
        how = "length(v)" if how is SQL else (lambda value: None if value is None else len(value))
    result = things.change(thing(field(new)), by(how))
    assert result.changed
    assert things.values() == [{"Date": "2024-12-31", "Int": 10}[new], None]


def test_the_definition_brings_it(things: Things) -> None:
    """It stays in the file and is done once: the next change of the field is none of its business."""
    things.start(thing(field("Data")), ["31.12.2024"])
    things.change(thing(field("Date", transform={"sql": SQL})))
    assert things.values() == ["2024-12-31"]
    things.change(thing(field("Datetime", transform={"sql": SQL})))
    assert things.values() == ["2024-12-31 00:00:00"]
    things.change(thing(field("Data", transform="'new'")))
    assert things.values() == ["new"]


def test_a_table_that_is_made_needs_none(things: Things) -> None:
    """Its rows will be of the new type from the first, and the transformer is spent."""
    things.start(thing(field("Date", transform=SQL)), ["2024-12-31"])
    things.change(thing(field("Datetime", transform=SQL)))
    assert things.values() == ["2024-12-31 00:00:00"]


def test_a_new_field_is_made_of_others(things: Things) -> None:
    """The expression speaks of the whole row, by the names that fields have after the renames."""
    first, last = {"fieldname": "first", "fieldtype": "Data"}, {"fieldname": "last", "fieldtype": "Data"}
    things.start(thing(first, {"fieldname": "end", "fieldtype": "Data"}), ["Ada"], column="first")
    things.query("UPDATE tabThing SET \"end\" = 'Byron'")
    both = field("Data", required=1, transform="first || ' ' || coalesce(last, '?')")
    things.change(thing(first, {**last, "old_fieldname": "end"}, both))
    assert things.values() == ["Ada Byron"]


@pytest.mark.parametrize("default", [None, "none"])
def test_what_it_leaves_null(things: Things, default: str | None) -> None:
    """NULLs under NOT NULL are counted beforehand, and wait, or hold the default as in every new column."""
    things.start(thing(field("Data")), ["a", "b"])
    made = {"fieldname": "w", "fieldtype": "Data", "required": 1, "default": default, "transform": "nullif(v, 'a')"}
    result = things.change(thing(field("Data"), made))
    assert things.values("w") == [default, "b"]
    pending = [found.rows for found in result.findings if found.code == "NOT_NULL_PENDING"]
    assert pending == ([] if default else [1])


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (lambda value: int(value), "ValueError"),
        (lambda value: [value] if value == "word" else 1, "list"),
        (lambda value: 2**70 if value == "word" else 1, "64 bits"),
        ("json_extract(v, '$')", "malformed JSON"),
    ],
    ids=["raises", "no value", "too large", "sql"],
)
@pytest.mark.parametrize("rows", [1, 500])
def test_a_value_that_it_cannot_take(things: Things, how: Any, said: str, rows: int) -> None:
    """The row is named by its key, before anything is changed."""
    things.start(thing(field("Data")), [*(["1"] * rows), "word", "2"])
    with pytest.raises(MigrationError, match=f"r{rows}") as caught:
        things.of(thing(field("Int"))).sync_doctype("Thing", by(how, force=True))
    assert said in str(caught.value)
    assert things.values()[-1] == "2" or "word" in things.values()
    assert things.columns("tabThing")["v"][0] == "TEXT"


BAD = (
    "v; DROP TABLE tabThing",
    "v) FROM tabThing; --",
    "v -- so",
    "v /* so */",
    "(v",
    "v), (v",
    "v, v",
    "?",
    "'open",
    "(SELECT max(v) FROM tabThing)",
    "count(*)",
    "random()",
    "nothing_of_that_name",
    "unknown_function(v)",
    "tabThing.v",
    "",
)


@pytest.mark.parametrize("text", BAD)
@pytest.mark.parametrize("where", ["definition", "call"])
def test_what_is_no_expression_over_the_row(things: Things, text: str, where: str) -> None:
    """One deterministic expression over the row's own fields, or nothing at all; nothing is run that it hides."""
    things.start(thing(field("Data")), ["a"])
    with pytest.raises((DefinitionError, ConfigurationError)):
        new = thing(field("Date", **({"transform": {"sql": text}} if where == "definition" else {})))
        things.of(new).sync_doctype("Thing", by(text, force=True) if where == "call" else SyncOptions(force=True))
    assert things.values() == ["a"]


@pytest.mark.parametrize("wrong", [5, {"python": "x"}, ["v"], {"sql": 1}])
def test_a_transform_of_a_wrong_kind(wrong: Any) -> None:
    """It is a mistake of the definition."""
    with pytest.raises(DefinitionError, match="transform"):
        DocTypeEngine.from_doctypes([thing(field("Data", transform=wrong))])


@pytest.mark.parametrize("key", ["Thing.nothing", "Nothing.v", "v"])
def test_a_transformer_for_nobody(things: Things, key: str) -> None:
    """A name that is not known is said, and changes nothing."""
    things.start(thing(field("Data")), ["1"])
    with pytest.raises(ConfigurationError, match=key):
        things.of(thing(field("Int"))).sync_doctype("Thing", SyncOptions(transformers={key: "1"}))
    assert things.values() == ["1"]


def test_a_transformer_that_is_not_needed(things: Things) -> None:
    """The field keeps its type: the call is told that its transformer did nothing."""
    things.start(thing(field("Data")), ["1"])
    result = things.of(thing(field("Data"))).sync_doctype("Thing", by("'x'"))
    assert not result.changed and {found.code for found in result.findings} == {"TRANSFORMER_UNUSED"}
    assert things.values() == ["1"]


def test_a_function_needs_a_value(things: Things) -> None:
    """A field that is new has none to give."""
    things.start(thing(field("Data")), ["1"])
    new = {"fieldname": "w", "fieldtype": "Data"}
    with pytest.raises(ConfigurationError, match=r"Thing\.w"):
        things.of(thing(field("Data"), new)).sync_doctype("Thing", SyncOptions(transformers={"Thing.w": iso}))


def test_the_function_leaves_no_trace(things: Things) -> None:
    """A connection that a caller brought has it no longer afterwards."""
    import sqlite3

    things.start(thing(field("Data")), ["31.12.2024"])
    connection = sqlite3.connect(things.path)
    applier = things.of(thing(field("Date")))
    applier.target = connection
    applier.sync_doctype("Thing", by(iso))
    assert connection.execute("SELECT v FROM tabThing").fetchall() == [("2024-12-31",)]
    names = connection.execute("SELECT name FROM pragma_function_list WHERE name LIKE 'sodaf%'").fetchall()
    for (name,) in names:
        with pytest.raises(sqlite3.OperationalError):
            connection.execute(f"SELECT {name}(1)")
    connection.close()


def test_a_swap_under_unique(things: Things) -> None:
    """Values may change places: no two rows hold one value in between."""
    things.start(thing(field("Int", unique=1)), [1, 2])
    things.change(thing(field("Float", unique=1)), by("3 - v"))
    assert things.values() == [2.0, 1.0]
    things.start({**thing(field("Data", unique=1)), "name": "Other"}, ["a", "b"])
    new = {**thing(field("Code", unique=1, transform="CASE v WHEN 'a' THEN 'b' ELSE 'a' END")), "name": "Other"}
    things.change(new)
    assert things.values(table="tabOther") == ["b", "a"]


@pytest.mark.parametrize("how", ["'x'", lambda value: "x"], ids=["sql", "python"])
def test_values_that_become_equal(things: Things, how: str | Callable[[Any], Any]) -> None:
    """Duplicates under UNIQUE are found beforehand."""
    things.start(thing(field("Data", unique=1)), ["a", "b"])
    with pytest.raises(MigrationError, match="drop_duplicates"):
        things.of(thing(field("Date", unique=1))).sync_doctype("Thing", by(how))
    assert things.values() == ["a", "b"]


def test_a_dry_run_tells(things: Things) -> None:
    """It shows the plan, and writes nothing."""
    things.start(thing(field("Data")), ["31.12.2024"])
    found = things.of(thing(field("Date"))).dry_run("Thing", DryRunOptions(transformers={"Thing.v": iso}))
    assert found.success and found.changed
    assert things.values() == ["31.12.2024"]


@pytest.mark.parametrize("how", ["CAST(v AS INTEGER)", lambda value: int(value.split()[0])], ids=["sql", "python"])
@pytest.mark.parametrize("new", ["Int", "Check"])
def test_and_back(things: Things, how: Any, new: str) -> None:
    """A rollback brings the old values back from the backup, but for those that somebody changed since."""
    things.start(thing(field("Data")), ["1 kg", "0 kg", "1 g"])
    applier = things.of(thing(field(new)))
    done = applier.sync_doctype("Thing", by(how, force=True))
    assert things.values() == [1, 0, 1]
    things.query("UPDATE tabThing SET v = 0 WHERE name = 'r2'")
    applier.rollback_migration(done.migration_id or "", RollbackOptions(force=True))
    assert things.values() == ["1 kg", "0 kg", "0"]


def test_no_script_with_a_function(things: Things) -> None:
    """The shell has no Python: the dry run says so instead of giving a script that cannot run."""
    things.start(thing(field("Data")), ["31.12.2024"])
    applier = things.of(thing(field("Date")))
    found = applier.dry_run("Thing", DryRunOptions(transformers={"Thing.v": iso}, script=True))
    assert "Python function" in found.no_script


def test_a_wish_in_sql_has_no_fields(things: Things) -> None:
    """There a transformer would never be used, so it is refused."""
    with pytest.raises(ConfigurationError, match="fields of DocTypes"):
        things.of().sync_schema(Schema.from_sql("CREATE TABLE t (v)"), by(SQL))
