"""Each command on a real site, from its first table to its way back."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.cli.conftest import Shop


@pytest.fixture
def filled(shop: Shop) -> Shop:
    """The site synced, with three customers."""
    assert shop.run("sync").code == 0
    for name, fax, limit in (("A", "1", "10"), ("B", None, "20"), ("C", "3", "015")):
        shop.execute(
            'INSERT INTO "tabCustomer" (name, customer_name, fax, credit_limit) VALUES (?, ?, ?, ?)',
            name,
            name,
            fax,
            limit,
        )
    return shop


def options_of(text: str) -> list[str]:
    """The options that a dry run says would be needed."""
    return [part for line in text.splitlines() if line.strip().startswith("--allow ") for part in line.split()]


def test_sync_makes_tables_and_then_finds_nothing(shop: Shop) -> None:
    """The first sync makes every table, the second says that there is nothing to do."""
    first = shop.run("sync", "--all")
    assert (first.code, first.err) == (0, "")
    assert first.out.startswith("2 DocTypes: 2 changed, 0 in step")
    assert {row[0] for row in shop.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")} >= {
        "tabCustomer",
        "tabItem",
        "tabMigrationHistory",
    }
    again = shop.run("sync")
    assert again.code == 0
    assert again.out.startswith("2 DocTypes in step, nothing to do")


def test_sync_of_one_and_of_some(shop: Shop) -> None:
    """Named DocTypes alone are synced."""
    assert shop.run("sync", "Item").out.startswith("Item: applied")
    assert shop.run("sync", "Item").out == "Item: in step, nothing to do\n"
    both = shop.run("sync", "Customer", "Item", "--format", "json")
    assert (both.json["successful"], both.json["skipped"]) == (["Customer"], ["Item"])


def test_an_unknown_name_stops_the_call_before_anything_is_changed(shop: Shop) -> None:
    """Two names of which one is wrong: neither is synced."""
    answer = shop.run("sync", "Item", "Nobody")
    assert answer.code == 64 and '"Nobody"' in answer.err
    assert not (shop.folder / "site.db").exists() or "tabItem" not in str(
        shop.execute("SELECT name FROM sqlite_schema")
    )


def test_check(filled: Shop) -> None:
    """--check changes nothing and says by its exit code whether anything would."""
    for command in ("sync", "dry-run", "diff", "status"):
        assert filled.run(command, "--check").code == 0
    filled.change("Item", {"fieldname": "weight", "fieldtype": "Float"})
    before = (filled.folder / "site.db").read_bytes()
    for command in ("sync", "dry-run", "diff", "status"):
        assert filled.run(command, "--check").code == 2
    assert (filled.folder / "site.db").read_bytes() == before


def test_dry_run_tells(filled: Shop) -> None:
    """A dry run of one DocType says each change in words, its cost, and the SQL."""
    filled.change("Item", {"fieldname": "weight", "fieldtype": "Float"})
    answer = filled.run("dry-run", "Item")
    assert answer.code == 0
    assert answer.out.startswith("Item: 1 change, would be made, about 1 ms\n")
    assert "+ add Item.weight (REAL)" in answer.out
    assert "[instant]" in answer.out
    assert 'ADD COLUMN "weight" REAL' in answer.out
    assert 'ADD COLUMN "weight"' not in filled.run("dry-run", "Item", "--no-sql").out
    both = filled.run("dry-run")
    assert both.out.startswith("1 of 2 DocTypes would change\n")
    assert "1 in step: Customer" in both.out


def test_lossy_change_is_refused_and_allowed(filled: Shop) -> None:
    """A refusal ends with 3 and names rows, samples and the option; the option works; nothing was changed before."""
    filled.change("Customer", {"fieldname": "credit_limit", "fieldtype": "Currency"})
    look = filled.run("dry-run", "Customer")
    assert look.code == 0
    option = "--allow lossy_conversion:Customer.credit_limit"
    assert "1 change, would be refused" in " ".join(look.out.split())
    assert option in look.out and "015" in look.out
    refused = filled.run("sync", "Customer")
    assert refused.code == 3
    assert refused.out == "" and option in " ".join(refused.err.split()) and "015" in refused.err
    document = filled.run("sync", "Customer", "--format", "json").json
    assert document["error"]["code"] == "DATA_LOSS_RISK"
    assert filled.run("sync", "Customer", *options_of(look.out)).code == 0
    assert filled.execute("SELECT type FROM pragma_table_info('tabCustomer') WHERE name = 'credit_limit'") == [
        ("REAL",)
    ]


def test_partly_done(filled: Shop) -> None:
    """A run of which part is refused ends with 4 and does the other part."""
    filled.change("Customer", {"fieldname": "credit_limit", "fieldtype": "Currency"})
    filled.change("Item", {"fieldname": "weight", "fieldtype": "Float"})
    answer = filled.run("sync")
    assert answer.code == 4
    assert answer.out.startswith("2 DocTypes: 1 changed, 0 in step, 1 failed")
    assert "Customer: refused; schema and rows are as before" in answer.out
    assert filled.run("dry-run", "Item", "--check").code == 0


def test_removed_field_is_kept_until_it_is_allowed_to_go(filled: Shop) -> None:
    """A removed field's column is kept and said; allowed by name, it goes."""
    filled.change("Customer", without=("fax",))
    kept = filled.run("dry-run", "Customer")
    assert "Kept as it is" in kept.out and "Customer.fax: its field was removed; its values stay" in kept.out
    assert filled.run("sync", "Customer").code == 0
    assert filled.execute("SELECT count(fax) FROM tabCustomer") == [(2,)]
    dropping = ["--allow", "drop_column:Customer.fax"]
    options = options_of(filled.run("dry-run", "Customer", *dropping).out)
    assert filled.run("sync", "Customer", *dropping, *options).code == 0
    assert "fax" not in str(filled.execute("SELECT name FROM pragma_table_info('tabCustomer')"))


