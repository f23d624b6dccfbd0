"""What a plan will probably take: rows, bytes, disk and seconds, by this site's own pace where history knows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sodaf_migrate.dialects.sqlite.effort import (
    MODEL,
    Size,
    commit_seconds,
    disk_needed,
    expected_seconds,
    size_of,
    unstoppable_seconds,
)
from sodaf_migrate.history.figures import pace, recorded_figures
from sodaf_migrate.plan import Cost, Estimate, Plan, Step
from sodaf_migrate.schema.model import fold
from sodaf_migrate.wire.connection import Wire

__all__ = ["Forecast", "forecast"]

DEFAULTS, SITE = "measured defaults", "this site"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The estimates of a plan's steps, and of the COMMIT after them in seconds."""

    steps: tuple[Estimate, ...] = ()
    commit: float = 0.0

    @property
    def seconds(self) -> float:
        """All of it."""
        return sum(step.seconds for step in self.steps) + self.commit

    @property
    def uninterruptible(self) -> float:
        """The seconds in which it cannot be stopped."""
        return sum(step.uninterruptible for step in self.steps) + self.commit

    @property
    def source(self) -> str:
        """Where the rates come from."""
        found = {step.source for step in self.steps if step.cost is not Cost.INSTANT} or {DEFAULTS}
        return (
            "rates of this site" if found == {SITE} else DEFAULTS if found == {DEFAULTS} else f"{SITE} and {DEFAULTS}"
        )

    @property
    def written_rows(self) -> int:
        """The rows that are copied or updated; a table that several steps write counts for each."""
        return sum(step.rows for step in self.steps if step.cost in (Cost.IN_PLACE, Cost.REBUILD))

    @property
    def bytes(self) -> int:
        """The bytes that are read or written."""
        return sum(step.bytes for step in self.steps)

    @property
    def extra_disk(self) -> int:
        """The bytes of disk that have to be free."""
        return sum(step.extra_disk for step in self.steps)


def forecast(wire: Wire, plan: Plan) -> Forecast:
    """The forecast of ``plan`` on the database as it is. Reads the size of each table that a step reads or writes."""
    if all(step.cost is Cost.INSTANT for step in plan.steps):
        return Forecast(steps=tuple(_estimate(step, None, {}, wal=False) for step in plan.steps))
    paces = pace(recorded_figures(wire), model=MODEL)
    wal = str(wire.value("PRAGMA main.journal_mode")).lower() == "wal"
    sizes: dict[str, Size | None] = {}
    found = []
    for step in plan.steps:
        name = fold(_before(plan, step.target))
        if step.cost is not Cost.INSTANT and name not in sizes:
            sizes[name] = size_of(wire, name)
        found.append(_estimate(step, sizes.get(name), paces, wal=wal))
    written = sum(step.extra_disk for step in found) // (2 if wal else 1)
    return Forecast(steps=tuple(found), commit=commit_seconds(written) if written else 0.0)


def _estimate(step: Step, size: Size | None, paces: Mapping[str, float], *, wal: bool) -> Estimate:
    left = Estimate(title=step.title, target=step.target, cost=step.cost, source=DEFAULTS)
    if step.cost is Cost.INSTANT:
        return replace(left, seconds=expected_seconds(step, None))
    times = paces.get(step.cost.value)
    return replace(
        left,
        rows=size.rows if size else 0,
        bytes=size.bytes if size else 0,
        extra_disk=disk_needed(step, size, wal=wal),
        seconds=expected_seconds(step, size) * (times or 1.0),
        uninterruptible=unstoppable_seconds(step, size) * (times or 1.0),
        source=SITE if times else DEFAULTS,
    )


def _before(plan: Plan, table: str) -> str:
    """What a table is called before the plan renames it."""
    renamed = {fold(c.new.name): c.old.name for c in plan.diff.tables if c.old is not None and c.new is not None}
    return renamed.get(fold(table), table)
