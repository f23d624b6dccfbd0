"""What becomes of odd values under every change of field type, against real SQLite."""

from __future__ import annotations

import math
import os
import re
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sodaf_migrate.dialects.sqlite.conversion import (
    POLICIES,
    Conversion,
    SiteFormats,
    changed,
    conversion,
    policy_expression,
    side_expression,
)
from sodaf_migrate.doctype.catalogue import FIELD_TYPES
from sodaf_migrate.errors import ConfigurationError, DefinitionError
from tests.dialects import conversion_table as tables

GOLDEN = Path(__file__).parent / "golden"
DOCS = Path(__file__).resolve().parents[2] / "docs" / "conversions.md"
PAIRS = [(old, new) for old, new in product(tables.KINDS, repeat=2) if old != new]


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    """A database in memory."""
    connection = sqlite3.connect(":memory:")
    yield connection
    connection.close()


def check(path: Path, text: str) -> None:
    """The file says exactly this (and is written anew on demand)."""
    if os.environ.get("SODAF_WRITE_GOLDEN") == "1":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("old", tables.KINDS)
def test_golden(db: sqlite3.Connection, old: str) -> None:
    """Every odd value, stored in a column of this type, becomes what the table says in each other type."""
    check(GOLDEN / f"conversions.{old.lower()}.txt", tables.from_one(db, old))


def test_golden_in_another_encoding(db: sqlite3.Connection) -> None:
    """A database of UTF-16 gives the same table."""
    db.execute("PRAGMA encoding = 'UTF-16'")
    assert tables.from_one(db, "Data") == (GOLDEN / "conversions.data.txt").read_text(encoding="utf-8")


def test_golden_of_site_formats(db: sqlite3.Connection) -> None:
    """Stated formats of dates and numbers are read as the table says."""
    check(GOLDEN / "conversions.site.txt", tables.by_the_site(db))


def test_golden_of_lengths_and_options(db: sqlite3.Connection) -> None:
    """A length and a list of options judge values as the table says."""
    check(GOLDEN / "conversions.limits.txt", tables.by_limits(db))


def test_the_page_shows_what_the_code_does(db: sqlite3.Connection) -> None:
    """The tables of the page for users are those that the code gives."""
    check(DOCS, tables.documented(db, DOCS.read_text(encoding="utf-8")))


def test_types_of_one_kind_behave_alike() -> None:
    """Every pair of field types is the pair of their representatives, so the golden tables cover all of them."""
    assert set(tables.REPRESENTATIVES) == {FIELD_TYPES[name].storage for name in tables.WITH_COLUMN}
    for old, new in product(tables.WITH_COLUMN, repeat=2):
        kinds = (FIELD_TYPES[old].storage, FIELD_TYPES[new].storage)
        before, after = (tables.REPRESENTATIVES[kind] for kind in kinds)
        assert conversion(old, new, '"v"') == conversion(before, after, '"v"')
        assert tables.column(old) == tables.column(before)
        if kinds[0] is kinds[1]:
            assert conversion(old, new, '"v"').trivial


def test_long_text_behaves_like_data() -> None:
    """The one kind without a golden table of its own is that of Data, but for the length it does not have."""
    for other in tables.KINDS:
        assert conversion("Long Text", other, '"v"', length=5) == conversion("Data", other, '"v"', length=5)
        assert conversion(other, "Long Text", '"v"', length=5) == conversion(other, "Data", '"v"')


def test_trivial_changes() -> None:
    """Only changes that touch no value are trivial, and their value is the column itself."""
    assert conversion("Data", "Small Text", '"v"').value == '"v"'
    assert conversion("Select", "Link", '"v"').trivial
    trivial = {(old, new) for old, new in PAIRS if conversion(old, new, '"v"').trivial}
    assert trivial == {(old, "Data") for old in ("JSON", "Date", "Datetime", "Time")} | {("Check", "Int")}
    shrunk = conversion("Data", "Data", '"v"', length=3)
    assert not shrunk.trivial and shrunk.value == '"v"' and shrunk.lossy == shrunk.longer
    assert changed(shrunk, '"v"') == "0"


