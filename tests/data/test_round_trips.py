"""Any field type, with any values, to any other and back: nothing fails half way, and what is exact comes back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sodaf_migrate import MigrationError, RollbackOptions, SyncOptions
from sodaf_migrate.dialects.sqlite.conversion import conversion
from sodaf_migrate.doctype.catalogue import FIELD_TYPES
from tests.data.conftest import Things, field, thing
from tests.dialects.conversion_table import ODD

KINDS = [name for name, kind in FIELD_TYPES.items() if kind.has_column]
STORABLE = [value for value in ODD if value is not None]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where the sites of all examples are."""
    yield tmp_path


def kept(values: list[Any], old: str, new: str) -> list[bool]:
    """Of each value as it is stored, whether the tables call it exact and give it back as it was."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, v)")
        connection.executemany("INSERT INTO t (v) VALUES (?)", [(value,) for value in values])
        found = conversion(old, new, "v")
        query = f"SELECT {found.exact}, {found.one_way or 0} FROM t ORDER BY n"
        return [bool(exact) and not one_way for exact, one_way in connection.execute(query)]


@settings(max_examples=max(settings().max_examples // 2, 20), suppress_health_check=list(HealthCheck), deadline=None)
@given(
    old=st.sampled_from(KINDS),
    new=st.sampled_from(KINDS),
    values=st.lists(st.sampled_from(STORABLE), max_size=6),
    policy=st.sampled_from(["refuse", "null", "default", "keep"]),
    required=st.booleans(),
)
def test_there_and_back(folder: Path, old: str, new: str, values: list[Any], policy: Any, required: bool) -> None:
    """Applied or refused beforehand; a second sync finds nothing; a rollback brings exact values back as they were."""
    things = Things(folder / f"{uuid4()}.db")
    before = field(old, options="Thing" if old in ("Link", "Dynamic Link") else None)
    after = field(new, options="Thing" if new in ("Link", "Dynamic Link") else None, required=required)
    things.start(thing(before), values)
    stored = things.query("SELECT typeof(v), v FROM tabThing ORDER BY name")
    applier = things.of(thing(after))
    options = SyncOptions(force=True, on_conversion_error=policy)
    try:
        done = applier.sync_doctype("Thing", options)
    except MigrationError:
        assert things.query("SELECT typeof(v), v FROM tabThing ORDER BY name") == stored
        assert policy == "refuse" or not all(kept([value for _, value in stored], old, new))
        return
    assert not applier.sync_doctype("Thing", options).changed
    assert things.query("PRAGMA integrity_check") == [("ok",)]
    if done.changed:
        applier.rollback_migration(done.migration_id or "", RollbackOptions(force=True))
        now = things.query("SELECT typeof(v), v FROM tabThing ORDER BY name")
        same = kept([value for _, value in stored], old, new)
        assert [pair for pair, exact in zip(now, same, strict=True) if exact] == [
            pair for pair, exact in zip(stored, same, strict=True) if exact
        ]
    things.path.unlink()
