"""An in-memory database with the same schema and no rows, on which everything is tried first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sodaf_migrate.errors import StatementError, UnsupportedChangeError
from sodaf_migrate.schema.model import Schema, Trigger, View
from sodaf_migrate.wire.connection import OnConnect, Wire
from sodaf_migrate.wire.open import memory_wire

__all__ = ["created_text", "shadow_of"]


@contextmanager
def shadow_of(schema: Schema, on_connect: OnConnect | None = None, *, statistics: bool = False) -> Iterator[Wire]:
    """A ``Wire`` to a private copy of ``schema``, made from its stored texts; ``statistics`` also makes sqlite_stat1.

    Raises UnsupportedChangeError when SQLite does not accept a stored text again.
    """
    with memory_wire(on_connect) as wire:
        for table in schema.tables:
            _make(wire, table.name, table.sql)
        for virtual in schema.virtual_tables:
            _make(wire, virtual.name, virtual.sql.text)
        for index in schema.indexes:
            _make(wire, index.name, index.sql)
        for view in schema.views:
            _make(wire, view.name, created_text(view))
        for trigger in schema.triggers:
            _make(wire, trigger.name, created_text(trigger))
        if statistics:
            wire.run("ANALYZE main")
        yield wire


def created_text(item: View | Trigger) -> str:
    """The statement that makes a view or trigger again: a temporary one is stored without the word that says so."""
    if not item.temp:
        return item.sql.text
    head, _, rest = item.sql.text.partition(" ")
    return item.sql.text if rest.lstrip().upper().startswith("TEMP") else f"{head} TEMP {rest}"


def _make(wire: Wire, name: str, sql: str) -> None:
    try:
        wire.run(sql)
    except StatementError as error:
        raise UnsupportedChangeError(
            f'"{name}" cannot be made again from its stored text: {error.message}',
            hint="Register the collations, functions and modules that it needs with on_connect (docs/refusals.md).",
            details={"sql": sql},
        ) from error
