"""Runs of several transactions come one after the other, whoever starts them; a killed one holds nobody up."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate import LockHeldError, MigrationApplier, MigrationCancelledError, SyncOptions
from sodaf_migrate.wire.open import memory_wire, open_wire
from sodaf_migrate.wire.turns import lock_file, taking_turns
from tests.founding.conftest import Definition, Site

ROOT = Path(__file__).parents[2]
NAMES = ("Alpha", "Beta", "Gamma")

_SYNC = """
import json, os, signal, sys
from sodaf_migrate import DocTypeEngine, MigrationApplier, SyncOptions
path, definitions, kill_at = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
def before(connection, plan):
    if plan.doctype == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)
applier = MigrationApplier(path, DocTypeEngine.from_doctypes(definitions))
batch = applier.sync_all_doctypes(SyncOptions(before=before, lock_timeout=60))
assert batch.success, batch
print(json.dumps([result.doctype for result in batch.results if result.changed]))
"""


def definitions(*names: str) -> list[Definition]:
    """Definitions with one field."""
    return [{"name": name, "fields": [{"fieldname": "a", "fieldtype": "Data"}]} for name in names]


def syncing(site: Site, names: tuple[str, ...], kill_at: str = "") -> subprocess.Popen[str]:
    """A process that syncs them, and dies in the midst of one."""
    command = [sys.executable, "-c", _SYNC, str(site.path), json.dumps(definitions(*names)), kill_at]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_eight_at_once(site: Site) -> None:
    """One process makes each table, the others find nothing to do, and no lock file stays."""
    processes = [syncing(site, NAMES) for _ in range(8)]
    answers = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0] * 8, answers
    assert sorted(name for out, _ in answers for name in json.loads(out)) == list(NAMES)
    assert site.query("SELECT doctype, status FROM tabMigrationHistory ORDER BY doctype") == [
        (name, "applied") for name in NAMES
    ]
    assert not lock_file(site.path).exists()


def test_a_killed_run(site: Site) -> None:
    """What it had committed stands, the rest is done by the next, which says so."""
    process = syncing(site, NAMES, kill_at="Beta")
    assert process.communicate(timeout=60) and process.returncode == -signal.SIGKILL
    assert lock_file(site.path).exists()
    batch = site.applier(*definitions(*NAMES)).sync_all_doctypes()
    assert [result.doctype for result in batch.successful if result.changed] == ["Beta", "Gamma"]
    assert f"(process {process.pid}, run-" in batch.warnings[0] and "1 migration of it stand" in batch.warnings[0]
    assert not lock_file(site.path).exists()
    assert not site.applier(*definitions(*NAMES)).sync_all_doctypes().warnings


def test_a_record_that_still_says_running(site: Site) -> None:
    """It becomes a failed one, and that is told."""
    site.applier(*definitions("Alpha")).sync_all_doctypes()
    history = site.applier().history
    (record,) = history.get_migration_history()
    history.update_migration_status(record.id, "running")
    batch = site.applier(*definitions(*NAMES)).sync_all_doctypes()
    assert record.id in batch.warnings[0] and history.get_migration_by_id(record.id).status == "failed"
    assert not history.verify()


def test_a_run_that_goes_on(site: Site) -> None:
    """Whoever comes second waits as long as for any lock, and is told whose run it is."""
    site.applier(*definitions("Alpha")).sync_all_doctypes()
    with open_wire(site.path) as wire, taking_turns(wire, "run-1"):
        with pytest.raises(LockHeldError, match=f"process {os.getpid()}, run-1") as caught:
            site.applier(*definitions(*NAMES)).sync_all_doctypes(SyncOptions(lock_timeout=0.1))
        assert caught.value.hint
        assert site.applier(*definitions("Beta")).sync_doctype("Beta").changed, "one transaction needs no turn"
        quiet = site.applier(*definitions("Alpha")).sync_all_doctypes(SyncOptions(lock_timeout=0.1))
        assert quiet.success, "nor does a run that has nothing to do"
    assert not lock_file(site.path).exists()


def test_waiting_for_a_turn_is_cancelled(site: Site) -> None:
    """Also there cancel() acts."""
    site.applier(*definitions("Alpha")).sync_all_doctypes()
    applier: MigrationApplier = site.applier(*definitions(*NAMES))
    timer = threading.Timer(0.1, applier.cancel)
    with open_wire(site.path) as wire, taking_turns(wire, "run-1"):
        timer.start()
        with pytest.raises(MigrationCancelledError):
            applier.sync_all_doctypes()
    timer.join()


def test_where_there_are_no_locks(tmp_path: Path) -> None:
    """In memory, and where the file cannot be made, the block runs all the same."""
    with memory_wire() as wire, taking_turns(wire, "run-1") as turn:
        assert not turn.waited and not turn.left
    connection: Any = sqlite3.connect(tmp_path / "site.db")
    connection.execute("CREATE TABLE t (a)")
    connection.close()
    lock_file(tmp_path / "site.db").mkdir()  # a name that is taken by what cannot be locked
    with open_wire(tmp_path / "site.db") as wire, taking_turns(wire, "run-1") as turn:
        assert not turn.waited
    assert lock_file(tmp_path / "site.db").is_dir()


def test_the_lock_file_of_another_inode(site: Site) -> None:
    """A run that waited on a file which another one took away begins anew with the file of that name."""
    site.applier(*definitions("Alpha")).sync_all_doctypes()
    entered: list[str] = []

    def work(label: str) -> None:
        with open_wire(site.path) as wire, taking_turns(wire, label):
            entered.append(label)
            assert lock_file(site.path).read_text().endswith(f"{label}\n")
            entered.append(label)

    threads = [threading.Thread(target=work, args=(f"run-{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(entered) == 12 and entered[::2] == entered[1::2], "two were in it at once"
