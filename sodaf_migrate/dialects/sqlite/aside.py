"""Views and triggers that have to go while something changes, and come back verbatim and in their order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sodaf_migrate.dialects.sqlite.inspect import dependents
from sodaf_migrate.dialects.sqlite.names import quote
from sodaf_migrate.dialects.sqlite.shadow import created_text
from sodaf_migrate.dialects.sqlite.stage import Stage
from sodaf_migrate.schema.model import Schema, Trigger, View, fold

__all__ = ["drop_text", "drop_things", "make_things", "restore", "set_aside"]

Thing = View | Trigger


def set_aside(views: Iterable[View], triggers: Iterable[Trigger]) -> tuple[str, ...]:
    """The statements that drop them, triggers first: a view takes its INSTEAD OF triggers with it."""
    return (*map(drop_text, triggers), *map(drop_text, reversed(tuple(views))))


def restore(views: Iterable[View], triggers: Iterable[Trigger]) -> tuple[str, ...]:
    """The statements that make them again, in their old order: triggers fire in the reverse of it."""
    return (*map(created_text, views), *map(created_text, triggers))


def drop_text(thing: Thing) -> str:
    """The statement that drops one view or trigger."""
    kind = "VIEW" if isinstance(thing, View) else "TRIGGER"
    return f"DROP {kind} {'temp' if thing.temp else 'main'}.{quote(thing.name)}"


@dataclass(frozen=True, slots=True)
class _Gone:
    views: tuple[View, ...]
    triggers: tuple[Trigger, ...]


def drop_things(stage: Stage, target: Schema) -> None:
    """Drop the triggers and views that go or change, and with them what could not be compiled meanwhile."""
    now = stage.now()
    gone = _gone(now, target)
    wanted = {fold(view.name) for view in target.views} | {_key(trigger) for trigger in target.triggers}
    for trigger in reversed(gone.triggers):  # on the way back they are made in their order, in which they fire
        verb = "set aside" if _key(trigger) in wanted else "drop"
        up, down = [drop_text(trigger)], [created_text(trigger)]
        stage.step(f'{verb} trigger "{trigger.name}"', trigger.table, up, down)
    for view in reversed(gone.views):
        verb = "set aside" if fold(view.name) in wanted else "drop"
        stage.step(f'{verb} view "{view.name}"', view.name, [drop_text(view)], [created_text(view)])


def _gone(now: Schema, target: Schema) -> _Gone:
    """What has to go from ``now`` so that everything can be made again in the order of ``target``."""
    kept = {fold(view.name): view for view in target.views}
    changed = [view for view in now.views if kept.get(fold(view.name)) != view]
    named_by = dependents(now, [view.name for view in changed]) if changed else Schema()
    views = {fold(view.name) for view in (*changed, *named_by.views)}
    waiting = {_key(trigger) for trigger in named_by.triggers}
    triggers: list[Trigger] = []
    for table in dict.fromkeys(fold(trigger.table) for trigger in now.triggers):
        old, new = now.triggers_of(table), target.triggers_of(table)
        stays = 0
        # A trigger can only be put at the end of the order: what shall come after one that changes goes too.
        while stays < min(len(old), len(new)) and old[stays] == new[stays] and _key(old[stays]) not in waiting:
            stays += 1
        triggers += old[stays:]
    return _Gone(tuple(view for view in now.views if fold(view.name) in views), tuple(triggers))


def make_things(stage: Stage, target: Schema, before: Schema) -> None:
    """Make every view and trigger of ``target`` that is not there, in its order."""
    now = stage.now()
    there = {fold(view.name) for view in now.views} | {_key(trigger) for trigger in now.triggers}
    known = {*map(created_text, before.views), *map(created_text, before.triggers)}
    for view in target.views:
        if fold(view.name) not in there:
            verb = "restore" if created_text(view) in known else "create"
            stage.step(f'{verb} view "{view.name}"', view.name, [created_text(view)], [drop_text(view)])
    for trigger in target.triggers:
        if _key(trigger) not in there:
            verb = "restore" if created_text(trigger) in known else "create"
            up, down = [created_text(trigger)], [drop_text(trigger)]
            stage.step(f'{verb} trigger "{trigger.name}"', trigger.table, up, down)


def _key(trigger: Trigger) -> str:
    return f"{fold(trigger.table)}.{fold(trigger.name)}"
