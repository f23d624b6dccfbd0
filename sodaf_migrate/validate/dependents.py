"""DEPENDENTS, in the database: what names something that changes, and breaks or silently means something else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from sodaf_migrate.compare.apply import applied
from sodaf_migrate.compare.changes import TriggerChange, ViewChange, VirtualTableChange
from sodaf_migrate.dialects.sqlite.inspect import dependents
from sodaf_migrate.dialects.sqlite.lexer import tokenize
from sodaf_migrate.dialects.sqlite.live_names import LiveNames
from sodaf_migrate.dialects.sqlite.parse import parse_trigger
from sodaf_migrate.dialects.sqlite.scope import mentioned
from sodaf_migrate.plan import Finding, Severity
from sodaf_migrate.schema.model import ForeignKey, Schema, Table, fold
from sodaf_migrate.validate.look import Look

__all__ = ["dependents_concerned"]


def dependents_concerned(look: Look) -> Iterable[Finding]:
    """Triggers that would never fire, parents without a key, full-text tables, quoted texts, views of another shape."""
    yield from _columns_that_go(look)
    yield from _full_text(look)
    yield from _parent_keys(look)
    yield from _quoted_texts(look)
    yield from _shapes(look)


def _finding(code: str, target: str, message: str, hint: str, severity: Severity = Severity.WARNING) -> Finding:
    return Finding(code=code, severity=severity, target=target, message=message, hint=hint)


def _stays(look: Look, name: str) -> bool:
    """Whether the change leaves that view, trigger or virtual table as it is."""
    diff = look.plan.diff
    changes: list[ViewChange | TriggerChange | VirtualTableChange] = [*diff.views, *diff.triggers]
    changes += diff.virtual_tables
    return not any(change.old is not None and fold(change.old.name) == fold(name) for change in changes)


def _columns_that_go(look: Look) -> Iterator[Finding]:
    names = LiveNames(look.live, look.plan.diff)
    for change in look.plan.diff.removed_columns:
        table = names.table(change.table)
        if table is None or change.old is None:
            continue
        gone = fold(change.old.name)
        named_by = dependents(look.live, [table.name])
        for trigger in named_by.triggers:
            head = parse_trigger(trigger.sql.text)
            if not _stays(look, trigger.name) or fold(trigger.table) != fold(table.name):
                continue
            if gone in map(fold, head.update_of):
                yield _finding(
                    "TRIGGER_NEVER_FIRES",
                    trigger.name,
                    f'the trigger "{trigger.name}" fires on an UPDATE OF "{change.old.name}", which goes',
                    "Make the trigger anew for the columns that stay, or drop it.",
                )
        for view in named_by.views:
            if _stays(look, view.name) and gone in mentioned(view.sql.text):
                yield _finding(
                    "VIEW_NAMES_COLUMN",
                    view.name,
                    f'the view "{view.name}" names "{change.old.name}", which goes from "{table.name}"',
                    "Make the view anew without it in the same change.",
                )


def _full_text(look: Look) -> Iterator[Finding]:
    """SQLite rewrites a virtual table neither when its content is renamed nor when a column of it goes."""
    diff, names = look.plan.diff, LiveNames(look.live, look.plan.diff)
    touched: dict[str, set[str]] = {}
    for column in diff.columns:
        table = names.table(column.table)
        leaves = column.old is not None and (column.new is None or fold(column.new.name) != fold(column.old.name))
        if table is not None and column.old is not None and leaves:
            touched.setdefault(fold(table.name), set()).add(fold(column.old.name))
    tables = {fold(change.old.name) for change in diff.tables if change.old is not None}
    for virtual in look.live.virtual_tables:
        words = mentioned(virtual.sql.text)
        content = _content(virtual.sql.text)
        if content and _stays(look, virtual.name) and (content in tables or touched.get(content, set()) & words):
            yield _finding(
                "FTS_CONTENT_CHANGES",
                virtual.name,
                f'the full-text table "{virtual.name}" reads from "{content}", which loses a name that it uses',
                "Drop it before and make it anew after, then rebuild it.",
            )


def _content(sql: str) -> str:
    """The table, folded, that an external-content table reads from; "" for none."""
    for before, after in pairwise(tokenize(sql)):
        if before.text == "=" and sql[: before.start].rstrip().lower().endswith("content"):
            return fold(after.name)
    return ""


# Foreign keys.


def _parent_keys(look: Look) -> Iterator[Finding]:
    after = _after(look)
    changed = {fold(name) for name in look.plan.diff.table_names}
    wished = {fold(table.name) for table in look.wish.tables} if look.wish else set()
    for table in after.tables:
        for key in table.foreign_keys:
            if fold(key.table) not in changed or _has_key(after, key):
                continue
            was = _before(look, table, key)
            if was is None or not _has_key(look.live, was):
                continue  # it was no key before either
            yield _finding(
                "PARENT_KEY_LOST",
                key.table,
                f'"{table.name}" refers to "{key.table}" ({", ".join(key.referenced) or "its primary key"}), which '
                "would be no unique key any more: every write to it would fail",
                "Keep that unique index or constraint, or drop the foreign key first.",
                Severity.WARNING if fold(table.name) in wished else Severity.ERROR,
            )


def _after(look: Look) -> Schema:
    """What there will be: as seen on the shadow, else by the changes alone."""
    if look.plan.steps and look.trial.after is not None:
        return look.trial.after.schema
    return applied(look.live, look.plan.diff)


def _before(look: Look, table: Table, key: ForeignKey) -> ForeignKey | None:
    """The same foreign key as it is now: its table, parent and columns may be called otherwise."""
    there = LiveNames(look.live, look.plan.diff).table(table.name)
    if there is None:
        return None
    position = table.foreign_keys.index(key)
    same = [old for old in there.foreign_keys if old == key]
    if same:
        return same[0]
    return there.foreign_keys[position] if len(there.foreign_keys) == len(table.foreign_keys) else None


def _has_key(schema: Schema, key: ForeignKey) -> bool:
    """Whether the parent has a unique key of just those columns (sqlite.org/foreignkeys.html, section 3)."""
    parent = schema.table(key.table)
    if parent is None:
        return True  # there is no such table: nothing that a key could change
    wanted = sorted(map(fold, key.referenced))
    primary = parent.primary_key
    if not wanted:
        return primary is not None and len(primary.columns) == len(key.columns)
    found = [primary.columns] if primary is not None else []
    found += [unique.columns for unique in parent.uniques]
    found += [
        tuple(part.column for part in index.parts if part.column is not None)
        for index in schema.indexes_of(parent.name)
        if index.unique and index.where is None and all(part.column is not None for part in index.parts)
    ]
    return any(sorted(map(fold, columns)) == wanted for columns in found)


# Words that come to mean something else.


def _quoted_texts(look: Look) -> Iterator[Finding]:
    """SQLite reads "x" as a text where no column is called so; a column of that name would change the meaning."""
    names = LiveNames(look.live, look.plan.diff)
    for change in look.plan.diff.columns:
        if change.new is None or (change.old is not None and fold(change.old.name) == fold(change.new.name)):
            continue
        table = names.table(change.table)
        if table is None or table.column(change.new.name) is not None:
            continue
        for kind, name, text in _texts(look, table):
            if fold(change.new.name) in _double_quoted(text) and not _known(look, text, change.new.name):
                yield _finding(
                    "TEXT_BECOMES_COLUMN",
                    name,
                    f'the {kind} "{name}" says "{change.new.name}": a text until now, the new column then',
                    "Write that text in single quotes.",
                )


def _texts(look: Look, table: Table) -> Iterator[tuple[str, str, str]]:
    named_by = dependents(look.live, [table.name])
    yield "table", table.name, table.sql
    for index in look.live.indexes_of(table.name):
        yield "index", index.name, index.sql
    for view in named_by.views:
        if _stays(look, view.name):
            yield "view", view.name, view.sql.text
    for trigger in named_by.triggers:
        if _stays(look, trigger.name):
            yield "trigger", trigger.name, trigger.sql.text


def _double_quoted(text: str) -> set[str]:
    return {fold(token.name) for token in tokenize(text) if token.kind == "quoted" and token.text.startswith('"')}


def _known(look: Look, text: str, name: str) -> bool:
    """Whether something that the text names has a column, or is itself called, ``name``."""
    words = mentioned(text)
    if fold(name) in {fold(each.name) for part in (look.live.tables, look.live.views) for each in part}:
        return True
    return any(fold(table.name) in words and table.column(name) is not None for table in look.live.tables)


def _shapes(look: Look) -> Iterator[Finding]:
    """Views that say SELECT * show other columns once a column comes or goes."""
    names = LiveNames(look.live, look.plan.diff)
    told: set[str] = set()
    for change in look.plan.diff.columns:
        table = names.table(change.table)
        if table is None or (change.old is not None and change.new is not None):
            continue
        for view in dependents(look.live, [table.name]).views:
            if view.name in told or not _stays(look, view.name) or not _has_star(view.sql.text):
                continue
            told.add(view.name)
            yield _finding(
                "VIEW_CHANGES_SHAPE",
                view.name,
                f'the view "{view.name}" shows all columns of what it reads, and "{table.name}" gets or loses some',
                "Name the columns in the view if programs count on them.",
            )


def _has_star(sql: str) -> bool:
    return any(
        after.text == "*" and (before.word in ("SELECT", "DISTINCT", "ALL") or before.text in (",", "."))
        for before, after in pairwise(tokenize(sql))
    )
