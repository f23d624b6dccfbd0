"""Names and constants, as SQLite reads them back."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sodaf_migrate.dialects.sqlite.names import literal, quote
from sodaf_migrate.errors import DefinitionError

CHARACTERS = st.characters(exclude_categories=["Cs"])
VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    # SQLite 3.40 itself reads some very large and very small numbers a digit off.
    st.floats(allow_nan=False).filter(lambda value: not value or 1e-15 < abs(value) < 1e15 or abs(value) == math.inf),
    st.text(CHARACTERS),
    st.binary(),
    st.booleans(),
)


@given(VALUES)
def test_a_literal_is_the_value(value: object) -> None:
    """SQLite computes exactly the value from its literal, of the same storage class, also as a DEFAULT."""
    text = literal(value)  # type: ignore[arg-type]
    expected = int(value) if isinstance(value, bool) else value
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"CREATE TABLE t(a DEFAULT {text})")
        connection.execute("INSERT INTO t DEFAULT VALUES")
        for query in (f"SELECT {text}", "SELECT a FROM t"):
            (found,) = connection.execute(query).fetchone()
            assert found == expected and type(found) is type(expected)


def test_what_sqlite_cannot_hold() -> None:
    """NaN is NULL to SQLite; an integer beyond 64 bits is refused rather than rounded."""
    assert literal(math.nan) == "NULL"
    for value in (2**63, -(2**63) - 1):
        with pytest.raises(DefinitionError) as caught:
            literal(value)
        assert str(value) in caught.value.message and caught.value.hint


@given(st.text(CHARACTERS.filter(lambda char: char != "\0")))
def test_a_quoted_name_is_the_name(name: str) -> None:
    """Any name survives its quotes."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"CREATE TABLE t({quote(name)} INT)")
        assert connection.execute("SELECT name FROM pragma_table_info('t')").fetchone() == (name,)
