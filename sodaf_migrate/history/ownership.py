"""What belongs to us: a pure fold over what was applied, taken back, adopted and cleared, in order."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sodaf_migrate.schema.model import ObjectName, fold

__all__ = ["Entry", "Standing", "effective", "entry_of", "standing", "superseded"]

Rename = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that changed what is ours; names are folded. ``kind`` is applied, adopted, noted or cleared.

    ``fields`` are the field types that it left (folded fieldname to type), None for a field whose column went.
    """

    kind: str
    id: str | None = None
    reverses: str | None = None
    owns: frozenset[ObjectName] = frozenset()
    disowns: frozenset[ObjectName] = frozenset()
    renames: tuple[tuple[ObjectName, ObjectName], ...] = ()
    declared: frozenset[Rename] = frozenset()
    fields: Mapping[str, str | None] = field(default_factory=dict)
    spent: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is ours now, every rename that was followed so far, and each field's type (by folded fieldname).

    ``spent`` are the transformers (field, SQL) of definitions that were done.
    """

    owned: frozenset[ObjectName] = field(default=frozenset())
    declared: frozenset[Rename] = field(default=frozenset())
    fields: Mapping[str, str] = field(default_factory=dict)
    spent: frozenset[tuple[str, str]] = frozenset()


def entry_of(kind: str, migration_id: str | None, reverses: str | None, objects: str) -> Entry:
    """The entry that an event and the ``objects`` (JSON) of its record, or of itself, stand for."""
    facts: dict[str, Any] = json.loads(objects)
    return Entry(
        kind=kind,
        id=migration_id,
        reverses=reverses,
        owns=frozenset(map(_name, facts.get("owns", ()))),
        disowns=frozenset(map(_name, facts.get("disowns", ()))),
        renames=tuple((_name(old), _name(new)) for old, new in facts.get("renames", ())),
        declared=frozenset((table, old, new) for table, old, new in facts.get("declared", ())),
        fields=facts.get("fields", {}),
        spent=frozenset((name, text) for name, text in facts.get("spent", ())),
    )


def standing(entries: Iterable[Entry]) -> Standing:
    """What the entries, oldest first, leave as ours."""
    owned: frozenset[ObjectName] = frozenset()
    declared: frozenset[Rename] = frozenset()
    fields: dict[str, str | None] = {}
    spent: frozenset[tuple[str, str]] = frozenset()
    for entry in effective(tuple(entries)):
        fields |= entry.fields
        spent |= entry.spent
        if entry.kind == "cleared":  # it says itself what was ours then
            owned, declared = entry.owns, entry.declared
            continue
        # What a rollback took back is left out, so the names are the earlier ones already: renamed again, those of a
        # chain would fall on one another.
        owned = owned if entry.reverses is not None else _renamed(owned, entry.renames)
        owned = owned - entry.disowns | entry.owns
        declared |= entry.declared
    known = {name: kind for name, kind in fields.items() if kind is not None}
    return Standing(owned=owned, declared=declared, fields=known, spent=spent)


def effective(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """The entries without those that were taken back.

    A rollback is refused while later migrations build on what it undoes, so leaving it out is taking it back. The
    rollback of a rollback brings the first one into force again.
    """
    undone: set[str] = set()
    for entry in reversed(entries):
        if entry.reverses is not None and entry.id not in undone:
            undone.add(entry.reverses)
    return tuple(entry for entry in entries if entry.id is None or entry.id not in undone)


def _renamed(owned: frozenset[ObjectName], renames: tuple[tuple[ObjectName, ObjectName], ...]) -> frozenset[ObjectName]:
    """All at once, so that a and b may change places; a renamed table takes along what is in it."""
    tables = {old.table: new.table for old, new in renames if old.kind == "table"}
    exact = dict(renames)

    def moved(name: ObjectName) -> ObjectName:
        if name in exact:
            return exact[name]
        table = tables.get(name.table, name.table)
        inside = ObjectName(name.kind, table, table if name.kind == "table" else name.name)
        return exact.get(inside, inside)

    return frozenset(map(moved, owned))


def _name(parts: Iterable[str]) -> ObjectName:
    kind, table, name = parts
    return ObjectName(kind, fold(table), fold(name))


def superseded(rows: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """By DocType, the digests that came before the last one; ``rows`` are (DocType, digest) as they were applied."""
    found: dict[str, dict[str, None]] = {}
    for doctype, digest in rows:
        order = found.setdefault(doctype, {})
        order.pop(digest, None)  # what was applied again counts where it was applied last
        order[digest] = None
    return {doctype: frozenset(list(order)[:-1]) for doctype, order in found.items()}
