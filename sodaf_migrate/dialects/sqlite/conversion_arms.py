"""The arms of a conversion: ordered cases for each storage class, and the one CASE expression they are written as.

One list of arms answers every question (which value, which outcome), so that the outcomes cannot overlap and cannot
leave a value out: the first arm that holds decides, and what no arm takes is impossible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

__all__ = ["Arm", "Outcome", "Reading", "otherwise", "rendered", "same", "split", "trimmed"]


class Outcome(StrEnum):
    """What becomes of one value."""

    KEPT = "kept"  # exact, and converting back gives the very value
    ONE_WAY = "one_way"  # exact in meaning; its old spelling does not come back by itself
    LOSSY = "lossy"  # a part of it, or the meaning of its spelling, would be lost
    LONGER = "longer"  # more characters than the new length allows; the value itself stays whole
    IMPOSSIBLE = "impossible"  # there is no such value of the new type


@dataclass(frozen=True, slots=True)
class Arm:
    """Where the condition ``when`` holds (always, if None), ``outcome`` is what happens and ``value`` what it gives."""

    when: str | None
    outcome: Outcome
    value: str = "NULL"


#: The arms for each ``typeof``: "integer", "real", "text", "blob". A class that is not named is impossible.
Reading: TypeAlias = Mapping[str, tuple[Arm, ...]]

_CLASSES = ("integer", "real", "text", "blob")


def otherwise(outcome: Outcome, value: str) -> Arm:
    """The last arm, which takes what the arms before it left."""
    return Arm(None, outcome, value)


def same(left: str, right: str) -> str:
    """Whether two texts are equal byte for byte, whatever collation a column among them declares."""
    return f"{left} = {right} COLLATE BINARY"


def trimmed(text: str) -> str:
    """``text`` without blanks, tabs and line ends around it: the ASCII ones that SQLite itself skips before numbers."""
    return f"trim({text}, char(9,10,11,12,13,32))"


def split(arms: Iterable[Arm], condition: str, otherwise: Outcome, *, of: Iterable[Outcome]) -> tuple[Arm, ...]:
    """The arms, where those with an outcome in ``of`` keep it under ``condition`` only and have ``otherwise`` else.

    ``condition`` may name the arm's value as ``{value}``.
    """
    outcomes, result = frozenset(of), []
    for arm in arms:
        if arm.outcome in outcomes and condition != "1":
            also = condition.replace("{value}", arm.value)
            if condition != "0":
                result.append(replace(arm, when=also if arm.when is None else f"({arm.when}) AND {also}"))
            arm = replace(arm, outcome=otherwise)
        result.append(arm)
    return tuple(result)


def rendered(reading: Reading, column: str, answer: Callable[[Arm], str], rest: str, null: str = "NULL") -> str:
    """The arms as one expression over ``column``: ``answer`` of the arm that holds, ``rest`` where none does.

    ``null`` is the answer for NULL.
    """
    answers = {name: _case(reading.get(name, ()), answer, rest) for name in _CLASSES}
    if len(set(answers.values())) == 1:
        only = answers["blob"]
        return null if only == null else f"CASE WHEN {column} IS NULL THEN {null} ELSE {only} END"
    answers["null"] = null
    cases = " ".join(f"WHEN {name!r} THEN {text}" for name, text in answers.items() if text != rest)
    return f"CASE typeof({column}) {cases} ELSE {rest} END"


def _case(arms: tuple[Arm, ...], answer: Callable[[Arm], str], rest: str) -> str:
    """One class's arms; neighbours with one answer become one, and what would only repeat the rest is left out."""
    merged: list[tuple[list[str], str]] = []
    for arm in arms:
        if arm.when is None:
            rest = answer(arm)
            break
        if merged and merged[-1][1] == answer(arm):
            merged[-1][0].append(arm.when)
        else:
            merged.append(([arm.when], answer(arm)))
    while merged and merged[-1][1] == rest:
        merged.pop()
    if not merged:
        return rest
    cases = [f"WHEN {_either(conditions)} THEN {text}" for conditions, text in merged]
    return f"CASE {' '.join(cases)} ELSE {rest} END"


def _either(conditions: list[str]) -> str:
    return conditions[0] if len(conditions) == 1 else " OR ".join(f"({condition})" for condition in conditions)
