"""Random chains of migrations, taken back one by one: each point has the schema and the rows of that time.

``SODAF_TEST_SEED`` begins elsewhere, ``SODAF_TEST_DEEP=1`` takes two thousand chains.
"""

from __future__ import annotations

import logging
import os
import random
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

from sodaf_migrate import MigrationApplier, MigrationError, MigrationExecutor, RollbackOptions, Schema, SyncOptions
from tests.generators.change import change
from tests.generators.spell import script, statements
from tests.oracle import Snapshot, difference, integrity, snapshot
from tests.properties.pairs import Site, lay_out

FIRST = int(os.environ.get("SODAF_TEST_SEED", "0"))
COUNT = 2_000 if os.environ.get("SODAF_TEST_DEEP") == "1" else 60
OURS = ("tabMigrationHistory", "tabMigrationEvent", "tabMigrationSettled", "tabMigrationBackup", "tabMigrationStart")

#: Changes after which a row has another rowid, which no value tells: then rows are compared by no rowid.
RENUMBERED = frozenset({"without rowid on", "change key", "autoincrement", "independent"})


def seen(connection: sqlite3.Connection) -> Snapshot:
    """Everything but the tool's own tables."""
    return snapshot(connection, skip=OURS)


def differences(then: Snapshot, now: Snapshot, kinds: set[str]) -> list[str]:
    """What is not as it was; the number that AUTOINCREMENT had reached may stay, so that no id is used twice."""
    found = difference(then, now, ignore=["file"])
    left_out = ("sequence", "row ") if kinds & RENUMBERED else ("sequence: came",)
    if any(address[0] == "virtual" for address in then.facts):
        left_out = (*left_out, "statistics")  # the tables behind a virtual one are made anew
    return [each for each in found if not each.startswith((*left_out, "…"))]


def chain(seed: int, folder: Path, counted: Counter[str]) -> list[str]:
    """Up to three migrations forward and back; what was wrong."""
    site, rng = Site.of(seed), random.Random(seed)
    kinds = set(site.made.kinds)
    with closing(sqlite3.connect(folder / f"{seed}.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        lay_out(site, connection, random.Random(seed))
        if seed % 2:
            connection.execute("ANALYZE")
        applier = MigrationApplier(connection, executor=MigrationExecutor(part=3))
        applier.adopt_schema()
        points: list[Snapshot] = []
        done: list[str] = []
        wishes = [script(site.b)]
        while len(done) < 3 and wishes:
            before = seen(connection)
            renames = site.renames if not points else {}
            options = SyncOptions(force=True, column_order="match", renames=renames)
            try:
                result = applier.sync_schema(Schema.from_sql(wishes.pop()), options)
            except MigrationError:
                counted["refused on the way"] += 1
                break
            if result.changed and result.migration_id:
                points.append(before)
                done.append(result.migration_id)
            if rng.random() < 0.7:
                kinds.add(change(rng, site.made))
                wishes.append(script(statements(site.made.b, rng)))
        counted[f"{len(done)} taken back"] += 1
        return _back(seed, applier, connection, list(zip(done, points, strict=True)), kinds)


def _back(
    seed: int,
    applier: MigrationApplier,
    connection: sqlite3.Connection,
    points: list[tuple[str, Snapshot]],
    kinds: set[str],
) -> list[str]:
    for migration_id, then in reversed(points):
        try:
            applier.rollback_migration(migration_id, RollbackOptions(force=True))
        except MigrationError as error:
            return [f"{seed} {sorted(kinds)}: {type(error).__name__}: {error}"]
        found = [*differences(then, seen(connection), kinds), *integrity(connection)]
        if found:
            return [f"{seed} {sorted(kinds)}: {found[:3]}"]
    return []


def test_each_point_of_a_chain_comes_back(tmp_path: Path) -> None:
    """Nothing that was there then is missing, and no way back is refused but where rows cannot be told apart."""
    counted: Counter[str] = Counter()
    logging.disable(logging.CRITICAL)
    try:
        problems = [line for seed in range(FIRST, FIRST + COUNT) for line in chain(seed, tmp_path, counted)]
    finally:
        logging.disable(logging.NOTSET)
    wrong = [line for line in problems if "cannot be found again: their key has gone" not in line]
    assert not wrong, "\n".join(wrong[:10]) + f"\n{len(wrong)} of {COUNT}: {counted}"
    assert len(problems) <= COUNT // 20, problems
    assert counted["1 taken back"] + counted["2 taken back"] + counted["3 taken back"] >= COUNT * 8 // 10, counted
