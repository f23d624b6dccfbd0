"""Which of the declared renames still have to happen. Renames are never guessed."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sodaf_migrate.schema.model import Column, Table, fold

__all__ = ["likely_renames", "rename_order", "resolve_renames", "swaps"]

Pair = tuple[str, str]


def resolve_renames(live: Collection[str], declared: Iterable[Pair], done: Collection[Pair] = ()) -> tuple[Pair, ...]:
    """The (old, new) pairs of ``declared`` that apply to the names in ``live``, in the order declared.

    A pair applies when its old name is there and its new one is not, or is itself renamed away. Both names of a swap
    are there before it and after it alike, so a ring is applied only while none of it is in ``done`` (what earlier
    migrations of the same DocType or schema declared, or swapped because the call said so).
    """
    names = {fold(name): name for name in live}
    finished = {(fold(old), fold(new)) for old, new in done}
    chosen: dict[str, str] = {}  # new -> old
    for old, new in declared:
        if fold(old) in names and fold(new) not in map(fold, chosen) and fold(old) not in map(fold, chosen.values()):
            chosen[new] = names[fold(old)]
    while True:
        leaving = {fold(old) for old in chosen.values()}
        stuck = [new for new, old in chosen.items() if fold(new) in names and fold(new) not in leaving]
        stuck = [new for new in stuck if fold(chosen[new]) != fold(new)]
        if not stuck:
            break
        for new in stuck:
            del chosen[new]
    for ring in _rings(chosen):
        if any((fold(chosen[new]), fold(new)) in finished for new in ring):
            for new in ring:
                del chosen[new]
    return tuple((old, new) for new, old in chosen.items() if old != new)


def swaps(pairs: Iterable[Pair]) -> tuple[Pair, ...]:
    """Those (old, new) that change places in a ring: afterwards the same names are there, so history has to say it."""
    chosen = {new: old for old, new in pairs}
    return tuple((chosen[new], new) for ring in _rings(chosen) for new in ring)


def _rings(chosen: dict[str, str]) -> list[list[str]]:
    """Closed rings of renames, each as its new names."""
    by_old = {fold(old): new for new, old in chosen.items()}
    rings: list[list[str]] = []
    seen: set[str] = set()
    for start in chosen:
        path: list[str] = []
        new: str | None = start
        while new is not None and fold(new) not in seen:
            seen.add(fold(new))
            path.append(new)
            new = by_old.get(fold(new))
        if new is not None and path and fold(new) == fold(path[0]) and fold(chosen[new]) != fold(new):
            rings.append(path)
    return rings


def rename_order(pairs: Iterable[Pair], taken: Collection[str]) -> tuple[Pair, ...]:
    """The single renames that carry out ``pairs`` one after the other, through a free name where they form a ring.

    ``taken`` are the names that exist; a temporary name is made unlike all of them.
    """
    waiting = list(pairs)
    present = {fold(name) for name in taken}
    wanted = {fold(new) for _, new in waiting}
    steps: list[Pair] = []
    while waiting:
        ready = next((p for p in waiting if fold(p[1]) not in present or fold(p[0]) == fold(p[1])), None)
        if ready is None:  # only rings are left: step aside
            old, new = waiting.pop(0)
            free = _free_name(old, present | wanted)
            steps.append((old, free))
            present = (present - {fold(old)}) | {fold(free)}
            waiting.append((free, new))
            continue
        waiting.remove(ready)
        steps.append(ready)
        present = (present - {fold(ready[0])}) | {fold(ready[1])}
    return tuple(steps)


def _free_name(name: str, taken: Collection[str]) -> str:
    number = 1
    while fold(f"{name}__{number}") in taken:
        number += 1
    return f"{name}__{number}"


def likely_renames(live: Table, gone: Iterable[Column], come: Iterable[Column]) -> tuple[tuple[str, str, str], ...]:
    """(table, old, new) where exactly one column of a type went and exactly one of that type came."""
    old_by_type: dict[str, list[Column]] = {}
    new_by_type: dict[str, list[Column]] = {}
    for column in gone:
        old_by_type.setdefault(column.type, []).append(column)
    for column in come:
        new_by_type.setdefault(column.type, []).append(column)
    return tuple(
        (live.name, old_by_type[kind][0].name, new_by_type[kind][0].name)
        for kind in old_by_type
        if len(old_by_type[kind]) == 1 and len(new_by_type.get(kind, ())) == 1
    )
