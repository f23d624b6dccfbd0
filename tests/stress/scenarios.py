"""The table of scenarios: each is something the engine does to a database, to be disturbed at any moment.

A new one is one line in ``SCENARIOS``: a name, how its database is built, and what is done to it.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from sodaf_migrate import (
    Cost,
    Migration,
    MigrationApplier,
    MigrationResult,
    Progress,
    RollbackOptions,
    Schema,
    SyncOptions,
)
from sodaf_migrate.events import Listener, silent
from sodaf_migrate.options import DryRunOptions
from sodaf_migrate.testing.check import State, assert_old_or_new, state_of
from tests.hard.test_hard_table import CHANGES, ROWS, TABLE, edited

DEEP = os.environ.get("SODAF_TEST_DEEP") == "1"
SEED = int(os.environ.get("SODAF_TEST_SEED", "0"))
MODES = ("delete", "wal")

FARM = """
CREATE TABLE farm(
    id INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT, note TEXT, qty INT DEFAULT 1, spare TEXT, price REAL);
CREATE INDEX farm_code ON farm(code);
CREATE TABLE field(id INTEGER PRIMARY KEY, farm_id INTEGER REFERENCES farm(id) ON DELETE CASCADE, size REAL);
CREATE INDEX field_farm ON field(farm_id);
CREATE TABLE log(what TEXT, id INTEGER);
CREATE VIEW seen AS SELECT id, note FROM farm WHERE qty > 0;
CREATE TRIGGER farm_note AFTER UPDATE OF note ON farm BEGIN INSERT INTO log VALUES (new.note, new.id); END;
"""
FARM_ROWS = """
WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
INSERT INTO farm(id, code, note, qty, spare, price)
SELECT i * 3, 'c' || i, iif(i % 7, 'note ' || hex(i), NULL), i % 10, iif(i % 3, i, x'00ff'), i / 8.0 FROM n;
INSERT INTO field(farm_id, size) SELECT id, qty / 3.0 FROM farm UNION ALL SELECT id, NULL FROM farm;
UPDATE farm SET note = 'seen' WHERE id % 30 = 0;
"""


def hurried(connection: sqlite3.Connection) -> None:
    """What some sites set for their own work, and what would forget, or tear, a migration that was acknowledged."""
    connection.execute("PRAGMA synchronous = OFF")


@dataclass(frozen=True, slots=True)
class Wish:
    """A schema to be reached, and what must be allowed for it."""

    text: str
    allow: frozenset[str] = frozenset()
    column_order: Any = "ignore"

    def sync(self, path: Path, listener: Listener = silent) -> MigrationResult:
        """Reaches it, from wherever the database is."""
        options = SyncOptions(allow=self.allow, force=True, column_order=self.column_order)
        return MigrationApplier(path, listener=listener, on_connect=hurried).sync_schema(
            Schema.from_sql(self.text), options
        )

    def stored(self, path: Path, name: str = "stored") -> Migration:
        """The migration that reaches it from what the database is now."""
        options = DryRunOptions(allow=self.allow, force=True, column_order=self.column_order)
        plan = MigrationApplier(path).dry_run_schema(Schema.from_sql(self.text), options).plan
        assert plan is not None and plan.has_changes
        return Migration(id=name, doctype=plan.doctype, version=plan.version, timestamp="", plan=plan)


@dataclass(frozen=True, slots=True)
class Ready:
    """What is done to a database, and how it is finished when it was disturbed; both may be called again."""

    act: Callable[[Path, Listener], MigrationResult]
    finish: Callable[[Path], object]


@dataclass(frozen=True, slots=True)
class Scenario:
    """``build`` makes the database at a path in a journal mode, ``ready`` prepares what will be done to it.

    ``ready`` is told whether to go the whole way each time, with looking and planning. The plan has this ``cost``, and
    ``spelled`` stands in its SQL.
    """

    name: str
    build: Callable[[Path, str], None]
    ready: Callable[[Path, bool], Ready]
    cost: Cost
    spelled: str = ""


def build(path: Path, mode: str, *scripts: str) -> None:
    """A database in that journal mode, which is all ours."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
        for script in scripts:
            connection.executescript(script)
        connection.commit()
    MigrationApplier(path).adopt_schema()


def farm(path: Path, mode: str, rows: int = 400) -> None:
    """The farm with its rows."""
    build(path, mode, FARM, FARM_ROWS.format(rows=rows))


def applying(wish: Wish, path: Path, whole: bool) -> Ready:
    """A stored migration is applied, and a sync finishes it; with ``whole``, it is a sync from the beginning."""
    if whole:
        return Ready(wish.sync, wish.sync)
    allow = SyncOptions(allow=wish.allow, force=True)
    migration = wish.stored(path)

    def act(path: Path, listener: Listener) -> MigrationResult:
        return MigrationApplier(path, listener=listener, on_connect=hurried).apply_migration(migration, allow)

    return Ready(act, wish.sync)


def applying_twice(wish: Wish, path: Path, whole: bool) -> Ready:
    """The same, finished by the same plan."""
    if whole:
        return applying(wish, path, whole)
    ready, again, allow = applying(wish, path, whole), wish.stored(path, "again"), SyncOptions(force=True)

    def finish(path: Path) -> None:
        if not MigrationApplier(path).is_migration_applied("stored"):
            MigrationApplier(path).apply_migration(again, allow)

    return Ready(ready.act, finish)


