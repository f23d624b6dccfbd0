"""Every block of every page is run, or checked, or says why not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.guides.blocks import PAGES, ROOT, blocks_of
from tests.guides.session import WRITES, Session, agrees


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_page_can_be_followed(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first block to the last, each does what the page says (SODAF_WRITE_GOLDEN=1 writes what it printed)."""
    session = Session(tmp_path, monkeypatch)
    for block in blocks_of(page):
        session.do(block)
    if WRITES:
        _write(page, session.written)


def _write(page: Path, outputs: dict[int, str]) -> None:
    lines = page.read_text(encoding="utf-8").splitlines(keepends=True)
    for line, text in sorted(outputs.items(), reverse=True):
        end = next(number for number in range(line - 1, len(lines)) if lines[number].strip() == "```")
        lines[line - 1 : end] = text.splitlines(keepends=True)
    page.write_text("".join(lines), encoding="utf-8")


def test_the_comparison_has_teeth() -> None:
    """Times and ids may differ, words and counts may not; three dots stand for lines alone."""
    assert agrees("2 rows, 30 ms  20261121T080029127860Z-b227af1b\n", "2 rows, 4.5 ms 20250101T000000000000Z-00000000")
    assert not agrees("2 rows, 30 ms\n", "3 rows, 30 ms\n")
    assert agrees("first\n…\nlast\n", "first\nsecond\nthird\nlast\n")
    assert not agrees("first\n…\nlast\n", "first\nsecond\nthird\n")


#: A page's text, and the words of the failure that it has to end with.
BROKEN = {
    "python that fails": ("```python\n1 / 0\n```", "ZeroDivisionError"),
    "python that does not raise": ("<!-- raises KeyError -->\n\n```python\n1\n```", "does not raise KeyError"),
    "another output": ("```python\nprint(1)\n```\n\n<!-- prints -->\n\n```text\n2\n```", "shows"),
    "a command that fails": ("```sh\nfalse\n```", "ends with 1, not 0"),
    "a command that should fail": ("<!-- ends with 1 -->\n\n```sh\ntrue\n```", "ends with 0, not 1"),
    "a session that shows something else": ("```console\n$ echo a\nb\n```", "printed\na"),
    "a definition that is none": ('```json\n{"fieldname": "a", "fieldtype": "Sort"}\n```', "Sort"),
    "a setting that is none": ('```toml\ndatabse = "a"\n```', "databse"),
    "no language": ("```\nsodaf-migrate sync\n```", "begins no block"),
    "words behind the language": ('```sh title="a"\ntrue\n```', "begins no block"),
    "another fence": ("~~~sh\ntrue\n~~~", "begins no block"),
    "a quoted fence": ("> ```sh\n> true\n> ```", "begins no block"),
    "not closed": ("```sh\ntrue", "is not closed"),
    "an unknown language": ("```perl\n1\n```", "nobody knows how to run"),
    "text that nothing holds": ("```text\n$ sodaf-migrate sync\n```", "nobody knows how to run"),
    "a note that is none": ("<!-- dont run: it is hard -->\n\n```sh\nfalse\n```", "no such note"),
    "a note with a wrong value": ("<!-- ends with one -->\n\n```sh\nfalse\n```", "no such note"),
    "no reason": ("<!-- not run: later -->\n\n```sh\nfalse\n```", "say why"),
    "a test that is not there": (
        "<!-- not run: tests/test_gone.py does it already -->\n\n```sh\nfalse\n```",
        "test_gone",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_block_is_found(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever could let a block go unseen fails instead."""
    text, words = BROKEN[name]
    page = tmp_path / "page.md"
    page.write_text(f"# A page\n\n{text}\n")
    monkeypatch.setattr("tests.guides.blocks.ROOT", tmp_path)
    monkeypatch.setattr("tests.guides.session.WRITES", False)
    with pytest.raises(Exception, match=re.escape(words)):
        session = Session(tmp_path, monkeypatch)
        for block in blocks_of(page):
            session.do(block)
