"""What people do wrong on the first day, and what goes wrong at night: one sentence, a hint, the right number."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

import pytest

from sodaf_migrate.history.tables import LAYOUT
from tests.cli.conftest import ITEM, Shop
from tests.cli.test_terminal import on_a_terminal

WEIGHT = {"fieldname": "weight", "fieldtype": "Float"}
ROOT = os.geteuid() == 0


@dataclass(frozen=True)
class Mistake:
    """What somebody did, what is called then, how it ends, and words of the sentence and of the hint."""

    prepare: Callable[[Shop], object]
    call: tuple[str, ...]
    code: int
    sentence: str
    hint: str


def _nothing(shop: Shop) -> None:
    pass


def _synced(shop: Shop) -> None:
    shop.run("sync")


def _file(name: str, text: str | bytes) -> Callable[[Shop], object]:
    data = text if isinstance(text, bytes) else text.encode()
    return lambda shop: (shop.folder / name).write_bytes(data)


def _destructive(shop: Shop) -> None:
    """A sync that has to back something up."""
    shop.run("sync")
    shop.execute("INSERT INTO tabCustomer (name, customer_name, fax) VALUES ('a', 'A', '1')")
    shop.change("Customer", without=("fax",))


def _key(text: str, mode: int) -> Callable[[Shop], object]:
    def prepare(shop: Shop) -> None:
        _destructive(shop)
        path = shop.folder / "backup.key"
        path.write_text(text)
        path.chmod(mode)
        with open(shop.folder / "sodaf.toml", "a") as file:
            file.write('backup_key_file = "backup.key"\n')

    return prepare


def _missing_key(shop: Shop) -> None:
    shop.run("sync")
    shop.run("backup", "create", "--unencrypted")
    (shop.folder / "elsewhere").mkdir()


def _corrupt(shop: Shop) -> None:
    shop.run("sync")
    path = shop.folder / "site.db"
    data = bytearray(path.read_bytes())
    data[100:4096] = os.urandom(3996)
    path.write_bytes(data)


def _encrypted(shop: Shop) -> None:
    (shop.folder / "site.db").write_bytes(os.urandom(1 << 14))


def _newer_history(shop: Shop) -> None:
    shop.run("sync")
    shop.execute("DROP TRIGGER tabMigrationEvent_no_update")
    shop.execute("UPDATE tabMigrationEvent SET layout = ?", LAYOUT + 1)
    shop.change("Item", WEIGHT)


def _view(shop: Shop) -> None:
    shop.execute("CREATE VIEW tabItem AS SELECT 1 AS name")


def _virtual(shop: Shop) -> None:
    shop.execute("CREATE VIRTUAL TABLE tabItem USING fts5(name)")


def _two(shop: Shop) -> None:
    (shop.folder / "doctypes" / "again.json").write_text(json.dumps(ITEM))


def _emptied(shop: Shop) -> None:
    shutil.rmtree(shop.folder / "doctypes")
    (shop.folder / "doctypes").mkdir()


def _full(shop: Shop) -> None:
    """No page more than there are, as on a full disk."""
    shop.run("sync")
    shop.execute("INSERT INTO tabItem (name, item_name) SELECT value, hex(randomblob(400)) FROM json_each('[1,2,3]')")
    shop.change("Item", {"fieldname": "item_name", "fieldtype": "Int"})


JUNK = b"this is a letter, and no database at all, although it is long enough to be looked at as one; dear reader"

MISTAKES: dict[str, Mistake] = {
    "wrong path": Mistake(_nothing, ("status", "--database", "no/such/site.db"), 1, "There is no", "heck the path"),
    "sync into no folder": Mistake(_nothing, ("sync", "--database", "no/site.db"), 1, "no folder", "reate the folder"),
    "typo in a DocType": Mistake(_nothing, ("sync", "Custommer"), 64, '"Custommer"', 'Did you mean "Customer"?'),
    "wrong case": Mistake(_nothing, ("dry-run", "customer"), 64, '"customer"', 'Did you mean "Customer"?'),
    "wrong folder of definitions": Mistake(_nothing, ("sync", "--doctypes", "doctype"), 64, '"doctype"', "--doctypes"),
    "folder as the database": Mistake(
        _nothing, ("sync", "--database", "doctypes"), 1, "is a folder", "path of the file"
    ),
    "definition as the database": Mistake(_nothing, ("status", "--database", "doctypes/item.json"), 1, "database", ""),
    "no database": Mistake(_file("site.db", JUNK * 9), ("sync",), 1, "is not a database that SQLite can read", "path"),
    "encrypted database": Mistake(_encrypted, ("sync",), 1, "encrypted", ""),
    "corrupt database": Mistake(_corrupt, ("status",), 1, "damage", "backup"),
    "empty folder": Mistake(_emptied, ("sync", "Item"), 64, '"Item"', "No definition was loaded"),
    "duplicate key": Mistake(
        _file("doctypes/item.json", '{"name": "Item", "name": "Thing", "fields": []}'),
        ("sync",),
        1,
        'The key "name" stands twice',
        "take one out",
    ),
    "broken JSON": Mistake(_file("doctypes/item.json", '{"name": "Item",'), ("sync",), 1, "line 1", "comma"),
    "two of one name": Mistake(_two, ("sync",), 1, '"Item"', ""),
    "unknown type": Mistake(
        _file("doctypes/odd.json", '{"name": "Odd", "fields": [{"fieldname": "a", "fieldtype": "Intt"}]}'),
        ("sync",),
        1,
        '"Intt"',
        '"Int"',
    ),
    "wrong kind": Mistake(
        _file(
            "doctypes/odd.json", '{"name": "Odd", "fields": [{"fieldname": "a", "fieldtype": "Int", "length": "x"}]}'
        ),
        ("sync",),
        1,
        "length",
        "It has to be a whole number.",
    ),
    "bad TOML": Mistake(_file("sodaf.toml", "database = site.db\n"), ("status",), 64, "sodaf.toml", "that line"),
    "unknown key": Mistake(_file("sodaf.toml", 'databse = "x"\n'), ("status",), 64, '"databse"', '"database"'),
    "unknown option": Mistake(_nothing, ("sync", "--alow", "x"), 64, "--alow", "--help"),
    "unknown command": Mistake(_nothing, ("sinc",), 64, "sinc", "--help"),
    "unknown hazard": Mistake(_nothing, ("sync", "--allow", "drop_colum"), 64, '"drop_colum"', "drop_column"),
    "unknown column": Mistake(
        _synced, ("sync", "--allow", "drop_column:Customer.faxx"), 64, '"faxx"', 'Did you mean "fax"?'
    ),
    "unknown migration": Mistake(_synced, ("rollback", "nothing"), 64, '"nothing"', "history"),
    "unknown backup": Mistake(_synced, ("backup", "restore", "cafe0000"), 64, '"cafe0000"', "backup list"),
    "danger not allowed": Mistake(_destructive, ("sync", "--allow", "fill_nulls", "--check"), 0, "", ""),
    "key open to others": Mistake(_key("x", 0o644), ("sync", "--force"), 1, "may be read by others", "chmod 600"),
    "no key in the key file": Mistake(_key("# nothing\n", 0o600), ("sync", "--force"), 1, "holds no key", ""),
    "rubbish in the key file": Mistake(_key("rubbish\n", 0o600), ("sync", "--force"), 1, "is no key", "keys generate"),
    "newer history": Mistake(_newer_history, ("sync",), 1, "layout", "Use the version"),
    "view in the way": Mistake(_view, ("sync", "Item"), 1, "tabItem", "ename"),
    "virtual table in the way": Mistake(_virtual, ("sync", "Item"), 1, "tabItem", "ename"),
    "no folder of backups": Mistake(_synced, ("backup", "verify", "--store", "no"), 64, 'no folder "no"', "the folder"),
    "file as the folder of backups": Mistake(
        _synced, ("backup", "create", "--store", "site.db"), 1, "is no folder", "Give the folder"
    ),
    "key change without a database": Mistake(
        _nothing, ("keys", "rotate", "--database", "none.db"), 1, "There is no database file", "path"
    ),
    "TOML in another encoding": Mistake(_file("sodaf.toml", b"\xff\xfe"), ("status",), 64, "is not UTF-8", "UTF-8."),
    "a number without end": Mistake(
        _file("doctypes/odd.json", '{"name": "Odd", "fields": [], "x": ' + "9" * 5000 + "}"),
        ("sync",),
        1,
        "too many digits",
        "JSON allows",
    ),
    "output over the database": Mistake(
        _synced, ("dry-run", "--output", "site.db"), 64, "the database itself", "another file"
    ),
    "output into no folder": Mistake(_synced, ("dry-run", "--output", "no/x.txt"), 64, "cannot be written", "folder"),
    "no format of this command": Mistake(_nothing, ("sync", "--format", "html"), 64, "html", "--help"),
}


def check(name: str, mistake: Mistake, code: int, text: str) -> None:
    """It ended as it should, with one sentence, a hint, and no traceback."""
    text = " ".join(text.split())
    assert code == mistake.code, (name, text)
    assert "Traceback" not in text and "This is a fault" not in text, text
    if mistake.code:
        assert mistake.sentence in text and mistake.hint in text, text
        assert "error: " in text and "hint: " in text, text


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_a_pipe(shop: Shop, name: str) -> None:
    """On standard error, with nothing on standard output; with JSON asked for, a document with the same words."""
    mistake = MISTAKES[name]
    mistake.prepare(shop)
    before = _content(shop)
    answer = shop.run(*mistake.call)
    check(name, mistake, answer.code, answer.out + answer.err)
    if mistake.code and mistake.call[0] != "sync":
        assert answer.out == "", answer.out
    if mistake.code and "--format" not in mistake.call:
        document = shop.run(*mistake.call, "--format", "json")
        assert document.code == mistake.code and json.loads(document.out)
    assert _content(shop) == before


@pytest.mark.parametrize("name", ["wrong path", "duplicate key", "key open to others", "unknown option"])
def test_a_mistake_on_a_terminal(shop: Shop, name: str) -> None:
    """A person sees the same, in colour."""
    mistake = MISTAKES[name]
    mistake.prepare(shop)
    seen = on_a_terminal(*mistake.call, "--yes" if mistake.call[0] == "sync" else "--debug", cwd=shop.folder)
    words = " ".join(seen.split())
    assert mistake.sentence in words and mistake.hint in words and "\x1b[" in seen


def _content(shop: Shop) -> dict[str, bytes]:
    """The files of the site, without the tool's own failed records and keys."""
    return {
        str(path): path.read_bytes()
        for path in shop.folder.rglob("*")
        if path.is_file() and path.name != "site.db" and ".backups" not in str(path)
    }


