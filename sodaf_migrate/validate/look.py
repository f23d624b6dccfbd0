"""What a rule gets: the plan, what it was made from, and a trial of it that all rules share."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from sodaf_migrate.compare.changes import SchemaDiff
from sodaf_migrate.compare.follow import Definitions
from sodaf_migrate.dialects.sqlite.census import Census, questions, take_census
from sodaf_migrate.dialects.sqlite.inspect import read_schema
from sodaf_migrate.dialects.sqlite.lexer import tokenize
from sodaf_migrate.dialects.sqlite.samples import Sample, beside
from sodaf_migrate.dialects.sqlite.scope import without
from sodaf_migrate.dialects.sqlite.settle import Manner, Verdict, settle
from sodaf_migrate.dialects.sqlite.statistics import statistics_tables
from sodaf_migrate.execute.room import Free, free_bytes
from sodaf_migrate.history.tables import TABLES
from sodaf_migrate.plan import Finding, Plan, Severity
from sodaf_migrate.schema.model import Schema, fold
from sodaf_migrate.validate.drawn import drawn
from sodaf_migrate.validate.trial import Rows, Trial, tried
from sodaf_migrate.wire.connection import OnConnect, Wire

__all__ = ["Catalogue", "Look", "tables_around"]


class Catalogue(Definitions, Protocol):
    """What the rules ask all definitions together."""

    def names(self) -> tuple[str, ...]: ...


def tables_around(plan: Plan) -> tuple[str, ...]:
    """The tables that a trial of ``plan`` needs: its own, those that a new foreign key points to, and whatever the
    text of a view or trigger that comes may name."""
    parents = [change.new.table for change in plan.diff.foreign_keys if change.new is not None]
    texts = [change.new.sql.text for change in plan.diff.views if change.new is not None]
    texts += [change.new.sql.text for change in plan.diff.triggers if change.new is not None]
    named = [token.name for text in texts for token in tokenize(text) if token.kind in ("word", "quoted")]
    return tuple(dict.fromkeys((*plan.scope, *plan.diff.table_names, *parents, *named)))


def _nothing_allowed(hazard: str, doctype: str, column: str | None) -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class Look:
    """One plan, held up to the light. Rules read it and change nothing.

    ``live`` is the schema around the plan's tables, ``wire`` the live database, to be read only; None where there is
    none, and then nothing is asked of rows, disk and locks. ``verdict`` is what the planner was given; asked anew
    where it is not given. ``wish`` is what shall be there, as SQLite stores it. ``tables`` are the tables, folded,
    that the wish may touch, None where that cannot be known; ``left`` compares a schema with the wish again.
    """

    plan: Plan
    live: Schema
    wire: Wire | None = None
    verdict: Verdict | None = None
    manner: Manner | None = None
    wish: Schema | None = None
    definitions: Catalogue | None = None
    tables: Collection[str] | None = None
    left: Callable[[Schema], SchemaDiff] | None = None
    allows: Callable[[str, str, str | None], bool] = _nothing_allowed
    on_connect: OnConnect | None = None
    long_step: float = 10.0  # seconds
    free: Free = free_bytes

    @classmethod
    def at(cls, wire: Wire, plan: Plan) -> Look:
        """A plan beside the database that it is for."""
        with wire.snapshot():
            live = without(read_schema(wire, around=tables_around(plan)), TABLES)
        return cls(plan=plan, live=live, wire=wire, on_connect=wire.on_connect)

    @cached_property
    def census(self) -> Census | None:
        """What the live rows say about the plan's changes; None without a database."""
        if self.wire is None:
            return None
        with self.wire.snapshot():
            return take_census(self.wire, questions(self.live, self.plan.diff, self.allows))

    @cached_property
    def judged(self) -> Verdict | None:
        """The verdict on the plan's changes: what has to be said, guarded and backed up."""
        if self.verdict is not None:
            return self.verdict
        if self.census is None:
            return None
        return settle(self.live, self.plan.diff, self.census, allows=self.allows, manner=self.manner or Manner())

    @cached_property
    def refused(self) -> bool:
        """Whether the plan will not be applied as it is, because of its rows or a hazard that is not allowed."""
        said: tuple[Finding, ...] = (*self.plan.findings, *(self.judged.findings if self.judged else ()))
        hazards = (*self.plan.hazards, *(self.judged.hazards if self.judged else ()))
        wrong = any(finding.severity is Severity.ERROR for finding in said)
        return wrong or not all(self.allows(hazard.name, hazard.doctype, hazard.column) for hazard in hazards)

    @cached_property
    def samples(self) -> tuple[Sample, ...]:
        """Some rows of each live table of the plan; none where the plan will be refused anyway."""
        if self.wire is None or self.refused:
            return ()
        with self.wire.snapshot():
            return drawn(self.wire, self.plan, self.live, self.judged.met if self.judged else ())

    @cached_property
    def beside(self) -> tuple[Sample, ...]:
        """What the plan's TEMP tables hold for those rows."""
        wire, rows = self.wire, {fold(sample.table): sample for sample in self.samples}
        if wire is None or not rows:
            return ()
        # Rows whose parents are live rows stay out of it: of those the trial has only some.
        coming = [change.new for change in self.plan.diff.tables if change.new is not None]
        bound = {fold(table.name) for table in coming if table.foreign_keys}
        chosen = (each for each in self.plan.temporary if each.column or fold(each.table) not in bound)
        return tuple(beside(wire, each, rows.get(fold(each.table))) for each in chosen)

    @cached_property
    def statistics(self) -> bool:
        """Whether the plan has to find a table of ANALYZE."""
        if self.wire is not None and statistics_tables(self.wire):
            return True
        return any("sqlite_stat" in sql for sql in (*self.plan.sql, *self.plan.rollback_sql))

    @cached_property
    def trial(self) -> Trial:
        """The plan played on a shadow, up and down."""
        rows = Rows(samples=self.samples, beside=self.beside)
        return tried(self.plan, self.live, rows, self.judged, self.on_connect, statistics=self.statistics)
