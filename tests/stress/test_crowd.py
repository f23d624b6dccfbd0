"""Many processes at once on one database: one migrates, nobody fails, no row is lost, and readers go on reading."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate.testing.beside import busy_reader, busy_writer
from sodaf_migrate.testing.processes import at_once
from tests.stress.scenarios import DEEP, MODES, REBUILT, farm
from tests.stress.work import boot, boot_one, insert_customers, sync_schema

WORKERS = 50 if DEEP else 16


def customer(*fields: str, modified: str = "2024-01-01 00:00:00") -> dict[str, Any]:
    """A definition of these fields; one with ``!`` is unique."""
    return {
        "name": "Customer",
        "modified": modified,
        "fields": [
            {"fieldname": field.rstrip("!"), "fieldtype": "Data", "unique": int(field.endswith("!"))}
            for field in fields
        ],
    }


def applied(path: Path) -> Counter[tuple[str, str]]:
    """How many migrations of each DocType are on record, by status."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return Counter(connection.execute("SELECT doctype, status FROM tabMigrationHistory").fetchall())


@pytest.mark.parametrize("mode", MODES)
def test_the_first_boot_of_many(mode: str, tmp_path: Path) -> None:
    """On an empty database each DocType is created once, by whoever comes first."""
    path, lead = tmp_path / "site.db", {"name": "Lead", "fields": [{"fieldname": "title", "fieldtype": "Data"}]}
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute("CREATE TABLE foreign_one(a)")
    changed = at_once([partial(boot, path, customer("phone"), lead)] * WORKERS)
    assert Counter(name for names in changed for name in names) == {"Customer": 1, "Lead": 1}
    assert applied(path) == {("Customer", "applied"): 1, ("Lead", "applied"): 1}


@pytest.mark.parametrize("mode", MODES)
def test_a_change_of_many_with_writers_beside(mode: str, tmp_path: Path) -> None:
    """One migration for all workers, and every row of those who write meanwhile is there."""
    path = tmp_path / "site.db"
    boot(path, customer("phone"))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
    wider = customer("phone!", "city")
    boots = [partial(boot, path, wider)] * WORKERS
    writers = [partial(insert_customers, path, worker, 25) for worker in range(3)]
    answers = at_once([*boots, *writers])
    assert Counter(map(str, answers)) == {"['Customer']": 1, "[]": WORKERS - 1, "25": 3}
    assert applied(path) == {("Customer", "applied"): 2}
    with closing(sqlite3.connect(path)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM tabCustomer")}
    assert names == {f"w{worker}-{row}" for worker in range(3) for row in range(25)}


def test_two_versions_at_once(tmp_path: Path) -> None:
    """In a rolling deploy the newer definition is migrated to once, and the older never undoes it but says why."""
    path = tmp_path / "site.db"
    older = customer("phone")
    newer = customer("phone!", "city", modified="2024-06-01 00:00:00")
    boot(path, older)
    answers = Counter(at_once([partial(boot_one, path, version) for version in [older, newer] * 10]))
    assert answers["changed"] == 1 and set(answers) <= {"changed", "unchanged", "downgrade"}, answers
    assert applied(path) == {("Customer", "applied"): 2}
    assert boot_one(path, older) == "downgrade"
    assert boot_one(path, newer) == "unchanged"
    with closing(sqlite3.connect(path)) as connection:
        assert "city" in {row[1] for row in connection.execute("PRAGMA table_info(tabCustomer)")}


def test_readers_go_on_in_wal_mode(tmp_path: Path) -> None:
    """During a rebuild, readers without any patience read on; they meet no more locks than there are commits."""
    path = tmp_path / "site.db"
    farm(path, "wal", 4_000)
    with ExitStack() as stack:
        readers = [stack.enter_context(busy_reader(path, "SELECT count(*) FROM farm")) for _ in range(2)]
        writer = stack.enter_context(busy_writer(path, "INSERT INTO farm(note) VALUES (?1)", pause=0.005))
        before = [reader.done for reader in readers]
        assert at_once([partial(sync_schema, path, REBUILT.text)] * 2).count(True) == 1
        during = [reader.done - number for reader, number in zip(readers, before, strict=True)]
        writer.wait_for(writer.done + 1)
    assert min(during) > 0
    assert max(reader.blocked for reader in readers) <= 1
