"""What becomes of stored values when a field changes its type, as pure SQL over the stored value.

``docs/conversions.md`` tells it value by value. The expressions hold for whatever a column may really contain: any
storage class, any collation, any affinity. They need nothing but SQLite 3.35 and its JSON functions (for JSON only).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from sodaf_migrate.dialects.sqlite.conversion_arms import Arm, Outcome, Reading, rendered, split
from sodaf_migrate.dialects.sqlite.conversion_formats import SiteFormats
from sodaf_migrate.dialects.sqlite.conversion_moments import to_date, to_datetime, to_time
from sodaf_migrate.dialects.sqlite.conversion_numbers import to_check, to_integer, to_number
from sodaf_migrate.dialects.sqlite.conversion_texts import limited, listed, to_json, to_text, untouched
from sodaf_migrate.doctype.catalogue import FIELD_TYPES, FieldType, Storage, nearest_types
from sodaf_migrate.errors import ConfigurationError, DefinitionError

__all__ = [
    "POLICIES",
    "Conversion",
    "Outcome",
    "Policy",
    "SiteFormats",
    "changed",
    "conversion",
    "policy_expression",
    "side_expression",
]

#: What happens to a value that is lost or does not convert, where the caller has not allowed the loss.
Policy: TypeAlias = Literal["refuse", "null", "default", "keep"]
POLICIES: tuple[Policy, ...] = ("refuse", "null", "default", "keep")

_EXACT = (Outcome.KEPT, Outcome.ONE_WAY)
_TEXTS = frozenset({Storage.TEXT, Storage.LONG_TEXT})
_MOMENTS = frozenset({Storage.DATE, Storage.DATETIME, Storage.TIME})
# Kept as the text they are: reading such a field as text changes nothing.
_WRITTEN = _TEXTS | _MOMENTS | {Storage.JSON}


@dataclass(frozen=True, slots=True)
class Conversion:
    """One change of type over the quoted ``column``.

    ``exact``, ``lossy`` and ``impossible`` are conditions of which exactly one is true for each value, and none for
    NULL; each gives 0 or 1, and None stands for what cannot occur. ``trivial``: no value changes, and none could be
    lost. A trivial change needs no way back.
    """

    column: str
    arms: tuple[tuple[str, tuple[Arm, ...]], ...]  # by typeof, in the order in which they are tried
    trivial: bool

    @property
    def reading(self) -> Reading:
        """The arms by storage class."""
        return dict(self.arms)

    @property
    def value(self) -> str:
        """The converted value, also where it is lossy; NULL for NULL and for what is impossible."""
        if all(arm.value == _bare(self.column) for _, arms in self.arms for arm in arms):
            return self.column
        return rendered(self.reading, self.column, lambda arm: arm.value, "NULL")

    @property
    def verdict(self) -> str:
        """The outcome's name as text, NULL for NULL: one expression to group rows by."""
        return rendered(self.reading, self.column, lambda arm: f"'{arm.outcome}'", f"'{Outcome.IMPOSSIBLE}'")

    @property
    def exact(self) -> str:
        """The new value means the same."""
        return self.where(*_EXACT) or "0"

    @property
    def one_way(self) -> str | None:
        """The part of ``exact`` that converting back would not bring back as it was ('12.0', ' 5 ', 'yes', '')."""
        return self.where(Outcome.ONE_WAY)

    @property
    def lossy(self) -> str | None:
        """A part of the value, or the meaning of its spelling, would be lost; this includes ``longer``."""
        return self.where(Outcome.LOSSY, Outcome.LONGER)

    @property
    def longer(self) -> str | None:
        """Only the new length is exceeded; ``value`` is whole."""
        return self.where(Outcome.LONGER)

    @property
    def impossible(self) -> str | None:
        """There is no such value of the new type."""
        return self.where(Outcome.IMPOSSIBLE)

    def where(self, *outcomes: Outcome) -> str | None:
        """The condition for values with one of these outcomes; None where no value can have it."""
        if all(arm.outcome in outcomes for _, arms in self.arms for arm in arms) and self.trivial:
            return f"{self.column} IS NOT NULL"
        missing = _bit(Outcome.IMPOSSIBLE in outcomes)
        found = rendered(self.reading, self.column, lambda arm: _bit(arm.outcome in outcomes), missing, null="0")
        return None if found == "0" else found


def conversion(
    old: str,
    new: str,
    column: str,
    *,
    length: int | None = None,
    options: tuple[str, ...] = (),
    formats: SiteFormats = SiteFormats(),  # noqa: B008 - a frozen value
) -> Conversion:
    """What becomes of the values of ``column`` (quoted) when its field changes from type ``old`` to type ``new``.

    ``length`` is the new limit in characters, given only where it is new or less than before; ``options`` are those
    of a Select, none for any. Both are without meaning for other types. Raises DefinitionError for a type that is
    unknown or makes no column.
    """
    before, after = _field_type(old), _field_type(new)
    value = _bare(column)
    reading = _owned(before.storage, after.storage, value, _read(before.storage, after.storage, value, formats))
    trivial = _is_untouched(before.storage, after.storage)
    if length is not None and after.storage is Storage.TEXT:
        reading, trivial = limited(reading, length), False
    if options and new == "Select":
        reading, trivial = listed(reading, options), False
    return Conversion(column, tuple(reading.items()), trivial)


