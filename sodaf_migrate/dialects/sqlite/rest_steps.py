"""Everything but renames: what goes first goes first, tables change in their own step, what is new comes last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from sodaf_migrate.compare.apply import applied
from sodaf_migrate.compare.changes import ColumnChange, SchemaDiff
from sodaf_migrate.dialects.sqlite.alter import alter_table
from sodaf_migrate.dialects.sqlite.aside import drop_things, make_things, restore, set_aside
from sodaf_migrate.dialects.sqlite.convert import not_back
from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.dialects.sqlite.stage import Stage
from sodaf_migrate.errors import UnsupportedChangeError
from sodaf_migrate.plan import Cost, Step
from sodaf_migrate.schema.model import Index, Schema, Table, fold
from sodaf_migrate.wire.connection import Wire

__all__ = ["rest_steps"]

_ALTERING = ("columns", "primary_keys", "uniques", "foreign_keys", "checks", "options", "orders")
_NEW = "a new table has no rows"


def rest_steps(stage: Stage) -> None:
    """The steps of everything but renames, in an order in which each one's ground is laid."""
    before = stage.now()
    target = _with_aside(applied(before, stage.diff), stage)
    created = {fold(c.new.name) for c in stage.diff.tables if c.old is None and c.new is not None}
    drop_things(stage, target)
    _drop_virtual_tables(stage)
    for index in stage.diff.indexes:
        if index.old is not None:
            _drop_index(stage, index.old)
    for change in stage.diff.tables:
        if change.new is None and change.old is not None:
            _drop_table(stage, change.old)
    for name in _altered_tables(stage):
        table = target.table(name)
        if table is not None and fold(name) not in created:
            _alter(stage, table)
    for table in target.tables:
        if fold(table.name) in created:
            drop = f"DROP TABLE main.{quote(table.name)}"
            stage.step(f'create table "{table.name}"', table.name, [table.sql], [drop], reason=_NEW)
    _make_indexes(stage, created)
    _make_virtual_tables(stage)
    make_things(stage, target, before)


def _with_aside(target: Schema, stage: Stage) -> Schema:
    """``target`` with what a rename set aside, where the diff neither brings it anew nor lets it go."""
    views = {fold(view.name) for view in target.views}
    views |= {fold(change.old.name) for change in stage.diff.views if change.old is not None}
    triggers = {fold(trigger.name) for trigger in target.triggers}
    triggers |= {fold(change.old.name) for change in stage.diff.triggers if change.old is not None}
    return replace(
        target,
        views=(*(view for view in stage.aside.views if fold(view.name) not in views), *target.views),
        triggers=(*(each for each in stage.aside.triggers if fold(each.name) not in triggers), *target.triggers),
    )


def _altered_tables(stage: Stage) -> tuple[str, ...]:
    changes = [change for part in _ALTERING for change in getattr(stage.diff, part)]
    names = {fold(change.table): change.table for change in changes if not _only_renamed(change)}
    for refill in stage.verdict.refills:
        if not refill.is_rows:
            names.setdefault(fold(refill.loss.new_table), refill.loss.new_table)
    return tuple(names.values())


def _only_renamed(change: object) -> bool:
    return isinstance(change, ColumnChange) and change.aspects == {"name"}


def _drop_virtual_tables(stage: Stage) -> None:
    for change in stage.diff.virtual_tables:
        if change.old is not None:
            name = change.old.name
            lost = f'the rows of virtual table "{name}"'
            drop = f"DROP TABLE main.{quote(name)}"
            stage.step(f'drop virtual table "{name}"', name, [drop], [change.old.sql.text], lost=lost)


def _make_virtual_tables(stage: Stage) -> None:
    for change in stage.diff.virtual_tables:
        if change.new is not None:
            name = change.new.name
            drop = f"DROP TABLE main.{quote(name)}"
            stage.step(f'create virtual table "{name}"', name, [change.new.sql.text], [drop])


def _drop_index(stage: Stage, index: Index) -> None:
    there = stage.now(index.table).index(index.name)
    if there is not None:
        drop = f"DROP INDEX main.{quote(index.name)}"
        stage.step(f'drop index "{index.name}" of "{index.table}"', index.table, [drop], [there.sql])


