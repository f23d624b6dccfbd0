"""The documented JSON: its schema is drawn from the code, is the one on file, and every document keeps to it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate.report.json_schema import dry_run_schema
from sodaf_migrate.report.render import to_json
from sodaf_migrate.results import DryRunResult
from tests.report import samples

FILE = Path(__file__).parents[2] / "docs" / "dry-run.schema.json"
SCHEMA = json.loads(dry_run_schema())
KINDS = {"string": str, "boolean": bool, "integer": int, "array": list, "object": dict, "null": type(None)}
REFUSED = samples.REFUSED_RUN
RUNS = {
    "refused": REFUSED,
    "allowed": samples.ALLOWED_RUN,
    "hostile": samples.HOSTILE_RUN,
    "in_step": samples.QUIET_RUN,
    "many": (samples.QUIET_RUN, REFUSED),
    "every_change": DryRunResult(success=True, changed=True, doctype="Customer", diff=samples.EVERY_CHANGE),
}


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """Whether a document keeps to a schema, as far as ours go (json-schema.org, draft 2020-12)."""
    if "$ref" in schema:
        return fits(value, SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema and not any(fits(value, each) for each in schema["anyOf"]):
        return False
    if value not in schema.get("enum", [value]) or value != schema.get("const", value):
        return False
    kind = schema.get("type")
    if kind == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is not None and (not isinstance(value, KINDS[kind]) or (kind == "integer" and isinstance(value, bool))):
        return False
    if isinstance(value, list):
        first = schema.get("prefixItems", [])
        rest = schema.get("items", {})
        return all(fits(item, first[at] if at < len(first) else rest) for at, item in enumerate(value))
    if isinstance(value, dict) and "properties" in schema:
        known = schema["properties"]
        return set(known) == set(value) and all(fits(item, known[name]) for name, item in value.items())
    return True


def test_the_schema_on_file_is_the_codes() -> None:
    """SODAF_WRITE_GOLDEN=1 writes it anew."""
    if os.environ.get("SODAF_WRITE_GOLDEN") == "1":
        FILE.write_text(dry_run_schema(), encoding="utf-8")
    assert FILE.read_text(encoding="utf-8") == dry_run_schema()


@pytest.mark.parametrize("name", RUNS)
def test_every_document_keeps_to_it(name: str) -> None:
    """Of one and of many, with every kind of change, with an error, with a script."""
    assert fits(json.loads(to_json(RUNS[name])), SCHEMA)


@pytest.mark.parametrize("part", ["data_loss_risks", "plan", "estimates", "success"])
def test_another_document_does_not(part: str) -> None:
    """A part that is missing, or of another kind, does not keep to it."""
    document = json.loads(to_json(REFUSED))
    assert not fits({**document, part: "something else"}, SCHEMA)
    assert not fits({name: value for name, value in document.items() if name != part}, SCHEMA)
