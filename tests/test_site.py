"""The site of the documents: the reference has every public name, and it is built without a warning."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote

import pytest

import sodaf_migrate

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = sorted((ROOT / "docs" / "reference").glob("*.md"))


def told() -> dict[str, str]:
    """What the reference describes, by the last part of its name."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in REFERENCE)
    return {name.rpartition(".")[2]: name for name in re.findall(r"^::: (\S+)$", text, flags=re.MULTILINE)}


def test_every_public_name_is_in_the_reference() -> None:
    """Under the name by which it is imported, and described where it is made; the errors stand there together."""
    described = told()
    assert described.pop("errors") == "sodaf_migrate.errors"
    for name in set(sodaf_migrate.__all__) - {"__version__"}:
        home = sodaf_migrate._HOME_OF[name]
        assert home == "sodaf_migrate.errors" or described.get(name) == f"{home}.{name}", name


def test_the_reference_describes_what_is_there() -> None:
    """Each thing can be imported, and has a docstring."""
    for name in told().values():
        home, _, last = name.rpartition(".")
        thing = import_module(name) if last == "errors" else getattr(import_module(home), last)
        assert (thing.__doc__ or "").strip(), name


def test_every_page_has_its_place() -> None:
    """The site's table of contents names each page, and none that is gone."""
    named = set(re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("nav:")[2]))
    there = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    assert named == there


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built with every link between pages looked at; a warning would end it."""
    pytest.importorskip("mkdocs", reason="mkdocs is not installed")
    folder = tmp_path_factory.mktemp("built") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return folder


def test_the_reference_is_read_from_the_code(site: Path) -> None:
    """What stands there are the docstrings."""
    page = (site / "reference" / "applier.html").read_text(encoding="utf-8")
    assert "Bring one DocType" in page and "sync_all_doctypes" in page


class Page(HTMLParser):
    """The anchors, the links and the headings of a built page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: list[str] = []
        self.links: set[str] = set()
        self.headings: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One element."""
        found = dict(attrs)
        self.anchors += [found["id"] or ""] if "id" in found else []
        self.links |= {found["href"] or ""} if tag == "a" and "href" in found else set()
        self.headings += [tag] if re.fullmatch(r"h\d", tag) else []


def test_every_link_of_the_site_leads_somewhere(site: Path) -> None:
    """Also those that come from docstrings and tables of contents; each page has one title and no anchor twice."""
    pages = {path: Page(path) for path in site.rglob("*.html") if path.name != "404.html"}
    assert len(pages) > 20
    for path, page in pages.items():
        assert page.headings.count("h1") == 1, path.name
        assert len(page.anchors) == len(set(page.anchors)), path.name
        for link in page.links - {""}:
            name, _, anchor = unquote(link).partition("#")
            if re.match(r"[a-z]+:", link):
                continue
            target = (path.parent / name).resolve() if name else path
            assert target.exists(), f"{path.name}: {link}"
            assert not anchor or anchor in pages[target].anchors, f"{path.name}: {link}"