def test_renames(filled: Shop) -> None:
    """A likely rename is said with the line that would declare it; --rename declares it for this call."""
    filled.change("Customer", {"fieldname": "telefax", "fieldtype": "Data"}, without=("fax",))
    look = filled.run("dry-run", "Customer")
    assert "Perhaps a rename" in look.out and '"old_fieldname": "fax" in the field "telefax"' in look.out
    assert filled.run("sync", "Customer", "--rename", "fax:telefax").code == 0
    assert filled.execute("SELECT count(telefax) FROM tabCustomer") == [(2,)]


def test_status_and_drift(filled: Shop) -> None:
    """The status shows what is in step, what is pending and what was changed by hand."""
    assert filled.run("status").out.startswith("site.db: 2 in step; 2 migrations applied")
    filled.change("Item", {"fieldname": "weight", "fieldtype": "Float"})
    assert "Item      pending  1" in filled.run("status").out
    filled.execute("ALTER TABLE tabCustomer ADD COLUMN by_hand TEXT")
    report = filled.run("status", "--format", "json").json
    assert {entry["doctype"]: entry["state"] for entry in report["doctypes"]} == {
        "Customer": "drift",
        "Item": "pending",
    }


def test_history_and_rollback(filled: Shop) -> None:
    """The history lists migrations, shows one in full, verifies, and its ids take migrations back."""
    filled.change("Item", {"fieldname": "weight", "fieldtype": "Float"})
    result = filled.run("sync", "Item", "--description", "weights", "--format", "json").json
    listed = filled.run("history", "Item")
    assert listed.code == 0 and result["migration_id"] in listed.out
    assert filled.run("history", "--limit", "1").out.splitlines()[-1] == "and 2 earlier"
    told = filled.run("history", "--limit", "1", "--format", "json").json
    assert [each["id"] for each in told["migrations"]] == [result["migration_id"]] and told["stats"]["total"] == 3
    assert len(filled.run("history", "--format", "json").json["migrations"]) == 3
    one = filled.run("history", "--id", result["migration_id"])
    assert "weights" in one.out and 'ADD COLUMN "weight"' in one.out
    assert filled.run("history", "--verify").code == 0
    assert filled.run("history", "--id", "none").code == 64
    back = filled.run("rollback", result["migration_id"])
    assert (back.code, back.err) == (0, "")
    assert back.out.startswith("Item: rolled back")
    assert "weight" not in str(filled.execute("SELECT name FROM pragma_table_info('tabItem')"))
    assert filled.run("rollback", result["migration_id"]).code == 1


