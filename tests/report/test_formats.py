"""Markdown, HTML and SQL: word for word as on file, nothing forgotten, nothing hostile let through, readable by all."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from sodaf_migrate.compare.changes import SchemaDiff
from sodaf_migrate.report.html import GROUNDS, PALETTES
from sodaf_migrate.report.lines import size, visible
from sodaf_migrate.report.markdown import escaped
from sodaf_migrate.report.render import report_of, to_html, to_json, to_markdown, to_text
from sodaf_migrate.report.script import to_script
from sodaf_migrate.report.sections import Report
from sodaf_migrate.results import DryRunResult
from tests.report import samples
from tests.report.test_golden import CASES, GOLDEN

WRITE = os.environ.get("SODAF_WRITE_GOLDEN") == "1"
VOID = {"meta"}
MARKDOWN = ("dry_run_refused", "dry_run_allowed", "dry_run_hostile", "dry_runs", "diffs", "status", "history")
PAGES = ("dry_run_refused", "dry_run_allowed", "dry_run_hostile", "dry_runs", "dry_run_in_step")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def golden(name: str, text: str) -> None:
    """Compare with the text on file, or write it there."""
    path = GOLDEN / name
    if WRITE:
        path.write_text(text, encoding="utf-8", newline="")
    assert text == path.read_bytes().decode()


@pytest.mark.parametrize("name", MARKDOWN)
def test_markdown(name: str) -> None:
    """The Markdown is the one on file."""
    golden(f"{name}.md", to_markdown(CASES[name]))


@pytest.mark.parametrize("name", PAGES)
def test_html(name: str) -> None:
    """The page is the one on file."""
    golden(f"{name}.html", to_html(CASES[name]))


def test_script() -> None:
    """The script is the one on file: checks before and after, the change, the record, in one transaction."""
    golden("dry_run_allowed.sql", to_script(samples.ALLOWED_RUN))


def facts(report: Report) -> Iterator[str]:
    """Every text of a report."""
    yield from filter(None, (report.title, report.quiet))
    for page in report.pages:
        yield from filter(None, (page.subject, page.verdict))
        for section in page.sections:
            yield from () if section.is_empty or not section.title else (section.title,)
            for entry in section.entries:
                yield from filter(None, (entry.mark, entry.text))
                yield from (note.text for note in entry.notes)
            yield from (cell for _, row in section.rows for cell in row if cell)
            yield from (row for statement in section.code for row in statement.splitlines())


def words(text: str) -> str:
    """Without line ends and indents, for lines are wrapped."""
    return " ".join(text.split())


@pytest.mark.parametrize("name", PAGES)
def test_no_format_forgets_something(name: str) -> None:
    """Each text of the report is in each format, as that format spells it."""
    report = report_of(CASES[name], sql=True)
    assert report is not None
    page, markdown = html.unescape(to_html(CASES[name])), to_markdown(CASES[name])
    text = words(to_text(CASES[name], sql=True))
    for fact in facts(report):
        assert visible(fact) in page, fact
        assert escaped(fact) in markdown or visible(fact) in markdown, fact
        assert words(visible(fact)) in text, fact


@pytest.mark.parametrize("name", PAGES)
def test_json_has_what_the_report_has(name: str) -> None:
    """The document carries dangers, findings, changes, steps and SQL of each result."""
    text = to_json(CASES[name])
    results = CASES[name] if isinstance(CASES[name], tuple) else (CASES[name],)
    for result in results:
        assert isinstance(result, DryRunResult)
        told = [*(risk.allow for risk in result.data_loss_risks), *(finding.message for finding in result.findings)]
        told += [step.title for step in result.plan.steps] if result.plan else []
        for fact in told:
            assert json.dumps(fact, ensure_ascii=False) in text


class Balanced(HTMLParser):
    """Collects what is opened, and fails where it is not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag


