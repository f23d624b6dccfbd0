"""Reading stored values as whole numbers, real numbers and yes-or-no, and writing numbers as text.

A numeral is what SQLite itself takes for one from its first character to its last (datatype3.html, "Column Affinity
Conversion"): sign, ASCII digits, a point, an exponent. No hexadecimal, no underscores, no "inf" or "nan", and no
separators but those of a number format that the site states.
"""

from __future__ import annotations

from collections.abc import Callable

from sodaf_migrate.dialects.sqlite.conversion_arms import Arm, Outcome, Reading, otherwise, rendered, same, trimmed
from sodaf_migrate.dialects.sqlite.conversion_formats import NumberFormat

__all__ = ["number_arms", "to_check", "to_integer", "to_number"]

_IN_64_BITS = "{0} >= -9223372036854775808.0 AND {0} < 9223372036854775808.0"
_YES, _NO = "'true', 'yes', 'on'", "'false', 'no', 'off'"


def to_integer(value: str, formats: tuple[NumberFormat, ...]) -> Reading:
    """How ``value`` is read as a whole number of 64 bits."""
    whole = f"CAST({value} AS INTEGER)"
    return {
        "integer": (otherwise(Outcome.KEPT, value),),
        "real": (
            Arm(f"NOT ({_IN_64_BITS.format(value)})", Outcome.IMPOSSIBLE),
            Arm(f"{whole} = {value}", Outcome.KEPT, whole),
            otherwise(Outcome.LOSSY, whole),
        ),
        "text": (
            Arm(same(f"CAST({whole} AS TEXT)", value), Outcome.KEPT, whole),
            *_unreadable(value),
            *_formatted(value, formats, _integer_arms),
            *_integer_arms(trimmed(value)),
        ),
    }


def to_number(value: str, formats: tuple[NumberFormat, ...]) -> Reading:
    """How ``value`` is read as a real number; where digits get lost, the nearest one is taken."""
    real = f"CAST({value} AS REAL)"
    # Where the site writes 1.234 for a thousand and more, that goes before the plain reading.
    shortest = Arm(same(_as_text(real), value), Outcome.KEPT, real)
    stated = (*_unreadable(value), *_formatted(value, formats, _real_arms))
    return {
        "integer": (Arm(f"{value} = {real}", Outcome.KEPT, real), otherwise(Outcome.LOSSY, real)),
        "real": (otherwise(Outcome.KEPT, value),),
        "text": (
            *((*stated, shortest) if formats else (shortest, *stated)),
            *_real_arms(trimmed(value)),
        ),
    }


def to_check(value: str, formats: tuple[NumberFormat, ...]) -> Reading:
    """How ``value`` is read as 0 or 1; any other number than 0 counts as set, with loss."""
    word = f"lower({trimmed(value)})"
    numbers = (Arm(f"{value} IN (0, 1)", Outcome.KEPT, f"CAST({value} AS INTEGER)"), otherwise(Outcome.LOSSY, "1"))
    return {
        "integer": numbers,
        "real": numbers,
        "text": (
            Arm(same(value, "'0'"), Outcome.KEPT, "0"),
            Arm(same(value, "'1'"), Outcome.KEPT, "1"),
            *_unreadable(value),
            Arm(f"{word} IN ('1', {_YES})", Outcome.ONE_WAY, "1"),
            Arm(f"{word} IN ('0', {_NO})", Outcome.ONE_WAY, "0"),
            *_formatted(value, formats, _flag_arms),
            *_flag_arms(trimmed(value)),
        ),
    }


def number_arms(value: str) -> tuple[Arm, ...]:
    """How the real number ``value`` is written as text: the shortest that reads back equal, "1" rather than "1.0".

    SQLite's own rendering adds ".0" and differs between versions in the sixteenth digit; each length is tried here,
    and the one that this SQLite reads back as the same number is taken.
    """
    whole = f"CAST({value} AS INTEGER)"
    written = [f"printf('{shape}', {value})" for shape in ("%.15g", "%.16g", "%!.17g")]
    return (
        Arm(f"abs({value}) < 9e18 AND {whole} = {value}", Outcome.KEPT, f"CAST({whole} AS TEXT)"),
        Arm(f"{value} = 9e999", Outcome.LOSSY, "'Inf'"),
        Arm(f"{value} = -9e999", Outcome.LOSSY, "'-Inf'"),
        *(Arm(f"CAST({text} AS REAL) = {value}", Outcome.KEPT, text) for text in written),
        otherwise(Outcome.LOSSY, written[-1]),
    )


