"""Looking at a site: formats and files, names that nothing has, drift, and databases that cannot be written."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Shop

LOOKS = (("dry-run",), ("diff",), ("status",), ("sync", "--check"))


@pytest.fixture
def synced(shop: Shop) -> Shop:
    """A site in step."""
    assert shop.run("sync").code == 0
    return shop


def weigh(shop: Shop) -> None:
    """A change that is still to come."""
    shop.change("Item", {"fieldname": "weight", "fieldtype": "Float"})


@pytest.mark.parametrize("command", LOOKS, ids=" ".join)
def test_no_database_yet(shop: Shop, command: tuple[str, ...]) -> None:
    """Everything is pending, which --check says; nothing is created."""
    answer = shop.run(*command)
    checked = shop.run(*dict.fromkeys((*command, "--check")))
    assert (answer.err, checked.code) == ("", 2)
    assert not (shop.folder / "site.db").exists()


def test_no_database_yet_is_said(shop: Shop) -> None:
    """The verdict says that a sync would create it; one that is configured wrongly shows by that."""
    for names in (["Item"], []):
        assert "no database yet, a sync creates it" in " ".join(shop.run("dry-run", *names).out.split())
    assert "there is no database yet" in shop.run("status").out
    assert shop.run("dry-run", "--format", "json").json[0]["new_database"] is True


@pytest.mark.parametrize("kind", ["text", "json", "markdown", "html", "sql"])
def test_output(synced: Shop, kind: str) -> None:
    """--output writes what would have been printed, and replaces what was in the file."""
    weigh(synced)
    path = synced.folder / "out"
    path.write_text("old")
    before = (synced.folder / "site.db").read_bytes()
    answer = synced.run("dry-run", "Item", "--format", kind, "--output", "out")
    assert (answer.code, answer.out, answer.err) == (0, "", "")
    assert (synced.folder / "site.db").read_bytes() == before
    if kind != "sql":  # whose record has a time and an id of its own
        assert path.read_text(encoding="utf-8") == synced.run("dry-run", "Item", "--format", kind).out
    assert "weight" in path.read_text(encoding="utf-8")
    assert sorted(entry.name for entry in synced.folder.iterdir()) == ["doctypes", "out", "site.db", "sodaf.toml"]


@pytest.mark.parametrize(
    "name", ["site.db", "doctypes/../site.db", "site.db-wal", "link", "doctypes", "no/such", "a\0b"]
)
def test_output_that_cannot_be(synced: Shop, name: str) -> None:
    """The database is never written over, by whatever name; a folder that is not there is said."""
    (synced.folder / "link").symlink_to("site.db")
    before = (synced.folder / "site.db").read_bytes()
    answer = synced.run("status", "--output", name)
    assert answer.code == 64 and answer.err.startswith("error: ") and "hint: " in answer.err
    assert (synced.folder / "site.db").read_bytes() == before


def test_formats_that_a_command_does_not_have(shop: Shop) -> None:
    """It is said before anything is done."""
    answer = shop.run("sync", "--format", "html")
    assert answer.code == 64 and "sync does not answer in html" in answer.err
    assert not (shop.folder / "site.db").exists()
    assert shop.run("history", "--verify", "--format", "markdown").code == 64


def test_markdown_of_status_history_and_diff(synced: Shop) -> None:
    """Each is Markdown with a table."""
    weigh(synced)
    assert "| Item | pending | 1 |" in synced.run("status", "--format", "markdown").out
    assert "| when (UTC) | DocType |" in synced.run("history", "--format", "markdown").out
    assert "| change |" in synced.run("diff", "Item", "--format", "markdown").out


def test_a_refused_plan_has_no_script(synced: Shop) -> None:
    """What would be refused ends as a sync would, and writes no file."""
    synced.execute("INSERT INTO tabCustomer(name, credit_limit) VALUES ('a', '015')")
    synced.change("Customer", {"fieldname": "credit_limit", "fieldtype": "Int"})
    answer = synced.run("dry-run", "Customer", "--format", "sql", "--output", "out.sql")
    assert answer.code == 3 and answer.err.startswith("error: ")
    assert not (synced.folder / "out.sql").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("history", "Itme"), '"Item"'),
        (("sync", "--allow", "drop_column:Custmer.fax"), '"Customer"'),
        (("sync", "--allow", "drop_column:Customer.faxx"), '"fax"'),
        (("dry-run", "--allow", "drop_column:Customer.faxx"), '"fax"'),
        (("dry-run", "Customer", "--rename", "fax:telefaks"), "telefaks"),
        (("dry-run", "Customer", "--rename", "phones:credit_limit"), '"phone"'),
        (("diff", "--rename", "phone:credit_limits"), '"credit_limit"'),
    ],
)
def test_names_that_nothing_has(shop: Shop, arguments: tuple[str, ...], words: str) -> None:
    """A DocType or column that nothing has is said with the nearest name, and nothing is done."""
    answer = shop.run(*arguments)
    assert answer.code == 64 and words in answer.err, answer
    assert not (shop.folder / "site.db").exists()


def test_names_of_columns_that_only_the_table_has(synced: Shop) -> None:
    """A removed field's column may be named: it is what --allow drop_column is for."""
    synced.change("Customer", without=("fax",))
    assert synced.run("dry-run", "--allow", "drop_column:Customer.fax").code == 0


