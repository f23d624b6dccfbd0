"""Folders of DocTypes: a sync right after a sync finds nothing, for every definition there is, and after every edit."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from hypothesis import given
from hypothesis import strategies as st

from sodaf_migrate import DocTypeEngine, MigrationApplier, SyncOptions
from tests.generators.doctypes import doctypes, edited
from tests.oracle import difference, integrity, snapshot

SEEDS = st.integers(0, 2**40)


@given(SEEDS)
def test_a_second_sync_finds_nothing(seed: int) -> None:
    """After a sync of all nothing is left to do, and nothing is done."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        applier = MigrationApplier(connection, DocTypeEngine.from_doctypes(doctypes(seed)))
        first = applier.sync_all_doctypes()
        assert first.success, first
        before = snapshot(connection)
        again = applier.sync_all_doctypes()
        assert again.success, again
        assert not any(result.changed for result in again.results), again
        assert difference(before, snapshot(connection)) == []


@given(SEEDS, SEEDS)
def test_an_edited_folder_settles(seed: int, edit: int) -> None:
    """After edits one sync suffices: the next finds nothing, and the database is sound."""
    documents = doctypes(seed)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        MigrationApplier(connection, DocTypeEngine.from_doctypes(documents)).sync_all_doctypes()
        later, kinds = edited(edit, documents)
        applier = MigrationApplier(connection, DocTypeEngine.from_doctypes(later))
        options = SyncOptions(force=True)
        first = applier.sync_all_doctypes(options)
        assert first.success, (kinds, first)
        again = applier.sync_all_doctypes(options)
        assert not any(result.changed for result in again.results), (kinds, again)
        assert integrity(connection) == []
