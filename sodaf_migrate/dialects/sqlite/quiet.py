"""Rows written without firing triggers: they are taken away and made again, in their order, in the same transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sodaf_migrate.dialects.sqlite.inspect import read_schema
from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.dialects.sqlite.shadow import created_text
from sodaf_migrate.wire.connection import Wire

__all__ = ["without_triggers"]


@contextmanager
def without_triggers(wire: Wire, table: str) -> Iterator[tuple[str, ...]]:
    """No trigger of ``table``, also none of this connection's TEMP ones, fires inside; gives their names.

    All are dropped and created again, for to make one alone anew would change the order in which they fire. To be
    used in a transaction, which an exception inside has to roll back.
    """
    triggers = read_schema(wire, around=(table,)).triggers_of(table)
    for trigger in triggers:
        wire.run(f"DROP TRIGGER {'temp' if trigger.temp else 'main'}.{quote(trigger.name)}")
    yield tuple(trigger.name for trigger in triggers)
    for trigger in triggers:
        wire.run(created_text(trigger))
