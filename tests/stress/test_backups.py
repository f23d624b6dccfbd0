"""Backup and change, and back again, broken at every file operation of both: no value is ever lost, and none leaks.

One log holds SQLite's operations and those of our own files. Wherever it is cut, or a fault strikes: the database is
old or new; where it is new the backup of what went is whole and on the disk; no file holds a value in plain; no file is
open to others; and after the next call history, catalogue and files agree.
"""

from __future__ import annotations

import atexit
import random
import shutil
import sqlite3
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from sodaf_migrate import BackupOptions, MigrationApplier, MigrationError, RollbackOptions, Schema, SyncOptions
from sodaf_migrate.events import Listener, silent
from sodaf_migrate.testing.check import State, assert_old_or_new, state_of
from sodaf_migrate.testing.faults import Fault, every_fault, fail_at
from sodaf_migrate.testing.files import WatchedFiles
from sodaf_migrate.testing.log import record
from sodaf_migrate.testing.power import power_losses
from tests.stress.scenarios import DEEP, MODES, SEED, Acknowledged, build, hurried

Tell = Callable[[Mapping[str, int]], None]

KEY = bytes(range(32))
SECRET = b"plainly secret"
EVERYTHING = RollbackOptions(force=True)

OLD = """
CREATE TABLE thing(id INTEGER PRIMARY KEY, code TEXT, spare TEXT);
CREATE INDEX thing_code ON thing(code);
"""
ROWS = f"""
WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 60)
INSERT INTO thing SELECT i * 3, '00' || i, '{SECRET.decode()} ' || i FROM n;
"""

#: A column that goes, one whose values become others, and a table that goes with its rows.
CHANGES = {
    "drop column": OLD.replace(", spare TEXT", ""),
    "convert": OLD.replace("code TEXT", "code INTEGER"),
    "drop table": "CREATE TABLE other(a);",
}


def applier(path: Path, listener: Listener = silent, **more: Any) -> MigrationApplier:
    """An applier whose backups are watched, one operation after another."""
    options = BackupOptions(key=KEY, threads=1)
    return MigrationApplier(path, listener=listener, on_connect=hurried, backup_options=options, **more)


@dataclass(frozen=True, slots=True)
class Stage:
    """What is done to a folder: a change, or (``back``) the way back of the one that was applied last."""

    name: str
    back: bool
    template: Path
    old: State
    new: State
    applied: str = ""  # the id of the migration that goes back

    def act(self, path: Path, listener: Listener = silent) -> None:
        """The change, or the way back, with everything watched."""
        work = applier(path, listener, files=WatchedFiles())
        if self.back:
            work.rollback_migration(self.applied, EVERYTHING)
        else:
            work.sync_schema(Schema.from_sql(CHANGES[self.name]), SyncOptions(force=True))

    def set(self, path: Path) -> None:
        """The folder as it is before."""
        shutil.rmtree(path.parent, ignore_errors=True)
        shutil.copytree(self.template.parent, path.parent)

    def verdict(self, path: Path) -> str:
        """Old or new; and where something has gone, its backup is there, whole, and listed. Raises AssertionError."""
        nothing_leaks(path)
        verdict = assert_old_or_new(path, self.old, self.new)
        changed = (verdict == "new") is not self.back
        if changed:
            names = [name.rpartition("/")[2] for name in recorded(path, "applied") if name]
            assert names, "applied, and the record names no backup"
            manager = applier(path).backups
            for name in names:
                (info,) = [info for info in manager.list_backups() if info.name == name]
                assert info.state == "stored" and manager.verify_backup(info.id).ok, info
        return verdict

    def finish(self, path: Path, verdict: str) -> None:
        """The next call does what is left, and all agree; then back to the old rows, as far as they had gone."""
        if verdict == "old":
            self.act(path)
            assert self.verdict(path) == "new"
        agree(path)
        if not self.back:
            applier(path).rollback_migration(last_applied(path), EVERYTHING)
            assert same_rows(state_of(path), self.old)
            agree(path)


