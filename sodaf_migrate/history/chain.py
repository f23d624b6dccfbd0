"""The chain of events: each seals the one before, so that nothing can be altered, taken out or moved unseen."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, TypeAlias

from sodaf_migrate.history.record import MigrationRecord, canonical

__all__ = ["GENESIS", "Event", "Head", "Keys", "Problem", "broken_links", "broken_records", "keys_of", "sealed"]

#: What seals events: one key, several of which the first seals and all check, or a function that gives them.
Keys: TypeAlias = bytes | Sequence[bytes] | Callable[[], Sequence[bytes]] | None

#: What the first event has for the hash of the one before.
GENESIS = "0" * 64

_PLAIN, _KEYED = "sha256", "hmac-sha256"


@dataclass(frozen=True, slots=True)
class Event:
    """One fact; ``facts`` is JSON, ``seal`` says how ``hash`` was made: "sha256", or "hmac-sha256:" and the key."""

    seq: int
    timestamp: str
    kind: str  # initialized | a status | adopted | noted | cleared
    migration_id: str | None
    doctype: str | None
    facts: str
    layout: int
    seal: str
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class Head:
    """How many events there are and the hash of the newest: kept elsewhere, it shows a chain cut or made anew.

    ``source`` says where it was kept.
    """

    count: int = 0
    hash: str = GENESIS
    source: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing about the history: ``code`` is altered, missing, cut, unknown or unsealed.

    "locked" is no sign of tampering: events that only an absent key could check; neither is "unread", a backup whose
    public part, which holds the head of its time, cannot be read.
    """

    code: str
    subject: str  # "event 12", or the id of a migration
    message: str

    def __str__(self) -> str:
        return self.message


def keys_of(given: Keys) -> tuple[bytes, ...]:
    """The keys themselves, the one that seals first. Raises what a function for them raises."""
    found = given() if callable(given) else given
    return () if found is None else (found,) if isinstance(found, bytes) else tuple(found)


def sealed(values: Mapping[str, Any], *, previous: str, key: bytes | None) -> Event:
    """The event of ``values`` (seq, timestamp, kind, migration_id, doctype, facts, layout) after ``previous``."""
    seal = _PLAIN if key is None else f"{_KEYED}:{_name_of(key)}"
    return Event(**values, seal=seal, previous=previous, hash=_hash({**values, "seal": seal}, previous, key))


def broken_links(events: Iterable[Event], *, keys: Sequence[bytes]) -> Iterator[Problem]:
    """What is wrong with the events themselves, in order; ``keys`` are all that may have sealed them."""
    known = {f"{_KEYED}:{_name_of(key)}": key for key in keys}
    expected, previous, keyed, lacking = 1, GENESIS, False, set[str]()
    for event in events:
        name, seal = f"event {event.seq}", str(event.seal)
        if event.seq != expected:
            gone = f"{expected}" if event.seq == expected + 1 else f"{expected} to {event.seq - 1}"
            yield Problem("missing", name, f"Before event {event.seq}, event {gone} is missing")
        if event.previous != previous:
            yield Problem("altered", name, f"Event {event.seq} does not follow the event that stands before it")
        if seal.startswith(_KEYED) and seal not in known:
            if seal not in lacking:
                yield _locked(event, seal)
            lacking.add(seal)
        elif not hmac.compare_digest(str(event.hash).encode(), _hash_of(event, known.get(seal)).encode()):
            yield Problem("altered", name, f"Event {event.seq} ({event.kind}) was altered")
        if keyed and not seal.startswith(_KEYED):
            said = f"Event {event.seq} was written without the key that sealed those before it"
            yield Problem("unsealed", name, said)
        expected, previous, keyed = event.seq + 1, event.hash, keyed or seal.startswith(_KEYED)


def _locked(event: Event, seal: str) -> Problem:
    key = seal.partition(":")[2]
    said = f'From event {event.seq} on, the seals cannot be checked: that needs the backup key behind seal "{key}"'
    return Problem("locked", f"event {event.seq}", said)


def broken_records(events: Iterable[Event], records: Iterable[tuple[MigrationRecord, str]]) -> Iterator[Problem]:
    """What is wrong with the records (each with its stored checksum), by what the events say of them."""
    said = _said(events)
    for record, stored in records:
        told = said.pop(record.id, None)
        if told is None:
            yield Problem("unknown", record.id, f'No event tells of the migration "{record.id}"')
        elif not record.checksum == stored == told:
            yield Problem("altered", record.id, f'The record of the migration "{record.id}" was altered')
    for migration_id in said:
        yield Problem("missing", migration_id, f'The record of the migration "{migration_id}" is missing')


def _said(events: Iterable[Event]) -> dict[str, str]:
    """The checksum that the events say each living record has."""
    found: dict[str, str] = {}
    for event in events:
        try:
            facts = json.loads(event.facts)
        except (ValueError, TypeError):
            continue  # broken_links says that it was altered
        if not isinstance(facts, dict):
            continue
        if event.kind == "cleared":
            for migration_id in facts.get("ids", ()):
                found.pop(migration_id, None)
        elif event.migration_id is not None and "record" in facts:
            found[event.migration_id] = facts["record"]
    return found


def _hash_of(event: Event, key: bytes | None) -> str:
    values = {name: getattr(event, name) for name in Event.__slots__ if name not in ("previous", "hash")}
    return _hash(values, event.previous, key)


def _hash(values: Mapping[str, Any], previous: str, key: bytes | None) -> str:
    message = canonical([previous, dict(values)]).encode()
    return sha256(message).hexdigest() if key is None else hmac.new(key, message, sha256).hexdigest()


def _name_of(key: bytes) -> str:
    return hmac.digest(key, b"sodaf-history/v1/name", sha256)[:8].hex()
