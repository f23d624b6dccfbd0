"""A shadow: the same schema without its rows, in memory, where statements can be tried."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sodaf_migrate.dialects.sqlite.lexer import tokenize
from sodaf_migrate.dialects.sqlite.names import in_main
from sodaf_migrate.errors import StatementError
from sodaf_migrate.schema.model import Schema, Trigger, View, VirtualTable
from sodaf_migrate.wire.connection import OnConnect, Wire
from sodaf_migrate.wire.open import memory_wire

__all__ = ["created_text", "shadow_of", "stand_up"]

_SAID = ("TEMP", "TEMPORARY")
_log = logging.getLogger(__name__)
_ENTER_VIRTUAL = (
    "INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES ('table', :name, :name, 0, :sql)"
)


@contextmanager
def shadow_of(
    schema: Schema,
    on_connect: OnConnect | None = None,
    *,
    statistics: bool = False,
    fill: Callable[[Wire], None] | None = None,
) -> Iterator[Wire]:
    """A wire to a database in memory that holds ``schema``, made of its stored texts, while the block runs.

    ``statistics`` adds the table of ANALYZE; ``fill`` puts rows into the tables before any trigger is there to fire.
    Raises StatementError for a text that this SQLite library, prepared by ``on_connect``, does not take.
    """
    with memory_wire(on_connect) as wire:
        stand_up(wire, schema, fill)
        if statistics:
            wire.run("ANALYZE main.sqlite_schema")  # makes sqlite_stat1 and has nothing to count
        yield wire


def stand_up(wire: Wire, schema: Schema, fill: Callable[[Wire], None] | None = None) -> None:
    """Create all of ``schema`` in an empty database: tables before what stands on them, else in its own order."""
    unknown: list[VirtualTable] = []
    with wire.atomic():
        for table in schema.tables:
            wire.run(table.sql)
    if fill is not None:
        fill(wire)
    with wire.atomic():
        for virtual in schema.virtual_tables:
            try:
                wire.run(virtual.sql.text)
            except StatementError as error:
                _log.info('virtual table "%s" is in the shadow by name only: %s', virtual.name, error)
                unknown.append(virtual)
        for index in schema.indexes:
            wire.run(in_main(index.sql))
        for view in schema.views:
            wire.run(created_text(view))
        for trigger in schema.triggers:
            wire.run(in_main(created_text(trigger)))
    if unknown:
        _enter(wire, unknown)


def _enter(wire: Wire, tables: list[VirtualTable]) -> None:
    """Virtual tables whose module is not loaded, as SQLite has them then too: a row in the catalogue and no more."""
    with wire.pragmas(writable_schema=1), wire.atomic():
        for table in tables:
            wire.run(_ENTER_VIRTUAL, {"name": table.name, "sql": table.sql.text})


def created_text(item: View | Trigger) -> str:
    """The statement that makes a view or trigger anew: the stored text of a TEMP one leaves that word out."""
    text = item.sql.text
    return f"CREATE TEMP{text[len('CREATE') :]}" if item.temp and tokenize(text)[1].word not in _SAID else text
