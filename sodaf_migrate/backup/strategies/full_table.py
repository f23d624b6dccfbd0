"""FULL of one table: its rows as a SQLite file, everything around it in the manifest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sodaf_migrate.backup.payload import PAYLOAD, ROWS, Payload, about_database, about_table, run_all, stored_objects
from sodaf_migrate.backup.scratch import Place, filled, scratch_file
from sodaf_migrate.backup.snapshot import Snapshot, ordinary_table
from sodaf_migrate.dialects.sqlite.copies import copy_rows, numbered, plain_columns, untyped_table
from sodaf_migrate.wire.attach import attached

__all__ = ["full_table"]


@contextmanager
def full_table(snapshot: Snapshot, name: str, *, folder: Place) -> Iterator[Payload]:
    """The payload of the table ``name`` while the block runs; the snapshot is not needed any more inside it.

    ``folder`` takes a scratch file without a name. The payload's table ``rows`` has a column c0, c1, … for each in
    the manifest's ``table.columns``, and the rowid of each row as its own. Raises BackupError, DatabaseError.
    """
    wire = snapshot.wire
    with scratch_file(folder) as scratch:
        with filled(folder), attached(wire, scratch.path, PAYLOAD):
            scratch.hide()
            with wire.atomic():
                table = ordinary_table(wire, name)
                about = about_table(wire, table)
                wire.run(untyped_table(PAYLOAD, ROWS, numbered("c", len(plain_columns(table)))))
                about["rows"] = run_all(wire, copy_rows(table, PAYLOAD, ROWS))
                manifest = {
                    "kind": "table",
                    **about_database(wire),
                    "table": about,
                    "schema": stored_objects(wire, table.name),
                }
        yield Payload(manifest, scratch.blocks(), {"rows": about["rows"]}, scratch.size)
