"""A DocType that becomes a Single, or is none any more: its one row moves between its table and that of all Singles."""

from __future__ import annotations

from collections.abc import Iterator

from sodaf_migrate.compare.changes import MoveChange
from sodaf_migrate.desired import SINGLES_TABLE, Wish
from sodaf_migrate.doctype.model import DocType
from sodaf_migrate.schema.model import ObjectName, Schema, fold

__all__ = ["moves", "was_single"]

_SINGLES = ObjectName("table", fold(SINGLES_TABLE), fold(SINGLES_TABLE))


def was_single(asked: Wish, owned: frozenset[ObjectName], *, known: bool) -> bool:
    """Whether values of a DocType that wishes for a table may stand among those of Singles.

    History says that it was a Single; of what it does not know that cannot be told before one has looked.
    """
    return asked.table is not None and (not known or _SINGLES in owned)


def moves(
    asked: Wish, doctype: DocType, wish: Schema, live: Schema, owned: frozenset[ObjectName]
) -> Iterator[MoveChange]:
    """The move that a DocType's kind asks for; whether there is anything to move, the census says."""
    there, name = live.table(doctype.table), fold(doctype.table)
    if asked.single and there is not None and ObjectName("table", name, name) in owned:
        columns = tuple(column for column in there.columns if column.generated is None)
        home = there.name
        yield MoveChange(
            table=home, singles=SINGLES_TABLE, doctype=doctype.name, columns=columns, old="row", new="values"
        )
    if asked.table is not None and live.table(SINGLES_TABLE) is not None:
        columns = tuple(column for column in wish.tables[0].columns if column.generated is None)
        home = wish.tables[0].name
        yield MoveChange(
            table=home, singles=SINGLES_TABLE, doctype=doctype.name, columns=columns, old="values", new="row"
        )
