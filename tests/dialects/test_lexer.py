"""Tokens: SQLite's own, with their places; and the canonical form that texts are compared by."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sodaf_migrate.dialects.sqlite.lexer import ends_in_comment, key, tokenize
from sodaf_migrate.dialects.sqlite.parse import (
    parse_index,
    parse_table,
    parse_trigger,
    parse_view,
    parse_virtual_table,
)
from sodaf_migrate.errors import SchemaParseError

SIGNS = "( ) , ; . + - * / % & | ~ < > = ! ' \" ` [ ] ? @ : $ # _ x X 0 9 e E \\ \n \t é \ufeff \x0b \0"
TOKENS = "-- /* */ -> ->> || << >> <= >= <> != == '' x'0a' 0x1F 1_000 1.5e3 .5 'it''s' \"q\"\"r\" [b] `c` abc A$1"
WORDS = (
    "CREATE TABLE INDEX VIEW TRIGGER VIRTUAL USING ON t a INT NOT NULL DEFAULT CHECK UNIQUE PRIMARY KEY AS "
    "REFERENCES COLLATE CONSTRAINT GENERATED ALWAYS BEGIN END SELECT DELETE WHERE"
)
PIECES = st.sampled_from([*SIGNS.split(" "), *TOKENS.split(), *WORDS.split()])
TEXTS = st.one_of(st.lists(PIECES).map("".join), st.lists(PIECES).map(" ".join), st.text())


@pytest.mark.parametrize(
    ("sql", "kinds"),
    [
        ("a1$é _x", "word word"),
        ("'it''s' \"a\"\"b\" [x y] `q``r`", "string quoted quoted quoted"),
        ("1 1.5 .5 5. 1e3 1.5E-3 0x1F 1_000 1_0.0_1e1_0", "number " * 9),
        ("x'0aFF' X''", "blob blob"),
        ("? ?12 :a @b $c::d(e) #1", "variable " * 6),
        ("->> -> || | << <= <> < >> >= > == = != + - * / % & ~ ( ) , ; .", "op " * 26),
        ("a--b\nc/*d*/e/**/f/*g", "word word word word"),
        ("/*/ a */ b", "word"),
        ("a /*", "word op op"),
        ("\ufeffa \x0bb", "word word"),
    ],
)
def test_tokens_have_the_kinds_of_sqlite(sql: str, kinds: str) -> None:
    """Each kind of token is known, blanks and comments give none."""
    assert [token.kind for token in tokenize(sql)] == kinds.split()


@pytest.mark.parametrize(
    "sql",
    ["'open", '"open', "[open", "`open", "12ab", "1.5x", "0x", "x'0'", "x'0g'", "a ! b", "\\", "a\0b", "1__0", "@"],
)
def test_a_malformed_token_is_refused_with_its_offset(sql: str) -> None:
    """What SQLite does not know as a token is an error that names the place."""
    refused = sqlite3.Error if "\0" not in sql else (ValueError, sqlite3.Error, sqlite3.Warning)
    with closing(sqlite3.connect(":memory:")) as connection, pytest.raises(refused):
        connection.execute("SELECT " + sql)
    with pytest.raises(SchemaParseError) as caught:
        tokenize(sql)
    assert f"offset {caught.value.details['offset']}" in caught.value.message


@given(TEXTS)
@example("a -- b\n c")
def test_tokens_and_the_gaps_between_them_are_the_text(sql: str) -> None:
    """Nothing is lost: tokens at their places and what is between them give the text; gaps hold no token."""
    try:
        tokens = tokenize(sql)
    except SchemaParseError:
        return
    text, place = "", 0
    for token in tokens:
        gap = sql[place : token.start]
        assert tokenize(gap) == ()
        assert sql[token.start : token.end] == token.text
        text += gap + token.text
        place = token.end
    assert text + sql[place:] == sql


@given(TEXTS)
def test_nothing_but_a_parse_error_is_raised(sql: str) -> None:
    """Whatever the text, readers give a value or a SchemaParseError."""
    for head in ("", "CREATE TABLE t(a ", "CREATE INDEX i ON t(", "CREATE TRIGGER r "):
        for read in (key, parse_table, parse_index, parse_trigger, parse_view, parse_virtual_table):
            try:
                read(head + sql)
            except SchemaParseError as error:
                assert error.hint


@given(st.binary())
def test_random_bytes_raise_nothing_but_a_parse_error(data: bytes) -> None:
    """Bytes that are no SQL at all are refused politely."""
    try:
        tokenize(data.decode("latin-1"))
    except SchemaParseError as error:
        assert error.hint


@given(TEXTS)
def test_the_canonical_form_is_its_own(sql: str) -> None:
    """The key of a key is the key: it reads as the same tokens, so it joins no two texts that differ."""
    try:
        found = key(sql)
    except SchemaParseError:
        return
    assert key(found) == found
    assert len(tokenize(found)) == len(tokenize(sql))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a  >\n0 -- c", "A>0"),
        ('"a" > [B] + `c`', "a > b + C"),
        ('"order"', "[Order]"),
        ("a <> b == c", "a != b = c"),
        ("0X1F 1E3 1_000 X'AB'", "0x1f 1e3 1000 x'ab'"),
        ('"key"', "KEY"),
        ('"a b"', "[A B]"),
    ],
)
def test_texts_of_one_meaning_have_one_key(one: str, other: str) -> None:
    """Blanks, comments, case and quoting of names, and spellings of numbers do not count."""
    assert key(one) == key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x", "'x'"),
        ("'a'", "'A'"),
        ("a b", "ab"),
        ('"a b"', "a b"),
        ("'a' 'b'", "'a'' ''b'"),
        ('"null"', "NULL"),
        ('"left"', "LEFT"),
        ('"true"', "TRUE"),
        ('"current_date"', "CURRENT_DATE"),
        ("é", "É"),
        ('"a""b"', '"a" "b"'),
        ("1", "1.0"),
        ("a->b", "a->>b"),
        ('"1"', "1"),
    ],
)
def test_texts_of_two_meanings_have_two_keys(one: str, other: str) -> None:
    """What SQLite tells apart, the key tells apart."""
    assert key(one) != key(other)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ('"a" > "b"', "A > 'b'"),
        ('"t"."b" = b', "T . B = B"),
        ('"abs"(a)', "ABS ( A )"),
        ('a COLLATE "nocase"', "A COLLATE NOCASE"),
        ('CAST(a AS "int") <> "it\'s"', "CAST ( A AS INT ) != 'it''s'"),
        ("[b] + `b`", "B + B"),
        ('"A"', "A"),
    ],
)
def test_a_double_quoted_word_out_of_scope_is_a_string(sql: str, expected: str) -> None:
    """With the names in scope given, a double-quoted word that is none of them is keyed as the string it is."""
    assert key(sql, frozenset({"a"})) == expected


@given(st.lists(st.sampled_from(["a", " ", "\n", "--", "/*", "*/", "'", '"', "-", "/"])).map("".join))
def test_text_after_a_comment_is_known_to_be_swallowed(sql: str) -> None:
    """``ends_in_comment`` says whether a word written after the text would be lost."""
    try:
        tokens = tokenize(sql)
        more = tokenize(sql + " b")
    except SchemaParseError:
        return
    if sql.endswith("/*") and tokens and tokens[-1].text == "*":
        return  # two operators that become a comment with anything behind them
    assert ends_in_comment(sql) == (len(more) == len(tokens))
