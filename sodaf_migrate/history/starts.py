"""What was found in step at an application's last start, so that the next one need not look.

It stands alone, without the rest of the history: an application asks it at every start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sodaf_migrate.wire.connection import Wire

__all__ = ["CREATE", "LOOK", "STARTS", "Start", "remember"]

STARTS = 'main."tabMigrationStart"'

CREATE = f"""CREATE TABLE IF NOT EXISTS {STARTS} (
  source TEXT PRIMARY KEY,
  stamp TEXT NOT NULL,
  content TEXT NOT NULL,
  setting TEXT NOT NULL,
  schema_version INTEGER NOT NULL
)"""

_VERSION = "PRAGMA main.schema_version"

#: The query for what was kept about one source, with the schema version that the database has now.
LOOK = f"SELECT s.*, v.schema_version FROM {STARTS} AS s, pragma_schema_version AS v WHERE s.source = ?"

#: Each release of an application may bring its definitions in a folder of its own.
_KEPT = 16


class Start(NamedTuple):
    """The definitions of ``source`` (their folders) and the database were in step when both looked like this.

    ``stamp`` tells the files by their outside, ``content`` by what is in them; ``setting`` is what else counts.
    """

    source: str
    stamp: str
    content: str
    setting: str
    schema_version: int


def remember(wire: Wire, start: Start) -> bool:
    """Keep ``start`` unless the schema has changed since; whether it was kept."""
    with wire.atomic():
        if wire.value(_VERSION) != start.schema_version:
            return False
        wire.run(CREATE)
        wire.run(f"DELETE FROM {STARTS} WHERE source = ?", (start.source,))
        values = (start.source, start.stamp, start.content, start.setting, wire.value(_VERSION))
        wire.run(f"INSERT INTO {STARTS} VALUES (?, ?, ?, ?, ?)", values)
        # Making the table was a change of the schema too, and none of those that others have to look at.
        wire.run(f"UPDATE {STARTS} SET schema_version = ? WHERE schema_version = ?", (values[-1], start.schema_version))
        newest = f"SELECT rowid FROM {STARTS} ORDER BY rowid DESC LIMIT {_KEPT}"
        wire.run(f"DELETE FROM {STARTS} WHERE rowid NOT IN ({newest})")
        return True
