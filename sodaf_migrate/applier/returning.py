"""What a migration took away and a backup holds, made ready for its way back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any

from sodaf_migrate.applier.session import Session
from sodaf_migrate.backup.chain import attached_payload
from sodaf_migrate.backup.making import opened_chain
from sodaf_migrate.backup.manager import MigrationBackupManager
from sodaf_migrate.backup.payload import PAYLOAD
from sodaf_migrate.dialects.sqlite.inspect import read_schema
from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.dialects.sqlite.refill import Refill
from sodaf_migrate.dialects.sqlite.rowid import rowid_name
from sodaf_migrate.errors import BackupError
from sodaf_migrate.plan import Loss
from sodaf_migrate.wire.connection import Wire

__all__ = ["Returning"]


@dataclass(slots=True)
class _Part:
    """One table of the payload, and of one of its columns, what came back of it."""

    refill: Refill
    payload: str
    rows: int  # in the backup
    keys: tuple[str, ...] = ()
    value: str = ""
    became: str = ""
    values: tuple[str, ...] = ()
    there: int = 0  # rows of the backup whose row is there; of whole rows, the rows of the table beforehand


@dataclass(slots=True)
class Returning:
    """The backup of one migration beside the live rows, while the block runs; nothing where it took nothing away.

    Raises BackupError when there were values to lose and no backup of them can be found or read.
    """

    session: Session
    migration_id: str
    losses: Sequence[Loss]
    _parts: list[_Part] = field(default_factory=list)
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Returning:
        if not self.losses or self.session.backups is None:
            return self
        try:
            self._parts = list(self._attached(self.session.backups))
        except BaseException:
            self._stack.close()
            raise
        return self

    def _attached(self, backups: MigrationBackupManager) -> Iterator[_Part]:
        """The newest backup that was made for the migration, attached to the connection as its database PAYLOAD."""
        made = [info for info in backups.list_backups() if info.migration_id == self.migration_id]
        made = [info for info in made if info.type == "COLUMN"][-1:]
        if made:
            store, enter = backups.store, self._stack.enter_context
            enter(store.writing(timeout=backups.options.lock_timeout))
            (link,) = enter(opened_chain(made, store, backups.ring))
            enter(attached_payload(self._wire, link, store.directory))
            yield from self._described(link.source.manifest)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            for part in self._parts:
                self._wire.run(part.refill.drop)
        finally:
            self._stack.close()

    @property
    def _wire(self) -> Wire:
        return self.session.wire

    def _described(self, manifest: Mapping[str, Any]) -> Iterator[_Part]:
        for part in manifest["parts"]:
            if part["rows"]:
                yield from self._values(part) if part["columns"] else [self._rows(part)]

    def _values(self, part: Mapping[str, Any]) -> Iterator[_Part]:
        """A TEMP table for each column, by the key that the row has after the migration."""
        letter = "n" if part["moved_key"] else "k"
        keys = tuple(f"{letter}{number}" for number in range(len(part["key"]))) or ("rowid",)
        for number, column in enumerate(part["columns"]):
            loss = Loss(
                table=part["table"],
                columns=(column,),
                became=(f"b{number}" if part["became"][number] else "",),
                key=tuple(part["key"]),
                new_table=part["new_table"],
                new_columns=(part["new_columns"][number],),
                new_key=tuple(part["new_key"]),
                rowid=self._rowid(part["new_table"]),
            )
            refill = Refill(loss=loss, source=f"sodaf_{part['payload']}_{number}")
            payload = f"{PAYLOAD}.{part['payload']}"
            yield _Part(refill, payload, part["rows"], keys=keys, value=f"v{number}", became=f"b{number}")

    def _rows(self, part: Mapping[str, Any]) -> _Part:
        loss = Loss(table=part["table"], key=tuple(part["key"]))
        columns = tuple(part["values"])
        refill = Refill(loss=loss, source=f"sodaf_{part['payload']}", columns=columns, sequence=part["sequence"])
        values = tuple(f"v{number}" for number in range(len(columns)))
        return _Part(refill, f"{PAYLOAD}.{part['payload']}", part["rows"], values=values)

    def _rowid(self, name: str) -> str:
        table = read_schema(self._wire, around=(name,)).table(name)
        return (rowid_name(table) if table is not None else None) or "rowid"

    # The looks, and what came of them.

    def look(self) -> tuple[Refill, ...]:
        """What may come back to the rows as they are now: TEMP tables are filled anew at each look."""
        for part in self._parts:
            refill = part.refill
            self._wire.run(refill.drop)
            if refill.is_rows:
                self._wire.run(refill.create)
                self._wire.run(refill.fill_rows(part.payload, part.values))
                part.there = self._count(refill.loss.table)
            elif self._is_there(refill.loss.new_table):
                self._wire.run(refill.create)
                self._wire.run(refill.fill(part.payload, part.keys, part.value, part.became))
                part.there = self._wire.value(refill.found(part.payload, part.keys))
            else:
                raise BackupError(
                    f'The table "{refill.loss.new_table}", whose values would come back, is not there',
                    hint="Bring it back first, or restore the backup by itself.",
                )
            self._wire.run(refill.index)
            part.refill = replace(refill, waiting=self._wire.value(f"SELECT count(*) FROM temp.{quote(refill.source)}"))
        return tuple(part.refill for part in self._parts)

    def report(self) -> dict[str, int]:
        """In the transaction, once the way back is done: values and rows that came back, and those that did not.

        ``conflicts`` counts what was changed, or taken by another row, since; ``gone`` values whose row is gone.
        """
        counts = {"refilled_rows": 0, "conflicts": 0, "gone": 0}
        for part in self._parts:
            refill = part.refill
            if refill.is_rows:
                back = self._count(refill.loss.table) - part.there
                counts["refilled_rows"] += back
                counts["conflicts"] += part.rows - back
            else:
                counts["refilled_rows"] += refill.waiting
                counts["conflicts"] += part.there - refill.waiting
                counts["gone"] += part.rows - part.there
        return counts

    def expected(self) -> dict[str, int]:
        """What ``report`` would say if nobody wrote until then; for a look that changes nothing."""
        counts = {"refilled_rows": 0, "conflicts": 0, "gone": 0}
        for part in self._parts:
            refill, taken = part.refill, 0
            if refill.is_rows and self._is_there(refill.loss.table):
                taken = self._wire.value(refill.taken)
            counts["refilled_rows"] += refill.waiting - taken
            counts["conflicts"] += taken if refill.is_rows else part.there - refill.waiting
            counts["gone"] += 0 if refill.is_rows else part.rows - part.there
        return counts

    def _is_there(self, table: str) -> bool:
        found = self._wire.value(
            "SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE", (table,)
        )
        return found is not None

    def _count(self, table: str) -> int:
        return int(self._wire.value(f"SELECT count(*) FROM main.{quote(table)}")) if self._is_there(table) else 0