def test_types_without_a_column() -> None:
    """A type that makes no column, or does not exist, is refused."""
    with pytest.raises(DefinitionError, match='"Table" has no column'):
        conversion("Data", "Table", '"v"')
    with pytest.raises(DefinitionError, match='"Datum" is not a field type') as caught:
        conversion("Datum", "Data", '"v"')
    assert caught.value.hint


BAD_FORMATS = ("%d.%m", "%Y-%d-%m", "%d.%m.%y", "%H", "%M:%H", "%Y-%m-%d %H", "%d.%d.%Y", "plain", "100%", "%%Y", "")


@pytest.mark.parametrize("text", BAD_FORMATS)
def test_formats_that_would_be_guesses(text: str) -> None:
    """A format that does not name one moment, or would read ISO dates another way, is refused."""
    with pytest.raises(ConfigurationError, match="format"):
        SiteFormats(moments=(text,))


@pytest.mark.parametrize("text", ("#.###.##", "1,000", "#,##,###.##", "", "#,###.##x"))
def test_number_formats_that_are_unknown(text: str) -> None:
    """A form of numbers that is not known is refused."""
    with pytest.raises(ConfigurationError, match="format of numbers"):
        SiteFormats(numbers=(text,))


# Values of every kind: any at all, and such as look like something.
DIGITS = st.text("0123456789+-.eE, :TZ", max_size=24)
MOMENTS = st.datetimes(min_value=datetime(1, 1, 1)).flatmap(
    lambda at: st.sampled_from([str(at), at.isoformat(), str(at.date()), str(at.time()), at.isoformat("T", "minutes")])
)
TEXTS = st.one_of(st.text(max_size=30), DIGITS, MOMENTS, st.floats().map(repr), st.integers().map(str))
VALUES = st.one_of(
    TEXTS,
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.binary(max_size=12),
    st.sampled_from(tables.ODD),
)


def stored_in(old: str, collation: str, rows: list[Any]) -> sqlite3.Connection:
    """A database with one table of these rows, in a column of the type."""
    connection = sqlite3.connect(":memory:")
    connection.execute(f'CREATE TABLE t (n INTEGER PRIMARY KEY, "v" {tables.column(old)} COLLATE {collation})')
    connection.executemany('INSERT INTO t ("v") VALUES (?)', [(row,) for row in rows])
    return connection


def conversions(old: str, new: str) -> list[Conversion]:
    """The conversion as it is, and with everything that can be said besides."""
    given_too = conversion(old, new, '"v"', length=4, options=("a", "1"), formats=tables.SITE)
    return [conversion(old, new, '"v"'), given_too]


@cache
def questions(old: str, *, stated: bool) -> tuple[str, ...]:
    """What is asked about every conversion from ``old``."""
    pairs = [conversions(old, new)[stated] for new in [*tables.KINDS, "Select"]]
    answers = ((pair, [pair.exact, pair.lossy, pair.impossible, pair.one_way, pair.longer]) for pair in pairs)
    return tuple(
        f'SELECT "v", {", ".join(condition or "0" for condition in found)}, {pair.verdict}, {pair.value} FROM t'
        for pair, found in answers
    )


def assert_one_outcome(connection: sqlite3.Connection, *, old: str, stated: bool) -> None:
    """Each row meets one condition and no more, none if NULL; what is impossible has no value."""
    for query in questions(old, stated=stated):
        for stored, exact, lossy, impossible, one_way, longer, verdict, value in connection.execute(query):
            assert exact + lossy + impossible == (stored is not None)
            assert one_way <= exact and longer <= lossy
            assert (verdict is None) == (stored is None)
            assert not impossible or value is None
            assert not lossy or value is not None
    connection.close()


