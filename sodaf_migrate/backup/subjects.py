"""What a backup is of: a DocType's table, columns of it, or the whole database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sodaf_migrate import __version__
from sodaf_migrate.backup.catalogue import newest
from sodaf_migrate.backup.info import DATABASE_ID, ORDER
from sodaf_migrate.errors import BackupError
from sodaf_migrate.history.manager import MigrationHistoryManager
from sodaf_migrate.plan import Loss
from sodaf_migrate.schema.model import Table, fold
from sodaf_migrate.wire.connection import Wire

if TYPE_CHECKING:
    from sodaf_migrate.doctype.engine import DocTypeEngine

__all__ = ["Names", "Subject", "about_of", "columns_of", "marks_of"]

_PREFIX = "tab"
_TABLES = "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a backup is of: a DocType's table, or (``table`` None) the whole database; ``about`` needs no key.

    ``reason`` says what one was made before that nobody asked for: "before restore of …"; "" for any other.
    """

    doctype: str
    table: str | None
    migration_id: str | None = None
    reason: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def scope(self) -> str:
        return "database" if self.table is None else "table"


@dataclass(frozen=True, slots=True)
class Names:
    """Which table a DocType has, and whose a table is: by the definitions where they are at hand, else by its name."""

    engine: DocTypeEngine | None = None

    def subject(self, wire: Wire, name: str | None, *, reason: str = "") -> Subject:
        """The DocType or table of that name, without one the whole database. Raises BackupError where there is none."""
        table = None if name is None else self.table_of(wire, name)
        doctype = "" if table is None else self.doctype_of(table)
        return Subject(doctype=doctype, table=table, reason=reason, about=about_of(wire))

    def table_of(self, wire: Wire, name: str) -> str:
        """The table of a DocType, or the one that is itself called so. Raises BackupError when there is neither."""
        own = self._defined(name)
        for candidate in (own, name) if own is not None else (f"{_PREFIX}{name}", name):
            found = wire.value(_TABLES, (candidate,))
            if found is not None:
                return str(found)
        raise BackupError(
            f'"{name}" has no table in "{wire.name}"', hint="Check the name; DocTypes have tables once they are synced."
        )

    def doctype_of(self, name: str) -> str:
        """What the backups of a DocType or a table are listed under: the DocType, or the table where it has none."""
        if self.engine is not None:
            if name in self.engine:
                return name
            for doctype in self.engine.names():
                if fold(self._defined(doctype) or "") == fold(name):
                    return doctype
        plain = name.removeprefix(_PREFIX) or name
        return plain if self._defined(plain) is None else name  # that DocType has another table

    def all_of(self, name: str) -> tuple[str, ...]:
        """Everything that the backups of a DocType or a table may be listed under: definitions come and go."""
        doctype = self.doctype_of(name)
        return (name, doctype, self._defined(doctype) or doctype)

    def _defined(self, doctype: str) -> str | None:
        return self.engine.table_of(doctype) if self.engine is not None else None


def about_of(wire: Wire) -> dict[str, Any]:
    """What every backup tells without its key: the tool, the database, and how far its history went."""
    head = MigrationHistoryManager(wire).head()
    name = wire.path.name if wire.path is not None else ":memory:"
    return {"tool": __version__, "database": name, "history": {"count": head.count, "hash": head.hash}}


def marks_of(wire: Wire, now: datetime, fresh: str) -> dict[str, Any]:
    """What ``about`` tells of the next backup: a number that tells it from older ones, which no clock can set back, and
    the id of the database, which is that of its last backups and so moves along with their catalogue, or ``fresh``."""
    known = newest(wire)
    order = max([int(now.timestamp() * 1000), *(info.order + 1 for info in known)])
    return {ORDER: order, DATABASE_ID: next((info.database_id for info in known if info.database_id), fresh)}


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
