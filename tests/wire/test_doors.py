"""Transactions and pragmas have one door: watched while whole migrations run."""

from __future__ import annotations

import re
import sqlite3
import sys
from pathlib import Path
from types import FrameType

import pytest

import sodaf_migrate.wire
from sodaf_migrate.applier.applier import MigrationApplier
from sodaf_migrate.doctype.engine import DocTypeEngine
from sodaf_migrate.errors import MigrationError
from sodaf_migrate.options import SyncOptions
from sodaf_migrate.wire.open import open_wire

WIRE = str(Path(sodaf_migrate.wire.__file__).parent)
CONTROL = re.compile(r"(BEGIN|COMMIT|END|ROLLBACK|SAVEPOINT|RELEASE)\b", re.IGNORECASE)
PRAGMA = re.compile(r"PRAGMA\s+[\w.]+\s*=", re.IGNORECASE)
STATEMENTS = {"query", "row", "value", "run", "stream"}  # what other rooms execute through


def engine(*fields: dict[str, object]) -> DocTypeEngine:
    """One DocType with these fields."""
    return DocTypeEngine.from_doctypes([{"doctype": "DocType", "name": "Customer", "fields": list(fields)}])


class Door:
    """Notes every statement that begins or ends a transaction or sets a pragma, and each that took a wrong way."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.wrong: list[str] = []
        self.inside = False

    def watch(self, connection: sqlite3.Connection) -> None:
        """As ``on_connect``: traces the connection."""
        connection.set_trace_callback(self._statement)

    def _statement(self, sql: str) -> None:
        frame: FrameType | None = sys._getframe(1)
        assert frame is not None
        through = frame.f_code.co_filename
        if not through.startswith(WIRE):
            self.wrong.append(f"{through}: {sql}")
        if CONTROL.match(sql) or PRAGMA.match(sql):
            self.seen.append(" ".join(sql.split()[:2]))
            while frame is not None and frame.f_code.co_filename.startswith(WIRE):
                if frame.f_code.co_name in STATEMENTS:
                    self.wrong.append(f"through {frame.f_code.co_name}: {sql}")
                frame = frame.f_back


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database file with nothing in it."""
    path = tmp_path / "site.db"
    path.touch()
    return path


def test_whole_migrations_use_the_door(file: Path) -> None:
    """Made, changed, rebuilt, failed, looked at, rolled back: every statement through wire, these only by its own."""
    door = Door()
    name = {"fieldname": "customer_name", "fieldtype": "Data"}
    age = {"fieldname": "age", "fieldtype": "Data"}
    for fields in ((name,), (name, age), (name, {**age, "fieldtype": "Int"}), ({**name, "unique": 1}, age)):
        applier = MigrationApplier(file, engine(*fields), on_connect=door.watch)
        applier.dry_run("Customer")
        last = applier.sync_doctype("Customer", SyncOptions(force=True))
    applier.sync_all_doctypes(SyncOptions(transaction="run"))
    applier.status()

    def fail(connection: object, plan: object) -> None:
        raise ZeroDivisionError

    broken = MigrationApplier(file, engine(name, age, {"fieldname": "c1", "fieldtype": "Data"}), on_connect=door.watch)
    with pytest.raises(MigrationError):
        broken.sync_doctype("Customer", SyncOptions(after=fail))
    assert last.migration_id is not None
    applier.rollback_migration(last.migration_id)
    assert door.wrong == []
    for word in ("BEGIN IMMEDIATE", "BEGIN DEFERRED", "COMMIT", "ROLLBACK", "SAVEPOINT sodaf_1", "RELEASE sodaf_1"):
        assert word in door.seen, f"{word} was never executed: nothing was watched"
    assert "PRAGMA synchronous" in door.seen


def test_the_watch_sees_other_doors(file: Path) -> None:
    """A statement that goes past the wire, or a pragma set through it by another room, is noticed."""
    door = Door()
    with open_wire(file, on_connect=door.watch) as wire:
        wire.connection.execute("BEGIN")
        wire.connection.execute("ROLLBACK")
        wire.run("PRAGMA foreign_keys = 1")
    assert len(door.wrong) == 3


def test_a_callers_connection_goes_through_the_same_door(file: Path) -> None:
    """Its trace callback, which is never replaced, sees the same."""
    door = Door()
    connection = sqlite3.connect(file)
    door.watch(connection)
    MigrationApplier(connection, engine({"fieldname": "a", "fieldtype": "Data"})).sync_doctype("Customer")
    connection.set_trace_callback(None)
    connection.close()
    assert door.wrong == [] and "COMMIT" in door.seen
