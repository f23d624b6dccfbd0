"""One table from what it is to what it shall be, the cheapest way that is found to work on the shadow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sodaf_migrate.compare.pair import pair, pair_by_name
from sodaf_migrate.dialects.sqlite.aside import restore, set_aside
from sodaf_migrate.dialects.sqlite.ddl import column_definition
from sodaf_migrate.dialects.sqlite.edit import edit, edit_cost
from sodaf_migrate.dialects.sqlite.inspect import dependents, read_schema
from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.dialects.sqlite.play import play
from sodaf_migrate.dialects.sqlite.rebuild import Facts, rebuild
from sodaf_migrate.dialects.sqlite.retype import retyped
from sodaf_migrate.dialects.sqlite.types import affinity
from sodaf_migrate.dialects.sqlite.written import written
from sodaf_migrate.errors import DatabaseError, SchemaParseError, UnsupportedChangeError
from sodaf_migrate.plan import Cost, Statement
from sodaf_migrate.schema.model import Column, Constraint, Index, Schema, Sql, Table, fold
from sodaf_migrate.wire.connection import Wire

__all__ = ["Way", "alter_table", "same_table"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a table gets from one state to another."""

    statements: tuple[Statement, ...]
    cost: Cost
    reason: str


class _Backed(Exception):
    """Leaves a savepoint of the shadow, taking everything back."""


def same_table(one: Table, other: Table) -> bool:
    """Whether two tables are equal, the order of their constraints aside."""
    if one.columns != other.columns or (one.strict, one.without_rowid) != (other.strict, other.without_rowid):
        return False
    paired = pair(one.constraints, other.constraints, lambda constraint: constraint)
    return not paired.added and not paired.removed


def alter_table(shadow: Wire, target: Table, indexes: tuple[Index, ...], facts: Facts) -> Way:
    """Bring the shadow's table of that name to ``target`` with ``indexes``, and say how.

    Native statements and a catalogue edit are tried first, in a savepoint: what SQLite refuses, or does otherwise than
    asked, is taken back and the table is rebuilt. Raises UnsupportedChangeError when that does not lead there either.
    """
    schema = read_schema(shadow, around=[target.name])
    current = schema.table(target.name)
    assert current is not None
    cheap = _cheap(shadow, schema, target, indexes, facts)
    if cheap is not None:
        return cheap
    statements = _rebuilt(schema, current, target, indexes, facts)
    try:
        for statement in statements:
            play(shadow, statement)
    except DatabaseError as error:
        raise UnsupportedChangeError(
            f'"{target.name}" cannot become what is asked: {error.message}',
            hint="Change what depends on it in the same step, or leave this change out (see docs/refusals.md).",
        ) from error
    reached = read_schema(shadow, around=[target.name]).table(target.name)
    if reached is None or not same_table(reached, target):
        raise UnsupportedChangeError(
            f'A rebuild of "{target.name}" does not give what was asked',
            hint="Please report this with the definition; nothing was changed (see docs/refusals.md).",
        )
    return Way(statements=statements, cost=Cost.REBUILD, reason=_why(current, target))


def _bystanders(schema: Schema) -> list[str]:
    """Views and triggers in their order, which among triggers counts only within one table."""
    triggers = sorted(schema.triggers, key=lambda trigger: fold(trigger.table))
    return [thing.sql.text for things in (schema.views, triggers) for thing in things]


def _cheap(shadow: Wire, schema: Schema, target: Table, indexes: tuple[Index, ...], facts: Facts) -> Way | None:
    """Columns come and go natively, then the rest by an edit of the catalogue; None when that is no safe way."""
    current = schema.table(target.name)
    assert current is not None
    natives = _native(current, _between(current, target), facts)
    writes = written(current, target, indexes, facts)
    if natives is None or writes is None:
        return None
    resting = tuple(Statement(sql=sql) for sql in set_aside((), schema.triggers_of(target.name)))
    back = tuple(Statement(sql=sql) for sql in restore((), schema.triggers_of(target.name)))
    if writes:  # after what comes and before what goes; no trigger of the table fires, for nobody edited a document
        adds = tuple(statement for statement in natives if " DROP COLUMN " not in statement.sql)
        natives = (*adds, *resting, *writes, *back, *(each for each in natives if each not in adds))
    edits: tuple[Statement, ...] = ()
    drops = any(" DROP COLUMN " in statement.sql for statement in natives)
    before = _bystanders(read_schema(shadow) if drops else schema)
    try:
        with shadow.atomic():
            for statement in natives:
                play(shadow, statement)
            reached = read_schema(shadow, around=[target.name])
            table = reached.table(target.name)
            if table is not None and not same_table(table, target):
                edits = _edited(reached, table, target, facts) or ()
                for statement in edits:
                    if statement.check is None:  # the shadow has no rows to check
                        play(shadow, statement)
                reached = read_schema(shadow, around=[target.name])
                table = reached.table(target.name)
            if table is None or not same_table(table, target) or reached.indexes_of(target.name) != indexes:
                raise _Backed
            if _bystanders(read_schema(shadow) if drops else reached) != before:
                raise _Backed  # DROP COLUMN writes "text" as 'text' in the triggers of all tables
    except (_Backed, DatabaseError, SchemaParseError):
        return None
    return _cheap_way(natives, edits, bool(writes))