@pytest.mark.parametrize("old", tables.KINDS)
@given(rows=st.lists(VALUES, min_size=1, max_size=12), collation=st.sampled_from(["BINARY", "NOCASE", "RTRIM"]))
@example(rows=list(tables.ODD), collation="NOCASE")
@example(rows=list(tables.LOCAL), collation="RTRIM")
def test_each_value_has_one_outcome(old: str, rows: list[Any], collation: str) -> None:
    """Whatever is stored: no error, and exactly one outcome."""
    assert_one_outcome(stored_in(old, collation, rows), old=old, stated=False)


@pytest.mark.parametrize("old", ["Data", "Int", "Time"])
@settings(max_examples=settings().max_examples // 4)
@given(rows=st.lists(VALUES, min_size=30, max_size=60))
@example(rows=list(tables.ODD))
@example(rows=list(tables.LOCAL))
def test_each_value_has_one_outcome_by_the_site(old: str, rows: list[Any]) -> None:
    """The same where the site states formats, a length and options."""
    assert_one_outcome(stored_in(old, "NOCASE", rows), old=old, stated=True)


@pytest.mark.parametrize("old", tables.KINDS)
@given(rows=st.lists(VALUES, min_size=1, max_size=12), collation=st.sampled_from(["BINARY", "NOCASE", "RTRIM"]))
@example(rows=list(tables.ODD), collation="RTRIM")
def test_what_is_kept_comes_back(old: str, rows: list[Any], collation: str) -> None:
    """A value that is exact, and not one-way, comes back from the new column as it was, class and all."""
    connection = stored_in(old, collation, rows)
    for new in tables.KINDS:
        there, back = conversion(old, new, '"v"'), conversion(new, old, '"v"')
        if new == old or there.trivial:
            continue
        connection.executescript(f"""
            CREATE TABLE new (n, "v" {tables.column(new)} COLLATE {collation});
            CREATE TABLE old (n, "v" {tables.column(old)} COLLATE {collation});
            INSERT INTO new SELECT n, {there.value} FROM t WHERE {there.exact} AND NOT {there.one_way or 0};
            INSERT INTO old SELECT n, {back.value} FROM new WHERE {back.exact};""")
        kept = connection.execute("SELECT n FROM new").fetchall()
        same = 'typeof(t."v") = typeof(old."v") AND t."v" = old."v" COLLATE BINARY'
        query = f"SELECT n FROM t JOIN old USING (n) WHERE {same}"
        assert connection.execute(query).fetchall() == kept, new
        connection.executescript("DROP TABLE new; DROP TABLE old")
    connection.close()


NUMERAL = re.compile(r"[ \t-\r]*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[ \t-\r]*\Z", re.ASCII)


@given(texts=st.lists(st.one_of(TEXTS, DIGITS), max_size=20))
def test_numerals_and_moments_against_python(texts: list[str]) -> None:
    """Text is a number, or a date, exactly where Python says so."""
    connection = stored_in("Data", "BINARY", texts)
    number, date = conversion("Data", "Float", '"v"'), conversion("Data", "Date", '"v"')
    for text, is_number, value, is_date in connection.execute(
        f'SELECT "v", NOT {number.impossible}, {number.value}, length({date.value}) = 10 FROM t'
    ):
        if not text.strip(" \t\n\v\f\r"):
            continue
        expected = bool(NUMERAL.match(text)) and math.isfinite(float(text))
        assert is_number == expected, text
        assert not expected or math.isclose(value, float(text), rel_tol=1e-14, abs_tol=1e-307), text
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            assert bool(is_date) == _is_calendar_day(text)
    connection.close()


def _is_calendar_day(text: str) -> bool:
    try:
        return bool(datetime.strptime(text, "%Y-%m-%d"))
    except ValueError:
        return False


def test_days_of_the_calendar(db: sqlite3.Connection) -> None:
    """Exactly the days that Python's calendar has are dates, also as the site writes them."""
    db.execute('CREATE TABLE t ("v" TEXT, local TEXT)')
    db.execute("""WITH y(y) AS (VALUES (1), (1900), (1999), (2000), (2023), (2024), (2100), (9999)),
        n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 33)
        INSERT INTO t SELECT printf('%04d-%02d-%02d', y, m.n, d.n), printf('%d.%d.%04d', d.n, m.n, y)
        FROM y, n AS m, n AS d WHERE m.n < 14""")
    iso = conversion("Data", "Date", '"v"')
    local = conversion("Data", "Date", "local", formats=SiteFormats(moments=("%d.%m.%Y",)))
    for text, value, told in db.execute(f'SELECT "v", {iso.value}, {local.value} FROM t'):
        assert (value, told) == ((text, text) if _is_calendar_day(text) else (None, None)), text


def test_policies(db: sqlite3.Connection) -> None:
    """Each policy decides on what is lost or impossible, and on nothing else."""
    db.execute('CREATE TABLE t ("v" TEXT)')
    db.executemany("INSERT INTO t VALUES (?)", [("5",), ("12.5",), ("word",), (None,), (b"x",)])
    pair = conversion("Data", "Int", '"v"')

    def results(policy: str, **given: Any) -> list[Any]:
        expression = policy_expression(pair, policy, "42", **given)
        return [row[0] for row in db.execute(f"SELECT {expression} FROM t")]

    assert results("refuse") == [5, "12.5", "word", None, b"x"]
    assert results("null") == results("keep") == [5, None, None, None, None]
    assert results("default") == [5, 42, 42, None, 42]
    assert results("default", allow_lossy=True) == [5, 12, 42, None, 42]
    aside = side_expression(pair, allow_lossy=True)
    assert [row[0] for row in db.execute(f"SELECT {aside} FROM t")] == [None, None, "word", None, b"x"]
    assert policy_expression(conversion("Check", "Int", '"v"'), "null") == '"v"'
    assert side_expression(conversion("Check", "Int", '"v"')) == "NULL"
    with pytest.raises(ConfigurationError, match='"guess" is not a policy'):
        policy_expression(pair, "guess")
    assert POLICIES == ("refuse", "null", "default", "keep")


def test_a_length_is_allowed_by_itself(db: sqlite3.Connection) -> None:
    """A longer value stays whole where that is allowed, and obeys the policy where not."""
    pair = conversion("Data", "Data", '"v"', length=3)
    for allowed, wanted in ((True, "abcd"), (False, None)):
        expression = policy_expression(pair, "null", allow_longer=allowed)
        assert db.execute(f"SELECT {expression} FROM (SELECT 'abcd' AS \"v\")").fetchone() == (wanted,)


@settings(max_examples=settings().max_examples // 4)
@given(rows=st.lists(VALUES, min_size=1, max_size=40))
@example(rows=list(tables.ODD))
def test_an_update_in_place_touches_what_changes(rows: list[Any]) -> None:
    """After values were updated in a column that has its new type already, nothing is left to change."""
    for old, new in PAIRS:
        connection = stored_in(old, "BINARY", rows)
        pair = conversion(old, new, '"v"')
        wanted = connection.execute(f"SELECT typeof({pair.value}), {pair.value} FROM t ORDER BY n").fetchall()
        connection.executescript(f"""PRAGMA writable_schema = 1;
            UPDATE sqlite_schema SET sql = 'CREATE TABLE t (n INTEGER PRIMARY KEY, "v" {tables.column(new)})';
            PRAGMA schema_version = 99; PRAGMA writable_schema = 0;""")
        connection.execute(f'UPDATE t SET "v" = {pair.value} WHERE {changed(pair, chr(34) + "v" + chr(34))}')
        assert connection.execute('SELECT typeof("v"), "v" FROM t ORDER BY n').fetchall() == wanted
        connection.close()


def test_nothing_depends_on_the_clock() -> None:
    """No expression asks for the time, a time zone, or chance."""
    for old, new in PAIRS:
        for pair in conversions(old, new):
            text = f"{pair.value} {pair.verdict}".lower()
            assert not re.search(r"now|today|localtime|utc|current_|random|julianday", text)
