"""SHADOW_PROOF: on a shadow the plan leads to the wish and to nothing else, and its way back to where it began."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from sodaf_migrate.compare.apply import applied
from sodaf_migrate.compare.changes import SchemaDiff
from sodaf_migrate.dialects.sqlite.alter import same_table
from sodaf_migrate.dialects.sqlite.facts import PartFacts, TableFacts
from sodaf_migrate.dialects.sqlite.planner import renamed
from sodaf_migrate.dialects.sqlite.scope import dependents, stored_key
from sodaf_migrate.errors import MigrationError
from sodaf_migrate.plan import Finding, Severity
from sodaf_migrate.schema.model import Schema, fold
from sodaf_migrate.validate.look import Look
from sodaf_migrate.validate.loss import not_back
from sodaf_migrate.validate.trial import State

__all__ = ["shadow_proof"]

_PARTS = ("tables", "indexes", "views", "triggers", "virtual_tables")
_REPORT = "Nothing was changed. Make the plan again; if it was made by this version, please report it."


def shadow_proof(look: Look) -> Iterable[Finding]:
    """The plan, carried out on the shadow by the executor, gives the wish; its way back gives what was there."""
    trial = look.trial
    if trial.fault is not None:
        yield _finding("SHADOW_NOT_MADE", look, f"the live schema could not be made in memory: {trial.fault.message}")
    elif trial.up_fault is not None:
        yield _finding(
            "SHADOW_UP_FAILED", look, f"the way forward fails: {trial.up_fault.message}", trial.up_fault.hint
        )
    elif trial.before is not None and trial.after is not None:
        for said in (*_not_the_wish(look, trial.after), *_left(look, trial.after)):
            yield _finding("SHADOW_NOT_THE_WISH", look, said)
        for said in _outside(look, trial.before, trial.after):
            yield _finding("SHADOW_OUTSIDE_SCOPE", look, said)
        yield from _way_back(look, trial.before)


def _finding(code: str, look: Look, message: str, hint: str | None = None) -> Finding:
    name = look.plan.doctype
    said = f'Tried in memory, the plan of "{name}" does not hold: {message}'
    return Finding(code=code, severity=Severity.ERROR, target=name, message=said, hint=hint or _REPORT)


# The way up.


def _not_the_wish(look: Look, after: State) -> Iterator[str]:
    """Where the result is not what the changes make of the live schema."""
    diff = look.plan.diff
    try:
        if diff.is_reverse:  # renames come last on a way back: undone, the rest must be as asked
            expected = applied(look.live, diff)
            found = renamed(after.schema, diff.reversed(), look.on_connect)
        else:
            expected = applied(_renamed(look, diff), diff)
            found = after.schema
    except MigrationError as error:
        yield f"its renames cannot be followed: {error.message}"
        return
    yield from _unlike(expected, found, exact=False)


def _renamed(look: Look, diff: SchemaDiff) -> Schema:
    if not any(change.old and change.new for change in diff.tables) and not diff.renamed_columns:
        return look.live
    return renamed(look.live, diff, look.on_connect)


def _left(look: Look, after: State) -> Iterator[str]:
    """What a second comparison with the wish still finds, but for what the rows alone decide."""
    if look.left is None:
        return
    pending = {fold(found.target) for found in look.plan.findings if found.code == "NOT_NULL_PENDING"}
    for change in replace(look.left(after.schema), rows=(), moves=()).changes:
        new: Any = getattr(change, "new", None)
        waits = getattr(change, "aspects", None) == {"not_null"} and new is not None
        if not (waits and fold(f"{change.table}.{new.name}") in pending):  # type: ignore[union-attr]
            yield f"a second plan would not be empty ({_said(change)})"


def _said(change: Any) -> str:
    side = change.new if getattr(change, "new", None) is not None else getattr(change, "old", None)
    name = getattr(side, "name", None) or getattr(change, "table", "")
    return f'{type(change).__name__} of "{name}"'


def _outside(look: Look, before: State, after: State) -> Iterator[str]:
    """Objects that the plan does not concern and that are not as they were, by their stored texts alone."""
    old, new = (_concerned(state.schema, look.plan.scope) for state in (before, after))
    for key in before.texts.keys() | after.texts.keys():
        if key not in old and key not in new and _plainly(before, key) != _plainly(after, key):
            yield f'the {key[0]} "{key[1]}", which it does not concern, would change'


def _plainly(state: State, key: tuple[str, str]) -> str | None:
    """A stored text without what RENAME does to all of them: a text in double quotes gets single ones."""
    text = state.texts.get(key)
    return _spelled_plainly(text) if text is not None else None


def _spelled_plainly(text: str) -> str:
    return text.replace('"', "'").upper()


def _concerned(schema: Schema, scope: tuple[str, ...]) -> set[tuple[str, str]]:
    part = dependents(schema, scope)
    kinds = {"tables": "table", "indexes": "index", "views": "view", "triggers": "trigger", "virtual_tables": "table"}
    found = {(kind, fold(item.name)) for name, kind in kinds.items() for item in getattr(part, name)}
    virtual = {name for _, name in found} & {fold(item.name) for item in schema.virtual_tables}
    suffixes = ("data", "idx", "content", "docsize", "config", "segments", "segdir", "stat", "node", "parent", "rowid")
    return found | {("table", f"{name}_{suffix}") for name in virtual for suffix in suffixes}


# The way back.


def _way_back(look: Look, before: State) -> Iterator[Finding]:
    trial = look.trial
    if trial.down_fault is not None:
        yield _finding("SHADOW_DOWN_FAILED", look, f"the way back fails: {trial.down_fault.message}")
    elif trial.back is not None:
        said = [*_unlike(before.schema, trial.back.schema, exact=True), *_facts_unlike(before.facts, trial.back.facts)]
        said += [f'rows of "{table}" would not be what they were' for table in not_back(look)]
        for sentence in dict.fromkeys(said):
            yield _finding("SHADOW_DOWN_WRONG", look, f"the way back does not lead to what was there: {sentence}")


def _unlike(expected: Schema, found: Schema, *, exact: bool) -> Iterator[str]:
    """In which objects two schemas differ; the order of constraints does not count.

    Without ``exact`` views and triggers that a rename could not rewrite may be as they are.
    """
    for part in _PARTS:
        old = {_key(item): item for item in getattr(expected, part)}
        new = {_key(item): item for item in getattr(found, part)}
        kind = part.removesuffix("s").removesuffix("e" if part == "indexes" else "").replace("_", " ")
        for key in sorted(old.keys() | new.keys()):
            if key not in new:
                yield f'the {kind} "{old[key].name}" is missing'
            elif key not in old:
                if exact or part in ("tables", "indexes"):
                    yield f'the {kind} "{new[key].name}" is there too'
            elif not _same(part, old[key], new[key]):
                yield f'the {kind} "{new[key].name}" is another'
    for table in dict.fromkeys(fold(trigger.table) for trigger in expected.triggers):
        order = [fold(trigger.name) for trigger in expected.triggers_of(table)]
        now = [fold(trigger.name) for trigger in found.triggers_of(table)]
        if sorted(order) == sorted(now) and order != now:
            yield f'the triggers of "{table}" would fire in another order'


def _same(part: str, one: Any, other: Any) -> bool:
    if part == "tables":
        return one.name == other.name and same_table(one, other)
    if part in ("views", "triggers"):  # RENAME and DROP COLUMN write "text" as 'text' in them
        said = _spelled_plainly(stored_key(one.sql.text)) == _spelled_plainly(stored_key(other.sql.text))
        return bool(said and replace(one, sql=other.sql) == other)
    return bool(one == other)


def _key(item: Any) -> tuple[str, str]:
    return fold(getattr(item, "table", "")), fold(item.name)


def _facts_unlike(before: dict[str, TableFacts], back: dict[str, TableFacts]) -> Iterator[str]:
    """Where SQLite's own pragmas tell something else of a table."""
    for name in sorted(before.keys() | back.keys()):
        if name not in before or name not in back:
            yield f'the table "{name}" is {"there too" if name in back else "missing"}'
        elif _plain(before[name]) != _plain(back[name]):
            yield f'SQLite describes the table "{name}" otherwise'


def _plain(facts: TableFacts) -> tuple[Any, ...]:
    """Facts of a table without what depends on the order of its constraints, or on how a word is spelled."""
    columns = [
        (name, kind.upper(), not_null, default is None, key, hidden)
        for _, name, kind, not_null, default, key, hidden in facts.columns
    ]
    indexes = Counter(
        (i.name if i.origin == "c" else "", i.unique, i.origin, i.partial, _parts(i.parts)) for i in facts.indexes
    )
    keys = Counter(repr([row[2:] for row in key]).lower() for key in facts.keys)
    return columns, indexes, keys, facts.without_rowid, facts.strict


def _parts(parts: tuple[PartFacts, ...]) -> tuple[PartFacts, ...]:
    return tuple(part._replace(collation=part.collation.upper()) for part in parts)
