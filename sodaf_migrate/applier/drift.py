"""What was changed by hand: the tables beside what history says that it left."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sodaf_migrate.applier.session import Session
from sodaf_migrate.compare.drift import Drift, drifted
from sodaf_migrate.dialects.sqlite.inspect import read_schema
from sodaf_migrate.dialects.sqlite.planner import left_schema, table_digests
from sodaf_migrate.errors import MigrationError
from sodaf_migrate.history.record import MigrationRecord
from sodaf_migrate.schema.model import ObjectName, Schema, fold

__all__ = ["found_drift"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Left:
    """One table as it was left: by whom, and its texts; only a digest where an older version of this tool wrote."""

    table: str
    doctype: str
    since: str
    texts: tuple[Sequence[str], ...] = ()
    digest: str = ""


def found_drift(session: Session, records: Iterable[MigrationRecord]) -> dict[str, MigrationError | tuple[Drift, ...]]:
    """The drift of each DocType that has any; an error where its tables cannot be read."""
    homes = {
        fold(session.engine.get(name).table): name
        for name in session.engine.names()
        if not session.engine.get(name).issingle
    }
    by_doctype: dict[str, list[_Left]] = {}
    for table, left in _standing(session, records).items():
        by_doctype.setdefault(homes.get(table, left.doctype), []).append(left)
    owned = session.history.owned()
    found: dict[str, MigrationError | tuple[Drift, ...]] = {}
    live = _live(session, [left.table for lefts in by_doctype.values() for left in lefts])
    for doctype, lefts in by_doctype.items():
        try:
            now = live or read_schema(session.wire, around=[left.table for left in lefts])
            found[doctype] = tuple(drift for left in lefts for drift in _drift(left, now, doctype, owned))
        except MigrationError as error:
            found[doctype] = error
    return {doctype: told for doctype, told in found.items() if told}


def _live(session: Session, tables: Collection[str]) -> Schema | None:
    """All of them in one look; None where one cannot be read, which its DocType alone shall say."""
    try:
        return read_schema(session.wire, around=tables)
    except MigrationError:
        return None


def _standing(session: Session, records: Iterable[MigrationRecord]) -> dict[str, _Left]:
    """How each table was left by the last that touched it: a migration, a rollback, or whoever took it over."""
    told = [(record.timestamp, _by_record(record)) for record in records if record.status in ("applied", "rolled_back")]
    told += [
        (event.timestamp, _by_adoption(event.doctype or "", event.facts))
        for event in session.history.events()
        if event.kind == "adopted"
    ]
    standing: dict[str, _Left] = {}
    for _, (touched, lefts) in sorted(told, key=lambda entry: entry[0]):
        for table in touched:
            standing.pop(table, None)
        standing |= {left.table: left for left in lefts}
    return standing


def _by_record(record: MigrationRecord) -> tuple[set[str], list[_Left]]:
    plan = _read(record.plan)
    details = plan.get("details") or {}
    touched = {fold(name) for name in plan.get("scope", ())}
    if "stored" not in details:
        left = details.get("left", {})
        return touched, [
            _Left(table=table, doctype=record.doctype, since=record.id, digest=digest) for table, digest in left.items()
        ]
    return touched, _lefts(details["stored"], record.doctype, record.id)


def _by_adoption(doctype: str, facts: str) -> tuple[set[str], list[_Left]]:
    lefts = _lefts(_read(facts).get("stored", ()), doctype, "it was adopted")
    return {left.table for left in lefts}, lefts


def _lefts(stored: Iterable[Sequence[str]], doctype: str, since: str) -> list[_Left]:
    texts: dict[str, list[Sequence[str]]] = {}
    for text in stored:
        texts.setdefault(fold(text[2]), []).append(text)
    return [_Left(table=table, doctype=doctype, since=since, texts=tuple(found)) for table, found in texts.items()]


def _read(text: str | None) -> Mapping[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}  # `history --verify` says that it was altered
    return found if isinstance(found, dict) else {}


def _drift(left: _Left, live: Schema, doctype: str, owned: frozenset[ObjectName]) -> Iterable[Drift]:
    if not left.texts:
        return _by_digest(left, live)
    table = live.table(left.table)
    there = {table.sql, *(index.sql for index in live.indexes_of(left.table))} if table is not None else set()
    if there.issuperset(text[3] for text in left.texts):
        return ()  # letter for letter: nothing has to be read
    return drifted(left_schema(left.texts), live, doctype=doctype, since=left.since, owned=owned)


def _by_digest(left: _Left, live: Schema) -> Iterable[Drift]:
    now = live.table(left.table)
    if now is None:
        yield Drift(what="removed", kind="table", name=left.table, table=left.table, since=left.since)
    elif table_digests(live, [left.table]).get(left.table) != left.digest:
        yield Drift(what="altered", kind="table", name=now.name, table=now.name, since=left.since, after=now.sql)