def policy_expression(
    conversion: Conversion,
    policy: str,
    default_sql: str | None = None,
    *,
    allow_lossy: bool = False,
    allow_longer: bool = False,
) -> str:
    """What the new column gets: the converted value where it is exact or its loss is allowed, else as ``policy`` says.

    "refuse" leaves such a value as it is, although the plan's guards let none through; "null" and "keep" (see
    ``side_expression``) give NULL, "default" gives ``default_sql``. NULL stays NULL. Raises ConfigurationError for a
    policy that does not exist.
    """
    if policy not in POLICIES:
        raise ConfigurationError(
            f'"{policy}" is not a policy for values that do not convert', hint="Known: " + ", ".join(POLICIES)
        )
    accepted = _accepted(allow_lossy, allow_longer)
    fallback = {"refuse": conversion.column, "default": default_sql or "NULL"}.get(policy, "NULL")
    if conversion.where(*(outcome for outcome in Outcome if outcome not in accepted)) is None:
        return conversion.value
    return rendered(
        conversion.reading,
        conversion.column,
        lambda arm: arm.value if arm.outcome in accepted else fallback,
        fallback,
    )


def side_expression(conversion: Conversion, *, allow_lossy: bool = False, allow_longer: bool = False) -> str:
    """What the side column gets under the policy "keep": the old value that the new column did not take, else NULL."""
    accepted = _accepted(allow_lossy, allow_longer)
    left = conversion.where(*(outcome for outcome in Outcome if outcome not in accepted))
    return "NULL" if left is None else f"CASE WHEN {left} THEN {conversion.column} END"


def changed(conversion: Conversion, column: str, expression: str | None = None) -> str:
    """The condition for rows whose value or storage class in ``column`` is not what ``expression`` gives.

    ``expression`` is the conversion's value unless given, as for a policy.
    """
    wanted = conversion.value if expression is None else expression
    if wanted == column:
        return "0"
    return f"{wanted} IS NOT {_bare(column)} COLLATE BINARY OR typeof({wanted}) <> typeof({column})"


def _accepted(allow_lossy: bool, allow_longer: bool) -> frozenset[Outcome]:
    allowed = {Outcome.LOSSY: allow_lossy, Outcome.LONGER: allow_longer}
    return frozenset(_EXACT) | {outcome for outcome, yes in allowed.items() if yes}


def _bare(column: str) -> str:
    # The plus takes the column's affinity away: compared with text, a column declared INTEGER would convert it.
    return f"(+{column})"


def _bit(yes: bool) -> str:
    return "1" if yes else "0"


def _field_type(name: str) -> FieldType:
    found = FIELD_TYPES.get(name)
    if found is None:
        near = nearest_types(name)
        raise DefinitionError(
            f'"{name}" is not a field type',
            hint=f"Did you mean {' or '.join(near)}?" if near else "See the field types that the definitions name.",
        )
    if not found.has_column:
        raise DefinitionError(
            f'A field of type "{name}" has no column, so there is nothing to convert',
            hint="Add a field, or drop one, instead of changing the type.",
        )
    return found


def _is_untouched(before: Storage, after: Storage) -> bool:
    """Whether both keep the same values in the same kind of column."""
    return before is after or (before in _WRITTEN and after in _TEXTS) or (before, after) == _FLAG_AS_NUMBER


_FLAG_AS_NUMBER = (Storage.CHECK, Storage.INTEGER)


def _read(before: Storage, after: Storage, value: str, formats: SiteFormats) -> Reading:
    """How values are read by the new type, as if they came from a text or number field that holds its own kind."""
    if _is_untouched(before, after):
        return untouched(value)
    moments, numbers = formats.moment_formats, formats.number_formats
    match after:
        case Storage.INTEGER:
            return to_integer(value, numbers)
        case Storage.NUMBER:
            return to_number(value, numbers)
        case Storage.CHECK:
            return to_check(value, numbers)
        case Storage.DATE:
            return to_date(value, before, moments)
        case Storage.DATETIME:
            return to_datetime(value, before, moments)
        case Storage.TIME:
            return to_time(value, before, moments)
        case Storage.JSON:
            return to_json(value)
    return to_text(value)


def _owned(before: Storage, after: Storage, value: str, reading: Reading) -> Reading:
    """The same, where what the old type does not hold by itself (text in a column of numbers) cannot come back."""
    if _is_untouched(before, after):
        return reading
    return {
        name: split(arms, _is_own(before, after, name, value), Outcome.ONE_WAY, of=(Outcome.KEPT,))
        for name, arms in reading.items()
    }


def _is_own(before: Storage, after: Storage, storage_class: str, value: str) -> str:
    match before, storage_class:
        case (Storage.INTEGER, "integer") | (Storage.NUMBER, "real"):
            return "1"
        case (Storage.CHECK, "integer"):
            return f"{value} IN (0, 1)"
        case (Storage.NUMBER, "integer"):  # in a column declared DECIMAL
            return f"{value} BETWEEN -9007199254740992 AND 9007199254740992"
        case (_, "text") if before in _TEXTS or before is Storage.JSON or (before in _MOMENTS and after in _MOMENTS):
            return "1"
    return "0"
