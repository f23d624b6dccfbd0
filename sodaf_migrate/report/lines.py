"""Lines of text for people: wrapped to a width, with columns aligned, and safe to send to a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "WIDTH",
    "Line",
    "Style",
    "counted",
    "duration",
    "heading",
    "in_step",
    "pieces",
    "size",
    "table",
    "text_of",
    "visible",
]

#: Columns of the narrowest terminal that everything fits on.
WIDTH = 80

_NARROWEST = 8
_FEW = 6

Style = Literal["", "title", "good", "warn", "bad", "quiet", "code"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line before it is wrapped; further lines stand ``hang`` columns deeper. ``whole`` lines are never wrapped."""

    text: str = ""
    style: Style = ""
    indent: int = 0
    hang: int = 2
    whole: bool = False


def heading(text: str) -> list[Line]:
    """A title with a blank line before it."""
    return [Line(), Line(text, "title")]


def counted(number: int, noun: str, plural: str = "") -> str:
    """ "1 row", "4,812 rows"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def in_step(names: Sequence[str]) -> str:
    """Those about which there is nothing to tell, by name while they are few."""
    return f"{len(names)} in step" + (f": {', '.join(names)}" if len(names) <= _FEW else "")


def duration(seconds: float) -> str:
    """How long something takes, in the unit that reads best."""
    if seconds < 0.001:
        return "under 1 ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def size(count: int) -> str:
    """How many bytes, in the unit that reads best: "512 bytes", "85.5 MB"."""
    if count < 1000:
        return counted(count, "byte")
    amount, units = count / 1000, iter(("kB", "MB", "GB", "TB", "PB"))
    unit = next(units)
    while amount >= 999.5 and unit != "PB":
        amount, unit = amount / 1000, next(units)
    return f"{amount:.0f} {unit}" if amount >= 100 else f"{amount:.1f} {unit}"


def visible(text: str) -> str:
    """``text`` with control characters spelled out, so that a name or a value from a row cannot drive the terminal."""
    return "".join(char if _harmless(char) else _spelled(char) for char in text)


def _harmless(char: str) -> bool:
    # Cf holds the marks that reorder text (right-to-left override), by which a name could pose as another.
    return unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _spelled(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


def pieces(line: Line, width: int = WIDTH) -> list[str]:
    """The rows of text that ``line`` takes at ``width`` columns."""
    text = visible(line.text)
    margin = " " * line.indent
    if line.whole or not text or line.indent + cells(text) <= width:
        return [(margin + text).rstrip()]
    rows, row = [], margin
    for word in text.split():
        joined = f"{row} {word}" if row.strip() else row + word
        if row.strip() and cells(joined) > width:
            rows.append(row)
            joined = margin + " " * line.hang + word
        row = joined
    return [*rows, row]


def text_of(lines: Iterable[Line], width: int = WIDTH) -> str:
    """The plain text of ``lines``, ended by a newline; no blank line opens it."""
    rows = [row for line in lines for row in pieces(line, width)]
    return "\n".join(rows).strip("\n") + "\n"


def table(
    heads: Sequence[str], rows: Iterable[tuple[Style, Sequence[str]]], *, width: int = WIDTH, keep: Sequence[str] = ()
) -> list[Line]:
    """Rows under heads in aligned columns; the widest are cut with "…" where they must be, those in ``keep`` never."""
    shown = [(style, [visible(cell) for cell in row]) for style, row in rows]
    widths = [max(cells(row[at]) for row in (heads, *(row for _, row in shown))) for at in range(len(heads))]
    while sum(widths) + 2 * (len(widths) - 1) > width:
        most, widest = max((0 if head in keep else widths[at], at) for at, head in enumerate(heads))
        if most <= _NARROWEST:
            break
        widths[widest] -= 1
    ruled: list[tuple[Style, Sequence[str]]] = [("quiet", list(heads)), *shown]
    return [Line("  ".join(map(_padded, row, widths)), style, whole=True) for style, row in ruled]


def cells(text: str) -> int:
    """How many columns ``text`` takes on a terminal: wide letters two, combining marks none."""
    return sum(_width(char) for char in text)


def _width(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _padded(text: str, size: int) -> str:
    if cells(text) > size:
        while cells(text) > size - 1:
            text = text[:-1]
        text += "…"
    return text + " " * (size - cells(text))
