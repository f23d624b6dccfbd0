"""The fenced blocks of a page, with what the page notes about them in a comment on the line before.

A note is an HTML comment, which no reader sees: ``file: PATH`` (the block is that file), ``ends with N`` (the number
that its last command ends with), ``raises NAME`` (the error that its Python ends with), ``prints`` (what the Python
before it prints), ``same as: PATH`` (of a file beside the page, which other tests run), ``not run: REASON``; where
there are several, semicolons stand between them. A comment that begins with a line ``<!-- setup`` holds Python that
is run first: what a reader of that page has already.

A fence that is spelled otherwise, or a note that is not one of these, is an error: else its block would go unseen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")), ROOT / "benchmarks" / "README.md"]

_NOTE = re.compile(r"<!-- (.+) -->")
_NAMES = re.compile(r"file: \S+|ends with \d+|raises \w+|prints|same as: \S+|not run: .+")
_FENCE = re.compile(r"^( *)```(\w+)$")
_LIKE_A_FENCE = re.compile(r"^[ \t>]*(```|~~~)")


@dataclass(frozen=True, slots=True)
class Block:
    """One block; ``line`` is that of its first line of text, counted from 1."""

    page: Path
    line: int
    language: str
    text: str
    notes: dict[str, str]

    @property
    def place(self) -> str:
        """Where it stands, for a message."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    """Every fenced block of a page, in order. Raises ValueError for one that is not closed, or not spelled as above."""
    found: list[Block] = []
    lines = page.read_text(encoding="utf-8").splitlines()
    number = 0
    while number < len(lines):
        opened = _FENCE.match(lines[number])
        hidden = lines[number] == "<!-- setup"
        if opened is None and not hidden:
            if _LIKE_A_FENCE.match(lines[number]) or lines[number].startswith("<!-- setup"):
                raise ValueError(f"{page}:{number + 1} begins no block that would be run")
            number += 1
            continue
        indent, language = opened.groups() if opened else ("", "python")
        ends = "-->" if hidden else "```"
        end = next((n for n in range(number + 1, len(lines)) if lines[n].strip() == ends), None)
        if end is None:
            raise ValueError(f"{page}:{number + 1} is not closed")
        text = "".join(line.removeprefix(indent) + "\n" for line in lines[number + 1 : end])
        found.append(Block(page, number + 2, language, text, _notes(lines, number)))
        number = end + 1
    return found


def _notes(lines: list[str], fence: int) -> dict[str, str]:
    """The notes on the last line with text before the fence."""
    before = next((line for line in reversed(lines[:fence]) if line.strip()), "")
    note = _NOTE.fullmatch(before.strip())
    if note is None:
        return {}
    parts = [note[1]] if note[1].startswith("not run: ") else note[1].split("; ")
    if unknown := [part for part in parts if not _NAMES.fullmatch(part)]:
        raise ValueError(f"no such note before line {fence + 1}: {unknown[0]}")
    pairs = (re.split(r": | (?=\d+$)|(?<=raises) ", part, maxsplit=1) for part in parts)
    return {name: "".join(value) for name, *value in pairs}
