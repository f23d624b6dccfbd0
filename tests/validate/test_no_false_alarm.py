"""No false alarm: of no plan that then applies, and leads where it should, do the rules say an error."""

from __future__ import annotations

import json
import logging
import os
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate import DocTypeEngine, Finding, Look, MigrationApplier, MigrationValidator, Severity, SyncOptions
from tests.generators.doctypes import edited
from tests.generators.rows import rows
from tests.oracle import integrity
from tests.properties import pairs

ROOT = Path(__file__).resolve().parents[2]
FIRST = int(os.environ.get("SODAF_TEST_SEED", "0")) + 10_000
COUNT = 3_000 if os.environ.get("SODAF_TEST_DEEP") == "1" else 60


class Lenient(MigrationValidator):
    """Keeps what the rules say, and stops nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.errors: list[Finding] = []
        self.plans = 0

    def validate(self, look: Look) -> tuple[Finding, ...]:
        found = super().validate(look)
        self.plans += 1
        self.errors += [finding for finding in found if finding.severity is Severity.ERROR]
        return tuple(replace(finding, severity=Severity.INFO) for finding in found)


@pytest.fixture
def silence() -> Iterator[None]:
    """A refused or failed migration logs; here it is counted."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_random_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, silence: None) -> None:
    """Any schema with rows to any other; what applies and is the other one was held up without an error."""
    alarms: list[str] = []
    held = 0
    for seed in range(FIRST, FIRST + COUNT):
        lenient = Lenient()

        def applier(target: Any, lenient: Lenient = lenient, **more: Any) -> MigrationApplier:
            return MigrationApplier(target, validator=lenient, **more)

        monkeypatch.setattr(pairs, "MigrationApplier", applier)
        outcome = pairs.judge(seed, tmp_path)
        held += lenient.plans
        if outcome.status in ("applied", "pending", "unchanged") and not outcome.problems and lenient.errors:
            alarms.append(f"{outcome}: {lenient.errors}")
    assert held >= COUNT // 2
    assert not alarms, "\n".join(alarms[:10])


def shipped() -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted((ROOT / "doctypes").rglob("*.json"))]


def filled(made: sqlite3.Connection, rng: random.Random) -> sqlite3.Connection:
    """The same tables without history, with rows."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    own = "AND tbl_name NOT LIKE 'tabMigration%' AND name NOT LIKE 'sqlite_%'"
    for (sql,) in made.execute(f"SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL {own} ORDER BY type DESC, rowid"):
        connection.execute(sql)
    rows(connection, rng)
    return connection


@pytest.mark.parametrize("edit", [0, 2, 3, 4, 5])
def test_shipped_doctypes_with_rows(edit: int, silence: None) -> None:
    """Every DocType that the project ships is made, filled, and edited: nothing is found about what then applies."""
    lenient = Lenient()
    documents = [document for document in shipped() if isinstance(document.get("fields"), list)]
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as empty:
        first = MigrationApplier(empty, DocTypeEngine.from_doctypes(documents), validator=lenient)
        assert first.sync_all_doctypes().success
        assert lenient.plans > 20
        assert not lenient.errors
        connection = filled(empty, random.Random(edit))
    with closing(connection):
        MigrationApplier(connection, DocTypeEngine.from_doctypes(documents)).adopt()
        later, kinds = edited(edit, documents)
        second = MigrationApplier(connection, DocTypeEngine.from_doctypes(later), validator=lenient)
        results = second.sync_all_doctypes(SyncOptions(force=True, on_conversion_error="null")).results
        assert any(result.changed for result in results), kinds
        assert integrity(connection) == []
        failed = {result.doctype for result in results if not result.success}
        assert not lenient.errors or failed, (kinds, lenient.errors)
        for finding in lenient.errors:
            assert any(name in f"{finding.target} {finding.message}" for name in failed), (kinds, finding)
