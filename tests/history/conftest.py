"""A history on a private database, with a clock and suffixes that tests can read."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from sodaf_migrate.compare.changes import SchemaDiff
from sodaf_migrate.history.manager import MigrationHistoryManager
from sodaf_migrate.plan import Cost, Plan, Statement, Step
from sodaf_migrate.schema.model import ObjectName
from sodaf_migrate.wire.connection import Wire
from sodaf_migrate.wire.open import memory_wire


def history_on(wire: Wire, key: bytes | None = None) -> MigrationHistoryManager:
    """A history whose clock ticks seconds and whose ids end in a count."""
    ticks, count = itertools.count(), itertools.count()
    return MigrationHistoryManager(
        wire,
        key=key,
        clock=lambda: datetime(2026, 1, 31, tzinfo=UTC) + timedelta(seconds=next(ticks)),
        suffix=lambda: f"{next(count):08x}",
        user=lambda: "tester",
        environment=lambda: {"host": "here"},
    )


def name(text: str) -> ObjectName:
    """A column of tabC."""
    return ObjectName("column", "tabC", text)


def plan_of(doctype: str = "C", owns: str = "", disowns: str = "", **more: object) -> Plan:
    """A plan that makes the columns ``owns`` ours (a letter each) and ``disowns`` not."""
    step = Step(
        title="do it",
        target="tabC",
        cost=Cost.INSTANT,
        reason="",
        up=(Statement(sql="SELECT 1"), Statement(sql="CREATE TRIGGER x BEGIN\n;\nEND")),
        down=(Statement(sql="SELECT 2"),),
    )
    values = {"version": "1", "steps": (step,), "from_digest": "a", "to_digest": "b", **more}
    return Plan(
        doctype=doctype,
        diff=SchemaDiff(doctype=doctype),
        owns=tuple(map(name, owns)),
        disowns=tuple(map(name, disowns)),
        **values,  # type: ignore[arg-type]
    )


def apply(history: MigrationHistoryManager, plan: Plan) -> str:
    """Records a plan as applied; the id."""
    record = history.new_record(plan).applied(1, 0.5)
    history.record_migration(record)
    return record.id


@pytest.fixture
def wire() -> Iterator[Wire]:
    """An empty database in memory."""
    with memory_wire() as found:
        yield found


@pytest.fixture
def history(wire: Wire) -> MigrationHistoryManager:
    """Its history."""
    return history_on(wire)
