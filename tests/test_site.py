"""The site of the documents: the reference has every public name, and it is built without a warning."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

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


def test_the_site_is_built(tmp_path: Path) -> None:
    """With every link and anchor looked at, from docstrings that can be read; a warning would end it."""
    pytest.importorskip("mkdocs", reason="mkdocs is not installed")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    page = (tmp_path / "site" / "reference" / "applier.html").read_text(encoding="utf-8")
    assert "Bring one DocType" in page and "sync_all_doctypes" in page
