"""MigrationValidator: says no before anything is touched. Each rule is a small function; users may pass more."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from sodaf_migrate.compare.changes import SchemaDiff
from sodaf_migrate.dialects.sqlite.inspect import read_schema
from sodaf_migrate.dialects.sqlite.scope import scope_digest
from sodaf_migrate.plan import Cost, Finding, Plan, Statement, Step
from sodaf_migrate.schema.model import Schema
from sodaf_migrate.validate.consistency import plan_consistency
from sodaf_migrate.validate.definitions import definitions_concerned
from sodaf_migrate.validate.dependents import dependents_concerned
from sodaf_migrate.validate.look import Look
from sodaf_migrate.validate.loss import data_loss_risk, hazard_findings
from sodaf_migrate.validate.proof import shadow_proof
from sodaf_migrate.validate.space import locks_and_space
from sodaf_migrate.validate.syntax import sql_syntax
from sodaf_migrate.validate.way_back import rollback_possibility
from sodaf_migrate.wire.connection import Wire
from sodaf_migrate.wire.open import Target, wire_of

__all__ = ["RULES", "MigrationValidator", "Rule"]

Rule: TypeAlias = Callable[[Look], Iterable[Finding]]


def dependents(look: Look) -> Iterable[Finding]:
    """DEPENDENTS: what names something that changes and would break, or silently mean something else."""
    yield from dependents_concerned(look)
    yield from definitions_concerned(look)


#: In the order in which their findings are told.
RULES: tuple[Rule, ...] = (
    sql_syntax,
    plan_consistency,
    data_loss_risk,
    rollback_possibility,
    shadow_proof,
    dependents,
    locks_and_space,
)


class MigrationValidator:
    """Holds plans up to ``rules``; keeps nothing, so one serves any number of databases.

    A rule is a function from a ``Look`` to findings: ``MigrationValidator(rules=(*RULES, mine))`` adds one. A finding
    of severity error stops the plan before anything is touched.
    """

    def __init__(self, rules: Iterable[Rule] = RULES) -> None:
        self.rules = tuple(rules)

    def validate(self, look: Look) -> tuple[Finding, ...]:
        """Everything that the rules have to say about one plan, each thing once."""
        return tuple(dict.fromkeys(finding for rule in self.rules for finding in rule(look)))

    def validate_migration(self, migration: Any, live: Wire | Target) -> tuple[Finding, ...]:
        """A plan, or a migration that has one, beside the database ``live``, which is only read."""
        with wire_of(live, readonly=True) as wire:
            return self.validate(Look.at(wire, getattr(migration, "plan", migration)))

    def validate_schema_diff(self, diff: SchemaDiff, live: Schema | Wire | Target) -> tuple[Finding, ...]:
        """What changes would break or silently change in ``live``, before there is a plan for them."""
        plan = Plan(doctype=diff.doctype, version="", diff=diff, scope=diff.table_names)
        return tuple(dependents(Look(plan=plan, live=_schema(live))))

    def validate_sql_statements(
        self, statements: Iterable[str], live: Schema | Wire | Target | None = None
    ) -> tuple[Finding, ...]:
        """Whether statements may be part of a plan, and SQLite takes one after the other on a shadow of ``live``.

        None, as anywhere, is an empty database; nothing is carried out on ``live`` itself.
        """
        step = Step(
            title="statements",
            target="",
            cost=Cost.INSTANT,
            reason="",
            up=tuple(Statement(sql=sql) for sql in statements),
            down=(),
        )
        live = Schema() if live is None else _schema(live)
        diff = SchemaDiff(doctype="statements")
        plan = Plan(doctype="statements", version="", diff=diff, steps=(step,), from_digest=scope_digest(live, ()))
        return tuple(sql_syntax(Look(plan=plan, live=live)))

    def check_data_loss_risks(self, migration: Any) -> tuple[Finding, ...]:
        """The hazards of a plan, or of a migration that has one, as findings with their rows and the way out."""
        return tuple(hazard_findings(Look(plan=getattr(migration, "plan", migration), live=Schema())))

    def validate_rollback_possibility(self, migration: Any) -> tuple[Finding, ...]:
        """What of a plan, or of a migration that has one, cannot come back, or only with a backup."""
        return tuple(rollback_possibility(Look(plan=getattr(migration, "plan", migration), live=Schema())))


def _schema(live: Schema | Wire | Target) -> Schema:
    if isinstance(live, Schema):
        return live
    with wire_of(live, readonly=True) as wire, wire.snapshot():
        return read_schema(wire)
