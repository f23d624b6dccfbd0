"""One change of one table, made by each tool as its documentation shows, with its defaults.

Alembic reflects the table and may be handed what it does not see (``table_args``, ``copy_from``); nobody does so until
it is lost, and nothing of it is done here. Django knows its models alone: they are given as fully as it can say them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from measure import version


class CannotSay(Exception):
    """The tool has no words for this kind of change."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """A change of ``table`` in the database at ``path``.

    ``kind`` says what is done to ``column`` with ``value`` (a declared type, a new name, an expression, a default).
    ``wish`` is the whole schema afterwards, for tools that are told that; ``models`` makes Django's model before
    (False) and after (True). ``allow`` are the hazards that ours has to be told to accept.
    """

    path: Path
    table: str
    kind: str
    column: str
    value: Any = None
    wish: str = ""
    models: Callable[[bool], Any] | None = None
    allow: frozenset[str] = frozenset()
    details: Mapping[str, Any] = field(default_factory=dict)


def foreign_keys_on(connection: Any, *_: Any) -> None:
    """Every connection here keeps foreign keys, as careful applications have it."""
    connection.execute("PRAGMA foreign_keys = ON")


# Ours.


def ours_beforehand(task: Task) -> None:
    """Take the database over, as a site does once."""
    from sodaf_migrate import MigrationApplier

    MigrationApplier(task.path, on_connect=foreign_keys_on).adopt_schema()


def ours(task: Task, on_connect: Callable[[sqlite3.Connection], Any] = foreign_keys_on) -> Any:
    """The wished schema, compared, planned, executed, verified and recorded."""
    from sodaf_migrate import MigrationApplier, Schema, SyncOptions

    renames = {task.column: task.value} if task.kind == "rename" else {}
    order = "match" if task.kind == "reorder" else "ignore"
    options = SyncOptions(allow=task.allow, renames=renames, column_order=order)
    result = MigrationApplier(task.path, on_connect=on_connect).sync_schema(Schema.from_sql(task.wish), options)
    assert result.changed
    return result.plan


# sqlite-utils.


def sqlite_utils(task: Task) -> None:
    """``table.transform()``, or the method made for the purpose."""
    from sqlite_utils import Database

    calls: dict[str, Callable[[Any], Any]] = {
        "add column": lambda table: table.add_column(task.column, str),
        "add column, not null": lambda table: table.add_column(task.column, int, not_null_default=task.value),
        "drop column": lambda table: table.transform(drop={task.column}),
        "rename": lambda table: table.transform(rename={task.column: task.value}),
        "set not null": lambda table: table.transform(not_null={task.column}),
        "drop not null": lambda table: table.transform(not_null={task.column: False}),
        "change default": lambda table: table.transform(defaults={task.column: task.value}),
        "retype": lambda table: table.transform(types={task.column: task.details["python"]}),
        "add index": lambda table: table.create_index([task.column]),
        "add unique index": lambda table: table.create_index([task.column], unique=True),
        "reorder": lambda table: table.transform(column_order=task.value),
    }
    if task.kind not in calls:
        raise CannotSay(task.kind)
    with closing(sqlite3.connect(task.path)) as connection:
        foreign_keys_on(connection)
        calls[task.kind](Database(connection)[task.table])
        connection.commit()


# Alembic.


def alembic(task: Task) -> None:
    """``batch_alter_table`` in a migration's transaction."""
    import sqlalchemy as sa
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext

    engine = sa.create_engine(f"sqlite:///{task.path}")
    sa.event.listen(engine, "connect", foreign_keys_on)
    more = {"partial_reordering": [task.value], "recreate": "always"} if task.kind == "reorder" else {}
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection)
            with context.begin_transaction(), Operations(context).batch_alter_table(task.table, **more) as batch:
                _alembic_calls(sa, task)[task.kind](batch)
            connection.commit()
    finally:
        engine.dispose()


