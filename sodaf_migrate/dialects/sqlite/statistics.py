"""What ANALYZE found: which rows a plan takes along, and which of them a way back brings back.

Only sqlite_stat1, which every library has. The samples of sqlite_stat4 go along with a table that is copied or renamed;
those of an index that had gone come with the next ANALYZE.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sodaf_migrate.compare.changes import SchemaDiff
from sodaf_migrate.dialects.sqlite.names import literal
from sodaf_migrate.schema.model import fold
from sodaf_migrate.wire.connection import Wire

__all__ = ["Counted", "carried_over", "coming_back", "counted", "renamed_along", "statistics_tables"]

#: A row of sqlite_stat1: table, index (None where the table has none), and what was counted.
Counted = tuple[str, str | None, str]


def statistics_tables(wire: Wire) -> tuple[str, ...]:
    """Those of SQLite's statistics tables that exist: a rebuild has to carry their rows over."""
    sql = "SELECT name FROM main.sqlite_schema WHERE name IN ('sqlite_stat1', 'sqlite_stat4') ORDER BY name"
    return tuple(row[0] for row in wire.query(sql))


def counted(wire: Wire, tables: Collection[str]) -> list[Counted]:
    """What ANALYZE found of ``tables``; [] where nobody called it."""
    if "sqlite_stat1" not in statistics_tables(wire):
        return []
    names = set(map(fold, tables))
    rows = wire.query("SELECT tbl, idx, stat FROM main.sqlite_stat1 ORDER BY tbl, idx")
    return [(table, index, stat) for table, index, stat in rows if fold(str(table)) in names]


def carried_over(old: str, new: str, existing: Iterable[str]) -> list[str]:
    """The statements that let the statistics of ``old`` stand under ``new``, which neither DROP nor RENAME does."""
    change = f"SET tbl = {literal(new)} WHERE tbl = {literal(old)}"
    return [f"UPDATE main.{name} {change}" for name in existing]


def renamed_along(old: str, new: str, existing: Iterable[str]) -> list[str]:
    """The same where the table itself is renamed, and with it the indexes that SQLite made for its constraints."""
    existing, own, later = tuple(existing), f"sqlite_autoindex_{old}_", f"sqlite_autoindex_{new}_"
    change = f"SET idx = {literal(later)} || substr(idx, {len(own) + 1})"
    mine = f"WHERE tbl = {literal(new)} AND substr(idx, 1, {len(own)}) = {literal(own)}"
    return [*carried_over(old, new, existing), *(f"UPDATE main.{name} {change} {mine}" for name in existing)]


def coming_back(diff: SchemaDiff, rows: Iterable[Sequence[str | None]]) -> list[tuple[str, str]]:
    """The statements that put back what was known of tables and indexes that come back, each with the one that takes
    it away; newer knowledge stays."""
    tables = {fold(change.new.name) for change in diff.tables if change.old is None and change.new is not None}
    indexes = {fold(change.new.name) for change in diff.indexes if change.new is not None}
    statements = []
    for table, index, stat in rows:
        own = fold(index or "")
        if fold(table or "") in tables or own in indexes or own.startswith("sqlite_autoindex_"):
            of, by, said = literal(table or ""), literal(index) if index is not None else "NULL", literal(stat or "")
            there = f"name = {by} AND tbl_name = {of}" if index is not None else f"name = {of}"
            up = (
                f"INSERT INTO main.sqlite_stat1 (tbl, idx, stat) SELECT {of}, {by}, {said}"
                f" WHERE EXISTS (SELECT 1 FROM main.sqlite_schema WHERE {there})"
                f" AND NOT EXISTS (SELECT 1 FROM main.sqlite_stat1 WHERE tbl = {of} AND idx IS {by})"
            )
            statements.append((up, f"DELETE FROM main.sqlite_stat1 WHERE tbl = {of} AND idx IS {by}"))
    return statements
