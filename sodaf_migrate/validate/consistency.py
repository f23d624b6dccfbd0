"""PLAN_CONSISTENCY: the plan says all that it has to say, of the right tables, and starts from what is there."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

from sodaf_migrate.compare.names import object_names
from sodaf_migrate.dialects.sqlite.edit import SHORT_RECORDS
from sodaf_migrate.dialects.sqlite.inspect import dependents, scope_digest
from sodaf_migrate.dialects.sqlite.settle import Verdict
from sodaf_migrate.options import HAZARDS
from sodaf_migrate.plan import Finding, Hazard, Plan, Severity
from sodaf_migrate.schema.model import fold
from sodaf_migrate.validate.look import Look
from sodaf_migrate.validate.trial import State

__all__ = ["plan_consistency"]

_AGAIN = "Make the plan again; if it was made by this version, please report it."

_TOUCHES = frozenset(
    (
        sqlite3.SQLITE_INSERT,
        sqlite3.SQLITE_UPDATE,
        sqlite3.SQLITE_DELETE,
        sqlite3.SQLITE_DROP_TABLE,
        sqlite3.SQLITE_CREATE_TABLE,
    )
)


def plan_consistency(look: Look) -> Iterable[Finding]:
    """Digests, scope, tables, hazards, guards and ownership fit the diff, the rows and one another."""
    plan = look.plan
    if plan.scope and scope_digest(look.live, plan.scope) != plan.from_digest:
        yield _finding(
            "PLAN_STALE",
            plan,
            "the tables are not as they were when the plan was made",
            "Make the plan again and look at it.",
        )
    yield from _scope(look)
    yield from _foreign(look)
    verdict = look.judged
    if verdict is not None:
        yield from _hazards(look, verdict)
        yield from _guards(look, verdict)
    yield from _ownership(look)


def _finding(
    code: str, plan: Plan, message: str, hint: str = _AGAIN, target: str = "", rows: int | None = None
) -> Finding:
    said = f'The plan of "{plan.doctype}": {message}'
    return Finding(
        code=code, severity=Severity.ERROR, target=target or plan.doctype, message=said, hint=hint, rows=rows
    )


def _scope(look: Look) -> Iterator[Finding]:
    plan = look.plan
    named = {fold(name) for name in plan.diff.table_names}
    named |= {fold(beside.table) for beside in plan.temporary if beside.is_rows}  # rows that come back
    scope = {fold(name) for name in plan.scope}
    if named != scope:
        words = ", ".join(sorted(named ^ scope))
        yield _finding("PLAN_SCOPE_WRONG", plan, f"its scope and its changes speak of different tables ({words})")
    if bool(plan.steps) != plan.diff.has_changes:
        yield _finding("PLAN_SCOPE_WRONG", plan, "it has steps without changes, or changes without steps")
    around = dependents(look.live, plan.scope)
    aside = {fold(item.name) for part in (around.views, around.virtual_tables) for item in part}
    aside |= {fold(trigger.table) for trigger in around.triggers}
    for step in plan.steps:
        if fold(step.target) not in scope | named | aside:
            yield _finding(
                "STEP_OF_ANOTHER_TABLE", plan, f'step "{step.title}" is about "{step.target}"', target=step.target
            )
    if look.tables is not None:
        for name in sorted(scope - set(look.tables)):
            yield _finding(
                "STEP_OF_ANOTHER_TABLE", plan, f'it changes "{name}", which it has nothing to do with', target=name
            )


def _foreign(look: Look) -> Iterator[Finding]:
    """Tables that a statement writes to although they are not the plan's."""
    plan = look.plan
    scope = {fold(name) for name in plan.scope}
    others = {fold(table.name): table.name for table in look.live.tables if fold(table.name) not in scope}
    left = look.trial.after
    made = {fold(table.name): table.name for table in left.schema.tables} if left else {}
    others |= {name: said for name, said in made.items() if name not in scope}
    written = {fold(doing.first) for doing in look.trial.doings if doing.action in _TOUCHES and doing.first}
    for name in sorted(written & others.keys()):
        yield _finding("STEP_OF_ANOTHER_TABLE", plan, f'it writes to "{others[name]}"', target=others[name])


