"""One way to set two lists side by side; it serves every kind of object."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sodaf_migrate.schema.model import fold

__all__ = ["Paired", "pair", "pair_by_name"]

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Paired(Generic[Item]):
    """What only the new list has, what only the old one has, and what both have, each in list order."""

    added: tuple[Item, ...]
    removed: tuple[Item, ...]
    both: tuple[tuple[Item, Item], ...]


def pair(old: Iterable[Item], new: Iterable[Item], key: Callable[[Item], Hashable]) -> Paired[Item]:
    """Pair two lists by ``key``; what occurs twice is paired twice."""
    waiting: dict[Hashable, list[Item]] = {}
    for item in old:
        waiting.setdefault(key(item), []).append(item)
    added: list[Item] = []
    both: list[tuple[Item, Item]] = []
    for item in new:
        partners = waiting.get(key(item))
        if partners:
            both.append((partners.pop(0), item))
        else:
            added.append(item)
    left = tuple(item for partners in waiting.values() for item in partners)
    return Paired(tuple(added), left, tuple(both))


def pair_by_name(old: Iterable[Item], new: Iterable[Item]) -> Paired[Item]:
    """Pair two lists of named things as SQL compares names."""

    def name(item: Any) -> str:
        return fold(item.name)

    return pair(old, new, name)
