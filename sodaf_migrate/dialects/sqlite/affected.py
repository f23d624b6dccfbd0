"""What is not ours and would break, or change its meaning without a word, when a column goes or is renamed.

SQLite drops a column that a trigger's UPDATE OF names (the trigger never fires again), that a view names in double
quotes (it reads a text from then on), or that an external-content full-text table indexes (its queries fail).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sodaf_migrate.compare.changes import SchemaDiff
from sodaf_migrate.dialects.sqlite.inspect import dependents
from sodaf_migrate.dialects.sqlite.live_names import LiveNames
from sodaf_migrate.dialects.sqlite.scope import mentioned
from sodaf_migrate.schema.model import ObjectName, Schema, fold

__all__ = ["affected"]


def affected(
    live: Schema, diff: SchemaDiff, names: LiveNames, owned: Collection[ObjectName]
) -> Iterator[tuple[str, str, str]]:
    """(table, column, what) for each thing that stays as it is and names a column that goes or is renamed.

    A word that happens to be the column's name counts too: better asked in vain than changed in silence.
    """
    changing = {fold(c.old.name) for part in (diff.views, diff.triggers, diff.virtual_tables) for c in part if c.old}
    for change in diff.columns:
        if change.old is None or (change.new is not None and change.aspects != {"name"}):
            continue
        there = names.table(change.table)
        if there is None:
            continue
        named_by = dependents(live, [there.name])
        things = [("full-text table", item.name, item.sql.text) for item in named_by.virtual_tables]
        if change.new is None:
            things += [("view", view.name, view.sql.text) for view in named_by.views]
            things += [("trigger", trigger.name, trigger.sql.text) for trigger in named_by.triggers]
            if not diff.is_reverse:  # on the way back only what the migration made goes
                yield from _lost_indexes(diff, change.table, change.old.name, owned)
        for kind, name, text in things:
            if fold(name) not in changing and fold(change.old.name) in mentioned(text):
                yield change.table, change.old.name, f'the {kind} "{name}"'


def _lost_indexes(
    diff: SchemaDiff, table: str, column: str, owned: Collection[ObjectName]
) -> Iterator[tuple[str, str, str]]:
    """Indexes of somebody else that go with the column."""
    for change in diff.indexes:
        if change.old is None or change.new is not None or fold(column) not in change.old.names():
            continue
        if ObjectName("index", fold(table), fold(change.old.name)) not in owned:
            yield table, column, f'the index "{change.old.name}", which goes too,'
