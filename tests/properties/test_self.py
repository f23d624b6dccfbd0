"""A schema beside itself: nothing to do, whatever its constructs and however it is spelled."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing

from hypothesis import given
from hypothesis import strategies as st

from sodaf_migrate import MigrationApplier, Schema, SyncOptions
from tests.generators.make import schema
from tests.generators.rows import rows
from tests.generators.spell import script, statements
from tests.oracle import difference, schema_difference, snapshot
from tests.properties.pairs import run, seen

SEEDS = st.integers(0, 2**40)


@given(SEEDS)
def test_a_schema_needs_nothing_to_be_itself(seed: int) -> None:
    """Written to a database with rows and read again, a schema given as SQL finds no change, and changes nothing."""
    made = statements(schema(seed), random.Random(seed))
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        run(connection, made)
        rows(connection, random.Random(seed))
        before = snapshot(connection)
        result = MigrationApplier(connection).sync_schema(
            Schema.from_sql(script(made)), SyncOptions(column_order="match")
        )
        assert not result.changed, result.sql
        assert difference(before, seen(connection)) == []


@given(SEEDS)
def test_written_from_nothing_and_again(seed: int) -> None:
    """Synced into an empty database a schema is what plain SQLite makes of its text; a second sync finds nothing."""
    made = statements(schema(seed), random.Random(seed))
    wish = Schema.from_sql(script(made))
    with (
        closing(sqlite3.connect(":memory:", isolation_level=None)) as connection,
        closing(sqlite3.connect(":memory:", isolation_level=None)) as plain,
    ):
        run(plain, made)
        applier = MigrationApplier(connection)
        assert applier.sync_schema(wish).changed
        assert schema_difference(seen(connection), snapshot(plain)) == []
        assert not applier.sync_schema(wish, SyncOptions(column_order="match")).changed


@given(SEEDS)
def test_to_sql_makes_the_same_schema(seed: int) -> None:
    """``to_sql`` of what ``from_sql`` read is a script that plain SQLite makes the same schema of."""
    made = statements(schema(seed), random.Random(seed))
    text = Schema.from_sql(script(made)).to_sql()
    with (
        closing(sqlite3.connect(":memory:", isolation_level=None)) as one,
        closing(sqlite3.connect(":memory:", isolation_level=None)) as other,
    ):
        run(one, made)
        other.executescript(text)
        assert schema_difference(snapshot(one), snapshot(other)) == []
        assert Schema.from_sql(text) == Schema.from_sql(script(made))


@given(SEEDS, st.integers(0, 2**40))
def test_spelling_is_no_change(seed: int, spelling: int) -> None:
    """The same schema in another spelling is the same wish; where a text is taken over, nothing else changes."""
    model = schema(seed)
    one, other = statements(model, random.Random(seed)), statements(model, random.Random(spelling))
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        run(connection, one)
        rows(connection, random.Random(seed))
        before = snapshot(connection)
        result = MigrationApplier(connection).sync_schema(
            Schema.from_sql(script(other)), SyncOptions(column_order="match", force=True)
        )
        assert not result.changed, result.sql
        assert difference(before, seen(connection)) == []
