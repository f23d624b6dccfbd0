"""Whatever is altered, taken out or moved in the history shows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sodaf_migrate.errors import HistoryError, StatementError
from sodaf_migrate.history.chain import GENESIS, Event, Head
from sodaf_migrate.history.manager import MigrationHistoryManager
from sodaf_migrate.history.record import COLUMNS
from sodaf_migrate.wire.connection import Wire
from sodaf_migrate.wire.open import memory_wire
from tests.history.conftest import apply, history_on, name, plan_of

KEYS = st.sampled_from([None, b"site key"])


def fill(wire: Wire, key: bytes | None = None) -> MigrationHistoryManager:
    """A history with every kind of event, on which tampering is possible."""
    history = history_on(wire, key)
    first = apply(history, plan_of(owns="ab"))
    history.adopt("D", [name("x")], declared=[("tabD", "old", "new")])
    apply(history, plan_of(owns="abc"))
    history.mark_rolled_back(first, by=apply(history, plan_of()))
    apply(history, plan_of("E"))
    history.clear_history("E")
    history.record_failure(history.new_record(plan_of()).failed("no"))
    history.adopt("F", [name("y")])
    assert history.verify() == ()
    for trigger in ("tabMigrationEvent_no_update", "tabMigrationEvent_no_delete"):
        wire.run(f'DROP TRIGGER "{trigger}"')
    return history


def shows(history: MigrationHistoryManager) -> bool:
    """Whether something is found to be wrong."""
    try:
        return bool(history.verify())
    except HistoryError:  # an event that claims a newer layout
        return True


def other(value: Any) -> Any:
    """A value that is not ``value``."""
    return value + 1 if isinstance(value, int) else f"{value or ''}x"


@given(KEYS, st.data())
def test_altering_any_value_of_any_event(key: bytes | None, data: st.DataObject) -> None:
    """One column of one event, changed to something else."""
    with memory_wire() as wire:
        history = fill(wire, key)
        event = data.draw(st.sampled_from(history.events()))
        column = data.draw(st.sampled_from([column for column in Event.__slots__ if column != "seq"]))
        value = data.draw(st.sampled_from([other(getattr(event, column)), b"\xff\x00", 7, ""]))
        if value == getattr(event, column):
            return
        wire.run(f"UPDATE tabMigrationEvent SET {column} = ? WHERE seq = ?", (value, event.seq))
        assert shows(history)


@given(KEYS, st.data())
def test_taking_out_any_events(key: bytes | None, data: st.DataObject) -> None:
    """Any of them, the first and the last too."""
    with memory_wire() as wire:
        history = fill(wire, key)
        numbers = [event.seq for event in history.events()]
        for gone in data.draw(st.lists(st.sampled_from(numbers), min_size=1, unique=True)):
            wire.run("DELETE FROM tabMigrationEvent WHERE seq = ?", (gone,))
        assert shows(history)


@given(KEYS, st.permutations(range(1, 12)), st.booleans())
def test_moving_events(key: bytes | None, order: list[int], whole: bool) -> None:
    """In any other order, with their numbers rewritten so that nothing seems to be missing."""
    with memory_wire() as wire:
        history = fill(wire, key)
        events = history.events()
        order = [number for number in order if number <= len(events)]
        order += [event.seq for event in events if event.seq not in order]
        if order == sorted(order):
            return
        wire.run("UPDATE tabMigrationEvent SET seq = -seq")
        for place, number in enumerate(order, 1):
            wire.run("UPDATE tabMigrationEvent SET seq = ? WHERE seq = ?", (place, -number))
        if whole:  # and each made to name the hash of the one that stands before it now
            before = "(SELECT hash FROM tabMigrationEvent b WHERE b.seq = e.seq - 1)"
            wire.run(f"UPDATE tabMigrationEvent AS e SET previous = ifnull({before}, ?)", (GENESIS,))
        assert shows(history)


@given(KEYS, st.data())
def test_altering_any_value_of_any_record(key: bytes | None, data: st.DataObject) -> None:
    """With the record's own checksum made to fit, too."""
    with memory_wire() as wire:
        history = fill(wire, key)
        record = data.draw(st.sampled_from(history.get_migration_history()))
        column = data.draw(st.sampled_from(COLUMNS))
        value = other(getattr(record, column))
        wire.run(f"UPDATE tabMigrationHistory SET {column} = ? WHERE id = ?", (value, record.id))
        if data.draw(st.booleans()):
            id = value if column == "id" else record.id
            forged = history.get_migration_by_id(id).checksum
            wire.run("UPDATE tabMigrationHistory SET checksum = ? WHERE id = ?", (forged, id))
        assert shows(history)


