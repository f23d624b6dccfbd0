"""Lines for people: wrapped, aligned, and harmless to a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sodaf_migrate.report.lines import Line, cells, counted, duration, pieces, table, text_of, visible


def test_wrapping_hangs() -> None:
    """A long line breaks between words, and what follows stands deeper."""
    assert pieces(Line("one two three four", indent=2), 14) == ["  one two", "    three four"]


def test_whole_lines_are_not_wrapped() -> None:
    """SQL is copied and pasted: it is never broken."""
    assert pieces(Line("SELECT 1 FROM t", whole=True), 5) == ["SELECT 1 FROM t"]


@given(st.text(max_size=200), st.integers(20, 100), st.integers(0, 6))
def test_nothing_is_lost_and_nothing_is_too_wide(text: str, width: int, indent: int) -> None:
    """Wrapping keeps every word and leaves a row too wide only for one word that is too long by itself."""
    rows = pieces(Line(text, indent=indent), width)
    assert " ".join(rows).split() == visible(text).split()
    assert all(cells(row) <= width or len(row.split()) == 1 for row in rows)


@given(st.text(max_size=50))
def test_visible_drives_no_terminal(text: str) -> None:
    """No escape sequence, line break or direction mark of a name or value reaches the terminal."""
    shown = visible(text)
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


def test_visible_spells_out() -> None:
    """What is not shown is spelled out."""
    assert visible("\x1b[2Jé\u202ex\n") == "\\x1b[2Jé\\u202ex\\n"


def test_table_aligns_wide_letters() -> None:
    """Columns stand under each other whatever the letters' width."""
    rows = [line.text for line in table(("name", "n"), [("", ("顧客", "1")), ("", ("Kunde", "22"))])]
    assert rows == ["name   n ", "顧客   1 ", "Kunde  22"]


def test_table_cuts_the_widest_but_keeps_what_must_be_copied() -> None:
    """A table fits its width; a column that people copy from is never cut."""
    name, key = "x" * 60, "k" * 30
    head, row = table(("name", "id"), [("", (name, key))], width=60, keep=["id"])
    assert cells(row.text) == cells(head.text) == 60
    assert row.text.endswith("…  " + key)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "under 1 ms"), (0.0123, "12 ms"), (2.34, "2.3 s"), (75, "1 min 15 s")],
)
def test_durations(seconds: float, shown: str) -> None:
    """A duration is said in the unit that reads best."""
    assert duration(seconds) == shown


def test_counts() -> None:
    """Numbers have their noun in the right number."""
    assert [counted(1, "row"), counted(4812, "row"), counted(2, "index", "indexes")] == [
        "1 row",
        "4,812 rows",
        "2 indexes",
    ]


def test_text_ends_with_one_newline() -> None:
    """The text neither begins nor ends with blank lines."""
    assert text_of([Line(), Line("a"), Line()]) == "a\n"
