"""The commands about backups and keys on a real site."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path

import pytest

from sodaf_migrate.backup.manager import MigrationBackupManager
from tests.cli.conftest import Answer, Shop
from tests.cli.test_terminal import on_a_terminal

VARIABLES = ("XDG_CONFIG_HOME", "SODAF_BACKUPS", "SODAF_BACKUP_KEY", "SODAF_BACKUP_KEY_FILE", "SODAF_BACKUP_PASSPHRASE")


@pytest.fixture
def site(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A synced site with three customers, and a user without a key."""
    monkeypatch.setenv("HOME", str(shop.folder))
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert shop.run("sync").code == 0
    for name in "ABC":
        shop.execute('INSERT INTO "tabCustomer" (name, customer_name, fax) VALUES (?, ?, ?)', name, name, name)
    return shop


def made(site: Shop, *arguments: str) -> str:
    """The id of a backup that was made."""
    answer = site.run("backup", "create", *arguments, "--format", "json")
    assert answer.code == 0, answer.err
    return str(answer.json["id"])


def key_path(site: Shop) -> Path:
    """The user's key file."""
    return site.folder / ".config" / "sodaf-migrate" / "backup.key"


def test_the_first_backup_tells_of_the_key(site: Shop) -> None:
    """The first backup makes a key file and says that a copy should be kept; the second says nothing of it."""
    first = site.run("backup", "create", "Customer")
    assert first.code == 0
    assert first.out.startswith("Customer: FULL backup, 3 rows")
    assert str(key_path(site)) in first.err.replace("\n", "") and "Keep a copy" in first.err
    assert stat.S_IMODE(key_path(site).stat().st_mode) == 0o600
    second = site.run("backup", "create")
    assert (second.code, second.err) == (0, "") and second.out.startswith("the database: FULL backup")


def test_no_second_key_is_made_unasked(site: Shop) -> None:
    """Where the key file is gone, a backup is refused, and so is a change that needs one; `keys generate` helps."""
    made(site, "Customer")
    key = key_path(site).read_text().split()[-1]
    key_path(site).unlink()
    site.execute("UPDATE tabCustomer SET fax = '1'")
    site.change("Customer", without=("fax",))
    for call in (("backup", "create"), ("sync", "--allow", "drop_column:Customer.fax")):
        refused = site.run(*call)
        said = " ".join((refused.out + refused.err).split())
        assert refused.code == 1 and "No key is configured, and the backups in" in said and "keys generate" in said
        assert not key_path(site).exists() and key not in said
    assert site.execute("SELECT DISTINCT fax FROM tabCustomer") == [("1",)]
    assert "opens none of the site's backups so far" in " ".join(site.run("keys", "generate").out.split())
    assert site.run("backup", "create").code == 0
    assert site.run("keys", "check").code == 1
    with open(key_path(site), "a") as file:
        file.write(key + "\n")
    assert site.run("keys", "check").code == 0


def test_a_second_who_makes_the_first_key(site: Shop) -> None:
    """Who looked for a key before somebody else made it and locked with it takes that one, and is not refused."""
    early = MigrationBackupManager(site.folder / "site.db")
    assert early.ring.keys == ()
    made(site, "Customer")
    assert early.create_backup("Customer").encrypted and early.key_made is None


def test_a_damaged_backup_says_nothing_of_keys(site: Shop) -> None:
    """A file that is no backup any more does not stand in the way of the first key, nor does one without encryption."""
    made(site, "Customer", "--unencrypted")
    first = made(site, "Customer")
    [path] = site.folder.glob(f"site.db.backups/*{first}.sdbk")
    path.write_bytes(b"")
    key_path(site).unlink()
    assert made(site, "Customer")


def test_a_damaged_file_that_the_catalogue_does_not_know(site: Shop) -> None:
    """It cannot be listed, for nobody knows what it is; that it is there and damaged is told, and found by a check."""
    whole, broken = made(site, "Customer"), made(site, "Customer")
    site.execute('DELETE FROM "tabMigrationBackup" WHERE id = ?', broken)
    [path] = site.folder.glob(f"site.db.backups/*{broken}.sdbk")
    path.write_bytes(path.read_bytes()[:40])
    for call in (("backup", "list"), ("backup", "list", "--format", "json")):
        listed = site.run(*call)
        assert listed.code == 0 and whole[:12] in listed.out and broken[:12] not in listed.out
        assert f"damaged: {path.name}" in " ".join(listed.err.split())
    for level in ((), ("--hash-only",)):
        checked = site.run("backup", "verify", *level, "--format", "json")
        assert checked.code == 1
        assert {each["id"]: each["damaged"] for each in checked.json} == {whole: False, broken: True}
    path.unlink()
    assert site.run("backup", "list").err == "" and site.run("backup", "verify").code == 0


