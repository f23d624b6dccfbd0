"""Faults planted in real plans: each operator is a function that gives plans with one fault of a kind.

What an operator gives may not be harmless: a swap of things that do not depend on each other is no fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeAlias

from sodaf_migrate import Look, Plan, Step
from sodaf_migrate.dialects.sqlite.parse import parse_table
from sodaf_migrate.plan import Statement
from sodaf_migrate.schema.model import ObjectName, Schema, fold

__all__ = ["OPERATORS"]

_COPY = re.compile(r"INSERT OR ABORT INTO (?P<to>.+?) \((?P<names>.+?)\) SELECT (?P<values>.+?) FROM (?P<rest>.+)")
#: Names, values and what stands behind FROM, before and after; None where there is nothing to spoil.
Copy: TypeAlias = tuple[list[str], list[str], str]
CopyEdit: TypeAlias = Callable[[list[str], list[str], str], Copy | None]


def with_step(look: Look, number: int, step: Step) -> Look:
    steps = list(look.plan.steps)
    steps[number] = step
    return with_plan(look, replace(look.plan, steps=tuple(steps)))


def with_plan(look: Look, plan: Plan) -> Look:
    return replace(look, plan=plan)


def with_up(look: Look, number: int, up: list[Statement]) -> Look:
    return with_step(look, number, replace(look.plan.steps[number], up=tuple(up)))


def statements(look: Look) -> Iterator[tuple[int, int, Step, Statement]]:
    for number, step in enumerate(look.plan.steps):
        for place, statement in enumerate(step.up):
            yield number, place, step, statement


def edited(look: Look, edit: Callable[[str], str | None], *, checks: bool = True) -> Iterator[Look]:
    """Every way to edit one statement of the way up; without ``checks`` its step's checks are taken out too."""
    for number, place, step, statement in statements(look):
        text = edit(statement.sql) if statement.check is None else None
        if text is not None and text != statement.sql:
            changed = replace(statement, sql=text, batch=None)
            up = [changed if n == place else s for n, s in enumerate(step.up)]
            yield with_up(look, number, [s for s in up if checks or s.check is None])


def without(look: Look, start: str) -> Iterator[Look]:
    """Every way to leave out one statement that begins like that."""
    for number, place, step, statement in statements(look):
        if statement.sql.startswith(start):
            yield with_up(look, number, [s for n, s in enumerate(step.up) if n != place])


def with_added(look: Look, *sql: str) -> Iterator[Look]:
    for number, step in enumerate(look.plan.steps):
        yield with_up(look, number, [*step.up, *(Statement(sql=text) for text in sql)])


def table_texts(pattern: str, new: str = "") -> Callable[[Look], Iterator[Look]]:
    """An operator that replaces the first match in the text of a table that is made or edited."""

    def edit(sql: str) -> str | None:
        made = sql.startswith(("CREATE TABLE", "UPDATE main.sqlite_schema")) and "-- REFERENCES" not in sql
        return re.sub(pattern, new, sql, count=1) if made else None

    return lambda look: edited(look, edit)


# Steps.


def drop_a_step(look: Look) -> Iterator[Look]:
    for number in range(len(look.plan.steps)):
        steps = look.plan.steps[:number] + look.plan.steps[number + 1 :]
        yield with_plan(look, replace(look.plan, steps=steps))


def swap_up_and_down(look: Look) -> Iterator[Look]:
    for number, step in enumerate(look.plan.steps):
        if step.down:
            yield with_step(look, number, replace(step, up=step.down, down=step.up))


def swap_dependent_steps(look: Look) -> Iterator[Look]:
    """What sets something aside and what brings it back change places."""
    steps = look.plan.steps
    for a, first in enumerate(steps):
        for b, second in enumerate(steps[a + 1 :], a + 1):
            if first.up and second.up and first.up[0].sql == second.down[0].sql if second.down else False:
                order = [*steps]
                order[a], order[b] = second, first
                yield with_plan(look, replace(look.plan, steps=tuple(order)))


def repeat_a_step(look: Look) -> Iterator[Look]:
    for number, step in enumerate(look.plan.steps):
        if any(s.check is None and not s.catalogue for s in step.up):
            steps = (*look.plan.steps[: number + 1], step, *look.plan.steps[number + 1 :])
            if step.up[0].sql.startswith(("CREATE", "DROP")) and step.cost.value in ("instant", "scan"):
                yield with_plan(look, replace(look.plan, steps=steps))


def no_steps(look: Look) -> Iterator[Look]:
    yield with_plan(look, replace(look.plan, steps=()))


# Statements.


def broken_statement(look: Look) -> Iterator[Look]:
    yield from edited(look, lambda sql: f"{sql} nonsense(" if "sqlite_schema" not in sql else None)