def _alembic_calls(sa: Any, task: Task) -> dict[str, Callable[[Any], Any]]:
    column, value = task.column, task.value

    def new(**more: Any) -> Any:
        return sa.Column(column, sa.Integer() if more else sa.Text(), **more)

    return {
        "add column": lambda batch: batch.add_column(new()),
        "add column, not null": lambda batch: batch.add_column(new(nullable=False, server_default=sa.text(str(value)))),
        "drop column": lambda batch: batch.drop_column(column),
        "rename": lambda batch: batch.alter_column(column, new_column_name=value),
        "set not null": lambda batch: batch.alter_column(column, nullable=False),
        "drop not null": lambda batch: batch.alter_column(column, nullable=True),
        "change default": lambda batch: batch.alter_column(column, server_default=value),
        "retype": lambda batch: batch.alter_column(column, type_=getattr(sa, value)()),
        "add check": lambda batch: batch.create_check_constraint(f"{column}_ok", sa.text(value)),
        "add index": lambda batch: batch.create_index(f"by_{column}", [column]),
        "add unique index": lambda batch: batch.create_index(f"by_{column}", [column], unique=True),
        "add unique constraint": lambda batch: batch.create_unique_constraint(f"one_{column}", [column]),
        "reorder": lambda batch: None,
    }


# Django.


@cache
def _django() -> Any:
    """Django's connections, set up once."""
    import django
    from django.conf import settings

    databases = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
    settings.configure(DATABASES=databases, INSTALLED_APPS=[], USE_TZ=False)
    django.setup()
    from django.db import connections

    return connections


def django_models(table: str, fields: Callable[[Any], Mapping[str, Any]], meta: Mapping[str, Any]) -> Any:
    """A model of ``table``, in a registry of its own; ``fields`` is given ``django.db.models``."""
    _django()
    from django.apps.registry import Apps
    from django.db import models

    registry = Apps()
    common = {"apps": registry, "app_label": "bench"}
    parent = type("Meta", (), {**common, "db_table": "parent"})
    identity = models.IntegerField(primary_key=True)
    type("Parent", (models.Model,), {"__module__": "bench", "Meta": parent, "id": identity})
    columns = fields(models)  # first: it may fill ``meta``
    own = type("Meta", (), {**common, "db_table": table, **meta})
    return type("Thing", (models.Model,), {"__module__": "bench", "Meta": own, **columns})


def django(task: Task) -> None:
    """The schema editor, as a migration's operation calls it."""
    assert task.models is not None
    connections = _django()
    connection = connections["default"]
    connection.settings_dict["NAME"] = str(task.path)
    before, after = task.models(False), task.models(True)
    kind = task.kind
    if kind in ("reorder", "add unique constraint"):
        raise CannotSay(kind)
    try:
        with connection.schema_editor() as editor:
            if kind.startswith("add column"):
                editor.add_field(before, after._meta.get_field(task.column))
            elif kind == "drop column":
                editor.remove_field(before, before._meta.get_field(task.column))
            elif kind in ("add check", "add unique index"):  # a constraint without a condition is a unique index
                editor.add_constraint(after, _added(before, after, "constraints"))
            elif kind == "add index":
                editor.add_index(after, _added(before, after, "indexes"))
            else:
                name = task.value if kind == "rename" else task.column
                editor.alter_field(before, before._meta.get_field(task.column), after._meta.get_field(name))
    finally:
        with suppress(Exception):
            connection.close()
        del connections["default"]  # after a failure in its __exit__ it is of no further use


def _added(before: Any, after: Any, what: str) -> Any:
    known = {item.name for item in getattr(before._meta, what)}
    return next(item for item in getattr(after._meta, what) if item.name not in known)


@dataclass(frozen=True)
class Tool:
    """How a tool is called in a heading, how it makes a change, and what tables it keeps for itself."""

    title: str
    run: Callable[[Task], Any]
    beforehand: Callable[[Task], None] = lambda task: None
    own_tables: tuple[str, ...] = ()


OURS = Tool(
    f"sodaf-migrate {version('sodaf-migrate')}",
    ours,
    ours_beforehand,
    ("tabMigrationHistory", "tabMigrationEvent", "tabMigrationSettled", "tabMigrationBackup"),
)


def installed() -> tuple[Tool, ...]:
    """Ours and every peer that is there."""
    peers = (
        ("sqlite-utils", "sqlite-utils {} transform", sqlite_utils),
        ("alembic", "Alembic {} batch", alembic),
        ("django", "Django {} schema editor", django),
    )
    return (OURS, *(Tool(title.format(version(name)), run) for name, title, run in peers if version(name)))
