"""What a database holds, as one value, and whether that is the old state or the new: nothing is read by the engine."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import dataclass
from typing import Literal

from sodaf_migrate.dialects.sqlite.soundness import damage

__all__ = ["HISTORY", "State", "assert_old_or_new", "state_of"]

#: The tables in which the engine keeps its own records: they differ from one run to the next.
HISTORY = (
    "tabMigrationHistory",
    "tabMigrationEvent",
    "tabMigrationSettled",
    "tabMigrationBackup",
    "tabMigrationStart",
)

OnConnect = Callable[[sqlite3.Connection], None]


@dataclass(frozen=True, slots=True)
class State:
    """A database as digests of its parts: the schema's texts, and of each table every value with its type and rowid."""

    parts: dict[str, str]

    def difference(self, other: State) -> tuple[str, ...]:
        """The names of the parts that are not the same."""
        return tuple(
            sorted(name for name in {*self.parts, *other.parts} if self.parts.get(name) != other.parts.get(name))
        )


def state_of(
    path: str | os.PathLike[str], *, skip: Collection[str] = HISTORY, on_connect: OnConnect | None = None
) -> State:
    """All that the database holds, but for the tables ``skip``. Opens it as any program would, so that it recovers.

    Raises AssertionError when ``PRAGMA integrity_check`` finds damage; a row that keeps no rule of its table is none,
    and differs from one that does. No other connection of this process should
    be in the middle of something; ``on_connect`` gives the connection the site's collations and functions.
    """
    with closing(sqlite3.connect(f"file:{_quoted(path)}?mode=rw", uri=True, isolation_level=None)) as connection:
        if on_connect is not None:
            on_connect(connection)
        connection.text_factory = bytes
        try:
            found = [row[0].decode(errors="replace") for row in connection.execute("PRAGMA integrity_check")]
            wrong = damage(found)
            assert not wrong, f"{path} is damaged: {'; '.join(wrong[:5])}"
            connection.execute("BEGIN")
            parts = _parts(connection, {name.lower() for name in skip})
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # the driver decodes SQLite's message strictly
            raise AssertionError(f"{path} cannot be read: {error}") from error
        connection.execute("ROLLBACK")
    return State(parts)


def assert_old_or_new(
    path: str | os.PathLike[str],
    old: State,
    new: State,
    *,
    skip: Collection[str] = HISTORY,
    on_connect: OnConnect | None = None,
) -> Literal["old", "new"]:
    """Which of the two states the database is in. Raises AssertionError when it is damaged or in neither.

    ``old`` and ``new`` must differ, and come from ``state_of`` with the same ``skip``.
    """
    assert old != new, "the old state and the new one are the same: nothing could be told apart"
    found = state_of(path, skip=skip, on_connect=on_connect)
    if found == old:
        return "old"
    assert found == new, (
        f"{path} is neither old nor new: not as before in {', '.join(found.difference(old))};"
        f" not as after in {', '.join(found.difference(new))}"
    )
    return "new"


def _parts(connection: sqlite3.Connection, skip: set[str]) -> dict[str, str]:
    schema = [
        row
        for row in connection.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name, tbl_name"
        )
        if row[2].decode(errors="replace").lower() not in skip and not row[1].startswith(b"sqlite_")
    ]
    parts = {
        f"{kind.decode(errors='replace')} {name.decode(errors='replace')}": _digest([sql])
        for kind, name, _, sql in schema
    }
    for name, rowid_name in _tables(connection):
        if name.lower() not in skip and (rows := _rows(connection, name, rowid_name, skip)) is not None:
            parts[f"rows of {name}"] = rows
    return parts


def _tables(connection: sqlite3.Connection) -> list[tuple[str, str | None]]:
    """Every table that holds rows (not a virtual one), with a name by which its rowid can be asked for."""
    listed = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 ORDER BY name")
    return [
        (row[0].decode(errors="replace"), _rowid_name(connection, row[0].decode(errors="replace")))
        for row in listed.fetchall()
    ]


def _rowid_name(connection: sqlite3.Connection, table: str) -> str | None:
    columns = {
        row[1].decode(errors="replace").lower() for row in connection.execute(f"PRAGMA table_xinfo({_name(table)})")
    }
    for word in ("rowid", "_rowid_", "oid"):
        if word not in columns:
            try:
                connection.execute(f"SELECT {word} FROM {_name(table)} LIMIT 0")
            except sqlite3.OperationalError:
                return None  # a table WITHOUT ROWID
            return word
    return None


def _rows(connection: sqlite3.Connection, table: str, rowid: str | None, skip: set[str]) -> str | None:
    columns = [
        row[1].decode(errors="replace")
        for row in connection.execute(f"PRAGMA table_xinfo({_name(table)})")
        if row[6] != 1
    ]
    wanted = ", ".join(f"typeof({_name(column)}), {_name(column)}" for column in columns)
    where = ""
    if table in ("sqlite_sequence", "sqlite_stat1", "sqlite_stat4"):
        wanted, rowid = _name(columns[0]) + ", " + wanted, None  # whose lines they are decides, not where they stand
        own = ", ".join("'" + name.replace("'", "''") + "'" for name in skip)
        where = f" WHERE lower({_name(columns[0])}) NOT IN ({own})"
    wanted = f"{rowid}, {wanted}" if rowid else wanted
    rows = connection.execute(f"SELECT {wanted} FROM {_name(table)}{where}")
    lines = [repr(row) for row in rows]
    if not lines and table.startswith("sqlite_"):
        return None  # SQLite makes such a table when it first needs it, and never takes it away
    return _digest(lines if rowid else sorted(lines))


def _digest(values: list[object] | list[str]) -> str:
    return hashlib.blake2b(repr(values).encode(), digest_size=16).hexdigest()


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quoted(path: str | os.PathLike[str]) -> str:
    from urllib.parse import quote

    return quote(os.path.abspath(os.fspath(path)))