def same_rows(a: State, b: State) -> bool:
    """Whether they differ in the text of the table alone, which need not come back letter by letter."""
    return set(a.difference(b)) <= {"table thing"}


def last_applied(path: Path) -> str:
    """The id of the migration that stands."""
    with closing(sqlite3.connect(path)) as connection:
        sql = "SELECT id FROM tabMigrationHistory WHERE status = 'applied' AND reverses IS NULL ORDER BY id DESC"
        return str(connection.execute(sql).fetchone()[0])


def recorded(path: Path, status: str) -> list[str]:
    """The backups that the records of that status name."""
    with closing(sqlite3.connect(path)) as connection:
        sql = "SELECT backup_path FROM tabMigrationHistory WHERE status = ? AND reverses IS NULL"
        return [str(name or "") for (name,) in connection.execute(sql, (status,))]


def store(path: Path) -> Path:
    """The folder of the backups."""
    return path.with_name(f"{path.name}.backups")


def nothing_leaks(path: Path) -> None:
    """No value in plain anywhere but in the database, no permission too many."""
    for each in (store(path), *store(path).rglob("*")):
        if each.exists() and not each.is_symlink():
            assert stat.S_IMODE(each.stat().st_mode) & 0o077 == 0, each
            assert each.is_dir() or SECRET not in each.read_bytes(), each


def agree(path: Path) -> None:
    """Every row has its file; every file a row, or a migration that came to nothing; nothing unfinished is left."""
    manager = applier(path).backups
    with manager.store.writing():
        pass
    with closing(sqlite3.connect(path)) as connection:
        known = dict(connection.execute("SELECT id, status FROM tabMigrationHistory"))
    for info in manager.list_backups():
        assert info.state == "stored" or (info.state, known.get(str(info.migration_id), "failed")) == (
            "unlisted",
            "failed",
        ), info
        assert manager.verify_backup(info.id).ok or info.state == "unlisted"
    assert not [each for each in store(path).glob("*") if each.suffix not in (".sdbk", "") or "scratch" in each.name]


@cache
def staged(name: str, mode: str, back: bool) -> Stage:
    """The stage, built once, and done once undisturbed."""
    folder = Path(mkdtemp(prefix="sodaf-stress-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path, done = folder / "template" / "site.db", folder / "done" / "site.db"
    path.parent.mkdir()
    build(path, mode, OLD, ROWS)
    old = state_of(path)
    stage = Stage(name, False, path, old, old)
    if back:
        stage.act(path)
        stage = Stage(name, True, path, state_of(path), old, last_applied(path))
    stage.set(done)
    stage.act(done)
    new = state_of(done)
    assert new != stage.old and (not back or same_rows(new, old))
    return Stage(name, back, path, stage.old, new, stage.applied)


#: In an ordinary run one kind each way; the others when there is time.
KINDS = [("drop column", False), ("convert", True)]
if DEEP:
    KINDS = [(name, back) for name in CHANGES for back in (False, True)]


class Sweep:
    """Faults in one stage; what the database held is finished once for each of its states."""

    def __init__(self, stage: Stage, path: Path) -> None:
        self.stage, self.path = stage, path
        self.found: Counter[str] = Counter()
        self.finished: set[Any] = set()

    def disturb(self, fault: Fault) -> None:
        """One run under the fault. Raises AssertionError unless all is as it must be."""
        self.stage.set(self.path)
        failed = False
        try:
            with fault:
                self.stage.act(self.path)
        except MigrationError:
            failed = True
        try:
            self.judge(failed)
        except (AssertionError, MigrationError, sqlite3.DatabaseError) as error:
            raise AssertionError(f"{self.stage.name}, {fault!r}: {error}") from error

    def judge(self, failed: bool) -> None:
        """What was left is judged, and finished."""
        verdict = self.stage.verdict(self.path)
        assert failed or verdict == "new", "it was said to be done, and is not"
        self.found[f"{verdict}{' with an error' if failed else ''}"] += 1
        files = frozenset((each.suffix, each.name.startswith("scratch")) for each in store(self.path).glob("*"))
        left = (verdict, failed, files, tuple(each.suffix for each in sorted(self.path.parent.glob("site.db*"))))
        if DEEP or left not in self.finished:
            self.finished.add(left)
            self.stage.finish(self.path, verdict)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("name", "back"), KINDS)
def test_a_fault_at_every_operation(name: str, back: bool, mode: str, tmp_path: Path, tell: Tell) -> None:
    """Each operation fails once; and, at drawn points (at all, in a deep run), no room is left from there on."""
    sweep = Sweep(staged(name, mode, back), tmp_path / "site" / "site.db")
    for fault in faults(sweep, random.Random(f"{SEED} {name} {mode}")):
        sweep.disturb(fault)
    tell({"sweeps": 1, "points": sweep.found.total(), **sweep.found})
    assert sweep.found["old with an error"] > 10 and sweep.found["new"] >= 1


def faults(sweep: Sweep, chance: random.Random) -> Iterator[Fault]:
    """Every point once, where there is time; else each third, beginning with a drawn one, and some full disks."""
    if DEEP:
        for kind, sticky in (("error", False), ("error", True), ("full", True), ("short", False)):
            yield from every_fault(kind, sticky=sticky)  # type: ignore[arg-type]
        return
    counting = fail_at(1_000_000)
    yield counting
    for point in range(1 + chance.randrange(3), counting.met + 1, 3):
        yield fail_at(point)
    for _ in range(12):
        yield fail_at(chance.randint(1, counting.met), "full", sticky=True)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("name", "back"), KINDS)