def _drop_table(stage: Stage, table: Table) -> None:
    schema = stage.now(table.name)
    own = schema.triggers_of(table.name)
    there = schema.table(table.name) or table
    up = [*set_aside((), own), f"DROP TABLE main.{quote(table.name)}"]
    down = [there.sql, *(index.sql for index in schema.indexes_of(table.name)), *restore((), own)]
    lost = f'the rows of "{table.name}"'
    stage.step(f'drop table "{table.name}"', table.name, up, down, reason="DROP TABLE frees its pages", lost=lost)


def _make_indexes(stage: Stage, created: set[str]) -> None:
    for change in stage.diff.indexes:
        index = change.new
        if index is None:
            continue
        unique = "unique " if index.unique else ""
        title = f'create {unique}index "{index.name}" on "{index.table}"'
        drop = f"DROP INDEX main.{quote(index.name)}"
        cost, reason = (
            (Cost.INSTANT, _NEW) if fold(index.table) in created else (Cost.SCAN, "the index reads every row")
        )
        stage.step(title, index.table, [index.sql], [drop], cost, reason)


def _alter(stage: Stage, target: Table) -> None:
    """One table's changes together: they share at most one rebuild."""
    before = stage.now(target.name)
    old = before.table(target.name)
    if old is None:
        raise UnsupportedChangeError(
            f'The table "{target.name}" that shall change is not there',
            hint="Compare again: something else removed it.",
        )
    indexes = before.indexes_of(target.name)
    up = alter_table(stage.shadow, target, indexes, stage.facts)
    # Fills and counts speak of the rows as they are now, not as they will be on the way back.
    back_facts = replace(stage.facts, fills={}, values=stage.facts.backs, holding={})
    with _taken_back(stage.shadow):
        down = alter_table(stage.shadow, old, indexes, back_facts)
    gone = [c.name for c in old.columns if target.column(c.name) is None]
    mine = fold(target.name)
    written = {column for home, column in stage.facts.values if home == mine}
    strict = (old.strict, target.strict)
    retyped = [
        c.name
        for c in old.columns
        if (new := target.column(c.name)) is not None
        and (
            fold(c.name) in written or (new.type != c.type and not_back(quote(c.name), c.type, new.type, strict=strict))
        )
    ]
    lost = ", ".join([f'the values of "{name}"' for name in gone] + [f'"{name}" as it was typed' for name in retyped])
    stage.found.append(
        Step(
            title=_title(target.name, stage.diff),
            target=target.name,
            cost=up.cost,
            reason=up.reason,
            up=up.statements,
            down=down.statements,
            irreversible=lost,
        )
    )


class _Undo(Exception):
    pass


@contextmanager
def _taken_back(shadow: Wire) -> Iterator[None]:
    """Whatever happens on the shadow inside is undone at the end."""
    try:
        with shadow.atomic():
            yield
            raise _Undo
    except _Undo:
        return


def _title(table: str, diff: SchemaDiff) -> str:
    said: list[str] = []
    for change in diff.columns:
        if fold(change.table) != fold(table) or _only_renamed(change):
            continue
        if change.old is None and change.new is not None:
            said.append(f'add "{change.new.name}"')
        elif change.new is None and change.old is not None:
            said.append(f'drop "{change.old.name}"')
        elif change.new is not None and change.aspects == {"field"} and change.fields is not None:
            before, after = change.fields
            said.append(f'convert "{change.new.name}" from {before} to {after}')
        elif change.new is not None:
            said.append(f'change "{change.new.name}" ({", ".join(sorted(change.aspects))})')
    words: Mapping[str, str] = {
        "primary_keys": "primary key",
        "uniques": "UNIQUE",
        "foreign_keys": "foreign keys",
        "checks": "CHECK",
        "options": "options",
        "orders": "column order",
    }
    for part, word in words.items():
        changes = getattr(diff, part)
        if any(fold(c.table) == fold(table) for c in changes if not (part == "orders" and c.is_natural)):
            said.append(f"change {word}")
    return f'"{table}": ' + (", ".join(said) or "values come back")