def test_every_document_is_described(site: Shop) -> None:
    """What the page about JSON promises of these commands is in their documents."""
    text = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `((?:backup|keys) [a-z-]+|diff)`.*? \| (.+) \|$", text, re.MULTILINE))
    id = made(site)
    site.execute("UPDATE tabCustomer SET fax = '1'")
    more = {
        "backup restore": (id, "--dry-run"),
        "backup prune": ("--keep", "1", "--dry-run"),
        "keys generate": ("--file", str(site.folder / "another.key")),
        "diff": ("Customer",),
    }
    assert len(rows) == 10
    for name, words in rows.items():
        answer = site.run(*name.split(), *more.get(name, ()), "--format", "json")
        document = answer.json[0] if isinstance(answer.json, list) else answer.json
        promised = re.findall(r"`(\w+)`", words.split(": `id` and")[0])
        assert promised and set(promised) <= set(document), (name, promised)


def test_list_and_inspect(site: Shop) -> None:
    """The list has each backup once, latest first; any beginning of an id shows one in full."""
    assert site.run("backup", "list").out == "there are no backups\n"
    one, two = made(site, "Customer"), made(site, "--type", "incremental")
    listed = site.run("backup", "list")
    assert listed.out.index(two[:12]) < listed.out.index(one[:12]) and "2 backups" in listed.out
    assert one[:12] not in site.run("backup", "list", "Item").out
    shown = site.run("backup", "inspect", one[:6])
    assert shown.code == 0 and one in shown.out and "table: tabCustomer" in shown.out
    assert [info["id"] for info in site.run("backup", "list", "--format", "json").json] == [one, two]
    assert site.run("backup", "inspect", one, "--format", "json").json["record_count"] == 3


def test_kinds(site: Shop) -> None:
    """Each kind that can be asked for, and those that do not go together."""
    assert "COLUMN backup, 3 rows" in site.run("backup", "create", "Customer", "--column", "fax").out
    assert "SCHEMA backup" in site.run("backup", "create", "--type", "schema").out
    assert "no full backup to build on" in site.run("backup", "create", "Item", "--type", "incremental").out
    plain = site.run("backup", "create", "Item", "--unencrypted")
    assert "not encrypted" in plain.out
    for wrong in (
        ["--column", "fax"],
        ["Customer", "--type", "column"],
        ["Customer", "--column", "x", "--type", "full"],
    ):
        assert site.run("backup", "create", *wrong).code == 64
    assert site.run("backup", "create", "Nobody").code == 1
    assert site.run("backup", "create", "Customer", "--column", "nothing").code == 1


def test_verify(site: Shop) -> None:
    """All are good; a damaged one is named and ends with 1; an unencrypted one is read only where that is said."""
    good, bad = made(site, "Customer"), made(site, "Item")
    for how in ([], ["--hash-only"], ["--deep"]):
        answer = site.run("backup", "verify", *how)
        assert answer.code == 0 and "2 backups checked" in answer.out and "all good" in answer.out
    path = Path(site.run("backup", "inspect", bad, "--format", "json").json["path"])
    path.write_bytes(path.read_bytes()[:-1])
    answer = site.run("backup", "verify")
    assert answer.code == 1 and f"{bad[:12]}: " in answer.out and good[:12] not in answer.out
    assert site.run("backup", "verify", good).code == 0
    assert site.run("backup", "verify", "--deep", "--hash-only").code == 64
    plain = made(site, "Item", "--unencrypted")
    assert site.run("backup", "verify", plain).code == 1
    assert site.run("backup", "verify", plain, "--unencrypted").code == 0


def test_restore_asks_before_it_overwrites(site: Shop) -> None:
    """Rows that would go are told; without a terminal and without --yes it is refused with 3 and nothing is changed."""
    backup = made(site, "Customer")
    site.execute("UPDATE tabCustomer SET fax = 'new' WHERE name = 'A'")
    told = site.run("backup", "restore", backup, "--dry-run")
    assert told.code == 0 and "1 overwritten, 2 as they are" in told.out
    refused = site.run("backup", "restore", backup)
    assert refused.code == 3 and "1 rows of tabCustomer" in refused.err and "--yes" in refused.err
    assert site.execute("SELECT fax FROM tabCustomer WHERE name = 'A'") == [("new",)]
    done = site.run("backup", "restore", backup, "--yes")
    assert done.code == 0 and "what was there before is in the backup" in done.out
    assert site.execute("SELECT fax FROM tabCustomer WHERE name = 'A'") == [("A",)]
    assert site.run("backup", "restore", backup).code == 0  # nothing would go, so nothing is asked


