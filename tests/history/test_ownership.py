"""What is ours: a fold over what happened, in order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sodaf_migrate.history.manager import MigrationHistoryManager
from sodaf_migrate.history.ownership import Entry, standing
from sodaf_migrate.schema.model import ObjectName
from sodaf_migrate.wire.open import memory_wire
from tests.history.conftest import apply, history_on, name, plan_of


def letters(history: MigrationHistoryManager, doctype: str | None = "C") -> str:
    """The columns that are ours, in order."""
    return "".join(sorted(found.name for found in history.owned(doctype)))


def test_owns_and_disowns(history: MigrationHistoryManager) -> None:
    """What plans say, one after the other, of each DocType and of all."""
    apply(history, plan_of(owns="ab"))
    apply(history, plan_of(owns="bc", disowns="a"))
    apply(history, plan_of("D", owns="x"))
    assert letters(history) == "bc" and letters(history, "D") == "x" and letters(history, None) == "bcx"


def test_names_are_folded(history: MigrationHistoryManager) -> None:
    """As SQL compares them."""
    apply(history, plan_of(owns="AB"))
    assert history.owned() == {ObjectName("column", "tabc", "a"), ObjectName("column", "tabc", "b")}


def test_what_failed_or_is_pending_owns_nothing(history: MigrationHistoryManager) -> None:
    """Only what was applied counts."""
    history.record_migration(history.new_record(plan_of(owns="a")))
    history.record_failure(history.new_record(plan_of(owns="b")).failed("no"))
    assert letters(history) == ""
    history.update_migration_status(history.get_pending_migrations()[0].id, "applied")
    assert letters(history) == "a"


def test_adopting(history: MigrationHistoryManager) -> None:
    """Live objects become ours without a migration, and renames declared so far count as done."""
    history.adopt("C", [name("a"), name("B")], declared=[("tabC", "old", "a")], version="1")
    assert letters(history) == "ab" and history.declared("C") == {("tabC", "old", "a")}
    assert history.get_migration_history() == () and history.get_latest_migration("C") is None


def test_rollback_and_its_rollback(history: MigrationHistoryManager) -> None:
    """A migration that was taken back never was; taking that back brings it into force again."""
    apply(history, plan_of(owns="a"))
    second = apply(history, plan_of(owns="ab", details={"declared": [["tabC", "x", "b"]]}))
    back = apply(history, plan_of())
    history.mark_rolled_back(second, by=back)
    assert letters(history) == "a" and history.declared("C") == frozenset()
    again = apply(history, plan_of())
    history.mark_rolled_back(back, by=again)
    assert letters(history) == "ab" and history.declared("C") == {("tabC", "x", "b")}


def test_renames_are_followed(history: MigrationHistoryManager) -> None:
    """A swap of columns, then a renamed table that takes its columns along."""
    apply(history, plan_of(owns="ab"))
    apply(history, plan_of(renames=((name("a"), name("b")), (name("b"), name("c")))))
    assert letters(history) == "bc"
    old, new = ObjectName("table", "tabC", "tabC"), ObjectName("table", "tabD", "tabD")
    inner = (ObjectName("column", "tabD", "c"), ObjectName("column", "tabD", "d"))
    history.adopt("C", [old])
    apply(history, plan_of(renames=((old, new), inner)))
    assert history.owned() == {
        ObjectName("table", "tabd", "tabd"),
        ObjectName("column", "tabd", "b"),
        ObjectName("column", "tabd", "d"),
    }


NAMES = st.frozensets(st.sampled_from("abcde"), max_size=4).map(lambda found: "".join(sorted(found)))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("apply"), NAMES, NAMES),
        st.tuples(st.just("adopt"), NAMES, st.just("")),
        st.tuples(st.just("undo"), st.just(""), st.just("")),
        st.tuples(st.just("clear"), st.just(""), st.just("")),
        st.tuples(st.just("fail"), NAMES, NAMES),
    ),
    max_size=12,
)


@given(STEPS)
def test_against_a_plain_model(steps: list[tuple[str, str, str]]) -> None:
    """Any order of migrations, adoptions, rollbacks of the newest, failures and clearings."""
    with memory_wire() as wire:
        history = history_on(wire)
        ours: set[str] = set()
        undoable: list[tuple[str, set[str]]] = []
        for kind, owns, disowns in steps:
            if kind == "apply":
                undoable.append((apply(history, plan_of(owns=owns, disowns=disowns)), set(ours)))
                ours = (ours - set(disowns)) | set(owns)
            elif kind == "adopt":
                history.adopt("C", map(name, owns))
                ours |= set(owns)
                undoable.clear()
            elif kind == "undo" and undoable:
                newest, ours = undoable.pop()
                history.mark_rolled_back(newest, by=apply(history, plan_of()))
            elif kind == "clear" and history.clear_history():
                undoable.clear()
            elif kind == "fail":
                history.record_failure(history.new_record(plan_of(owns=owns, disowns=disowns)).failed("no"))
            assert set(letters(history)) == ours == set(letters(history, None))
        assert history.verify() == ()


def test_the_fold_is_pure() -> None:
    """The same entries, the same answer; none, nothing."""
    entries = [Entry(kind="applied", id="1", owns=frozenset({name("a")})), Entry(kind="applied", id="2", reverses="1")]
    assert standing(entries) == standing(tuple(entries)) == standing([])
