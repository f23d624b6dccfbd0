"""Which backups may go: a decision over values, so that its guarantees can be tested over any history.

A chain is a full backup with everything that was built on it; it goes as a whole or not at all. Never given up: a chain
that an applied migration needs to go back, the newest good chain that was made on demand of each table, and of the
database, and what may belong to another database that uses the same store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sodaf_migrate.backup.info import BackupInfo
from sodaf_migrate.options import PruneOptions

__all__ = ["Decision", "chain_of", "chains", "decide"]

#: Statuses of migrations that can still be taken back, or are being carried out.
_IN_FORCE = ("applied", "running", "pending")

_Subject = tuple[bool, str, str, str]


@dataclass(frozen=True, slots=True)
class Decision:
    """What goes, in the order in which it may be deleted (children before parents), and why each other stays."""

    delete: tuple[BackupInfo, ...]
    keep: tuple[tuple[BackupInfo, str], ...]


def decide(
    infos: Iterable[BackupInfo],
    options: PruneOptions,
    *,
    now: datetime,
    statuses: Mapping[str, str],
    good: Callable[[BackupInfo], bool | None],
) -> Decision:
    """The decision over all backups; ``statuses`` says how each migration on record stands, ``good`` reads a file.

    What ``good`` cannot tell (None) is kept, and does not stand in for an older one that is good.
    """
    found = chains(infos)
    needed = {place: _needed(chain, options, statuses) for place, chain in enumerate(found)}
    reasons = {place: reason for place, reason in needed.items() if reason}
    reasons |= _newest_good(found, reasons, good)
    free = [place for place in range(len(found)) if place not in reasons]
    going = _over_limits(found, free, options, now)
    reasons |= {place: "within the limits" for place in free if place not in going}
    delete = [info for place in sorted(going) for info in _children_first(found[place])]
    return Decision(
        delete=tuple(delete),
        keep=tuple((info, reasons[place]) for place in sorted(reasons) for info in found[place]),
    )


def chains(infos: Iterable[BackupInfo]) -> list[tuple[BackupInfo, ...]]:
    """The backups grouped into chains, each ordered by age, the chains by their newest part, oldest first.

    An incremental backup whose parent is not there is a chain of its own.
    """
    by_id = {info.id: info for info in infos}
    groups: dict[str, list[BackupInfo]] = {}
    for info in by_id.values():
        groups.setdefault(_root(info, by_id), []).append(info)
    ordered = (tuple(sorted(group, key=_age)) for group in groups.values())
    return sorted(ordered, key=lambda chain: _age(chain[-1]))


def chain_of(info: BackupInfo, infos: Iterable[BackupInfo]) -> tuple[BackupInfo, ...]:
    """``info`` after all that it is built on, the full one first; it stops where a parent is not there."""
    by_id = {other.id: other for other in infos}
    path = [info]
    while path[-1].parent in by_id and len(path) <= len(by_id):
        path.append(by_id[str(path[-1].parent)])
    return tuple(reversed(path))


def _root(info: BackupInfo, by_id: Mapping[str, BackupInfo]) -> str:
    seen: set[str] = set()
    while info.parent in by_id and info.id not in seen:
        seen.add(info.id)
        info = by_id[str(info.parent)]
    # Altered rows may close a ring: its smallest id stands for all of it.
    return info.id if info.parent not in by_id else min(_ring(info, by_id))


def _ring(info: BackupInfo, by_id: Mapping[str, BackupInfo]) -> set[str]:
    ring: set[str] = set()
    while info.id not in ring:
        ring.add(info.id)
        info = by_id[str(info.parent)]
    return ring


def _age(info: BackupInfo) -> tuple[int, str]:
    return info.order, info.id


def _needed(chain: Sequence[BackupInfo], options: PruneOptions, statuses: Mapping[str, str]) -> str:
    for info in chain:
        if info.state == "unlisted" and not options.forgotten:
            return "the catalogue does not list it: it may belong to another database"
        if info.migration_id is None:
            continue
        status = statuses.get(info.migration_id)
        if status in _IN_FORCE:
            return f"migration {info.migration_id} needs it to go back"
        if status is None and not options.forgotten:
            return f"history does not know its migration {info.migration_id}"
    return ""


def _newest_good(
    found: Sequence[Sequence[BackupInfo]], held: Mapping[int, str], good: Callable[[BackupInfo], bool | None]
) -> dict[int, str]:
    """The newest chain made on demand of each subject whose files are good; nothing is read of what is held anyway."""
    newest: dict[_Subject, int] = {}
    reasons: dict[int, str] = {}
    for place in reversed(range(len(found))):
        chain = found[place]
        subject = _subject(chain)
        # What was made before a restore is no stand-in for what somebody asked for: it may hold what was to be mended.
        asked_for = not all(info.reason for info in chain)
        on_demand = asked_for and all(info.migration_id is None for info in chain) and chain[0].type == "FULL"
        if not on_demand or subject in newest:
            continue
        told = [good(info) for info in chain]
        if all(told):
            newest[subject] = place
            reasons[place] = "the newest good one"
        elif None in told and False not in told:
            reasons[place] = "nobody can tell whether it is good: the catalogue has no row of it, and no key opens it"
    return {place: reason for place, reason in reasons.items() if place not in held}


def _over_limits(
    found: Sequence[Sequence[BackupInfo]], free: Sequence[int], options: PruneOptions, now: datetime
) -> set[int]:
    going: set[int] = set()
    if options.max_age is not None:
        oldest = now - timedelta(days=min(options.max_age, 365_000))
        going |= {place for place in free if _created(found[place][-1]) < oldest}
    if options.max_count is not None:
        going |= _too_many(found, free, options.max_count)
    if options.max_size is not None:
        total = sum(info.size for place, chain in enumerate(found) if place not in going for info in chain)
        for place in free:
            if total <= options.max_size:
                break
            if place not in going:
                going.add(place)
                total -= sum(info.size for info in found[place])
    return going


def _too_many(found: Sequence[Sequence[BackupInfo]], free: Sequence[int], most: int) -> set[int]:
    """Those beyond the newest ``most`` of each subject; what is held counts as one of them."""
    counts: dict[_Subject, int] = {}
    going: set[int] = set()
    for place in reversed(range(len(found))):
        subject = _subject(found[place])
        counts[subject] = counts.get(subject, 0) + 1
        if counts[subject] > most and place in free:
            going.add(place)
    return going


def _subject(chain: Sequence[BackupInfo]) -> _Subject:
    """What a chain is of: one of another database, or that ours does not list, stands in for none of ours."""
    first = chain[0]
    strange = first.state == "unlisted"
    of = first.database_id if strange else None
    return strange, of or str(first.about.get("database")), first.scope, first.doctype


def _created(info: BackupInfo) -> datetime:
    return datetime.fromisoformat(info.created_at)


def _children_first(chain: Sequence[BackupInfo]) -> list[BackupInfo]:
    """A chain so ordered that a stop after any of them leaves no child without its parent."""
    by_id = {info.id: info for info in chain}
    return sorted(chain, key=lambda info: (-len(chain_of(info, by_id.values())), info.id))
