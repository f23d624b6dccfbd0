"""Comparing snapshots: each difference one sentence that names where it is and what both sides say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from tests.oracle.facts import CATEGORIES, Address, Snapshot
from tests.oracle.tokens import fold, spell

#: What ``ignore`` may name: the categories of facts, and the case in which names are declared.
IGNORABLE = (*CATEGORIES, "name_case")

_NOTHING = object()
_ROW_CATEGORIES = ("row", "sequence")
_LIMIT = 50


def difference(
    a: Snapshot, b: Snapshot, *, ignore_column_order: bool = False, ignore: Collection[str] = ()
) -> list[str]:
    """In which facts ``a`` and ``b`` differ, a sentence each, at most 50; [] when equal. Raises ValueError for an
    unknown word in ``ignore`` (see IGNORABLE)."""
    unknown = set(ignore) - set(IGNORABLE)
    if unknown:
        raise ValueError(f"cannot ignore {sorted(unknown)}; known: {IGNORABLE}")
    left_out = set(ignore) | ({"order"} if ignore_column_order else set())
    old, new = (_chosen(side.facts, left_out) for side in (a, b))
    found = [
        _sentence(address, old.get(address, _NOTHING), new.get(address, _NOTHING))
        for address in sorted(old.keys() | new.keys(), key=_sort_key)
        if old.get(address, _NOTHING) != new.get(address, _NOTHING)
    ]
    return found if len(found) <= _LIMIT else [*found[:_LIMIT], f"… and {len(found) - _LIMIT} more"]


def schema_difference(
    a: Snapshot, b: Snapshot, *, ignore_column_order: bool = False, ignore: Collection[str] = ()
) -> list[str]:
    """``difference`` of the schemas alone: no rows, sequence, statistics or pragmas of the file."""
    left_out = {*ignore, *_ROW_CATEGORIES, "statistics", "file"}
    return difference(a, b, ignore_column_order=ignore_column_order, ignore=left_out)


def rows_difference(a: Snapshot, b: Snapshot) -> list[str]:
    """``difference`` of rows and sqlite_sequence alone."""
    return difference(a, b, ignore=[category for category in CATEGORIES if category not in _ROW_CATEGORIES])


def rows_kept(
    before: Snapshot,
    after: Snapshot,
    columns: Mapping[str, Iterable[str]],
    renames: Mapping[tuple[str, ...], str] | None = None,
) -> list[str]:
    """Which values of ``columns`` (by table, as named before) ``after`` no longer has, a sentence each.

    ``renames`` maps ("table",) and ("table", "column") as named before to the name after. Rows are matched by rowid
    where both sides have one (unless the column that is the rowid changed), else as a multiset of their values.
    """
    renames = renames or {}
    found: list[str] = []
    for table, kept in columns.items():
        new_table = renames.get((table,), table)
        pairs = [(column, renames.get((table, column), column)) for column in kept]
        old = _projected(before, table, [column for column, _ in pairs])
        new = _projected(after, new_table, [column for _, column in pairs])
        alias = before.facts.get(("table", table, "rowid alias"))
        new_alias = after.facts.get(("table", new_table, "rowid alias"))
        same_rowids = new_alias is None or renames.get((table, alias), alias) == new_alias
        if same_rowids and _by_rowid(old) and _by_rowid(new):
            found += _matched(table, old, new)
        else:
            found += _counted(table, old.values(), new.values())
    return found


def _projected(side: Snapshot, table: str, columns: list[str]) -> dict[Any, tuple[Any, ...]]:
    rows: dict[Any, dict[str, Any]] = {}
    for address, value in side.facts.items():
        if address[0] == "row" and address[1] == table:
            rows.setdefault(address[2], {})[address[3]] = value
    return {key: tuple(row.get(column, "no such column") for column in columns) for key, row in rows.items()}


def _by_rowid(rows: Mapping[Any, Any]) -> bool:
    return all(isinstance(key, int) for key in rows)


def _matched(table: str, old: Mapping[Any, Any], new: Mapping[Any, Any]) -> list[str]:
    return [
        f'rows of "{table}": rowid {key} held {_said(old.get(key))}, now holds {_said(new.get(key))}'
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]


def _counted(table: str, old: Iterable[Any], new: Iterable[Any]) -> list[str]:
    before, after = Counter(old), Counter(new)
    lost = [f'rows of "{table}": {_said(row)} was there {count} times more' for row, count in (before - after).items()]
    return lost + [f'rows of "{table}": {_said(row)} came {count} times' for row, count in (after - before).items()]


def _chosen(facts: Mapping[Address, Any], left_out: set[str]) -> dict[Address, Any]:
    chosen = {address: fact for address, fact in facts.items() if address[0] not in left_out}
    if "name_case" in left_out:
        return {_folded(address): _folded(fact) if address[0] != "row" else fact for address, fact in chosen.items()}
    return chosen


def _folded(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_folded(item) for item in value)
    return fold(value) if isinstance(value, str) else value


def _sort_key(address: Address) -> tuple[str, ...]:
    return tuple(f"{part:020}" if isinstance(part, int) else repr(part) for part in address)


def _sentence(address: Address, old: Any, new: Any) -> str:
    where = " ".join(str(part) for part in address)
    if old is _NOTHING:
        return f"{where}: came, {_said(new)}"
    if new is _NOTHING:
        return f"{where}: gone, was {_said(old)}"
    return f"{where}: {_said(old)} became {_said(new)}"


def _said(fact: Any) -> str:
    if fact is None:
        return "nothing"
    if isinstance(fact, tuple) and fact and all(isinstance(t, tuple) and len(t) == 2 for t in fact):
        kinds = {"id", "kw", "str", "num", "blob", "op", "var"}
        if all(t[0] in kinds for t in fact):
            return f"«{spell(fact)}»"
    text = repr(fact)
    return text if len(text) < 300 else text[:300] + "…"
