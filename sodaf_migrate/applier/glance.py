"""One look at the whole database, for a run over many DocTypes most of which are in step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sodaf_migrate.compare.engine import Comparison, Remembered
from sodaf_migrate.dialects.sqlite.inspect import read_schema
from sodaf_migrate.schema.model import Index, Schema, Table, fold

__all__ = ["Glance"]

_VERSION = "PRAGMA main.schema_version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """Every table with its indexes, and what history says, as of one ``schema_version``.

    It answers only for what is in step: whatever has to change is looked at again, closely.
    """

    version: int
    tables: dict[str, Table]
    indexes: dict[str, tuple[Index, ...]]
    remembered: dict[str, Remembered]
    seen: dict[str, Comparison | None] = field(default_factory=dict)  # what was answered already

    @classmethod
    def of(cls, session: Any) -> Glance:
        """Look at the database of a session."""
        live = read_schema(session.wire)
        indexes: dict[str, list[Index]] = {}
        for index in live.indexes:
            indexes.setdefault(fold(index.table), []).append(index)
        known = session.history.overview()
        superseded = session.history.superseded()
        return cls(
            version=session.wire.value(_VERSION),
            tables={fold(table.name): table for table in live.tables},
            indexes={name: tuple(found) for name, found in indexes.items()},
            remembered={
                name: Remembered(
                    owned=one.owned,
                    renames=one.declared,
                    version=version,
                    fields=one.fields,
                    superseded=superseded.get(name, frozenset()),
                )
                for name, (one, version) in known.items()
            },
        )

    def comparison(self, session: Any, name: str) -> Comparison | None:
        """The comparison of a DocType that is in step; None for any other, and once the schema has changed."""
        if session.wire.value(_VERSION) != self.version:
            return None
        if name not in self.seen:
            self.seen[name] = self._compared(session, name)
        return self.seen[name]

    def _compared(self, session: Any, name: str) -> Comparison | None:
        wish = session.wishes.get(name)
        if wish is None or len(wish.tables) != 1:
            return None
        table = self.tables.get(fold(wish.tables[0].name))
        if table is None:
            return None
        live = Schema(tables=(table,), indexes=self.indexes.get(fold(table.name), ()))
        memory = self.remembered.get(name, Remembered())
        found: Comparison | None = session.comparer().glance(name, session.options, wish=wish, live=live, memory=memory)
        return found
