"""The one form between a result and its formats: pages of sections, each from most to least important.

Every format walks over all of it, so that none forgets something. Texts are as they came: whoever renders them makes
names and values harmless in his own way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sodaf_migrate.report.lines import Line, Style, table

__all__ = ["Entry", "Note", "Page", "Report", "Row", "Section", "section_lines", "told_lines"]

Row = tuple[Style, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Note:
    """A line below an entry; of style "code" where it is something to type."""

    text: str
    style: Style = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that is said; ``mark`` is the word or sign before it, which carries what colour says too."""

    text: str
    mark: str = ""
    style: Style = ""
    notes: tuple[Note, ...] = ()

    @property
    def whole(self) -> str:
        """The mark and the text."""
        return f"{self.mark} {self.text}" if self.mark else self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Entries, or rows under ``heads`` (those in ``keep`` are never cut), or ``code``: statements, one each."""

    key: str
    title: str = ""
    entries: tuple[Entry, ...] = ()
    heads: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    keep: tuple[str, ...] = ()
    code: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.entries or self.rows or self.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What there is to say of one subject: the verdict in a line, then the sections."""

    subject: str
    verdict: str
    style: Style = "title"
    sections: tuple[Section, ...] = ()

    @property
    def headline(self) -> str:
        """The subject and the verdict."""
        return f"{self.subject}: {self.verdict}" if self.subject else self.verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One page, or many below a title; ``quiet`` tells of those that have no page, for there is nothing to say."""

    pages: tuple[Page, ...] = ()
    title: str = ""
    style: Style = "title"
    quiet: str = ""


def told_lines(report: Report) -> list[Line]:
    """The report for a terminal."""
    lines = [Line(report.title, report.style)] if report.title else []
    for number, page in enumerate(report.pages):
        lines += [Line()] if number or report.title else []
        lines += page_lines(page)
    return lines + ([Line(), Line(report.quiet, "good")] if report.quiet else [])


def page_lines(page: Page) -> Iterator[Line]:
    """One page for a terminal."""
    yield Line(page.headline, page.style)
    for section in page.sections:
        if not section.is_empty:
            yield from section_lines(section)


def section_lines(section: Section) -> Iterator[Line]:
    """One section for a terminal; its title stands below a blank line."""
    if section.title:
        yield from (Line(), Line(section.title, "title"))
    elif section.rows:
        yield Line()
    for entry in section.entries:
        yield Line(entry.whole, entry.style, 2)
        yield from (Line(note.text, note.style, 4, hang=0 if note.style == "" else 2) for note in entry.notes)
    if section.rows:
        yield from table(section.heads, section.rows, keep=section.keep)
    yield from _code_lines(section.code)


def _code_lines(statements: Iterable[str]) -> Iterator[Line]:
    for statement in statements:
        for row in statement.splitlines():
            yield Line(row, "code", 2, whole=True)
