"""From a preview to an SQL script that the ``sqlite3`` shell alone can run, or to the sentence why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sodaf_migrate.applier.session import Session
from sodaf_migrate.dialects.sqlite.inspect import read_schema, related, scope_digest
from sodaf_migrate.dialects.sqlite.names import literal
from sodaf_migrate.dialects.sqlite.play import play
from sodaf_migrate.dialects.sqlite.scope import dependents, without
from sodaf_migrate.dialects.sqlite.script import (
    Script,
    Stored,
    left,
    must,
    spoken,
    stored_objects,
    text_literal,
    unchanged,
    unspeakable,
)
from sodaf_migrate.dialects.sqlite.shadow import shadow_of
from sodaf_migrate.errors import MigrationError
from sodaf_migrate.execute.keys import concerned, may_break_keys
from sodaf_migrate.history.ahead import Ahead, written_ahead
from sodaf_migrate.history.tables import STATEMENTS, TABLES
from sodaf_migrate.plan import Plan, Statement
from sodaf_migrate.results import DryRunResult
from sodaf_migrate.schema.model import Schema, fold

__all__ = ["with_scripts"]


@dataclass(frozen=True, slots=True)
class _Told:
    """What a plan finds and leaves: every object of its scope with its text."""

    names: frozenset[str]
    before: tuple[Stored, ...]
    after: tuple[Stored, ...]
    keys: tuple[tuple[str, ...], tuple[str, ...]]  # tables with foreign keys, before and after


def with_scripts(session: Session, results: Iterable[DryRunResult]) -> tuple[DryRunResult, ...]:
    """The previews with their scripts, which run in this order in one transaction; ``no_script`` says why not."""
    found = list(results)
    told: dict[int, _Told] = {}
    taken: dict[str, str] = {}
    for place, result in enumerate(found):
        if not (result.changed and result.success and result.plan is not None):
            continue
        reason = _reason(session, result.plan, taken)
        try:
            told[place] = _told(session, result.plan) if not reason else _NOTHING
        except MigrationError as error:
            reason = f"without this program's own connection it cannot be carried out: {error.message}"
        if reason:
            told.pop(place, None)
            found[place] = replace(result, no_script=f'"{result.doctype}" has no script: {reason}')
        else:
            taken |= dict.fromkeys(_touched(told[place]), result.doctype)
    plans = {place: plan for place in told if (plan := found[place].plan) is not None}
    records = [replace(session.history.new_record(plan), status="applied") for plan in plans.values()]
    for (place, plan), ahead in zip(plans.items(), written_ahead(session.history, records), strict=True):
        found[place] = replace(found[place], script=_script(plan, told[place], ahead))
    return tuple(found)


_NOTHING = _Told(frozenset(), (), (), ((), ()))


def _reason(session: Session, plan: Plan, taken: dict[str, str]) -> str:
    statements = [statement for step in plan.steps for statement in step.up]
    live = read_schema(session.wire, around=plan.scope)
    if any(view.temp for view in live.views) or any(trigger.temp for trigger in live.triggers):
        return "temporary views or triggers of this connection are concerned, which the shell does not have"
    if plan.temporary:
        return "it needs values of a backup, which the shell cannot read"
    if any(change.treatment.function for change in plan.diff.columns):
        return "a transformer is a Python function, which the shell does not have"
    if any(map(unspeakable, statements)):
        return 'a line of its SQL ("/", "go", or one that ends in CR LF) is read otherwise by the shell'
    both = next((taken[fold(name)] for name in plan.scope if fold(name) in taken), None)
    return f'"{both}" changes the same tables; make a script for each, one after the other' if both else ""


def _told(session: Session, plan: Plan) -> _Told:
    """Play the plan, as the shell will, on a shadow that nothing prepared: no functions, no collations of the site."""
    live = without(read_schema(session.wire, around=plan.scope), TABLES)
    chosen = dependents(live, plan.scope)
    views = {fold(view.name) for view in chosen.views} | {fold(each.name) for each in chosen.virtual_tables}
    names = frozenset(map(fold, plan.scope)) | views
    statistics = any(session.wire.query("SELECT 1 FROM main.sqlite_schema WHERE name = 'sqlite_stat1'"))
    with shadow_of(related(live, plan.scope), statistics=statistics) as shadow:
        for guard in plan.guards:
            shadow.query(guard.sql)
        for statement in (statement for step in plan.steps for statement in step.up):
            if statement.check is None:
                play(shadow, statement if statement.catalogue else Statement(sql=spoken(plan, statement)))
        reached = read_schema(shadow)
        if scope_digest(reached, plan.scope) != plan.to_digest:
            raise MigrationError("spoken to the shell, its statements lead elsewhere")
        after = stored_objects(shadow, names, TABLES)
    return _Told(
        names=names,
        before=stored_objects(session.wire, names, TABLES),
        after=after,
        keys=_keys(plan, live, reached),
    )


def _keys(plan: Plan, before: Schema, after: Schema) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return (concerned(before, plan.scope), concerned(after, plan.scope)) if may_break_keys(plan) else ((), ())


def _touched(told: _Told) -> set[str]:
    return {*told.names, *(fold(table) for _, _, table, _ in told.before)}


def _script(plan: Plan, told: _Told, ahead: Ahead) -> Script:
    stays = {(kind, name) for kind, name, _, _ in told.after}
    known = {(kind, name) for kind, name, table, _ in told.before if fold(table) in told.names}
    guards = (must(guard.meaning, f"({guard.sql}) IS {guard.expected}") for guard in plan.guards)
    statements = [statement for step in plan.steps for statement in step.up]
    return Script(
        before=(*unchanged(told.before, sorted(told.names), TABLES), *guards, *_counted_keys(told)),
        change=tuple(spoken(plan, statement) for statement in statements),
        after=(*left(told.after, sorted(known - stays)), *_same_keys(told)),
        record=_rows(ahead),
        edits_catalogue=any(statement.catalogue for statement in statements),
        head=(ahead.count, ahead.hash),
    )


def _violations(tables: Sequence[str]) -> str:
    counts = (f"(SELECT count(*) FROM pragma_foreign_key_check({text_literal(table)}, 'main'))" for table in tables)
    return " + ".join(counts) or "0"


def _counted_keys(told: _Told) -> tuple[str, ...]:
    before, after = told.keys
    return (f"CREATE TEMP TABLE sodaf_keys AS SELECT {_violations(before)} AS n;",) if before or after else ()


def _same_keys(told: _Told) -> tuple[str, ...]:
    before, after = told.keys
    if not (before or after):
        return ()
    check = must(
        "rows point to nothing that did not before", f"{_violations(after)} <= (SELECT n FROM temp.sodaf_keys)"
    )
    return check, "DROP TABLE temp.sodaf_keys;"


def _rows(ahead: Ahead) -> tuple[str, ...]:
    made = [f"{sql};" for sql in STATEMENTS] if not ahead.count else []
    for table, columns, rows in ahead.tables:
        for row in rows:
            values = ", ".join(text_literal(value) if isinstance(value, str) else literal(value) for value in row)
            made.append(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values});")
    return tuple(made)
