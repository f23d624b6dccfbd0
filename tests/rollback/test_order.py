"""The backups come first: before the first write of a whole run, before the lock where they take long, once each."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate import DocTypeEngine, MigrationApplier, RollbackOptions, SyncOptions
from sodaf_migrate.errors import LockHeldError
from sodaf_migrate.events import Progress
from sodaf_migrate.execute.executor import MigrationExecutor

MODES = ("delete", "wal")


def engine(**kinds: str) -> DocTypeEngine:
    """DocTypes of one field each."""
    return DocTypeEngine.from_doctypes(
        [{"name": name, "fields": [{"fieldname": "code", "fieldtype": kind}]} for name, kind in kinds.items()]
    )


@pytest.fixture(params=MODES)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Two DocTypes with rows, in each journal mode."""
    path = tmp_path / "site.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {request.param}")
    MigrationApplier(path, engine(One="Data", Two="Data")).sync_all_doctypes()
    with closing(sqlite3.connect(path)) as connection, connection:
        for name in ("One", "Two"):
            connection.execute(f"INSERT INTO tab{name} (name, code) VALUES ('a', '007'), ('b', '8')")
    return path


def codes(path: Path, name: str) -> list[Any]:
    """What the rows hold."""
    with closing(sqlite3.connect(path)) as connection:
        return [code for (code,) in connection.execute(f"SELECT code FROM tab{name} ORDER BY name")]


def files(path: Path) -> list[str]:
    """The backups in the store."""
    return sorted(each.name for each in Path(f"{path}.backups").glob("*.sdbk"))


RUN = SyncOptions(force=True, transaction="run")


def test_all_backups_of_a_run_come_before_its_first_write(site: Path) -> None:
    """Each holds the state before the run, and each migration of it goes back by itself."""
    phases: list[str] = []
    seen: Callable[[Progress], None] = lambda progress: phases.append(progress.phase)  # noqa: E731
    result = MigrationApplier(site, engine(One="Int", Two="Int"), listener=seen).sync_all_doctypes(RUN)
    assert result.success and [codes(site, name) for name in ("One", "Two")] == [[7, 8], [7, 8]]
    last_backup = max(place for place, phase in enumerate(phases) if phase == "backup")
    assert last_backup < min(place for place, phase in enumerate(phases) if phase == "step")
    assert len({one.backup_path for one in result.results}) == 2 == len(files(site))
    for one in result.results:
        assert one.migration_id is not None
        back = MigrationApplier(site, engine()).rollback_migration(one.migration_id, RollbackOptions(force=True))
        assert back.rollback_info is not None and back.rollback_info.refilled_rows >= 1
        assert codes(site, one.doctype) == ["007", "8"]


def test_a_run_that_is_taken_back_leaves_no_backups(site: Path) -> None:
    """Nothing was lost, so nothing is kept; nor of the one that alone was left out of a run that goes on."""

    def stop(connection: sqlite3.Connection, plan: Any) -> None:
        if plan.doctype == "Two":
            raise RuntimeError("stop")

    applier = MigrationApplier(site, engine(One="Int", Two="Int"))
    options: dict[str, Any] = {"force": True, "transaction": "run", "after": stop}
    assert not applier.sync_all_doctypes(SyncOptions(continue_on_error=False, **options)).success
    assert (codes(site, "One"), files(site)) == (["007", "8"], [])
    result = applier.sync_all_doctypes(SyncOptions(**options))
    assert [one.success for one in result.results] == [True, False]
    (kept,) = [one.backup_path for one in result.results if one.success]
    assert [Path(str(kept)).name] == files(site)
    assert (codes(site, "One"), codes(site, "Two")) == ([7, 8], ["007", "8"])


def test_a_migration_that_fails_leaves_no_backup(site: Path) -> None:
    """What it would have taken away is still there."""

    def stop(connection: sqlite3.Connection, plan: Any) -> None:
        raise RuntimeError("stop")

    applier = MigrationApplier(site, engine(One="Int"))
    assert not applier.sync_all_doctypes(SyncOptions(force=True, after=stop)).success
    assert files(site) == [] and applier.backups.list_backups() == ()


class Beside:
    """Another connection that commits at each of the first ``times`` backups, while they are made."""

    def __init__(self, path: Path, times: int, table: str) -> None:
        self.table = table
        self.connection = sqlite3.connect(path, isolation_level=None, timeout=0)
        self.left, self.done, self.waited, self.phase = times, 0, 0, ""

    def __call__(self, progress: Progress) -> None:
        before, self.phase = self.phase, progress.phase
        if progress.phase == "backup" != before and self.left:
            self.left -= 1
            try:
                self.connection.execute(f"INSERT INTO {self.table} (name, code) VALUES ('w{self.left}', '01')")
                self.done += 1
            except sqlite3.OperationalError:
                self.waited += 1


@pytest.fixture
def beside(site: Path) -> Iterator[Callable[[int, str], Beside]]:
    """Makes such a connection."""
    made: list[Beside] = []

    def make(times: int, table: str) -> Beside:
        made.append(Beside(site, times, table))
        return made[-1]

    yield make
    for each in made:
        each.connection.close()


@pytest.mark.parametrize("table", ["tabOne", "tabTwo"])
@pytest.mark.parametrize("times", [0, 1, 2])
def test_a_long_backup_is_made_before_the_lock(
    site: Path, beside: Callable[[int, str], Beside], times: int, table: str
) -> None:
    """In WAL mode a writer goes on meanwhile; what it wrote is in the backup that counts, and there is only one."""
    with closing(sqlite3.connect(site)) as connection:
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    writer = beside(times, table)
    executor = MigrationExecutor(listener=writer, ahead=0)
    applier = MigrationApplier(site, engine(One="Int"), listener=writer, executor=executor)
    (result,) = applier.sync_all_doctypes(SyncOptions(force=True)).results
    assert result.success, result.errors
    if mode == "wal":
        # The first backup is made without the lock, so the writer gets in; the second is made under it.
        assert (writer.done, writer.waited) == (min(times, 1), max(times - 1, 0))
    else:
        assert (writer.done, writer.waited) == (0, min(times, 1))
    assert len(files(site)) == 1 and result.migration_id is not None
    applier.rollback_migration(result.migration_id, RollbackOptions(force=True))
    assert codes(site, "One") == ["007", "8", *["01"] * (writer.done if table == "tabOne" else 0)]


def test_a_reader_that_stays_is_told_before_the_backup(site: Path) -> None:
    """With a rollback journal readers have to be out before the long copy; in WAL mode they may stay."""
    phases: list[str] = []
    applier = MigrationApplier(site, engine(One="Int"), listener=lambda progress: phases.append(progress.phase))
    with closing(sqlite3.connect(site, isolation_level=None)) as reader:
        (mode,) = reader.execute("PRAGMA journal_mode").fetchone()
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM tabOne").fetchone()
        if mode == "wal":
            assert applier.sync_doctype("One", SyncOptions(force=True, lock_timeout=0.1)).success
            return
        with pytest.raises(LockHeldError):
            applier.sync_doctype("One", SyncOptions(force=True, lock_timeout=0.1))
    assert "backup" not in phases and "step" not in phases and files(site) == []
