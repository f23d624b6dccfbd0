"""What retention may never give up, over any history of backups and migrations."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sodaf_migrate.backup.info import BackupInfo
from sodaf_migrate.backup.retention import Decision, chain_of, chains, decide
from sodaf_migrate.errors import ConfigurationError
from sodaf_migrate.options import PruneOptions

NOW = datetime(2026, 6, 1, tzinfo=UTC)
STATUSES = {"m-applied": "applied", "m-failed": "failed", "m-back": "rolled_back", "m-running": "running"}


def info(number: int, days: float, **more: object) -> BackupInfo:
    """A backup ``days`` old."""
    created = (NOW - timedelta(days=days)).isoformat().replace("+00:00", "Z")
    backup_id = f"{number:032x}"
    values = {"doctype": "Customer", "type": "FULL", "size": 100, "checksum": "c", **more}
    return BackupInfo(id=backup_id, created_at=created, path=f"/s/{backup_id}.sdbk", **values)  # type: ignore[arg-type]


def decided(infos: list[BackupInfo], options: PruneOptions, **more: object) -> Decision:
    """The decision where every file is good."""
    values = {"now": NOW, "statuses": STATUSES, "good": lambda _: True, **more}
    return decide(infos, options, **values)  # type: ignore[arg-type]


@st.composite
def stores(draw: st.DrawFn) -> list[BackupInfo]:
    """Backups of three tables and of the database: chains that branch, orphans, and some made for migrations."""
    found: list[BackupInfo] = []
    for number in range(draw(st.integers(0, 14))):
        days = draw(st.integers(0, 400))
        parents = [other for other in found if other.type in ("FULL", "INCREMENTAL")]
        if parents and draw(st.booleans()):
            parent = draw(st.sampled_from(parents))
            made = info(number, days, type="INCREMENTAL", parent=parent.id, doctype=parent.doctype, scope=parent.scope)
            found.append(made)
            continue
        scope = draw(st.sampled_from(["table", "database"]))
        doctype = "" if scope == "database" else draw(st.sampled_from(["Customer", "Item"]))
        migration = draw(st.sampled_from([None, None, *STATUSES, "m-unknown"]))
        kind = draw(st.sampled_from(["FULL", "COLUMN", "SCHEMA"]))
        size = draw(st.integers(0, 1000))
        found.append(info(number, days, type=kind, scope=scope, doctype=doctype, migration_id=migration, size=size))
    lost = {backup.id for backup in draw(st.lists(st.sampled_from(found), max_size=4))} if found else set()
    return [backup for backup in draw(st.permutations(found)) if backup.id not in lost]


limits = st.builds(
    PruneOptions,
    max_age=st.none() | st.integers(0, 300),
    max_count=st.none() | st.integers(0, 3),
    max_size=st.none() | st.integers(0, 3000),
    forgotten=st.booleans(),
)


@given(stores(), limits, st.data())
def test_what_is_never_given_up(infos: list[BackupInfo], options: PruneOptions, data: st.DataObject) -> None:
    """Whatever the limits: no backup that is needed, a parent of one that stays, or the newest good one, goes."""
    some = st.sets(st.sampled_from([backup.id for backup in infos])) if infos else st.just(set())
    bad = data.draw(some)
    decision = decided(infos, options, good=lambda backup: backup.id not in bad)
    gone = {backup.id for backup in decision.delete}
    stays = {backup.id for backup, _ in decision.keep}
    assert gone | stays == {backup.id for backup in infos} and not gone & stays
    for backup in infos:
        if backup.id in gone:
            assert STATUSES.get(backup.migration_id or "") not in ("applied", "running")
            assert backup.migration_id != "m-unknown" or options.forgotten
        else:
            assert backup.parent not in gone, "a parent of what stays is gone"
    for chain in chains(infos):
        assert len({backup.id in gone for backup in chain}) == 1, "half a chain"
    _the_newest_good_one_stays(infos, bad, gone)


def _the_newest_good_one_stays(infos: list[BackupInfo], bad: set[str], gone: set[str]) -> None:
    whole = [chain for chain in chains(infos) if chain[0].type == "FULL"]
    on_demand = [chain for chain in whole if not any(backup.migration_id for backup in chain)]
    for subject in {(chain[0].scope, chain[0].doctype) for chain in on_demand}:
        mine = [chain for chain in on_demand if (chain[0].scope, chain[0].doctype) == subject]
        good = [chain for chain in mine if not {backup.id for backup in chain} & bad]
        assert not good or not {backup.id for backup in good[-1]} & gone, "the newest good one is gone"


@given(stores(), limits)
def test_a_stop_in_the_middle_leaves_no_child_alone(infos: list[BackupInfo], options: PruneOptions) -> None:
    """After each single deletion every chain that was whole still is whole down to what is left of it."""
    present = {backup.id: backup for backup in infos}
    whole = {backup.id for backup in infos if chain_of(backup, infos)[0].parent is None}
    for gone in decided(infos, options).delete:
        del present[gone.id]
        assert all(present[backup].parent in present for backup in whole & set(present) if present[backup].parent)


@given(stores())
def test_without_a_limit_nothing_goes(infos: list[BackupInfo]) -> None:
    """Retention that was not asked for deletes nothing."""
    assert decided(infos, PruneOptions()).delete == ()


@given(stores(), limits)
def test_a_second_prune_finds_nothing(infos: list[BackupInfo], options: PruneOptions) -> None:
    """What stays after one prune stays after the next."""
    kept = [backup for backup, _ in decided(infos, options).keep]
    assert decided(kept, options).delete == ()


def test_age_count_and_size() -> None:
    """Each limit takes the oldest beyond it; what is left is the newest."""
    infos = [info(number, days) for number, days in enumerate((50, 40, 30, 20, 10))]
    gone = [backup.id for backup in decided(infos, PruneOptions(max_age=25)).delete]
    assert gone == [backup.id for backup in infos[:3]]
    assert len(decided(infos, PruneOptions(max_count=2)).delete) == 3
    assert len(decided(infos, PruneOptions(max_size=250)).delete) == 3
    assert len(decided(infos, PruneOptions(max_size=0)).delete) == 4  # the newest stays whatever is asked


def test_the_newest_that_is_damaged_does_not_count() -> None:
    """When the newest backup is damaged, the one before it is the last good one, and stays."""
    old, new = info(1, 100), info(2, 90)
    decision = decided([old, new], PruneOptions(max_age=1), good=lambda backup: backup is not new)
    assert [backup.id for backup in decision.delete] == [new.id]


def test_an_incremental_backup_holds_its_chain() -> None:
    """A chain is as old as its newest part."""
    full = info(1, 100)
    child = info(2, 1, type="INCREMENTAL", parent=full.id)
    other = info(3, 0)
    assert decided([full, child, other], PruneOptions(max_age=30)).delete == ()
    late = replace(child, created_at=full.created_at)
    assert [backup.id for backup in decided([full, late, other], PruneOptions(max_age=30)).delete] == [late.id, full.id]


def test_a_ring_of_parents_ends() -> None:
    """Rows that were altered so that parents close a ring are one chain, and are walked once."""
    one = info(1, 5, type="INCREMENTAL", parent=f"{2:032x}")
    two = info(2, 4, type="INCREMENTAL", parent=one.id)
    tail = info(3, 3, type="INCREMENTAL", parent=two.id)
    assert len(chains([one, two, tail])) == 1
    assert len(chain_of(tail, [one, two, tail])) <= 4
    decided([one, two, tail], PruneOptions(max_age=0))


@pytest.mark.parametrize("limit", ["max_age", "max_count", "max_size"])
def test_a_limit_below_zero_is_refused(limit: str) -> None:
    """A limit is a number from zero on."""
    with pytest.raises(ConfigurationError, match=limit):
        PruneOptions(**{limit: -1})  # type: ignore[arg-type]


def test_what_was_made_before_a_restore_is_no_stand_in() -> None:
    """It may hold what was to be mended: the older one somebody asked for stays; a later one built on it counts."""
    asked, before = info(1, 9), info(2, 5, about={"reason": "before restore of 000"})
    decision = decided([asked, before], PruneOptions(max_age=1))
    assert [backup.id for backup in decision.delete] == [before.id]
    later = info(3, 4, type="INCREMENTAL", parent=before.id)
    decision = decided([asked, before, later], PruneOptions(max_age=1))
    assert [backup.id for backup in decision.delete] == [asked.id]
