"""A unique index that stays while what it is about changes its type: done, or refused in words.

``SODAF_TEST_SEED`` begins elsewhere, ``SODAF_TEST_DEEP=1`` tries twenty times as many.
"""

from __future__ import annotations

import os
import random
import sqlite3
from collections import Counter
from contextlib import closing

import pytest

from sodaf_migrate import DataLossRiskError, MigrationApplier, MigrationError, MigrationResult, Schema, SyncOptions

TABLE = "CREATE TABLE t (id INTEGER PRIMARY KEY, a {}, b TEXT);"
INDEXES = {
    "alone": "CREATE UNIQUE INDEX u ON t (a)",
    "collated": "CREATE UNIQUE INDEX u ON t (a COLLATE NOCASE)",
    "with another": "CREATE UNIQUE INDEX u ON t (b, a)",
    "partial": "CREATE UNIQUE INDEX u ON t (a) WHERE b IS NOT NULL",
    "an expression": "CREATE UNIQUE INDEX u ON t (a || '')",
    "typed rows": "CREATE UNIQUE INDEX u ON t (b) WHERE typeof(a) = 'integer'",
    "filled rows": "CREATE UNIQUE INDEX u ON t (b) WHERE substr(a, 1, 1) NOTNULL",
    "compared rows": "CREATE UNIQUE INDEX u ON t (b) WHERE a < 5",
}


def retyped(index: str, rows: list[tuple[object, object]], types: tuple[str, str], **how: object) -> MigrationResult:
    """The column ``a`` changes its type under the index."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute(TABLE.format(types[0]))
        connection.execute(INDEXES[index])
        connection.executemany("INSERT INTO t (a, b) VALUES (?, ?)", rows)
        applier = MigrationApplier(connection)
        applier.adopt_schema()
        return applier.sync_schema(Schema.from_sql(TABLE.format(types[1]) + INDEXES[index]), SyncOptions(**how))


@pytest.mark.parametrize("index", ["alone", "partial", "an expression"])
def test_rows_that_would_repeat_each_other_are_counted_first(index: str) -> None:
    """The refusal names the index, the rows and the way out; where that is allowed, it is done."""
    rows: list[tuple[object, object]] = [("1", "x"), ("01", "y"), ("3", None)]
    with pytest.raises(DataLossRiskError, match=r"the unique \(u\) \(1 row\)") as caught:
        retyped(index, rows, ("TEXT", "INTEGER"), allow={"lossy_conversion", "irreversible"})
    assert "drop_duplicates:t" in (caught.value.hint or "")
    assert retyped(index, rows, ("TEXT", "INTEGER"), force=True).changed


def test_rows_outside_a_partial_index_may_repeat_each_other() -> None:
    """Its WHERE counts."""
    rows: list[tuple[object, object]] = [("1", "x"), ("01", None), ("001", None)]
    assert retyped("partial", rows, ("TEXT", "INTEGER"), allow={"lossy_conversion", "irreversible"}).changed


@pytest.mark.parametrize("index", ["typed rows", "compared rows"])
def test_what_only_the_new_type_can_tell_is_said_by_the_index_that_is_not_made(index: str) -> None:
    """It names index, table and rows, and what to do."""
    rows: list[tuple[object, object]] = [("1", "x"), ("2", "x"), ("7", "y")]
    with pytest.raises(
        MigrationError, match=r'Rows of "t" repeat others under the unique index "u".*: 1, such as \'x\''
    ) as caught:
        retyped(index, rows, ("BLOB", "INTEGER"), force=True)
    assert 'drop "u"' in (caught.value.hint or "")


def test_never_in_the_words_of_sqlite() -> None:
    """Whatever the values, types and index: it is done, or refused in a sentence that names the index."""
    deep = os.environ.get("SODAF_TEST_DEEP") == "1"
    rng = random.Random(int(os.environ.get("SODAF_TEST_SEED", "0")))
    values = [
        "1",
        "01",
        "1",
        "01",
        "1.0",
        "1e0",
        " 1",
        "a",
        "A",
        "",
        None,
        1,
        1.0,
        1.5,
        "1.5",
        b"1",
        -0.0,
        2**62,
        "9e18",
    ]
    types = ["TEXT", "INTEGER", "REAL", "NUMERIC", "BLOB", "TEXT COLLATE NOCASE"]
    counted: Counter[str] = Counter()
    for _ in range(2_000 if deep else 100):
        index, old, new = rng.choice(list(INDEXES)), rng.choice(types), rng.choice(types)
        rows = [(rng.choice(values), rng.choice(["x", "y", None])) for _ in range(rng.randint(1, 3))]
        for allowed in (["lossy_conversion", "irreversible"], ["drop_duplicates", "lossy_conversion", "irreversible"]):
            try:
                retyped(index, rows, (old, new), allow=allowed)
                counted["done"] += 1
            except sqlite3.IntegrityError:  # the rows repeat each other as it is
                counted["no such rows"] += 1
            except MigrationError as error:
                counted["refused"] += 1
                said = f"{index} {old} -> {new} {rows}: {error}"
                assert "constraint failed" not in error.message, said
                assert "(u)" in error.message or '"u"' in error.message, said
    assert counted["done"] > 20 and counted["refused"] > 2, counted
