"""INCREMENTAL of one table: rows that the parent has otherwise or not at all, and the keys of those that are gone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sodaf_migrate.backup.chain import attached_rows
from sodaf_migrate.backup.payload import (
    GONE,
    PAYLOAD,
    ROWS,
    TOUCHED,
    Link,
    Payload,
    about_database,
    about_table,
    run_all,
    stored_objects,
)
from sodaf_migrate.backup.scratch import Place, filled, scratch_file
from sodaf_migrate.backup.snapshot import Snapshot, ordinary_table
from sodaf_migrate.dialects.sqlite.copies import (
    copy_gone_rows,
    copy_touched_rows,
    has_signs,
    index_rows,
    numbered,
    plain_columns,
    untyped_table,
)
from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.dialects.sqlite.rowid import rowid_name
from sodaf_migrate.errors import BackupError
from sodaf_migrate.schema.model import Table, fold
from sodaf_migrate.wire.attach import attached
from sodaf_migrate.wire.connection import Wire

__all__ = ["changed_rows", "why_no_difference"]

_PARENT = "sodaf_parent"


@contextmanager
def changed_rows(snapshot: Snapshot, name: str, links: Sequence[Link], *, folder: Place) -> Iterator[Payload]:
    """The payload of what changed in ``name`` since the last of the chain ``links`` while the block runs.

    The payload's tables are ``touched``, whole rows as in a FULL one, and ``gone``: the rowid of each row that is no
    more, or (k0, …) its primary key in a table without rowids. Raises BackupError where ``why_no_difference`` gives a
    reason, BackupDamagedError for the chain, DatabaseError.
    """
    wire = snapshot.wire
    with scratch_file(folder) as scratch:
        with (
            filled(folder),
            attached(wire, scratch.path, PAYLOAD),
            attached_rows(wire, links, folder, alias=_PARENT),
        ):
            scratch.hide()
            with wire.atomic():
                manifest = _compare(wire, ordinary_table(wire, name), links[-1].source.manifest)
        counts = {"rows": manifest["table"]["rows"], TOUCHED: manifest[TOUCHED], GONE: manifest[GONE]}
        yield Payload(manifest, scratch.blocks(), counts, scratch.size)


def why_no_difference(table: Table, parent: Mapping[str, Any]) -> str:
    """Why only a full backup can follow on the parent's manifest; "" when a difference can."""
    about = parent["table"]
    if fold(about["name"]) != fold(table.name):
        return f'the parent is of the table "{about["name"]}"'
    if rowid_name(table) is None and not table.without_rowid:
        return "its columns use all of rowid, _rowid_ and oid as names"
    if about["rowid"] != (rowid_name(table) is not None) or about["without_rowid"] != table.without_rowid:
        return "rows were not told apart by the same thing then"
    key = table.primary_key.columns if table.primary_key is not None else ()
    if table.without_rowid and [fold(name) for name in about["key"]] != [fold(name) for name in key]:
        return "its primary key was another one then"
    return ""


def _compare(wire: Wire, table: Table, parent: Mapping[str, Any]) -> dict[str, Any]:
    reason = why_no_difference(table, parent)
    if reason:
        raise BackupError(f'"{table.name}" needs a full backup: {reason}', hint="Make a full backup.")
    about = about_table(wire, table)
    then = {fold(name): place for place, name in enumerate(parent["table"]["columns"])}
    matched = [then.get(fold(name)) for name in about["columns"]]
    old = (_PARENT, ROWS)
    index = index_rows(table, old, matched)
    if index is not None:
        wire.run(index)
    wire.run(untyped_table(PAYLOAD, TOUCHED, numbered("c", len(plain_columns(table)))))
    signs = has_signs(wire)
    touched = run_all(wire, copy_touched_rows(table, PAYLOAD, TOUCHED, old, matched, signs=signs))
    made, filled = copy_gone_rows(table, PAYLOAD, GONE, old, matched)
    wire.run(made)
    gone = wire.run(filled)
    about["rows"] = wire.value(f"SELECT count(*) FROM main.{quote(table.name)}")
    return {
        "kind": "table difference",
        **about_database(wire),
        "table": about,
        "matched": matched,
        TOUCHED: touched,
        GONE: gone,
        "schema": stored_objects(wire, table.name),
    }
