"""MigrationHistoryManager: writes and reads what was done, in the database that it was done to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import copy
from dataclasses import astuple, replace
from datetime import datetime
from typing import Any

from sodaf_migrate.errors import HistoryError, MigrationError, UnknownMigrationError
from sodaf_migrate.history.audit import problems_in
from sodaf_migrate.history.chain import Event, Head, Keys, Problem, keys_of
from sodaf_migrate.history.ownership import Entry, Rename, Standing, entry_of, standing, superseded
from sodaf_migrate.history.record import (
    MigrationRecord,
    canonical,
    check_status,
    new_id,
    record_of,
    timestamp_of,
)
from sodaf_migrate.history.store import (
    EVENTS,
    SELECT,
    append_event,
    find_record,
    insert_record,
    record_in,
    rows_of,
    update_record,
)
from sodaf_migrate.history.surroundings import environment, now, suffix, user
from sodaf_migrate.history.tables import EVENT, HISTORY, LAYOUT, SETTLED, TABLES, create_tables
from sodaf_migrate.permissions import MigrationPermissions
from sodaf_migrate.plan import Plan
from sodaf_migrate.schema.model import ObjectName
from sodaf_migrate.wire.connection import OnConnect, Wire
from sodaf_migrate.wire.open import Target, open_wire

__all__ = ["MigrationHistoryManager"]

logger = logging.getLogger("sodaf_migrate")


class MigrationHistoryManager:
    """The history of one database: a ``Wire``, or what ``open_wire`` takes, which is then opened for each call.

    Reading never writes: a database without history has an empty one. Writing makes the tables first, and belongs to
    the open transaction where there is one; ``on_connect`` prepares what is opened here. With ``key`` the events are
    sealed by HMAC: one key, several of which the first seals, or a function that gives them when one is needed.
    ``permissions`` are asked at each call. Raises HistoryError for one of a newer version, MigrationPermissionError.
    """

    tables = TABLES

    def __init__(
        self,
        source: Wire | Target,
        *,
        key: Keys = None,
        on_connect: OnConnect | None = None,
        permissions: MigrationPermissions = MigrationPermissions(),  # noqa: B008 - a frozen value
        clock: Callable[[], datetime] = now,
        suffix: Callable[[], str] = suffix,
        user: Callable[[], str | None] = user,
        environment: Callable[[], dict[str, Any]] = environment,
    ) -> None:
        self._source, self._on_connect, self._key = source, on_connect, key
        self._found: tuple[bytes, ...] | None = None
        self.permissions = permissions
        self._clock, self._suffix, self._user, self._environment = clock, suffix, user, environment

    def on(self, wire: Wire) -> MigrationHistoryManager:
        """The same history, with its key and clock, on another connection."""
        other = copy(self)
        other._source = wire
        return other

    # Writing.

    def initialize_history_table(self) -> None:
        """Makes the tables where they are missing. Raises HistoryError when something else has their names."""
        with self._writing():
            pass

    def new_record(
        self,
        plan: Plan,
        *,
        run_id: str | None = None,
        applied_by: str | None = None,
        description: str = "",
        reverses: str | None = None,
        backup_path: str | None = None,
        hooks: Mapping[str, str] | None = None,
    ) -> MigrationRecord:
        """The record of a plan, with an id of its own; ``hooks`` names the callables that have a hand in it.

        Nothing is written.
        """
        now = self._clock()
        return record_of(
            plan,
            id=new_id(now, self._suffix()),
            timestamp=timestamp_of(now),
            environment={**self._environment(), **({"hooks": dict(hooks)} if hooks else {})},
            run_id=run_id,
            applied_by=applied_by or self._user(),
            description=description or None,
            reverses=reverses,
            backup_path=backup_path,
        )

    def record_migration(self, record: MigrationRecord) -> None:
        """Adds a record; the one of a failed try of the same migration gives way to it.

        Raises HistoryError when its id is taken otherwise, or its status is none.
        """
        check_status(record.status)
        with self._writing() as wire:
            known = find_record(wire, record.id)
            if known is not None and known.status != "failed":
                raise HistoryError(
                    f'A migration with the id "{record.id}" is on record already', hint="Take a new record for each."
                )
            write = insert_record if known is None else update_record
            write(wire, record)
            self._tell(wire, record.status, record)

    def update_migration_status(
        self,
        migration_id: str,
        status: str,
        *,
        error: str | None = None,
        rollback_info: Mapping[str, Any] | None = None,
        **columns: Any,
    ) -> MigrationRecord:
        """The record with its new status, written; ``columns`` are others to set. Raises UnknownMigrationError."""
        check_status(status)
        with self._writing() as wire:
            record = replace(_known(find_record(wire, migration_id), migration_id), status=status, **columns)
            record = replace(record, error=error if error is not None else record.error)
            if rollback_info is not None:
                record = replace(record, rollback_info=canonical(dict(rollback_info)))
            update_record(wire, record)
            self._tell(wire, record.status, record)
        return record

    def mark_rolled_back(
        self, migration_id: str, *, by: str, counts: Mapping[str, Any] | None = None
    ) -> MigrationRecord:
        """Says of one migration that ``by`` took it back (``counts`` as in RollbackInfo), and of that one the same."""
        info = {"rolled_back_by": by, "rolled_back_at": timestamp_of(self._clock()), **(counts or {})}
        with self._writing() as wire:
            back = find_record(wire, by)
            if back is not None and back.reverses != migration_id:
                self.update_migration_status(by, back.status, reverses=migration_id)
            return self.update_migration_status(migration_id, "rolled_back", rollback_info=info)

    def record_failure(self, record: MigrationRecord) -> bool:
        """Adds the record of a failed migration, after its rollback; whether that worked.

        It never raises an error of the database: that would hide the failure which it is about.
        """
        try:
            self.record_migration(record if record.status == "failed" else replace(record, status="failed"))
        except MigrationError as error:
            logger.error(
                "the failure of %s could not be recorded: %s", record.id, error, extra={"migration": record.id}
            )
            return False
        return True

    def adopt(
        self,
        doctype: str,
        objects: Iterable[ObjectName],
        *,
        declared: Iterable[Rename] = (),
        fields: Mapping[str, str | None] | None = None,
        spent: Iterable[tuple[str, str]] = (),
        version: str | None = None,
        stored: Iterable[Iterable[str]] = (),
    ) -> None:
        """Takes live objects over as ours under ``doctype``; renames ``declared`` so far count as done.

        ``stored`` are their texts (kind, name, table, SQL), from which drift is told later.
        """
        facts = {
            "owns": sorted(astuple(name) for name in objects),
            "declared": sorted(declared),
            "fields": dict(fields or {}),
            "spent": sorted(spent),
            "version": version,
            "by": self._user(),
            "stored": [list(text) for text in stored],
        }
        with self._writing() as wire:
            self._log(wire, "adopted", doctype=doctype, facts=facts)

    def note(self, doctype: str, fields: Mapping[str, str | None]) -> None:
        """Keeps field types that changed, or were not known yet, without anything else having to change."""
        with self._writing() as wire:
            self._log(wire, "noted", doctype=doctype, facts={"fields": dict(fields), "by": self._user()})

    def clear_history(self, doctype: str | None = None) -> int:
        """Deletes the records of one DocType, or all; their number. The events stay, and what is ours stays ours."""
        if not self._reading_rows(f"SELECT 1 FROM {HISTORY} LIMIT 1"):
            return 0
        with self._writing() as wire:
            condition, params = ("WHERE doctype = ?", (doctype,)) if doctype is not None else ("", ())
            ids: dict[str, list[str]] = {}
            for name, migration_id in wire.query(
                f"SELECT doctype, id FROM {HISTORY} {condition} ORDER BY rowid", params
            ):
                ids.setdefault(name, []).append(migration_id)
            for name in ids:
                now = self._standings(wire, name).get(name, Standing())
                owns, declared = sorted(astuple(item) for item in now.owned), sorted(now.declared)
                facts = {"ids": ids[name], "owns": owns, "declared": declared, "by": self._user()}
                facts |= {"fields": now.fields, "spent": sorted(now.spent)}
                self._log(wire, "cleared", doctype=name, facts=facts)
            wire.run(f"DELETE FROM {HISTORY} {condition}", params)
        return sum(map(len, ids.values()))

    def remember(self, entries: Mapping[str, tuple[str, str]], *, standing: Mapping[str, str] | None = None) -> None:
        """Keeps the (wish digest, live digest) of DocTypes that were found in step, so that the next look is short."""
        notes = standing or {}
        with self._writing() as wire:
            for doctype, (wish, live) in sorted(entries.items()):
                wire.run(
                    f"INSERT OR REPLACE INTO {SETTLED} (doctype, wish_digest, live_digest, standing)"
                    " VALUES (?, ?, ?, ?)",
                    (doctype, wish, live, notes.get(doctype)),
                )

    def forget(self, doctypes: Collection[str] | None = None) -> None:
        """Drops what ``remember`` kept, of some DocTypes or all."""
        with self._writing() as wire:
            if doctypes is None:
                wire.run(f"DELETE FROM {SETTLED}")
            for doctype in doctypes or ():
                wire.run(f"DELETE FROM {SETTLED} WHERE doctype = ?", (doctype,))

    # Reading.

    def get_migration_history(self, doctype: str | None = None) -> tuple[MigrationRecord, ...]:
        """The records of one DocType or all, in the order in which they were written."""
        if doctype is None:
            return self._records(f"{SELECT} ORDER BY rowid")
        return self._records(f"{SELECT} WHERE doctype = ? ORDER BY rowid", (doctype,))

    def find(self, migration_id: str) -> MigrationRecord | None:
        """The record of that id, or None."""
        return next(iter(self._records(f"{SELECT} WHERE id = ?", (migration_id,))), None)

    def get_migration_by_id(self, migration_id: str) -> MigrationRecord:
        """The record of that id. Raises UnknownMigrationError."""
        return _known(self.find(migration_id), migration_id)

    def get_latest_migration(self, doctype: str) -> MigrationRecord | None:
        """The newest migration of a DocType that is in force: applied, not taken back, and no rollback itself."""
        sql = f"{SELECT} WHERE doctype = ? AND status = 'applied' AND reverses IS NULL ORDER BY rowid DESC LIMIT 1"
        return next(iter(self._records(sql, (doctype,))), None)

    def get_pending_migrations(self, candidates: Iterable[Any] | None = None) -> tuple[Any, ...]:
        """Those of ``candidates`` (ids, or values with an ``id``) that are not applied.

        Without candidates, the records that were stored and not carried through (pending or running).
        """
        if candidates is None:
            return self._records(f"{SELECT} WHERE status IN ('pending', 'running') ORDER BY rowid")
        applied = {row[0] for row in self._reading_rows(f"SELECT id FROM {HISTORY} WHERE status = 'applied'")}
        return tuple(item for item in candidates if getattr(item, "id", item) not in applied)

    def owned(self, doctype: str | None = None) -> frozenset[ObjectName]:
        """The names (folded) of what is ours, of one DocType or of all."""
        return frozenset().union(*(one.owned for one in self._standings(None, doctype).values()))

    def declared(self, doctype: str) -> frozenset[Rename]:
        """The (table, old, new) of every rename that migrations in force knew of."""
        return self.standing(doctype).declared

    def standing(self, doctype: str) -> Standing:
        """What is ours of one DocType, with the renames and field types that migrations in force knew of."""
        return self._standings(None, doctype).get(doctype, Standing())

    def overview(self) -> dict[str, tuple[Standing, str | None]]:
        """Of every DocType on record what is ours, and the version applied last; two queries for all of them."""
        sql = f"SELECT doctype, version FROM {HISTORY} WHERE status = 'applied' AND reverses IS NULL ORDER BY rowid"
        versions = dict(self._reading_rows(sql))
        standings = self._standings(None, None)
        nothing = Standing()
        return {name: (standings.get(name, nothing), versions.get(name)) for name in {*standings, *versions}}

    def superseded(self, doctype: str | None = None) -> dict[str, frozenset[str]]:
        """By DocType (one or all), the digests of definitions that were applied, and others applied after them."""
        sql = f"SELECT doctype, doctype_digest FROM {HISTORY} WHERE status = 'applied' AND reverses IS NULL"
        sql, params = (f"{sql} AND doctype = ?", (doctype,)) if doctype is not None else (sql, ())
        return superseded(self._reading_rows(f"{sql} AND doctype_digest IS NOT NULL ORDER BY rowid", params))

    def settled(self) -> dict[str, tuple[str, str]]:
        """What ``remember`` kept: (wish digest, live digest) by DocType."""
        rows = self._reading_rows(f"SELECT doctype, wish_digest, live_digest FROM {SETTLED}")
        return {doctype: (wish, live) for doctype, wish, live in rows}

    def events(self) -> tuple[Event, ...]:
        """Every event, oldest first."""
        return tuple(Event(*row) for row in self._reading_rows(f"{EVENTS} ORDER BY seq"))

    def head(self) -> Head:
        """The number of events and the hash of the newest; kept elsewhere, ``verify`` compares it."""
        rows = self._reading_rows(f"SELECT seq, hash FROM {EVENT} ORDER BY seq DESC LIMIT 1")
        return Head(*rows[0]) if rows else Head()

    def verify(self, *, expected: Head | Iterable[Head] = ()) -> tuple[Problem, ...]:
        """Every altered, missing or cut event and record, and events that only an absent key could check.

        Without a key, and without ``expected`` heads kept elsewhere, somebody who rewrites every event from the first
        altered one on, and the records, cannot be found out.
        """
        heads = (expected,) if isinstance(expected, Head) else tuple(expected)
        with self._reading() as wire, wire.snapshot():
            return problems_in(wire, keys=self._keys(), expected=heads)

    # How.

    def load_key(self) -> None:
        """Read the keys that seal, where a function gives them: better before the work than after it."""
        self._keys()

    def _keys(self) -> tuple[bytes, ...]:
        if self._found is None:
            self._found = keys_of(self._key)
        return self._found

    @contextmanager
    def _writing(self) -> Iterator[Wire]:
        self.permissions.require("apply", whole=True)
        with self._opened(readonly=False) as wire, wire.atomic():
            self._ready(wire)
            yield wire

    def _ready(self, wire: Wire) -> None:
        create_tables(wire)
        if wire.row(f"SELECT 1 FROM {EVENT} LIMIT 1") is None:
            self._log(wire, "initialized", facts={"layout": LAYOUT})

    @contextmanager
    def _reading(self) -> Iterator[Wire]:
        self.permissions.require("view_history", whole=True)
        with self._opened(readonly=True) as wire:
            yield wire

    def _opened(self, *, readonly: bool) -> AbstractContextManager[Wire]:
        if isinstance(self._source, Wire):
            return nullcontext(self._source)
        return open_wire(self._source, readonly=readonly, on_connect=self._on_connect)

    def _reading_rows(self, sql: str, params: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self._reading() as wire:
            return rows_of(wire, sql, params)

    def _records(self, sql: str, params: tuple[Any, ...] = ()) -> tuple[MigrationRecord, ...]:
        return tuple(record_in(row) for row in self._reading_rows(sql, params))

    def _standings(self, wire: Wire | None, doctype: str | None) -> dict[str, Standing]:
        sql = (
            f"SELECT e.doctype, e.kind, e.migration_id, h.reverses, iif(e.kind = 'applied', h.objects, e.facts)"
            f" FROM {EVENT} e LEFT JOIN {HISTORY} h ON h.id = e.migration_id"
            f" WHERE e.kind IN ('applied', 'adopted', 'noted', 'cleared')"
        )
        sql, params = (f"{sql} AND e.doctype = ?", (doctype,)) if doctype is not None else (sql, ())
        ordered = f"{sql} ORDER BY e.seq"
        rows = rows_of(wire, ordered, params) if wire else self._reading_rows(ordered, params)
        entries: dict[str, list[Entry]] = {}
        for name, kind, migration_id, reverses, objects in rows:
            if objects is not None:
                entries.setdefault(name, []).append(entry_of(kind, migration_id, reverses, objects))
        return {name: standing(found) for name, found in entries.items()}

    def _tell(self, wire: Wire, kind: str, record: MigrationRecord) -> None:
        facts = {"record": record.checksum, "version": record.version}
        self._log(wire, kind, facts=facts, migration_id=record.id, doctype=record.doctype)

    def _log(self, wire: Wire, kind: str, **more: Any) -> None:
        key = next(iter(self._keys()), None)
        append_event(wire, kind, timestamp=timestamp_of(self._clock()), key=key, **more)


def _known(record: MigrationRecord | None, migration_id: str) -> MigrationRecord:
    if record is None:
        raise UnknownMigrationError(
            f'There is no migration "{migration_id}" on record', hint="Look at the history for its id."
        )
    return record
