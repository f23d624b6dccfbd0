"""Drift: what of ours is not as the last migration left it, told apart from what is still to come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from sodaf_migrate.compare.changes import SchemaDiff
from sodaf_migrate.compare.compare import Policy, compare
from sodaf_migrate.compare.plain import fields_of
from sodaf_migrate.schema.model import Index, ObjectName, Schema, Table, fold

__all__ = ["Drift", "drifted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One table or index that somebody changed by hand since the migration ``since``.

    ``before`` and ``after`` are the stored texts, None where there is none; ``diff`` says what of a table differs.
    """

    what: Literal["removed", "altered"]  # what somebody added is his own, and no drift
    kind: Literal["table", "index"]
    name: str
    table: str
    since: str
    before: str | None = None
    after: str | None = None
    diff: SchemaDiff | None = None

    def __str__(self) -> str:
        where = f' on "{self.table}"' if self.kind == "index" else ""
        return f'{self.kind} "{self.name}"{where} was {self.what} by hand since {self.since}'

    def to_dict(self) -> dict[str, Any]:
        """The drift as plain values."""
        return {**fields_of(self), "message": str(self)}


def drifted(left: Schema, live: Schema, *, doctype: str, since: str, owned: frozenset[ObjectName]) -> Iterator[Drift]:
    """What of the tables in ``left`` (as a migration left them) is otherwise in ``live``.

    Of indexes only ours count: the owner may add, change and drop others as he likes. So may he views and triggers.
    """
    for table in left.tables:
        now = live.table(table.name)
        if now is None:
            yield Drift(what="removed", kind="table", name=table.name, table=table.name, since=since, before=table.sql)
            continue
        difference = _difference(table, now, doctype)
        if difference.has_changes:
            yield Drift(
                what="altered",
                kind="table",
                name=now.name,
                table=now.name,
                since=since,
                before=table.sql,
                after=now.sql,
                diff=difference,
            )
        yield from _indexes(left.indexes_of(table.name), live.indexes_of(table.name), since, owned)


def _difference(before: Table, after: Table, doctype: str) -> SchemaDiff:
    """From what was left to what is there: here "after" is what somebody wished for when he made it."""
    policy = Policy(whole=True, match_order=True, may_drop=lambda name, ours: True)
    return compare(Schema(tables=(before,)), Schema(tables=(after,)), doctype=doctype, policy=policy)


def _indexes(
    before: Iterable[Index], after: Iterable[Index], since: str, owned: frozenset[ObjectName]
) -> Iterator[Drift]:
    there = {fold(index.name): index for index in after}
    for index in before:
        if ObjectName("index", fold(index.table), fold(index.name)) not in owned:
            continue
        now = there.get(fold(index.name))
        same = {"kind": "index", "name": index.name, "table": index.table, "since": since, "before": index.sql}
        if now is None:
            yield Drift(what="removed", **same)  # type: ignore[arg-type]
        elif now.definition() != index.definition():
            yield Drift(what="altered", after=now.sql, **same)  # type: ignore[arg-type]
