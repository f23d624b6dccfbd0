"""A virtual table of a wish in plain SQL: its rows go only by name, for no backup can hold them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sodaf_migrate import DataLossRiskError, MigrationApplier, RollbackOptions, Schema, SyncOptions

BEFORE = "CREATE TABLE note(body TEXT); CREATE VIRTUAL TABLE found USING fts5(body);"
AFTER = {
    "made otherwise": "CREATE TABLE note(body TEXT); CREATE VIRTUAL TABLE found USING fts5(body, title);",
    "wished for no more": "CREATE TABLE note(body TEXT);",
}
NAMED = {"drop_table:found", "irreversible:found"}


def sync(path: Path, wish: str, *allow: str) -> str:
    """The status of one sync."""
    return MigrationApplier(path).sync_schema(Schema.from_sql(wish), SyncOptions(allow=frozenset(allow))).status


def write(path: Path) -> None:
    """Somebody's row."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO found(body) VALUES ('kept')")


@pytest.mark.parametrize("wish", AFTER.values(), ids=AFTER)
def test_rows_of_a_virtual_table_go_only_by_name(wish: str, tmp_path: Path) -> None:
    """Refused with both dangers and the count; allowed by both names it is done."""
    path = tmp_path / "site.db"
    sync(path, BEFORE)
    write(path)
    with pytest.raises(DataLossRiskError) as caught:
        sync(path, wish)
    assert {(risk.allow, risk.affected_rows) for risk in caught.value.risks} == {(name, 1) for name in NAMED}
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT body FROM found").fetchall() == [("kept",)]
    assert sync(path, wish, *NAMED) == "applied"


@pytest.mark.parametrize("wish", AFTER.values(), ids=AFTER)
def test_an_empty_virtual_table_needs_no_asking(wish: str, tmp_path: Path) -> None:
    """Nothing is lost with it."""
    path = tmp_path / "site.db"
    sync(path, BEFORE)
    assert sync(path, wish) == "applied"


def test_the_way_back_of_a_virtual_table_asks_for_rows_that_came_since(tmp_path: Path) -> None:
    """It would go with them."""
    path = tmp_path / "site.db"
    sync(path, AFTER["wished for no more"])
    applier = MigrationApplier(path)
    made = applier.sync_schema(Schema.from_sql(BEFORE)).migration_id
    write(path)
    with pytest.raises(DataLossRiskError, match="virtual table"):
        applier.rollback_migration(made)
    assert applier.rollback_migration(made, RollbackOptions(allow=frozenset({"drop_table", "irreversible"}))).success
