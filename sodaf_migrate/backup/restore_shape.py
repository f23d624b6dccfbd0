"""How the rows of a backup fit the table that is there now, or make one that is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sodaf_migrate.dialects.sqlite.copies import has_null_keys, has_signs, plain_columns
from sodaf_migrate.dialects.sqlite.ddl import rename_table_text
from sodaf_migrate.dialects.sqlite.inspect import read_schema
from sodaf_migrate.dialects.sqlite.missing_rows import live_values, same_row
from sodaf_migrate.dialects.sqlite.names import in_main
from sodaf_migrate.dialects.sqlite.restores import differing
from sodaf_migrate.dialects.sqlite.rowid import rowid_name
from sodaf_migrate.errors import BackupError, StatementError
from sodaf_migrate.history.tables import TABLES
from sodaf_migrate.schema.model import Table, fold
from sodaf_migrate.wire.connection import Wire

__all__ = ["Fit", "create_around", "create_table", "fit", "there"]


@dataclass(frozen=True, slots=True)
class Fit:
    """``columns`` maps the live columns that the backup has to its own (c0, …); ``matching`` and ``differs`` are
    conditions over a row ``p`` of the backup and a live row ``t``."""

    table: Table
    columns: dict[str, str]
    matching: str
    differs: str
    missing: tuple[str, ...]
    added: tuple[str, ...]
    unfilled: tuple[str, ...]  # those of them that a new row may not leave out
    notes: tuple[str, ...] = ()


def there(wire: Wire, name: str) -> Table | None:
    """The table into which rows are to be restored, None where it has to be made. Raises BackupError where neither
    can be: for a name that no table may have, or that something else has, and for the tables of the engine itself."""
    if fold(name) in {fold(own) for own in TABLES}:
        raise BackupError(
            f'"{name}" is a table of this tool, which comes back with the whole database only',
            hint="Restore the whole database, or this table into another name.",
        )
    if not name or "\0" in name or fold(name).startswith("sqlite_"):
        raise BackupError(f"{name!r} cannot be the name of a table", hint="Give another name to restore into.")
    live = read_schema(wire, around=(name,)).table(name)
    kind = "SELECT iif(type = 'table', 'virtual table', type) FROM main.sqlite_schema WHERE name = ? COLLATE NOCASE"
    other = wire.value(f"{kind} AND type <> 'trigger'", (name,)) if live is None else None
    if other is not None:
        raise BackupError(
            f'"{name}" is {"an" if other == "index" else "a"} {other} in "{wire.name}", so no rows are restored there',
            hint="Rename or drop that one first, or give another name to restore into.",
        )
    return live


def fit(wire: Wire, live: Table, manifest: Mapping[str, Any], source: str) -> Fit:
    """How the payload ``source`` fits ``live``. Raises BackupError where no row can be told from another."""
    about = manifest["table"]
    columns = live_values(live, about["columns"], "c")
    matching, notes = _matching(wire, live, about, columns, source)
    known = {fold(name) for name in about["columns"]}
    added = [column for column in plain_columns(live) if fold(column.name) not in known]
    key = {fold(name) for name in live.primary_key.columns} if live.primary_key is not None else set()
    return Fit(
        table=live,
        columns=columns,
        matching=matching,
        differs=differing(live, columns, signs=has_signs(wire)),
        missing=tuple(name for name in about["columns"] if _taker(live, name) is None),
        added=tuple(column.name for column in added),
        unfilled=tuple(c.name for c in added if c.not_null and c.default is None and fold(c.name) not in key),
        notes=notes,
    )


def _taker(live: Table, name: str) -> str | None:
    column = live.column(name)
    return column.name if column is not None and column.generated is None else None


def _matching(
    wire: Wire, live: Table, about: Mapping[str, Any], columns: dict[str, str], source: str
) -> tuple[str, tuple[str, ...]]:
    key = live.primary_key.columns if live.primary_key is not None else ()
    held = {name: columns[stored] for name in key if (stored := _taker(live, name)) in columns and stored is not None}
    rowids = about["rowid"] and rowid_name(live) is not None
    if key and len(held) == len(key):
        empty = " OR ".join(f"{name} IS NULL" for name in held.values())
        nulls = wire.value(f"SELECT EXISTS (SELECT 1 FROM {source} WHERE {empty})")
        if not (rowids and (nulls or wire.value(has_null_keys(live, key)))):
            matching = same_row(live, held, rowid=False)
            assert matching is not None
            return matching, ()
    matching = same_row(live, {}, rowid=rowids)
    if matching is None:
        raise BackupError(
            f'The rows of "{live.name}" cannot be matched with those of the backup: no key and no rowid is in both',
            hint="Restore into another table.",
        )
    notes = ("rows are matched by rowid, for their key does not tell them apart",) if key else ()
    return matching, notes


def create_table(wire: Wire, manifest: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Creates the table of the backup under ``name``; gives what one should know. Raises StatementError."""
    text = next(item["sql"] for item in manifest["schema"] if item["type"] == "table")
    own = manifest["table"]["name"]
    wire.run(text if own == name else rename_table_text(text, name))
    return ()


def create_around(wire: Wire, manifest: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Creates the indexes and triggers that stood around a table that was created anew; tells of those left out."""
    left_out = []
    notes: list[str] = []
    for item in manifest["schema"]:
        if item["type"] == "table":
            continue
        taken = wire.value("SELECT count(*) FROM main.sqlite_schema WHERE name = ? COLLATE NOCASE", (item["name"],))
        if taken or manifest["table"]["name"] != name:
            left_out.append(f'{item["type"]} "{item["name"]}"')
            continue
        try:
            wire.run(in_main(item["sql"]))
        except StatementError as error:
            notes.append(f'{item["type"]} "{item["name"]}" was not made: {error.details.get("reason")}')
    if left_out:
        notes.append(f"not made, for their names belong to the other table: {', '.join(left_out)}")
    return tuple(notes)