def _hazards(look: Look, verdict: Verdict) -> Iterator[Finding]:
    plan = look.plan

    known = look.verdict is not None  # else nobody here knows how the plan was asked for, and whom its hazards name

    def key(hazard: Hazard) -> tuple[str, str, str]:
        return hazard.name, fold(hazard.doctype) if known else "", fold(hazard.column or "")

    told = set(map(key, plan.hazards))
    for hazard in verdict.hazards:
        if (known or hazard.name not in _DEPENDING) and key(hazard) not in told:
            yield _finding("HAZARD_UNSAID", plan, f"no step says the hazard {hazard}", rows=hazard.rows)
    for hazard in plan.hazards:
        if hazard.name not in HAZARDS:
            yield _finding("HAZARD_UNKNOWN", plan, f'"{hazard.name}" is no hazard that can be allowed')
    said = set(plan.losses)
    for loss in (*verdict.losses, *(cleaning.loss for cleaning in verdict.cleanings)):
        if loss not in said:
            what = ", ".join(loss.columns) or "rows"
            yield _finding(
                "LOSS_UNSAID",
                plan,
                f'no step says that {what} of "{loss.table}" can be lost, so no backup would hold them',
            )


#: Hazards that depend on what history calls ours, and on whether backups are made.
_DEPENDING = ("foreign_object_change", "irreversible")


def _guards(look: Look, verdict: Verdict) -> Iterator[Finding]:
    plan = look.plan
    expected: dict[str, set[int]] = {}
    for guard in plan.guards:
        expected.setdefault(guard.sql, set()).add(guard.expected)
    for guard in verdict.guards:
        if guard.sql not in expected:
            yield _finding(
                "GUARD_MISSING", plan, f"it relies on {guard.meaning} ({guard.expected}), which no guard counts again"
            )
        elif expected[guard.sql] != {guard.expected}:
            counts = ", ".join(map(str, sorted(expected[guard.sql])))
            message = f"{guard.meaning}: it expects {counts}, there are {guard.expected}"
            yield _finding(
                "GUARD_BROKEN", plan, message, "Make the plan again: it was made for other rows.", rows=guard.expected
            )
    known = {guard.sql for guard in verdict.guards}
    if look.verdict is None and look.wire is not None:
        for guard in plan.guards:  # those that only who made the plan knows of are counted here
            if guard.sql not in known and (found := look.wire.value(guard.sql)) != guard.expected:
                message = f"{guard.meaning}: it expects {guard.expected}, there are {found}"
                yield _finding(
                    "GUARD_BROKEN", plan, message, "Make the plan again: it was made for other rows.", rows=found
                )
    edited = {fold(step.target) for step in plan.steps if any(statement.catalogue for statement in step.up)}
    counted = {step.target for step in plan.steps for s in step.up if s.check == SHORT_RECORDS}
    for table, column in verdict.holding:
        if table in edited and table not in map(fold, counted):
            message = f'it edits the default of "{column}" and does not see whether rows of "{table}" took the old one'
            yield _finding("GUARD_MISSING", plan, message)


def _ownership(look: Look) -> Iterator[Finding]:
    """What becomes ours is there afterwards, and what stops being ours is not."""
    plan, after = look.plan, look.trial.after
    if after is None:
        return
    there = object_names(after.schema)
    for name in plan.disowns:
        if name in there and name.kind in ("table", "column", "index", "view", "trigger"):
            yield _finding(
                "OWNERSHIP_WRONG", plan, f'it gives up the {name.kind} "{name.name}", which stays', target=name.table
            )
    wished = object_names(look.wish) if look.wish is not None and look.wish.tables else frozenset()
    for name in sorted(wished - set(plan.owns)):
        yield _finding(
            "OWNERSHIP_WRONG",
            plan,
            f'it does not take the {name.kind} "{name.name}" over, which is wished for',
            target=name.table,
        )
    yield from _owned_nothing(plan, after, look)


def _owned_nothing(plan: Plan, after: State, look: Look) -> Iterator[Finding]:
    """Things of the plan's own tables that it would call ours although they are not there."""
    there = object_names(after.schema)
    before = object_names(look.live)
    for name in plan.owns:
        if name in before and name not in there and name.kind in ("table", "column", "index"):
            yield _finding(
                "OWNERSHIP_WRONG",
                plan,
                f'it keeps the {name.kind} "{name.name}" as ours, which goes',
                target=name.table,
            )
