"""Lost values put back into the live tables: what was changed or inserted since keeps what it has.

The order of a way back is: attach the payload (``chain.attached_payload``), begin, ``mark_untouched``, the reverse
change, ``refill``, commit, detach. The marks have to be set while the tables still have the types of the change:
whether a value is still what the change put there cannot be told once it has been converted again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sodaf_migrate.backup.payload import PAYLOAD, run_all
from sodaf_migrate.dialects.sqlite.inspect import read_schema
from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.dialects.sqlite.quiet import without_triggers
from sodaf_migrate.dialects.sqlite.refills import (
    count_marks,
    insert_rows,
    live_values,
    make_marks,
    mark_rows,
    mark_values,
    raise_sequence,
    same_row,
    update_values,
)
from sodaf_migrate.dialects.sqlite.rowid import rowid_name
from sodaf_migrate.schema.model import Table, fold
from sodaf_migrate.wire.connection import Wire

__all__ = ["RefillReport", "mark_untouched", "refill"]

Part = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefillReport:
    """What came back: ``values`` into rows that are there, whole ``rows`` inserted.

    ``conflicts`` counts values that were changed since, and rows whose key (or another unique value) a row has that
    came since: both keep what they have now. ``gone`` counts rows whose values found no row any more. ``notes`` says
    what else a reader should know.
    """

    values: int = 0
    rows: int = 0
    conflicts: int = 0
    gone: int = 0
    notes: tuple[str, ...] = ()


def mark_untouched(wire: Wire, manifest: Mapping[str, Any], *, alias: str = PAYLOAD) -> None:
    """Remembers in TEMP tables, for ``refill``, which rows still hold what the change put there.

    To be called in the transaction, before the reverse change, with the payload of ``lost_values`` attached.
    """
    for place, part in enumerate(manifest["parts"]):
        _drop_marks(wire, place)
        if part["columns"]:
            _mark_after(wire, part, place, alias)


def refill(wire: Wire, manifest: Mapping[str, Any], *, alias: str = PAYLOAD) -> RefillReport:
    """Puts back what ``manifest`` of ``lost_values`` lists, after the reverse change, in the same transaction.

    No trigger fires; foreign keys have to be off, as they are in a migration. Where ``mark_untouched`` was not called
    a row is untouched when its value equals what the change put there, as the column's type has it now.
    """
    parts = list(enumerate(manifest["parts"]))
    # A part that brings keys back goes last: until then the others find their rows by the keys there are.
    parts.sort(key=lambda item: bool(set(map(fold, item[1]["columns"])) & set(map(fold, item[1]["key"]))))
    reports = []
    for place, part in parts:
        table = _table(wire, part["table"])
        if table is None:
            reports.append(RefillReport(gone=part["rows"], notes=(f'there is no table "{part["table"]}"',)))
        elif part["columns"]:
            reports.append(_values(wire, table, part, place, alias))
        else:
            reports.append(_rows(wire, table, part, place, alias))
        _drop_marks(wire, place)
    return _sum(reports)


# Values.


def _mark_after(wire: Wire, part: Part, place: int, alias: str) -> None:
    """Marks in the names after the change; where there is nothing to compare, none are set."""
    if not part["new_table"]:
        table = _table(wire, part["table"])
        if table is not None and all(table.column(name) is not None for name in part["columns"]):
            # Somebody has made the dropped column again: what he put there is his.
            _mark(wire, table, part, place, alias, part["columns"], part["key"], "k", ["null"] * len(part["columns"]))
        return
    table = _table(wire, part["new_table"])
    names = part["new_columns"]
    if table is None or any(table.column(name) is None for name in names):
        return
    rules = ["became" if became else "always" for became in part["became"]]
    _mark(wire, table, part, place, alias, names, part["new_key"], "n" if part["moved_key"] else "k", rules)


def _mark(
    wire: Wire,
    table: Table,
    part: Part,
    place: int,
    alias: str,
    columns: list[str],
    key: list[str],
    letter: str,
    rules: list[str],
) -> None:
    matching = same_row(table, _numbered(key, letter), rowid=part["rowid"])
    wire.run(make_marks(_marks(place), len(columns)))
    if matching is not None:
        run_all(wire, mark_values(table, _marks(place), f"{alias}.{part['payload']}", matching, columns, rules))


def _values(wire: Wire, table: Table, part: Part, place: int, alias: str) -> RefillReport:
    columns = part["columns"]
    if any(table.column(name) is None for name in columns):
        missing = [name for name in columns if table.column(name) is None]
        return RefillReport(gone=part["rows"], notes=tuple(f'"{table.name}" has no column "{n}"' for n in missing))
    letter = "n" if part["moved_key"] else "k"
    if not _has_marks(wire, place):
        rules = ["became" if became else "always" for became in part["became"]]
        _mark(wire, table, part, place, alias, columns, part["key"], letter, rules)
    keys = _numbered(part["key"], letter)
    matching = same_row(table, keys, rowid=part["rowid"], held="p.p")
    live = rowid_name(table)
    if live is not None and wire.value(f"SELECT count(r) = count(*) FROM temp.{_marks(place)}"):
        matching = f"t.{live} = p.r"
    there, values, conflicts = wire.row(count_marks(_marks(place), len(columns))) or (0, 0, 0)
    if matching is not None and values:
        with without_triggers(wire, table.name):
            source = f"{alias}.{part['payload']}"
            wire.run(update_values(table, _marks(place), source, matching, list(keys.values()), columns))
    return RefillReport(values=values, conflicts=conflicts, gone=part["rows"] - there)


# Whole rows.


def _rows(wire: Wire, table: Table, part: Part, place: int, alias: str) -> RefillReport:
    source, marks = f"{alias}.{part['payload']}", _marks(place)
    columns = live_values(table, part["values"], "v")
    missing = [name for name in part["values"] if table.column(name) is None]
    wire.run(make_marks(marks, 0))
    key_is_there = _same_key(table, part)
    there = f"SELECT 1 FROM main.{quote(table.name)} AS t WHERE {key_is_there}" if key_is_there is not None else None
    wire.run(mark_rows(table, marks, source, there))
    with without_triggers(wire, table.name):
        rows = sum(
            run_all(
                wire, insert_rows(table, marks, source, columns, rowids=part["rowid"], taken=taken, conflict="IGNORE")
            )
            for taken in (False, True)
        )
    key = table.primary_key
    if key is not None and key.autoincrement and part["sequence"] is not None:
        for sql in raise_sequence(table, part["sequence"]):
            wire.run(sql)
    notes = tuple(f'"{table.name}" has no column "{name}" any more' for name in missing)
    return RefillReport(rows=rows, conflicts=part["rows"] - rows, notes=notes)


def _same_key(table: Table, part: Part) -> str | None:
    """The condition that ``t`` has the key of ``p``; None where there is no key but the rowid, which may be reused."""
    held = {fold(name): f"v{place}" for place, name in enumerate(part["values"])}
    if any(fold(name) not in held for name in part["key"]):
        return None
    return same_row(table, {name: held[fold(name)] for name in part["key"]}, rowid=False)


# What all need.


def _table(wire: Wire, name: str) -> Table | None:
    return read_schema(wire, around=(name,)).table(name)


def _numbered(names: Iterable[str], letter: str) -> dict[str, str]:
    return {name: f"{letter}{place}" for place, name in enumerate(names)}


def _marks(place: int) -> str:
    return f"sodaf_marks{place}"


def _has_marks(wire: Wire, place: int) -> bool:
    return bool(wire.value("SELECT count(*) FROM sqlite_temp_schema WHERE name = ?", (_marks(place),)))


def _drop_marks(wire: Wire, place: int) -> None:
    if _has_marks(wire, place):
        wire.run(f"DROP TABLE temp.{_marks(place)}")


def _sum(reports: Iterable[RefillReport]) -> RefillReport:
    found = list(reports)
    return RefillReport(
        values=sum(report.values for report in found),
        rows=sum(report.rows for report in found),
        conflicts=sum(report.conflicts for report in found),
        gone=sum(report.gone for report in found),
        notes=tuple(note for report in found for note in report.notes),
    )
