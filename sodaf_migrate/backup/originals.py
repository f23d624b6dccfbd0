"""What a COLUMN backup holds, beside the live rows: which of it still applies, and what became of it.

A migration that is taken back has it in its own statements (``look`` gives them their ``Refill``s); by hand
(``put_back``) it goes straight into the rows. Either way a row that still holds what the migration made of it gets its
original back, one that was changed since keeps what it has, and whole rows come back unless their key is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

from sodaf_migrate.backup.payload import PAYLOAD, run_all
from sodaf_migrate.compare.changes import MoveChange
from sodaf_migrate.dialects.sqlite.copies import alike, has_signs
from sodaf_migrate.dialects.sqlite.inspect import read_schema
from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.dialects.sqlite.quiet import without_triggers
from sodaf_migrate.dialects.sqlite.refill import Refill, put_values
from sodaf_migrate.dialects.sqlite.rowid import rowid_name
from sodaf_migrate.errors import BackupError
from sodaf_migrate.plan import Loss
from sodaf_migrate.schema.model import Table, fold
from sodaf_migrate.wire.connection import Wire

__all__ = ["Originals", "Returned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """What came back: ``values`` into rows that are there, whole ``rows``.

    ``conflicts`` counts values that were changed since, and rows whose key (or another unique value) a row has that
    came since: both keep what they have now. ``gone`` counts values whose row is not there any more, ``unchanged``
    those that are there as they were (by hand; a migration's are counted among ``values``).
    """

    values: int = 0
    unchanged: int = 0
    rows: int = 0
    conflicts: int = 0
    gone: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """As a rollback tells it."""
        return {"refilled_rows": self.values + self.rows, "conflicts": self.conflicts, "gone": self.gone}


@dataclass(slots=True)
class _Part:
    """One table of the payload, and of one of its columns, what comes back of it."""

    refill: Refill
    payload: str
    rows: int  # in the backup
    keys: tuple[str, ...] = ()
    value: str = ""
    became: str = ""
    values: tuple[str, ...] = ()
    there: int = 0  # rows of the backup whose row is there; of whole rows, the rows of the table beforehand


class Originals:
    """The payload that is attached to ``wire``, as ``manifest`` (of ``lost_values``) describes it.

    A migration that is taken back finds tables and columns as it had left them. ``by_hand`` they are looked for under
    those names, then under those of before; ``notes`` says what is not there. ``moves`` are those that the migration
    made. ``drop`` has to be called at the end.
    """

    def __init__(
        self, wire: Wire, manifest: Mapping[str, Any], *, moves: Sequence[MoveChange] = (), by_hand: bool = False
    ) -> None:
        self.wire = wire
        self._moved = {fold(move.singles): move for move in moves if move.new == "row"}
        self.notes: list[str] = []
        self._lost = 0
        self._by_hand = by_hand
        self._coming = [name for part in manifest["parts"] for name in part["columns"]]
        parts = [part for part in manifest["parts"] if part["rows"]]
        if by_hand:
            parts = [part for part in map(self._as_called_now, parts) if part is not None]
        self._parts = list(self._described(parts))

    # What there is.

    def _described(self, parts: Sequence[Mapping[str, Any]]) -> Iterator[_Part]:
        for part in parts:
            yield from self._values(part) if part["columns"] else [self._rows(part)]

    def _values(self, part: Mapping[str, Any]) -> Iterator[_Part]:
        """A TEMP table for each column, by the key that the row has after the migration."""
        letter = "n" if part["moved_key"] else "k"
        keys = tuple(f"{letter}{number}" for number in range(len(part["key"]))) or ("rowid",)
        table = self._table(part["new_table"])
        rowid = rowid_name(table, self._coming) if table is not None else None
        for number, column in enumerate(part["columns"]):
            loss = Loss(
                table=part["table"],
                columns=(column,),
                became=(f"b{number}" if part["became"][number] else "",),
                key=tuple(part["key"]),
                new_table=part["new_table"],
                new_columns=(part["new_columns"][number],),
                new_key=tuple(part["new_key"]),
                rowid=rowid or ("" if part["new_key"] else "rowid"),
            )
            refill = Refill(loss=loss, source=f"sodaf_{part['payload']}_{number}")
            payload = f"{PAYLOAD}.{part['payload']}"
            yield _Part(refill, payload, part["rows"], keys=keys, value=f"v{number}", became=f"b{number}")

    def _rows(self, part: Mapping[str, Any]) -> _Part:
        loss = Loss(table=part["table"], key=tuple(part["key"]))
        refill = Refill(
            loss=loss,
            source=f"sodaf_{part['payload']}",
            columns=tuple(part["values"]),
            rowids=part["rowid"],
            sequence=part["sequence"],
            move=self._moved.get(fold(part["table"])),
        )
        values = tuple(f"v{number}" for number in range(len(part["values"])))
        return _Part(refill, f"{PAYLOAD}.{part['payload']}", part["rows"], values=values)

    # The looks, and what came of them.

    def look(self) -> tuple[Refill, ...]:
        """What may come back to the rows as they are now: TEMP tables are filled anew at each look.

        Raises BackupError when the table whose values would come back is not there.
        """
        counted: dict[str, int] = {}
        with self._temporary():
            for part in self._parts:
                self._look(part, counted)
        return tuple(part.refill for part in self._parts)

    def _look(self, part: _Part, counted: dict[str, int]) -> None:
        refill = part.refill
        run_all(self.wire, (*refill.drops, *(each.create for each in refill.temporaries)))
        if refill.is_rows:
            run_all(self.wire, refill.fill_rows(part.payload, part.values))
        else:
            self._look_for_values(part, counted)
        for sql in refill.index:
            self.wire.run(sql)
        part.refill = replace(refill, waiting=self.wire.value(f"SELECT count(*) FROM temp.{quote(refill.source)}"))

    def _look_for_values(self, part: _Part, counted: dict[str, int]) -> None:
        """Fills the TEMP table of one column; ``counted`` has how many rows were found for those before it."""
        refill, table = part.refill, self._table(part.refill.loss.new_table)
        if table is None:
            raise BackupError(
                f'The table "{refill.loss.new_table}", whose values would come back, is not there',
                hint="Bring it back first, or restore the backup by itself.",
            )
        all_come = refill.is_always and not self._by_hand
        differs = self._differs(part, table) if refill.is_always and self._by_hand else "1"
        part.there = 0
        for pairs in refill.pairs(part.payload, part.keys):
            filled = self.wire.run(refill.fill(pairs, part.value, part.became, differs))
            if not all_come and pairs not in counted:
                counted[pairs] = self.wire.value(f"SELECT count(*) {pairs}")
            part.there += filled if all_come else counted[pairs]
            if part.there == part.rows:
                break

    def _differs(self, part: _Part, table: Table) -> str:
        """The condition that a live row is not as the backup has it: others need not be written, nor backed up."""
        column = table.column(part.refill.loss.new_columns[0])
        assert column is not None
        live = f"t.{quote(column.name)}"
        return alike(column, table.strict, live, f"p.{part.value}", signs=has_signs(self.wire))

    def _temporary(self) -> AbstractContextManager[None]:
        """TEMP tables may be written in a look, too: no byte of the database changes."""
        return self.wire.pragmas(query_only=0)

    def begin(self) -> None:
        """Under the lock, before anything comes back: counts the rows there are."""
        for part in self._parts:
            if part.refill.is_rows:
                part.there = self._count(part.refill.loss.table)

    def report(self) -> Returned:
        """In the transaction, once all is back: what came, and what did not."""
        found = [
            Returned(rows=(back := self._came_back(part)), conflicts=part.rows - back)
            if part.refill.is_rows
            else self._of_values(part)
            for part in self._parts
        ]
        return self._sum(found)

    def expected(self) -> Returned:
        """What ``report`` would say if nobody wrote until then; for a look that changes nothing."""
        found = []
        for part in self._parts:
            if part.refill.is_rows:
                there = self._table(part.refill.loss.table) is not None
                taken = self.wire.value(part.refill.taken) if there else 0
                found.append(Returned(rows=part.rows - taken, conflicts=taken))
            else:
                found.append(self._of_values(part))
        return self._sum(found)

    def drop(self) -> None:
        """Takes the TEMP tables away."""
        with self._temporary():
            for part in self._parts:
                run_all(self.wire, part.refill.drops)

    def _of_values(self, part: _Part) -> Returned:
        waiting, rest = part.refill.waiting, part.there - part.refill.waiting
        same = part.refill.is_always
        return Returned(
            values=waiting,
            unchanged=rest if same else 0,
            conflicts=0 if same else rest,
            gone=part.rows - part.there,
        )

    def _sum(self, found: Sequence[Returned]) -> Returned:
        return Returned(
            values=sum(one.values for one in found),
            unchanged=sum(one.unchanged for one in found),
            rows=sum(one.rows for one in found),
            conflicts=sum(one.conflicts for one in found),
            gone=self._lost + sum(one.gone for one in found),
        )

    def _came_back(self, part: _Part) -> int:
        if part.refill.move is not None:  # beside them there are those of which something else was made since
            return int(self.wire.value(f"SELECT count(*) FROM temp.{quote(part.refill.source)}"))
        return self._count(part.refill.loss.table) - part.there

    # By hand.

    @property
    def overwritten(self) -> tuple[Loss, ...]:
        """What ``put_back`` would overwrite, as losses of their own; () where it would overwrite nothing."""
        columns: dict[str, list[str]] = {}
        for part in self._parts:
            if not part.refill.is_rows and part.refill.waiting:
                columns.setdefault(part.refill.loss.new_table, []).append(part.refill.loss.new_columns[0])
        losses = []
        for name, held in columns.items():
            table = self._table(name)
            key = table.primary_key.columns if table is not None and table.primary_key is not None else ()
            losses.append(Loss(table=name, columns=tuple(held), became=("",) * len(held), key=key))
        return tuple(losses)

    def put_back(self) -> None:
        """What ``look`` found goes into the live rows, in the caller's transaction; no trigger fires."""
        for name in dict.fromkeys(part.refill.loss.new_table or part.refill.loss.table for part in self._parts):
            table = self._table(name)
            assert table is not None
            mine = [p.refill for p in self._parts if (p.refill.loss.new_table or p.refill.loss.table) == name]
            with without_triggers(self.wire, table.name):
                values = [refill for refill in mine if not refill.is_rows and refill.waiting]
                if values:
                    self.wire.run(put_values(values))
                for refill in mine:
                    if refill.is_rows:
                        run_all(self.wire, refill.bring_back(table))

    def _as_called_now(self, part: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """A part in the names that its table and columns have now, None where nothing of it is there."""
        if not part["columns"]:
            table = self._table(part["table"])
            if table is None:
                self._missing(part, f'there is no table "{part["table"]}"')
                return None
            left = [name for name in part["values"] if table.column(name) is None]
            self.notes += [f'"{table.name}" has no column "{name}" any more' for name in left]
            return part
        then = {"new_table": part["table"], "new_columns": part["columns"], "new_key": part["key"]}
        for names in (part, then):
            table = self._table(names["new_table"])
            if table is not None and all(_has(table, name) for name in (*names["new_columns"], *names["new_key"])):
                return {**part, **{name: names[name] for name in then}}
        table = self._table(part["table"])
        left = [name for name in (*part["columns"], *part["key"]) if table is not None and not _has(table, name)]
        missing = f'"{part["table"]}" has no column "{left[0]}"' if left else f'there is no table "{part["table"]}"'
        self._missing(part, missing)
        return None

    def _missing(self, part: Mapping[str, Any], note: str) -> None:
        self.notes.append(note)
        self._lost += part["rows"]

    # What all need.

    def _table(self, name: str) -> Table | None:
        return read_schema(self.wire, around=(name,)).table(name) if name else None

    def _count(self, name: str) -> int:
        table = self._table(name)
        return int(self.wire.value(f"SELECT count(*) FROM main.{quote(name)}")) if table is not None else 0


def _has(table: Table, name: str) -> bool:
    column = table.column(name)
    return column is not None and column.generated is None and fold(column.name) == fold(name)
