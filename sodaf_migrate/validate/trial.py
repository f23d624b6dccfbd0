"""A plan played on a shadow, up by the executor that will do it and down again; what was there is kept."""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from sodaf_migrate.compare.changes import MoveChange, RowsChange
from sodaf_migrate.dialects.sqlite.census import row_condition
from sodaf_migrate.dialects.sqlite.edit import SHORT_RECORDS
from sodaf_migrate.dialects.sqlite.facts import TableFacts, read_facts
from sodaf_migrate.dialects.sqlite.inspect import read_schema
from sodaf_migrate.dialects.sqlite.names import literal, quote
from sodaf_migrate.dialects.sqlite.samples import Sample, all_rows, put, put_beside
from sodaf_migrate.dialects.sqlite.scope import stored_key
from sodaf_migrate.dialects.sqlite.settle import Verdict
from sodaf_migrate.dialects.sqlite.shadow import shadow_of
from sodaf_migrate.errors import MigrationError, StatementError
from sodaf_migrate.events import Progress, Teller, silent
from sodaf_migrate.execute.executor import MigrationExecutor
from sodaf_migrate.plan import Loss, Plan, Statement, Step
from sodaf_migrate.schema.model import Schema, fold
from sodaf_migrate.wire.authorizer import watched
from sodaf_migrate.wire.connection import OnConnect, Wire

__all__ = ["Doing", "Rows", "State", "Trial", "tried"]

_TEXTS = (
    "SELECT type, name, sql FROM main.sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
)

