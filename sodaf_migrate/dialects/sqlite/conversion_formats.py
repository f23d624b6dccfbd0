"""The spellings of dates and numbers that a site states, compiled into SQL.

Nothing is guessed from the data: "01/02/2024" is no date until a format says which of the two is the month.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Literal

from sodaf_migrate.dialects.sqlite.conversion_arms import same
from sodaf_migrate.dialects.sqlite.names import literal
from sodaf_migrate.errors import ConfigurationError

__all__ = ["NumberFormat", "SiteFormats", "Spelling", "is_date"]

_DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)
_NUMBER = re.compile(r"#([,. '\u2019\u00a0\u202f])###(?:([.,])#+)?\Z")
_DATE, _CLOCK = frozenset("Ymd"), frozenset("HM")
# Each directive as a pattern by its number of digits; the calendar is checked afterwards.
_PATTERNS = {
    "Y": {4: "[0-9][0-9][0-9][0-9]"},
    "m": {2: "[0-9][0-9]", 1: "[0-9]"},
    "d": {2: "[0-9][0-9]", 1: "[0-9]"},
    "H": {2: "[0-2][0-9]", 1: "[0-9]"},
    "M": {2: "[0-5][0-9]"},
    "S": {2: "[0-5][0-9]"},
}


def is_date(text: str) -> str:
    """Whether ``text``, which looks like YYYY-MM-DD, is a day of the calendar from year 1 on.

    The modifier matters: without one, some versions (3.40.1 does) give '2024-02-30' back as it came.
    """
    # date() gives NULL for what it cannot read: IS makes that a plain no, also where it stands under NOT.
    return f"date({text}, '+0 days') IS {text} AND substr({text}, 1, 4) <> '0000'"


@dataclass(frozen=True, slots=True)
class Spelling:
    """One width of one format: where ``condition`` holds, ``date`` and ``clock`` are the ISO parts that it states.

    ``shape`` is equal for spellings that the same text can have, such as "%d/%m/%Y" and "%m/%d/%Y".
    """

    shape: str
    condition: str
    date: str | None
    clock: str | None


@dataclass(frozen=True, slots=True)
class MomentFormat:
    """One stated format of a date, a datetime or a time."""

    kind: Literal["date", "datetime", "time"]
    pieces: tuple[tuple[str, str], ...]  # ("d", "") for a directive, ("", ".") for text between

    @staticmethod
    def parse(text: str) -> MomentFormat:
        """The format written as in strptime. Raises ConfigurationError for one that does not name a single moment."""
        names = _DIRECTIVE.findall(text)
        used = frozenset(names)
        date, clock = used & _DATE, used - _DATE
        whole_clock = clock in (_CLOCK, _CLOCK | {"S"})
        order = "".join(names)
        # Year, day, month with hyphens would take every ISO date for another day.
        odd = order.replace("Y", "").replace("m", "").replace("d", "") not in "HMS" or text.startswith("%Y-%d-%m")
        if odd or len(names) != len(used) or (date and date != _DATE) or not (whole_clock or (date and not clock)):
            raise ConfigurationError(
                f'"{text}" is not a format of dates or times that can be read without guessing',
                hint="Use %Y, %m and %d together, and %H:%M or %H:%M:%S in this order, each once: "
                '"%d.%m.%Y %H:%M" is such a format.',
            )
        parts = _DIRECTIVE.split(text)
        pieces = [(part, "") if position % 2 else ("", part) for position, part in enumerate(parts)]
        kind: Literal["date", "datetime", "time"] = "time" if not date else "datetime" if clock else "date"
        return MomentFormat(kind, tuple(piece for piece in pieces if piece != ("", "")))

    def spellings(self, text: str) -> Iterator[Spelling]:
        """How the expression ``text`` may be spelled: day, month and hour have one digit or two.

        Where two directives touch, as in "%Y%m%d", each has all its digits.
        """
        directives = [self._widths(position) for position in range(len(self.pieces))]
        for widths in product(*directives):
            yield self._spelling(text, widths)

    def _widths(self, position: int) -> tuple[int, ...]:
        name, between = self.pieces[position]
        if not name:
            return (len(between),)
        neighbours = (*self.pieces[max(0, position - 1) : position], *self.pieces[position + 1 : position + 2])
        widths = tuple(_PATTERNS[name])
        return widths[:1] if any(neighbour for neighbour, _ in neighbours) else widths

    def _spelling(self, text: str, widths: tuple[int, ...]) -> Spelling:
        parts, shape, start = {"S": "'00'"}, "", 1
        for (name, between), width in zip(self.pieces, widths, strict=True):
            if name:
                part = f"substr({text}, {start}, {width})"
                parts[name] = part if width == max(_PATTERNS[name]) else f"'0' || {part}"
                shape += _PATTERNS[name][width]
            else:
                shape += re.sub(r"[*?\[]", r"[\g<0>]", between)
            start += width
        date = f"({parts['Y']} || '-' || {parts['m']} || '-' || {parts['d']})" if "Y" in parts else None
        clock = f"({parts['H']} || ':' || {parts['M']} || ':' || {parts['S']})" if "H" in parts else None
        conditions = [f"{text} GLOB {literal(shape)}"]
        conditions += [is_date(date)] if date else []
        conditions += [f"{parts['H']} < '24'"] if clock else []
        return Spelling(shape, " AND ".join(conditions), date, clock)


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """One stated format of numbers: the sign between thousands, and the one before the fraction (None: whole ones)."""

    group: str
    point: str | None

    @staticmethod
    def parse(text: str) -> NumberFormat:
        """The format written like "#,###.##". Raises ConfigurationError for any other form."""
        found = _NUMBER.match(text)
        if not found or found[1] == found[2]:
            raise ConfigurationError(
                f'"{text}" is not a format of numbers that is known',
                hint='Write thousands and fraction like "#,###.##", "#.###,##", "# ###,##" or "#,###".',
            )
        return NumberFormat(found[1], found[2])

    def plain(self, text: str) -> str:
        """``text`` as a plain numeral: no sign between thousands, and a point."""
        bare = f"replace({text}, {literal(self.group)}, '')"
        return bare if self.point in (None, ".") else f"replace({bare}, {literal(self.point)}, '.')"

    def condition(self, text: str) -> str:
        """Whether ``text`` is in this format: thousands in groups of three throughout, or not grouped at all.

        A text with neither sign in it is left to the plain reading.
        """
        group, point = literal(self.group), literal(self.point)
        whole, rest = text, "''"
        if self.point is not None:
            whole = f"substr({text}, 1, instr({text} || {point}, {point}) - 1)"
            rest = f"substr({text}, instr({text} || {point}, {point}))"
        bare = f"replace({whole}, {group}, '')"
        grouped = same(f"replace(printf('%,d', CAST({bare} AS INTEGER)), ',', {group})", whole)
        conditions = [f"{bare} GLOB '*[0-9]'", f"({grouped} OR {same(bare, whole)})"]
        if self.point is None:
            conditions += [f"{bare} NOT GLOB '*[^0-9+-]*'"]
        else:
            conditions += [f"substr({rest}, 2) NOT GLOB '*[^0-9]*'"]
        foreign = f"instr({text}, {group}) > 0"
        foreign += "" if self.point in (None, ".") else f" OR instr({text}, {point}) > 0"
        return f"({foreign}) AND " + " AND ".join(conditions)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFormats:
    """What a site's texts look like besides ISO 8601 and plain numerals; both tuples are tried in order.

    ``moments`` are dates, datetimes and times in the words of strptime ("%d.%m.%Y", "%m/%d/%Y %H:%M", "%H.%M"; of
    its directives only %Y %m %d %H %M %S). ``numbers`` are forms like "#,###.##" and "#.###,##". Raises
    ConfigurationError for a format that cannot be read without guessing.
    """

    moments: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _ = self.moment_formats, self.number_formats

    @property
    def moment_formats(self) -> tuple[MomentFormat, ...]:
        """The formats of dates and times, read."""
        return tuple(MomentFormat.parse(text) for text in self.moments)

    @property
    def number_formats(self) -> tuple[NumberFormat, ...]:
        """The formats of numbers, read."""
        return tuple(NumberFormat.parse(text) for text in self.numbers)
