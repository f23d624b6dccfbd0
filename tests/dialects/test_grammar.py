"""Random tables in random spellings: read as drawn, written, and redrawn into each other."""

from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import assume, given
from hypothesis import strategies as st

from sodaf_migrate.dialects.sqlite.ddl import create_table, redraw, rename_table_text
from sodaf_migrate.dialects.sqlite.parse import parse_table
from sodaf_migrate.schema.model import Table
from tests.dialects.grammar import changed, spell, tables
from tests.dialects.pragmas import accepts, check, said, stored

RANDOMS = st.randoms(use_true_random=False)


def meaning(table: Table) -> tuple[object, ...]:
    """What a table means, the order of its constraints aside."""
    return (table.name, table.columns, Counter(table.constraints), table.strict, table.without_rowid)


@given(tables(), RANDOMS)
def test_a_text_is_read_as_the_table_it_was_written_for(table: Table, random: Random) -> None:
    """Whatever its spelling, a text means what was drawn, and the pragmas agree."""
    sql = spell(table, random)
    connection = accepts(sql)
    assume(connection is not None)
    assert connection is not None
    parsed = parse_table(stored(connection))
    assert meaning(parsed.table) == meaning(table)
    assert Counter(c.inline for c in parsed.table.constraints) == Counter(c.inline for c in table.constraints)
    check(connection, parsed.table)


@given(tables(), RANDOMS)
def test_most_random_tables_are_accepted(table: Table, random: Random) -> None:
    """SQLite refuses a drawn table only for the few reasons the drawing does not avoid."""
    sql = spell(table, random)
    if accepts(sql) is None:
        conflicts = {c.on_conflict for c in table.constraints if hasattr(c, "on_conflict")}
        assert len(conflicts) > 1 or table.without_rowid or any(column.generated for column in table.columns)


@given(tables())
def test_a_table_is_written_so_that_it_is_read_back(table: Table) -> None:
    """``create_table`` gives a statement that SQLite accepts and that means the table."""
    sql = create_table(table)
    connection = accepts(sql)
    assume(connection is not None)
    assert connection is not None
    assert meaning(parse_table(stored(connection)).table) == meaning(table)
    check(connection, table)


@given(tables(), RANDOMS)
def test_redrawing_into_itself_changes_no_byte(table: Table, random: Random) -> None:
    """A table that already means the target keeps its text."""
    sql = spell(table, random)
    assert redraw(sql, table) == sql
    assert redraw(sql, parse_table(sql).table) == sql


@given(tables(), tables(), RANDOMS)
def test_any_text_can_be_redrawn_into_any_table(old: Table, new: Table, random: Random) -> None:
    """The edited text is accepted wherever the target is, and gives the same pragmas."""
    redrawn(old, new, random)


@given(tables().flatmap(lambda table: st.tuples(st.just(table), changed(table))), RANDOMS)
def test_a_text_can_be_redrawn_into_a_table_much_like_it(pair: tuple[Table, Table], random: Random) -> None:
    """Most changes are small: clauses are edited inside of definitions that stay."""
    redrawn(*pair, random)


def redrawn(old: Table, new: Table, random: Random) -> None:
    """Edit a text of ``old`` into ``new`` and let SQLite judge."""
    first, second = spell(old, random), spell(new, random)
    reference = accepts(second)
    assume(reference is not None and accepts(first) is not None)
    assert reference is not None
    text = redraw(first, new)
    assert meaning(parse_table(text).table) == meaning(new)
    connection = accepts(text)
    assert connection is not None, text
    check(connection, new)
    there, here = said(connection, new.name), said(reference, new.name)
    assert _without_spelling(there) == _without_spelling(here)


def _without_spelling(facts: dict[str, object]) -> dict[str, object]:
    columns = facts["columns"]
    assert isinstance(columns, list)
    indexes = facts["indexes"]
    assert isinstance(indexes, set)
    origins = Counter(parts for parts, _ in indexes)
    return {**facts, "columns": [(c[0], c[2], c[4], c[5]) for c in columns], "indexes": origins}


@given(tables(), RANDOMS)
def test_a_renamed_text_works_under_its_new_name(table: Table, random: Random) -> None:
    """Every place where the table says its own name follows, but for its foreign keys."""
    sql = spell(table, random)
    assume(accepts(sql) is not None)
    text = rename_table_text(sql, 'new "name"')
    connection = accepts(text)
    assert connection is not None, text
    renamed = parse_table(text).table
    assert renamed.name == 'new "name"'
    assert renamed.columns == table.columns
    assert Counter(renamed.foreign_keys) == Counter(table.foreign_keys)
    check(connection, renamed)
    assert rename_table_text(text, table.name) == rename_table_text(sql, table.name)