def _as_text(real: str) -> str:
    return rendered({"real": number_arms(real)}, real, lambda arm: arm.value, "NULL")


def _unreadable(value: str) -> tuple[Arm, ...]:
    """Text with a NUL inside, at which SQLite's functions would stop reading; and blank text, which says nothing."""
    return (
        Arm(f"instr({value}, char(0)) > 0", Outcome.IMPOSSIBLE),
        Arm(f"{trimmed(value)} = ''", Outcome.ONE_WAY),
    )


def _is_numeral(text: str) -> str:
    # The CAST has numeric affinity, which the comparison applies to the text: it becomes a number only as a whole.
    return f"CAST({text} AS NUMERIC) = {text}"


def _formatted(value: str, formats: tuple[NumberFormat, ...], arms: Callable[[str], tuple[Arm, ...]]) -> list[Arm]:
    """The arms for text in a number format of the site; what can be read in two ways is lossy, and the first counts."""
    text, result = trimmed(value), []
    plain = (_is_numeral(text), text)
    readings = [(entry.condition(text), entry.plain(text)) for entry in formats]
    for position, (condition, numeral) in enumerate(readings):
        others = [*readings[position + 1 :], plain]
        twice = " OR ".join(
            f"(({also}) AND CAST({other} AS REAL) <> CAST({numeral} AS REAL))" for also, other in others
        )
        for arm in arms(numeral):
            when = condition if arm.when is None else f"({condition}) AND ({arm.when})"
            if arm.outcome is Outcome.ONE_WAY:
                result.append(Arm(f"({when}) AND ({twice})", Outcome.LOSSY, arm.value))
            result.append(Arm(when, arm.outcome, arm.value))
    return result


def _leading_zeros(numeral: str) -> str:
    # '007' is more often a code than a number.
    return f"ltrim({numeral}, '+-') GLOB '0[0-9]*'"


def _integer_arms(numeral: str) -> tuple[Arm, ...]:
    """Trimmed text that is not the plain spelling of its number."""
    whole, real = f"CAST({numeral} AS INTEGER)", f"CAST({numeral} AS REAL)"
    point = f"instr({numeral} || '.', '.')"
    digits = f"ltrim(substr({numeral}, 1, {point} - 1), '+-0')"
    return (
        Arm(f"NOT ({_is_numeral(numeral)})", Outcome.IMPOSSIBLE),
        Arm(
            f"{numeral} GLOB '*[eE]*' AND {_IN_64_BITS.format(real)}",
            Outcome.LOSSY,
            f"CAST({real} AS INTEGER)",
        ),
        Arm(f"{numeral} GLOB '*[eE]*'", Outcome.IMPOSSIBLE),
        # CAST stops at the largest integer, whose digits then are not those of the text.
        Arm(f"ltrim(CAST({whole} AS TEXT), '-0') <> {digits}", Outcome.IMPOSSIBLE),
        Arm(_leading_zeros(numeral), Outcome.LOSSY, whole),
        Arm(f"rtrim(substr({numeral}, {point} + 1), '0') <> ''", Outcome.LOSSY, whole),
        otherwise(Outcome.ONE_WAY, whole),
    )


def _real_arms(numeral: str) -> tuple[Arm, ...]:
    """Trimmed text that is not the shortest spelling of its number."""
    real = f"CAST({numeral} AS REAL)"
    mantissa = f"substr({numeral}, 1, instr(lower({numeral}) || 'e', 'e') - 1)"
    digits = f"rtrim(ltrim(replace(ltrim({mantissa}, '+-'), '.', ''), '0'), '0')"
    return (
        Arm(f"NOT ({_is_numeral(numeral)}) OR abs({real}) = 9e999", Outcome.IMPOSSIBLE),
        Arm(_leading_zeros(numeral), Outcome.LOSSY, real),
        Arm(f"{digits} = ''", Outcome.ONE_WAY, "0.0"),
        # Fifteen digits fit into every double but the smallest; more may not.
        Arm(f"length({digits}) > 15 OR abs({real}) < 1e-290", Outcome.LOSSY, real),
        otherwise(Outcome.ONE_WAY, real),
    )


def _flag_arms(numeral: str) -> tuple[Arm, ...]:
    return (
        Arm(f"NOT ({_is_numeral(numeral)})", Outcome.IMPOSSIBLE),
        otherwise(Outcome.LOSSY, f"CAST({numeral} AS REAL) <> 0"),
    )
