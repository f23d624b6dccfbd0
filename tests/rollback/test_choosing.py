"""Which migrations go back is said exactly, or nothing goes back; a look ahead at several says what it cannot know."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate import (
    BackupOptions,
    ConfigurationError,
    DocTypeEngine,
    HistoryError,
    LockHeldError,
    MigrationApplier,
    PlanRefusedError,
)
from sodaf_migrate.backup.store import BackupStore
from tests.oracle import difference
from tests.rollback.test_values import EVERYTHING, Site, field


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A table, and then another column twice."""
    site = Site(tmp_path)
    site.sync(field())
    site.sync(field(), field("first"))
    site.sync(field(), field("first"), field("second"))
    return site


def ids(site: Site) -> list[str]:
    """The migrations on record, oldest first."""
    return [each.id for each in site.applier().get_migration_history().migrations]


def test_one_way_of_choosing(site: Site) -> None:
    """None and two are refused alike, by the look ahead too."""
    applier, was = site.applier(), site.snapshot()
    with pytest.raises(ConfigurationError, match="not clear what shall be rolled back") as caught:
        applier.rollback()
    assert caught.value.hint and "steps" in caught.value.hint
    with pytest.raises(ConfigurationError, match="not clear"):
        applier.dry_run_rollback(steps=1, to=ids(site)[0])
    with pytest.raises(ConfigurationError, match='"0" is no number of steps'):
        applier.rollback(steps=0)
    with pytest.raises(ConfigurationError, match='"9" migrations cannot be rolled back: 3 are applied'):
        applier.rollback(steps=9)
    with pytest.raises(ConfigurationError, match='No applied migration belongs to the run "run-x"'):
        applier.rollback(run="run-x")
    assert difference(was, site.snapshot()) == []


def test_a_point_that_is_none(site: Site) -> None:
    """What was itself taken back is no state to go back to."""
    applier, newest = site.applier(), ids(site)[-1]
    applier.rollback_migration(newest, EVERYTHING)
    with pytest.raises(PlanRefusedError, match="is no point to go back to: it is rolled back") as caught:
        applier.rollback(to=newest)
    assert caught.value.hint


def test_a_record_whose_plan_was_altered(site: Site) -> None:
    """Nothing is guessed from what cannot be read; the hint says how to find out more."""
    newest, was = ids(site)[-1], site.snapshot()
    with closing(sqlite3.connect(site.path)) as connection, connection:
        changed = connection.execute("UPDATE tabMigrationHistory SET plan = '{' WHERE id = ?", (newest,))
        assert changed.rowcount == 1
    with pytest.raises(HistoryError, match="cannot be read") as caught:
        site.applier().rollback_migration(newest)
    assert "history --verify" in str(caught.value.hint)
    assert difference(was, site.snapshot()) == []


def test_a_look_ahead_at_several(site: Site) -> None:
    """Only the first will meet what is there now: of the others a warning says that they are planned anew."""
    site.sync(field(), field("first", "Int"), field("second"))
    found = site.applier().dry_run_rollback(steps=3, options=EVERYTHING)
    assert [each.success for each in found] == [True] * 3
    assert [any("only near it" in words for words in each.warnings) for each in found] == [False, True, True]
    done = site.applier().rollback(steps=3, options=EVERYTHING)
    assert done.success and len(done.results) == 3


@pytest.mark.parametrize(
    "later",
    [field("third", old_fieldname="second"), field("second", indexed=True), field("second", unique=True), None],
    ids=["renamed since", "indexed since", "unique since", "gone since"],
)
def test_a_look_ahead_at_what_is_not_there_yet(site: Site, later: dict[str, Any] | None) -> None:
    """No plan fits the column as it is now: the statements that were promised stand for one, and it all goes back."""
    site.sync(field(), field("first"), *([later] if later else []))
    newest, added = site.applier().dry_run_rollback(steps=2, options=EVERYTHING)
    assert newest.success and added.success and added.changed and not added.errors
    assert any("DROP COLUMN" in statement and '"second"' in statement for statement in added.sql)
    assert "only near it" in added.warnings[0] and added.rollback_info is not None
    done = site.applier().rollback(steps=2, options=EVERYTHING)
    assert done.success and "second" not in site.rows("group_concat(name)", "pragma_table_info('tabThing')")[0][0]


def test_a_store_that_somebody_has_alone(tmp_path: Path) -> None:
    """Who deletes old backups meanwhile is waited for; then it is said, and nothing of the way back stays open."""
    site = Site(tmp_path)
    site.sync(field())
    site.run("INSERT INTO tabThing (name, code) VALUES ('a', 'word')")
    result = site.sync(field(fieldtype="Int"), on_conversion_error="null")
    was, before = site.snapshot(), len(os.listdir("/proc/self/fd"))
    engine = DocTypeEngine.from_doctypes([{"name": "Thing", "fields": [field()]}])
    applier = MigrationApplier(site.path, engine, backup_options=BackupOptions(lock_timeout=0.05))
    with BackupStore(tmp_path / "site.db.backups").alone(), pytest.raises(LockHeldError):
        applier.rollback_migration(str(result.migration_id), EVERYTHING)
    assert difference(was, site.snapshot()) == [] and len(os.listdir("/proc/self/fd")) == before
    site.back(result)
    assert site.rows() == [("a", "word")]
