"""Turns a diff into steps, each proved on a shadow as it is found, with its way back beside it.

The shadow is an in-memory database with the live schema and no rows. Every step is tried on it, so that each next
one is planned against what the steps before it really leave behind, and SQLite itself judges what is possible.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from sodaf_migrate.compare.changes import SchemaDiff
from sodaf_migrate.dialects.sqlite.aside import make_things
from sodaf_migrate.dialects.sqlite.inspect import read_schema, scope_digest
from sodaf_migrate.dialects.sqlite.moves import move_steps, moves_rows
from sodaf_migrate.dialects.sqlite.parse import parse_index, parse_table
from sodaf_migrate.dialects.sqlite.rebuild import Facts
from sodaf_migrate.dialects.sqlite.rename_steps import rename_steps
from sodaf_migrate.dialects.sqlite.rest_steps import rest_steps
from sodaf_migrate.dialects.sqlite.row_steps import clean, follow, put_back
from sodaf_migrate.dialects.sqlite.settle import Verdict
from sodaf_migrate.dialects.sqlite.shadow import shadow_of
from sodaf_migrate.dialects.sqlite.stage import Stage
from sodaf_migrate.dialects.sqlite.statistics import coming_back
from sodaf_migrate.plan import Hazard, Loss, Plan, Step
from sodaf_migrate.schema.model import Index, Schema, Table, View, VirtualTable, digest, fold

__all__ = ["Prepare", "left_schema", "left_texts", "make_plan", "renamed", "table_digests"]

Prepare = Callable[[sqlite3.Connection], None] | None


def renamed(live: Schema, diff: SchemaDiff, on_connect: Prepare = None) -> Schema:
    """``live`` after the renames of ``diff``, as SQLite carries them out; what it cannot rewrite stays as it was."""
    with shadow_of(live, on_connect) as shadow:
        stage = Stage(shadow, Verdict(diff=diff), Facts(version=shadow.sqlite_version))
        rename_steps(stage)
        now = read_schema(shadow)
        return replace(now, views=stage.aside.views + now.views, triggers=stage.aside.triggers + now.triggers)


def make_plan(
    live: Schema,
    verdict: Verdict,
    *,
    version: str,
    on_connect: Prepare = None,
    sqlite_version: tuple[int, int, int] | None = None,
    statistics: tuple[str, ...] = (),
    analysed: Sequence[Sequence[str | None]] = (),
    edits: bool = True,
) -> Plan:
    """The plan that makes the changes of ``verdict``; ``live`` holds the tables concerned and all that names them.

    ``sqlite_version`` plans for an older library than the one loaded; ``edits`` False keeps away from the catalogue,
    as a defensive connection has to; ``analysed`` is what was known of tables and indexes that come back. Raises
    UnsupportedChangeError when no safe way is known.
    """
    diff = verdict.diff
    back = [refill.loss.table for refill in verdict.refills if refill.is_rows]  # also where no row has to move for it
    scope = tuple({fold(name): name for name in sorted((*back, *diff.table_names), key=fold)}.values())
    if not diff.has_changes:
        return Plan(doctype=diff.doctype, version=version, diff=diff, findings=verdict.findings, scope=scope)
    with shadow_of(live, on_connect, statistics=bool(statistics)) as shadow:
        for refill in verdict.refills:
            for temporary in refill.temporaries:
                shadow.run(temporary.create)
        facts = Facts(
            version=sqlite_version or shadow.sqlite_version,
            statistics=statistics,
            taken=_taken(live),
            fills=verdict.fills,
            values=verdict.values,
            backs=verdict.backs,
            holding=verdict.holding,
            edits=edits and shadow.catalogue_is_open(),
        )
        stage = Stage(shadow, verdict, facts)
        steps = _steps(stage)
        known = coming_back(diff, analysed) if "sqlite_stat1" in statistics else []
        if known:
            up, down = zip(*known, strict=True)
            stage.step("bring back what ANALYZE had found", scope[0], up, down)
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
        temporary=tuple(each for refill in verdict.refills for each in refill.temporaries),
        details={"left": table_digests(after, scope), "stored": left_texts(after, scope)},
    )


def _steps(stage: Stage) -> list[Step]:
    for cleaning in stage.verdict.cleanings:
        clean(stage, cleaning)
    if stage.diff.is_reverse:
        move_steps(stage)  # a table that was made for the row gives it back before it goes
        rest_steps(stage)
        rename_steps(stage)
        make_things(stage, stage.aside, stage.aside)  # by their old names they are whole again
    else:
        rename_steps(stage)
        rest_steps(stage)
        move_steps(stage)
    for change in stage.diff.rows:
        follow(stage, change)
    for refill in stage.verdict.refills:
        if refill.is_rows and not any(move.new == "row" and moves_rows(move, refill) for move in stage.diff.moves):
            put_back(stage, refill)
    return stage.found


def table_digests(schema: Schema, tables: Iterable[str]) -> dict[str, str]:
    """The digest of each of those tables with its indexes, by folded name: what history says we left."""
    found = {}
    for name in tables:
        table = schema.table(name)
        if table is not None:
            found[fold(name)] = digest((table, tuple(sorted(schema.indexes_of(name), key=lambda index: index.name))))
    return found


def left_texts(schema: Schema, tables: Iterable[str]) -> list[list[str]]:
    """The stored texts (kind, name, table, SQL) of those tables and their indexes: by them drift is told in words."""
    found: list[list[str]] = []
    for name in tables:
        table = schema.table(name)
        if table is not None:
            found.append(["table", table.name, table.name, table.sql])
            found += [["index", index.name, table.name, index.sql] for index in schema.indexes_of(name)]
    return found


def left_schema(texts: Iterable[Sequence[str]]) -> Schema:
    """What ``left_texts`` told of. Raises SchemaParseError for a text that cannot be read."""
    tables = {fold(name): parse_table(sql).table for kind, name, _, sql in texts if kind == "table"}
    columns = {name: tuple(column.name for column in table.columns) for name, table in tables.items()}
    indexes = [parse_index(sql, columns.get(fold(table), ())) for kind, _, table, sql in texts if kind == "index"]
    return Schema(tables=tuple(tables.values()), indexes=tuple(indexes))


def _taken(live: Schema) -> frozenset[str]:
    kinds: tuple[Iterable[Table | Index | View | VirtualTable], ...] = (
        live.tables,
        live.indexes,
        live.views,
        live.virtual_tables,
    )
    return frozenset(fold(item.name) for items in kinds for item in items)


def _with_dangers(steps: list[Step], verdict: Verdict) -> tuple[Step, ...]:
    """Hang hazards and losses on the steps that bring them about, and the guards on the first one."""
    if not steps:
        return ()
    hazards: dict[int, list[Hazard]] = {}
    for hazard in verdict.hazards:
        hazards.setdefault(_carrier(steps, hazard.column), []).append(hazard)
    losses: dict[int, list[Loss]] = {}
    for loss in verdict.losses:
        name = (loss.new_columns or loss.columns or (loss.table,))[0]
        losses.setdefault(_carrier(steps, name), []).append(loss)
    found = [
        replace(step, hazards=tuple(hazards.get(number, ())), losses=(*step.losses, *losses.get(number, ())))
        for number, step in enumerate(steps)
    ]
    found[0] = replace(found[0], guards=verdict.guards)
    return tuple(found)


def _carrier(steps: list[Step], name: str | None) -> int:
    """The number of the first step whose title names it, else of the last one."""
    numbers = (number for number, step in enumerate(steps) if name is None or f'"{name}"' in step.title)
    return next(numbers, len(steps) - 1)