def test_restore_elsewhere(site: Shop) -> None:
    """Another table and another file need no question; the whole database over the live one does."""
    table, whole = made(site, "Customer"), made(site)
    assert site.run("backup", "restore", table, "--into", "copy").code == 0
    assert site.execute('SELECT count(*) FROM "copy"') == [(3,)]
    assert site.run("backup", "restore", whole, "--into-database", "new.db").code == 0
    assert (site.folder / "new.db").exists()
    assert site.run("backup", "restore", whole, "--into-database", "new.db").code == 1
    site.execute("DELETE FROM tabCustomer")
    assert site.run("backup", "restore", whole).code == 3
    assert site.run("backup", "restore", whole, "--yes").code == 0
    assert site.execute("SELECT count(*) FROM tabCustomer") == [(3,)]
    assert site.run("backup", "restore", "f" * 32).code == 64


def test_prune(site: Shop) -> None:
    """What would go is told; nothing goes without --yes; the newest stays; a limit must be given."""
    old, new = made(site, "Customer"), made(site, "Customer")
    assert site.run("backup", "prune").code == 64
    told = site.run("backup", "prune", "--keep", "0", "--dry-run")
    assert told.code == 0 and "1 backup would be deleted" in told.out and "1 the newest good one" in told.out
    assert site.run("backup", "prune", "--keep", "0").code == 3
    assert len(site.run("backup", "list", "--format", "json").json) == 2
    assert site.run("backup", "prune", "--keep", "0", "--yes").code == 0
    assert [info["id"] for info in site.run("backup", "list", "--format", "json").json] == [new]
    assert old != new
    assert "nothing" in site.run("backup", "prune", "--max-size", "1.5K", "--older-than", "1").out
    assert site.run("backup", "prune", "--max-size", "big").code == 64
    assert site.run("backup", "prune", "--keep", "-1").code == 64


def test_catalogue(site: Shop) -> None:
    """A catalogue that is not as the files say is found, and put right."""
    backup = made(site, "Customer")
    assert site.run("backup", "catalogue").code == 0
    site.execute("DELETE FROM tabMigrationBackup")
    assert site.run("backup", "catalogue").code == 1
    rebuilt = site.run("backup", "catalogue", "--rebuild")
    assert rebuilt.code == 0 and backup[:12] in rebuilt.out
    assert site.run("backup", "catalogue").code == 0


def test_a_store_of_ones_own(site: Shop) -> None:
    """--store, the environment and the file name the folder, in this order."""
    made(site, "Customer", "--store", "elsewhere")
    assert len(os.listdir(site.folder / "elsewhere")) == 2
    (site.folder / "sodaf.toml").write_text('database = "site.db"\nbackups = "third"\n')
    made(site, "Customer")
    assert (site.folder / "third").is_dir() and not (site.folder / "site.db.backups").exists()
    assert '"third"' in json.dumps(site.run("config", "show", "--format", "json").json)