def test_one_problem_is_told_once(shop: Shop) -> None:
    """The sentence says it; it is not repeated below."""
    (shop.folder / "doctypes" / "item.json").write_text('{"name": "Item", "fields": [{"fieldname": "a"}]}')
    answer = shop.run("sync")
    assert " ".join(answer.err.split()).count('lacks "fields.0.fieldtype"') == 1


def test_a_file_without_fields_is_said(shop: Shop) -> None:
    """A definition with a name alone is passed over as another kind of document, and that is told."""
    (shop.folder / "doctypes" / "odd.json").write_text('{"name": "A"}')
    answer = shop.run("sync")
    assert answer.code == 0 and "odd.json: skipped: no DocType (it has no list of fields)" in answer.err


@pytest.mark.skipif(ROOT, reason="nothing is read-only for this user")
@pytest.mark.parametrize("what", ["site.db", "."])
def test_read_only(shop: Shop, what: str) -> None:
    """A file, or a folder, that this user may not write: said, with what to do."""
    shop.run("sync")
    shop.change("Item", WEIGHT)
    path = shop.folder / what
    mode = stat.S_IMODE(path.stat().st_mode)
    path.chmod(mode & ~0o222)
    try:
        answer = shop.run("sync")
    finally:
        path.chmod(mode)
    assert answer.code == 1 and "read-only" in answer.err and "write permission" in " ".join(answer.err.split())


