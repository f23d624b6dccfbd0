"""The doctor: every trouble is planted, and found with what to do."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Shop


@pytest.fixture
def kept(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A site with a key of its own, and a migration that cannot go back without its backup."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(shop.folder / "config"))
    shop.run("sync")
    shop.execute("INSERT INTO tabCustomer (name, customer_name, fax) VALUES ('a', 'A', '1')")
    shop.change("Customer", without=("fax",))
    shop.run("sync", "--force")
    return shop


def key(shop: Shop) -> Path:
    return shop.folder / "config" / "sodaf-migrate" / "backup.key"


def newest(shop: Shop) -> Path:
    return max((shop.folder / "site.db.backups").glob("*.sdbk"))


def _altered(shop: Shop) -> None:
    shop.execute("UPDATE tabMigrationHistory SET sql = 'nothing' WHERE doctype = 'Item'")


def _drifted(shop: Shop) -> None:
    shop.execute("ALTER TABLE tabItem ADD COLUMN by_hand TEXT")


def _unfinished(shop: Shop) -> None:
    shop.execute("DROP TRIGGER tabMigrationEvent_no_update")
    shop.execute("UPDATE tabMigrationHistory SET status = 'running' WHERE doctype = 'Item'")


def _left_over(shop: Shop) -> None:
    path = shop.folder / "site.db.backups" / "x.sdbk.0011223344556677.tmp"
    path.touch()
    os.utime(path, (0, 0))


def _broken(shop: Shop) -> None:
    (shop.folder / "doctypes" / "item.json").write_text("{")


def _no_database(shop: Shop) -> None:
    (shop.folder / "site.db").write_bytes(b"this is no database, only a text that is long enough to be looked at " * 20)


TROUBLES: dict[str, tuple[Callable[[Shop], object], str, str, str]] = {
    "altered": (_altered, "DOCTOR_HISTORY", "was altered", "history --verify"),
    "drifted": (_drifted, "DOCTOR_STATUS", "changed by hand", "adopt"),
    "unfinished": (_unfinished, "DOCTOR_LEFTOVERS", "was never finished", "next sync"),
    "left over": (_left_over, "DOCTOR_LEFTOVERS", "1 temporary file", "clears"),
    "definitions": (_broken, "DOCTOR_DEFINITIONS", "item.json: Invalid JSON", "comma"),
    "no database": (_no_database, "DOCTOR_DATABASE", "database", ""),
    "key gone": (lambda shop: key(shop).unlink(), "DOCTOR_KEYS", "there is no key, and 1 backup", "keys show-path"),
    "key open": (lambda shop: key(shop).chmod(0o644), "DOCTOR_KEYS", "may be read by others", "chmod 600"),
    "key no key": (lambda shop: key(shop).write_text("rubbish"), "DOCTOR_KEYS", "holds something that is no key", ""),
    "backup gone": (lambda shop: newest(shop).unlink(), "DOCTOR_BACKUPS", "the migration", "Put the file back"),
    "backup altered": (
        lambda shop: newest(shop).write_bytes(newest(shop).read_bytes()[:-1] + b"x"),
        "DOCTOR_BACKUPS",
        "the hash",
        "Put the file back",
    ),
    "folder of definitions": (
        lambda shop: (shop.folder / "doctypes").rename(shop.folder / "elsewhere"),
        "DOCTOR_DEFINITIONS",
        'There is no folder of definitions "doctypes"',
        "--doctypes DIR",
    ),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_a_trouble_is_found(kept: Shop, name: str) -> None:
    """One thing is wrong: it is told, with what to do, the rest is looked at all the same, and it ends with 1."""
    assert kept.run("doctor").code == 0
    plant, code, message, hint = TROUBLES[name]
    plant(kept)
    answer = kept.run("doctor", "--format", "json")
    wrong = [found for found in answer.json["findings"] if found["severity"] != "info"]
    assert answer.code == 1 and not answer.json["ok"]
    assert any(f["code"] == code and message in f["message"] and hint in f["hint"] for f in wrong), wrong
    told = kept.run("doctor")
    assert told.code == 1 and "Traceback" not in told.err and "to look after" in told.out


def test_another_key_opens_nothing(kept: Shop) -> None:
    """A key that is sound but another's: the newest backup cannot be opened, and the seals cannot be checked."""
    key(kept).unlink()
    kept.run("keys", "generate")
    found = kept.run("doctor", "--format", "json").json["findings"]
    assert any(f["code"] == "DOCTOR_KEYS" and "newest backup cannot be opened" in f["message"] for f in found)


def test_a_passphrase_seals_no_history(kept: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said plainly, and no trouble; a site with a key does not hear of it."""
    told = "a passphrase locks backups and seals no history"
    assert told not in kept.run("doctor").out
    monkeypatch.setenv("SODAF_BACKUP_PASSPHRASE", "correct horse battery staple")
    findings = kept.run("doctor", "--format", "json").json["findings"]
    (found,) = (found for found in findings if found["message"] == told)
    assert found["severity"] == "info" and "keys generate" in found["hint"]


def test_a_healthy_site(kept: Shop) -> None:
    """All is well, pending changes are only told, and not a byte is written."""
    before = (kept.folder / "site.db").read_bytes()
    kept.change("Item", {"fieldname": "weight", "fieldtype": "Float"})
    answer = kept.run("doctor")
    assert answer.code == 0 and "all is well" in answer.out and "changes are pending: Item" in answer.out
    assert (kept.folder / "site.db").read_bytes() == before


def test_before_the_first_sync(shop: Shop) -> None:
    """A site without a database is no trouble but for that."""
    answer = shop.run("doctor")
    assert answer.code == 1 and "there is no database" in answer.out
    assert not (shop.folder / "site.db").exists()


def test_a_lock_is_told(kept: Shop) -> None:
    """A writer in this very process is no stranger; the look goes on beside it."""
    other = sqlite3.connect(kept.folder / "site.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        assert kept.run("doctor").code == 0
    finally:
        other.close()


def test_one_key_opens(kept: Shop) -> None:
    """One key, in the words of one."""
    assert "1 key can be read and opens 1 backup" in kept.run("doctor").out