def test_power_loss_at_every_operation(name: str, back: bool, mode: str, tmp_path: Path, tell: Tell) -> None:
    """Whatever the cache of the disk kept, lost or tore: never a change without its whole backup."""
    stage, path = staged(name, mode, back), tmp_path / "site" / "site.db"
    stage.set(path)
    with record(path.parent) as log:
        done = Acknowledged(log)
        stage.act(path, done)
    found: Counter[str] = Counter()
    known: dict[str, str] = {}
    for loss in power_losses(log, draws=6 if DEEP else 1, seed=SEED):
        if loss.digest not in known:
            with loss.materialised(tmp_path) as folder:
                close_to_others(folder / path.name)
                try:
                    known[loss.digest] = stage.verdict(folder / path.name)
                    if DEEP:
                        stage.finish(folder / path.name, known[loss.digest])
                except (AssertionError, sqlite3.DatabaseError, MigrationError) as error:
                    raise AssertionError(f"{name}, {mode}, {loss!r}: {error}") from error
        verdict = known[loss.digest]
        assert verdict == "new" or loss.at < done.at, f"{loss!r}: said to be done, and lost"
        found[verdict] += 1
    tell({"moments": len(log) + 1, "states": found.total(), **found})
    assert found["old"] > 10 and found["new"] > 0, found


def close_to_others(path: Path) -> None:
    """Gives the files of a state, which are made anew by the test, the modes that they had."""
    store(path).mkdir(exist_ok=True)
    store(path).chmod(0o700)
    for each in store(path).glob("*"):
        each.chmod(0o600)


class Hasty(WatchedFiles):
    """File operations that leave out what makes a backup safe."""

    def fsync(self, descriptor: int) -> None:
        """Says that it is on the device."""

    def fsync_folder(self, path: Path) -> None:
        """Says that the name is on the device."""


def test_without_syncs_a_lost_backup_is_found(tmp_path: Path, tell: Tell) -> None:
    """The replay has teeth: where the backup's file is not synced, there are states with the change and without it."""
    stage, path = staged("drop column", "wal", False), tmp_path / "site" / "site.db"
    stage.set(path)
    with record(path.parent) as log:
        wish = Schema.from_sql(CHANGES["drop column"])
        applier(path, files=Hasty()).sync_schema(wish, SyncOptions(force=True))
    bad = 0
    for loss in power_losses(log, draws=1, seed=SEED):
        with loss.materialised(tmp_path) as folder:
            close_to_others(folder / path.name)
            try:
                stage.verdict(folder / path.name)
            except (AssertionError, ValueError, MigrationError):
                bad += 1
    tell({"states without their backup": bad})
    assert bad > 0
