"""Where a restore is tried before it is done: a private copy of the table as it is, beside what its keys concern."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from sodaf_migrate.backup.payload import PAYLOAD
from sodaf_migrate.backup.scratch import Place, filled, scratch_file
from sodaf_migrate.backup.snapshot import second_look
from sodaf_migrate.dialects.sqlite.inspect import read_schema
from sodaf_migrate.dialects.sqlite.names import in_main
from sodaf_migrate.dialects.sqlite.neighbours import (
    Neighbour,
    copy_keys,
    copy_whole,
    create_keys,
    neighbours,
    stand_in,
)
from sodaf_migrate.dialects.sqlite.parse_table import parse_table
from sodaf_migrate.dialects.sqlite.shadow import created_text
from sodaf_migrate.errors import StatementError
from sodaf_migrate.schema.model import ForeignKey, Schema, Table, fold
from sodaf_migrate.wire.attach import attached
from sodaf_migrate.wire.connection import Wire
from sodaf_migrate.wire.open import scratch_wire

__all__ = ["Untried", "trial"]


class Untried(Exception):
    """The table could not be copied as it is, so nothing can be tried; the message says why."""


@contextmanager
def trial(wire: Wire, manifest: Mapping[str, Any], name: str, folder: Place) -> Iterator[Wire]:
    """A wire to a scratch database while the block runs, in which a restore into ``name`` goes as it would on ``wire``.

    The table has its rows, indexes and triggers there; where it is missing, what is in the way of those of the backup
    has a stand-in. Of its neighbours come the columns that keys concern. Raises Untried, DatabaseError.
    """
    encoding = str(wire.value("PRAGMA main.encoding"))
    how: dict[str, Any] = {"encoding": encoding, "on_connect": wire.on_connect, "watch": wire.watch}
    with second_look(wire) as look, scratch_file(folder) as scratch, ExitStack() as stack:
        try:
            own = stack.enter_context(scratch_wire(scratch.path, **how))
            with filled(folder), attached(look.wire, scratch.path, PAYLOAD):
                scratch.hide()
                _fill(look.wire, own, manifest, name)
        except StatementError as error:
            raise Untried(error.message) from error
        yield own


def _fill(look: Wire, own: Wire, manifest: Mapping[str, Any], name: str) -> None:
    live = read_schema(look, around=(name,)).table(name)
    keys = _keys(manifest) if live is None else live.foreign_keys
    parents = [key.table for key in keys]
    schema = read_schema(look, around=(name, *parents))
    beside = list(neighbours(schema, name, keys))
    made = {fold(each.table.name) for each in beside} | {fold(name)}
    with own.atomic():
        for neighbour in beside:
            own.run(create_keys(schema, neighbour))
        for parent in {fold(parent): parent for parent in parents}.values():
            if fold(parent) not in made and _is_there(look, parent):
                own.run(stand_in(parent, view=True))
        if live is not None:
            own.run(live.sql)
        else:
            _stand_ins(look, own, manifest)
    _copy(look, live, beside)
    if live is not None:
        _surround(own, schema, live)


def _keys(manifest: Mapping[str, Any]) -> tuple[ForeignKey, ...]:
    """The foreign keys of the table that the backup would create."""
    text = next(item["sql"] for item in manifest["schema"] if item["type"] == "table")
    return parse_table(text).table.foreign_keys


def _stand_ins(look: Wire, own: Wire, manifest: Mapping[str, Any]) -> None:
    for item in manifest["schema"]:
        if item["type"] != "table" and _is_there(look, item["name"]) and not _is_there(own, item["name"]):
            own.run(stand_in(item["name"], view=False))


def _is_there(wire: Wire, name: str) -> bool:
    return bool(wire.value("SELECT count(*) FROM main.sqlite_schema WHERE name = ? COLLATE NOCASE", (name,)))


def _copy(look: Wire, live: Table | None, beside: Iterable[Neighbour]) -> None:
    # Rows that keep no CHECK are there all the same; their rules are for what comes.
    with look.pragmas(ignore_check_constraints=1), look.atomic():
        for neighbour in beside:
            for sql in copy_keys(neighbour, PAYLOAD):
                look.run(sql)
        for sql in copy_whole(live, PAYLOAD) if live is not None else ():
            look.run(sql)


def _surround(own: Wire, schema: Schema, live: Table) -> None:
    with own.atomic():
        for index in schema.indexes_of(live.name):
            own.run(in_main(index.sql))
        for trigger in schema.triggers_of(live.name):
            own.run(created_text(trigger))
