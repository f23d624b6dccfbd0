"""Turns a diff into steps, each proved on a shadow as it is found, with its way back beside it.

The shadow is an in-memory database with the live schema and no rows. Every step is tried on it, so that each next
one is planned against what the steps before it really leave behind, and SQLite itself judges what is possible.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from sodaf_migrate.compare.apply import applied
from sodaf_migrate.compare.changes import ColumnChange, RowsChange, SchemaDiff
from sodaf_migrate.compare.renames import rename_order
from sodaf_migrate.dialects.sqlite.alter import alter_table, restore, set_aside
from sodaf_migrate.dialects.sqlite.census import row_condition
from sodaf_migrate.dialects.sqlite.inspect import read_schema, scope_digest
from sodaf_migrate.dialects.sqlite.names import literal, quote
from sodaf_migrate.dialects.sqlite.rebuild import Facts
from sodaf_migrate.dialects.sqlite.settle import Cleaning, Verdict
from sodaf_migrate.dialects.sqlite.shadow import shadow_of
from sodaf_migrate.errors import DatabaseError, UnsupportedChangeError
from sodaf_migrate.plan import Cost, Hazard, Plan, Statement, Step
from sodaf_migrate.schema.model import Index, Schema, Table, View, VirtualTable, digest, fold
from sodaf_migrate.wire.connection import Wire

__all__ = ["Prepare", "make_plan", "renamed", "table_digests"]

Prepare = Callable[[sqlite3.Connection], None] | None


def renamed(live: Schema, diff: SchemaDiff, on_connect: Prepare = None) -> Schema:
    """``live`` after the renames of ``diff``, as SQLite carries them out."""
    with shadow_of(live, on_connect) as shadow:
        planner = _Planner(shadow, live, Verdict(diff=diff), Facts(version=shadow.sqlite_version))
        planner.renames()
        return read_schema(shadow)


def make_plan(
    live: Schema,
    verdict: Verdict,
    *,
    version: str,
    on_connect: Prepare = None,
    sqlite_version: tuple[int, int, int] | None = None,
    statistics: tuple[str, ...] = (),
    edits: bool = True,
) -> Plan:
    """The plan that makes the changes of ``verdict``; ``live`` holds the tables concerned and all that names them.

    ``sqlite_version`` plans for an older library than the one loaded; ``edits`` False keeps away from the catalogue,
    as a defensive connection has to. Raises UnsupportedChangeError when no safe way
    is known.
    """
    diff = verdict.diff
    scope = tuple(sorted(diff.table_names, key=fold))
    if not diff.has_changes:
        return Plan(doctype=diff.doctype, version=version, diff=diff, findings=verdict.findings, scope=scope)
    with shadow_of(live, on_connect, statistics=bool(statistics)) as shadow:
        facts = Facts(
            version=sqlite_version or shadow.sqlite_version,
            statistics=statistics,
            taken=_taken(live),
            fills=verdict.fills,
            holding=verdict.holding,
            edits=edits and shadow.catalogue_is_open(),
        )
        planner = _Planner(shadow, live, verdict, facts)
        steps = planner.steps()
        after = read_schema(shadow)
    return Plan(
        doctype=diff.doctype,
        version=version,
        diff=diff,
        steps=_with_dangers(steps, verdict),
        findings=verdict.findings,
        scope=scope,
        from_digest=scope_digest(live, scope),
        to_digest=scope_digest(after, scope),
        details={"left": table_digests(after, scope)},
    )


def table_digests(schema: Schema, tables: Iterable[str]) -> dict[str, str]:
    """The digest of each of those tables with its indexes, by folded name: what history says we left."""
    found = {}
    for name in tables:
        table = schema.table(name)
        if table is not None:
            found[fold(name)] = digest((table, tuple(sorted(schema.indexes_of(name), key=lambda index: index.name))))
    return found


def _taken(live: Schema) -> frozenset[str]:
    kinds: tuple[Iterable[Table | Index | View | VirtualTable], ...] = (
        live.tables,
        live.indexes,
        live.views,
        live.virtual_tables,
    )
    return frozenset(fold(item.name) for items in kinds for item in items)


def _with_dangers(steps: list[Step], verdict: Verdict) -> tuple[Step, ...]:
    """Hang each hazard on the step that carries it out, and the guards on the first one."""
    if not steps:
        return ()
    placed: dict[int, list[Hazard]] = {}
    for hazard in verdict.hazards:
        wanted = [n for n, step in enumerate(steps) if hazard.column is None or f'"{hazard.column}"' in step.title]
        placed.setdefault(wanted[0] if wanted else len(steps) - 1, []).append(hazard)
    found = [replace(step, hazards=tuple(placed.get(number, ()))) for number, step in enumerate(steps)]
    found[0] = replace(found[0], guards=verdict.guards)
    return tuple(found)


@dataclass(slots=True)
class _Planner:
    shadow: Wire
    live: Schema
    verdict: Verdict
    facts: Facts
    found: list[Step] = field(default_factory=list)

    @property
    def diff(self) -> SchemaDiff:
        return self.verdict.diff

    def steps(self) -> list[Step]:
        for cleaning in self.verdict.cleanings:
            self._clean(cleaning)
        if self.diff.renames_last:
            self.rest()
            self.renames()
        else:
            self.renames()
            self.rest()
        for change in self.diff.rows:
            self._follow(change)
        return self.found

    def _step(
        self, title: str, target: str, up: Iterable[str], down: Iterable[str], cost: Cost, reason: str, lost: str = ""
    ) -> None:
        """A step whose statements are run on the shadow as it is found."""
        statements = tuple(Statement(sql=sql) for sql in up)
        for statement in statements:
            try:
                self.shadow.run(statement.sql)
            except DatabaseError as error:
                raise UnsupportedChangeError(
                    f"Cannot {title}: {error.message}",
                    hint="Mend what stands in the way, or leave this change out (see docs/refusals.md).",
                    details={"sql": statement.sql},
                ) from error
        back = tuple(Statement(sql=sql) for sql in down)
        self.found.append(
            Step(title=title, target=target, cost=cost, reason=reason, up=statements, down=back, irreversible=lost)
        )

    def _now(self, table: str) -> Schema:
        return read_schema(self.shadow, around=[table])

    # Renames: SQLite itself rewrites every index, trigger, view and foreign key that says the name.

    def renames(self) -> None:
        """Tables and then their columns; on the way back the other way round."""
        by_table: dict[str, list[ColumnChange]] = {}
        for column in self.diff.columns:
            if column.aspects == {"name"}:
                by_table.setdefault(column.table, []).append(column)
        if self.diff.renames_last:
            for table, changes in by_table.items():
                self._rename_columns(table, changes)
        for change in self.diff.tables:
            if change.old is not None and change.new is not None:
                self._rename_table(change.old.name, change.new.name)
        if not self.diff.renames_last:
            for table, changes in by_table.items():
                self._rename_columns(table, changes)

    def _rename_table(self, old: str, new: str) -> None:
        path = [old, new]
        if fold(old) == fold(new):  # SQLite refuses a change of case alone
            path = [old, f"{new}__rename", new]
        up = [_rename_sql(a, b) for a, b in itertools.pairwise(path)]
        down = [_rename_sql(b, a) for a, b in reversed(list(itertools.pairwise(path)))]
        title = f'rename table "{old}" to "{new}"'
        self._step(title, new, up, down, Cost.INSTANT, "RENAME only changes the catalogue")

    def _rename_columns(self, table: str, changes: list[ColumnChange]) -> None:
        pairs = [(change.old.name, change.new.name) for change in changes if change.old and change.new]
        current = self._now(table).table(table)
        taken = [column.name for column in current.columns] if current else []
        order = rename_order(pairs, taken)
        head = f"ALTER TABLE main.{quote(table)} RENAME COLUMN"
        up = [f"{head} {quote(old)} TO {quote(new)}" for old, new in order]
        down = [f"{head} {quote(new)} TO {quote(old)}" for old, new in reversed(order)]
        said = ", ".join(f'"{old}" to "{new}"' for old, new in pairs)
        title = f'rename column {said} of "{table}"'
        self._step(title, table, up, down, Cost.INSTANT, "RENAME only changes the catalogue")

    # Everything else.

    def rest(self) -> None:
        target = applied(read_schema(self.shadow), self.diff)
        self._drop_things()
        for change in self.diff.tables:
            if change.new is None and change.old is not None:
                self._drop_table(change.old)
        created = [change.new for change in self.diff.tables if change.old is None and change.new is not None]
        new_names = {fold(table.name) for table in created}
        for name in self._altered_tables():
            table = target.table(name)
            if table is not None and fold(name) not in new_names:
                self._alter(table)
        for table in created:
            self._create_table(table)
        self._make_indexes(new_names)
        self._make_things()

    def _altered_tables(self) -> tuple[str, ...]:
        parts = ("columns", "primary_keys", "uniques", "foreign_keys", "checks", "options", "orders")
        names = {fold(c.table): c.table for part in parts for c in getattr(self.diff, part) if not _only_renamed(c)}
        return tuple(names.values())

    def _drop_things(self) -> None:
        """Triggers, views, virtual tables and indexes that go or change, in that order."""
        for trigger in self.diff.triggers:
            if trigger.old is not None:
                sql = set_aside((), (trigger.old,))[0].sql
                back = restore((), (trigger.old,))[0].sql
                self._step(
                    f'drop trigger "{trigger.old.name}"', trigger.old.table, [sql], [back], Cost.INSTANT, _CATALOGUE
                )
        for view in reversed(self.diff.views):
            if view.old is not None:
                self._drop_view(view.old.name)
        for virtual in self.diff.virtual_tables:
            if virtual.old is not None:
                name, text = virtual.old.name, virtual.old.sql.text
                lost = f'the rows of virtual table "{name}"'
                drop = f"DROP TABLE main.{quote(name)}"
                self._step(f'drop virtual table "{name}"', name, [drop], [text], Cost.INSTANT, _CATALOGUE, lost)
        for index in self.diff.indexes:
            if index.old is not None:
                self._drop_index(index.old)

    def _drop_view(self, name: str) -> None:
        """Drop a view; its INSTEAD OF triggers go with it and come back with it."""
        schema = self._now(name)
        view = schema.view(name)
        if view is None:
            return
        own = schema.triggers_of(name)
        up = [statement.sql for statement in set_aside([view], own)]
        down = [statement.sql for statement in restore([view], own)]
        self._step(f'drop view "{name}"', name, up, down, Cost.INSTANT, _CATALOGUE)

    def _drop_index(self, index: Index) -> None:
        there = self._now(index.table).index(index.name)
        if there is None:
            return
        sql = f"DROP INDEX main.{quote(index.name)}"
        self._step(f'drop index "{index.name}"', index.table, [sql], [there.sql], Cost.INSTANT, _CATALOGUE)

    def _drop_table(self, table: Table) -> None:
        schema = self._now(table.name)
        own = schema.triggers_of(table.name)
        there = schema.table(table.name) or table
        up = [s.sql for s in set_aside((), own)] + [f"DROP TABLE main.{quote(table.name)}"]
        down = [there.sql] + [i.sql for i in schema.indexes_of(table.name)] + [s.sql for s in restore((), own)]
        lost = f'the rows of "{table.name}"'
        self._step(f'drop table "{table.name}"', table.name, up, down, Cost.INSTANT, "DROP TABLE frees its pages", lost)

    def _create_table(self, table: Table) -> None:
        sql = f"DROP TABLE main.{quote(table.name)}"
        self._step(
            f'create table "{table.name}"', table.name, [table.sql], [sql], Cost.INSTANT, "a new table has no rows"
        )

    def _make_indexes(self, new_tables: set[str]) -> None:
        for change in self.diff.indexes:
            index = change.new
            if index is None:
                continue
            unique = "unique " if index.unique else ""
            title = f'create {unique}index "{index.name}" on "{index.table}"'
            drop = f"DROP INDEX main.{quote(index.name)}"
            fresh = fold(index.table) in new_tables
            cost, reason = (
                (Cost.INSTANT, "a new table has no rows") if fresh else (Cost.SCAN, "the index reads every row")
            )
            self._step(title, index.table, [index.sql], [drop], cost, reason)

    def _make_things(self) -> None:
        for virtual in self.diff.virtual_tables:
            if virtual.new is not None:
                name = virtual.new.name
                drop = f"DROP TABLE main.{quote(name)}"
                self._step(
                    f'create virtual table "{name}"', name, [virtual.new.sql.text], [drop], Cost.INSTANT, _CATALOGUE
                )
        for view in self.diff.views:
            if view.new is not None:
                drop = f"DROP VIEW main.{quote(view.new.name)}"
                self._step(
                    f'create view "{view.new.name}"',
                    view.new.name,
                    [view.new.sql.text],
                    [drop],
                    Cost.INSTANT,
                    _CATALOGUE,
                )
        for trigger in self.diff.triggers:
            if trigger.new is not None:
                name = trigger.new.name
                drop = f"DROP TRIGGER main.{quote(name)}"
                title = f'create trigger "{name}"'
                self._step(title, trigger.new.table, [trigger.new.sql.text], [drop], Cost.INSTANT, _CATALOGUE)

    def _alter(self, target: Table) -> None:
        """One table's changes together: they share at most one rebuild."""
        before = self._now(target.name)
        old = before.table(target.name)
        if old is None:
            raise UnsupportedChangeError(
                f'The table "{target.name}" that shall change is not there',
                hint="Compare again: something else removed it.",
            )
        indexes = before.indexes_of(target.name)
        up = alter_table(self.shadow, target, indexes, self.facts)
        back_facts = replace(self.facts, fills={})
        with _taken_back(self.shadow):
            down = alter_table(self.shadow, old, indexes, back_facts)
        gone = [c.name for c in old.columns if target.column(c.name) is None]
        retyped = [c.name for c in old.columns if (new := target.column(c.name)) is not None and new.type != c.type]
        lost = ", ".join(
            [f'the values of "{name}"' for name in gone] + [f'"{name}" as it was typed' for name in retyped]
        )
        self.found.append(
            Step(
                title=_title(target.name, self.diff),
                target=target.name,
                cost=up.cost,
                reason=up.reason,
                up=up.statements,
                down=down.statements,
                irreversible=lost,
            )
        )

    # Rows.

    def _clean(self, cleaning: Cleaning) -> None:
        own = self._now(cleaning.table).triggers_of(cleaning.table)
        up = [s.sql for s in set_aside((), own)] + list(cleaning.sql) + [s.sql for s in restore((), own)]
        self._step(
            cleaning.title, cleaning.table, up, [], Cost.IN_PLACE, "rows are changed where they are", "those rows"
        )

    def _follow(self, change: RowsChange) -> None:
        """Rows that follow a rename; the table's triggers rest meanwhile, for nobody edited a document."""
        own = self._now(change.table).triggers_of(change.table)
        head = f"UPDATE main.{quote(change.table)} SET {quote(change.column)} ="
        forth = f"{head} {literal(change.new)} WHERE {row_condition(change, change.old)}"
        back = f"{head} {literal(change.old)} WHERE {row_condition(change, change.new)}"
        drops, makes = [s.sql for s in set_aside((), own)], [s.sql for s in restore((), own)]
        title = f'let "{change.column}" of "{change.table}" follow: {change.old} becomes {change.new}'
        self._step(title, change.table, [*drops, forth, *makes], [*drops, back, *makes], Cost.IN_PLACE, change.reason)


_CATALOGUE = "only the catalogue changes"


class _taken_back:
    """Whatever happens on the shadow inside is undone at the end."""

    class _Undo(Exception):
        pass

    def __init__(self, shadow: Wire) -> None:
        self._atomic = shadow.atomic()

    def __enter__(self) -> None:
        self._atomic.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        undo = error or self._Undo()
        try:
            self._atomic.__exit__(type(undo), undo, None)
        except self._Undo:
            return


def _rename_sql(old: str, new: str) -> str:
    return f"ALTER TABLE main.{quote(old)} RENAME TO {quote(new)}"


def _only_renamed(change: object) -> bool:
    return isinstance(change, ColumnChange) and change.aspects == {"name"}


def _title(table: str, diff: SchemaDiff) -> str:
    said: list[str] = []
    for change in diff.columns:
        if fold(change.table) != fold(table) or _only_renamed(change):
            continue
        if change.old is None and change.new is not None:
            said.append(f'add "{change.new.name}"')
        elif change.new is None and change.old is not None:
            said.append(f'drop "{change.old.name}"')
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
        if any(fold(change.table) == fold(table) for change in getattr(diff, part)):
            said.append(f"change {word}")
    return f'"{table}": ' + ", ".join(said)
