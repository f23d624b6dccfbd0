"""The comparison and the planner by themselves, beside a database that is only read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from sodaf_migrate.applier.planning import refuse
from sodaf_migrate.applier.session import Session
from sodaf_migrate.compare.changes import SchemaDiff
from sodaf_migrate.desired import SiteRules
from sodaf_migrate.doctype.engine import DocTypeEngine
from sodaf_migrate.doctype.model import DocType
from sodaf_migrate.errors import ConfigurationError
from sodaf_migrate.execute.executor import MigrationExecutor
from sodaf_migrate.history.manager import MigrationHistoryManager
from sodaf_migrate.options import SyncOptions
from sodaf_migrate.plan import Plan
from sodaf_migrate.results import Migration
from sodaf_migrate.validate.validator import MigrationValidator
from sodaf_migrate.wire.connection import OnConnect
from sodaf_migrate.wire.open import Target, look_wire, memory_wire

__all__ = ["SQLGenerator", "SchemaComparisonEngine"]


@dataclass(frozen=True, slots=True)
class _Beside:
    target: Target | None = None
    engine: DocTypeEngine = field(default_factory=lambda: DocTypeEngine.from_doctypes([]))
    site_rules: SiteRules = field(default_factory=SiteRules, kw_only=True)
    options: SyncOptions = field(default_factory=SyncOptions, kw_only=True)
    on_connect: OnConnect | None = field(default=None, kw_only=True)

    @contextmanager
    def _session(self) -> Iterator[Session]:
        prepared: dict[str, Any] = {"on_connect": self.on_connect, "lock_timeout": self.options.lock_timeout}
        opened = memory_wire(self.on_connect) if self.target is None else look_wire(self.target, **prepared)
        with opened as wire:
            yield Session(
                wire=wire,
                engine=self.engine,
                history=MigrationHistoryManager(wire),
                executor=MigrationExecutor(),
                validator=MigrationValidator(),
                rules=self.site_rules,
                options=self.options,
            )


@dataclass(frozen=True, slots=True)
class SchemaComparisonEngine(_Beside):
    """Says what has to change; nothing is written.

    ``target`` is the database, as for MigrationApplier (None: an empty one); ``engine`` has the definitions.
    """

    def compare_schema(self, name: str) -> SchemaDiff:
        """The diff of one DocType, before any row was asked. Raises UnknownDocTypeError, SchemaParseError."""
        self.engine.get(name)
        with self._session() as session, session.wire.snapshot():
            return session.compare(name).diff

    @staticmethod
    def has_changes(diff: SchemaDiff) -> bool:
        """Whether anything has to be done."""
        return diff.has_changes


@dataclass(frozen=True, slots=True)
class SQLGenerator(_Beside):
    """Says in which statements changes are made; nothing is carried out.

    ``target`` is the database that they are for, as for MigrationApplier (None: an empty one), ``engine`` has the
    definitions, ``options`` say what is allowed. The statements of a rebuild are those of an ordinary copy; what a
    sync does beside them (guards, checks, a backup, the record) is in ``plan`` and not in them.
    """

    def plan(self, diff: SchemaDiff, name: str | None = None) -> Plan:
        """The steps of ``diff``, there and back, with cost, guards and all that can be said against them.

        ``name`` is the DocType that they are of, where it is not the diff's own. Raises UnsupportedChangeError.
        """
        with self._session() as session:
            return session.plan_diff(replace(diff, doctype=name or diff.doctype), "")

    def generate_migration_sql(self, diff: SchemaDiff, name: str | None = None) -> tuple[str, ...]:
        """The statements that make the changes of ``diff``, in their order.

        Raises what a sync would: DataLossRiskError for dangers that ``options`` do not allow, UnsupportedChangeError
        where rows stand in the way or no safe way is known.
        """
        return self._allowed(self.plan(diff, name))

    def generate_create_table_sql(self, doctype: str | DocType | Mapping[str, Any]) -> tuple[str, ...]:
        """The statements that make the table of a DocType and its indexes, as for an empty database.

        ``doctype`` is a name that ``engine`` knows, or a definition. There are none for a virtual DocType; those of a
        Single are of the table of all Singles. Raises DefinitionError, UnknownDocTypeError.
        """
        known = isinstance(doctype, str)
        engine = self.engine if known else DocTypeEngine.from_doctypes([doctype])  # type: ignore[list-item]
        (name,) = [doctype] if isinstance(doctype, str) else engine.names()
        definition = engine.get(name)
        with replace(self, target=None, engine=engine)._session() as session:
            comparer = session.comparer()
            wish = comparer.normalise(comparer.wish_of(definition)[1])
        return (*(table.sql for table in wish.tables), *(index.sql for index in wish.indexes))

    def generate_rollback_sql(self, migration: Migration) -> tuple[str, ...]:
        """The statements that take ``migration`` back: of an applied one planned anew for what is live now.

        Of any other they are those that were promised. What only a backup brings back is not among them, see
        ``MigrationApplier.rollback_migration``. Raises as ``generate_migration_sql`` does.
        """
        if migration.status != "applied":
            return migration.rollback_sql
        if migration.diff is None:
            raise ConfigurationError(
                f'The changes of the migration "{migration.id}" were not read', hint="Take it from get_migration(id)."
            )
        return self._allowed(self.plan(migration.diff.reversed()))

    def _allowed(self, plan: Plan) -> tuple[str, ...]:
        refuse(plan, self.options)
        return plan.sql
