"""A site on a real file, its definitions as plain dicts, and an applier over both."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate import DocTypeEngine, MigrationApplier

Definition = dict[str, Any]


class Site:
    """A database file and the way to sync definitions with it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def applier(self, *definitions: Definition, **more: Any) -> MigrationApplier:
        """An applier over these definitions."""
        return MigrationApplier(self.path, DocTypeEngine.from_doctypes(list(definitions)), **more)

    def query(self, sql: str, *params: Any) -> list[tuple[Any, ...]]:
        """Rows, read or written beside the tool as an application would."""
        connection = sqlite3.connect(self.path)
        try:
            with connection:
                return connection.execute(sql, params).fetchall()
        finally:
            connection.close()

    def columns(self, table: str) -> dict[str, tuple[str, int, Any]]:
        """name -> (declared type, NOT NULL, default) as SQLite says."""
        rows = self.query('SELECT name, type, "notnull", dflt_value FROM pragma_table_info(?)', table)
        return {name: (kind, not_null, default) for name, kind, not_null, default in rows}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """An empty site."""
    return Site(tmp_path / "site.db")


@pytest.fixture
def filled(site: Site) -> Iterator[Site]:
    """A site with a Customer table and two rows."""
    site.applier(customer()).sync_doctype("Customer")
    for name, phone, credit in (("Ada", "007", 5), ("Ben", None, 7)):
        site.query('INSERT INTO "tabCustomer"(name, phone, credit) VALUES (?, ?, ?)', name, phone, credit)
    yield site


def customer(*more: Definition, **changes: Any) -> Definition:
    """The Customer definition; ``changes`` replaces fields by name, None leaves one out."""
    fields: dict[str, Definition | None] = {
        "phone": {"fieldname": "phone", "fieldtype": "Data"},
        "credit": {"fieldname": "credit", "fieldtype": "Int"},
    }
    fields.update(changes)
    return {"name": "Customer", "fields": [field for field in fields.values() if field] + list(more)}


@pytest.fixture
def make() -> Callable[..., Definition]:
    """The maker of Customer definitions."""
    return customer