def test_skipped_files_are_noted(shop: Shop) -> None:
    """A file that is no DocType is told on standard error, beside the answer."""
    (shop.folder / "doctypes" / "report.json").write_text('{"doctype": "Report", "name": "R"}')
    answer = shop.run("dry-run", "--format", "json")
    assert "note: report.json: skipped" in answer.err
    assert json.loads(answer.out)


def test_drift_is_told_apart(synced: Shop) -> None:
    """Changed by hand: our index that went and our table that has one column more, in words and with texts."""
    weigh(synced)
    synced.execute('DROP INDEX "ix_tabItem.item_name"')
    synced.execute("ALTER TABLE tabCustomer ADD COLUMN by_hand TEXT")
    text = synced.run("status").out
    assert "+ add Customer.by_hand (TEXT)" in text and 'index "ix_tabItem.item_name" on "tabItem" was removed' in text
    states = {entry["doctype"]: entry for entry in synced.run("status", "--format", "json").json["doctypes"]}
    [table], [index] = states["Customer"]["drift"], states["Item"]["drift"]
    assert (table["what"], index["what"]) == ("altered", "removed")
    assert "by_hand" in table["after"] and "by_hand" not in table["before"]
    assert index["before"].startswith("CREATE INDEX") and index["after"] is None
    assert states["Customer"]["changes"] == 0 and states["Item"]["changes"] == 2


def test_what_is_the_owners_is_no_drift(synced: Shop) -> None:
    """Indexes, triggers and views of his own come and go."""
    synced.execute("CREATE INDEX mine ON tabItem (item_name)")
    synced.execute("CREATE TRIGGER t AFTER INSERT ON tabItem BEGIN SELECT 1; END")
    synced.execute("CREATE VIEW v AS SELECT * FROM tabItem")
    assert synced.run("status").out.startswith("site.db: 2 in step")
    weigh(synced)
    synced.run("sync")
    synced.execute("DROP INDEX mine")
    assert synced.run("status").out.startswith("site.db: 2 in step")


def test_no_drift_after_going_back_or_taking_over(synced: Shop) -> None:
    """A rollback leaves what it left; adopting takes what is there for what shall be."""
    weigh(synced)
    applied = synced.run("sync", "Item", "--format", "json").json["migration_id"]
    assert synced.run("rollback", applied, "--force", "--yes").code == 0
    assert "drift" not in synced.run("status").out
    synced.execute("ALTER TABLE tabCustomer ADD COLUMN by_hand TEXT")
    assert "1 drift" in synced.run("status").out
    assert synced.run("adopt").code == 0
    assert "drift" not in synced.run("status").out
    synced.execute("ALTER TABLE tabCustomer DROP COLUMN by_hand")
    assert "since it was adopted" in " ".join(synced.run("status").out.split())


def test_status_waits_no_longer_than_it_may(synced: Shop) -> None:
    """--lock-timeout counts for status, too."""
    with closing(sqlite3.connect(synced.folder / "site.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for command in ("status", "history"):
            answer = synced.run(command, "--lock-timeout", "0.05")
            assert answer.code == 5 and "locked" in answer.err


def hot(folder: Path) -> Path:
    """A database with a hot journal: a copy of one in the midst of a change that has reached the file."""
    path = folder / "live" / "site.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("CREATE TABLE big (a)")
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO big VALUES (?)", [("x" * 500,)] * 2000)
        shutil.copytree(path.parent, folder / "hot")
    return folder / "hot" / "site.db"


def test_a_hot_journal(shop: Shop) -> None:
    """It takes a writer to roll it back: one sentence, a hint, and no byte changed."""
    path = hot(shop.folder)
    before = path.read_bytes(), (path.parent / "site.db-journal").read_bytes()
    for command in LOOKS:
        answer = shop.run(*command, "--database", str(path))
        assert answer.code == 1 and "hot journal" in " ".join(answer.err.split()), answer
        assert "hint: " in answer.err
    assert before == (path.read_bytes(), (path.parent / "site.db-journal").read_bytes())


_AS_NOBODY = """
import contextlib, io, os, sys, urllib.parse
from sodaf_migrate.cli.main import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main(["dry-run", "--database", "other.db"])  # loads all that a user without rights may not be able to read
os.setgid(65534); os.setuid(65534)
main(["dry-run"])
"""


@pytest.mark.parametrize(("mode", "code", "words"), [("delete", 0, "1 of 2"), ("wal", 1, "in WAL mode")])
def test_where_nothing_may_be_written(synced: Shop, mode: str, code: int, words: str) -> None:
    """A read-only file in a read-only folder is read; in WAL mode, where SQLite has to write for that, it is said."""
    if os.getuid() != 0:
        pytest.skip("only root can become somebody who may not write")
    weigh(synced)
    synced.execute(f"PRAGMA journal_mode = {mode}")
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others
        folder = Path(name)
        shutil.copytree(synced.folder, folder, dirs_exist_ok=True)
        before = (folder / "site.db").read_bytes()
        (folder / "site.db").chmod(0o444)
        folder.chmod(0o555)
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        command = [sys.executable, "-c", _AS_NOBODY]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == code, done.stderr
        assert words in " ".join((done.stdout + done.stderr).split())
        assert (folder / "site.db").read_bytes() == before
