"""A connection that the application brings serves a whole migration, and comes back as it was."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from sodaf_migrate import (
    CancelToken,
    DataLossRiskError,
    DocTypeEngine,
    ExecutionError,
    MigrationApplier,
    MigrationCancelledError,
    MigrationExecutor,
    MigrationTimeoutError,
    Schema,
    SyncOptions,
    TransactionOpenError,
    boot,
)
from tests.founding.conftest import customer

BEFORE = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT); CREATE INDEX t_a ON t (a);"
AFTER = BEFORE.replace("b TEXT", "b TEXT UNIQUE")
PRAGMAS = ("foreign_keys", "synchronous", "recursive_triggers", "busy_timeout", "cache_size", "journal_mode")


class Calls(dict[str, int]):
    """How often each handler was called."""

    def count(self, name: str) -> int:
        self[name] = self.get(name, 0) + 1
        return 0


@pytest.fixture
def calls() -> Calls:
    """What the caller's handlers count."""
    return Calls()


@pytest.fixture(params=["delete", "wal"])
def lent(request: pytest.FixtureRequest, tmp_path: Path, calls: Calls) -> Iterator[sqlite3.Connection]:
    """A connection with everything set that can be, and TEMP and attached things on it."""
    connection = sqlite3.connect(tmp_path / "site.db")
    connection.execute(f"PRAGMA journal_mode = {request.param}")
    connection.executescript(BEFORE + "INSERT INTO t VALUES (1, 'x', 'y'), (2, 'z', NULL);")
    connection.execute("ATTACH ? AS other", (str(tmp_path / "other.db"),))
    connection.executescript(
        "CREATE TABLE other.t (a); INSERT INTO other.t VALUES (7);"
        "CREATE TEMP TABLE mine (a); INSERT INTO temp.mine VALUES (8);"
        "CREATE TEMP VIEW seen AS SELECT id, b FROM main.t;"
        "CREATE TEMP TRIGGER told AFTER INSERT ON main.t BEGIN INSERT INTO mine VALUES (new.id); END;"
    )
    connection.commit()
    for pragma, value in (("foreign_keys", 1), ("recursive_triggers", 1), ("synchronous", 1), ("cache_size", 77)):
        connection.execute(f"PRAGMA {pragma} = {value}")
    connection.row_factory, connection.text_factory, connection.isolation_level = sqlite3.Row, bytes, "EXCLUSIVE"
    connection.set_trace_callback(lambda sql: calls.count("trace") and None)
    connection.set_progress_handler(lambda: calls.count("progress"), 50)
    connection.set_authorizer(lambda *what: calls.count("authorizer"))
    yield connection
    connection.close()


def state(connection: sqlite3.Connection) -> list[Any]:
    """What has to be the same afterwards."""
    pragmas = [tuple(connection.execute(f"PRAGMA {name}").fetchone()) for name in PRAGMAS]
    factories = [connection.row_factory, connection.text_factory, connection.isolation_level]
    texts = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_temp_schema ORDER BY name").fetchall()
    others = connection.execute("SELECT (SELECT max(a) FROM other.t), (SELECT count(*) FROM temp.mine)").fetchall()
    return [pragmas, factories, list(map(tuple, texts)), list(map(tuple, others)), connection.in_transaction]


def migrate(connection: sqlite3.Connection, **options: Any) -> bool:
    """A change that takes a rebuild."""
    applier = MigrationApplier(connection)
    return applier.sync_schema(Schema.from_sql(AFTER), SyncOptions(**options)).changed


ENDS = {
    "done": None,
    "refused": DataLossRiskError,
    "fails": ExecutionError,
    "times out": MigrationTimeoutError,
    "is cancelled": MigrationCancelledError,
}


@pytest.mark.parametrize("how", ENDS)
def test_it_comes_back_as_it_was(lent: sqlite3.Connection, calls: Calls, how: str) -> None:
    """Pragmas, factories, TEMP and attached things, and handlers that go on being called; however it ends."""
    before, token = state(lent), CancelToken()
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

    def hook(connection: sqlite3.Connection, plan: Any) -> None:
        if how == "fails":
            raise ZeroDivisionError
        if how == "is cancelled":
            token.cancel()
        if how in ("times out", "is cancelled"):
            connection.execute(endless).fetchall()

    options: dict[str, Any] = {"before": hook, "cancel": token, "force": how != "refused"}
    if how == "times out":
        options["timeout"] = 0.3
    if how == "refused":
        lent.execute("INSERT INTO main.t VALUES (3, 'x', 'y')")  # repeats another under the UNIQUE that shall come
        lent.commit()
        before = state(lent)
    expected = ENDS[how]
    if expected is None:
        assert migrate(lent, **options)
    else:
        with pytest.raises(expected):
            migrate(lent, **options)
    assert state(lent) == before
    during = dict(calls)
    lent.execute("SELECT count(*) FROM main.t, main.t, main.t, main.t").fetchall()
    lent.execute(endless.replace("FROM n)", "FROM n LIMIT 1000)")).fetchall()
    assert all(calls[name] > during[name] > 0 for name in ("trace", "progress", "authorizer"))
    lent.execute("INSERT INTO main.t VALUES (9, 'a', 'b')")
    assert [tuple(row) for row in lent.execute("SELECT max(id) FROM seen")] == [(9,)]
    assert [tuple(row) for row in lent.execute("SELECT max(a) FROM temp.mine")] == [(9,)], "the TEMP trigger fires"
    lent.rollback()


