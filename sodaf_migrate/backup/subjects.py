"""What a backup is of: a DocType's table, columns of it, or the whole database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sodaf_migrate import __version__
from sodaf_migrate.errors import BackupError
from sodaf_migrate.history.manager import MigrationHistoryManager
from sodaf_migrate.plan import Loss
from sodaf_migrate.schema.model import Table
from sodaf_migrate.wire.connection import Wire

__all__ = ["Subject", "about_of", "columns_of", "doctype_of", "subject_of", "table_of"]

_PREFIX = "tab"
_TABLES = "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a backup is of: a DocType's table, or (``table`` None) the whole database; ``about`` needs no key."""

    doctype: str
    table: str | None
    migration_id: str | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def scope(self) -> str:
        return "database" if self.table is None else "table"


def subject_of(wire: Wire, doctype: str | None) -> Subject:
    """The DocType (or table) of that name, or without one the whole database. Raises BackupError for one without."""
    table = None if doctype is None else table_of(wire, doctype)
    return Subject(doctype=doctype_of(table or ""), table=table, about=about_of(wire))


def doctype_of(table: str) -> str:
    """What a table's backups are listed under: its DocType, or its own name where it has none."""
    return table.removeprefix(_PREFIX) or table


def about_of(wire: Wire) -> dict[str, Any]:
    """What every backup tells without its key: the tool, the database, and how far its history went."""
    head = MigrationHistoryManager(wire).head()
    name = wire.path.name if wire.path is not None else ":memory:"
    return {"tool": __version__, "database": name, "history": {"count": head.count, "hash": head.hash}}


def table_of(wire: Wire, doctype: str) -> str:
    """The table of a DocType, or the one that is itself called so. Raises BackupError when there is neither."""
    for name in (f"{_PREFIX}{doctype}", doctype):
        found = wire.value(_TABLES, (name,))
        if found is not None:
            return str(found)
    raise BackupError(
        f'"{doctype}" has no table in "{wire.name}"', hint="Check the name; DocTypes have tables once they are synced."
    )


def columns_of(table: Table, names: Sequence[str]) -> Loss:
    """Some columns of a table as something that is about to be lost. Raises BackupError for one that is not there."""
    for name in names:
        column = table.column(name)
        if column is None or column.generated is not None:
            what = "no column" if column is None else "nothing of its own in the generated column"
            raise BackupError(f'"{table.name}" has {what} "{name}"', hint="Check the names of the columns.")
    if not names:
        raise BackupError(f'No column of "{table.name}" was named', hint="Name at least one, or back up the table.")
    key = table.primary_key.columns if table.primary_key is not None else ()
    columns = tuple(found.name for name in names if (found := table.column(name)) is not None)
    return Loss(table=table.name, columns=columns, became=("",) * len(columns), key=key)
