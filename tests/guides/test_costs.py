"""What the guide says of the cost of each kind of change is what the planner says."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate import DocTypeEngine, MigrationApplier, SyncOptions
from tests.guides.blocks import ROOT

FIELDS = {
    "a": {"fieldtype": "Data"},
    "n": {"fieldtype": "Int"},
    "s": {"fieldtype": "Data", "length": 40},
}

#: By the words of the guide: the fields that are other than before, None for one that goes.
CHANGES: dict[str, dict[str, dict[str, Any] | None]] = {
    "Data to Text": {"a": {"fieldtype": "Text"}},
    "Data to Small Text": {"a": {"fieldtype": "Small Text"}},
    "a new field": {"b": {"fieldtype": "Data"}},
    "a required field with a default": {"b": {"fieldtype": "Data", "required": True, "default": "x"}},
    "a rename": {"a": None, "b": {"fieldtype": "Data", "old_fieldname": "a"}},
    "a longer length": {"s": {"fieldtype": "Data", "length": 80}},
    "an index": {"a": {"fieldtype": "Data", "indexed": True}},
    "a unique": {"a": {"fieldtype": "Data", "unique": True}},
    "a required field without NULLs": {"a": {"fieldtype": "Data", "required": True}},
    "another default": {"a": {"fieldtype": "Data", "default": "x"}},
    "Int to Check": {"n": {"fieldtype": "Check"}},
    "a column that goes": {"a": None},
    "Data to Int": {"a": {"fieldtype": "Int"}},
    "Int to Float": {"n": {"fieldtype": "Float"}},
    "Int to Data": {"n": {"fieldtype": "Data"}},
}


def engine(fields: dict[str, dict[str, Any] | None]) -> DocTypeEngine:
    """A DocType of these fields."""
    made = [{"fieldname": name, **field} for name, field in fields.items() if field is not None]
    return DocTypeEngine.from_doctypes([{"name": "Thing", "fields": made}])


def told() -> dict[str, str]:
    """The cost of each example, as the guide tells it."""
    page = (ROOT / "docs" / "migrations.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `?(\w+)`? \| [^|]+ \| ([^|]+) \|$", page.partition("## Big tables")[2], flags=re.MULTILINE)
    return {words.strip(): cost for cost, examples in rows for words in examples.split(", ") if cost != "cost"}


def test_every_example_is_tried() -> None:
    """None is told that is not tried, and the other way round."""
    examples = {words for words, cost in told().items() if cost in ("none", "instant", "scan", "in_place", "rebuild")}
    assert examples == set(CHANGES)


@pytest.mark.parametrize("words", CHANGES)
def test_the_cost_is_as_told(words: str, tmp_path: Path) -> None:
    """On a table with rows that do not stand in the way."""
    path = tmp_path / "site.db"
    MigrationApplier(path, engine(FIELDS)).sync_doctype("Thing")
    with sqlite3.connect(path) as connection:
        rows = [(str(number), str(number), number % 2) for number in range(20)]
        connection.executemany("INSERT INTO tabThing(name, a, n) VALUES (?, ?, ?)", rows)
    connection.close()
    plan = MigrationApplier(path, engine(FIELDS | CHANGES[words])).plan("Thing", SyncOptions(force=True))
    assert (plan.cost.value if plan.steps else "none") == told()[words]