def test_tampering_shows(filled: Shop) -> None:
    """A record that was altered is found, in words and by the exit code."""
    filled.execute("UPDATE tabMigrationHistory SET sql = 'nothing' WHERE doctype = 'Item'")
    answer = filled.run("history", "--verify")
    assert answer.code == 1
    assert "was altered" in answer.out


def test_adopt(shop: Shop) -> None:
    """A live table is taken over: history alone is written, and the column of a removed field is ours to drop."""
    shop.execute("CREATE TABLE tabItem (name TEXT PRIMARY KEY, item_name TEXT)")
    adopted = shop.run("adopt", "Item")
    assert adopted.code == 0
    assert adopted.out.endswith("objects of 1 DocType adopted\n\nDocType  adopted\nItem     4\n")
    assert {"column", "table"} <= {
        thing["kind"] for thing in shop.run("adopt", "Item", "--format", "json").json["Item"]
    }
    assert shop.execute("SELECT name FROM pragma_table_info('tabItem')") == [("name",), ("item_name",)]


def test_locked(filled: Shop) -> None:
    """Another writer that stays ends the call with 5."""
    filled.change("Item", {"fieldname": "weight", "fieldtype": "Float"})
    other = sqlite3.connect(filled.folder / "site.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        answer = filled.run("sync", "Item")
    finally:
        other.close()
    assert answer.code == 5
    assert answer.err.startswith("error: ")


def test_bad_definitions(shop: Shop) -> None:
    """Every problem of the folder is listed, each with its file and what to do."""
    (shop.folder / "doctypes" / "broken.json").write_text('{"name": "Broken", "fields": [}', encoding="utf-8")
    shop.define({"name": "Odd", "fields": [{"fieldname": "a", "fieldtype": "Dato"}]})
    answer = shop.run("sync")
    assert answer.code == 1
    assert "broken.json: Invalid JSON at line 1" in " ".join(answer.err.split())
    assert '"Dato"' in answer.err and '"Date"' in answer.err


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"this is no database at all, only a text that is long enough", "database"), (None, "site.db")],
)
def test_bad_database(shop: Shop, content: bytes | None, words: str) -> None:
    """A file that is no database, or a folder in its place, is one sentence."""
    if content is None:
        (shop.folder / "site.db").mkdir()
    else:
        (shop.folder / "site.db").write_bytes(content)
    for command in ("sync", "status", "dry-run", "history"):
        answer = shop.run(command)
        assert answer.code == 1, answer
        assert answer.err.startswith("error:") and words in answer.err  # a long path begins on the next line
        assert "This is a fault" not in answer.err


def test_config_show(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each setting is shown with its source."""
    monkeypatch.setenv("SODAF_LOCK_TIMEOUT", "7")
    text = shop.run("config", "show", "--database", "other.db").out
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines()[1:]}
    assert rows["database"] == ["other.db", "argument"]
    assert rows["doctypes"] == ["doctypes", "sodaf.toml"]
    assert rows["lock_timeout"] == ["7.0", "SODAF_LOCK_TIMEOUT"]
    assert shop.run("config", "show", "--format", "json").json["required"] == {
        "value": "definition",
        "source": "default",
    }


def test_looking_never_writes(filled: Shop) -> None:
    """No command that looks changes a byte of the database."""
    filled.change("Item", {"fieldname": "weight", "fieldtype": "Float"})
    database = Path(filled.folder / "site.db")
    before = database.read_bytes()
    for command in ("dry-run", "diff", "status", "history"):
        filled.run(command)
    filled.run("history", "--verify")
    assert database.read_bytes() == before