def test_full(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk without room: said before the work, with how much is needed, and nothing is changed."""
    _full(shop)
    before = shop.execute("SELECT item_name FROM tabItem")
    usage = shutil.disk_usage(shop.folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: type(usage)(usage.total, usage.total, 0))
    answer = shop.run("sync", "Item", "--on-conversion-error", "null", "--force")
    assert answer.code == 1 and "hint: " in answer.err + answer.out
    assert "free" in answer.err + answer.out
    assert shop.execute("SELECT item_name FROM tabItem") == before


@pytest.mark.parametrize(
    "command",
    [
        ("sync", "Item"),
        ("rollback", "--steps", "1"),
        ("adopt",),
        ("backup", "create"),
    ],
)
def test_locked(shop: Shop, command: tuple[str, ...]) -> None:
    """Somebody who stays: 5, who holds it where that is known, and what to do."""
    shop.run("sync")
    shop.change("Item", WEIGHT)
    with closing(sqlite3.connect(shop.folder / "site.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = shop.run(*command, "--lock-timeout", "0.2")
    said = " ".join((answer.err + answer.out).split())
    assert answer.code == 5 and "hint: " in said and "for all of the 0.2 s" in said, answer


def test_locked_by_a_reader(shop: Shop) -> None:
    """With a rollback journal, one who goes on reading keeps a COMMIT out: that is a lock, and nothing is in doubt."""
    shop.run("sync")
    shop.change("Item", WEIGHT)
    with closing(sqlite3.connect(shop.folder / "site.db", isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM tabItem").fetchone()
        answer = shop.run("sync", "Item", "--lock-timeout", "0.2")
        assert "weight" not in str(other.execute("PRAGMA table_info(tabItem)").fetchall())
    said = " ".join((answer.err + answer.out).split())
    assert answer.code == 5 and "was locked" in said and "cannot be told" not in said, said
    assert shop.run("sync", "Item").code == 0


def test_a_mark_at_the_beginning_of_the_configuration(shop: Shop) -> None:
    """Editors on Windows write one; it is no mistake."""
    (shop.folder / "sodaf.toml").write_bytes(b'\xef\xbb\xbfdatabase = "site.db"\n')
    assert shop.run("status").code == 0


def test_errors_are_json_where_the_configuration_says_so(shop: Shop) -> None:
    """As every answer is: whoever reads them as JSON must not have to say it twice."""
    (shop.folder / "sodaf.toml").write_text('database = "site.db"\nformat = "json"\n[sites.a]\nformat = "text"\n')
    assert shop.run("sync", "Nope").json["error"]["code"] == "DOCTYPE_UNKNOWN"
    assert shop.run("sync", "Nope", "--site", "a").out == shop.run("sync", "Nope", "--format", "text").out == ""


def test_risks_in_json_are_objects(shop: Shop) -> None:
    """A program reads the dangers of a refusal field by field."""
    shop.run("sync")
    shop.execute("INSERT INTO tabCustomer (name, customer_name, credit_limit) VALUES ('a', 'A', '12.5')")
    shop.change("Customer", {"fieldname": "credit_limit", "fieldtype": "Int"})
    refused = shop.run("sync", "Customer", "--on-conversion-error", "null", "--format", "json")
    error = refused.json["error"]
    [risk] = error["details"]["risks"]
    assert refused.code == 3 and risk["code"] == "lossy_conversion" and risk["affected_rows"] == 1
    assert risk["severity"] == "error" and not risk["allowed"]


PLACES = {
    "a full device": (["status"], "> /dev/full", 1, "error: The answer could not be written: No space left on device"),
    "no standard output": (["status"], ">&-", 0, ""),
    "no standard error": (["sync", "Nope"], "2>&-", 64, ""),
    "a reader who has seen enough": (["status"], "| head -1", 0, ""),
}


@pytest.mark.parametrize("place", PLACES)
def test_places_that_answers_go_to(shop: Shop, place: str) -> None:
    """A closed or full standard output, and the program's own number all the same."""
    shop.run("sync")
    call, where, code, said = PLACES[place]
    done = _shell(shop, f'"$0" -m sodaf_migrate {" ".join(call)} {where}')
    assert done.returncode == code and "Traceback" not in done.stderr and "fault" not in done.stderr, done.stderr
    assert done.stderr.startswith(said) and ("Exception ignored" not in done.stderr)


def test_a_working_folder_that_is_gone(shop: Shop) -> None:
    """Said as that, and not as a fault of the program."""
    done = _shell(shop, 'mkdir gone && cd gone && rmdir ../gone && "$0" -m sodaf_migrate status')
    assert done.returncode == 64 and "working folder is not there" in done.stderr and "hint: " in done.stderr


def _shell(shop: Shop, words: str) -> subprocess.CompletedProcess[str]:
    home = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    line = ["bash", "-c", words, sys.executable]
    return subprocess.run(line, cwd=shop.folder, env=home, capture_output=True, text=True, timeout=60, check=False)


# The exit codes, one by one, as a script sees them.


def test_exit_0_and_2(shop: Shop) -> None:
    """0 in step; 2 pending, with --check alone."""
    assert shop.run("sync", "--check").code == 2
    assert shop.run("dry-run").code == 0
    assert shop.run("sync").code == 0
    assert [shop.run(command, "--check").code for command in ("sync", "dry-run", "diff", "status")] == [0, 0, 0, 0]
    shop.change("Item", WEIGHT)
    assert [shop.run(command, "--check").code for command in ("sync", "dry-run", "diff", "status")] == [2, 2, 2, 2]


def test_exit_3_and_4(shop: Shop) -> None:
    """3 refused for a danger; 4 when another DocType of the run was changed."""
    shop.run("sync")
    shop.execute("INSERT INTO tabCustomer (name, customer_name, credit_limit) VALUES ('a', 'A', '12.5')")
    shop.change("Customer", {"fieldname": "credit_limit", "fieldtype": "Int"})
    refused = shop.run("sync", "--on-conversion-error", "null")
    assert refused.code == 3 and "--allow lossy_conversion" in " ".join(refused.out.split())
    shop.change("Item", WEIGHT)
    assert shop.run("sync", "--on-conversion-error", "null").code == 4
    assert shop.run("sync", "--on-conversion-error", "null").code == 3


def test_every_problem_is_told_once(shop: Shop) -> None:
    """The first of several too, each with its own hint."""
    fields = [{"fieldname": "a", "fieldtype": "Intt"}, {"fieldname": "b", "fieldtype": "Dat"}]
    (shop.folder / "doctypes" / "odd.json").write_text(json.dumps({"name": "Odd", "fields": fields}))
    answer = shop.run("sync")
    assert answer.err.startswith("error: The definitions have 2 problems\n")
    for word in ('"Intt"', '"Dat"', '"Int"', '"Data"'):
        assert answer.err.count(word) == 1, answer.err


@pytest.mark.parametrize(
    "words", [("history", "--verify"), ("doctor",), ("dry-run", "Item", "--rename", "a:item_name")]
)
def test_every_look_waits_for_locks_as_long_as_the_site_says(shop: Shop, words: tuple[str, ...]) -> None:
    """Somebody else has the file for himself: what is waited is said, and it is not the usual 30 seconds."""
    shop.run("sync")
    with closing(sqlite3.connect(shop.folder / "site.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        answer = shop.run(*words, "--lock-timeout", "0.1")
    assert answer.code in (1, 5) and "of the 0.1 s that were waited" in " ".join((answer.out + answer.err).split())


@pytest.mark.parametrize(
    ("words", "sentence", "hint"),
    [
        (("sync", "--allow", "drop_colum:Item"), '"drop_colum:Item" is not a hazard', 'mean "drop_column:Item"?'),
        (("sync", "--timeout", "abc"), "is not a valid number of seconds", ""),
        (("sync", "--lock-timeout", "abc"), "is not a valid number of seconds", ""),
        (("backup", "prune", "--older-than", "abc"), "is not a valid number of days", ""),
        (("history", "nope"), '"nope" is neither a DocType nor the id of a migration', "`sodaf-migrate status` lists"),
        (("history", "Itme"), '"Itme" is neither', 'Did you mean "Item"?'),
        (("backup", "list"), "There is no database file", "--store DIR"),
        (("status", "--database", "file:site.db?mode=rwc"), "is a URI, and a path is wanted", "lend a connection"),
        (("sync", "--database", "file:/a/b.db?mode=rwc"), "is a URI, and a path is wanted", "lend a connection"),
    ],
)
def test_what_leads_on(shop: Shop, words: tuple[str, ...], sentence: str, hint: str) -> None:
    """What is wrong in the words of the user, and where the right word stands."""
    told = " ".join(shop.run(*words).err.split())
    assert sentence in told and hint in told


def test_a_new_machine_without_a_configuration(shop: Shop) -> None:
    """Where no database is configured at all, the way to the backups is told as well."""
    (shop.folder / "sodaf.toml").unlink()
    answer = shop.run("backup", "list")
    assert "no database is configured" in answer.err and "--store DIR" in answer.err


def test_what_the_configuration_forbids_is_told_by_its_setting(shop: Shop) -> None:
    """Whoever wrote it finds the line."""
    with open(shop.folder / "sodaf.toml", "a") as file:
        file.write('[permissions]\ncan_rollback = false\nallowed_doctypes = ["Item"]\n')
    told = " ".join(shop.run("rollback", "--steps", "1").err.split())
    assert '"can_rollback" is false' in told and "[permissions] of sodaf.toml" in told
    told = " ".join(shop.run("sync", "Customer").err.split())
    assert 'of "Customer": "allowed_doctypes"' in told and "[permissions] of sodaf.toml" in told


def test_empty_lists_of_settings(shop: Shop) -> None:
    """As a word, not as Python writes them."""
    answer = shop.run("config", "show")
    assert "()" not in answer.out and any(
        line.split()[:2] == ["date_formats", "none"] for line in answer.out.split("\n")
    )
