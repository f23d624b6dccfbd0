"""Which declared renames apply, and in which order they can be carried out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sodaf_migrate.compare.renames import rename_order, resolve_renames
from sodaf_migrate.schema.model import fold


@pytest.mark.parametrize(
    ("live", "declared", "done", "expected"),
    [
        pytest.param("a", [("a", "b")], [], [("a", "b")], id="plain"),
        pytest.param("b", [("a", "b")], [], [], id="done already"),
        pytest.param("a b", [("a", "b")], [], [], id="both there: never over an existing column"),
        pytest.param("a b", [("a", "b"), ("b", "c")], [], [("a", "b"), ("b", "c")], id="chain"),
        pytest.param("b c", [("a", "b"), ("b", "c")], [], [], id="chain done already"),
        pytest.param("a b", [("a", "b"), ("b", "a")], [], [("a", "b"), ("b", "a")], id="swap"),
        pytest.param("a b", [("a", "b"), ("b", "a")], [("a", "b"), ("b", "a")], [], id="swap done already"),
        pytest.param("a", [("z", "b"), ("a", "b")], [], [("a", "b")], id="the former name that lives"),
        pytest.param("A", [("a", "b")], [], [("A", "b")], id="case aside"),
        pytest.param("a", [("a", "b"), ("a", "c")], [], [("a", "b")], id="one column goes to one name"),
    ],
)
def test_declared_renames_that_apply(live: str, declared: list, done: list, expected: list) -> None:
    """Each situation of old and new names gives the renames that a person would make."""
    assert list(resolve_renames(live.split(), declared, done)) == expected


NAMES = st.sampled_from(["a", "b", "c", "d", "e"])


@given(st.sets(NAMES), st.lists(st.tuples(NAMES, NAMES), max_size=6))
def test_resolved_renames_can_be_carried_out(live: set[str], declared: list[tuple[str, str]]) -> None:
    """Any declaration resolves to renames that, one after the other, never meet a taken name and end as declared."""
    pairs = resolve_renames(sorted(live), declared)
    columns = {name: name for name in live}  # name now -> name before
    for old, new in rename_order(pairs, sorted(live)):
        assert old in columns and (new not in columns or fold(old) == fold(new))
        columns[new] = columns.pop(old)
    assert {(before, now) for now, before in columns.items() if before != now} == set(pairs)
