"""Every kind of change on a table with everything on it: the change is there, and nothing else is different."""

from __future__ import annotations

import sqlite3
import tomllib
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from sodaf_migrate import Cost, MigrationApplier, MigrationExecutor, RollbackOptions, Schema, SyncOptions
from tests.oracle import difference, probe_difference, probes, rows_kept, schema_difference, snapshot

HERE = Path(__file__).parent
TABLE = (HERE / "table.sql").read_text()
ROWS = (HERE / "rows.sql").read_text()
CHANGES: dict[str, dict[str, Any]] = tomllib.loads((HERE / "changes.toml").read_text())
OURS = ("tabMigrationHistory", "tabMigrationEvent", "tabMigrationSettled", "tabMigrationBackup", "tabMigrationStart")
MODES = ("delete", "wal")


def edited(change: dict[str, Any]) -> str:
    """The wished schema of a change."""
    text = TABLE
    for old, new in change["replace"]:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def make(path: Path, text: str, *scripts: str, mode: str = "delete") -> sqlite3.Connection:
    """A database with that schema and those rows."""
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA journal_mode={mode}")
    connection.execute("PRAGMA synchronous = OFF")  # what is lost with the power is made again
    for script in (text, *scripts):
        connection.executescript(script)
    connection.commit()
    return connection


@cache
def beginning(before_rows: str) -> tuple[Any, Any]:
    """What is in the table before a change, and what it does when it is used."""
    with TemporaryDirectory() as folder, closing(make(Path(folder, "hard.db"), TABLE, ROWS, before_rows)) as connection:
        return snapshot(connection), probes(connection)


def columns_kept(change: dict[str, Any]) -> dict[str, list[str]]:
    """By table the columns that both schemas have with one type, and whose values no fill replaces."""
    found: dict[str, list[str]] = {}
    with closing(make(Path(":memory:"), TABLE)) as old, closing(make(Path(":memory:"), edited(change))) as new:
        for (table,) in old.execute("SELECT name FROM pragma_table_list WHERE type = 'table' AND schema = 'main'"):
            if table.startswith("sqlite_"):
                continue
            kinds = [
                dict(c.execute("SELECT name, type FROM pragma_table_xinfo(?) WHERE NOT hidden", (table,)))
                for c in (old, new)
            ]
            same = [name for name, kind in kinds[0].items() if kinds[1].get(name) == kind]
            found[table] = [name for name in same if name not in change.get("fills", {}).get(table, ())]
    return found


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", CHANGES)
def test_only_what_was_asked(name: str, mode: str, tmp_path: Path) -> None:
    """The change alone is there; other texts, values, rowids, sequence and statistics are as before."""
    change = CHANGES[name]
    path = tmp_path / "hard.db"
    before_rows = ";\n".join(change.get("before", []))
    with closing(make(path, TABLE, ROWS, before_rows, mode=mode)) as connection:
        before = snapshot(connection)
    applier = MigrationApplier(path, executor=MigrationExecutor(part=2))  # so that few rows make several parts
    applier.adopt_schema()
    order = "ignore" if change.get("ignore_order") else "match"
    options = SyncOptions(allow=frozenset(change.get("allow", ())), column_order=order)
    result = applier.sync_schema(Schema.from_sql(edited(change)), options)
    assert result.changed
    assert list(Cost).index(result.plan.cost) <= list(Cost).index(Cost(change["cost"])), result.plan.cost
    with closing(sqlite3.connect(path)) as connection:
        after = snapshot(connection, skip=OURS)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    with closing(make(tmp_path / "fresh.db", edited(change), mode=mode)) as fresh:
        assert schema_difference(snapshot(fresh), after, ignore_column_order=order == "ignore") == []
    assert rows_kept(before, after, columns_kept(change)) == []
    assert not applier.sync_schema(Schema.from_sql(edited(change)), options).changed


@pytest.mark.parametrize("name", CHANGES)
def test_and_back(name: str, tmp_path: Path) -> None:
    """A rollback leaves schema, behaviour and every value as they were, also those that the change took away."""
    change = CHANGES[name]
    path = tmp_path / "hard.db"
    before_rows = ";\n".join(change.get("before", []))
    make(path, TABLE, ROWS, before_rows).close()
    before, behaved = beginning(before_rows)
    applier = MigrationApplier(path, executor=MigrationExecutor(part=2))  # so that few rows make several parts
    applier.adopt_schema()
    order = "ignore" if change.get("ignore_order") else "match"
    options = SyncOptions(allow=frozenset(change.get("allow", ())), column_order=order)
    result = applier.sync_schema(Schema.from_sql(edited(change)), options)
    applier.rollback_migration(result.migration_id, RollbackOptions(force=True))
    with closing(sqlite3.connect(path)) as connection:
        after, behaves = snapshot(connection, skip=OURS), probes(connection, skip=OURS)
    ignore = {"row"} if change.get("new_rowids") else set()
    ignore |= {"statistics"} if change.get("statistics_lost") else set()
    assert difference(before, after, ignore=ignore) == []
    if "row" not in ignore:
        assert probe_difference(behaved, behaves) == []
