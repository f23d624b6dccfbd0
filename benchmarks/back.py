"""The way back from backups, and each time what a person would do who had attached a copy of the database.

Each work gets the database and the folder of its backups. It gives how long it took where not all of it counts.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

LEVEL = 3


def manager(path: Path, folder: Path, listener: Callable[[Any], None] = lambda progress: None) -> Any:
    """The backups of the database."""
    from sodaf_migrate import BackupOptions
    from sodaf_migrate.backup.manager import MigrationBackupManager

    options = BackupOptions(directory=folder, key=bytes(range(32)), level=LEVEL)
    return MigrationBackupManager(path, options, listener=listener)


def verified(level: int) -> Callable[[Path, Path], dict[str, Any]]:
    """A check of the first backup of the whole database."""

    def check(path: Path, folder: Path) -> dict[str, Any]:
        backups = manager(path, folder)
        info = next(info for info in backups.list_backups() if (info.scope, info.type) == ("database", "FULL"))
        assert backups.verify_backup(info.id, level=level).ok
        return {}

    return check


def restored(path: Path, folder: Path) -> dict[str, Any]:
    """The whole database as a new file."""
    backups = manager(path, folder)
    info = next(info for info in backups.list_backups() if (info.scope, info.type) == ("database", "FULL"))
    target = path.with_name("restored.db")
    backups.restore_from_backup(info.id, database=target)
    size = target.stat().st_size
    target.unlink()
    return {"size": size}


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection as a person has it, as durable as ours."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        yield connection


def copied(path: Path, folder: Path) -> dict[str, Any]:
    """The plain copy from which plain SQL brings things back."""
    with opened(path) as connection, closing(sqlite3.connect(copy_of(path))) as copy:
        connection.backup(copy)
    return {}


def copy_of(path: Path) -> Path:
    """Where the plain copy is."""
    return path.with_name(f"copy of {path.name}")


def plain(path: Path, *statements: str) -> float:
    """Seconds that statements take with the copy attached, in one transaction."""
    with opened(path) as connection:
        connection.execute("ATTACH ? AS copy", (str(copy_of(path)),))
        began = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements:
            connection.execute(statement)
        connection.execute("COMMIT")
        return time.perf_counter() - began


# One table, beside the one that is there.


def table_restored(path: Path, folder: Path) -> dict[str, Any]:
    """From the backup."""
    backups = manager(path, folder)
    info = next(info for info in backups.list_backups() if (info.doctype, info.type) == ("Invoice", "FULL"))
    began = time.perf_counter()
    backups.restore_from_backup(info.id, into="restored invoices")
    took = time.perf_counter() - began
    drop_table(path)
    return {"seconds": took}


def table_plain(path: Path, folder: Path) -> dict[str, Any]:
    """From the copy; rows of tables that are alike go over as they are stored."""
    with opened(path) as connection:
        (text,) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'tabInvoice'").fetchone()
    create = text.replace("tabInvoice", '"restored invoices"', 1)
    took = plain(path, create, 'INSERT INTO main."restored invoices" SELECT * FROM copy.tabInvoice')
    drop_table(path)
    return {"seconds": took}


def drop_table(path: Path) -> None:
    """Takes the restored table away."""
    with opened(path) as connection:
        connection.execute('DROP TABLE "restored invoices"')


# Two columns, where every hundredth row was changed.


def change_columns(path: Path) -> None:
    """What is to be put back."""
    with opened(path) as connection:
        connection.execute("UPDATE tabInvoice SET remarks = 'changed' WHERE rowid % 100 = 0")


def column_restored(path: Path, folder: Path) -> dict[str, Any]:
    """From the backup."""
    change_columns(path)
    backups = manager(path, folder)
    info = next(info for info in backups.list_backups() if info.type == "COLUMN")
    began = time.perf_counter()
    backups.restore_from_backup(info.id)
    return {"seconds": time.perf_counter() - began}


def column_plain(path: Path, folder: Path) -> dict[str, Any]:
    """From the copy, rows that differ alone."""
    change_columns(path)
    update = """
        UPDATE main.tabInvoice AS t SET grand_total = c.grand_total, remarks = c.remarks
        FROM copy.tabInvoice AS c
        WHERE c.name = t.name AND (c.grand_total IS NOT t.grand_total OR c.remarks IS NOT t.remarks)
    """
    return {"seconds": plain(path, update)}


# A column that a migration dropped.


def drop_column(path: Path, folder: Path) -> Any:
    """An applier that has dropped the column, which is the last one, and the id of that migration."""
    from sodaf_migrate import BackupOptions, MigrationApplier, Schema, SyncOptions

    with opened(path) as connection:
        ours = connection.execute("SELECT sql FROM sqlite_schema WHERE sql NOT NULL AND name NOT LIKE '%Migration%'")
        wish = ";".join(sql.replace(", terms TEXT", "") for (sql,) in ours)
    applier = MigrationApplier(path, backup_options=BackupOptions(directory=folder, key=bytes(range(32)), level=LEVEL))
    applier.adopt_schema()  # what is not ours would be left alone
    result = applier.sync_schema(Schema.from_sql(wish), SyncOptions(force=True))
    return applier, result.migration_id


def rolled_back(path: Path, folder: Path) -> dict[str, Any]:
    """From the backup of the migration."""
    from sodaf_migrate import RollbackOptions

    applier, migration = drop_column(path, folder)
    began = time.perf_counter()
    applier.rollback_migration(migration, RollbackOptions(force=True))
    return {"seconds": time.perf_counter() - began}


def rolled_plain(path: Path, folder: Path) -> dict[str, Any]:
    """From the copy."""
    with opened(path) as connection:
        connection.execute("ALTER TABLE tabInvoice DROP COLUMN terms")
    update = "UPDATE main.tabInvoice AS t SET terms = c.terms FROM copy.tabInvoice AS c WHERE c.name = t.name"
    return {"seconds": plain(path, "ALTER TABLE main.tabInvoice ADD COLUMN terms TEXT", update)}


WAY_BACK: dict[str, Callable[[Path, Path], dict[str, Any]]] = {
    "copied": copied,
    "hash": verified(0),
    "verify": verified(1),
    "deep": verified(2),
    "restored": restored,
    "table_restored": table_restored,
    "table_plain": table_plain,
    "column_restored": column_restored,
    "column_plain": column_plain,
    "rolled_back": rolled_back,
    "rolled_plain": rolled_plain,
}
