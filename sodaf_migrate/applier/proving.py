"""Every plan of a session is held up to the rules: what they need to know beside the plan is put together here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

from sodaf_migrate.applier.planning import Planning
from sodaf_migrate.compare.changes import SchemaDiff
from sodaf_migrate.compare.engine import Comparer, Comparison
from sodaf_migrate.dialects.sqlite.settle import Verdict
from sodaf_migrate.plan import Plan
from sodaf_migrate.schema.model import Schema, fold
from sodaf_migrate.validate.codes import CODES
from sodaf_migrate.validate.look import Look, tables_around

__all__ = ["planning_for", "validated"]

#: What is left to do once a plan has led to a schema.
Left: TypeAlias = Callable[[Plan, Comparison, Schema], SchemaDiff]


def planning_for(session: Any, *, doctype: str | None = None, sql: str | None = None) -> Planning:
    """The planning of one DocType, of a wish in SQL of that name, or of changes that somebody else found."""

    def left(plan: Plan, comparison: Comparison, after: Schema) -> SchemaDiff:
        options = replace(session.options, renames={})
        later = _later(session, plan, comparison, after)
        if doctype is not None:
            return later.compare_doctype(doctype, options, wish=comparison.wish).diff
        return later.compare_sql(comparison.wish, options, name=plan.doctype).diff

    compared_again = left if doctype is not None or sql is not None else None

    def proved(plan: Plan, comparison: Comparison, verdict: Verdict) -> Plan:
        return _proved(session, compared_again, sql is not None, plan, comparison, verdict)

    return Planning(
        wire=session.wire,
        options=session.options,
        whole=sql is not None,
        edits=session.edits,
        backups=session.backups is not None,
        proved=proved,
    )


def validated(session: Any, plan: Plan) -> Plan:
    """A plan that was stored, with what the rules say of it today instead of what they said then."""
    with session.wire.snapshot():
        look = replace(
            Look.at(session.wire, plan),
            definitions=session.engine,
            allows=session.options.allows,
            tables=_tables(session, plan.doctype),
        )
        kept = tuple(finding for finding in plan.findings if finding.code not in CODES)
        return replace(plan, findings=(*kept, *session.validator.validate(look)))


def _proved(session: Any, left: Left | None, whole: bool, plan: Plan, comparison: Comparison, verdict: Verdict) -> Plan:
    """The plan with what the rules say of it; one that changes nothing is left as it is."""
    if not plan.has_changes:
        return plan
    live = comparison.live
    around = tables_around(plan)
    if not whole and any(live.table(name) is None for name in around if name not in plan.scope):
        live = session.comparer().read((*around, *(table.name for table in live.tables)))
    look = Look(
        plan=plan,
        live=live,
        wire=session.wire,
        verdict=verdict,
        wish=comparison.wish,
        definitions=None if whole else session.engine,
        tables=None if whole else _tables(session, plan.doctype),
        left=(lambda after: left(plan, comparison, after)) if left is not None else None,
        allows=session.options.allows,
        on_connect=session.wire.on_connect,
    )
    return replace(plan, findings=(*plan.findings, *session.validator.validate(look)))


def _tables(session: Any, doctype: str) -> frozenset[str] | None:
    if doctype not in session.engine:
        return None
    return frozenset(map(fold, session.comparer().tables_of(doctype)))


def _later(session: Any, plan: Plan, comparison: Comparison, after: Schema) -> Comparer:
    """The comparison as it will be: another schema, and a history that knows of the plan."""
    memory = comparison.memory
    fields = {**memory.fields, **comparison.fields}
    later = replace(
        memory,
        owned=(memory.owned - frozenset(plan.disowns)) | frozenset(plan.owns),
        renames=memory.renames | frozenset(comparison.declared),
        version=plan.version,
        fields={name: kind for name, kind in fields.items() if kind is not None},
        spent=memory.spent | frozenset(comparison.spent),
    )
    comparer: Comparer = session.comparer()
    return replace(comparer, read=lambda names: after, remembered=lambda doctype: later)