def another_table(look: Look) -> Iterator[Look]:
    yield from edited(look, lambda sql: sql.replace('main."', 'main."no such ', 1) if 'main."' in sql else None)


def forget_index(look: Look) -> Iterator[Look]:
    yield from without(look, "CREATE INDEX")
    yield from without(look, "CREATE UNIQUE INDEX")


def forget_trigger(look: Look) -> Iterator[Look]:
    yield from without(look, "CREATE TRIGGER")


def forget_view(look: Look) -> Iterator[Look]:
    yield from without(look, "CREATE VIEW")


def forget_rename(look: Look) -> Iterator[Look]:
    for number, place, step, statement in statements(look):
        if " RENAME " in statement.sql:
            yield with_up(look, number, [s for n, s in enumerate(step.up) if n != place])


def forget_sequence(look: Look) -> Iterator[Look]:
    """Where the last number lies beyond the last row, it has to move with the table."""
    held = {sample.table for sample in look.samples if sample.sequence and sample.sequence > max((*_keys(sample), 0))}
    for number, step in enumerate(look.plan.steps):
        rest = [s for s in step.up if "sqlite_sequence" not in s.sql]
        if len(rest) < len(step.up) and step.target in held and "AUTOINCREMENT" in " ".join(s.sql for s in step.up):
            yield with_up(look, number, rest)


def _keys(sample: object) -> list[int]:
    return [key for key in getattr(sample, "keys", None) or () if key is not None]


def extra_drop(look: Look) -> Iterator[Look]:
    for index in look.live.indexes:
        if fold(index.table) in map(fold, look.plan.scope):
            yield from list(with_added(look, f'DROP INDEX main."{index.name}"'))[-1:]


def extra_column(look: Look) -> Iterator[Look]:
    for table in look.live.tables:
        after = look.trial.after
        if fold(table.name) in map(fold, look.plan.scope) and after and after.schema.table(table.name):
            yield from list(with_added(look, f'ALTER TABLE main."{table.name}" ADD COLUMN not_wished TEXT'))[-1:]


def extra_table(look: Look) -> Iterator[Look]:
    yield from list(with_added(look, "CREATE TABLE main.not_wished(a)"))[-1:]


def foreign_statement(look: Look) -> Iterator[Look]:
    for table in look.live.tables:
        if fold(table.name) not in map(fold, look.plan.scope):
            yield from list(with_added(look, f'DELETE FROM main."{table.name}" WHERE 0'))[:1]


def foreign_drop(look: Look) -> Iterator[Look]:
    for table in look.live.tables:
        if fold(table.name) not in map(fold, look.plan.scope):
            yield from list(with_added(look, f'DROP TABLE main."{table.name}"'))[-1:]


def injected(*sql: str) -> Callable[[Look], Iterator[Look]]:
    return lambda look: with_added(look, *sql)


# The text of a table.


def reorder_columns(look: Look) -> Iterator[Look]:
    def edit(sql: str) -> str | None:
        if not sql.startswith("CREATE TABLE"):
            return None
        plain = [column for column in parse_table(sql).table.columns if column.text and column.generated is None]
        texts = [column.text for column in plain if sql.count(column.text) == 1]
        if len(texts) < 2:
            return None
        first, second = texts[0], texts[1]
        return sql.replace(first, "\0").replace(second, first).replace("\0", second)

    yield from edited(look, edit)


# The copy.


def copied(edit: CopyEdit) -> Callable[[Look], Iterator[Look]]:
    """An operator on names, values and the rest of a copy, whose checks are gone too."""

    def text(sql: str) -> str | None:
        found = _COPY.match(sql)
        if found is None:
            return None
        new = edit(found["names"].split(", "), found["values"].split(", "), found["rest"])
        if new is None:
            return None
        names, values, rest = new
        return f"INSERT OR ABORT INTO {found['to']} ({', '.join(names)}) SELECT {', '.join(values)} FROM {rest}"

    return lambda look: (mutant for mutant in edited(look, text, checks=False) if _has_rows(mutant))


def _has_rows(look: Look) -> bool:
    return any(len(sample.rows) > 1 for sample in look.samples)


def lost_rows(look: Look) -> Iterator[Look]:
    def text(sql: str) -> str | None:
        if not _COPY.match(sql):
            return None
        head, order, tail = sql.partition(" ORDER BY ")
        return f"{head} WHERE 0{order}{tail}"

    for checks in (True, False):
        yield from (mutant for mutant in edited(look, text, checks=checks) if _copies_rows(mutant))


def _copies_rows(look: Look) -> bool:
    held = {fold(sample.table) for sample in look.samples if sample.rows}
    return any(_COPY.match(s.sql) and fold(step.target) in held for _, _, step, s in statements(look))


