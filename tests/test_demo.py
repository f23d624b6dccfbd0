"""The demo runs from an empty folder to its end, and the README shows what it really prints."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
SHOWN = "$ sodaf-migrate dry-run Customer --no-sql\n"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The demo's site and everything that it printed."""
    site = tmp_path_factory.mktemp("demo") / "site"
    command = [sys.executable, str(ROOT / "docs" / "demo" / "demo.py"), str(site)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    done = subprocess.run(command, capture_output=True, encoding="utf-8", env=environment)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout[-2000:] + done.stderr
    return site, done.stdout


def test_it_ends_as_it_says(told: tuple[Path, str]) -> None:
    """Tables, some thousand rows, refusals, a record of it, and nothing left to do."""
    site, text = told
    assert text.count("$ sodaf-migrate ") >= 10
    assert "27 DocTypes in step, nothing to do" in text.rpartition("$ sodaf-migrate sync\n")[2]
    connection = sqlite3.connect(site / "site.db")
    try:
        assert connection.execute("SELECT count(*) FROM tabCustomer WHERE phone LIKE '+%'").fetchone() == (1200,)
        assert connection.execute("SELECT count(*) FROM tabCustomer WHERE email = ''").fetchone() == (0,)
        assert connection.execute("SELECT count(net_weight) FROM tabItem").fetchone() == (400,)
        assert connection.execute("SELECT count(*) FROM tabAddress WHERE postal_code LIKE '0%'").fetchone()[0] > 0
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    finally:
        connection.close()


def test_the_readme_shows_what_is_printed(told: tuple[Path, str]) -> None:
    """The dry run in the README is word for word the demo's (SODAF_WRITE_GOLDEN=1 puts it there)."""
    printed = SHOWN + told[1].partition(SHOWN)[2].partition("\n$ ")[0]
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition("```text\n")
    shown, _, after = rest.partition("```")
    if os.environ.get("SODAF_WRITE_GOLDEN") == "1":
        README.write_text(f"{before}```text\n{printed}```{after}", encoding="utf-8")
        shown = printed
    assert shown == printed


def test_the_readme_example_runs(
    told: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The Python of the README runs as it stands, on the demo's site."""
    code = README.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    monkeypatch.chdir(told[0])
    exec(compile(code, str(README), "exec"), {})
    assert capsys.readouterr().out.splitlines()[-1] == "unchanged None 0"
