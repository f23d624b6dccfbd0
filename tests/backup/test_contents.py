"""A program that knows docs/backup-format.md alone brings back what the tool backed up."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate.backup.info import BackupInfo
from sodaf_migrate.backup.keys import KeyRing, passphrase_key
from sodaf_migrate.backup.manager import MigrationBackupManager
from sodaf_migrate.options import BackupOptions
from tests.oracle.container import Contents, read_container
from tests.oracle.contents import exact, lost_values, table_rows, whole_database

WORDS = "a passphrase of several words"
VALUES = (None, 0, 2**63 - 1, -(2**63), 1.0, -0.0, float("inf"), "", "a\0b", "\U0001f600", b"", b"\0\xff")
TABLES = {
    "rowids": "CREATE TABLE tabNote (name TEXT PRIMARY KEY, x, y, g AS (typeof(x)) STORED)",
    "none": "CREATE TABLE tabNote (name TEXT, x, y, g AS (typeof(x)), PRIMARY KEY (y, name)) WITHOUT ROWID",
}
CHANGES = (
    "UPDATE tabNote SET x = 1 WHERE x IS NULL",
    "DELETE FROM tabNote WHERE x = 1",
    "ALTER TABLE tabNote RENAME COLUMN x TO z",
    "ALTER TABLE tabNote ADD COLUMN more TEXT DEFAULT 'given'",
    "UPDATE tabNote SET name = name || '+' WHERE z > 0",
)


@pytest.fixture
def site(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A database with rows of odd values."""
    path = tmp_path / "site.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(TABLES[request.param])
        odd = random.Random(os.environ.get("SODAF_TEST_SEED", "1"))
        rows = [(f"n{n}", odd.choice(VALUES), n) for n in odd.sample(range(10_000), 200)]
        connection.executemany("INSERT INTO tabNote (name, x, y) VALUES (?, ?, ?)", rows)
    return path


@pytest.fixture
def manager(site: Path) -> MigrationBackupManager:
    """Its backups, locked with a passphrase."""
    return MigrationBackupManager(site, BackupOptions(level=1), ring=KeyRing((passphrase_key(WORDS, salt=b"s" * 16),)))


def live(site: Path) -> tuple[list[str], dict[Any, tuple[Any, ...]]]:
    """The columns that are not generated, and the rows by rowid or key."""
    with closing(sqlite3.connect(site)) as connection:
        columns = [name for (name,) in connection.execute("SELECT name FROM pragma_table_info('tabNote')")]
        sql = str(connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'tabNote'").fetchone()[0])
        key = "y, name" if "WITHOUT" in sql else "rowid"
        width = 1 + key.count(",")
        rows = connection.execute(f"SELECT {key}, {', '.join(columns)} FROM tabNote").fetchall()
    return columns, {exact(row[:width]) if width > 1 else row[0]: tuple(row[width:]) for row in rows}


def read(info: BackupInfo) -> Contents:
    """One backup, by the oracle."""
    return read_container(Path(info.path).read_bytes(), WORDS)


def points(site: Path, manager: MigrationBackupManager, doctype: str | None) -> Iterator[list[Contents]]:
    """After each change the chain that stands for the state then."""
    chain = [read(manager.create_backup(doctype))]
    yield chain
    for sql in CHANGES:
        with closing(sqlite3.connect(site)) as connection, connection:
            connection.execute(sql)
        chain.append(read(manager.create_backup(doctype, type="INCREMENTAL")))
        assert chain[-1].prologue["parent"]["id"] == chain[-2].prologue["id"]
        yield chain


@pytest.mark.parametrize("site", TABLES, indirect=True)
def test_a_table_at_each_point_of_its_chain(site: Path, manager: MigrationBackupManager) -> None:
    """Each value with its storage class, and each row with its rowid or key."""
    for chain in points(site, manager, "Note"):
        columns, rows = live(site)
        found = table_rows(chain)
        assert chain[-1].manifest["table"]["columns"] == columns
        assert {key: exact(row) for key, row in found.items()} == {key: exact(row) for key, row in rows.items()}
        assert repr(sorted(map(repr, found.values()))) == repr(sorted(map(repr, rows.values())))  # -0.0 too


@pytest.mark.parametrize("site", TABLES, indirect=True)
def test_the_database_at_each_point_of_its_chain(site: Path, manager: MigrationBackupManager) -> None:
    """Byte for byte what the tool itself restores, and what was live then."""
    for place, chain in enumerate(points(site, manager, None)):
        data = whole_database(chain)
        copy = site.with_name(f"copy{place}.db")
        manager.restore_from_backup(chain[-1].prologue["id"], database=copy)
        assert copy.read_bytes() == data
        assert live(copy) == live(site)


@pytest.mark.parametrize("site", TABLES, indirect=True)
def test_the_values_of_a_column(site: Path, manager: MigrationBackupManager) -> None:
    """By the key of each row."""
    (found,) = lost_values(read(manager.create_column_backup("Note", ["x"])))
    columns, rows = live(site)
    key = [columns.index(name) for name in (("y", "name") if isinstance(next(iter(rows)), tuple) else ("name",))]
    wanted = {exact([row[n] for n in key]): (row[columns.index("x")],) for row in rows.values()}
    assert {key: repr(row) for key, row in found.items()} == {key: repr(row) for key, row in wanted.items()}
