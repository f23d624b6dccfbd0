"""COLUMN: the keys, the values that are about to be lost, and what the change will put in their place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sodaf_migrate.backup.payload import PAYLOAD, Payload, about_database, about_table, run_all, stored_objects
from sodaf_migrate.backup.scratch import Place, filled, scratch_file
from sodaf_migrate.backup.snapshot import Snapshot, ordinary_table
from sodaf_migrate.dialects.sqlite.copies import (
    MOST_COLUMNS,
    copy_losses,
    has_null_keys,
    new_keys,
    plain_columns,
)
from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.dialects.sqlite.rowid import rowid_name
from sodaf_migrate.errors import BackupError
from sodaf_migrate.plan import Loss
from sodaf_migrate.schema.model import Table, fold
from sodaf_migrate.wire.attach import attached
from sodaf_migrate.wire.connection import Wire

__all__ = ["lost_values"]


@contextmanager
def lost_values(snapshot: Snapshot, losses: Sequence[Loss], *, folder: Place) -> Iterator[Payload]:
    """The payload of everything that ``losses`` name while the block runs; the snapshot is not needed inside it.

    The manifest's ``parts`` describe one table of the payload each: k0, … the key, n0, … the key's values after the
    change where it changes them, v0, … the old values, b0, … what the change puts there (``became`` names the
    columns that have one). ``columns`` () means whole rows, whose columns are in ``values``. The rowid is kept.
    Raises BackupError, and DatabaseError for an expression that cannot be evaluated.
    """
    wire = snapshot.wire
    with scratch_file(folder) as scratch:
        with filled(folder), attached(wire, scratch.path, PAYLOAD):
            scratch.hide()
            with wire.atomic():
                parts, tables = _all(wire, losses)
                manifest = {
                    "kind": "column",
                    **about_database(wire),
                    "parts": parts,
                    "schema": [item for name in tables for item in stored_objects(wire, name)],
                }
        yield Payload(manifest, scratch.blocks(), {"rows": sum(part["rows"] for part in parts)}, scratch.size)


def _all(wire: Wire, losses: Sequence[Loss]) -> tuple[list[dict[str, Any]], list[str]]:
    tables: dict[str, Table] = {}
    parts: list[dict[str, Any]] = []
    for loss in losses:
        table = tables.get(fold(loss.table)) or ordinary_table(wire, loss.table)
        tables[fold(loss.table)] = table
        key = _key(wire, table, loss)
        after = new_keys(loss.table, key, losses)
        if not loss.columns:
            parts.append(_rows(wire, table, loss, key, len(parts)))
            continue
        # A row of the refill has two more: its own rowid and the live one.
        room = max(1, (MOST_COLUMNS - 2 - len(key) - len(after)) // 2)
        for start in range(0, len(loss.columns), room):
            chosen = range(start, min(start + room, len(loss.columns)))
            parts.append(_values(wire, table, loss, key, after, chosen, len(parts)))
    return parts, [table.name for table in tables.values()]


def _key(wire: Wire, table: Table, loss: Loss) -> tuple[str, ...]:
    """The columns by which a row is found again; () for the rowid, which finds those without a key too."""
    may_be_null = bool(loss.key) and not table.without_rowid
    if loss.key and not (may_be_null and wire.value(has_null_keys(table, loss.key))):
        return loss.key
    if loss.columns and (rowid_name(table) is None or not loss.rowid):
        raise BackupError(
            f'Values of "{table.name}" would not find their rows again: not every row has a key, and rowids are not '
            "kept or cannot be read (a WITHOUT ROWID table, or columns that are called rowid, _rowid_ and oid)",
            hint="Give the table a primary key that no row leaves empty, in a migration before this one.",
        )
    return ()


def _rows(wire: Wire, table: Table, loss: Loss, key: tuple[str, ...], number: int) -> dict[str, Any]:
    about = about_table(wire, table)
    values = [quote(column.name) for column in plain_columns(table)]
    part = _part(loss, key, number)
    part |= {"values": about["columns"], "sequence": about["sequence"], "rowid": about["rowid"]}
    part["rows"] = run_all(wire, copy_losses(table, PAYLOAD, part["payload"], [("v", values)], loss.where))
    return part


def _values(
    wire: Wire,
    table: Table,
    loss: Loss,
    key: tuple[str, ...],
    after: list[str],
    chosen: range,
    number: int,
) -> dict[str, Any]:
    became = [loss.became[place] for place in chosen]
    part = _part(loss, key, number)
    part["columns"] = part["values"] = [loss.columns[place] for place in chosen]
    part["new_columns"] = [loss.new_columns[place] if loss.new_columns else "" for place in chosen]
    part["became"] = [bool(expression) for expression in became]
    part["moved_key"] = bool(after)
    part["rowid"] = rowid_name(table) is not None
    groups = [
        ("k", [quote(name) for name in key]),
        ("n", after),
        ("v", [quote(name) for name in part["columns"]]),
        ("b", [f"({expression})" if expression else "NULL" for expression in became]),
    ]
    part["rows"] = run_all(wire, copy_losses(table, PAYLOAD, part["payload"], groups, loss.where))
    return part


def _part(loss: Loss, key: tuple[str, ...], number: int) -> dict[str, Any]:
    return {
        "payload": f"lost{number}",
        "table": loss.table,
        "new_table": loss.new_table,
        "key": list(key),
        "new_key": list(loss.new_key) if key else [],
        "columns": [],
        "new_columns": [],
        "became": [],
        "moved_key": False,
        "sequence": None,
    }