def swapped(names: list[str], values: list[str], rest: str) -> Copy | None:
    """The last two plain values change places, so that text and number are where the other was."""
    places = [n for n, value in enumerate(values) if value in ('"note"', '"price"', '"code"', '"spare"')]
    if len(places) < 2:
        return None
    a, b = places[:2]
    values[a], values[b] = values[b], values[a]
    return names, values, rest


def blanked(names: list[str], values: list[str], rest: str) -> Copy | None:
    places = [n for n, value in enumerate(values) if value in ('"note"', '"spare"')]
    if not places:
        return None
    values[places[0]] = "NULL"
    return names, values, rest


def renumbered(look: Look) -> Iterator[Look]:
    """The rowids of a table with gaps are left out of the copy."""

    def edit(names: list[str], values: list[str], rest: str) -> Copy | None:
        return (names[1:], values[1:], rest) if names[0] in ("rowid", "_rowid_", "oid") else None

    gaps = {
        f'FROM main."{sample.table}"'
        for sample in look.samples
        if sample.keys and sorted(_keys(sample)) != list(range(1, len(sample.keys) + 1))
    }
    before = set(look.plan.sql)
    for mutant in copied(edit)(look):
        copy = next(sql for sql in mutant.plan.sql if sql not in before)
        if any(words in copy for words in gaps):
            yield mutant


# What a plan says.


def said(**changes: object) -> Callable[[Look], Iterator[Look]]:
    return lambda look: iter([with_plan(look, replace(look.plan, **changes))])  # type: ignore[arg-type]


def guard_dropped(look: Look) -> Iterator[Look]:
    for number, step in enumerate(look.plan.steps):
        for guard in step.guards:
            yield with_step(look, number, replace(step, guards=tuple(g for g in step.guards if g.sql != guard.sql)))


def guard_of_other_rows(look: Look) -> Iterator[Look]:
    for number, step in enumerate(look.plan.steps):
        for guard in step.guards:
            other = replace(guard, expected=guard.expected + 1)
            guards = tuple(other if g == guard else g for g in step.guards)
            yield with_step(look, number, replace(step, guards=guards))


def hazards(change: Callable[[object], object | None]) -> Callable[[Look], Iterator[Look]]:
    def act(look: Look) -> Iterator[Look]:
        for number, step in enumerate(look.plan.steps):
            for hazard in step.hazards:
                new = change(hazard)
                kept = tuple(new if h == hazard else h for h in step.hazards)
                yield with_step(look, number, replace(step, hazards=tuple(h for h in kept if h is not None)))  # type: ignore[arg-type]

    return act


def loss_stripped(look: Look) -> Iterator[Look]:
    for number, step in enumerate(look.plan.steps):
        if step.losses:
            yield with_step(look, number, replace(step, losses=()))


def irreversible_stripped(look: Look) -> Iterator[Look]:
    gone = any("" in loss.became or not loss.columns for loss in look.plan.losses)
    if gone:
        steps = tuple(replace(step, irreversible="") for step in look.plan.steps)
        yield with_plan(look, replace(look.plan, steps=steps))


def scope_of_another_table(look: Look) -> Iterator[Look]:
    others = [table.name for table in look.live.tables if fold(table.name) not in map(fold, look.plan.scope)]
    for name in others[:1]:
        yield with_plan(look, replace(look.plan, scope=(name,)))
        yield with_plan(look, replace(look.plan, scope=(*look.plan.scope, name)))


def step_of_another_table(look: Look) -> Iterator[Look]:
    for number, step in enumerate(look.plan.steps):
        yield with_step(look, number, replace(step, target="no such table"))


def plan_of_another_table(look: Look) -> Iterator[Look]:
    """A whole plan, right in itself, of tables that the wish has nothing to do with."""
    yield replace(look, tables=frozenset({"another table"}))


def down_missing(look: Look) -> Iterator[Look]:
    for number, step in enumerate(look.plan.steps):
        if step.down:
            yield with_step(look, number, replace(step, down=(), irreversible=""))


def down_cut_short(look: Look) -> Iterator[Look]:
    for number, step in enumerate(look.plan.steps):
        last = step.down[-1] if step.down else None
        if last is not None and last.check is None and "sqlite_stat" not in last.sql:
            yield with_step(look, number, replace(step, down=step.down[:-1]))


def down_is_up(look: Look) -> Iterator[Look]:
    for number, step in enumerate(look.plan.steps):
        if step.down and step.down[0].sql != step.up[0].sql:
            yield with_step(look, number, replace(step, down=step.up))


def down_of_another_step(look: Look) -> Iterator[Look]:
    steps = look.plan.steps
    for number, step in enumerate(steps):
        other = steps[(number + 1) % len(steps)]
        if other.target != step.target and other.down != step.down:
            yield with_step(look, number, replace(step, down=other.down))