#: Nobody shall read in the log that a database was migrated when a shadow was.
_SILENT = logging.Logger("sodaf_migrate.trial", level=logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What the shadow held: its schema as the engine reads it, and by pragmas and stored texts alone, and its rows."""

    schema: Schema
    facts: dict[str, TableFacts]
    texts: dict[tuple[str, str], str]  # by (kind, name) the canonical text
    rows: dict[str, Sample]  # by folded table


@dataclass(frozen=True, slots=True)
class Doing:
    """What SQLite said that a step does (an authorizer's words), or the way back where ``step`` is None."""

    step: int | None
    action: int
    first: str | None
    second: str | None
    database: str | None


@dataclass(slots=True, kw_only=True)
class Trial:
    """What became of it. ``fault`` says why the shadow could not be made at all.

    ``gone`` maps (folded table, number of the loss) to the places, in ``before.rows``, of the rows that a loss names.
    """

    before: State | None = None
    after: State | None = None
    back: State | None = None
    fault: MigrationError | None = None
    up_fault: MigrationError | None = None
    down_fault: MigrationError | None = None
    doings: list[Doing] = field(default_factory=list)
    back_with_rows: bool = True
    lost: list[tuple[Loss, frozenset[int]]] = field(default_factory=list)
    left_behind: list[tuple[str, int]] = field(default_factory=list)  # rows that should have followed a rename


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows on which a plan is tried: those of tables, and those of the TEMP tables that it reads."""

    samples: tuple[Sample, ...] = ()
    beside: tuple[Sample, ...] = ()


def tried(
    plan: Plan,
    live: Schema,
    rows: Rows,
    verdict: Verdict | None,
    on_connect: OnConnect | None,
    *,
    statistics: bool,
) -> Trial:
    """Play ``plan`` on a shadow of ``live`` that holds the ``rows``."""
    rows = replace(rows, samples=tuple(sample for sample in rows.samples if sample.rows))
    trial = _played(plan, live, rows, verdict, on_connect, statistics)
    one_way = any(step.irreversible for step in plan.steps) or any(each.is_rows for each in plan.temporary)
    if (rows.samples or rows.beside) and trial.down_fault is not None and one_way:
        # What cannot come back without a backup, or came back from one (rows that repeat one another, say), may stand
        # in the way of the way back: then its schema alone counts.
        bare = _played(plan, live, Rows(), verdict, on_connect, statistics)
        trial.back, trial.down_fault, trial.back_with_rows = bare.back, bare.down_fault, False
    return trial


def _played(
    plan: Plan,
    live: Schema,
    rows: Rows,
    verdict: Verdict | None,
    on_connect: OnConnect | None,
    statistics: bool,
) -> Trial:
    trial = Trial()
    try:
        with shadow_of(live, on_connect, statistics=statistics, fill=partial(_fill, live, rows.samples)) as shadow:
            for temporary in plan.temporary:
                shadow.run(temporary.create)
            for sample in rows.beside:
                put_beside(shadow, sample)
            _play(trial, shadow, plan, verdict)
    except MigrationError as error:
        trial.fault = error
    return trial


def _fill(live: Schema, samples: tuple[Sample, ...], shadow: Wire) -> None:
    if not samples:
        return
    tables = {fold(table.name): table for table in live.tables}
    with shadow.pragmas(foreign_keys=0, ignore_check_constraints=1), shadow.atomic():
        for sample in samples:
            put(shadow, tables[fold(sample.table)], sample)


def _play(trial: Trial, shadow: Wire, plan: Plan, verdict: Verdict | None) -> None:
    trial.before = _state(shadow)
    losses = (*(verdict.losses if verdict else ()), *(c.loss for c in (verdict.cleanings if verdict else ())))
    trial.lost = [(loss, _places(shadow, trial.before, loss)) for loss in losses]
    watch = _Watch(trial)
    executor = MigrationExecutor(listener=watch, log=_SILENT)
    try:
        with watched(shadow, watch.see):
            executor.execute_migration(shadow, _free_of_counts(plan), record=_no_record)
    except MigrationError as error:
        trial.up_fault = error
        return
    trial.after = _state(shadow)
    trial.left_behind = [(change.table, count) for change in plan.diff.rows if (count := _unmoved(shadow, change))]
    trial.left_behind += [(move.table, count) for move in plan.diff.moves if (count := _unmoved_row(shadow, move))]
    watch.on_the_way_back, watch.step = True, None
    try:
        with watched(shadow, watch.see):
            executor.execute_rollback_sql(shadow, plan)
    except MigrationError as error:
        trial.down_fault = error
        return
    trial.back = _state(shadow)


class _Watch(Teller):
    """Notes what SQLite says that each step does; the executor tells it before each step and after it."""

    def __init__(self, trial: Trial) -> None:
        super().__init__(silent)
        self.trial = trial
        self.step: int | None = None
        self.on_the_way_back = False

    def __call__(self, progress: Progress) -> None:
        if progress.phase == "step" and progress.unit == "steps":
            self.step = progress.done if self.step is None else None

    def see(self, action: int, first: str | None, second: str | None, database: str | None, inside: str | None) -> int:
        if inside is None and (self.step is not None or self.on_the_way_back):
            self.trial.doings.append(Doing(self.step, action, first, second, database))
        return sqlite3.SQLITE_OK


def _state(shadow: Wire) -> State:
    schema = read_schema(shadow)
    return State(
        schema=schema,
        facts=read_facts(shadow),
        texts={(kind, fold(name)): stored_key(sql) for kind, name, sql in shadow.query(_TEXTS)},
        rows={fold(table.name): all_rows(shadow, table) for table in schema.tables},
    )


def _no_record(wire: Wire, execution: Any) -> None:
    """The executor asks for a record; a shadow has no history."""


def _free_of_counts(plan: Plan) -> Plan:
    """The plan without what counts the live rows: the shadow holds some of them only."""

    def counts(statement: Statement) -> bool:
        return statement.check == SHORT_RECORDS

    def bare(step: Step) -> Step:
        return replace(step, guards=(), up=tuple(statement for statement in step.up if not counts(statement)))

    return replace(plan, steps=tuple(map(bare, plan.steps)))


def _places(shadow: Wire, before: State, loss: Loss) -> frozenset[int]:
    """Which of the rows on the shadow a loss speaks of, by their place."""
    held = before.rows.get(fold(loss.table))
    table = before.schema.table(loss.table)
    if held is None or table is None or not held.rows:
        return frozenset()
    found = all_rows(shadow, table, loss.where)
    if held.keys is not None and found.keys is not None:
        meant: set[Any] = set(found.keys)
        return frozenset(place for place, key in enumerate(held.keys) if key in meant)
    meant = set(found.rows)
    return frozenset(place for place, row in enumerate(held.rows) if row in meant)


def _unmoved_row(shadow: Wire, move: MoveChange) -> int:
    """Rows, or values of the Single, that should have moved."""
    if move.new == "values":
        return _count(shadow, move.table, "1")
    fields = ", ".join(literal(column.name) for column in move.columns)
    return _count(shadow, move.singles, f"doctype = {literal(move.doctype)} AND field IN ({fields})")


def _unmoved(shadow: Wire, change: RowsChange) -> int:
    """Rows that still say the old name."""
    return _count(shadow, change.table, row_condition(change, change.old))


def _count(shadow: Wire, table: str, where: str) -> int:
    """The rows that meet a condition, none where the table is gone or called otherwise."""
    try:
        return int(shadow.value(f"SELECT count(*) FROM main.{quote(table)} WHERE {where}"))
    except StatementError:
        return 0
