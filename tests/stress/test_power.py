"""Power loss after every file operation: old or new, and new once the migration was said to be done."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate import MigrationApplier, MigrationError, Schema, SyncOptions
from sodaf_migrate.testing.log import Log, record
from sodaf_migrate.testing.power import power_losses
from tests.stress.scenarios import DEEP, MODES, REBUILT, SCENARIOS, SEED, Acknowledged, Stage, staged

DRAWS = 10 if DEEP else 1
Tell = Callable[[Mapping[str, int]], None]


def replay(stage: Stage, log: Log, acknowledged: int, *, name: str, within: Path) -> Counter[str]:
    """How many states after a power loss are old, new, bad, or lost: old although done had been said."""
    found: Counter[str] = Counter()
    known: dict[str, str] = {}
    for loss in power_losses(log, draws=DRAWS, seed=SEED):
        if loss.digest not in known:
            with loss.materialised(within) as folder:
                try:
                    known[loss.digest] = stage.judge(folder / name)
                    if DEEP:
                        stage.ready.finish(folder / name)
                        assert stage.judge(folder / name) == "new"
                except (AssertionError, sqlite3.DatabaseError, MigrationError):
                    known[loss.digest] = "bad"
        verdict = known[loss.digest]
        found["lost" if verdict == "old" and loss.at >= acknowledged else verdict] += 1
    return found


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", SCENARIOS)
def test_power_loss_at_every_operation(name: str, mode: str, tmp_path: Path, tell: Tell) -> None:
    """Whatever the cache of the disk kept or lost, nothing is half done, and nothing that was done is forgotten."""
    stage, path = staged(SCENARIOS[name], mode), tmp_path / "site" / "site.db"
    stage.set(path)
    with record(path.parent) as log:
        acknowledged = Acknowledged(log)
        stage.ready.act(path, acknowledged)
    assert 0 < acknowledged.at <= len(log)
    found = replay(stage, log, acknowledged.at, name=path.name, within=tmp_path)
    tell({"moments": len(log) + 1, "states": found.total(), **found})
    assert found["bad"] == found["lost"] == 0, found
    assert found["old"] > 10 and found["new"] > 0, found


class Reckless(sqlite3.Connection):
    """A connection that never syncs, and says that it does."""

    said = 2

    def execute(self, sql: str, *parameters: Any) -> Any:
        words = sql.removeprefix("PRAGMA ").removeprefix("main.").split()
        if words[:1] != ["synchronous"]:
            return super().execute(sql, *parameters)
        if len(words) == 3:
            self.said = int(words[2])
            return super().execute("PRAGMA synchronous = 0")
        return super().execute("SELECT ?", (self.said,))


@pytest.mark.parametrize("mode", MODES)
def test_without_syncs_damage_is_found(mode: str, tmp_path: Path, tell: Tell) -> None:
    """With synchronous=OFF forced under the engine, half states appear: the replay has teeth."""
    stage, path = staged(SCENARIOS["rebuild"], mode), tmp_path / "site" / "site.db"
    stage.set(path)
    with record(path.parent) as log:
        connection = sqlite3.connect(path, factory=Reckless, isolation_level=None)
        connection.execute("PRAGMA synchronous = 0")
        wish, options = Schema.from_sql(REBUILT.text), SyncOptions(force=True)
        assert MigrationApplier(connection).sync_schema(wish, options).changed
        connection.close()
    assert not any(entry.operation.kind == "sync" for entry in log)
    found = replay(stage, log, len(log), name=path.name, within=tmp_path)
    tell(found)
    assert found["bad"] > 10, found
