"""A restore that is only to prove that it can be done: into a scratch database, where all is compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sodaf_migrate.backup.chain import attached_payload
from sodaf_migrate.backup.check import Found
from sodaf_migrate.backup.payload import PAYLOAD, Link, stored_objects
from sodaf_migrate.backup.restore import compared, restore_table
from sodaf_migrate.backup.restore_database import database_wire
from sodaf_migrate.backup.scratch import Place, scratch_file
from sodaf_migrate.dialects.sqlite.soundness import damage
from sodaf_migrate.errors import ConstraintError, DiskFullError, MigrationError, StatementError
from sodaf_migrate.wire.connection import OnConnect, Wire
from sodaf_migrate.wire.open import scratch_wire

__all__ = ["rehearse"]


def rehearse(links: Sequence[Link], folder: Place, found: Found, on_connect: OnConnect | None = None) -> None:
    """Adds to ``found`` what is wrong with the last backup of a chain when it is restored.

    The scratch database is in a file without a name in ``folder``. SQLite's own quick_check, the stored statements,
    and every row are compared; so is the number of rows. Where SQLite lacks a function or collation that ``on_connect``
    would have to bring, or room, nothing is known against the backup: that is a problem, and no damage.
    """
    try:
        wrong = _wrong(links, folder, on_connect)
        found.damaged |= bool(wrong)
    except (StatementError, DiskFullError) as error:
        wrong = (f"it could not be tried: {error.message}",)
        found.damaged |= isinstance(error, ConstraintError)
    except MigrationError as error:
        wrong = (error.message,)
        found.damaged = True
    found.problems += wrong


def _wrong(links: Sequence[Link], folder: Place, on_connect: OnConnect | None) -> tuple[str, ...]:
    kind = str(links[-1].source.manifest["kind"])
    if kind == "schema":
        return ()
    if kind.startswith("database"):
        with database_wire(links, folder, on_connect) as wire:
            return tuple(_of_database(wire, links[-1]))
    encoding = str(links[-1].source.manifest["encoding"])
    with (
        scratch_file(folder) as scratch,
        scratch_wire(scratch.path, encoding=encoding, on_connect=on_connect) as wire,
    ):
        scratch.hide()
        return tuple(_of_values(wire, links[-1], folder) if kind == "column" else _of_table(wire, links, folder))


def _of_database(wire: Wire, link: Link) -> Iterator[str]:
    yield from _check(wire)
    if stored_objects(wire) != link.source.manifest["schema"]:
        yield "the restored schema is not the one that was backed up"


def _of_table(wire: Wire, links: Sequence[Link], folder: Place) -> Iterator[str]:
    manifest = links[-1].source.manifest
    rows = manifest["table"]["rows"]
    report = restore_table(wire, links, folder=folder, allow_orphans=True)
    if report.inserted != rows:
        yield f"{report.inserted} rows were restored where {rows} were backed up"
    again = compared(wire, links, folder=folder)
    if (again.unchanged, again.overwritten, again.inserted) != (rows, 0, 0):
        yield f"{again.overwritten + again.inserted} restored rows are not as they were backed up"
    yield from _check(wire)


def _of_values(wire: Wire, link: Link, folder: Place) -> Iterator[str]:
    with attached_payload(wire, link, folder):
        for part in link.source.manifest["parts"]:
            found = wire.value(f"SELECT count(*) FROM {PAYLOAD}.{part['payload']}")
            if found != part["rows"]:
                yield f'{found} rows of "{part["table"]}" are there where {part["rows"]} were backed up'


def _check(wire: Wire) -> Iterator[str]:
    """What is wrong with the file."""
    found = damage(str(row[0]) for row in wire.query("PRAGMA quick_check(10)"))  # first the pages, then the rows
    if found:
        yield f"SQLite finds the restored database damaged: {'; '.join(found)}"
