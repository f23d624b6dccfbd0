"""The fenced blocks of a page, with what the page notes about them in a comment on the line before.

A note is an HTML comment, which no reader sees: ``file: PATH`` (the block is that file), ``ends with N`` (the number
that its last command ends with), ``raises NAME`` (the error that its Python ends with), ``prints`` (what the Python
before it prints), ``same as: PATH`` (of a file beside the page, which other tests run), ``not run: REASON``; where
there are several, semicolons stand between them. A comment that begins with a line ``<!-- setup`` holds Python that
is run first: what a reader of that page has already.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "benchmarks" / "README.md"]

_NOTE = re.compile(r"<!-- (.+) -->")
_FENCE = re.compile(r"^( *)```(\w*)$")


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
    """Every fenced block of a page, in order. Raises ValueError for one that is not closed."""
    found: list[Block] = []
    lines = page.read_text(encoding="utf-8").splitlines()
    number = 0
    while number < len(lines):
        opened = _FENCE.match(lines[number])
        hidden = lines[number] == "<!-- setup"
        if opened is None and not hidden:
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
    pairs = (part.strip().partition(": ") for part in parts)
    return {name: value for name, _, value in pairs} | _ends(note[1])


def _ends(note: str) -> dict[str, str]:
    ends, raises = re.search(r"ends with (\d+)", note), re.search(r"raises (\w+)", note)
    return ({"ends with": ends[1]} if ends else {}) | ({"raises": raises[1]} if raises else {})
