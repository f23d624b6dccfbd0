"""Statements that bring the rows of a backup's file to the state of the next difference of its chain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sodaf_migrate.dialects.sqlite.copies import numbered
from sodaf_migrate.schema.model import fold

__all__ = ["merge"]


def merge(about: Mapping[str, Any], matched: Sequence[int | None], before: int, alias: str) -> Iterator[str]:
    """The statements over main.rows (c0, …): ``alias`` holds ``gone`` and ``touched``.

    ``about`` is the manifest's ``table``; ``matched`` has for each of its columns the number of the column among the
    ``before`` ones there are now, None for one that is new.
    """
    columns = numbered("c", len(matched))
    if list(matched) != list(range(before)):
        yield from _reshape(columns, matched)
    names = ", ".join(columns)
    if about["rowid"]:
        yield f"DELETE FROM main.rows WHERE rowid IN (SELECT rowid FROM {alias}.gone)"
        yield (
            f"INSERT OR REPLACE INTO main.rows (rowid, {names}) SELECT rowid, {names} FROM {alias}.touched WHERE true"
        )
        return
    places = {fold(name): place for place, name in enumerate(about["columns"])}
    key = ", ".join(f"c{places[fold(name)]}" for name in about["key"])
    gone = ", ".join(numbered("k", len(about["key"])))
    yield (
        f"DELETE FROM main.rows WHERE ({key}) IN"
        f" (SELECT {gone} FROM {alias}.gone UNION ALL SELECT {key} FROM {alias}.touched)"
    )
    yield f"INSERT INTO main.rows ({names}) SELECT {names} FROM {alias}.touched"


def _reshape(columns: Sequence[str], matched: Sequence[int | None]) -> Iterator[str]:
    values = ["NULL" if number is None else f"c{number}" for number in matched]
    yield f"CREATE TABLE main.rows_now ({', '.join(columns)})"
    yield (f"INSERT INTO main.rows_now (rowid, {', '.join(columns)}) SELECT rowid, {', '.join(values)} FROM main.rows")
    yield "DROP TABLE main.rows"
    yield "ALTER TABLE main.rows_now RENAME TO rows"
