"""Reading stored values as text and as JSON, with what a length or a list of options has to say about it."""

from __future__ import annotations

from sodaf_migrate.dialects.sqlite.conversion_arms import Arm, Outcome, Reading, otherwise, split, trimmed
from sodaf_migrate.dialects.sqlite.conversion_numbers import number_arms
from sodaf_migrate.dialects.sqlite.names import literal

__all__ = ["limited", "listed", "to_json", "to_text", "untouched"]

_EXACT = (Outcome.KEPT, Outcome.ONE_WAY)


def untouched(value: str) -> Reading:
    """Every value stays what it is, whatever its storage class."""
    return dict.fromkeys(("integer", "real", "text", "blob"), (otherwise(Outcome.KEPT, value),))


def to_text(value: str) -> Reading:
    """How a number is written as text; text that a column of numbers holds stays as it is."""
    return {
        "integer": (otherwise(Outcome.KEPT, f"CAST({value} AS TEXT)"),),
        "real": number_arms(value),
        "text": (otherwise(Outcome.ONE_WAY, value),),
    }


def to_json(value: str) -> Reading:
    """How ``value`` is read as a JSON document: only what is one already; nothing is put in quotes."""
    numbers = tuple(arm for arm in number_arms(value) if arm.value not in ("'Inf'", "'-Inf'"))
    return {
        "integer": (otherwise(Outcome.KEPT, f"CAST({value} AS TEXT)"),),
        "real": (Arm(f"abs({value}) = 9e999", Outcome.IMPOSSIBLE), *numbers),
        "text": (
            # json_valid() stops reading at a NUL.
            Arm(f"instr({value}, char(0)) > 0", Outcome.IMPOSSIBLE),
            Arm(f"{trimmed(value)} = ''", Outcome.ONE_WAY),
            Arm(f"json_valid({value})", Outcome.KEPT, value),
        ),
    }


def limited(reading: Reading, length: int) -> Reading:
    """The same, where a text of more than ``length`` characters is LONGER; the value itself stays whole."""
    return {
        name: arms if name == "blob" else split(arms, _fits(length), Outcome.LONGER, of=_EXACT)
        for name, arms in reading.items()
    }


def _fits(length: int) -> str:
    # length() counts the characters before a NUL; where there is one, bytes are counted, which are never fewer.
    bytes_too = f"(instr({{value}}, char(0)) = 0 OR length(CAST({{value}} AS BLOB)) <= {length})"
    return f"length({{value}}) <= {length} AND {bytes_too}"


def listed(reading: Reading, options: tuple[str, ...]) -> Reading:
    """The same, where a text that is neither blank nor one of ``options`` is no value at all."""
    names = ", ".join(literal(option) for option in ("", *options))
    condition = f"CAST({{value}} AS TEXT) COLLATE BINARY IN ({names})"
    return {name: _refusing(arms, condition) for name, arms in reading.items() if name != "blob"}


def _refusing(arms: tuple[Arm, ...], condition: str) -> tuple[Arm, ...]:
    result: list[Arm] = []
    for arm in arms:
        also = condition.replace("{value}", arm.value)
        result.append(Arm(also if arm.when is None else f"({arm.when}) AND {also}", arm.outcome, arm.value))
        result.append(Arm(arm.when, Outcome.IMPOSSIBLE))
    return tuple(result)