def gives_up_what_stays(look: Look) -> Iterator[Look]:
    for table in look.live.tables:
        if fold(table.name) not in map(fold, look.plan.scope):
            name = ObjectName("table", fold(table.name), fold(table.name))
            yield with_plan(look, replace(look.plan, disowns=(*look.plan.disowns, name)))


def leaves_a_wish_to_others(look: Look) -> Iterator[Look]:
    for name in look.plan.owns[:2]:
        yield with_plan(look, replace(look.plan, owns=tuple(each for each in look.plan.owns if each != name)))


def no_room(look: Look) -> Iterator[Look]:
    held = {fold(sample.table) for sample in look.samples if sample.rows}
    if any(step.cost.value == "rebuild" and fold(step.target) in held for step in look.plan.steps):
        yield replace(look, free=lambda folder: 0)


def parent_without_key(look: Look) -> Iterator[Look]:
    """The wish does not speak of the child, so nobody asked for its writes to fail."""
    diff = look.plan.diff
    for change in () if diff.tables or diff.columns or diff.uniques or diff.foreign_keys else diff.indexes:
        if change.old is not None and change.old.unique and change.new is None:
            columns = {part.column for part in change.old.parts}
            keys = [key for table in look.live.tables for key in table.foreign_keys]
            if any(fold(key.table) == fold(change.table) and set(key.referenced) == columns for key in keys):
                yield replace(look, wish=Schema())


OPERATORS: dict[str, Callable[[Look], Iterator[Look]]] = {
    "drop a step": drop_a_step,
    "swap up and down": swap_up_and_down,
    "swap two dependent steps": swap_dependent_steps,
    "repeat a step": repeat_a_step,
    "no steps at all": no_steps,
    "broken statement": broken_statement,
    "a table that is not there": another_table,
    "forget an index": forget_index,
    "forget a trigger": forget_trigger,
    "forget a view": forget_view,
    "omit a rename": forget_rename,
    "lose the sequence": forget_sequence,
    "drop an index besides": extra_drop,
    "add a column besides": extra_column,
    "make a table besides": extra_table,
    "write to a foreign table": foreign_statement,
    "drop a foreign table": foreign_drop,
    "PRAGMA": injected("PRAGMA user_version = 7"),
    "COMMIT": injected("COMMIT"),
    "SAVEPOINT": injected("SAVEPOINT mine"),
    "ATTACH": injected("ATTACH ':memory:' AS other"),
    "write outside of main": injected("CREATE TEMP TABLE aside(a)", "INSERT INTO temp.aside VALUES (1)"),
    "change a type": table_texts(r"\b(INTEGER|INT|TEXT|BOOLEAN|DECIMAL\(10,2\))(?= (NOT|DEFAULT|COLLATE)|,)", "BLOB"),
    "reorder columns": reorder_columns,
    "lose a CHECK": table_texts(r" CHECK \(qty >= 0\)"),
    "lose a COLLATE": table_texts(r" COLLATE NOCASE"),
    "lose a default": table_texts(r" DEFAULT (1\.50|1|TRUE|7)\b"),
    "lose ON CONFLICT": table_texts(r" ON CONFLICT REPLACE"),
    "lose AUTOINCREMENT": table_texts(r" AUTOINCREMENT"),
    "lose a NOT NULL": table_texts(r"(?<=INT) NOT NULL"),
    "lose an action of a key": table_texts(r" ON DELETE CASCADE"),
    "lose rows in the copy": lost_rows,
    "swap columns in the copy": copied(swapped),
    "blank a column in the copy": copied(blanked),
    "number rows anew in the copy": renumbered,
    "stale digest": said(from_digest="0" * 64),
    "wrong digest of the end": said(to_digest="f" * 64),
    "guard dropped": guard_dropped,
    "guard of other rows": guard_of_other_rows,
    "hazard stripped": hazards(lambda hazard: None),
    "hazard renamed": hazards(lambda hazard: replace(hazard, name="harmless")),  # type: ignore[type-var]
    "hazard of another column": hazards(lambda hazard: replace(hazard, column="another")),  # type: ignore[type-var]
    "loss stripped": loss_stripped,
    "says that it can go back": irreversible_stripped,
    "scope of another table": scope_of_another_table,
    "step of another table": step_of_another_table,
    "plan of another table": plan_of_another_table,
    "down missing": down_missing,
    "down cut short": down_cut_short,
    "down is up": down_is_up,
    "down of another step": down_of_another_step,
    "gives up what stays": gives_up_what_stays,
    "leaves a wish to others": leaves_a_wish_to_others,
    "no room on the disk": no_room,
    "a parent without a key": parent_without_key,
}
