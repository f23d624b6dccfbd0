"""Reading stored values as dates, datetimes and times: ISO 8601, and the formats that the site states.

Days are those of the calendar, hours those of a 24-hour day (00 to 23; no 24:00, no leap second). Never "now": every
text is checked against a pattern before a date function of SQLite sees it.
"""

from __future__ import annotations

from collections.abc import Callable

from sodaf_migrate.dialects.sqlite.conversion_arms import Arm, Outcome, Reading, same, trimmed
from sodaf_migrate.dialects.sqlite.conversion_formats import MomentFormat, Spelling, is_date
from sodaf_migrate.doctype.catalogue import Storage

__all__ = ["to_date", "to_datetime", "to_time"]

_TEXTS = (Storage.TEXT, Storage.LONG_TEXT)
_MINUTES = "[0-2][0-9]:[0-5][0-9]"
_SECONDS = f"{_MINUTES}:[0-5][0-9]"
_DAY = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"
_FINEST = 15  # characters of a clock with microseconds

#: From one spelling: condition of loss (None: never), and the value.
_Told = Callable[[Spelling], tuple[str | None, str]]


def to_date(value: str, source: Storage, formats: tuple[MomentFormat, ...]) -> Reading:
    """How ``value`` is read as a date; a time that is not midnight, or a time zone, is lost."""
    text = trimmed(value)
    clock, day = f"substr({text}, 12)", f"substr({text}, 1, 10)"
    quick = (
        Arm(f"{_is_plain_day(value)}", _kept(source in _TEXTS), value),
        Arm(f"{value} GLOB '{_DAY} 00:00:00' AND {_is_day(value)}", _kept(source is Storage.DATETIME), _day(value)),
        Arm(f"{_is_plain(value)} AND {_is_midnight(f'substr({value}, 12)')}", Outcome.ONE_WAY, _day(value)),
        Arm(_is_plain(value), Outcome.LOSSY, _day(value)),
    )
    arms = (
        *_no_day(text),
        Arm(f"length({text}) = 10", Outcome.ONE_WAY, text),
        Arm(f"{text} NOT GLOB '{_DAY}[ T]*'", Outcome.IMPOSSIBLE),
        Arm(f"{_is_clock(clock)} AND {_is_midnight(clock)}", Outcome.ONE_WAY, day),
        Arm(f"{_is_clock(clock)} OR {_is_zoned(clock)}", Outcome.LOSSY, day),
    )

    def told(spelling: Spelling) -> tuple[str | None, str]:
        return (f"{spelling.clock} <> '00:00:00'" if spelling.clock else None), spelling.date or "NULL"

    return _reading(value, quick, _stated(text, formats, ("date", "datetime"), told), arms)


def to_datetime(value: str, source: Storage, formats: tuple[MomentFormat, ...]) -> Reading:
    """How ``value`` is read as a datetime; a date is its midnight; a time zone, or more than microseconds, is lost."""
    text = trimmed(value)
    clock, day = f"substr({text}, 12)", f"substr({text}, 1, 10)"
    quick = (
        Arm(_is_plain(value), _kept(source in _TEXTS), value),
        Arm(_is_plain_day(value), _kept(source is Storage.DATE), f"{value} || ' 00:00:00'"),
    )
    arms = (
        *_no_day(text),
        Arm(f"length({text}) = 10", Outcome.ONE_WAY, f"{text} || ' 00:00:00'"),
        Arm(f"{text} NOT GLOB '{_DAY}[ T]*'", Outcome.IMPOSSIBLE),
        *_clock_arms(clock, f"{day} || ' ' || "),
    )

    def told(spelling: Spelling) -> tuple[str | None, str]:
        clock = spelling.clock or "'00:00:00'"
        return None, f"{spelling.date} || ' ' || {clock}"

    return _reading(value, quick, _stated(text, formats, ("date", "datetime"), told), arms)


def to_time(value: str, source: Storage, formats: tuple[MomentFormat, ...]) -> Reading:
    """How ``value`` is read as a time; the date before it, a time zone, or more than microseconds, is lost."""
    text = trimmed(value)
    padded, clock = f"'0' || {text}", f"substr({text}, 12)"
    quick = (
        Arm(f"{_is_clock(value)} AND length({value}) BETWEEN 8 AND {_FINEST}", _kept(source in _TEXTS), value),
        Arm(_is_plain(value), Outcome.LOSSY, f"substr({value}, 12)"),
    )
    arms = (
        # Python writes a time of day that came as a duration as 9:05:00.
        Arm(f"{text} GLOB '[0-9]:*' AND {_is_clock(padded)} AND {_too_fine(padded)}", Outcome.LOSSY, _clock(padded)),
        Arm(f"{text} GLOB '[0-9]:*' AND {_is_clock(padded)}", Outcome.ONE_WAY, _clock(padded)),
        *_clock_arms(text),
        *_no_day(text),
        Arm(f"{text} NOT GLOB '{_DAY}[ T]*'", Outcome.IMPOSSIBLE),
        Arm(_is_clock(clock), Outcome.LOSSY, _clock(clock)),
        Arm(_is_zoned(clock), Outcome.LOSSY, _clock(_local(clock))),
    )

    def told(spelling: Spelling) -> tuple[str | None, str]:
        return ("1" if spelling.date else None), spelling.clock or "NULL"

    return _reading(value, quick, _stated(text, formats, ("time", "datetime"), told), arms)


