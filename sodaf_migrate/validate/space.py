"""LOCKS_AND_SPACE: room on the disk, steps that take long, and who is in the way."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping

from sodaf_migrate.dialects.sqlite.effort import Size, expected_seconds, size_of
from sodaf_migrate.errors import DiskFullError
from sodaf_migrate.execute.room import check_room
from sodaf_migrate.plan import Cost, Finding, Severity
from sodaf_migrate.validate.look import Look
from sodaf_migrate.wire.connection import Wire
from sodaf_migrate.wire.holders import holders

__all__ = ["locks_and_space"]


def locks_and_space(look: Look) -> Iterable[Finding]:
    """There is room for what the plan writes, no step takes unexpectedly long, and nobody is in its way."""
    wire = look.wire
    if wire is None or wire.path is None or not look.plan.steps:
        return
    sizes = {step.target: size_of(wire, step.target) for step in look.plan.steps if step.cost is not Cost.INSTANT}
    if sizes:
        yield from _space(look, wire)
        yield from _long(look, sizes)
    yield from _in_the_way(look, wire)


def _space(look: Look, wire: Wire) -> Iterator[Finding]:
    """What the executor would find under the lock, told before."""
    try:
        check_room(wire, look.plan, free=look.free)
    except DiskFullError as error:
        yield Finding(
            code="DISK_SPACE_SHORT",
            severity=Severity.ERROR,
            target=look.plan.doctype,
            message=error.message,
            hint=error.hint or "",
        )


def _long(look: Look, sizes: Mapping[str, Size | None]) -> Iterator[Finding]:
    for step in look.plan.steps:
        size = sizes.get(step.target)
        seconds = expected_seconds(step, size)
        if size is not None and seconds > look.long_step:
            yield Finding(
                code="STEP_TAKES_LONG",
                severity=Severity.WARNING,
                target=step.target,
                message=f'step "{step.title}" takes about {seconds:.0f} s, in which nobody else can write',
                hint="Run it when the site is quiet; a dry run tells the time of each step.",
                rows=size.rows,
            )


def _in_the_way(look: Look, wire: Wire) -> Iterator[Finding]:
    mode = str(wire.value("PRAGMA main.journal_mode")).lower()
    if mode == "delete" and os.path.exists(f"{wire.path}-journal"):
        yield Finding(
            code="JOURNAL_THERE",
            severity=Severity.WARNING,
            target=wire.name,
            message="a rollback journal stands beside the database: somebody writes now, or a program died writing",
            hint="Wait for the other program; what a dead one left is undone by the next one that writes.",
        )
    if mode != "wal" and look.plan.cost is Cost.REBUILD and (found := holders(wire.path)):
        yield Finding(
            code="READERS_THERE",
            severity=Severity.WARNING,
            target=wire.name,
            message=f"the copy of a table needs the database alone, and {', '.join(found)} is using it",
            hint="Stop it, or let it finish: the change waits for lock_timeout and then gives up, nothing changed.",
        )
