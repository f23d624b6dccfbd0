"""A report as Markdown for a pull request: the summary in bold, a table or a list for each section, SQL folded away."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sodaf_migrate.report.lines import visible
from sodaf_migrate.report.sections import Entry, Page, Report, Section

__all__ = ["markdown_of"]

# What would be markup in a line (github.github.com/gfm): anywhere, before an address or emoji, and at its beginning.
_MARKUP = re.compile(r"[\\`*_\[\]|~>$]|:(?=//|\w+:)|^[#+\-=]|(?<=^\d)[.)]")
_TABLED = ("changes", "how", "findings")
_HEADS = {"changes": ("", "change"), "how": ("cost", "step"), "findings": ("finding", "what")}


def markdown_of(report: Report) -> str:
    """The Markdown document, ended by a newline."""
    blocks = [f"## {escaped(report.title)}"] if report.title else []
    for page in report.pages:
        blocks += _page(page, "###" if report.title else "##")
    blocks += [f"_{escaped(report.quiet)}_"] if report.quiet else []
    return "\n\n".join(blocks) + "\n"


def _page(page: Page, level: str) -> Iterator[str]:
    subject = f"{escaped(page.subject)}: " if page.subject else ""
    yield f"{level} {subject}{escaped(page.verdict)}"
    for section in page.sections:
        if not section.is_empty:
            yield from _section(section)


def _section(section: Section) -> Iterator[str]:
    if section.code:
        yield f"<details><summary>{escaped(section.title)}</summary>"
        yield _fenced(section.code)
        yield "</details>"
        return
    if section.title:
        yield f"**{escaped(section.title)}**"
    if section.rows:
        yield _table(section.heads, (row for _, row in section.rows))
    if section.key in _TABLED and section.entries:
        yield _table(_HEADS[section.key], ((_mark(entry), _cell(entry)) for entry in section.entries))
    elif section.entries:
        yield "\n".join(row for entry in section.entries for row in _item(entry))


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Cells of ``rows`` that a section has are plain texts; those made here are Markdown already."""
    heads = tuple(heads)
    lines = [_row(map(escaped, heads)), _row("---" for _ in heads)]
    lines += [_row(cell if isinstance(cell, _Ready) else escaped(cell) for cell in row) for row in rows]
    return "\n".join(lines)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


class _Ready(str):
    """Markdown that needs no escaping any more."""

    __slots__ = ()


def _mark(entry: Entry) -> _Ready:
    return _Ready(_code(entry.mark)) if entry.mark else _Ready("")


def _cell(entry: Entry) -> _Ready:
    notes = [f"<br>{_code(note.text) if note.style == 'code' else escaped(note.text)}" for note in entry.notes]
    return _Ready(escaped(entry.text) + "".join(notes))


def _item(entry: Entry) -> Iterator[str]:
    yield f"- {_code(entry.mark) + ' ' if entry.mark else ''}{escaped(entry.text)}"
    for note in entry.notes:
        yield f"  - {_code(note.text) if note.style == 'code' else escaped(note.text)}"


def escaped(text: str) -> str:
    """``text`` as Markdown that shows just it, in one line, in a table cell too; it mentions and links nobody."""
    plain = visible(text).replace("&", "&amp;").replace("<", "&lt;")
    return _MARKUP.sub(r"\\\g<0>", plain).replace("@", "@<!-- -->")


def _code(text: str) -> str:
    """``text`` as code; by entities, for a backtick cannot be escaped between backticks, nor a bar in a table."""
    return f"<code>{escaped(text)}</code>"


def _fenced(statements: Iterable[str]) -> str:
    rows = [visible(row) for statement in statements for row in statement.splitlines()]
    longest = max((len(run) for row in rows for run in re.findall("`+", row)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"{fence}sql", *rows, fence])
