"""Looks for every altered, missing or cut event and record of a history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sodaf_migrate.history.chain import Event, Head, Problem, broken_links, broken_records
from sodaf_migrate.history.record import COLUMNS, MigrationRecord
from sodaf_migrate.history.store import EVENTS, rows_of
from sodaf_migrate.history.tables import HISTORY, TABLES
from sodaf_migrate.wire.connection import Wire

__all__ = ["problems_in"]


def problems_in(wire: Wire, *, keys: Sequence[bytes], expected: Iterable[Head] = ()) -> tuple[Problem, ...]:
    """Everything that is wrong with the history behind ``wire``; ``expected`` are heads that were kept elsewhere."""
    events = [Event(*row) for row in rows_of(wire, f"{EVENTS} ORDER BY seq")]
    stored = rows_of(wire, f"SELECT {', '.join(COLUMNS)}, checksum FROM {HISTORY} ORDER BY rowid")
    ever = rows_of(wire, "SELECT seq FROM main.sqlite_sequence WHERE name = ?", (TABLES[1],))
    records = [(MigrationRecord(**dict(zip(COLUMNS, row, strict=False))), row[-1]) for row in stored]
    problems = [*broken_links(events, keys=keys), *broken_records(events, records)]
    last = events[-1].seq if events else 0
    if (ever and ever[0][0] != last) or (events and not ever):
        problems.append(Problem("cut", f"event {last}", f"After event {last}, the newest events are missing"))
    problems += [_unreached(head) for head in expected if not _reaches(events, head)]
    return tuple(problems)


def _unreached(head: Head) -> Problem:
    where = f", which {head.source} tells of" if head.source else ""
    said = f"Event {head.count}{where} is not there as it was: later events were cut off, or the history was replaced"
    return Problem("cut", f"event {head.count}", said)


def _reaches(events: list[Event], head: Head) -> bool:
    return head.count == 0 or any((event.seq, event.hash) == (head.count, head.hash) for event in events)
