"""The shadow on which a plan is found, step by step: what is recorded has run there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sodaf_migrate.compare.changes import SchemaDiff
from sodaf_migrate.dialects.sqlite.inspect import read_schema
from sodaf_migrate.dialects.sqlite.play import play
from sodaf_migrate.dialects.sqlite.rebuild import Facts
from sodaf_migrate.dialects.sqlite.settle import Verdict
from sodaf_migrate.errors import DatabaseError, UnsupportedChangeError
from sodaf_migrate.plan import Cost, Loss, Statement, Step
from sodaf_migrate.schema.model import Schema
from sodaf_migrate.wire.connection import Wire

__all__ = ["CATALOGUE", "Stage"]

CATALOGUE = "only the catalogue changes"


@dataclass(slots=True)
class Stage:
    """A shadow in the state that the steps found so far lead to."""

    shadow: Wire
    verdict: Verdict
    facts: Facts
    found: list[Step] = field(default_factory=list)
    aside: Schema = field(default_factory=Schema)  # views and triggers that a rename could not rewrite

    @property
    def diff(self) -> SchemaDiff:
        return self.verdict.diff

    def now(self, table: str | None = None) -> Schema:
        """What the shadow holds now: all of it, or what concerns one table."""
        return read_schema(self.shadow, around=None if table is None else [table])

    def step(
        self,
        title: str,
        target: str,
        up: Iterable[str | Statement],
        down: Iterable[str | Statement],
        cost: Cost = Cost.INSTANT,
        reason: str = CATALOGUE,
        lost: str = "",
        losses: tuple[Loss, ...] = (),
    ) -> None:
        """Record a step once its statements ran on the shadow. Raises UnsupportedChangeError when SQLite refuses."""
        statements = tuple(map(_statement, up))
        for statement in statements:
            try:
                play(self.shadow, statement)
            except DatabaseError as error:
                raise UnsupportedChangeError(
                    f"Cannot {title}: {error.message}",
                    hint="Mend what stands in the way, or leave this change out (see docs/refusals.md).",
                    details={"sql": statement.sql},
                ) from error
        back = tuple(map(_statement, down))
        self.found.append(
            Step(
                title=title,
                target=target,
                cost=cost,
                reason=reason,
                up=statements,
                down=back,
                irreversible=lost,
                losses=losses,
            )
        )


def _statement(given: str | Statement) -> Statement:
    return Statement(sql=given) if isinstance(given, str) else given
