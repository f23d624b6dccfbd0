"""Taking migrations back from the command line: what is told and asked first, and what is told afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.conftest import Shop
from tests.cli.test_terminal import on_a_terminal

WEIGHT = {"fieldname": "weight", "fieldtype": "Float"}


@pytest.fixture
def weighed(shop: Shop) -> tuple[Shop, list[str]]:
    """A site with rows whose Item got a column that has values; the ids of the migrations, the oldest first."""
    shop.run("sync")
    shop.execute("INSERT INTO tabItem (name, item_name) VALUES ('nail', 'Nail'), ('bolt', 'Bolt')")
    shop.change("Item", WEIGHT)
    shop.run("sync")
    shop.execute("UPDATE tabItem SET weight = 2.5 WHERE name = 'nail'")
    return shop, [entry["id"] for entry in shop.run("history", "--format", "json").json["migrations"]]


def columns(shop: Shop) -> list[str]:
    """The columns of Item."""
    return [name for (name,) in shop.execute("SELECT name FROM pragma_table_info('tabItem')")]


def test_a_dry_run_tells_what_would_go_and_writes_nothing(weighed: tuple[Shop, list[str]]) -> None:
    """The plan back, the danger with its rows, and not a byte of the database is another."""
    shop, ids = weighed
    before = (shop.folder / "site.db").read_bytes()
    told = shop.run("rollback", ids[-1], "--dry-run")
    assert told.code == 0 and "would be refused: 1 danger not allowed" in " ".join(told.out.split())
    assert "drop_column Item.weight" in told.out and "--allow drop_column:Item.weight" in told.out
    document = shop.run("rollback", ids[-1], "--dry-run", "--format", "json").json
    assert document["data_loss_risks"][0]["affected_rows"] == 1
    assert document["rollback_info"]["migration_id"] == ids[-1]
    assert (shop.folder / "site.db").read_bytes() == before


def test_nobody_is_asked_in_a_pipe(weighed: tuple[Shop, list[str]]) -> None:
    """What is allowed and would go is refused with 3 and the hint, until --yes says so."""
    shop, ids = weighed
    assert shop.run("rollback", ids[-1]).code == 3  # not allowed at all
    refused = shop.run("rollback", ids[-1], "--allow", "drop_column")
    assert refused.code == 3 and "--yes" in refused.err and "weight" in columns(shop)
    done = shop.run("rollback", ids[-1], "--allow", "drop_column", "--yes")
    assert done.code == 0 and "backup:" in done.out and ".sdbk" in done.out
    assert "weight" not in columns(shop)


@pytest.mark.parametrize(("typed", "goes"), [(b"y\n", True), (b"n\n", False), (b"\x04", False)])
def test_a_person_is_asked(weighed: tuple[Shop, list[str]], typed: bytes, goes: bool) -> None:
    """On a terminal what would go is shown, and only a yes takes it."""
    shop, ids = weighed
    seen = on_a_terminal("rollback", ids[-1], "--allow", "drop_column", cwd=shop.folder, typed=typed, NO_COLOR="1")
    assert 'column "weight" goes (1 row)' in seen and "Go on?" in seen
    assert ("weight" not in columns(shop)) == goes
    assert goes or "nothing was changed" in seen or "interrupted" in seen


def test_a_sync_that_loses_something_asks_too(shop: Shop) -> None:
    """A danger that was allowed is shown on a terminal before it is done; --yes does without."""
    shop.run("sync")
    shop.execute("INSERT INTO tabCustomer (name, customer_name, fax) VALUES ('a', 'A', '1')")
    shop.change("Customer", without=("fax",))
    arguments = ("sync", "Customer", "--allow", "drop_column")
    seen = on_a_terminal(*arguments, cwd=shop.folder, typed=b"n\n", NO_COLOR="1")
    assert 'column "fax" goes (1 row)' in seen and "nothing was changed" in seen
    assert shop.execute("SELECT fax FROM tabCustomer") == [("1",)]
    seen = on_a_terminal(*arguments, "--yes", cwd=shop.folder, NO_COLOR="1")
    assert "Go on?" not in seen
    assert "Customer: applied" in seen and "drop Customer.fax" in seen


def test_values_come_back_and_are_counted(shop: Shop) -> None:
    """The dry run foretells what the answer then counts: what came back, what was changed since, what is gone."""
    shop.run("sync")
    for name in "abc":
        shop.execute("INSERT INTO tabCustomer (name, customer_name, credit_limit) VALUES (?, ?, '007')", name, name)
    shop.change("Customer", {"fieldname": "credit_limit", "fieldtype": "Int"})
    done = shop.run("sync", "Customer", "--force", "--format", "json").json
    shop.execute("UPDATE tabCustomer SET credit_limit = 9 WHERE name = 'b'")
    shop.execute("DELETE FROM tabCustomer WHERE name = 'c'")
    told = shop.run("rollback", done["migration_id"], "--dry-run", "--format", "json").json["rollback_info"]
    text = " ".join(shop.run("rollback", done["migration_id"], "--dry-run").out.split())
    assert "What comes back 1 value or row from the backup 1 row changed since" in text
    answer = shop.run("rollback", done["migration_id"], "--force", "--yes")
    assert answer.code == 0
    for words in ("came back: 1 value or row", "1 row changed since, kept", "1 value of rows that are gone"):
        assert words in answer.out
    assert (told["refilled_rows"], told["conflicts"], told["gone"]) == (1, 1, 1)
    assert shop.execute("SELECT name, credit_limit FROM tabCustomer ORDER BY 1") == [("a", "007"), ("b", "9")]


def test_whole_rows_come_back_but_for_those_whose_key_is_taken(shop: Shop) -> None:
    """Rows that went as duplicates are foretold: those whose name another row has meanwhile stay away."""
    shop.run("sync")
    for name in "abc":
        shop.execute("INSERT INTO tabItem (name, item_name, modified) VALUES (?, 'same', ?)", name, name)
    shop.change("Item", {"fieldname": "item_name", "fieldtype": "Data", "unique": True})
    done = shop.run("sync", "Item", "--force", "--format", "json").json
    assert shop.execute("SELECT name FROM tabItem") == [("c",)]
    shop.execute("INSERT INTO tabItem (name, item_name) VALUES ('a', 'another')")
    told = shop.run("rollback", done["migration_id"], "--dry-run", "--format", "json").json["rollback_info"]
    back = shop.run("rollback", done["migration_id"], "--force", "--yes", "--format", "json").json["rollback_info"]
    names = ("refilled_rows", "conflicts", "gone")
    assert [told[name] for name in names] == [back[name] for name in names] == [1, 1, 0]


def test_several(weighed: tuple[Shop, list[str]]) -> None:
    """By number, back to one, and by run; what follows another of the same table says that it is only near it."""
    shop, ids = weighed
    shop.change("Item", WEIGHT, {"fieldname": "colour", "fieldtype": "Data"})
    run = shop.run("sync", "--format", "json").json["run_id"]
    told = shop.run("rollback", "--to", ids[0], "--dry-run")
    assert "migrations to take back, the newest first" in told.out and "is planned anew" in " ".join(told.out.split())
    assert "1 migration: 1 taken back" in shop.run("rollback", "--run", run).out
    assert "  rollback  " in shop.run("history").out
    assert "colour" not in columns(shop)
    done: Any = shop.run("rollback", "--steps", "1", "--force", "--yes", "--format", "json").json
    assert done["successful"] == ["Item"] and columns(shop)[-1] != "weight"
    assert shop.run("rollback", "--steps", "99").code == 64
    assert shop.run("rollback", "--run", "none").code == 64


def test_what_cannot_be_taken_back_says_why(weighed: tuple[Shop, list[str]]) -> None:
    """One that others are built on, and one that was taken back already: a sentence, in the dry run too."""
    shop, ids = weighed
    item = next(
        entry["id"]
        for entry in shop.run("history", "Item", "--format", "json").json["migrations"]
        if entry["id"] in ids
    )
    for arguments in ((), ("--dry-run",)):
        answer = shop.run("rollback", item, *arguments)
        assert answer.code == 1 and "later ones are built on it" in answer.out + answer.err


def test_a_new_key_is_said_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sync whose backup makes the key says so, with the line about a copy; the next one does not."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(shop.folder / "fresh"))
    shop.run("sync")
    shop.execute("INSERT INTO tabCustomer (name, customer_name, fax, phone) VALUES ('a', 'A', '1', '2')")
    shop.change("Customer", without=("fax",))
    first = " ".join(shop.run("sync", "--force").out.split())
    assert "a key for the backups was made" in first and "keep a copy of it in another place" in first
    shop.change("Customer", without=("phone",))
    assert "a key for the backups" not in shop.run("sync", "--force").out


def test_a_refused_way_back_is_told_as_one(shop: Shop) -> None:
    """What is refused is a rollback, of one migration or of several: no word of a sync."""
    shop.run("sync")
    shop.execute("INSERT INTO tabItem (name, item_name) VALUES ('a', 'A')")
    shop.change("Item", {"fieldname": "weight", "fieldtype": "Float"})
    shop.run("sync")
    shop.execute("UPDATE tabItem SET weight = 2.5")
    told = " ".join(shop.run("rollback", "--steps", "1", "--yes").out.split())
    assert told.startswith("1 migration: 0 taken back, 1 failed")
    assert 'The migration of "Item" is not taken back, for data would be lost' in told