@pytest.mark.parametrize("name", PAGES)
def test_the_page_stands_alone(name: str) -> None:
    """Tags are closed in order; there is no script, no handler, no style of an element, and no address."""
    parser = Balanced()
    parser.feed(to_html(CASES[name]))
    parser.close()
    assert parser.open == []
    allowed = {"class", "charset", "content", "lang", "name", "open"}
    assert {tag for tag, _ in parser.seen}.isdisjoint({"script", "link", "img", "iframe", "a", "object"})
    assert {attribute for _, attributes in parser.seen for attribute in attributes} <= allowed
    style = to_html(CASES[name]).partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style and "@import" not in style


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2, "relative luminance")."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours (WCAG 2.2, "contrast ratio")."""
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", PALETTES)
def test_every_colour_is_readable(palette: str) -> None:
    """Each colour on each ground has a contrast of 4.5 at least, and there are no other colours."""
    colours = PALETTES[palette]
    for role, colour in colours.items():
        for ground in GROUNDS:
            if role not in GROUNDS and role != "rule":
                assert contrast(colour, colours[ground]) >= 4.5, (role, ground)
            if role == "rule":
                assert contrast(colour, colours[ground]) >= 3, ground
    style = to_html(samples.REFUSED_RUN).partition("<style>")[2].partition("</style>")[0]
    known = {colour for roles in PALETTES.values() for colour in roles.values()}
    assert set(re.findall(r"#[0-9a-f]{3,8}", style)) == known


def test_what_colour_says_words_say_too() -> None:
    """A refusal, an attention and a sign stand as text beside their colour."""
    page = to_html(samples.REFUSED_RUN)
    assert "would be refused" in page and "warning NOT_NULL_PENDING" in page
    assert '<span class="mark">+</span>' in page and '<span class="mark">-</span>' in page


def test_markdown_is_harmless() -> None:
    """Of a hostile name no markup, mention, link, HTML or further table cell comes about."""
    text = to_markdown(samples.HOSTILE_RUN)
    shown = re.sub(r"(`{3,})sql\n.*?\n\1\n", "", text, flags=re.DOTALL)  # a fence shows what is in it as it is
    assert "<script" not in shown and "@team" not in shown and not re.search(r"(?<!\\)://", shown)
    assert not re.search(r"(?<!\\)[`*\[\]]", shown.replace("**", ""))
    assert "\x1b" not in text
    for row in text.splitlines():
        if row.startswith("| ") and not row.startswith("| ---"):
            assert len(re.findall(r"(?<!\\)\|", row)) == 3, row
    assert "````sql" in text  # longer than the fence inside


def test_script_comments_are_harmless() -> None:
    """A name with a line end does not leave the comment."""
    run = samples.ALLOWED_RUN
    odd = to_script(DryRunResult(**{**fields_of(run), "doctype": samples.HOSTILE}))
    head = odd.partition(".bail on")[0]
    assert all(line.startswith("--") for line in head.splitlines())


def fields_of(run: DryRunResult) -> dict[str, Any]:
    """The fields of a dry run by name."""
    return {name: getattr(run, name) for name in DryRunResult.__slots__}


def test_sizes_in_words() -> None:
    """Bytes in the unit that reads best."""
    assert [size(n) for n in (1, 999, 1000, 85_468_056, 999_999, 10**9, 123 * 10**9)] == [
        "1 byte",
        "999 bytes",
        "1.0 kB",
        "85.5 MB",
        "1.0 MB",
        "1.0 GB",
        "123 GB",
    ]


def test_diff_as_html() -> None:
    """A diff can be a page, too."""
    page = to_html(SchemaDiff(doctype="Customer", columns=samples.DIFF.columns))
    assert "rename phone" in page and "What a sync would do" not in page


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("width", [320, 360, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_in_a_browser(name: str, width: int, tmp_path: Path) -> None:
    """Nothing is wider than the window, on a phone and on a desk."""
    ask = "<script>document.title='w'+document.scrollingElement.scrollWidth+'/'+innerWidth</script></body>"
    path = tmp_path / "page.html"
    path.write_text(to_html(CASES[name]).replace("</body>", ask), encoding="utf-8")
    command = [str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile"]
    # A window of Chromium's is never narrower than about 500 px, so the page stands in a frame of that width.
    frame = tmp_path / "frame.html"
    read = "<script>onload=()=>document.title=document.querySelector('iframe').contentDocument.title</script>"
    frame.write_text(f'<iframe src="page.html" width="{width}" height="900" style="border:0"></iframe>{read}')
    command += ["--allow-file-access-from-files", "--dump-dom", frame.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    wide, window = map(int, re.findall(r"<title>w(\d+)/(\d+)</title>", done.stdout)[0])
    assert window == width and wide <= window
