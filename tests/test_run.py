"""What watches over a run of the tests has teeth: skips, and lines that nobody ran."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.covered import WHOLE, shortfalls
from tests.skips import allowed, is_allowed

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(("mark", "ends"), [("skip(reason='later')", 1), ("xfail", 1), ("usefixtures()", 0)])
def test_a_skip_that_is_not_on_the_list_fails_the_run(tmp_path: Path, mark: str, ends: int) -> None:
    """A run with it ends with 1 and says which, and one without does not."""
    test = f"import pytest\n\n@pytest.mark.{mark}\ndef test_it():\n    assert {mark != 'xfail'}\n"
    (tmp_path / "test_it.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.skips", "-p", "no:cacheprovider", str(tmp_path)]
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == ends, done.stdout
    assert ("skips that are not in allowed_skips.txt" in done.stdout) == bool(ends)


def test_the_list_of_skips_is_of_today() -> None:
    """Each entry names a file that skips for that reason, and says why it may."""
    for file, message, reason in allowed():
        assert (ROOT / file).is_file() and len(reason.split()) > 3, file
        assert is_allowed(file, f"{message} and more") and not is_allowed("tests/other.py", message)
        text = (ROOT / file).read_text(encoding="utf-8")
        said = f'"{message}"' in text or 'skip(f"{error}")' in text
        assert said, f"{file} skips nothing with these words: {message}"


def test_lines_that_nobody_ran_fail_the_run() -> None:
    """Nine of ten lines suffice, but not where data is at stake; every such place is there."""
    assert shortfalls({"plan.py": (100, list(range(10))), "execute/room.py": (10, [])}) == []
    assert len(shortfalls({"plan.py": (100, list(range(11)))})) == 1
    (told,) = shortfalls({"plan.py": (1000, []), "backup/store.py": (10, [2, 3, 4, 7])})
    assert told == "backup/store.py has to be run whole; not run: 2-4, 7"
    for name in WHOLE:
        assert (ROOT / "sodaf_migrate" / name).exists(), name
