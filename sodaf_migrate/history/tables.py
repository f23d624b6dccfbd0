"""The tool's own tables: their names, their statements, and the version of their layout."""

from __future__ import annotations

from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.errors import HistoryError
from sodaf_migrate.history.record import COLUMNS
from sodaf_migrate.schema.model import fold
from sodaf_migrate.wire.connection import Wire

__all__ = [
    "CATALOGUE",
    "EVENT",
    "HISTORY",
    "LAYOUT",
    "SETTLED",
    "STATEMENTS",
    "TABLES",
    "check_layout",
    "create_tables",
    "is_internal",
]

#: Written into every event; a tool that knows only an older one must not touch these tables.
LAYOUT = 1

#: The catalogue of backups; the backups keep it, and like the history's tables it is no part of the schema.
CATALOGUE = "tabMigrationBackup"

TABLES = ("tabMigrationHistory", "tabMigrationEvent", "tabMigrationSettled", CATALOGUE, "tabMigrationStart")
# Named with their schema: a TEMP table of the same name must not stand before them.
HISTORY, EVENT, SETTLED = (f"main.{quote(name)}" for name in TABLES[:3])

_MUST = {"id": "TEXT PRIMARY KEY", **dict.fromkeys(("doctype", "version", "timestamp", "status"), "TEXT NOT NULL")}
_NUMBERS = dict.fromkeys(("execution_time", "affected_rows"), "INTEGER")
_EVENT_COLUMNS = ("seq", "timestamp", "kind", "migration_id", "doctype", "facts", "layout", "seal", "previous", "hash")

STATEMENTS = (
    f"CREATE TABLE IF NOT EXISTS {HISTORY} (\n  "
    + ",\n  ".join(f"{name} {_MUST.get(name) or _NUMBERS.get(name, 'TEXT')}" for name in (*COLUMNS, "checksum"))
    + "\n)",
    # AUTOINCREMENT, so that SQLite remembers how many there were when the newest are cut off.
    f"""CREATE TABLE IF NOT EXISTS {EVENT} (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  timestamp TEXT NOT NULL,
  kind TEXT NOT NULL,
  migration_id TEXT,
  doctype TEXT,
  facts TEXT NOT NULL,
  layout INTEGER NOT NULL,
  seal TEXT NOT NULL,
  previous TEXT NOT NULL,
  hash TEXT NOT NULL
)""",
    f"""CREATE TABLE IF NOT EXISTS {SETTLED} (
  doctype TEXT PRIMARY KEY,
  wish_digest TEXT NOT NULL,
  live_digest TEXT NOT NULL,
  standing TEXT
)""",
    'CREATE INDEX IF NOT EXISTS main."tabMigrationHistory_doctype" ON "tabMigrationHistory" (doctype)',
    'CREATE INDEX IF NOT EXISTS main."tabMigrationEvent_doctype" ON "tabMigrationEvent" (doctype)',
    """CREATE TRIGGER IF NOT EXISTS main."tabMigrationEvent_no_update" BEFORE UPDATE ON "tabMigrationEvent"
BEGIN SELECT RAISE(ABORT, 'events of the migration history are never changed'); END""",
    """CREATE TRIGGER IF NOT EXISTS main."tabMigrationEvent_no_delete" BEFORE DELETE ON "tabMigrationEvent"
BEGIN SELECT RAISE(ABORT, 'events of the migration history are never deleted'); END""",
)


def is_internal(table: str) -> bool:
    """Whether a table is the tool's own, and so no part of what is compared or reported."""
    return fold(table) in {fold(name) for name in TABLES}


def create_tables(wire: Wire) -> None:
    """Makes what is missing of the tables. Raises HistoryError when other tables have their names, or newer ones."""
    for sql in STATEMENTS:
        wire.run(sql)
    wanted = {TABLES[0]: {*COLUMNS, "checksum"}, TABLES[1]: set(_EVENT_COLUMNS)}
    for table, columns in wanted.items():
        found = {name for (name,) in wire.query("SELECT name FROM pragma_table_info(?, 'main')", (table,))}
        if not columns <= found:
            raise HistoryError(
                f'The table "{table}" is not the migration history that this version keeps',
                hint="Rename that table if it is yours; the history needs its name.",
                details={"missing": sorted(columns - found)},
            )
    check_layout(wire)


def check_layout(wire: Wire) -> None:
    """Raises HistoryError when the newest event was written by a tool with a newer layout than this one knows."""
    found = wire.value(f"SELECT layout FROM {EVENT} ORDER BY seq DESC LIMIT 1")
    if isinstance(found, int) and found > LAYOUT:
        raise HistoryError(
            f'The history has layout "{found}", and this version knows layouts up to "{LAYOUT}"',
            hint="Use the version of sodaf-migrate that wrote it, or a later one; nothing was changed.",
            details={"found": found, "known": LAYOUT},
        )
