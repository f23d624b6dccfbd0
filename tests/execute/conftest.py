"""A small shop on disk, plans for it, and a list that stands for history."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate.compare.changes import SchemaDiff, TableChange
from sodaf_migrate.dialects.sqlite.inspect import read_schema, scope_digest
from sodaf_migrate.dialects.sqlite.play import play
from sodaf_migrate.execute.executor import Execution, MigrationExecutor
from sodaf_migrate.plan import Cost, Guard, Plan, Statement, Step
from sodaf_migrate.wire.connection import Wire
from sodaf_migrate.wire.open import open_wire

SHOP = (
    "CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT NOT NULL, phone TEXT)",
    "CREATE TABLE sale (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customer (id) ON DELETE CASCADE)",
    "CREATE TABLE done (what TEXT)",
    "CREATE VIEW buyers AS SELECT c.name FROM customer c JOIN sale s ON s.customer_id = c.id",
    "CREATE TRIGGER log_sale AFTER INSERT ON sale BEGIN INSERT INTO done SELECT phone FROM customer; END",
    "INSERT INTO customer VALUES (1, 'Ada', '1'), (2, 'Bob', '2'), (3, 'Cem', NULL)",
    "INSERT INTO sale VALUES (10, 1), (11, 2)",
    "DELETE FROM done",
)

REBUILD = (
    "CREATE TABLE customer_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL, phone INTEGER)",
    "INSERT INTO customer_new SELECT * FROM customer",
    "DROP VIEW buyers",
    "DROP TRIGGER log_sale",
    "DROP TABLE customer",
    "ALTER TABLE customer_new RENAME TO customer",
    SHOP[3],
    SHOP[4],
)


class _Undo(Exception):
    pass


def step(*sql: str, title: str = "change it", cost: Cost = Cost.INSTANT, check: str | None = None) -> Step:
    """A step of these statements; ``check`` words the last of them."""
    up = [Statement(sql=text) for text in sql]
    if check is not None:
        up[-1] = Statement(sql=sql[-1], check=check)
    return Step(title=title, target="customer", cost=cost, reason="", up=tuple(up), down=())


def plan_for(wire: Wire, *steps: Step, scope: tuple[str, ...] = ("customer",), **more: Any) -> Plan:
    """The plan of these steps from what is live; where they run at all, it promises what they make."""
    after = ""
    with suppress(_Undo), wire.pragmas(foreign_keys=0), wire.atomic():
        with suppress(Exception):
            for one in steps:
                for statement in one.up:
                    play(wire, statement)
            after = scope_digest(read_schema(wire, around=scope), scope)
        raise _Undo
    values = {"diff": SchemaDiff(doctype="Customer"), "version": "1", "to_digest": after, **more}
    before = scope_digest(read_schema(wire, around=scope), scope)
    return Plan(doctype="Customer", steps=steps, scope=scope, from_digest=before, **values)


def guarded(sql: str, expected: int, **more: Any) -> Step:
    """A step that adds a column and relies on a count."""
    guard = Guard(sql=sql, expected=expected, meaning="customers without a phone")
    up = (Statement(sql="ALTER TABLE customer ADD COLUMN c1"),)
    return Step(title="add", target="customer", cost=Cost.INSTANT, reason="", up=up, down=(), guards=(guard,), **more)


def any_table_changed(wire: Wire) -> SchemaDiff:
    """A diff that makes the executor look at foreign keys."""
    table = read_schema(wire, around=("customer",)).table("customer")
    return SchemaDiff(doctype="Customer", tables=(TableChange(old=table, new=table),))


class Records(list[Execution]):
    """Takes records, and writes a row for each so that rollbacks show."""

    def __call__(self, wire: Wire, execution: Execution) -> None:
        assert wire.in_transaction
        wire.run("INSERT INTO done VALUES ('recorded')")
        self.append(execution)


def recorded(wire: Wire) -> bool:
    """Whether a record is there."""
    return bool(wire.value("SELECT count(*) FROM done WHERE what = 'recorded'"))


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The path of the shop."""
    file = tmp_path / "shop.db"
    with open_wire(file, must_exist=False) as wire:
        for sql in SHOP:
            wire.run(sql)
    return file


@pytest.fixture
def wire(shop: Path) -> Iterator[Wire]:
    """A wire to it."""
    with open_wire(shop, lock_timeout=0.2) as found:
        yield found


@pytest.fixture
def records() -> Records:
    """What was recorded."""
    return Records()


@pytest.fixture
def executor() -> MigrationExecutor:
    """An executor that tells nobody."""
    return MigrationExecutor()