@given(KEYS, st.data())
def test_taking_out_or_putting_in_records(key: bytes | None, data: st.DataObject) -> None:
    """A record without its event, an event without its record."""
    with memory_wire() as wire:
        history = fill(wire, key)
        record = data.draw(st.sampled_from(history.get_migration_history()))
        if data.draw(st.booleans()):
            wire.run("DELETE FROM tabMigrationHistory WHERE id = ?", (record.id,))
            assert [problem.code for problem in history.verify()] == ["missing"]
        else:
            columns = ", ".join(COLUMNS[1:])
            wire.run(
                f"INSERT INTO tabMigrationHistory SELECT 'new', {columns}, checksum FROM tabMigrationHistory LIMIT 1"
            )
            assert [problem.code for problem in history.verify()] == ["unknown"]


def test_an_honest_history_has_no_problems() -> None:
    """With and without a key; a key given later seals from there on."""
    with memory_wire() as wire:
        fill(wire)
        sealed = history_on(wire, b"key")
        assert sealed.verify() == ()
        sealed.adopt("G", [])
        assert sealed.verify() == ()
        assert [problem.code for problem in history_on(wire).verify()] == ["locked"]
        assert [problem.code for problem in history_on(wire, b"another").verify()] == ["locked"]
        assert history_on(wire, (b"another", b"key")).verify() == ()
        history_on(wire).adopt("H", [])
        assert [problem.code for problem in sealed.verify()] == ["unsealed"]


def test_a_chain_made_anew_needs_a_head_from_elsewhere() -> None:
    """Who rewrites everything without a key is found out by the head that a backup keeps."""
    with memory_wire() as wire:
        history = fill(wire)
        head = history.head()
        assert history.verify(expected=head) == history.verify(expected=Head()) == ()
        history.adopt("G", [])
        assert history.verify(expected=head) == ()
        for table in ("tabMigrationEvent", "tabMigrationHistory"):
            wire.run(f"DROP TABLE {table}")
        fresh = history_on(wire)
        fresh.adopt("D", [name("x")])
        assert fresh.verify() == ()
        assert [problem.code for problem in fresh.verify(expected=head)] == ["cut"]


def test_the_newest_cut_off() -> None:
    """SQLite remembers how many there were."""
    with memory_wire() as wire:
        history = fill(wire)
        wire.run("DELETE FROM tabMigrationEvent WHERE seq > 3 AND kind = 'adopted'")
        assert "cut" in {problem.code for problem in history.verify()}
        wire.run("DROP TABLE tabMigrationEvent")
        assert {problem.code for problem in history.verify()} == {"unknown"}
        assert all(str(problem) == problem.message for problem in history.verify())


def test_events_are_never_changed_by_accident(history: MigrationHistoryManager, wire: Wire) -> None:
    """SQLite itself refuses UPDATE and DELETE."""
    apply(history, plan_of())
    for sql in ("UPDATE tabMigrationEvent SET kind = 'x'", "DELETE FROM tabMigrationEvent"):
        with pytest.raises(StatementError, match="never"):
            wire.run(sql)
