"""A report as one HTML page that needs nothing else: no script, no network, for paper and for any width from 320 px.

What colour says a word or a sign says, too; a test computes the contrast of every colour on every ground.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from sodaf_migrate.report.lines import Style, visible
from sodaf_migrate.report.sections import Entry, Page, Report, Section

__all__ = ["GROUNDS", "PALETTES", "html_of"]

#: Colours by role; those in GROUNDS stand behind all others.
PALETTES: dict[str, dict[str, str]] = {
    "light": {
        "paper": "#ffffff",
        "panel": "#f3f4f6",
        "ink": "#1f2328",
        "quiet": "#57606a",
        "good": "#116329",
        "warn": "#7d4e00",
        "bad": "#b3121d",
        "code": "#0b4a8f",
        "rule": "#767d86",
    },
    "dark": {
        "paper": "#14171c",
        "panel": "#1f242b",
        "ink": "#e6e9ed",
        "quiet": "#a8b1bb",
        "good": "#7ee2a0",
        "warn": "#f2c572",
        "bad": "#ff9d97",
        "code": "#9cc9ff",
        "rule": "#89929c",
    },
}
GROUNDS = ("paper", "panel")


def _variables(palette: dict[str, str]) -> str:
    return "".join(f"--{name}:{colour};" for name, colour in palette.items())


_STYLE = f"""
:root{{color-scheme:light dark;{_variables(PALETTES["light"])}}}
@media (prefers-color-scheme:dark){{:root{{{_variables(PALETTES["dark"])}}}}}
@media print{{:root{{{_variables(PALETTES["light"])}}}}}
*{{box-sizing:border-box}}
html{{-webkit-text-size-adjust:100%}}
body{{margin:0 auto;padding:1rem;max-width:60rem;background:var(--paper);color:var(--ink);
font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}}
h1{{font-size:1.4rem;line-height:1.3;margin:.5rem 0 1rem}}
h2{{font-size:1.2rem;line-height:1.35;margin:0}}
h3{{font-size:1rem;margin:1.25rem 0 .35rem}}
article{{margin:1rem 0;padding:1rem;background:var(--panel);border-left:.3rem solid var(--rule)}}
ul{{list-style:none;margin:0;padding:0}}
li{{margin:.35rem 0;padding-left:1.2rem;text-indent:-1.2rem}}
li>*{{text-indent:0}}
.mark{{font-weight:600}}
.note{{display:block;padding-left:1.2rem}}
code,pre{{font-family:ui-monospace,monospace;font-size:.9rem}}
code{{color:var(--code)}}
pre{{margin:.35rem 0;padding:.75rem;background:var(--paper);white-space:pre-wrap;overflow-wrap:anywhere}}
summary{{cursor:pointer;font-weight:600}}
summary:focus-visible{{outline:2px solid var(--code);outline-offset:2px}}
details{{margin-top:1.25rem}}
footer{{color:var(--quiet);margin-top:1.5rem}}
.good{{color:var(--good)}}.warn{{color:var(--warn)}}.bad{{color:var(--bad)}}.quiet{{color:var(--quiet)}}
article.good,article.warn,article.bad{{color:var(--ink)}}
article.good{{border-color:var(--good)}}article.warn{{border-color:var(--warn)}}article.bad{{border-color:var(--bad)}}
@media print{{body{{max-width:none;padding:0}}article{{break-inside:auto}}li,h3{{break-inside:avoid}}
h2,h3,summary{{break-after:avoid}}}}
"""


def html_of(report: Report) -> str:
    """The page, ended by a newline."""
    title = report.title or (report.pages[0].headline if report.pages else "sodaf-migrate")
    return "".join(
        f"{row}\n"
        for row in (
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{_text(title)}</title>",
            f"<style>{_STYLE}</style>",
            "</head>",
            "<body>",
            f"<h1{_class(report.style)}>{_text(report.title or 'sodaf-migrate')}</h1>",
            *(row for page in report.pages for row in _page(page)),
            *([f"<footer>{_text(report.quiet)}</footer>"] if report.quiet else []),
            "</body>",
            "</html>",
        )
    )


def _page(page: Page) -> Iterator[str]:
    yield f"<article{_class(page.style)}>"
    yield f"<h2{_class(page.style)}>{_text(page.headline)}</h2>"
    for section in page.sections:
        if not section.is_empty:
            yield from _section(section)
    yield "</article>"


def _section(section: Section) -> Iterator[str]:
    if section.code:
        # Open, so that paper shows it: what is folded is not printed, and nothing here can unfold it.
        yield f"<details open><summary>{_text(section.title)}</summary>"
        yield f"<pre>{_rows(section.code)}</pre></details>"
        return
    yield "<section>"
    if section.title:
        yield f"<h3>{_text(section.title)}</h3>"
    yield "<ul>"
    yield from map(_item, section.entries)
    yield "</ul></section>"


def _item(entry: Entry) -> str:
    mark = f'<span class="mark">{_text(entry.mark)}</span> ' if entry.mark else ""
    notes = "".join(
        f'<span class="note{" " + note.style if note.style else ""}">'
        f"{f'<code>{_text(note.text)}</code>' if note.style == 'code' else _text(note.text)}</span>"
        for note in entry.notes
    )
    return f"<li><span{_class(entry.style)}>{mark}{_text(entry.text)}</span>{notes}</li>"


def _rows(statements: Iterable[str]) -> str:
    return "\n".join(_text(row) for statement in statements for row in statement.splitlines())


def _class(style: Style) -> str:
    return f' class="{style}"' if style in ("good", "warn", "bad", "quiet") else ""


def _text(text: str) -> str:
    return escape(visible(text))