def _reading(value: str, quick: tuple[Arm, ...], stated: tuple[Arm, ...], arms: tuple[Arm, ...]) -> Reading:
    """``quick`` takes what is ISO as it stands, then come the site's formats, then what has to be trimmed or cut.

    A whole number is no moment unless its digits are one in a stated format, as in "%Y%m%d".
    """
    return {
        "integer": stated,
        "text": (
            # SQLite's functions stop reading at a NUL.
            Arm(f"instr({value}, char(0)) > 0", Outcome.IMPOSSIBLE),
            *quick,
            Arm(f"{trimmed(value)} = ''", Outcome.ONE_WAY),
            *stated,
            *arms,
        ),
    }


def _kept(comes_back: bool) -> Outcome:
    return Outcome.KEPT if comes_back else Outcome.ONE_WAY


def _day(text: str) -> str:
    return f"substr({text}, 1, 10)"


def _is_day(text: str) -> str:
    return is_date(_day(text))


def _is_plain_day(text: str) -> str:
    return f"{text} GLOB '{_DAY}' AND {_is_day(text)}"


def _is_plain(text: str) -> str:
    """Whether ``text`` is a datetime as frameworks write it: 2024-12-31 23:59:59, with up to six digits after it."""
    fraction = f"({text} GLOB '{_DAY} {_SECONDS}.[0-9]*' AND substr({text}, 21) NOT GLOB '*[^0-9]*')"
    shape = f"{text} GLOB '{_DAY} {_SECONDS}*' AND length({text}) <= {11 + _FINEST}"
    return f"{shape} AND (length({text}) = 19 OR {fraction}) AND substr({text}, 12, 2) < '24' AND {_is_day(text)}"


def _is_midnight(clock: str) -> str:
    return f"rtrim({clock}, '0:.') = ''"


def _no_day(text: str) -> tuple[Arm, ...]:
    return (Arm(f"{text} NOT GLOB '{_DAY}*' OR NOT ({_is_day(text)})", Outcome.IMPOSSIBLE),)


def _clock_arms(clock: str, before: str = "") -> tuple[Arm, ...]:
    """A clock, alone or after ``before``; one that is finer than microseconds, or has a time zone, loses that."""
    return (
        Arm(f"{_is_clock(clock)} AND {_too_fine(clock)}", Outcome.LOSSY, before + _clock(clock)),
        Arm(_is_clock(clock), Outcome.ONE_WAY, before + _clock(clock)),
        Arm(_is_zoned(clock), Outcome.LOSSY, before + _clock(_local(clock))),
    )


def _is_clock(text: str) -> str:
    """Whether ``text`` is HH:MM, HH:MM:SS or HH:MM:SS with a fraction."""
    fraction = f"{text} GLOB '{_SECONDS}.[0-9]*' AND substr({text}, 10) NOT GLOB '*[^0-9]*'"
    shapes = f"{text} GLOB '{_SECONDS}' OR {text} GLOB '{_MINUTES}' OR ({fraction})"
    return f"substr({text}, 1, 2) < '24' AND ({shapes})"


def _clock(text: str) -> str:
    """A clock with its seconds, and no more than six digits of fraction."""
    return f"CASE length({text}) WHEN 5 THEN {text} || ':00' ELSE substr({text}, 1, {_FINEST}) END"


def _too_fine(text: str) -> str:
    return f"rtrim(substr({text}, {_FINEST + 1}), '0') <> ''"


def _zone(text: str) -> str:
    """What follows the clock."""
    return f"ltrim({text}, '0123456789:.')"


def _local(text: str) -> str:
    """What stands before a time zone: the clock on the wall there."""
    return f"substr({text}, 1, length({text}) - length({_zone(text)}))"


def _is_zoned(text: str) -> str:
    """Whether ``text`` is a clock and a time zone: Z, +02:00, +0200 or +02."""
    hours, minutes = "[+-][01][0-9]", "[0-5][0-9]"
    shapes = ("Z", f"{hours}:{minutes}", hours + minutes, hours)
    known = " OR ".join(f"{_zone(text)} GLOB '{shape}'" for shape in shapes)
    return f"({known}) AND {_is_clock(_local(text))}"


def _stated(text: str, formats: tuple[MomentFormat, ...], kinds: tuple[str, ...], told: _Told) -> tuple[Arm, ...]:
    """The arms for the site's formats; where another format reads the same text differently, the first one is lossy."""
    spellings = [spelling for entry in formats if entry.kind in kinds for spelling in entry.spellings(text)]
    arms: list[Arm] = []
    for position, spelling in enumerate(spellings):
        loss, value = told(spelling)
        losses = [loss] if loss else []
        for other in spellings[position + 1 :]:
            if other.shape == spelling.shape:
                losses.append(f"({other.condition}) AND {same(told(other)[1], value)} IS NOT 1")
        if losses:
            either = " OR ".join(f"({condition})" for condition in losses)
            arms.append(Arm(f"{spelling.condition} AND ({either})", Outcome.LOSSY, value))
        arms.append(Arm(spelling.condition, Outcome.ONE_WAY, value))
    return tuple(arms)