def rolling_back(path: Path, whole: bool) -> Ready:
    """The last migration of the database is taken back: planned anew each time."""
    done = MigrationApplier(path).get_migration_history().last_migration
    assert done is not None

    def act(path: Path, listener: Listener) -> MigrationResult:
        return MigrationApplier(path, listener=listener, on_connect=hurried).rollback_migration(
            done.id, RollbackOptions(force=True)
        )

    def finish(path: Path) -> None:
        if MigrationApplier(path).is_migration_applied(done.id):
            act(path, silent)

    return Ready(act, finish)


def changed(old: str, new: str, *allow: str) -> Wish:
    """The farm with one text replaced."""
    assert FARM.count(old) == 1, old
    return Wish(FARM.replace(old, new), frozenset(allow))


def farm_after(wish: Wish, path: Path, mode: str) -> None:
    """The farm, already changed."""
    farm(path, mode)
    wish.sync(path)


REBUILT = changed("note TEXT,", "note TEXT COLLATE NOCASE,")

NATIVE = changed("price REAL)", "price REAL, extra TEXT)")
EDITED = changed("code TEXT", "code VARCHAR(140)")
CHECKED = changed("note TEXT,", "note TEXT CHECK (note <> ''),")
DROPPED = changed(" spare TEXT,", "", "drop_column", "irreversible")

#: One kind of change for each cost, and a way back.
SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("native", farm, partial(applying, NATIVE), Cost.INSTANT, "ADD COLUMN"),
        Scenario("catalogue", farm, partial(applying, EDITED), Cost.INSTANT, "sqlite_schema"),
        Scenario("scan", farm, partial(applying, CHECKED), Cost.SCAN),
        Scenario("in_place", farm, partial(applying, DROPPED), Cost.IN_PLACE, "DROP COLUMN"),
        Scenario("rebuild", farm, partial(applying, REBUILT), Cost.REBUILD, "INSERT INTO"),
        Scenario("rollback", partial(farm_after, CHECKED), rolling_back, Cost.INSTANT, "sqlite_schema"),
    )
}


#: The way back of the dearest, which is planned anew at each of its many points.
FAR_BACK = Scenario("rollback of a rebuild", partial(farm_after, REBUILT), rolling_back, Cost.REBUILD, "INSERT INTO")
if DEEP:
    SCENARIOS[FAR_BACK.name] = FAR_BACK


def _hard(name: str) -> Scenario:
    change = CHANGES[name]
    order = "ignore" if change.get("ignore_order") else "match"
    wish = Wish(edited(change), frozenset(change.get("allow", ())), order)

    def made(path: Path, mode: str) -> None:
        build(path, mode, TABLE, ROWS, ";\n".join(change.get("before", [])))

    return Scenario(name, made, partial(applying_twice, wish), Cost(change["cost"]))


#: Every kind of change of the hard table.
HARD = {name: _hard(name) for name in CHANGES}


@dataclass(frozen=True, slots=True)
class Stage:
    """A scenario in one journal mode: its database before, and what is old and what is new."""

    scenario: Scenario
    mode: str
    template: Path
    ready: Ready
    old: State
    new: State
    old_history: list[tuple[Any, ...]]
    new_history: list[tuple[Any, ...]]

    def set(self, path: Path) -> None:
        """The folder of ``path`` holds the database before, and nothing else."""
        shutil.rmtree(path.parent, ignore_errors=True)
        path.parent.mkdir(parents=True)
        shutil.copyfile(self.template, path)

    def judge(self, path: Path) -> str:
        """Old or new, the history with it. Raises AssertionError for anything else."""
        verdict = assert_old_or_new(path, self.old, self.new)
        found = history(path)
        assert found == (self.old_history if verdict == "old" else self.new_history), (verdict, found)
        return verdict


@cache
def staged(scenario: Scenario, mode: str, whole: bool = False) -> Stage:
    """The scenario, built once, and done once without being disturbed."""
    folder = Path(mkdtemp(prefix="sodaf-stress-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    template, done = folder / "template.db", folder / "done.db"
    scenario.build(template, mode)
    ready = scenario.ready(template, whole)
    shutil.copyfile(template, done)
    result = ready.act(done, silent)
    assert result.plan is not None and list(Cost).index(result.plan.cost) <= list(Cost).index(scenario.cost)
    assert scenario.spelled in " ".join(result.sql), result.sql
    old, new = state_of(template), state_of(done)
    assert old != new and history(template) != history(done)
    return Stage(scenario, mode, template, ready, old, new, history(template), history(done))


def history(path: Path) -> list[tuple[Any, ...]]:
    """What is on record, but for failures."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(
            "SELECT doctype, status, reverses IS NOT NULL FROM tabMigrationHistory WHERE status <> 'failed' ORDER BY id"
        ).fetchall()


def mark(folder: Path, but: Collection[str] = ("-shm",)) -> str:
    """Equal when the files of the folder are, byte for byte. No database in it may be open."""
    whole = hashlib.blake2b(digest_size=16)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.endswith(tuple(but)):
            whole.update(f"{path.name} {path.stat().st_size}\0".encode() + path.read_bytes())
    return whole.hexdigest()


class Acknowledged:
    """A listener that notes the length of a log when the engine says that a migration is done."""

    def __init__(self, log: Any) -> None:
        self.log, self.at = log, 0

    def __call__(self, progress: Progress) -> None:
        if progress.phase == "done":
            self.at = len(self.log)