def test_keys(site: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key is made once, never shown, told where it is, changed, and still opens everything."""
    assert "not there yet" in site.run("keys", "show-path").out
    assert site.run("keys", "rotate").code == 1
    generated = site.run("keys", "generate")
    assert generated.code == 0 and str(key_path(site)) in generated.out.replace("\n", "")
    assert site.run("keys", "generate").code == 64
    backup = made(site, "Customer")
    before = key_path(site).read_text()
    rotated = site.run("keys", "rotate")
    assert rotated.code == 0 and "1 backup open" in rotated.out
    after = key_path(site).read_text()
    secrets = {line for line in (before + after).splitlines() if not line.startswith("#")}
    assert len(secrets) == 2 and not any(secret in generated.out + rotated.out for secret in secrets)
    assert "all of 1 backup can be opened" in site.run("keys", "check").out
    assert site.run("backup", "verify", backup).code == 0
    key_path(site).unlink()
    missing = site.run("backup", "verify", backup)
    assert missing.code == 1 and "no key" in missing.err
    assert site.run("keys", "check").code == 1
    monkeypatch.setenv("SODAF_BACKUP_KEY", "0" * 64)
    assert site.run("keys", "check").code == 1


def test_keys_from_the_environment(site: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that comes from the environment cannot be changed there, but everything can be locked with another."""
    assert site.run("keys", "generate", "--file", "old.key").code == 0
    assert site.run("keys", "generate", "--file", "new.key").code == 0
    secret = (site.folder / "old.key").read_text().splitlines()[-1]
    monkeypatch.setenv("SODAF_BACKUP_KEY", secret)
    backup = made(site, "Customer")
    shown = site.run("keys", "show-path")
    assert "SODAF_BACKUP_KEY" in shown.out and secret not in shown.out
    refused = site.run("keys", "rotate")
    assert refused.code == 1 and "--to PATH" in refused.err
    assert site.run("keys", "rotate", "--to", "new.key").code == 0
    wrong = site.run("backup", "verify", backup)
    assert wrong.code == 1
    monkeypatch.delenv("SODAF_BACKUP_KEY")
    monkeypatch.setenv("SODAF_BACKUP_KEY_FILE", "new.key")
    assert site.run("backup", "verify", backup).code == 0
    assert site.run("keys", "rotate").code == 0
    assert len((site.folder / "new.key").read_text().splitlines()) == 4
    os.chmod(site.folder / "new.key", 0o644)
    assert "chmod 600" in site.run("keys", "check").err


def test_errors_as_json(site: Shop) -> None:
    """With JSON asked for, an error is a document too."""
    answer: Answer = site.run("backup", "inspect", "f" * 32, "--format", "json")
    assert answer.code == 64 and answer.json["error"]["code"] == "BACKUP_UNKNOWN"


def test_a_bar_on_a_terminal_and_none_in_a_pipe(site: Shop) -> None:
    """A person sees bytes and the time left, and is asked; a pipe sees the answer alone."""
    environment = {"HOME": str(site.folder)}
    seen = on_a_terminal("backup", "create", cwd=site.folder, **environment)
    assert "backup the database" in seen and "/" in seen and ":" in seen
    assert "verified" in seen.splitlines()[-2] + seen.splitlines()[-3] + seen
    backup = made(site, "Customer")
    site.execute("UPDATE tabCustomer SET fax = 'new'")
    asked = on_a_terminal("backup", "restore", backup, cwd=site.folder, typed=b"n\n", **environment)
    assert "Go on?" in asked and "nothing was changed" in asked
    assert site.execute("SELECT DISTINCT fax FROM tabCustomer") == [("new",)]
    agreed = on_a_terminal("backup", "restore", backup, cwd=site.folder, typed=b"y\n", **environment)
    assert "restored from" in agreed
    assert site.execute("SELECT fax FROM tabCustomer ORDER BY name") == [("A",), ("B",), ("C",)]


def test_a_doctype_whose_table_has_a_name_of_its_own(site: Shop) -> None:
    """Backups made by name, by table and by a migration are all found by either; without definitions by the table."""
    field = {"fieldname": "fax", "fieldtype": "Data"}
    site.define({"name": "Partner", "table_name": "partners", "fields": [field]})
    assert site.run("sync", "Partner").code == 0
    site.execute("INSERT INTO partners (name, fax) VALUES ('a', '1')")
    ids = [made(site, "Partner"), made(site, "partners"), made(site, "Partner", "--column", "fax")]
    site.define({"name": "Partner", "table_name": "partners", "fields": []})
    assert site.run("sync", "Partner", "--allow", "drop_column", "--yes").code == 0
    for name in ("Partner", "partners"):
        found = site.run("backup", "list", name, "--format", "json").json
        assert [info["doctype"] for info in found] == ["Partner"] * 4 and [info["id"] for info in found][:3] == ids
    (site.folder / "doctypes" / "partner.json").write_text("{")
    alone = made(site, "partners")
    (site.folder / "doctypes" / "partner.json").unlink()
    assert [info["id"] for info in site.run("backup", "list", "partners", "--format", "json").json] == [alone]
    site.define({"name": "Partner", "table_name": "partners", "fields": []})
    assert site.run("backup", "list", "Partner", "--format", "json").json[-1]["id"] == alone


def test_a_rollback_s_own_backup_says_so(site: Shop) -> None:
    """What the way back takes away is kept "before rollback of" the migration."""
    site.change("Customer", {"fieldname": "city", "fieldtype": "Data"})
    migration = site.run("sync", "Customer", "--format", "json").json["migration_id"]
    site.execute("UPDATE tabCustomer SET city = 'here'")
    assert site.run("rollback", migration, "--force", "--yes").code == 0
    (kept,) = site.run("backup", "list", "--format", "json").json
    assert kept["about"]["reason"] == f"before rollback of {migration}"
    assert "before rollback" in site.run("backup", "list").out
    assert f"before rollback of {migration}" in site.run("backup", "inspect", kept["id"]).out