def test_an_open_transaction_is_the_callers(lent: sqlite3.Connection) -> None:
    """It is refused, and stays open with what was done in it."""
    lent.execute("DELETE FROM main.t WHERE id = 1")
    with pytest.raises(TransactionOpenError):
        migrate(lent)
    assert lent.in_transaction and tuple(lent.execute("SELECT count(*) FROM main.t").fetchone()) == (1,)
    lent.rollback()
    assert tuple(lent.execute("SELECT count(*) FROM main.t").fetchone()) == (2,)


DOORS: dict[str, Callable[[sqlite3.Connection], object]] = {
    "sync": lambda lent: MigrationApplier(lent, ENGINE).sync_all_doctypes(),
    "dry run": lambda lent: MigrationApplier(lent, ENGINE).dry_run("Customer"),
    "status": lambda lent: MigrationApplier(lent, ENGINE).status(),
    "rollback": lambda lent: MigrationApplier(lent, ENGINE).rollback(steps=1),
    "history": lambda lent: MigrationApplier(lent, ENGINE).history.initialize_history_table(),
    "backup": lambda lent: MigrationApplier(lent, ENGINE).backups.create_backup("Customer"),
    "catalogue": lambda lent: MigrationApplier(lent, ENGINE).backups.list_backups(),
    "executor": lambda lent: MigrationExecutor().execute_migration_sql(lent, ["DELETE FROM t"]),
    "definitions": lambda lent: DocTypeEngine.from_database(lent),
    "boot": lambda lent: boot(lent, ENGINE),
    "a look at the start": lambda lent: boot(lent, ENGINE, "check"),
    "sqlite-utils": lambda lent: MigrationApplier(Database(lent), ENGINE).sync_doctype("Customer"),
}
ENGINE = DocTypeEngine.from_doctypes([customer()])


@pytest.mark.parametrize("begun", ["by the driver", "by hand", "a savepoint"])
@pytest.mark.parametrize("door", DOORS)
def test_no_door_commits_what_the_caller_began(tmp_path: Path, door: str, begun: str) -> None:
    """Refused, looks too: the work stays open, nobody else sees it, and the caller may still take it back."""
    isolation = "" if begun == "by the driver" else None
    with (
        closing(sqlite3.connect(tmp_path / "site.db", isolation_level=isolation)) as lent,
        closing(sqlite3.connect(tmp_path / "site.db", timeout=0)) as other,
    ):
        lent.executescript(BEFORE)
        lent.execute({"by the driver": "SELECT 1", "by hand": "BEGIN", "a savepoint": "SAVEPOINT mine"}[begun])
        lent.execute("INSERT INTO t VALUES (1, 'x', 'y')")
        with pytest.raises(TransactionOpenError, match="may not decide over it"):
            DOORS[door](lent)
        assert lent.in_transaction and lent.execute("SELECT count(*) FROM t").fetchone() == (1,)
        assert other.execute("SELECT count(*) FROM t").fetchone() == (0,)
        lent.rollback()
        assert lent.execute("SELECT count(*) FROM t").fetchone() == (0,)


def test_a_look_at_the_way_back(lent: sqlite3.Connection) -> None:
    """It tells what the backup holds, as by the path, and writes nothing that others see."""
    applier = MigrationApplier(lent)
    applier.adopt_schema()
    wish = Schema.from_sql("CREATE TABLE t (id INTEGER PRIMARY KEY, b TEXT);")
    done = applier.sync_schema(wish, SyncOptions(force=True))
    lent.execute("PRAGMA query_only = 1")
    (look,) = applier.dry_run_rollback(done.migration_id)
    assert look.success and look.rollback_info is not None and look.rollback_info.refilled_rows == 2
    assert tuple(lent.execute("PRAGMA query_only").fetchone()) == (1,), "as the caller had it"
    lent.execute("PRAGMA query_only = 0")
    assert applier.rollback_migration(done.migration_id or "").rollback_info is not None
    assert lent.execute("SELECT 1 FROM main.t WHERE (id, a, b) = (1, 'x', 'y')").fetchone()


def test_only_main_is_migrated(tmp_path: Path) -> None:
    """A table of the wished name in TEMP or an attached database is not it."""
    connection = sqlite3.connect(tmp_path / "site.db")
    connection.execute("ATTACH ? AS other", (str(tmp_path / "other.db"),))
    connection.executescript(
        'CREATE TABLE other."tabCustomer" (name TEXT); CREATE TEMP TABLE "tabCustomer" (name TEXT);'
    )
    applier = MigrationApplier(connection, DocTypeEngine.from_doctypes([customer()]))
    assert applier.sync_doctype("Customer").changed
    columns = {
        schema: [row[1] for row in connection.execute(f"PRAGMA {schema}.table_info('tabCustomer')")]
        for schema in ("temp", "other", "main")
    }
    assert columns["temp"] == columns["other"] == ["name"] and {"phone", "credit"} <= set(columns["main"])
    connection.close()