def _cheap_way(natives: tuple[Statement, ...], edits: tuple[Statement, ...], writes: bool) -> Way:
    if writes:
        return Way(statements=natives + edits, cost=Cost.IN_PLACE, reason="values are written where they are")
    if any(" DROP COLUMN " in statement.sql for statement in natives):
        return Way(statements=natives + edits, cost=Cost.IN_PLACE, reason="DROP COLUMN writes every row without it")
    if not edits:
        reason = "ADD COLUMN only changes the catalogue" if natives else "no value changes"
        return Way(statements=natives, cost=Cost.INSTANT, reason=reason)
    if any(statement.batch is not None for statement in edits):
        return Way(statements=natives + edits, cost=Cost.IN_PLACE, reason="values take their new type where they are")
    cost = edit_cost(edits)
    words = "no row is touched" if cost is Cost.INSTANT else "the rows are read, to prove that they fit"
    return Way(statements=natives + edits, cost=cost, reason=f"only the table's stored text changes; {words}")


def _edited(schema: Schema, table: Table, target: Table, facts: Facts) -> tuple[Statement, ...] | None:
    if not facts.edits:
        return None
    mine = fold(target.name)
    counts = {column: count for (home, column), count in facts.holding.items() if home == mine}
    found = edit(table, target, counts) or retyped(schema, table, target, facts)
    if facts.version < (3, 37, 0) and any("pragma_" in statement.sql for statement in found or ()):
        return None  # there the check of one table cannot be told whose: a TEMP table of that name would be looked at
    return found


def _between(current: Table, target: Table) -> Table:
    """``target`` with everything that stays as it is now: what ADD and DROP COLUMN alone can reach."""
    columns = pair_by_name(current.columns, target.columns)
    come = {fold(column.name) for column in columns.added}
    gone = {fold(column.name) for column in columns.removed}
    old = {fold(new.name): before for before, new in columns.both}
    parts: dict[str, Any] = {}
    for part in ("uniques", "foreign_keys", "checks"):
        stay = tuple(c for c in getattr(current, part) if fold(c.inline or "") not in gone)
        new = tuple(c for c in getattr(target, part) if fold(c.inline or "") in come and c not in stay)
        parts[part] = stay + new
    return replace(
        target,
        columns=tuple(old.get(fold(column.name), column) for column in target.columns),
        primary_key=current.primary_key,
        strict=current.strict,
        without_rowid=current.without_rowid,
        **parts,
    )


def _native(current: Table, target: Table, facts: Facts) -> tuple[Statement, ...] | None:
    """ADD COLUMN and DROP COLUMN statements that may do, None when something else is asked too."""
    columns = pair_by_name(current.columns, target.columns)
    if any(old != new for old, new in columns.both):
        return None
    if (current.strict, current.without_rowid) != (target.strict, target.without_rowid):
        return None
    if columns.removed and facts.version < (3, 35, 5):  # earlier ones could corrupt (releaselog 3_35_5)
        return None
    constraints = pair(current.constraints, target.constraints, lambda constraint: constraint)
    new_names = {fold(column.name): column for column in columns.added}
    inline: dict[str, list[Constraint]] = {}
    for constraint in constraints.added:
        home = getattr(constraint, "inline", None)
        if home is None or fold(home) not in new_names:
            return None
        inline.setdefault(fold(home), []).append(constraint)
    table = f"main.{quote(target.name)}"
    statements = [Statement(sql=f"ALTER TABLE {table} DROP COLUMN {quote(c.name)}") for c in columns.removed]
    for column in columns.added:
        if not _addable(column):
            return None
        definition = column_definition(column, inline.get(fold(column.name), ()))
        statements.append(Statement(sql=f"ALTER TABLE {table} ADD COLUMN {definition}"))
    return tuple(statements)


def _addable(column: Column) -> bool:
    """Whether ADD COLUMN works on a table with rows; the shadow, which has none, would accept more."""
    if column.generated is not None:
        return not column.generated.stored and not column.not_null
    default = column.default
    if default is None:
        return not column.not_null
    if not isinstance(default, Sql):
        return True
    key = default.key.upper()
    if column.not_null and key == "NULL":
        return False
    if key in ("TRUE", "FALSE") and affinity(column.type) == "TEXT":
        return False  # rows that are there would hold the number 1, and new ones the text
    return not default.text.startswith("(") and not key.startswith("CURRENT_")


def _why(current: Table, target: Table) -> str:
    """The first thing, in words, that only a rebuild can do."""
    columns = pair_by_name(current.columns, target.columns)
    for old, new in columns.both:
        if old != new:
            return f'SQLite cannot change the definition of the existing column "{new.name}"'
    if (current.strict, current.without_rowid) != (target.strict, target.without_rowid):
        return "SQLite cannot change a table's options"
    constraints = pair(current.constraints, target.constraints, lambda constraint: constraint)
    if constraints.added or constraints.removed:
        return "SQLite cannot change a table's keys and constraints"
    if columns.removed:
        return f'SQLite cannot drop "{columns.removed[0].name}" while something depends on it'
    if columns.added:
        return f'SQLite cannot add "{columns.added[0].name}" to a table with rows, or not at that place'
    return "SQLite cannot change the order of columns"


def _rebuilt(
    schema: Schema, current: Table, target: Table, indexes: tuple[Index, ...], facts: Facts
) -> tuple[Statement, ...]:
    named_by = dependents(schema, [current.name])
    drops = (Statement(sql=sql) for sql in set_aside(named_by.views, named_by.triggers))
    makes = (Statement(sql=sql) for sql in restore(named_by.views, named_by.triggers))
    return (*drops, *rebuild(current, target, indexes, facts), *makes)
