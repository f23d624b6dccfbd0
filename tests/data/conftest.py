"""A site with one DocType whose one field changes, and the plain ways to look at it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate import MigrationApplier, MigrationResult, SyncOptions
from tests.founding.conftest import Site

Definition = dict[str, Any]


def thing(*fields: Definition, **more: Any) -> Definition:
    """The DocType "Thing" with these fields."""
    return {"name": "Thing", "fields": list(fields), **more}


def field(fieldtype: str, **more: Any) -> Definition:
    """The field "v"."""
    return {"fieldname": "v", "fieldtype": fieldtype, **more}


class Things(Site):
    """The site of the DocType "Thing"."""

    def of(self, *definitions: Definition, **more: Any) -> MigrationApplier:
        """An applier over these definitions."""
        return self.applier(*definitions, **more)

    def start(self, definition: Definition, values: Iterable[Any], column: str = "v") -> None:
        """The table of a definition with one row for each value, named r0, r1, …"""
        self.of(definition).sync_doctype(definition["name"])
        for number, value in enumerate(values):
            table = definition.get("table_name") or f"tab{definition['name']}"
            self.query(f'INSERT INTO "{table}"(name, "{column}") VALUES (?, ?)', f"r{number}", value)

    def values(self, column: str = "v", table: str = "tabThing") -> list[Any]:
        """The values of a column, in the order of the rows' names."""
        return [value for (value,) in self.query(f'SELECT "{column}" FROM "{table}" ORDER BY name')]

    def change(self, definition: Definition, options: SyncOptions | None = None, **more: Any) -> MigrationResult:
        """Sync the definition, and see that a sync right after finds nothing."""
        applier = self.of(definition, **more)
        result = applier.sync_doctype(definition["name"], options)
        again = applier.sync_doctype(definition["name"], options)
        assert not again.changed, again.sql
        return result


@pytest.fixture
def things(tmp_path: Path) -> Things:
    """An empty site."""
    return Things(tmp_path / "site.db")
