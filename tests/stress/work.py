"""What the stress tests let other processes do: functions that can be sent there by name."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from sodaf_migrate import DataLossRiskError, DocTypeEngine, MigrationApplier, Schema, SyncOptions

Definition = Mapping[str, Any]


def sync_schema(path: Path, text: str) -> bool:
    """Whether a sync to the schema changed anything."""
    return MigrationApplier(path).sync_schema(Schema.from_sql(text), SyncOptions(force=True)).changed


def boot(path: Path, *definitions: Definition) -> list[str]:
    """The DocTypes that a sync of all of them changed. Raises AssertionError when one failed."""
    result = MigrationApplier(path, DocTypeEngine.from_doctypes(list(definitions))).sync_all_doctypes()
    failed = [f"{one.doctype}: {one.errors}" for one in result.results if not one.success]
    assert not failed and not result.not_tried, failed
    return [one.doctype for one in result.results if one.changed]


def boot_one(path: Path, definition: Definition) -> str:
    """What a sync of one DocType said: changed, unchanged, or the hazards that it was refused for."""
    applier = MigrationApplier(path, DocTypeEngine.from_doctypes([dict(definition)]))
    try:
        result = applier.sync_doctype(definition["name"])
    except DataLossRiskError as error:
        return " ".join(sorted(risk.code for risk in error.risks))
    return "changed" if result.changed else " ".join(["unchanged", *(finding.code for finding in result.findings)])


def insert_customers(path: Path, worker: int, number: int) -> int:
    """So many customers, each in a transaction of its own."""
    with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as connection:
        for row in range(number):
            connection.execute("INSERT INTO tabCustomer(name) VALUES (?)", (f"w{worker}-{row}",))
    return number
