"""Views and triggers before and after: what compiled must still compile. Nothing is run: EXPLAIN only prepares."""

from __future__ import annotations

from collections.abc import Iterator

from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.dialects.sqlite.parse import parse_trigger
from sodaf_migrate.errors import DatabaseError
from sodaf_migrate.schema.model import Schema, fold
from sodaf_migrate.wire.connection import Wire

__all__ = ["broken_objects", "newly_broken"]


def broken_objects(wire: Wire, schema: Schema) -> dict[tuple[str, str], str]:
    """Why each view and trigger of ``schema`` that does not compile doesn't, by (kind, what it is or fires on)."""
    found: dict[tuple[str, str], str] = {}
    # The driver keeps prepared statements by their text, and an EXPLAIN never meets the check that the schema has
    # changed since: the same text would get the answer of last time.
    fresh = wire.value("SELECT hex(randomblob(8))")
    for kind, name, sql in _probes(wire, schema):
        try:
            # Not plain EXPLAIN: of triggers on views SQLite 3.40 shows operands from freed memory, or crashes.
            wire.query(f"EXPLAIN QUERY PLAN {sql} /* {fresh} */")
        except DatabaseError as error:
            found.setdefault((kind, name), str(error.details.get("reason", error.message)))
    return found


def newly_broken(before: dict[tuple[str, str], str], after: dict[tuple[str, str], str]) -> list[str]:
    """A sentence for each that compiled before and does not now."""
    return [
        f'the {kind} "{name}" no longer works: {why}'
        for (kind, name), why in after.items()
        if (kind, name) not in before
    ]


def _probes(wire: Wire, schema: Schema) -> Iterator[tuple[str, str, str]]:
    for view in schema.views:
        yield "view", fold(view.name), f"SELECT * FROM {_place(view.temp)}.{quote(view.name)}"
    # One statement fires all triggers of a table and event at once, TEMP ones too.
    fired = {(fold(trigger.table), parse_trigger(trigger.sql.text).event) for trigger in schema.triggers}
    temporary = {fold(view.name) for view in schema.views if view.temp}
    for table, event in sorted(fired):
        place = f"{_place(table in temporary)}.{quote(table)}"
        statement = _statement(wire, table, place, event)
        if statement:
            yield f"{event} trigger on", table, statement


def _statement(wire: Wire, table: str, place: str, event: str) -> str:
    if event == "DELETE":
        return f"DELETE FROM {place}"
    try:
        rows = wire.query("SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0", (table,))
    except DatabaseError:
        return ""  # a view that does not compile, which its own probe says
    names = [quote(name) for (name,) in rows]
    if not names:
        return ""
    if event == "UPDATE":
        return f"UPDATE {place} SET {', '.join(f'{name} = {name}' for name in names)}"
    return f"INSERT INTO {place} ({', '.join(names)}) VALUES ({', '.join(['NULL'] * len(names))})"


def _place(temporary: bool) -> str:
    return "temp" if temporary else "main"
