"""Every block of every page is run, or checked, or says why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.guides.blocks import PAGES, ROOT, blocks_of
from tests.guides.session import WRITES, Session, agrees

#: Pages whose blocks are run by tests of their own.
ELSEWHERE = {
    "README.md": "tests/test_demo.py runs the demo, and its Python on the demo's site",
    "docs/testing.md": "tests/testing/test_guide.py runs the example as the test file that it is",
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_page_can_be_followed(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first block to the last, each does what the page says (SODAF_WRITE_GOLDEN=1 writes what it printed)."""
    blocks = blocks_of(page)
    if str(page.relative_to(ROOT)) in ELSEWHERE:
        return
    session = Session(tmp_path, monkeypatch)
    for block in blocks:
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
