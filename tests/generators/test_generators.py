"""The generators make what SQLite takes, reach every construct and kind of change, and do it fast enough to be used."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.generators.change import KINDS, pair
from tests.generators.constructs import CONSTRUCTS, constructs
from tests.generators.doctypes import EDITS, FIELD_TYPES, doctypes, edited
from tests.generators.make import schema
from tests.generators.model import Model
from tests.generators.rows import rows
from tests.generators.spell import script, statements
from tests.oracle import integrity, schema_difference, snapshot

SEEDS = range(1_000)


def database(made: Iterable[str]) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for statement in made:
        connection.execute(statement)
    return connection


def at_least(share: float, counted: Counter[str], names: Iterable[str]) -> dict[str, int]:
    """The names that were counted in too few of a thousand examples."""
    return {name: counted[name] for name in names if counted[name] < share * len(SEEDS)}


def test_every_schema_can_be_created_and_filled() -> None:
    """A thousand schemas are taken by SQLite as they are; 95 % of the fills and of the tables get rows."""
    used: Counter[str] = Counter()
    filled: Counter[str] = Counter()
    for seed in SEEDS:
        model = schema(seed)
        used.update(constructs(model))
        with closing(database(statements(model, random.Random(seed)))) as connection:
            counts = rows(connection, random.Random(seed))
        filled["fills"] += any(counts.values())
        filled["tables"] += sum(map(bool, counts.values()))
        filled["of"] += len(counts)
    assert filled["fills"] >= 0.95 * len(SEEDS), filled
    assert filled["tables"] >= 0.95 * filled["of"], filled
    assert at_least(0.01, used, CONSTRUCTS) == {}
    assert set(used) <= CONSTRUCTS


def test_every_pair_can_be_created_and_every_kind_is_used() -> None:
    """A thousand pairs: both sides are taken by SQLite, and each kind of change is in 1 % of them."""
    used: Counter[str] = Counter()
    for seed in SEEDS:
        made = pair(seed)
        used.update(set(made.kinds))
        for model in (made.a, made.b):
            database(statements(model, random.Random(seed))).close()
    assert at_least(0.01, used, [*KINDS, "independent"]) == {}


@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_spellings_of_one_model_mean_the_same(seed: int, spelling: int) -> None:
    """Whatever the quoting, order and place of a constraint, the oracle sees one schema."""
    model = schema(seed)
    with (
        closing(database(statements(model))) as plain,
        closing(database(statements(model, random.Random(spelling)))) as varied,
    ):
        assert schema_difference(snapshot(plain), snapshot(varied)) == []


@given(st.integers(0, 2**40))
def test_a_seed_gives_the_same_again(seed: int) -> None:
    """Schema, pair, rows and DocTypes depend on the seed alone."""

    def texts(model: Model) -> str:
        return script(statements(model, random.Random(seed)))

    assert texts(schema(seed)) == texts(schema(seed))
    one, two = pair(seed), pair(seed)
    assert (texts(one.a), texts(one.b), one.kinds) == (texts(two.a), texts(two.b), two.kinds)
    assert one.column_renames() == two.column_renames()
    assert doctypes(seed) == doctypes(seed)
    assert edited(seed, doctypes(seed)) == edited(seed, doctypes(seed))
    filled = []
    for _ in range(2):
        with closing(database(statements(one.a))) as connection:
            counts = rows(connection, random.Random(seed))
            filled.append((counts, snapshot(connection)))
    clock = any("CURRENT_" in text or "now" in text for text in statements(one.a))
    assert filled[0][0] == filled[1][0]
    assert clock or filled[0][1] == filled[1][1]


@given(st.integers(0, 2**40))
def test_rows_break_nothing(seed: int) -> None:
    """Filled tables pass integrity_check and foreign_key_check, and settings are as before."""
    with closing(database(statements(schema(seed)))) as connection:
        rows(connection, random.Random(seed))
        assert integrity(connection) == []
        assert connection.execute("PRAGMA foreign_keys").fetchone()[0] == 0
        assert not connection.in_transaction


def test_rows_hold_odd_values() -> None:
    """Over a hundred fills: every storage class, 64-bit integers, NUL in text, gaps, a sequence ahead of the rows."""
    seen: Counter[str] = Counter()
    for seed in range(100):
        with closing(database(statements(schema(seed)))) as connection:
            rows(connection, random.Random(seed))
            facts = snapshot(connection).facts
        values = [fact for address, fact in facts.items() if address[0] == "row" and isinstance(fact, tuple)]
        seen.update(kind for kind, _ in values)
        seen["large"] += sum(kind == "integer" and abs(value) >= 2**53 for kind, value in values)
        seen["nul"] += sum(kind == "text" and b"\x00" in value for kind, value in values)
        rowids = {address[:3] for address in facts if address[0] == "row" and isinstance(address[2], int)}
        for table, sequence in facts.get(("sequence",), ()):
            seen["ahead"] += sequence > max((r for _, name, r in rowids if name == table), default=0)
    for what in ("null", "integer", "real", "text", "blob", "large", "nul", "ahead"):
        assert seen[what] >= 5, seen


def test_doctypes_reach_every_field_type_and_edit() -> None:
    """A thousand folders: all field types, kinds and spellings of DocTypes, and all edits in 1 % of them."""
    used: Counter[str] = Counter()
    for seed in SEEDS:
        documents = doctypes(seed)
        used.update({field["fieldtype"] for document in documents for field in document["fields"]})
        used.update({key for document in documents for key in document})
        used.update({key for document in documents for field in document["fields"] for key in field})
        used.update(set(edited(seed, documents)[1]))
    flags = ["istable", "issingle", "is_tree", "is_submittable", "is_virtual", "track_seen", "autoname", "table_name"]
    keys = ["reqd", "required", "not_nullable", "unique", "indexed", "search_index", "length", "precision", "default"]
    names = [name for names in FIELD_TYPES.values() for name in names]
    assert at_least(0.01, used, [*names, *flags, *keys, *EDITS, "doctype", "indexes"]) == {}


@pytest.mark.parametrize("seed", range(20))
def test_edits_leave_the_first_folder_alone(seed: int) -> None:
    """``edited`` works on a copy."""
    documents = doctypes(seed)
    edited(seed, documents)
    assert documents == doctypes(seed)
